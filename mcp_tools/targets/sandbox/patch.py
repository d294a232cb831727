"""Patches: JSON Patch (RFC 6902), JSON Merge Patch (RFC 7386), and Kubernetes' strategic merge patch.

Source: the two RFCs, ``evanphx/json-patch`` for the words of its errors, and apimachinery's ``strategicpatch``. None
of them changes what it is given.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from mcp_tools.targets.sandbox import errors, schema
from mcp_tools.targets.sandbox import strategic as _strategic
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind

MAX_OPERATIONS = 10_000
_UNREADABLE = "error decoding patch: json: cannot unmarshal {} into Go value of type {}"


def printed(value: Any) -> str:
    """A value as Go prints it with ``%+v``: ``map[spec:map[replicas:3]]``."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{printed(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(printed, value))}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def refused(why: str) -> ApiError:
    """The patch led to something that cannot be decoded."""
    details = {"causes": [{"reason": "FieldValueInvalid", "message": why, "field": "patch"}]}
    return ApiError(422, f' "" is invalid: patch: {why}', details=details)


def unprocessable() -> ApiError:
    """The patch cannot be applied. Why is not said: the server's answer leaves json-patch's words out."""
    return ApiError(422, "the server rejected our request due to an error in our request", details={})


# -- JSON Patch --------------------------------------------------------------------------------------------------------


class _Failed(Exception):
    """An operation that cannot be made, in json-patch's words."""


_MISSING = "missing value"


def _number(part: str, *, wrap: bool = False) -> int:
    """The index that a part names."""
    sign = part[1:] if part[:1] in ("-", "+") else part
    if sign.isascii() and sign.isdigit():
        return int(part)
    why = f'strconv.Atoi: parsing "{part}": invalid syntax'
    raise _Failed(f"value was not a proper array index: '{part}': {why}" if wrap else why)


def _at(items: list[Any], part: str, *, more: int = 0) -> int:
    """The place that a part names in a list; negative ones count from the end, as json-patch lets them."""
    index, size = _number(part, wrap=bool(more)), len(items) + more
    if not -size <= index < size:
        raise _Failed(f"Unable to access invalid index: {index}: invalid index referenced")
    return index + size if index < 0 else index


def _get(owner: Any, part: str) -> Any:
    """What lies under a part; a field that is not there is null, as json-patch has it."""
    return owner.get(part) if isinstance(owner, dict) else owner[_at(owner, part)]


def _put(owner: Any, part: str, value: Any) -> None:
    if isinstance(owner, dict):
        owner[part] = value
    elif part == "-":
        owner.append(value)
    else:
        owner.insert(_at(owner, part, more=1), value)


def _take(owner: Any, part: str) -> None:
    if isinstance(owner, list):
        del owner[_at(owner, part)]
    elif part in owner:
        del owner[part]
    else:
        raise _Failed(f"Unable to remove nonexistent key: {part}: {_MISSING}")


