"""Running the engine in tests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from playbooks.engine import Engine
from playbooks.events import Event
from playbooks.schema import Playbook
from playbooks.state import Run
from tests.playbooks.fakes import APP, MemoryStore, World, three


class Bench:
    """One world and one store; runs a playbook on them as often as a test wants."""

    def __init__(self) -> None:
        self.world, self.store = World(), MemoryStore()
        self.events: list[Event] = []
        self.app: dict[str, Any] = APP

    def new(self, playbook: Playbook | None = None, **about: Any) -> Run:
        run = Run.new(playbook or three(), target="nowhere", **about)
        self.store.save_run(run.model_dump(mode="json"))
        return run

    def engine(self, run: Run, playbook: Playbook | None = None) -> Engine:
        async def note(event: Event) -> None:
            self.events.append(event)

        return Engine(playbook or three(), run, self.app, self.world, self.store, on_event=note)

    def go(self, run: Run, playbook: Playbook | None = None, *, timeout: float = 20) -> Run:
        """Run (or go on) as a new process would: from what is stored."""
        stored = Run.model_validate(self.store.load_run(run.id))

        async def main() -> Run:
            return await asyncio.wait_for(self.engine(stored, playbook).run(), timeout)

        return asyncio.run(main())


@pytest.fixture
def bench() -> Bench:
    return Bench()
