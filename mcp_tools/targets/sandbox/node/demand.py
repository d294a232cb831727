"""What a pod asks of a node."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.store import Obj


@dataclass(frozen=True)
class Demand:
    """Amounts by resource: processors in thousandths, everything else in units. ``ports``: protocol, address, port."""

    amounts: dict[str, int] = field(default_factory=dict)
    ports: frozenset[tuple[str, str, int]] = frozenset()


@functools.lru_cache(maxsize=8192)
def amount(name: str, written: str) -> int:
    """The amount in the unit that it is counted in."""
    found = quantity.parse(written)
    return found.milli if name == "cpu" else found.value


def _requests(box: Obj) -> dict[str, int]:
    resources = box.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    return {name: amount(name, str(value)) for name, value in {**limits, **requests}.items()}


def demand_of(pod: Obj) -> Demand:
    """What the pod asks for: the sum of its containers, or what its init containers need at once if that is more."""
    spec = pod["spec"]
    total: dict[str, int] = {}
    for box in spec.get("containers") or ():
        for name, value in _requests(box).items():
            total[name] = total.get(name, 0) + value
    if spec.get("initContainers"):
        _with_init(spec["initContainers"], total)
    whole = (spec.get("resources") or {}).get("requests") or {}
    total |= {name: amount(name, str(value)) for name, value in whole.items()}
    for name, value in (spec.get("overhead") or {}).items():
        total[name] = total.get(name, 0) + amount(name, str(value))
    ports = frozenset(
        (port.get("protocol", "TCP"), port.get("hostIP") or "0.0.0.0", int(port["hostPort"]))  # noqa: S104
        for box in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
        for port in box.get("ports") or ()
        if port.get("hostPort")
    )
    return Demand(total, ports)


def _with_init(boxes: list[Obj], total: dict[str, int]) -> None:
    """Those that stay add up; one that ends needs its own beside those that stay already."""
    staying: dict[str, int] = {}
    peak: dict[str, int] = {}
    for box in boxes:
        asked = _requests(box)
        if box.get("restartPolicy") == "Always":
            for name, value in asked.items():
                staying[name] = staying.get(name, 0) + value
                total[name] = total.get(name, 0) + value
            asked = {}
        for name in {*asked, *staying}:
            peak[name] = max(peak.get(name, 0), asked.get(name, 0) + staying.get(name, 0))
    for name, value in peak.items():
        total[name] = max(total.get(name, 0), value)
