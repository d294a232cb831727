"""Runs of the journal, through the tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from agent.client import Reply
from agent.model import Run, mappings
from agent.problems import Problem
from agent.text import when

__all__ = ["Caller", "listed", "one"]

_KEPT = ("playbook", "application", "target", "status", "seconds", "report")


class Caller(Protocol):
    """Calls tools: a session with the server, or a conversation."""

    async def call(self, tool: str, arguments: Mapping[str, Any], /) -> Reply: ...


def _line(run: Mapping[str, Any]) -> dict[str, Any]:
    started = when(run.get("started_at") or run.get("started") or run.get("created"))
    line: dict[str, Any] = {"run_id": str(run.get("run_id") or run.get("id") or "")}
    return line | {key: run[key] for key in _KEPT if run.get(key) is not None} | {"started_at": started}


async def listed(server: Caller) -> list[dict[str, Any]]:
    """All runs in a line each, newest first."""
    reply = await server.call("playbook_status", {})
    return [_line(run) for run in mappings(reply.data.get("runs"))]


async def one(server: Caller, run_id: str) -> Run:
    """A run by its id, by an unambiguous beginning of it, or the ``last``.

    Raises:
        Problem: there is none.
    """
    runs = [line["run_id"] for line in await listed(server)]
    if run_id == "last" and not runs:
        raise Problem("there are no runs yet", remedy="longshore deploy makes one", code="not-found")
    found = runs[:1] if run_id == "last" else [name for name in runs if name.startswith(run_id)]
    name = found[0] if len(found) == 1 else run_id
    run = Run.read((await server.call("playbook_status", {"run_id": name})).data)
    run.id = run.id or name
    return run
