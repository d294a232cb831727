"""Strategic merge: maps are merged, lists are merged by key where the type says so, and directives steer it.

Source: apimachinery's ``strategicpatch`` and the design "Preserve order in strategic merge patch".
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from mcp_tools.targets.sandbox import errors, schema
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.schema import Field

Map = dict[str, Any]
_PATCH = "$patch"
_RETAIN = "$retainKeys"
_DELETE_FROM = "$deleteFromPrimitiveList"
_ORDER = "$setElementOrder"


def _wrong(why: str) -> ApiError:
    """What the server has no better word for: an error without a reason."""
    return ApiError(500, why, reason="")


def _unkeyed(item: Map, key: str) -> ApiError:
    from mcp_tools.targets.sandbox import patch

    return _wrong(f"map: {patch.printed(item)} does not contain declared merge key: {key}")


def _bad_directive(directive: Any, item: Map) -> ApiError:
    from mcp_tools.targets.sandbox import patch

    return _wrong(f"unknown patch type: {directive} in map: {patch.printed(item)}")


def merge(field: Field, original: Map, patch: Map) -> Map:
    """The object after the patch; neither is changed.

    Raises:
        ApiError: the patch is not one.
    """
    return _merge(field, copy.deepcopy(original), copy.deepcopy(patch))


def _merge(field: Field, original: Map, patch: Map) -> Map:
    """Merge a map into another, which is changed and given back."""
    if _PATCH in patch:
        directive = patch[_PATCH]
        if directive == "replace":
            return {name: value for name, value in patch.items() if name != _PATCH}
        if directive == "delete":
            return {}
        if directive != "merge":
            raise _bad_directive(directive, patch)
        del patch[_PATCH]
    _retain(original, patch)
    _ordered(field, original, patch)
    for name, value in patch.items():
        removing = name.startswith(_DELETE_FROM)
        if removing:
            name = _after(name, _DELETE_FROM, "primitive list")
        if value is None:
            original.pop(name, None)
            continue
        if name not in original:
            if not removing:
                original[name] = _without_nulls(value)
            continue
        original[name] = _value(schema.below(field, name), original[name], value, removing)
    return original


def _value(field: Field, old: Any, new: Any, removing: bool) -> Any:
    """One field that both have."""
    if isinstance(old, dict) and isinstance(new, dict):
        return new if "replace" in field.strategies else _merge(field, old, new)
    if isinstance(old, list) and isinstance(new, list):
        if removing and "merge" in field.strategies:
            return [item for item in old if item not in new]
        return _lists(field, old, new) if "merge" in field.strategies else new
    return new


def _without_nulls(value: Any) -> Any:
    """A value that there was nothing to merge into: nulls say nothing in it, directives are unknown fields."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _after(name: str, prefix: str, what: str) -> str:
    """The field that a directive such as ``$setElementOrder/containers`` is for."""
    head, slash, rest = name.partition("/")
    if not slash or head != prefix:
        raise errors.bad_request(f"invalid patch format of {what}")
    return rest


def _retain(original: Map, patch: Map) -> None:
    """``$retainKeys``: of the original only these stay."""
    if _RETAIN not in patch:
        return
    retained = patch.pop(_RETAIN)
    if not isinstance(retained, list):
        raise errors.bad_request("invalid patch format of retainKeys")
    for name, value in patch.items():
        if value is not None and not name.startswith((_DELETE_FROM, _ORDER)) and name not in retained:
            raise errors.bad_request("invalid patch format of retainKeys")
    for name in [name for name in original if name not in retained]:
        del original[name]


def _lists(field: Field, original: list[Any], patch: list[Any]) -> list[Any]:
    """Merge two lists: scalars as a set, maps by their merge key; then put them in order."""
    if not original and not patch:
        return original
    types = {dict if isinstance(item, dict) else type(item) for item in (*original, *patch)}
    if list in types:
        from mcp_tools.targets.sandbox import patch as patches

        raise patches.unprocessable()
    if len(types) > 1:
        from mcp_tools.targets.sandbox import patch as patches

        raise _wrong(f"list element types are not identical: {patches.printed([original, patch])}")
    if dict not in types:
        merged = list(dict.fromkeys([*original, *patch]))
        return _in_order(merged, patch, original, _itself)
    key = field.merge_key
    if not key:
        raise _wrong("cannot merge lists without merge key for type struct")
    old, new = _special(original, patch, key)
    for item in new:
        if key not in item:
            raise _unkeyed(item, key)
        at = next((index for index, there in enumerate(old) if there.get(key) == item[key]), None)
        if at is None:
            old.append(_without_nulls(item))
        else:
            old[at] = _merge(field.of, old[at], item)
    return _in_order(old, new, original, _keyed(key))


