"""Time in the cluster, and what is to happen later.

Two ways of living: a served cluster follows the real time, its waits shortened by ``speed`` (a back-off of a minute
takes three seconds at 20), while every timestamp is the real time; a virtual one stands still until it is advanced,
and then jumps from one due call to the next.
"""

from __future__ import annotations

import datetime
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Any

Action = Callable[[], Any]


class Timer:
    """A call that is to happen at ``at``; ``cancel`` makes it not happen."""

    __slots__ = ("action", "at", "order")

    def __init__(self, at: float, order: int, action: Action | None) -> None:
        self.at, self.order, self.action = at, order, action

    def cancel(self) -> None:
        """Forget it."""
        self.action = None

    def __lt__(self, other: Timer) -> bool:
        return (self.at, self.order) < (other.at, other.order)


class Clock:
    """Seconds since the epoch, and a queue of calls. One thread only."""

    def __init__(self, *, start: float | None = None, speed: float = 1.0, real: bool = False) -> None:
        self._now = time.time() if start is None else start
        self.real = real
        self.speed = speed if real else 1.0
        self._timers: list[Timer] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Seconds since the epoch, in the cluster's time."""
        if self.real:
            self._now = max(self._now, time.time())
        return self._now

    def stamp(self, at: float | None = None) -> str:
        """``metav1.Time``: RFC 3339 in whole seconds."""
        moment = datetime.datetime.fromtimestamp(self.now() if at is None else at, datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def micro_stamp(self, at: float | None = None) -> str:
        """``metav1.MicroTime``: RFC 3339 with microseconds."""
        moment = datetime.datetime.fromtimestamp(self.now() if at is None else at, datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def after(self, seconds: float, action: Action) -> Timer:
        """Call ``action`` when that many seconds of the cluster have passed."""
        timer = Timer(self.now() + max(seconds, 0.0) / self.speed, next(self._order), action)
        heapq.heappush(self._timers, timer)
        return timer

    def next_at(self) -> float | None:
        """When the next call is due; None when there is none."""
        while self._timers and self._timers[0].action is None:
            heapq.heappop(self._timers)
        return self._timers[0].at if self._timers else None

    def run_due(self) -> int:
        """Make every call that is due now; how many there were."""
        made = 0
        now = self.now()
        while (at := self.next_at()) is not None and at <= now:
            action = heapq.heappop(self._timers).action
            assert action is not None
            action()
            made += 1
        return made

    def jump(self, to: float) -> None:
        """Set the time of a virtual clock; it never goes back."""
        assert not self.real, "the real time cannot be set"
        self._now = max(self._now, to)


def parse(stamp: str) -> float:
    """The seconds since the epoch of an RFC 3339 stamp."""
    return datetime.datetime.fromisoformat(stamp).timestamp()
