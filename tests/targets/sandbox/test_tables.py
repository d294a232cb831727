"""The columns of ``kubectl get``, computed as the printers of the API server compute them."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox import kinds, tables
from mcp_tools.targets.sandbox.clock import parse
from mcp_tools.targets.sandbox.tables_common import duration, selector, some

NOW = parse("2026-01-01T12:00:00Z")
BEFORE = "2026-01-01T11:55:00Z"


def pod(status: dict[str, Any], spec: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "creationTimestamp": BEFORE, **meta},
        "spec": {"containers": [{"name": "a", "image": "a:1"}], **(spec or {})},
        "status": status,
    }


def container(name: str = "a", *, ready: bool = False, restarts: int = 0, **state: Any) -> dict[str, Any]:
    last = state.pop("last", None)
    found = {"name": name, "ready": ready, "restartCount": restarts, "state": state}
    return {**found, "lastState": {"terminated": last}} if last else found


def row(obj: dict[str, Any], key: str = "pods") -> dict[str, Any]:
    made = tables.table(kinds.by_key(key), [obj], NOW)
    names = [column["name"] for column in made["columnDefinitions"]]
    assert len(names) == len(made["rows"][0]["cells"])
    return dict(zip(names, made["rows"][0]["cells"], strict=True))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (11_000, "3h3m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (731 * 86400, "2y1d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_spans_are_written_as_kubectl_writes_them(seconds: int, shown: str) -> None:
    assert duration(seconds) == shown


RUNNING = {"startedAt": BEFORE}
INIT = {"initContainers": [{"name": "i"}, {"name": "j"}]}
DONE = {"exitCode": 0, "reason": "Completed"}


@pytest.mark.parametrize(
    ("obj", "ready", "status"),
    [
        (pod({"phase": "Pending"}), "0/1", "Pending"),
        (pod({"phase": "Running", "containerStatuses": [container(ready=True, running=RUNNING)]}), "1/1", "Running"),
        (
            pod({"phase": "Pending", "containerStatuses": [container(waiting={"reason": "ContainerCreating"})]}),
            "0/1",
            "ContainerCreating",
        ),
        (
            pod({"phase": "Running", "containerStatuses": [container(waiting={"reason": "CrashLoopBackOff"})]}),
            "0/1",
            "CrashLoopBackOff",
        ),
        (pod({"phase": "Succeeded", "containerStatuses": [container(terminated=DONE)]}), "0/1", "Completed"),
        (
            pod({"phase": "Failed", "containerStatuses": [container(terminated={"exitCode": 3, "reason": "Error"})]}),
            "0/1",
            "Error",
        ),
        (pod({"phase": "Failed", "containerStatuses": [container(terminated={"exitCode": 3})]}), "0/1", "ExitCode:3"),
        (pod({"phase": "Failed", "containerStatuses": [container(terminated={"signal": 9})]}), "0/1", "Signal:9"),
        (pod({"phase": "Failed", "reason": "Evicted"}), "0/1", "Evicted"),
        (pod({"phase": "Pending", "initContainerStatuses": [container("i")]}, INIT), "0/1", "Init:0/2"),
        (
            pod({"phase": "Pending", "initContainerStatuses": [container("i", terminated=DONE), container("j")]}, INIT),
            "0/1",
            "Init:1/2",
        ),
        (
            pod(
                {
                    "phase": "Pending",
                    "initContainerStatuses": [container("i", waiting={"reason": "ImagePullBackOff"})],
                },
                INIT,
            ),
            "0/1",
            "Init:ImagePullBackOff",
        ),
        (
            pod(
                {
                    "phase": "Pending",
                    "initContainerStatuses": [container("i", terminated={"exitCode": 1, "reason": "Error"})],
                },
                INIT,
            ),
            "0/1",
            "Init:Error",
        ),
        (
            pod(
                {
                    "phase": "Running",
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "containerStatuses": [container("a", ready=True, running=RUNNING), container("b", terminated=DONE)],
                }
            ),
            "1/1",
            "Running",
        ),
        (
            pod(
                {"phase": "Running", "containerStatuses": [container(ready=True, running=RUNNING)]},
                deletionTimestamp=BEFORE,
            ),
            "1/1",
            "Terminating",
        ),
        (
            pod({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
            "0/1",
            "SchedulingGated",
        ),
    ],
)
def test_the_status_of_a_pod_is_that_of_its_containers(obj: dict[str, Any], ready: str, status: str) -> None:
    found = row(obj)
    assert (found["Ready"], found["Status"]) == (ready, status)


def test_a_sidecar_counts_as_a_container_once_it_has_started() -> None:
    spec = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}
    status = {
        "phase": "Running",
        "initContainerStatuses": [{**container("proxy", ready=True, running=RUNNING), "started": True}],
        "containerStatuses": [container(ready=True, running=RUNNING)],
    }
    assert row(pod(status, spec))["Ready"] == "2/2"


def test_restarts_say_when_the_last_one_was() -> None:
    ended = {"exitCode": 1, "finishedAt": "2026-01-01T11:59:55Z"}
    status = {"phase": "Running", "containerStatuses": [container(ready=True, restarts=3, running=RUNNING, last=ended)]}
    assert row(pod(status))["Restarts"] == "3 (5s ago)"


def test_the_wide_columns_of_a_pod() -> None:
    status = {"phase": "Running", "podIPs": [{"ip": "10.244.0.7"}]}
    found = row(pod(status, {"nodeName": "minikube", "readinessGates": [{"conditionType": "x"}]}))
    assert (found["IP"], found["Node"]) == ("10.244.0.7", "minikube")
    assert (found["Nominated Node"], found["Readiness Gates"]) == ("<none>", "0/1")


def test_a_pod_that_ended_carries_the_condition_of_the_row() -> None:
    made = tables.table(kinds.by_key("pods"), [pod({"phase": "Failed"})], NOW)
    assert made["rows"][0]["conditions"][0]["reason"] == "Failed"


def obj(spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    meta = {"name": "x", "namespace": "default", "creationTimestamp": BEFORE}
    return {"metadata": meta, "spec": spec or {}, "status": status or {}, **more}


TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:2"}]}}
CHOSEN = {"matchLabels": {"app": "x"}}


def test_a_deployment_shows_ready_of_desired_and_its_containers() -> None:
    spec = {"replicas": 3, "template": TEMPLATE, "selector": CHOSEN}
    found = row(obj(spec, {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2}), "deployments.apps")
    assert list(found.values()) == ["x", "2/3", 3, 2, "5m", "a,b", "a:1,b:2", "app=x"]


@pytest.mark.parametrize(
    ("status", "state", "lasted"),
    [
        ({}, "Running", ""),
        ({"startTime": BEFORE}, "Running", "5m"),
        (
            {
                "startTime": BEFORE,
                "completionTime": "2026-01-01T11:55:07Z",
                "succeeded": 1,
                "conditions": [{"type": "Complete", "status": "True"}],
            },
            "Complete",
            "7s",
        ),
        ({"startTime": BEFORE, "conditions": [{"type": "Failed", "status": "True"}]}, "Failed", "5m"),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, "Suspended", ""),
    ],
)
def test_a_job_shows_its_state_and_how_long_it_took(status: dict[str, Any], state: str, lasted: str) -> None:
    found = row(obj({"completions": 1, "template": TEMPLATE}, status), "jobs.batch")
    assert (found["Status"], found["Duration"]) == (state, lasted)
    assert found["Completions"] == f"{status.get('succeeded', 0)}/1"


@pytest.mark.parametrize(
    ("spec", "status", "address", "external", "ports"),
    [
        ({"clusterIP": "10.96.0.9", "ports": [{"port": 80}]}, {}, "10.96.0.9", "<none>", "80/TCP"),
        (
            {"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [{"port": 80, "nodePort": 30080}]},
            {},
            "10.96.0.9",
            "<none>",
            "80:30080/TCP",
        ),
        ({"type": "LoadBalancer", "clusterIP": "10.96.0.9"}, {}, "10.96.0.9", "<pending>", "<none>"),
        ({"type": "ExternalName", "externalName": "example.org"}, {}, "<none>", "example.org", "<none>"),
        ({"clusterIP": "None", "ports": [{"port": 53, "protocol": "UDP"}]}, {}, "None", "<none>", "53/UDP"),
    ],
)
def test_a_service_shows_addresses_and_ports(
    spec: dict[str, Any], status: dict[str, Any], address: str, external: str, ports: str
) -> None:
    found = row(obj(spec, status), "services")
    assert (found["Cluster-IP"], found["External-IP"], found["Port(s)"]) == (address, external, ports)


def test_a_node_shows_readiness_and_roles() -> None:
    node = obj({"unschedulable": True}, {"conditions": [{"type": "Ready", "status": "True"}]})
    node["metadata"]["labels"] = {"node-role.kubernetes.io/control-plane": ""}
    found = row(node, "nodes")
    assert (found["Status"], found["Roles"]) == ("Ready,SchedulingDisabled", "control-plane")


def test_an_event_shows_its_object_in_both_api_groups() -> None:
    core = {
        "involvedObject": {"kind": "Pod", "name": "web"},
        "type": "Warning",
        "reason": "BackOff",
        "message": "Back-off\n",
        "count": 4,
        "firstTimestamp": BEFORE,
        "lastTimestamp": "2026-01-01T11:59:00Z",
        "source": {"component": "kubelet", "host": "minikube"},
    }
    new = {
        "regarding": core["involvedObject"],
        "type": "Warning",
        "reason": "BackOff",
        "note": "Back-off",
        "deprecatedCount": 4,
        "deprecatedFirstTimestamp": BEFORE,
        "deprecatedLastTimestamp": "2026-01-01T11:59:00Z",
        "deprecatedSource": core["source"],
    }
    shown = row(obj(**core), "events")
    assert shown == row(obj(**new), "events")
    assert (shown["Last Seen"], shown["Object"], shown["Message"]) == ("60s", "pod/web", "Back-off")
    assert (shown["Source"], shown["Count"]) == ("kubelet, minikube", 4)


def test_an_autoscaler_shows_current_of_wanted() -> None:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}}
    current = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}}
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 3}
    key = "horizontalpodautoscalers.autoscaling"
    assert row(obj({**spec, "metrics": [metric]}), key)["Targets"] == "cpu: <unknown>/50%"
    assert row(obj({**spec, "metrics": [metric]}, {"currentMetrics": [current]}), key)["Targets"] == "cpu: 12%/50%"


def test_selectors_and_long_lists_as_text() -> None:
    needs = [{"key": "tier", "operator": "In", "values": ["b", "a"]}, {"key": "x", "operator": "DoesNotExist"}]
    assert selector({"matchLabels": {"app": "web"}, "matchExpressions": needs}) == "app=web,tier in (a,b),!x"
    assert selector({}) == "<none>"
    assert some(["1", "2", "3", "4", "5"]) == "1,2,3 + 2 more..."


def test_every_kind_that_is_served_has_a_row_of_the_width_of_its_columns() -> None:
    for kind in kinds.builtin():
        if "list" in kind.verbs:
            bare = obj(kind=kind.kind)
            made = tables.table(kind, [bare], NOW)
            assert len(made["rows"][0]["cells"]) == len(made["columnDefinitions"]), kind.key


def test_columns_are_known_only_for_kinds_that_are_served() -> None:
    assert set(tables.PRINTERS) <= {kind.key for kind in kinds.builtin()}


def test_a_kind_without_columns_of_its_own_shows_when_it_was_created() -> None:
    assert row(obj(), "limitranges") == {"Name": "x", "Created At": BEFORE}


def test_the_object_of_a_row_is_what_was_asked_for() -> None:
    kind, thing = kinds.by_key("configmaps"), {**obj(), "kind": "ConfigMap", "data": {"a": "1"}}
    assert tables.table(kind, [thing], NOW, include="None")["rows"][0]["object"] is None
    assert tables.table(kind, [thing], NOW, include="Object")["rows"][0]["object"] is thing
    found = tables.table(kind, [thing], NOW)["rows"][0]["object"]
    assert found == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": thing["metadata"],
    }


def test_columns_say_what_they_are_about() -> None:
    for kind in kinds.builtin():
        described = {column["name"]: column["description"] for column in tables.columns_of(kind.key)}
        assert described.get("Name", "Name must be unique").startswith("Name must be unique"), kind.key
        assert described.get("Age", "CreationTimestamp is").startswith("CreationTimestamp is"), kind.key
    data = tables.columns_of("configmaps")[1]
    assert data["description"].startswith("Data contains the configuration data.")


def test_what_is_described_is_a_column() -> None:
    for key, texts in tables._descriptions().items():
        assert key in {"*", tables.SCALE, *tables.PRINTERS}
        if key != "*":
            assert set(texts) <= {column["name"] for column in tables.columns_of(key)}, key
