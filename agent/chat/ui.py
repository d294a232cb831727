"""What the terminal, the plain mode and ``--json`` need of an assistant, and how one is begun."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agent.chat.events import Event, Notice, Spent
from agent.client import Progress, Reply
from agent.confirm import Chooser, Question

__all__ = ["Opener", "Session", "Talker", "ToolInfo"]


class ToolInfo(Protocol):
    """One tool that the assistant may call."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def read_only(self) -> bool: ...
    @property
    def destructive(self) -> bool: ...
    @property
    def server(self) -> str: ...


class Talker(Protocol):
    """An assistant in a conversation."""

    @property
    def conversation_id(self) -> str: ...
    @property
    def model_label(self) -> str: ...
    @property
    def about(self) -> Mapping[str, Any]: ...
    @property
    def tools(self) -> Sequence[ToolInfo]: ...
    @property
    def spent(self) -> Spent: ...
    @property
    def notices(self) -> Sequence[Notice]: ...

    def turn(self, text: str) -> AsyncIterator[Event]: ...
    def settle(self) -> AsyncIterator[Event]: ...
    def cancel(self) -> None: ...
    async def pending(self) -> Sequence[Question]: ...
    async def use_model(self, name: str | None, base_url: str | None = None) -> None: ...
    async def call(self, tool: str, arguments: Mapping[str, Any], progress: Progress | None = None) -> Reply: ...
    def history(self) -> Sequence[tuple[str, str]]: ...


Opener = Callable[[Chooser], AbstractAsyncContextManager[Talker]]
"""Begins (or resumes) a conversation, whose questions go to the given chooser."""


@dataclass(frozen=True)
class Session:
    """What was asked for on the command line."""

    workspace: Path
    target: str = ""
    resumed: bool = False
    message: str = ""
