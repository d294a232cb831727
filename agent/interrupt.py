"""Ctrl-C: the first one cancels the call that is under way and lets the server settle, the second ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from agent import tty
from agent.problems import Interrupted

__all__ = ["Interrupt", "execute"]

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR = "\x1b[?25h"


class Interrupt:
    """Set by a signal. :meth:`during` runs something that it ends."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def install(self) -> None:
        """Listen to the signals that ask the process to end."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: signal.Signals) -> None:
        if self.event.is_set() and number == signal.SIGINT:
            tty.restore()
            if sys.stderr.isatty():
                sys.stderr.write(_SHOW_CURSOR)
                sys.stderr.flush()
            os._exit(130)
        self.event.set()

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``, which is cancelled when a signal comes.

        Raises:
            Interrupted: a signal came.
        """
        task = asyncio.ensure_future(work)
        signalled = asyncio.ensure_future(self.event.wait())
        try:
            await asyncio.wait({task, signalled}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Interrupted
        finally:
            for pending in (task, signalled):
                pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


def execute(work: Callable[[Interrupt], Awaitable[T]]) -> T:
    """Run a command's coroutine to its end."""

    async def run() -> T:
        interrupt = Interrupt()
        interrupt.install()
        return await work(interrupt)

    return asyncio.run(run())
