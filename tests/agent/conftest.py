"""The command line in a process of its own, with a scripted tool server, with or without a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUESTION = """change on minikube: upgrade todo-backend in todo from revision 1
tool: helm_upgrade
changes: Deployment/todo-backend

--- deployed
+++ new
-  image: todo-backend:src-111111111111
+  image: todo-backend:src-222222222222

confirmation c-7k3m9qx2fa digest {digest}"""


def run_data(status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """A run of two stages."""
    steps = [
        {
            "id": "env-docker",
            "title": "Docker is there",
            "tool": "environment_check",
            "effect": "read",
            "status": "succeeded",
            "changed": False,
            "seconds": 0.4,
            "evidence": ["docker 28.2.2"],
        },
        {
            "id": "build-todo-backend",
            "title": "Build: todo-backend",
            "tool": "docker_build",
            "effect": "create",
            "status": status if status in ("failed", "waiting") else "succeeded",
            "changed": True,
            "seconds": 12.5,
            "evidence": ["image todo-backend:src-222222222222"],
        },
    ]
    data: dict[str, Any] = {
        "run_id": "deploy-20260801-101500-3fa9",
        "playbook": "deploy",
        "application": "todo-chatbot",
        "target": "minikube",
        "simulated": False,
        "status": status,
        "seconds": 13.0,
        "stages": [
            {
                "number": 1,
                "id": "environment",
                "title": "Environment",
                "status": "succeeded",
                "seconds": 0.5,
                "steps": steps[:1],
            },
            {
                "number": 2,
                "id": "containers",
                "title": "Containers",
                "status": steps[1]["status"],
                "seconds": 12.5,
                "steps": steps[1:],
            },
        ],
        "confirmations": [],
        "report": None,
    }
    return data | more


@dataclass
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails when there is anything else."""
        return json.loads(self.out)


@dataclass
class Stage:
    """A folder with an application, and the scripted server."""

    folder: Path
    tools: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Where the server notes its calls."""
        return self.folder / "calls.jsonl"

    def script(self, name: str, **script: Any) -> None:
        """What a tool answers."""
        self.tools[name] = script

    def calls(self, tool: str = "") -> list[dict[str, Any]]:
        """What the server was asked."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        found = [json.loads(line) for line in lines]
        return [call for call in found if not tool or call.get("tool") == tool]

    def _environment(self) -> dict[str, str]:
        scenario = self.folder / "scenario.json"
        scenario.write_text(json.dumps({"tools": self.tools} | self.more), encoding="utf-8")
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return kept | {
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "PYTHONPATH": str(ROOT),
            "LONGSHORE_FAKE": str(scenario),
            "LONGSHORE_FAKE_LOG": str(self.log),
            "TERM": "xterm-256color",
            **self.environ,
        }

    def argv(self, words: Sequence[str]) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "tests.agent.command", *words]

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Begin a command without a terminal."""
        return subprocess.Popen(
            self.argv(words),
            cwd=self.folder / "shop",
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *words: str) -> Ran:
        """Run a command without a terminal."""
        child = self.start(*words)
        out, err = child.communicate(timeout=60)
        return Ran(child.returncode, out, err)

    def terminal(self, *words: str, answers: Sequence[tuple[str, str]] = (), columns: int = 100) -> Ran:
        """Run a command on a terminal; each answer is typed when its prompt has come up."""
        own, theirs = pty.openpty()
        child = subprocess.Popen(
            self.argv(words),
            cwd=self.folder / "shop",
            env=self._environment() | {"COLUMNS": str(columns), "LINES": "40"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        screen, waiting, deadline = "", list(answers), time.monotonic() + 60
        while time.monotonic() < deadline:
            ready, _, _ = select.select([own], [], [], 0.2)
            if ready:
                try:
                    part = os.read(own, 65536)
                except OSError:
                    break
                if not part:
                    break
                screen += part.decode("utf-8", "replace")
            if waiting and waiting[0][0] in screen:
                time.sleep(0.2)
                os.write(own, waiting.pop(0)[1].encode())
        code = child.wait(timeout=20)
        os.close(own)
        return Ran(code, screen, "")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """An application in a Git repository, and a server that knows no runs."""
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    text = (
        "apiVersion: longshore.dev/v1\nspec:\n  namespace: shop\n  secrets:\n    - keys: {k: {fromEnv: STRIPE_KEY}}\n"
    )
    (tmp_path / "shop" / "longshore.yaml").write_text(text, encoding="utf-8")
    made = Stage(tmp_path)
    made.script("playbook_status", data=run_data(), runs=[])
    return made


@pytest.fixture
def question() -> Callable[[str], str]:
    """The guard's question with a digest."""
    return lambda digest: QUESTION.format(digest=digest[:16])
