"""A run as one document: what ``deploy --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playbooks.schema import Playbook
from playbooks.state import Run, StepRecord


def document(playbook: Playbook, run: Run, steps: Sequence[StepRecord], confirmations: Sequence[Any]) -> dict[str, Any]:
    """The run, its stages with their steps, and the confirmations that it asked for."""
    mine = [step for step in steps if not (step.recovery and step.status == "pending")]
    stages = []
    for stage in playbook.stages:
        here = [step for step in mine if step.stage == stage.id]
        stages.append(
            {
                "number": stage.number,
                "id": stage.id,
                "title": stage.title,
                "status": stage_status(here, running=run.status == "running"),
                "seconds": wall_seconds(here),
                "steps": [step_of(step) for step in here],
            }
        )
    return {
        "run_id": run.id,
        "status": run.status,
        "target": run.target,
        "simulated": run.simulated,
        "seconds": round(run.seconds, 2),
        "stages": stages,
        "confirmations": list(confirmations),
        "report": run.report,
        "failure": run.failure,
        "advice": run.advice,
    }


def step_of(step: StepRecord) -> dict[str, Any]:
    """One step; its error is the first line of its evidence."""
    error = step.error or {}
    evidence = list(step.evidence)
    if error:
        why = (error.get("details") or {}).get("seen") or error.get("why")  # the rest of a why is evidence anyway
        line = f"{error['what']}: {why}" if why else error["what"]
        evidence = [line, *evidence]
    evidence += [f"simulated, cannot be known here: {line}" for line in step.unknown]
    if step.status == "waiting" and step.confirmation:
        evidence = [f"waits for confirmation {step.confirmation.get('id')}: {step.confirmation.get('summary', '')}"]
    return {
        "id": step.id,
        "title": step.title,
        "tool": step.tool,
        "effect": step.effect,
        "status": step.status,
        "changed": step.changed,
        "seconds": round(step.seconds, 2),
        "evidence": evidence,
        "unknown": step.unknown,
        "error": step.error,
        "docs": step.docs,
        "docs_source": step.docs_source,
        "skill": step.skill,
    }


def stage_status(steps: Sequence[StepRecord], *, running: bool) -> str:
    """One word for a stage; the worst that is true of it.

    A stage that was left in the middle is ``pending`` again once the run has ended, and one whose own steps were not
    reached, but a recovery was shown in, is what became of the recovery. One with a step that only a real run can
    prove has not passed: it is ``simulated``.
    """
    found = {step.status for step in steps if not (step.optional and step.status == "failed")}
    for status in ("failed", "waiting", "interrupted", "running"):
        if status in found:
            return status
    if not found or found == {"pending"}:
        return "pending" if found else "skipped"
    if "pending" in found and running:
        return "running"
    if "pending" in found and not any(step.recovery for step in steps):
        return "pending"
    if "simulated" in found:
        return "simulated"
    return "skipped" if found == {"skipped"} else "succeeded"


def wall_seconds(steps: Sequence[StepRecord]) -> float:
    """How long somebody was waiting for these steps: the union of their times, so that side by side counts once."""
    spans = sorted((s.started, s.started + s.seconds) for s in steps if s.started is not None and s.seconds > 0)
    total, until = 0.0, 0.0
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return round(total, 2)
