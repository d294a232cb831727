"""Events are written as the recorders of client-go write them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mcp_tools.targets.sandbox import events
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.store import Store

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "web", "namespace": "todo", "uid": "u-1", "resourceVersion": "7"},
}


@pytest.fixture
def api() -> SimpleNamespace:
    store = Store()
    store.put("namespaces", {"kind": "Namespace", "metadata": {"name": "todo"}})
    store.put("namespaces", {"kind": "Namespace", "metadata": {"name": "default"}})
    return SimpleNamespace(store=store, clock=Clock(start=1_700_000_000.0))


def written(api: Any) -> list[dict[str, Any]]:
    return api.store.select("events")


def say(api: Any, message: str = "Started container web", **more: Any) -> None:
    fields = {"type": "Normal", "reason": "Started", "component": "kubelet", "host": "minikube", **more}
    events.record(api, POD, message=message, **fields)


def test_has_the_fields_of_a_kubelets_event(api: SimpleNamespace) -> None:
    say(api, field_path="spec.containers{web}")
    (event,) = written(api)
    assert event["metadata"]["name"] == f"web.{1_700_000_000_000_000_000:x}"
    assert event["source"] == {"component": "kubelet", "host": "minikube"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "minikube")
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "todo",
        "name": "web",
        "uid": "u-1",
        "apiVersion": "v1",
        "resourceVersion": "7",
        "fieldPath": "spec.containers{web}",
    }
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2023-11-14T22:13:20Z"
    assert event["count"] == 1 and event["eventTime"] is None


def test_counts_the_same_event_up(api: SimpleNamespace) -> None:
    say(api)
    api.clock.jump(api.clock.now() + 30)
    say(api)
    (event,) = written(api)
    assert (event["count"], event["lastTimestamp"]) == (2, "2023-11-14T22:13:50Z")
    assert event["firstTimestamp"] == "2023-11-14T22:13:20Z"


def test_gives_two_events_of_one_moment_two_names(api: SimpleNamespace) -> None:
    say(api, "one")
    say(api, "two")
    assert len(written(api)) == 2


def test_combines_many_similar_ones(api: SimpleNamespace) -> None:
    for number in range(12):
        say(api, f"message {number}")
    found = written(api)
    assert len(found) == 10
    (combined,) = [event for event in found if event["message"].startswith(events.COMBINED)]
    assert combined["count"] == 3 and combined["message"].endswith("message 11")


def test_drops_what_comes_too_often(api: SimpleNamespace) -> None:
    for _ in range(40):
        say(api)
    assert written(api)[0]["count"] == 25
    api.clock.jump(api.clock.now() + 301)
    say(api)
    assert written(api)[0]["count"] == 41  # those that were not written count as well


def test_writes_nothing_into_a_namespace_that_ends(api: SimpleNamespace) -> None:
    namespace = {"kind": "Namespace", "metadata": {"name": "todo", "deletionTimestamp": "2023-11-14T22:13:20Z"}}
    api.store.put("namespaces", namespace)
    say(api)
    assert written(api) == []


def test_puts_those_about_a_node_into_default(api: SimpleNamespace) -> None:
    node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "minikube", "uid": "n"}}
    events.record(api, node, type="Normal", reason="NodeReady", message="ready", component="kubelet")
    assert written(api)[0]["metadata"]["namespace"] == "default"
    assert "namespace" not in written(api)[0]["involvedObject"]


def test_forgets_after_an_hour(api: SimpleNamespace) -> None:
    say(api, "early")
    api.clock.jump(api.clock.now() + 3700)
    say(api, "late")
    assert [event["message"] for event in written(api)] == ["late"]
