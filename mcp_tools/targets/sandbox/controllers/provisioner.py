"""The provisioner of Minikube: a folder of the node for each claim.

Source: ``pkg/storage/storage_provisioner.go`` of Minikube, and sig-storage-lib-external-provisioner below it.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Obj, copy

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.controllers.common import Controller

NAME = "k8s.io/minikube-hostpath"
ROOT = "/tmp/hostpath-provisioner"  # noqa: S108 - the folder that Minikube uses in its node
VOLUMES = "persistentvolumes"


class Provisioner:
    """Makes volumes for claims of its class."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._identity = str(uuid.UUID(int=uuid.uuid5(uuid.NAMESPACE_DNS, NAME).int))
        self._by = f"{NAME}_minikube_{self._identity}"

    def provision(self, claim: Obj, storage_class: Obj) -> None:
        """Make the volume, already claimed; what it says is said as the provisioner."""
        controller, meta = self._controller, claim["metadata"]
        name = f"pvc-{meta['uid']}"
        if controller.store.get(VOLUMES, "", name) is not None:
            return
        title = f"{meta['namespace']}/{meta['name']}"
        text = f'External provisioner is provisioning volume for claim "{title}"'
        controller.event(claim, "Provisioning", text, by=self._by)
        if claim["spec"].get("selector"):
            text = f'failed to provision volume with StorageClass "{storage_class["metadata"]["name"]}": '
            text += "claim.Spec.Selector is not supported"
            controller.event(claim, "ProvisioningFailed", text, type="Warning", by=self._by)
            return
        try:
            controller.create(VOLUMES, self._volume(claim, storage_class, name))
        except ApiError as error:
            text = f"Error saving provisioned volume: {error.message}"
            controller.event(claim, "ProvisioningFailed", text, type="Warning", by=self._by)
            return
        controller.event(claim, "ProvisioningSucceeded", f"Successfully provisioned volume {name}", by=self._by)

    def _volume(self, claim: Obj, storage_class: Obj, name: str) -> Obj:
        meta, spec = claim["metadata"], claim["spec"]
        made: Obj = {
            "metadata": {
                "name": name,
                "annotations": {"hostPathProvisionerIdentity": self._identity, "pv.kubernetes.io/provisioned-by": NAME},
            },
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "hostPath": {"path": f"{ROOT}/{meta['namespace']}/{meta['name']}", "type": ""},
                "accessModes": copy(spec)["accessModes"],
                "claimRef": {
                    "kind": "PersistentVolumeClaim",
                    "namespace": meta["namespace"],
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "apiVersion": "v1",
                    "resourceVersion": meta["resourceVersion"],
                },
                "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                "storageClassName": storage_class["metadata"]["name"],
                "volumeMode": "Filesystem",
            },
        }
        if storage_class.get("mountOptions"):
            made["spec"]["mountOptions"] = list(storage_class["mountOptions"])
        return made
