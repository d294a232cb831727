"""Slash commands, as data: what is not said to the model, but done by the terminal itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.text import Text

from agent.chat.events import ToolFinished, ToolStarted
from agent.chat.ui import Session, Talker, ToolInfo
from agent.chat.words import about_line, arguments_line, spent_line, unfenced
from agent.problems import Problem
from agent.render import grid
from agent.text import count, duration, one_line, safe

__all__ = ["COMMANDS", "Recall", "Room", "Slash", "find", "listing"]

KEPT = 30
"""Results that ``/last`` can show."""


@dataclass
class Recall:
    """The calls of this conversation that ``/last`` shows, newest last."""

    calls: list[tuple[ToolStarted, ToolFinished]] = field(default_factory=list)
    _running: dict[str, ToolStarted] = field(default_factory=dict)

    def note(self, event: object) -> None:
        """Keep what a call gave."""
        if isinstance(event, ToolStarted):
            self._running[event.call_id] = event
        elif isinstance(event, ToolFinished):
            began = self._running.pop(event.call_id, None) or ToolStarted(event.call_id, event.tool, {})
            self.calls = [*self.calls, (began, event)][-KEPT:]


class Room(Protocol):
    """Where a slash command works."""

    @property
    def console(self) -> Console: ...
    @property
    def session(self) -> Session: ...
    @property
    def recall(self) -> Recall: ...

    async def assistant(self) -> Talker: ...
    async def page(self, shown: RenderableType) -> None: ...
    async def settle(self) -> None: ...
    async def approve(self, confirmation: str) -> None: ...
    def clear(self) -> None: ...
    def leave(self) -> None: ...


@dataclass(frozen=True)
class Slash:
    """One command."""

    name: str
    says: str
    run: Callable[[Room, str], Awaitable[None]]
    argument: str = ""
    more: str = ""
    """What ``/help NAME`` adds."""


async def _help(room: Room, words: str) -> None:
    command = find(words.split(maxsplit=1)[0]) if words else None
    if command is not None:
        head = Text.assemble((_form(command), "cyan"), f"  {command.says}")
        room.console.print(Group(head, *([Text(f"  {command.more}", "dim")] if command.more else [])))
        return
    room.console.print(Text("Say what you want, in your own words. For example:", "bold"))
    for line in _ASKS:
        room.console.print(Text(f"  {line}", "dim"))
    room.console.print()
    table = grid({"no_wrap": True, "style": "cyan"}, {"ratio": 1})
    for item in COMMANDS:
        table.add_row("  " + _form(item), item.says)
    room.console.print(table)
    room.console.print()
    keys = grid({"no_wrap": True, "style": "cyan"}, {"ratio": 1})
    for key, says in _KEYS:
        keys.add_row("  " + key, says)
    room.console.print(keys)


_ASKS = ("deploy the todo app", "is everything healthy?", "what's wrong with the backend?", "fix it", "roll it back")
_KEYS = (
    ("Enter", "send"),
    ("Alt-Enter, or \\ Enter", "a new line"),
    ("Tab", "complete commands, tools, services and releases"),
    ("↑ ↓   Ctrl-R", "earlier messages; search in them"),
    ("Ctrl-C", "while it works: stop the step. While you type: clear the line; twice: leave"),
    ("Ctrl-D", "leave; on a question: leave it open"),
)


async def _status(room: Room, words: str) -> None:
    from agent.commands.status import look
    from agent.settings import namespace_of
    from agent.tables import status_view

    assistant = await room.assistant()
    where = words.strip() or namespace_of(room.session.workspace)
    with room.console.status(Text("looking at the cluster", "dim")):
        document = await look(assistant, where, about_line(assistant.about))
    await room.page(status_view(document, room.console.width, time.time()))


async def _runs(room: Room, words: str) -> None:
    from agent.listing import listed, one
    from agent.render import run_view
    from agent.tables import runs_view

    assistant = await room.assistant()
    if words:
        await room.page(run_view(await one(assistant, words.split(maxsplit=1)[0]), room.console.width))
        return
    runs = await listed(assistant)
    await room.page(runs_view(runs[:50], time.time()) if runs else Text("no runs yet", "dim"))


async def _approve(room: Room, words: str) -> None:
    if words:
        await room.approve(words.split(maxsplit=1)[0])
        return
    assistant = await room.assistant()
    if await assistant.pending():
        await room.settle()
    else:
        room.console.print(Text("no question of this conversation is open", "dim"))
        room.console.print(Text("  longshore approve, in another terminal, lists those of others", "dim"))


async def _tools(room: Room, words: str) -> None:
    tools = (await room.assistant()).tools
    wanted = words.strip()
    exact = [tool for tool in tools if tool.name == wanted]
    found = exact or [tool for tool in tools if wanted in tool.name]
    if not found:
        raise Problem(f"there is no tool {wanted}", remedy="/tools", code="usage")
    await room.page(_tool_view(found[0]) if len(found) == 1 else _tools_view(found))


def _does(tool: ToolInfo) -> Text:
    if tool.read_only:
        return Text("looks", "dim")
    return Text("can lose", "red") if tool.destructive else Text("changes", "yellow")


def _tool_view(tool: ToolInfo) -> RenderableType:
    head = Text.assemble((tool.name, "bold"), "  ", _does(tool))
    return Group(head, Text(safe(tool.description)))


def _tools_view(tools: Sequence[ToolInfo]) -> RenderableType:
    parts: list[RenderableType] = []
    for server in dict.fromkeys(tool.server for tool in tools):
        mine = [tool for tool in tools if tool.server == server]
        if server:
            parts += [Text(), Text(f"from {one_line(server)}", "bold")]
        longest = max(len(tool.name) for tool in mine)
        table = grid(
            {"min_width": longest, "no_wrap": True},
            {"min_width": 8, "no_wrap": True},
            {"ratio": 1, "overflow": "ellipsis", "no_wrap": True},
        )
        for tool in mine:
            first = one_line(safe(tool.description).strip().split("\n\n")[0])
            table.add_row(Text(one_line(tool.name), "cyan"), _does(tool), Text(first, "dim"))
        parts.append(table)
    parts += [Text(), Text("/tools NAME says more. What changes or loses something is asked of you first.", "dim")]
    return Group(*parts)


async def _model(room: Room, words: str) -> None:
    assistant = await room.assistant()
    if words:
        name, _, url = words.partition(" ")
        await assistant.use_model(name, url.strip() or None)
    room.console.print(Text.assemble(("model  ", "dim"), assistant.model_label))
    if not words:
        room.console.print(Text("  /model NAME [URL] takes another; /model offline the planner without a model", "dim"))


async def _context(room: Room, words: str) -> None:
    from agent.settings import log_file

    assistant = await room.assistant()
    about = assistant.about
    servers: dict[str, int] = {}
    for tool in assistant.tools:
        servers[tool.server or "longshore"] = servers.get(tool.server or "longshore", 0) + 1
    rows = {
        "target": about_line(about),
        "cluster": one_line(about.get("cluster") or ""),
        "why": one_line(about.get("notice") or ""),
        "workspace": str(room.session.workspace),
        "model": assistant.model_label,
        "tools": ", ".join(f"{number} from {one_line(server)}" for server, number in servers.items()),
        "spent": spent_line(assistant.spent) or "nothing yet",
        "conversation": assistant.conversation_id,
        "kept in": str(log_file().parent / "conversations" / assistant.conversation_id),
    }
    table = grid({"style": "dim", "no_wrap": True}, {"ratio": 1, "overflow": "fold"})
    for name, value in rows.items():
        if value:
            table.add_row(name, value)
    room.console.print(table)
    room.console.print(Text("The target belongs to the conversation. For another: longshore chat --target NAME", "dim"))


async def _history(room: Room, words: str) -> None:
    from agent.chat.markdown import Answer

    said = (await room.assistant()).history()
    parts: list[RenderableType] = []
    for role, text in said:
        parts += [Text()] if parts else []
        mine = role == "user"
        parts.append(Text.assemble(("❯ ", "bold cyan"), safe(text).strip()) if mine else Answer(text.strip()))
    await room.page(Group(*parts) if parts else Text("nothing was said yet", "dim"))


async def _last(room: Room, words: str) -> None:
    calls = room.recall.calls
    if not calls:
        room.console.print(Text("no tool was called yet", "dim"))
        return
    number = int(words) if words.strip().isdigit() else 1
    if not 1 <= number <= len(calls):
        raise Problem(f"there are {count(len(calls), 'result')}", remedy="/last 1 is the newest", code="usage")
    await room.page(call_view(*calls[-number], room.console.width))


def call_view(began: ToolStarted, ended: ToolFinished, width: int) -> RenderableType:
    """A call with everything that it gave."""
    sign = ("✓ ", "green") if ended.ok else ("✗ ", "bold red")
    head = Text.assemble(sign, (began.tool, "bold"), f"  {arguments_line(began.arguments, 400)}")
    head.append(f"  {duration(ended.seconds)}", "dim")
    stages = ended.data.get("stages") if ended.data.get("run_id") else None
    if stages:
        from agent.model import Run
        from agent.render import run_view

        return Group(head, Text(), run_view(Run.read(ended.data), width))
    body: list[RenderableType] = [Text(safe(unfenced(ended.text)).strip("\n"))]
    if ended.problem:
        parts = {key: one_line(ended.problem.get(key)) for key in ("what", "why", "remedy")}
        body = [Text(line, "red") for line in (parts["what"], parts["why"]) if line]
        body += [Text(f"try: {parts['remedy']}", "cyan")] if parts["remedy"] else []
    return Group(head, Text(), *body)


async def _clear(room: Room, words: str) -> None:
    room.clear()


async def _quit(room: Room, words: str) -> None:
    room.leave()


COMMANDS: tuple[Slash, ...] = (
    Slash("/help", "what can be said and done here", _help, "[COMMAND]"),
    Slash("/status", "what is deployed, its pods, and the last runs", _status, "[NAMESPACE]"),
    Slash("/runs", "the runs, or one of them with its steps", _runs, "[RUN]", "RUN may be last."),
    Slash(
        "/approve",
        "ask again what is still open",
        _approve,
        "[ID]",
        "With an ID: that question, whoever it came from, as longshore approve ID does.",
    ),
    Slash("/last", "the last result in full", _last, "[N]", "/last 2 is the one before."),
    Slash("/tools", "the tools, or what one of them does", _tools, "[NAME]"),
    Slash(
        "/model",
        "the model, or take another",
        _model,
        "[NAME [URL]]",
        "URL is an OpenAI-compatible server; offline is the planner that needs no model.",
    ),
    Slash("/context", "target, cluster, model, what was spent, where it is kept", _context),
    Slash("/history", "what was said", _history),
    Slash("/clear", "an empty screen; the conversation stays", _clear),
    Slash("/quit", "leave", _quit),
)


def _form(command: Slash) -> str:
    return f"{command.name} {command.argument}".rstrip()


def find(name: str) -> Slash | None:
    """The command of that name, or of that unambiguous beginning."""
    name = name if name.startswith("/") else f"/{name}"
    name = {"/exit": "/quit", "/?": "/help", "/q": "/quit"}.get(name, name)
    found = [command for command in COMMANDS if command.name == name]
    found = found or [command for command in COMMANDS if len(name) > 1 and command.name.startswith(name)]
    return found[0] if len(found) == 1 else None


def listing() -> list[tuple[str, str]]:
    """Names and what they do, for completion."""
    return [(command.name, command.says) for command in COMMANDS]


async def perform(room: Room, line: str) -> None:
    """Do what a line that begins with a slash says.

    Raises:
        Problem: there is no such command, or it did not work.
    """
    name, _, words = line.strip().partition(" ")
    command = find(name)
    if command is None:
        import difflib

        near = difflib.get_close_matches(name, [item.name for item in COMMANDS], n=1)
        hint = f"did you mean {near[0]}?" if near else "/help lists them"
        raise Problem(f"there is no command {name}", remedy=hint, code="usage")
    await command.run(room, words.strip())


async def paged(console: Console, shown: RenderableType) -> None:
    """Print it; through the pager when it is higher than the terminal."""
    with console.capture() as captured:
        console.print(shown)
    text = captured.get()
    if text.count("\n") < console.height - 2:
        console.print(shown)
        return
    import click

    await asyncio.to_thread(click.echo_via_pager, text)


def suggestions(command: str, room: Room, ready: Talker | None) -> Iterable[tuple[str, str]]:
    """What may follow a command: names, and what they are."""
    found = find(command)
    name = found.name if found else ""
    if name == "/help":
        return [(item.name[1:], item.says) for item in COMMANDS]
    if name == "/tools" and ready is not None:
        return [(tool.name, one_line(tool.title)) for tool in ready.tools]
    if name == "/last":
        newest: list[Any] = list(reversed(room.recall.calls))
        return [(str(place), began.tool) for place, (began, _) in enumerate(newest, 1)]
    return {"/model": [("offline", "the planner without a model")], "/runs": [("last", "the newest")]}.get(name, [])
