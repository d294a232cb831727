"""Faults are typed, listed, taken back, and meet what they are about."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mcp_tools.targets.sandbox.faults import ApiFault, ContainerFault, DnsFault, Faults, ImageFault, NodePressure, read
from mcp_tools.targets.sandbox.node.behaviour import Behaviour
from mcp_tools.targets.sandbox.store import Store

POD = {"kind": "Pod", "metadata": {"name": "web-1", "namespace": "todo", "labels": {"app": "web", "tier": "front"}}}
BOX = {"name": "main", "image": "app:1"}


@pytest.fixture
def faults() -> Faults:
    return Faults(Store())


def test_gives_names_and_lists_them(faults: Faults) -> None:
    assert faults.inject(DnsFault()) == "dns-1"
    assert faults.inject(DnsFault(names=["db"])) == "dns-2"
    assert faults.inject(NodePressure(name="short", pressure="disk")) == "short"
    assert [fault.name for fault in faults.list()] == ["dns-1", "dns-2", "short"]


def test_takes_one_or_all_back(faults: Faults) -> None:
    for _ in range(3):
        faults.inject(DnsFault())
    assert faults.clear("dns-2") == 1 and faults.clear("dns-2") == 0
    assert faults.clear() == 2 and faults.list() == []


def test_one_of_the_same_name_takes_its_place(faults: Faults) -> None:
    faults.inject(NodePressure(name="short", pressure="disk"))
    faults.inject(NodePressure(name="short", pressure="memory"))
    assert faults.pressures("minikube") == {"memory"}
    assert faults.pressures("other") == set()


@pytest.mark.parametrize(
    ("selector", "hits"),
    [
        ({}, True),
        ({"namespace": "todo", "pod": "web-1", "container": "main", "image": "app:1"}, True),
        ({"pod": "web-*"}, True),
        ({"labels": {"app": "web"}}, True),
        ({"labels": {"app": "db"}}, False),
        ({"namespace": "other"}, False),
        ({"pod": "web"}, False),
        ({"image": "app:2"}, False),
        ({"container": "side"}, False),
    ],
)
def test_meets_the_containers_that_it_selects(faults: Faults, selector: dict, hits: bool) -> None:
    faults.inject(ContainerFault(behaviour=Behaviour(ports=[1]), **selector))
    assert (faults.behaviour(POD, BOX) is not None) == hits


def test_an_api_fault_is_met_so_many_times(faults: Faults) -> None:
    faults.inject(ApiFault(verbs=["create"], resources=["pods"], code=500, times=2))
    found = [faults.api("create", "pods", "todo") is not None for _ in range(3)]
    assert found == [True, True, False]
    assert faults.api("get", "pods", "todo") is None


def test_image_and_dns_faults(faults: Faults) -> None:
    faults.inject(ImageFault(image="app:*"))
    faults.inject(DnsFault(names=["db"], effect="timeout"))
    assert faults.image("app:1") is not None and faults.image("other:1") is None
    found = faults.dns("db")
    assert found is not None and found.effect == "timeout" and faults.dns("web") is None


def test_is_seen_by_another_view_of_the_same_store() -> None:
    store = Store()
    Faults(store).inject(DnsFault())
    assert Faults(store).dns("anything") is not None


def test_reads_json_and_refuses_what_it_does_not_know() -> None:
    assert read({"kind": "node", "pressure": "pid"}) == NodePressure(pressure="pid")
    for wrong in ({"kind": "node"}, {"kind": "else"}, {"kind": "dns", "extra": 1}, {"kind": "dns", "name": "A b"}):
        with pytest.raises(ValidationError):
            read(wrong)
