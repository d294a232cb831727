"""Admission changes and refuses in the words of a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox.errors import ApiError
from tests.targets.sandbox.workbench import Bench, deployment, pod_spec

GROUP = "admissionregistration.k8s.io"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def pod(name: str = "p", spec: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {**pod_spec(**container), **(spec or {})}}


def refusal(bench: Bench, key: str, obj: dict[str, Any], namespace: str = "default") -> str:
    with pytest.raises(ApiError) as caught:
        bench.create(key, obj, namespace)
    assert caught.value.code == 403
    return caught.value.message


def cpu(request: str = "", limit: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    if request:
        found["requests"] = {"cpu": request}
    if limit:
        found["limits"] = {"cpu": limit}
    return {"resources": found}


# -- every pod -------------------------------------------------------------------------------------------------------


def test_a_pod_gets_account_token_tolerations_and_priority(bench: Bench) -> None:
    spec = bench.create("pods", pod())["spec"]
    assert (spec["serviceAccountName"], spec["priority"], spec["preemptionPolicy"]) == (
        "default",
        0,
        "PreemptLowerPriority",
    )
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert [next(iter(each)) for each in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    mount = {"name": volume["name"], "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    assert spec["containers"][0]["volumeMounts"] == [mount]
    assert [(each["key"], each["tolerationSeconds"]) for each in spec["tolerations"]] == [
        ("node.kubernetes.io/not-ready", 300),
        ("node.kubernetes.io/unreachable", 300),
    ]


def test_a_pod_that_loses_its_tolerations_gets_them_again(bench: Bench) -> None:
    bench.create("pods", pod())
    found = bench.update("pods", "p", lambda live: live["spec"].pop("tolerations"))
    assert [each["key"] for each in found["spec"]["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]


def test_no_token_where_none_is_wanted(bench: Bench) -> None:
    assert "volumes" not in bench.create("pods", pod(spec={"automountServiceAccountToken": False}))["spec"]


def test_an_account_must_be_there(bench: Bench) -> None:
    assert refusal(bench, "pods", pod(spec={"serviceAccountName": "x"})) == (
        'pods "p" is forbidden: error looking up service account default/x: serviceaccount "x" not found'
    )
    made = {"metadata": {"generateName": "web-abc-"}, "spec": {**pod_spec(), "serviceAccountName": "x"}}
    assert refusal(bench, "pods", made).startswith('pods "web-abc-" is forbidden: ')


def test_priority_classes(bench: Bench) -> None:
    assert refusal(bench, "pods", pod(spec={"priorityClassName": "x"})) == (
        'pods "p" is forbidden: no PriorityClass with name x was found'
    )
    classes = "priorityclasses.scheduling.k8s.io"
    bench.create(classes, {"metadata": {"name": "high"}, "value": 1000, "globalDefault": True})
    spec = bench.create("pods", pod())["spec"]
    assert (spec["priority"], spec["priorityClassName"]) == (1000, "high")
    text = refusal(bench, classes, {"metadata": {"name": "other"}, "value": 1, "globalDefault": True})
    assert text.endswith("PriorityClass high is already marked as default. Only one default can exist")


def test_a_runtime_class_must_be_there(bench: Bench) -> None:
    assert refusal(bench, "pods", pod(spec={"runtimeClassName": "gvisor"})) == (
        'pods "p" is forbidden: pod rejected: RuntimeClass "gvisor" not found'
    )


# -- limits ----------------------------------------------------------------------------------------------------------


def limit(bench: Bench, **item: Any) -> None:
    bench.create("limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", **item}]}})


def test_containers_get_the_defaults_of_the_namespace(bench: Bench) -> None:
    limit(bench, default={"cpu": "500m", "memory": "64Mi"}, defaultRequest={"cpu": "100m"})
    made = bench.create("pods", pod())
    assert made["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "100m", "memory": "64Mi"},
        "limits": {"cpu": "500m", "memory": "64Mi"},
    }
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c"
    )


@pytest.mark.parametrize(
    ("item", "container", "message"),
    [
        ({"max": {"cpu": "500m"}}, cpu("100m", "1"), "maximum cpu usage per Container is 500m, but limit is 1"),
        ({"min": {"cpu": "200m"}}, cpu("100m", "1"), "minimum cpu usage per Container is 200m, but request is 100m"),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            cpu("100m", "1"),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000",
        ),
        (
            {"type": "Pod", "max": {"memory": "1Gi"}},
            cpu("1", "1"),
            "maximum memory usage per Pod is 1Gi.  No limit is specified",
        ),
    ],
)
def test_what_is_outside_the_limits(
    bench: Bench, item: dict[str, Any], container: dict[str, Any], message: str
) -> None:
    limit(bench, **item)
    assert refusal(bench, "pods", pod(**container)) == f'pods "p" is forbidden: {message}'


def test_claims_have_limits_too(bench: Bench) -> None:
    limit(bench, type="PersistentVolumeClaim", max={"storage": "1Gi"})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    assert refusal(bench, "persistentvolumeclaims", {"metadata": {"name": "d"}, "spec": spec}) == (
        'persistentvolumeclaims "d" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request '
        "is 2Gi"
    )


# -- quotas ----------------------------------------------------------------------------------------------------------


def quota(bench: Bench, hard: dict[str, str], **spec: Any) -> None:
    bench.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}})
    bench.settle()


def test_no_more_than_the_quota(bench: Bench) -> None:
    quota(bench, {"requests.cpu": "500m", "pods": "3"})
    text = "exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=0, limited: requests.cpu=500m"
    assert refusal(bench, "pods", pod(**cpu("1"))) == f'pods "p" is forbidden: {text}'
    bench.create("pods", pod("a", **cpu("300m")))
    bench.settle()
    assert bench.get("resourcequotas", "q")["status"] == {
        "hard": {"pods": "3", "requests.cpu": "500m"},
        "used": {"pods": "1", "requests.cpu": "300m"},
    }
    assert refusal(bench, "pods", pod("b", **cpu("300m"))).endswith(
        "requested: requests.cpu=300m, used: requests.cpu=300m, limited: requests.cpu=500m"
    )


def test_what_a_quota_limits_must_be_said(bench: Bench) -> None:
    quota(bench, {"limits.cpu": "1", "requests.memory": "1Gi"})
    assert refusal(bench, "pods", pod()) == (
        'pods "p" is forbidden: failed quota: q: must specify limits.cpu for: c; requests.memory for: c'
    )


def test_objects_are_counted(bench: Bench) -> None:
    quota(bench, {"count/deployments.apps": "1", "configmaps": "2"})
    bench.create("deployments.apps", deployment("a"))
    text = refusal(bench, "deployments.apps", deployment("b"))
    assert text == (
        'deployments.apps "b" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: '
        "count/deployments.apps=1, limited: count/deployments.apps=1"
    )
    bench.create("configmaps", {"metadata": {"name": "one"}})
    assert "requested: configmaps=1, used: configmaps=2" in refusal(bench, "configmaps", {"metadata": {"name": "two"}})


def test_a_quota_of_a_scope_counts_only_that(bench: Bench) -> None:
    quota(bench, {"pods": "0"}, scopes=["BestEffort"])
    assert "exceeded quota" in refusal(bench, "pods", pod())
    bench.create("pods", pod(**cpu("100m")))


def test_usage_falls_when_pods_end(bench: Bench) -> None:
    quota(bench, {"pods": "1"})
    bench.create("pods", pod())
    bench.settle(2)
    assert bench.get("resourcequotas", "q")["status"]["used"] == {"pods": "1"}
    bench.delete("pods", "p")
    bench.settle(3)
    assert bench.get("resourcequotas", "q")["status"]["used"] == {"pods": "0"}


# -- Pod Security ----------------------------------------------------------------------------------------------------


def secured(bench: Bench, **labels: str) -> None:
    marks = {f"pod-security.kubernetes.io/{mode.replace('_', '-')}": level for mode, level in labels.items()}
    bench.create("namespaces", {"metadata": {"name": "safe", "labels": marks}})
    bench.settle()


def test_a_restricted_namespace_says_all_that_is_missing(bench: Bench) -> None:
    secured(bench, enforce="restricted")
    assert refusal(bench, "pods", pod(), "safe") == (
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container '
        '"c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must '
        'set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set '
        'securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )


def test_a_pod_that_says_enough_may_run_in_a_restricted_namespace(bench: Bench) -> None:
    secured(bench, enforce="restricted")
    context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    warnings: list[str] = []
    bench.create("pods", pod(securityContext=context), "safe", warnings)
    assert warnings == []


def test_a_baseline_namespace_refuses_what_reaches_the_host(bench: Bench) -> None:
    secured(bench, enforce="baseline", enforce_version="v1.30")
    volumes = [{"name": "root", "hostPath": {"path": "/"}}]
    made = pod(
        spec={"hostNetwork": True, "hostPID": True, "volumes": volumes},
        ports=[{"containerPort": 80, "hostPort": 80}],
        securityContext={"privileged": True, "capabilities": {"add": ["SYS_ADMIN", "NET_ADMIN"]}},
    )
    assert refusal(bench, "pods", made, "safe") == (
        'pods "p" is forbidden: violates PodSecurity "baseline:v1.30": non-default capabilities (container "c" must '
        'not include "NET_ADMIN", "SYS_ADMIN" in securityContext.capabilities.add), host namespaces (hostNetwork=true, '
        'hostPID=true), hostPath volumes (volume "root"), hostPort (container "c" uses hostPort 80), privileged '
        '(container "c" must not set securityContext.privileged=true)'
    )


def test_workloads_are_warned_of_only(bench: Bench) -> None:
    secured(bench, enforce="baseline", warn="restricted")
    warnings: list[str] = []
    bench.create("deployments.apps", deployment(), "safe", warnings)
    assert len(warnings) == 1
    assert warnings[0].startswith('would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false')


def test_stricter_labels_warn_of_the_pods_that_there_are(bench: Bench) -> None:
    secured(bench)
    bench.create("deployments.apps", deployment(replicas=3), "safe")
    bench.settle(2)
    from mcp_tools.targets.sandbox import kinds
    from mcp_tools.targets.sandbox.meta import Request

    request = Request()
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    bench.api.patch(kinds.by_key("namespaces"), "", "safe", "merge", labels, request)
    assert request.warnings[0] == (
        'existing pods in namespace "safe" violate the new PodSecurity enforce level "restricted:latest"'
    )
    assert request.warnings[1].endswith(
        "(and 2 other pods): allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, "
        "seccompProfile"
    )


def test_labels_that_are_no_level(bench: Bench) -> None:
    with pytest.raises(ApiError) as caught:
        secured(bench, enforce="strict")
    assert caught.value.message == (
        'Namespace "safe" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": '
        "must be one of privileged, baseline, restricted"
    )


# -- webhooks --------------------------------------------------------------------------------------------------------


def hook(bench: Bench, policy: str = "Fail", **more: Any) -> None:
    bench.create(
        f"validatingwebhookconfigurations.{GROUP}",
        {
            "metadata": {"name": "w"},
            "webhooks": [
                {
                    "name": "check.example.com",
                    "failurePolicy": policy,
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "clientConfig": {"service": {"name": "svc", "namespace": "default", "path": "/check"}},
                    "rules": [
                        {
                            "operations": ["CREATE"],
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "resources": ["configmaps"],
                        }
                    ],
                    **more,
                }
            ],
        },
    )


def test_a_webhook_that_is_not_there_fails_the_request(bench: Bench) -> None:
    hook(bench)
    with pytest.raises(ApiError) as caught:
        bench.create("configmaps", {"metadata": {"name": "x"}})
    assert (caught.value.code, caught.value.reason) == (500, "InternalError")
    assert caught.value.message == (
        'Internal error occurred: failed calling webhook "check.example.com": failed to call webhook: Post '
        '"https://svc.default.svc:443/check?timeout=10s": service "svc" not found'
    )
    bench.create("services", {"metadata": {"name": "svc"}, "spec": {"ports": [{"port": 443}], "selector": {"a": "b"}}})
    bench.settle()
    with pytest.raises(ApiError, match=r": dial tcp 10\.[0-9.]+:443: connect: connection refused"):
        bench.create("configmaps", {"metadata": {"name": "x"}})
    bench.create("secrets", {"metadata": {"name": "x"}})


def test_a_webhook_that_may_be_ignored_is(bench: Bench) -> None:
    hook(bench, "Ignore")
    bench.create("configmaps", {"metadata": {"name": "x"}})


def test_a_webhook_is_called_for_what_its_selectors_take(bench: Bench) -> None:
    hook(bench, objectSelector={"matchLabels": {"checked": "yes"}})
    bench.create("configmaps", {"metadata": {"name": "x"}})
    with pytest.raises(ApiError, match="failed calling webhook"):
        bench.create("configmaps", {"metadata": {"name": "y", "labels": {"checked": "yes"}}})


# -- policies --------------------------------------------------------------------------------------------------------


def policy(bench: Bench, expression: str, actions: list[str] | None = None, **validation: str) -> None:
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments"],
    }
    bench.create(
        f"validatingadmissionpolicies.{GROUP}",
        {
            "metadata": {"name": "few"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": expression, **validation}],
                "variables": [{"name": "most", "expression": "2 + 1"}],
            },
        },
    )
    bench.create(
        f"validatingadmissionpolicybindings.{GROUP}",
        {"metadata": {"name": "all"}, "spec": {"policyName": "few", "validationActions": actions or ["Deny"]}},
    )


def test_a_policy_refuses_with_its_expression(bench: Bench) -> None:
    policy(bench, "object.spec.replicas <= variables.most")
    with pytest.raises(ApiError) as caught:
        bench.create("deployments.apps", deployment(replicas=4))
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")
    assert caught.value.message == (
        "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'few' with binding 'all' denied request: "
        "failed expression: object.spec.replicas <= variables.most"
    )
    bench.create("deployments.apps", deployment(replicas=3))
    with pytest.raises(ApiError, match="denied request"):
        bench.update("deployments.apps", "web", lambda obj: obj["spec"].update({"replicas": 5}))


def test_a_policy_may_say_why_in_its_own_words(bench: Bench) -> None:
    policy(bench, "false", messageExpression="'no more than ' + string(variables.most)", reason="Forbidden")
    with pytest.raises(ApiError, match="denied request: no more than 3") as caught:
        bench.create("deployments.apps", deployment())
    assert caught.value.code == 403


def test_a_policy_that_cannot_be_evaluated_fails(bench: Bench) -> None:
    policy(bench, "object.spec.nothing == 1")
    with pytest.raises(ApiError, match=r"'object.spec.nothing == 1' resulted in error: no such key: nothing"):
        bench.create("deployments.apps", deployment())


def test_a_policy_may_warn_only(bench: Bench) -> None:
    policy(bench, "object.spec.replicas < 1", ["Warn"], message="too many")
    warnings: list[str] = []
    bench.create("deployments.apps", deployment(), warnings=warnings)
    assert warnings == ["Validation failed for ValidatingAdmissionPolicy 'few' with binding 'all': too many"]
