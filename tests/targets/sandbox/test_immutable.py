"""What an update must not change."""

from __future__ import annotations

import pytest

from tests.targets.sandbox.judging import CONTAINER, POD_SPEC, SPEC, TEMPLATE, Obj, merged, said

RBAC = "rbac.authorization.k8s.io"
ONCE = merged(TEMPLATE, {"spec": {"restartPolicy": "Never"}})
JOB = {"completions": 1, "template": ONCE, "selector": {"matchLabels": {"a": "b"}}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}}
STATEFUL = (
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
    "forbidden"
)
SELECTOR = (
    'spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{"a":"b", "c":"d"}, '
    "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable"
)
BOTH = {"a": "b", "c": "d"}
RESELECTED = {"spec": {"selector": {"matchLabels": BOTH}, "template": {"metadata": {"labels": BOTH}}}}
POD = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)
SEALED = "Forbidden: field is immutable when `immutable` is set"

CASES: dict[str, tuple[str, Obj, Obj, list[str]]] = {
    "a name": (
        "configmaps",
        {},
        {"metadata": {"name": "y"}},
        ['metadata.name: Invalid value: "y": field is immutable'],
    ),
    "a namespace": (
        "configmaps",
        {},
        {"metadata": {"namespace": "e"}},
        ['metadata.namespace: Invalid value: "e": field is immutable'],
    ),
    "a uid": (
        "configmaps",
        {"metadata": {"uid": "1"}},
        {"metadata": {"uid": "2"}},
        ['metadata.uid: Invalid value: "2": field is immutable'],
    ),
    "a finalizer of what is being deleted": (
        "configmaps",
        {"metadata": {"deletionTimestamp": "2025-01-01T00:00:00Z"}},
        {"metadata": {"finalizers": ["a/b"]}},
        [
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new "
            'finalizers []string{"a/b"}'
        ],
    ),
    "labels may change": ("configmaps", {}, {"metadata": {"labels": {"a": "b"}}}, []),
    "a deployment": ("deployments.apps", {"spec": SPEC}, {"spec": {"replicas": 5}}, []),
    "a deployment's selector": ("deployments.apps", {"spec": SPEC}, RESELECTED, [SELECTOR]),
    "a replica set's selector": ("replicasets.apps", {"spec": SPEC}, RESELECTED, [SELECTOR]),
    "a daemon set's selector": ("daemonsets.apps", {"spec": SPEC}, RESELECTED, [SELECTOR]),
    "a stateful set": (
        "statefulsets.apps",
        {"spec": {**SPEC, "serviceName": "s"}},
        {"spec": {"replicas": 5, "minReadySeconds": 1, "revisionHistoryLimit": 2, "ordinals": {"start": 1}}},
        [],
    ),
    "a stateful set's service": (
        "statefulsets.apps",
        {"spec": {**SPEC, "serviceName": "s"}},
        {"spec": {"serviceName": "t"}},
        [STATEFUL],
    ),
    "a stateful set's claims": (
        "statefulsets.apps",
        {"spec": {**SPEC, "volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": CLAIM}]}},
        {"spec": {"volumeClaimTemplates": [{"metadata": {"name": "e"}, "spec": CLAIM}]}},
        [STATEFUL],
    ),
    "a job": ("jobs.batch", {"spec": JOB}, {"spec": {"parallelism": 3, "suspend": True}}, []),
    "a job's completions": (
        "jobs.batch",
        {"spec": JOB},
        {"spec": {"completions": 3}},
        ["spec.completions: Invalid value: 3: field is immutable"],
    ),
    "a service": (
        "services",
        {"spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.9"}},
        {"spec": {"ports": [{"port": 81}]}},
        [],
    ),
    "a service's address": (
        "services",
        {"spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.9"}},
        {"spec": {"clusterIP": "10.96.0.10"}},
        ['spec.clusterIPs[0]: Invalid value: []string{"10.96.0.10"}: may not change once set'],
    ),
    "a headless service's address": (
        "services",
        {"spec": {"ports": [{"port": 80}], "clusterIP": "None", "selector": {"a": "b"}}},
        {"spec": {"clusterIP": None}},
        ["spec.clusterIPs[0]: Invalid value: []string{}: may not change once set"],
    ),
    "a map that is sealed": (
        "configmaps",
        {"data": {"a": "1"}, "immutable": True},
        {"data": {"a": "2"}},
        [f"data: {SEALED}"],
    ),
    "the seal of a map": (
        "configmaps",
        {"data": {"a": "1"}, "immutable": True},
        {"immutable": False},
        [f"immutable: {SEALED}"],
    ),
    "a map may be sealed": ("configmaps", {"data": {"a": "1"}}, {"immutable": True, "data": {"b": "2"}}, []),
    "a secret that is sealed": (
        "secrets",
        {"data": {"a": "MQ=="}, "immutable": True},
        {"data": {"a": "Mg=="}},
        [f"data: {SEALED}"],
    ),
    "a secret's type": (
        "secrets",
        {"data": {"a": "MQ=="}},
        {"type": "a.io/b"},
        ['type: Invalid value: "a.io/b": field is immutable'],
    ),
    "a claim that grows": (
        "persistentvolumeclaims",
        {"spec": CLAIM, "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}}},
        {"spec": {"resources": {"requests": {"storage": "3Gi"}}}},
        [],
    ),
    "a claim that shrinks": (
        "persistentvolumeclaims",
        {"spec": CLAIM, "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}}},
        {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
        ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"],
    ),
    "a claim that waits shrinks": (
        "persistentvolumeclaims",
        {"spec": CLAIM, "status": {"phase": "Bound"}},
        {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
        [],
    ),
    "a claim is bound": ("persistentvolumeclaims", {"spec": CLAIM}, {"spec": {"volumeName": "pv"}}, []),
    "a class of storage": (
        "storageclasses.storage.k8s.io",
        {"provisioner": "p"},
        {"provisioner": "q", "parameters": {"a": "b"}, "volumeBindingMode": "WaitForFirstConsumer"},
        [
            "parameters: Forbidden: updates to parameters are forbidden.",
            "provisioner: Forbidden: updates to provisioner are forbidden.",
            'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
        ],
    ),
    "a binding's role": (
        f"rolebindings.{RBAC}",
        {"roleRef": {"kind": "Role", "name": "r"}},
        {"roleRef": {"name": "s"}},
        [
            'roleRef: Invalid value: rbac.RoleRef{APIGroup:"rbac.authorization.k8s.io", Kind:"Role", Name:"s"}: cannot '
            "change roleRef"
        ],
    ),
    "a priority": (
        "priorityclasses.scheduling.k8s.io",
        {"value": 1},
        {"value": 2},
        ["value: Forbidden: may not be changed in an update."],
    ),
    "a pod's image": ("pods", {"spec": POD_SPEC}, {"spec": {"containers": [{"name": "c", "image": "n2"}]}}, []),
    "a pod's containers": (
        "pods",
        {"spec": POD_SPEC},
        {"spec": {"containers": [CONTAINER, {"name": "d", "image": "x"}]}},
        ["spec.containers: Forbidden: pod updates may not add or remove containers"],
    ),
    "a pod's tolerations": (
        "pods",
        {"spec": {**POD_SPEC, "tolerations": [{"key": "a", "operator": "Exists"}]}},
        {"spec": {"tolerations": [{"key": "b", "operator": "Exists"}]}},
        ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
    ),
    "a pod may tolerate more": (
        "pods",
        {"spec": POD_SPEC},
        {"spec": {"tolerations": [{"key": "b", "operator": "Exists"}]}},
        [],
    ),
    "a pod's image is taken away": (
        "pods",
        {"spec": POD_SPEC},
        {"spec": {"containers": [{"name": "c", "image": ""}]}},
        ["spec.containers[0].image: Required value"] * 2,
    ),
    "a pod's deadline": (
        "pods",
        {"spec": {**POD_SPEC, "activeDeadlineSeconds": 5}},
        {"spec": {"activeDeadlineSeconds": 9}},
        ["spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value"],
    ),
    "an ingress class": (
        "ingressclasses.networking.k8s.io",
        {"spec": {"controller": "a.io/b"}},
        {"spec": {"controller": "a.io/c"}},
        ['spec.controller: Invalid value: "a.io/c": field is immutable'],
    ),
}


@pytest.mark.parametrize(("key", "old", "change", "expected"), CASES.values(), ids=CASES)
def test_changes(key: str, old: Obj, change: Obj, expected: list[str]) -> None:
    assert said(key, merged(old, change), old) == expected


def test_a_pod_s_other_fields() -> None:
    found = said("pods", {"spec": {**POD_SPEC, "nodeName": "b"}}, {"spec": {**POD_SPEC, "nodeName": "a"}})
    assert len(found) == 1
    assert found[0].startswith(POD)
    assert found[0].removeprefix(POD).replace("\u00a0", " ") == (
        "  core.PodSpec{\n"
        "  \t... // 9 identical fields\n"
        '  \tServiceAccountName:           "",\n'
        "  \tAutomountServiceAccountToken: nil,\n"
        '- \tNodeName:                     "a",\n'
        '+ \tNodeName:                     "b",\n'
        "  \tSecurityContext:              &{},\n"
        "  \tImagePullSecrets:             nil,\n"
        "  \t... // 20 identical fields\n"
        "  }\n"
    )


SAYS = (
    "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for "
    "bound claims\n"
)
RECORDED = {
    "a class": (
        {"storageClassName": "other"},
        "  core.PersistentVolumeClaimSpec{\n"
        "  \t... // 2 identical fields\n"
        '  \tResources:        {Requests: {s"storage": {i: {...}, s: "1Mi", Format: "BinarySI"}}},\n'
        '  \tVolumeName:       "",\n'
        '- \tStorageClassName: &"none",\n'
        '+ \tStorageClassName: &"other",\n'
        '  \tVolumeMode:       &"Filesystem",\n'
        "  \tDataSource:       nil,\n"
        "  \t... // 2 identical fields\n"
        "  }\n",
    ),
    "an access": (
        {"accessModes": ["ReadWriteMany"]},
        "  core.PersistentVolumeClaimSpec{\n"
        '- \tAccessModes: []core.PersistentVolumeAccessMode{"ReadWriteOnce"},\n'
        '+ \tAccessModes: []core.PersistentVolumeAccessMode{"ReadWriteMany"},\n'
        "  \tSelector:    nil,\n"
        '  \tResources:   {Requests: {s"storage": {i: {...}, s: "1Mi", Format: "BinarySI"}}},\n'
        "  \t... // 6 identical fields\n"
        "  }\n",
    ),
    "a size": (
        {"resources": {"requests": {"storage": "2Mi"}}},
        "  core.PersistentVolumeClaimSpec{\n"
        '  \tAccessModes: {"ReadWriteOnce"},\n'
        "  \tSelector:    nil,\n"
        "  \tResources: core.VolumeResourceRequirements{\n"
        "  \t\tLimits: nil,\n"
        "- \t\tRequests: core.ResourceList{\n"
        '- \t\t\ts"storage": {i: resource.int64Amount{value: 1048576}, s: "1Mi", Format: "BinarySI"},\n'
        "- \t\t},\n"
        "+ \t\tRequests: core.ResourceList{\n"
        '+ \t\t\ts"storage": {i: resource.int64Amount{value: 2097152}, s: "2Mi", Format: "BinarySI"},\n'
        "+ \t\t},\n"
        "  \t},\n"
        '  \tVolumeName:       "",\n'
        '  \tStorageClassName: &"none",\n'
        "  \t... // 4 identical fields\n"
        "  }\n",
    ),
}


@pytest.mark.parametrize(("change", "shown"), RECORDED.values(), ids=RECORDED)
def test_a_claim_s_other_fields(change: Obj, shown: str) -> None:
    """As a real cluster was recorded with."""
    old = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Mi"}},
        "storageClassName": "none",
    }
    found = said("persistentvolumeclaims", {"spec": merged(old, change)}, {"spec": old})
    assert [mistake.replace("\u00a0", " ") for mistake in found] == [SAYS + shown]
    assert "\n\u00a0\u00a0core." in found[0]


def test_a_volume_s_source() -> None:
    found = said("persistentvolumes", {"spec": merged(VOLUME, {"hostPath": {"path": "/y"}})}, {"spec": VOLUME})
    assert len(found) == 1
    assert found[0].startswith(
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n"
    )


def test_a_job_s_template() -> None:
    changed = merged(JOB, {"template": {"spec": {"containers": [{"name": "c", "image": "other"}]}}})
    found = said("jobs.batch", {"spec": changed}, {"spec": JOB})
    assert len(found) == 1
    assert found[0].startswith("spec.template: Invalid value: core.PodTemplateSpec{")
    assert found[0].endswith(": field is immutable")


def test_a_job_that_waits_may_be_placed_anew() -> None:
    old = {"spec": {**JOB, "suspend": True}}
    placed = merged(old, {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}})
    assert said("jobs.batch", placed, old) == []
    assert said("jobs.batch", merged(placed, {"spec": {"suspend": None}}), {"spec": JOB})[0].startswith("spec.template")
