"""The scheduler places pods, and says in its own words why it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.faults import NodePressure
from mcp_tools.targets.sandbox.meta import Request
from tests.targets.sandbox.pods import Lab, condition

UNHELPFUL = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
NO_VICTIMS = "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
SLEEP: dict[str, Any] = {"command": ["sleep", "infinity"]}


@pytest.fixture
def lab() -> Lab:
    return Lab()


def cpu(amount: str, **more: Any) -> dict[str, Any]:
    return {**SLEEP, "resources": {"requests": {"cpu": amount, **more}}}


def term(key: str = "app", value: str = "web") -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": {key: value}}, "topologyKey": "kubernetes.io/hostname"}


def required(kind: str, terms: list[Any]) -> dict[str, Any]:
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


def node_affinity(key: str) -> dict[str, Any]:
    rule = {"nodeSelectorTerms": [{"matchExpressions": [{"key": key, "operator": "Exists"}]}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rule}}}


def edit_node(lab: Lab, **spec: Any) -> None:
    node = lab.cluster.store.get("nodes", "", "minikube")
    assert node is not None
    lab.cluster.api.patch(kinds.by_key("nodes"), "", "minikube", "merge", {"spec": spec}, Request())
    lab.cluster.run_pending()


@pytest.mark.parametrize(
    ("box", "spec", "message"),
    [
        (cpu("64"), {}, f"1 Insufficient cpu. {NO_VICTIMS}"),
        (cpu("64", memory="128Gi"), {}, f"1 Insufficient cpu, 1 Insufficient memory. {NO_VICTIMS}"),
        (SLEEP, {"nodeSelector": {"disk": "ssd"}}, f"1 node(s) didn't match Pod's node affinity/selector. {UNHELPFUL}"),
        (SLEEP, node_affinity("gpu"), f"1 node(s) didn't match Pod's node affinity/selector. {UNHELPFUL}"),
        (
            SLEEP,
            required("podAffinity", [term("app", "nobody")]),
            f"1 node(s) didn't match pod affinity rules. {UNHELPFUL}",
        ),
    ],
)
def test_says_why_no_node_takes_it(lab: Lab, box: dict, spec: dict, message: str) -> None:
    pod = lab.pod(box=box, metadata={"labels": {"app": "web"}}, **spec)
    text = f"0/1 nodes are available: {message}"
    assert condition(pod, "PodScheduled") == ("False", "Unschedulable", text)
    assert lab.events() == [("FailedScheduling", text)]
    assert [entry["type"] for entry in pod["status"]["conditions"]] == ["PodScheduled"]
    assert pod["status"]["phase"] == "Pending" and "startTime" not in pod["status"]


def test_wants_a_gpu_that_there_is_not(lab: Lab) -> None:
    gpu = {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}}
    lab.pod(box={**SLEEP, "resources": gpu})
    assert lab.events()[0][1] == f"0/1 nodes are available: 1 Insufficient nvidia.com/gpu. {NO_VICTIMS}"


def test_a_taint_is_not_tolerated_until_it_goes(lab: Lab) -> None:
    edit_node(lab, taints=[{"key": "dedicated", "value": "db", "effect": "NoSchedule"}])
    lab.pod(box=SLEEP)
    reason = "1 node(s) had untolerated taint {dedicated: db}"
    assert lab.events()[0][1] == f"0/1 nodes are available: {reason}. {UNHELPFUL}"
    toleration = {"key": "dedicated", "operator": "Exists"}
    assert lab.pod("tolerant", box=SLEEP, tolerations=[toleration])["status"]["phase"] == "Running"
    edit_node(lab, taints=None)
    assert lab.after()["status"]["phase"] == "Running"


def test_a_cordon_keeps_new_pods_out(lab: Lab) -> None:
    edit_node(lab, unschedulable=True)
    node = lab.cluster.store.get("nodes", "", "minikube")
    assert node is not None and node["spec"]["taints"][0]["key"] == "node.kubernetes.io/unschedulable"
    lab.pod(box=SLEEP)
    assert lab.events()[0][1] == f"0/1 nodes are available: 1 node(s) were unschedulable. {UNHELPFUL}"
    edit_node(lab, unschedulable=False)
    assert lab.after()["status"]["phase"] == "Running"


def test_two_that_do_not_want_to_be_together(lab: Lab) -> None:
    spec = required("podAntiAffinity", [term()])
    labels = {"labels": {"app": "web"}}
    assert lab.pod("one", box=SLEEP, metadata=dict(labels), **spec)["status"]["phase"] == "Running"
    lab.pod("two", box=SLEEP, metadata=dict(labels), **spec)
    reason = "1 node(s) didn't match pod anti-affinity rules"
    assert lab.events("two")[0][1] == f"0/1 nodes are available: {reason}. {NO_VICTIMS}"
    lab.pod("three", box=SLEEP, metadata=dict(labels))
    reason = "1 node(s) didn't satisfy existing pods anti-affinity rules"
    assert lab.events("three")[0][1] == f"0/1 nodes are available: {reason}. {NO_VICTIMS}"
    lab.delete("one")
    assert lab.after(1, "two")["status"]["phase"] == "Running"


def test_a_spread_that_one_node_cannot_give(lab: Lab) -> None:
    rule = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    rule["labelSelector"] = {"matchLabels": {"app": "web"}}  # type: ignore[assignment]
    lab.pod(box=SLEEP, metadata={"labels": {"app": "web"}}, topologySpreadConstraints=[rule])
    reason = "1 node(s) didn't match pod topology spread constraints (missing required label)"
    assert lab.events()[0][1] == f"0/1 nodes are available: {reason}. {UNHELPFUL}"


def test_a_port_of_the_host_is_taken_once(lab: Lab) -> None:
    ports = {**SLEEP, "ports": [{"containerPort": 80, "hostPort": 8080}]}
    assert lab.pod("one", box=ports)["status"]["phase"] == "Running"
    lab.pod("two", box=ports)
    reason = "1 node(s) didn't have free ports for the requested pod ports"
    assert lab.events("two")[0][1] == f"0/1 nodes are available: {reason}. {NO_VICTIMS}"


def test_takes_no_more_pods_than_it_may() -> None:
    lab = Lab(pods=9)
    for number in range(3):
        lab.pod(f"p{number}", box=SLEEP)
    assert lab.events("p2")[0][1] == f"0/1 nodes are available: 1 Too many pods. {NO_VICTIMS}"
    lab.delete("p1")
    assert lab.after(1, "p2")["status"]["phase"] == "Running"


def test_waits_for_claims(lab: Lab) -> None:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    lab.pod(box=SLEEP, volumes=[volume])
    assert lab.events()[0][1] == f'0/1 nodes are available: persistentvolumeclaim "data" not found. {UNHELPFUL}'
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    lab.create("persistentvolumeclaims", {"metadata": {"name": "data"}, "spec": {**storage, "storageClassName": "no"}})
    lab.cluster.run_pending()
    text = f"0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. {UNHELPFUL}"
    assert condition(lab.after(), "PodScheduled")[2] == text


def test_a_volume_of_another_node_cannot_be_had(lab: Lab) -> None:
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["other"]}]}]
    storage = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    volume = {**storage, "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/data"}}
    volume["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    lab.create("persistentvolumes", {"metadata": {"name": "pv"}, "spec": volume})
    claim = {**storage, "resources": {"requests": {"storage": "1Gi"}}, "volumeName": "pv"}
    lab.create("persistentvolumeclaims", {"metadata": {"name": "data"}, "spec": claim})
    lab.cluster.run_pending()
    lab.pod(box=SLEEP, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    reason = "1 node(s) didn't match PersistentVolume's node affinity"
    assert lab.events()[0][1] == f"0/1 nodes are available: {reason}. {UNHELPFUL}"


def test_more_important_pods_push_others_out(lab: Lab) -> None:
    lab.create("priorityclasses.scheduling.k8s.io", {"metadata": {"name": "high"}, "value": 1000})
    lab.pod("low", box=cpu("1"))
    pod = lab.pod("high", box=cpu("1"), priorityClassName="high")
    assert lab.after(1, "low") == {}
    pod = lab.after(1, "high")
    assert pod["status"]["phase"] == "Running" and "nominatedNodeName" not in pod["status"]
    uid = pod["metadata"]["uid"]
    assert lab.said("Preempted", "low") == [f"Preempted by pod {uid} on node minikube"]


def test_a_gate_keeps_a_pod_from_being_scheduled(lab: Lab) -> None:
    pod = lab.pod(box=SLEEP, schedulingGates=[{"name": "example.test/wait"}])
    message = "Scheduling is blocked due to non-empty scheduling gates"
    assert condition(pod, "PodScheduled") == ("False", "SchedulingGated", message)
    assert lab.events() == []


def test_leaves_a_pod_alone_that_names_its_node(lab: Lab) -> None:
    assert lab.pod("here", box=SLEEP, nodeName="minikube")["status"]["phase"] == "Running"
    pod = lab.pod("elsewhere", box=SLEEP, nodeName="no-such-node")
    assert pod["status"]["phase"] == "Pending" and "startTime" not in pod["status"]


def test_a_node_under_pressure_is_tainted_and_evicts(lab: Lab) -> None:
    lab.pod(box=SLEEP)
    name = lab.cluster.faults.inject(NodePressure(pressure="memory"))
    pod = lab.after(1)
    status = pod["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"].startswith("The node was low on resource: memory. Threshold quantity: 100Mi, available: ")
    assert (
        "Container web was using " in status["message"]
        and "request is 0, has larger consumption of memory. " in status["message"]
    )
    lab.pod("later", box=SLEEP)
    reason = "1 node(s) had untolerated taint {node.kubernetes.io/memory-pressure: }"
    assert lab.events("later")[0][1] == f"0/1 nodes are available: {reason}. {UNHELPFUL}"
    lab.cluster.faults.clear(name)
    assert lab.after(1, "later")["status"]["phase"] == "Running"


@pytest.mark.parametrize("alone", [True, False])
def test_a_silent_node_is_not_ready_and_loses_its_pods_to_others(lab: Lab, alone: bool) -> None:
    if not alone:
        ready = [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}]
        other = {"metadata": {"name": "other", "uid": "other"}, "spec": {"unschedulable": True}}
        lab.cluster.store.put("nodes", other | {"status": {"conditions": ready}})
    lab.pod(box=SLEEP, terminationGracePeriodSeconds=30)
    lab.cluster.faults.inject(NodePressure(pressure="not-ready"))
    pod = lab.after(1)
    node = lab.cluster.store.get("nodes", "", "minikube")
    assert node is not None
    found = next(entry for entry in node["status"]["conditions"] if entry["type"] == "Ready")
    assert (found["status"], found["reason"]) == ("Unknown", "NodeStatusUnknown")
    assert condition(pod, "Ready")[0] == "False"
    pod = lab.after(310)
    assert ("deletionTimestamp" in pod["metadata"]) is not alone  # when every node is silent nothing is evicted
    if alone:
        return
    assert lab.said("TaintManagerEviction") == ["Marking for deletion Pod default/web"]
    lab.cluster.faults.clear()
    assert lab.after(35) == {}
