"""The official MCP inspector's command line against the server, over stdio and HTTP: it lists, calls and reads."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract import node

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "inspector-0123456789abcdefgh"
SKILLS = {"devops-scenario-evaluator", "k8s-deployment-orchestrator", "phase-iv-deployment-planner"}
Ask = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def inspector() -> list[str]:
    return [*node.program(node.INSPECTOR, "mcp-inspector"), "--cli"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an application in it."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "app").mkdir()
    (folder / "app" / "requirements.txt").write_text("fastapi\n")
    (folder / "app" / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home of its own."""
    home = str(tmp_path_factory.mktemp("home"))
    kept = {"PATH": os.environ["PATH"], "HOME": home, "PYTHONPATH": str(ROOT)}
    return kept | {"LONGSHORE_MCP_TOKEN": TOKEN}


@pytest.fixture(scope="module", params=["stdio", "http"])
def ask(
    request: pytest.FixtureRequest, inspector: list[str], workspace: Path, environment: dict[str, str]
) -> Iterator[Ask]:
    """One question of the inspector's, over each transport."""
    serve = [sys.executable, "-m", "mcp_tools", "serve", "--target", "sandbox", "--workspace", str(workspace)]

    def call(target: list[str], *words: str) -> dict[str, Any]:
        argv = [*inspector, *target, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, cwd=ROOT, env=environment, check=False)
        assert done.stdout.strip(), done.stderr[-2000:]
        return dict(json.loads(done.stdout))

    if request.param == "stdio":
        yield lambda *words: call(serve, *words)
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = subprocess.Popen([*serve, "--http", f"127.0.0.1:{port}"], cwd=ROOT, env=environment)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        target = [f"http://127.0.0.1:{port}/mcp", "--transport", "http", "--header", f"Authorization: Bearer {TOKEN}"]
        yield lambda *words: call(target, *words)
    finally:
        child.terminate()
        child.wait(timeout=10)


def test_the_inspector_lists_the_tools(ask: Ask) -> None:
    tools = {t["name"]: t for t in ask("--method", "tools/list")["tools"]}
    assert {"playbook_run", "diagnose", "helm_rollback"} <= set(tools)
    assert tools["helm_uninstall"]["annotations"]["destructiveHint"] is True


def test_the_inspector_calls_a_tool(ask: Ask) -> None:
    result = ask("--method", "tools/call", "--tool-name", "project_analyze", "--tool-arg", "path=app")
    assert result["structuredContent"]["framework"].lower() == "fastapi"


def test_the_inspector_reads_resources(ask: Ask) -> None:
    assert "longshore://runs" in {r["uri"] for r in ask("--method", "resources/list")["resources"]}
    assert len(ask("--method", "resources/templates/list")["resourceTemplates"]) >= 4
    (found,) = ask("--method", "resources/read", "--uri", "longshore://target")["contents"]
    assert json.loads(found["text"])["simulated"] is True


def test_the_inspector_gets_prompts_with_their_argument(ask: Ask) -> None:
    prompts = {p["name"]: p for p in ask("--method", "prompts/list")["prompts"]}
    assert set(prompts) >= SKILLS
    assert [argument["name"] for argument in prompts["k8s-deployment-orchestrator"]["arguments"]] == ["task"]
    for name in SKILLS:
        words = ("--method", "prompts/get", "--prompt-name", name, "--prompt-args", "task=deploy the shop")
        (message,) = ask(*words)["messages"]
        assert message["role"] == "user" and message["content"]["text"].endswith("Task: deploy the shop")
        assert len(message["content"]["text"]) > 500
