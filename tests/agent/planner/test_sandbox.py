"""The planner on the sandbox, through the whole chat: deployed, broken from outside, explained, repaired, undone."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.chat.assistant import Assistant, ChatOptions, open_assistant
from agent.chat.events import TextDelta, ToolStarted, TurnEnded
from agent.confirm import Choice, Question
from tests.agent.planner.world import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]


class Human:
    """Answers the guard's questions as told, and remembers them."""

    def __init__(self) -> None:
        self.answer: Choice = "yes"
        self.asked: list[Question] = []

    async def ask(self, question: Question) -> Choice:
        self.asked.append(question)
        return self.answer


@pytest.fixture
async def workspace(tmp_path: Path, state: Path) -> AsyncIterator[Path]:
    ignored = shutil.ignore_patterns("node_modules", ".next", "__pycache__", ".venv")
    for name in ("examples", "charts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run([sys.executable, "-m", "agent", "sandbox", "down"], cwd=ROOT, check=False, capture_output=True)


async def say(assistant: Assistant, text: str) -> tuple[list[str], str]:
    """One turn: the tools that were called, and the answer."""
    tools, answer, ending = [], "", ""
    async for event in assistant.turn(text):
        if isinstance(event, ToolStarted):
            tools.append(event.tool)
        elif isinstance(event, TextDelta):
            answer += event.text
        elif isinstance(event, TurnEnded):
            ending = event.ending
    assert ending == "done", (text, ending, answer)
    return tools, answer


def break_it(kubeconfig: Path) -> None:
    """Somebody else sets an image that is not there."""
    from kubernetes import client, config

    api: Any = client.AppsV1Api(config.new_client_from_config(str(kubeconfig)))
    container = {"name": "todo-backend", "image": "todo-backend:nope"}
    body = {"spec": {"template": {"spec": {"containers": [container]}}}}
    api.patch_namespaced_deployment("todo-backend", "todo", body)


async def test_from_nothing_to_healthy_through_a_fault_and_back(workspace: Path, state: Path) -> None:
    human = Human()
    options = ChatOptions(workspace=workspace, target="sandbox", model="offline")
    async with open_assistant(options, human.ask) as assistant:
        tools, text = await say(assistant, "deploy the todo app")
        assert tools == ["playbook_plan", "playbook_run"] and "Done: deploy" in text
        tools, text = await say(assistant, "is everything healthy?")
        assert tools == ["check_health"] and "everything is healthy" in text

        await asyncio.to_thread(break_it, state / "sandbox" / "kubeconfig")
        for _ in range(30):
            tools, text = await say(assistant, "what's wrong with the backend?")
            if "IMAGE_TAG_MISSING" in text:
                break
            await asyncio.sleep(1)
        assert tools == ["diagnose"] and "Evidence:" in text and "todo-backend:nope" in text

        human.answer, human.asked = "no", []
        tools, text = await say(assistant, "fix it")
        assert tools == [] and len(human.asked) == 1 and "nothing was done" in text
        human.answer, human.asked = "yes", []
        tools, text = await say(assistant, "fix it")
        assert tools == ["helm_rollback", "diagnose"] and len(human.asked) == 1
        assert "no finding any more" in text

        human.answer, human.asked = "no", []
        tools, text = await say(assistant, "scale it to 2")
        assert "kubectl_scale" not in tools and len(human.asked) == 1 and "nothing was done" in text
        human.answer = "yes"
        tools, text = await say(assistant, "scale it to 2")
        assert tools[-1] == "kubectl_scale" and "from 1 to 2" in text
        tools, text = await say(assistant, "undo")
        assert tools == ["kubectl_scale"] and "scaled back to 1" in text
        tools, text = await say(assistant, "and its logs?")
        assert tools[-1] == "kubectl_logs" and "todo-backend" in text
