"""``longshore runs``: list, show, resume and report runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent.options import Command, Common, common


@click.group("runs", short_help="List, show, resume and report runs")
def command() -> None:
    """List, show, resume and report runs. Each deploy, rollback or uninstall is a run in the journal."""


def _read(common: Common, workspace: Path, work: Any) -> int:
    """Run ``work(server)`` on a server that may only look."""
    from agent.client import connect
    from agent.interrupt import execute

    async def session(interrupt: Any) -> int:
        async with connect(common.connection(workspace, read_only=True), interrupt) as server:
            result = await work(server)
            assert isinstance(result, int)
            return result

    return execute(session)


@command.command(
    "list",
    cls=Command,
    short_help="List the runs, newest first",
    examples=(("longshore runs list", "the newest first"),),
)
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, metavar="N", help="How many.")
@common()
def runs_list(limit: int, common: Common) -> int:
    """List the runs, newest first."""
    from agent.settings import workspace_of

    async def work(server: Any) -> int:
        from agent.listing import listed
        from agent.text import ago, duration, table, when

        runs = (await listed(server))[:limit]
        common.output.document({"runs": runs})
        if common.output.json:
            return 0
        if not runs:
            common.output.line("no runs yet; longshore deploy makes one")
            return 0
        from agent.tables import runs_view

        now = time.time()
        rows = [
            [
                str(run["run_id"]),
                str(run.get("playbook", "")),
                str(run.get("status", "")),
                duration(run.get("seconds")),
                ago(when(run.get("started_at")), now),
            ]
            for run in runs
        ]
        plain = table(["RUN", "PLAYBOOK", "STATUS", "TOOK", "STARTED"], rows)
        common.output.show(runs_view(runs, now), plain)
        return 0

    return _read(common, workspace_of(Path()), work)


@command.command(
    "show",
    cls=Command,
    short_help="Show a run's steps and what each found",
    examples=(("longshore runs show deploy-20260801-101500-3fa9", "its steps"),),
)
@click.argument("run_id", metavar="RUN")
@common()
def runs_show(run_id: str, common: Common) -> int:
    """Show a run: its stages and steps, what each found, and what it waits for. RUN may be "last"."""
    from agent.settings import workspace_of

    async def work(server: Any) -> int:
        from agent.documents import run_document
        from agent.listing import one
        from agent.render import run_plain, run_view

        run = await one(server, run_id)
        common.output.document(run_document(run))
        if not common.output.json:
            common.output.show(run_view(run, common.output.out.width), run_plain(run))
        return 0

    return _read(common, workspace_of(Path()), work)


@command.command(
    "resume",
    cls=Command,
    short_help="Go on with a run that stopped or waits",
    examples=(("longshore runs resume last", "go on where it stopped"),),
)
@click.argument("run_id", metavar="RUN")
@click.option(
    "--workspace", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Default: that of this folder."
)
@common()
def runs_resume(run_id: str, workspace: Path | None, common: Common) -> int:
    """Go on with a run that was interrupted, failed, or waits. What is done is not done again. RUN may be "last"."""
    from agent.interrupt import execute
    from agent.settings import workspace_of

    here = workspace.resolve() if workspace else workspace_of(Path())

    async def work(interrupt: Any) -> int:
        from agent.client import connect
        from agent.conduct import conduct
        from agent.listing import one

        async with connect(common.connection(here, read_only=True), interrupt) as server:
            run = await one(server, run_id)
        place = _place_of(run.raw, here, given=workspace is not None)
        arguments = {"run_id": run.id}
        verb = run.playbook or "resume"
        return await conduct(common, place, "playbook_resume", arguments, interrupt, verb=verb, known=run)

    return execute(work)


def _place_of(data: Mapping[str, Any], here: Path, *, given: bool) -> Path:
    """The workspace of the run, when it says which and none was given."""
    noted = data.get("workspace")
    found = Path(str(noted)) if noted else here
    return here if given or not found.is_dir() else found


@command.command(
    "report",
    cls=Command,
    short_help="Write a run's report, one HTML page",
    examples=(("longshore runs report last -o run.html", "one page, to keep or to send"),),
)
@click.argument("run_id", metavar="RUN")
@click.option(
    "--output",
    "-o",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Default: RUN.html in this folder.",
)
@common()
def runs_report(run_id: str, file: Path | None, common: Common) -> int:
    """Write a run's report: one HTML page with its timeline, evidence, confirmations, and what talks to what.

    The page needs nothing else: no network, no other file. RUN may be "last".
    """
    from agent.settings import FILE, document_of, workspace_of

    here = workspace_of(Path())

    async def work(server: Any) -> int:
        from agent.listing import one
        from agent.problems import Problem
        from agent.report import render

        run = await one(server, run_id)
        details = await server.read(f"longshore://runs/{run.id}")
        target = file or Path(f"{run.id}.html")
        record = details.get("run") if isinstance(details, dict) else None
        named = record.get("application") if isinstance(record, dict) else None
        page = render(run, details if isinstance(details, dict) else {}, document_of(here / str(named or FILE)))
        try:
            target.write_text(page, encoding="utf-8")
        except OSError as error:
            raise Problem(
                f"{target} cannot be written", error.strerror or str(error), "-o FILE", code="usage"
            ) from error
        common.output.document({"run_id": run.id, "report": str(target.resolve()), "bytes": len(page.encode())})
        common.output.line(f"written: {target}")
        return 0

    return _read(common, here, work)
