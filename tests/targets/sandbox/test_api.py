"""The API over the store: create, read, change, delete, as the API server answers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.api import Api, Request
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Obj, Ref, Store

ME = Request(manager="test")
PODS, MAPS, NAMESPACES = kinds.by_key("pods"), kinds.by_key("configmaps"), kinds.by_key("namespaces")
DEPLOYMENTS = kinds.by_key("deployments.apps")
START = 1_700_000_000.0


@pytest.fixture
def api() -> Api:
    """An API with one namespace, ``x``, and nothing that acts by itself."""
    made = Api(Store(), Clock(start=START))
    made.create(NAMESPACES, "", {"metadata": {"name": "x"}}, ME)
    return made


def config(name: str, **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(name: str, **spec: Any) -> Obj:
    containers = [{"name": "main", "image": "nginx:1.27"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers, **spec}}


def deployment(name: str) -> Obj:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def refused(code: int, reason: str, call: Any, *args: Any, **options: Any) -> str:
    """The message of the refusal that the call ends in."""
    with pytest.raises(ApiError) as caught:
        call(*args, **options)
    assert (caught.value.code, caught.value.reason) == (code, reason), caught.value.message
    return caught.value.message


# -- creating ------------------------------------------------------------------------------------------------------


def test_a_new_object_has_what_the_server_gives(api: Api) -> None:
    sent = config("a", k="v") | {"metadata": {"name": "a", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z"}}
    made = api.create(MAPS, "x", sent, ME)
    facts = made["metadata"]
    assert re.fullmatch(r"[0-9a-f-]{36}", facts["uid"])
    assert facts["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert facts["namespace"] == "x"
    assert facts["resourceVersion"] == str(api.store.version)
    assert list(facts)[:2] == ["name", "namespace"], "in the order in which the server writes it"
    assert sent["metadata"]["uid"] == "mine", "what is sent is not changed"


def test_names_are_generated(api: Api) -> None:
    body = config("") | {"metadata": {"generateName": "a" * 60 + "-"}}
    names = {api.create(MAPS, "x", body, ME)["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(re.fullmatch("a{58}[bcdfghjklmnpqrstvwxz2456789]{5}", name) for name in names)


def test_a_pod_begins_pending_with_its_class(api: Api) -> None:
    made = api.create(PODS, "x", pod("p"), ME)
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert made["metadata"]["generation"] == 1


def test_a_second_one_of_the_same_name_is_refused(api: Api) -> None:
    api.create(MAPS, "x", config("a"), ME)
    assert refused(409, "AlreadyExists", api.create, MAPS, "x", config("a"), ME) == 'configmaps "a" already exists'


def test_a_new_object_has_no_version_yet(api: Api) -> None:
    body = config("a") | {"metadata": {"name": "a", "resourceVersion": "7"}}
    said = refused(500, "", api.create, MAPS, "x", body, ME)
    assert said == "resourceVersion should not be set on objects to be created"


def test_one_that_is_being_deleted_still_has_its_name(api: Api) -> None:
    api.create(MAPS, "x", config("a") | {"metadata": {"name": "a", "finalizers": ["example.com/one"]}}, ME)
    api.delete(MAPS, "x", "a", ME)
    said = refused(409, "AlreadyExists", api.create, MAPS, "x", config("a"), ME)
    assert said == 'object is being deleted: configmaps "a" already exists'


def test_a_namespace_that_is_not_there_is_named(api: Api) -> None:
    assert refused(404, "NotFound", api.create, MAPS, "y", config("a"), ME) == 'namespaces "y" not found'


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nodes", 'nodes "n" not found'),
        ("namespaces", 'namespaces "n" not found'),
        ("persistentvolumes", 'persistentvolumes "n" not found'),
        ("storageclasses.storage.k8s.io", 'storageclasses.storage.k8s.io "n" not found'),
    ],
)
def test_what_is_not_there_is_named_with_its_group(api: Api, key: str, message: str) -> None:
    assert refused(404, "NotFound", api.get, kinds.by_key(key), "", "n") == message


def test_a_body_must_fit_its_url(api: Api) -> None:
    other = config("a") | {"metadata": {"name": "a", "namespace": "y"}}
    said = refused(400, "BadRequest", api.create, MAPS, "x", other, ME)
    assert said == "the namespace of the provided object does not match the namespace sent on the request"
    said = refused(400, "BadRequest", api.create, MAPS, "x", config("a") | {"apiVersion": "v2"}, ME)
    assert said == (
        'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version '
        '"v2" in scheme "pkg/runtime/scheme.go:110"'
    )
    said = refused(400, "BadRequest", api.create, MAPS, "x", deployment("a"), ME)
    assert said == (
        'Deployment in version "v1" cannot be handled as a ConfigMap: converting (v1.Deployment) to (core.ConfigMap): '
        "unknown conversion"
    )
    said = refused(400, "BadRequest", api.create, MAPS, "x", [], ME)
    assert said.startswith(
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind;"
    )
    assert said.endswith(" (5b5d)")
    api.create(MAPS, "x", config("a"), ME)
    said = refused(400, "BadRequest", api.update, MAPS, "x", "a", config("b"), ME)
    assert said == "the name of the object (b) does not match the name on the URL (a)"


def test_a_dry_run_answers_and_stores_nothing(api: Api) -> None:
    dry = Request(dry_run=True)
    version = api.store.version
    made = api.create(MAPS, "x", config("a"), dry)
    assert made["metadata"]["uid"]
    assert "resourceVersion" not in made["metadata"]
    assert api.store.version == version
    api.create(MAPS, "x", config("a", k="v"), ME)
    changed, _ = api.patch(MAPS, "x", "a", "merge", {"data": {"k": "w"}}, dry)
    assert changed["data"] == {"k": "w"}
    api.delete(MAPS, "x", "a", dry)
    assert api.get(MAPS, "x", "a")["data"] == {"k": "v"}


# -- changing ------------------------------------------------------------------------------------------------------


def test_an_update_of_an_older_version_is_a_conflict(api: Api) -> None:
    first = api.create(MAPS, "x", config("a", k="1"), ME)
    api.update(MAPS, "x", "a", config("a", k="2"), ME)
    said = refused(409, "Conflict", api.update, MAPS, "x", "a", first, ME)
    assert said == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to '
        "the latest version and try again"
    )


def test_a_patch_keeps_name_and_identity(api: Api) -> None:
    api.create(MAPS, "x", config("a"), ME)

    def patched(code: int, reason: str, **meta: Any) -> str:
        return refused(code, reason, api.patch, MAPS, "x", "a", "merge", {"metadata": meta}, ME)

    assert patched(400, "BadRequest", name="b") == "the name of the object (b) does not match the name on the URL (a)"
    assert patched(422, "Invalid", uid="b") == (
        'ConfigMap "a" is invalid: metadata.uid: Invalid value: "b": field is immutable'
    )
    assert patched(500, "", resourceVersion="x") == 'strconv.ParseUint: parsing "x": invalid syntax'
    said = refused(422, "Invalid", api.patch, MAPS, "x", "a", "merge", {"kind": "Secret"}, ME)
    assert said.endswith("converting (v1.Secret) to (core.ConfigMap): unknown conversion")


def test_an_update_that_changes_nothing_is_not_stored(api: Api) -> None:
    made = api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    version = api.store.version
    again = api.update(DEPLOYMENTS, "x", "d", made, ME)
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert api.store.version == version


def test_the_generation_counts_specs_only(api: Api) -> None:
    made = api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    assert made["metadata"]["generation"] == 1
    made, _ = api.patch(DEPLOYMENTS, "x", "d", "merge", {"metadata": {"labels": {"a": "b"}}}, ME)
    assert made["metadata"]["generation"] == 1
    made, _ = api.patch(DEPLOYMENTS, "x", "d", "merge", {"spec": {"replicas": 3}}, ME)
    assert made["metadata"]["generation"] == 2
    made, _ = api.patch(DEPLOYMENTS, "x", "d", "merge", {"metadata": {"annotations": {"a": "b"}}}, ME)
    assert made["metadata"]["generation"] == 3, "of a Deployment an annotation counts as well"


def test_an_update_leaves_the_status_and_its_subresource_leaves_the_spec(api: Api) -> None:
    made = api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    body = {**made, "spec": {**made["spec"], "replicas": 5}, "status": {"replicas": 9}}
    made = api.update(DEPLOYMENTS, "x", "d", body, ME)
    assert (made["spec"]["replicas"], made["status"]) == (5, {})
    body = {**made, "spec": {**made["spec"], "replicas": 7}, "status": {"replicas": 9}}
    made = api.update(DEPLOYMENTS, "x", "d", body, ME, "status")
    assert (made["spec"]["replicas"], made["status"]) == (5, {"replicas": 9})
    assert made["metadata"]["generation"] == 2


def test_an_update_of_another_object_of_that_name_is_a_conflict(api: Api) -> None:
    uid = api.create(MAPS, "x", config("a"), ME)["metadata"]["uid"]
    other = config("a") | {"metadata": {"name": "a", "uid": "other"}}
    assert refused(409, "Conflict", api.update, MAPS, "x", "a", other, ME) == (
        'Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: 4, '
        "Key: /registry/configmaps/x/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
        f"UID in precondition: other, UID in object meta: {uid}"
    )


def test_a_lease_is_updated_with_its_version_only(api: Api) -> None:
    leases = kinds.by_key("leases.coordination.k8s.io")
    body: Obj = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {}}
    api.create(leases, "x", body, ME)
    said = refused(422, "Invalid", api.update, leases, "x", "l", body, ME)
    assert said == (
        'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0x0: '
        "must be specified for an update"
    )


def test_a_put_of_a_new_name_creates_some_kinds(api: Api) -> None:
    service = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"}, "subsets": []}
    assert api.update(kinds.by_key("endpoints"), "x", "e", service, ME)["metadata"]["uid"]
    assert refused(404, "NotFound", api.update, MAPS, "x", "a", config("a"), ME) == 'configmaps "a" not found'


def test_a_controller_edits_and_nothing_is_stored_when_nothing_changes(api: Api) -> None:
    api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    ref = Ref("deployments.apps", "x", "d")
    version = api.store.version
    api.edit(ref, lambda obj: obj["spec"].update(replicas=1), manager="me")
    assert api.store.version == version
    made = api.edit(ref, lambda obj: obj["spec"].update(replicas=2), manager="me")
    assert made is not None
    assert made["metadata"]["generation"] == 2
    owners = {entry["manager"]: entry["fieldsV1"] for entry in made["metadata"]["managedFields"]}
    assert owners["me"] == {"f:spec": {"f:replicas": {}}}
    noted = api.edit(ref, lambda obj: obj["metadata"].update(annotations={"a": "b"}), manager="me")
    assert noted is not None
    assert noted["metadata"]["generation"] == 2, "with the status an annotation is no new generation"
    assert api.edit(Ref("deployments.apps", "x", "gone"), lambda obj: None, manager="me") is None


# -- deleting ------------------------------------------------------------------------------------------------------


def test_deleting_answers_with_a_status_or_with_the_object(api: Api) -> None:
    made = api.create(MAPS, "x", config("a"), ME)
    assert api.delete(MAPS, "x", "a", ME) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }
    api.create(PODS, "x", pod("p"), ME)
    assert api.delete(PODS, "x", "p", ME)["kind"] == "Pod"
    assert refused(404, "NotFound", api.delete, PODS, "x", "p", ME) == 'pods "p" not found'


def test_a_pod_on_a_node_ends_with_grace(api: Api) -> None:
    api.create(PODS, "x", pod("p", nodeName="n", terminationGracePeriodSeconds=40), ME)
    ending = api.delete(PODS, "x", "p", ME)["metadata"]
    assert (ending["deletionTimestamp"], ending["deletionGracePeriodSeconds"]) == ("2023-11-14T22:14:00Z", 40)
    assert ending["generation"] == 2
    again = api.delete(PODS, "x", "p", ME, grace=60)["metadata"]
    assert again["deletionGracePeriodSeconds"] == 40, "it is never made longer"
    sooner = api.delete(PODS, "x", "p", ME, grace=10)["metadata"]
    assert (sooner["deletionTimestamp"], sooner["deletionGracePeriodSeconds"]) == ("2023-11-14T22:13:30Z", 10)
    api.delete(PODS, "x", "p", ME, grace=0)
    assert api.store.get("pods", "x", "p") is None


def test_finalizers_hold_an_object_until_the_last_is_gone(api: Api) -> None:
    body = config("a") | {"metadata": {"name": "a", "finalizers": ["example.com/one"]}}
    api.create(MAPS, "x", body, ME)
    held = api.delete(MAPS, "x", "a", ME)
    assert held["metadata"]["deletionTimestamp"] == "2023-11-14T22:13:20Z"
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    version = api.store.version
    assert api.delete(MAPS, "x", "a", ME)["kind"] == "ConfigMap"
    assert api.store.version == version, "a second deletion changes nothing"
    api.patch(MAPS, "x", "a", "merge", {"metadata": {"finalizers": None}}, ME)
    assert api.store.get("configmaps", "x", "a") is None


def test_preconditions_name_the_object_that_is_meant(api: Api) -> None:
    made = api.create(MAPS, "x", config("a"), ME)
    uid = made["metadata"]["uid"]
    said = refused(409, "Conflict", api.delete, MAPS, "x", "a", ME, preconditions={"uid": "other"})
    assert said == (
        'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not match the UID '
        f"in record ({uid}). The object might have been deleted and then recreated"
    )
    api.delete(MAPS, "x", "a", ME, preconditions={"uid": uid})
    assert api.store.get("configmaps", "x", "a") is None


def test_some_namespaces_stay(api: Api) -> None:
    api.create(NAMESPACES, "", {"metadata": {"name": "kube-system"}}, ME)
    said = refused(403, "Forbidden", api.delete, NAMESPACES, "", "kube-system", ME)
    assert said == 'namespaces "kube-system" is forbidden: this namespace may not be deleted'


def test_a_collection_is_deleted_by_selector(api: Api) -> None:
    for number in range(4):
        body = config(f"a{number}") | {"metadata": {"name": f"a{number}", "labels": {"odd": str(number % 2)}}}
        api.create(MAPS, "x", body, ME)
    gone = api.delete_collection(MAPS, "x", ME, label_selector="odd=1")
    assert [item["metadata"]["name"] for item in gone.items] == ["a1", "a3"]
    assert [item["metadata"]["name"] for item in api.select(MAPS, "x").items] == ["a0", "a2"]


# -- lists ---------------------------------------------------------------------------------------------------------


def fill(api: Api, count: int) -> None:
    for number in range(count):
        body = config(f"m{number:03}") | {"metadata": {"name": f"m{number:03}", "labels": {"app": f"a{number % 2}"}}}
        api.create(MAPS, "x", body, ME)


def names(items: list[Obj]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def test_pages_are_parts_of_one_state(api: Api) -> None:
    fill(api, 7)
    first = api.select(MAPS, None, limit=3)
    assert (names(first.items), first.remaining) == (["m000", "m001", "m002"], 4)
    api.delete(MAPS, "x", "m003", ME)
    api.create(MAPS, "x", config("m0035"), ME)
    second = api.select(MAPS, None, limit=3, continue_token=first.continue_token)
    assert (names(second.items), second.remaining) == (["m003", "m004", "m005"], 1)
    assert second.version == first.version
    third = api.select(MAPS, None, limit=3, continue_token=second.continue_token)
    assert (names(third.items), third.remaining, third.continue_token) == (["m006"], None, "")


def test_a_selected_list_does_not_say_how_much_is_left(api: Api) -> None:
    fill(api, 6)
    page = api.select(MAPS, "x", limit=2, label_selector="app=a1")
    assert (names(page.items), page.remaining) == (["m001", "m003"], None)
    assert names(api.select(MAPS, "x", label_selector="app=a1", continue_token=page.continue_token).items) == ["m005"]


def test_pages_of_all_namespaces_go_on_in_the_next(api: Api) -> None:
    api.create(NAMESPACES, "", {"metadata": {"name": "x-y"}}, ME)
    for namespace in ("x", "x-y"):
        for name in ("a", "b"):
            api.create(MAPS, namespace, config(name), ME)
    found, token = [], ""
    while True:
        page = api.select(MAPS, None, limit=1, continue_token=token)
        found += [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in page.items]
        token = page.continue_token
        if not token:
            break
    assert sorted(found) == [("x", "a"), ("x", "b"), ("x-y", "a"), ("x-y", "b")]


def test_a_token_that_is_too_old_comes_with_one_that_goes_on(api: Api) -> None:
    fill(api, 4)
    token = api.select(MAPS, None, limit=2).continue_token
    ref = Ref("configmaps", "x", "m000")
    for number in range(10_001):
        api.edit(ref, lambda obj: obj.update(data={"k": str(number)}), manager="me")
    with pytest.raises(ApiError) as caught:
        api.select(MAPS, None, limit=2, continue_token=token)
    status = caught.value.status()
    assert (status["code"], status["reason"]) == (410, "Expired")
    assert status["message"].startswith("The provided continue parameter is too old to display a consistent list")
    rest = api.select(MAPS, None, limit=2, continue_token=status["metadata"]["continue"])
    assert names(rest.items) == ["m002", "m003"]


def test_what_is_no_token_is_a_bad_request(api: Api) -> None:
    said = refused(400, "BadRequest", api.select, MAPS, None, continue_token="?")
    assert said == "invalid continue token: continue key is not valid: illegal base64 data at input byte 0"
    said = refused(400, "BadRequest", api.select, MAPS, None, continue_token="nonsense")
    assert said == (
        "invalid continue token: continue key is not valid: invalid character '\\u009e' looking for beginning of value"
    )


def test_a_version_of_the_future_times_out(api: Api) -> None:
    with pytest.raises(ApiError) as caught:
        api.select(MAPS, None, resource_version="999999")
    assert caught.value.code == 504
    assert caught.value.message == f"Timeout: Too large resource version: 999999, current: {api.store.version}"


# -- managed fields ------------------------------------------------------------------------------------------------


def test_who_wrote_a_field_owns_it_and_an_apply_of_another_conflicts(api: Api) -> None:
    made = api.create(DEPLOYMENTS, "x", deployment("d") | {"metadata": {"name": "d"}}, Request(manager="kubectl"))
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], entry["apiVersion"]) == ("kubectl", "Update", "apps/v1")
    assert "f:replicas" in entry["fieldsV1"]["f:spec"], "defaults are owned too"
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 4}}
    said = refused(409, "Conflict", api.patch, DEPLOYMENTS, "x", "d", "apply", body, Request(manager="helm"))
    assert said == 'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas'
    forced, created = api.patch(DEPLOYMENTS, "x", "d", "apply", body, Request(manager="helm"), force=True)
    assert (forced["spec"]["replicas"], forced["metadata"]["generation"], created) == (4, 2, False)
    owners = {entry["manager"]: entry["operation"] for entry in forced["metadata"]["managedFields"]}
    assert owners == {"helm": "Apply", "kubectl": "Update"}
    version = api.store.version
    again, _ = api.patch(DEPLOYMENTS, "x", "d", "apply", body, Request(manager="helm"))
    assert api.store.version == version, "the same again is not stored"
    assert again["metadata"]["resourceVersion"] == forced["metadata"]["resourceVersion"]


def test_an_apply_creates_what_is_not_there(api: Api) -> None:
    body = config("a", k="v")
    made, created = api.patch(MAPS, "x", "a", "apply", body, Request(manager="me"))
    assert created
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["operation"], entry["fieldsV1"]) == ("Apply", {"f:data": {"f:k": {}}})
    dropped, _ = api.patch(MAPS, "x", "a", "apply", config("a"), Request(manager="me"))
    assert "data" not in dropped


def test_the_status_is_owned_through_its_subresource(api: Api) -> None:
    made = api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    made = api.update(DEPLOYMENTS, "x", "d", {**made, "status": {"replicas": 1}}, Request(manager="c"), "status")
    entry = next(entry for entry in made["metadata"]["managedFields"] if entry["manager"] == "c")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:replicas": {}}})


def test_an_object_without_a_name_is_refused(api: Api) -> None:
    said = refused(422, "Invalid", api.create, MAPS, "x", config("") | {"metadata": {}}, ME)
    assert said == 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'


@pytest.mark.parametrize("emptied", [[], [{}]])
def test_owners_are_forgotten_when_they_are_emptied(api: Api, emptied: list[Any]) -> None:
    made = api.create(MAPS, "x", config("a", k="v"), ME)
    assert made["metadata"]["managedFields"]
    changed, _ = api.patch(MAPS, "x", "a", "merge", {"metadata": {"managedFields": emptied}}, ME)
    assert "managedFields" not in changed["metadata"]
