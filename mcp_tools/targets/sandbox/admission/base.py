"""What the admission plugins have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from mcp_tools.targets.sandbox import errors
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.api import Api

Action = Literal["CREATE", "UPDATE", "DELETE"]
_MADE_UP = re.compile(r"[bcdfghjklmnpqrstvwxz2456789]{5}\Z")


class Plugin:
    """A plugin that neither changes nor refuses; each overrides what it does."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.store = api.store

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
        """Change ``obj`` in place, or refuse."""

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
        """Refuse, or let pass."""


def unnamed(obj: Obj) -> str:
    """The name as a mutating plugin tells it: a name is generated after them, so it is only the beginning."""
    meta = obj["metadata"]
    base, name = meta.get("generateName") or "", meta.get("name") or ""
    if base and name.startswith(base[:58]) and _MADE_UP.match(name[len(base[:58]) :]):
        return base
    return name or base


def refused(kind: Kind, obj: Obj, why: str, *, mutating: bool = False) -> ApiError:
    """The refusal of a plugin; a mutating one does not know generated names yet."""
    name = unnamed(obj) if mutating else obj["metadata"].get("name") or obj["metadata"].get("generateName") or ""
    return errors.forbidden(kind, name, why)


def creates_pod(action: Action, kind: Kind, subresource: str) -> bool:
    """Whether a pod is being created."""
    return action == "CREATE" and kind.key == "pods" and not subresource


def all_of(texts: list[str]) -> str:
    """Several reasons as ``utilerrors.NewAggregate`` writes them."""
    unique = list(dict.fromkeys(texts))
    return unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"


def containers(spec: dict[str, Any]) -> list[Obj]:
    """The containers of a pod, those that run first first."""
    return [each for name in ("initContainers", "containers") for each in spec.get(name) or ()]
