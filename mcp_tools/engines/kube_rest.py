"""The HTTP layer of the Kubernetes engine, and the lock on it: no write leaves it outside a permit.

Every request of the engine passes :meth:`GuardedRest.request`. What may pass without a permit: reads; dry runs;
reviews of our own rights; and the one Lease by which runs exclude each other. Programs in containers are never
started here (see ``kube_exec``).
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubernetes.client.rest import RESTClientObject, RESTResponse

from mcp_tools.effects import Effect
from mcp_tools.errors import Refused
from mcp_tools.guard.permit import Permit

LEASE_NAMESPACE = "kube-system"
LEASE_NAME = "longshore"
_LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{LEASE_NAMESPACE}/leases"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_PROCESS_PATHS = ("/exec", "/attach", "/portforward")
_RELEASE_RECORD = re.compile(r"/api/v1/namespaces/[^/]+/secrets/sh\.helm\.release\.v1\.[^/]+")
_NEEDS = {"POST": Effect.CREATE, "PATCH": Effect.CREATE, "PUT": Effect.CHANGE, "DELETE": Effect.CHANGE}

_permit: ContextVar[Permit | None] = ContextVar("longshore_permit", default=None)


@contextlib.contextmanager
def under(permit: Permit | None) -> Iterator[None]:
    """Requests made inside are made under this permit (threads started inside see it as well)."""
    token = _permit.set(permit)
    try:
        yield
    finally:
        _permit.reset(token)


def check(method: str, url: str, body: Any = None) -> None:
    """Let a request through, or not.

    Raises:
        Refused: a write outside a permit, or one that the permit does not cover.
    """
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if path.endswith(_PROCESS_PATHS):
        raise Refused("programs in containers are started by probes only", f"{method} {path}")
    if method in _READS:
        return
    if _free(method, path, parse_qs(parts.query), body):
        return
    permit = _permit.get()
    if permit is None:
        raise Refused("this request writes and there is no permit for it", f"{method} {path}")
    if method == "DELETE" and _RELEASE_RECORD.fullmatch(path):
        permit.require(Effect.CREATE)  # Helm's book-keeping of an interrupted operation, not an object that runs
        return
    permit.require(_NEEDS.get(method, Effect.DESTROY))


def _free(method: str, path: str, query: dict[str, list[str]], body: Any) -> bool:
    if method == "POST" and path.startswith("/apis/auth") and path.rsplit("/", 1)[-1].startswith("selfsubject"):
        return True
    if query.get("dryRun") == ["All"]:
        return not path.endswith(("/token", "/proxy", "/eviction", "/binding")) and "/proxy/" not in path
    if method in {"PUT", "PATCH"}:
        return path == f"{_LEASES}/{LEASE_NAME}"
    if method == "POST" and path == _LEASES:
        document = json.loads(body) if isinstance(body, (str, bytes)) else body
        return bool(document) and document.get("metadata", {}).get("name") == LEASE_NAME
    return False


class GuardedRest(RESTClientObject):  # type: ignore[misc]  # the package is untyped here
    """The kubernetes package's own HTTP client, with :func:`check` before every request."""

    def request(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: Any = None,
        post_params: Any = None,
        _request_timeout: Any = None,
    ) -> RESTResponse:
        """Send one request; see :func:`check` for what is refused."""
        check(method.upper(), url, body)
        return super().request(method, url, headers, body, post_params, _request_timeout)
