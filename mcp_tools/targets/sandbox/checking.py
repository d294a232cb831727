"""The checks on an object before it is stored, in the order of the registry.

Source: ``rest.BeforeCreate``, ``rest.BeforeUpdate`` and ``registry.Store`` of apiserver.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox import cautions, errors, validation, validation_meta
from mcp_tools.targets.sandbox.errors import ApiError, FieldError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj, Store


def check(kind: Kind, obj: Obj, old: Obj | None, request: Request, subresource: str) -> None:
    """Validate a new object, or the change of one, and warn of what is hardly meant.

    Raises:
        ApiError: 422, with every mistake.
    """
    mistakes: list[FieldError] = []
    if old is not None:
        # Once for every kind, and once more by the rules of its own.
        validation_meta.updated(mistakes, obj["metadata"], old["metadata"])
    if old is not None and subresource not in ("", "scale"):
        validation_meta.updated(mistakes, obj["metadata"], old["metadata"])
    else:
        mistakes += validation.validate(kind, obj, old)
    if mistakes:
        raise errors.invalid(kind, obj["metadata"].get("name", ""), mistakes)
    if not subresource and (old is None or _newer(obj, old)):
        for text in cautions.of(kind, obj):
            request.warn(text)


def _newer(obj: Obj, old: Obj) -> bool:
    """Whether it is a new generation."""
    return bool(obj["metadata"].get("generation") != old["metadata"].get("generation"))


def taken(store: Store, kind: Kind, facts: Obj) -> ApiError:
    """The refusal of a name that is taken."""
    refused = errors.already_exists(kind, facts["name"])
    there = store.get(kind.key, facts.get("namespace", ""), facts["name"])
    if there is not None and there["metadata"].get("deletionTimestamp"):
        refused.message = f"object is being deleted: {refused.message}"
    return refused
