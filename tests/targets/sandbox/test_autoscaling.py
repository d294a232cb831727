"""Autoscalers and disruption budgets say what a real cluster says."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.node import usage
from tests.targets.sandbox.workbench import Bench, deployment, pod_spec

SCALERS, BUDGETS, DEPLOYMENTS = (
    "horizontalpodautoscalers.autoscaling",
    "poddisruptionbudgets.policy",
    "deployments.apps",
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Cores that each pod uses: change ``cores``."""
    figures = {"cores": 0.05}

    def of_pod(cluster: Any, pod: dict[str, Any]) -> dict[str, tuple[float, int]]:
        return {"c": (figures["cores"], 1 << 20)} if pod["status"].get("phase") == "Running" else {}

    monkeypatch.setattr(usage, "of_pod", of_pod)
    return figures


def scaler(**spec: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    return {
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5, "metrics": [metric], **spec},
    }


def web(bench: Bench, replicas: int = 1, request: str = "100m") -> None:
    container = {"resources": {"requests": {"cpu": request}}} if request else {}
    bench.create(DEPLOYMENTS, deployment(replicas=replicas, container=container))
    bench.settle(60)


def size(bench: Bench) -> int:
    return int(bench.get(DEPLOYMENTS, "web")["spec"]["replicas"])


def test_scales_up_when_more_is_used_than_wanted(bench: Bench, cpu: dict[str, float]) -> None:
    web(bench)
    bench.create(SCALERS, scaler())
    bench.settle(20)
    assert size(bench) == 1
    status = bench.get(SCALERS, "web")["status"]
    assert status["currentMetrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 50, "averageValue": "50m"}}}
    ]
    assert bench.condition(SCALERS, "web", "ScalingActive") == (
        "True",
        "ValidMetricFound",
        "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of "
        "request)",
    )
    assert bench.condition(SCALERS, "web", "AbleToScale")[1] == "ReadyForNewScale"
    assert bench.condition(SCALERS, "web", "ScalingLimited")[1] == "DesiredWithinRange"
    cpu["cores"] = 0.15
    bench.settle(15)
    assert size(bench) == 3
    text = "New size: 3; reason: cpu resource utilization (percentage of request) above target"
    assert ("Normal", "SuccessfulRescale", text) in bench.events("web")


def test_never_beyond_the_most_nor_faster_than_twice(bench: Bench, cpu: dict[str, float]) -> None:
    web(bench)
    cpu["cores"] = 5.0
    bench.create(SCALERS, scaler(maxReplicas=20))
    bench.settle(16)
    assert size(bench) == 4
    assert bench.condition(SCALERS, "web", "ScalingLimited")[1] == "ScaleUpLimit"
    bench.settle(300)
    assert size(bench) == 20
    assert bench.condition(SCALERS, "web", "ScalingLimited") == (
        "True",
        "TooManyReplicas",
        "the desired replica count is more than the maximum replica count",
    )


def test_scales_down_only_when_the_highest_recommendation_is_old(bench: Bench, cpu: dict[str, float]) -> None:
    web(bench, replicas=4)
    bench.create(SCALERS, scaler())
    bench.settle(30)
    cpu["cores"] = 0.01
    bench.settle(200)
    assert size(bench) == 4
    assert bench.condition(SCALERS, "web", "AbleToScale")[1] == "ScaleDownStabilized"
    bench.settle(200)
    assert size(bench) == 1
    assert ("Normal", "SuccessfulRescale", "New size: 1; reason: All metrics below target") in bench.events("web")


def test_a_policy_limits_the_rate(bench: Bench, cpu: dict[str, float]) -> None:
    web(bench)
    cpu["cores"] = 5.0
    rule = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    bench.create(SCALERS, scaler(behavior={"scaleUp": rule}))
    bench.settle(20)
    assert size(bench) == 2
    bench.settle(30)
    assert size(bench) == 2
    bench.settle(60)
    assert size(bench) == 3


def test_without_requests_it_cannot_tell(bench: Bench, cpu: dict[str, float]) -> None:
    web(bench, request="")
    bench.create(SCALERS, scaler())
    bench.settle(16)
    name = bench.all("pods")[0]["metadata"]["name"]
    why = f"failed to get cpu utilization: missing request for cpu in container c of Pod {name}"
    assert bench.condition(SCALERS, "web", "ScalingActive") == (
        "False",
        "FailedGetResourceMetric",
        f"the HPA was unable to compute the replica count: {why}",
    )
    found = bench.events("web")
    assert ("Warning", "FailedGetResourceMetric", why) in found
    assert (
        "Warning",
        "FailedComputeMetricsReplicas",
        f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {why}",
    ) in found


