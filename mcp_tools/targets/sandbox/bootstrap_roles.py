"""The cluster roles and bindings that users meet: cluster-admin, admin, edit, view, and those of every account.

Source: ``plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go``. The roles of the single controllers are left
out: the controllers of the sandbox act as the cluster itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox.rbac import BINDINGS, CLUSTER_BINDINGS, CLUSTER_ROLES, GROUP, ROLES

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.bootstrap import Maker

Rule = dict[str, Any]
BOOT = {"kubernetes.io/bootstrapping": "rbac-defaults"}
NOTE = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "deletecollection", "patch", "update"]
AUTHENTICATED = "system:authenticated"


def _rule(verbs: list[str], group: str, *resources: str) -> Rule:
    return {"apiGroups": [group], "resources": list(resources), "verbs": verbs}


def _paths(*paths: str) -> Rule:
    return {"nonResourceURLs": list(paths), "verbs": ["get"]}


_APPS = ("deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets", "statefulsets/scale")
_NETWORKING = ("ingresses", "networkpolicies")
VIEW: list[Rule] = [
    _rule(
        READ,
        "",
        "configmaps",
        "endpoints",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "pods",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "serviceaccounts",
        "services",
        "services/status",
    ),
    _rule(
        READ,
        "",
        "bindings",
        "events",
        "limitranges",
        "namespaces/status",
        "pods/log",
        "pods/status",
        "replicationcontrollers/status",
        "resourcequotas",
        "resourcequotas/status",
    ),
    _rule(READ, "", "namespaces"),
    _rule(READ, "discovery.k8s.io", "endpointslices"),
    _rule(
        READ,
        "apps",
        "controllerrevisions",
        "daemonsets",
        "daemonsets/status",
        "deployments",
        "deployments/scale",
        "deployments/status",
        "replicasets",
        "replicasets/scale",
        "replicasets/status",
        "statefulsets",
        "statefulsets/scale",
        "statefulsets/status",
    ),
    _rule(READ, "autoscaling", "horizontalpodautoscalers", "horizontalpodautoscalers/status"),
    _rule(READ, "batch", "cronjobs", "cronjobs/status", "jobs", "jobs/status"),
    _rule(READ, "policy", "poddisruptionbudgets", "poddisruptionbudgets/status"),
    _rule(READ, "networking.k8s.io", "ingresses", "ingresses/status", "networkpolicies"),
]
EDIT: list[Rule] = [
    _rule(READ, "", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"),
    _rule(["impersonate"], "", "serviceaccounts"),
    _rule(WRITE, "", "pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"),
    _rule(["create"], "", "pods/eviction"),
    _rule(
        WRITE,
        "",
        "configmaps",
        "events",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "secrets",
        "serviceaccounts",
        "services",
        "services/proxy",
    ),
    _rule(["create"], "", "serviceaccounts/token"),
    _rule(WRITE, "apps", "daemonsets", "deployments/rollback", *_APPS),
    _rule(WRITE, "autoscaling", "horizontalpodautoscalers"),
    _rule(WRITE, "batch", "cronjobs", "jobs"),
    _rule(WRITE, "policy", "poddisruptionbudgets"),
    _rule(WRITE, "networking.k8s.io", *_NETWORKING),
    _rule([*WRITE, *READ], "coordination.k8s.io", "leases"),
]
ADMIN: list[Rule] = [
    _rule(["create"], "authorization.k8s.io", "localsubjectaccessreviews"),
    _rule([*WRITE, *READ], GROUP, "rolebindings", "roles"),
]
_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz")


def add(maker: Maker) -> None:
    """Add them."""
    _role(maker, "cluster-admin", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, _all_paths()])
    _aggregated(maker, "admin", [*ADMIN, *EDIT, *VIEW], {})
    _aggregated(maker, "edit", [*EDIT, *VIEW], {f"{AGGREGATE}admin": "true"})
    _aggregated(maker, "view", VIEW, {f"{AGGREGATE}edit": "true"})
    for name, rules in (("admin", ADMIN), ("edit", EDIT), ("view", VIEW)):
        _role(maker, f"system:aggregate-to-{name}", rules, {f"{AGGREGATE}{name}": "true"})
    _role(maker, "system:discovery", [_paths(*_DISCOVERY, "/version", "/version/")])
    _role(maker, "system:public-info-viewer", [_paths(*_HEALTH)])
    _role(
        maker,
        "system:basic-user",
        [
            _rule(["create"], "authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
            _rule(["create"], "authentication.k8s.io", "selfsubjectreviews"),
        ],
    )
    _role(
        maker,
        "system:auth-delegator",
        [
            _rule(["create"], "authentication.k8s.io", "tokenreviews"),
            _rule(["create"], "authorization.k8s.io", "subjectaccessreviews"),
        ],
    )
    _role(
        maker,
        "system:service-account-issuer-discovery",
        [_paths("/.well-known/openid-configuration", "/openid/v1/jwks")],
    )
    _role(
        maker,
        "system:coredns",
        [
            _rule(["list", "watch"], "", "endpoints", "services", "pods", "namespaces"),
            _rule(["list", "watch"], "discovery.k8s.io", "endpointslices"),
        ],
        boot=False,
    )
    _bind(maker, "cluster-admin", "cluster-admin", _group("system:masters"))
    for name in ("system:basic-user", "system:discovery"):
        _bind(maker, name, name, _group(AUTHENTICATED))
    public = [*_group(AUTHENTICATED), *_group("system:unauthenticated")]
    _bind(maker, "system:public-info-viewer", "system:public-info-viewer", public)
    issuer = "system:service-account-issuer-discovery"
    _bind(maker, issuer, issuer, _group("system:serviceaccounts"))
    _bind(maker, "system:coredns", "system:coredns", _account("coredns"), boot=False)
    _bind(maker, "kubeadm:cluster-admins", "cluster-admin", _group("kubeadm:cluster-admins"), boot=False)
    _bind(maker, "minikube-rbac", "cluster-admin", _account("default"), boot=False)
    _bind(
        maker,
        "storage-provisioner",
        "system:persistent-volume-provisioner",
        _account("storage-provisioner"),
        boot=False,
    )
    _role(
        maker,
        "system:persistent-volume-provisioner",
        [
            _rule(["create", "delete", *READ], "", "persistentvolumes"),
            _rule([*READ, "update"], "", "persistentvolumeclaims"),
            _rule(READ, "storage.k8s.io", "storageclasses"),
            _rule(["watch"], "", "events"),
            _rule(["create", "list", "patch", "update", "watch"], "", "events"),
        ],
    )
    _namespaced(maker)


def _all_paths() -> Rule:
    return {"nonResourceURLs": ["*"], "verbs": ["*"]}


def _role(
    maker: Maker, name: str, rules: list[Rule], labels: dict[str, str] | None = None, *, boot: bool = True
) -> None:
    meta: dict[str, Any] = {"annotations": NOTE, "labels": {**BOOT, **(labels or {})}} if boot else {}
    maker.add(CLUSTER_ROLES, name, meta=meta, rules=rules)


def _aggregated(maker: Maker, name: str, rules: list[Rule], labels: dict[str, str]) -> None:
    selectors = [{"matchLabels": {f"{AGGREGATE}{name}": "true"}}]
    maker.add(
        CLUSTER_ROLES,
        name,
        meta={"annotations": NOTE, "labels": {**BOOT, **labels}},
        aggregationRule={"clusterRoleSelectors": selectors},
        rules=rules,
    )


def _group(name: str) -> list[Rule]:
    return [{"apiGroup": GROUP, "kind": "Group", "name": name}]


def _account(name: str) -> list[Rule]:
    return [{"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}]


def _bind(maker: Maker, name: str, role: str, subjects: list[Rule], *, boot: bool = True) -> None:
    meta: dict[str, Any] = {"annotations": NOTE, "labels": dict(BOOT)} if boot else {}
    ref = {"apiGroup": GROUP, "kind": "ClusterRole", "name": role}
    maker.add(CLUSTER_BINDINGS, name, meta=meta, roleRef=ref, subjects=subjects)


def _namespaced(maker: Maker) -> None:
    """The role by which anyone may read how to join the cluster."""
    name, home = "kubeadm:bootstrap-signer-clusterinfo", "kube-public"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["cluster-info"], "verbs": ["get"]}
    maker.add(ROLES, name, home, rules=[rule])
    subject = {"apiGroup": GROUP, "kind": "User", "name": "system:anonymous"}
    ref = {"apiGroup": GROUP, "kind": "Role", "name": name}
    maker.add(BINDINGS, name, home, roleRef=ref, subjects=[subject])
