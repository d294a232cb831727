"""One understood request, and what an answer can leave open for the next turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agent.planner.mood import Mood
from agent.planner.names import Thing

__all__ = ["Open", "Request"]

Slot = Literal["thing", "number", "choice", "confirm"]


@dataclass(frozen=True)
class Request:
    """What the user wants: an intent, how it is spoken of, and its slots."""

    intent: str
    mood: Mood = "do"
    things: tuple[Thing, ...] = ()
    choices: tuple[Thing, ...] = ()
    """What one mention can mean, when it is not clear."""
    unknown: tuple[str, ...] = ()
    concepts: frozenset[str] = frozenset()
    kind: str = ""
    numbers: tuple[int, ...] = ()
    namespace: str = ""
    everywhere: bool = False
    quoted: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    """revision, replicas, by, tail, since, run_id, stages, image, grep, reason, previous, application."""
    pronoun: bool = False
    words: str = ""

    @property
    def whole(self) -> bool:
        """It is about the application as a whole."""
        return "APP" in self.concepts or any(thing.kind == "app" for thing in self.things)

    def about(self, *things: Thing) -> Request:
        """The same for other things."""
        return replace(self, things=things, choices=(), unknown=(), pronoun=False)

    def option(self, name: str, value: Any) -> Request:
        """The same with one more option."""
        return replace(self, options={**self.options, name: value})


@dataclass(frozen=True)
class Open:
    """A question of ours that waits for an answer: which slot of which request, and the choices that were named."""

    request: Request
    slot: Slot
    choices: tuple[Thing, ...] = ()
    requests: tuple[Request, ...] = ()
    """For ``choice``: what each choice leads to; for ``confirm``: what a yes leads to."""
    labels: tuple[str, ...] = ()
