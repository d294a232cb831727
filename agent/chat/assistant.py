"""The assistant: one conversation with a model over the tool server, as a stream of typed events.

It is one agent with all the tools. What would change something is asked of a human exactly once, by the one ``ask``
that it is given; a question that is left open survives the process, with the run that waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agent.chat import secrets
from agent.chat.bridge import Bridge, Ledger, ToolInfo
from agent.chat.config import ChatSettings, ForeignServer
from agent.chat.conversation import Conversation
from agent.chat.events import Answered, Asked, Event, Notice, Spent, TurnEnded
from agent.chat.fence import MARK
from agent.chat.models import Choice, choose
from agent.confirm import Choice as Said
from agent.confirm import Chooser, Desk, Question
from agent.interrupt import Interrupt
from agent.problems import Problem

if TYPE_CHECKING:
    from agent.chat.foreign import Foreign
    from agent.client import Progress, Reply, Server

__all__ = ["Assistant", "Budgets", "ChatOptions", "open_assistant"]


@dataclass(frozen=True)
class Budgets:
    """How much may be used; None takes the setting. ``turns`` and ``calls`` for one message, the others in all."""

    turns: int | None = None
    calls: int | None = None
    tokens: int | None = None
    money: float | None = None


@dataclass(frozen=True)
class ChatOptions:
    """How a conversation begins."""

    workspace: Path
    target: str | None = None
    profile: str | None = None
    url: str | None = None
    model: str | None = None
    base_url: str | None = None
    api: Literal["responses", "chat"] | None = None
    read_only: bool = False
    resume: str | None = None
    budgets: Budgets = field(default_factory=Budgets)
    trace: Path | None = None
    debug: bool = False
    command: tuple[str, ...] | None = None
    """Another tool server's program (tests)."""


