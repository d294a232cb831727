"""One fresh clone, one empty home folder, one deployment; the tests follow each other in the order of their files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e import outside
from tests.e2e.outside import Command, Result

ROOT = Path(__file__).resolve().parent.parent.parent
APP = "examples/todo-chatbot"


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command of a fresh clone in an empty home folder; nothing is installed yet."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")], check=True)
    (folder / "home").mkdir()
    return Command(folder / "clone", folder / "home")


@pytest.fixture(scope="session")
def deployed(command: Command) -> Result:
    """The first deployment: README command 1, on a cluster without the application."""
    outside.remove()
    return command("deploy", APP, "--json", timeout=1200)
