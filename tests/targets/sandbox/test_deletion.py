"""Propagation, the garbage collector, and the end of a namespace."""

from __future__ import annotations

import pytest

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.api import Api, Request
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.controllers.base import Manager
from mcp_tools.targets.sandbox.controllers.garbage import GarbageCollector
from mcp_tools.targets.sandbox.controllers.namespaces import NamespaceController
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Obj, Ref, Store
from tests.targets.sandbox.test_api import (
    DEPLOYMENTS,
    MAPS,
    ME,
    NAMESPACES,
    PODS,
    START,
    config,
    deployment,
    pod,
    refused,
)


class Small:
    """A cluster with the two controllers that end things, and no other."""

    def __init__(self) -> None:
        self.store, self.clock = Store(), Clock(start=START)
        self.api = Api(self.store, self.clock)
        self.manager = Manager(self.store, self.clock)
        self.manager.add([GarbageCollector(self), NamespaceController(self)])  # type: ignore[arg-type]


@pytest.fixture
def small() -> Small:
    made = Small()
    made.api.create(NAMESPACES, "", {"metadata": {"name": "x"}}, ME)
    return made


def owned(small: Small, name: str, *owners: Obj, block: bool = True, finalizers: tuple[str, ...] = ()) -> Obj:
    """A ConfigMap that these own."""
    references = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]
    meta: Obj = {"name": name, "ownerReferences": references}
    if finalizers:
        meta["finalizers"] = list(finalizers)
    return small.api.create(MAPS, "x", config(name) | {"metadata": meta}, ME)


def left(small: Small) -> list[str]:
    small.manager.drain()
    return [item["metadata"]["name"] for item in small.api.select(MAPS, "x").items]


def test_dependents_go_after_their_owner_in_the_background(small: Small) -> None:
    owner = small.api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    child = owned(small, "child", owner)
    owned(small, "grandchild", child)
    owned(small, "stranger")
    assert small.api.delete(DEPLOYMENTS, "x", "d", ME, propagation="Background")["kind"] == "Status"
    assert left(small) == ["stranger"]


def test_an_owner_waits_for_those_that_block_it_in_the_foreground(small: Small) -> None:
    owner = small.api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    owned(small, "held", owner, finalizers=("example.com/hold",))
    owned(small, "free", owner)
    waiting = small.api.delete(DEPLOYMENTS, "x", "d", ME, propagation="Foreground")
    assert waiting["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert left(small) == ["held"]
    assert small.store.get("deployments.apps", "x", "d") is not None
    small.api.patch(MAPS, "x", "held", "merge", {"metadata": {"finalizers": None}}, ME)
    assert left(small) == []
    assert small.store.get("deployments.apps", "x", "d") is None


def test_one_that_does_not_block_is_not_waited_for(small: Small) -> None:
    owner = small.api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    owned(small, "held", owner, block=False, finalizers=("example.com/hold",))
    small.api.delete(DEPLOYMENTS, "x", "d", ME, propagation="Foreground")
    assert left(small) == ["held"]
    assert small.store.get("deployments.apps", "x", "d") is None
    assert small.api.get(MAPS, "x", "held")["metadata"]["deletionTimestamp"]


def test_orphans_stay_and_forget_their_owner(small: Small) -> None:
    owner = small.api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    owned(small, "child", owner)
    waiting = small.api.delete(DEPLOYMENTS, "x", "d", ME, propagation="Orphan")
    assert waiting["metadata"]["finalizers"] == ["orphan"]
    assert left(small) == ["child"]
    assert small.store.get("deployments.apps", "x", "d") is None
    assert "ownerReferences" not in small.api.get(MAPS, "x", "child")["metadata"]


def test_one_with_a_second_owner_stays(small: Small) -> None:
    first, second = (small.api.create(MAPS, "x", config(name), ME) for name in ("first", "second"))
    owned(small, "child", first, second)
    small.api.delete(MAPS, "x", "first", ME)
    assert left(small) == ["child", "second"]
    owners = small.api.get(MAPS, "x", "child")["metadata"]["ownerReferences"]
    assert [owner["name"] for owner in owners] == ["second"]


def test_one_that_names_an_owner_that_is_not_there_goes(small: Small) -> None:
    gone = small.api.create(MAPS, "x", config("gone"), ME)
    small.api.delete(MAPS, "x", "gone", ME)
    again = small.api.create(MAPS, "x", config("gone"), ME)
    owned(small, "by-name-only", gone)
    owned(small, "child", again)
    assert left(small) == ["child", "gone"]


def test_jobs_leave_their_pods_unless_it_is_said(small: Small) -> None:
    jobs = kinds.by_key("jobs.batch")
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1.36"}]}}
    body: Obj = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": template}}
    owner = small.api.create(jobs, "x", body, ME)
    owned(small, "child", owner)
    asked = Request()
    small.api.delete(jobs, "x", "j", asked)
    assert asked.warnings == [
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or "
        "set propagationPolicy=Orphan to suppress this warning"
    ]
    assert left(small) == ["child"]


def test_a_policy_that_there_is_not_is_refused(small: Small) -> None:
    small.api.create(MAPS, "x", config("a"), ME)
    said = refused(422, "Invalid", small.api.delete, MAPS, "x", "a", ME, propagation="Later")
    assert said == (
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Later": supported values: '
        '"Foreground", "Background", "Orphan", "nil"'
    )


# -- namespaces ----------------------------------------------------------------------------------------------------


def test_a_namespace_goes_when_its_content_is_gone(small: Small) -> None:
    owned(small, "held", finalizers=("example.com/hold",))
    small.api.create(MAPS, "x", config("a"), ME)
    small.api.create(PODS, "x", pod("p", nodeName="n"), ME)
    small.api.delete(NAMESPACES, "", "x", ME)
    small.manager.drain()
    assert small.api.get(PODS, "x", "p")["metadata"]["deletionTimestamp"]
    assert left(small) == ["a", "held"], "the pods go first"
    small.api.delete(PODS, "x", "p", ME, grace=0)
    assert left(small) == ["held"]
    said = {entry["type"]: entry for entry in small.api.get(NAMESPACES, "", "x")["status"]["conditions"]}
    remaining, finalizers = said["NamespaceContentRemaining"], said["NamespaceFinalizersRemaining"]
    assert (remaining["status"], remaining["reason"]) == ("True", "SomeResourcesRemain")
    assert remaining["message"] == "Some resources are remaining: configmaps. has 1 resource instances"
    assert finalizers["message"] == (
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    )
    assert said["NamespaceDeletionContentFailure"]["status"] == "False"
    small.api.patch(MAPS, "x", "held", "merge", {"metadata": {"finalizers": None}}, ME)
    small.manager.drain()
    assert small.store.get("namespaces", "", "x") is None


def test_an_empty_namespace_goes_at_once_and_may_come_again(small: Small) -> None:
    first = small.api.get(NAMESPACES, "", "x")["metadata"]["uid"]
    answer = small.api.delete(NAMESPACES, "", "x", ME)
    assert (answer["kind"], answer["status"]["phase"]) == ("Namespace", "Terminating")
    with pytest.raises(ApiError) as caught:
        small.api.create(MAPS, "x", config("a"), ME)
    assert caught.value.details is not None
    assert caught.value.details["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": "namespace x is being terminated",
            "field": "metadata.namespace",
        }
    ]
    small.manager.drain()
    assert small.store.at(Ref("namespaces", "", "x")) is None
    again = small.api.create(NAMESPACES, "", {"metadata": {"name": "x"}}, ME)
    assert again["metadata"]["uid"] != first
