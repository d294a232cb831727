"""The columns of storage, and of the API server's own objects.

Source: the printers of the API server (``pkg/printers/internalversion``) and of the aggregator.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox.store import Obj
from mcp_tools.targets.sandbox.tables_common import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Cells,
    age,
    column,
    condition,
    modes,
    named,
)

# -- storage ---------------------------------------------------------------------------------------------------------


def volume(obj: Obj, now: float) -> list[Any]:
    """CLAIM and STATUS."""
    spec, status = obj["spec"], obj.get("status") or {}
    claim = spec.get("claimRef")
    phase = status.get("phase", "")
    return [
        obj["metadata"]["name"],
        (spec.get("capacity") or {}).get("storage", ""),
        modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if obj["metadata"].get("deletionTimestamp") else phase,
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or UNSET,
        status.get("reason", ""),
        age(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def claim(obj: Obj, now: float) -> list[Any]:
    """STATUS; the size once it is bound."""
    spec, status = obj["spec"], obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        obj["metadata"]["name"],
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "") if bound else "",
        modes(status.get("accessModes")) if bound else "",
        spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or UNSET,
        age(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def storage_class(obj: Obj, now: float) -> list[Any]:
    """The default one is marked."""
    name = obj["metadata"]["name"]
    notes = obj["metadata"].get("annotations") or {}
    if notes.get("storageclass.kubernetes.io/is-default-class") == "true":
        name += " (default)"
    mode = obj.get("volumeBindingMode") or UNSET
    grows = bool(obj.get("allowVolumeExpansion"))
    return [name, obj.get("provisioner", ""), obj.get("reclaimPolicy", "Delete"), mode, grows, age(obj, now)]


def attachment(obj: Obj, now: float) -> list[Any]:
    """Which volume is at which node."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    what = (spec.get("source") or {}).get("persistentVolumeName") or ""
    at = [spec.get("attacher", ""), what, spec.get("nodeName", ""), bool(status.get("attached"))]
    return [obj["metadata"]["name"], *at, age(obj, now)]


def csi_node(obj: Obj, now: float) -> list[Any]:
    """How many drivers."""
    return [obj["metadata"]["name"], len((obj.get("spec") or {}).get("drivers") or ()), age(obj, now)]


def csi_driver(obj: Obj, now: float) -> list[Any]:
    """What the driver needs."""
    spec = obj.get("spec") or {}
    flags = [spec.get("attachRequired", True), bool(spec.get("podInfoOnMount")), bool(spec.get("storageCapacity"))]
    tokens = ",".join(entry.get("audience", "") for entry in spec.get("tokenRequests") or ()) or UNSET
    ways = ",".join(spec.get("volumeLifecycleModes") or ()) or NONE
    return [obj["metadata"]["name"], *flags, tokens, bool(spec.get("requiresRepublish")), ways, age(obj, now)]


def csi_capacity(obj: Obj, now: float) -> list[Any]:
    """How much is left."""
    return [obj["metadata"]["name"], obj.get("storageClassName", ""), obj.get("capacity") or UNSET]


def runtime_class(obj: Obj, now: float) -> list[Any]:
    """Its handler."""
    return [obj["metadata"]["name"], obj.get("handler", ""), age(obj, now)]


# -- the server itself -----------------------------------------------------------------------------------------------


def webhooks(obj: Obj, now: float) -> list[Any]:
    """How many."""
    return [obj["metadata"]["name"], len(obj.get("webhooks") or ()), age(obj, now)]


def admission_policy(obj: Obj, now: float) -> list[Any]:
    """Its rules and parameters."""
    spec = obj.get("spec") or {}
    kind = spec.get("paramKind")
    params = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET
    return [obj["metadata"]["name"], len(spec.get("validations") or ()), params, age(obj, now)]


def admission_binding(obj: Obj, now: float) -> list[Any]:
    """Which policy."""
    spec = obj.get("spec") or {}
    found = spec.get("paramRef")
    place = UNSET
    if found:
        name = found.get("name") or "*"
        place = f"{found['namespace']}/{name}" if found.get("namespace") else name
    return [obj["metadata"]["name"], spec.get("policyName", ""), place, age(obj, now)]


