# ruff: noqa: E501 (objects on one line each read as a table)
"""Who may do what: reviews, roles, tokens, and the refusals."""

from __future__ import annotations

from typing import Any

from tests.parity.case import case
from tests.parity.manifests import config, pod, thing
from tests.parity.stage import Stage

FAMILY = "access"
RBAC = "rbac.authorization.k8s.io/v1"
JANE = {"Impersonate-User": "jane", "Impersonate-Group": "developers"}
AUTH, ACCESS = "authentication.k8s.io/v1", "authorization.k8s.io/v1"


def _role(name: str, *verbs: str, kind: str = "Role", **rule: Any) -> Any:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": list(verbs)} | rule]
    return thing(kind, name, RBAC, rules=rules)


def _binding(name: str, role: str, *subjects: Any, kind: str = "Role") -> Any:
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    return thing("RoleBinding", name, RBAC, roleRef=ref, subjects=list(subjects))


USER = {"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}
GROUP = {"kind": "Group", "name": "developers", "apiGroup": "rbac.authorization.k8s.io"}


@case(FAMILY)
def refusals(s: Stage) -> None:
    s.make(config("a"))
    for place in (
        "configmaps",
        "configmaps/a",
        "pods/a/log",
        "deployments",
        "/api/v1/nodes",
        "/apis/apps/v1/deployments",
    ):
        s.get(place, headers=JANE)
    s.post("configmaps", config("b"), headers=JANE)
    s.put("configmaps/a", config("a"), headers=JANE)
    s.patch("configmaps/a", {}, headers=JANE)
    s.delete("configmaps/a", headers=JANE)
    s.delete("configmaps", headers=JANE)
    s.get("configmaps", query={"watch": "true"}, headers=JANE)
    s.get("/metrics", headers=JANE)
    s.get("/api", headers=JANE, show=["kind"])
    s.post("/api/v1/namespaces", thing("Namespace", "parity-x"), headers=JANE)


@case(FAMILY)
def a_role_opens(s: Stage) -> None:
    s.make(config("a"), _role("reader", "get", "list"), _binding("jane", "reader", USER))
    s.until("configmaps", lambda listed: s.client.get(s.path("configmaps"), headers=JANE).status_code == 200)
    s.get("configmaps/a", headers=JANE, show="none")
    s.get("secrets", headers=JANE)
    s.delete("configmaps/a", headers=JANE)


@case(FAMILY)
def a_role_of_names_and_groups(s: Stage) -> None:
    s.make(config("a"), config("b"), _role("one", "get", resourceNames=["a"]), _binding("devs", "one", GROUP))
    s.until("configmaps", lambda listed: s.client.get(s.path("configmaps/a"), headers=JANE).status_code == 200)
    s.get("configmaps/b", headers=JANE)
    s.get("configmaps", headers=JANE)


@case(FAMILY)
def a_cluster_role_in_one_namespace(s: Stage) -> None:
    s.make(pod(nodeSelector={"no": "where"}), _binding("view", "view", USER, kind="ClusterRole"))
    s.until("pods", lambda listed: s.client.get(s.path("pods"), headers=JANE).status_code == 200)
    s.get("secrets", headers=JANE)
    s.get("/api/v1/pods", headers=JANE)


@case(FAMILY)
def more_than_one_has_cannot_be_given(s: Stage) -> None:
    s.make(_role("giver", "create", "bind", apiGroups=["rbac.authorization.k8s.io"], resources=["roles"]))
    s.make(_binding("giver", "giver", USER))
    s.until("roles", lambda _: s.client.post(s.path("roles"), params={"dryRun": "All"}, json=_role("z"), headers=JANE).status_code != 403)  # fmt: skip
    s.post("roles", _role("big", "get"), headers=JANE)
    s.post("rolebindings", _binding("x", "admin", USER, kind="ClusterRole"), headers=JANE)


@case(FAMILY)
def binding_to_a_missing_role(s: Stage) -> None:
    s.post("rolebindings", _binding("x", "nothing", USER))
    s.until("rolebindings", lambda _: "RBAC" in s.client.get(s.path("configmaps"), headers=JANE).text)
    s.get("configmaps", headers=JANE)


@case(FAMILY)
def reviews(s: Stage) -> None:
    s.make(_role("reader", "get"), _binding("jane", "reader", USER))
    s.until("configmaps", lambda listed: s.client.get(s.path("configmaps/kube-root-ca.crt"), headers=JANE).status_code == 200)  # fmt: skip
    asked = {"namespace": s.namespace, "verb": "get", "resource": "configmaps"}
    own, other = "selfsubjectaccessreviews", "subjectaccessreviews"
    s.post(own, thing("SelfSubjectAccessReview", "", ACCESS, spec={"resourceAttributes": asked}), show=["status"])
    s.post(
        own,
        thing("SelfSubjectAccessReview", "", ACCESS, spec={"resourceAttributes": asked}),
        headers=JANE,
        show=["status"],
    )
    for verb in ("get", "delete"):
        body = {"resourceAttributes": asked | {"verb": verb}, "user": "jane"}
        s.post(other, thing("SubjectAccessReview", "", ACCESS, spec=body))
    local = {"resourceAttributes": asked, "user": "jane"}
    s.post(
        "localsubjectaccessreviews",
        thing("LocalSubjectAccessReview", "", ACCESS, meta={"namespace": s.namespace}, spec=local),
        show=["status"],
    )
    s.post(
        other,
        thing(
            "SubjectAccessReview",
            "",
            ACCESS,
            spec={"nonResourceAttributes": {"path": "/metrics", "verb": "get"}, "user": "jane"},
        ),
        show=["status"],
    )
    s.post(other, thing("SubjectAccessReview", "", ACCESS, spec={"user": "jane"}))
    s.post(own, thing("SelfSubjectAccessReview", "", ACCESS, spec={}))
    s.post(
        "selfsubjectrulesreviews",
        thing("SelfSubjectRulesReview", "", ACCESS, spec={"namespace": s.namespace}),
        headers=JANE,
        show=["status.incomplete", "status.resourceRules.0"],
    )


@case(FAMILY)
def who_am_i(s: Stage) -> None:
    s.post("selfsubjectreviews", thing("SelfSubjectReview", "", AUTH), headers=JANE, show=["status"])
    s.get("configmaps", headers={"Impersonate-Group": "x"})


@case(FAMILY)
def tokens(s: Stage) -> None:
    made = s.post("serviceaccounts/default/token", thing("TokenRequest", "", "authentication.k8s.io/v1", spec={}), show=["kind", "spec.audiences", "spec.expirationSeconds"])  # fmt: skip
    token = made["status"]["token"]
    headers = {"Authorization": f"Bearer {token}"}
    s.get("configmaps", client=s.cluster.stranger(), headers=headers)
    s.post(
        "selfsubjectreviews",
        thing("SelfSubjectReview", "", AUTH),
        client=s.cluster.stranger(),
        headers=headers,
        show=lambda d: [d["status"]["userInfo"]["username"], d["status"]["userInfo"]["groups"]],
    )
    s.post(
        "tokenreviews",
        thing("TokenReview", "", AUTH, spec={"token": token}),
        show=lambda d: [d["status"]["authenticated"], d["status"]["user"]["username"], d["status"]["user"]["groups"]],
    )
    s.post("tokenreviews", thing("TokenReview", "", AUTH, spec={"token": "nonsense"}), show=["status"])
    s.post("serviceaccounts/none/token", thing("TokenRequest", "", "authentication.k8s.io/v1", spec={}))
    s.post(
        "serviceaccounts/default/token",
        thing("TokenRequest", "", "authentication.k8s.io/v1", spec={"expirationSeconds": 5}),
    )


@case(FAMILY)
def token_of_an_account_that_is_gone(s: Stage) -> None:
    s.make(thing("ServiceAccount", "robot"))
    made = s.client.post(s.path("serviceaccounts/robot/token"), json=thing("TokenRequest", "", AUTH, spec={})).json()
    headers = {"Authorization": f"Bearer {made['status']['token']}"}
    s.client.delete(s.path("serviceaccounts/robot"))
    robot = s.cluster.stranger()  # what has been looked up a moment ago counts for a moment more
    s.until("serviceaccounts", lambda _: robot.get(s.path("configmaps"), headers=headers).status_code == 401)
    s.get("configmaps", client=robot, headers=headers)


@case(FAMILY)
def an_account_in_a_role(s: Stage) -> None:
    account = {"kind": "ServiceAccount", "name": "robot", "namespace": s.namespace}
    s.make(thing("ServiceAccount", "robot"), _role("reader", "list"), _binding("robot", "reader", account))
    made = s.client.post(s.path("serviceaccounts/robot/token"), json=thing("TokenRequest", "", AUTH, spec={})).json()
    robot, headers = s.cluster.stranger(), {"Authorization": f"Bearer {made['status']['token']}"}
    s.until("configmaps", lambda listed: robot.get(s.path("configmaps"), headers=headers).status_code == 200)
    s.get("configmaps", client=robot, headers=headers, show=["kind"])
    s.get("configmaps/a", client=robot, headers=headers)


@case(FAMILY)
def secret_of_an_account(s: Stage) -> None:
    meta = {"annotations": {"kubernetes.io/service-account.name": "default"}}
    s.make(thing("Secret", "t", type="kubernetes.io/service-account-token", meta=meta))
    found = s.until("secrets/t", lambda d: "token" in d.get("data", {}))
    s.note("keys", sorted(found["data"]))
    meta = {"annotations": {"kubernetes.io/service-account.name": "nobody"}}
    s.make(thing("Secret", "u", type="kubernetes.io/service-account-token", meta=meta))
    s.gone("secrets/u")


@case(FAMILY)
def words_of_kubectl(s: Stage) -> None:
    for line in ("get configmaps --as jane", "get nodes --as jane", "delete pod a --as jane", "auth whoami --as jane"):
        s.kubectl(line)
    for line in ("auth can-i get pods", "auth can-i delete pods --as jane", "auth can-i get balls"):
        s.kubectl(line)
    s.kubectl("apply --as jane -f -", stdin=config("a"))
    s.kubectl("create token nobody")
