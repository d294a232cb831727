"""Scale, eviction, binding, ephemeral containers, finalize, and kinds in two versions."""

from __future__ import annotations

import pytest

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.api import Api
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Obj, Ref
from tests.targets.sandbox.test_api import DEPLOYMENTS, ME, NAMESPACES, PODS, api, config, deployment, pod, refused

__all__ = ["api"]
BUDGETS = kinds.by_key("poddisruptionbudgets.policy")
BUDGET = "poddisruptionbudgets.policy"


def test_a_scale_shows_and_writes_the_replicas(api: Api) -> None:
    body = deployment("d")
    body["spec"]["replicas"] = 2
    api.create(DEPLOYMENTS, "x", body, ME)
    api.edit(Ref("deployments.apps", "x", "d"), lambda obj: obj.update(status={"replicas": 1}), manager="c")
    shown = api.get(DEPLOYMENTS, "x", "d", subresource="scale")
    assert (shown["kind"], shown["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert (shown["spec"], shown["status"]) == ({"replicas": 2}, {"replicas": 1, "selector": "app=d"})
    assert set(shown["metadata"]) == {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}
    shown["spec"]["replicas"] = 0
    assert api.update(DEPLOYMENTS, "x", "d", shown, ME, "scale")["spec"] == {}
    assert api.get(DEPLOYMENTS, "x", "d")["metadata"]["generation"] == 2
    stale = refused(409, "Conflict", api.update, DEPLOYMENTS, "x", "d", shown, ME, "scale")
    assert stale.startswith('Operation cannot be fulfilled on deployments.apps "d": the object has been modified')
    for patch_type in ("merge", "strategic"):
        made, _ = api.patch(DEPLOYMENTS, "x", "d", patch_type, {"spec": {"replicas": 4}}, ME, "scale")
        assert made["spec"] == {"replicas": 4}
    shown = api.get(DEPLOYMENTS, "x", "d", subresource="scale")
    shown["spec"]["replicas"] = -1
    said = refused(422, "Invalid", api.update, DEPLOYMENTS, "x", "d", shown, ME, "scale")
    assert said == (
        'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )


def test_an_apply_to_the_status_is_recorded_as_one(api: Api) -> None:
    api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    status = {"conditions": [{"type": "X", "status": "True"}]}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "status": status}
    made, created = api.patch(DEPLOYMENTS, "x", "d", "apply", {**body, "spec": {"replicas": 9}}, ME, "status")
    entry = made["metadata"]["managedFields"][0]
    assert (entry["operation"], entry["subresource"], set(entry["fieldsV1"])) == ("Apply", "status", {"f:status"})
    assert (made["status"], made["spec"].get("replicas") == 9, created) == (status, False, False)


def test_the_times_of_a_pods_conditions_are_always_there(api: Api) -> None:
    api.create(PODS, "x", pod("p"), ME)
    condition = {"type": "Ready", "status": "False", "lastTransitionTime": "2025-01-01T00:00:00Z"}
    made, _ = api.patch(PODS, "x", "p", "merge", {"status": {"conditions": [condition]}}, ME, "status")
    assert made["status"]["conditions"] == [{**condition, "lastProbeTime": None}]


def budget(api: Api, **status: int) -> None:
    spec: Obj = {"minAvailable": 2, "selector": {"matchLabels": {"app": "a"}}}
    body: Obj = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": spec}
    api.create(BUDGETS, "x", body, ME)
    said = {"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2, **status}
    api.edit(Ref(BUDGET, "x", "b"), lambda obj: obj.update(status=said), manager="c")


def running(api: Api, name: str) -> None:
    body = pod(name, nodeName="n")
    body["metadata"]["labels"] = {"app": "a"}
    api.create(PODS, "x", body, ME)
    ready = [{"type": "Ready", "status": "True"}]
    api.edit(
        Ref("pods", "x", name), lambda obj: obj.update(status={"phase": "Running", "conditions": ready}), manager="c"
    )


def evict(api: Api, name: str) -> Obj:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "x"}}
    return api.create(PODS, "x", body, ME, "eviction", name)


def test_an_eviction_ends_a_pod_as_a_deletion_does(api: Api) -> None:
    running(api, "p")
    assert evict(api, "p") == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    }
    gone = api.get(PODS, "x", "p")
    assert gone["metadata"]["deletionGracePeriodSeconds"] == 30
    condition = gone["status"]["conditions"][-1]
    assert (condition["type"], condition["reason"], condition["message"]) == (
        "DisruptionTarget",
        "EvictionByEvictionAPI",
        "Eviction API: evicting",
    )


def test_a_budget_that_allows_none_refuses_an_eviction(api: Api) -> None:
    running(api, "p")
    budget(api, disruptionsAllowed=0)
    with pytest.raises(ApiError) as caught:
        evict(api, "p")
    status = caught.value.status()
    assert (status["code"], status["reason"]) == (429, "TooManyRequests")
    assert status["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    cause = {
        "reason": "DisruptionBudget",
        "message": "The disruption budget b needs 2 healthy pods and has 2 currently",
    }
    assert status["details"] == {"causes": [cause]}
    assert "deletionTimestamp" not in api.get(PODS, "x", "p")["metadata"]


