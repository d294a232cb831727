"""Lists in pages: a later page shows the state of the first one, as long as the changes since are known.

Source: apiserver's ``storage/continue.go`` and the list of the etcd storage.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from mcp_tools.targets.sandbox import errors, selectors
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Page
from mcp_tools.targets.sandbox.store import Gone, Obj, Store

EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def _token(version: int, start: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_INVALID = "invalid continue token: continue key is not valid"


def _decoded(token: str) -> Any:
    """What a token holds; the refusals are those of Go's decoders."""
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        wrong = re.search(r"[^A-Za-z0-9_-]", token)
        raise ValueError(f"illegal base64 data at input byte {wrong.start() if wrong else len(token) - 1}") from None
    try:
        return json.loads(text)
    except ValueError:
        if not text:
            raise ValueError("unexpected end of JSON input") from None
        first = chr(text[0])
        shown = first if first.isprintable() and text[0] < 0x80 else f"\\u{text[0]:04x}"
        raise ValueError(f"invalid character '{shown}' looking for beginning of value") from None


def _read(token: str) -> tuple[int, str]:
    try:
        data = _decoded(token)
        if data["v"] != "meta.k8s.io/v1":
            raise errors.bad_request(f'{_INVALID}: server does not recognize this encoded version "{data["v"]}"')
        return int(data["rv"]), str(data["start"])
    except (ValueError, KeyError, TypeError) as error:
        raise errors.bad_request(f"{_INVALID}: {error}") from None


def _place(obj: Obj) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _key(obj: Obj, namespace: str | None) -> str:
    """Where the object lies below the path that is listed."""
    place = _place(obj)
    return "/".join(place) if namespace is None and place[0] else place[1]


def _start(key: str, namespace: str | None) -> tuple[str, str]:
    """The place that a token's key names. The zero byte at its end makes it the first one after that object."""
    first, _, second = key.rpartition("/")
    return (first if namespace is None else namespace), second


def _expired(start: str) -> ApiError:
    return ApiError(410, EXPIRED, continue_token=_token(-1, start))


def _as_of(store: Store, kind: Kind, namespace: str | None, version: int) -> list[Obj]:
    """The objects as they were at that version.

    Raises:
        Gone: the changes since are not known any more.
    """
    current = store.select(kind.key, namespace)
    changes = store.since(version, kind.key)
    if not changes:
        return current
    found = {_place(obj): obj for obj in current}
    for change in reversed(changes):
        place = (change.ref.namespace, change.ref.name)
        if namespace is not None and change.ref.namespace != namespace:
            continue
        if change.old is None:
            found.pop(place, None)
        else:
            found[place] = change.old
    return [found[place] for place in sorted(found)]


def _asked_version(store: Store, resource_version: str) -> int:
    try:
        asked = int(resource_version or "0")
    except ValueError:
        why = f'strconv.ParseUint: parsing "{resource_version}": invalid syntax'
        raise errors.bad_request(
            f'invalid resource version: resourceVersion: Invalid value: "{resource_version}": {why}'
        ) from None
    if asked > store.version:
        raise ApiError(
            504,
            f"Timeout: Too large resource version: {asked}, current: {store.version}",
            details={"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]},
            retry_after=1,
        )
    return asked


def select(
    store: Store,
    kind: Kind,
    namespace: str | None,
    *,
    label_selector: str = "",
    field_selector: str = "",
    limit: int = 0,
    continue_token: str = "",
    resource_version: str = "",
    exact: bool = False,
) -> Page:
    """The objects that are selected, ``limit`` of them, from where ``continue_token`` says.

    Raises:
        ApiError: 400, a selector or token cannot be read; 410, the token is too old; 504, a version of the future.
    """
    matches = selectors.matcher(kind, label_selector, field_selector)
    version, start = store.version, ""
    if continue_token:
        if resource_version not in ("", "0"):
            raise errors.bad_request("specifying resource version is not allowed when using continue")
        version, start = _read(continue_token)
        version = store.version if version == -1 else version
    else:
        asked = _asked_version(store, resource_version)
        if resource_version == "0":
            # Any state will do: the watch cache answers, and it gives the whole list.
            limit = 0
        version = asked if exact and asked else version
    try:
        found = (
            _as_of(store, kind, namespace, version) if version < store.version else store.select(kind.key, namespace)
        )
    except Gone:
        if not continue_token:
            raise ApiError(410, f"The resourceVersion for the provided list is too old: {version}") from None
        raise _expired(start) from None
    if start:
        first = _start(start, namespace if kind.namespaced else None)
        found = [obj for obj in found if _place(obj) >= first]
    if matches is not None:
        found = [obj for obj in found if matches(obj)]
    if not limit or len(found) <= limit:
        return Page(found, str(version))
    page = found[:limit]
    remaining = len(found) - limit if matches is None else None
    return Page(page, str(version), _token(version, _key(page[-1], namespace) + "\0"), remaining)
