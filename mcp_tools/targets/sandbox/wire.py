"""What goes over the wire: answers, which form of them a client asked for, the parts of a URL.

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


_NOT_ACCEPTABLE = errors.ApiError(
    406, f"406: Not Acceptable\n\nAvailable representations: {JSON}, {YAML}, {protobuf.MEDIA}", details={}
)


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
        raise _NOT_ACCEPTABLE
    return [form for _, _, form in sorted(found, key=lambda entry: entry[:2])]


def choose(header: str) -> Form:
    """The first form that resources can be given in: as it is, a Table, or its metadata alone."""
    for form in accepted(header):
        if not form.kind:
            return form
        known = form.kind in {"Table", "PartialObjectMetadata", "PartialObjectMetadataList"}
        if known and form.group == "meta.k8s.io" and form.version in {"v1", "v1beta1"}:
            return form
    raise _NOT_ACCEPTABLE


def in_form(found: Answer, form: Form) -> Answer:
    """The same answer in YAML, when that was asked for."""
    if form.yaml and found.stream is None and found.content_type == JSON:
        import yaml

        text = yaml.safe_dump(json.loads(found.body), sort_keys=False, allow_unicode=True)
        found.body, found.content_type = text.encode(), YAML
    return found


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
    """Nothing is served at that path."""


NOTHING_THERE = Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")


def nothing_at(path: str) -> Answer:
    """The 404 of a path: a Status below a group that is served, plain text elsewhere."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" or (parts[0] == "apis" and len(parts) > 1 and parts[1] in kinds.groups()):
        return failure(errors.ApiError(404, "the server could not find the requested resource", details={}))
    return NOTHING_THERE


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
