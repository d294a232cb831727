# ruff: noqa: E501 (objects on one line each read as a table)
"""What the API server adds to an object of each usual kind."""

from __future__ import annotations

from typing import Any

from tests.parity.case import add, case
from tests.parity.manifests import (
    box,
    claim,
    config,
    cronjob,
    daemonset,
    deployment,
    job,
    pod,
    quota,
    service,
    statefulset,
    template,
    thing,
)
from tests.parity.stage import Stage

FAMILY = "defaults"
PROBE = {"httpGet": {"path": "/", "port": 80}}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
VOLUMES: list[dict[str, Any]] = [
    {"name": "a", "emptyDir": {}},
    {"name": "b", "configMap": {"name": "c"}},
    {"name": "c", "secret": {"secretName": "s"}},
    {"name": "d", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "c"}}]}},
    {"name": "e", "hostPath": {"path": "/tmp"}},
    {"name": "f", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    {"name": "g"},
    {"name": "h", "ephemeral": {"volumeClaimTemplate": {"spec": claim()["spec"]}}},
]
_plain = {"name": "web", "image": "python"}
DRY: dict[str, tuple[str, Any]] = {
    "pod": ("pods", thing("Pod", "a", spec={"containers": [_plain]})),
    "pod-tags": ("pods", pod("a", *({"name": f"c{n}", "image": i} for n, i in enumerate(("a:latest", "a:1", "r.io/a", "a@sha256:" + "0" * 64))))),
    "pod-probes": ("pods", pod("a", box(livenessProbe=PROBE, readinessProbe={"tcpSocket": {"port": 80}}, startupProbe={"exec": {"command": ["x"]}}, lifecycle={"preStop": {"httpGet": {"port": 80}}}), box("b", livenessProbe={"grpc": {"port": 80}}))),
    "pod-volumes": ("pods", pod("a", volumes=VOLUMES)),
    "pod-env": ("pods", pod("a", box(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}, {"name": "C"}]))),
    "pod-resources": ("pods", pod("a", box(resources={"limits": {"cpu": "1", "memory": "1Gi"}}), box("b", resources={"limits": {"cpu": "0.5"}, "requests": {"memory": "64M"}}))),
    "pod-security": ("pods", pod("a", box(securityContext={"runAsUser": 1}), securityContext={"fsGroup": 1}, hostNetwork=True, serviceAccountName="default", automountServiceAccountToken=False)),
    "pod-init-and-sidecar": ("pods", pod("a", initContainers=[box("i"), box("s", restartPolicy="Always")], topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}])),
    "pod-ports": ("pods", pod("a", box(ports=[{"containerPort": 80}, {"containerPort": 81, "hostPort": 81, "protocol": "UDP"}]))),
    "deployment": ("deployments", deployment()),
    "deployment-recreate": ("deployments", deployment(strategy={"type": "Recreate"})),
    "deployment-rolling": ("deployments", deployment(strategy={"rollingUpdate": {"maxSurge": 2}})),
    "statefulset": ("statefulsets", statefulset(volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": claim()["spec"]}])),
    "daemonset": ("daemonsets", daemonset()),
    "replicaset": ("replicasets", thing("ReplicaSet", "a", "apps/v1", spec={"selector": {"matchLabels": {"app": "web"}}, "template": template()})),
    "job-indexed": ("jobs", job(completions=3, completionMode="Indexed")),
    "job-parallel": ("jobs", job(parallelism=3)),
    "cronjob": ("cronjobs", cronjob()),
    "ingress": ("ingresses", thing("Ingress", "a", "networking.k8s.io/v1", spec={"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]})),
    "networkpolicy": ("networkpolicies", thing("NetworkPolicy", "a", "networking.k8s.io/v1", spec={"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]})),
    "networkpolicy-egress": ("networkpolicies", thing("NetworkPolicy", "a", "networking.k8s.io/v1", spec={"podSelector": {}, "egress": [{}]})),
    "hpa": ("horizontalpodautoscalers", thing("HorizontalPodAutoscaler", "a", "autoscaling/v2", spec={"maxReplicas": 3, "scaleTargetRef": TARGET})),
    "hpa-behaviour": ("horizontalpodautoscalers", thing("HorizontalPodAutoscaler", "a", "autoscaling/v2", spec={"maxReplicas": 3, "scaleTargetRef": TARGET, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}}})),
    "pdb": ("poddisruptionbudgets", thing("PodDisruptionBudget", "a", "policy/v1", spec={"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}})),
    "claim": ("persistentvolumeclaims", claim("a")),
    "claim-of-no-class": ("persistentvolumeclaims", claim("a", storageClassName="")),
    "volume": ("persistentvolumes", thing("PersistentVolume", "parity-a", spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp/x"}})),
    "secret": ("secrets", thing("Secret", "a", stringData={"x": "y"})),
    "serviceaccount": ("serviceaccounts", thing("ServiceAccount", "a")),
    "role": ("roles", thing("Role", "a", "rbac.authorization.k8s.io/v1", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])),
    "rolebinding": ("rolebindings", thing("RoleBinding", "a", "rbac.authorization.k8s.io/v1", roleRef={"kind": "Role", "name": "a"}, subjects=[{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}])),
    "quota": ("resourcequotas", quota("a", pods="1", requests_cpu="1")),
    "limitrange": ("limitranges", thing("LimitRange", "a", spec={"limits": [{"type": "Container", "max": {"cpu": "1"}, "min": {"memory": "1Mi"}}]})),
    "priorityclass": ("priorityclasses", thing("PriorityClass", "parity-a", "scheduling.k8s.io/v1", value=5)),
    "storageclass": ("storageclasses", thing("StorageClass", "parity-a", "storage.k8s.io/v1", provisioner="a/b")),
    "endpoints": ("endpoints", thing("Endpoints", "a", subsets=[{"addresses": [{"ip": "10.0.0.9"}], "ports": [{"port": 80}]}])),
    "endpointslice": ("endpointslices", thing("EndpointSlice", "a", "discovery.k8s.io/v1", addressType="IPv4", endpoints=[{"addresses": ["10.0.0.9"]}], ports=[{"port": 80}])),
    "webhook": ("validatingwebhookconfigurations", thing("ValidatingWebhookConfiguration", "parity-a", "admissionregistration.k8s.io/v1", webhooks=[{"name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://a.example.com"}, "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]}])),
    "namespace": ("namespaces", thing("Namespace", "parity-new")),
    "ingressclass": ("ingressclasses", thing("IngressClass", "parity-a", "networking.k8s.io/v1", spec={"controller": "a.b/c", "parameters": {"kind": "K", "name": "n", "scope": "Cluster"}})),
}  # fmt: skip


def _dry(place: str, manifest: Any) -> Any:
    return lambda s: s.post(place, manifest, query={"dryRun": "All"})


for _name, (_place, _manifest) in DRY.items():
    add(FAMILY, _name, _dry(_place, _manifest))

SERVICES: dict[str, Any] = {
    "cluster-ip": service("a"),
    "headless": service("a", clusterIP="None"),
    "node-port": service("a", type="NodePort"),
    "load-balancer": service("a", type="LoadBalancer"),
    "external-name": thing("Service", "a", spec={"type": "ExternalName", "externalName": "example.com"}),
    "affinity": service("a", sessionAffinity="ClientIP"),
    "local": service("a", type="NodePort", externalTrafficPolicy="Local"),
    "no-selector": thing("Service", "a", spec={"ports": [{"port": 80}]}),
}


def _made(manifest: Any) -> Any:
    return lambda s: s.post("services", manifest)


for _name, _manifest in SERVICES.items():
    add(FAMILY, f"service-{_name}", _made(_manifest))


@case(FAMILY)
def job_and_its_selector(s: Stage) -> None:
    s.post("jobs", job(suspend=True))
    s.get("jobs/web", show=["spec.selector.matchLabels", "spec.template.metadata.labels", "metadata.labels"])


@case(FAMILY)
def a_service_keeps_its_address(s: Stage) -> None:
    first = s.post("services", service("a"), show=["spec.type"])
    address = first["spec"]["clusterIP"]
    s.put("services/a", service("a", {"port": 81}), show=["spec.ports"])
    s.note("the same", s.peek("services/a")["spec"]["clusterIP"] == address)
    s.patch("services/a", {"spec": {"type": "NodePort"}}, show=["spec.type", "spec.externalTrafficPolicy"])
    s.patch("services/a", {"spec": {"type": "ClusterIP"}}, show=["spec"])
    s.patch("services/a", {"spec": {"type": "ExternalName", "externalName": "a.b"}}, show=["spec"])


@case(FAMILY)
def a_new_namespace(s: Stage) -> None:
    s.get(f"namespaces/{s.namespace}")
    s.get("serviceaccounts/default")
    s.get("configmaps/kube-root-ca.crt", show=["metadata"])
    s.get("secrets", show=["items"])
    s.post("configmaps", config("a"))
