"""The statuses and events of broken pods are those that a real cluster wrote for the same manifests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.faults import ImageFault
from mcp_tools.targets.sandbox.meta import Request
from tests.mcp_tools.faults import EXPECTED, scene
from tests.targets.sandbox.pods import Lab

FILE = Path(__file__).parents[2] / "mcp_tools" / "data" / "faults.json"
RECORDED: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
OFFLINE = (
    'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on '
    "192.168.49.1:53: no such host"
)
SCENES = [name for name in EXPECTED if RECORDED[name]["objects"].get("Pod")]
TIMES = ("Time", "At", "Timestamp")


def plain(value: Any, namespace: str) -> Any:
    """Without what differs from one time to the next: times, addresses, IDs, names, lengths of back-offs."""
    if isinstance(value, dict):
        kept = {key: entry for key, entry in value.items() if not key.endswith(TIMES) and key != "restartCount"}
        return {key: plain(entry, namespace) for key, entry in kept.items()}
    if isinstance(value, list):
        return [plain(entry, namespace) for entry in value]
    if not isinstance(value, str):
        return value
    text = re.sub(r"web-[a-z0-9]+(-[a-z0-9]+)?", "web-X", value.replace(namespace, "NS"))
    text = re.sub(r"10\.244\.\d+\.\d+", "IP", text)
    text = re.sub(r"[0-9a-f]{64}", "ID", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", text)
    return re.sub(r"\b(\d+m)?\d+s\b", "T", text)


def played(name: str) -> tuple[Lab, str]:
    """A cluster with that scene, some minutes later."""
    lab, namespace = Lab(), f"h-check-{name}"
    lab.cluster.faults.inject(ImageFault(effect="pull", message=OFFLINE))
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    lab.cluster.api.create(kinds.by_key("namespaces"), "", space, Request())
    lab.cluster.run_pending()
    for obj in scene(name, namespace):
        kind = kinds.of(obj["apiVersion"], obj["kind"])
        assert kind is not None
        lab.cluster.api.create(kind, namespace, obj, Request())
    lab.cluster.settle(260)
    return lab, namespace


@pytest.mark.parametrize("name", SCENES)
def test_writes_what_a_real_cluster_wrote(name: str) -> None:
    lab, namespace = played(name)
    wanted = [plain(pod["status"], namespace) for pod in RECORDED[name]["objects"]["Pod"]]
    found = [plain(pod["status"], namespace) for pod in lab.cluster.store.select("pods", namespace)]
    assert len(found) == 1
    assert found[0] in wanted


@pytest.mark.parametrize("name", SCENES)
def test_says_what_a_real_cluster_said(name: str) -> None:
    lab, namespace = played(name)

    def words(event: dict[str, Any]) -> tuple[str, ...]:
        path = event["involvedObject"].get("fieldPath", "")
        said = (event["type"], event["reason"], event["message"], path, event["source"]["component"])
        return tuple(plain(list(said), namespace))

    wanted = {words(event) for event in RECORDED[name]["objects"]["Event"]}
    found = {words(event) for event in lab.cluster.store.select("events", namespace)}
    assert found <= wanted
    # What a real cluster says besides comes from an earlier recording in the same namespace, and from the moment
    # between the start of a process and its first open port, which takes no time here.
    rest = {reason for _, reason, message, _, _ in wanted - found if "connection refused" not in message}
    assert rest <= {"Pulling", "Failed", "BackOff", "Killing", "Pulled", "Created", "Started"}
