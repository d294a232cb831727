"""What an admission plugin is, and how the API asks them all."""

from __future__ import annotations

from typing import Literal, Protocol

from mcp_tools.targets.sandbox import errors, kinds
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj, Store

Action = Literal["CREATE", "UPDATE", "DELETE"]
DEPRECATED = {
    "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    "componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
}
"""Warned of whenever they are asked for."""


class Admission(Protocol):
    """One admission plugin."""

    def admit(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Change ``obj`` in place, or refuse with an ApiError."""

    def validate(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Refuse with an ApiError."""


def check_namespace(store: Store, kind: Kind, namespace: str, name: str) -> None:
    """Refuse what is new in a namespace that is not there or that ends: the plugin NamespaceLifecycle.

    Raises:
        ApiError: 404; 403 with the cause NamespaceTerminating.
    """
    found = store.get("namespaces", "", namespace)
    if found is None:
        raise errors.not_found(kinds.by_key("namespaces"), namespace)
    if not found["metadata"].get("deletionTimestamp"):
        return
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    refused = errors.forbidden(kind, name, why)
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    refused.details = {**(refused.details or {}), "causes": [cause]}
    raise refused