def _special(original: list[Map], patch: list[Map], key: str) -> tuple[list[Map], list[Map]]:
    """Carry out the items with ``$patch``; what is left of the original and of the patch."""
    kept, replace, plain = list(original), False, []
    for item in patch:
        directive = item.get(_PATCH)
        if directive is None:
            plain.append(item)
        elif directive == "delete":
            if key not in item:
                raise _unkeyed(item, key)
            kept = [there for there in kept if there.get(key) != item[key]]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise _wrong("merging lists cannot yet be specified in the patch")
        else:
            raise _bad_directive(directive, item)
    return ([_without_nulls(item) for item in plain], []) if replace else (kept, plain)


# -- order -------------------------------------------------------------------------------------------------------------

_Name = Callable[[Any], Any]


def _itself(item: Any) -> Any:
    return item


def _keyed(key: str) -> _Name:
    def name(item: Any) -> Any:
        if not isinstance(item, dict):
            return item
        if key not in item:
            raise _unkeyed(item, key)
        value = item[key]
        return value if not isinstance(value, (dict, list)) else str(value)

    return name


def _in_order(merged: list[Any], wanted: list[Any], live: list[Any], name: _Name) -> list[Any]:
    """Items of the patch in its order, the others where they stood relative to their neighbours in the live list."""
    places = {name(item): index for index, item in reversed(list(enumerate(wanted)))}
    lived = {name(item): index for index, item in reversed(list(enumerate(live)))}
    asked = sorted((item for item in merged if name(item) in places), key=lambda item: places[name(item)])
    others = [item for item in merged if name(item) not in places]
    others.sort(key=lambda item: lived.get(name(item), len(live)))
    found: list[Any] = []
    left, right = 0, 0
    # The item of the patch goes first unless both were live and the other one stood before it.
    while left < len(asked) and right < len(others):
        mine, its = lived.get(name(asked[left]), -1), lived.get(name(others[right]), -1)
        if mine >= 0 and its >= 0 and its < mine:
            found.append(others[right])
            right += 1
        else:
            found.append(asked[left])
            left += 1
    return found + asked[left:] + others[right:]


def _ordered(field: Field, original: Map, patch: Map) -> None:
    """Merge the lists that ``$setElementOrder`` is given for, and take them out of the patch."""
    for directive in [name for name in patch if name.startswith(_ORDER)]:
        order = patch.pop(directive)
        if not isinstance(order, list):
            raise _wrong("expected a []interface {}, but received a " + type(order).__name__)
        name = _after(directive, _ORDER, "setElementOrder list")
        below = schema.below(field, name)
        old, new = original.get(name), patch.get(name)
        if not isinstance(old or [], list) or not isinstance(new or [], list):
            raise _wrong("expected a []interface {}, but received a map[string]interface {}")
        named = _keyed(below.merge_key) if below.merge_key else _itself
        _agree(new or [], order, named)
        if name not in original and name not in patch:
            continue
        if name in patch:
            patch.pop(name)
            if name in original and "merge" in below.strategies:
                merged = _lists(below, old or [], new or [])
            else:
                merged = _without_nulls(new or [])
        else:
            merged = old or []
        original[name] = _in_order(merged, order, old or [], named)


def _agree(patch: list[Any], order: list[Any], named: _Name) -> None:
    """What is patched must be in the order that is asked for, and in that order."""
    from mcp_tools.targets.sandbox import patch as patches

    if not patch or not order:
        return
    rest = iter([named(item) for item in order])
    for item in patch:
        if isinstance(item, dict) and _PATCH in item:
            continue
        if not any(named(item) == there for there in rest):
            raise _wrong(
                f"The order in patch list:\n{patches.printed(patch)}\n doesn't match {_ORDER} list:\n"
                f"{patches.printed(order)}\n"
            )
