"""The engine: runs a playbook's graph, writes every transition down first, and can be killed at any point.

Every tool is observe → compare → act → verify, so a step that is found ``running`` in the store is simply run again.
A step that has ended well is never run again.

How a run ends:

- ``succeeded``: every step ended well.
- ``waiting``: a human must say yes to something; steps that do not depend on it were finished. :meth:`Engine.run` again
  with the same run goes on.
- ``failed``: a step failed. Nothing new was begun after it but looks of the same or an earlier stage, so that one run
  tells all problems of its stage. The recovery that the step names was tried first.
- ``rolled_back``: the recovery did its work, and that was verified.
- ``interrupted``: cancelled; ``aborted``: somebody asked for that in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

from playbooks.events import Event, Kind, OnEvent, nobody
from playbooks.graph import Node, expand, select
from playbooks.protocols import Docs, RunStore, ToolCaller
from playbooks.recovery import recover
from playbooks.schema import Playbook, Stage
from playbooks.state import Run, StepRecord, scope_of
from playbooks.steps import Runner

POLL = 1.0
"""Seconds between two looks for a wish to abort."""


class Aborted(Exception):
    """Somebody asked in the store that the run be ended."""


class Engine:
    """One run of one playbook. ``context`` has what expressions see as ``app``."""

    def __init__(
        self,
        playbook: Playbook,
        run: Run,
        context: Mapping[str, Any],
        caller: ToolCaller,
        store: RunStore,
        *,
        on_event: OnEvent = nobody,
        docs: Docs | None = None,
    ) -> None:
        self.playbook, self.record, self.caller, self.store = playbook, run, caller, store
        self.on_event = on_event
        about = {"id": run.id, "target": run.target, "playbook": run.playbook}
        self.base = {"app": dict(context), "params": run.params, "run": about}
        self.nodes = expand(playbook, self.base)
        reads = {node.step.tool for node in self.nodes.values() if caller.effect(node.step.tool) == "read"}
        chosen = select(playbook, self.nodes, run.stages, reads)
        self.nodes = {name: node for name, node in self.nodes.items() if name in chosen}
        self.steps: dict[str, StepRecord] = {
            name: StepRecord.of(node, caller.effect(node.step.tool)) for name, node in self.nodes.items()
        }
        self.runner = Runner(run.id, caller, self._said, docs)
        self._told: set[str] = set()
        self._closed: set[str] = set()
        self._began = time.monotonic()
        self._before = run.seconds

    # -- the run ------------------------------------------------------------------------------------------------

    async def run(self) -> Run:
        """Run to one of its ends, from wherever the store says it is."""
        self._restore()
        self._began = time.monotonic()
        self.record.status, self.record.confirmations, self.record.abort = "running", [], ""
        self.record.claim()
        self._save()
        await self._tell("run-started", message=f"{self.playbook.title} on {self.record.target}")
        try:
            if self.record.phase == "steps":
                await self._schedule()
            await self._conclude()
        except Aborted as wish:
            self.record.abort = str(wish)
            self._interrupt()
        except asyncio.CancelledError:
            self._interrupt()
            raise
        except BaseException:
            self.record.status = "interrupted"
            self._save()
            raise
        self._save()
        await self._tell("run-finished", message=self.record.status)
        return self.record

    def _restore(self) -> None:
        """Take over what the store knows; whatever has not ended well begins again."""
        stored = [StepRecord.model_validate(step) for step in self.store.load_steps(self.record.id)]
        goes_on = self.record.phase == "recovery" and self.record.status in ("waiting", "running", "interrupted")
        for record in stored:
            if record.recovery:
                if goes_on:
                    self.steps[record.id] = record
                elif record.status != "pending":  # of an earlier try: kept in the store under its own name
                    record.again()
                    self.store.save_step(self.record.id, record.model_dump(mode="json"))
            elif record.id in self.steps:
                if not record.passed and not goes_on:
                    record.again()
                self.steps[record.id] = record
        if not goes_on:
            self.record.phase, self.record.failure, self.record.recovery = "steps", None, ""
            self.record.advice = []
        for record in self.steps.values():
            self.save_step(record)

    def _interrupt(self) -> None:
        self.record.status = "aborted" if self.record.abort else "interrupted"
        for record in self.steps.values():
            if record.status == "running":
                record.status = "interrupted"
                self.save_step(record)
        again = "deploy again: what is done already is not done twice"
        self.record.advice = [again if self.record.abort else f"{self.how_to_resume()} goes on from here"]
        self._save()

    async def _conclude(self) -> None:
        """Decide how the run ends; on failure after the recovery."""
        waiting = [r for r in self.steps.values() if r.status == "waiting"]
        failed = self._failure()
        if failed is not None and self.record.phase != "ended":
            waiting = await recover(self, failed)
        elif waiting:
            self.record.status = "waiting"
        elif failed is None:
            unfinished = [r.id for r in self.steps.values() if not r.passed]
            self.record.status = "succeeded" if not unfinished else "failed"
            self.record.phase = "ended"
        if waiting:
            self.record.status = "waiting"
            self.record.confirmations = [dict(r.confirmation or {}) | {"step": r.id} for r in waiting]
            names = [str(c.get("id")) for c in self.record.confirmations]
            self.record.advice = [*(f"longshore approve {name}" for name in names), self.how_to_resume()]

    def how_to_resume(self) -> str:
        """The words for going on."""
        return f"longshore runs resume {self.record.id}"

    def _failure(self) -> StepRecord | None:
        """The first step that failed and may not."""
        return next(
            (r for r in self.steps.values() if not r.recovery and r.status == "failed" and not r.optional), None
        )

    # -- scheduling ---------------------------------------------------------------------------------------------

    async def _schedule(self) -> None:
        running: dict[asyncio.Task[None], Node] = {}
        checked = 0.0
        try:
            while True:
                await self._start_ready(running)
                if not running:
                    break
                done, _ = await asyncio.wait(running, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    await self._finish(running.pop(task))
                    task.result()
                if time.monotonic() - checked >= POLL:
                    checked = time.monotonic()
                    self._heed_abort()
        except BaseException:
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)
            raise

    def _heed_abort(self) -> None:
        stored = self.store.load_run(self.record.id) or {}
        if stored.get("abort"):
            raise Aborted(str(stored["abort"]))

    async def _start_ready(self, running: dict[asyncio.Task[None], Node]) -> None:
        for node in self.nodes.values():
            if len(running) >= self.playbook.concurrency:
                return
            if self.steps[node.id].status == "pending" and self._may_start(node):
                await self._begin(node)
                running[asyncio.create_task(self.perform(node, self.steps[node.id]), name=node.id)] = node

    def _may_start(self, node: Node) -> bool:
        edges = (self.steps[name] for name in node.edges if name in self.steps)
        failed = self._failure()
        if failed is not None:  # nothing new, but the looks that tell the other problems of the same stage
            of = self.playbook.stage(failed.stage)
            if self.caller.effect(node.step.tool) != "read" or (of and node.stage.number > of.number):
                return False
        return all(record.passed for record in edges)

    async def _begin(self, node: Node) -> None:
        record = self.steps[node.id]
        if node.stage.id not in self._told:
            self._told.add(node.stage.id)
            await self._tell("stage-started", node.stage, message=node.stage.title)
        record.status, record.started = "running", time.time()
        self.save_step(record)
        await self._tell("step-started", node.stage, record)

    async def perform(self, node: Node, record: StepRecord, more: Mapping[str, Any] | None = None) -> None:
        """Run a step and write down how it ended."""
        scope = self.scope(node.key) | {"service": node.item} | dict(more or {})
        try:
            await self.runner.run(node, record, scope)
        finally:
            self.save_step(record)

    async def _finish(self, node: Node) -> None:
        record = self.steps[node.id]
        self._save()  # how long it took so far outlives a kill
        await self.tell_end(node.stage, record)
        mine = [r for r in self.steps.values() if r.stage == node.stage.id and not r.recovery]
        if node.stage.id not in self._closed and all(r.status not in ("pending", "running") for r in mine):
            self._closed.add(node.stage.id)
            good = all(r.passed for r in mine)
            await self._tell("stage-finished", node.stage, message="passed" if good else "not passed")

    # -- what recoveries use too --------------------------------------------------------------------------------

    def scope(self, key: str = "") -> dict[str, Any]:
        """What expressions see, for the steps of one service."""
        return self.base | scope_of(self.steps.values(), key)

    def save_step(self, record: StepRecord) -> None:
        """Write a step down."""
        self.store.save_step(self.record.id, record.model_dump(mode="json"))

    def _save(self) -> None:
        self.record.seconds = round(self._before + time.monotonic() - self._began, 3)
        stored = self.store.load_run(self.record.id) or {}
        if stored.get("abort") and self.record.status == "running" and stored.get("pid") == self.record.pid:
            self.record.abort = str(stored["abort"])
        self.store.save_run(self.record.model_dump(mode="json"))

    def save(self) -> None:
        """Write the run down."""
        self._save()

    async def begin_recovery_step(self, stage: Stage, record: StepRecord) -> None:
        """Note and tell that a step of a recovery begins."""
        self.steps[record.id] = record
        record.status, record.started = "running", time.time()
        self.save_step(record)
        await self._tell("step-started", stage, record)

    async def tell_end(self, stage: Stage, record: StepRecord) -> None:
        """Tell how a step ended."""
        error = record.error or {}
        words = {"waiting": "waits for a human's yes", "skipped": "not needed"}.get(record.status, record.status)
        message = f"{words}: {error['what']}" if error else words
        if record.status == "succeeded":
            message = "changed" if record.changed else "done" if record.effect == "read" else "nothing to change"
            message += f": {record.evidence[0]}" if record.evidence else ""
        elif record.status == "simulated":
            message = f"simulated, cannot be known here: {'; '.join(record.unknown)}"
        await self._tell("step-finished", stage, record, message=message)

    async def _said(self, record: StepRecord, done: float, total: float | None, message: str) -> None:
        stage = self.playbook.stage(record.stage)
        await self._tell("step-progress", stage, record, message=message, step_done=done, step_total=total)

    async def _tell(
        self,
        kind: Kind,
        stage: Stage | None = None,
        record: StepRecord | None = None,
        *,
        message: str = "",
        step_done: float = 0.0,
        step_total: float | None = None,
    ) -> None:
        event = Event(
            kind,
            self.record.id,
            status=record.status if record else self.record.status,
            done=sum(r.status not in ("pending", "running", "waiting", "interrupted") for r in self.steps.values()),
            total=len(self.steps),
            stage=stage.number if stage else 0,
            stages=len(self.playbook.stages),
            stage_id=stage.id if stage else "",
            step=record.id if record else "",
            title=record.title if record else "",
            changed=record.changed if record else False,
            seconds=record.seconds if record else self.record.seconds,
            message=message,
            step_done=step_done,
            step_total=step_total,
        )
        with contextlib.suppress(ConnectionError):  # whoever listened is gone; the work goes on
            await self.on_event(event)
