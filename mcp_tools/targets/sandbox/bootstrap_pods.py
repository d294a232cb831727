"""The workloads of kube-system on a fresh Minikube, running: CoreDNS, kube-proxy, the control plane, the provisioner.

The manifests are those of kubeadm 1.33 and of Minikube's addons, with the defaults of the API server.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox.bootstrap_node import IP, VERSION
from mcp_tools.targets.sandbox.meta import suffix
from mcp_tools.targets.sandbox.store import Obj, copy

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.bootstrap import Maker

SYSTEM = "kube-system"
DNS_POD_IP = "10.244.0.2"
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
IMAGES = {
    "coredns": "registry.k8s.io/coredns/coredns:v1.12.0",
    "etcd": "registry.k8s.io/etcd:3.5.21-0",
    "storage-provisioner": "gcr.io/k8s-minikube/storage-provisioner:v5",
    **{
        name: f"registry.k8s.io/{name}:{VERSION}"
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    },
}
_TERMINATION = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_OFTEN = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
_EVERYWHERE = [
    {"effect": "NoExecute", "key": f"node.kubernetes.io/{name}", "operator": "Exists"}
    for name in ("not-ready", "unreachable")
]


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
    for name, requests, port, command in _CONTROL_PLANE:
        _static(maker, name, requests, port, command)
    _provisioner(maker)
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


# -- parts of pods -------------------------------------------------------------------------------------------------


def _probe(path: str, port: int | str, **rest: Any) -> Obj:
    get = {"path": path, "port": port, "scheme": rest.pop("scheme", "HTTP")}
    if "host" in rest:
        get["host"] = rest.pop("host")
    return {**_OFTEN, "httpGet": get, **rest}


def _spec(*, containers: list[Obj], volumes: list[Obj], **rest: Any) -> Obj:
    return {
        "containers": containers,
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "volumes": volumes,
        **rest,
    }


def _token_volume(pod: Obj) -> None:
    """What the ServiceAccount admission mounts into every container."""
    name = f"kube-api-access-{suffix()}"
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
        {
            "downwardAPI": {
                "items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}]
            }
        },
    ]
    pod["volumes"] = [*pod["volumes"], {"name": name, "projected": {"defaultMode": 420, "sources": sources}}]
    mount = {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": name, "readOnly": True}
    for container in pod["containers"]:
        container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]


def _pod(maker: Maker, name: str, spec: Obj, *, meta: Obj, priority: int, ip: str, qos: str, mounted: bool) -> None:
    """Add a pod that runs."""
    spec = copy(spec)
    if mounted:
        _token_volume(spec)
    spec |= {"nodeName": "minikube", "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority"}
    spec["priority"] = priority
    conditions = [
        {"lastProbeTime": None, "lastTransitionTime": maker.stamp, "status": "True", "type": type_}
        for type_ in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    container = spec["containers"][0]
    digest = hashlib.sha256(container["image"].encode()).hexdigest()
    repository = container["image"].rpartition(":")[0]
    state: Obj = {
        "containerID": f"docker://{hashlib.sha256(f'{name}{maker.stamp}'.encode()).hexdigest()}",
        "image": container["image"],
        "imageID": f"docker-pullable://{repository}@sha256:{digest}",
        "lastState": {},
        "name": container["name"],
        "ready": True,
        "restartCount": 0,
        "started": True,
        "state": {"running": {"startedAt": maker.stamp}},
    }
    if resources := container.get("resources"):
        state["allocatedResources"] = resources.get("requests", {})
        state["resources"] = resources
    status = {
        "conditions": conditions,
        "containerStatuses": [state],
        "hostIP": IP,
        "hostIPs": [{"ip": IP}],
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "qosClass": qos,
        "startTime": maker.stamp,
    }
    maker.add("pods", name, SYSTEM, meta={"generation": 1, **meta}, spec=spec, status=status)


def _owner(kind: str, api_version: str, obj: Obj) -> list[Obj]:
    facts = obj["metadata"]
    return [
        {
            "apiVersion": api_version,
            "blockOwnerDeletion": True,
            "controller": True,
            "kind": kind,
            "name": facts["name"],
            "uid": facts["uid"],
        }
    ]


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
            "ownerReferences": _owner("Deployment", "apps/v1", deployment),
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
    _pod(
        maker,
        f"coredns-{DNS_HASH}-{suffix()}",
        {**spec, "tolerations": [*spec["tolerations"], *waits]},
        meta={
            "generateName": f"coredns-{DNS_HASH}-",
            "labels": hashed,
            "ownerReferences": _owner("ReplicaSet", "apps/v1", replica_set),
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
        "livenessProbe": _probe("/health", 8080, failureThreshold=5, initialDelaySeconds=60, timeoutSeconds=5),
        "name": "coredns",
        "ports": [
            {"containerPort": 53, "name": "dns", "protocol": "UDP"},
            {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
            {"containerPort": 9153, "name": "metrics", "protocol": "TCP"},
        ],
        "readinessProbe": _probe("/ready", 8181),
        "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        **_TERMINATION,
        "volumeMounts": [{"mountPath": "/etc/coredns", "name": "config-volume", "readOnly": True}],
    }
    config = {"defaultMode": 420, "items": [{"key": "Corefile", "path": "Corefile"}], "name": "coredns"}
    term = {
        "labelSelector": {"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]},
        "topologyKey": "kubernetes.io/hostname",
    }
    preferred = [{"podAffinityTerm": term, "weight": 100}]
    return _spec(
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
    owner = _owner("DaemonSet", "apps/v1", daemon_set)
    hashed = {"controller-revision-hash": PROXY_HASH, **labels}
    maker.add(
        "controllerrevisions.apps",
        f"kube-proxy-{PROXY_HASH}",
        SYSTEM,
        meta={
            "labels": hashed,
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
    _pod(
        maker,
        f"kube-proxy-{suffix()}",
        {
            **spec,
            "affinity": {"nodeAffinity": required},
            "tolerations": [*spec["tolerations"], *_EVERYWHERE, *unscheduled],
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
        **_TERMINATION,
        "volumeMounts": mounts,
    }
    return _spec(
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


# -- the control plane ---------------------------------------------------------------------------------------------

_CERTS = "/var/lib/minikube/certs"
_CONTROL_PLANE: tuple[tuple[str, dict[str, str], int, list[str]], ...] = (
    (
        "etcd",
        {"cpu": "100m", "memory": "100Mi"},
        2381,
        ["etcd", f"--advertise-client-urls=https://{IP}:2379", "--data-dir=/var/lib/minikube/etcd", "--name=minikube"],
    ),
    (
        "kube-apiserver",
        {"cpu": "250m"},
        8443,
        [
            "kube-apiserver",
            f"--advertise-address={IP}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NamespaceLifecycle,LimitRanger,ServiceAccount,DefaultStorageClass,"
            "DefaultTolerationSeconds,NodeRestriction,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,ResourceQuota",
            "--secure-port=8443",
            "--service-cluster-ip-range=10.96.0.0/12",
        ],
    ),
    (
        "kube-controller-manager",
        {"cpu": "200m"},
        10257,
        ["kube-controller-manager", "--bind-address=127.0.0.1", "--cluster-cidr=10.244.0.0/16", "--leader-elect=false"],
    ),
    (
        "kube-scheduler",
        {"cpu": "100m"},
        10259,
        ["kube-scheduler", "--bind-address=127.0.0.1", "--leader-elect=false"],
    ),
)


def _static(maker: Maker, name: str, requests: dict[str, str], port: int, command: list[str]) -> None:
    """A static pod: its mirror in the API."""
    scheme = "HTTP" if name == "etcd" else "HTTPS"
    host = IP if name == "kube-apiserver" else "127.0.0.1"
    slow = {"initialDelaySeconds": 10, "timeoutSeconds": 15, "scheme": scheme, "host": host}
    digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    container = {
        "command": command,
        "image": IMAGES[name],
        "imagePullPolicy": "IfNotPresent",
        "livenessProbe": _probe("/livez", port, **{**slow, "failureThreshold": 8}),
        "name": name,
        "resources": {"requests": requests},
        "startupProbe": _probe("/livez", port, **{**slow, "failureThreshold": 24}),
        **_TERMINATION,
        "volumeMounts": [{"mountPath": _CERTS, "name": "k8s-certs", "readOnly": True}],
    }
    spec = _spec(
        containers=[container],
        volumes=[{"hostPath": {"path": _CERTS, "type": "DirectoryOrCreate"}, "name": "k8s-certs"}],
        hostNetwork=True,
        priorityClassName="system-node-critical",
        securityContext={"seccompProfile": {"type": "RuntimeDefault"}},
        tolerations=[{"effect": "NoExecute", "operator": "Exists"}],
    )
    owner = {
        "apiVersion": "v1",
        "controller": True,
        "kind": "Node",
        "name": "minikube",
        "uid": maker.uids["nodes", "minikube"],
    }
    notes = {
        "kubernetes.io/config.hash": digest,
        "kubernetes.io/config.mirror": digest,
        "kubernetes.io/config.seen": maker.stamp,
        "kubernetes.io/config.source": "file",
    }
    if name == "kube-apiserver":
        notes[f"kubeadm.kubernetes.io/{name}.advertise-address.endpoint"] = f"{IP}:8443"
    if name == "etcd":
        notes["kubeadm.kubernetes.io/etcd.advertise-client-urls"] = f"https://{IP}:2379"
    _pod(
        maker,
        f"{name}-minikube",
        spec,
        meta={
            "annotations": dict(sorted(notes.items())),
            "labels": {"component": name, "tier": "control-plane"},
            "ownerReferences": [owner],
        },
        priority=2_000_001_000,
        ip=IP,
        qos="Burstable",
        mounted=False,
    )


def _provisioner(maker: Maker) -> None:
    name = "storage-provisioner"
    container = {
        "command": ["/storage-provisioner"],
        "image": IMAGES[name],
        "imagePullPolicy": "IfNotPresent",
        "name": name,
        "resources": {},
        **_TERMINATION,
        "volumeMounts": [{"mountPath": "/tmp", "name": "tmp"}],  # noqa: S108
    }
    spec = _spec(
        containers=[container],
        volumes=[{"hostPath": {"path": "/tmp", "type": "Directory"}, "name": "tmp"}],  # noqa: S108
        hostNetwork=True,
        serviceAccount=name,
        serviceAccountName=name,
        tolerations=[{**entry, "tolerationSeconds": 300} for entry in _EVERYWHERE],
    )
    labels = {"addonmanager.kubernetes.io/mode": "Reconcile", "integration-test": name}
    _pod(maker, name, spec, meta={"labels": labels}, priority=0, ip=IP, qos="BestEffort", mounted=True)
