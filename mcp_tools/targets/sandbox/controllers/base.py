"""How controllers run: changes name objects, each is reconciled once however many changes there were.

The pattern is that of client-go's work queues: level-triggered, keyed by object, never two runs of one key at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

from mcp_tools.targets.sandbox.clock import Clock, Timer
from mcp_tools.targets.sandbox.store import Change, Ref, Store

log = logging.getLogger(__name__)
LIMIT = 200_000
"""Reconciliations in one drain; more means that two controllers undo each other's work."""


class Controller(Protocol):
    """One controller. ``name`` is its component name, as events and managed fields carry it."""

    name: str

    def interested(self, change: Change) -> Iterable[Ref]:
        """The objects to be reconciled after that change; cheap, reads only."""

    def reconcile(self, ref: Ref) -> None:
        """Bring the object closer to its spec, or clean up when it is gone. Never waits: it asks for a later call."""


class Manager:
    """The queue of all controllers of a cluster. One thread only."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.clock = clock
        self._store = store
        self._controllers: list[Controller] = []
        self._queue: dict[tuple[int, Ref], None] = {}
        self._later: dict[tuple[int, Ref], Timer] = {}
        store.watch(self.seen)

    def add(self, controllers: Sequence[Controller]) -> None:
        """Let these take part."""
        self._controllers.extend(controllers)

    def seen(self, change: Change) -> None:
        """Enqueue what the controllers want to look at after that change."""
        for number, controller in enumerate(self._controllers):
            for ref in controller.interested(change):
                self._queue[number, ref] = None

    def enqueue(self, controller: Controller, ref: Ref) -> None:
        """Reconcile that object at the next drain."""
        self._queue[self._controllers.index(controller), ref] = None

    def after(self, seconds: float, controller: Controller, ref: Ref) -> None:
        """Reconcile that object when so many seconds have passed; an earlier call that was asked for stays."""
        place = (self._controllers.index(controller), ref)
        waiting = self._later.get(place)
        at = self.clock.now() + seconds / self.clock.speed
        if waiting is not None and waiting.action is not None:
            if waiting.at <= at:
                return
            waiting.cancel()

        def due() -> None:
            self._later.pop(place, None)
            self._queue[place] = None

        self._later[place] = self.clock.after(seconds, due)

    @property
    def idle(self) -> bool:
        """Whether nothing is to be done now."""
        return not self._queue

    def drain(self, limit: int = LIMIT) -> int:
        """Reconcile until the queue is empty, or so many times; how many it was.

        A controller's defect harms no other object.
        """
        done = 0
        while self._queue and done < limit:
            number, ref = next(iter(self._queue))
            del self._queue[number, ref]
            done += 1
            try:
                self._controllers[number].reconcile(ref)
            except Exception:
                log.exception("%s: %s", self._controllers[number].name, "/".join(ref))
        return done
