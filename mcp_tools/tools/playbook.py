"""The playbook tools: plan, run, resume, abort, and how a run stands.

Running a playbook is ``create``: by itself it only adds a run to the journal. Every step of it passes the guard as a
call of its own, and what changes or destroys something asks a human, through the channel of whoever runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import anyio
from pydantic import Field

from mcp_tools.catalog import Effect, Observation, Preview, ToolInput, ToolOutput, tool
from mcp_tools.errors import Busy, Conflict, LongshoreError
from mcp_tools.tools.playbook_caller import GuardedCaller, LeaseKeeper
from mcp_tools.tools.playbook_common import (
    PlaybookInput,
    PlaybookOutput,
    Prepared,
    RunId,
    output_of,
    prepare,
    stored,
    usage,
)
from mcp_tools.tools.playbook_docs import DocsDesk
from mcp_tools.world import Call
from playbooks.engine import Engine
from playbooks.errors import PlaybookError, StepError
from playbooks.events import Event
from playbooks.report import acceptance_report
from playbooks.state import RESUMABLE, Run

ABORT_WAIT = 30.0


class RunInput(ToolInput):
    """Which run."""

    run_id: RunId


class StatusInput(ToolInput):
    """Which run; without one, all of them."""

    run_id: RunId | None = None
    limit: int = Field(20, ge=1, le=200)


class StatusOutput(ToolOutput):
    """The newest runs, or one of them."""

    runs: list[dict[str, Any]] = Field(default_factory=list)
    run: PlaybookOutput | None = None

    def text(self) -> str:
        """One line each, or the run."""
        if self.run is not None:
            return self.run.text()
        rows = [f"{r['id']}  {r['status']}  {r['application']}  {r['target']}  {r['seconds']:.0f} s" for r in self.runs]
        return "\n".join(rows) or "no runs"


async def observe_run(args: PlaybookInput, call: Call) -> Observation:
    """What would be run; its steps are planned by playbook_plan."""
    prepared = prepare(args, call)
    engine = _engine(prepared, _new_run(prepared, args, call), call, None)
    stages = f", stages {args.stages}" if args.stages else ""
    summary = f"run {args.playbook} of {prepared.application.name} on {call.target}: {len(engine.nodes)} steps{stages}"
    state = {"playbook": prepared.playbook_digest, "application": prepared.application_digest}
    return Observation(effect=Effect.CREATE, preview=Preview(summary=summary), state=state)


@tool(domain="playbook", title="Run a playbook", effect=Effect.CREATE, observe=observe_run, idempotent=False, long=True)
async def playbook_run(args: PlaybookInput, call: Call) -> PlaybookOutput:
    """Run a playbook: deploy (the seven stages), rollback or uninstall. Steps that find everything as it should be
    change nothing; those that change or destroy something are asked of a human one by one.
    """
    prepared = prepare(args, call)
    return await _conduct(prepared, _new_run(prepared, args, call), call)


async def observe_resume(args: RunInput, call: Call) -> Observation:
    """Whether the run can go on."""
    run = stored(call.guard.journal, args.run_id)
    _may_resume(run, call)
    summary = f"go on with run {run.id} ({run.status}, phase {run.phase})"
    return Observation(effect=Effect.CREATE, preview=Preview(summary=summary), state={"status": run.status})


@tool(
    domain="playbook", title="Resume a run", effect=Effect.CREATE, observe=observe_resume, idempotent=False, long=True
)
async def playbook_resume(args: RunInput, call: Call) -> PlaybookOutput:
    """Go on with a run that failed, waits for a confirmation, or was interrupted. What has ended well is not done
    again.
    """
    run = stored(call.guard.journal, args.run_id)
    _may_resume(run, call)
    again = PlaybookInput(
        playbook=run.playbook,
        application=run.application,
        stages=run.stages,
        params={name: value for name, value in run.params.items() if value is not None},
    )
    prepared = prepare(again, call)
    if (prepared.application_digest, prepared.playbook_digest) != (run.application_digest, run.playbook_digest):
        changed = "longshore.yaml" if prepared.application_digest != run.application_digest else "the playbook"
        remedy = f"longshore {run.playbook}: what is done already is not done twice"
        raise Conflict(f"run {run.id} cannot go on", f"{changed} has changed since it began", remedy)
    return await _conduct(prepared, run, call)


@tool(domain="playbook", title="Show runs", effect=Effect.READ)
async def playbook_status(args: StatusInput, call: Call) -> StatusOutput:
    """Show how a run stands, stage by stage with its evidence; without run_id the newest runs."""
    journal = call.guard.journal
    if args.run_id is not None:
        run = stored(journal, args.run_id)
        if run.status == "running" and not run.alive:
            run.status = "interrupted"
            run.advice = [f"longshore runs resume {run.id}"]
        return StatusOutput(run=output_of(journal, run))
    lines = []
    for found in journal.list_runs(args.limit):
        run = Run.model_validate(found)
        status = "interrupted" if run.status == "running" and not run.alive else run.status
        lines.append(
            {
                "id": run.id,
                "status": status,
                "playbook": run.playbook,
                "application": run.application_name,
                "target": run.target,
                "started_at": run.created,
                "seconds": run.seconds,
            }
        )
    return StatusOutput(runs=lines)


async def observe_abort(args: RunInput, call: Call) -> Observation:
    """Whether there is something to end."""
    run = stored(call.guard.journal, args.run_id)
    done = run.status not in RESUMABLE
    summary = f"run {run.id} is {run.status}" if done else f"end run {run.id} ({run.status}); what it did stays"
    effect = Effect.READ if done else Effect.CREATE
    return Observation(effect=effect, preview=Preview(summary=summary), state={"status": run.status}, done=done)


@tool(domain="playbook", title="Abort a run", effect=Effect.CREATE, observe=observe_abort)
async def playbook_abort(args: RunInput, call: Call) -> PlaybookOutput:
    """End a run, also one of another process: its programs are stopped, what it did stays, and it is not resumed."""
    journal = call.guard.journal
    deadline = time.monotonic() + ABORT_WAIT
    run = stored(journal, args.run_id)
    by = call.session.client or "another terminal"
    changed = run.status in RESUMABLE
    while run.alive and time.monotonic() < deadline:
        if not run.abort:  # the run itself may have written over it
            run.abort = f"aborted by {by}"
            journal.save_run(run.model_dump(mode="json"))
        await anyio.sleep(0.5)
        run = stored(journal, args.run_id)
    if run.alive:
        raise Busy(f"run {run.id} does not end", f"process {run.pid} is in the middle of something", "try again")
    if run.status in RESUMABLE:
        run.status, run.phase, run.abort = "aborted", "ended", f"aborted by {by}"
        run.advice = [f"longshore {run.playbook} begins anew: what is done already is not done twice"]
        journal.save_run(run.model_dump(mode="json"))
    if changed:
        journal.record("run", {"event": "aborted", "by": by}, run.id)
    result = output_of(journal, run)
    result.changed = changed
    return result


# -- conducting a run -----------------------------------------------------------------------------------------------


def _new_run(prepared: Prepared, args: PlaybookInput, call: Call) -> Run:
    return Run.new(
        prepared.playbook,
        target=call.target,
        application=prepared.context["file"],
        application_name=prepared.application.name,
        application_digest=prepared.application_digest,
        playbook_digest=prepared.playbook_digest,
        stages=args.stages,
        params=prepared.params,
    )


def _may_resume(run: Run, call: Call) -> None:
    if run.alive:
        raise Conflict(f"run {run.id} is running", f"process {run.pid}", "wait for it, or playbook_abort")
    if run.status not in RESUMABLE:
        raise Conflict(f"run {run.id} is {run.status}", "there is nothing left to do", f"longshore {run.playbook}")
    if run.target != call.target:
        raise Conflict(f"run {run.id} is of target {run.target}", f"this is {call.target}", f"--target {run.target}")


def _engine(prepared: Prepared, run: Run, call: Call, lease: LeaseKeeper | None) -> Engine:
    async def on_event(event: Event) -> None:
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # nobody listens any more
            await call.progress(event.done, event.total, event.line())

    try:
        return Engine(
            prepared.playbook,
            run,
            prepared.context,
            GuardedCaller(call.guard, call.session, lease),
            call.guard.journal,
            on_event=on_event,
            docs=DocsDesk(_context7()),
        )
    except PlaybookError as error:
        raise usage(error) from error
    except StepError as error:
        raise usage(PlaybookError(error.what, error.why, error.remedy)) from error


def _context7() -> str:
    from mcp_tools import config

    return config.load()[0].context7_url


async def _conduct(prepared: Prepared, run: Run, call: Call) -> PlaybookOutput:
    """Run under the lease, in a task of its own, so that a cancelled call can wait until everything is put down."""
    journal = call.guard.journal
    lost: list[LongshoreError] = []
    tasks: list[asyncio.Task[Run]] = []

    def on_lost(error: LongshoreError) -> None:
        lost.append(error)
        for task in tasks:
            task.cancel()

    lease = LeaseKeeper(call.world.kube, run.id, on_lost)
    engine = _engine(prepared, run, call, lease)
    await lease.hold()
    journal.record("run", {"event": "started", "playbook": run.playbook, "target": run.target}, run.id)
    tasks.append(asyncio.create_task(engine.run(), name=run.id))
    try:
        await asyncio.wait(tasks)
    finally:
        with anyio.CancelScope(shield=True):
            tasks[0].cancel()
            await asyncio.wait(tasks)
            await lease.release()
            _write_report(prepared, engine.record, call)
            ended = {"event": "ended", "status": engine.record.status, "failure": engine.record.failure}
            journal.record("run", ended, run.id)
    if lost:
        raise lost[0]
    with contextlib.suppress(asyncio.CancelledError):
        tasks[0].result()
    return output_of(journal, engine.record, prepared.playbook)


def _write_report(prepared: Prepared, run: Run, call: Call) -> None:
    """The acceptance report, beside the journal."""
    journal = call.guard.journal
    folder = journal.file.parent / "reports"
    file = folder / f"{run.id}.md"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        run.report = str(file)
        text = acceptance_report(output_of(journal, run, prepared.playbook).model_dump(mode="json"))
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)
    except OSError:
        run.report = ""
    journal.save_run(run.model_dump(mode="json"))
