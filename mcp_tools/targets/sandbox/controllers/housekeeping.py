"""Small controllers: usage of quotas, pods that nobody ends, claims of ephemeral volumes.

Source: ``pkg/controller/resourcequota``, ``podgc`` and ``volume/ephemeral`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.admission import quota, quota_usage
from mcp_tools.targets.sandbox.controllers import pods as podlib
from mcp_tools.targets.sandbox.controllers.common import Controller, deleting, itself, owner_reference, ref_of, without
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Change, Obj, Ref, copy

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

QUARANTINE = 40.0
"""Seconds that a node must have been gone before its pods are removed."""
CLAIMS = "persistentvolumeclaims"


class Quotas(Controller):
    """Writes the usage into the status of quotas."""

    name = "resourcequota-controller"

    def interested(self, change: Change) -> Iterable[Ref]:
        """The quotas of the namespace that the change may count against."""
        if change.ref.key == quota.QUOTAS:
            return (change.ref,)
        if not self.store.count(quota.QUOTAS) or not self._counts(change):
            return ()
        key = change.ref.key
        found = self.store.select(quota.QUOTAS, change.ref.namespace)
        return [ref_of(quota.QUOTAS, each) for each in found if quota_usage.concerns(each, key)]

    def _counts(self, change: Change) -> bool:
        """Whether the change may alter any count: of most kinds an update does not."""
        if change.type != "MODIFIED" or change.old is None:
            return True
        if change.ref.key == "pods":
            clock = self.clock
            return quota_usage.alive(change.old, clock) != quota_usage.alive(change.obj, clock)
        return change.ref.key in quota.UPDATED and change.old.get("spec") != change.obj.get("spec")

    def reconcile(self, ref: Ref) -> None:
        """Count anew."""
        found = self.store.at(ref)
        if found is None or deleting(found):
            return
        used = quota_usage.total(found, quota.objects(self.store, found), self.clock)
        hard = quantity.amounts(found["spec"].get("hard"))
        self.set_status(ref, {"hard": _sorted(hard), "used": _sorted(used)})


def _sorted(amounts: quantity.Amounts) -> dict[str, str]:
    return dict(sorted(quantity.written(amounts).items()))


class PodGarbage(Controller):
    """Removes pods whose node is gone, and those that were never on one and are being deleted."""

    name = "pod-garbage-collector"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {podlib.PODS: self._of_pod, "nodes": self._of_node}

    def _of_pod(self, change: Change) -> Iterable[Ref]:
        pod = change.obj
        if change.type == "DELETED":
            return ()
        node = pod["spec"].get("nodeName")
        lost = self.store.get("nodes", "", node) is None if node else deleting(pod)
        return (change.ref,) if lost else ()

    def _of_node(self, change: Change) -> Iterator[Ref]:
        if change.type == "DELETED":
            for pod in self.store.select(podlib.PODS):
                if pod["spec"].get("nodeName") == change.ref.name:
                    yield ref_of(podlib.PODS, pod)

    def reconcile(self, ref: Ref) -> None:
        """Remove it, when its node has been gone long enough."""
        pod = self.store.at(ref)
        if pod is None:
            self._failures.pop(ref, None)
            return
        node = pod["spec"].get("nodeName")
        if not node:
            if deleting(pod):
                self.delete(ref, grace=0)
            return
        if self.store.get("nodes", "", node) is not None:
            self._failures.pop(ref, None)
            return
        if not self._failures.get(ref):
            # The first look begins the quarantine: the node may come back.
            self._failures[ref] = 1
            self.later(ref, QUARANTINE)
            return
        if not podlib.finished(pod):
            self.edit(ref, self._mark)
        self.delete(ref, grace=0)

    def _mark(self, live: Obj) -> None:
        status = live.setdefault("status", {})
        status["phase"] = "Failed"
        made = {
            "type": "DisruptionTarget",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": self.clock.stamp(),
            "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists",
        }
        status["conditions"] = [*without(list(status.get("conditions") or []), "DisruptionTarget"), made]


class EphemeralVolumes(Controller):
    """Creates the claims of generic ephemeral volumes."""

    name = "ephemeral_volume"
    account = "ephemeral-volume-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {podlib.PODS: self._of_pod}

    def _of_pod(self, change: Change) -> Iterable[Ref]:
        if change.old is not None or all("ephemeral" not in each for each in change.obj["spec"].get("volumes") or ()):
            return ()
        return itself(change)

    def reconcile(self, ref: Ref) -> None:
        """A claim for each, which goes with the pod."""
        pod = self.store.at(ref)
        if pod is None or deleting(pod):
            return
        for volume in pod["spec"].get("volumes") or ():
            if "ephemeral" in volume:
                self._claim(ref, pod, volume)

    def _claim(self, ref: Ref, pod: Obj, volume: Obj) -> None:
        name = f"{ref.name}-{volume['name']}"
        found = self.store.get(CLAIMS, ref.namespace, name)
        if found is not None:
            owners = found["metadata"].get("ownerReferences") or ()
            if all(each["uid"] != pod["metadata"]["uid"] for each in owners):
                text = (
                    f"PVC {ref.namespace}/{name} was not created for pod {ref.namespace}/{ref.name} (pod is not owner)"
                )
                self._failed(pod, volume, text)
            return
        template = copy(volume["ephemeral"]["volumeClaimTemplate"])
        meta = {**(template.get("metadata") or {}), "name": name, "namespace": ref.namespace}
        meta["ownerReferences"] = [owner_reference(pod)]
        try:
            self.create(CLAIMS, {"metadata": meta, "spec": template["spec"]})
        except ApiError as error:
            self._failed(pod, volume, f"create PVC {name}: {error.message}")
            self.retry(ref)
        else:
            self.forget(ref)

    def _failed(self, pod: Obj, volume: Obj, why: str) -> None:
        self.event(pod, "FailedBinding", f"ephemeral volume {volume['name']}: {why}", type="Warning")
