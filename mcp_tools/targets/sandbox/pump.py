"""What runs a served cluster: the queue of its controllers in slices between requests, and its timers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

log = logging.getLogger(__name__)

SLICE = 25
"""Reconciliations between two looks at the sockets."""
LONGEST_SLEEP = 30.0
AFTER_FAILURE = 0.2


class Pump:
    """Brings the cluster forward on the event loop's thread. ``saved`` is called after each slice."""

    def __init__(self, cluster: Cluster, saved: Callable[[], None]) -> None:
        self._cluster = cluster
        self._saved = saved
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.Handle | None = None
        self._soon = False

    def start(self) -> None:
        """Begin; the event loop must run."""
        self._loop = asyncio.get_running_loop()
        self.wake()

    def stop(self) -> None:
        """Do nothing more."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle, self._loop = None, None

    def wake(self) -> None:
        """There may be something to do now."""
        if self._loop is None or self._soon:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._soon = True
        self._handle = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._soon = False
        if self._loop is None:
            return
        clock, manager = self._cluster.clock, self._cluster.manager
        try:
            if clock.real:
                clock.run_due()
            manager.drain(SLICE)
            self._saved()
        except Exception:  # a defect of one timer, or a full disk: the cluster goes on
            log.exception("the cluster's work was interrupted")
            self._handle = self._loop.call_later(AFTER_FAILURE, self._turn)
            return
        if not manager.idle:
            self.wake()
            return
        at = clock.next_at() if clock.real else None
        delay = LONGEST_SLEEP if at is None else min(max(at - clock.now(), 0.001), LONGEST_SLEEP)
        self._handle = self._loop.call_later(delay, self._turn)
