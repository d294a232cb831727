"""A run and its steps as they are written down: enough to go on after a kill -9 at any point."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from playbooks.graph import Node
from playbooks.schema import Playbook

RunStatus = Literal["running", "succeeded", "failed", "waiting", "rolled_back", "interrupted", "aborted"]
StepStatus = Literal["pending", "running", "succeeded", "failed", "skipped", "waiting", "interrupted", "simulated"]
"""``simulated``: done in the sandbox, with something in it that only a real run can prove."""

GOOD = frozenset({"succeeded", "skipped", "simulated"})
RESUMABLE = frozenset({"running", "failed", "waiting", "interrupted"})
"""Statuses from which a run can go on. ``running`` is what a killed process leaves."""


class StepRecord(BaseModel):
    """One step of a run."""

    model_config = ConfigDict(validate_assignment=False)

    id: str
    base: str
    key: str = ""
    stage: str
    title: str
    tool: str
    recovery: str = ""
    optional: bool = False
    effect: str = "read"
    status: StepStatus = "pending"
    changed: bool = False
    seconds: float = 0.0
    started: float | None = None
    attempts: int = 0
    args: dict[str, Any] = Field(default_factory=dict)
    evidence: list[str] = Field(default_factory=list)
    expectations: list[dict[str, Any]] = Field(default_factory=list)
    unknown: list[str] = Field(default_factory=list)
    result: dict[str, Any] = Field(default_factory=dict)
    error: dict[str, Any] | None = None
    confirmation: dict[str, Any] | None = None
    skill: str = ""
    docs: str = ""
    docs_source: str = ""
    plan: list[str] = Field(default_factory=list)

    @classmethod
    def of(cls, node: Node, effect: str, recovery: str = "") -> StepRecord:
        """The record of a step that has not begun. ``effect`` is the largest that its tool can have."""
        step = node.step
        title = f"{step.title}: {node.key}" if node.key else step.title
        return cls(
            id=node.id,
            base=step.id,
            key=node.key,
            stage=node.stage.id,
            title=title,
            tool=step.tool,
            recovery=recovery,
            optional=step.optional,
            effect=effect,
            skill=step.skill,
            docs=step.docs,
            plan=step.plan,
        )

    @property
    def passed(self) -> bool:
        """Whether what needs it may go on."""
        return self.status in GOOD or (self.optional and self.status == "failed")

    def seen(self) -> dict[str, Any]:
        """What expressions see of it."""
        names = ("key", "status", "changed", "attempts", "result", "error")
        return {name: getattr(self, name) for name in names} | {"name": self.key}

    def again(self) -> None:
        """Back to the beginning: it is run once more, which does nothing where the world is as it should be."""
        self.status, self.error, self.confirmation, self.expectations = "pending", None, None, []
        self.unknown = []


class Run(BaseModel):
    """One execution of a playbook."""

    id: str
    playbook: str
    title: str
    target: str
    application: str = ""
    """The path of its file, in the workspace."""
    application_name: str = ""
    application_digest: str = ""
    playbook_digest: str = ""
    stages: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    status: RunStatus = "running"
    phase: Literal["steps", "recovery", "ended"] = "steps"
    recovery: str = ""
    failure: dict[str, Any] | None = None
    advice: list[str] = Field(default_factory=list)
    confirmations: list[dict[str, Any]] = Field(default_factory=list)
    report: str = ""
    created: float
    seconds: float = 0.0
    pid: int = 0
    pid_started: str = ""
    host: str = ""
    abort: str = ""

    @classmethod
    def new(cls, playbook: Playbook, *, target: str, **about: Any) -> Run:
        """A run that has not begun."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        name = f"{playbook.name}-{stamp}-{secrets.token_hex(2)}"
        return cls(id=name, playbook=playbook.name, title=playbook.title, target=target, created=time.time(), **about)

    @property
    def simulated(self) -> bool:
        """Whether it worked on the sandbox."""
        return self.target == "sandbox"

    def claim(self) -> None:
        """Note that this process is at work on it."""
        self.pid, self.host = os.getpid(), socket.gethostname()
        self.pid_started = process_started(self.pid)

    @property
    def alive(self) -> bool:
        """Whether the process that was last at work on it still is. Of other hosts nothing is known: False."""
        if self.status != "running" or not self.pid or self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        started = process_started(self.pid)
        return started == self.pid_started and started != "zombie"


def process_started(pid: int) -> str:
    """When a process began, in the kernel's ticks, so that a reused number is noticed; empty where that is unknown."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:  # noqa: PTH123 (a pseudo file)
            fields = stream.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return ""
    return "zombie" if fields[0] in ("Z", "X") else fields[19]


def scope_of(steps: Iterable[StepRecord], key: str = "") -> dict[str, Any]:
    """``steps`` and ``all`` for expressions: by id, and by the bare name where it is the same service's or for none."""
    by_id: dict[str, Any] = {}
    lists: dict[str, list[Any]] = {}
    for record in steps:
        seen = record.seen()
        by_id[record.id] = seen
        lists.setdefault(record.base, []).append(seen)
        if record.key == key:
            by_id[record.base] = seen
    return {"steps": by_id, "all": lists}