def test_a_budget_counts_what_it_allowed(api: Api) -> None:
    running(api, "p")
    running(api, "q")
    budget(api, disruptionsAllowed=1, currentHealthy=3)
    evict(api, "p")
    status = api.get(BUDGETS, "x", "b")["status"]
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["p"])
    with pytest.raises(ApiError) as caught:
        evict(api, "q")
    assert caught.value.details == {
        "causes": [
            {
                "reason": "DisruptionBudget",
                "message": "The disruption budget b does not allow evicting pods currently",
            }
        ]
    }


def test_a_pod_that_never_ran_needs_no_budget(api: Api) -> None:
    body = pod("p")
    body["metadata"]["labels"] = {"app": "a"}
    api.create(PODS, "x", body, ME)
    budget(api, disruptionsAllowed=0)
    evict(api, "p")
    assert api.store.get("pods", "x", "p") is None


def test_a_pod_is_bound_once(api: Api) -> None:
    api.create(PODS, "x", pod("p"), ME)
    body: Obj = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "n"},
    }
    said = refused(500, "", api.create, PODS, "x", {**body, "target": {}}, ME, "binding", "p")
    assert said == "target.name: Required value"
    assert api.create(PODS, "x", body, ME, "binding", "p")["status"] == "Success"
    bound = api.get(PODS, "x", "p")
    assert bound["spec"]["nodeName"] == "n"
    assert [(c["type"], c["status"]) for c in bound["status"]["conditions"]] == [("PodScheduled", "True")]
    said = refused(409, "Conflict", api.create, kinds.by_key("bindings"), "x", body, ME)
    assert said == 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"'


def test_a_subresource_that_cannot_be_asked_so_says_so(api: Api) -> None:
    api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    said = refused(405, "MethodNotAllowed", api.create, DEPLOYMENTS, "x", {}, ME, "scale", "d")
    assert said == "the server does not allow this method on the requested resource"


def test_ephemeral_containers_are_added_and_nothing_else(api: Api) -> None:
    api.create(PODS, "x", pod("p", nodeName="n"), ME)
    debug = {"name": "debug", "image": "busybox:1.36", "targetContainerName": "main"}
    patch = {"metadata": {"labels": {"a": "b"}}, "spec": {"ephemeralContainers": [debug]}}
    made, _ = api.patch(PODS, "x", "p", "strategic", patch, ME, "ephemeralcontainers")
    (container,) = made["spec"]["ephemeralContainers"]
    assert (container["name"], container["imagePullPolicy"], container["resources"]) == ("debug", "IfNotPresent", {})
    assert "labels" not in made["metadata"]


def test_a_namespace_is_let_go_by_its_finalize(api: Api) -> None:
    api.delete(NAMESPACES, "", "x", ME)
    ending = api.get(NAMESPACES, "", "x")
    assert (ending["status"]["phase"], ending["spec"]) == ("Terminating", {"finalizers": ["kubernetes"]})
    said = refused(403, "Forbidden", api.create, kinds.by_key("configmaps"), "x", config("a"), ME)
    assert said == (
        'configmaps "a" is forbidden: unable to create new content in namespace x because it is being terminated'
    )
    api.update(NAMESPACES, "", "x", {**ending, "spec": {"finalizers": []}}, ME, "finalize")
    assert api.store.get("namespaces", "", "x") is None


# -- two versions --------------------------------------------------------------------------------------------------


def test_an_autoscaler_is_one_object_in_both_versions(api: Api) -> None:
    first, second = (
        kinds.of("autoscaling/v1", "HorizontalPodAutoscaler"),
        kinds.of("autoscaling/v2", "HorizontalPodAutoscaler"),
    )
    assert first is not None
    assert second is not None
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 4, "targetCPUUtilizationPercentage": 60}
    body: Obj = {"apiVersion": "autoscaling/v1", "kind": first.kind, "metadata": {"name": "h"}, "spec": spec}
    made = api.create(first, "x", body, ME)
    assert (made["apiVersion"], made["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", 60)
    shown = api.get(second, "x", "h")
    wanted = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
    assert shown["spec"]["metrics"] == [{"type": "Resource", "resource": wanted}]
    memory = {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
    }
    shown = {**shown, "spec": {**shown["spec"], "metrics": [*shown["spec"]["metrics"], memory]}}
    api.update(second, "x", "h", shown, ME)
    old = api.get(first, "x", "h")
    assert old["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"].startswith('[{"type":"Resource"')
    back, _ = api.patch(first, "x", "h", "merge", {"spec": {"maxReplicas": 9}}, ME)
    assert back["spec"]["maxReplicas"] == 9
    now = api.get(second, "x", "h")
    assert now["spec"]["metrics"] == shown["spec"]["metrics"]
    assert "annotations" not in now["metadata"]


def test_an_event_is_one_object_in_both_groups(api: Api) -> None:
    core, new = kinds.of("v1", "Event"), kinds.of("events.k8s.io/v1", "Event")
    assert core is not None
    assert new is not None
    body: Obj = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "x"},
        "regarding": {"kind": "Pod", "name": "p", "namespace": "x"},
        "note": "said",
        "reason": "Said",
        "action": "Saying",
        "type": "Normal",
        "eventTime": "2023-11-14T22:13:20.000000Z",
        "reportingController": "example.com/me",
        "reportingInstance": "me-0",
    }
    api.create(new, "x", body, ME)
    shown = api.select(core, "x", field_selector="involvedObject.name=p").items[0]
    assert (shown["message"], shown["reportingComponent"]) == ("said", "example.com/me")
    assert api.get(new, "x", "e")["note"] == "said"
