"""Faults of the field that show on one node, each from its manifest to what is seen of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.faults import NodePressure
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.node import logs
from mcp_tools.targets.sandbox.node.behaviour import ANNOTATION
from tests.targets.sandbox.pods import Lab, box, condition, ready, waiting

SERVER: dict[str, Any] = {"command": ["python3", "app.py"], "ports": [{"containerPort": 8000}]}


@pytest.fixture
def lab() -> Lab:
    return Lab()


def behaves(**said: Any) -> dict[str, Any]:
    return {"annotations": {ANNOTATION: json.dumps(said)}}


def test_a_segmentation_fault(lab: Lab) -> None:
    pod = lab.pod(box=SERVER, metadata=behaves(exit={"after": 1, "code": 139}), settle=8)
    last = box(pod)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (139, "Error")


def test_the_later_of_two_variables_of_one_name_wins(lab: Lab) -> None:
    env = [{"name": "MODE", "value": "first"}, {"name": "MODE", "value": "second"}]
    lab.pod(box={"command": ["sh", "-c", "echo $MODE"], "env": env}, restartPolicy="Never")
    assert logs.read(lab.cluster, lab.after(), "web") == "second\n"


def test_a_pod_keeps_the_secret_that_it_started_with(lab: Lab) -> None:
    lab.create("secrets", {"metadata": {"name": "s"}, "stringData": {"k": "old"}})
    env = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    pod = lab.pod(box={**SERVER, "env": env}, metadata=behaves(expects_env={"KEY": "new"}), settle=8)
    assert waiting(pod)[0] == "CrashLoopBackOff"
    lab.delete()
    lab.pod(box={**SERVER, "env": env}, metadata=behaves(expects_env={"KEY": "old"}), settle=1)
    patch = {"stringData": {"k": "new"}}
    lab.cluster.api.patch(kinds.by_key("secrets"), "default", "s", "merge", patch, Request())
    assert lab.after(60)["status"]["phase"] == "Running"


def test_an_init_container_out_of_memory(lab: Lab) -> None:
    hungry = {"name": "first", "image": "busybox:1.36", "command": ["tail", "/dev/zero"]}
    hungry["resources"] = {"limits": {"memory": "16Mi"}}
    pod = lab.pod(box=SERVER, initContainers=[hungry], settle=5)
    assert box(pod, "first")["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert pod["status"]["phase"] == "Pending"


def test_a_process_that_ends_at_once_is_no_service(lab: Lab) -> None:
    pod = lab.pod(box={"command": ["true"]}, settle=8)
    last = box(pod)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (0, "Completed")
    assert waiting(pod)[0] == "CrashLoopBackOff"


def test_a_sidecar_that_does_not_end_keeps_the_pod(lab: Lab) -> None:
    side = {"name": "side", "image": "busybox:1.36", "command": ["sleep", "infinity"]}
    main = {"name": "web", "image": "busybox:1.36", "command": ["true"]}
    lab.create("pods", {"metadata": {"name": "web"}, "spec": {"containers": [main, side], "restartPolicy": "Never"}})
    pod = lab.after(600)
    assert pod["status"]["phase"] == "Running" and not ready(pod)
    assert condition(pod, "Ready")[2] == "containers with unready status: [web]"


@pytest.mark.parametrize("how", ["scaled", "corefile"])
def test_names_need_coredns(lab: Lab, how: str) -> None:
    lab.service()
    api = lab.cluster.api
    if how == "scaled":
        kind, patch = kinds.by_key("deployments.apps"), {"spec": {"replicas": 0}}
    else:
        kind, patch = kinds.by_key("configmaps"), {"data": {"Corefile": ".:53 {\n  errors\n}\n"}}
    api.patch(kind, "kube-system", "coredns", "merge", patch, Request())
    lab.cluster.settle(60)
    pod = lab.pod(box={"image": "busybox:1.36", "command": ["nslookup", "web"]}, restartPolicy="Never", settle=30)
    assert box(pod)["state"]["terminated"]["exitCode"] == 1
    said = logs.read(lab.cluster, pod, "web")
    assert ("no servers could be reached" if how == "scaled" else "NXDOMAIN") in said


def test_the_wrong_dns_policy_knows_no_services(lab: Lab) -> None:
    lab.service()
    pod = lab.pod(
        box={"image": "busybox:1.36", "command": ["nslookup", "web"]},
        restartPolicy="Never",
        dnsPolicy="Default",
        settle=9,
    )
    assert box(pod)["state"]["terminated"]["exitCode"] == 1


def test_a_full_disk_evicts_and_loses_unused_images(lab: Lab) -> None:
    note = behaves(writes=[{"path": "/var/big", "bytes": 1 << 30}])
    lab.pod(box=SERVER, metadata=note, settle=5)
    lab.cluster.faults.inject(NodePressure(pressure="disk"))
    status = lab.after(5)["status"]
    assert status["reason"] == "Evicted"
    assert status["message"].startswith("The node was low on resource: ephemeral-storage. Threshold quantity: ")
    assert lab.cluster.images.find("postgres:16-alpine") is None
    assert lab.cluster.images.find("python:3.13-slim") is not None
    assert lab.said("EvictionThresholdMet", "minikube") == ["Attempting to reclaim ephemeral-storage"]


def test_a_hook_that_fails_after_the_start(lab: Lab) -> None:
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "exit 3"]}}}
    pod = lab.pod(box={**SERVER, "lifecycle": hook}, settle=8)
    assert lab.said("FailedPostStartHook") == ["PostStartHook failed"]
    assert lab.said("Killing") == ["FailedPostStartHook"]
    assert box(pod)["restartCount"] >= 1


def test_a_program_that_recovers(lab: Lab) -> None:
    pod = lab.pod(box=SERVER, metadata=behaves(exit={"after": 1, "code": 1, "times": 2}), settle=60)
    assert ready(pod) and box(pod)["restartCount"] == 2


def test_a_pod_whose_image_is_corrected(lab: Lab) -> None:
    api, kind = lab.cluster.api, kinds.by_key("pods")
    lab.pod(box={**SERVER, "image": "python:3.13-slimm"}, settle=30)
    containers = [{"name": "web", "image": "python:3.13-slim"}]
    api.patch(kind, "default", "web", "strategic", {"spec": {"containers": containers}}, Request())
    assert ready(lab.after())
    containers[0]["image"] = "nginx:1.27"
    api.patch(kind, "default", "web", "strategic", {"spec": {"containers": containers}}, Request())
    lab.after(1)
    assert lab.said("Killing") == ["Container web definition changed, will be restarted"]


def test_a_taint_sends_pods_away(lab: Lab) -> None:
    toleration = {"key": "maintenance", "operator": "Exists", "effect": "NoExecute"}
    lab.pod("stays", box=SERVER, tolerations=[toleration])
    lab.pod("later", box=SERVER, tolerations=[{**toleration, "tolerationSeconds": 60}])
    lab.pod("goes", box=SERVER)
    taint = {"key": "maintenance", "value": "now", "effect": "NoExecute"}
    lab.cluster.api.patch(kinds.by_key("nodes"), "", "minikube", "merge", {"spec": {"taints": [taint]}}, Request())
    assert lab.after(1, "goes") == {}
    assert lab.after(57, "later") != {}
    assert lab.after(3, "later") == {}
    assert ready(lab.after(600, "stays"))


def test_a_mounted_file_follows_its_configmap(lab: Lab) -> None:
    lab.create("configmaps", {"metadata": {"name": "c"}, "data": {"mode": "bad"}})
    probe = {"exec": {"command": ["grep", "-q", "good", "/etc/c/mode"]}, "periodSeconds": 5}
    entry = {**SERVER, "readinessProbe": probe, "volumeMounts": [{"name": "c", "mountPath": "/etc/c"}]}
    assert not ready(lab.pod(box=entry, volumes=[{"name": "c", "configMap": {"name": "c"}}], settle=20))
    kind = kinds.by_key("configmaps")
    lab.cluster.api.patch(kind, "default", "c", "merge", {"data": {"mode": "good"}}, Request())
    assert ready(lab.after(6))
