"""Who asks, and what they may do: tokens, and the authorizer of the API.

Source: apiserver's ``authentication`` and ``responsewriters.Forbidden``; the tokens of service accounts are JSON Web
Tokens with the claims that a Kubernetes 1.33 writes, signed by a key of this cluster alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox import rbac
from mcp_tools.targets.sandbox.bootstrap_names import CONTROLLERS
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import MASTERS, Request
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.api import Api

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUTHENTICATED = "system:authenticated"
ACCOUNTS = "system:serviceaccounts"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Access:
    """Authentication and authorization of one cluster.

    ``admin_token`` is the bearer token of the administrator, none when empty; ``key`` signs the tokens of service
    accounts: whoever keeps a cluster keeps both.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.admin_token = ""
        self.key = secrets.token_bytes(32)

    # -- who asks ------------------------------------------------------------------------------------------------

    def authenticate(self, token: str) -> Request | None:
        """The one whom a bearer token names; None when it is not valid."""
        if self.admin_token and hmac.compare_digest(token.encode(), self.admin_token.encode()):
            return Request("minikube-user", (MASTERS, AUTHENTICATED))
        claims = self.claims(token)
        if claims is None:
            return None
        return account_request(claims)

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with those claims."""
        kid = _b64(hashlib.sha256(self.key).digest())
        head = _b64(json.dumps({"alg": "RS256", "kid": kid}, separators=(",", ":")).encode())
        body = _b64(json.dumps(claims, separators=(",", ":")).encode())
        signed = f"{head}.{body}"
        return f"{signed}.{_b64(hmac.new(self.key, signed.encode(), 'sha256').digest())}"

    def claims(self, token: str) -> dict[str, Any] | None:
        """The claims of a service account's token; None when it is forged, expired, or its account is gone."""
        signed, _, signature = token.rpartition(".")
        wanted = _b64(hmac.new(self.key, signed.encode(), "sha256").digest())
        if not hmac.compare_digest(signature.encode(), wanted.encode()):
            return None
        try:
            claims: dict[str, Any] = json.loads(_unb64(signed.partition(".")[2]))
        except ValueError:
            return None
        if claims["exp"] <= self._api.clock.now():
            return None
        bound = claims["kubernetes.io"]
        for key, part in (("serviceaccounts", "serviceaccount"), ("pods", "pod"), ("secrets", "secret")):
            named = bound.get(part)
            if named is None:
                continue
            found = self._api.store.get(key, bound["namespace"], named["name"])
            if found is None or found["metadata"]["uid"] != named["uid"]:
                return None
        return claims

    # -- what they may do ----------------------------------------------------------------------------------------

    def check(
        self, request: Request | None, verb: str, kind: Kind, namespace: str, name: str, subresource: str = ""
    ) -> None:
        """Refuse what the one who asks may not do. The cluster's own parts and masters may do everything.

        Raises:
            ApiError: 403.
        """
        if request is None or request.master or request.user in CONTROLLERS:
            return
        namespace = namespace if kind.namespaced or kind.key == "namespaces" else ""
        resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
        asked = rbac.Asked(verb, kind.group, resource, namespace, name)
        allowed, why = rbac.allowed(self._api.store, request.user, request.groups, asked)
        if not allowed:
            raise forbidden(request, asked, kind, why)

    def check_path(self, request: Request, verb: str, path: str) -> None:
        """The same for a URL that is no resource: ``/version``, ``/healthz``.

        Raises:
            ApiError: 403.
        """
        if request.master:
            return
        allowed, _ = rbac.allowed(
            self._api.store, request.user, request.groups, rbac.Asked(verb, "", "", "", "", path=path)
        )
        if not allowed:
            raise ApiError(403, f'forbidden: User "{request.user}" cannot {verb} path "{path}"', details={})


def forbidden(request: Request, asked: rbac.Asked, kind: Kind, why: str) -> ApiError:
    """The refusal, as the API server words it."""
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    said = f'User "{request.user}" cannot {asked.verb} resource "{asked.resource}" in API group "{asked.group}" {scope}'
    if why:
        said += f": {why}"
    title = f'{kind.resource} "{asked.name}"' if asked.name else kind.resource
    details: dict[str, Any] = {"name": asked.name} if asked.name else {}
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.plural
    return ApiError(403, f"{title} is forbidden: {said}", details=details)


def account_groups(namespace: str) -> tuple[str, ...]:
    """The groups of every service account of a namespace."""
    return (ACCOUNTS, f"{ACCOUNTS}:{namespace}", AUTHENTICATED)


def account_request(claims: dict[str, Any]) -> Request:
    """The one whom the claims of a service account's token name."""
    bound = claims["kubernetes.io"]
    namespace = bound["namespace"]
    extra = {}
    if "jti" in claims:
        extra["authentication.kubernetes.io/credential-id"] = [f"JTI={claims['jti']}"]
    for part in ("node", "pod"):
        if part in bound:
            extra[f"authentication.kubernetes.io/{part}-name"] = [bound[part]["name"]]
            extra[f"authentication.kubernetes.io/{part}-uid"] = [bound[part]["uid"]]
    return Request(claims["sub"], account_groups(namespace), uid=bound["serviceaccount"]["uid"], extra=extra)


def user_info(request: Request) -> Obj:
    """``authentication.k8s.io/v1 UserInfo`` of the one who asks."""
    found: Obj = {"username": request.user}
    if request.uid:
        found["uid"] = request.uid
    groups = request.groups if AUTHENTICATED in request.groups else (*request.groups, AUTHENTICATED)
    found["groups"] = list(groups)
    if request.extra:
        found["extra"] = request.extra
    return found
