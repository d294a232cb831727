"""The stages before the deployment work on a machine that has no cluster yet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mcp_tools import library
from mcp_tools.guard.guard import Session
from mcp_tools.world import World
from tests.mcp_tools.toys import toy_guard

ROOT = Path(__file__).resolve().parents[2]
CALLS: list[tuple[str, dict[str, Any]]] = [
    *(
        (
            "helm_lint",
            {"chart": f"charts/{name}", "release": name, "values_files": [f"charts/{name}/values-minikube.yaml"]},
        )
        for name in ("postgres", "mcp-server", "todo-backend", "todo-frontend")
    ),
    ("check_constitution", {"application": "examples/todo-chatbot", "phase": "before"}),
    ("project_analyze", {"path": "examples/todo-chatbot/backend"}),
]


@pytest.mark.parametrize(("tool", "arguments"), CALLS, ids=[f"{t}-{a.get('release', '')}" for t, a in CALLS])
def test_it_needs_no_cluster(
    tool: str, arguments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "there-is-none"))
    library.load()
    session = Session(World(profile="not-made-yet"), ROOT)
    found = asyncio.run(toy_guard(tmp_path).call(tool, arguments, session=session)).data
    assert found.get("ok", True) is True, found
