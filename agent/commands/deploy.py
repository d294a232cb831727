"""``longshore deploy``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.options import Command, Common, common

if TYPE_CHECKING:
    from agent.interrupt import Interrupt

_EXAMPLES = (
    ("longshore deploy", "the application in this folder, to Minikube"),
    ("longshore deploy shop --stages 1-3", "check, build and chart only"),
    ("longshore deploy . --plan", "only say what it would do, and ask"),
    ("longshore deploy . --yes 3f9ac41b77d2", "say yes to the confirmations of that plan"),
    ("longshore deploy . --rehearse", "the same in a throw-away sandbox first"),
    ("longshore deploy . --target context:staging", "to a cluster of your kubeconfig"),
)


@click.command("deploy", cls=Command, examples=_EXAMPLES, short_help="Take a project from source to healthy pods")
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option("--stages", metavar="N[-M]", help="Only these stages, for example 1-3 or 5.")
@click.option("--plan", "plan_only", is_flag=True, help="Print the plan with its digest and confirmations; do nothing.")
@click.option("--yes", metavar="DIGEST", help="Yes to exactly the confirmations of the plan with that digest.")
@click.option("--rehearse", is_flag=True, help="In a throw-away sandbox first; the real one only if that succeeds.")
@common()
def command(path: Path, stages: str | None, plan_only: bool, yes: str | None, rehearse: bool, common: Common) -> int:
    """Take a project from source to healthy pods, in seven stages.

    PATH is the folder of a longshore.yaml (default: this one). What exists already is kept, what is done already is
    not done again, and what replaces or removes something that runs is asked of you first, with its diff. Without a
    terminal nothing is asked: it ends with 3 and says how to go on.

    Where there is no Minikube and none can be started, it goes to the sandbox, an embedded simulated cluster, and says
    so: --target sandbox chooses that, --target minikube refuses it.
    """
    from agent.conduct import conduct, show_plan
    from agent.interrupt import execute
    from agent.settings import application_path, workspace_of

    if plan_only and yes is not None:
        raise click.UsageError("--plan does nothing, so there is nothing to say --yes to")
    if rehearse and (plan_only or common.url):
        raise click.UsageError(f"--rehearse does not go with {'--plan' if plan_only else '--mcp'}")
    workspace = workspace_of(path)
    arguments = {
        "playbook": "deploy",
        "application": application_path(path, workspace),
        "stages": check_stages(stages),
    }
    if plan_only:
        again = f"longshore deploy {path}" + (f" --stages {stages}" if stages else "")
        return execute(lambda interrupt: show_plan(common, workspace, arguments, interrupt, again=again))

    async def work(interrupt: Interrupt) -> int:
        rehearsed = None
        if rehearse:
            from agent.rehearsal import rehearsal

            code, rehearsed = await rehearsal(common, workspace, arguments, interrupt)
            if code != 0:
                return code
        more = {"rehearsal": rehearsed} if rehearsed else {}
        return await conduct(common, workspace, "playbook_run", arguments, interrupt, verb="deploy", yes=yes, more=more)

    return execute(work)


def check_stages(text: str | None) -> str | None:
    """The stages as the playbook takes them.

    Raises:
        click.UsageError: it is no number and no range of numbers.
    """
    if text is None:
        return None
    first, dash, last = text.partition("-")
    if first.isdecimal() and (not dash or (last.isdecimal() and int(first) <= int(last))) and int(first) > 0:
        return text
    raise click.UsageError(f"--stages {text!r} is no stage: a number or a range, for example 1-3")