class Assistant:
    """One conversation. Make it with :func:`open_assistant`."""

    def __init__(
        self,
        server: Server,
        conversation: Conversation,
        choice: Choice,
        settings: ChatSettings,
        options: ChatOptions,
        ask: Chooser,
    ) -> None:
        from agent.chat.turn import Turns

        self._server, self._conversation, self._settings, self._options = server, conversation, settings, options
        self._choice, self._ask = choice, ask
        self.about: Mapping[str, Any] = {}
        self.tools: list[ToolInfo] = []
        self.notices: list[Notice] = []
        """What went wrong at the beginning without ending it: a further server that does not answer."""
        self.spent = Spent(**conversation.meta.get("spent", {}))
        self._foreign: list[Foreign] = []
        self._listed: list[Any] = []
        self._skills: dict[str, str] = {}
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._driving: asyncio.Task[None] | None = None
        self._cancelled = False
        self._built: dict[Any, Any] = {}
        self.bridge = Bridge(server, self.ask, self.emit, conversation.keep, conversation.results.get)
        self.bridge.heard = any(MARK in str(kept.get("text")) for kept in conversation.results.values())
        self.bridge.obeys = not choice.offline
        self._turns = Turns(self)

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def conversation_id(self) -> str:
        """For ``chat --resume``."""
        return self._conversation.id

    @property
    def model_label(self) -> str:
        """The model, and where it runs."""
        return self._choice.label

    @property
    def choice(self) -> Choice:
        """The model."""
        return self._choice

    @property
    def conversation(self) -> Conversation:
        """What was said, on disk."""
        return self._conversation

    @property
    def options(self) -> ChatOptions:
        """How it began."""
        return self._options

    @property
    def server(self) -> Server:
        """The tool server."""
        return self._server

    @property
    def skills(self) -> Mapping[str, str]:
        """The server's skills: name → description."""
        return self._skills

    @property
    def listed(self) -> Sequence[Any]:
        """The tool server's tools, as MCP lists them."""
        return self._listed

    @property
    def foreign(self) -> Sequence[Foreign]:
        """The further servers that are connected."""
        return self._foreign

    @property
    def budgets(self) -> Budgets:
        """What may be used, with the settings where nothing was said."""
        given, kept = self._options.budgets, self._settings
        return Budgets(
            given.turns or kept.max_turns,
            given.calls or kept.max_calls,
            given.tokens or kept.max_tokens,
            given.money or kept.max_cost,
        )

    def history(self) -> list[tuple[str, str]]:
        """What was said: ``user`` or ``assistant``, and the text."""
        found = []
        for item in self._conversation.items:
            if item.get("role") in ("user", "assistant"):
                content = item.get("content")
                parts = content if isinstance(content, list) else [{"text": content}]
                found.append((str(item["role"]), "".join(str(part.get("text") or "") for part in parts)))
        return found

    # -- what it does ----------------------------------------------------------------------------------------------

    async def turn(self, text: str) -> AsyncIterator[Event]:
        """One message, and everything that comes of it. It ends with :class:`TurnEnded`, whatever happens."""
        if kinds := secrets.found(text):
            why = f"it holds what looks like {', '.join(kinds)}"
            yield TurnEnded(
                "failed",
                self.spent,
                f"the message was not sent: {why}",
                "put it into a Secret or a variable of the environment, and name that; if it was real, change it",
            )
            return
        if self._conversation.parked() is not None:
            yield Notice("a question is still open; it comes first")
            ended: TurnEnded | None = None
            async for event in self.settle():
                if isinstance(event, TurnEnded):
                    ended = event
                else:
                    yield event
            if ended is not None and ended.ending != "done":
                yield ended
                return
        async for event in self._stream(self._turns.say(text)):
            yield event

    async def settle(self) -> AsyncIterator[Event]:
        """Ask what is still open, and go on from there."""
        async for event in self._stream(self._turns.resume()):
            yield event

    def cancel(self) -> None:
        """End the running step. The conversation goes on."""
        self._cancelled = True
        if self._driving is not None:
            self._driving.cancel()

    async def pending(self) -> list[Question]:
        """The questions of this conversation that are open, as they would be asked now."""
        return await self._turns.open_questions()

    async def use_model(self, name: str | None, base_url: str | None = None) -> None:
        """Go on with another model.

        Raises:
            Problem: there is no such, or its key is missing.
        """
        self._choice = choose(self._settings, model=name, base_url=base_url, api=self._options.api)
        self.bridge.obeys = not self._choice.offline

    async def call(self, tool: str, arguments: Mapping[str, Any], progress: Progress | None = None) -> Reply:
        """Call a tool of the tool server without the model; the same guard, the same question.

        Raises:
            Problem: as the tool says.
        """
        return await self._server.call(tool, arguments, progress=progress)

    async def read(self, uri: str) -> Any:
        """A resource of the tool server.

        Raises:
            Problem: there is none.
        """
        return await self._server.read(uri)

    # -- for its parts ---------------------------------------------------------------------------------------------

    def built(self, build: Callable[[], Any]) -> Any:
        """The model, made at its first use: its connections are used again by the next message."""
        if build not in self._built:
            self._built[build] = build()
        return self._built[build]

    async def end(self) -> None:
        """Close the connections to the models."""
        for model in self._built.values():
            with contextlib.suppress(Exception):
                await model.close()

    def emit(self, event: Event) -> None:
        """Tell whoever listens."""
        self._events.put_nowait(event)

    async def ask(self, question: Question) -> Said:
        """Ask the human, and tell that it was asked."""
        self.emit(Asked(question))
        said = await self._ask(question)
        self.emit(Answered(question, said))
        return said

    async def _stream(self, work: Any) -> AsyncIterator[Event]:
        while not self._events.empty():
            self._events.get_nowait()
        self._cancelled = False
        self.bridge.ledger = Ledger(self.budgets.calls or 1)

        async def drive() -> None:
            try:
                ended = await work
            except asyncio.CancelledError:
                ended = TurnEnded("interrupted", self.spent, "the step was stopped; the conversation goes on")
                if not self._cancelled:
                    raise
            except Problem as problem:
                ended = TurnEnded("failed", self.spent, problem.line(), problem.remedy)
            finally:
                self._turns.keep()
            self.emit(ended)

        self._driving = asyncio.create_task(drive())
        self._driving.add_done_callback(lambda _: self._events.put_nowait(None))
        try:
            while (event := await self._events.get()) is not None:
                yield event
            if not self._driving.cancelled() and (failure := self._driving.exception()) is not None:
                raise failure
        finally:
            if not self._driving.done():
                self._driving.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await self._driving
            self._driving = None

    async def begin(self, foreign: Mapping[str, ForeignServer], stack: contextlib.AsyncExitStack) -> None:
        """Learn what there is: target, tools, skills, further servers.

        Raises:
            Problem: the conversation belongs to another cluster.
        """
        from agent.chat.foreign import connect as reach

        self._listed, self._skills = await self._server.tools(), await self._server.prompts()
        found = await self._server.read("longshore://cluster")
        cluster = str(found.get("cluster") or "none") if isinstance(found, Mapping) else "none"
        self.about = {**self._server.about, "cluster": cluster}
        simulated = " (simulated)" if self.about.get("simulated") else ""
        self.bridge.target = f"{self.about.get('target') or ''}{simulated}"
        self._pin(cluster)
        for tool in self._listed:
            hints = tool.annotations
            reads, destroys = bool(hints and hints.read_only_hint), bool(hints and hints.destructive_hint)
            self.tools.append(ToolInfo(tool.name, tool.title or tool.name, tool.description or "", reads, destroys))
        for name, settings in foreign.items():
            try:
                self._foreign.append(await stack.enter_async_context(reach(name, settings)))
            except Problem as problem:
                self.notices.append(Notice(problem.line(), "warning"))
        for server in self._foreign:
            self.tools += server.infos()

    def _pin(self, cluster: str) -> None:
        meta, target = self._conversation.meta, str(self._server.about.get("target") or "")
        was, had = str(meta.get("target") or ""), str(meta.get("cluster") or "none")
        if was and was != target:
            raise Problem(
                f"the conversation {self.conversation_id} is about {was}",
                f"and this would be {target}",
                f"--target {was}, or longshore chat for a new one",
                code="usage",
            )
        if "none" not in (had, cluster) and had != cluster:
            raise Problem(
                f"the conversation {self.conversation_id} is about another cluster",
                f"{target} is not the one that it was",
                "longshore chat begins a new one",
                code="usage",
            )
        meta |= {"target": target, "cluster": cluster if cluster != "none" else had}


