"""What the workload controllers ask of pods, and how they make them from a template.

Source: ``pkg/controller/controller_utils.go`` and ``pkg/api/v1/pod``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mcp_tools.targets.sandbox.clock import Clock, parse
from mcp_tools.targets.sandbox.controllers.common import condition, deleting, elapsed, owner_reference
from mcp_tools.targets.sandbox.store import Obj, copy

PODS = "pods"


def phase(pod: Obj) -> str:
    """Its phase; Pending when the kubelet has not said any."""
    found: str = (pod.get("status") or {}).get("phase") or "Pending"
    return found


def finished(pod: Obj) -> bool:
    """Whether all of it has ended, well or not."""
    return phase(pod) in ("Succeeded", "Failed")


def active(pod: Obj) -> bool:
    """Whether it counts as a replica: not finished, not being deleted."""
    return not finished(pod) and not deleting(pod)


def ready(pod: Obj) -> bool:
    """Whether its Ready condition is True."""
    found = condition(pod.get("status") or {}, "Ready")
    return found is not None and found["status"] == "True"


def ready_since(pod: Obj) -> float:
    """When it became ready; infinity when it is not."""
    found = condition(pod.get("status") or {}, "Ready")
    if found is None or found["status"] != "True" or not found.get("lastTransitionTime"):
        return math.inf
    return parse(found["lastTransitionTime"])


def until_available(pod: Obj, min_ready: int, clock: Clock) -> float:
    """In how many seconds it will have been ready for that long: 0 when it has been, infinity when it is not ready."""
    if not ready(pod):
        return math.inf
    if not min_ready:
        return 0.0
    stamp = (condition(pod["status"], "Ready") or {}).get("lastTransitionTime")
    return max(min_ready - elapsed(clock, stamp, pod["metadata"]["uid"]), 0.0) if stamp else math.inf


def available(pod: Obj, min_ready: int, clock: Clock) -> bool:
    """Whether it has been ready for that many seconds."""
    return until_available(pod, min_ready, clock) == 0


def restarts(pod: Obj) -> int:
    """How often the most restarted container was restarted."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((found.get("restartCount", 0) for found in statuses), default=0)


def from_template(template: Obj, owner: Obj, prefix: str) -> Obj:
    """A pod as the template says, owned by ``owner``; the API completes its name."""
    given = template.get("metadata") or {}
    meta: dict[str, Any] = {"generateName": prefix, "namespace": owner["metadata"]["namespace"]}
    for field in ("labels", "annotations", "finalizers"):
        if given.get(field):
            meta[field] = given[field]
    meta["ownerReferences"] = [owner_reference(owner)]
    return copy({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})


def prefix_of(name: str) -> str:
    """What the names of its pods begin with."""
    return f"{name}-"


def rank(pods: Sequence[Obj], related: Sequence[Obj], now: float) -> list[Obj]:
    """The pods in the order in which a ReplicaSet deletes them: the least useful first."""
    crowd: dict[str, int] = {}
    for pod in related:
        node = pod["spec"].get("nodeName", "")
        if node and active(pod):
            crowd[node] = crowd.get(node, 0) + 1

    def usefulness(pod: Obj) -> tuple[Any, ...]:
        node = pod["spec"].get("nodeName", "")
        since = ready_since(pod)
        created = parse(pod["metadata"]["creationTimestamp"])
        # Ages are compared by their order of magnitude: LogarithmicScaleDown.
        return (
            bool(node),
            {"Pending": 0, "Unknown": 1}.get(phase(pod), 2),
            ready(pod),
            _cost(pod),
            -crowd.get(node, 0),
            _magnitude(now - since) if ready(pod) else 0,
            -restarts(pod),
            _magnitude(now - created),
            pod["metadata"]["uid"],
        )

    return sorted(pods, key=usefulness)


def _cost(pod: Obj) -> int:
    written = (pod["metadata"].get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")
    try:
        return int(written)
    except ValueError:
        return 0


def _magnitude(seconds: float) -> int:
    return int(math.log2(seconds)) if seconds >= 1 else 0
