"""The node of a fresh cluster, with its lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.meta import new_uid
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.bootstrap import Maker

NAME = "minikube"
VERSION = "v1.33.13"
IP = "192.168.49.2"
DISK = "61202244Ki"
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def add(maker: Maker, *, cpu: str, memory: str, pods: int) -> None:
    """Add the node ``minikube``: Ready, with that capacity."""
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": NAME,
        "kubernetes.io/os": "linux",
        "minikube.k8s.io/name": NAME,
        "minikube.k8s.io/primary": "true",
        "minikube.k8s.io/version": "v1.36.0",
        "node-role.kubernetes.io/control-plane": "",
        "node.kubernetes.io/exclude-from-external-load-balancers": "",
    }
    notes = {
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    }
    node = maker.add(
        "nodes",
        NAME,
        meta={"labels": labels, "annotations": notes},
        spec={"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]},
        status=_status(maker.stamp, cpu, memory, pods),
    )
    maker.add(
        "leases.coordination.k8s.io",
        NAME,
        "kube-node-lease",
        meta={
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": NAME, "uid": node["metadata"]["uid"]},
            ]
        },
        spec={
            "holderIdentity": NAME,
            "leaseDurationSeconds": 40,
            "renewTime": maker.clock.micro_stamp(),
        },
    )
    maker.add(
        "csinodes.storage.k8s.io",
        NAME,
        meta={
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": NAME, "uid": node["metadata"]["uid"]},
            ]
        },
        spec={"drivers": None},
    )


def _status(stamp: str, cpu: str, memory: str, pods: int) -> Obj:
    amounts = {
        "cpu": cpu,
        "ephemeral-storage": DISK,
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{int(quantity.parse(memory).amount) // 1024}Ki",
        "pods": str(pods),
    }
    conditions = [
        {
            "lastHeartbeatTime": stamp,
            "lastTransitionTime": stamp,
            "message": message,
            "reason": reason,
            "status": status,
            "type": type_,
        }
        for type_, status, reason, message in _CONDITIONS
    ]
    return {
        "addresses": [{"address": IP, "type": "InternalIP"}, {"address": NAME, "type": "Hostname"}],
        "allocatable": dict(amounts),
        "capacity": dict(amounts),
        "conditions": conditions,
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "features": {"supplementalGroupsPolicy": True},
        "images": [],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": new_uid(),
            "containerRuntimeVersion": "docker://28.1.1",
            "kernelVersion": "6.8.0-60-generic",
            "kubeProxyVersion": "",
            "kubeletVersion": VERSION,
            "machineID": new_uid().replace("-", ""),
            "operatingSystem": "linux",
            "osImage": "Ubuntu 22.04.5 LTS",
            "swap": {"capacity": 0},
            "systemUUID": new_uid(),
        },
        "runtimeHandlers": [
            {"features": {"recursiveReadOnlyMounts": False, "userNamespaces": False}, "name": ""},
        ],
    }
