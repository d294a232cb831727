"""Strategic merge patches, as the documentation of Kubernetes and kubectl's patches use them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mcp_tools.targets.sandbox import kinds, patch
from mcp_tools.targets.sandbox.errors import ApiError

DEPLOYMENTS, PODS, SERVICES = kinds.by_key("deployments.apps"), kinds.by_key("pods"), kinds.by_key("services")
SECRETS, ACCOUNTS = kinds.by_key("secrets"), kinds.by_key("serviceaccounts")


def pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}


def patched(given: Any, **spec: Any) -> Any:
    """A pod's spec after a patch of its spec; neither is changed by that."""
    before = pod(**spec)
    kept = copy.deepcopy((before, given))
    found = patch.strategic(PODS, before, {"spec": given})["spec"]
    assert (before, given) == kept
    return found


NGINX, REDIS, SIDE = (
    {"name": "nginx", "image": "nginx"},
    {"name": "redis", "image": "redis"},
    {"name": "side", "image": "s"},
)


def test_lists_with_a_key_are_merged_by_it() -> None:
    """https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/"""
    found = patched({"containers": [{"name": "redis", "image": "redis"}]}, containers=[NGINX])
    assert found["containers"] == [REDIS, NGINX]


def test_an_item_of_the_same_key_is_merged_field_by_field() -> None:
    found = patched(
        {"containers": [{"name": "nginx", "image": "nginx:2", "env": [{"name": "B", "value": "2"}]}]},
        containers=[{**NGINX, "command": ["x"], "env": [{"name": "A", "value": "1"}]}],
    )
    assert found["containers"] == [
        {
            "name": "nginx",
            "image": "nginx:2",
            "command": ["x"],
            "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
        }
    ]


def test_lists_without_a_strategy_are_replaced() -> None:
    found = patched({"tolerations": [{"key": "b"}]}, tolerations=[{"key": "a"}])
    assert found["tolerations"] == [{"key": "b"}]
    found = patched(
        {"containers": [{"name": "nginx", "command": ["c"]}]}, containers=[{**NGINX, "command": ["a", "b"]}]
    )
    assert found["containers"][0]["command"] == ["c"]


def test_null_removes_a_field() -> None:
    assert patched({"nodeName": None, "hostname": None}, nodeName="n", containers=[]) == {"containers": []}


def test_patch_delete_removes_an_item() -> None:
    found = patched({"containers": [{"name": "nginx", "$patch": "delete"}]}, containers=[NGINX, REDIS])
    assert found["containers"] == [REDIS]


def test_patch_delete_removes_a_map() -> None:
    assert patched({"securityContext": {"$patch": "delete"}}, securityContext={"runAsUser": 1}) == {
        "securityContext": {}
    }


def test_patch_replace_replaces_a_map() -> None:
    found = patched({"securityContext": {"$patch": "replace", "fsGroup": 2}}, securityContext={"runAsUser": 1})
    assert found == {"securityContext": {"fsGroup": 2}}


def test_patch_replace_replaces_a_list() -> None:
    found = patched({"containers": [REDIS, {"$patch": "replace"}]}, containers=[NGINX, SIDE])
    assert found["containers"] == [REDIS]


def test_patch_merge_is_what_happens_anyway() -> None:
    found = patched({"securityContext": {"$patch": "merge", "fsGroup": 2}}, securityContext={"runAsUser": 1})
    assert found == {"securityContext": {"runAsUser": 1, "fsGroup": 2}}


