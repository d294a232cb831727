"""What goes over the wire: answers, which form of them a client asked for, bodies in JSON or YAML, the parts of a URL.

Source: the endpoint handlers of apiserver (``negotiation``, ``request.RequestInfo``).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from mcp_tools.targets.sandbox import errors, jsonbytes, kinds, protobuf
from mcp_tools.targets.sandbox.kinds import Kind

JSON = "application/json"
YAML = "application/yaml"
PATCHES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
BODY_LIMIT = 3 * 1024 * 1024
"""The limit of the API server for the body of a request."""


class Stream(Protocol):
    """A body that goes on: a watch, a log that is followed."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The parts of the body as they come."""

    def close(self) -> None:
        """End it soon: the client is gone, or the server stops."""


@dataclass
class Answer:
    """A whole response, or one that goes on (``stream``)."""

    code: int
    body: bytes = b""
    content_type: str = JSON
    headers: list[tuple[str, str]] = field(default_factory=list)
    stream: Stream | None = None


def dump(document: Any) -> bytes:
    """JSON as the API server writes it: no spaces, and a line's end."""
    return jsonbytes.encode(document) + b"\n"


def answer(document: Any, code: int = 200, warnings: list[str] | None = None) -> Answer:
    """A JSON document, with the warnings as headers."""
    return Answer(code, dump(document), headers=warning_headers(warnings or []))


def failure(error: errors.ApiError) -> Answer:
    """The ``Status`` of a refusal."""
    found = answer(error.status(), error.code)
    if error.retry_after is not None:
        found.headers.append(("Retry-After", str(error.retry_after)))
    return found


def warning_headers(texts: list[str]) -> list[tuple[str, str]]:
    """RFC 7234 Warning headers with code 299, as apimachinery's ``NewWarningHeader`` writes them."""
    found = []
    for text in dict.fromkeys(texts):
        clean = "".join(" " if ord(char) < 32 else char for char in text).replace("\\", "\\\\").replace('"', '\\"')
        found.append(("Warning", f'299 - "{clean}"'))
    return found


# -- what is asked for -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """The form of an answer: ``kind`` is empty for the object itself, or Table, PartialObjectMetadata(List), …"""

    kind: str = ""
    group: str = ""
    version: str = ""
    yaml: bool = False


def accepted(header: str) -> list[Form]:
    """The forms that an Accept header takes and that can be written, the best first.

    Raises:
        ApiError: 406, there is none.
    """
    found: list[tuple[float, int, Form]] = []
    for place, part in enumerate((header or "*/*").split(",")):
        media, *rest = (piece.strip() for piece in part.split(";"))
        given = dict(piece.partition("=")[::2] for piece in rest if "=" in piece)
        if media not in {JSON, YAML, "*/*", "application/*"}:
            continue
        try:
            weight = float(given.get("q", "1"))
        except ValueError:
            weight = 1.0
        form = Form(given.get("as", ""), given.get("g", ""), given.get("v", ""), media == YAML)
        found.append((-weight, place, form))
    if not found:
        message = f"only the following media types are accepted: {JSON}, {YAML}"
        raise errors.ApiError(406, message)
    return [form for _, _, form in sorted(found, key=lambda entry: entry[:2])]


def choose(header: str) -> Form:
    """The first form that resources can be given in: as it is, a Table, or its metadata alone."""
    for form in accepted(header):
        if not form.kind:
            return form
        known = form.kind in {"Table", "PartialObjectMetadata", "PartialObjectMetadataList"}
        if known and form.group == "meta.k8s.io" and form.version in {"v1", "v1beta1"}:
            return form
    raise errors.ApiError(406, f"only the following media types are accepted: {JSON}, {YAML}")


def in_form(found: Answer, form: Form) -> Answer:
    """The same answer in YAML, when that was asked for."""
    if form.yaml and found.stream is None and found.content_type == JSON:
        import yaml

        text = yaml.safe_dump(json.loads(found.body), sort_keys=False, allow_unicode=True)
        found.body, found.content_type = text.encode(), YAML
    return found


# -- bodies ----------------------------------------------------------------------------------------------------------