def _trace(options: ChatOptions, settings: ChatSettings) -> Path | None:
    return options.trace or (Path(settings.trace).expanduser() if settings.trace else None)


@contextlib.asynccontextmanager
async def open_assistant(
    options: ChatOptions, ask: Chooser, interrupt: Interrupt | None = None
) -> AsyncIterator[Assistant]:
    """An assistant while the block runs: a new conversation, or an earlier one.

    Raises:
        Problem: the server does not start, a setting is wrong, or there is no such conversation.
    """
    from agent.chat import config, tracing
    from agent.client import Connection, connect, default_command

    settings, foreign = config.load()
    choice = choose(settings, model=options.model, base_url=options.base_url, api=options.api)
    conversation = Conversation.load(options.resume) if options.resume else Conversation.new(options.workspace)
    tracing.local(_trace(options, settings))
    target = options.target or (str(conversation.meta.get("target") or "") or None)
    made: list[Assistant] = []

    async def choose_of(question: Question) -> Said:
        return await made[0].bridge.answer(question)

    answer = Desk(choose_of).answer

    connection = Connection(
        options.workspace,
        target,
        options.profile,
        options.read_only,
        options.url,
        options.debug,
        options.command or default_command(),
    )
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(connect(connection, interrupt or Interrupt(), answer=answer))
        assistant = Assistant(server, conversation, choice, settings, options, ask)
        made.append(assistant)
        stack.push_async_callback(assistant.end)
        await assistant.begin(foreign, stack)
        yield assistant
