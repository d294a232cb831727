"""What the registry of each kind does beyond the general: generations, first statuses, what an update may write.

Source: the ``strategy.go`` of each kind in the Kubernetes registry.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.store import Obj

GENERATION = frozenset(
    {
        "pods",
        "replicationcontrollers",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "jobs.batch",
        "cronjobs.batch",
        "poddisruptionbudgets.policy",
        "ingresses.networking.k8s.io",
        "ingressclasses.networking.k8s.io",
        "networkpolicies.networking.k8s.io",
        "endpointslices.discovery.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "priorityclasses.scheduling.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    }
)
"""The kinds that have ``metadata.generation``."""

CONDITIONAL_ONLY = frozenset(
    {
        "leases.coordination.k8s.io",
        "poddisruptionbudgets.policy",
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiservices.apiregistration.k8s.io",
        "runtimeclasses.node.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    }
)
"""An update of these must carry a resourceVersion."""

CREATED_BY_UPDATE = frozenset(
    {
        "services",
        "endpoints",
        "events",
        "limitranges",
        "leases.coordination.k8s.io",
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
    }
)
"""A PUT of a name that there is none of creates these."""

RETURNS_DELETED = frozenset(
    {"pods", "services", "serviceaccounts", "persistentvolumes", "persistentvolumeclaims", "podtemplates"}
    | {"resourcequotas"}
)
"""A DELETE that removes one of these at once answers with the object; with a ``Status`` otherwise."""

LABELS_KEPT_BY_STATUS = frozenset(
    {"deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "replicationcontrollers"}
)

_FIRST: dict[str, Obj] = {
    "deployments.apps": {},
    "replicasets.apps": {"replicas": 0},
    "replicationcontrollers": {"replicas": 0},
    "statefulsets.apps": {"availableReplicas": 0, "replicas": 0},
    "daemonsets.apps": {
        "currentNumberScheduled": 0,
        "desiredNumberScheduled": 0,
        "numberMisscheduled": 0,
        "numberReady": 0,
    },
    "jobs.batch": {},
    "cronjobs.batch": {},
    "services": {"loadBalancer": {}},
    "ingresses.networking.k8s.io": {"loadBalancer": {}},
    "namespaces": {"phase": "Active"},
    "persistentvolumes": {"phase": "Pending"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "resourcequotas": {},
    "horizontalpodautoscalers.autoscaling": {"currentMetrics": None, "desiredReplicas": 0},
    "poddisruptionbudgets.policy": {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "disruptionsAllowed": 0,
        "expectedPods": 0,
    },
}


def has_status(kind: Kind) -> bool:
    """Whether the status is written through its subresource only."""
    return "status" in kind.subresources


def prepare_create(kind: Kind, obj: Obj) -> None:
    """Set the first status and the generation, as ``PrepareForCreate`` does."""
    meta = obj["metadata"]
    if kind.key in GENERATION:
        meta["generation"] = 1
    if kind.key == "pods":
        obj["status"] = {"phase": "Pending", "qosClass": qos(obj)}
    elif kind.key in _FIRST:
        obj["status"] = _copy_flat(_FIRST[kind.key])
        if kind.key == "persistentvolumes":
            obj["status"]["lastPhaseTransitionTime"] = meta["creationTimestamp"]
    elif has_status(kind) and kind.key != "nodes":
        obj.pop("status", None)
    if kind.key == "namespaces":
        obj["spec"] = {"finalizers": ["kubernetes"]}
        meta.setdefault("labels", {})["kubernetes.io/metadata.name"] = meta["name"]


def _copy_flat(status: Obj) -> Obj:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in status.items()}


def prepare_update(kind: Kind, old: Obj, new: Obj) -> None:
    """Keep what an update of the object does not write, as ``PrepareForUpdate`` does."""
    if has_status(kind):
        if "status" in old:
            new["status"] = old["status"]
        else:
            new.pop("status", None)
    if kind.key == "namespaces":
        new["spec"] = old.get("spec", {})
    elif kind.key == "services":
        _keep_allocated(old.get("spec", {}), new.setdefault("spec", {}))


def _keep_allocated(old: Obj, new: Obj) -> None:
    """The addresses and ports that a service was given stay when an update leaves them out."""
    kept = ("ClusterIP", "NodePort", "LoadBalancer")
    if old.get("type", "ClusterIP") not in kept or new.get("type", "ClusterIP") not in kept:
        return
    if not new.get("clusterIP") and old.get("clusterIP"):
        new["clusterIP"] = old["clusterIP"]
    if not new.get("clusterIPs") and old.get("clusterIPs") and new.get("clusterIP") == old.get("clusterIP"):
        new["clusterIPs"] = list(old["clusterIPs"])
    if old.get("type") == "ClusterIP" or new.get("type", "ClusterIP") == "ClusterIP":
        return
    given = {(port.get("protocol", "TCP"), port["port"]): port.get("nodePort") for port in old.get("ports") or ()}
    for port in new.get("ports") or ():
        before = given.get((port.get("protocol", "TCP"), port.get("port")))
        if before and not port.get("nodePort"):
            port["nodePort"] = before
    if not new.get("healthCheckNodePort") and old.get("healthCheckNodePort"):
        new["healthCheckNodePort"] = old["healthCheckNodePort"]


def prepare_status(kind: Kind, old: Obj, new: Obj) -> Obj:
    """The object with the new status: the status subresource writes nothing else but some of the metadata."""
    meta = dict(new["metadata"])
    if kind.key in LABELS_KEPT_BY_STATUS:
        _keep(old["metadata"], meta, "labels")
    if kind.key == "pods":
        _keep(old["metadata"], meta, "ownerReferences")
    made = {name: value for name, value in old.items() if name != "status"}
    made["metadata"] = meta
    if "status" in new:
        made["status"] = new["status"]
    if kind.key == "pods" and "qosClass" in old.get("status", {}):
        made["status"] = {**made.get("status", {}), "qosClass": old["status"]["qosClass"]}
    return made


def _keep(old: dict[str, Any], new: dict[str, Any], name: str) -> None:
    if name in old:
        new[name] = old[name]
    else:
        new.pop(name, None)


def raises_generation(kind: Kind, old: Obj, new: Obj) -> bool:
    """Whether that update is a new generation: the desired state differs."""
    if kind.key not in GENERATION:
        return False
    if kind.key == "deployments.apps" and old["metadata"].get("annotations") != new["metadata"].get("annotations"):
        return True
    if kind.key == "pods":
        # To be given a node is no change of what is wanted.
        old, new = ({**pod, "spec": {**pod["spec"], "nodeName": ""}} for pod in (old, new))
    ignored = ("metadata", "status", "apiVersion", "kind")
    names = {name for name in (*old, *new) if name not in ignored}
    return any(old.get(name) != new.get(name) for name in names)


def qos(pod: Obj) -> str:
    """The quality of service class of a pod."""
    spec = pod.get("spec", {})
    requests: set[str] = set()
    limited = True
    any_limits = False
    equal = True
    for container in (*spec.get("containers", ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        limits = {k: v for k, v in (resources.get("limits") or {}).items() if k in ("cpu", "memory") and str(v) != "0"}
        asked = {k: v for k, v in (resources.get("requests") or {}).items() if k in ("cpu", "memory") and str(v) != "0"}
        requests.update(asked)
        any_limits = any_limits or bool(limits)
        limited = limited and len(limits) == 2
        equal = equal and all(asked.get(name, value) == value for name, value in limits.items())
    if not requests and not any_limits:
        return "BestEffort"
    return "Guaranteed" if limited and equal else "Burstable"