def flow_schema(obj: Obj, now: float) -> list[Any]:
    """Which priority level."""
    spec = obj.get("spec") or {}
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    way = (spec.get("distinguisherMethod") or {}).get("type") or NONE
    dangling = condition(obj, "Dangling")
    missing = "?" if dangling is None else dangling.get("status", "?")
    return [obj["metadata"]["name"], level, spec.get("matchingPrecedence", 0), way, age(obj, now), missing]


def priority_level(obj: Obj, now: float) -> list[Any]:
    """Its shares and queues."""
    spec = obj.get("spec") or {}
    limited = spec.get("limited") or spec.get("exempt") or {}
    queuing = ((spec.get("limited") or {}).get("limitResponse") or {}).get("queuing") or {}
    sizes = [queuing.get(name, NONE) for name in ("queues", "handSize", "queueLengthLimit")]
    shares = limited.get("nominalConcurrencyShares", NONE)
    return [obj["metadata"]["name"], spec.get("type", ""), shares, *sizes, age(obj, now)]


def api_service(obj: Obj, now: float) -> list[Any]:
    """Whether it is there."""
    found = (obj.get("spec") or {}).get("service")
    where = f"{found.get('namespace', '')}/{found.get('name', '')}" if found else "Local"
    available = condition(obj, "Available") or {}
    state = available.get("status", "Unknown")
    if state == "False" and available.get("reason"):
        state = f"False ({available['reason']})"
    return [obj["metadata"]["name"], where, state, age(obj, now)]


def component(obj: Obj, now: float) -> list[Any]:
    """Its health."""
    found = (obj.get("conditions") or [{}])[0]
    status = {"True": "Healthy", "False": "Unhealthy"}.get(found.get("status", ""), "Unknown")
    return [obj["metadata"]["name"], status, found.get("message", ""), found.get("error", "")]


_HOOKS = (NAME, column("Webhooks", "integer"), AGE)
_MODE = column("VolumeMode", priority=1)

PRINTERS: dict[str, tuple[tuple[dict[str, Any], ...], Cells]] = {
    "persistentvolumes": (
        (
            *named("Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass", aged=False),
            column("VolumeAttributesClass"),
            column("Reason"),
            AGE,
            _MODE,
        ),
        volume,
    ),
    "persistentvolumeclaims": (
        (*named("Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass"), _MODE),
        claim,
    ),
    "storageclasses.storage.k8s.io": (
        named("Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion"),
        storage_class,
    ),
    "volumeattachments.storage.k8s.io": (
        (NAME, column("Attacher", form="name"), column("PV"), column("Node"), column("Attached", "boolean"), AGE),
        attachment,
    ),
    "csinodes.storage.k8s.io": ((NAME, column("Drivers", "integer"), AGE), csi_node),
    "csidrivers.storage.k8s.io": (
        (
            NAME,
            *(column(name, "boolean") for name in ("AttachRequired", "PodInfoOnMount", "StorageCapacity")),
            column("TokenRequests"),
            column("RequiresRepublish", "boolean"),
            column("Modes"),
            AGE,
        ),
        csi_driver,
    ),
    "csistoragecapacities.storage.k8s.io": (named("StorageClassName", "Capacity", aged=False), csi_capacity),
    "runtimeclasses.node.k8s.io": (named("Handler"), runtime_class),
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": (_HOOKS, webhooks),
    "validatingwebhookconfigurations.admissionregistration.k8s.io": (_HOOKS, webhooks),
    "validatingadmissionpolicies.admissionregistration.k8s.io": (
        (NAME, column("Validations", "integer"), column("ParamKind"), AGE),
        admission_policy,
    ),
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": (
        named("PolicyName", "ParamRef"),
        admission_binding,
    ),
    "flowschemas.flowcontrol.apiserver.k8s.io": (
        (*named("PriorityLevel", "MatchingPrecedence", "DistinguisherMethod"), column("MissingPL")),
        flow_schema,
    ),
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": (
        named("Type", "NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit"),
        priority_level,
    ),
    "apiservices.apiregistration.k8s.io": (named("Service", "Available"), api_service),
    "componentstatuses": (named("Status", "Message", "Error", aged=False), component),
}