def decode(body: bytes, content_type: str, warnings: list[str], validation: str) -> Any:
    """The document in a body: JSON, or YAML.

    Keys that occur twice are told of as strict decoding does: the last one counts, with a warning or a refusal.

    Raises:
        ApiError: 415 for another media type, 400 when it is broken.
    """
    media = content_type.partition(";")[0].strip().lower() or JSON
    if media == YAML or media.endswith("+yaml"):
        return _yaml(body)
    if media == protobuf.MEDIA:
        try:
            return protobuf.decode(body)
        except protobuf.Broken as error:
            raise errors.bad_request(f"error decoding request body: {error}") from error
    if media != JSON and not media.endswith("+json"):
        known = f"{JSON}, {YAML}, {protobuf.MEDIA}"
        message = f"the body of the request was in an unknown format - accepted media types include: {known}"
        raise errors.ApiError(415, message)
    return _json(body, warnings, validation)


def _json(body: bytes, warnings: list[str], validation: str) -> Any:
    twice: list[str] = []

    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(entries)
        if len(made) != len(entries):
            seen: set[str] = set()
            for key, _ in entries:
                if key in seen:
                    twice.append(key)
                seen.add(key)
        return made

    try:
        found = json.loads(body, object_pairs_hook=pairs)
    except ValueError as error:
        raise errors.bad_request(f"error decoding request body: {error}") from error
    if b"\\ud" in body.lower():
        found = jsonbytes.whole(found)
    if twice and validation != "Ignore":
        said = ", ".join(f'duplicate field "{key}"' for key in dict.fromkeys(twice))
        if validation == "Strict":
            raise errors.bad_request(f"strict decoding error: {said}")
        warnings.extend(f'duplicate field "{key}"' for key in dict.fromkeys(twice))
    return found


def _yaml(body: bytes) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if body.lstrip()[:1] in {b"{", b"["}:
        try:
            return json.loads(body)
        except ValueError:
            pass
    try:
        found = yaml.load(body, Loader=loader)  # noqa: S506 (a safe loader, the C one where there is one)
    except yaml.YAMLError as error:
        raise errors.bad_request(f"error decoding YAML: {error}") from error
    try:
        return json.loads(json.dumps(found, default=str))
    except (TypeError, ValueError) as error:
        raise errors.bad_request(f"error decoding YAML: {error}") from error


# -- the URL ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """What a URL names: a collection (no ``name``), an object, or something below it."""

    kind: Kind
    namespace: str
    name: str
    subresource: str
    rest: str = ""


def place(path: str) -> Place | None:
    """The resource that a path names, or None when it is not the path of one.

    Raises:
        NotServed: no such group, version or resource is served.
    """
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not (len(rest) == 3 and rest[2] in {"status", "finalize"}):
        namespace, rest = rest[1], rest[2:]
    kind = kinds.at(group, version, rest[0])
    if kind is None or (namespace and not kind.namespaced):
        raise NotServed
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if kind.namespaced and name and not namespace:
        raise NotServed
    if subresource and subresource not in kind.subresources:
        raise NotServed
    return Place(kind, namespace, name, subresource, "/".join(rest[3:]))


class NotServed(Exception):
    """Nothing is served at that path; the API server says so in plain text."""


NOTHING_THERE = Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")


@dataclass(frozen=True)
class Incoming:
    """One HTTP request, read."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def one(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def flag(self, name: str) -> bool:
        """A boolean query parameter; there without a value means true."""
        values = self.query.get(name)
        return values is not None and values[0].lower() not in {"false", "0"}

    def number(self, name: str) -> int | None:
        """A whole number in the query.

        Raises:
            ApiError: 400, it is none.
        """
        text = self.one(name)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            message = f'strconv.ParseInt: parsing "{text}": invalid syntax'
            raise errors.bad_request(message) from None

    def header(self, name: str) -> str:
        """A header's value; empty when it is not there."""
        return self.headers.get(name, "")


def query_of(raw: bytes) -> dict[str, list[str]]:
    """The query string as lists of values."""
    return parse_qs(raw.decode("latin-1"), keep_blank_values=True) if raw else {}
