"""A process that runs in simulated time: a generator of steps, advanced as far as the time of the cluster has come.

Nothing ticks. A process says when its next step is due, and what that step may depend on: on time alone (the kubelet
sets a timer), on the network and on files (it is looked at again when something there changes), or on nothing that
matters (an endless loop that only writes lines is advanced when somebody reads them).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

log = logging.getLogger(__name__)
Care = Literal["time", "network", "never"]
BUDGET = 4000
"""Steps in one go; a loop that never waits is stopped here until the next second."""
CATCH_UP = 60
"""Rounds of a loop that are made up for when nobody looked at it for a long time."""
KEPT_LINES = 5000
FOREVER = math.inf
READINESS = ("/ready", "/readyz", "/readiness", "/health/ready", "/api/ready")
"""How paths end that say whether a server can do its work."""


class Sleep(NamedTuple):
    """Time passes before the next step."""

    seconds: float
    care: Care = "time"


class Say(NamedTuple):
    """A line of output. ``open``: no end of line comes after it; what is said next goes on there."""

    text: str
    open: bool = False


class Listen(NamedTuple):
    """From now on these ports are open, and answer so."""

    ports: tuple[int, ...]
    answers: Answers


class Use(NamedTuple):
    """From now on it has that much memory."""

    memory: int


class Store(NamedTuple):
    """It has written that many bytes more; ``place`` is the mounted volume, empty for the container's own layer."""

    place: str
    size: int


Step = Sleep | Say | Listen | Use | Store
Steps = Generator[Step, None, int]
"""What a process does; the value in the end is its exit code."""


def written(said: list[Say]) -> str:
    """The text of all that, with its ends of lines."""
    return "".join(step.text if step.open else f"{step.text}\n" for step in said)


@dataclass(frozen=True)
class Answers:
    """How a port answers. ``status`` gives the HTTP status of a path."""

    protocol: Literal["http", "grpc", "tcp"] = "http"
    paths: tuple[tuple[str, int], ...] = ()
    other: int = 200
    latency: float = 0.0
    body: str = ""
    bare: bool = False
    """Whether it answers what is no HTTP without a status line, as ``http.server`` does: in HTTP/0.9."""
    unready: Callable[[], bool] | None = None
    """Whether something that it depends on is not there: its readiness paths answer 503 then."""

    def status(self, path: str) -> int:
        """The HTTP status of that path; a query does not count."""
        bare = path.partition("?")[0]
        if self.unready is not None and bare.rstrip("/").endswith(READINESS) and self.unready():
            return 503
        for known, code in self.paths:
            if known == bare:
                return code
        return self.other


class Ended(NamedTuple):
    """How it ended."""

    at: float
    code: int
    reason: str


@dataclass
class Process:
    """One process. ``at`` is how far it has come; what it does next is done at that time."""

    steps: Steps
    started: float
    memory_limit: int | None = None
    extra_memory: Callable[[], int] = lambda: 0
    at: float = 0.0
    care: Care = "time"
    poked: bool = False
    ended: Ended | None = None
    memory: int = 0
    lines: list[tuple[float, str]] = field(default_factory=list)
    ports: dict[int, Answers] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    pause: float = 0.0
    open: bool = False
    """Whether the last line has no end yet."""

    def __post_init__(self) -> None:
        self.at = self.started

    @property
    def due(self) -> float | None:
        """When it has to be looked at by itself; None when only a change around it matters."""
        if self.ended is not None or self.at == FOREVER:
            return None
        return self.at if self.care == "time" or self.poked else None

    def poke(self) -> None:
        """Something around it changed: its next step is of interest."""
        if self.care == "network" and self.ended is None:
            self.poked = True

    def advance(self, now: float, *, idle: bool = False) -> None:
        """Do every step that is due; with ``idle`` also those of loops that do not matter."""
        if self.care == "never" and not idle:
            return
        if self.care != "time" and self.pause > 0 and now - self.at > CATCH_UP * self.pause:
            self.at += math.floor((now - self.at) / self.pause - CATCH_UP) * self.pause
        budget = BUDGET
        while self.ended is None and self.at <= now:
            self._step()
            budget -= 1
            if not budget:
                self.at = max(self.at, now) + 1.0
                return

    def _step(self) -> None:
        self.poked = False
        try:
            step = next(self.steps)
        except StopIteration as end:
            self._end(int(end.value or 0) & 0xFF, "")
            return
        except Exception:  # a program that cannot be simulated must not stop the node
            log.exception("a simulated program failed")
            self._end(1, "")
            return
        match step:
            case Sleep(seconds, care):
                self.at, self.care, self.pause = self.at + seconds, care, seconds
            case Say(text, goes_on):
                first, *more = text.split("\n")
                if self.open:
                    first = self.lines.pop()[1] + first
                self.lines.extend((self.at, line) for line in (first, *more))
                self.open = goes_on
                if len(self.lines) > KEPT_LINES:
                    del self.lines[: len(self.lines) - KEPT_LINES]
            case Listen(ports, answers):
                self.ports |= dict.fromkeys(ports, answers)
            case Use(memory):
                self.memory = memory
                self.check_memory()
            case Store(place, size):
                self.written[place] = max(self.written.get(place, 0) + size, 0)
                self.check_memory()

    def check_memory(self) -> None:
        """End it when it has more memory than its limit: the kernel kills it."""
        if self.ended is not None or self.memory_limit is None:
            return
        if self.memory + self.extra_memory() > self.memory_limit:
            self._end(137, "OOMKilled")

    def kill(self, at: float, code: int, reason: str = "") -> None:
        """End it from outside."""
        if self.ended is None:
            self.at = min(self.at, at)
            self._end(code, reason, at)

    def _end(self, code: int, reason: str, at: float | None = None) -> None:
        self.ports = {}
        self.care = "time"
        self.ended = Ended(self.at if at is None else at, code, reason or ("Completed" if code == 0 else "Error"))
        self.steps.close()
