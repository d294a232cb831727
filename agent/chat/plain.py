"""One message without a terminal: the answer on stdout, everything else on stderr; or every event as a line of JSON.

Nobody can be asked here: a question is left open, and the end says how to answer it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Protocol

import click

from agent.chat import events
from agent.chat.host import Host
from agent.chat.ui import Opener, Session, Talker
from agent.chat.words import about_line, arguments_line, ended_line, result_line
from agent.client import version
from agent.confirm import Choice, Question
from agent.output import Output
from agent.problems import DONE, FAILED, INTERRUPTED, WAITING, Problem
from agent.text import duration, one_line, safe

__all__ = ["once", "read_message"]

LONGEST = 200_000
"""Characters of a message."""
_EXITS = {"done": DONE, "waiting": WAITING, "interrupted": INTERRUPTED}


def read_message() -> str:
    """All of stdin, as one message.

    Raises:
        Problem: it is too long.
    """
    text = sys.stdin.buffer.read(LONGEST * 4 + 1).decode("utf-8", "replace")
    if len(text) > LONGEST:
        raise Problem("the message is too long", f"more than {LONGEST} characters", "give a part of it", code="usage")
    return text.strip()


class _Writer(Protocol):
    """Shows one turn."""

    def begin(self, assistant: Talker) -> None: ...
    def handle(self, event: events.Event) -> None: ...
    def end(self, assistant: Talker, left: list[Question]) -> None: ...


class _Lines:
    """Plain lines. The answer comes line by line, so that no escape sequence can hide between two pieces."""

    def __init__(self) -> None:
        self._held = ""
        self._said = False

    def begin(self, assistant: Talker) -> None:
        """What it works on."""
        self._note(f"{about_line(assistant.about)} · {assistant.model_label}")
        for notice in assistant.notices:
            self._note(f"{notice.kind}: {one_line(notice.text)}")

    def handle(self, event: events.Event) -> None:
        """Show it."""
        if isinstance(event, events.TextDelta):
            self._held += event.text
            whole, newline, self._held = self._held.rpartition("\n")
            self._out(whole + newline)
            return
        self._whole()
        match event:
            case events.ToolStarted():
                server = f"{event.server}/" if event.server else ""
                self._note(f"call: {one_line(server + event.tool)} {arguments_line(event.arguments, 160)}".rstrip())
            case events.ToolFinished():
                waits = (event.problem or {}).get("code") == "confirmation-required"
                mark = "ok" if event.ok else "waits" if waits else "failed"
                self._note(f"{mark}: {one_line(event.tool)} {duration(event.seconds)}: {result_line(event, 200)}")
            case events.Notice():
                self._note(f"{event.kind}: {one_line(event.text)}")
            case events.Asked():
                self._note(f"question: {event.question.effect} {event.question.summary}")
            case events.TurnEnded():
                if line := ended_line(event):
                    self._note(f"{event.ending}: {line}")
                if event.remedy:
                    self._note(f"  try: {one_line(event.remedy)}")
            case _:
                pass

    def end(self, assistant: Talker, left: list[Question]) -> None:
        """How to go on."""
        self._whole()
        for question in left:
            self._note(f"waits for your yes: {question.id or '?'}  {question.effect} {question.summary}")
        if left:
            self._note("How to go on:")
            for question in left:
                self._note(f"  longshore approve {question.id or 'ID'}")
            self._note(f"  longshore chat --resume {assistant.conversation_id}")

    def _whole(self) -> None:
        if self._held:
            self._out(self._held + "\n")
            self._held = ""

    def _out(self, text: str) -> None:
        text = safe(text) if self._said else safe(text).lstrip("\n")
        if text:
            self._said = True
            click.echo(text, nl=False)

    @staticmethod
    def _note(text: str) -> None:
        click.echo(safe(text), err=True)


class _Json:
    """One JSON object per line."""

    def begin(self, assistant: Talker) -> None:
        """The conversation comes first."""
        about = {key: assistant.about[key] for key in ("target", "cluster", "simulated") if key in assistant.about}
        head = {"event": "conversation", "id": assistant.conversation_id, "model": assistant.model_label}
        self._line(head | about | {"version": version()})
        for notice in assistant.notices:
            self.handle(notice)

    def handle(self, event: events.Event) -> None:
        """Its document."""
        self._line(events.document(event))

    def end(self, assistant: Talker, left: list[Question]) -> None:
        """The last event has said everything."""

    def problem(self, problem: Problem) -> None:
        """It could not begin."""
        self._line({"event": "error", **problem.as_dict()})

    @staticmethod
    def _line(data: object) -> None:
        click.echo(json.dumps(data, ensure_ascii=False, default=str))


async def once(session: Session, opener: Opener, output: Output) -> int:
    """Say the message, show what comes of it; the exit code.

    Raises:
        Problem: the conversation cannot be begun.
    """
    writer: _Writer = _Json() if output.json else _Lines()
    left: list[Question] = []

    async def later(question: Question) -> Choice:
        left.append(question)
        return "later"

    try:
        async with Host(opener, later) as host:
            assistant = await _begun(host)
            writer.begin(assistant)
            stream = assistant.turn(session.message) if session.message else assistant.settle()
            ended = await _follow(stream, assistant, writer)
            if not left and ended.ending == "waiting":
                left += await assistant.pending()
            writer.end(assistant, left)
            return WAITING if left and ended.ending == "done" else _EXITS.get(ended.ending, FAILED)
    except Problem as problem:
        if isinstance(writer, _Json):
            writer.problem(problem)
            problem.documented = True  # type: ignore[attr-defined]
        raise


async def _begun(host: Host) -> Talker:
    """The assistant; a signal before it is there ends the waiting."""
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    assert main is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, main.cancel)
    try:
        return await host.assistant()
    except asyncio.CancelledError:
        raise click.Abort from None


async def _follow(stream: AsyncIterator[events.Event], assistant: Talker, writer: _Writer) -> events.TurnEnded:
    """Show every event. The first signal asks the turn to stop, the second ends the process."""
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if stopped:
            os._exit(INTERRUPTED)
        stopped = True
        assistant.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    ended = events.TurnEnded("interrupted", assistant.spent)
    with contextlib.suppress(asyncio.CancelledError):
        async for event in stream:
            writer.handle(event)
            if isinstance(event, events.TurnEnded):
                ended = event
    return ended
