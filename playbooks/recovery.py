"""What is done when a step has failed: the recovery that it names, step after step, each through the guard.

A human's no ends it and leaves everything as it is. What waits for a human lets the run wait; resumed, the recovery
goes on where it was, and what it looked at before the question is not looked at again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playbooks import expressions
from playbooks.errors import PlaybookError
from playbooks.expressions import ExpressionError
from playbooks.graph import Node, instances
from playbooks.schema import Recovery, Stage
from playbooks.state import GOOD, StepRecord

if TYPE_CHECKING:
    from playbooks.engine import Engine


async def recover(engine: Engine, failed: StepRecord) -> list[StepRecord]:
    """Try the recovery of the step that failed, and set how the run ends; gives the steps that wait for a human."""
    run = engine.record
    run.status, run.failure = "failed", _failure(failed)
    run.advice = [*_remedy(failed.error), engine.how_to_resume()]
    name = _name(engine, failed)
    if name is None or _declined(failed):
        run.phase = "ended"
        return []
    recovery = engine.playbook.recoveries[name]
    run.phase, run.recovery = "recovery", name
    run.status = "running"
    engine.save()
    waiting = await _steps(engine, name, recovery)
    if waiting:
        return waiting
    run.phase = "ended"
    run.status = "rolled_back" if _recovered(engine, recovery) else "failed"
    usual = [] if run.status == "rolled_back" else run.advice
    run.advice = list(dict.fromkeys([*_advice(engine, recovery), *usual]))
    return []


def _failure(failed: StepRecord) -> dict[str, Any]:
    error = failed.error or {}
    return {"step": failed.id, "stage": failed.stage, "service": failed.key, "tool": failed.tool} | {
        name: str(error.get(name, "")) for name in ("code", "what", "why", "remedy")
    }


def _remedy(error: dict[str, Any] | None) -> list[str]:
    return [str(error["remedy"])] if error and error.get("remedy") else []


def _declined(record: StepRecord) -> bool:
    return (record.error or {}).get("code") == "declined"


def _name(engine: Engine, failed: StepRecord) -> str | None:
    """The recovery of the first failed step that names one."""
    for record in engine.steps.values():
        if record.status == "failed" and record.id in engine.nodes and not record.optional and not _declined(record):
            found = engine.nodes[record.id].step.on_failure
            if found:
                return found
    return engine.nodes[failed.id].step.on_failure if failed.id in engine.nodes else None


async def _steps(engine: Engine, name: str, recovery: Recovery) -> list[StepRecord]:
    """Its steps in order; stops at one that waits, or that fails and may not."""
    stage = engine.playbook.stage(recovery.stage)
    assert stage is not None, "checked by the schema"
    for step in recovery.steps:
        more = {"failure": engine.record.failure}
        try:
            nodes = instances(stage, step, engine.scope() | more)
        except PlaybookError as error:
            engine.record.advice = [str(error), *engine.record.advice]
            return []
        for node in nodes:
            record = await _step(engine, name, stage, node, more)
            if record.status == "waiting":
                return [record]
            if not record.passed:
                return []
    return []


async def _step(engine: Engine, name: str, stage: Stage, node: Node, more: dict[str, Any]) -> StepRecord:
    found = engine.steps.get(node.id)
    if found is not None and found.status in GOOD:
        return found
    record = found or StepRecord.of(node, engine.caller.effect(node.step.tool), name)
    record.again()
    await engine.begin_recovery_step(stage, record)
    await engine.perform(node, record, more)
    await engine.tell_end(stage, record)
    return record


def _recovered(engine: Engine, recovery: Recovery) -> bool:
    if any(record.recovery and not record.passed for record in engine.steps.values()):
        return False
    try:
        return expressions.holds(recovery.recovered, _scope(engine))
    except ExpressionError:
        return False


def _advice(engine: Engine, recovery: Recovery) -> list[str]:
    lines = []
    for record in engine.steps.values():
        if record.recovery and _declined(record):
            lines.append(f"{record.title} was declined: everything is left as it is")
    for text in recovery.advice:
        try:
            filled = expressions.fill(text, _scope(engine))
        except ExpressionError:
            continue  # it speaks of something that has not been found out
        lines += [str(line) for line in filled] if isinstance(filled, list) else [str(filled)] if filled else []
    return lines


def _scope(engine: Engine) -> dict[str, Any]:
    return engine.scope() | {"failure": engine.record.failure, "service": None}
