"""The line that is typed: many lines, history, completion, and the target always in sight below it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.application.current import set_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from agent.chat import secrets

__all__ = ["Leave", "Line", "Names", "Settle"]

TWICE = 2.0
"""Seconds in which a second Ctrl-C leaves."""
LARGEST = 1_000_000
"""Bytes of the history file; what is beyond that goes, the oldest first."""
_STYLE = Style.from_dict(
    {
        "prompt": "ansicyan bold",
        "continuation": "ansibrightblack",
        "bottom-toolbar": "noreverse ansibrightblack",
        "bottom-toolbar.open": "noreverse ansiyellow bold",
        "completion-menu": "bg:default noreverse",
        "completion-menu.completion": "bg:default ansicyan",
        "completion-menu.completion.current": "bg:default noreverse ansicyan bold underline",
        "completion-menu.meta.completion": "bg:default ansibrightblack",
        "completion-menu.meta.completion.current": "bg:default noreverse bold",
        "completion-menu.multi-column-meta": "bg:default",
        "scrollbar.background": "bg:default",
        "scrollbar.button": "bg:ansibrightblack",
    }
)


class Leave(Exception):
    """The human leaves."""


class Settle(Exception):
    """What is open is asked now."""


class Names(Completer):
    """Slash commands at the beginning of a line, their arguments after them, and known names anywhere with Tab."""

    def __init__(
        self,
        commands: Callable[[], Iterable[tuple[str, str]]],
        arguments: Callable[[str], Iterable[tuple[str, str]]],
        names: Callable[[], Iterable[str]],
    ) -> None:
        self._commands, self._arguments, self._names = commands, arguments, names

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may come here."""
        text = document.text_before_cursor
        if text.startswith("/"):
            command, space, typed = text.partition(" ")
            found = self._arguments(command) if space else self._commands()
            word = typed.lstrip() if space else command
            for name, says in found:
                if name.startswith(word):
                    yield Completion(name, -len(word), display_meta=says)
        elif complete_event.completion_requested:
            word = text.split()[-1] if text and not text[-1].isspace() else ""
            for name in sorted(set(self._names())):
                if word and name.startswith(word):
                    yield Completion(name, -len(word))
            for name in sorted(set(self._names())):
                if word and word in name[1:] and not name.startswith(word):
                    yield Completion(name, -len(word))


class _Kept(FileHistory):
    """In a file of the human's own. What looks like a secret is not kept, nor what begins with a space."""

    def store_string(self, string: str) -> None:
        """Keep it, when it may be."""
        if string.startswith(" ") or secrets.found(string):
            return
        with contextlib.suppress(OSError):
            super().store_string(string)


def history(file: Path) -> History:
    """The history of earlier conversations; only of this one when the file cannot be used."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
        file.chmod(0o600)
        if file.stat().st_size > LARGEST:
            kept = file.read_bytes()[-LARGEST // 2 :]
            file.write_bytes(kept[kept.find(b"\n\n") + 1 :])
    except OSError:
        return InMemoryHistory()
    return _Kept(str(file))


class _Screen(Vt100_Output):
    """The terminal, which is not asked where its cursor is: its reply could be taken for something typed.

    What is drawn is as high as it needs to be, and scrolls when there is no room.
    """

    def get_rows_below_cursor_position(self) -> int:
        """There is always this line."""
        return 1


def _screen() -> Output:
    screen = _Screen.from_pty(sys.stdout, term=os.environ.get("TERM"), enable_bell=False)
    screen.enable_cpr = False
    return screen


class Line:
    """The prompt. ``toolbar`` gives what stands below it: text, and what is open (in another colour)."""

    def __init__(self, file: Path, completer: Completer, toolbar: Callable[[], tuple[str, str]], **more: Any) -> None:
        self._toolbar = toolbar
        self._interrupted = 0.0
        self._kept = ""
        self._session: PromptSession[str] = PromptSession(
            message=[("class:prompt", "❯ ")],
            multiline=True,
            prompt_continuation=[("class:continuation", "· ")],
            completer=completer,
            complete_while_typing=Condition(self._slash),
            history=history(file),
            key_bindings=self._keys(),
            bottom_toolbar=self._below,
            style=_STYLE,
            enable_suspend=True,
            search_ignore_case=True,
            reserve_space_for_menu=12,
            **({"output": _screen()} | more),
        )

    async def read(self) -> str:
        """One message.

        Raises:
            Leave: Ctrl-D, or Ctrl-C twice.
        """
        self._interrupted = 0.0
        kept, self._kept = self._kept, ""
        self._session.app.erase_when_done = False
        return await self._session.prompt_async(handle_sigint=False, default=kept)

    async def say(self, show: Callable[[], None]) -> None:
        """Print something above the prompt, or where the cursor is when there is none."""
        if not self._session.app.is_running:
            show()
            return
        with set_app(self._session.app):
            await run_in_terminal(show)
        self._session.app.invalidate()

    def end(self, error: Exception) -> None:
        """The prompt ends with that error; what was typed comes again at the next one."""
        if self._session.app.is_running:
            self._kept = self._session.default_buffer.text
            self._session.app.erase_when_done = True
            self._session.app.exit(exception=error)

    def forget(self) -> None:
        """What was typed ahead goes: it was not meant for what comes now."""
        clear_typeahead(self._session.input)

    @property
    def active(self) -> bool:
        """Whether it is typed in now."""
        return self._session.app.is_running

    # -- parts -----------------------------------------------------------------------------------------------------

    def _slash(self) -> bool:
        return self._session.default_buffer.text.startswith("/")

    def _below(self) -> StyleAndTextTuples:
        text, opened = self._toolbar()
        if time.monotonic() - self._interrupted < TWICE:
            return [("class:bottom-toolbar", "Ctrl-C again, or Ctrl-D, leaves")]
        parts: StyleAndTextTuples = [("class:bottom-toolbar", text)]
        return [*parts, ("class:bottom-toolbar.open", f" · {opened}")] if opened else parts

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        @keys.add("c-j")
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            chosen = buffer.complete_state and buffer.complete_state.current_completion
            if chosen and not buffer.text.startswith("/"):
                buffer.complete_state = None
            elif buffer.document.is_cursor_at_the_end and buffer.text.endswith("\\"):
                buffer.delete_before_cursor()
                buffer.insert_text("\n")
            elif buffer.text.strip():
                buffer.validate_and_handle()

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("c-c")
        def _(event: KeyPressEvent) -> None:
            now = time.monotonic()
            if event.current_buffer.text:
                event.current_buffer.reset()
            elif now - self._interrupted < TWICE:
                event.app.exit(exception=Leave)
            else:
                self._interrupted = now
                event.app.create_background_task(self._fade())

        @keys.add("c-d")
        def _(event: KeyPressEvent) -> None:
            if event.current_buffer.text:
                event.current_buffer.delete()
            else:
                event.app.exit(exception=Leave)

        return keys

    async def _fade(self) -> None:
        """The hint goes by itself."""
        import asyncio

        await asyncio.sleep(TWICE)
        self._session.app.invalidate()
