"""From a raw MCP client, in both protocol eras: an uninstall happens once, after a yes, and not otherwise."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult, InputRequiredResult

from tests.e2e import outside
from tests.e2e.outside import Command

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(900)]
SPACE = "longshore-e2e"
ROOT = Path(__file__).resolve().parent.parent.parent
CALL = ("helm_uninstall", {"release": "lamp", "namespace": SPACE})
YES = ElicitResult(action="accept", content={"approve": True})
CHART = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {light: {{ .Values.light | quote }}}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    chart = tmp_path / "lamp"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: lamp\nversion: 0.1.0\n")
    (chart / "values.yaml").write_text("light: red\n")
    (chart / "templates" / "all.yaml").write_text(CHART)
    words = ("--kube-context", "minikube", "--namespace", SPACE, "--create-namespace")
    outside.program(outside.helm(), "upgrade", "--install", "lamp", str(chart), *words)
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def space() -> Any:
    yield
    outside.remove(SPACE)


@asynccontextmanager
async def client(workspace: Path, mode: Any, callback: Any, *more: str) -> AsyncIterator[Client]:
    kept = ("PATH", "HOME", "KUBECONFIG", "MINIKUBE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    words = ["-m", "mcp_tools", "serve", "--workspace", str(workspace), *more]
    child = StdioServerParameters(command=sys.executable, args=words, env=env, cwd=ROOT)
    async with Client(child, mode=mode, elicitation_callback=callback) as made:
        yield made


def there() -> bool:
    return outside.release_status("lamp", SPACE) == "deployed"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_it_does_not_happen_without_a_yes(workspace: Path, mode: str) -> None:
    async with client(workspace, mode, None) as made:
        for more in ({}, {"confirm": True}, {"approve": True}):
            result = await made.call_tool(CALL[0], CALL[1] | more)
            assert result.is_error and there()

    async def declines(ctx: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="decline")

    async with client(workspace, mode, declines) as made:
        assert (await made.call_tool(*CALL)).is_error and there()
    async with client(workspace, mode, declines, "--read-only") as made:
        assert (await made.call_tool(*CALL)).is_error and there()
        for name in (
            "helm_upgrade",
            "kubectl_delete",
            "kubectl_scale",
            "docker_build",
            "playbook_run",
            "minikube_delete",
        ):
            refused = await made.call_tool(name, {})
            assert refused.is_error and "read-only" in str(refused.content[0].text)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_answer_to_an_older_preview_does_nothing(workspace: Path, mode: str) -> None:
    asked: list[str] = []

    async def late(ctx: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        if len(asked) > 1:
            return ElicitResult(action="decline")
        words = ("--kube-context", "minikube", "--namespace", SPACE, "--set", "light=green")
        outside.program(outside.helm(), "upgrade", "lamp", str(workspace / "lamp"), *words)
        return YES

    async with client(workspace, mode, late) as made:
        assert (await made.call_tool(*CALL)).is_error
    assert there() and "lamp" in asked[0]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_it_happens_once_after_a_yes(workspace: Path, mode: str) -> None:
    asked: list[str] = []

    async def agrees(ctx: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return YES

    async with client(workspace, mode, agrees) as made:
        result = await made.call_tool(*CALL)
        assert not result.is_error, result.content
        assert outside.release_status("lamp", SPACE) == "absent" and len(asked) == 1
        assert "LOSES" in asked[0] and "ConfigMap/lamp" in asked[0]


async def test_a_replayed_answer_uninstalls_nothing(workspace: Path) -> None:
    async def never(ctx: Any, params: Any) -> ElicitResult:
        raise AssertionError("the rounds are driven by hand")

    async with client(workspace, "auto", never) as made:
        first = await made.session.call_tool(*CALL, allow_input_required=True)
        assert isinstance(first, InputRequiredResult) and first.input_requests and there()
        sent: dict[str, Any] = {
            "input_responses": dict.fromkeys(first.input_requests, YES),
            "request_state": first.request_state,
        }
        done = await made.session.call_tool(*CALL, allow_input_required=True, **sent)
        assert not isinstance(done, InputRequiredResult) and not done.is_error
        words = ("--kube-context", "minikube", "--namespace", SPACE)
        outside.program(outside.helm(), "install", "lamp", str(workspace / "lamp"), *words)
        replay = await made.session.call_tool(*CALL, allow_input_required=True, **sent)
        assert isinstance(replay, InputRequiredResult) or replay.is_error
        assert there()


async def test_a_client_that_cannot_ask_waits_for_an_answer_in_a_terminal(workspace: Path, command: Command) -> None:
    terminal = Command(command.clone, command.home, {"XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]})
    async with client(workspace, "legacy", None) as made:
        waits = await made.call_tool(*CALL)
        assert waits.is_error and there()
        found = re.search(r"longshore approve (c-[a-z0-9]+)", str(waits.content[0].text))
        assert found, waits.content
        words = ("approve", found.group(1))
        piped = await anyio.to_thread.run_sync(lambda: terminal(*words))
        assert piped.code == 2 and "needs a terminal" in piped.err and there()
        answers = [("Type yes", "y"), ("whole word", "yes")]
        typed = await anyio.to_thread.run_sync(lambda: terminal.on_terminal(*words, answers=answers))
        assert typed.code == 0 and "LOSES" in typed.out and "approved" in typed.out, typed.out
        assert there()  # an answer is no act

        assert not (await made.call_tool(*CALL)).is_error and not there()
        chart = str(workspace / "lamp")
        outside.program(outside.helm(), "install", "lamp", chart, "--kube-context", "minikube", "--namespace", SPACE)
        assert (await made.call_tool(*CALL)).is_error and there()  # one yes, one act
