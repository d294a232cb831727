"""Mistakes in fields, worded as apimachinery's ``field.Error`` of Kubernetes 1.33 words them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mcp_tools.targets.sandbox.errors import FieldError

Obj = dict[str, Any]
Errors = list[FieldError]
IMMUTABLE = "field is immutable"
NEGATIVE = "must be greater than or equal to 0"
POSITIVE = "must be greater than zero"


class Raw(str):
    """Text that stands for a value as Go prints it with ``%#v``."""

    __slots__ = ()


def quoted(text: str) -> str:
    """A string as Go prints it with ``%q``."""
    return json.dumps(text, ensure_ascii=False)


def shown(value: Any) -> str:
    """A bad value, as it is shown."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return '"null"'
    if isinstance(value, dict):
        return strings(value)
    if isinstance(value, list):
        return f"[]string{{{', '.join(shown(item) for item in value)}}}"
    return str(value)


def strings(value: dict[str, Any] | None) -> Raw:
    """A map of strings as Go prints it with ``%#v``."""
    if value is None:
        return Raw("map[string]string(nil)")
    return Raw(f"map[string]string{{{', '.join(f'{quoted(key)}:{shown(value[key])}' for key in sorted(value))}}}")


def label_selector(selector: Obj | None) -> Raw:
    """A label selector as Go prints it with ``%#v``."""
    if selector is None:
        return Raw('"null"')
    expressions = selector.get("matchExpressions")
    printed = "[]v1.LabelSelectorRequirement(nil)"
    if expressions:
        parts = []
        for each in expressions:
            values = each.get("values")
            listed = "[]string(nil)" if values is None else shown(list(values))
            key, operator = quoted(each.get("key", "")), quoted(each.get("operator", ""))
            parts.append(f"v1.LabelSelectorRequirement{{Key:{key}, Operator:{operator}, Values:{listed}}}")
        printed = f"[]v1.LabelSelectorRequirement{{{', '.join(parts)}}}"
    labels = strings(selector.get("matchLabels"))
    return Raw(f"v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:{printed}}}")


def int_or_string(value: Any) -> Raw:
    """A number or a text as Go prints an ``IntOrString`` with ``%#v``."""
    text = isinstance(value, str)
    number, string = (0, value) if text else (value or 0, "")
    return Raw(f"intstr.IntOrString{{Type:{int(text)}, IntVal:{number}, StrVal:{quoted(string)}}}")


def pointer(kind: str, value: Any) -> str:
    """A pointer as Go prints it with ``%#v``; where it points to means nothing."""
    return f"(*{kind})(nil)" if value is None else f"(*{kind})(0x{0xC000000000 + id(value) % 0xFFFFFF0:x})"


def _said(kind: str, value: Any, detail: str) -> str:
    return f"{kind}: {shown(value)}{f': {detail}' if detail else ''}"


def required(path: str, detail: str = "") -> FieldError:
    """There must be a value."""
    return FieldError(path, "FieldValueRequired", f"Required value{f': {detail}' if detail else ''}")


def invalid(path: str, value: Any, detail: str) -> FieldError:
    """The value is not one."""
    return FieldError(path, "FieldValueInvalid", _said("Invalid value", value, detail))


def unsupported(path: str, value: Any, allowed: Iterable[str]) -> FieldError:
    """The value is none of those."""
    listed = ", ".join(quoted(item) for item in allowed)
    return FieldError(path, "FieldValueNotSupported", _said("Unsupported value", value, f"supported values: {listed}"))


def forbidden(path: str, detail: str) -> FieldError:
    """There must be no value, or not this change."""
    return FieldError(path, "FieldValueForbidden", f"Forbidden: {detail}")


def duplicate(path: str, value: Any) -> FieldError:
    """The value is there already."""
    return FieldError(path, "FieldValueDuplicate", _said("Duplicate value", value, ""))


def not_found(path: str, value: Any) -> FieldError:
    """Nothing has that name."""
    return FieldError(path, "FieldValueNotFound", _said("Not found", value, ""))


def too_long(path: str, most: int) -> FieldError:
    """The value has too many bytes."""
    unit = "byte" if most == 1 else "bytes"
    return FieldError(path, "FieldValueTooLong", f"Too long: may not be more than {most} {unit}")


def too_many(path: str, count: int, most: int) -> FieldError:
    """The list has too many items."""
    return FieldError(path, "FieldValueTooMany", f"Too many: {count}: must have at most {most} items")


def nonnegative(errors: Errors, value: Any, path: str) -> None:
    """A number that is not below zero."""
    if isinstance(value, int) and value < 0:
        errors.append(invalid(path, value, NEGATIVE))


def each(errors: Errors, path: str, value: Any, messages: Iterable[str]) -> None:
    """One mistake for each message about the value."""
    for message in messages:
        errors.append(invalid(path, value, message))


def immutable(errors: Errors, new: Any, old: Any, path: str, value: Any = None) -> None:
    """The field must not change; ``value`` shows the new one where it is not as it is written."""
    if new != old:
        errors.append(invalid(path, new if value is None else value, IMMUTABLE))


def descending(errors: Errors, written: str, path: str) -> None:
    """A path below another one."""
    if written.startswith("/"):
        errors.append(invalid(path, written, "must be a relative path"))
    if ".." in written.split("/"):
        errors.append(invalid(path, written, "must not contain '..'"))
