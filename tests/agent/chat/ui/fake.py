"""A scripted assistant, and a command line that talks with it: ``python -m tests.agent.chat.ui.fake chat …``.

A message is answered by the script of the same name in :data:`SCRIPTS`; everything that is done is noted in the file
``LONGSHORE_FAKE_LOG``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.chat.events import (
    Answered,
    Asked,
    Event,
    Notice,
    Spent,
    TextDelta,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnEnded,
)
from agent.client import Reply
from agent.confirm import Chooser, Question
from agent.problems import Problem

QUESTION = Question(
    "upgrade todo-backend in todo from revision 1",
    "change",
    "minikube",
    ("tool: helm_upgrade", "changes: Deployment/todo-backend"),
    ("--- deployed", "+++ new", "-  image: a:1", "+  image: a:2", *(f"+  line {n}" for n in range(60))),
    "c-7k3m9qx2fa",
    "ab" * 8,
)


@dataclass(frozen=True)
class Tool:
    name: str
    title: str = ""
    description: str = "It does it.\n\nMore of it."
    read_only: bool = True
    destructive: bool = False
    server: str = ""


@dataclass
class Fake:
    """One conversation."""

    ask: Chooser
    conversation_id: str = "20260801-0a1b2c3d"
    model_label: str = "offline planner"
    about: Mapping[str, Any] = field(
        default_factory=lambda: {"target": "sandbox", "simulated": True, "cluster": "8927a6c6"}
    )
    tools: tuple[Tool, ...] = (
        Tool("diagnose"),
        Tool("helm_uninstall", read_only=False, destructive=True),
        Tool("look_up", server="context7"),
    )
    spent: Spent = field(default_factory=Spent)
    notices: list[Notice] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    open: list[Question] = field(default_factory=list)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def turn(self, text: str) -> AsyncIterator[Event]:
        note({"message": text})
        self.cancelled.clear()
        self.said.append(("user", text))
        word = text.split(maxsplit=1)[0].lower()
        async for event in getattr(self, f"_{word}", self._echo)(text):
            yield event

    async def settle(self) -> AsyncIterator[Event]:
        note({"settle": True})
        async for event in self._change(""):
            yield event

    def cancel(self) -> None:
        note({"cancel": True})
        self.cancelled.set()

    async def pending(self) -> list[Question]:
        return self.open

    async def use_model(self, name: str | None, base_url: str | None = None) -> None:
        if name == "none":
            raise Problem("none needs a key", remedy="set OPENAI_API_KEY", code="usage")
        self.model_label = f"{name} · {base_url}" if base_url else str(name)

    async def call(self, tool: str, arguments: Mapping[str, Any], progress: Any = None) -> Reply:
        self.calls.append((tool, arguments))
        releases = {"releases": [{"name": "todo-backend", "namespace": "todo", "revision": 2, "status": "deployed"}]}
        pods = {"columns": ["NAMESPACE", "NAME", "READY", "STATUS"], "rows": [["todo", "todo-0", "1/1", "Running"]]}
        run = {"run_id": "deploy-1", "playbook": "deploy", "status": "succeeded", "stages": []}
        runs = run if arguments.get("run_id") else {"runs": [run]}
        return Reply({"helm_list": releases, "kubectl_get": pods, "playbook_status": runs}[tool], "")

    def history(self) -> list[tuple[str, str]]:
        return self.said

    # -- scripts ---------------------------------------------------------------------------------------------------

    def _end(self, ending: Any = "done", why: str = "", remedy: str = "") -> TurnEnded:
        self.spent = Spent(self.spent.turns + 1, self.spent.calls, 1200, 300, 0.0123)
        return TurnEnded(ending, self.spent, why, remedy)

    async def _echo(self, text: str) -> AsyncIterator[Event]:
        for piece in ("You sa", f"id **{text}**.\n\nSecond \x1b[", "31mparagraph\u202e."):
            yield TextDelta(piece)
        self.said.append(("assistant", f"You said **{text}**."))
        yield self._end()

    async def _look(self, text: str) -> AsyncIterator[Event]:
        yield ToolStarted("1", "diagnose", {"release": "todo-backend", "namespace": "todo"})
        yield ToolProgress("1", 1, 2, "half")
        data = {"findings": [{"code": "IMAGE_TAG_MISSING", "object": {"name": "todo-backend"}}]}
        result = '<untrusted source="diagnose">\nsandbox (simulated)\n1 findings\n  evidence: nope\n</untrusted>'
        yield ToolFinished("1", "diagnose", True, result, 0.4, data)
        yield ToolStarted("2", "helm_status", {"name": "x"})
        problem = {"what": "there is no release x", "why": "todo has none", "remedy": "helm_list"}
        yield ToolFinished("2", "helm_status", False, "", 0.1, problem=problem)
        yield TextDelta("The image is **missing**.")
        yield self._end()

    async def _change(self, text: str) -> AsyncIterator[Event]:
        yield Asked(QUESTION)
        choice = await self.ask(QUESTION)
        note({"choice": choice})
        yield Answered(QUESTION, choice)
        if choice == "later":
            self.open = [QUESTION]
            yield self._end("waiting")
            return
        self.open = []
        yield TextDelta("Done." if choice == "yes" else "Nothing was done.")
        yield self._end()

    async def _run(self, text: str) -> AsyncIterator[Event]:
        """A question in the middle of a call: the turn ends, and the run waits."""
        yield ToolStarted("1", "playbook_run", {"playbook": "uninstall"})
        choice = await self.ask(QUESTION)
        note({"choice": choice})
        problem = {"code": "confirmation-required", "what": "playbook_run needs a human's yes", "remedy": "approve it"}
        yield ToolFinished(
            "1", "playbook_run", choice == "yes", "", 1.0, problem=problem if choice == "later" else None
        )
        yield TextDelta("It waits." if choice == "later" else "It goes on.")
        yield self._end()

    async def _long(self, text: str) -> AsyncIterator[Event]:
        yield ToolStarted("1", "playbook_run", {"playbook": "deploy"})
        yield ToolProgress("1", 0, None, "[1/7 environment] env-docker: looking")
        yield ToolProgress("1", 1, None, "[2/7 containers] build-todo-backend: 3/9 steps")
        await self.cancelled.wait()
        problem = {"what": "interrupted"}
        yield ToolFinished("1", "playbook_run", False, "", 1.0, problem=problem)
        yield self._end("interrupted")

    async def _fail(self, text: str) -> AsyncIterator[Event]:
        yield Notice("the model is asked again", "warning")
        yield self._end("failed", "the model does not answer", "--model offline")

    async def _budget(self, text: str) -> AsyncIterator[Event]:
        yield self._end("budget", "60 calls for one message", "--max-calls")


def note(entry: Mapping[str, Any]) -> None:
    """For the test that started the process."""
    if path := os.environ.get("LONGSHORE_FAKE_LOG"):
        with Path(path).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")


@contextlib.asynccontextmanager
async def open_assistant(options: Any, ask: Chooser, interrupt: Any = None) -> AsyncIterator[Fake]:
    """In place of the real one."""
    note({"options": {key: str(value) for key, value in vars(options).items()}})
    await asyncio.sleep(float(os.environ.get("LONGSHORE_FAKE_SLOW", "0")))
    if os.environ.get("LONGSHORE_FAKE_BROKEN"):
        raise Problem("the cluster cannot be reached", "connection refused", "longshore doctor", code=NOT_READY)
    made = Fake(ask)
    if options.resume:
        made.open, made.said = [QUESTION], [("user", "change it"), ("assistant", "It **waits**.")]
    yield made


NOT_READY = "environment-not-ready"

if __name__ == "__main__":
    from agent.chat import assistant, host
    from agent.cli import main

    host.FIRST = host.THEN = ()  # the scripted one needs no packages

    assistant.open_assistant = open_assistant  # type: ignore[assignment]
    main()
