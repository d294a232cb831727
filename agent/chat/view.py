"""A turn on a terminal: what is done stands above, what runs is drawn below it until it is done."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from agent import tty
from agent.chat import events
from agent.chat.markdown import BlockStream, rows
from agent.chat.words import arguments_line, ended_line, result_line
from agent.render import SPINNER, WIDEST
from agent.text import duration, one_line, short

if TYPE_CHECKING:
    from rich.live import Live

__all__ = ["TurnView"]

_STAGE = re.compile(r"\[(\d+)/(\d+) ([^\]]*)\] ?(.*)")
BEATS = 8
"""Times a second that what runs is drawn."""


@dataclass
class _Running:
    """A call that is not done."""

    tool: str
    arguments: Mapping[str, Any]
    began: float = field(default_factory=time.monotonic)
    done: float = 0
    total: float | None = None
    message: str = ""
    stages: dict[int, str] = field(default_factory=dict)
    """Number → title, of a playbook's stages that have begun."""
    of: int = 0
    working: dict[str, str] = field(default_factory=dict)
    """What was said last about each step."""


class TurnView:
    """Shows the events of turns. ``status`` is the line at the foot: target, model, what was spent."""

    def __init__(self, console: Console, status: Callable[[], str]) -> None:
        self._console = console
        self._status = status
        self._live: Live | None = None
        self._beating: asyncio.Task[None] | None = None
        self._stream = BlockStream()
        self._running: dict[str, _Running] = {}
        self._last = ""
        self._began = 0.0
        self.note = ""
        """Stands in place of ``Ctrl-C stops``."""

    # -- life ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Draw while the block runs."""
        self._began, self._last, self.note = time.monotonic(), "", ""
        self._start()
        try:
            yield
        finally:
            self._whole()
            self._stop()

    def _start(self) -> None:
        """A new one each time: a stopped one would draw over what was printed since."""
        from rich.live import Live

        self._live = Live(
            get_renderable=self._draw,
            console=self._console,
            auto_refresh=False,  # a thread of its own would draw between a print and the measure it was made with
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        tty.silence()
        self._live.start(refresh=True)
        self._beating = asyncio.get_running_loop().create_task(self._beat(self._live))

    @staticmethod
    async def _beat(live: Live) -> None:
        while True:
            await asyncio.sleep(1 / BEATS)
            live.refresh()

    def _stop(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
        if self._live is not None:
            self._live.stop()
            self._live = None
        tty.restore()

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """The terminal belongs to a question while the block runs."""
        self._whole()
        shown = self._live is not None
        self._stop()
        self._console.print()
        self._last = "question"
        try:
            yield
        finally:
            if shown:
                self._start()

    # -- events ----------------------------------------------------------------------------------------------------

    def handle(self, event: events.Event) -> None:
        """Show it."""
        match event:
            case events.TextDelta():
                for block in self._stream.feed(event.text):
                    self._text(block)
            case events.ToolStarted():
                self._whole()
                self._running[event.call_id] = _Running(_named(event.server, event.tool), event.arguments)
            case events.ToolProgress():
                self._progress(event)
            case events.ToolFinished():
                self._finished(event)
            case events.Notice():
                self._whole()
                style = {"warning": "yellow", "error": "red"}.get(event.kind, "dim")
                self._print("notice", Text(one_line(event.text), style))
            case events.TurnEnded():
                self._ended(event)
            case _:
                pass

    def _progress(self, event: events.ToolProgress) -> None:
        call = self._running.get(event.call_id)
        if call is None:
            return
        call.done, call.total, call.message = event.done, event.total, one_line(event.message)
        if found := _STAGE.match(call.message):
            number, call.of = int(found[1]), int(found[2])
            if number not in call.stages:
                call.stages[number] = found[3]
                call.working.clear()
            step, _, said = found[4].partition(": ")
            call.working.pop(step, None)
            call.working[step] = said

    def _finished(self, event: events.ToolFinished) -> None:
        self._whole()
        call = self._running.pop(event.call_id, None) or _Running(event.tool, {})
        good = event.ok and event.data.get("status") not in ("failed", "rolled_back")  # a run that failed was told well
        waits = (event.problem or {}).get("code") == "confirmation-required"
        sign, style = (Text("✓ ", "green"), "dim") if good else (Text("✗ ", "bold red"), "red")
        if waits or event.data.get("status") == "waiting":
            sign, style = Text("? ", "bold yellow"), "yellow"
        room = min(self._console.width, WIDEST)
        took = duration(event.seconds)
        arguments = arguments_line(call.arguments, room - len(call.tool) - len(took) - 6)
        line = Text.assemble(sign, call.tool, (f" {arguments}" if arguments else "", "dim"), ("  " + took, "dim"))
        said = result_line(event, room - 4)
        below = [Text(f"  └ {said}", style)] if said else []
        remedy = "" if waits else one_line((event.problem or {}).get("remedy") or "")
        below += [Text(f"    try: {short(remedy, room - 9)}", "cyan")] if remedy else []
        self._print("tool", Group(line, *below))

    def _ended(self, event: events.TurnEnded) -> None:
        self._whole()
        self._stopped()
        if event.ending == "waiting":
            return  # who asked says how to answer
        if line := ended_line(event):
            style = "yellow" if event.ending == "interrupted" else "red"
            parts = [Text(line, style)]
            parts += [Text(f"  try: {one_line(event.remedy)}", "cyan")] if event.remedy else []
            self._print("notice", Group(*parts))

    def _stopped(self) -> None:
        """What never answered."""
        calls, self._running = list(self._running.values()), {}
        for call in calls:
            took = duration(time.monotonic() - call.began)
            room = min(self._console.width, WIDEST) - len(call.tool) - len(took) - 6
            arguments = arguments_line(call.arguments, room)
            line = Text.assemble(("■ ", "yellow"), call.tool, (f" {arguments}" if arguments else "", "dim"))
            self._print("tool", line.append(f"  {took}", "dim"))

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _whole(self) -> None:
        """What was said so far stands for good."""
        for block in self._stream.end():
            self._text(block)

    def _text(self, block: str) -> None:
        if block.strip():
            self._print("text", rows(self._console, [block], 0))

    def _print(self, kind: str, what: RenderableType) -> None:
        with self._console:  # one write: the line that stands, and what is drawn below it
            if kind != self._last or kind == "text":
                self._console.print()
            self._last = kind
            self._console.print(what)
            if self._live is not None:
                self._live.refresh()

    def _draw(self) -> RenderableType:
        now = time.monotonic()
        sign = SPINNER[int(now * BEATS) % len(SPINNER)]
        height = max(self._console.height - 4 - 4 * len(self._running), 3)
        parts: list[RenderableType] = []
        if rest := self._stream.rest:
            parts += [Text(), rows(self._console, rest, height)]
        if self._running:
            parts.append(Text())
        for call in list(self._running.values()):
            parts += self._call(call, sign, now)
        parts += [Text(), self._foot(sign, now)]
        return Group(*parts)

    def _call(self, call: _Running, sign: str, now: float) -> list[RenderableType]:
        room = min(self._console.width, WIDEST)
        took = duration(now - call.began)
        arguments = arguments_line(call.arguments, room - len(call.tool) - len(took) - 6)
        head = Text.assemble((f"{sign} ", "cyan"), call.tool, (f" {arguments}" if arguments else "", "dim"))
        lines: list[RenderableType] = [head.append(f"  {took}", "dim")]
        if call.stages:
            newest = max(call.stages)
            for number, title in sorted(call.stages.items()):
                mark = ("✓", "green") if number < newest else (sign, "cyan")
                lines.append(Text.assemble("  ", mark, f" {number}/{call.of} {title}"))
            said = [f"{step}: {text}" if text else step for step, text in list(call.working.items())[-3:]]
            lines += [Text(f"      {short(line, room - 6)}", "dim") for line in said if line]
        elif call.message:
            share = f"{round(100 * call.done / call.total)} %  " if call.total else ""
            lines.append(Text(f"  └ {share}{short(call.message, room - 10)}", "dim"))
        return lines

    def _foot(self, sign: str, now: float) -> RenderableType:
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis", style="dim")
        table.add_column(justify="right", no_wrap=True, style="dim")
        busy = f"{sign} " if not self._running else ""
        clock = duration(max(now - self._began, 0))
        table.add_row(f"{busy}{self._status()}", self.note or f"{clock} · Ctrl-C stops")
        return table


def _named(server: str, tool: str) -> str:
    return f"{server}/{tool}" if server else tool
