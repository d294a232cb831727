"""Probes find what processes do, in the kubelet's words, and are asked no more than they have to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcp_tools.targets.sandbox.faults import ContainerFault
from mcp_tools.targets.sandbox.node.behaviour import ANNOTATION, Behaviour
from tests.targets.sandbox.pods import Lab, box, ready, waiting

PORT = {"ports": [{"containerPort": 8000, "name": "http"}], "command": ["python3", "app.py"]}


@pytest.fixture
def lab() -> Lab:
    return Lab()


def behaviour(**said: Any) -> dict[str, Any]:
    return {"annotations": {ANNOTATION: json.dumps(said)}, "labels": {"app": "web"}}


def probe(**how: Any) -> dict[str, Any]:
    return {"periodSeconds": 5, "failureThreshold": 3, "timeoutSeconds": 1, **how}


HTTP = probe(httpGet={"path": "/ready", "port": "http"})


@pytest.mark.parametrize(
    ("said", "how", "text"),
    [
        ({"paths": {"/ready": 503}}, HTTP, "HTTP probe failed with statuscode: 503"),
        (
            {},
            probe(httpGet={"path": "/x", "port": 9999}),
            'Get "http://10.244.0.3:9999/x": dial tcp 10.244.0.3:9999: connect: connection refused',
        ),
        ({}, probe(tcpSocket={"port": 9999}), "dial tcp 10.244.0.3:9999: connect: connection refused"),
        (
            {"latency": 3},
            HTTP,
            'Get "http://10.244.0.3:8000/ready": context deadline exceeded '
            "(Client.Timeout exceeded while awaiting headers)",
        ),
        (
            {},
            probe(httpGet={"path": "/x", "port": 8000, "scheme": "HTTPS"}),
            'Get "https://10.244.0.3:8000/x": http: server gave HTTP response to HTTPS client',
        ),
        (
            {},
            probe(grpc={"port": 8000}),
            'timeout: failed to connect service "10.244.0.3:8000" within 1s: context deadline exceeded',
        ),
        (
            {},
            probe(exec={"command": ["cat", "/tmp/healthy"]}),
            "cat: /tmp/healthy: No such file or directory\n",
        ),
        ({}, probe(exec={"command": ["sleep", "10"]}), 'command timed out: "sleep 10" timed out after 1s'),
    ],
)
def test_says_why_a_readiness_probe_failed(lab: Lab, said: dict, how: dict, text: str) -> None:
    pod = lab.pod(box={**PORT, "readinessProbe": how}, metadata=behaviour(**said), settle=60)
    assert not ready(pod) and box(pod)["started"]
    assert lab.said("Unhealthy") == [f"Readiness probe failed: {text}"]


def test_the_server_of_python_does_not_know_https(lab: Lab) -> None:
    serves = {"command": ["python3", "-m", "http.server", "8000"]}
    how = probe(httpGet={"path": "/x", "port": 8000, "scheme": "HTTPS"})
    lab.pod(box={**PORT, **serves, "readinessProbe": how}, settle=60)
    why = "tls: first record does not look like a TLS handshake"
    assert lab.said("Unhealthy") == [f'Readiness probe failed: Get "https://10.244.0.3:8000/x": {why}']


def test_does_not_ask_for_ever(lab: Lab) -> None:
    lab.pod(box={**PORT, "readinessProbe": probe(tcpSocket={"port": 9999}), "livenessProbe": HTTP}, settle=600)
    assert lab.count("Unhealthy") == 3
    assert lab.clock.next_at() is None


def test_becomes_ready_after_its_delay(lab: Lab) -> None:
    pod = lab.pod(box={**PORT, "readinessProbe": {**HTTP, "initialDelaySeconds": 10}}, settle=9)
    assert not ready(pod)
    assert ready(lab.after(2))


def test_a_late_server_is_ready_at_the_next_probe(lab: Lab) -> None:
    pod = lab.pod(box={**PORT, "readinessProbe": HTTP}, metadata=behaviour(start_delay=7), settle=8)
    assert not ready(pod)
    assert ready(lab.after(3))


def test_restarts_what_a_liveness_probe_finds_dead(lab: Lab) -> None:
    how = {"livenessProbe": {**HTTP, "initialDelaySeconds": 5}}
    pod = lab.pod(box={**PORT, **how}, metadata=behaviour(paths={"/ready": 500}), settle=14)
    assert box(pod)["restartCount"] == 0
    pod = lab.after(3)
    assert box(pod)["restartCount"] == 1
    assert lab.said("Unhealthy") == ["Liveness probe failed: HTTP probe failed with statuscode: 500"]
    assert lab.said("Killing") == ["Container web failed liveness probe, will be restarted"]
    assert waiting(lab.after(43))[0] == "CrashLoopBackOff"


def test_a_startup_probe_holds_the_others_back(lab: Lab) -> None:
    how = {"startupProbe": {**HTTP, "failureThreshold": 10}, "livenessProbe": HTTP, "readinessProbe": HTTP}
    pod = lab.pod(box={**PORT, **how}, metadata=behaviour(start_delay=22), settle=20)
    assert not box(pod)["started"] and box(pod)["restartCount"] == 0
    assert ready(lab.after(6))
    assert lab.said("Killing") == []


def test_restarts_what_never_starts_up(lab: Lab) -> None:
    how = {"startupProbe": {**HTTP, "failureThreshold": 2}}
    lab.pod(box={**PORT, **how}, metadata=behaviour(ports=[1]), settle=6)
    assert lab.said("Killing") == ["Container web failed startup probe, will be restarted"]


def test_a_file_that_goes_makes_the_container_unhealthy(lab: Lab) -> None:
    command = ["sh", "-c", "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"]
    how = probe(exec={"command": ["cat", "/tmp/healthy"]})
    pod = lab.pod(box={"image": "busybox:1.36", "command": command, "livenessProbe": how}, settle=29)
    assert lab.said("Unhealthy") == []
    pod = lab.after(20)
    assert box(pod)["restartCount"] == 1


def test_a_fault_acts_on_what_runs(lab: Lab) -> None:
    assert ready(lab.pod(box={**PORT, "readinessProbe": HTTP}))
    name = lab.cluster.faults.inject(ContainerFault(pod="web", behaviour=Behaviour(paths={"*": 503})))
    assert not ready(lab.after(20))
    lab.cluster.faults.clear(name)
    assert ready(lab.after(6))


def test_readiness_gates_hold_a_pod_back(lab: Lab) -> None:
    pod = lab.pod(box={**PORT, "readinessProbe": HTTP}, readinessGates=[{"conditionType": "example.test/up"}])
    entry = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")
    assert entry["reason"] == "ReadinessGatesNotReady"
    assert entry["message"] == 'corresponding condition of pod readiness gate "example.test/up" does not exist.'
