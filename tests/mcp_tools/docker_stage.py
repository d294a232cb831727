"""What the tests of the docker tools share: small projects, and calls through the real guard."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_tools.engines.docker import DockerEngine
from mcp_tools.guard.confirmation import Confirmation
from mcp_tools.guard.guard import Answer, Guard, Outcome, Session
from mcp_tools.guard.journal import Journal
from mcp_tools.tools import docker, docker_build, docker_generate, docker_image  # noqa: F401 (registers the tools)
from mcp_tools.world import World

PREFIX = "h-docker"


@dataclass
class Human:
    """Answers every question the same way, and remembers it."""

    approves: bool = True
    name: str = "test"
    asked: list[Confirmation] = field(default_factory=list)

    async def ask(self, confirmation: Confirmation) -> Answer | None:
        self.asked.append(confirmation)
        return Answer(self.approves, "tester")


@dataclass
class Stage:
    """A workspace, the guard, and image names of its own."""

    workspace: Path
    guard: Guard
    human: Human = field(default_factory=Human)
    world: World = field(default_factory=lambda: World(target="context:none"))
    said: list[tuple[float, float | None, str]] = field(default_factory=list)
    run: str = field(default_factory=lambda: secrets.token_hex(3))

    async def outcome(self, tool: str, **arguments: Any) -> Outcome:
        session = Session(self.world, self.workspace, channel=self.human)

        async def say(done: float, total: float | None, message: str) -> None:
            self.said.append((done, total, message))

        return await self.guard.call(tool, arguments, session=session, say=say)

    async def call(self, tool: str, **arguments: Any) -> Any:
        return (await self.outcome(tool, **arguments)).output

    def image(self, name: str) -> str:
        return f"{PREFIX}-{self.run}/{name}"

    def write(self, path: str, text: str = "") -> Path:
        file = self.workspace / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def clean_up(self) -> None:
        """Remove the images of this stage; nothing else."""
        names = subprocess.run(
            ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"{PREFIX}-{self.run}/*"],
            capture_output=True,
            text=True,
        ).stdout.split()
        if names:
            subprocess.run(["docker", "image", "rm", *names], capture_output=True)


def stage(workspace: Path, journal: Path) -> Stage:
    """A stage in an empty workspace."""
    return Stage(workspace, Guard(Journal(journal)))


def fastapi(stage: Stage, folder: str = "api") -> None:
    """A FastAPI project without a Dockerfile."""
    stage.write(f"{folder}/requirements.txt", "fastapi\nuvicorn\n")
    stage.write(
        f"{folder}/main.py",
        "import os\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\nNAME = os.environ.get('APP_NAME', 'x')\n\n\n"
        "@app.get('/health')\ndef health():\n    return {'ok': True}\n",
    )


def node(stage: Stage, folder: str = "web") -> None:
    """An Express project without a Dockerfile."""
    stage.write(
        f"{folder}/package.json",
        '{"name": "web", "version": "1.0.0", "scripts": {"start": "node server.js"}, '
        '"dependencies": {"express": "^5.0.0"}}',
    )
    stage.write(
        f"{folder}/server.js",
        "const app = require('express')();\napp.get('/healthz', (q, r) => r.send('ok'));\n"
        "app.listen(process.env.PORT || 3100);\n",
    )


__all__ = ["PREFIX", "DockerEngine", "Human", "Stage", "fastapi", "node", "stage"]
