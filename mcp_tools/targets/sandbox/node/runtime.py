"""What the kubelet knows of the pods that it runs: containers, their runs, their probes.

Nothing of it is saved: after a restart it is made anew from the pods' statuses.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

from mcp_tools.targets.sandbox.clock import Clock, parse
from mcp_tools.targets.sandbox.node.behaviour import Behaviour
from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.images import Pull
from mcp_tools.targets.sandbox.node.process import Process
from mcp_tools.targets.sandbox.node.volumes import Volume
from mcp_tools.targets.sandbox.store import Obj, Ref

SLACK = 1e-4
"""Seconds by which a timer may come early, for numbers are rounded."""
Role = Literal["init", "sidecar", "main"]


class NodeTime:
    """Time as processes have it: that of the clock, running ``speed`` times as fast; stamps are the clock's."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._origin = clock.now()

    def now(self) -> float:
        """Seconds, in the time of processes."""
        now = self.clock.now()
        return now if self.clock.speed == 1.0 else self._origin + (now - self._origin) * self.clock.speed

    def real(self, at: float) -> float:
        """The clock's time of that moment."""
        return at if self.clock.speed == 1.0 else self._origin + (at - self._origin) / self.clock.speed

    def stamp(self, at: float) -> str:
        """That moment as the API writes it."""
        return self.clock.stamp(self.real(at))

    def read(self, stamp: str) -> float:
        """The moment of a stamp."""
        real = parse(stamp)
        return real if self.clock.speed == 1.0 else self._origin + (real - self._origin) * self.clock.speed


@dataclass
class Probing:
    """One probe of one run. ``parked``: its outcome is settled, and nobody asks again until something changes."""

    kind: Literal["startup", "liveness", "readiness"]
    spec: Obj
    next: float
    result: bool
    successes: int = 0
    failures: int = 0
    parked: bool = False

    @property
    def period(self) -> float:
        """Seconds between two probes."""
        return float(self.spec.get("periodSeconds") or 10)


@dataclass
class Run:
    """One run of a container."""

    id: str
    number: int
    started: float
    box: Box | None = None
    process: Process | None = None
    behaviour: Behaviour | None = None
    probes: list[Probing] = field(default_factory=list)
    image: str = ""
    image_id: str = ""
    passed_startup: bool = True
    ready: bool = True
    finished: float | None = None
    code: int = 0
    reason: str = ""
    message: str = ""
    stop_at: float | None = None
    """When it is killed, for it was asked to end before."""
    term_at: float | None = None
    """When it gets SIGTERM: its preStop hook takes until then."""

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.finished is None

    def end(self, at: float, code: int, reason: str, message: str = "") -> None:
        """It has ended."""
        if self.finished is None:
            self.finished, self.code, self.reason, self.message = at, code, reason, message
            self.stop_at = None


@dataclass
class Slot:
    """A container of a pod: its run, and the one before."""

    spec: Obj
    role: Role
    run: Run | None = None
    last: Run | None = None
    restarts: int = 0
    waiting: tuple[str, str] | None = None
    crash_delay: float = 0.0
    """The last back-off; none yet when zero."""
    retry_at: float | None = None
    """When it is tried again: back-off of a crash or of a pull, or the end of a pull."""
    pull: Pull | None = None
    pull_began: float = 0.0
    pull_error: str = ""
    pull_delay: float = 0.0
    seen: bool = True
    """Whether the status has shown that the run ended."""
    backed_off: float = 0.0

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.spec["name"])

    @property
    def field_path(self) -> str:
        """As events name it."""
        return f"spec.{'containers' if self.role == 'main' else 'initContainers'}{{{self.name}}}"

    @property
    def up(self) -> Run | None:
        """The run, when it is running."""
        return self.run if self.run is not None and self.run.running else None

    @property
    def ready(self) -> bool:
        """Whether it counts as ready."""
        run = self.run
        if run is None:
            return False
        if self.role == "init":
            return run.finished is not None and run.code == 0
        return run.running and run.ready and run.passed_startup


@dataclass
class PodRun:
    """A pod on the node."""

    ref: Ref
    uid: str
    started: float
    slots: list[Slot]
    ip: str = ""
    host_network: bool = False
    shown: bool = False
    """Whether the first status was written."""
    volumes: dict[str, Volume] | None = None
    mount_errors: tuple[str, ...] = ()
    shared: dict[str, dict[str, int]] = field(default_factory=dict)
    blocked: bool = False
    """Whether it waits for an object that is missing."""
    stopping: bool = False
    outcome: tuple[str, str, str] | None = None
    """Phase, reason and message that were decided for the whole pod: evicted, or past its deadline."""
    disruption: str = ""
    """Message of the condition DisruptionTarget, when the kubelet evicts it."""
    finished: bool = False

    def slot(self, name: str) -> Slot | None:
        """The container of that name."""
        return next((slot for slot in self.slots if slot.name == name), None)

    @property
    def mains(self) -> list[Slot]:
        """The containers."""
        return [slot for slot in self.slots if slot.role == "main"]

    @property
    def inits(self) -> list[Slot]:
        """The init containers, with those that stay."""
        return [slot for slot in self.slots if slot.role != "main"]


def slots_of(pod: Obj) -> list[Slot]:
    """The containers of a pod in the order in which they start."""
    found = []
    for spec in pod["spec"].get("initContainers") or ():
        found.append(Slot(spec, "sidecar" if spec.get("restartPolicy") == "Always" else "init"))
    found += [Slot(spec, "main") for spec in pod["spec"].get("containers") or ()]
    return found


def container_id() -> str:
    """A new container's ID."""
    return os.urandom(32).hex()


class Addresses:
    """The addresses of pods: 10.244.0.2 and on, each again only when it is free."""

    def __init__(self) -> None:
        self.taken: dict[str, Ref] = {}
        self._next = 2

    def give(self, ref: Ref) -> str:
        """A free address."""
        for _ in range(1 << 16):
            number = self._next
            self._next = number + 1 if number + 1 < 0xFFFE else 2
            ip = f"10.244.{number >> 8}.{number & 0xFF}"
            if number & 0xFF not in (0, 255) and ip not in self.taken:
                self.taken[ip] = ref
                return ip
        raise RuntimeError("no addresses left in 10.244.0.0/16")

    def take(self, ip: str, ref: Ref) -> None:
        """An address that a pod has already."""
        self.taken[ip] = ref
        parts = ip.split(".")
        if ip.startswith("10.244.") and len(parts) == 4:
            self._next = max(self._next, (int(parts[2]) << 8) + int(parts[3]) + 1)

    def free(self, ip: str, ref: Ref) -> None:
        """Give it back."""
        if self.taken.get(ip) == ref:
            del self.taken[ip]
