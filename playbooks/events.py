"""What happens while a playbook runs, told to whoever listens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "run-started", "stage-started", "step-started", "step-progress", "step-finished", "stage-finished", "run-finished"
]


@dataclass(frozen=True)
class Event:
    """One thing that happened. ``done`` of ``total`` counts steps; ``stage`` of ``stages`` is the place in the run.

    ``step_done`` of ``step_total`` is how far the step itself says it is; ``seconds`` how long it has taken.
    """

    kind: Kind
    run_id: str
    status: str
    done: int
    total: int
    stage: int = 0
    stages: int = 0
    stage_id: str = ""
    step: str = ""
    title: str = ""
    message: str = ""
    changed: bool = False
    seconds: float = 0.0
    step_done: float = 0.0
    step_total: float | None = None

    def line(self) -> str:
        """For a person: ``[4/7 deployment] install-todo-backend: 1/1 ready``."""
        where = f"[{self.stage}/{self.stages} {self.stage_id}] " if self.stage else ""
        text = self.message or (f"{self.title}: {self.status}" if self.title else self.status)
        return f"{where}{self.step}: {text}" if self.step else f"{where}{text}"


OnEvent = Callable[[Event], Awaitable[None]]


async def nobody(event: Event) -> None:
    """Tells nobody."""
