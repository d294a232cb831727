# ruff: noqa: E501 (objects on one line each read as a table)
"""Values that are refused, and fields that cannot be changed: the exact words."""

from __future__ import annotations

from typing import Any

from tests.parity.case import add
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
    thing,
)
from tests.parity.stage import Stage

FAMILY = "validation"
RBAC, NET, SCALE = "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1", "autoscaling/v2"
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
HTTP = {"httpGet": {"path": "/", "port": 80}}


def _volume(mount: str = "a", path: str = "/a", **volume: Any) -> Any:
    return pod("a", box(volumeMounts=[{"name": mount, "mountPath": path}]), volumes=[{"name": "a", **volume}])


def _ingress(**spec: Any) -> Any:
    return thing("Ingress", "a", NET, spec=spec)


def _path(**path: Any) -> Any:
    return _ingress(rules=[{"host": path.pop("host", "a.example.com"), "http": {"paths": [path]}}])


def _hpa(**spec: Any) -> Any:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return thing("HorizontalPodAutoscaler", "a", SCALE, spec={"maxReplicas": 3, "scaleTargetRef": target} | spec)


def _policy(**spec: Any) -> Any:
    return thing("NetworkPolicy", "a", NET, spec={"podSelector": {}} | spec)


def _budget(**spec: Any) -> Any:
    return thing("PodDisruptionBudget", "a", "policy/v1", spec=spec)


