"""From MCP to the Agents SDK: each tool of the tool server becomes a function tool, asked about at most once.

What would change something is looked at first (a preview, which acts on nothing). When a human has to confirm it, the
SDK interrupts the run; the yes is then given to the server's own question, if that is still the very same one.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.chat.events import Event, ToolFinished, ToolProgress, ToolStarted
from agent.chat.fence import MARK, fenced
from agent.confirm import Choice, Question
from agent.problems import Interrupted, Problem
from agent.text import one_line

if TYPE_CHECKING:
    from agents import FunctionTool
    from agents.tool_context import ToolContext

    from agent.client import Server
    from agent.confirm import Chooser

__all__ = ["Bridge", "Ledger", "ToolInfo"]

Emit = Callable[[Event], None]
NO = "The human said no. Nothing was done."
UNFINISHED = "it was interrupted, and may have been done in part: look at the state before anything is repeated"


@dataclass(frozen=True)
class ToolInfo:
    """A tool, for people. ``server`` is empty for Longshore's own."""

    name: str
    title: str
    description: str
    read_only: bool
    destructive: bool
    server: str = ""


@dataclass
class Ledger:
    """The calls of one message: how many, which are under way, and what came back, so that none is made twice."""

    allowed: int
    made: int = 0
    started: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Call id → tool and arguments, of those that have no result yet."""
    outputs: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    """Calls that were not made, for the others had used everything up."""
    declined: set[tuple[str, str]] = field(default_factory=set)
    """Tool and arguments of what a human said no to: the same is not asked again for the same message."""


class Bridge:
    """Makes the function tools, and runs them."""

    def __init__(
        self,
        server: Server,
        ask: Chooser,
        emit: Emit,
        keep: Callable[[str, Mapping[str, Any]], None],
        known: Callable[[str], Mapping[str, Any] | None],
    ) -> None:
        self._server, self._ask, self._emit, self._keep, self._known = server, ask, emit, keep, known
        self.ledger = Ledger(0)
        self.questions: dict[str, Question] = {}
        """Of the calls that wait for a human, by call id."""
        self._approved: dict[str, str] = {}
        """Call id → digest of the question that a human has just said yes to. It ends with its call."""
        self.target = ""
        """What is worked on, for questions."""
        self.heard = False
        """Whether text from outside is part of the conversation."""
        self.obeys = False
        """Whether the model might do what such text says. Then whatever makes something is asked about as well."""

    # -- questions -------------------------------------------------------------------------------------------------

    async def answer(self, question: Question) -> Choice:
        """Answer a question of the server: yes when a human has just said yes to this very one, else ask."""
        for call_id, digest in self._approved.items():
            if digest and digest == question.digest:
                del self._approved[call_id]
                return "yes"
        return await self._ask(question)

    def approve(self, call_id: str) -> None:
        """A human said yes to the question of that call."""
        if (question := self.questions.pop(call_id, None)) is not None:
            self._approved[call_id] = question.digest

    def decline(self, call_id: str, tool: str, arguments: Mapping[str, Any]) -> None:
        """A human said no to that call."""
        self.questions.pop(call_id, None)
        self.ledger.declined.add(_key(tool, arguments))

    def declined(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a human said no to just that since the message came."""
        return _key(tool, arguments) in self.ledger.declined

    async def look(self, call_id: str, tool: str, arguments: Mapping[str, Any]) -> Question | None:
        """The question that the call would ask now; None when it would ask none."""
        try:
            found = await self._server.preview(tool, arguments)
        except Interrupted:
            raise
        except Problem:
            return None  # the call itself will say what is wrong
        question = self._question(tool, found or {})
        if question is None:
            self.questions.pop(call_id, None)
        else:
            self.questions[call_id] = question
        return question

    def _question(self, tool: str, found: Mapping[str, Any]) -> Question | None:
        summary, effect = one_line(found.get("summary") or tool), str(found.get("effect") or "read")
        if found.get("needs_confirmation"):
            return Question.read(str(found.get("question") or summary))
        if effect == "read" or not (self.obeys and self.heard):
            return None
        facts = (f"tool: {tool}", "asked because text from outside is part of the conversation")
        return Question(summary, effect, self.target, facts)

    # -- tools -----------------------------------------------------------------------------------------------------

    def function_tool(self, tool: Any) -> FunctionTool:
        """The function tool of an MCP tool."""
        from agents import FunctionTool

        hints = tool.annotations
        reads = bool(hints and hints.read_only_hint)
        name = str(tool.name)

        async def needs(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
            if call_id in self.ledger.outputs or self._known(call_id) is not None:
                return False
            if self.declined(name, arguments):
                return False
            return await self.look(call_id, name, arguments) is not None

        async def invoke(context: ToolContext[Any], arguments: str) -> str:
            return await self.run(context.tool_call_id, name, arguments, self.call)

        return FunctionTool(
            name=name,
            description=str(tool.description or tool.title or name),
            params_json_schema=dict(tool.input_schema),
            on_invoke_tool=invoke,
            strict_json_schema=False,
            needs_approval=False if reads else needs,
        )

    async def call(self, call_id: str, tool: str, arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Make the call on the tool server; text for the model, and the structured data."""

        async def say(done: float, total: float | None, message: str) -> None:
            self._emit(ToolProgress(call_id, done, total, message))

        reply = await self._server.call(tool, arguments, progress=say)
        return reply.text, reply.data

    async def run(
        self,
        call_id: str,
        tool: str,
        arguments: str,
        make: Callable[[str, str, Mapping[str, Any]], Awaitable[tuple[str, Mapping[str, Any]]]],
        server: str = "",
    ) -> str:
        """Run one call of the model: once, whatever happens to the run around it."""
        if (done := self._known(call_id)) is not None:
            return str(done.get("text", ""))
        try:
            given = json.loads(arguments or "{}")
            if not isinstance(given, dict):
                raise ValueError("they are no object")
        except ValueError as error:
            return f"usage: the arguments of {tool} are not valid JSON: {one_line(error)}\nTry: send one JSON object"
        ledger = self.ledger
        if self.declined(tool, given):
            return NO
        if ledger.made >= ledger.allowed:
            ledger.refused += 1
            return f"refused: not done: the {ledger.allowed} tool calls that one message may take are used up"
        ledger.made += 1
        ledger.started[call_id] = (tool, arguments)
        self._emit(ToolStarted(call_id, tool, given, server))
        began = time.monotonic()
        try:
            text, data = await make(call_id, tool, given)
        except Interrupted:
            raise asyncio.CancelledError from None
        except Problem as problem:
            text = _told(problem, tool)
            self._finished(call_id, tool, text, {}, began, problem)
        else:
            self._finished(call_id, tool, text, data, began, None)
        finally:
            self._approved.pop(call_id, None)
        return text

    def _finished(
        self, call_id: str, tool: str, text: str, data: Mapping[str, Any], began: float, problem: Problem | None
    ) -> None:
        seconds = round(time.monotonic() - began, 3)
        error = problem.as_dict() if problem else None
        self.ledger.outputs[call_id] = text
        self.heard = self.heard or MARK in text
        self._keep(call_id, {"tool": tool, "text": text, "data": dict(data), "error": error})
        self._emit(ToolFinished(call_id, tool, problem is None, text, seconds, data, error))


def _key(tool: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    return tool, json.dumps(arguments, sort_keys=True)


_OWN = frozenset({"refused", "declined", "confirmation-required", "stale-confirmation"})
"""Errors that the guard words by itself; the reason of others may be a program's, a chart's, a file's, a cluster's."""


def _told(problem: Problem, tool: str) -> str:
    """An error as a result that the model can act on."""
    text = f"{problem.code}: {problem.line()}"
    if problem.code == "confirmation-required":
        return f"{text}\nNothing was done. The human was asked and has not answered; it goes on waiting."
    if problem.why and problem.code not in _OWN:
        text = f"{problem.code}: {problem.what}\n{fenced(problem.why, tool)}"
    return f"{text}\nTry: {problem.remedy}" if problem.remedy else text
