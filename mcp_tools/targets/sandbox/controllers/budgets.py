"""The disruption controller: how many pods of a budget may be evicted now.

Source: ``pkg/controller/disruption`` of Kubernetes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.controllers import pods as podlib
from mcp_tools.targets.sandbox.controllers.common import (
    Controller,
    condition,
    controller_of,
    deleting,
    elapsed,
    itself,
    labels_of,
    matches,
    ref_of,
)
from mcp_tools.targets.sandbox.controllers.rollout import replicas, scaled
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

KEY = "poddisruptionbudgets.policy"
SCALED = {
    "ReplicaSet": "replicasets.apps",
    "StatefulSet": "statefulsets.apps",
    "ReplicationController": "replicationcontrollers",
    "Deployment": "deployments.apps",
}
FORGET_AFTER = 120.0
"""Seconds after which a pod that was to be evicted, and is still there, counts again."""
UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {0}) were found to be unmanaged. As a result, the status of "
    "the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please "
    'set ".spec.minAvailable" field of the PDB to an integer value.'
)


class Budgets(Controller):
    """Counts healthy pods, and says how many disruptions that allows."""

    name = "controllermanager"
    account = "disruption-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {KEY: itself, podlib.PODS: self._of_pod, **dict.fromkeys(SCALED.values(), self._of_workload)}

    def _of_pod(self, change: Change) -> Iterator[Ref]:
        if change.old is not None and change.type == "MODIFIED":
            old, new = change.old, change.obj
            same = podlib.ready(old) == podlib.ready(new) and deleting(old) == deleting(new)
            if same and labels_of(old) == labels_of(new) and controller_of(old) == controller_of(new):
                return
        for budget in self.store.select(KEY, change.ref.namespace):
            selector = budget["spec"].get("selector")
            if any(matches(selector, labels_of(pod)) for pod in (change.obj, change.old) if pod is not None):
                yield ref_of(KEY, budget)

    def _of_workload(self, change: Change) -> Iterator[Ref]:
        """The number of pods that is expected has changed."""
        if change.type == "MODIFIED" and change.old is not None and replicas(change.old) == replicas(change.obj):
            return
        for budget in self.store.select(KEY, change.ref.namespace):
            yield ref_of(KEY, budget)

    def reconcile(self, ref: Ref) -> None:
        """Count, and say it."""
        budget = self.store.at(ref)
        if budget is None or deleting(budget):
            return
        selector = budget["spec"].get("selector")
        pods = [pod for pod in self.store.select(podlib.PODS, ref.namespace) if matches(selector, labels_of(pod))]
        if not pods:
            self.event(budget, "NoPods", "No matching pods found")
        try:
            expected, desired = self._expected(budget, pods)
        except _Unscalable as problem:
            text = f"Failed to calculate the number of expected pods: {problem}"
            self.event(budget, "CalculateExpectedPodCountFailed", text, type="Warning")
            self._fail(ref, budget, str(problem))
            return
        status = budget.get("status") or {}
        disrupted = self._disrupted(ref, status, pods)
        healthy = sum(
            podlib.ready(pod) and not deleting(pod) and pod["metadata"]["name"] not in disrupted for pod in pods
        )
        allowed = max(healthy - desired, 0) if expected > 0 else 0
        found: dict[str, Any] = {
            "conditions": self._conditions(budget, allowed),
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": budget["metadata"].get("generation", 1),
        }
        if disrupted:
            found["disruptedPods"] = disrupted
        self.set_status(ref, found)

    def _fail(self, ref: Ref, budget: Obj, why: str) -> None:
        """Allow nothing when it cannot be told what is allowed."""
        found = {**(budget.get("status") or {}), "disruptionsAllowed": 0}
        found["conditions"] = self._conditions(budget, 0, ("SyncFailed", why))
        self.set_status(ref, found)

    def _conditions(self, budget: Obj, allowed: int, failed: tuple[str, str] | None = None) -> list[Obj]:
        status = budget.get("status") or {}
        current = condition(status, "DisruptionAllowed")
        value, reason, message = ("True", "SufficientPods", "") if allowed else ("False", "InsufficientPods", "")
        if failed is not None:
            reason, message = failed
        since = current["lastTransitionTime"] if current and current["status"] == value else self.clock.stamp()
        made: Obj = {"type": "DisruptionAllowed", "status": value}
        made["observedGeneration"] = budget["metadata"].get("generation", 1)
        made |= {"lastTransitionTime": since, "reason": reason, "message": message}
        others = [each for each in status.get("conditions") or () if each["type"] != "DisruptionAllowed"]
        return [*others, made]

    def _expected(self, budget: Obj, pods: Sequence[Obj]) -> tuple[int, int]:
        """How many pods there are to be, and how many of them have to be healthy."""
        spec = budget["spec"]
        most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
        if most is not None:
            expected = self._scale(budget, pods)
            return expected, max(expected - scaled(most, expected, up=True), 0)
        if isinstance(least, str):
            expected = self._scale(budget, pods)
            return expected, scaled(least, expected, up=True)
        return len(pods), int(least or 0)

    def _scale(self, budget: Obj, pods: Sequence[Obj]) -> int:
        """The replicas of all controllers that the pods have."""
        seen: dict[str, int] = {}
        unmanaged = False
        for pod in pods:
            owner = controller_of(pod)
            if owner is None:
                unmanaged = True
                continue
            found = self._controller(pod["metadata"]["namespace"], owner)
            if found is None:
                kind = kinds.of(owner["apiVersion"], owner["kind"])
                if kind is not None and "scale" not in kind.subresources:
                    raise _Unscalable(f"{kind.resource} does not implement the scale subresource")
                raise _Unscalable(f'found no controllers for pod "{pod["metadata"]["name"]}"')
            seen[found["metadata"]["uid"]] = replicas(found)
        if unmanaged:
            text = UNMANAGED.format(_written(budget["spec"].get("selector") or {}))
            self.event(budget, "UnmanagedPods", text, type="Warning")
        return sum(seen.values())

    def _controller(self, namespace: str, owner: Obj) -> Obj | None:
        """The workload at the top: the Deployment of a ReplicaSet."""
        key = SCALED.get(owner["kind"])
        found = self.store.get(key, namespace, owner["name"]) if key is not None else None
        if found is not None and owner["kind"] == "ReplicaSet":
            above = controller_of(found)
            if above is not None and above["kind"] == "Deployment":
                return self.store.get(SCALED["Deployment"], namespace, above["name"])
        return found

    def _disrupted(self, ref: Ref, status: Obj, pods: Sequence[Obj]) -> dict[str, str]:
        """The pods that are about to be evicted; those that were not, for too long, count again."""
        alive = {pod["metadata"]["name"] for pod in pods if not deleting(pod)}
        kept: dict[str, str] = {}
        for name, stamp in (status.get("disruptedPods") or {}).items():
            left = FORGET_AFTER - elapsed(self.clock, stamp)
            if name in alive and left > 0:
                kept[name] = stamp
                self.later(ref, math.ceil(left))
        return kept


class _Unscalable(Exception):
    """The number of pods that is expected cannot be told."""


def _written(selector: Obj) -> str:
    """A selector as Go prints it."""
    labels = "".join(f"{name}: {value}," for name, value in sorted((selector.get("matchLabels") or {}).items()))
    terms = "".join(
        f"LabelSelectorRequirement{{Key:{term['key']},Operator:{term['operator']},"
        f"Values:[{' '.join(term.get('values') or ())}],}},"
        for term in selector.get("matchExpressions") or ()
    )
    listed = f"MatchExpressions:[]LabelSelectorRequirement{{{terms}}}"
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},{listed},}}"
