"""An assistant over the toy tools, in one process: a real MCP server and client, and a model that follows a script."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from mcp import Client

from agent.chat import tracing
from agent.chat.assistant import Assistant, Budgets, ChatOptions
from agent.chat.config import ChatSettings, Price
from agent.chat.conversation import Conversation
from agent.chat.events import Event, TextDelta, TurnEnded
from agent.chat.models import Choice
from agent.client import Server
from agent.confirm import Choice as Said
from agent.confirm import Desk, Question
from agent.interrupt import Interrupt
from mcp_tools.guard.guard import Guard
from mcp_tools.server import Options, build
from tests.mcp_tools.toys import toy_world


class Human:
    """Answers as told, and keeps what was asked."""

    def __init__(self, *answers: Said) -> None:
        self.answers = list(answers)
        self.asked: list[Question] = []
        self.before: Callable[[], None] | None = None

    async def __call__(self, question: Question) -> Said:
        self.asked.append(question)
        if self.before is not None:
            self.before()
        return self.answers.pop(0)


def call(tool: str, call_id: str = "", **arguments: Any) -> Any:
    """A model's wish to call a tool."""
    from agents.testing import function_call

    return function_call(tool, json.dumps(arguments), call_id=call_id or f"call-{tool}-{len(arguments)}")


def say(text: str) -> Any:
    """A model's answer."""
    from agents.testing import assistant_message

    return assistant_message(text)


def scripted(*steps: Any) -> Any:
    """A model that gives these answers, one after the other."""
    from agents.testing import ScriptedModel

    return ScriptedModel([step if isinstance(step, (list, Exception)) else [step] for step in steps])


@contextlib.asynccontextmanager
async def assistant(
    guard: Guard,
    workspace: Path,
    model: Any,
    human: Human,
    *,
    conversation: Conversation | None = None,
    price: Price | None = None,
    **budgets: Any,
) -> AsyncIterator[Assistant]:
    """An assistant while the block runs; with a conversation, the one that goes on."""
    tracing.local(None)
    made: list[Assistant] = []

    async def choose(question: Question) -> Said:
        return await made[0].bridge.answer(question)

    answer = Desk(choose).answer

    async def elicited(context: Any, params: Any) -> Any:
        return await answer(params)

    server = build(Options(toy_world(), workspace, ("toys",)), guard)
    failure: Exception | None = None
    async with Client(server, elicitation_callback=elicited) as client:
        reached = Server(client, Interrupt(), answer)
        await reached.introduce()
        choice = Choice("scripted", "scripted model", lambda: model, price)
        options = ChatOptions(workspace, budgets=Budgets(**budgets))
        found = Assistant(reached, conversation or Conversation.new(workspace), choice, ChatSettings(), options, human)
        made.append(found)
        async with contextlib.AsyncExitStack() as stack:
            try:
                await found.begin({}, stack)
                yield found
            except Exception as error:
                failure = error  # raised outside: the client's task group would wrap it
    if failure is not None:
        raise failure


async def heard(stream: AsyncIterator[Event]) -> list[Event]:
    """All of it."""
    return [event async for event in stream]


def ended(events: list[Event]) -> TurnEnded:
    """How it ended."""
    last = events[-1]
    assert isinstance(last, TurnEnded), events
    assert sum(isinstance(event, TurnEnded) for event in events) == 1
    return last


def text(events: list[Event]) -> str:
    """What was answered."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))
