"""Begins the conversation behind the prompt: heavy packages and the tool server come while the human types."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from types import TracebackType

from agent.chat.ui import Opener, Talker
from agent.confirm import Chooser
from agent.problems import Problem

__all__ = ["Host"]


FIRST = ("mcp",)
"""Packages that the tool server is reached with."""
THEN = ("agents", "rich.live", "agent.chat.view", "agent.render")
"""Packages that the first message needs: they come while the server starts."""


class Host:
    """Holds the assistant in a task of its own: it is begun and ended there, whoever talks with it."""

    def __init__(self, opener: Opener, ask: Chooser) -> None:
        self._opener, self._ask = opener, ask
        self._stop = asyncio.Event()
        self.ready: asyncio.Future[Talker] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Host:
        self._task = asyncio.create_task(self._hold())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._task is not None:
            if not self.ready.done():
                self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Problem):
                await self._task
        if self.ready.done() and not self.ready.cancelled():
            self.ready.exception()  # it was shown, or nobody asked

    async def assistant(self) -> Talker:
        """The assistant, as soon as it is there.

        Raises:
            Problem: it cannot be begun.
        """
        return await asyncio.shield(self.ready)

    async def _hold(self) -> None:
        try:
            await asyncio.to_thread(_load, FIRST)
            loading = asyncio.ensure_future(asyncio.to_thread(_load, THEN))
            try:
                async with self._opener(self._ask) as assistant:
                    self.ready.set_result(assistant)
                    await self._stop.wait()
            finally:
                with contextlib.suppress(Exception):
                    await loading
        except Exception as error:
            if not self.ready.done():
                self.ready.set_exception(error)
            elif isinstance(error, Problem):
                raise


def _load(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)
