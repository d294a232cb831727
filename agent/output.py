"""What the user sees: results on stdout, everything else on stderr; with ``--json`` one document on stdout."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from agent.problems import Problem
from agent.text import safe, short

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.status import Status

__all__ = ["SIMULATED", "Output"]

SIMULATED = "sandbox (simulated)"


@dataclass
class Output:
    """The streams of one command."""

    json: bool = False
    debug: bool = False
    ask: bool = True
    """Whether questions may be asked at all (``--no-input``)."""
    _status: Status | None = None
    _introduced: bool = False

    @cached_property
    def terminal(self) -> bool:
        """Whether a live view can be shown."""
        return sys.stderr.isatty()

    @cached_property
    def interactive(self) -> bool:
        """Whether a human is there to answer."""
        return self.ask and sys.stderr.isatty() and sys.stdin.isatty()

    @cached_property
    def err(self) -> Console:
        """Rich on stderr."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    @cached_property
    def out(self) -> Console:
        """Rich on stdout."""
        from rich.console import Console

        return Console(highlight=False)

    def note(self, text: str) -> None:
        """A plain line on stderr."""
        click.echo(safe(text), err=True)

    def introduce(self, about: Mapping[str, Any]) -> None:
        """Say once, in one plain line on stderr, that what follows is simulated, and why."""
        if about.get("simulated") and not self._introduced:
            self._introduced = True
            with self.quiet():
                self.note(str(about.get("notice") or f"{SIMULATED}: nothing here is real"))

    @contextlib.contextmanager
    def busy(self, text: str) -> Iterator[Callable[[str], None]]:
        """A spinner on a terminal while something is looked up, with a way to change its words; nothing elsewhere."""
        if not self.terminal or self.json:
            yield lambda _: None
            return
        from rich.text import Text

        with self.err.status(Text(text, "dim")) as self._status:
            status = self._status
            yield lambda words: status.update(Text(short(words, self.err.width - 4), "dim"))
        self._status = None

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """The spinner goes while something else stands on the terminal."""
        status = self._status
        if status is not None:
            status.stop()
        try:
            yield
        finally:
            if status is not None:
                status.start()

    def show(self, renderable: RenderableType, plain: str) -> None:
        """The result for a person, on stdout: pretty on a terminal, plain elsewhere; nothing with ``--json``."""
        if self.json:
            return
        if sys.stdout.isatty():
            self.out.print(renderable)
        else:
            click.echo(safe(plain))

    def line(self, text: str, style: str = "") -> None:
        """A line of the result, on stdout; nothing with ``--json``."""
        if not self.json:
            click.echo(click.style(safe(text), **_style(style)) if style else safe(text))

    def document(self, data: Any) -> None:
        """The one JSON document; nothing without ``--json``."""
        if self.json:
            click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))

    def problem(self, problem: Problem) -> None:
        """What failed, why, and what to try, on stderr."""
        mark = click.style("error:", fg="red", bold=True)
        if problem.exit_code == 3:
            mark = click.style("waiting:", fg="yellow", bold=True)
        elif problem.exit_code == 130:
            mark = click.style("stopped:", fg="yellow", bold=True)
        click.echo(f"{mark} {problem.line()}", err=True)
        if problem.remedy:
            click.echo(f"  {click.style('try:', fg='cyan')} {problem.remedy}", err=True)


def _style(name: str) -> dict[str, Any]:
    return {"fg": name.removeprefix("bold "), "bold": name.startswith("bold ")} if name != "bold" else {"bold": True}
