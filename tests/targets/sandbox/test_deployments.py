"""Deployments and ReplicaSets come to the pods, statuses and events that a real cluster shows."""

from __future__ import annotations

import pytest

from mcp_tools.targets.sandbox.controllers import rollout
from tests.targets.sandbox.workbench import Bench, deployment

DEPLOYMENTS, SETS = "deployments.apps", "replicasets.apps"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def image(name: str):
    def change(obj: dict) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = name

    return change


def test_a_new_deployment_gets_its_pods_and_says_so(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(replicas=2))
    bench.settle()
    (replica_set,) = bench.all(SETS)
    name = replica_set["metadata"]["name"]
    salt = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert name == f"web-{salt}"
    assert replica_set["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "2",
        "deployment.kubernetes.io/max-replicas": "3",
        "deployment.kubernetes.io/revision": "1",
    }
    found = bench.get(DEPLOYMENTS, "web")
    assert found["metadata"]["generation"] == 1
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert bench.condition(DEPLOYMENTS, "web", "Available") == (
        "False",
        "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.",
    )
    assert bench.condition(DEPLOYMENTS, "web", "Progressing") == (
        "True",
        "ReplicaSetUpdated",
        f'ReplicaSet "{name}" is progressing.',
    )
    bench.settle(5)
    status = bench.get(DEPLOYMENTS, "web")["status"]
    conditions = status.pop("conditions")
    assert status == {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
    }
    assert [(each["type"], each["status"], each["reason"]) for each in conditions] == [
        ("Available", "True", "MinimumReplicasAvailable"),
        ("Progressing", "True", "NewReplicaSetAvailable"),
    ]
    assert conditions[1]["message"] == f'ReplicaSet "{name}" has successfully progressed.'
    assert bench.events("web") == [
        ("Normal", "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to 2"),
    ]
    pods = bench.all("pods")
    assert [each[:2] for each in bench.events(name)] == [("Normal", "SuccessfulCreate")] * 2
    assert {each[2] for each in bench.events(name)} == {f"Created pod: {pod['metadata']['name']}" for pod in pods}
    assert all(pod["metadata"]["labels"] == {"app": "web", "pod-template-hash": salt} for pod in pods)


def test_the_controller_owns_the_revision(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(replicas=0))
    bench.settle()
    managed = bench.get(DEPLOYMENTS, "web")["metadata"]["managedFields"]
    (entry,) = (entry for entry in managed if entry["manager"] == "kube-controller-manager")
    assert entry["subresource"] == "status"
    assert entry["fieldsV1"]["f:metadata"] == {"f:annotations": {".": {}, f"f:{rollout.REVISION}": {}}}


def test_a_settled_deployment_stores_nothing(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(replicas=3))
    bench.settle(10)
    version = bench.store.version
    for key in (DEPLOYMENTS, SETS):
        for obj in bench.all(key):
            for controller in bench.manager._controllers:
                from mcp_tools.targets.sandbox.store import Change, Ref

                ref = Ref(key, "default", obj["metadata"]["name"])
                for each in controller.interested(Change("MODIFIED", ref, obj, obj, version)):
                    controller.reconcile(each)
    bench.settle(700)
    assert bench.store.version == version


def test_a_rolling_update_keeps_within_surge_and_unavailability(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(replicas=4))
    bench.settle(5)
    seen: list[tuple[int, int]] = []

    def watch(change) -> None:
        if change.ref.key == SETS:
            sets = bench.all(SETS)
            available = sum(each["status"].get("availableReplicas", 0) for each in sets)
            seen.append((rollout.total(sets), available))

    end = bench.store.watch(watch)
    bench.update(DEPLOYMENTS, "web", image("nginx:2"))
    bench.settle(20)
    end()
    assert max(total for total, _ in seen) == 5
    assert min(available for _, available in seen) >= 3
    sizes = {each["metadata"]["annotations"][rollout.REVISION]: rollout.replicas(each) for each in bench.all(SETS)}
    assert sizes == {"1": 0, "2": 4}
    status = bench.get(DEPLOYMENTS, "web")["status"]
    assert (status["updatedReplicas"], status["replicas"], status["observedGeneration"]) == (4, 4, 2)
    assert len(bench.all("pods")) == 4


