"""The arithmetic of the HorizontalPodAutoscaler: from usage to replicas, and its limits. Pure.

Source: ``pkg/controller/podautoscaler/replica_calculator.go`` and ``horizontal.go`` of Kubernetes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.controllers import pods as podlib
from mcp_tools.targets.sandbox.controllers.common import condition, deleting, elapsed
from mcp_tools.targets.sandbox.store import Obj

TOLERANCE = 0.1
INITIALIZATION, READINESS_DELAY, WINDOW = 300.0, 30.0, 15.0
"""Seconds in which a new pod's CPU counts only when it is ready, in which it may become ready, of one sample."""


class NoMetric(Exception):
    """There is no usable figure; the text is that of the real one."""


@dataclass
class Groups:
    """The pods by what can be said of them."""

    ready: list[Obj] = field(default_factory=list)
    unready: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    used: dict[str, int] = field(default_factory=dict)


def requests(pods: Sequence[Obj], resource: str, container: str) -> dict[str, int]:
    """What each pod asks for, in thousandths.

    Raises:
        NoMetric: one asks for nothing.
    """
    found = {}
    for pod in pods:
        total = 0
        for each in pod["spec"]["containers"]:
            if container and each["name"] != container:
                continue
            asked = ((each.get("resources") or {}).get("requests") or {}).get(resource)
            if asked is None:
                name = pod["metadata"]["name"]
                raise NoMetric(f"missing request for {resource} in container {each['name']} of Pod {name}")
            total += quantity.parse(asked).milli
        found[pod["metadata"]["name"]] = total
    return found


def grouped(pods: Sequence[Obj], usage: Mapping[str, int], resource: str, clock: Clock) -> Groups:
    """Which pods count: those that start yet do not, nor those that end."""
    groups = Groups(used=dict(usage))
    for pod in pods:
        name = pod["metadata"]["name"]
        if deleting(pod) or podlib.phase(pod) == "Failed":
            groups.used.pop(name, None)
        elif podlib.phase(pod) == "Pending":
            groups.unready.add(name)
        elif name not in usage:
            groups.missing.add(name)
        elif resource == "cpu" and _starting(pod, clock):
            groups.unready.add(name)
        else:
            groups.ready.append(pod)
    for name in groups.unready:
        groups.used.pop(name, None)
    return groups


def _starting(pod: Obj, clock: Clock) -> bool:
    status = pod.get("status") or {}
    ready, start = condition(status, "Ready"), status.get("startTime") or pod["metadata"].get("creationTimestamp")
    if ready is None or start is None:
        return True
    since = ready.get("lastTransitionTime") or start
    if elapsed(clock, start) < INITIALIZATION:
        return bool(ready["status"] == "False") or elapsed(clock, since) < WINDOW
    late = elapsed(clock, start) - elapsed(clock, since)
    return bool(ready["status"] == "False") and late < READINESS_DELAY


def proposed(current: int, groups: Groups, target: float, asked: Mapping[str, int]) -> tuple[int, float]:
    """The replicas for that target, and the ratio of usage to it. ``target``: percent of ``asked``, or thousandths.

    Raises:
        NoMetric: no pod counts.
    """
    if not groups.ready:
        raise NoMetric("did not receive metrics for targeted pods (pods might be unready)")
    ratio = _ratio(groups.used, target, asked)
    up_with_unready = bool(groups.unready) and ratio > 1
    if not up_with_unready and not groups.missing:
        if abs(1 - ratio) <= TOLERANCE:
            return current, ratio
        return math.ceil(round(ratio * len(groups.ready), 6)), ratio
    used = dict(groups.used)
    for name in groups.missing:
        # Missing ones are taken to use what makes the change smaller.
        full = asked[name] * max(100.0, target) / 100 if asked else target
        used[name] = int(full) if ratio < 1 else 0
    if up_with_unready:
        used |= dict.fromkeys(groups.unready, 0)
    again = _ratio(used, target, asked)
    if abs(1 - again) <= TOLERANCE or (ratio < 1 < again) or (again < 1 < ratio):
        return current, ratio
    size = math.ceil(round(again * len(used), 6))
    if (again < 1 and size > current) or (again > 1 and size < current):
        return current, ratio
    return size, ratio


def _ratio(used: Mapping[str, int], target: float, asked: Mapping[str, int]) -> float:
    if asked:
        total = sum(asked[name] for name in used)
        return int(sum(used.values()) * 100 / total) / target if total else 0.0
    return sum(used.values()) / len(used) / target if used else 0.0


def utilization(used: Mapping[str, int], asked: Mapping[str, int]) -> tuple[int, int]:
    """Percent of what is asked for, and the average in thousandths."""
    total = sum(asked[name] for name in used)
    return int(sum(used.values()) * 100 / total) if total else 0, sum(used.values()) // max(len(used), 1)


Said = tuple[str, str, str]
"""Status, reason and message of a condition."""
WITHIN: Said = ("False", "DesiredWithinRange", "the desired count is within the acceptable range")
TOO_FEW: Said = ("True", "TooFewReplicas", "the desired replica count is less than the minimum replica count")
TOO_MANY: Said = ("True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
UP_LIMIT: Said = (
    "True",
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
)
DOWN_LIMIT: Said = (
    "True",
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
)
MATCHES: Said = ("True", "ReadyForNewScale", "recommended size matches current size")
STABILIZED_DOWN: Said = (
    "True",
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
STABILIZED_UP: Said = (
    "True",
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)


def within(current: int, desired: int, least: int, most: int) -> tuple[int, Said]:
    """The size between the bounds, no more than twice the current one (or 4) at once."""
    limit = max(2 * current, 4)
    if desired < least:
        return least, TOO_FEW
    if desired > min(most, limit):
        return (limit, UP_LIMIT) if most > limit else (most, TOO_MANY)
    return desired, WITHIN


def policy_limit(rules: Obj, current: int, changed: Sequence[tuple[float, int]], now: float, *, up: bool) -> int:
    """How large, or how small, the policies let it become now. ``changed``: when, by how many pods."""
    select = rules.get("selectPolicy", "Max")
    if select == "Disabled":
        return current
    sizes = []
    for policy in rules.get("policies") or ():
        period = float(policy["periodSeconds"])
        done = sum(count for at, count in changed if now - at <= period)
        base, value = (current - done if up else current + done), int(policy["value"])
        if policy["type"] == "Pods":
            sizes.append(base + value if up else base - value)
        else:
            share = base * value / 100
            sizes.append(math.ceil(base + share) if up else math.floor(base - share))
    if not sizes:
        return current
    widest = max(sizes) if up else min(sizes)
    narrowest = min(sizes) if up else max(sizes)
    return widest if select == "Max" else narrowest
