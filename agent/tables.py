"""Tables on a terminal: what is deployed, the checks of the environment, runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from agent.render import MARKS, grid, mark
from agent.text import ago, duration, one_line, when

__all__ = ["checks_view", "runs_view", "settings_view", "status_view"]


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 1))
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _styled(status: object) -> Text:
    word = one_line(status)
    style = MARKS.get(word, ("", ""))[1]
    if not style:
        style = {"deployed": "green", "Running": "green", "Completed": "dim"}.get(word, "yellow")
    return Text(word, style)


def status_view(document: Mapping[str, Any], width: int, now: float) -> RenderableType:
    """What is deployed, its pods, and the last runs."""
    where = f", namespace {document['namespace']}" if document["namespace"] else ""
    parts: list[RenderableType] = [Text.assemble(("target ", "dim"), (str(document["target"]), "bold"), (where, ""))]
    releases = document["releases"]
    if not releases:
        parts += [Text(), Text("nothing is deployed", "dim")]
    else:
        table = _table("release", "namespace", "rev", "status", "chart", "updated")
        for r in releases:
            updated = ago(when(r.get("updated")), now)
            cells = [one_line(r.get(key, "")) for key in ("name", "namespace", "revision")]
            table.add_row(*cells, _styled(r.get("status")), one_line(r.get("chart", "")), Text(updated, "dim"))
        parts += [Text(), table]
    if document["pods"]:
        parts += [Text(), _pods(document["pods"])]
    if document["runs"]:
        parts += [Text(), runs_view(document["runs"], now)]
    return Group(*parts)


def _pods(pods: Sequence[Mapping[str, str]]) -> RenderableType:
    names = list(pods[0])
    table = _table(*("pod" if name == "name" else name for name in names))
    for pod in pods:
        cells: list[Text] = []
        for name in names:
            value = one_line(pod.get(name, ""))
            style = ""
            if name == "ready":
                have, _, want = value.partition("/")
                style = "green" if have == want else "yellow"
            elif name == "restarts":
                style = "dim" if value == "0" else "yellow"
            cells.append(_styled(value) if name == "status" else Text(value, style))
        table.add_row(*cells)
    return table


def runs_view(runs: Sequence[Mapping[str, Any]], now: float) -> RenderableType:
    """Runs, newest first."""
    table = _table("run", "playbook", "application", "status", "took", "started")
    for run in runs:
        seconds = run.get("seconds")
        table.add_row(
            Text(one_line(run.get("run_id")), "cyan"),
            one_line(run.get("playbook", "")),
            one_line(run.get("application", "")),
            _styled(run.get("status")),
            duration(seconds if isinstance(seconds, (int, float)) else None),
            Text(ago(when(run.get("started_at")), now), "dim"),
        )
    return table


def checks_view(checks: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    """The checks of the environment by section, with the remedy of each that failed."""
    parts: list[RenderableType] = []
    for section in dict.fromkeys(str(check.get("section") or "") for check in checks):
        table = grid({"width": 1}, {"no_wrap": True, "min_width": 22}, {"ratio": 1, "overflow": "fold"})
        table.width = min(width, 110)
        for check in (c for c in checks if str(c.get("section") or "") == section):
            status = str(check.get("status"))
            found = Text(one_line(check.get("found")), "" if status in ("ok", "failed") else "dim")
            if status in ("failed", "warning") and check.get("expected"):
                found.append(f"  (wanted: {one_line(check['expected'])})", "dim")
            table.add_row(mark(status), one_line(check.get("title") or check.get("id")), found)
            if status in ("failed", "warning") and check.get("remedy"):
                table.add_row("", "", Text(f"→ {one_line(check['remedy'])}", "cyan"))
        parts += [Text(section.capitalize(), "bold"), table, Text()]
    return Group(*parts)


def settings_view(settings: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The settings, and where each value came from."""
    table = _table("setting", "value", "from")
    for item in settings:
        source = one_line(item.get("source"))
        table.add_row(
            one_line(item.get("name")),
            one_line(item.get("value")),
            Text(source, "dim" if source == "default" else "cyan"),
        )
    return Group(Text("Settings", "bold"), table)
