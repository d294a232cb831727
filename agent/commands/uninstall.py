"""``longshore uninstall``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agent.options import Command, Common, common

_EXAMPLES = (
    ("longshore uninstall", "the application in this folder"),
    ("longshore uninstall . --plan", "only say what would be removed"),
    ("longshore uninstall . --delete-data", "and its data, secrets and namespace"),
)


@click.command("uninstall", cls=Command, examples=_EXAMPLES, short_help="Take everything down again")
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option("--delete-data", is_flag=True, help="Also the volume claims, the secrets and the namespace.")
@click.option("--plan", "plan_only", is_flag=True, help="Print the plan with its digest and confirmations; do nothing.")
@click.option("--yes", metavar="DIGEST", help="Yes to exactly the confirmations of the plan with that digest.")
@common()
def command(path: Path, delete_data: bool, plan_only: bool, yes: str | None, common: Common) -> int:
    """Remove all releases of the application, and verify that nothing is left.

    PATH is the folder of its longshore.yaml (default: this one). Each removal is asked of you first. Data is kept,
    unless you say --delete-data.
    """
    from agent.conduct import conduct, show_plan
    from agent.interrupt import execute
    from agent.settings import application_path, workspace_of

    if plan_only and yes is not None:
        raise click.UsageError("--plan does nothing, so there is nothing to say --yes to")
    workspace = workspace_of(path)
    arguments: dict[str, Any] = {"playbook": "uninstall", "application": application_path(path, workspace)}
    if delete_data:
        arguments["params"] = {"delete_data": True}
    if plan_only:
        again = f"longshore uninstall {path}" + (" --delete-data" if delete_data else "")
        return execute(lambda interrupt: show_plan(common, workspace, arguments, interrupt, again=again))
    return execute(
        lambda interrupt: conduct(common, workspace, "playbook_run", arguments, interrupt, verb="uninstall", yes=yes)
    )
