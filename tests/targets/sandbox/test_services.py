"""Services get addresses and ports, and their endpoints follow the pods."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from tests.targets.sandbox.workbench import BEHAVIOUR, Bench, deployment, pod_spec

SLICES = "endpointslices.discovery.k8s.io"
PORTS = [{"name": "http", "containerPort": 8080}]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": "http"}]
    return {
        "metadata": {"name": name, "labels": {"x": "y"}},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


def test_an_address_of_the_network_is_given(bench: Bench) -> None:
    spec = bench.create("services", service())["spec"]
    assert spec["clusterIP"].startswith("10.")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


def test_an_address_is_given_once(bench: Bench) -> None:
    bench.create("services", service("a", clusterIP="10.96.7.7"))
    with pytest.raises(ApiError) as caught:
        bench.create("services", service("b", clusterIP="10.96.7.7"))
    assert caught.value.code == 422
    assert caught.value.message.endswith("failed to allocate IP 10.96.7.7: provided IP is already allocated")


def test_headless_and_external_services_have_none(bench: Bench) -> None:
    assert bench.create("services", service("a", clusterIP="None"))["spec"]["clusterIPs"] == ["None"]
    made = bench.create(
        "services", {"metadata": {"name": "b"}, "spec": {"type": "ExternalName", "externalName": "x.y"}}
    )
    assert "clusterIP" not in made["spec"]


def test_the_range_of_ports_is_not_looked_at_when_nothing_is_allocated(bench: Bench) -> None:
    kind = kinds.by_key("services")
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        **service("a", type="NodePort", ports=[{"port": 80, "nodePort": 80}]),
    }
    made = bench.api.create(kind, "default", body, Request(dry_run=True))
    assert made["spec"]["ports"][0]["nodePort"] == 80
    with pytest.raises(ApiError) as caught:
        bench.api.create(kind, "default", body, Request())
    assert caught.value.message.endswith("The range of valid ports is 30000-32767")


def test_a_port_of_the_node_is_given_once(bench: Bench) -> None:
    made = bench.create("services", service("a", type="NodePort"))
    assert 30000 <= made["spec"]["ports"][0]["nodePort"] <= 32767
    bench.create("services", service("b", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    with pytest.raises(ApiError) as caught:
        bench.create("services", service("c", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    assert caught.value.message == (
        'Service "c" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated'
    )
    with pytest.raises(ApiError) as caught:
        bench.create("services", service("d", type="NodePort", ports=[{"port": 80, "nodePort": 8080}]))
    assert caught.value.message == (
        'Service "d" is invalid: spec.ports[0].nodePort: Invalid value: 8080: provided port is not in the valid range. '
        "The range of valid ports is 30000-32767"
    )


def test_a_service_keeps_its_address_and_gets_ports_when_its_type_changes(bench: Bench) -> None:
    before = bench.create("services", service())
    after = bench.update("services", "web", lambda obj: obj["spec"].update({"type": "NodePort"}))
    assert after["spec"]["clusterIP"] == before["spec"]["clusterIP"]
    assert after["spec"]["ports"][0]["nodePort"] >= 30000
    after = bench.update("services", "web", lambda obj: obj["spec"].update({"type": "ClusterIP"}))
    assert "nodePort" not in after["spec"]["ports"][0]


def test_endpoints_follow_the_pods(bench: Bench) -> None:
    bench.create("services", service())
    bench.settle()
    (empty,) = [each for each in bench.all(SLICES) if each["metadata"]["name"].startswith("web-")]
    assert (empty["endpoints"], empty["ports"], empty["metadata"]["generation"]) == (None, None, 1)
    bench.create("deployments.apps", deployment(replicas=2, container={"ports": PORTS}))
    bench.settle(5)
    found = bench.get("endpoints", "web")
    assert found["metadata"]["labels"] == {"x": "y", "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    (subset,) = found["subsets"]
    assert subset["ports"] == [{"port": 8080, "protocol": "TCP"}]
    assert {each["targetRef"]["name"] for each in subset["addresses"]} == {
        p["metadata"]["name"] for p in bench.all("pods")
    }
    (slice_,) = [each for each in bench.all(SLICES) if each["metadata"]["name"].startswith("web-")]
    assert slice_["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert slice_["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    assert [each["conditions"] for each in slice_["endpoints"]] == [
        {"ready": True, "serving": True, "terminating": False}
    ] * 2
    bench.delete("deployments.apps", "web")
    bench.settle(5)
    assert "subsets" not in bench.get("endpoints", "web")
    bench.delete("services", "web")
    bench.settle()
    assert bench.store.get("endpoints", "default", "web") is None
    assert not [each for each in bench.all(SLICES) if each["metadata"]["name"].startswith("web-")]


@pytest.mark.parametrize("publish", [False, True])
def test_pods_that_are_not_ready(bench: Bench, publish: bool) -> None:
    bench.create("services", service(ports=[{"port": 80}], publishNotReadyAddresses=publish))
    bench.create(
        "pods",
        {
            "metadata": {"name": "p", "labels": {"app": "web"}, "annotations": {BEHAVIOUR: "running"}},
            "spec": pod_spec(),
        },
    )
    bench.settle(5)
    (subset,) = bench.get("endpoints", "web")["subsets"]
    assert list(subset) == ["addresses" if publish else "notReadyAddresses", "ports"]
    (slice_,) = [each for each in bench.all(SLICES) if each["metadata"]["name"].startswith("web-")]
    assert slice_["endpoints"][0]["conditions"] == {"ready": publish, "serving": False, "terminating": False}


def test_a_port_name_that_no_container_has_leads_nowhere(bench: Bench) -> None:
    bench.create("services", service())
    bench.create("deployments.apps", deployment())
    bench.settle(5)
    assert "subsets" not in bench.get("endpoints", "web")


def test_endpoints_of_a_service_without_selector_are_copied(bench: Bench) -> None:
    bench.create("services", {"metadata": {"name": "db"}, "spec": {"ports": [{"port": 5432}]}})
    subsets = [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 5432}]}]
    bench.create("endpoints", {"metadata": {"name": "db"}, "subsets": subsets})
    bench.settle()
    (slice_,) = [each for each in bench.all(SLICES) if each["metadata"]["name"].startswith("db-")]
    assert slice_["endpoints"][0]["addresses"] == ["192.0.2.7"]
    assert slice_["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == (
        "endpointslicemirroring-controller.k8s.io"
    )


def test_endpoints_without_a_service_are_left_alone(bench: Bench) -> None:
    bench.create("endpoints", {"metadata": {"name": "mine"}, "subsets": [{"addresses": [{"ip": "192.0.2.7"}]}]})
    bench.settle(5)
    assert bench.get("endpoints", "mine")
