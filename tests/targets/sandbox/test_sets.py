"""StatefulSets and DaemonSets come to the pods, statuses and events that a real cluster shows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.targets.sandbox.workbench import Bench, template

SETS, DAEMONS, REVISIONS = "statefulsets.apps", "daemonsets.apps", "controllerrevisions.apps"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def stateful(replicas: int = 3, behaviour: str = "", **spec: Any) -> dict[str, Any]:
    claims = [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ]
    return {
        "metadata": {"name": "db"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(behaviour),
            "volumeClaimTemplates": claims,
            **spec,
        },
    }


def daemon(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template(), **spec},
    }


def names(bench: Bench) -> list[str]:
    return [pod["metadata"]["name"] for pod in bench.all("pods")]


def image(obj: dict[str, Any]) -> None:
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2"


def test_pods_come_one_after_the_other(bench: Bench) -> None:
    bench.create(SETS, stateful())
    bench.settle()
    assert names(bench) == ["db-0"]
    bench.settle(1)
    assert names(bench) == ["db-0", "db-1"]
    bench.settle(5)
    assert names(bench) == ["db-0", "db-1", "db-2"]
    status = bench.get(SETS, "db")["status"]
    revision = status["currentRevision"]
    assert status == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "currentReplicas": 3,
        "updatedReplicas": 3,
        "currentRevision": revision,
        "updateRevision": revision,
        "collisionCount": 0,
        "availableReplicas": 3,
    }
    assert bench.events("db")[:2] == [
        ("Normal", "SuccessfulCreate", "create Claim data-db-0 Pod db-0 in StatefulSet db success"),
        ("Normal", "SuccessfulCreate", "create Pod db-0 in StatefulSet db successful"),
    ]


def test_a_pod_has_its_name_labels_and_claim(bench: Bench) -> None:
    bench.create(SETS, stateful(replicas=1))
    bench.settle()
    pod = bench.get("pods", "db-0")
    (revision,) = bench.all(REVISIONS)
    assert pod["metadata"]["labels"] == {
        "app": "web",
        "apps.kubernetes.io/pod-index": "0",
        "controller-revision-hash": revision["metadata"]["name"],
        "statefulset.kubernetes.io/pod-name": "db-0",
    }
    assert pod["metadata"]["generateName"] == "db-"
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-0", "db")
    assert pod["spec"]["volumes"][0] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}
    assert bench.get("persistentvolumeclaims", "data-db-0")["metadata"]["labels"] == {"app": "web"}


def test_all_at_once_when_parallel(bench: Bench) -> None:
    bench.create(SETS, stateful(podManagementPolicy="Parallel"))
    bench.settle()
    assert names(bench) == ["db-0", "db-1", "db-2"]


def test_one_that_is_not_ready_holds_the_others(bench: Bench) -> None:
    bench.create(SETS, stateful(behaviour="running"))
    bench.settle(60)
    assert names(bench) == ["db-0"]


def test_scaled_down_from_the_end_and_claims_stay(bench: Bench) -> None:
    bench.create(SETS, stateful())
    bench.settle(5)
    bench.update(SETS, "db", lambda obj: obj["spec"].update({"replicas": 1}))
    bench.settle()
    ending = [p["metadata"]["name"] for p in bench.all("pods") if "deletionTimestamp" in p["metadata"]]
    assert ending == ["db-2"]
    bench.settle(5)
    assert names(bench) == ["db-0"]
    assert len(bench.all("persistentvolumeclaims")) == 3


def test_updated_from_the_end_down_to_the_partition(bench: Bench) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    bench.create(SETS, stateful(updateStrategy=strategy))
    bench.settle(5)
    bench.update(SETS, "db", image)
    bench.settle(20)
    images = [pod["spec"]["containers"][0]["image"] for pod in bench.all("pods")]
    assert images == ["nginx", "nginx:2", "nginx:2"]
    status = bench.get(SETS, "db")["status"]
    assert status["currentRevision"] != status["updateRevision"]
    assert (status["currentReplicas"], status["updatedReplicas"]) == (1, 2)
    bench.update(SETS, "db", lambda obj: obj["spec"]["updateStrategy"]["rollingUpdate"].update({"partition": 0}))
    bench.settle(20)
    status = bench.get(SETS, "db")["status"]
    assert status["currentRevision"] == status["updateRevision"]
    assert len(bench.all(REVISIONS)) == 2


def test_on_delete_waits_for_the_deletion(bench: Bench) -> None:
    bench.create(SETS, stateful(replicas=1, updateStrategy={"type": "OnDelete"}))
    bench.settle(5)
    bench.update(SETS, "db", image)
    bench.settle(10)
    assert bench.get("pods", "db-0")["spec"]["containers"][0]["image"] == "nginx"
    bench.delete("pods", "db-0")
    bench.settle(10)
    assert bench.get("pods", "db-0")["spec"]["containers"][0]["image"] == "nginx:2"


def test_a_failed_pod_is_made_anew(bench: Bench) -> None:
    bench.create(SETS, stateful(replicas=1))
    bench.settle(5)
    before = bench.get("pods", "db-0")
    from mcp_tools.targets.sandbox.store import Ref

    bench.api.edit(Ref("pods", "default", "db-0"), lambda o: o["status"].update({"phase": "Failed"}), manager="kubelet")
    bench.settle(5)
    assert bench.get("pods", "db-0")["metadata"]["uid"] != before["metadata"]["uid"]
    text = "StatefulSet default/db is recreating failed Pod db-0"
    assert ("Warning", "RecreatingFailedPod", text) in bench.events("db")


def test_a_refused_pod_is_an_event(bench: Bench) -> None:
    obj = stateful(replicas=1)
    obj["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    bench.create(SETS, obj)
    bench.settle(1)
    assert (
        "Warning",
        "FailedCreate",
        'create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: error looking up service account '
        'default/nobody: serviceaccount "nobody" not found',
    ) in bench.events("db")


def test_a_settled_set_stores_nothing(bench: Bench) -> None:
    bench.create(SETS, stateful())
    bench.create(DAEMONS, daemon(selector={"matchLabels": {"app": "x"}}, template=template(labels={"app": "x"})))
    bench.settle(30)
    version = bench.store.version
    bench.settle(600)
    assert bench.store.version == version


def test_a_daemon_runs_on_each_node(bench: Bench) -> None:
    bench.create(DAEMONS, daemon())
    bench.settle(5)
    (pod,) = bench.all("pods")
    assert bench.get(DAEMONS, "agent")["status"] == {
        "currentNumberScheduled": 1,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 1,
        "numberReady": 1,
        "observedGeneration": 1,
        "updatedNumberScheduled": 1,
        "numberAvailable": 1,
    }
    assert bench.events("agent") == [("Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")]
    assert pod["metadata"]["labels"]["pod-template-generation"] == "1"
    keys = [(each["key"], each["effect"]) for each in pod["spec"]["tolerations"]]
    assert ("node.kubernetes.io/unschedulable", "NoSchedule") in keys


def test_a_daemon_is_updated_by_replacing_its_pods(bench: Bench) -> None:
    bench.create(DAEMONS, daemon())
    bench.settle(5)
    bench.update(DAEMONS, "agent", image)
    bench.settle(10)
    assert [pod["spec"]["containers"][0]["image"] for pod in bench.all("pods")] == ["nginx:2"]
    assert bench.get(DAEMONS, "agent")["status"]["updatedNumberScheduled"] == 1
    assert bench.all("pods")[0]["metadata"]["labels"]["pod-template-generation"] == "2"
    assert len(bench.all(REVISIONS)) == 2


def test_a_daemon_goes_with_the_labels_of_the_node(bench: Bench) -> None:
    obj = daemon()
    obj["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    bench.create(DAEMONS, obj)
    bench.settle(5)
    assert not bench.all("pods")
    bench.update("nodes", "minikube", lambda node: node["metadata"]["labels"].update({"disk": "ssd"}))
    bench.settle(5)
    assert len(bench.all("pods")) == 1
    bench.update("nodes", "minikube", lambda node: node["metadata"]["labels"].pop("disk"))
    bench.settle(5)
    assert not bench.all("pods")


def test_claims_go_with_pods_that_are_scaled_away_when_that_is_wanted(bench: Bench) -> None:
    policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    bench.create(SETS, stateful(persistentVolumeClaimRetentionPolicy=policy))
    bench.settle(5)
    bench.update(SETS, "db", lambda obj: obj["spec"].update({"replicas": 1}))
    bench.settle(10)
    assert [each["metadata"]["name"] for each in bench.all("persistentvolumeclaims")] == ["data-db-0"]
