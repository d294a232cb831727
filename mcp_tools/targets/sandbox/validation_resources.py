"""Requests and limits of containers.

Source: ``ValidateContainerResourceRequirements`` of Kubernetes 1.33.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import Errors, Obj, Raw, each, invalid, not_found, required

STANDARD = ("cpu", "memory", "ephemeral-storage")
COUNTED = frozenset(
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
"""What a quota counts by its short name."""

QUOTA = COUNTED | {
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
}
KNOWN = QUOTA | {"storage"}
"""Names of resources that need no prefix."""


def printed_quantity(written: Any, *, said: bool = False) -> Raw:
    """A quantity as Go prints it with ``%#v``; ``said``: its text was asked for before, and is kept."""
    amount = quantity.parse(written)
    value, scale = amount.amount, 0
    while value.denominator != 1:
        value, scale = value * 10, scale - 1
    text = f'"{amount}"' if said else '""'
    return Raw(
        f"resource.Quantity{{i:resource.int64Amount{{value:{value}, scale:{scale}}}, "
        f'd:resource.infDecAmount{{Dec:(*inf.Dec)(nil)}}, s:{text}, Format:"{amount.format}"}}'
    )


def _resource_name(errors: Errors, name: str, path: str) -> None:
    shown = Raw(name)
    each(errors, path, shown, names.qualified(name))
    if "/" not in name:
        if name not in STANDARD and not name.startswith("hugepages-"):
            if name not in KNOWN:
                errors.append(invalid(path, shown, "must be a standard resource type or fully qualified"))
            errors.append(invalid(path, shown, "must be a standard resource for containers"))
    elif name.startswith("requests."):
        errors.append(invalid(path, shown, "doesn't follow extended resource name standard"))


def _amount(errors: Errors, name: str, written: Any, path: str) -> quantity.Quantity | None:
    amount = amount_of(errors, written, path)
    if amount is not None and amount.amount < 0:
        errors.append(invalid(path, str(amount), "must be greater than or equal to 0"))
    if amount is not None and "/" in name and amount.amount.denominator != 1:
        errors.append(invalid(path, str(amount), "must be an integer"))
    return amount


def amount_of(errors: Errors, written: Any, path: str) -> quantity.Quantity | None:
    """A quantity; decoding has refused what is none."""
    try:
        return quantity.parse(written)
    except ValueError as error:
        errors.append(invalid(path, str(written), str(error)))
        return None


def resources(errors: Errors, written: Obj, path: str, claims: set[Any]) -> None:
    """Requests and limits."""
    limits, requests = written.get("limits") or {}, written.get("requests") or {}
    most: dict[str, quantity.Quantity] = {}
    for name, value in limits.items():
        where = f"{path}.limits[{name}]"
        _resource_name(errors, name, where)
        amount = _amount(errors, name, value, where)
        if amount is not None:
            most[name] = amount
    for name, value in requests.items():
        where = f"{path}.requests[{name}]"
        _resource_name(errors, name, where)
        amount = _amount(errors, name, value, where)
        if amount is None:
            continue
        strict = "/" in name or name.startswith("hugepages-")
        limit = most.get(name)
        if limit is not None:
            if strict and amount != limit:
                said = f"must be equal to {name} limit of {limit}"
                errors.append(invalid(f"{path}.requests", str(amount), said))
            elif limit < amount:
                said = f"must be less than or equal to {name} limit of {limit}"
                errors.append(invalid(f"{path}.requests", str(amount), said))
        elif strict:
            errors.append(required(f"{path}.limits", "Limit must be set for non overcommitable resources"))
    for index, claim in enumerate(written.get("claims", ())):
        if claim.get("name") not in claims:
            errors.append(not_found(f"{path}.claims[{index}]", claim.get("name", "")))
