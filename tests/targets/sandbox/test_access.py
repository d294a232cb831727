"""Who asks, and what they may do: tokens, RBAC, reviews."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.api import Request
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Obj
from tests.targets.sandbox.test_api import ME, START, pod

PODS, ACCOUNTS = kinds.by_key("pods"), kinds.by_key("serviceaccounts")
RBAC = "rbac.authorization.k8s.io"
AUTHZ, AUTHN = "authorization.k8s.io", "authentication.k8s.io"


@pytest.fixture
def cluster() -> Cluster:
    """A fresh cluster with the namespace ``z`` and the account ``reader`` in it."""
    made = Cluster.fresh(clock=Clock(start=START))
    made.api.create(kinds.by_key("namespaces"), "", {"metadata": {"name": "z"}}, ME)
    made.api.create(ACCOUNTS, "z", {"metadata": {"name": "reader"}}, ME)
    return made


def token_of(cluster: Cluster, **spec: Any) -> str:
    body = {"apiVersion": f"{AUTHN}/v1", "kind": "TokenRequest", "spec": spec}
    made = cluster.api.create(ACCOUNTS, "z", body, ME, "token", "reader")
    token: str = made["status"]["token"]
    return token


def reader(cluster: Cluster) -> Request:
    found = cluster.api.access.authenticate(token_of(cluster))
    assert found is not None
    return found


def bind(cluster: Cluster, name: str, kind: str = "ClusterRole", verbs: tuple[str, ...] = ()) -> None:
    if verbs:
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}]
        role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}
        cluster.api.create(kinds.by_key(f"roles.{RBAC}"), "z", role, ME)
    body = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "z"}],
    }
    cluster.api.create(kinds.by_key(f"rolebindings.{RBAC}"), "z", body, ME)


def review(cluster: Cluster, kind: str, spec: Obj, who: Request, namespace: str = "") -> Obj:
    found = kinds.of(f"{AUTHZ}/v1", kind)
    assert found is not None
    status: Obj = cluster.api.create(found, namespace, {"metadata": {}, "spec": spec}, who)["status"]
    return status


# -- tokens --------------------------------------------------------------------------------------------------------


def test_the_token_of_the_administrator_is_a_master(cluster: Cluster) -> None:
    cluster.api.access.admin_token = "a-long-secret"
    found = cluster.api.access.authenticate("a-long-secret")
    assert found is not None
    assert found.master
    assert cluster.api.access.authenticate("another") is None
    assert cluster.api.access.authenticate("") is None


def test_the_token_of_an_account_names_it(cluster: Cluster) -> None:
    found = reader(cluster)
    assert found.user == "system:serviceaccount:z:reader"
    assert found.groups == ("system:serviceaccounts", "system:serviceaccounts:z", "system:authenticated")
    assert not found.master


def test_a_token_ends_with_its_time_and_with_its_account(cluster: Cluster) -> None:
    access = cluster.api.access
    short, long = token_of(cluster, expirationSeconds=600), token_of(cluster, expirationSeconds=7200)
    cluster.clock.jump(START + 601)
    assert access.authenticate(short) is None
    assert access.authenticate(long) is not None
    assert access.authenticate(long[:-2]) is None, "a forged one"
    cluster.api.delete(ACCOUNTS, "z", "reader", ME)
    assert access.authenticate(long) is None


def test_a_token_is_not_asked_for_a_few_seconds(cluster: Cluster) -> None:
    with pytest.raises(ApiError) as caught:
        token_of(cluster, expirationSeconds=5)
    assert caught.value.message == (
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 5: '
        "may not specify a duration less than 10 minutes"
    )


def test_a_token_of_a_pod_ends_with_the_pod(cluster: Cluster) -> None:
    cluster.api.create(PODS, "z", pod("p", serviceAccountName="reader"), ME)
    token = token_of(cluster, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p"})
    found = cluster.api.access.authenticate(token)
    assert found is not None
    assert found.extra["authentication.kubernetes.io/pod-name"] == ["p"]
    cluster.api.delete(PODS, "z", "p", ME, grace=0)
    assert cluster.api.access.authenticate(token) is None


def test_a_token_review_says_whose_it_is(cluster: Cluster) -> None:
    kind = kinds.of(f"{AUTHN}/v1", "TokenReview")
    assert kind is not None
    good = cluster.api.create(kind, "", {"metadata": {}, "spec": {"token": token_of(cluster)}}, ME)["status"]
    assert good["authenticated"] is True
    assert good["user"]["username"] == "system:serviceaccount:z:reader"
    bad = cluster.api.create(kind, "", {"metadata": {}, "spec": {"token": "x.y.z"}}, ME)["status"]
    assert "authenticated" not in bad
    assert "invalid bearer token" in bad["error"]
    elsewhere = token_of(cluster, audiences=["vault"])
    status = cluster.api.create(kind, "", {"metadata": {}, "spec": {"token": elsewhere}}, ME)["status"]
    assert "authenticated" not in status


def test_one_may_ask_who_one_is(cluster: Cluster) -> None:
    kind = kinds.of(f"{AUTHN}/v1", "SelfSubjectReview")
    assert kind is not None
    info = cluster.api.create(kind, "", {"metadata": {}}, reader(cluster))["status"]["userInfo"]
    assert info["username"] == "system:serviceaccount:z:reader"
    assert info["extra"]["authentication.kubernetes.io/credential-id"][0].startswith("JTI=")


# -- authorization -------------------------------------------------------------------------------------------------


def said(call: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(ApiError) as caught:
        call(*args, **options)
    assert (caught.value.code, caught.value.reason) == (403, "Forbidden")
    return caught.value.message


def test_what_is_not_allowed_is_refused_in_the_servers_words(cluster: Cluster) -> None:
    who, api = reader(cluster), cluster.api
    user = 'User "system:serviceaccount:z:reader"'
    assert said(api.select, PODS, "z", request=who) == (
        f'pods is forbidden: {user} cannot list resource "pods" in API group "" in the namespace "z"'
    )
    assert said(api.select, PODS, None, request=who) == (
        f'pods is forbidden: {user} cannot list resource "pods" in API group "" at the cluster scope'
    )
    assert said(api.get, kinds.by_key("deployments.apps"), "z", "d", who) == (
        f'deployments.apps "d" is forbidden: {user} cannot get resource "deployments" in API group "apps" '
        'in the namespace "z"'
    )
    assert said(api.create, PODS, "z", pod("p"), who) == (
        f'pods is forbidden: {user} cannot create resource "pods" in API group "" in the namespace "z"'
    )
    assert said(api.update, kinds.by_key("deployments.apps"), "z", "d", {}, who, "scale") == (
        f'deployments.apps "d" is forbidden: {user} cannot update resource "deployments/scale" in API group "apps" '
        'in the namespace "z"'
    )
    assert said(api.delete, kinds.by_key("nodes"), "", "minikube", who) == (
        f'nodes "minikube" is forbidden: {user} cannot delete resource "nodes" in API group "" at the cluster scope'
    )


def test_a_role_allows_what_its_rules_say(cluster: Cluster) -> None:
    who = reader(cluster)
    bind(cluster, "look", "Role", ("get", "list"))
    assert cluster.api.select(PODS, "z", request=who).items == []
    assert said(cluster.api.delete_collection, PODS, "z", who).startswith("pods is forbidden")
    assert said(cluster.api.select, PODS, "default", request=who).endswith('in the namespace "default"')


def test_a_role_that_is_not_there_is_named(cluster: Cluster) -> None:
    bind(cluster, "lost")
    assert said(cluster.api.select, PODS, "z", request=reader(cluster)) == (
        'pods is forbidden: User "system:serviceaccount:z:reader" cannot list resource "pods" in API group "" in the '
        'namespace "z": RBAC: clusterrole.rbac.authorization.k8s.io "lost" not found'
    )


@pytest.mark.parametrize(
    ("role", "verb", "resource", "group", "allowed"),
    [
        ("view", "list", "pods", "", True),
        ("view", "get", "pods/log", "", True),
        ("view", "get", "secrets", "", False),
        ("view", "create", "pods", "", False),
        ("edit", "get", "secrets", "", True),
        ("edit", "update", "deployments/scale", "apps", True),
        ("edit", "create", "pods/exec", "", True),
        ("edit", "create", "roles", RBAC, False),
        ("edit", "update", "resourcequotas", "", False),
        ("admin", "create", "roles", RBAC, True),
        ("admin", "delete", "pods", "", True),
        ("admin", "update", "resourcequotas", "", False),
        ("cluster-admin", "update", "resourcequotas", "", True),
    ],
)
def test_the_usual_roles_allow_what_they_do_in_a_real_cluster(
    cluster: Cluster, role: str, verb: str, resource: str, group: str, allowed: bool
) -> None:
    bind(cluster, role)
    name, _, below = resource.partition("/")
    asked = {"verb": verb, "resource": name, "subresource": below, "group": group, "namespace": "z"}
    status = review(cluster, "SelfSubjectAccessReview", {"resourceAttributes": asked}, reader(cluster))
    assert status["allowed"] is allowed


def test_an_access_review_says_by_which_binding(cluster: Cluster) -> None:
    bind(cluster, "view")
    asked = {"verb": "list", "resource": "pods", "namespace": "z"}
    spec = {"user": "system:serviceaccount:z:reader", "resourceAttributes": asked}
    assert review(cluster, "SubjectAccessReview", spec, ME) == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "view/z" of ClusterRole "view" to ServiceAccount "reader/z"',
    }
    assert review(cluster, "LocalSubjectAccessReview", spec, ME, "z")["allowed"] is True
    assert review(cluster, "SubjectAccessReview", {**spec, "user": "someone"}, ME) == {"allowed": False}


def test_everyone_may_read_the_paths_of_discovery(cluster: Cluster) -> None:
    who = reader(cluster)
    for path in ("/api", "/apis/apps/v1", "/version", "/healthz", "/openapi/v3"):
        cluster.api.access.check_path(who, "get", path)
    with pytest.raises(ApiError) as caught:
        cluster.api.access.check_path(who, "get", "/metrics")
    assert caught.value.message == 'forbidden: User "system:serviceaccount:z:reader" cannot get path "/metrics"'


def test_a_rules_review_lists_what_one_may_do(cluster: Cluster) -> None:
    bind(cluster, "look", "Role", ("get", "list"))
    status = review(cluster, "SelfSubjectRulesReview", {"namespace": "z"}, reader(cluster))
    assert {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]} in status["resourceRules"]
    assert any("/version" in rule["nonResourceURLs"] for rule in status["nonResourceRules"])
    assert status["incomplete"] is False


# -- escalation ----------------------------------------------------------------------------------------------------


def role(name: str, verbs: list[str], resource: str) -> Obj:
    rules = [{"apiGroups": [""], "resources": [resource], "verbs": verbs}]
    return {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}


def test_nobody_grants_what_they_do_not_hold(cluster: Cluster) -> None:
    bind(cluster, "admin")
    who, roles = reader(cluster), kinds.by_key(f"roles.{RBAC}")
    cluster.api.create(roles, "z", role("pods", ["get", "delete"], "pods"), who)
    assert said(cluster.api.create, roles, "z", role("nodes", ["get", "list"], "nodes"), who) == (
        'roles.rbac.authorization.k8s.io "nodes" is forbidden: user "system:serviceaccount:z:reader" '
        '(groups=["system:serviceaccounts" "system:serviceaccounts:z" "system:authenticated"]) is attempting to grant '
        "RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}'
    )
    widened = role("pods", ["*"], "pods")
    assert said(cluster.api.update, roles, "z", "pods", widened, who).endswith(
        '{APIGroups:[""], Resources:["pods"], Verbs:["*"]}'
    )


def test_nobody_binds_a_role_that_gives_more_than_they_hold(cluster: Cluster) -> None:
    bind(cluster, "admin")
    who, bindings = reader(cluster), kinds.by_key(f"rolebindings.{RBAC}")

    def binding(name: str) -> Obj:
        ref = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
        subjects = [{"kind": "ServiceAccount", "name": "default", "namespace": "z"}]
        head: Obj = {"apiVersion": f"{RBAC}/v1", "kind": "RoleBinding", "metadata": {"name": f"of-{name}"}}
        return head | {"roleRef": ref, "subjects": subjects}

    cluster.api.create(bindings, "z", binding("view"), who)
    words = said(cluster.api.create, bindings, "z", binding("cluster-admin"), who)
    assert words.startswith('rolebindings.rbac.authorization.k8s.io "of-cluster-admin" is forbidden: user ')
    assert '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}' in words
    with pytest.raises(ApiError) as caught:
        cluster.api.create(bindings, "z", binding("lost"), who)
    assert caught.value.message == 'clusterrole.rbac.authorization.k8s.io "lost" not found'
    cluster.api.create(bindings, "z", binding("cluster-admin"), ME)
