"""The persistent volume binder: claims find volumes, or have one made.

Source: ``pkg/controller/volume/persistentvolume`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.controllers import provisioner
from mcp_tools.targets.sandbox.controllers import volume_matching as matching
from mcp_tools.targets.sandbox.controllers.common import Controller, deleting, ref_of
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"
BOUND, BY_CONTROLLER = "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"
PROVISIONED = "pv.kubernetes.io/provisioned-by"
PROVISIONER, BETA_PROVISIONER = (
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
)
SELECTED = "volume.kubernetes.io/selected-node"
RESYNC = 15.0
"""Seconds after which the controller looks at every claim again, and says again what it waits for."""
WAITING = (
    "Waiting for a volume to be created either by the external provisioner '{0}' or manually by the system "
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)


class Volumes(Controller):
    """Binds claims and volumes, and frees volumes whose claim is gone."""

    name = "persistentvolume-controller"
    account = "persistent-volume-binder"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.provisioner = provisioner.Provisioner(self)
        self.routes = {
            CLAIMS: self._of_claim,
            VOLUMES: self._of_volume,
            CLASSES: self._of_class,
            "pods": self._of_pod,
        }

    # -- what concerns whom --------------------------------------------------------------------------------------

    def _of_claim(self, change: Change) -> Iterator[Ref]:
        yield change.ref
        volume = change.obj["spec"].get("volumeName")
        if volume:
            yield Ref(VOLUMES, "", volume)

    def _of_volume(self, change: Change) -> Iterator[Ref]:
        yield change.ref
        claim = change.obj["spec"].get("claimRef")
        if claim:
            yield Ref(CLAIMS, claim.get("namespace", ""), claim["name"])
        elif change.type != "DELETED":
            for each in self.store.select(CLAIMS):
                if not each["spec"].get("volumeName"):
                    yield ref_of(CLAIMS, each)

    def _of_class(self, change: Change) -> Iterator[Ref]:
        for each in self.store.select(CLAIMS):
            spec = each["spec"]
            if not spec.get("volumeName") and spec.get("storageClassName") in (None, change.ref.name):
                yield ref_of(CLAIMS, each)

    def _of_pod(self, change: Change) -> Iterator[Ref]:
        """A pod that comes is the first consumer that some claims wait for."""
        if change.old is not None:
            return
        for name in matching.claims_of(change.obj):
            claim = self.store.get(CLAIMS, change.ref.namespace, name)
            if claim is not None and not claim["spec"].get("volumeName"):
                yield ref_of(CLAIMS, claim)

    def reconcile(self, ref: Ref) -> None:
        """Look at a claim or a volume."""
        found = self.store.at(ref)
        try:
            if ref.key == VOLUMES:
                if found is not None:
                    self._volume(ref, found)
            elif found is not None:
                self._claim(ref, found)
        except ApiError as error:
            if error.code != 404:
                self.retry(ref)

    # -- claims --------------------------------------------------------------------------------------------------

    def _claim(self, ref: Ref, claim: Obj) -> None:
        name = claim["spec"].get("volumeName")
        notes = claim["metadata"].get("annotations") or {}
        if not name:
            if not deleting(claim):
                self._unbound(ref, claim)
            return
        volume = self.store.get(VOLUMES, "", name)
        if volume is None:
            if BOUND in notes:
                self._lost(
                    ref, claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
                )
            return
        owner = volume["spec"].get("claimRef")
        if owner is None or matching.is_claimed_by(volume, claim):
            if owner is None and BOUND in notes:
                text = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
                self._lost(ref, claim, "ClaimLost", text)
                return
            self._bind(claim, volume)
        elif BOUND in notes:
            text = "Two claims are bound to the same volume, this one is bound incorrectly"
            self._lost(ref, claim, "ClaimMisbound", text)
        elif BY_CONTROLLER not in notes:
            text = f'volume "{name}" already bound to a different claim.'
            self.event(claim, "FailedBinding", text, type="Warning")

    def _lost(self, ref: Ref, claim: Obj, reason: str, message: str) -> None:
        if (claim.get("status") or {}).get("phase") == "Lost":
            return
        self.set_status(ref, {"phase": "Lost"})
        self.event(claim, reason, message, type="Warning")

    def _unbound(self, ref: Ref, claim: Obj) -> None:
        claim = self._default_class(ref, claim)
        volume = matching.best(self.store.select(VOLUMES), claim, only_reserved=self._delayed(claim))
        if volume is not None:
            self._bind(claim, volume)
            return
        asked = claim["spec"].get("storageClassName") or ""
        if self._delayed(claim):
            self._announce_delay(claim)
        elif asked:
            self._provision(ref, claim, asked)
        else:
            text = "no persistent volumes available for this claim and no storage class is set"
            self.event(claim, "FailedBinding", text)
        fresh = self.store.at(ref)
        if fresh is not None and not fresh["spec"].get("volumeName"):
            self.later(ref, RESYNC)

    def _default_class(self, ref: Ref, claim: Obj) -> Obj:
        """A claim that names no class gets the default one, also when that came later."""
        if claim["spec"].get("storageClassName") is not None:
            return claim
        default = matching.default_class(self.store.select(CLASSES))
        if default is None:
            return claim
        name = default["metadata"]["name"]
        return self.edit(ref, lambda live: live["spec"].update({"storageClassName": name})) or claim

    def _delayed(self, claim: Obj) -> bool:
        """Whether the scheduler is to choose a node first."""
        if SELECTED in (claim["metadata"].get("annotations") or {}):
            return False
        name = claim["spec"].get("storageClassName")
        found = self.store.get(CLASSES, "", name) if name else None
        return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"

    def _announce_delay(self, claim: Obj) -> None:
        meta = claim["metadata"]
        for pod in self.store.select("pods", meta["namespace"]):
            if meta["name"] in matching.claims_of(pod) and not pod["spec"].get("nodeName"):
                text = f"waiting for pod {pod['metadata']['name']} to be scheduled"
                self.event(claim, "WaitForPodScheduled", text)
                return
        self.event(claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")

    def _provision(self, ref: Ref, claim: Obj, asked: str) -> None:
        found = self.store.get(CLASSES, "", asked)
        if found is None:
            text = f'storageclass.storage.k8s.io "{asked}" not found'
            self.event(claim, "ProvisioningFailed", text, type="Warning")
            return
        name = found["provisioner"]
        if name.startswith("kubernetes.io/"):
            text = f"no volume plugin matched name: {name}"
            self.event(claim, "ProvisioningFailed", text, type="Warning")
            return
        marks = {PROVISIONER: name, BETA_PROVISIONER: name}
        claim = self.edit(ref, lambda live: live["metadata"].setdefault("annotations", {}).update(marks)) or claim
        self.event(claim, "ExternalProvisioning", WAITING.format(name))
        if name == provisioner.NAME:
            self.provisioner.provision(claim, found)

    # -- binding -------------------------------------------------------------------------------------------------

    def _bind(self, claim: Obj, volume: Obj) -> None:
        """Let each name the other, and both say so. Nothing is stored when they do already."""
        meta, place = claim["metadata"], ref_of(CLAIMS, claim)

        def take(live: Obj) -> None:
            owner = live["spec"].get("claimRef")
            if owner is None:
                live["metadata"].setdefault("annotations", {})[BY_CONTROLLER] = "yes"
            if owner is None or not owner.get("uid"):
                live["spec"]["claimRef"] = {
                    **(owner or {}),
                    "kind": "PersistentVolumeClaim",
                    "namespace": meta["namespace"],
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "apiVersion": "v1",
                    "resourceVersion": meta["resourceVersion"],
                }
            status = live.setdefault("status", {})
            if status.get("phase") != "Bound":
                status.update({"phase": "Bound", "lastPhaseTransitionTime": self.clock.stamp()})

        volume = self.edit(ref_of(VOLUMES, volume), take) or volume
        spec = volume["spec"]
        capacity = quantity.canonical(spec["capacity"]["storage"])

        def give(live: Obj) -> None:
            notes = live["metadata"].setdefault("annotations", {})
            if not live["spec"].get("volumeName"):
                live["spec"]["volumeName"] = volume["metadata"]["name"]
                notes[BY_CONTROLLER] = "yes"
            notes[BOUND] = "yes"
            status: dict[str, Any] = live.setdefault("status", {})
            if status.get("phase") != "Bound":
                status.update({"phase": "Bound", "accessModes": spec["accessModes"]})
                status["capacity"] = {"storage": capacity}

        self.edit(place, give)

    # -- volumes -------------------------------------------------------------------------------------------------

    def _volume(self, ref: Ref, volume: Obj) -> None:
        owner = volume["spec"].get("claimRef")
        phase = (volume.get("status") or {}).get("phase")
        if owner is None or not owner.get("uid"):
            self._phase(ref, volume, "Available")
            return
        claim = self.store.get(CLAIMS, owner.get("namespace", ""), owner["name"])
        if claim is not None and claim["metadata"]["uid"] == owner["uid"]:
            if claim["spec"].get("volumeName") in (None, "", ref.name):
                self._bind(claim, volume)
            return
        if phase not in ("Released", "Failed"):
            volume = self._phase(ref, volume, "Released") or volume
        if phase != "Failed":
            self._reclaim(ref, volume)

    def _phase(self, ref: Ref, volume: Obj, phase: str, message: str = "") -> Obj | None:
        if (volume.get("status") or {}).get("phase") == phase:
            return volume
        status: Obj = {"phase": phase, "lastPhaseTransitionTime": self.clock.stamp()}
        if message:
            status["message"] = message
        return self.edit(ref, lambda live: live.update({"status": status}))

    def _reclaim(self, ref: Ref, volume: Obj) -> None:
        """What the reclaim policy wants with a volume that nobody claims any more."""
        policy = volume["spec"].get("persistentVolumeReclaimPolicy", "Retain")
        if policy == "Retain" or deleting(volume):
            return
        by = (volume["metadata"].get("annotations") or {}).get(PROVISIONED)
        if policy == "Recycle":
            self.event(volume, "VolumeRecycled", "Volume recycled")

            def free(live: Obj) -> None:
                live["spec"].pop("claimRef", None)
                live["metadata"].get("annotations", {}).pop(BY_CONTROLLER, None)

            self.edit(ref, free)
            return
        path = (volume["spec"].get("hostPath") or {}).get("path", "")
        if by == provisioner.NAME or path.startswith("/tmp/"):  # noqa: S108 - the rule of the plugin for host paths
            self.delete(ref)
        elif path:
            message = f"host_path deleter only supports /tmp/.+ but received provided {path}"
            self._phase(ref, volume, "Failed", message)
            self.event(volume, "VolumeFailedDelete", message, type="Warning")
