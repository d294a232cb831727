"""What the bootstrap's pods have in common, and the pods that no workload makes: the control plane, the provisioner.

The manifests are those of kubeadm 1.33 and of Minikube's addons, with the defaults of the API server.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox.bootstrap_node import IP
from mcp_tools.targets.sandbox.meta import suffix
from mcp_tools.targets.sandbox.node import registry
from mcp_tools.targets.sandbox.store import Obj, copy

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.bootstrap import Maker

SYSTEM = "kube-system"
DNS_POD_IP = "10.244.0.2"
IMAGES = {name.rpartition(":")[0].rpartition("/")[2]: name for name in registry.SYSTEM}
"""By the last word of their names, those that a fresh node has."""
TERMINATION = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_OFTEN = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
UNREACHABLE = [
    {"effect": "NoExecute", "key": f"node.kubernetes.io/{name}", "operator": "Exists"}
    for name in ("not-ready", "unreachable")
]


def probe(path: str, port: int | str, **rest: Any) -> Obj:
    get = {"path": path, "port": port, "scheme": rest.pop("scheme", "HTTP")}
    if "host" in rest:
        get["host"] = rest.pop("host")
    return {**_OFTEN, "httpGet": get, **rest}


def pod_spec(*, containers: list[Obj], volumes: list[Obj], **rest: Any) -> Obj:
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


def pod(maker: Maker, name: str, spec: Obj, *, meta: Obj, priority: int, ip: str, qos: str, mounted: bool) -> None:
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


def owner_of(kind: str, api_version: str, obj: Obj) -> list[Obj]:
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


# -- the control plane ---------------------------------------------------------------------------------------------

_CERTS = "/var/lib/minikube/certs"
_CONTROL_PLANE: tuple[tuple[str, dict[str, str], list[str]], ...] = (
    (
        "etcd",
        {"cpu": "100m", "memory": "100Mi"},
        ["etcd", f"--advertise-client-urls=https://{IP}:2379", "--data-dir=/var/lib/minikube/etcd", "--name=minikube"],
    ),
    (
        "kube-apiserver",
        {"cpu": "250m"},
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
        ["kube-controller-manager", "--bind-address=127.0.0.1", "--cluster-cidr=10.244.0.0/16", "--leader-elect=false"],
    ),
    (
        "kube-scheduler",
        {"cpu": "100m"},
        ["kube-scheduler", "--bind-address=127.0.0.1", "--leader-elect=false"],
    ),
)


def _static(maker: Maker, name: str, requests: dict[str, str], command: list[str]) -> None:
    """A static pod: its mirror in the API. Its probes are left out: they speak TLS, which nothing here does."""
    digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    container = {
        "command": command,
        "image": IMAGES[name],
        "imagePullPolicy": "IfNotPresent",
        "name": name,
        "resources": {"requests": requests},
        **TERMINATION,
        "volumeMounts": [{"mountPath": _CERTS, "name": "k8s-certs", "readOnly": True}],
    }
    spec = pod_spec(
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
    pod(
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
        **TERMINATION,
        "volumeMounts": [{"mountPath": "/tmp", "name": "tmp"}],  # noqa: S108
    }
    spec = pod_spec(
        containers=[container],
        volumes=[{"hostPath": {"path": "/tmp", "type": "Directory"}, "name": "tmp"}],  # noqa: S108
        hostNetwork=True,
        serviceAccount=name,
        serviceAccountName=name,
        tolerations=[{**entry, "tolerationSeconds": 300} for entry in UNREACHABLE],
    )
    labels = {"addonmanager.kubernetes.io/mode": "Reconcile", "integration-test": name}
    pod(maker, name, spec, meta={"labels": labels}, priority=0, ip=IP, qos="BestEffort", mounted=True)


def add(maker: Maker) -> None:
    """Add the static pods of the control plane, and the storage provisioner."""
    for name, requests, command in _CONTROL_PLANE:
        _static(maker, name, requests, command)
    _provisioner(maker)
