"""Reading the body of a request: JSON, YAML or protobuf, and the words in which Go says that it cannot be read.

Source: the serializers of apimachinery, ``transformDecodeError`` and the patch handlers of apiserver, Go's decoder.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from mcp_tools.targets.sandbox import decoding, errors, jsonbytes, protobuf
from mcp_tools.targets.sandbox.wire import JSON, YAML

_SHOWN = 30
"""Bytes of a body that a refusal shows."""


def decode(body: bytes, content_type: str, kind: str) -> Any:
    """The document in a body that should hold an object of a kind. Fields named twice are marked.

    Raises:
        ApiError: 415 for another media type, 400 when it is broken.
    """
    media = content_type.partition(";")[0].strip().lower() or JSON
    if media == YAML or media.endswith("+yaml"):
        try:
            return _yaml(body)
        except ValueError as error:
            raise _unrecognized(body, kind, str(error)) from error
    if media == protobuf.MEDIA:
        try:
            return protobuf.decode(body)
        except protobuf.Broken as error:
            raise errors.bad_request(f"error decoding request body: {error}") from error
    if media != JSON and not media.endswith("+json"):
        known = f"{JSON}, {YAML}, {protobuf.MEDIA}"
        message = f"the body of the request was in an unknown format - accepted media types include: {known}"
        raise errors.ApiError(415, message)
    try:
        return _json(body)
    except ValueError as error:
        raise _unrecognized(body, kind, f"couldn't get version/kind; json parse error: {error}") from error


def patch(body: bytes, patch_type: str, warnings: list[str], validation: str) -> Any:
    """The patch in a body. Fields named twice are told of, but for an apply.

    Raises:
        ApiError: 400 when it is broken, or names a field twice where that is refused.
    """
    if patch_type == "apply":
        try:
            return _yaml(body)
        except ValueError as error:
            raise errors.bad_request(f"error decoding YAML: error converting YAML to JSON: {error}") from error
    try:
        found = _json(body)
    except ValueError as error:
        said = str(error) if patch_type == "strategic" else f"error decoding patch: {error}"
        raise errors.bad_request(said) from error
    twice = [f'duplicate field "{path}"' for path in decoding.doubled(found)]
    if twice and validation == "Strict":
        raise errors.bad_request(f"strict decoding error: {', '.join(twice)}")
    if validation == "Warn":
        warnings += twice
    return found


def _unrecognized(body: bytes, kind: str, why: str) -> errors.ApiError:
    shown = body[:_SHOWN]
    said = shown.decode("utf-8", "replace") if body.startswith(b"{") else shown.hex()
    said = (f"{said} ..." if len(body) > _SHOWN else said) or "<empty>"
    return errors.bad_request(f"the object provided is unrecognized (must be of type {kind}): {why} ({said})")


# -- JSON ------------------------------------------------------------------------------------------------------------


def _json(body: bytes) -> Any:
    """The document.

    Raises:
        ValueError: in the words of Go.
    """
    try:
        found = decoding.loads(body)
    except json.JSONDecodeError as error:
        raise ValueError(_in_go(error)) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"invalid character {_quoted(chr(body[error.start]))} in string literal") from error
    return jsonbytes.whole(found) if b"\\ud" in body.lower() else found


_PLACES = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
}


def _in_go(error: json.JSONDecodeError) -> str:
    """The mistake that Python found, as Go's scanner says it."""
    text, at = error.doc, error.pos
    while at < len(text) and text[at] in " \t\r\n" and error.msg.startswith(("Expecting", "Extra")):
        at += 1
    if at >= len(text) or error.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    if error.msg.startswith("Invalid \\escape"):
        at += 1
    where = next((words for start, words in _PLACES.items() if error.msg.startswith(start)), "")
    if not where:
        where = "after object key:value pair" if _in_object(text[:at]) else "after array element"
    return f"invalid character {_quoted(text[at : at + 1])} {where}"


def _in_object(before: str) -> bool:
    """Whether what is open at the end of this text is an object, and not an array."""
    open_, quoted, escaped = [], False, False
    for char in before:
        if quoted:
            quoted, escaped = escaped or char != '"', not escaped and char == "\\"
        elif char == '"':
            quoted = True
        elif char in "{[":
            open_.append(char)
        elif char in "}]" and open_:
            open_.pop()
    return open_[-1:] == ["{"]


def _quoted(char: str) -> str:
    """A character as Go quotes it in such a message."""
    special = {"'": "'\\''", '"': "'\"'", "\n": "'\\n'", "\t": "'\\t'", "\r": "'\\r'"}
    return special.get(char) or (f"'{char}'" if char.isprintable() else f"'\\x{ord(char):02x}'")


# -- YAML ------------------------------------------------------------------------------------------------------------


def _yaml(body: bytes) -> Any:
    """The document, which may be JSON too.

    Raises:
        ValueError: in the words of Go.
    """
    import yaml

    if body.lstrip()[:1] in {b"{", b"["}:
        try:
            return json.loads(body)
        except ValueError:
            pass
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = yaml.load(body, Loader=loader)  # noqa: S506 (a safe loader, the C one where there is one)
        return json.loads(json.dumps(found, default=str))
    except yaml.MarkedYAMLError as error:
        _yaml_in_go(error)
    except (yaml.YAMLError, TypeError) as error:
        raise ValueError(f"yaml: {error}") from error


def _yaml_in_go(error: Any) -> NoReturn:
    """The mistake in the words of go-yaml, which is made of the same library: it counts lines of the parser from 0."""
    from yaml.scanner import ScannerError

    mark = error.problem_mark or error.context_mark
    line = mark.line + isinstance(error, ScannerError) if mark is not None else 0
    raise ValueError(f"yaml: {f'line {line}: ' if line else ''}{error.problem}") from error
