"""playbook_plan: what a run would do, step by step, and which confirmations it would ask for.

Steps that only look, and that their playbook calls cheap, are run for real. The others are observed, as the guard would
observe them now. What depends on something that is not there yet cannot be known, and is said to be known later.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, ToolOutput, tool
from mcp_tools.errors import LongshoreError
from mcp_tools.guard.guard import Planned
from mcp_tools.tools.playbook_caller import GuardedCaller, arguments
from mcp_tools.tools.playbook_common import PlaybookInput, Prepared, prepare, usage
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call
from playbooks import expressions
from playbooks.errors import PlaybookError, StepError
from playbooks.expressions import ExpressionError
from playbooks.graph import Node, expand, select
from playbooks.protocols import StepResult
from playbooks.state import StepRecord, scope_of
from playbooks.steps import check, take

LOOK_SECONDS = 90.0
SIDE_BY_SIDE = 4


class PlannedStep(BaseModel):
    """One step. ``known_after``: it depends on these, and its effect is the largest that it can have."""

    id: str
    title: str
    tool: str
    effect: str
    status: str = Field(description="done, planned, skipped, or failed: what it looked at is not as it should be")
    evidence: list[Untrusted] = Field(default_factory=list)
    known_after: list[str] = Field(default_factory=list)
    needs_confirmation: bool = False
    digest: str = ""


class PlannedStage(BaseModel):
    """One stage."""

    number: int
    id: str
    title: str
    steps: list[PlannedStep]


class PlannedConfirmation(BaseModel):
    """One question that would be asked."""

    step: str
    tool: str
    effect: str
    summary: Untrusted
    digest: str
    added: list[Untrusted] = Field(default_factory=list)
    changed: list[Untrusted] = Field(default_factory=list)
    lost: list[Untrusted] = Field(default_factory=list)
    diff: Untrusted = ""


class PlaybookPlanOutput(ToolOutput):
    """What a run would do now. ``digest`` names this plan; another state gives another one."""

    playbook: str
    application: str
    target: str
    digest: str
    stages: list[PlannedStage]
    confirmations: list[PlannedConfirmation]

    def text(self) -> str:
        """A line per step that is not done, and the questions."""
        where = f"{self.target} (simulated)" if self.simulated else self.target
        lines = [f"{self.playbook} of {self.application} on {where}: plan {self.digest[:16]}"]
        for stage in self.stages:
            done = sum(step.status in ("done", "skipped") for step in stage.steps)
            lines.append(f"{stage.number} {stage.title}: {len(stage.steps)} steps, {done} with nothing to do")
            for step in stage.steps:
                if (step.status == "planned" and step.effect != "read") or step.status == "failed":
                    lines.append(f"  {step.status} {step.effect} {step.id}: {'; '.join(step.evidence[:2])}")
        lines += [f"asks: {c.effect} {c.step}: {c.summary} (digest {c.digest[:16]})" for c in self.confirmations]
        return "\n".join(lines if self.confirmations else [*lines, "no confirmation is needed for what is known"])


@dataclass
class _Found:
    step: PlannedStep
    settled: bool
    """Whether what later steps see of it is known."""
    planned: Planned | None = None


@dataclass
class _Walker:
    prepared: Prepared
    call: Call
    nodes: dict[str, Node]
    scope: dict[str, Any]
    found: dict[str, _Found] = field(default_factory=dict)
    records: dict[str, StepRecord] = field(default_factory=dict)

    async def walk(self) -> None:
        """Look at every node, each after those it needs."""
        limit, left = asyncio.Semaphore(SIDE_BY_SIDE), dict(self.nodes)
        while left:
            ready = [node for node in left.values() if not node.edges & left.keys()]
            for node in ready:
                del left[node.id]
            async with asyncio.TaskGroup() as group:
                for node in ready:
                    group.create_task(self._look(node, limit))
            done = len(self.nodes) - len(left)
            await self.call.progress(done, len(self.nodes), f"planning: {done} of {len(self.nodes)} steps")

    async def _look(self, node: Node, limit: asyncio.Semaphore) -> None:
        async with limit:
            self.found[node.id] = await self._one(node)

    def _unsettled(self, node: Node) -> list[str]:
        return sorted(need for need in node.needs if need in self.found and not self.found[need].settled)

    def _before(self, node: Node) -> list[str]:
        """What has to be done before the gate of a step opens."""
        open_ = (self.found[name].step for name in node.edges if name in self.found and not self.found[name].settled)
        return sorted(step.id for step in open_ if step.effect != "read")

    async def _one(self, node: Node) -> _Found:
        step = node.step
        scope = self.scope | scope_of(self.records.values(), node.key) | {"service": node.item}
        record = StepRecord.of(node, self._effect(step.tool))
        waits = self._unsettled(node)
        try:
            if step.when is not None and not expressions.holds(step.when, scope):
                record.status = "skipped"
                self.records[node.id] = record
                return _Found(self._shown(record, "skipped", [f"not needed: {step.when} is false"]), True)
            args = arguments(expressions.fill(step.args, scope))
        except ExpressionError as error:
            return self._later(record, waits, str(error))
        if record.effect == "read":
            return await self._read(node, record, args, scope, waits)
        return await self._plan(record, args, waits or self._before(node))

    async def _read(
        self, node: Node, record: StepRecord, args: dict[str, Any], scope: Mapping[str, Any], waits: list[str]
    ) -> _Found:
        if waits or not node.step.cheap:
            return _Found(self._shown(record, "planned", [], waits), False)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                outcome = await self.call.guard.call(node.step.tool, args, session=self.call.session)
            take(record, StepResult("read", False, outcome.data, [str(e) for e in outcome.data.get("evidence") or []]))
            record.status = "succeeded"
            self.records[node.id] = record
            if not (outcome.data.get("unknown") and outcome.data.get("skipped")):
                check(record, node.step.expect, scope)
        except StepError as error:
            return _Found(self._shown(record, "failed", [str(error), *record.evidence]), True)
        except (LongshoreError, TimeoutError) as error:
            text = str(error) or "it took too long to look"
            return _Found(self._shown(record, "failed", [text]), False)
        return _Found(self._shown(record, "done", record.evidence), True)

    async def _plan(self, record: StepRecord, args: dict[str, Any], waits: list[str]) -> _Found:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                planned = await self.call.guard.plan(record.tool, args, session=self.call.session)
        except (LongshoreError, TimeoutError) as error:
            text = str(error) or "it took too long to look"
            if waits:
                return self._later(record, waits, text)
            return _Found(self._shown(record, "failed", [text]), False)
        record.effect = planned.effect.value
        if planned.done:
            record.status = "succeeded"
            self.records[record.id] = record
        shown = self._shown(record, "done" if planned.done else "planned", [planned.preview.summary])
        shown.needs_confirmation, shown.digest = planned.needs_confirmation, planned.digest
        return _Found(shown, planned.done, planned)

    def _later(self, record: StepRecord, waits: list[str], why: str) -> _Found:
        """What cannot be known now; with nothing to wait for, that is a problem."""
        if not waits:
            return _Found(self._shown(record, "planned", [f"known when it runs: {why}"]), False)
        names = ", ".join(waits) if len(waits) <= 6 else f"{len(waits)} steps before it"
        return _Found(self._shown(record, "planned", [f"known after {names}"], waits), False)

    @staticmethod
    def _shown(record: StepRecord, status: str, evidence: list[str], waits: list[str] | None = None) -> PlannedStep:
        return PlannedStep(
            id=record.id,
            title=record.title,
            tool=record.tool,
            effect=record.effect,
            status=status,
            evidence=evidence,
            known_after=waits or [],
        )

    def _effect(self, name: str) -> str:
        return GuardedCaller(self.call.guard, self.call.session, None).effect(name)


@tool(domain="playbook", title="Plan a playbook", effect=Effect.READ, long=True)
async def playbook_plan(args: PlaybookInput, call: Call) -> PlaybookPlanOutput:
    """Say what a playbook would do now, step by step: what is done already, what would be created, changed or
    destroyed, and the confirmations with their digests. Does nothing.
    """
    prepared = prepare(args, call)
    about = {"id": "plan", "target": call.target, "playbook": args.playbook}
    scope = {"app": prepared.context, "params": prepared.params, "run": about}
    caller = GuardedCaller(call.guard, call.session, None)
    try:
        nodes = expand(prepared.playbook, scope)
        reads = {n.step.tool for n in nodes.values() if caller.effect(n.step.tool) == "read"}
        chosen = select(prepared.playbook, nodes, args.stages, reads)
    except PlaybookError as error:
        raise usage(error) from error
    except StepError as error:
        raise usage(PlaybookError(error.what, error.why, error.remedy)) from error
    walker = _Walker(prepared, call, {name: node for name, node in nodes.items() if name in chosen}, scope)
    await walker.walk()
    return _output(walker, args)


def _output(walker: _Walker, args: PlaybookInput) -> PlaybookPlanOutput:
    found = [walker.found[name] for name in walker.nodes]
    stages = []
    for stage in walker.prepared.playbook.stages:
        steps = [f.step for f in found if walker.nodes[f.step.id].stage is stage]
        if steps:
            stages.append(PlannedStage(number=stage.number, id=stage.id, title=stage.title, steps=steps))
    questions = [_question(f.step, f.planned) for f in found if f.planned is not None and f.planned.needs_confirmation]
    counts = {s: sum(f.step.status == s for f in found) for s in ("done", "skipped", "planned", "failed")}
    return PlaybookPlanOutput(
        evidence=[", ".join(f"{count} {status}" for status, count in counts.items() if count)],
        playbook=args.playbook,
        application=walker.prepared.application.name,
        target=walker.call.target,
        simulated=walker.call.world.simulated,
        digest=_digest(walker, args, found),
        stages=stages,
        confirmations=questions,
    )


def _question(step: PlannedStep, planned: Planned) -> PlannedConfirmation:
    preview = planned.preview
    return PlannedConfirmation(
        step=step.id,
        tool=step.tool,
        effect=step.effect,
        summary=preview.summary,
        digest=planned.digest,
        added=preview.added,
        changed=preview.changed,
        lost=preview.lost,
        diff=preview.diff,
    )


def _digest(walker: _Walker, args: PlaybookInput, found: list[_Found]) -> str:
    prepared = walker.prepared
    bound = {
        "playbook": prepared.playbook_digest,
        "application": prepared.application_digest,
        "target": walker.call.target,
        "stages": args.stages,
        "params": prepared.params,
        "steps": [[f.step.id, f.step.effect, f.step.status, f.step.known_after, f.step.digest] for f in found],
    }
    return hashlib.sha256(json.dumps(bound, sort_keys=True, default=str).encode()).hexdigest()
