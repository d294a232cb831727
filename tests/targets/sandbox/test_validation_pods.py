"""Validation of names, metadata, pods and containers: the server's words."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox import validation_names as names
from tests.targets.sandbox.judging import CONTAINER, POD_SPEC, Obj, merged, said

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
DNS1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
QUALIFIED_NAME = "must be a standard resource type or fully qualified"
STANDARD = "must be a standard resource for containers"
PORT = "must be between 1 and 65535, inclusive"


def pod(**spec: Any) -> Obj:
    return {"spec": merged(POD_SPEC, spec)}


def container(**fields: Any) -> Obj:
    return pod(containers=[merged(CONTAINER, fields)])


def test_a_pod_that_is_right() -> None:
    assert said("pods", pod()) == []


# -- names and metadata ------------------------------------------------------------------------------------------------

NAMES = {
    ("pods", "Bad_Name"): [f'metadata.name: Invalid value: "Bad_Name": {SUBDOMAIN}'],
    ("pods", "a.b-c.d"): [],
    ("pods", "x" * 254): [f'metadata.name: Invalid value: "{"x" * 254}": must be no more than 253 characters'],
    ("configmaps", "-a"): [f'metadata.name: Invalid value: "-a": {SUBDOMAIN}'],
    ("services", "1a"): [f'metadata.name: Invalid value: "1a": {DNS1035}'],
    ("services", "a" * 64): [f'metadata.name: Invalid value: "{"a" * 64}": must be no more than 63 characters'],
    ("namespaces", "a.b"): ['metadata.name: Invalid value: "a.b": must not contain dots'],
    ("namespaces", "A"): [f'metadata.name: Invalid value: "A": {LABEL}'],
    ("roles.rbac.authorization.k8s.io", "system:x"): [],
    ("roles.rbac.authorization.k8s.io", "a/b"): ["metadata.name: Invalid value: \"a/b\": may not contain '/'"],
    ("roles.rbac.authorization.k8s.io", ".."): ["metadata.name: Invalid value: \"..\": may not be '..'"],
}


@pytest.mark.parametrize(("key", "name"), NAMES)
def test_names(key: str, name: str) -> None:
    more: Obj = pod() if key == "pods" else {"spec": {"ports": [{"port": 80}]}} if key == "services" else {}
    found = said(key, {**more, "metadata": {"name": name}})
    assert [mistake for mistake in found if mistake.startswith("metadata.name")] == NAMES[(key, name)]


METADATA = {
    "no name": ({"name": ""}, ["metadata.name: Required value: name or generateName is required"]),
    "a prefix that ends with a dash": ({"generateName": "a-"}, []),
    "a bad prefix": ({"generateName": "A_"}, [f'metadata.generateName: Invalid value: "A_": {SUBDOMAIN}']),
    "a bad namespace": ({"namespace": "a.b"}, ['metadata.namespace: Invalid value: "a.b": must not contain dots']),
    "a bad key": ({"labels": {"a b": "1"}}, [f'metadata.labels: Invalid value: "a b": {QUALIFIED}']),
    "a bad prefix of a key": (
        {"labels": {"A/b": "1"}},
        [f'metadata.labels: Invalid value: "A/b": prefix part {SUBDOMAIN}'],
    ),
    "an empty key": (
        {"labels": {"a/": "1"}},
        [
            'metadata.labels: Invalid value: "a/": name part must be non-empty',
            f'metadata.labels: Invalid value: "a/": {QUALIFIED}',
        ],
    ),
    "a bad value": ({"labels": {"a": "b c"}}, [f'metadata.labels: Invalid value: "b c": {VALUE}']),
    "a long value": (
        {"labels": {"a": "b" * 64}},
        [f'metadata.labels: Invalid value: "{"b" * 64}": must be no more than 63 characters'],
    ),
    "annotations may be anything": ({"annotations": {"a": "b c " * 100, "UPPER/x": "1"}}, []),
    "annotations that are too large": (
        {"annotations": {"a": "x" * 262_144}},
        ["metadata.annotations: Too long: may not be more than 262144 bytes"],
    ),
    "a bad finalizer": (
        {"finalizers": ["a b"]},
        [
            f'metadata.finalizers: Invalid value: "a b": {QUALIFIED}',
            'metadata.finalizers[0]: Invalid value: "a b": name is neither a standard finalizer name nor is it fully '
            "qualified",
        ],
    ),
    "two finalizers that contradict": (
        {"finalizers": ["orphan", "foregroundDeletion"]},
        [
            'metadata.finalizers: Invalid value: []string{"orphan", "foregroundDeletion"}: finalizer orphan and '
            "foregroundDeletion cannot be both set"
        ],
    ),
    "an owner without a uid": (
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]},
        ['metadata.ownerReferences.uid: Invalid value: "": uid must not be empty'],
    ),
}


@pytest.mark.parametrize(("metadata", "expected"), METADATA.values(), ids=METADATA)
def test_metadata(metadata: Obj, expected: list[str]) -> None:
    assert said("pods", {**pod(), "metadata": metadata}) == expected


def test_the_cluster_s_objects_have_no_namespace() -> None:
    found = said("namespaces", {"metadata": {"namespace": "d"}})
    assert found == ["metadata.namespace: Forbidden: not allowed on this type"]


def test_every_mistake_is_said_once_and_in_order() -> None:
    obj = {"metadata": {"name": "X"}, "spec": {"containers": [{"name": "C"}], "restartPolicy": "Never"}}
    found = said("pods", obj)
    assert [mistake.split(":")[0] for mistake in found] == [
        "metadata.name",
        "spec.containers[0].name",
        "spec.containers[0].image",
    ]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("http", 0),
        ("a-1", 0),
        ("1", 1),
        ("A", 2),
        ("a" * 16, 1),
        ("a--b", 1),
        ("-a", 1),
        ("", 2),
    ],
)
def test_names_of_ports(name: str, wrong: int) -> None:
    assert len(names.port_name(name)) == wrong


# -- containers --------------------------------------------------------------------------------------------------------

CONTAINERS = {
    "none": (pod(containers=[]), ["spec.containers: Required value"]),
    "no name, no image": (
        pod(containers=[{}]),
        ["spec.containers[0].name: Required value", "spec.containers[0].image: Required value"],
    ),
    "a bad name": (container(name="A"), [f'spec.containers[0].name: Invalid value: "A": {LABEL}']),
    "a name twice": (
        pod(containers=[CONTAINER, CONTAINER]),
        ['spec.containers[1].name: Duplicate value: "c"'],
    ),
    "a name of an init container": (
        pod(initContainers=[CONTAINER]),
        ['spec.initContainers[0].name: Duplicate value: "c"'],
    ),
    "an image with a space": (
        container(image=" nginx"),
        ['spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing whitespace'],
    ),
    "a pull policy": (
        container(imagePullPolicy="Sometimes"),
        [
            'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", '
            '"IfNotPresent", "Never"'
        ],
    ),
    "a port out of range": (
        container(ports=[{"containerPort": 70000}]),
        [f"spec.containers[0].ports[0].containerPort: Invalid value: 70000: {PORT}"],
    ),
    "a port that is missing": (
        container(ports=[{"name": "http"}]),
        ["spec.containers[0].ports[0].containerPort: Required value"],
    ),
    "a port's protocol": (
        container(ports=[{"containerPort": 80, "protocol": "HTTP"}]),
        ['spec.containers[0].ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
    ),
    "a port's name": (
        container(ports=[{"containerPort": 80, "name": "a-very-long-port-name"}]),
        [
            'spec.containers[0].ports[0].name: Invalid value: "a-very-long-port-name": must be no '
            "more than 15 characters"
        ],
    ),
    "a port's name twice": (
        container(ports=[{"containerPort": 80, "name": "http"}, {"containerPort": 81, "name": "http"}]),
        ['spec.containers[0].ports[1].name: Duplicate value: "http"'],
    ),
    "a host's port twice": (
        container(ports=[{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81, "hostPort": 8080}]),
        ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//8080"'],
    ),
    "a variable without a name": (
        container(env=[{"value": "1"}]),
        ["spec.containers[0].env[0].name: Required value"],
    ),
    "a variable with an equals sign": (
        container(env=[{"name": "a=b"}]),
        [
            'spec.containers[0].env[0].name: Invalid value: "a=b": a valid environment variable name must consist only '
            "of printable ASCII characters other than '='"
        ],
    ),
    "a variable twice is no mistake": (container(env=[{"name": "A"}, {"name": "A"}]), []),
    "a variable from nowhere": (
        container(env=[{"name": "A", "valueFrom": {}}]),
        [
            'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, '
            "`resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        ],
    ),
    "a variable with a value and a source": (
        container(env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
    ),
    "a variable from a secret without a key": (
        container(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]),
        ["spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required value"],
    ),
    "a variable from a field that is none": (
        container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}}]),
        [
            'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting '
            "fieldPath: field label not supported: spec.foo"
        ],
    ),
    "a variable from a field that it cannot have": (
        container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}]),
        [
            'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported '
            'values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", '
            '"spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'
        ],
    ),
    "a variable from a label": (
        container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}}]),
        [],
    ),
    "variables from nowhere": (
        container(envFrom=[{}]),
        ['spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    ),
    "a mount without a volume": (
        container(volumeMounts=[{"name": "v", "mountPath": "/x"}]),
        ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    ),
    "a limit below the request": (
        container(resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1024Mi"}}),
        [
            'spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit '
            "of 1Gi"
        ],
    ),
    "a negative request": (
        container(resources={"requests": {"cpu": "-1"}}),
        ['spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    "a resource that is none": (
        container(resources={"limits": {"gpu": "1"}}),
        [
            f"spec.containers[0].resources.limits[gpu]: Invalid value: gpu: {QUALIFIED_NAME}",
            f"spec.containers[0].resources.limits[gpu]: Invalid value: gpu: {STANDARD}",
            f"spec.containers[0].resources.requests[gpu]: Invalid value: gpu: {QUALIFIED_NAME}",
            f"spec.containers[0].resources.requests[gpu]: Invalid value: gpu: {STANDARD}",
        ],
    ),
    "an extended resource in part": (
        container(resources={"limits": {"a.io/gpu": "500m"}}),
        [
            'spec.containers[0].resources.limits[a.io/gpu]: Invalid value: "500m": must be an integer',
            'spec.containers[0].resources.requests[a.io/gpu]: Invalid value: "500m": must be an integer',
        ],
    ),
    "a user that is none": (
        container(securityContext={"runAsUser": -1}),
        [
            "spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, "
            "inclusive"
        ],
    ),
    "a restart policy of a container": (
        container(restartPolicy="Always"),
        ["spec.containers[0].restartPolicy: Forbidden: may not be set for non-init containers"],
    ),
    "a probe of an init container": (
        pod(initContainers=[{"name": "i", "image": "x", "livenessProbe": {"tcpSocket": {"port": 1}}}]),
        [
            "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without "
            "restartPolicy=Always"
        ],
    ),
    "a sidecar may have a probe": (
        pod(
            initContainers=[
                {"name": "i", "image": "x", "restartPolicy": "Always", "livenessProbe": {"tcpSocket": {"port": 1}}}
            ]
        ),
        [],
    ),
    "ephemeral containers of a new pod": (
        pod(ephemeralContainers=[{"name": "e", "image": "x"}]),
        ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ),
}


@pytest.mark.parametrize(("obj", "expected"), CONTAINERS.values(), ids=CONTAINERS)
def test_containers(obj: Obj, expected: list[str]) -> None:
    assert said("pods", obj) == expected


WHERE = "spec.containers[0].livenessProbe"
PROBES = {
    "nothing to do": ({}, [f"{WHERE}: Required value: must specify a handler type"]),
    "two things to do": (
        {"exec": {"command": ["x"]}, "tcpSocket": {"port": 1}},
        [f"{WHERE}.tcpSocket: Forbidden: may not specify more than 1 handler type"],
    ),
    "no command": ({"exec": {}}, [f"{WHERE}.exec.command: Required value"]),
    "no port": ({"httpGet": {"path": "/"}}, [f"{WHERE}.httpGet.port: Invalid value: 0: {PORT}"]),
    "a port of another name": ({"httpGet": {"path": "/", "port": "http"}}, []),
    "a bad name of a port": (
        {"tcpSocket": {"port": "80"}},
        [f'{WHERE}.tcpSocket.port: Invalid value: "80": must contain at least one letter (a-z)'],
    ),
    "a scheme": (
        {"httpGet": {"port": 80, "scheme": "http"}},
        [f'{WHERE}.httpGet.scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS"'],
    ),
    "a negative delay": (
        {"tcpSocket": {"port": 1}, "initialDelaySeconds": -1},
        [f"{WHERE}.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0"],
    ),
    "more than one success": (
        {"tcpSocket": {"port": 1}, "successThreshold": 2},
        [f"{WHERE}.successThreshold: Invalid value: 2: must be 1"],
    ),
    "a header": (
        {"httpGet": {"port": 80, "httpHeaders": [{"name": "a b", "value": "1"}]}},
        [
            f'{WHERE}.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric '
            "characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
        ],
    ),
}


@pytest.mark.parametrize(("probe", "expected"), PROBES.values(), ids=PROBES)
def test_probes(probe: Obj, expected: list[str]) -> None:
    assert said("pods", container(livenessProbe=probe)) == expected


def test_a_readiness_probe_may_need_more_successes_but_has_no_grace() -> None:
    probe = {"tcpSocket": {"port": 1}, "successThreshold": 2, "terminationGracePeriodSeconds": 5}
    assert said("pods", container(readinessProbe=probe)) == [
        "spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for "
        "readinessProbes"
    ]


# -- volumes -----------------------------------------------------------------------------------------------------------

VOLUMES = {
    "no name": ([{"emptyDir": {}}], ["spec.volumes[0].name: Required value"]),
    "a name twice": (
        [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}],
        ['spec.volumes[1].name: Duplicate value: "v"'],
    ),
    "two sources": (
        [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}],
        ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
    ),
    "a path of the host that goes back": (
        [{"name": "v", "hostPath": {"path": "/a/../b"}}],
        ["spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
    ),
    "no path of the host": (
        [{"name": "v", "hostPath": {"path": ""}}],
        ["spec.volumes[0].hostPath.path: Required value"],
    ),
    "no secret": ([{"name": "v", "secret": {}}], ["spec.volumes[0].secret.secretName: Required value"]),
    "no config map": ([{"name": "v", "configMap": {}}], ["spec.volumes[0].configMap.name: Required value"]),
    "no claim": (
        [{"name": "v", "persistentVolumeClaim": {"claimName": ""}}],
        ["spec.volumes[0].persistentVolumeClaim.claimName: Required value"],
    ),
    "a mode": (
        [{"name": "v", "configMap": {"name": "x", "defaultMode": 1000}}],
        [
            "spec.volumes[0].configMap.defaultMode: Invalid value: 1000: must be a number between 0 and 0777 (octal), "
            "both inclusive"
        ],
    ),
    "an item's path": (
        [{"name": "v", "configMap": {"name": "x", "items": [{"key": "a", "path": "/b"}]}}],
        ['spec.volumes[0].configMap.items[0].path: Invalid value: "/b": must be a relative path'],
    ),
    "a size": (
        [{"name": "v", "emptyDir": {"sizeLimit": "-1"}}],
        ["spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"],
    ),
}


@pytest.mark.parametrize(("volumes", "expected"), VOLUMES.values(), ids=VOLUMES)
def test_volumes(volumes: list[Obj], expected: list[str]) -> None:
    assert said("pods", pod(volumes=volumes)) == expected


MOUNTS = {
    "a path twice": (
        [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}],
        ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique'],
    ),
    "no path": ([{"name": "v"}], ["spec.containers[0].volumeMounts[0].mountPath: Required value"]),
    "a path below that goes back": (
        [{"name": "v", "mountPath": "/a", "subPath": "../b"}],
        ["spec.containers[0].volumeMounts.subPath: Invalid value: \"../b\": must not contain '..'"],
    ),
    "right": ([{"name": "v", "mountPath": "/a", "subPath": "b/c", "readOnly": True}], []),
}


@pytest.mark.parametrize(("mounts", "expected"), MOUNTS.values(), ids=MOUNTS)
def test_mounts(mounts: list[Obj], expected: list[str]) -> None:
    spec = {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [merged(CONTAINER, {"volumeMounts": mounts})]}
    assert said("pods", {"spec": spec}) == expected


# -- the pod -----------------------------------------------------------------------------------------------------------

PODS = {
    "a restart policy": (
        {"restartPolicy": "Maybe"},
        ['spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"'],
    ),
    "a dns policy": (
        {"dnsPolicy": "x"},
        [
            'spec.dnsPolicy: Unsupported value: "x": supported values: "ClusterFirstWithHostNet", "ClusterFirst", '
            '"Default", "None"'
        ],
    ),
    "no dns": (
        {"dnsPolicy": "None"},
        ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
    ),
    "a node selector": ({"nodeSelector": {"a": "b c"}}, [f'spec.nodeSelector: Invalid value: "b c": {VALUE}']),
    "a service account": (
        {"serviceAccountName": "A"},
        [f'spec.serviceAccountName: Invalid value: "A": {SUBDOMAIN}'],
    ),
    "a host name": ({"hostname": "a.b"}, ['spec.hostname: Invalid value: "a.b": must not contain dots']),
    "a deadline": (
        {"activeDeadlineSeconds": 0},
        ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ),
    "a toleration without a key": (
        {"tolerations": [{"value": "x"}]},
        [
            'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means '
            '"match all values and all keys"'
        ],
    ),
    "a toleration's seconds": (
        {"tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 5}]},
        ["spec.tolerations[0].effect: Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set"],
    ),
    "a toleration's operator": (
        {"tolerations": [{"key": "a", "operator": "In"}]},
        ['spec.tolerations[0].operator: Unsupported value: "In": supported values: "Equal", "Exists"'],
    ),
    "no terms": (
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}},
        [
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required "
            "value: must have at least one node selector term"
        ],
    ),
    "no topology": (
        {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}},
        [
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required "
            "value: can not be empty",
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid "
            'value: "": name part must be non-empty',
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid "
            f'value: "": {QUALIFIED}',
        ],
    ),
    "spreading": (
        {"topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "x"}]},
        [
            "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
            'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "x": supported values: '
            '"DoNotSchedule", "ScheduleAnyway"',
        ],
    ),
    "an alias": (
        {"hostAliases": [{"ip": "x", "hostnames": ["a"]}]},
        ['spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    "a seccomp profile": (
        {"securityContext": {"seccompProfile": {"type": "x"}}},
        [
            'spec.securityContext.seccompProfile.type: Unsupported value: "x": supported values: "Localhost", '
            '"RuntimeDefault", "Unconfined"'
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), PODS.values(), ids=PODS)
def test_pods(spec: Obj, expected: list[str]) -> None:
    assert said("pods", pod(**spec)) == expected


def test_the_ports_of_the_host_network() -> None:
    spec = {"hostNetwork": True, "containers": [merged(CONTAINER, {"ports": [{"containerPort": 80, "hostPort": 81}]})]}
    assert said("pods", {"spec": spec}) == [
        "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"
    ]
