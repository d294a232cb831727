"""The workloads of kube-system on a fresh Minikube, running: CoreDNS and kube-proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import bootstrap_static
from mcp_tools.targets.sandbox.bootstrap_node import IP
from mcp_tools.targets.sandbox.bootstrap_static import (
    DNS_POD_IP,
    IMAGES,
    SYSTEM,
    TERMINATION,
    UNREACHABLE,
    owner_of,
    pod,
    pod_spec,
    probe,
)
from mcp_tools.targets.sandbox.meta import suffix
from mcp_tools.targets.sandbox.node.behaviour import ANNOTATION
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.bootstrap import Maker

DNS_HASH = "674b8bbfcf"
PROXY_HASH = "5d9d5b7b9d"
COREFILE = """.:53 {
    log
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    hosts {
       192.168.49.1 host.minikube.internal
       fallthrough
    }
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""


def add(maker: Maker) -> None:
    """Add them, with what they are configured by."""
    maker.add("configmaps", "coredns", SYSTEM, data={"Corefile": COREFILE})
    maker.add(
        "configmaps",
        "kube-proxy",
        SYSTEM,
        meta={"labels": {"app": "kube-proxy"}},
        data={"config.conf": "mode: iptables\n"},
    )
    _coredns(maker)
    _proxy(maker)
    bootstrap_static.add(maker)
    for name in ("kube-controller-manager", "kube-scheduler"):
        now = maker.clock.micro_stamp()
        spec = {"acquireTime": now, "holderIdentity": f"minikube_{maker.uids['nodes', 'minikube']}"}
        maker.add(
            "leases.coordination.k8s.io",
            name,
            SYSTEM,
            spec={**spec, "leaseDurationSeconds": 15, "leaseTransitions": 1, "renewTime": now},
        )


def dns_name(maker: Maker) -> str:
    """The name of CoreDNS's pod."""
    return next(name for key, name in maker.uids if key == "pods" and name.startswith("coredns-"))


# -- CoreDNS -------------------------------------------------------------------------------------------------------


def _coredns(maker: Maker) -> None:
    labels = {"k8s-app": "kube-dns"}
    spec = _dns_spec()
    selector = {"matchLabels": dict(labels)}
    template = {"metadata": {"creationTimestamp": None, "labels": dict(labels)}, "spec": spec}
    counts = {"availableReplicas": 1, "observedGeneration": 1, "readyReplicas": 1, "replicas": 1}
    deployment = maker.add(
        "deployments.apps",
        "coredns",
        SYSTEM,
        meta={"generation": 1, "labels": labels, "annotations": {"deployment.kubernetes.io/revision": "1"}},
        spec={
            "progressDeadlineSeconds": 600,
            "replicas": 1,
            "revisionHistoryLimit": 10,
            "selector": selector,
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}, "type": "RollingUpdate"},
            "template": template,
        },
        status={**counts, "conditions": _rolled_out(maker.stamp), "updatedReplicas": 1},
    )
    hashed = {**labels, "pod-template-hash": DNS_HASH}
    notes = {
        "deployment.kubernetes.io/desired-replicas": "1",
        "deployment.kubernetes.io/max-replicas": "2",
        "deployment.kubernetes.io/revision": "1",
    }
    replica_set = maker.add(
        "replicasets.apps",
        f"coredns-{DNS_HASH}",
        SYSTEM,
        meta={
            "generation": 1,
            "labels": hashed,
            "annotations": notes,
            "ownerReferences": owner_of("Deployment", "apps/v1", deployment),
        },
        spec={
            "replicas": 1,
            "selector": {"matchLabels": hashed},
            "template": {"metadata": {"creationTimestamp": None, "labels": hashed}, "spec": spec},
        },
        status={**counts, "fullyLabeledReplicas": 1},
    )
    waits = [
        {"effect": "NoExecute", "key": f"node.kubernetes.io/{name}", "operator": "Exists", "tolerationSeconds": 300}
        for name in ("not-ready", "unreachable")
    ]
    pod(
        maker,
        f"coredns-{DNS_HASH}-{suffix()}",
        {**spec, "tolerations": [*spec["tolerations"], *waits]},
        meta={
            "generateName": f"coredns-{DNS_HASH}-",
            # Its health is served on ports that the container does not declare.
            "annotations": {ANNOTATION: '{"ports":[53,8080,8181,9153]}'},
            "labels": hashed,
            "ownerReferences": owner_of("ReplicaSet", "apps/v1", replica_set),
        },
        priority=2_000_000_000,
        ip=DNS_POD_IP,
        qos="Burstable",
        mounted=True,
    )