def test_a_target_that_is_not_there(bench: Bench) -> None:
    bench.create(SCALERS, scaler())
    bench.settle(16)
    assert bench.condition(SCALERS, "web", "AbleToScale") == (
        "False",
        "FailedGetScale",
        'the HPA controller was unable to get the target\'s current scale: deployments.apps "web" not found',
    )
    assert bench.events("web") == [("Warning", "FailedGetScale", 'deployments.apps "web" not found')]


def budget(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec}}


def evict(bench: Bench, name: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "default"}}
    bench.api.create(kinds.by_key("pods"), "default", body, Request(), "eviction", name)


def test_a_budget_counts_what_may_be_disrupted(bench: Bench) -> None:
    bench.create(BUDGETS, budget(minAvailable=2))
    web(bench, replicas=3)
    status = bench.get(BUDGETS, "web")["status"]
    (found,) = status.pop("conditions")
    assert (found["type"], found["status"], found["reason"]) == ("DisruptionAllowed", "True", "SufficientPods")
    assert status == {
        "currentHealthy": 3,
        "desiredHealthy": 2,
        "disruptionsAllowed": 1,
        "expectedPods": 3,
        "observedGeneration": 1,
    }
    first, second, _ = [pod["metadata"]["name"] for pod in bench.all("pods")]
    evict(bench, first)
    with pytest.raises(ApiError) as caught:
        evict(bench, second)
    assert caught.value.code == 429
    bench.settle(5)
    assert bench.get(BUDGETS, "web")["status"]["disruptionsAllowed"] == 1


@pytest.mark.parametrize(
    ("spec", "desired"), [({"maxUnavailable": "30%"}, 2), ({"minAvailable": "50%"}, 2), ({"maxUnavailable": 3}, 1)]
)
def test_shares_are_of_what_the_workload_asks_for(bench: Bench, spec: dict[str, Any], desired: int) -> None:
    bench.create(BUDGETS, budget(**spec))
    web(bench, replicas=4)
    status = bench.get(BUDGETS, "web")["status"]
    assert (status["expectedPods"], status["desiredHealthy"]) == (4, desired)


def test_a_settled_budget_stores_nothing(bench: Bench) -> None:
    bench.create(BUDGETS, budget(minAvailable=1))
    web(bench)
    version = bench.store.version
    bench.settle(600)
    assert bench.store.version == version


def test_pods_of_a_node_that_is_gone_are_removed(bench: Bench) -> None:
    bench.create("pods", {"metadata": {"name": "p"}, "spec": pod_spec()})
    bench.settle(5)
    bench.delete("nodes", "minikube")
    bench.settle(30)
    assert bench.all("pods")
    bench.settle(20)
    assert not bench.all("pods")


def test_a_new_namespace_has_an_account_and_the_certificate(bench: Bench) -> None:
    bench.create("namespaces", {"metadata": {"name": "new"}})
    bench.settle()
    assert bench.get("serviceaccounts", "default", "new")
    ours, theirs = (bench.get("configmaps", "kube-root-ca.crt", name) for name in ("new", "default"))
    assert ours["data"] == theirs["data"]
    bench.delete("serviceaccounts", "default", "new")
    bench.settle()
    assert bench.get("serviceaccounts", "default", "new")


def test_a_secret_for_a_token_is_filled(bench: Bench) -> None:
    notes = {"kubernetes.io/service-account.name": "default"}
    bench.create(
        "secrets", {"metadata": {"name": "t", "annotations": notes}, "type": "kubernetes.io/service-account-token"}
    )
    bench.settle()
    assert set(bench.get("secrets", "t")["data"]) == {"token", "ca.crt", "namespace"}


def test_pods_without_a_controller_are_said_to_be_unmanaged(bench: Bench) -> None:
    bench.create("pods", {"metadata": {"name": "p", "labels": {"app": "web"}}, "spec": pod_spec()})
    bench.create(BUDGETS, budget(maxUnavailable=1))
    bench.settle(5)
    found = {reason: text for _, reason, text in bench.events("web")}
    assert found["UnmanagedPods"].startswith(
        "Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: web,},"
        "MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged."
    )


def test_a_budget_of_pods_that_cannot_be_scaled_allows_nothing(bench: Bench) -> None:
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": deployment()["spec"]["template"]}
    bench.create("daemonsets.apps", {"metadata": {"name": "agent"}, "spec": spec})
    bench.settle(5)
    bench.create(BUDGETS, budget(maxUnavailable=1))
    bench.settle()
    why = "daemonsets.apps does not implement the scale subresource"
    assert bench.condition(BUDGETS, "web", "DisruptionAllowed") == ("False", "SyncFailed", why)
    text = f"Failed to calculate the number of expected pods: {why}"
    assert ("Warning", "CalculateExpectedPodCountFailed", text) in bench.events("web")