def test_retain_keys_clears_the_rest() -> None:
    """A Deployment that goes from RollingUpdate to Recreate."""
    live = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "30%"}}}}
    given = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert patch.strategic(DEPLOYMENTS, live, given) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_retain_keys_of_a_volume() -> None:
    found = patched(
        {"volumes": [{"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}]},
        volumes=[{"name": "v", "hostPath": {"path": "/x"}}],
    )
    assert found["volumes"] == [{"name": "v", "emptyDir": {}}]


def test_delete_from_primitive_list() -> None:
    live = {"metadata": {"name": "x", "finalizers": ["a", "b", "c"]}}
    found = patch.strategic(PODS, live, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["b"]}})
    assert found["metadata"]["finalizers"] == ["a", "c"]


def test_a_list_of_scalars_with_the_strategy_merge_is_a_set() -> None:
    live = {"metadata": {"finalizers": ["a", "b"]}}
    found = patch.strategic(PODS, live, {"metadata": {"finalizers": ["b", "c"]}})
    assert sorted(found["metadata"]["finalizers"]) == ["a", "b", "c"]


def test_delete_and_add_of_scalars_with_their_order() -> None:
    live = {"metadata": {"finalizers": ["a", "b"]}}
    given = {
        "metadata": {
            "$deleteFromPrimitiveList/finalizers": ["a"],
            "$setElementOrder/finalizers": ["c", "b"],
            "finalizers": ["c"],
        }
    }
    assert patch.strategic(PODS, live, given)["metadata"]["finalizers"] == ["c", "b"]


ORDERS = {
    "the order asked for": (["nginx", "redis"], ["redis", "nginx"], [], ["redis", "nginx"]),
    "a new item in its place": (["nginx", "side"], ["nginx", "redis", "side"], ["redis"], ["nginx", "redis", "side"]),
    "one that only the server has stays in front of what it stood before": (
        ["side", "nginx"],
        ["nginx", "redis"],
        ["redis"],
        ["side", "nginx", "redis"],
    ),
    "one that only the server has stays behind what it stood behind": (
        ["nginx", "side"],
        ["redis", "nginx"],
        ["redis"],
        ["redis", "nginx", "side"],
    ),
}


@pytest.mark.parametrize(("live", "order", "added", "expected"), ORDERS.values(), ids=ORDERS)
def test_set_element_order(live: list[str], order: list[str], added: list[str], expected: list[str]) -> None:
    given: dict[str, Any] = {"$setElementOrder/containers": [{"name": name} for name in order]}
    if added:
        given["containers"] = [{"name": name, "image": name} for name in added]
    found = patched(given, containers=[{"name": name, "image": name} for name in live])
    assert [container["name"] for container in found["containers"]] == expected


def test_an_order_and_a_deletion_together() -> None:
    """What kubectl apply sends when a container goes and another comes."""
    found = patched(
        {
            "$setElementOrder/containers": [{"name": "redis"}, {"name": "side"}],
            "containers": [{"name": "redis", "image": "redis:2"}, SIDE, {"name": "nginx", "$patch": "delete"}],
        },
        containers=[NGINX, REDIS],
    )
    assert found["containers"] == [{"name": "redis", "image": "redis:2"}, SIDE]


def test_an_order_for_a_list_that_is_not_there_says_nothing() -> None:
    assert patched({"$setElementOrder/volumes": [{"name": "v"}]}, containers=[NGINX]) == {"containers": [NGINX]}


def test_ports_are_merged_by_their_number() -> None:
    live = {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}}
    found = patch.strategic(SERVICES, live, {"spec": {"ports": [{"port": 81, "targetPort": 8081}]}})
    assert {port["port"]: port for port in found["spec"]["ports"]} == {
        80: {"port": 80, "name": "a"},
        81: {"port": 81, "name": "b", "targetPort": 8081},
    }


def test_maps_of_strings_are_merged() -> None:
    live = {"data": {"a": "MQ==", "b": "Mg=="}, "metadata": {"labels": {"x": "1", "y": "2"}}}
    given = {"data": {"b": None, "c": "Mw=="}, "metadata": {"labels": {"x": "3"}}}
    assert patch.strategic(SECRETS, live, given) == {
        "data": {"a": "MQ==", "c": "Mw=="},
        "metadata": {"labels": {"x": "3", "y": "2"}},
    }


