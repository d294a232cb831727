"""What the sandbox answers over HTTP, request by request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mcp_tools.targets.sandbox import http
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster
from tests.targets.sandbox.asking import TABLE, Asking

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def ask() -> Asking:
    return Asking(http.app(Cluster.fresh(clock=Clock(start=1_800_000_000.0))))


def config(name: str, data: dict[str, str] | None = None, **meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}, "data": data or {}}


def pod(name: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "web", "image": "nginx:1.27"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


# -- who may come in -------------------------------------------------------------------------------------------------


def test_without_a_token_nothing_is_answered() -> None:
    ask = Asking(http.app(Cluster.fresh(), token="right"))
    for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic right"}):
        for path in ("/version", "/readyz", MAPS, "/sandbox/v1"):
            got = ask.get(path, **header)
            assert (got.code, got.json["reason"], got.json["message"]) == (401, "Unauthorized", "Unauthorized")
    assert ask.get("/version", authorization="Bearer right").json["minor"] == "33"


def test_a_page_of_another_host_does_not_reach_it(ask: Asking) -> None:
    assert ask.get("/version", host="rebound.example.org:443").code == 403
    for host in ("127.0.0.1:8443", "localhost:8443", "[::1]:8443", "localhost"):
        assert ask.get("/version", host=host).code == 200


def test_a_service_account_comes_in_with_its_token_and_may_only_what_its_roles_say() -> None:
    ask = Asking(http.app(Cluster.fresh(), token="admin"), "admin")
    accounts = "/api/v1/namespaces/default/serviceaccounts/default/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    token = ask("POST", accounts, body).json["status"]["token"]
    got = ask.get(PODS, authorization=f"Bearer {token}")
    assert got.code == 403
    assert got.json["message"] == (
        'pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" '
        'in the namespace "default"'
    )
    assert ask.get("/sandbox/v1", authorization=f"Bearer {token}").code == 403


def test_the_administrator_can_act_as_another(ask: Asking) -> None:
    got = ask.get(PODS, impersonate_user="jane")
    assert got.code == 403 and 'User "jane" cannot list resource "pods"' in got.json["message"]


# -- what it says of itself ------------------------------------------------------------------------------------------


def test_discovery_in_both_forms(ask: Asking) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    got = ask.get("/apis", accept=accept)
    assert got.header("content-type") == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    apps = next(item for item in got.json["items"] if item["metadata"]["name"] == "apps")
    deployments = next(entry for entry in apps["versions"][0]["resources"] if entry["resource"] == "deployments")
    assert deployments["scope"] == "Namespaced" and deployments["shortNames"] == ["deploy"]
    assert {entry["subresource"] for entry in deployments["subresources"]} == {"scale", "status"}
    assert ask.get("/apis").json["kind"] == "APIGroupList"
    assert ask.get("/apis/apps").json["preferredVersion"]["version"] == "v1"
    assert ask.get("/apis/apps/v1").json["kind"] == "APIResourceList"
    core = ask.get("/api", accept=accept).json["items"][0]["versions"][0]["resources"]
    assert any(entry["resource"] == "pods" for entry in core)


def test_discovery_lists_the_metrics_server(ask: Asking) -> None:
    names = [group["name"] for group in ask.get("/apis").json["groups"]]
    assert "metrics.k8s.io" in names


def test_a_document_that_the_client_has_is_not_sent_again(ask: Asking) -> None:
    index = ask.get("/openapi/v3").json["paths"]
    url = index["apis/apps/v1"]["serverRelativeURL"]
    got = ask.get(url)
    assert "io.k8s.api.apps.v1.Deployment" in got.json["components"]["schemas"]
    assert "immutable" in got.header("cache-control")
    again = ask.get(url, if_none_match=got.header("etag"))
    assert (again.code, again.body) == (304, b"")
    moved = ask.get("/openapi/v3/apis/apps/v1?hash=OLD")
    assert (moved.code, moved.header("location")) == (301, url)


def test_health(ask: Asking) -> None:
    for path in ("/healthz", "/livez", "/readyz", "/readyz/ping"):
        assert ask.get(path).body == b"ok"
    assert ask.get("/readyz?verbose").body.decode().endswith("readyz check passed\n")


# -- answers to what is not there ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api/v2",
        "/api/v1/nothings",
        "/apis/apps/v2/deployments",
        "/apis/apps/v1/namespaces/default/nothings/x",
        "/api/v1/namespaces/default/pods/x/nothing",
        "/api/v1/namespaces/default/nodes",
    ],
)
def test_a_path_that_is_not_served(ask: Asking, path: str) -> None:
    got = ask.get(path)
    assert got.code == 404
    if path.startswith(("/api/", "/apis/apps/")):  # of a group that is there
        assert got.json["message"] == "the server could not find the requested resource"
        assert got.json["details"] == {}
    else:
        assert got.body == b"404 page not found\n"


def test_an_object_that_is_not_there(ask: Asking) -> None:
    got = ask.get(f"{PODS}/nope")
    assert got.code == 404
    assert got.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'pods "nope" not found',
        "reason": "NotFound",
        "details": {"name": "nope", "kind": "pods"},
        "code": 404,
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{MAPS}/x"),
        ("PUT", MAPS),
        ("PATCH", MAPS),
        ("DELETE", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews"),
        ("DELETE", "/apis/apps/v1/namespaces/default/deployments/x/scale"),
        ("POST", "/version"),
    ],
)
def test_a_method_that_a_resource_does_not_have(ask: Asking, method: str, path: str) -> None:
    got = ask(method, path, config("x") if method != "GET" else None)
    assert (got.code, got.json["reason"]) == (405, "MethodNotAllowed")


def test_media_types_that_are_not_known(ask: Asking) -> None:
    got = ask("POST", MAPS, b"<a/>", content_type="text/xml")
    assert (got.code, got.json["reason"]) == (415, "UnsupportedMediaType")
    got = ask.get(MAPS, accept="text/html")
    assert (got.code, got.json["reason"]) == (406, "NotAcceptable")
    got = ask("PATCH", f"{MAPS}/x", {}, content_type="application/json")
    assert got.code == 415


def test_processes_are_not_simulated_and_it_says_so(ask: Asking) -> None:
    ask("POST", PODS, pod("web"))
    for part in ("exec", "attach", "portforward", "proxy"):
        got = ask("POST", f"{PODS}/web/{part}?command=sh")
        assert got.code == 501 and "the sandbox simulates containers and runs no processes" in got.json["message"]


def test_a_body_that_is_too_large(ask: Asking) -> None:
    got = ask("POST", MAPS, config("big", {"a": "x" * (3 * 1024 * 1024)}))
    assert (got.code, got.json["reason"]) == (413, "RequestEntityTooLarge")


# -- reading and writing ---------------------------------------------------------------------------------------------


def test_an_object_from_creation_to_deletion(ask: Asking) -> None:
    made = ask("POST", MAPS, config("a", {"k": "1"}))
    assert made.code == 201 and made.json["metadata"]["uid"]
    assert ask("POST", MAPS, config("a")).json["reason"] == "AlreadyExists"
    changed = ask("PUT", f"{MAPS}/a", {**made.json, "data": {"k": "2"}})
    assert changed.code == 200
    stale = ask("PUT", f"{MAPS}/a", {**made.json, "data": {"k": "3"}})
    assert (stale.code, stale.json["reason"]) == (409, "Conflict")
    assert ask.get(f"{MAPS}/a").json["data"] == {"k": "2"}
    gone = ask("DELETE", f"{MAPS}/a")
    assert gone.json["status"] == "Success" and gone.json["details"]["uid"] == made.json["metadata"]["uid"]
    assert ask.get(f"{MAPS}/a").code == 404


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json-patch+json", [{"op": "replace", "path": "/data/k", "value": "2"}]),
        ("application/merge-patch+json", {"data": {"k": "2"}}),
        ("application/strategic-merge-patch+json", {"data": {"k": "2"}}),
    ],
)
def test_patches(ask: Asking, media: str, body: Any) -> None:
    ask("POST", MAPS, config("a", {"k": "1"}))
    got = ask("PATCH", f"{MAPS}/a", body, content_type=media)
    assert (got.code, got.json["data"]) == (200, {"k": "2"})


def test_apply_takes_yaml_creates_and_needs_a_manager(ask: Asking) -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n"
    media = "application/apply-patch+yaml"
    refused = ask("PATCH", f"{MAPS}/a", body, content_type=media)
    assert refused.code == 422
    assert refused.json["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )
    got = ask("PATCH", f"{MAPS}/a?fieldManager=me", body, content_type=media)
    assert got.code == 201
    assert ask("PATCH", f"{MAPS}/a?fieldManager=me", body, content_type=media).code == 200


def test_a_dry_run_changes_nothing(ask: Asking) -> None:
    assert ask("POST", f"{MAPS}?dryRun=All", config("a")).code == 201
    assert ask.get(f"{MAPS}/a").code == 404
    ask("POST", MAPS, config("a"))
    assert ask("DELETE", f"{MAPS}/a", {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}).code == 200
    assert ask.get(f"{MAPS}/a").code == 200
    got = ask("POST", f"{MAPS}?dryRun=Some", config("b"))
    assert got.code == 422 and 'dryRun: Unsupported value: []string{"Some"}' in got.json["message"]


def test_the_field_manager_is_the_program_when_none_is_named(ask: Asking) -> None:
    got = ask("POST", MAPS, config("a", {"k": "v"}), user_agent="tool/3.2 (linux)")
    assert got.json["metadata"]["managedFields"][0]["manager"] == "tool"


def test_unknown_fields_are_warned_of_refused_or_ignored(ask: Asking) -> None:
    body = {**pod("a"), "spec": {**pod("a")["spec"], "colour": "red"}}
    warned = ask("POST", f"{PODS}?dryRun=All", body)
    assert warned.code == 201 and warned.all("warning") == ['299 - "unknown field \\"spec.colour\\""']
    refused = ask("POST", f"{PODS}?dryRun=All&fieldValidation=Strict", body)
    assert refused.code == 400 and 'strict decoding error: unknown field "spec.colour"' in refused.json["message"]
    ignored = ask("POST", f"{PODS}?dryRun=All&fieldValidation=Ignore", body)
    assert ignored.code == 201 and ignored.all("warning") == []


def test_keys_that_occur_twice(ask: Asking) -> None:
    body = json.dumps(config("a")).replace('"name"', '"name": "b", "name"').encode()
    assert 'duplicate field \\"metadata.name\\"' in ask("POST", f"{MAPS}?dryRun=All", body).header("warning")
    refused = ask("POST", f"{MAPS}?dryRun=All&fieldValidation=Strict", body)
    said = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
    assert refused.code == 400 and refused.json["message"] == f'{said}duplicate field "metadata.name"'


def test_keys_that_occur_twice_in_a_patch(ask: Asking) -> None:
    ask("POST", MAPS, config("a"))
    body = b'{"metadata": {"labels": {"a": "1", "a": "2"}}}'
    media = "application/merge-patch+json"
    warned = ask("PATCH", f"{MAPS}/a?dryRun=All", body, content_type=media)
    assert warned.header("warning") == '299 - "duplicate field \\"metadata.labels.a\\""'
    assert warned.json["metadata"]["labels"] == {"a": "2"}
    refused = ask("PATCH", f"{MAPS}/a?fieldValidation=Strict", body, content_type=media)
    assert refused.code == 400
    assert refused.json["message"] == 'strict decoding error: duplicate field "metadata.labels.a"'


def test_an_answer_in_yaml(ask: Asking) -> None:
    ask("POST", MAPS, b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", content_type="application/yaml")
    got = ask.get(f"{MAPS}/a", accept="application/yaml")
    assert got.header("content-type") == "application/yaml" and b"kind: ConfigMap\n" in got.body


def test_lists_in_pages_keep_their_version(ask: Asking) -> None:
    for name in "abcde":
        ask("POST", MAPS, config(name, labels={"t": "x"}))
    first = ask.get(f"{MAPS}?limit=2&labelSelector=t%3Dx").json
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    ask("POST", MAPS, config("aa", labels={"t": "x"}))
    names, token = [], first["metadata"]["continue"]
    while token:
        page = ask.get(f"{MAPS}?limit=2&labelSelector=t%3Dx&continue={token}").json
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue")
    assert names == ["c", "d", "e"]


def test_the_items_of_a_list_do_not_say_their_kind(ask: Asking) -> None:
    ask("POST", MAPS, config("a", {"k": "ü"}))
    found = ask.get(MAPS).json
    assert found["kind"] == "ConfigMapList"
    item = next(item for item in found["items"] if item["metadata"]["name"] == "a")
    assert "kind" not in item and "apiVersion" not in item and item["data"] == {"k": "ü"}


def test_the_rules_of_resource_versions_in_lists(ask: Asking) -> None:
    assert ask.get(f"{MAPS}?resourceVersionMatch=Exact").code == 422
    assert ask.get(f"{MAPS}?resourceVersion=0&resourceVersionMatch=Exact").code == 422
    late = ask.get(f"{MAPS}?resourceVersion=999999")
    assert late.code == 504 and late.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert late.header("retry-after") == "1"


def test_metadata_alone(ask: Asking) -> None:
    ask("POST", MAPS, config("a", {"k": "v"}))
    form = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    found = ask.get(MAPS, accept=form).json
    assert found["kind"] == "PartialObjectMetadataList"
    assert all(set(item) == {"kind", "apiVersion", "metadata"} for item in found["items"])


def test_tables(ask: Asking) -> None:
    ask("POST", MAPS, config("a", {"k": "v"}))
    found = ask.get(f"{MAPS}/a", accept=TABLE).json
    assert found["rows"][0]["cells"][:2] == ["a", 1]
    listed = ask.get(f"{MAPS}?includeObject=Object", accept=TABLE).json
    assert listed["metadata"]["resourceVersion"]
    assert {row["object"]["kind"] for row in listed["rows"]} == {"ConfigMap"}


def test_deleting_many_answers_with_what_went(ask: Asking) -> None:
    for name in "abc":
        ask("POST", MAPS, config(name, labels={"t": "x" if name != "c" else "y"}))
    got = ask("DELETE", f"{MAPS}?labelSelector=t%3Dx").json
    assert [item["metadata"]["name"] for item in got["items"]] == ["a", "b"]
    assert ask.get(f"{MAPS}/c").code == 200 and ask.get(f"{MAPS}/a").code == 404


# -- watches ---------------------------------------------------------------------------------------------------------


def kinds(got: Any) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in got.lines]


def test_a_watch_from_a_version_tells_what_came_after(ask: Asking) -> None:
    version = ask("POST", MAPS, config("a")).json["metadata"]["resourceVersion"]
    ask("POST", MAPS, config("b"))
    ask("DELETE", f"{MAPS}/a")
    got = ask.get(f"{MAPS}?watch=1&resourceVersion={version}&timeoutSeconds=1")
    assert kinds(got) == [("ADDED", "b"), ("DELETED", "a")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in got.lines]
    assert versions == sorted(versions) and versions[0] > int(version)


def test_a_watch_without_a_version_begins_with_what_there_is(ask: Asking) -> None:
    ask("POST", MAPS, config("a", labels={"t": "x"}))
    got = ask.get(f"{MAPS}?watch=true&labelSelector=t&timeoutSeconds=1")
    assert kinds(got) == [("ADDED", "a")]


def test_leaving_and_entering_the_selection_are_deletion_and_addition(ask: Asking) -> None:
    version = ask("POST", MAPS, config("a", labels={"t": "x"})).json["metadata"]["resourceVersion"]
    merge = "application/merge-patch+json"
    ask("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"t": "y"}}}, content_type=merge)
    ask("PATCH", f"{MAPS}/a", {"data": {"k": "unseen"}}, content_type=merge)
    ask("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"t": "x"}}}, content_type=merge)
    ask("PATCH", f"{MAPS}/a", {"data": {"k": "seen"}}, content_type=merge)
    got = ask.get(f"{MAPS}?watch=1&resourceVersion={version}&labelSelector=t%3Dx&timeoutSeconds=1")
    assert [kind for kind, _ in kinds(got)] == ["DELETED", "ADDED", "MODIFIED"]
    assert got.lines[0]["object"]["metadata"]["labels"] == {"t": "x"}


def test_an_old_version_is_gone(ask: Asking) -> None:
    for number in range(5):
        ask("POST", MAPS, config(f"a{number}"))
    ask.served.cluster.store._history.clear()
    ask("POST", MAPS, config("b"))
    got = ask.get(f"{MAPS}?watch=1&resourceVersion=2&timeoutSeconds=1")
    assert got.code == 200
    event = got.lines[0]
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: 2 (")


def test_a_list_is_not_streamed(ask: Asking) -> None:
    off = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
    without = ask.get(f"{MAPS}?watch=1&sendInitialEvents=true")
    fields = [cause["field"] for cause in without.json["details"]["causes"]]
    assert without.code == 422 and fields == ["resourceVersionMatch", "sendInitialEvents"]
    refused = ask.get(f"{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan")
    assert refused.code == 422
    said = f'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: {off}'
    assert refused.json["message"] == said


def test_groups_without_a_user_to_act_as(ask: Asking) -> None:
    headers = {"impersonate_group": "x", "impersonate_extra_scopes": "y", "impersonate_uid": "z"}
    got = ask.get(f"{MAPS}?limit=1&continue=", **headers)
    assert got.code == 500 and got.header("content-type") == "text/plain; charset=utf-8"
    asked = "{Group  x    } {UserExtra  y  authentication.k8s.io/v1  scopes} {UID  z  authentication.k8s.io/v1  }"
    url = f"{MAPS}?limit=1&amp;continue="
    said = f'Internal Server Error: "{url}": requested [{asked}] without impersonating a user\n'
    assert got.body.decode() == said


def test_a_watched_table_has_its_columns_once(ask: Asking) -> None:
    ask("POST", MAPS, config("a", labels={"t": "x"}))
    ask("POST", MAPS, config("b", labels={"t": "x"}))
    got = ask.get(f"{MAPS}?watch=1&labelSelector=t&timeoutSeconds=1", accept=TABLE)
    first, second = (event["object"] for event in got.lines)
    assert first["columnDefinitions"] and not second["columnDefinitions"]
    assert [table["rows"][0]["cells"][0] for table in (first, second)] == ["a", "b"]


def test_what_happens_while_a_watch_is_open_comes_at_once(ask: Asking) -> None:
    async def both() -> Any:
        watch = asyncio.ensure_future(
            ask.later("GET", f"{MAPS}?watch=1&fieldSelector=metadata.name%3Da&timeoutSeconds=1")
        )
        await asyncio.sleep(0.05)
        await ask.later("POST", MAPS, config("a"))
        await ask.later("POST", MAPS, config("b"))
        return await watch

    assert kinds(asyncio.run(both())) == [("ADDED", "a")]


def test_a_watch_of_the_other_event_group_converts(ask: Asking) -> None:
    about = {"kind": "Pod", "name": "x", "namespace": "default"}
    body = {"metadata": {"name": "e"}, "involvedObject": about, "message": "hello", "reason": "R", "type": "Normal"}
    ask("POST", "/api/v1/namespaces/default/events", {"apiVersion": "v1", "kind": "Event", **body})
    got = ask.get("/apis/events.k8s.io/v1/namespaces/default/events?watch=1&timeoutSeconds=1")
    found = got.lines[0]["object"]
    assert found["apiVersion"] == "events.k8s.io/v1" and found["note"] == "hello" and "message" not in found


# -- what a real server has not --------------------------------------------------------------------------------------


def test_an_injected_fault_is_met_as_often_as_it_says(ask: Asking) -> None:
    fault = {"kind": "api", "name": "late", "verbs": ["get"], "resources": ["pods"], "code": 503, "times": 2}
    assert ask("POST", "/sandbox/v1/faults", fault).json == {"name": "late"}
    assert [ask.get(f"{PODS}/x").code for _ in range(3)] == [503, 503, 404]
    assert ask.get(MAPS).code == 200
    assert [item["name"] for item in ask.get("/sandbox/v1/faults").json["items"]] == ["late"]
    assert ask("DELETE", "/sandbox/v1/faults/late").json == {"cleared": 1}
    assert ask("DELETE", "/sandbox/v1/faults/late").code == 404
    assert ask("POST", "/sandbox/v1/faults", {"kind": "api", "verbs": 3}).code == 400


def test_the_requests_that_came(ask: Asking) -> None:
    ask.get(f"{PODS}/nope")
    ask("POST", MAPS, config("a"))
    found = ask.get("/sandbox/v1/requests").json["items"]
    assert [(one["method"], one["path"], one["verb"], one["code"]) for one in found] == [
        ("GET", f"{PODS}/nope", "get", 404),
        ("POST", MAPS, "create", 201),
    ]
    after = found[0]["number"]
    assert len(ask.get(f"/sandbox/v1/requests?after={after}").json["items"]) == 1


def test_a_virtual_clock_is_advanced_and_a_real_one_is_not(ask: Asking) -> None:
    before = ask.get("/sandbox/v1/clock").json["now"]
    assert ask("POST", "/sandbox/v1/clock", {"seconds": 60}).json["now"] == before + 60
    real = Asking(http.app(Cluster.fresh(clock=Clock(real=True, speed=2))))
    assert real("POST", "/sandbox/v1/clock", {"seconds": 60}).code == 400
    assert real.get("/sandbox/v1/clock").json["speed"] == 2


def test_images_are_added_found_and_removed(ask: Asking) -> None:
    image = {"id": "sha256:" + "1" * 64, "tags": ["mine:1"], "size": 7}
    assert ask("POST", "/sandbox/v1/images", image).code == 201
    assert ask.get("/sandbox/v1/images/mine:1").json["size"] == 7
    assert ask("DELETE", "/sandbox/v1/images/mine:1").code == 200
    assert ask.get("/sandbox/v1/images/mine:1").code == 404


# -- logs and metrics ------------------------------------------------------------------------------------------------


@pytest.fixture
def logged(ask: Asking) -> Asking:
    """With a pod of two containers that ran for a while."""
    talk = {"name": "talk", "image": "busybox:1.36", "command": ["sh", "-c", "echo one; echo two; sleep 9999"]}
    other = {"name": "other", "image": "busybox:1.36", "command": ["sleep", "9999"]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [talk, other]}}
    assert ask("POST", PODS, body).code == 201
    ask.served.cluster.settle(30)
    return ask


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", b"one\ntwo\n"),
        ("&tailLines=1", b"two\n"),
        ("&tailLines=0", b""),
        ("&limitBytes=5", b"one\nt"),
        ("&sinceSeconds=1", b""),
    ],
)
def test_a_log_and_its_parts(logged: Asking, query: str, text: bytes) -> None:
    got = logged.get(f"{PODS}/p/log?container=talk{query}")
    assert (got.code, got.body, got.header("content-type")) == (200, text, "text/plain")


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("", 400, "a container name must be specified for pod p, choose one of: [talk other]"),
        ("?container=x", 400, "container x is not valid for pod p"),
        ("?container=talk&previous=true", 400, 'previous terminated container "talk" in pod "p" not found'),
        ("?container=talk&tailLines=-1", 422, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("?container=talk&limitBytes=0", 422, "limitBytes: Invalid value: 0: must be greater than 0"),
        ("?container=talk&tailLines=many", 400, 'strconv.ParseInt: parsing "many": invalid syntax'),
    ],
)
def test_logs_that_there_are_not(logged: Asking, query: str, code: int, message: str) -> None:
    got = logged.get(f"{PODS}/p/log{query}")
    assert got.code == code and message in got.json["message"]


def test_metrics_of_nodes_and_pods(logged: Asking) -> None:
    base = "/apis/metrics.k8s.io/v1beta1"
    node = logged.get(f"{base}/nodes").json["items"][0]
    assert node["metadata"]["name"] == "minikube" and node["usage"]["memory"].endswith("Ki")
    pod = logged.get(f"{base}/namespaces/default/pods/p").json
    assert pod["kind"] == "PodMetrics" and [one["name"] for one in pod["containers"]] == ["talk", "other"]
    table = logged.get(f"{base}/namespaces/default/pods", accept=TABLE).json
    assert table["rows"][0]["cells"][0] == "p"
    missing = logged.get(f"{base}/namespaces/default/pods/x")
    assert missing.json["message"] == 'pods.metrics.k8s.io "default/x" not found'
    assert logged("POST", f"{base}/nodes", {}).code == 405
    assert logged.get(f"{base}/nothing").code == 404


def test_half_of_a_surrogate_pair_is_replaced_and_breaks_nothing(ask: Asking) -> None:
    body = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"x\\ud800y"}}'
    assert ask("POST", MAPS, body).code == 201
    assert ask.get(MAPS).code == 200
    assert ask.get(f"{MAPS}/a").json["data"]["k"] == "x\N{REPLACEMENT CHARACTER}y"
