"""The whole job on a machine that has neither Docker nor Minikube: deploy, nothing to do, a change, and down again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = "examples/todo-chatbot"
NEEDED = ("sh", "env", "ps", "git")
"""Programs that every machine has; neither docker nor minikube is among them."""


@dataclass
class Machine:
    """A machine with Python only: its programs, an empty home folder, and a copy of the example."""

    folder: Path

    def __call__(self, *words: str, codes: tuple[int, ...] = (0,)) -> tuple[Any, str]:
        """Run a command with ``--json``: its document, and what it said besides."""
        env = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}",
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "PYTHONPATH": str(ROOT),
        }
        argv = [sys.executable, "-m", "agent", *words, "--json"]
        done = subprocess.run(argv, cwd=self.folder / "work", env=env, capture_output=True, text=True, check=False)
        assert done.returncode in codes, done.stderr[-4000:]
        return json.loads(done.stdout), done.stderr

    def statuses(self, *words: str) -> str:
        return json.dumps(self("status", APP, *words, codes=(0, 1))[0])


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "bin").mkdir()
    for name in NEEDED:
        if (found := shutil.which(name)) is not None:
            (tmp_path / "bin" / name).symlink_to(found)
    for name in ("docker", "minikube"):
        assert not (Path(sys.executable).parent / name).exists()
    (tmp_path / "home").mkdir()
    ignored = shutil.ignore_patterns("node_modules", ".next", "__pycache__", ".venv")
    for name in ("examples", "charts"):
        shutil.copytree(ROOT / name, tmp_path / "work" / name, ignore=ignored)
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "work")], check=True)
    made = Machine(tmp_path)
    yield made
    made("sandbox", "down")


def changed(document: Any) -> set[str]:
    return {step["id"] for stage in document["stages"] for step in stage["steps"] if step["changed"]}


@pytest.mark.timeout(1200)
def test_a_machine_with_python_only_gets_the_whole_job(machine: Machine) -> None:
    first, said = machine("deploy", APP)
    assert said.startswith("sandbox (simulated): Minikube is not installed and Docker is not installed.")
    assert (first["status"], first["target"], first["simulated"]) == ("succeeded", "sandbox", True)
    assert len(first["stages"]) == 7
    steps = {step["id"]: step for stage in first["stages"] for step in stage["steps"]}
    for name in ("endpoints", "auth", "chat", "persistence", "connectivity", "image-check-todo-backend"):
        assert steps[name]["status"] == "simulated" and steps[name]["unknown"], name
    assert {stage["status"] for stage in first["stages"]} == {"succeeded", "simulated"}
    assert not [name for name, step in steps.items() if step["status"] == "failed"]

    again, _ = machine("deploy", APP)
    assert again["status"] == "succeeded" and changed(again) == set()

    source = machine.folder / "work" / APP / "backend" / "src" / "todo_backend" / "app.py"
    source.write_text(source.read_text() + "# one more line\n")
    waiting, _ = machine("deploy", APP, codes=(3,))
    assert [question["tool"] for question in waiting["confirmations"]] == ["helm_upgrade"]
    plan, _ = machine("deploy", APP, "--plan")
    assert plan["simulated"] is True and [question["step"] for question in plan["confirmations"]] == [
        "install-todo-backend"
    ]
    upgraded, _ = machine("deploy", APP, "--yes", plan["digest"])
    assert {name for name in changed(upgraded) if name.startswith("install")} == {"install-todo-backend"}
    revisions = {release["name"]: release["revision"] for release in machine("status", APP)[0]["releases"]}
    assert revisions == {"postgres": 1, "mcp-server": 1, "todo-backend": 2, "todo-frontend": 1}

    plan, _ = machine("uninstall", APP, "--plan")
    gone, _ = machine("uninstall", APP, "--yes", plan["digest"])
    assert gone["status"] == "succeeded"
    left, _ = machine("status", APP)
    assert left["simulated"] is True and left["releases"] == [] and left["pods"] == []
