"""``longshore status``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent.options import Command, Common, common

_EXAMPLES = (
    ("longshore status", "the application in this folder; without one, the whole cluster"),
    ("longshore status --namespace todo --json", "for a script"),
)


@click.command("status", cls=Command, examples=_EXAMPLES, short_help="Show what is deployed")
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=Path())
@click.option("--namespace", "-n", metavar="NAME", help="Default: the application's; without one, all.")
@common()
def command(path: Path, namespace: str | None, common: Common) -> int:
    """Show what is deployed, its pods, and the last runs.

    Ends with 1 when a release failed or a pod is not ready, with 4 when the cluster cannot be reached.
    """
    from agent.interrupt import execute
    from agent.settings import namespace_of, workspace_of

    workspace = workspace_of(path)
    where = namespace or namespace_of(path)

    async def work(interrupt: Any) -> int:
        from agent.client import connect

        with common.output.busy("looking at the cluster"):
            async with connect(common.connection(workspace, read_only=True), interrupt) as server:
                document = await look(server, where, str(server.about.get("target") or common.target or ""))
                document["simulated"] = bool(server.about.get("simulated"))
        common.output.document(document)
        if not common.output.json:
            _show(common, document)
        return 0 if healthy(document) else 1

    return execute(work)


async def look(server: Any, where: str | None, target: str) -> dict[str, Any]:
    """What is deployed in a namespace (None: in all), its pods, and the last runs."""
    from agent.model import mappings

    releases = (await server.call("helm_list", {"namespace": where})).data
    pods_of = {"kind": "pods", "namespace": where, "all_namespaces": True if not where else None}
    pods = (await server.call("kubectl_get", pods_of)).data
    runs = mappings((await server.call("playbook_status", {})).data.get("runs"))
    return {
        "target": target or _target(runs) or "minikube",
        "simulated": False,
        "namespace": where,
        "releases": mappings(releases.get("releases")),
        "pods": _pods(pods),
        "runs": [_run(run) for run in runs[:5]],
    }


def _target(runs: list[Mapping[str, Any]]) -> str:
    return str(runs[0].get("target") or "") if runs else ""


def _pods(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of the table as mappings, the columns that people need."""
    columns = [str(name).lower() for name in data.get("columns") or []]
    rows = [dict(zip(columns, map(str, row), strict=False)) for row in data.get("rows") or []]
    return [
        {key: row[key] for key in ("namespace", "name", "ready", "status", "restarts", "age") if key in row}
        for row in rows
    ]


def _run(run: Mapping[str, Any]) -> dict[str, Any]:
    names = ("playbook", "application", "target", "status", "started_at", "seconds")
    return {"run_id": run.get("run_id") or run.get("id")} | {key: run[key] for key in names if key in run}


def healthy(document: Mapping[str, Any]) -> bool:
    """Whether every release is deployed and every pod ready or completed."""
    releases = all(release.get("status") == "deployed" for release in document["releases"])
    return releases and all(ready(pod) for pod in document["pods"])


def ready(pod: Mapping[str, str]) -> bool:
    """Whether a pod's row says that it is well."""
    have, _, want = pod.get("ready", "").partition("/")
    return pod.get("status") == "Completed" or (pod.get("status") == "Running" and have == want)


def _show(common: Common, document: Mapping[str, Any]) -> None:
    from agent.tables import status_view
    from agent.text import ago, table, when

    now = time.time()
    where = f"target {document['target']}" + (" (simulated)" if document.get("simulated") else "")
    lines = [where + (f", namespace {document['namespace']}" if document["namespace"] else "")]
    rows = [
        [r.get("namespace", ""), r.get("name", ""), str(r.get("revision", "")), r.get("status", ""), r.get("chart", "")]
        for r in document["releases"]
    ]
    lines += ["", table(["NAMESPACE", "RELEASE", "REV", "STATUS", "CHART"], rows) if rows else "nothing is deployed"]
    pods = document["pods"]
    if pods:
        head = list(pods[0])
        lines += ["", table([name.upper() for name in head], [[pod.get(name, "") for name in head] for pod in pods])]
    runs = [
        [str(r["run_id"]), str(r.get("playbook", "")), str(r.get("status", "")), ago(when(r.get("started_at")), now)]
        for r in document["runs"]
    ]
    lines += ["", table(["RUN", "PLAYBOOK", "STATUS", "STARTED"], runs)] if runs else []
    common.output.show(status_view(document, common.output.out.width, now), "\n".join(lines))
