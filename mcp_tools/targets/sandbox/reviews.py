"""Reviews and tokens: the kinds that answer a question and are not stored.

Source: ``pkg/registry/authentication``, ``pkg/registry/authorization`` and ``core/serviceaccount/storage/token.go``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox import access, errors, kinds, meta, rbac
from mcp_tools.targets.sandbox.errors import ApiError, FieldError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.api import Api

AUTHN, AUTHZ = "authentication.k8s.io", "authorization.k8s.io"
KEYS = frozenset(
    {
        f"tokenreviews.{AUTHN}",
        f"selfsubjectreviews.{AUTHN}",
        f"subjectaccessreviews.{AUTHZ}",
        f"selfsubjectaccessreviews.{AUTHZ}",
        f"localsubjectaccessreviews.{AUTHZ}",
        f"selfsubjectrulesreviews.{AUTHZ}",
    }
)
HOUR = 3600
SHORTEST = 600
LONGEST = 1 << 32


def answer(api: Api, kind: Kind, namespace: str, body: Obj, request: Request) -> Obj:
    """The review with its status. It is no object: it has no name, and was never created."""
    body["metadata"] = {name: value for name, value in body["metadata"].items() if value} | {"creationTimestamp": None}
    if kind.kind == "SelfSubjectReview":
        body["metadata"]["creationTimestamp"] = api.clock.stamp()
        body["status"] = {"userInfo": access.user_info(request)}
    elif kind.kind == "TokenReview":
        body["status"] = _token_status(api, body)
    elif kind.kind == "SelfSubjectRulesReview":
        body["status"] = _rules_status(api, body, request)
    else:
        body["status"] = _access_status(api, kind, namespace, body, request)
    return body


# -- tokens --------------------------------------------------------------------------------------------------------


def _token_status(api: Api, body: Obj) -> Obj:
    spec = body.get("spec") or {}
    text = spec.get("token", "")
    if not text:
        raise errors.bad_request("token is required for TokenReview in authentication")
    found = api.access.authenticate(text)
    if found is None:
        return {"user": {}, "error": "invalid bearer token"}
    claims = api.access.claims(text)
    audiences = (claims or {}).get("aud", [access.ISSUER])
    asked = spec.get("audiences") or [access.ISSUER]
    common = [audience for audience in asked if audience in audiences]
    if not common:
        has, wants = (" ".join(f'"{name}"' for name in names) for names in (audiences, asked))
        why = f"token audiences [{has}] is invalid for the target audiences [{wants}]"
        return {"user": {}, "error": f"[invalid bearer token, {why}]"}
    return {"authenticated": True, "user": access.user_info(found), "audiences": common}


def token(api: Api, account: Obj, body: Obj, request: Request) -> Obj:
    """A new token of a service account: ``kubectl create token``."""
    spec = dict(body.get("spec") or {})
    seconds = spec.get("expirationSeconds", HOUR)
    _check_seconds(seconds)
    bound = spec.get("boundObjectRef")
    facts = account["metadata"]
    now = int(api.clock.now())
    kubernetes: dict[str, Any] = {"namespace": facts["namespace"]}
    if bound:
        kubernetes |= _bound(api, facts, bound)
    kubernetes["serviceaccount"] = {"name": facts["name"], "uid": facts["uid"]}
    audiences = spec.get("audiences") or [access.ISSUER]
    claims = {
        "aud": audiences,
        "exp": now + seconds,
        "iat": now,
        "iss": access.ISSUER,
        "jti": meta.new_uid(),
        "kubernetes.io": kubernetes,
        "nbf": now,
        "sub": f"system:serviceaccount:{facts['namespace']}:{facts['name']}",
    }
    told = {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": bound}
    return {
        "kind": "TokenRequest",
        "apiVersion": f"{AUTHN}/v1",
        "metadata": {"name": facts["name"], "namespace": facts["namespace"], "creationTimestamp": api.clock.stamp()},
        "spec": told,
        "status": {"token": api.access.sign(claims), "expirationTimestamp": api.clock.stamp(now + seconds)},
    }


def _check_seconds(seconds: Any) -> None:
    why = ""
    if seconds < SHORTEST:
        why = "may not specify a duration less than 10 minutes"
    elif seconds > LONGEST:
        why = "may not specify a duration larger than 2^32 seconds"
    if why:
        request = Kind(AUTHN, "v1", "TokenRequest", "tokenrequests", "tokenrequest", True, frozenset())
        mistake = FieldError("spec.expirationSeconds", "FieldValueInvalid", f"Invalid value: {seconds}: {why}")
        raise errors.invalid(request, "", [mistake])


def _bound(api: Api, facts: Obj, bound: Obj) -> dict[str, Any]:
    key = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}.get(bound.get("kind", ""))
    if key is None:
        raise errors.bad_request(
            f'cannot bind token for serviceaccount "{facts["name"]}" to object "{bound.get("name", "")}" of kind '
            f"{bound.get('apiVersion', 'v1')}, Kind={bound.get('kind', '')}"
        )
    home = "" if key == "nodes" else facts["namespace"]
    found = api.get(kinds.by_key(key), home, bound.get("name", ""))
    uid = found["metadata"]["uid"]
    if bound.get("uid") and bound["uid"] != uid:
        raise errors.conflict(
            kinds.by_key(key),
            bound["name"],
            f"the UID in the bound object reference ({bound['uid']}) does not match the UID in record. The object "
            "might have been deleted and then recreated",
        )
    named = {bound["kind"].lower(): {"name": bound["name"], "uid": uid}}
    node = api.store.get("nodes", "", found.get("spec", {}).get("nodeName", "")) if key == "pods" else None
    if node is not None:
        named["node"] = {"name": node["metadata"]["name"], "uid": node["metadata"]["uid"]}
    return dict(sorted(named.items()))


# -- access reviews ------------------------------------------------------------------------------------------------


def _access_status(api: Api, kind: Kind, namespace: str, body: Obj, request: Request) -> Obj:
    spec = body.get("spec") or {}
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (other is None):
        why = (
            "exactly one of nonResourceAttributes or resourceAttributes must be specified"
            if resource is None
            else "cannot be specified in combination with resourceAttributes"
        )
        place, message = ("spec.resourceAttributes", f'Invalid value: "null": {why}')
        if other is not None:
            place, message = "spec.nonResourceAttributes", f"Invalid value: {other}: {why}"
        raise _invalid(kind, place, message)
    if kind.kind == "SelfSubjectAccessReview":
        user, groups = request.user, request.groups
    else:
        user, groups = spec.get("user", ""), tuple(spec.get("groups") or ())
        if not user and not groups:
            message = 'Invalid value: "": at least one of user or group must be specified'
            raise _invalid(kind, "spec.user", message)
    if kind.kind == "LocalSubjectAccessReview" and (resource or {}).get("namespace", "") != namespace:
        raise errors.bad_request(
            f"spec.resourceAttributes.namespace must match namespace: {(resource or {}).get('namespace', '')}"
        )
    asked = _asked(resource or {}, other or {})
    may, why = rbac.allowed(api.store, user, groups, asked)
    if not may:
        return {"allowed": False} | ({"reason": why} if why else {})
    said = "" if meta.MASTERS in groups else rbac.reason(api.store, user, groups, asked)
    return {"allowed": True} | ({"reason": said} if said else {})


def _invalid(kind: Kind, place: str, message: str) -> ApiError:
    """The refusal of a review, in which the server leaves out what kind it is."""
    refused = errors.invalid(replace(kind, kind=""), "", [FieldError(place, "FieldValueInvalid", message)])
    refused.details = {name: value for name, value in (refused.details or {}).items() if name != "kind"}
    return refused


def _asked(resource: Obj, other: Obj) -> rbac.Asked:
    if other:
        return rbac.Asked(other.get("verb", ""), "", "", "", "", path=other.get("path", ""))
    name = resource.get("resource", "")
    if resource.get("subresource"):
        name += f"/{resource['subresource']}"
    return rbac.Asked(
        resource.get("verb", ""),
        resource.get("group", ""),
        name,
        resource.get("namespace", ""),
        resource.get("name", ""),
    )


def _rules_status(api: Api, body: Obj, request: Request) -> Obj:
    namespace = (body.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise errors.bad_request("no namespace on request")
    resources, others = [], []
    for rule in rbac.rules(api.store, request.user, request.groups, namespace):
        if rule.get("nonResourceURLs"):
            others.append({"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]})
        else:
            names = ("verbs", "apiGroups", "resources", "resourceNames")
            resources.append({name: rule[name] for name in names if rule.get(name)})
    return {"resourceRules": resources, "nonResourceRules": others, "incomplete": False}
