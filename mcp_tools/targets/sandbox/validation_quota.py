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
    duplicate,
    each,
    forbidden,
    invalid,
)
from mcp_tools.targets.sandbox.validation_resources import amount_of

_QUOTA = frozenset(
    {
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "persistentvolumeclaims",
        "configmaps",
        "services.nodeports",
        "services.loadbalancers",
    }
)
_COUNTED = frozenset(
    {
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "persistentvolumeclaims",
        "configmaps",
        "services.nodeports",
        "services.loadbalancers",
    }
)
_SCOPES = ("BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating")


def resource_quota(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A ResourceQuota."""
    spec = obj.get("spec", {})
    for name, value in (spec.get("hard") or {}).items():
        where = f"spec.hard[{name}]"
        each(errors, where, name, names.qualified(name))
        if "/" not in name and name not in _QUOTA and not name.startswith(("hugepages-", "requests.hugepages-")):
            errors.append(invalid(where, name, "must be a standard resource type or fully qualified"))
            errors.append(invalid(where, name, "must be a standard resource for quota"))
        _whole(errors, name, value, where)
    for scope in spec.get("scopes") or ():
        if scope not in _SCOPES:
            errors.append(invalid("spec.scopes", spec["scopes"], "unsupported scope"))
            break
    if old is not None:
        before = old.get("spec", {})
        if sorted(spec.get("scopes") or ()) != sorted(before.get("scopes") or ()):
            errors.append(invalid("spec.scopes", spec.get("scopes") or [], "field is immutable"))


def _whole(errors: Errors, name: str, value: Any, path: str) -> None:
    amount = amount_of(errors, value, path)
    if amount is None:
        return
    if amount.amount < 0:
        errors.append(invalid(path, str(amount), NEGATIVE))
    if (name in _COUNTED or name.startswith("count/")) and amount.amount.denominator != 1:
        errors.append(invalid(path, str(amount), "must be an integer"))


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
    ("min", "max", "min", "min value {} is greater than max value {}"),
    ("defaultRequest", "max", "defaultRequest", "default request value {} is greater than max value {}"),
    ("default", "max", "default", "default value {} is greater than max value {}"),
    ("min", "default", "default", "min value {} is greater than default value {}"),
    ("min", "defaultRequest", "defaultRequest", "min value {} is greater than default request value {}"),
    ("defaultRequest", "default", "defaultRequest", "default request value {} is greater than default limit value {}"),
)


def _ordered(errors: Errors, item: Obj, path: str) -> None:
    for low, high, field, said in _ORDERED:
        for name, value in (item.get(low) or {}).items():
            other = (item.get(high) or {}).get(name)
            if other is None:
                continue
            where = f"{path}.{field}[{name}]"
            less, more = amount_of(errors, value, where), amount_of(errors, other, where)
            if less is not None and more is not None and more < less:
                errors.append(invalid(where, str(less if field == low else more), said.format(less, more)))
