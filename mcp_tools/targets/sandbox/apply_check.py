"""Whether what is applied is of its type, in the words of structured-merge-diff."""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import fieldset, schema
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.schema import Field

_NUMBERS = (schema.INT32, schema.INT64, schema.DOUBLE)


def check(kind: Kind, root: Field, applied: dict[str, Any]) -> None:
    """Refuse fields that the type does not have, values of other types, items without their keys or doubled.

    Raises:
        ApiError: 500, as the server has it.
    """
    mistakes: list[str] = []
    _check(root, applied, "", mistakes)
    if not mistakes:
        return
    said = mistakes[0] if len(mistakes) == 1 else "errors:\n" + "\n".join(f"  {mistake}" for mistake in mistakes)
    metadata = applied.get("metadata") or {}
    version = f"{kind.group}/{kind.version}" if kind.group else f"/{kind.version}"
    place = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    raise ApiError(
        500, f"failed to create typed patch object ({place}; {version}, Kind={kind.kind}): {said}", reason=""
    )


def _printed(value: Any) -> str:
    if isinstance(value, dict):
        return "map"
    if isinstance(value, list):
        return "list"
    return "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"


def _in_go(value: Any) -> str:
    """A number or a truth value as Go writes it in its source."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _check(field: Field, value: Any, path: str, mistakes: list[str]) -> None:
    if value is None or field.form == schema.ANY:
        return
    if field.form in (schema.STRUCT, schema.MAP):
        if not isinstance(value, dict):
            mistakes.append(f"{path}: expected map, got &{{{value}}}")
            return
        for name, item in value.items():
            if field.form == schema.STRUCT and field is not schema.CUSTOM and name not in field.struct.fields:
                mistakes.append(f"{path}.{name}: field not declared in schema")
            else:
                _check(schema.below(field, name), item, f"{path}.{name}", mistakes)
    elif field.form == schema.LIST:
        if not isinstance(value, list):
            mistakes.append(f"{path}: expected list, got &{{{value}}}")
            return
        _items(field, value, path, mistakes)
    elif isinstance(value, (dict, list)):
        mistakes.append(f"{path}: expected scalar, got {_printed(value)}")
    elif field.form in _NUMBERS and (isinstance(value, bool) or not isinstance(value, (int, float))):
        mistakes.append(f"{path}: expected numeric (int or float), got {_printed(value)}")
    elif field.form in (schema.STRING, schema.BYTES, schema.TIME) and not isinstance(value, str):
        mistakes.append(f"{path}: expected string, got &value.valueUnstructured{{Value:{_in_go(value)}}}")
    elif field.form == schema.BOOL and not isinstance(value, bool):
        mistakes.append(f"{path}: expected boolean, got &{{{value}}}")


def _items(field: Field, items: list[Any], path: str, mistakes: list[str]) -> None:
    seen: set[str] = set()
    for index, item in enumerate(items):
        where = f"{path}[{index}]"
        if field.list_type == "map":
            missing = [key for key in field.keys if not isinstance(item, dict) or item.get(key) is None]
            missing = [key for key in missing if key != "protocol"]
            if missing:
                mistakes.append(
                    f"{path}: element {index}: associative list with keys has an element that omits key field "
                    f'"{missing[0]}" (and doesn\'t have default value)'
                )
                continue
        if field.list_type in ("map", "set"):
            name = fieldset.element(field, item)
            where = path + fieldset.step(name)
            if name in seen:
                mistakes.append(f"{path}: duplicate entries for key {fieldset.step(name)}")
                continue
            seen.add(name)
        _check(field.of, item, where, mistakes)
