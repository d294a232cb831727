"""What was talked about, derived from the conversation: the last thing, request, findings, run, change and question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.planner.history import Result
from agent.planner.names import Thing
from agent.planner.request import Open, Request

__all__ = ["Memory", "inverse_of"]

KEPT = 60
"""Results that are looked at; older ones name nothing any more."""


@dataclass
class Memory:
    """The state of a conversation before a message."""

    results: list[Result] = field(default_factory=list)
    things: tuple[Thing, ...] = ()
    request: Request | None = None
    open: Open | None = None
    text: str = ""
    """The last answer."""
    answered_by_other: bool = False

    def last(self, *tools: str) -> Result | None:
        """The newest result of one of the tools that went well."""
        return next((r for r in reversed(self.results) if r.ok and r.tool in tools), None)

    @property
    def failed(self) -> Result | None:
        """The newest result, when it failed."""
        newest = self.results[-1] if self.results else None
        return newest if newest is not None and newest.status == "failed" else None

    @property
    def unfinished(self) -> bool:
        """Whether the newest thing that was done is a run that did not come to its end: stopped, failed or waiting."""
        newest = self.results[-1] if self.results else None
        if newest is None or newest.tool not in ("playbook_run", "playbook_resume"):
            return False
        return not newest.ok or newest.data.get("status") in ("failed", "waiting", "interrupted", "running")

    @property
    def findings(self) -> list[Mapping[str, Any]]:
        """What diagnosis said last; nothing once something was changed after it."""
        for result in reversed(self.results):
            found = result.data.get("findings")
            if result.ok and result.tool in ("diagnose", "check_health") and isinstance(found, list):
                return [finding for finding in found if isinstance(finding, Mapping)]
            if result.ok and result.data.get("changed") is True:
                return []
        return []

    @property
    def run_id(self) -> str:
        """The run that was spoken of last."""
        for result in reversed(self.results):
            run = result.data.get("run")
            found = result.data.get("run_id") or (run.get("run_id") if isinstance(run, Mapping) else "")
            if found:
                return str(found)
        return ""

    @property
    def change(self) -> Result | None:
        """The last call that really changed something."""
        changing = (r for r in reversed(self.results) if r.ok and r.data.get("changed") is True)
        return next(changing, None)


def inverse_of(change: Result, before: list[Result]) -> tuple[str, dict[str, Any]] | None:
    """The call that undoes a change; None when there is none. ``before`` are the results up to it."""
    data, given = change.data, dict(change.arguments)
    place = {key: given[key] for key in ("namespace",) if key in given}
    if change.tool == "helm_rollback" and data.get("from_revision") == data.get("to_revision"):
        return None  # what was changed beside Helm is in no revision
    if change.tool == "helm_rollback" and data.get("from_revision"):
        return "helm_rollback", {"release": given.get("release"), **place, "revision": data["from_revision"]}
    if change.tool in ("helm_upgrade", "helm_install") and data.get("revision"):
        if int(data["revision"]) > 1:
            return "helm_rollback", {"release": given.get("release"), **place, "revision": int(data["revision"]) - 1}
        return "helm_uninstall", {"release": given.get("release"), **place}
    if change.tool == "kubectl_scale":
        earlier = replicas_seen(str(given.get("name")), before)
        if earlier is not None and earlier != given.get("replicas"):
            return "kubectl_scale", {"kind": given.get("kind"), "name": given.get("name"), **place, "replicas": earlier}
    return None


def replicas_seen(name: str, results: list[Result]) -> int | None:
    """How many replicas a workload was last seen to want: ``1/3`` in kubectl's table, or what it was scaled to."""
    for result in reversed(results):
        if result.ok and result.tool == "kubectl_scale" and result.arguments.get("name") == name:
            return int(result.arguments.get("replicas") or 0)
        columns = result.data.get("columns")
        if not result.ok or result.tool != "kubectl_get" or not isinstance(columns, list):
            continue
        if "READY" not in columns or "NAME" not in columns:
            continue
        for row in result.data.get("rows") or []:
            wanted = str(row[columns.index("READY")]).partition("/")[2]
            if row[columns.index("NAME")] == name and wanted.isdigit():
                return int(wanted)
    return None
