"""What the engine needs from outside: somebody who calls tools, and somewhere to write down what happened."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

Say = Callable[[float, float | None, str], Awaitable[None]]


@dataclass(frozen=True)
class StepResult:
    """What a call of a tool gave. ``data`` is its structured result as JSON data.

    ``unknown`` is what a simulation cannot know. When nothing was ``asked`` besides, there is nothing to expect.
    """

    effect: str
    changed: bool
    data: dict[str, Any]
    evidence: list[str] = field(default_factory=list)
    confirmation: str | None = None
    unknown: list[str] = field(default_factory=list)
    asked: bool = True


class StepHandle(Protocol):
    """The step on whose behalf a tool is called."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def run_id(self) -> str:
        """The run that it is of."""

    async def say(self, done: float, total: float | None, message: str) -> None:
        """How far the tool is."""

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """While a human is being asked, the step's time does not run."""


class ToolCaller(Protocol):
    """Calls tools by name, through whatever guards them."""

    def effect(self, tool: str) -> str:
        """The largest effect of a tool: ``read``, ``create``, ``change`` or ``destroy``.

        Raises:
            StepError: there is no such tool.
        """

    async def call(self, tool: str, args: dict[str, Any], step: StepHandle) -> StepResult:
        """Call a tool.

        Raises:
            StepWaits: a human must be asked first, and cannot be from here.
            StepDeclined: a human said no.
            StepError: it failed.
        """


class RunStore(Protocol):
    """The durable record: whatever is saved is there after a kill -9."""

    def save_run(self, run: dict[str, Any]) -> None:
        """Store a run (``id``, ``status``)."""

    def load_run(self, run_id: str) -> dict[str, Any] | None:
        """A run; None when there is none."""

    def save_step(self, run_id: str, step: dict[str, Any]) -> None:
        """Store a step of a run (``id``)."""

    def load_steps(self, run_id: str) -> list[dict[str, Any]]:
        """The steps of a run, in the order in which they were first stored."""


class Docs(Protocol):
    """Answers documentation look-ups."""

    async def look_up(self, note: str) -> str:
        """Look the topic up; the answer names the source: ``context7`` or ``packaged``."""
