"""Run a playbook tool and show it: its progress messages as they come, its steps from the journal."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import Any

from agent.client import Reply, Server
from agent.model import Run, mappings
from agent.problems import Interrupted, Problem
from agent.views import View

__all__ = ["Watcher"]

BEAT = 0.7
"""Seconds between two looks into the journal."""

_LINE = re.compile(r"(?:\[\d+/\d+ [^\]]*\] )?(?:([a-z0-9][a-z0-9._-]*): )?(.*)")
"""``[4/7 deployment] install-todo-backend: 1/1 ready``."""

SETTLE = 12.0
"""Seconds that a cancelled run is given to note how far it came."""


class Watcher:
    """Watches one run. ``run`` is its newest state."""

    def __init__(self, server: Server, view: View, run: Run | None = None) -> None:
        self._server = server
        self._view = view
        self._before: set[str] = set()
        self.run = run or Run()
        if run is not None:
            view.update(run)

    async def start(self, tool: str, arguments: Mapping[str, Any]) -> Run:
        """The run, when it has ended or waits.

        Raises:
            Interrupted: a signal came; the run can be resumed, and the message says how.
            Problem: the server refused to start it, or is gone.
        """
        if not self.run.id:
            self._before = {str(run.get("id") or run.get("run_id")) for run in await self._runs()}
        looking = asyncio.ensure_future(self._look())
        try:
            reply = await self._server.call(tool, arguments, progress=self._progress)
        except Interrupted:
            await self._settle()
            raise Interrupted(f"longshore runs resume {self.run.id}" if self.run.id else "") from None
        except Problem as problem:
            await self._refresh()
            if self.run.id and problem.code in ("confirmation-required", "declined"):
                return self._ended(problem)
            raise
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
        return await self._finished(reply)

    async def _finished(self, reply: Reply) -> Run:
        run = Run.read(reply.data)
        if run.id:
            self.run.id = self.run.id or run.id
        if not run.stages:
            await self._refresh()
            if self.run.stages:
                run.stages = self.run.stages
        self._take(run)
        return self.run

    def _ended(self, problem: Problem) -> Run:
        self.run.status = "waiting" if problem.code == "confirmation-required" else "failed"
        self.run.error = self.run.error or problem.as_dict()
        self._view.update(self.run)
        return self.run

    async def _progress(self, done: float, total: float | None, message: str) -> None:
        found = _LINE.fullmatch(message)
        step_id, text = (found[1] or "", found[2]) if found else ("", message)
        title = next((step.title for step in self.run.steps() if step.id == step_id), "")
        if not title or not text.startswith(f"{title}: "):  # that a step has begun or ended is seen without words
            self._view.message(step_id, text)

    async def _look(self) -> None:
        while True:
            await self._refresh()
            await asyncio.sleep(BEAT)

    async def _refresh(self) -> None:
        """Read the run from the journal; a server that does not answer is noticed by the call itself."""
        with contextlib.suppress(Problem):
            if not self.run.id:
                fresh = [run for run in await self._runs() if self._id(run) not in self._before]
                if not fresh:
                    return
                self.run.id = self._id(fresh[0])
            reply = await self._server.quietly("playbook_status", {"run_id": self.run.id})
            self._take(Run.read(reply.data))

    @staticmethod
    def _id(run: Mapping[str, Any]) -> str:
        return str(run.get("id") or run.get("run_id") or "")

    async def _runs(self) -> list[Mapping[str, Any]]:
        """The newest runs, newest first."""
        reply = await self._server.quietly("playbook_status", {})
        runs = mappings(reply.data.get("runs"))
        return runs or ([reply.data] if self._id(reply.data) else [])

    def _take(self, run: Run) -> None:
        run.id = run.id or self.run.id
        run.application = run.application or self.run.application
        run.target = run.target or self.run.target
        if not run.stages:
            run.stages = self.run.stages
        self.run = run
        self._view.update(run)

    async def _settle(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE):
                while True:
                    await self._refresh()
                    if not self.run.id or self.run.over:
                        return
                    await asyncio.sleep(0.3)
