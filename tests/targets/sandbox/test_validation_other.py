"""Validation of services, routes, storage, configuration, RBAC, quotas and scaling."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.targets.sandbox.judging import Obj, merged, said

RBAC = "rbac.authorization.k8s.io"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SERVICE = {"ports": [{"port": 80}], "selector": {"a": "b"}}
SERVICES = {
    "right": ({}, []),
    "no ports": ({"ports": []}, ["spec.ports: Required value"]),
    "headless needs no ports": ({"ports": [], "clusterIP": "None"}, []),
    "a port": (
        {"ports": [{"port": 0}]},
        [
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
        ],
    ),
    "two ports without names": (
        {"ports": [{"port": 80}, {"port": 81}]},
        ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
    ),
    "a name twice": (
        {"ports": [{"name": "a", "port": 80}, {"name": "a", "port": 81}]},
        ['spec.ports[1].name: Duplicate value: "a"'],
    ),
    "a port twice": (
        {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]},
        [
            'spec.ports[1]: Duplicate value: core.ServicePort{Name:"", Protocol:"TCP", AppProtocol:(*string)(nil), '
            'Port:80, TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:""}, NodePort:0}'
        ],
    ),
    "one port for two protocols": (
        {"ports": [{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}]},
        [],
    ),
    "a target": (
        {"ports": [{"port": 80, "targetPort": "Web"}]},
        [
            'spec.ports[0].targetPort: Invalid value: "Web": must contain only alpha-numeric '
            "characters (a-z, 0-9), and "
            "hyphens (-)"
        ],
    ),
    "a protocol": (
        {"ports": [{"port": 80, "protocol": "HTTP"}]},
        ['spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
    ),
    "a type": (
        {"type": "Public"},
        [
            'spec.type: Unsupported value: "Public": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
            '"NodePort"'
        ],
    ),
    "a node's port of a service inside": (
        {"ports": [{"port": 80, "nodePort": 30080}]},
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ),
    "a node port of no address": (
        {"type": "NodePort", "clusterIP": "None"},
        ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
    ),
    "an external name that is missing": (
        {"type": "ExternalName"},
        ["spec.externalName: Required value"],
    ),
    "an address of an external name": (
        {"type": "ExternalName", "externalName": "a.io", "clusterIP": "10.96.0.1"},
        ["spec.clusterIPs: Forbidden: may not be set for ExternalName services"],
    ),
    "what only balancers have": (
        {"allocateLoadBalancerNodePorts": False, "loadBalancerSourceRanges": ["10.0.0.0/8"]},
        [
            "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
            "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
        ],
    ),
    "an external name": ({"type": "ExternalName", "externalName": "db.example.com."}, []),
    "an address": (
        {"clusterIP": "here"},
        ['spec.clusterIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    "an address of another family": (
        {"clusterIP": "10.96.0.1", "ipFamilies": ["IPv6"]},
        [
            'spec.clusterIPs[0]: Invalid value: "10.96.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
        ],
    ),
    "a family and a policy": (
        {"ipFamilies": ["IPv5"], "ipFamilyPolicy": "Any"},
        [
            'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
            'spec.ipFamilyPolicy: Unsupported value: "Any": supported values: "PreferDualStack", "RequireDualStack", '
            '"SingleStack"',
        ],
    ),
    "an affinity": (
        {"sessionAffinity": "Cookie"},
        ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
    ),
    "a policy of what is not outside": (
        {"externalTrafficPolicy": "Local"},
        ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), SERVICES.values(), ids=SERVICES)
def test_services(spec: Obj, expected: list[str]) -> None:
    assert said("services", {"spec": merged(SERVICE, spec)}) == expected


BACKEND = {"service": {"name": "s", "port": {"number": 80}}}


def route(**path: Any) -> Obj:
    entry = merged({"path": "/", "pathType": "Prefix", "backend": BACKEND}, path)
    return {"rules": [{"host": "a.io", "http": {"paths": [entry]}}]}


AT = "spec.rules[0].http.paths[0]"
INGRESSES = {
    "right": (route(), []),
    "nothing": (
        {},
        ["spec: Invalid value: []networking.IngressRule(nil): either `defaultBackend` or `rules` must be specified"],
    ),
    "a default": ({"defaultBackend": BACKEND}, []),
    "an address for a host": (
        {"rules": [{"host": "1.2.3.4"}]},
        ['spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
    ),
    "a wildcard": ({"rules": [{"host": "*.a.io"}]}, []),
    "no paths": ({"rules": [{"http": {}}]}, ["spec.rules[0].http.paths: Required value"]),
    "no type of the path": (route(pathType=None), [f"{AT}.pathType: Required value: pathType must be specified"]),
    "a type of the path": (
        route(pathType="Regex"),
        [f'{AT}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"'],
    ),
    "a path": (route(path="a"), [f'{AT}.path: Invalid value: "a": must be an absolute path']),
    "a path with two slashes": (route(path="/a//b"), [f"{AT}.path: Invalid value: \"/a//b\": must not contain '//'"]),
    "a pattern is a controller's matter": (route(path="/a(/|$)(.*)", pathType="ImplementationSpecific"), []),
    "no backend": (
        route(backend={"service": None}),
        [f'{AT}.backend: Invalid value: "": resource or service backend is required'],
    ),
    "no name": (route(backend={"service": {"name": ""}}), [f"{AT}.backend.service.name: Required value"]),
    "no port": (
        route(backend={"service": {"port": {"number": None}}}),
        [f"{AT}.backend: Required value: port name or number is required"],
    ),
    "two ports": (
        route(backend={"service": {"port": {"name": "http"}}}),
        [f'{AT}.backend: Invalid value: "": cannot set both port name & port number'],
    ),
    "a name of a service": (
        route(backend={"service": {"name": "1s"}}),
        [
            f'{AT}.backend.service.name: Invalid value: "1s": a DNS-1035 label must consist of lower case alphanumeric '
            "characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. "
            "'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), INGRESSES.values(), ids=INGRESSES)
def test_ingresses(spec: Obj, expected: list[str]) -> None:
    assert said("ingresses.networking.k8s.io", {"spec": spec}) == expected


def test_the_class_of_an_ingress_is_one() -> None:
    key = "kubernetes.io/ingress.class"
    spec = {**route(), "ingressClassName": "nginx"}
    obj = {"metadata": {"annotations": {key: "nginx"}}, "spec": spec}
    assert said("ingresses.networking.k8s.io", obj) == []
    obj = {"metadata": {"annotations": {key: "other"}}, "spec": spec}
    assert said("ingresses.networking.k8s.io", obj) == [
        f'annotations.{key}: Invalid value: "other": must match `ingressClassName` when both are specified'
    ]


POLICIES = {
    "right": ({"ingress": [{"from": [{"podSelector": {"matchLabels": {"a": "b"}}}], "ports": [{"port": "http"}]}]}, []),
    "a protocol": (
        {"ingress": [{"ports": [{"protocol": "ICMP"}]}]},
        ['spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'],
    ),
    "an empty peer": ({"egress": [{"to": [{}]}]}, ["spec.egress[0].to[0]: Required value: must specify a peer"]),
    "two peers": (
        {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]},
        ["spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer"],
    ),
    "a network": (
        {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]},
        [
            'spec.egress[0].to[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. '
            "10.9.8.0/24 or 2001:db8::/64)"
        ],
    ),
    "an end before its port": (
        {"egress": [{"ports": [{"port": 80, "endPort": 70}]}]},
        ["spec.egress[0].ports[0].endPort: Invalid value: 70: must be greater than or equal to `port`"],
    ),
    "a type": (
        {"policyTypes": ["Both"]},
        ['spec.policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress"'],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), POLICIES.values(), ids=POLICIES)
def test_network_policies(spec: Obj, expected: list[str]) -> None:
    assert said("networkpolicies.networking.k8s.io", {"spec": {"podSelector": {}, **spec}}) == expected


# -- storage -----------------------------------------------------------------------------------------------------------

CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
CLAIMS = {
    "right": ({}, []),
    "no access": ({"accessModes": []}, ["spec.accessModes: Required value: at least 1 access mode is required"]),
    "an access": (
        {"accessModes": ["RWO"]},
        [
            'spec.accessModes: Unsupported value: "RWO": supported values: "ReadOnlyMany", "ReadWriteMany", '
            '"ReadWriteOnce", "ReadWriteOncePod"'
        ],
    ),
    "no size": ({"resources": {"requests": None}}, ["spec.resources[storage]: Required value"]),
    "nothing": (
        {"resources": {"requests": {"storage": "0"}}},
        ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
    ),
    "a mode": (
        {"volumeMode": "Tape"},
        ['spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"'],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), CLAIMS.values(), ids=CLAIMS)
def test_claims(spec: Obj, expected: list[str]) -> None:
    assert said("persistentvolumeclaims", {"spec": merged(CLAIM, spec)}) == expected


VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}}
VOLUMES = {
    "right": ({}, []),
    "no source": ({"hostPath": None}, ["spec: Required value: must specify a volume type"]),
    "no capacity": (
        {"capacity": None},
        [
            "spec.capacity: Required value",
            'spec.capacity: Unsupported value: core.ResourceList(nil): supported values: "storage"',
        ],
    ),
    "no access": ({"accessModes": None}, ["spec.accessModes: Required value"]),
    "a policy": (
        {"persistentVolumeReclaimPolicy": "Keep"},
        [
            'spec.persistentVolumeReclaimPolicy: Unsupported value: "Keep": supported values: "Delete", "Recycle", '
            '"Retain"'
        ],
    ),
    "local without a node": (
        {"hostPath": None, "local": {"path": "/x"}},
        ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), VOLUMES.values(), ids=VOLUMES)
def test_volumes(spec: Obj, expected: list[str]) -> None:
    assert said("persistentvolumes", {"spec": merged(VOLUME, spec)}) == expected


# -- configuration -----------------------------------------------------------------------------------------------------

CONFIG_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
MAPS = {
    "right": ({"data": {"a.b-C_1": "x"}}, []),
    "a key": ({"data": {"a b": "1"}}, [f'data[a b]: Invalid value: "a b": {CONFIG_KEY}']),
    "a key that goes back": ({"data": {"..": "1"}}, ["data[..]: Invalid value: \"..\": must not be '..'"]),
    "a key twice": (
        {"data": {"a": "1"}, "binaryData": {"a": "MQ=="}},
        ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ),
    "too large": ({"data": {"a": "x" * 1_048_577}}, ["[]: Too long: may not be more than 1048576 bytes"]),
}


@pytest.mark.parametrize(("obj", "expected"), MAPS.values(), ids=MAPS)
def test_config_maps(obj: Obj, expected: list[str]) -> None:
    assert said("configmaps", obj) == expected


DOCKER = "kubernetes.io/dockerconfigjson"
REDACTED = '"<secret contents redacted>"'
SECRETS = {
    "right": ({"data": {"a": "MQ=="}}, []),
    "a key": ({"data": {"a/b": "MQ=="}}, [f'data[a/b]: Invalid value: "a/b": {CONFIG_KEY}']),
    "no docker config": ({"type": DOCKER}, ["data[.dockerconfigjson]: Required value"]),
    "a docker config that is none": (
        {"type": DOCKER, "data": {".dockerconfigjson": encoded("{nope")}},
        [
            f"data[.dockerconfigjson]: Invalid value: {REDACTED}: invalid character 'n' looking for beginning of "
            "object key string"
        ],
    ),
    "a docker config": ({"type": DOCKER, "data": {".dockerconfigjson": encoded('{"auths": {}}')}}, []),
    "no certificate": (
        {"type": "kubernetes.io/tls", "data": {"tls.key": "MQ=="}},
        ["data[tls.crt]: Required value"],
    ),
    "no credentials": (
        {"type": "kubernetes.io/basic-auth"},
        ["data[username]: Required value", "data[password]: Required value"],
    ),
    "no account": (
        {"type": "kubernetes.io/service-account-token"},
        ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
    ),
    "too large": ({"stringData": {"a": "x" * 1_048_577}}, ["data: Too long: may not be more than 1048576 bytes"]),
}


@pytest.mark.parametrize(("obj", "expected"), SECRETS.values(), ids=SECRETS)
def test_secrets(obj: Obj, expected: list[str]) -> None:
    assert said("secrets", obj) == expected


ROLES = {
    "right": ({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}, []),
    "no verbs": (
        {"apiGroups": [""], "resources": ["pods"]},
        ["rules[0].verbs: Required value: verbs must contain at least one value"],
    ),
    "no group": (
        {"resources": ["pods"], "verbs": ["get"]},
        ["rules[0].apiGroups: Required value: resource rules must supply at least one api group"],
    ),
    "no resource": (
        {"apiGroups": [""], "verbs": ["get"]},
        ["rules[0].resources: Required value: resource rules must supply at least one resource"],
    ),
    "a path": (
        {"nonResourceURLs": ["/x"], "verbs": ["get"]},
        ['rules[0].nonResourceURLs: Invalid value: []string{"/x"}: namespaced rules cannot apply to non-resource URLs'],
    ),
}


@pytest.mark.parametrize(("rule", "expected"), ROLES.values(), ids=ROLES)
def test_roles(rule: Obj, expected: list[str]) -> None:
    assert said(f"roles.{RBAC}", {"rules": [rule]}) == expected


BINDINGS = {
    "right": ({"kind": "Role", "name": "r"}, [{"kind": "User", "name": "u"}], []),
    "a kind": (
        {"kind": "Rule", "name": "r"},
        [],
        ['roleRef.kind: Unsupported value: "Rule": supported values: "Role", "ClusterRole"'],
    ),
    "no name": ({"kind": "Role"}, [], ["roleRef.name: Required value"]),
    "a subject": (
        {"kind": "Role", "name": "r"},
        [{"kind": "Robot", "name": "x"}, {"kind": "User"}],
        [
            'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
            "subjects[1].name: Required value",
        ],
    ),
}


@pytest.mark.parametrize(("reference", "subjects", "expected"), BINDINGS.values(), ids=BINDINGS)
def test_bindings(reference: Obj, subjects: list[Obj], expected: list[str]) -> None:
    assert said(f"rolebindings.{RBAC}", {"roleRef": reference, "subjects": subjects}) == expected


def test_a_cluster_binding_names_the_namespace_of_an_account() -> None:
    obj = {"roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": [{"kind": "ServiceAccount", "name": "s"}]}
    assert said(f"clusterrolebindings.{RBAC}", obj) == ["subjects[0].namespace: Required value"]


# -- scaling and quotas ------------------------------------------------------------------------------------------------

SCALER = {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 3}
SCALERS = {
    "right": ({}, []),
    "none": (
        {"minReplicas": 0},
        [
            "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
            "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero "
            "replicas",
        ],
    ),
    "no most": (
        {"maxReplicas": 0},
        [
            "spec.maxReplicas: Invalid value: 0: must be greater than 0",
            "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
        ],
    ),
    "most below least": (
        {"minReplicas": 5},
        ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"],
    ),
    "no target": ({"scaleTargetRef": {"name": None}}, ["spec.scaleTargetRef.name: Required value"]),
    "a metric": (
        {"metrics": [{"type": "Guess"}]},
        [
            'spec.metrics[0].type: Unsupported value: "Guess": supported values: "ContainerResource", "External", '
            '"Object", "Pods", "Resource"'
        ]
        * 2,
    ),
}


@pytest.mark.parametrize(("spec", "expected"), SCALERS.values(), ids=SCALERS)
def test_autoscalers(spec: Obj, expected: list[str]) -> None:
    assert said("horizontalpodautoscalers.autoscaling", {"spec": merged(SCALER, spec)}) == expected


BUDGETS = {
    "right": ({"minAvailable": "50%"}, []),
    "negative": (
        {"maxUnavailable": -1},
        ["spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), BUDGETS.values(), ids=BUDGETS)
def test_disruption_budgets(spec: Obj, expected: list[str]) -> None:
    assert said("poddisruptionbudgets.policy", {"spec": spec}) == expected


QUOTAS = {
    "right": ({"cpu": "1", "requests.memory": "1Gi", "count/deployments.apps": "5", "pods": "3"}, []),
    "a name": (
        {"things": "1"},
        [
            "spec.hard[things]: Invalid value: things: must be a standard resource type or fully qualified",
            "spec.hard[things]: Invalid value: things: must be a standard resource for quota",
        ],
    ),
    "part of a pod": (
        {"pods": "500m"},
        [
            "spec.hard[pods]: Invalid value: resource.Quantity{i:resource.int64Amount{value:5, scale:-1}, "
            'd:resource.infDecAmount{Dec:(*inf.Dec)(nil)}, s:"", Format:"DecimalSI"}: must be an integer'
        ],
    ),
    "negative": ({"cpu": "-1"}, ['spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0']),
}


@pytest.mark.parametrize(("hard", "expected"), QUOTAS.values(), ids=QUOTAS)
def test_quotas(hard: Obj, expected: list[str]) -> None:
    assert said("resourcequotas", {"spec": {"hard": hard}}) == expected


def test_scopes_of_a_quota() -> None:
    found = said("resourcequotas", {"spec": {"hard": {"pods": "1", "cpu": "1"}, "scopes": ["BestEffort"]}})
    shown = '[]core.ResourceQuotaScope{"BestEffort"}'
    assert found == [f"spec.scopes: Invalid value: {shown}: unsupported scope applied to resource"]
    assert said("resourcequotas", {"spec": {"hard": {"pods": "1"}, "scopes": ["BestEffort"]}}) == []
    found = said("resourcequotas", {"spec": {"hard": {"pods": "1"}, "scopes": ["BestEffort", "NotBestEffort"]}})
    assert found[0].endswith(": conflicting scopes")
    assert said("resourcequotas", {"spec": {"scopes": ["x"]}})[0].endswith('{"x"}: unsupported scope')


def test_a_budget_says_one_of_two() -> None:
    found = said("poddisruptionbudgets.policy", {"spec": {"minAvailable": 1, "maxUnavailable": 1}})
    assert len(found) == 1
    assert found[0].startswith(
        "spec: Invalid value: policy.PodDisruptionBudgetSpec{MinAvailable:(*intstr.IntOrString)(0x"
    )
    assert found[0].endswith("(nil)}: minAvailable and maxUnavailable cannot be both set")


def test_limits_are_in_order() -> None:
    item = {"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "2"}}
    assert said("limitranges", {"spec": {"limits": [item]}})[0] == (
        "spec.limits[0].min[cpu]: Invalid value: resource.Quantity{i:resource.int64Amount{value:2, scale:0}, "
        'd:resource.infDecAmount{Dec:(*inf.Dec)(nil)}, s:"2", Format:"DecimalSI"}: min value 2 is '
        "greater than max value 1"
    )


def test_priorities() -> None:
    assert said("priorityclasses.scheduling.k8s.io", {"value": 1_000_000_001}) == [
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"
    ]
    found = said("priorityclasses.scheduling.k8s.io", {"metadata": {"name": "system-x"}, "value": 1})
    assert found == [
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
        "error: system-x is not a known system priority class"
    ]


def test_definitions() -> None:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    spec = {
        "group": "a.io",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [version],
    }
    key = "customresourcedefinitions.apiextensions.k8s.io"
    assert said(key, {"metadata": {"name": "things.a.io"}, "spec": spec}) == []
    assert said(key, {"metadata": {"name": "thing.a.io"}, "spec": spec}) == [
        'metadata.name: Invalid value: "thing.a.io": must be spec.names.plural+"."+spec.group'
    ]
