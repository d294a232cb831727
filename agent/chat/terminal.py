"""The chat on a terminal: a prompt, turns, slash commands, questions answered in place, Ctrl-C that stops a step."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

import click

from agent import tty
from agent.chat.events import Event, ToolFinished, TurnEnded
from agent.chat.host import Host
from agent.chat.names import services
from agent.chat.prompt import Leave, Line, Names, Settle
from agent.chat.ui import Opener, Session, Talker
from agent.chat.words import about_line, spent_line
from agent.confirm import Choice, Question, TerminalAnswers
from agent.output import Output
from agent.problems import DONE, FAILED, INTERRUPTED, WAITING, Problem
from agent.text import count, one_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from agent.chat.slash import Recall
    from agent.chat.view import TurnView

__all__ = ["Terminal"]

_SHOWN = 3
"""Messages of an earlier conversation that are shown again."""


class Terminal:
    """One conversation on a terminal."""

    def __init__(self, session: Session, opener: Opener, output: Output) -> None:
        self.session, self._opener, self._output = session, opener, output
        self._host: Host | None = None
        self._turning: asyncio.Task[None] | None = None
        self._asking: asyncio.Future[Choice] | None = None
        self._stops = 0
        self._left = False
        self._open: list[Question] = []
        self._names: set[str] = set()
        self._ended: TurnEnded | None = None
        self._killed = False

    # -- parts that are made when they are needed ------------------------------------------------------------------

    @cached_property
    def console(self) -> Console:
        """Rich on the terminal, for everything: questions as well."""
        from rich.console import Console

        from agent.chat.markdown import THEME

        made = Console(highlight=False, theme=THEME)
        self._output.__dict__["err"] = made
        return made

    @cached_property
    def view(self) -> TurnView:
        """Turns."""
        from agent.chat.view import TurnView

        return TurnView(self.console, self._foot)

    @cached_property
    def recall(self) -> Recall:
        """Results, for ``/last``."""
        from agent.chat.slash import Recall

        return Recall()

    @cached_property
    def line(self) -> Line:
        """The prompt."""
        from agent.settings import log_file

        return Line(
            log_file().with_name("chat-history"), Names(self._listing, self._arguments, self._known), self._below
        )

    @property
    def ready(self) -> Talker | None:
        """The assistant, when it is there already."""
        future = self._host.ready if self._host else None
        good = future is not None and future.done() and not future.cancelled() and future.exception() is None
        return future.result() if good and future is not None else None

    async def assistant(self) -> Talker:
        """The assistant, as soon as it is there."""
        assert self._host is not None
        if self._host.ready.done():
            return await self._host.assistant()
        from rich.text import Text

        with self.console.status(Text("starting the tool server", "dim")):
            return await self._host.assistant()

    # -- the conversation ------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Talk until the human leaves; the exit code.

        Raises:
            Problem: the conversation cannot be begun.
        """
        self._signals()
        async with Host(self._opener, self.choose) as self._host:
            if self.session.message:
                return await self._once()
            self._header()
            greeting = asyncio.ensure_future(self._greet())
            try:
                while not self._left:
                    if not await self._next():
                        break
            finally:
                greeting.cancel()
                with contextlib.suppress(asyncio.CancelledError, Problem):
                    await greeting
            self._goodbye()
            return INTERRUPTED if self._killed else WAITING if self._open else DONE

    async def _once(self) -> int:
        """One message, and its end."""
        await self._turn(self.session.message)
        self._goodbye()
        ending = self._ended.ending if self._ended else "interrupted"
        if self._open:
            return WAITING
        return {"done": DONE, "waiting": WAITING, "interrupted": INTERRUPTED}.get(ending, FAILED)

    async def _next(self) -> bool:
        """Read one message and do it; whether to go on."""
        try:
            text = (await self.line.read()).strip()
        except Settle:
            await self.settle()
            return True
        except (Leave, EOFError):
            return False
        if text.startswith("/") and "\n" not in text:
            await self._slash(text)
        elif text.lower() in ("exit", "quit", "bye"):
            return False
        else:
            await self._turn(text)
        return True

    async def _slash(self, text: str) -> None:
        from agent.chat.slash import perform

        try:
            self.console.print()
            await perform(self, text)
        except Problem as problem:
            self._output.problem(problem)
        self.console.print()

    async def _turn(self, text: str) -> None:
        assistant = await self.assistant()
        await self._follow(assistant.turn(text))

    async def settle(self) -> None:
        """Ask what is open, and go on."""
        await self._follow((await self.assistant()).settle())

    async def _follow(self, events: AsyncIterator[Event]) -> None:
        """Show a turn to its end. Ctrl-C asks it to stop; again, and it is not waited for."""
        self._afresh()

        async def follow() -> None:
            async for event in events:
                self.recall.note(event)
                self._learn(event)
                self.view.handle(event)

        with self.view.turn():
            self._turning = asyncio.ensure_future(follow())
            try:
                await self._turning
            except asyncio.CancelledError:
                if not self._stops or self._killed:
                    raise
                self.view.handle(TurnEnded("interrupted", (await self.assistant()).spent))
            finally:
                self._turning = None
        if self._open:
            self._how_to_answer()
        self.console.print()

    def _afresh(self) -> None:
        self._stops, self._ended, self._open = 0, None, []

    def _learn(self, event: Event) -> None:
        if isinstance(event, TurnEnded):
            self._ended = event
        elif isinstance(event, ToolFinished) and event.ok and isinstance(event.data, dict):
            for item in event.data.get("releases") or []:
                if isinstance(item, dict) and item.get("name"):
                    self._names.add(one_line(item["name"]))

    # -- questions -------------------------------------------------------------------------------------------------

    async def choose(self, question: Question) -> Choice:
        """Ask the human, here. Ctrl-C and Ctrl-D leave the question open."""
        if not self._output.ask:
            self._open.append(question)
            return "later"
        if not self.session.message:
            self.line.forget()
        answers = TerminalAnswers(self._output, self.view.pause)
        self._asking = asyncio.ensure_future(answers.choose(question))
        try:
            choice = await self._asking
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            choice = "later"
        finally:
            self._asking = None
        self._open = [item for item in self._open if item.digest != question.digest]
        if choice == "later":
            self._open.append(question)
        return choice

    async def approve(self, confirmation: str) -> None:
        """Answer any waiting question, as ``longshore approve`` does: in the server's own program."""
        from agent.client import default_command
        from agent.settings import import_path

        argv = [*default_command(), "approve", confirmation]
        environ = {**os.environ, "PYTHONPATH": import_path()}
        child = await asyncio.create_subprocess_exec(*argv, env=environ)
        if await child.wait() == 0:
            self._open = [item for item in self._open if item.id != confirmation]

    def _how_to_answer(self) -> None:
        from rich.text import Text

        parked = self._ended is not None and self._ended.ending == "waiting"
        self.console.print(Text.assemble(("left open", "yellow"), ": nothing was done about it"))
        for question in self._open:
            head = f"{question.effect} {question.summary}: " if len(self._open) > 1 else ""
            here = "/approve asks again" if parked or not question.id else f"/approve {question.id}, then say: resume"
            elsewhere = f"; elsewhere: longshore approve {question.id}" if question.id else ""
            self.console.print(Text(f"  {head}{here}{elsewhere}", "dim"))

    # -- signals ---------------------------------------------------------------------------------------------------

    def _signals(self) -> None:
        loop = asyncio.get_running_loop()
        main = asyncio.current_task()
        assert main is not None
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._kill, main)

    def _interrupt(self) -> None:
        if self._asking is not None and not self._asking.done():
            self._asking.cancel()
            return
        if self._turning is None:
            return
        self._stops += 1
        ready = self.ready
        if self._stops == 1 and ready is not None:
            self.view.note = "stopping …"
            ready.cancel()
        elif self._stops == 2:
            self._turning.cancel()
        else:
            tty.restore()
            os._exit(INTERRUPTED)

    def _kill(self, main: asyncio.Task[int]) -> None:
        self._killed = True
        if self.line.active:
            self._left = True
            self.line.end(Leave())
        else:
            main.cancel()

    # -- words -----------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """An empty screen."""
        self.console.clear()

    def leave(self) -> None:
        """After this command."""
        self._left = True

    async def page(self, shown: RenderableType) -> None:
        """Print it, through the pager when it is long."""
        from agent.chat.slash import paged

        await paged(self.console, shown)

    def _header(self) -> None:
        from agent.client import version

        name = click.style("longshore", bold=True, fg="cyan")
        dim = click.style(f"{version()} · /help says more · Ctrl-D leaves", dim=True)
        click.echo(f"{name} {dim}\n")

    async def _greet(self) -> None:
        """Say what the conversation is about, as soon as it is known; a conversation that cannot begin ends here."""
        assert self._host is not None
        try:
            assistant = await self._host.assistant()
        except Problem as problem:
            self.line.end(problem)
            self._left = True
            raise
        self._names |= set(await asyncio.to_thread(services, self.session.workspace))
        pending = list(await assistant.pending()) if self.session.resumed else []
        await self.line.say(lambda: self._introduce(assistant, len(pending)))
        self._open = pending
        if pending:
            self.line.end(Settle())

    def _introduce(self, assistant: Talker, waiting: int) -> None:
        from rich.text import Text

        where = about_line(assistant.about)
        style = "bold yellow" if assistant.about.get("simulated") else "bold"
        parts = [Text.assemble(("● ", "green"), (where, style), (f" · {assistant.model_label}", "dim"))]
        if assistant.about.get("notice"):
            parts.append(Text(f"  {one_line(assistant.about['notice'])}", "dim"))
        parts += [Text(f"! {one_line(notice.text)}", "yellow") for notice in assistant.notices]
        for part in parts:
            self.console.print(part)
        self.console.print()
        if self.session.resumed:
            self._again(assistant, waiting)

    def _again(self, assistant: Talker, waiting: int) -> None:
        from rich.text import Text

        from agent.chat.markdown import Answer

        said = list(assistant.history())
        if len(said) > _SHOWN:
            self.console.print(Text(f"… {count(len(said) - _SHOWN, 'earlier message')}: /history\n", "dim"))
        for role, text in said[-_SHOWN:]:
            mine = role == "user"
            self.console.print(Text.assemble(("❯ ", "cyan"), one_line(text)) if mine else Answer(text.strip()))
            self.console.print()
        if waiting:
            self.console.print(Text(f"{count(waiting, 'question')} still open", "yellow"))

    def _goodbye(self) -> None:
        ready = self.ready
        if ready is None or not (self._open or ready.history()):
            return
        if self._open:
            self._output.note(click.style("a question is still open; nothing was done about it", fg="yellow"))
        if self._open or not self.session.message:
            click.echo(click.style("to go on: ", dim=True) + f"longshore chat --resume {ready.conversation_id}")

    def _foot(self) -> str:
        ready = self.ready
        if ready is None:
            return self.session.target or "starting …"
        return " · ".join(filter(None, (about_line(ready.about), ready.model_label, spent_line(ready.spent))))

    def _below(self) -> tuple[str, str]:
        ready = self.ready
        if ready is None:
            return f"{self.session.target + ' · ' if self.session.target else ''}starting the tool server …", ""
        opened = f"{count(len(self._open), 'question')} open: /approve" if self._open else ""
        return self._foot(), opened

    @staticmethod
    def _listing() -> Iterable[tuple[str, str]]:
        from agent.chat.slash import listing

        return listing()

    def _known(self) -> Iterable[str]:
        ready = self.ready
        return {*self._names, *((tool.name for tool in ready.tools) if ready else ())}

    def _arguments(self, command: str) -> Iterable[tuple[str, str]]:
        from agent.chat.slash import suggestions

        return suggestions(command, self, self.ready)
