"""Quotas and limit ranges.

Source: ``pkg/apis/core/validation`` of Kubernetes 1.33.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    NEGATIVE,
    Errors,
    Obj,
    Raw,
    duplicate,
    each,
    forbidden,
    invalid,
    quoted,
)
from mcp_tools.targets.sandbox.validation_resources import COUNTED, QUOTA, amount_of, printed_quantity

_OF_PODS = ("pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory")
"""What a quota with a scope can count; of pods without requests only their number."""

_SCOPES = ("BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating")


def resource_quota(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A ResourceQuota."""
    spec = obj.get("spec", {})
    for name, value in (spec.get("hard") or {}).items():
        where = f"spec.hard[{name}]"
        shown = Raw(name)
        each(errors, where, shown, names.qualified(name))
        if "/" not in name and name not in QUOTA and not name.startswith(("hugepages-", "requests.hugepages-")):
            errors.append(invalid(where, shown, "must be a standard resource type or fully qualified"))
            errors.append(invalid(where, shown, "must be a standard resource for quota"))
        _whole(errors, name, value, where)
    _scopes(errors, spec)
    if old is not None:
        before = old.get("spec", {})
        if sorted(spec.get("scopes") or ()) != sorted(before.get("scopes") or ()):
            errors.append(invalid("spec.scopes", spec.get("scopes") or [], "field is immutable"))


def _scopes(errors: Errors, spec: Obj) -> None:
    """The scopes of a quota, and that what it counts can have them."""
    scopes = spec.get("scopes") or []
    shown = Raw(f"[]core.ResourceQuotaScope{{{', '.join(quoted(scope) for scope in scopes)}}}")
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid("spec.scopes", shown, "unsupported scope"))
        counted = _OF_PODS[:1] if scope == "BestEffort" else _OF_PODS if scope in _SCOPES else ()
        for name in sorted(spec.get("hard") or ()):
            if name in QUOTA and name not in counted:
                errors.append(invalid("spec.scopes", shown, "unsupported scope applied to resource"))
    for pair in (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")):
        if set(pair) <= set(scopes):
            errors.append(invalid("spec.scopes", shown, "conflicting scopes"))


def _whole(errors: Errors, name: str, value: Any, path: str) -> None:
    amount = amount_of(errors, value, path)
    if amount is None:
        return
    if amount.amount < 0:
        errors.append(invalid(path, str(amount), NEGATIVE))
    if (name in COUNTED or name.startswith("count/")) and amount.amount.denominator != 1:
        errors.append(invalid(path, printed_quantity(value), "must be an integer"))


def limit_range(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A LimitRange: of each resource min <= defaultRequest <= default <= max."""
    seen = set()
    for index, item in enumerate(obj.get("spec", {}).get("limits") or ()):
        path, kind = f"spec.limits[{index}]", item.get("type", "")
        if kind in seen:
            errors.append(duplicate(f"{path}.type", kind))
        seen.add(kind)
        if kind == "Pod":
            for field in ("default", "defaultRequest"):
                if item.get(field):
                    errors.append(forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'"))
            continue
        _ordered(errors, item, path)


_ORDERED = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        "min value {} is greater than default request value {}",
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        "default request value {} is greater than max value {}",
    ),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "defaultRequest",
        "default request value {} is greater than default limit value {}",
    ),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)
"""The smaller and the larger one, where it is said, which of them is shown, and what is said."""


def _ordered(errors: Errors, item: Obj, path: str) -> None:
    names_ = dict.fromkeys(
        name for field in ("min", "max", "default", "defaultRequest") for name in item.get(field) or ()
    )
    for name in names_:
        for low, high, field, shown, said in _ORDERED:
            less, more = (item.get(low) or {}).get(name), (item.get(high) or {}).get(name)
            if less is None or more is None:
                continue
            where = f"{path}.{field}[{name}]"
            smaller, larger = amount_of(errors, less, where), amount_of(errors, more, where)
            if smaller is not None and larger is not None and larger < smaller:
                value = printed_quantity((item.get(shown) or {})[name], said=True)
                errors.append(invalid(where, value, said.format(smaller, larger)))