def _rolled_out(stamp: str) -> list[Obj]:
    said = (
        ("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        ("Progressing", "NewReplicaSetAvailable", f'ReplicaSet "coredns-{DNS_HASH}" has successfully progressed.'),
    )
    return [
        {
            "lastTransitionTime": stamp,
            "lastUpdateTime": stamp,
            "message": message,
            "reason": reason,
            "status": "True",
            "type": type_,
        }
        for type_, reason, message in said
    ]


def _dns_spec() -> Obj:
    container = {
        "args": ["-conf", "/etc/coredns/Corefile"],
        "image": IMAGES["coredns"],
        "imagePullPolicy": "IfNotPresent",
        "livenessProbe": probe("/health", 8080, failureThreshold=5, initialDelaySeconds=60, timeoutSeconds=5),
        "name": "coredns",
        "ports": [
            {"containerPort": 53, "name": "dns", "protocol": "UDP"},
            {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
            {"containerPort": 9153, "name": "metrics", "protocol": "TCP"},
        ],
        "readinessProbe": probe("/ready", 8181),
        "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        **TERMINATION,
        "volumeMounts": [{"mountPath": "/etc/coredns", "name": "config-volume", "readOnly": True}],
    }
    config = {"defaultMode": 420, "items": [{"key": "Corefile", "path": "Corefile"}], "name": "coredns"}
    term = {
        "labelSelector": {"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]},
        "topologyKey": "kubernetes.io/hostname",
    }
    preferred = [{"podAffinityTerm": term, "weight": 100}]
    return pod_spec(
        containers=[container],
        volumes=[{"configMap": config, "name": "config-volume"}],
        affinity={"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}},
        dnsPolicy="Default",
        nodeSelector={"kubernetes.io/os": "linux"},
        priorityClassName="system-cluster-critical",
        serviceAccount="coredns",
        serviceAccountName="coredns",
        tolerations=[
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane"},
        ],
    )


# -- kube-proxy ----------------------------------------------------------------------------------------------------


def _proxy(maker: Maker) -> None:
    labels = {"k8s-app": "kube-proxy"}
    spec = _proxy_spec()
    template = {"metadata": {"creationTimestamp": None, "labels": labels}, "spec": spec}
    daemon_set = maker.add(
        "daemonsets.apps",
        "kube-proxy",
        SYSTEM,
        meta={"generation": 1, "labels": labels, "annotations": {"deprecated.daemonset.template.generation": "1"}},
        spec={
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": labels},
            "template": template,
            "updateStrategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}, "type": "RollingUpdate"},
        },
        status={
            "currentNumberScheduled": 1,
            "desiredNumberScheduled": 1,
            "numberAvailable": 1,
            "numberMisscheduled": 0,
            "numberReady": 1,
            "observedGeneration": 1,
            "updatedNumberScheduled": 1,
        },
    )
    owner = owner_of("DaemonSet", "apps/v1", daemon_set)
    hashed = {"controller-revision-hash": PROXY_HASH, **labels}
    maker.add(
        "controllerrevisions.apps",
        f"kube-proxy-{PROXY_HASH}",
        SYSTEM,
        meta={
            "labels": {**hashed, "controller.kubernetes.io/hash": PROXY_HASH},
            "annotations": {"deprecated.daemonset.template.generation": "1"},
            "ownerReferences": owner,
        },
        data={"spec": {"template": {**template, "$patch": "replace"}}},
        revision=1,
    )
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["minikube"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    unscheduled = [
        {"effect": "NoSchedule", "key": f"node.kubernetes.io/{name}", "operator": "Exists"}
        for name in ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable", "network-unavailable")
    ]
    pod(
        maker,
        f"kube-proxy-{suffix()}",
        {
            **spec,
            "affinity": {"nodeAffinity": required},
            "tolerations": [*spec["tolerations"], *UNREACHABLE, *unscheduled],
        },
        meta={
            "generateName": "kube-proxy-",
            "labels": {**hashed, "pod-template-generation": "1"},
            "ownerReferences": owner,
        },
        priority=2_000_001_000,
        ip=IP,
        qos="BestEffort",
        mounted=True,
    )


def _proxy_spec() -> Obj:
    fixed = (("kube-proxy", "/var/lib/kube-proxy", False), ("xtables-lock", "/run/xtables.lock", False))
    mounts: list[Obj] = [{"mountPath": path, "name": name} for name, path, _ in fixed]
    mounts.append({"mountPath": "/lib/modules", "name": "lib-modules", "readOnly": True})
    container = {
        "command": [
            "/usr/local/bin/kube-proxy",
            "--config=/var/lib/kube-proxy/config.conf",
            "--hostname-override=$(NODE_NAME)",
        ],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}}],
        "image": IMAGES["kube-proxy"],
        "imagePullPolicy": "IfNotPresent",
        "name": "kube-proxy",
        "resources": {},
        "securityContext": {"privileged": True},
        **TERMINATION,
        "volumeMounts": mounts,
    }
    return pod_spec(
        containers=[container],
        volumes=[
            {"configMap": {"defaultMode": 420, "name": "kube-proxy"}, "name": "kube-proxy"},
            {"hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}, "name": "xtables-lock"},
            {"hostPath": {"path": "/lib/modules", "type": ""}, "name": "lib-modules"},
        ],
        hostNetwork=True,
        nodeSelector={"kubernetes.io/os": "linux"},
        priorityClassName="system-node-critical",
        serviceAccount="kube-proxy",
        serviceAccountName="kube-proxy",
        tolerations=[{"operator": "Exists"}],
    )
