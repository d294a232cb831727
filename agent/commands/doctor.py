"""``longshore doctor``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from agent.options import Command, Common, common
from agent.output import SIMULATED

_EXAMPLES = (
    ("longshore doctor", "everything"),
    ("longshore doctor examples/todo-chatbot", "measured against what this application needs"),
    ("longshore doctor --json", "for a script; 4 when something is missing"),
)


@click.command("doctor", cls=Command, examples=_EXAMPLES, short_help="Check this machine, and show the settings")
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=Path())
@common()
def command(path: Path, common: Common) -> int:
    """Check this machine: programs, Docker, Minikube, memory, disk, ports, and which optional tools are used.

    Each failure says how to repair it. Ends with 4 when something that is needed is missing.
    """
    from agent.interrupt import execute
    from agent.settings import FILE, application_path, workspace_of

    workspace = workspace_of(path)
    known = path.is_file() or (path / FILE).is_file()
    arguments = {"section": "all", "application": application_path(path, workspace) if known else None}

    async def work(interrupt: Any) -> int:
        from agent.client import connect
        from agent.model import mappings

        with common.output.busy("looking at this machine"):
            async with connect(common.connection(workspace, read_only=True), interrupt) as server:
                data = (await server.call("environment_check", arguments)).data
        from agent.chat import config

        settings = [*mappings(data.get("settings")), *config.shown()]
        document = dict(data) | {"settings": settings}
        common.output.document(document)
        if not common.output.json:
            _show(common, mappings(data.get("checks")), settings, ready=bool(data.get("ready")))
            if data.get("simulated"):
                common.output.line(f"{SIMULATED}: longshore doctor --target minikube says what the real thing needs")
        return 0 if data.get("ready") else 4

    return execute(work)


def _show(
    common: Common, checks: Sequence[Mapping[str, Any]], settings: Sequence[Mapping[str, Any]], *, ready: bool
) -> None:
    from agent import tables
    from agent.text import count, one_line, table

    if sys.stdout.isatty():
        common.output.out.print(tables.checks_view(checks, common.output.out.width))
        if settings:
            common.output.out.print(tables.settings_view(settings))
    else:
        rows = [[str(c.get("status")), str(c.get("title") or c.get("id")), str(c.get("found") or "")] for c in checks]
        common.output.line(table(["STATUS", "CHECK", "FOUND"], rows))
        for check in checks:
            if check.get("status") in ("failed", "warning") and check.get("remedy"):
                common.output.line(f"{check.get('id')}: {one_line(check['remedy'])}")
        if settings:
            rows = [[str(s.get("name")), str(s.get("value")), str(s.get("source"))] for s in settings]
            common.output.line("\n" + table(["SETTING", "VALUE", "FROM"], rows))
    failed = sum(check.get("status") == "failed" for check in checks)
    warned = sum(check.get("status") == "warning" for check in checks)
    notes = f" ({count(warned, 'warning')})" if warned else ""
    if ready:
        common.output.line(f"ready: everything that is needed is here{notes}", "bold green")
    else:
        common.output.line(f"not ready: {count(failed, 'check')} failed{notes}", "bold red")
