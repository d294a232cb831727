"""A run while it goes on: redrawn in place on a terminal, line by line elsewhere. Always on stderr."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import click

from agent import tty
from agent.model import Run, Step
from agent.text import clock, duration, one_line, safe

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from agent.output import Output

__all__ = ["LiveView", "PlainView", "View", "view_for"]


class View(Protocol):
    """Shows a run."""

    def __enter__(self) -> View: ...
    def __exit__(self, *_: object) -> None: ...

    def update(self, run: Run) -> None:
        """The run's state is this."""

    def message(self, step_id: str, text: str) -> None:
        """Something was said, by a step or (empty) by the run."""

    def pause(self) -> contextlib.AbstractContextManager[None]:
        """Leave the terminal alone for a question."""


def view_for(output: Output, verb: str) -> View:
    """The view that fits: live on a terminal, plain lines elsewhere and with ``--json``."""
    if output.terminal and not output.json and output.err.is_terminal and not output.err.is_dumb_terminal:
        return LiveView(output.err, verb)
    return PlainView()


class PlainView:
    """One line per thing that happened, with the time since the start."""

    QUIET = 20.0
    """Seconds without a line after which a message is worth one."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last = self._began
        self._seen: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._named = False

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def _say(self, text: str) -> None:
        now = time.monotonic()
        self._last = now
        click.echo(f"[{clock(now - self._began)}] {safe(text)}", err=True)

    def update(self, run: Run) -> None:
        """Lines for what is new."""
        if run.id and not self._named:
            self._named = True
            self._say(f"run {run.id}" + (" (simulated)" if run.simulated else ""))
        for stage in run.stages:
            key = f"stage {stage.number}"
            before = self._seen.get(key, "pending")
            if before == "pending" and stage.status != "pending":
                self._say(f"stage {stage.number} {one_line(stage.title)}")
            for step in stage.steps:
                self._titles[step.id] = step.title
                self._step(step)
            if stage.status != before and stage.status not in ("pending", "running"):
                self._say(f"stage {stage.number} {stage.status} {duration(stage.seconds)}".rstrip())
            self._seen[key] = stage.status

    def _step(self, step: Step) -> None:
        before = self._seen.get(step.id, "pending")
        if step.status == before:
            return
        self._seen[step.id] = step.status
        if step.status in ("pending", "running"):
            return
        mark = "changed" if step.status == "succeeded" and step.changed else step.status
        mark = {"succeeded": "ok"}.get(mark, mark)
        error = ": ".join(one_line(step.error.get(key)) for key in ("what", "why") if step.error.get(key))
        said = [f"cannot be known here: {'; '.join(step.unknown)}"] if step.unknown else step.evidence
        fact = error or (one_line(said[0]) if said else "")
        self._say(
            f"  {mark:<9} {one_line(step.title)} {duration(step.seconds)}".rstrip() + (f"  {fact}" if fact else "")
        )
        if step.error.get("remedy"):
            self._say(f"            try: {one_line(step.error['remedy'])}")

    def message(self, step_id: str, text: str) -> None:
        """Said when nothing else was for a while, so that a log shows that it lives."""
        if time.monotonic() - self._last >= self.QUIET:
            title = one_line(self._titles.get(step_id, ""))
            self._say(f"  …         {title + ': ' if title else ''}{one_line(text)}")

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Nothing to leave alone."""
        yield


class LiveView:
    """The stages, redrawn ten times a second."""

    def __init__(self, console: Console, verb: str) -> None:
        self._console = console
        self._verb = verb
        self._began = time.monotonic()
        self._run = Run()
        self._messages: dict[str, str] = {}
        self._started: dict[str, float] = {}
        self._note = ""
        self._live: Live | None = None

    def __enter__(self) -> LiveView:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        """A new one each time: a stopped one would draw over what was printed since."""
        from rich.live import Live

        self._live = Live(
            get_renderable=self._draw,
            console=self._console,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        tty.silence()
        self._live.start(refresh=True)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        tty.restore()

    def update(self, run: Run) -> None:
        """Drawn at the next beat."""
        self._run = run
        for step in run.steps():
            if step.status == "running":
                step.started = step.started or self._started.setdefault(step.id, time.time())

    def message(self, step_id: str, text: str) -> None:
        """Stands beside its step, or at the foot."""
        if step_id:
            self._messages[step_id] = text
        else:
            self._note = text

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """The view goes while the question stands."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        from agent import render

        now = time.monotonic()
        width, height = self._console.size
        for step in self._run.steps():
            step.message = self._messages.get(step.id, step.message)
        parts: list[Any] = [render.header(self._run, self._verb, clock(now - self._began), width), Text()]
        beat = int(now * 8)
        if self._run.stages:
            parts.append(render.stages_view(self._run, width=width, height=height, now=time.time(), beat=beat))
        else:
            parts.append(
                Text.assemble(render.mark("running", beat), " ", (self._note or "starting the tool server", "dim"))
            )
        return Group(*parts)
