"""What claims, volumes, nodes and ingresses get or may not do.

Source: ``plugin/pkg/admission`` of Kubernetes: storage/storageclass/setdefault, storage/storageobjectinuseprotection,
storage/persistentvolume/resize, nodetaint, network/defaultingressclass.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.admission.base import Action, Plugin, refused
from mcp_tools.targets.sandbox.controllers import volume_matching
from mcp_tools.targets.sandbox.controllers.protection import CLAIM_FINALIZER, CLAIMS, VOLUME_FINALIZER, VOLUMES
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj

CLASSES = "storageclasses.storage.k8s.io"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
INGRESSES, INGRESS_CLASSES = "ingresses.networking.k8s.io", "ingressclasses.networking.k8s.io"
DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"
OLD_INGRESS = "kubernetes.io/ingress.class"
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class Storage(Plugin):
    """Default class and finalizers of claims and volumes; only some claims may grow."""

    def admit(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Complete a new claim or volume."""
        if action != "CREATE" or obj is None or subresource:
            return
        if kind.key == CLAIMS:
            notes = obj["metadata"].get("annotations") or {}
            if obj["spec"].get("storageClassName") is None and BETA_CLASS not in notes:
                found = volume_matching.default_class(self.store.select(CLASSES))
                if found is not None:
                    obj["spec"]["storageClassName"] = found["metadata"]["name"]
            _add(obj, CLAIM_FINALIZER)
        elif kind.key == VOLUMES:
            _add(obj, VOLUME_FINALIZER)

    def validate(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Refuse that a claim grows whose class does not allow it."""
        if action != "UPDATE" or kind.key != CLAIMS or obj is None or old is None or subresource:
            return
        if _size(obj) <= _size(old):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise refused(kind, obj, "Only bound persistent volume claims can be expanded")
        found = self.store.get(CLASSES, "", old["spec"].get("storageClassName") or "")
        if found is None or not found.get("allowVolumeExpansion"):
            why = (
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
                "support resize"
            )
            raise refused(kind, obj, why)


def _size(claim: Obj) -> quantity.Quantity:
    written = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0")
    return quantity.parse(written)


def _add(obj: Obj, finalizer: str) -> None:
    present = obj["metadata"].get("finalizers") or []
    if finalizer not in present:
        obj["metadata"]["finalizers"] = [*present, finalizer]


class Defaults(Plugin):
    """A new node has the taint of one that is not ready; a new ingress gets the default class."""

    def admit(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Complete a new node or ingress."""
        if action != "CREATE" or obj is None or subresource:
            return
        if kind.key == "nodes":
            taints = obj.setdefault("spec", {}).get("taints") or []
            if NOT_READY not in taints:
                obj["spec"]["taints"] = [*taints, dict(NOT_READY)]
        elif kind.key == INGRESSES:
            spec = obj.setdefault("spec", {})
            if spec.get("ingressClassName") is not None or OLD_INGRESS in (obj["metadata"].get("annotations") or {}):
                return
            found = [
                each["metadata"]["name"]
                for each in self.store.select(INGRESS_CLASSES)
                if (each["metadata"].get("annotations") or {}).get(DEFAULT_INGRESS) == "true"
            ]
            if found:
                spec["ingressClassName"] = found[0]