def _find(doc: Any, pointer: str) -> tuple[Any, str] | None:
    """The object or list that holds the last part of a pointer; None where the way is missing."""
    parts = [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")]
    if len(parts) < 2:
        return None
    value = doc
    for part in parts[1:-1]:
        try:
            value = _get(value, part)
        except _Failed:
            return None
        if not isinstance(value, (dict, list)):
            return None
    return value, parts[-1]


def _within(about: str, do: Callable[..., Any], *args: Any) -> Any:
    try:
        return do(*args)
    except _Failed as error:
        raise _Failed(f"{about}: {error}") from None


def _pointer(operation: dict[str, Any], name: str) -> str:
    found = operation.get(name)
    if not isinstance(found, str):
        raise _Failed(f"{operation['op']} operation failed to decode {name}: {_MISSING}")
    return found


def _add(doc: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation, "path")
    place = _find(doc, path)
    if place is None:
        raise _Failed(f'add operation does not apply: doc is missing path: "{path}": {_MISSING}')
    _within(f"error in add for path: '{path}'", _put, *place, copy.deepcopy(operation.get("value")))
    return doc


def _remove(doc: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation, "path")
    place = _find(doc, path)
    if place is None:
        raise _Failed(f'remove operation does not apply: doc is missing path: "{path}": {_MISSING}')
    _within(f"error in remove for path: '{path}'", _take, *place)
    return doc


def _replace(doc: Any, operation: dict[str, Any]) -> Any:
    path, value = _pointer(operation, "path"), copy.deepcopy(operation.get("value"))
    if not path:
        if not isinstance(value, (dict, list)):
            raise _Failed("replace operation value must be object or array: %!w(<nil>)")
        return value
    place = _find(doc, path)
    if place is None:
        raise _Failed(f"replace operation does not apply: doc is missing path: {path}: {_MISSING}")
    owner, part = place
    if isinstance(owner, dict):
        owner[part] = value
        return doc
    try:
        owner[_at(owner, part)] = value
    except _Failed:
        raise _Failed(f"replace operation does not apply: doc is missing key: {path}: {_MISSING}") from None
    return doc


def _source(doc: Any, operation: dict[str, Any], source: str) -> tuple[Any, str]:
    place = _find(doc, source)
    if place is None:
        raise _Failed(f"{operation['op']} operation does not apply: doc is missing from path: {source}: {_MISSING}")
    return place


def _destination(doc: Any, operation: dict[str, Any]) -> tuple[Any, str]:
    path = _pointer(operation, "path")
    place = _find(doc, path)
    if place is None:
        said = f"{operation['op']} operation does not apply: doc is missing destination path"
        raise _Failed(f"{said}: {path}: {_MISSING}")
    return place


def _move(doc: Any, operation: dict[str, Any]) -> Any:
    owner, part = _source(doc, operation, _pointer(operation, "from"))
    about = f"error in move for path: '{part}'"
    value = _within(about, _get, owner, part)
    _within(about, _take, owner, part)
    _within(f"error in move for path: '{operation.get('path')}'", _put, *_destination(doc, operation), value)
    return doc


def _copy(doc: Any, operation: dict[str, Any]) -> Any:
    source = _pointer(operation, "from")
    value = _within(f"error in copy for from: '{source}'", _get, *_source(doc, operation, source))
    _within("error while adding value during copy", _put, *_destination(doc, operation), copy.deepcopy(value))
    return doc


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON: a bool is no number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _test(doc: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation, "path")
    found = doc
    if path:
        place = _find(doc, path)
        if place is None:
            raise _Failed(f"test operation does not apply: is missing path: {path}: {_MISSING}")
        found = _within(f"error in test for path: '{path}'", _get, *place)
    if not _same(found, operation.get("value")):
        raise _Failed(f"testing value {path} failed: test failed")
    return doc


_OPERATIONS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def json_patch(obj: Any, ops: Any) -> Any:
    """The object after the operations of a JSON Patch.

    As in the server: a field that is not there can be replaced, and ``add`` cannot name the whole document.

    Raises:
        ApiError: 400 where the body is no JSON Patch, 413 where it is too long, 422 where an operation does not apply.
    """
    if not isinstance(ops, list):
        what = {str: "string", dict: "object", bool: "bool"}.get(type(ops), "number")
        raise errors.bad_request(_UNREADABLE.format(what, "[]handlers.jsonPatchOp"))
    for operation in ops:
        if not isinstance(operation, dict):
            what = {str: "string", list: "array", bool: "bool"}.get(type(operation), "number")
            raise errors.bad_request(_UNREADABLE.format(what, "handlers.jsonPatchOp"))
    if len(ops) > MAX_OPERATIONS:
        raise ApiError(413, f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(ops)}")
    doc = copy.deepcopy(obj)
    try:
        for operation in ops:
            op = operation.get("op")
            operate = _OPERATIONS.get(op) if isinstance(op, str) else None
            if operate is None:
                raise _Failed(f"Unexpected kind: {op if isinstance(op, str) else 'unknown'}")
            doc = operate(doc, operation)
    except _Failed as error:
        raise unprocessable() from error
    return doc


# -- JSON Merge Patch --------------------------------------------------------------------------------------------------


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386's MergePatch(Target, Patch)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


def merge(obj: Any, patch: Any) -> Any:
    """The object after a JSON Merge Patch.

    Raises:
        ApiError: 400 where the patch is no object.
    """
    if not isinstance(patch, dict):
        what = {str: "string", list: "array", bool: "bool"}.get(type(patch), "number")
        raise errors.bad_request(_UNREADABLE.format(what, "map[string]interface {}"))
    return copy.deepcopy(merged(obj, patch))


def strategic(kind: Kind, obj: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The object after a strategic merge patch.

    Raises:
        ApiError: 400 or 422 with strategicpatch's words; 415 where the kind has no merge keys.
    """
    if schema.of(kind) is None:
        raise ApiError(
            415,
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )
    if not isinstance(patch, dict):
        raise errors.bad_request("json: cannot unmarshal array into Go value of type map[string]interface {}")
    return _strategic.merge(schema.root(kind), obj, patch)
