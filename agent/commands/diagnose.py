"""``longshore diagnose``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent.options import Command, Common, common
from agent.output import SIMULATED

_EXAMPLES = (
    ("longshore diagnose", "everything in the cluster"),
    ("longshore diagnose --namespace todo", "one namespace"),
    ("longshore diagnose --app examples/todo-chatbot", "one application"),
    ("longshore diagnose todo-backend -n todo", "one release"),
    ("longshore diagnose pod/todo-backend-7d5f -n todo", "one object"),
)


@click.command("diagnose", cls=Command, examples=_EXAMPLES, short_help="Say what is wrong, why, and what would fix it")
@click.argument("name", required=False)
@click.option("--namespace", "-n", metavar="NAME", help="Where to look; default: everywhere.")
@click.option(
    "--app", "app", metavar="PATH", type=click.Path(path_type=Path, exists=True), help="The application of that folder."
)
@common()
def command(name: str | None, namespace: str | None, app: Path | None, common: Common) -> int:
    """Say what is wrong in the cluster, why, and what would fix it. It only looks.

    NAME is a release, or KIND/NAME. A root cause is listed with its evidence and with the symptoms that it explains;
    those are not listed themselves. Ends with 0 when there is nothing, with 1 when there is anything.
    """
    from agent.interrupt import execute
    from agent.settings import application_path, namespace_of, workspace_of

    here = app or Path()
    workspace = workspace_of(here)
    arguments: dict[str, Any] = {"namespace": namespace or (namespace_of(here) if app or name else None)}
    if app:
        arguments["application"] = application_path(app, workspace)
    if name:
        kind, slash, rest = name.partition("/")
        arguments |= {"kind": kind, "name": rest} if slash else {"release": name}
        arguments["namespace"] = arguments["namespace"] or "default"

    async def work(interrupt: Any) -> int:
        from agent.client import connect
        from agent.documents import diagnose_document

        with common.output.busy("looking at the cluster"):
            async with connect(common.connection(workspace, read_only=True), interrupt) as server:
                reply = await server.call("diagnose", arguments)
        document = diagnose_document(reply.data, str(server.about.get("target") or common.target or "minikube"))
        common.output.document(document)
        _show(common, document, reply.data)
        return 1 if document["findings"] else 0

    return execute(work)


def _show(common: Common, document: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    from agent.findings import findings_view, plain_findings

    if not common.output.json:
        if document.get("simulated"):
            common.output.line(SIMULATED, "yellow")
        common.output.show(findings_view(document, common.output.out.width), plain_findings(document))
        for kind in data.get("unseen") or []:
            common.output.note(f"could not be seen: {kind}")
