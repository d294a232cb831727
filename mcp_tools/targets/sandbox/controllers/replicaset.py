"""The ReplicaSet controller, which is that of ReplicationControllers too: as many pods as the spec asks for.

Source: ``pkg/controller/replicaset`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox.controllers import pods as podlib
from mcp_tools.targets.sandbox.controllers.common import (
    Controller,
    by_controller,
    condition,
    controller_of,
    deleting,
    itself,
    labels_of,
    matches,
    orphans_too,
    ref_of,
    without,
)
from mcp_tools.targets.sandbox.controllers.rollout import replicas
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

BURST = 50
"""Pods that are created or deleted at once; their changes lead back here. The real one takes 500, not being alone."""


class ReplicaSets(Controller):
    """Creates and deletes the pods of ReplicaSets."""

    name = "replicaset-controller"
    key, kind = "replicasets.apps", "ReplicaSet"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {self.key: itself, podlib.PODS: orphans_too(self, self.kind, self.key)}

    def selector(self, owner: Obj) -> Obj | None:
        """Its label selector."""
        found: Obj | None = owner["spec"].get("selector")
        return found

    def reconcile(self, ref: Ref) -> None:
        """As many pods as it asks for, and the status."""
        owner = self.store.at(ref)
        if owner is None:
            self.forget(ref)
            return
        pods = [pod for pod in self.claim(owner, podlib.PODS, self.selector(owner)) if podlib.active(pod)]
        failure: tuple[str, str] | None = None
        if not deleting(owner):
            failure = self._manage(owner, pods)
        pods = [pod for pod in self.owned(owner, podlib.PODS) if podlib.active(pod)]
        self._report(ref, owner, pods, failure)
        if failure is not None:
            self.retry(ref)
        else:
            self.forget(ref)

    # -- pods ----------------------------------------------------------------------------------------------------

    def _manage(self, owner: Obj, pods: list[Obj]) -> tuple[str, str] | None:
        """Create or delete; the reason and message of the first failure."""
        missing = replicas(owner) - len(pods)
        if missing > 0:
            return self._create_pods(owner, min(missing, BURST))
        if missing < 0:
            for pod in podlib.rank(pods, self._related(owner), self.clock.now())[: min(-missing, BURST)]:
                failed = self._delete_pod(owner, pod)
                if failed is not None:
                    return failed
        return None

    def _create_pods(self, owner: Obj, count: int) -> tuple[str, str] | None:
        """In batches of 1, 2, 4 and so on; a batch with a failure is the last one."""
        batch, left = 1, count
        while left:
            batch = min(batch, left)
            failed = [self._create_pod(owner) for _ in range(batch)]
            first = next((each for each in failed if each is not None), None)
            if first is not None:
                return first
            left -= batch
            batch *= 2
        return None

    def _create_pod(self, owner: Obj) -> tuple[str, str] | None:
        template = owner["spec"].get("template") or {"spec": {}}
        pod = podlib.from_template(template, owner, podlib.prefix_of(owner["metadata"]["name"]))
        try:
            made = self.create(podlib.PODS, pod)
        except ApiError as error:
            if self._ending(owner):
                return None
            self.event(owner, "FailedCreate", f"Error creating: {error.message}", type="Warning")
            return "FailedCreate", error.message
        self.event(owner, "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")
        return None

    def _delete_pod(self, owner: Obj, pod: Obj) -> tuple[str, str] | None:
        name = pod["metadata"]["name"]
        try:
            self.delete(ref_of(podlib.PODS, pod))
        except ApiError as error:
            self.event(owner, "FailedDelete", f"Error deleting: {error.message}", type="Warning")
            return "FailedDelete", error.message
        self.event(owner, "SuccessfulDelete", f"Deleted pod: {name}")
        return None

    def _ending(self, owner: Obj) -> bool:
        """Whether its namespace goes away: then a refusal is no failure."""
        home = self.store.get("namespaces", "", owner["metadata"]["namespace"])
        return home is None or deleting(home)

    def _related(self, owner: Obj) -> list[Obj]:
        """The pods of all ReplicaSets of the same Deployment: those spread worst are deleted first."""
        above = controller_of(owner)
        if above is None:
            return self.owned(owner, podlib.PODS)
        siblings = (self.store.at(ref) for ref in self.store.owned(above["uid"]) if ref.key == self.key)
        return [pod for each in siblings if each is not None for pod in self.owned(each, podlib.PODS)]

    # -- status --------------------------------------------------------------------------------------------------

    def _report(self, ref: Ref, owner: Obj, pods: Sequence[Obj], failure: tuple[str, str] | None) -> None:
        wait = int(owner["spec"].get("minReadySeconds") or 0)
        before = owner.get("status") or {}
        template = owner["spec"].get("template") or {}
        wanted = {"matchLabels": (template.get("metadata") or {}).get("labels")}
        waits = [podlib.until_available(pod, wait, self.clock) for pod in pods]
        status: dict[str, Any] = {"replicas": len(pods)}
        status["fullyLabeledReplicas"] = sum(matches(wanted, labels_of(pod)) for pod in pods)
        status["readyReplicas"] = sum(podlib.ready(pod) for pod in pods)
        status["availableReplicas"] = waits.count(0.0)
        status["observedGeneration"] = owner["metadata"].get("generation", 1)
        status = {name: value for name, value in status.items() if value or name == "replicas"}
        conditions = list(before.get("conditions") or [])
        present = condition(before, "ReplicaFailure")
        if failure is not None and present is None:
            reason, message = failure
            found = {"type": "ReplicaFailure", "status": "True", "lastTransitionTime": self.clock.stamp()}
            conditions.append({**found, "reason": reason, "message": message})
        elif failure is None and present is not None:
            conditions = without(conditions, "ReplicaFailure")
        if conditions:
            status["conditions"] = conditions
        self.set_status(ref, status)
        soon = [each for each in waits if 0 < each < float("inf")]
        if soon:
            self.later(ref, min(soon))


class ReplicationControllers(ReplicaSets):
    """The same for ReplicationControllers, whose selector is a map of labels."""

    name = "replication-controller"
    key, kind = "replicationcontrollers", "ReplicationController"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        # Their selectors are no LabelSelectors: orphans are found when the controller itself is looked at.
        self.routes = {self.key: itself, podlib.PODS: by_controller(self.kind, self.key)}

    def selector(self, owner: Obj) -> Obj | None:
        """Its labels as a selector."""
        wanted = owner["spec"].get("selector")
        return {"matchLabels": wanted} if wanted else None
