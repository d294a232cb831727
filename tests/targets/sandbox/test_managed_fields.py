"""Managed fields and server-side apply."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from mcp_tools.targets.sandbox import apply, defaults, kinds, schema
from mcp_tools.targets.sandbox.errors import ApiError

DEPLOYMENTS, MAPS = kinds.by_key("deployments.apps"), kinds.by_key("configmaps")
PODS, SERVICES = kinds.by_key("pods"), kinds.by_key("services")
T1, T2, T3 = "2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z", "2025-01-03T00:00:00Z"
Obj = dict[str, Any]


def decoded(kind: kinds.Kind, obj: Obj) -> Obj:
    """As it is stored, without what the registry adds."""
    obj = copy.deepcopy(obj)
    schema.structural(kind, obj, "Strict", [])
    defaults.apply(kind, obj)
    return obj


def created(kind: kinds.Kind, obj: Obj, manager: str = "creator", time: str = T1) -> Obj:
    made = decoded(kind, obj)
    apply.updated(kind, None, made, manager, time)
    return made


def updated(kind: kinds.Kind, old: Obj, manager: str, time: str = T2, subresource: str = "", **changes: Any) -> Obj:
    new = {**copy.deepcopy(old), **changes}
    apply.updated(kind, old, new, manager, time, subresource)
    return new


def applied(kind: kinds.Kind, live: Obj | None, obj: Obj, manager: str, *, force: bool = False, time: str = T2) -> Obj:
    return decoded(kind, apply.apply(kind, live, obj, manager, force, time))


def config(data: dict[str, str] | None = None, **labels: str) -> Obj:
    found: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "d"}}
    if labels:
        found["metadata"]["labels"] = labels
    if data is not None:
        found["data"] = data
    return found


def deployment(replicas: int | None = 2, **container: Any) -> Obj:
    spec: Obj = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "nginx", **container}]},
        },
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "d"}, "spec": spec}


def owners(obj: Obj) -> list[tuple[str, str, str]]:
    return [(e["manager"], e["operation"], e.get("time", "")) for e in obj["metadata"].get("managedFields", [])]


def fields(obj: Obj, manager: str) -> Any:
    return next(e["fieldsV1"] for e in obj["metadata"]["managedFields"] if e["manager"] == manager)


# -- create and update -------------------------------------------------------------------------------------------------


def test_a_new_object_is_owned_by_who_made_it() -> None:
    """As `kubectl create deployment` shows it on a real cluster."""
    found = created(DEPLOYMENTS, deployment(ports=[{"containerPort": 80}]), "kubectl-create")
    assert found["metadata"]["managedFields"] == [
        {
            "manager": "kubectl-create",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "time": T1,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:spec": {
                    "f:progressDeadlineSeconds": {},
                    "f:replicas": {},
                    "f:revisionHistoryLimit": {},
                    "f:selector": {},
                    "f:strategy": {
                        "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}},
                        "f:type": {},
                    },
                    "f:template": {
                        "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                        "f:spec": {
                            "f:containers": {
                                'k:{"name":"c"}': {
                                    ".": {},
                                    "f:image": {},
                                    "f:imagePullPolicy": {},
                                    "f:name": {},
                                    "f:ports": {
                                        ".": {},
                                        'k:{"containerPort":80,"protocol":"TCP"}': {
                                            ".": {},
                                            "f:containerPort": {},
                                            "f:protocol": {},
                                        },
                                    },
                                    "f:resources": {},
                                    "f:terminationMessagePath": {},
                                    "f:terminationMessagePolicy": {},
                                }
                            },
                            "f:dnsPolicy": {},
                            "f:restartPolicy": {},
                            "f:schedulerName": {},
                            "f:securityContext": {},
                            "f:terminationGracePeriodSeconds": {},
                        },
                    },
                }
            },
        }
    ]


def test_an_update_takes_what_it_changes() -> None:
    live = created(MAPS, config({"a": "1", "b": "1"}))
    found = updated(MAPS, live, "other", data={"a": "2", "b": "1"})
    assert fields(found, "creator") == {"f:data": {".": {}, "f:b": {}}}
    assert fields(found, "other") == {"f:data": {"f:a": {}}}
    assert owners(found) == [("creator", "Update", T1), ("other", "Update", T2)]


def test_what_is_removed_has_no_owner() -> None:
    live = created(MAPS, config({"a": "1", "b": "1"}))
    found = updated(MAPS, live, "other", data={"b": "1"})
    assert owners(found) == [("creator", "Update", T1)]
    assert fields(found, "creator") == {"f:data": {".": {}, "f:b": {}}}


def test_an_update_that_changes_nothing_keeps_the_time() -> None:
    live = created(MAPS, config({"a": "1"}))
    assert updated(MAPS, live, "creator")["metadata"] == live["metadata"]
    assert updated(MAPS, live, "other")["metadata"] == live["metadata"]


def test_the_same_manager_has_one_entry() -> None:
    live = created(MAPS, config({"a": "1"}))
    found = updated(MAPS, live, "creator", data={"a": "1", "b": "2"})
    assert owners(found) == [("creator", "Update", T2)]
    assert fields(found, "creator") == {"f:data": {".": {}, "f:a": {}, "f:b": {}}}


def test_the_status_has_an_entry_of_its_own() -> None:
    live = created(DEPLOYMENTS, deployment())
    found = updated(DEPLOYMENTS, live, "creator", subresource="status", status={"replicas": 1})
    entries = found["metadata"]["managedFields"]
    assert [entry.get("subresource") for entry in entries] == [None, "status"]
    assert entries[1]["fieldsV1"] == {"f:status": {"f:replicas": {}}}


def test_a_status_in_an_update_of_the_object_is_not_owned() -> None:
    live = created(DEPLOYMENTS, deployment())
    found = updated(DEPLOYMENTS, live, "other", status={"replicas": 1})
    assert owners(found) == [("creator", "Update", T1)]


def test_conditions_are_owned_by_their_type() -> None:
    live = created(DEPLOYMENTS, deployment())
    status = {"conditions": [{"type": "Available", "status": "True"}]}
    found = updated(DEPLOYMENTS, live, "controller", subresource="status", status=status)
    assert fields(found, "controller") == {
        "f:status": {
            "f:conditions": {
                ".": {},
                'k:{"type":"Available"}': {".": {}, "f:status": {}, "f:type": {}},
            }
        }
    }


def test_finalizers_are_owned_by_their_value() -> None:
    obj = config({})
    obj["metadata"]["finalizers"] = ["a/b"]
    assert fields(created(MAPS, obj), "creator") == {"f:metadata": {"f:finalizers": {".": {}, 'v:"a/b"': {}}}}


def test_owner_references_are_owned_by_their_uid() -> None:
    obj = config({})
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
    obj["metadata"]["ownerReferences"] = [owner]
    assert fields(created(MAPS, obj), "creator") == {
        "f:metadata": {"f:ownerReferences": {".": {}, 'k:{"uid":"u"}': {}}}
    }


def test_the_client_may_write_them_itself() -> None:
    """kubectl moves the fields of client-side apply to its own entry by a patch."""
    live = created(MAPS, config({"a": "1"}), "kubectl-client-side-apply")
    new = copy.deepcopy(live)
    new["metadata"]["managedFields"][0].update(manager="kubectl", operation="Apply")
    apply.updated(MAPS, live, new, "kubectl-patch", T2)
    assert owners(new) == [("kubectl", "Apply", T1)]


def test_one_empty_entry_ends_the_tracking() -> None:
    live = created(MAPS, config({"a": "1"}))
    new = copy.deepcopy(live)
    new["metadata"]["managedFields"] = [{}]
    apply.updated(MAPS, live, new, "creator", T2)
    assert "managedFields" not in new["metadata"]
    after = updated(MAPS, new, "other", data={"a": "2"})
    assert "managedFields" not in after["metadata"]


def test_a_client_that_leaves_them_out_does_not_delete_them() -> None:
    live = created(MAPS, config({"a": "1"}))
    new = copy.deepcopy(live)
    del new["metadata"]["managedFields"]
    apply.updated(MAPS, live, new, "other", T2)
    assert owners(new) == [("creator", "Update", T1)]


def test_the_oldest_updaters_are_merged() -> None:
    live = created(MAPS, config({"k0": "0"}), "m0")
    for index in range(1, 13):
        data = {**live["data"], f"k{index}": "1"}
        live = updated(MAPS, live, f"m{index}", f"2025-02-{index:02d}T00:00:00Z", data=data)
    names = [name for name, _, _ in owners(live)]
    assert len(names) == 10
    assert "ancient-changes" in names
    assert set(fields(live, "ancient-changes")["f:data"]) == {".", "f:k0", "f:k1", "f:k2", "f:k3"}


# -- apply -------------------------------------------------------------------------------------------------------------


def test_apply_creates() -> None:
    found = applied(DEPLOYMENTS, None, deployment(), "me")
    assert owners(found) == [("me", "Apply", T2)]
    assert fields(found, "me") == {
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {"f:a": {}}},
                "f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:image": {}, "f:name": {}}}},
            },
        }
    }


def test_apply_again_changes_nothing() -> None:
    live = applied(DEPLOYMENTS, None, deployment(), "me")
    assert applied(DEPLOYMENTS, live, deployment(), "me", time=T3) == live


def test_a_conflict_names_who_and_what() -> None:
    live = created(DEPLOYMENTS, deployment(), "kubectl-client-side-apply")
    with pytest.raises(ApiError) as refused:
        applied(DEPLOYMENTS, live, deployment(3), "me")
    status = refused.value.status()
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == (
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas'
    )
    assert status["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-client-side-apply" using apps/v1',
            "field": ".spec.replicas",
        }
    ]


def test_conflicts_are_grouped_by_manager() -> None:
    live = created(DEPLOYMENTS, deployment(), "b")
    live = applied(DEPLOYMENTS, live, {**deployment(), "spec": {"minReadySeconds": 1}}, "a")
    with pytest.raises(ApiError) as refused:
        applied(
            DEPLOYMENTS,
            live,
            {**deployment(3, image="n2"), "spec": {**deployment(3, image="n2")["spec"], "minReadySeconds": 2}},
            "me",
        )
    assert refused.value.message == (
        'Apply failed with 3 conflicts: conflicts with "a":\n'
        "- .spec.minReadySeconds\n"
        'conflicts with "b" using apps/v1:\n'
        "- .spec.replicas\n"
        '- .spec.template.spec.containers[name="c"].image'
    )
    assert refused.value.details is not None
    assert len(refused.value.details["causes"]) == 3


def test_force_takes_the_fields() -> None:
    live = created(DEPLOYMENTS, deployment(), "other")
    found = applied(DEPLOYMENTS, live, {**deployment(), "spec": {"replicas": 3}}, "me", force=True)
    assert found["spec"]["replicas"] == 3
    assert fields(found, "me") == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in fields(found, "other")["f:spec"]


def test_the_same_value_is_shared() -> None:
    live = applied(MAPS, None, config({"a": "1", "b": "1"}), "one")
    found = applied(MAPS, live, config({"a": "1"}), "two", time=T3)
    assert fields(found, "one") == {"f:data": {"f:a": {}, "f:b": {}}}
    assert fields(found, "two") == {"f:data": {"f:a": {}}}
    assert owners(found) == [("two", "Apply", ""), ("one", "Apply", T2)], "what changes nothing has no time"
    gone = applied(MAPS, found, config({"b": "1"}), "one", time=T3)
    assert gone["data"] == {"a": "1", "b": "1"}
    assert fields(gone, "one") == {"f:data": {"f:b": {}}}


def test_what_is_not_applied_any_more_is_removed() -> None:
    live = applied(MAPS, None, config({"a": "1", "b": "1"}, x="1"), "me")
    found = applied(MAPS, live, config({"a": "1"}), "me", time=T3)
    assert found["data"] == {"a": "1"}
    assert "labels" not in found["metadata"]
    assert owners(found) == [("me", "Apply", T3)]


def test_the_name_stays_when_nothing_else_of_the_metadata_is_applied_any_more() -> None:
    live = applied(MAPS, None, config({"a": "1"}, x="1"), "me")
    live["metadata"]["uid"] = "u"
    found = applied(MAPS, live, config({"a": "1"}), "me", time=T3)
    assert (found["metadata"]["name"], found["metadata"]["uid"]) == ("x", "u")


def test_what_others_own_stays_when_it_is_not_applied_any_more() -> None:
    live = applied(DEPLOYMENTS, None, deployment(2), "me")
    scaled = updated(DEPLOYMENTS, live, "hpa", spec={**live["spec"], "replicas": 5})
    found = applied(DEPLOYMENTS, scaled, deployment(None), "me", time=T3)
    assert found["spec"]["replicas"] == 5
    assert "f:replicas" not in fields(found, "me")["f:spec"]


def test_what_was_defaulted_comes_back_when_it_is_not_applied_any_more() -> None:
    live = applied(DEPLOYMENTS, None, deployment(4), "me")
    assert applied(DEPLOYMENTS, live, deployment(None), "me", time=T3)["spec"]["replicas"] == 1


def test_an_item_that_is_not_applied_any_more_goes_with_its_defaults() -> None:
    two = deployment()
    two["spec"]["template"]["spec"]["containers"].append({"name": "d", "image": "side"})
    live = applied(DEPLOYMENTS, None, two, "me")
    assert len(live["spec"]["template"]["spec"]["containers"]) == 2
    found = applied(DEPLOYMENTS, live, deployment(), "me", time=T3)
    assert [each["name"] for each in found["spec"]["template"]["spec"]["containers"]] == ["c"]


def test_an_item_of_another_owner_stays() -> None:
    live = applied(DEPLOYMENTS, None, deployment(env=[{"name": "A", "value": "1"}]), "me")
    extra: Obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x", "namespace": "d"},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "B", "value": "2"}]}]}}},
    }
    both = applied(DEPLOYMENTS, live, extra, "injector", time=T3)
    assert [each["name"] for each in both["spec"]["template"]["spec"]["containers"][0]["env"]] == ["A", "B"]
    found = applied(DEPLOYMENTS, both, deployment(), "me", time=T3)
    assert [each["name"] for each in found["spec"]["template"]["spec"]["containers"][0]["env"]] == ["B"]
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx"


def test_an_atomic_list_has_one_owner() -> None:
    live = applied(DEPLOYMENTS, None, deployment(command=["a", "b"]), "me")
    with pytest.raises(ApiError) as refused:
        applied(DEPLOYMENTS, live, deployment(command=["a"]), "you")
    assert '.spec.template.spec.containers[name="c"].command' in refused.value.message


def test_ports_without_a_protocol_are_the_same_as_with_tcp() -> None:
    live = applied(DEPLOYMENTS, None, deployment(ports=[{"containerPort": 80}]), "me")
    found = applied(DEPLOYMENTS, live, deployment(ports=[{"containerPort": 80, "name": "http"}]), "me", time=T3)
    assert found["spec"]["template"]["spec"]["containers"][0]["ports"] == [
        {"containerPort": 80, "protocol": "TCP", "name": "http"}
    ]


def test_an_object_without_managers_belongs_to_before_first_apply() -> None:
    live = decoded(MAPS, config({"a": "1", "b": "1"}))
    with pytest.raises(ApiError) as refused:
        applied(MAPS, live, config({"a": "2"}), "me")
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a'
    )
    found = applied(MAPS, live, config({"a": "2"}), "me", force=True)
    assert owners(found) == [("me", "Apply", T2), ("before-first-apply", "Update", T2)]
    assert fields(found, "before-first-apply") == {"f:data": {".": {}, "f:b": {}}}


def test_kubectl_takes_over_what_client_side_apply_wrote() -> None:
    last = json.dumps(config({"a": "1"}))
    obj = config({"a": "1", "b": "1"})
    obj["metadata"]["annotations"] = {apply.LAST_APPLIED: last}
    live = created(MAPS, obj, "kubectl-client-side-apply")
    found = applied(MAPS, live, config({"a": "2"}), "kubectl")
    assert found["data"]["a"] == "2"
    assert json.loads(found["metadata"]["annotations"][apply.LAST_APPLIED])["data"] == {"a": "2"}
    with pytest.raises(ApiError, match="conflict"):
        applied(MAPS, live, config({"a": "2"}), "me")
    with pytest.raises(ApiError) as refused:
        applied(MAPS, live, config({"a": "2", "b": "2"}), "kubectl")
    assert refused.value.message.endswith(": .data.b")


def test_managed_fields_cannot_be_applied() -> None:
    obj = config({})
    obj["metadata"]["managedFields"] = [{"manager": "x"}]
    with pytest.raises(ApiError) as refused:
        applied(MAPS, None, obj, "me")
    assert (refused.value.code, refused.value.message) == (400, "metadata.managedFields must be nil")


UNTYPED = {
    "an unknown field": (lambda obj: obj["spec"].update(foo=1), ".spec.foo: field not declared in schema"),
    "a wrong type": (
        lambda obj: obj["spec"].update(replicas="x"),
        ".spec.replicas: expected numeric (int or float), got string",
    ),
    "an item without its key": (
        lambda obj: obj["spec"]["template"]["spec"]["containers"][0].pop("name"),
        ".spec.template.spec.containers: element 0: associative list with keys has an element that omits key field "
        '"name" (and doesn\'t have default value)',
    ),
    "an item twice": (
        lambda obj: obj["spec"]["template"]["spec"]["containers"].append({"name": "c"}),
        '.spec.template.spec.containers: duplicate entries for key [name="c"]',
    ),
}


@pytest.mark.parametrize(("spoil", "said"), UNTYPED.values(), ids=UNTYPED)
def test_what_is_not_of_the_type_cannot_be_applied(spoil: Any, said: str) -> None:
    obj = deployment()
    spoil(obj)
    with pytest.raises(ApiError) as refused:
        applied(DEPLOYMENTS, None, obj, "me")
    assert refused.value.code == 500
    assert refused.value.message == (f"failed to create typed patch object (d/x; apps/v1, Kind=Deployment): {said}")


def test_several_mistakes_are_listed() -> None:
    obj = deployment()
    obj["spec"].update(foo=1, bar=2)
    with pytest.raises(ApiError) as refused:
        applied(DEPLOYMENTS, None, obj, "me")
    assert refused.value.message.endswith(
        "errors:\n  .spec.foo: field not declared in schema\n  .spec.bar: field not declared in schema"
    )


def test_apply_keeps_the_order_of_what_it_applies() -> None:
    live = applied(DEPLOYMENTS, None, deployment(env=[{"name": name, "value": "1"} for name in "abc"]), "me")
    found = applied(DEPLOYMENTS, live, deployment(env=[{"name": name, "value": "1"} for name in "cab"]), "me", time=T3)
    env = found["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [each["name"] for each in env] == ["c", "a", "b"]


def test_nothing_that_was_given_is_changed() -> None:
    live = applied(DEPLOYMENTS, None, deployment(), "me")
    obj = deployment(5, image="n2")
    before = copy.deepcopy((live, obj))
    applied(DEPLOYMENTS, live, obj, "me", time=T3)
    assert (live, obj) == before


def test_appliers_come_first_and_then_the_older() -> None:
    live = created(MAPS, config({"a": "1"}), "z", T1)
    live = updated(MAPS, live, "y", T2, data={"a": "1", "b": "1"})
    live = applied(MAPS, live, config({"c": "1"}), "x", time=T3)
    assert owners(live) == [("x", "Apply", T3), ("z", "Update", T1), ("y", "Update", T2)]


def test_a_custom_resource_is_tracked_without_a_type() -> None:
    kind = kinds.Kind("a.io", "v1", "Thing", "things", "thing", True, frozenset())
    obj = {"apiVersion": "a.io/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": {"a": {"b": 1}, "l": [1]}}
    live = apply.apply(kind, None, obj, "me", False, T1)
    assert fields(live, "me") == {"f:spec": {"f:a": {"f:b": {}}, "f:l": {}}}
    other = {**obj, "spec": {"a": {"b": 2}}}
    with pytest.raises(ApiError) as refused:
        apply.apply(kind, live, other, "you", False, T2)
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "me": .spec.a.b'