def test_nulls_in_what_is_new_say_nothing() -> None:
    found = patched({"affinity": {"nodeAffinity": None, "podAffinity": {}}}, containers=[])
    assert found["affinity"] == {"podAffinity": {}}


def test_directives_in_a_new_list_are_unknown_fields() -> None:
    found = patched({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "$patch": "delete"}]}, containers=[])
    assert found["volumes"] == [{"name": "v", "emptyDir": {}}, {"name": "w", "$patch": "delete"}]


def test_image_pull_secrets_are_merged_by_name() -> None:
    found = patched({"imagePullSecrets": [{"name": "b"}]}, imagePullSecrets=[{"name": "a"}])
    assert found == {"imagePullSecrets": [{"name": "b"}, {"name": "a"}]}
    live = {"imagePullSecrets": [{"name": "a"}], "secrets": [{"name": "a"}]}
    found = patch.strategic(ACCOUNTS, live, {"imagePullSecrets": [{"name": "b"}], "secrets": [{"name": "b"}]})
    assert found == {"imagePullSecrets": [{"name": "b"}], "secrets": [{"name": "b"}, {"name": "a"}]}


REFUSED = {
    "an item without its key": (
        {"containers": [{"image": "x"}]},
        (500, "map: map[image:x] does not contain declared merge key: name"),
    ),
    "an unknown directive": (
        {"securityContext": {"$patch": "spam"}},
        (500, "unknown patch type: spam in map: map[$patch:spam]"),
    ),
    "a directive of an item that is unknown": (
        {"containers": [{"$patch": "spam", "name": "a"}]},
        (500, "unknown patch type: spam in map: map[$patch:spam name:a]"),
    ),
    "retained keys without what is patched": (
        {"securityContext": {"$retainKeys": ["a"], "b": 1}},
        (400, "invalid patch format of retainKeys"),
    ),
    "retained keys that are no list": (
        {"securityContext": {"$retainKeys": "a"}},
        (400, "invalid patch format of retainKeys"),
    ),
    "an order of nothing": ({"$setElementOrder": []}, (400, "invalid patch format of setElementOrder list")),
    "a deletion from nothing": ({"$deleteFromPrimitiveList": []}, (400, "invalid patch format of primitive list")),
}


@pytest.mark.parametrize(("given", "said"), REFUSED.values(), ids=REFUSED)
def test_patches_that_are_none(given: Any, said: tuple[int, str]) -> None:
    with pytest.raises(ApiError) as refused:
        patched(given, containers=[NGINX], securityContext={"runAsUser": 1})
    assert (refused.value.code, refused.value.message) == said


def test_an_order_that_the_patch_does_not_follow_is_refused() -> None:
    given = {
        "$setElementOrder/containers": [{"name": "a"}, {"name": "b"}],
        "containers": [{"name": "b"}, {"name": "a"}],
    }
    with pytest.raises(ApiError, match="The order in patch list"):
        patched(given, containers=[NGINX])


def test_lists_of_different_items_are_refused() -> None:
    with pytest.raises(ApiError, match="list element types are not identical"):
        patched({"containers": ["x"]}, containers=[NGINX])


def test_lists_of_lists_are_refused() -> None:
    with pytest.raises(ApiError) as refused:
        patched({"containers": [[]]}, containers=[NGINX])
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")


def test_a_custom_resource_has_no_strategic_merge() -> None:
    kind = kinds.Kind("a.io", "v1", "Thing", "things", "thing", True, frozenset({"patch"}))
    with pytest.raises(ApiError) as refused:
        patch.strategic(kind, {}, {})
    assert refused.value.code == 415


def test_a_body_that_is_no_object_is_a_bad_request() -> None:
    with pytest.raises(ApiError) as refused:
        patch.strategic(PODS, {}, [])
    assert refused.value.code == 400
