"""What happens in a conversation, as typed events: terminal, plain mode and ``--json`` all show the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from agent.confirm import Choice, Question

__all__ = [
    "Answered",
    "Asked",
    "Event",
    "Notice",
    "Spent",
    "TextDelta",
    "ToolFinished",
    "ToolProgress",
    "ToolStarted",
    "TurnEnded",
    "document",
]

Ending = Literal["done", "waiting", "interrupted", "failed", "budget"]


@dataclass(frozen=True)
class TextDelta:
    """A piece of the answer, in Markdown."""

    text: str


@dataclass(frozen=True)
class ToolStarted:
    """A tool is called. ``server`` is empty for Longshore's own server."""

    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    server: str = ""


@dataclass(frozen=True)
class ToolProgress:
    """How far a running tool is; ``total`` is None when nobody knows."""

    call_id: str
    done: float
    total: float | None
    message: str


@dataclass(frozen=True)
class ToolFinished:
    """A tool has answered. ``text`` is what the model reads, ``data`` the structured result; ``problem`` on failure."""

    call_id: str
    tool: str
    ok: bool
    text: str
    seconds: float
    data: Mapping[str, Any] = field(default_factory=dict)
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Asked:
    """A human is asked to confirm one preview."""

    question: Question


@dataclass(frozen=True)
class Answered:
    """What the human said."""

    question: Question
    choice: Choice


@dataclass(frozen=True)
class Notice:
    """A line from the program itself, not from the model."""

    text: str
    kind: Literal["info", "warning", "error"] = "info"


@dataclass(frozen=True)
class Spent:
    """What the conversation has used so far. ``money`` is in US dollars; None when the model's price is not known."""

    turns: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    money: float | None = None


@dataclass(frozen=True)
class TurnEnded:
    """The turn is over. ``waiting``: a confirmation is left open; ``why``: what failed, or which budget is used up."""

    ending: Ending
    spent: Spent
    why: str = ""
    remedy: str = ""


Event = TextDelta | ToolStarted | ToolProgress | ToolFinished | Asked | Answered | Notice | TurnEnded

_NAMES = {
    TextDelta: "text",
    ToolStarted: "tool_started",
    ToolProgress: "tool_progress",
    ToolFinished: "tool_finished",
    Asked: "asked",
    Answered: "answered",
    Notice: "notice",
    TurnEnded: "turn_ended",
}


def document(event: Event) -> dict[str, Any]:
    """The event as one JSON object; ``event`` names its type."""
    return {"event": _NAMES[type(event)], **asdict(event)}
