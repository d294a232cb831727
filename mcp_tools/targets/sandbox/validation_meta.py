"""Metadata, labels and selectors.

Source: apimachinery's ``api/validation/objectmeta.go`` and ``apis/meta/v1/validation``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    each,
    forbidden,
    immutable,
    invalid,
    nonnegative,
    required,
    too_long,
)

ANNOTATIONS_SIZE = 256 * 1024
NameCheck = Callable[[str], Iterable[str]]
_STANDARD = ("kubernetes", "orphan", "foregroundDeletion")
_OWNED = ("apiVersion", "kind", "name", "uid")


def labels(errors: Errors, written: dict[str, str] | None, path: str) -> None:
    """Labels, or a plain map of them that selects."""
    for key, value in (written or {}).items():
        for message in names.qualified(key):
            errors.append(invalid(path, key, message))
        for message in names.label_value(value):
            errors.append(invalid(path, value, message))


def annotated(errors: Errors, written: dict[str, str] | None, path: str) -> None:
    """Annotations and their size."""
    total = 0
    for key, value in (written or {}).items():
        for message in names.qualified(key.lower()):
            errors.append(invalid(path, key, message))
        total += names.size(key) + names.size(value)
    if total > ANNOTATIONS_SIZE:
        errors.append(too_long(path, ANNOTATIONS_SIZE))


def selector(errors: Errors, written: Obj | None, path: str) -> None:
    """A label selector."""
    if not written:
        return
    labels(errors, written.get("matchLabels"), f"{path}.matchLabels")
    for index, rule in enumerate(written.get("matchExpressions", ())):
        where = f"{path}.matchExpressions[{index}]"
        operator = rule.get("operator", "")
        if operator in ("In", "NotIn"):
            if not rule.get("values"):
                errors.append(required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in ("Exists", "DoesNotExist"):
            if rule.get("values"):
                said = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                errors.append(forbidden(f"{where}.values", said))
        else:
            errors.append(invalid(f"{where}.operator", operator, "not a valid selector operator"))
        each(errors, f"{where}.key", rule.get("key", ""), names.qualified(rule.get("key", "")))
        for at, value in enumerate(rule.get("values") or ()):
            each(errors, f"{where}.values[{at}]", value, names.label_value(value))


def matches(written: Obj, of: dict[str, str]) -> bool:
    """Whether a label selector selects what has these labels."""
    if any(of.get(key) != value for key, value in written.get("matchLabels", {}).items()):
        return False
    for rule in written.get("matchExpressions", ()):
        key, operator = rule.get("key"), rule.get("operator")
        value, values = of.get(key), rule.get("values") or ()
        fits = {
            "In": value is not None and value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not fits.get(operator, False):
            return False
    return True


def is_empty(written: Obj | None) -> bool:
    """Whether a selector selects everything."""
    return not written or not (written.get("matchLabels") or written.get("matchExpressions"))


def _owners(errors: Errors, owners: list[Obj] | None, path: str) -> None:
    controller = ""
    for owner in owners or ():
        for field in _OWNED:
            if not owner.get(field):
                said = f"{'version' if field == 'apiVersion' else field} must not be empty"
                errors.append(invalid(f"{path}.{field}", owner.get(field, ""), said))
        if owner.get("controller"):
            name = f"{owner.get('kind', '')}/{owner.get('name', '')}"
            if controller:
                said = (
                    'Only one reference can have Controller set to true. Found "true" in references for '
                    f"{controller} and {name}"
                )
                errors.append(invalid(path, [], said))
            controller = controller or name


def _finalizers(errors: Errors, written: list[str] | None, path: str, custom: bool) -> None:
    found = written or []
    for name in found:
        each(errors, path, name, names.qualified(name))
    for index, name in enumerate(found):
        if not custom and "/" not in name and name not in _STANDARD:
            said = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid(f"{path}[{index}]", name, said))
    if "orphan" in found and "foregroundDeletion" in found:
        errors.append(invalid(path, found, "finalizer orphan and foregroundDeletion cannot be both set"))


def _common(errors: Errors, meta: Obj, path: str, custom: bool) -> None:
    nonnegative(errors, meta.get("generation"), f"{path}.generation")
    labels(errors, meta.get("labels"), f"{path}.labels")
    annotated(errors, meta.get("annotations"), f"{path}.annotations")
    if meta.get("ownerReferences"):
        _owners(errors, meta["ownerReferences"], f"{path}.ownerReferences")
    if meta.get("finalizers"):
        _finalizers(errors, meta["finalizers"], f"{path}.finalizers", custom)
    for index, entry in enumerate(meta.get("managedFields") or ()):
        if entry.get("operation") not in ("Apply", "Update"):
            said = "must be `Apply` or `Update`"
            errors.append(invalid(f"{path}.managedFields[{index}].operation", entry.get("operation", ""), said))


def created(
    errors: Errors, meta: Obj, namespaced: bool, name_check: NameCheck, path: str = "metadata", *, custom: bool = False
) -> None:
    """The metadata of a new object; of a custom one any name can be a finalizer's."""
    prefix, name = meta.get("generateName"), meta.get("name")
    if prefix:
        each(errors, f"{path}.generateName", prefix, name_check(names.masked(prefix)))
    if not name:
        errors.append(required(f"{path}.name", "name or generateName is required"))
    else:
        each(errors, f"{path}.name", name, name_check(name))
    namespace = meta.get("namespace")
    if namespaced:
        if not namespace:
            errors.append(required(f"{path}.namespace"))
        else:
            each(errors, f"{path}.namespace", namespace, names.label(namespace))
    elif namespace:
        errors.append(forbidden(f"{path}.namespace", "not allowed on this type"))
    _common(errors, meta, path, custom)


def updated(errors: Errors, new: Obj, old: Obj, path: str = "metadata", *, custom: bool = False) -> None:
    """The metadata of an object that is changed."""
    if old.get("deletionTimestamp"):
        extra = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if extra:
            listed = ", ".join(f'"{name}"' for name in extra)
            said = (
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                f"[]string{{{listed}}}"
            )
            errors.append(forbidden(f"{path}.finalizers", said))
    if new.get("generation", 0) < old.get("generation", 0):
        errors.append(invalid(f"{path}.generation", new.get("generation", 0), "must not be decremented"))
    for field in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        before: Any = old.get(field)
        immutable(errors, new.get(field, ""), "" if before is None else before, f"{path}.{field}")
    _common(errors, new, path, custom)
