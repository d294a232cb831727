"""The offline planner: a model of the Agents SDK that needs no language model.

``understand`` says what a message asks for, ``interpret`` what it means in its conversation, ``plans`` which calls
that takes, ``answers`` how their results are told; ``engine`` plays it, and ``model`` is its face to the SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.planner.context import Application, PlannerContext, Service

if TYPE_CHECKING:
    from agent.planner.model import LABEL, OfflinePlanner

__all__ = ["LABEL", "Application", "OfflinePlanner", "PlannerContext", "Service"]


def __getattr__(name: str) -> Any:
    """The model, loaded when it is asked for: it brings the Agents SDK."""
    if name in ("LABEL", "OfflinePlanner"):
        from agent.planner import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
