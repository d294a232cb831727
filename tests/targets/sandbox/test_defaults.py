"""What the server fills in."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mcp_tools.targets.sandbox import defaults, defaults_pods, kinds, schema

Obj = dict[str, Any]


def defaulted(key: str, obj: Obj, version: str = "") -> Obj:
    kind = kinds.by_key(key)
    found = {
        "apiVersion": version or kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": "x"},
        **copy.deepcopy(obj),
    }
    schema.structural(kind, found, "Strict", [])
    defaults.apply(kind, found)
    again = copy.deepcopy(found)
    defaults.apply(kind, again)
    assert again == found, "defaults of defaults"
    return found


CONTAINER = {"name": "c", "image": "nginx:1.27"}
FILLED = {
    "name": "c",
    "image": "nginx:1.27",
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
POD_SPEC = {
    "containers": [FILLED],
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [CONTAINER]}}
FILLED_TEMPLATE = {"metadata": {"creationTimestamp": None, "labels": {"a": "b"}}, "spec": POD_SPEC}


def test_a_pod() -> None:
    found = defaulted("pods", {"spec": {"containers": [CONTAINER]}})
    assert found["spec"] == {**POD_SPEC, "enableServiceLinks": True}


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
        ("nginx:latest@sha256:abc", "Always"),
        ("", "Always"),
    ],
)
def test_when_images_are_pulled(image: str, policy: str) -> None:
    assert defaults_pods.pull_policy(image) == policy


def pod_with(**container: Any) -> Obj:
    found: Obj = defaulted("pods", {"spec": {"containers": [{**CONTAINER, **container}]}})["spec"]["containers"][0]
    return found


def test_requests_from_limits_in_pods_only() -> None:
    resources = {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}}
    assert pod_with(resources=resources)["resources"]["requests"] == {"cpu": "100m", "memory": "1Gi"}
    template = copy.deepcopy(TEMPLATE)
    template["spec"]["containers"][0]["resources"] = resources  # type: ignore[index]
    found = defaulted("deployments.apps", {"spec": {"template": template}})
    assert found["spec"]["template"]["spec"]["containers"][0]["resources"] == resources


def test_probes() -> None:
    found = pod_with(
        livenessProbe={"httpGet": {"port": 80}, "periodSeconds": 5},
        readinessProbe={"grpc": {"port": 9}},
        startupProbe={"tcpSocket": {"port": 1}, "timeoutSeconds": 3},
        lifecycle={"preStop": {"httpGet": {"port": 80, "path": "/x"}}},
    )
    more = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert found["livenessProbe"] == {
        **more,
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "periodSeconds": 5,
    }
    assert found["readinessProbe"] == {**more, "grpc": {"port": 9, "service": ""}}
    assert found["startupProbe"] == {**more, "tcpSocket": {"port": 1}, "timeoutSeconds": 3}
    assert found["lifecycle"]["preStop"]["httpGet"] == {"port": 80, "path": "/x", "scheme": "HTTP"}


def test_ports_and_environment() -> None:
    found = pod_with(
        ports=[{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
        env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    )
    assert [port["protocol"] for port in found["ports"]] == ["TCP", "UDP"]
    assert found["env"][0]["valueFrom"]["fieldRef"] == {"fieldPath": "metadata.name", "apiVersion": "v1"}


def test_the_host_network_takes_the_ports_of_a_pod() -> None:
    spec = {"hostNetwork": True, "containers": [{**CONTAINER, "ports": [{"containerPort": 80}]}]}
    assert defaulted("pods", {"spec": spec})["spec"]["containers"][0]["ports"][0]["hostPort"] == 80
    template = {"metadata": {}, "spec": spec}
    found = defaulted("deployments.apps", {"spec": {"template": template}})
    assert "hostPort" not in found["spec"]["template"]["spec"]["containers"][0]["ports"][0]


VOLUMES = {
    "nothing": ({}, {"emptyDir": {}}),
    "configMap": ({"configMap": {"name": "x"}}, {"configMap": {"name": "x", "defaultMode": 420}}),
    "secret": ({"secret": {"secretName": "x"}}, {"secret": {"secretName": "x", "defaultMode": 420}}),
    "hostPath": ({"hostPath": {"path": "/x"}}, {"hostPath": {"path": "/x", "type": ""}}),
    "downwardAPI": (
        {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {
            "downwardAPI": {
                "defaultMode": 420,
                "items": [{"path": "l", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels"}}],
            }
        },
    ),
    "projected": (
        {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        {
            "projected": {
                "defaultMode": 420,
                "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}],
            }
        },
    ),
    "a mode is kept": (
        {"configMap": {"name": "x", "defaultMode": 256}},
        {"configMap": {"name": "x", "defaultMode": 256}},
    ),
}


@pytest.mark.parametrize(("given", "expected"), VOLUMES.values(), ids=VOLUMES)
def test_volumes(given: Obj, expected: Obj) -> None:
    found = defaulted("pods", {"spec": {"containers": [CONTAINER], "volumes": [{"name": "v", **given}]}})
    assert found["spec"]["volumes"] == [{"name": "v", **expected}]


def test_the_old_name_of_the_service_account_is_kept_the_same() -> None:
    for field in ("serviceAccount", "serviceAccountName"):
        spec = defaulted("pods", {"spec": {"containers": [CONTAINER], field: "me"}})["spec"]
        assert (spec["serviceAccount"], spec["serviceAccountName"]) == ("me", "me")


WORKLOADS = {
    "deployments.apps": (
        {"template": TEMPLATE},
        {
            "template": FILLED_TEMPLATE,
            "replicas": 1,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
    ),
    "statefulsets.apps": (
        {"template": TEMPLATE},
        {
            "template": FILLED_TEMPLATE,
            "replicas": 1,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "revisionHistoryLimit": 10,
        },
    ),
    "daemonsets.apps": (
        {"template": TEMPLATE},
        {
            "template": FILLED_TEMPLATE,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "revisionHistoryLimit": 10,
        },
    ),
    "replicasets.apps": ({"template": TEMPLATE}, {"template": FILLED_TEMPLATE, "replicas": 1}),
    "jobs.batch": (
        {"template": TEMPLATE},
        {
            "template": FILLED_TEMPLATE,
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": 6,
            "completionMode": "NonIndexed",
            "suspend": False,
            "manualSelector": False,
            "podReplacementPolicy": "TerminatingOrFailed",
        },
    ),
    "cronjobs.batch": (
        {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": TEMPLATE}}},
        {
            "schedule": "* * * * *",
            "jobTemplate": {"metadata": {"creationTimestamp": None}, "spec": {"template": FILLED_TEMPLATE}},
            "concurrencyPolicy": "Allow",
            "suspend": False,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
        },
    ),
}


@pytest.mark.parametrize("key", WORKLOADS)
def test_workloads(key: str) -> None:
    given, expected = WORKLOADS[key]
    assert defaulted(key, {"spec": given})["spec"] == expected


def test_what_is_said_is_kept() -> None:
    given = {"replicas": 0, "strategy": {"type": "Recreate"}, "revisionHistoryLimit": 0, "template": TEMPLATE}
    found = defaulted("deployments.apps", {"spec": given})["spec"]
    assert (found["replicas"], found["strategy"], found["revisionHistoryLimit"]) == (0, {"type": "Recreate"}, 0)


def test_a_job_with_parallelism_has_no_number_of_completions() -> None:
    found = defaulted("jobs.batch", {"spec": {"parallelism": 3, "template": TEMPLATE}})
    assert "completions" not in found["spec"]
    assert found["metadata"]["labels"] == {"a": "b"}


def test_claims_of_a_stateful_set() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    found = defaulted("statefulsets.apps", {"spec": {"template": TEMPLATE, "volumeClaimTemplates": [claim]}})
    assert found["spec"]["volumeClaimTemplates"] == [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"creationTimestamp": None, "name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {}, "volumeMode": "Filesystem"},
            "status": {"phase": "Pending"},
        }
    ]


SERVICE_PORT = {"port": 80, "protocol": "TCP", "targetPort": 80}
INSIDE = {
    "internalTrafficPolicy": "Cluster",
    "ipFamilies": ["IPv4"],
    "ipFamilyPolicy": "SingleStack",
    "sessionAffinity": "None",
}
SERVICES = {
    "ClusterIP": ({"ports": [{"port": 80}]}, {**INSIDE, "ports": [SERVICE_PORT], "type": "ClusterIP"}),
    "NodePort": (
        {"type": "NodePort", "ports": [{"port": 80, "targetPort": "http"}]},
        {
            **INSIDE,
            "externalTrafficPolicy": "Cluster",
            "ports": [{**SERVICE_PORT, "targetPort": "http"}],
            "type": "NodePort",
        },
    ),
    "LoadBalancer": (
        {"type": "LoadBalancer", "ports": [{"port": 80}]},
        {
            **INSIDE,
            "allocateLoadBalancerNodePorts": True,
            "externalTrafficPolicy": "Cluster",
            "ports": [SERVICE_PORT],
            "type": "LoadBalancer",
        },
    ),
    "ExternalName": (
        {"type": "ExternalName", "externalName": "a.io"},
        {"type": "ExternalName", "externalName": "a.io", "sessionAffinity": "None"},
    ),
    "sticky": (
        {"sessionAffinity": "ClientIP", "ports": [{"port": 80}]},
        {
            **INSIDE,
            "ports": [SERVICE_PORT],
            "sessionAffinity": "ClientIP",
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
            "type": "ClusterIP",
        },
    ),
    "headless with a selector": (
        {"clusterIP": "None", "selector": {"a": "b"}},
        {**INSIDE, "clusterIP": "None", "selector": {"a": "b"}, "type": "ClusterIP"},
    ),
    "headless without one": (
        {"clusterIP": "None"},
        {
            **INSIDE,
            "clusterIP": "None",
            "ipFamilies": ["IPv4", "IPv6"],
            "ipFamilyPolicy": "RequireDualStack",
            "type": "ClusterIP",
        },
    ),
}


@pytest.mark.parametrize(("given", "expected"), SERVICES.values(), ids=SERVICES)
def test_services(given: Obj, expected: Obj) -> None:
    assert defaulted("services", {"spec": given})["spec"] == expected


def test_secrets() -> None:
    found = defaulted("secrets", {"data": {"a": "MQ==", "b": "MQ=="}, "stringData": {"b": "zwei ü", "c": ""}})
    assert found["type"] == "Opaque"
    assert found["data"] == {"a": "MQ==", "b": "endlaSDDvA==", "c": ""}
    assert "stringData" not in found


REFERENCE = {"kind": "Role", "name": "r"}
OTHERS = {
    "a namespace": (
        "namespaces",
        {},
        {
            "metadata": {"name": "x", "labels": {"kubernetes.io/metadata.name": "x"}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        },
    ),
    "a claim": (
        "persistentvolumeclaims",
        {"spec": {"accessModes": ["ReadWriteOnce"]}},
        {
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {}, "volumeMode": "Filesystem"},
            "status": {"phase": "Pending"},
        },
    ),
    "a volume": (
        "persistentvolumes",
        {"spec": {"hostPath": {"path": "/x"}}},
        {
            "spec": {
                "hostPath": {"path": "/x", "type": ""},
                "persistentVolumeReclaimPolicy": "Retain",
                "volumeMode": "Filesystem",
            },
            "status": {"phase": "Pending"},
        },
    ),
    "a storage class": (
        "storageclasses.storage.k8s.io",
        {"provisioner": "p"},
        {"provisioner": "p", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    ),
    "a binding": (
        "rolebindings.rbac.authorization.k8s.io",
        {"roleRef": REFERENCE, "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]},
        {
            "roleRef": {**REFERENCE, "apiGroup": "rbac.authorization.k8s.io"},
            "subjects": [
                {"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"},
                {"kind": "ServiceAccount", "name": "s"},
            ],
        },
    ),
    "a policy for ingress": (
        "networkpolicies.networking.k8s.io",
        {"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}},
        {
            "spec": {
                "podSelector": {},
                "ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}],
                "policyTypes": ["Ingress"],
            }
        },
    ),
    "a policy for egress": (
        "networkpolicies.networking.k8s.io",
        {"spec": {"podSelector": {}, "egress": [{}]}},
        {"spec": {"podSelector": {}, "egress": [{}], "policyTypes": ["Ingress", "Egress"]}},
    ),
    "a limit range": (
        "limitranges",
        {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}]}},
        {
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "max": {"cpu": "2"},
                        "min": {"memory": "1Mi"},
                        "default": {"cpu": "2"},
                        "defaultRequest": {"cpu": "2", "memory": "1Mi"},
                    }
                ]
            }
        },
    ),
    "a priority class": (
        "priorityclasses.scheduling.k8s.io",
        {"value": 5},
        {"value": 5, "preemptionPolicy": "PreemptLowerPriority"},
    ),
    "a definition": (
        "customresourcedefinitions.apiextensions.k8s.io",
        {"spec": {"names": {"kind": "Thing", "plural": "things"}}},
        {
            "spec": {
                "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
                "conversion": {"strategy": "None"},
            }
        },
    ),
}


@pytest.mark.parametrize(("key", "given", "expected"), OTHERS.values(), ids=OTHERS)
def test_other_kinds(key: str, given: Obj, expected: Obj) -> None:
    found = defaulted(key, given)
    assert {name: found[name] for name in expected} == expected


def test_an_autoscaler() -> None:
    target = {"kind": "Deployment", "name": "d"}
    found = defaulted(
        "horizontalpodautoscalers.autoscaling",
        {
            "spec": {
                "scaleTargetRef": target,
                "maxReplicas": 3,
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
            }
        },
    )
    assert found["spec"]["minReplicas"] == 1
    utilization = {"type": "Utilization", "averageUtilization": 80}
    assert found["spec"]["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}]
    assert found["spec"]["behavior"] == {
        "scaleDown": {
            "stabilizationWindowSeconds": 60,
            "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
        },
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15},
            ],
        },
    }


def test_kinds_without_defaults_stay_as_they_are() -> None:
    kind = kinds.by_key("configmaps")
    obj: Obj = {"metadata": {"name": "x"}}
    defaults.apply(kind, obj)
    assert obj == {"metadata": {"name": "x"}}