def test_going_back_to_a_template_makes_its_replicaset_the_newest(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment())
    bench.settle(5)
    bench.update(DEPLOYMENTS, "web", image("nginx:2"))
    bench.settle(10)
    bench.update(DEPLOYMENTS, "web", image("nginx"))
    bench.settle(10)
    notes = {
        each["metadata"]["annotations"][rollout.REVISION]: each["metadata"]["annotations"] for each in bench.all(SETS)
    }
    assert set(notes) == {"2", "3"}
    assert notes["3"][rollout.HISTORY] == "1"
    assert bench.get(DEPLOYMENTS, "web")["metadata"]["annotations"][rollout.REVISION] == "3"


def test_old_replicasets_beyond_the_limit_are_deleted(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(revisionHistoryLimit=1))
    for number in range(4):
        bench.settle(10)
        bench.update(DEPLOYMENTS, "web", image(f"nginx:{number}"))
    bench.settle(10)
    revisions = {each["metadata"]["annotations"][rollout.REVISION] for each in bench.all(SETS)}
    assert revisions == {"4", "5"}


def test_recreate_ends_all_old_pods_first(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(replicas=2, strategy={"type": "Recreate"}))
    bench.settle(5)
    most: list[int] = []
    bench.store.watch(lambda change: most.append(len({p["spec"]["containers"][0]["image"] for p in bench.all("pods")})))
    bench.update(DEPLOYMENTS, "web", image("nginx:2"))
    bench.settle(10)
    assert max(most) == 1
    assert {pod["spec"]["containers"][0]["image"] for pod in bench.all("pods")} == {"nginx:2"}
    assert bench.get(DEPLOYMENTS, "web")["status"]["availableReplicas"] == 2


def test_a_rollout_that_does_not_come_on_exceeds_its_deadline(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(behaviour="running", progressDeadlineSeconds=60))
    bench.settle(50)
    assert bench.condition(DEPLOYMENTS, "web", "Progressing")[1] == "ReplicaSetUpdated"
    bench.settle(20)
    name = bench.all(SETS)[0]["metadata"]["name"]
    assert bench.condition(DEPLOYMENTS, "web", "Progressing") == (
        "False",
        "ProgressDeadlineExceeded",
        f'ReplicaSet "{name}" has timed out progressing.',
    )


def test_available_only_after_min_ready_seconds(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(minReadySeconds=30))
    bench.settle(20)
    status = bench.get(DEPLOYMENTS, "web")["status"]
    assert status["readyReplicas"] == 1
    assert "availableReplicas" not in status
    bench.settle(20)
    assert bench.get(DEPLOYMENTS, "web")["status"]["availableReplicas"] == 1


def test_a_paused_deployment_is_scaled_but_not_rolled(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment())
    bench.settle(5)

    def pause(obj: dict) -> None:
        obj["spec"]["paused"] = True
        obj["spec"]["replicas"] = 3
        image("nginx:2")(obj)

    bench.update(DEPLOYMENTS, "web", pause)
    bench.settle(5)
    assert bench.condition(DEPLOYMENTS, "web", "Progressing") == (
        "Unknown",
        "DeploymentPaused",
        "Deployment is paused",
    )
    assert [rollout.replicas(each) for each in bench.all(SETS)] == [3]
    bench.update(DEPLOYMENTS, "web", lambda obj: obj["spec"].update({"paused": False}))
    bench.settle(10)
    assert bench.condition(DEPLOYMENTS, "web", "Progressing")[1] == "NewReplicaSetAvailable"
    assert {pod["spec"]["containers"][0]["image"] for pod in bench.all("pods")} == {"nginx:2"}


def test_scaling_in_a_rollout_is_proportional(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(replicas=10))
    bench.settle(5)

    def stuck(obj: dict) -> None:
        obj["spec"]["template"]["metadata"]["annotations"] = {"test/behaviour": "running"}

    bench.update(DEPLOYMENTS, "web", stuck)
    bench.settle(5)
    by_revision = {
        each["metadata"]["annotations"][rollout.REVISION]: rollout.replicas(each) for each in bench.all(SETS)
    }
    assert by_revision == {"1": 8, "2": 5}
    bench.update(DEPLOYMENTS, "web", lambda obj: obj["spec"].update({"replicas": 20}))
    bench.settle(5)
    by_revision = {
        each["metadata"]["annotations"][rollout.REVISION]: rollout.replicas(each) for each in bench.all(SETS)
    }
    assert sum(by_revision.values()) == 25
    assert by_revision["1"] > by_revision["2"] > 5


