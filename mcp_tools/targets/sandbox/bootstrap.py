"""What a cluster has when Minikube has just started it.

The objects are written as the API server stores them, defaults included, and put into the store at once: nothing has
to be admitted, scheduled or started, so that a fresh cluster is there in a few milliseconds.
"""

from __future__ import annotations

import hashlib
from typing import Any

from mcp_tools.targets.sandbox import bootstrap_node, bootstrap_pods, bootstrap_roles, bootstrap_static, kinds
from mcp_tools.targets.sandbox.bootstrap_names import ACCOUNTS
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.meta import new_uid
from mcp_tools.targets.sandbox.store import Obj, Store

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
CA_NOTE = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
STORAGE_APPLIED = (
    '{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"annotations":{"storageclass.kubernetes.io/'
    'is-default-class":"true"},"labels":{"addonmanager.kubernetes.io/mode":"EnsureExists"},"name":"standard"},'
    '"provisioner":"k8s.io/minikube-hostpath"}\n'
)
SERVICE_IP, DNS_IP, NODE_IP = "10.96.0.1", "10.96.0.10", "192.168.49.2"
API_PORT = 8443


class Maker:
    """Makes the objects of a new cluster: each gets its kind, a UID, and the time of the start."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.stamp = clock.stamp()
        self.made: list[tuple[str, Obj]] = []
        self.uids: dict[tuple[str, str], str] = {}

    def add(self, key: str, name: str, namespace: str = "", *, meta: Obj | None = None, **rest: Any) -> Obj:
        """Add an object of that kind; ``meta`` and the keyword arguments are its further parts."""
        kind = kinds.by_key(key)
        facts: Obj = {"name": name}
        if namespace:
            facts["namespace"] = namespace
        facts["uid"] = new_uid()
        facts["resourceVersion"] = str(len(self.made) + 2)
        facts["creationTimestamp"] = self.stamp
        facts.update(meta or {})
        obj: Obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": facts, **rest}
        self.made.append((key, obj))
        self.uids[key, name] = facts["uid"]
        return obj


def fill(store: Store, clock: Clock, *, cpu: str, memory: str, pods: int) -> None:
    """Put everything that a fresh cluster has into an empty store."""
    maker = Maker(clock)
    _namespaces(maker)
    _system(maker)
    bootstrap_node.add(maker, cpu=cpu, memory=memory, pods=pods)
    bootstrap_pods.add(maker)
    _network(maker)
    bootstrap_roles.add(maker)
    store.restore(maker.made, len(maker.made) + 1)


def _namespaces(maker: Maker) -> None:
    bundle = _bundle()
    for name in NAMESPACES:
        maker.add(
            "namespaces",
            name,
            meta={"labels": {"kubernetes.io/metadata.name": name}},
            spec={"finalizers": ["kubernetes"]},
            status={"phase": "Active"},
        )
        maker.add("serviceaccounts", "default", name)
        maker.add(
            "configmaps",
            "kube-root-ca.crt",
            name,
            meta={"annotations": {"kubernetes.io/description": CA_NOTE}},
            data={"ca.crt": bundle},
        )
    for name in ACCOUNTS:
        maker.add("serviceaccounts", name, "kube-system")


def _bundle() -> str:
    """The text of ``ca.crt``: in the form of a certificate; there is no authority behind it."""
    block = hashlib.sha512(b"minikubeCA").hexdigest() * 7
    lines = [block[place : place + 64] for place in range(0, len(block), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _system(maker: Maker) -> None:
    maker.add(
        "storageclasses.storage.k8s.io",
        "standard",
        meta={
            "labels": {"addonmanager.kubernetes.io/mode": "EnsureExists"},
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": STORAGE_APPLIED,
                "storageclass.kubernetes.io/is-default-class": "true",
            },
        },
        provisioner="k8s.io/minikube-hostpath",
        reclaimPolicy="Delete",
        volumeBindingMode="Immediate",
    )
    for name, value, where in (
        ("system-cluster-critical", 2_000_000_000, "the cluster"),
        ("system-node-critical", 2_000_001_000, "the node"),
    ):
        said = (
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
            if where == "the cluster"
            else "Used for system critical pods that must not be moved from their current node."
        )
        maker.add(
            "priorityclasses.scheduling.k8s.io",
            name,
            meta={"generation": 1},
            value=value,
            description=said,
            preemptionPolicy="PreemptLowerPriority",
        )
    maker.add(
        "servicecidrs.networking.k8s.io",
        "kubernetes",
        spec={"cidrs": ["10.96.0.0/12"]},
        status={
            "conditions": [
                {
                    "lastTransitionTime": maker.stamp,
                    "message": "Kubernetes Service CIDR is ready",
                    "reason": "",
                    "status": "True",
                    "type": "Ready",
                }
            ]
        },
    )


def _network(maker: Maker) -> None:
    """The two Services of a fresh cluster, with their endpoints."""
    common = {
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }
    maker.add(
        "services",
        "kubernetes",
        "default",
        meta={"labels": {"component": "apiserver", "provider": "kubernetes"}},
        spec={
            "clusterIP": SERVICE_IP,
            "clusterIPs": [SERVICE_IP],
            **common,
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": API_PORT}],
        },
        status={"loadBalancer": {}},
    )
    maker.add(
        "endpoints",
        "kubernetes",
        "default",
        meta={"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        subsets=[{"addresses": [{"ip": NODE_IP}], "ports": [{"name": "https", "port": API_PORT, "protocol": "TCP"}]}],
    )
    maker.add(
        "endpointslices.discovery.k8s.io",
        "kubernetes",
        "default",
        meta={"generation": 1, "labels": {"kubernetes.io/service-name": "kubernetes"}},
        addressType="IPv4",
        endpoints=[{"addresses": [NODE_IP], "conditions": {"ready": True}}],
        ports=[{"name": "https", "port": API_PORT, "protocol": "TCP"}],
    )
    for name, ip in (("kubernetes", SERVICE_IP), ("kube-dns", DNS_IP)):
        home = "default" if name == "kubernetes" else "kube-system"
        maker.add(
            "ipaddresses.networking.k8s.io",
            ip,
            meta={
                "labels": {
                    "ipaddress.kubernetes.io/ip-family": "IPv4",
                    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
                }
            },
            spec={"parentRef": {"group": "", "name": name, "namespace": home, "resource": "services"}},
        )
    _dns(maker, common)


def _dns(maker: Maker, common: Obj) -> None:
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
        {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153},
    ]
    labels = {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    service = maker.add(
        "services",
        "kube-dns",
        "kube-system",
        meta={"labels": labels, "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"}},
        spec={
            "clusterIP": DNS_IP,
            "clusterIPs": [DNS_IP],
            **common,
            "ports": ports,
            "selector": {"k8s-app": "kube-dns"},
        },
        status={"loadBalancer": {}},
    )
    served = [{"name": port["name"], "port": port["port"], "protocol": port["protocol"]} for port in ports]
    pod = bootstrap_pods.dns_name(maker)
    target = {"kind": "Pod", "name": pod, "namespace": "kube-system", "uid": maker.uids["pods", pod]}
    changed = maker.stamp
    maker.add(
        "endpoints",
        "kube-dns",
        "kube-system",
        meta={
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": changed},
            "labels": {**labels, "endpoints.kubernetes.io/managed-by": "endpoint-controller"},
        },
        subsets=[
            {
                "addresses": [{"ip": bootstrap_static.DNS_POD_IP, "nodeName": "minikube", "targetRef": target}],
                "ports": served,
            }
        ],
    )
    maker.add(
        "endpointslices.discovery.k8s.io",
        "kube-dns-2x9fk",
        "kube-system",
        meta={
            "generateName": "kube-dns-",
            "generation": 1,
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": changed},
            "labels": {
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                **labels,
                "kubernetes.io/service-name": "kube-dns",
            },
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "blockOwnerDeletion": True,
                    "controller": True,
                    "kind": "Service",
                    "name": "kube-dns",
                    "uid": service["metadata"]["uid"],
                }
            ],
        },
        addressType="IPv4",
        endpoints=[
            {
                "addresses": [bootstrap_static.DNS_POD_IP],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": "minikube",
                "targetRef": target,
            }
        ],
        ports=served,
    )
