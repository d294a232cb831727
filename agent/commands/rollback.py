"""``longshore rollback``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent.options import Command, Common, common

_EXAMPLES = (
    ("longshore rollback todo-backend", "to the last good revision"),
    ('longshore rollback todo-backend --revision 3 --reason "slow"', "to that one, and why"),
    ("longshore rollback todo-backend -n todo", "in that namespace"),
)


@click.command("rollback", cls=Command, examples=_EXAMPLES, short_help="Take a release back to an earlier revision")
@click.argument("release")
@click.option("--revision", type=click.IntRange(min=1), metavar="N", help="Default: the last good one.")
@click.option("--reason", default="", metavar="TEXT", help="Why; written to the deployment log.")
@click.option("--namespace", "-n", metavar="NAME", help="Default: that of the longshore.yaml here, or default.")
@common()
def command(release: str, revision: int | None, reason: str, namespace: str | None, common: Common) -> int:
    """Take a release back to an earlier revision.

    Shows the impact first: objects added, changed and lost, data at risk, whether the old images are still there. Then
    it asks. Without a terminal it ends with 3 and says how to go on.
    """
    from agent.interrupt import execute
    from agent.settings import namespace_of, workspace_of

    arguments: dict[str, Any] = {"release": release, "namespace": namespace or namespace_of(Path()) or "default"}
    if revision is not None:
        arguments["revision"] = revision

    async def work(interrupt: Any) -> int:
        from agent.client import connect
        from agent.confirm import Desk, TerminalAnswers

        output = common.output
        desk = Desk(TerminalAnswers(output, output.quiet).choose) if output.interactive else None
        answer = desk.answer if desk else None
        with output.busy("analyzing the impact") as say:

            async def progress(_: float, __: float | None, message: str) -> None:
                say(message)

            async with connect(common.connection(workspace_of(Path())), interrupt, answer=answer) as server:
                impact = (await server.call("helm_rollback_impact", arguments)).data
                with output.quiet():
                    if not output.json:
                        _impact(common, impact)
                say(f"rolling {release} back")
                given = {**arguments, "reason": reason}
                result = (await server.call("helm_rollback", given, progress=progress)).data
        output.document({"impact": impact, "result": result})
        return _result(common, result)

    return execute(work)


def _impact(common: Common, impact: Mapping[str, Any]) -> None:
    note = common.output.note
    note(f"{impact.get('release')}: revision {impact.get('from_revision')} → {impact.get('to_revision')}")
    for title, key in (
        ("adds", "added"),
        ("changes", "changed_objects"),
        ("loses", "lost"),
        ("data at risk", "data_at_risk"),
    ):
        names = impact.get(key) or []
        note(f"  {title + ':':<14}{', '.join(map(str, names)) or 'nothing'}")
    for image in impact.get("images") or []:
        note(f"  {'image:':<14}{image.get('image')} {'is' if image.get('on_node') else 'is NOT'} on the node")


def _result(common: Common, result: Mapping[str, Any]) -> int:
    output = common.output
    if not result.get("changed"):
        output.line(f"{result.get('release')} already is there; nothing was done", "bold green")
        return 0
    state = "ready" if result.get("ready") else "NOT ready"
    output.line(
        f"{result.get('release')} is as it was in revision {result.get('to_revision')}: {state}",
        "bold green" if result.get("ready") else "bold red",
    )
    cause = result.get("cause")
    if isinstance(cause, Mapping):
        output.line(f"cause: {cause.get('code')}: {cause.get('summary')}")
    return 0 if result.get("ready") else 1