BACKEND = {"service": {"name": "a", "port": {"number": 80}}}
REFUSED: dict[str, tuple[str, list[Any]]] = {
    "pod-containers": ("pods", [
        thing("Pod", "a", spec={"containers": []}),
        thing("Pod", "a"),
        pod("a", box("a"), box("a")),
        pod("a", {"name": "a"}),
        pod("a", {"image": "a"}),
        pod("a", box("A_b")),
        pod("a", box(image=" a ")),
        pod("a", box(), initContainers=[box("web")]),
        pod("a", box(imagePullPolicy="Sometimes")),
        pod("a", box(terminationMessagePolicy="x"), restartPolicy="Maybe", dnsPolicy="x"),
    ]),
    "pod-ports-and-env": ("pods", [
        pod("a", box(ports=[{"containerPort": 0}])),
        pod("a", box(ports=[{"containerPort": 70000, "protocol": "HTTP"}])),
        pod("a", box(ports=[{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}])),
        pod("a", box(ports=[{"containerPort": 80, "name": "Much_Too_Long_A_Name"}])),
        pod("a", box(ports=[{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}])),
        pod("a", box(env=[{"name": ""}])),
        pod("a", box(env=[{"name": "a=b", "value": "x"}])),
        pod("a", box(env=[{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])),
        pod("a", box(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nothing"}}}])),
        pod("a", box(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": ""}}}])),
        pod("a", box(envFrom=[{}])),
    ]),
    "pod-resources": ("pods", [
        pod("a", box(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}})),
        pod("a", box(resources={"limits": {"memory": "1Mi"}, "requests": {"memory": "2Mi"}})),
        pod("a", box(resources={"limits": {"cpu": "lots"}})),
        pod("a", box(resources={"requests": {"cpu": "-1"}})),
        pod("a", box(resources={"requests": {"gpu": "1"}})),
        pod("a", box(resources={"requests": {"example.com/gpu": "1"}})),
        pod("a", box(resources={"requests": {"memory": "0.5m"}})),
    ]),
    "pod-volumes": ("pods", [
        _volume("b", emptyDir={}),
        _volume(emptyDir={}, configMap={"name": "a"}),
        _volume(path="", emptyDir={}),
        _volume(path="a:b", emptyDir={}),
        _volume(persistentVolumeClaim={"claimName": ""}),
        _volume(secret={}),
        _volume(configMap={"name": "a", "defaultMode": 1000}),
        _volume(configMap={"name": "a", "items": [{"key": "k", "path": "../x"}]}),
        _volume(hostPath={"path": ""}),
        pod("a", volumes=[{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}]),
        pod("a", box(volumeMounts=[{"name": "a", "mountPath": "/a"}] * 2), volumes=[{"name": "a", "emptyDir": {}}]),
        _volume(emptyDir={"sizeLimit": "-1"}),
    ]),
    "pod-probes": ("pods", [
        pod("a", box(livenessProbe={})),
        pod("a", box(livenessProbe=HTTP | {"tcpSocket": {"port": 80}})),
        pod("a", box(livenessProbe=HTTP | {"successThreshold": 2, "periodSeconds": -1})),
        pod("a", box(readinessProbe={"httpGet": {"path": "/", "port": 0}})),
        pod("a", box(readinessProbe={"httpGet": {"path": "/", "port": "no such name!"}})),
        pod("a", box(readinessProbe={"exec": {"command": []}})),
        pod("a", box(lifecycle={"preStop": {}})),
        pod("a", initContainers=[box("i", livenessProbe=HTTP)]),
    ]),
    "pod-other": ("pods", [
        pod("a", nodeName="A_b"),
        pod("a", serviceAccountName="A_b"),
        pod("a", terminationGracePeriodSeconds=-1),
        pod("a", activeDeadlineSeconds=0),
        pod("a", nodeSelector={"a b": "c"}),
        pod("a", tolerations=[{"operator": "Exists", "value": "x", "key": "k"}, {"operator": "Maybe"}]),
        pod("a", hostNetwork=True, dnsConfig={"nameservers": ["x"]}, dnsPolicy="None"),
        pod("a", dnsPolicy="None"),
        pod("a", topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "x"}]),
        pod("a", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}),
        pod("a", affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": ""}]}}),
        pod("a", box(securityContext={"runAsUser": -1, "privileged": True, "allowPrivilegeEscalation": False})),
        pod("a", hostAliases=[{"ip": "x", "hostnames": ["A_b"]}]),
    ]),
    "deployment": ("deployments", [
        deployment("a", selector={"matchLabels": {"app": "other"}}),
        deployment("a", selector={}),
        deployment("a", replicas=-1),
        deployment("a", strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
        deployment("a", strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
        deployment("a", strategy={"type": "Slow"}),
        deployment("a", strategy={"rollingUpdate": {"maxUnavailable": "200%"}}),
        deployment("a", strategy={"rollingUpdate": {"maxUnavailable": "some"}}),
        deployment("a", progressDeadlineSeconds=5, minReadySeconds=10),
        deployment("a", revisionHistoryLimit=-1),
        deployment("a", pod={"restartPolicy": "Never"}),
        deployment("a", selector={"matchExpressions": [{"key": "a", "operator": "Near"}]}),
        thing("Deployment", "a", "apps/v1", spec={}),
        deployment("a", box(image="")),
    ]),
    "other-workloads": ("", [
        ("statefulsets", statefulset("a", selector={"matchLabels": {"b": "c"}})),
        ("statefulsets", statefulset("a", updateStrategy={"type": "x"}, podManagementPolicy="x")),
        ("statefulsets", statefulset("a", updateStrategy={"rollingUpdate": {"partition": -1}}, replicas=-1)),
        ("daemonsets", daemonset("a", restartPolicy="OnFailure")),
        ("daemonsets", thing("DaemonSet", "a", "apps/v1", spec={})),
        ("replicasets", thing("ReplicaSet", "a", "apps/v1", spec={"replicas": -1, "selector": {"matchLabels": {"a": "b"}}})),
    ]),
    "job": ("jobs", [
        job("a", restart="Always"),
        job("a", completions=-1, parallelism=-1, backoffLimit=-1),
        job("a", activeDeadlineSeconds=-1, ttlSecondsAfterFinished=-1),
        job("a", completionMode="Indexed"),
        job("a", completionMode="Sorted"),
        job("a", selector={"matchLabels": {"a": "b"}}),
        job("a", manualSelector=True),
        job("a", podReplacementPolicy="x"),
        job("a" * 64),
    ]),
    "cronjob": ("cronjobs", [
        cronjob("a", "every day"),
        cronjob("a", "61 * * * *"),
        cronjob("a", ""),
        cronjob("a", "TZ=UTC 0 0 * * *"),
        cronjob("a", timeZone="Mars/Olympus"),
        cronjob("a", concurrencyPolicy="x", successfulJobsHistoryLimit=-1, startingDeadlineSeconds=-1),
        cronjob("a" * 53),
    ]),
    "service": ("services", [
        thing("Service", "a", spec={}),
        service("a", {"port": 0}),
        service("a", {"port": 80}, {"port": 81}),
        service("a", {"port": 80, "name": "a"}, {"port": 81, "name": "a"}),
        service("a", {"port": 80, "name": "a"}, {"port": 80, "name": "b"}),
        service("a", {"port": 80, "protocol": "HTTP"}),
        service("a", {"port": 80, "targetPort": "Not_A_Port"}),
        service("a", {"port": 80, "targetPort": 0}),
        service("a", {"port": 80, "nodePort": 30080}),
        service("a", {"port": 80, "nodePort": 80}, type="NodePort"),
        service("a", type="Ball"),
        service("a", type="ExternalName"),
        service("a", clusterIP="1.2.3.4"),
        service("a", clusterIP="x"),
        service("a", selector={"a b": "c"}),
        service("a", sessionAffinity="x"),
        service("a", externalTrafficPolicy="Local"),
        service("a", clusterIP="None", type="NodePort"),
        service("A"),
    ]),
    "configmap-and-secret": ("", [
        ("configmaps", thing("ConfigMap", "a", data={"a b": "x"})),
        ("configmaps", thing("ConfigMap", "a", data={"": "x", "..": "y"})),
        ("configmaps", thing("ConfigMap", "a", data={"a": "x"}, binaryData={"a": "eA=="})),
        ("secrets", thing("Secret", "a", type="kubernetes.io/tls", stringData={"tls.crt": "x"})),
        ("secrets", thing("Secret", "a", type="kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": "x"})),
        ("secrets", thing("Secret", "a", type="kubernetes.io/basic-auth")),
        ("secrets", thing("Secret", "a", type="kubernetes.io/ssh-auth")),
        ("secrets", thing("Secret", "a", type="kubernetes.io/service-account-token")),
        ("secrets", thing("Secret", "a", data={"a/b": "eA=="})),
    ]),
    "ingress": ("ingresses", [
        _ingress(),
        _path(path="/", backend=BACKEND),
        _path(path="a", pathType="Prefix", backend=BACKEND),
        _path(path="/", pathType="Near", backend=BACKEND),
        _path(path="/", pathType="Prefix"),
        _path(path="/", pathType="Prefix", backend={"service": {"name": "a"}}),
        _path(path="/", pathType="Prefix", backend={"service": {"name": "A_b", "port": {"number": 80, "name": "x"}}}),
        _path(path="/", pathType="Prefix", backend=BACKEND, host="1.2.3.4"),
        _path(path="/", pathType="Prefix", backend=BACKEND, host="*"),
        _path(path="/a//b", pathType="Exact", backend=BACKEND),
        _ingress(defaultBackend=BACKEND, ingressClassName="A_b"),
    ]),
    "networkpolicy": ("networkpolicies", [
        _policy(policyTypes=["Both"]),
        _policy(ingress=[{"from": [{}]}]),
        _policy(ingress=[{"from": [{"ipBlock": {"cidr": "x"}}]}]),
        _policy(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}}]}]),
        _policy(egress=[{"ports": [{"port": 0, "protocol": "x"}]}]),
        _policy(podSelector={"matchLabels": {"a": "x y"}}),
    ]),
    "hpa": ("horizontalpodautoscalers", [
        _hpa(minReplicas=5),
        _hpa(minReplicas=0),
        _hpa(maxReplicas=0),
        _hpa(scaleTargetRef={"kind": "", "name": ""}),
        _hpa(metrics=[{"type": "Resource"}]),
        _hpa(metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]),
        _hpa(metrics=[{"type": "Ball"}]),
        _hpa(behavior={"scaleDown": {"stabilizationWindowSeconds": 9999}}),
    ]),
    "pdb": ("poddisruptionbudgets", [
        _budget(minAvailable=1, maxUnavailable=1),
        _budget(minAvailable=-1),
        _budget(maxUnavailable="120%"),
        _budget(minAvailable="x"),
        _budget(minAvailable=1, unhealthyPodEvictionPolicy="x"),
    ]),
    "storage": ("", [
        ("persistentvolumeclaims", thing("PersistentVolumeClaim", "a", spec={})),
        ("persistentvolumeclaims", claim("a", size="0")),
        ("persistentvolumeclaims", claim("a", size="x")),
        ("persistentvolumeclaims", claim("a", accessModes=["ReadWriteAlways"])),
        ("persistentvolumeclaims", claim("a", storageClassName="A_b", volumeMode="x")),
        ("persistentvolumes", thing("PersistentVolume", "parity-a", spec={})),
        ("persistentvolumes", thing("PersistentVolume", "parity-a", spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]})),
        ("storageclasses", thing("StorageClass", "parity-a", "storage.k8s.io/v1")),
        ("storageclasses", thing("StorageClass", "parity-a", "storage.k8s.io/v1", provisioner="a", reclaimPolicy="x", volumeBindingMode="x")),
    ]),
    "rbac": ("", [
        ("roles", thing("Role", "a", RBAC, rules=[{"apiGroups": [""], "resources": ["pods"]}])),
        ("roles", thing("Role", "a", RBAC, rules=[{"verbs": ["get"]}])),
        ("roles", thing("Role", "a", RBAC, rules=[RULE | {"nonResourceURLs": ["/x"]}])),
        ("rolebindings", thing("RoleBinding", "a", RBAC)),
        ("rolebindings", thing("RoleBinding", "a", RBAC, roleRef={"kind": "Ball", "name": "x", "apiGroup": "y"})),
        ("rolebindings", thing("RoleBinding", "a", RBAC, roleRef={"kind": "Role", "name": "x"}, subjects=[{"kind": "Ball", "name": ""}])),
        ("rolebindings", thing("RoleBinding", "a", RBAC, roleRef={"kind": "Role", "name": "x"}, subjects=[{"kind": "ServiceAccount", "name": "y"}])),
    ]),
    "policy-objects": ("", [
        ("resourcequotas", quota("a", pods="-1")),
        ("resourcequotas", quota("a", pods="1.5")),
        ("resourcequotas", quota("a", balls="1")),
        ("limitranges", thing("LimitRange", "a", spec={"limits": [{"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "2"}}]})),
        ("limitranges", thing("LimitRange", "a", spec={"limits": [{"type": "Pod", "default": {"cpu": "1"}}]})),
        ("priorityclasses", thing("PriorityClass", "parity-a", "scheduling.k8s.io/v1", value=2_000_000_000)),
        ("priorityclasses", thing("PriorityClass", "system-a", "scheduling.k8s.io/v1", value=1)),
        ("priorityclasses", thing("PriorityClass", "parity-a", "scheduling.k8s.io/v1", value=1, preemptionPolicy="x")),
        ("namespaces", thing("Namespace", "a" * 64)),
        ("namespaces", thing("Namespace", "parity-a", meta={"labels": {"pod-security.kubernetes.io/enforce": "high"}})),
    ]),
}  # fmt: skip


def _refused(place: str, bodies: list[Any]) -> Any:
    def run(s: Stage) -> None:
        for body in bodies:
            where, manifest = body if isinstance(body, tuple) else (place, body)
            s.post(where, manifest, query={"dryRun": "All"})

    return run


for _name, (_place, _items) in REFUSED.items():
    add(FAMILY, _name, _refused(_place, _items))


def _set(path: str, found: Any) -> Any:
    """A merge patch that sets ``a.b.c``."""
    for part in reversed(path.split(".")):
        found = {part: found}
    return found


_labels = {"a": "b"}
FIXED: dict[str, tuple[Any, list[Any]]] = {
    "deployment": (deployment(replicas=0), [_set("spec.selector.matchLabels", _labels)]),
    "statefulset": (statefulset(replicas=0), [
        _set("spec.serviceName", "x"),
        _set("spec.podManagementPolicy", "Parallel"),
        _set("spec.selector.matchLabels", _labels),
        _set("spec.volumeClaimTemplates", [{"metadata": {"name": "d"}, "spec": claim()["spec"]}]),
        _set("spec.replicas", 0),
    ]),
    "job": (job(suspend=True), [
        _set("spec.template.spec.containers", [box(image="x:1")]),
        _set("spec.completions", 5),
        _set("spec.completionMode", "Indexed"),
        _set("spec.parallelism", 2),
    ]),
    "service": (service(), [
        _set("spec.clusterIP", "10.96.0.99"),
        _set("spec.clusterIPs", []),
        _set("spec.ipFamilies", ["IPv6"]),
    ]),
    "configmap": (config("web", x="1") | {"immutable": True}, [
        _set("data.x", "2"),
        _set("immutable", False),
        _set("binaryData", {"y": "eA=="}),
        _set("metadata.labels", _labels),
    ]),
    "secret": (thing("Secret", "web", type="a/b", immutable=True), [_set("type", "c/d"), _set("data", {"y": "eA=="})]),
    "claim": (claim("web", storageClassName="none"), [
        _set("spec.storageClassName", "other"),
        _set("spec.accessModes", ["ReadWriteMany"]),
        _set("spec.resources.requests.storage", "2Mi"),
    ]),
    "rolebinding": (
        thing("RoleBinding", "web", RBAC, roleRef={"kind": "Role", "name": "x", "apiGroup": RBAC.split("/", maxsplit=1)[0]}),
        [_set("roleRef.name", "y"), _set("subjects", [{"kind": "User", "name": "u"}])],
    ),
    "daemonset": (daemonset(nodeSelector={"no": "where"}), [_set("spec.selector.matchLabels", _labels)]),
    "endpointslice": (
        thing("EndpointSlice", "web", "discovery.k8s.io/v1", addressType="IPv4", endpoints=[]),
        [_set("addressType", "IPv6")],
    ),
    "pod": (pod(nodeSelector={"no": "where"}), [
        _set("spec.nodeName", "other"),
        _set("spec.containers", [box(), box("more")]),
        _set("spec.restartPolicy", "Never"),
        _set("spec.containers", [box(image="")]),
        _set("spec.terminationGracePeriodSeconds", 5),
        _set("spec.activeDeadlineSeconds", 5),
        _set("spec.activeDeadlineSeconds", 9),
        _set("spec.tolerations", []),
        _set("spec.containers", [box(image="other:1")]),
    ]),
}  # fmt: skip


def _fixed(manifest: Any, patches: list[Any]) -> Any:
    def run(s: Stage) -> None:
        from tests.parity.manifests import place_of

        s.make(manifest)
        for body in patches:
            s.patch(f"{place_of(manifest)}/web", body, show="none")

    return run


for _name, (_manifest, _items) in FIXED.items():
    add(FAMILY, f"fixed-{_name}", _fixed(_manifest, _items))


def _fixed_wide(s: Stage) -> None:
    for manifest, body in (
        (thing("PriorityClass", "parity-fixed", "scheduling.k8s.io/v1", value=5), {"value": 6}),
        (thing("StorageClass", "parity-fixed", "storage.k8s.io/v1", provisioner="a/b"), {"provisioner": "c/d"}),
        (thing("StorageClass", "parity-fixed", "storage.k8s.io/v1", provisioner="a/b"), {"reclaimPolicy": "Retain"}),
        (
            thing(
                "PersistentVolume",
                "parity-fixed",
                spec={"capacity": {"storage": "1"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp/x"}},
            ),
            {"spec": {"hostPath": {"path": "/tmp/y"}}},
        ),
    ):
        from tests.parity.manifests import place_of

        place = f"{place_of(manifest)}/parity-fixed"
        s.later(place)
        s.gone(place)
        s.make(manifest)
        s.patch(place, body, show="none")


add(FAMILY, "fixed-of-the-cluster", _fixed_wide)
