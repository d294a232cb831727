"""Conduct a run: the tool server, the view, the answers, and what is printed at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.client import connect
from agent.confirm import Desk, PlanAnswers, Question, TerminalAnswers
from agent.documents import plan_document, run_document, run_exit
from agent.interrupt import Interrupt
from agent.model import Plan, Run
from agent.options import Common
from agent.output import SIMULATED, Output
from agent.problems import WAITING, Interrupted, Problem
from agent.text import count, duration, one_line
from agent.views import View, view_for
from agent.watch import Watcher

__all__ = ["conduct", "show_plan", "show_run"]


async def show_plan(
    common: Common, workspace: Path, arguments: Mapping[str, Any], interrupt: Interrupt, *, again: str
) -> int:
    """Print what a run would do, its digest, and the confirmations it needs."""
    output = common.output
    with output.busy("planning: looking at what is there") as say:

        async def progress(_: float, __: float | None, message: str) -> None:
            say(message)

        async with connect(common.connection(workspace, read_only=True), interrupt) as server:
            reply = await server.call("playbook_plan", arguments, progress=progress)
    plan = Plan.read(reply.data)
    output.document(plan_document(plan, reply.data))
    if not output.json:
        from agent.plans import plain_plan, plan_view

        output.show(plan_view(plan, output.out.width), plain_plan(plan))
        if plan.digest:
            output.line(f"To say yes to exactly these confirmations: {again} --yes {plan.digest[:16]}")
    return 0


async def conduct(
    common: Common,
    workspace: Path,
    tool: str,
    arguments: Mapping[str, Any],
    interrupt: Interrupt,
    *,
    verb: str,
    known: Run | None = None,
    yes: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> int:
    """Run a playbook tool to its end and print the outcome; the exit code.

    ``yes`` is the digest of the plan whose confirmations are answered with yes; without it a human at the terminal is
    asked, and without a terminal nobody: the run waits. ``more`` goes into the JSON document as it is.
    """
    output = common.output
    view = view_for(output, verb)
    with view:
        planned = await _planned(common, workspace, arguments, interrupt, yes) if yes is not None else None
        desk = _desk(output, view, planned)
        connection = replace(common.connection(workspace), told=lambda about: _introduce(output, view, about))
        async with connect(connection, interrupt, answer=desk.answer if desk else None) as server:
            watcher = Watcher(server, view, known)
            try:
                run = await watcher.start(tool, arguments)
            except Interrupted as stopped:
                raise _stopped(output, watcher.run, stopped) from None
    return _finish(output, run, desk, more or {})


def _introduce(output: Output, view: View, about: Mapping[str, Any]) -> None:
    with view.pause() if about.get("simulated") else contextlib.nullcontext():
        output.introduce(about)


async def _planned(
    common: Common, workspace: Path, arguments: Mapping[str, Any], interrupt: Interrupt, digest: str
) -> PlanAnswers:
    """The confirmations that a human said yes to by naming the plan's digest.

    Raises:
        Problem: the plan of now is another one.
    """
    async with connect(replace(common.connection(workspace, read_only=True), told=None), interrupt) as server:
        plan = Plan.read((await server.call("playbook_plan", arguments)).data)
    if not plan.named(digest):
        raise Problem(
            f"the plan is not {digest} any more",
            f"it is {plan.digest}, with {count(len(plan.confirmations), 'confirmation')}; nothing was done",
            "look at it again with --plan",
            code="usage",
        )
    return PlanAnswers(plan.covered())


def _desk(output: Output, view: View, planned: PlanAnswers | None) -> Desk | None:
    """Who answers; None when nobody can, which the server is told."""
    if planned is not None:
        return Desk(planned.choose)
    if output.interactive:
        return Desk(TerminalAnswers(output, view.pause).choose)
    return None


def _stopped(output: Output, run: Run, stopped: Interrupted) -> Interrupted:
    """The interruption; with ``--json`` the run as far as it came is the document."""
    if run.id:
        run.status = "interrupted"
        output.document(run_document(run))
        stopped.documented = output.json
    return stopped


def _finish(output: Output, run: Run, desk: Desk | None, more: Mapping[str, Any]) -> int:
    output.document(run_document(run) | dict(more))
    code = run_exit(run)
    if not output.json:
        show_run(output, run)
    if run.status == "waiting":
        _how_to_go_on(output, run, desk)
        return WAITING
    if desk and desk.declined:
        output.note(f"You said no: it stays as it is. To go on later: longshore runs resume {run.id}")
    elif code != 0 and run.id:
        resume = f"longshore runs resume {run.id}"
        for line in run.advice or [f"after the repair: {resume}"]:
            output.note(f"next: {line}")
    if run.id and not output.json:
        output.note(f"The whole story: longshore runs report {run.id} -o run.html")
    return code


def show_run(output: Output, run: Run) -> None:
    """The end of a run: its stages, what failed, and one line."""
    from agent import render

    plain = "\n".join(_plain_stage(stage) for stage in run.stages)
    failures = [line for _, line in render.failure_lines(run)]
    output.show(render.summary_view(run, output.out.width), "\n".join([plain, *failures]).strip("\n"))
    style = {"succeeded": "green", "waiting": "yellow", "rolled_back": "yellow"}.get(run.status, "red")
    changes = sum(stage.changes for stage in run.stages)
    parts = [f"status: {run.status}"]
    parts += [f"in {duration(run.seconds)}"] if run.seconds is not None else []
    parts += [f"{count(changes, 'step')} changed something" if changes else "nothing changed"] if run.stages else []
    unproven = sum(step.status == "simulated" for step in run.steps())
    parts += [SIMULATED] if run.simulated else []
    parts += [f"{count(unproven, 'step')} that only a real run can prove"] if unproven else []
    output.line("  ".join([parts[0], *([f"({', '.join(parts[1:])})"] if parts[1:] else [])]), f"bold {style}")


def _plain_stage(stage: Any) -> str:
    done = f"{stage.done}/{len(stage.steps)} steps"
    changed = f", {stage.changes} changed" if stage.changes else ""
    head = f"{stage.number} {one_line(stage.title):<28} {stage.status:<10}"
    return f"{head} {done}{changed} {duration(stage.seconds)}".rstrip()


def _how_to_go_on(output: Output, run: Run, desk: Desk | None) -> None:
    for found in waiting_of(run, desk):
        output.note(f"waits for your yes: {found.id or '?'}  {found.effect} {found.summary}".replace("  ", " "))
    ids = [found.id for found in waiting_of(run, desk) if found.id]
    output.note("How to go on:")
    for found_id in ids or ["ID"]:
        output.note(f"  longshore approve {found_id}")
    output.note(f"  longshore runs resume {run.id}")


def waiting_of(run: Run, desk: Desk | None) -> list[Question]:
    """The questions that a run waits for."""
    found: dict[str, Question] = {}
    for item in run.confirmations:
        if item.get("status") in (None, "", "waiting"):
            preview = item.get("preview")
            summary = item.get("summary") or (preview.get("summary") if isinstance(preview, Mapping) else "")
            question = Question(
                one_line(summary or item.get("tool") or ""), str(item.get("effect") or ""), id=str(item.get("id") or "")
            )
            found[question.id] = question
    for question in desk.waiting if desk else []:
        found.setdefault(question.id, question)
    details = run.error.get("details")
    if isinstance(details, Mapping) and details.get("confirmation") and str(details["confirmation"]) not in found:
        question = Question(one_line(run.error.get("why") or run.error.get("what")), id=str(details["confirmation"]))
        found[question.id] = question
    return list(found.values())
