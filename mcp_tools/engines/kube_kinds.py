"""Kinds: from what a person says (``pods``, ``deploy``, ``Ingress``) to an API path.

The common kinds are known here, so that most calls need no discovery; the rest is asked of the cluster once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Kind:
    """One resource type: ``api`` is ``v1`` or ``group/version``."""

    api: str
    kind: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = field(default=())

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return self.api.rsplit("/", 1)[0] if "/" in self.api else ""

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection or an object."""
        parts = ["api" if self.api == "v1" else "apis", *self.api.split("/")]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/" + "/".join(quote(part, safe=":") for part in parts)

    def answers_to(self, word: str) -> bool:
        """Whether a person may mean this kind by the word."""
        low, _, group = word.lower().partition(".")
        names = {self.kind.lower(), self.plural, self.plural.rstrip("s"), *self.short}
        return low in names and (not group or group == self.group)


def _core(kind: str, plural: str, *short: str, namespaced: bool = True) -> Kind:
    return Kind("v1", kind, plural, namespaced, short)


KNOWN: tuple[Kind, ...] = (
    _core("Pod", "pods", "po"),
    _core("Service", "services", "svc"),
    _core("ConfigMap", "configmaps", "cm"),
    _core("Secret", "secrets"),
    _core("Event", "events", "ev"),
    _core("Namespace", "namespaces", "ns", namespaced=False),
    _core("Node", "nodes", "no", namespaced=False),
    _core("PersistentVolume", "persistentvolumes", "pv", namespaced=False),
    _core("PersistentVolumeClaim", "persistentvolumeclaims", "pvc"),
    _core("ServiceAccount", "serviceaccounts", "sa"),
    _core("ResourceQuota", "resourcequotas", "quota"),
    _core("LimitRange", "limitranges", "limits"),
    _core("Endpoints", "endpoints", "ep"),
    _core("ReplicationController", "replicationcontrollers", "rc"),
    Kind("apps/v1", "Deployment", "deployments", short=("deploy",)),
    Kind("apps/v1", "ReplicaSet", "replicasets", short=("rs",)),
    Kind("apps/v1", "StatefulSet", "statefulsets", short=("sts",)),
    Kind("apps/v1", "DaemonSet", "daemonsets", short=("ds",)),
    Kind("apps/v1", "ControllerRevision", "controllerrevisions"),
    Kind("batch/v1", "Job", "jobs"),
    Kind("batch/v1", "CronJob", "cronjobs", short=("cj",)),
    Kind("networking.k8s.io/v1", "Ingress", "ingresses", short=("ing",)),
    Kind("networking.k8s.io/v1", "IngressClass", "ingressclasses", namespaced=False),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", short=("netpol",)),
    Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", short=("hpa",)),
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", short=("pdb",)),
    Kind("rbac.authorization.k8s.io/v1", "Role", "roles"),
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False),
    Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", namespaced=False, short=("sc",)),
    Kind("coordination.k8s.io/v1", "Lease", "leases"),
    Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
    Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False, ("crd", "crds")),
    Kind("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", namespaced=False, short=("pc",)),
    Kind("metrics.k8s.io/v1beta1", "PodMetrics", "pods"),
    Kind("metrics.k8s.io/v1beta1", "NodeMetrics", "nodes", namespaced=False),
    Kind("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False),
)

_BY_API = {(kind.api, kind.kind): kind for kind in KNOWN}


def known(api: str, kind: str) -> Kind | None:
    """The kind of that API version, when it is one of the common ones."""
    return _BY_API.get((api, kind))


def named(word: str, among: Iterable[Kind] = KNOWN) -> Kind | None:
    """The first kind that a person may mean by the word."""
    return next((kind for kind in among if not kind.group.startswith("metrics.") and kind.answers_to(word)), None)


def parse_resource_list(api: str, answer: Mapping[str, Any]) -> list[Kind]:
    """The kinds of one APIResourceList (``GET /apis/group/version``)."""
    return [
        Kind(api, str(r["kind"]), str(r["name"]), bool(r.get("namespaced")), tuple(r.get("shortNames") or ()))
        for r in answer.get("resources") or []
        if "/" not in str(r["name"])
    ]
