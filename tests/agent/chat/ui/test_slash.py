"""Slash commands."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from agent.chat.events import ToolFinished, ToolStarted
from agent.chat.slash import COMMANDS, Recall, find, perform, suggestions
from agent.chat.ui import Session
from agent.problems import Problem
from tests.agent.chat.ui.fake import QUESTION, Fake


async def later(_: object) -> str:
    return "later"


@dataclass
class Room:
    session: Session
    talker: Fake = field(default_factory=lambda: Fake(later))  # type: ignore[arg-type]
    recall: Recall = field(default_factory=Recall)
    console: Console = field(default_factory=lambda: Console(file=io.StringIO(), width=90))
    did: list[str] = field(default_factory=list)

    async def assistant(self) -> Fake:
        return self.talker

    async def page(self, shown: RenderableType) -> None:
        self.console.print(shown)

    async def settle(self) -> None:
        self.did.append("settle")

    async def approve(self, confirmation: str) -> None:
        self.did.append(f"approve {confirmation}")

    def clear(self) -> None:
        self.did.append("clear")

    def leave(self) -> None:
        self.did.append("leave")

    def do(self, line: str) -> str:
        asyncio.run(perform(self, line))
        assert isinstance(self.console.file, io.StringIO)
        shown = self.console.file.getvalue()
        self.console.file.truncate(0)
        return shown


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Room(Session(tmp_path))


def test_every_command_is_in_the_help(room: Room) -> None:
    shown = room.do("/help")
    assert all(f"{command.name} " in shown and command.says in shown for command in COMMANDS)
    for command in COMMANDS:
        assert command.says in room.do(f"/help {command.name[1:]}")


def test_names_may_be_shortened_when_they_are_clear() -> None:
    assert [found.name for name in ("/st", "/q", "/exit", "help", "/?") if (found := find(name))] == [
        *("/status", "/quit", "/quit", "/help", "/help")
    ]
    assert find("/") is None and find("/h") is None


def test_a_wrong_name_is_answered_with_the_nearest(room: Room) -> None:
    with pytest.raises(Problem, match="no command /stauts") as caught:
        room.do("/stauts")
    assert "/status" in caught.value.remedy


def test_status(room: Room) -> None:
    shown = room.do("/status todo")
    assert "sandbox (simulated)" in shown and "todo-backend" in shown and "todo-0" in shown and "deploy-1" in shown
    assert room.talker.calls[0] == ("helm_list", {"namespace": "todo"})


def test_runs(room: Room) -> None:
    assert "deploy-1" in room.do("/runs")
    assert "status: succeeded" in room.do("/runs last")


def test_tools(room: Room) -> None:
    shown = room.do("/tools")
    assert "diagnose" in shown and "looks" in shown and "can lose" in shown and "from context7" in shown
    assert "More of it." in room.do("/tools helm_uninstall") and "More of it." in room.do("/tools uninst")
    with pytest.raises(Problem):
        room.do("/tools nothing")


def test_model(room: Room) -> None:
    assert "offline planner" in room.do("/model")
    assert "qwen3 · http://x/v1" in room.do("/model qwen3 http://x/v1")
    with pytest.raises(Problem, match="needs a key"):
        room.do("/model none")


def test_context(room: Room) -> None:
    shown = room.do("/context")
    assert "8927a6c6" in shown and "2 from longshore, 1 from context7" in shown and "20260801-0a1b2c3d" in shown
    assert "longshore chat --target" in shown


def test_history(room: Room) -> None:
    assert "nothing was said" in room.do("/history")
    room.talker.said = [("user", "hello"), ("assistant", "**yes**")]
    shown = room.do("/history")
    assert "❯ hello" in shown and "yes" in shown and "**" not in shown


def test_last(room: Room) -> None:
    assert "no tool" in room.do("/last")
    for number in (1, 2):
        room.recall.note(ToolStarted(str(number), "kubectl_logs", {"name": f"pod-{number}"}))
        text = f'<untrusted source="x">\nline {number}\x1b[31m\n</untrusted>'
        room.recall.note(ToolFinished(str(number), "kubectl_logs", True, text, 0.1))
    assert "name=pod-2" in room.do("/last") and "line 1\n" in room.do("/last 2")
    with pytest.raises(Problem, match="2 results"):
        room.do("/last 3")
    room.recall.note(ToolFinished("9", "x", False, "", 0.1, problem={"what": "w", "why": "y", "remedy": "r"}))
    assert "try: r" in room.do("/last")


def test_approve(room: Room) -> None:
    assert "no question" in room.do("/approve") and not room.did
    room.talker.open = [QUESTION]
    room.do("/approve")
    room.do("/approve c-1")
    assert room.did == ["settle", "approve c-1"]


def test_clear_and_quit(room: Room) -> None:
    room.do("/clear")
    room.do("/quit")
    assert room.did == ["clear", "leave"]


def test_what_may_follow(room: Room) -> None:
    assert ("diagnose", "") in suggestions("/tools", room, room.talker)
    assert suggestions("/tools", room, None) == []
    assert ("offline", "the planner without a model") in suggestions("/model", room, None)
    assert ("status", "what is deployed, its pods, and the last runs") in suggestions("/help", room, None)
