"""What all tests share: where they may write, and what runs here."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Configuration and state in a folder of the test's own; nothing of the user's is read or written."""
    home = tmp_path_factory.mktemp("home")
    for name in ("TARGET", "PROFILE", "TOOLSETS", "READ_ONLY", "CONTEXT7_URL", "MCP_TOKEN"):
        monkeypatch.delenv(f"LONGSHORE_{name}", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    yield home / "state" / "longshore"


@cache
def docker_answers() -> str:
    """Empty when the Docker daemon answers; otherwise why not."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    done = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"the Docker daemon does not answer: {done.stderr.strip()[:200]}"


@cache
def cluster_answers() -> str:
    """Empty when the cluster of the context ``minikube`` answers; otherwise why not."""
    from mcp_tools.engines.kubernetes import KubeEngine
    from mcp_tools.errors import LongshoreError

    async def ask() -> str:
        return await KubeEngine("minikube").server_version()

    try:
        asyncio.run(ask())
    except LongshoreError as error:
        return error.line()
    return ""


@pytest.fixture(scope="session")
def _base_images(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The public image that the tests' pods are made of, in the node: brought there from this machine's Docker."""
    from mcp_tools import library
    from mcp_tools.guard.guard import Guard, Session
    from mcp_tools.guard.journal import Journal
    from mcp_tools.world import World

    library.load()
    folder = tmp_path_factory.mktemp("base-images")
    guard = Guard(Journal(folder / "journal.db"))

    async def load() -> None:
        arguments = {"image": "python:3.13-slim", "base": True}
        await guard.call("minikube_image_load", arguments, session=Session(World("minikube"), folder))

    asyncio.run(load())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, with the reason, what needs something that is not here: before any fixture reaches for it."""
    markers = {mark.name for mark in item.iter_markers()}
    if "docker" in markers and (why := docker_answers()):
        pytest.skip(f"needs Docker: {why}")
    if markers & {"cluster", "minikube", "e2e"} and (why := cluster_answers()):
        pytest.skip(f"needs a running Minikube: {why}")


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    """The public image is in the node for every test that starts pods there."""
    if {mark.name for mark in request.node.iter_markers()} & {"cluster", "minikube"}:
        request.getfixturevalue("_base_images")
