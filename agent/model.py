"""Runs and plans as the command line sees them: read from the tools' data, tolerant of what newer servers add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.text import when

__all__ = ["CHANGING", "Plan", "Run", "Stage", "Step", "mappings"]

CHANGING = ("change", "destroy")

_STATUS = {
    "": "pending",
    "planned": "pending",
    "ok": "succeeded",
    "done": "succeeded",
    "passed": "succeeded",
    "error": "failed",
    "cancelled": "interrupted",
}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The mappings in a list; nothing when it is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []


def _status(data: Mapping[str, Any]) -> str:
    status = str(data.get("status") or "")
    return _STATUS.get(status, status)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@dataclass
class Step:
    """One step of a run or a plan."""

    id: str
    title: str = ""
    tool: str = ""
    effect: str = ""
    status: str = "pending"
    changed: bool = False
    seconds: float | None = None
    evidence: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """What only a real run can prove; then its status is ``simulated``."""
    started: float | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    skill: str = ""
    message: str = ""
    known_after: list[str] = field(default_factory=list)
    """In a plan: what must be done before it is known what this does."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Step:
        """From a step's data."""
        error = data.get("error")
        status = _status(data)
        return cls(
            id=str(data.get("id") or ""),
            title=str(data.get("title") or data.get("id") or ""),
            tool=str(data.get("tool") or ""),
            effect=str(data.get("effect") or ""),
            status=status,
            changed=bool(data.get("changed")),
            seconds=None if status in ("pending", "running", "skipped") else _number(data.get("seconds")),
            evidence=_texts(data.get("evidence")),
            unknown=_texts(data.get("unknown")),
            started=when(data.get("started_at") or data.get("started")),
            error=error if isinstance(error, Mapping) else ({"what": str(error)} if error else {}),
            skill=str(data.get("skill") or ""),
            message=str(data.get("message") or ""),
            known_after=_texts(data.get("known_after")),
        )

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status not in ("pending", "running", "waiting")


@dataclass
class Stage:
    """One of the stages."""

    number: int
    id: str
    title: str = ""
    status: str = "pending"
    seconds: float | None = None
    steps: list[Step] = field(default_factory=list)

    @classmethod
    def read(cls, data: Mapping[str, Any], place: int) -> Stage:
        """From a stage's data; its status follows from its steps when it has none."""
        number = data.get("number")
        stage = cls(
            number=number if isinstance(number, int) else place,
            id=str(data.get("id") or place),
            title=str(data.get("title") or data.get("id") or f"Stage {place}"),
            status=_status(data),
            seconds=_number(data.get("seconds")) or None,
            steps=[Step.read(step) for step in mappings(data.get("steps"))],
        )
        if not data.get("status"):
            stage.status = _sum_up(stage.steps)
        return stage

    @property
    def done(self) -> int:
        """Steps that are over."""
        return sum(step.over for step in self.steps)

    @property
    def changes(self) -> int:
        """Steps that changed something."""
        return sum(step.changed for step in self.steps)


def _sum_up(steps: Iterable[Step]) -> str:
    found = {step.status for step in steps}
    for status in ("failed", "waiting", "running"):
        if status in found:
            return status
    if found and found <= {"succeeded", "skipped", "simulated"}:
        return "simulated" if "simulated" in found else "succeeded"
    return "pending" if found <= {"pending"} else "running"


@dataclass
class Run:
    """One execution of a playbook."""

    id: str = ""
    status: str = "running"
    application: str = ""
    target: str = ""
    simulated: bool = False
    playbook: str = ""
    seconds: float | None = None
    started: float | None = None
    stages: list[Stage] = field(default_factory=list)
    confirmations: list[Mapping[str, Any]] = field(default_factory=list)
    error: Mapping[str, Any] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)
    raw: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Run:
        """From the data of ``playbook_run`` or ``playbook_status``."""
        inner = data.get("run")
        if isinstance(inner, Mapping):
            data = {**data, **inner}
        error = data.get("error") or data.get("failure")
        return cls(
            id=str(data.get("run_id") or data.get("id") or ""),
            status=_status(data) or "running",
            application=_name(data.get("application")),
            target=str(data.get("target") or ""),
            simulated=bool(data.get("simulated")),
            playbook=_name(data.get("playbook")),
            seconds=_number(data.get("seconds")),
            started=when(data.get("started_at") or data.get("started") or data.get("created")),
            stages=[Stage.read(stage, place) for place, stage in enumerate(mappings(data.get("stages")), 1)],
            confirmations=mappings(data.get("confirmations")),
            error=error if isinstance(error, Mapping) else ({"what": str(error)} if error else {}),
            advice=_texts(data.get("advice")),
            raw=data,
        )

    def steps(self) -> list[Step]:
        """All steps, in order."""
        return [step for stage in self.stages for step in stage.steps]

    @property
    def over(self) -> bool:
        """Whether it has ended, or stands still until somebody resumes it."""
        return self.status not in ("running", "pending")

    def failed(self) -> list[Step]:
        """The steps that failed."""
        return [step for step in self.steps() if step.status == "failed"]


def _name(value: object) -> str:
    if isinstance(value, Mapping):
        return str(value.get("name") or "")
    return str(value or "")


@dataclass
class Plan:
    """What a run would do."""

    digest: str
    application: str
    target: str
    playbook: str
    stages: list[Stage]
    confirmations: list[Mapping[str, Any]]
    simulated: bool = False

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Plan:
        """From the data of ``playbook_plan``."""
        return cls(
            digest=str(data.get("digest") or ""),
            application=_name(data.get("application")),
            target=str(data.get("target") or ""),
            playbook=_name(data.get("playbook")),
            stages=[Stage.read(stage, place) for place, stage in enumerate(mappings(data.get("stages")), 1)],
            confirmations=mappings(data.get("confirmations")),
            simulated=bool(data.get("simulated")),
        )

    def covered(self) -> list[str]:
        """The digests of the confirmations that it lists."""
        return [str(item.get("digest") or "") for item in self.confirmations if item.get("digest")]

    def named(self, digest: str) -> bool:
        """Whether that is this plan's digest (or its first twelve characters or more)."""
        wanted = digest.removeprefix("sha256:").lower()
        return len(wanted) >= 12 and bool(self.digest) and self.digest.removeprefix("sha256:").startswith(wanted)
