"""Validation of workloads: Deployments, sets, Jobs and schedules."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mcp_tools.targets.sandbox import validation_cron
from tests.targets.sandbox.judging import CONTAINER, LABELS, SPEC, TEMPLATE, Obj, merged, said

MISMATCH = "`selector` does not match template `labels`"
SHOWN = 'map[string]string{"a":"b"}'
ONCE = merged(TEMPLATE, {"spec": {"restartPolicy": "Never"}})


def workload(**spec: Any) -> Obj:
    return {"spec": merged(SPEC, spec)}


DEPLOYMENTS = {
    "right": ({}, []),
    "no selector": (
        {"selector": None},
        [
            "spec.selector: Required value",
            f"spec.template.metadata.labels: Invalid value: {SHOWN}: {MISMATCH}",
        ],
    ),
    "an empty selector": (
        {"selector": {"matchLabels": None}},
        [
            "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), "
            "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for deployment"
        ],
    ),
    "a selector of something else": (
        {"selector": {"matchLabels": {"a": "c"}}},
        [f"spec.template.metadata.labels: Invalid value: {SHOWN}: {MISMATCH}"],
    ),
    "a template without labels": (
        {"template": {"metadata": None}},
        [f"spec.template.metadata.labels: Invalid value: map[string]string(nil): {MISMATCH}"],
    ),
    "expressions that fit": (
        {"selector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]}},
        [],
    ),
    "an expression without values": (
        {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
        [
            "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or "
            "'NotIn'",
            'spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{"a":"b"}, '
            'MatchExpressions:[]v1.LabelSelectorRequirement{v1.LabelSelectorRequirement{Key:"a", Operator:"In", '
            "Values:[]string(nil)}}}: invalid label selector",
        ],
    ),
    "negative replicas": (
        {"replicas": -1},
        ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
    ),
    "pods that do not restart": (
        {"template": {"spec": {"restartPolicy": "Never"}}},
        ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ),
    "pods with a deadline": (
        {"template": {"spec": {"activeDeadlineSeconds": 5}}},
        ["spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"],
    ),
    "a strategy": (
        {"strategy": {"type": "BlueGreen"}},
        [
            'spec.strategy: Unsupported value: apps.DeploymentStrategy{Type:"BlueGreen", '
            'RollingUpdate:(*apps.RollingUpdateDeployment)(nil)}: supported values: "Recreate", "RollingUpdate"'
        ],
    ),
    "a rolling update of a recreation": (
        {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}},
        ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ),
    "an update that cannot roll": (
        {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
        [
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:0, "
            'IntVal:0, StrVal:""}: may not be 0 when `maxSurge` is 0'
        ],
    ),
    "a share that is none": (
        {"strategy": {"rollingUpdate": {"maxSurge": "a"}}},
        [
            "spec.strategy.rollingUpdate.maxSurge: Invalid value: intstr.IntOrString{Type:1, "
            'IntVal:0, StrVal:"a"}: a valid percent string must be a numeric string '
            "followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
        ],
    ),
    "more than all": (
        {"strategy": {"rollingUpdate": {"maxUnavailable": "101%"}}},
        [
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, "
            'IntVal:0, StrVal:"101%"}: must not be greater than 100%'
        ],
    ),
    "a deadline that is too short": (
        {"minReadySeconds": 30, "progressDeadlineSeconds": 30},
        ["spec.progressDeadlineSeconds: Invalid value: 30: must be greater than minReadySeconds"],
    ),
    "a label of the template": (
        {"template": {"metadata": {"labels": {"x": "a b"}}}},
        [
            'spec.template.labels: Invalid value: "a b": a valid label must be an empty string or consist of '
            "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
            "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        ],
    ),
    "no containers": (
        {"template": {"spec": {"containers": []}}},
        ["spec.template.spec.containers: Required value"],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_deployments(spec: Obj, expected: list[str]) -> None:
    assert said("deployments.apps", workload(**spec)) == expected


STATEFUL = {
    "right": ({"serviceName": "s"}, []),
    "a management policy": (
        {"podManagementPolicy": "x"},
        ["spec.podManagementPolicy: Invalid value: \"x\": must be 'OrderedReady' or 'Parallel'"],
    ),
    "a rolling update of OnDelete": (
        {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
        [
            "spec.updateStrategy.rollingUpdate: Invalid value: &apps.RollingUpdateStatefulSetStrategy{Partition:1}: "
            "only allowed for updateStrategy 'RollingUpdate'"
        ],
    ),
    "a mount of a claim": (
        {
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
            "template": {
                "spec": {"containers": [merged(CONTAINER, {"volumeMounts": [{"name": "data", "mountPath": "/d"}]})]}
            },
        },
        [],
    ),
    "a mount of nothing": (
        {
            "template": {
                "spec": {"containers": [merged(CONTAINER, {"volumeMounts": [{"name": "data", "mountPath": "/d"}]})]}
            }
        },
        ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'],
    ),
    "a retention policy": (
        {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "x"}},
        [
            'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "x": supported values: '
            '"Delete", "Retain"'
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), STATEFUL.values(), ids=STATEFUL)
def test_stateful_sets(spec: Obj, expected: list[str]) -> None:
    assert said("statefulsets.apps", workload(**spec)) == expected


DAEMONS = {
    "right": ({}, []),
    "a strategy": (
        {"updateStrategy": {"type": "x"}},
        ['spec.updateStrategy.type: Unsupported value: "x": supported values: "RollingUpdate", "OnDelete"'],
    ),
    "an update that cannot roll": (
        {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}},
        ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
    ),
    "both": (
        {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}},
        [
            "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: intstr.IntOrString{Type:0, "
            'IntVal:1, StrVal:""}: may not be set when '
            "maxUnavailable is non-zero"
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), DAEMONS.values(), ids=DAEMONS)
def test_daemon_sets(spec: Obj, expected: list[str]) -> None:
    assert said("daemonsets.apps", workload(**spec)) == expected


def test_replica_sets_say_deployment_too() -> None:
    """The words of the real server: they were copied there."""
    found = said("replicasets.apps", workload(selector={"matchLabels": None}))
    assert found[0].endswith("empty selector is invalid for deployment")


def test_replication_controllers() -> None:
    template = copy.deepcopy(TEMPLATE)
    assert said("replicationcontrollers", {"spec": {"template": template}}) == []
    assert said("replicationcontrollers", {"spec": {"template": template, "selector": {"a": "c"}}}) == [
        f"spec.template.metadata.labels: Invalid value: {SHOWN}: {MISMATCH}"
    ]
    assert said("replicationcontrollers", {"spec": {"selector": LABELS}}) == ["spec.template: Required value"]


# -- batch -------------------------------------------------------------------------------------------------------------

JOBS = {
    "right": ({"template": ONCE}, []),
    "pods that restart": (
        {"template": TEMPLATE},
        ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ),
    "a restart policy that is none": (
        {"template": merged(TEMPLATE, {"spec": {"restartPolicy": "x"}})},
        [
            'spec.template.spec.restartPolicy: Unsupported value: "x": supported values: "Always", '
            '"OnFailure", "Never"',
            'spec.template.spec.restartPolicy: Unsupported value: "x": supported values: "OnFailure", "Never"',
        ],
    ),
    "negative": (
        {"template": ONCE, "parallelism": -1, "backoffLimit": -1},
        [
            "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
            "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
        ],
    ),
    "an index without a number": (
        {"template": ONCE, "completionMode": "Indexed", "parallelism": 2},
        ["spec.completions: Required value: when completion mode is Indexed"],
    ),
    "a mode": (
        {"template": ONCE, "completionMode": "x"},
        ['spec.completionMode: Unsupported value: "x": supported values: "NonIndexed", "Indexed"'],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), JOBS.values(), ids=JOBS)
def test_jobs(spec: Obj, expected: list[str]) -> None:
    assert said("jobs.batch", {"spec": spec}) == expected


CRON = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": ONCE}}}
CRONS = {
    "right": ({}, []),
    "no schedule": ({"schedule": ""}, ["spec.schedule: Required value"]),
    "a schedule": (
        {"schedule": "often"},
        ['spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]'],
    ),
    "a zone in the schedule": (
        {"schedule": "TZ=UTC 0 0 * * *"},
        [
            'spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": cannot use TZ or CRON_TZ in schedule, '
            "use timeZone field "
            "instead"
        ],
    ),
    "a zone": ({"timeZone": "Europe/Berlin"}, []),
    "a zone that is none": (
        {"timeZone": "Mars/Base"},
        ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'],
    ),
    "an empty zone": (
        {"timeZone": ""},
        ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'],
    ),
    "a concurrency policy": (
        {"concurrencyPolicy": "x"},
        ['spec.concurrencyPolicy: Unsupported value: "x": supported values: "Allow", "Forbid", "Replace"'],
    ),
    "a job with a selector": (
        {"jobTemplate": {"spec": {"selector": {"matchLabels": {"a": "b"}}}}},
        [
            'spec.jobTemplate.spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{"a":"b"}, '
            "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: `selector` will be auto-generated"
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), CRONS.values(), ids=CRONS)
def test_cron_jobs(spec: Obj, expected: list[str]) -> None:
    assert said("cronjobs.batch", {"spec": merged(CRON, spec)}) == expected


def test_the_name_of_a_cron_job_leaves_room_for_its_jobs() -> None:
    name = "a" * 53
    assert said("cronjobs.batch", {"metadata": {"name": name}, "spec": CRON}) == [
        f'metadata.name: Invalid value: "{name}": must be no more than 52 characters'
    ]
    assert said("cronjobs.batch", {"metadata": {"name": name[1:]}, "spec": CRON}) == []


SCHEDULES = {
    "* * * * *": "",
    "0 0 1,15 * 1-5": "",
    "*/15 8-18/2 * JAN-MAR mon": "",
    "@hourly": "",
    "@every 1h30m": "",
    "CRON_TZ=UTC 0 0 * * *": "",
    "* * * *": "expected exactly 5 fields, found 4: [* * * *]",
    "* * * * * *": "expected exactly 5 fields, found 6: [* * * * * *]",
    "60 * * * *": "end of range (60) above maximum (59): 60",
    "* 24 * * *": "end of range (24) above maximum (23): 24",
    "* * 0 * *": "beginning of range (0) below minimum (1): 0",
    "* * * 13 *": "end of range (13) above maximum (12): 13",
    "* * * * 7": "end of range (7) above maximum (6): 7",
    "5-1 * * * *": "beginning of range (5) beyond end of range (1): 5-1",
    "*/0 * * * *": "step of range should be a positive number: */0",
    "1-2-3 * * * *": "too many hyphens: 1-2-3",
    "*/1/2 * * * *": "too many slashes: */1/2",
    "x * * * *": 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax',
    "@sometimes": "unrecognized descriptor: @sometimes",
}


@pytest.mark.parametrize(("schedule", "why"), SCHEDULES.items())
def test_schedules(schedule: str, why: str) -> None:
    assert validation_cron.mistake(schedule) == why
