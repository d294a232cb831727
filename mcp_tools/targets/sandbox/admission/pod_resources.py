"""What a whole pod asks for and is limited to. Pure.

Source: ``component-helpers/resource`` of Kubernetes: init containers run one after the other, those with
``restartPolicy: Always`` stay beside the others; the overhead of the runtime comes on top.
"""

from __future__ import annotations

from typing import Any, Literal

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.quantity import Amounts

Field = Literal["requests", "limits"]


def _of(container: dict[str, Any], field: Field) -> Amounts:
    return quantity.amounts((container.get("resources") or {}).get(field))


def total(spec: dict[str, Any], field: Field) -> Amounts:
    """The sum for the pod."""
    found: Amounts = {}
    for container in spec.get("containers") or ():
        found = quantity.add(found, _of(container, field))
    beside: Amounts = {}
    first: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _of(container, field)
        if container.get("restartPolicy") == "Always":
            found = quantity.add(found, own)
            beside = quantity.add(beside, own)
            own = beside
        else:
            own = quantity.add(own, beside)
        first = quantity.largest(first, own)
    found = quantity.largest(found, first)
    whole = quantity.amounts((spec.get("resources") or {}).get(field))
    found = {**found, **whole}
    overhead = quantity.amounts(spec.get("overhead"))
    if field == "limits":
        # A pod without a limit stays without one.
        overhead = {name: value for name, value in overhead.items() if name in found}
    return quantity.add(found, overhead)
