"""Questions of the guard: shown with their diff, answered by a human, or by a plan that a human named by its digest.

Nothing else can say yes. An answer that cannot be given (no terminal, not in the plan) is a *cancel*: the server
keeps the question waiting, and nothing is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agent.text import one_line, safe

if TYPE_CHECKING:
    from mcp.types import ElicitRequestParams, ElicitResult

    from agent.output import Output

__all__ = ["Desk", "PlanAnswers", "Question", "TerminalAnswers"]

Choice = Literal["yes", "no", "later"]
Chooser = Callable[["Question"], Awaitable[Choice]]

_FIRST = re.compile(r"(read|create|change|destroy) on ([^:]+(?::\S+)?): (.*)")
_LAST = re.compile(r"confirmation (\S+) digest ([0-9a-f]{16,64})")


@dataclass(frozen=True)
class Question:
    """One question, read from its message for display. ``digest`` is the start of the confirmation's digest."""

    summary: str
    effect: str = ""
    target: str = ""
    facts: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    id: str = ""
    digest: str = ""

    @classmethod
    def read(cls, message: str) -> Question:
        """The parts of the guard's message; what is not in its form is shown as it is."""
        lines = safe(message).strip("\n").split("\n")
        last = _LAST.fullmatch(lines[-1].strip()) if lines else None
        body = lines[:-1] if last else lines
        first = _FIRST.fullmatch(body[0]) if body else None
        rest = body[1:]
        blank = next((i for i, line in enumerate(rest) if not line.strip()), len(rest))
        diff = "\n".join(rest[blank:]).strip("\n")
        return cls(
            summary=first[3] if first else (one_line(body[0] if body else "") or "proceed?"),
            effect=first[1] if first else "",
            target=first[2] if first else "",
            facts=tuple(line for line in rest[:blank] if line.strip()),
            diff=tuple(diff.split("\n")) if diff else (),
            id=last[1] if last else "",
            digest=last[2] if last else "",
        )


class PlanAnswers:
    """Says yes to the confirmations of one plan, once each; anything else waits."""

    def __init__(self, digests: Iterable[str]) -> None:
        self._left = [digest for digest in digests if digest]
        self.unplanned: list[Question] = []

    async def choose(self, question: Question) -> Choice:
        """Yes when the plan lists this very confirmation and it was not used yet."""
        found = next((d for d in self._left if question.digest and d.startswith(question.digest)), None)
        if found is None:
            self.unplanned.append(question)
            return "later"
        self._left.remove(found)
        return "yes"


class TerminalAnswers:
    """Asks the human at the terminal."""

    def __init__(
        self, output: Output, pause: Callable[[], contextlib.AbstractContextManager[None]] | None = None
    ) -> None:
        self._output = output
        self._pause = pause or contextlib.nullcontext

    async def choose(self, question: Question) -> Choice:
        """Show it, and wait for y, n or d; no answer is no yes."""
        from agent.render import question_panel

        with self._pause():
            console = self._output.err
            shown = max(8, min(SHOWN_DIFF, console.height - 16))
            console.print(question_panel(question, console.width, shown))
            while True:
                more = "/d" if len(question.diff) > shown else ""
                async with _lines() as read:  # what was typed before the question is no answer to it
                    console.print(f"[bold]Do it?[/] \\[y/N{more}] ", end="")
                    line = await read()
                if line is None:
                    console.print()
                    return "later"
                word = line.strip().lower()
                if word in ("y", "yes"):
                    return "yes"
                if word in ("", "n", "no"):
                    console.print("[yellow]no[/]: it stays as it is")
                    return "no"
                if more and word in ("d", "diff"):
                    from agent.render import diff_text

                    console.print(diff_text(question.diff))
                else:
                    console.print("y: do it   n: leave it as it is" + ("   d: the whole diff" if more else ""))


SHOWN_DIFF = 40
"""Lines of a diff shown before ``d`` is pressed, where the terminal is high enough."""


class Desk:
    """Turns elicitations into answers, one at a time."""

    def __init__(self, choose: Chooser) -> None:
        self._choose = choose
        self._lock = asyncio.Lock()
        self.waiting: list[Question] = []
        self.declined: list[Question] = []

    async def answer(self, params: ElicitRequestParams) -> ElicitResult:
        """The MCP callback. A form without an ``approve`` field is none of ours and is never accepted."""
        from mcp.types import ElicitResult

        schema = getattr(params, "requested_schema", None)
        fields = schema.get("properties", {}) if isinstance(schema, dict) else {}
        question = Question.read(params.message)
        if "approve" not in fields:
            self.waiting.append(question)
            return ElicitResult(action="cancel")
        async with self._lock:
            choice = await self._choose(question)
        if choice == "yes":
            return ElicitResult(action="accept", content={"approve": True})
        if choice == "no":
            self.declined.append(question)
            return ElicitResult(action="decline")
        self.waiting.append(question)
        return ElicitResult(action="cancel")


@contextlib.asynccontextmanager
async def _lines() -> AsyncIterator[Callable[[], Awaitable[str | None]]]:
    """Read stdin line by line without a thread, so that Ctrl-C ends the waiting. What was typed ahead is dropped."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    _drop_typed_ahead()
    loop.add_reader(descriptor, lambda: queue.put_nowait(os.read(descriptor, 4096)))

    async def read() -> str | None:
        held = b""
        while b"\n" not in held:
            part = await queue.get()
            if not part:
                return None
            held += part
        return held.decode("utf-8", "replace").split("\n", 1)[0]

    try:
        yield read
    finally:
        loop.remove_reader(descriptor)


def _drop_typed_ahead() -> None:
    import termios

    with contextlib.suppress(termios.error, OSError):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