def test_a_refused_pod_is_the_condition_and_an_event(bench: Bench) -> None:
    hard = {"spec": {"hard": {"pods": "1"}}}
    bench.create("resourcequotas", {"metadata": {"name": "few"}, **hard})
    bench.settle()
    bench.create(DEPLOYMENTS, deployment(replicas=2))
    bench.settle(3)
    name = bench.all(SETS)[0]["metadata"]["name"]
    status, reason, message = bench.condition(SETS, name, "ReplicaFailure")
    assert (status, reason) == ("True", "FailedCreate")
    assert message.startswith(f'pods "{name}-')
    assert message.endswith('" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1')
    assert bench.condition(DEPLOYMENTS, "web", "ReplicaFailure") == (status, reason, message)
    failed = [each for each in bench.events(name) if each[1] == "FailedCreate"]
    assert failed[0][0] == "Warning"
    assert failed[0][2].startswith(f'Error creating: pods "{name}-')
    bench.update("resourcequotas", "few", lambda obj: obj["spec"].update({"hard": {"pods": "5"}}))
    bench.settle(1100)
    assert len(bench.all("pods")) == 2
    assert "ReplicaFailure" not in {each["type"] for each in bench.get(DEPLOYMENTS, "web")["status"]["conditions"]}


def test_a_replicaset_deletes_what_is_least_useful(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(replicas=3))
    bench.settle(5)
    pods = bench.all("pods")
    keep = pods[1]["metadata"]["name"]
    for pod in (pods[0], pods[2]):
        note = {"controller.kubernetes.io/pod-deletion-cost": "-10"}
        bench.update("pods", pod["metadata"]["name"], lambda obj: obj["metadata"].update({"annotations": note}))
    bench.update(DEPLOYMENTS, "web", lambda obj: obj["spec"].update({"replicas": 1}))
    bench.settle(5)
    assert [pod["metadata"]["name"] for pod in bench.all("pods")] == [keep]


def test_a_deleted_pod_is_replaced(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment())
    bench.settle(5)
    (before,) = bench.all("pods")
    bench.delete("pods", before["metadata"]["name"])
    bench.settle(5)
    (after,) = bench.all("pods")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def test_an_orphan_that_the_selector_matches_is_adopted(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment())
    bench.settle(5)
    (owner,) = bench.all(SETS)
    labels = owner["spec"]["selector"]["matchLabels"]
    bench.create(
        "pods", {"metadata": {"name": "mine", "labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    )
    bench.settle(5)
    assert len(bench.all("pods")) == 1


def test_deleting_a_deployment_deletes_all_of_it(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(replicas=2))
    bench.settle(5)
    bench.delete(DEPLOYMENTS, "web")
    bench.settle(5)
    assert not bench.all(SETS)
    assert not bench.all("pods")


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "expected"),
    [
        ("25%", "25%", 1, (1, 0)),
        ("25%", "25%", 10, (3, 2)),
        (0, 0, 5, (0, 1)),
        (0, "10%", 5, (0, 1)),
        (2, 1, 5, (2, 1)),
    ],
)
def test_fenceposts(surge: int | str, unavailable: int | str, replicas: int, expected: tuple[int, int]) -> None:
    assert rollout.fenceposts(surge, unavailable, replicas) == expected


def test_many_pods_come_in_several_rounds(bench: Bench) -> None:
    bench.create(DEPLOYMENTS, deployment(replicas=120))
    bench.settle(5)
    assert bench.get(DEPLOYMENTS, "web")["status"]["availableReplicas"] == 120
    bench.update(DEPLOYMENTS, "web", lambda obj: obj["spec"].update({"replicas": 2}))
    bench.settle(5)
    assert len(bench.all("pods")) == 2
