"""Claims that pods use, and volumes that are bound, stay until they are not any more.

Source: ``pkg/controller/volume/pvcprotection`` and ``pvprotection`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox.controllers import volume_matching as matching
from mcp_tools.targets.sandbox.controllers.common import Controller, deleting, itself
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"
CLAIM_FINALIZER, VOLUME_FINALIZER = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"


class _Protection(Controller):
    """Puts a finalizer on, and takes it off when nothing uses the object."""

    finalizer = ""

    def used(self, obj: Obj) -> bool:
        """Whether something uses it."""
        raise NotImplementedError

    def reconcile(self, ref: Ref) -> None:
        """One finalizer more or fewer."""
        found = self.store.at(ref)
        if found is None:
            return
        has = self.finalizer in (found["metadata"].get("finalizers") or ())
        if deleting(found) and has and not self.used(found):
            self.edit(ref, self._off)
        elif not deleting(found) and not has:
            self.edit(ref, self._on)

    def _on(self, live: Obj) -> None:
        live["metadata"]["finalizers"] = [*(live["metadata"].get("finalizers") or ()), self.finalizer]

    def _off(self, live: Obj) -> None:
        kept = [name for name in live["metadata"].get("finalizers") or () if name != self.finalizer]
        live["metadata"]["finalizers"] = kept
        if not kept:
            del live["metadata"]["finalizers"]


class ClaimProtection(_Protection):
    """Keeps claims that pods on a node use."""

    name = "pvc-protection-controller"
    finalizer = CLAIM_FINALIZER

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {CLAIMS: itself, "pods": self._of_pod}

    def _of_pod(self, change: Change) -> Iterator[Ref]:
        """Only pods that go can free a claim."""
        if change.type == "DELETED":
            for name in matching.claims_of(change.obj):
                yield Ref(CLAIMS, change.ref.namespace, name)

    def used(self, obj: Obj) -> bool:
        """Whether a pod that has a node names it."""
        name = obj["metadata"]["name"]
        pods = self.store.select("pods", obj["metadata"]["namespace"])
        return any(pod["spec"].get("nodeName") and name in matching.claims_of(pod) for pod in pods)


class VolumeProtection(_Protection):
    """Keeps volumes that are bound."""

    name = "pv-protection-controller"
    finalizer = VOLUME_FINALIZER

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {VOLUMES: itself}

    def used(self, obj: Obj) -> bool:
        """Whether it is bound."""
        return bool((obj.get("status") or {}).get("phase") == "Bound")
