"""A release breaks: the cause is named, the rollback is proposed, done after a yes only, verified, and written down."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from evals import Scenario, load, names
from tests.e2e import outside
from tests.e2e.conftest import APP
from tests.e2e.outside import Command, Result

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
BACKEND = "todo-backend"


@pytest.fixture
def broken(request: pytest.FixtureRequest, deployed: Result, command: Command) -> Iterator[Scenario]:
    """The scenario's edits in the clone; taken back afterwards."""
    assert deployed.code == 0
    scenario = load(request.param)
    application = command.clone / APP
    saved = {change.file: (application / change.file).read_bytes() for change in scenario.changes}
    for change in scenario.changes:
        change.apply(application)
    yield scenario
    for name, content in saved.items():
        (application / name).write_bytes(content)


def last_run(command: Command) -> dict[str, object]:
    runs = json.loads(command("runs", "list", "--json").out)
    return dict(runs["runs"][0])


@pytest.mark.parametrize("broken", names(), indirect=True)
def test_the_cause_is_named_and_a_yes_rolls_back(broken: Scenario, command: Command) -> None:
    before = outside.revisions()[BACKEND]
    done = command.on_terminal("deploy", APP, answers=[(r"Do it\?", "y"), (r"Do it\?", "y")], timeout=900)
    assert done.code == 1, done.out[-5000:]
    assert re.search(broken.expect.evidence, done.out) and "rolled_back" in done.out
    asked = done.out[done.out.index("Do it?") :]
    assert f"roll {BACKEND} back" in asked.lower() or f"rollback {BACKEND}" in asked.lower() or BACKEND in asked
    assert outside.release_status(BACKEND) == "deployed"
    assert outside.revisions()[BACKEND] == before + 2
    outside.wait_ready()
    log = outside.kubectl("-n", outside.NAMESPACE, "get", "configmap", "longshore-deployment-log", "-o", "json")
    (*_, line) = json.loads(log)["data"]["log"].strip().splitlines()
    assert BACKEND in line and str(last_run(command)["run_id"]) in line


@pytest.mark.parametrize("broken", ["image-missing"], indirect=True)
def test_a_no_leaves_everything_and_says_how_to_go_on(broken: Scenario, command: Command) -> None:
    before = outside.revisions()[BACKEND]
    done = command.on_terminal("deploy", APP, answers=[(r"Do it\?", "y"), (r"Do it\?", "n")], timeout=900)
    assert done.code == 1, done.out[-5000:]
    assert outside.revisions()[BACKEND] == before + 1
    assert "longshore runs resume" in done.out and ("left as it is" in done.out or "stays as it is" in done.out)
    found = command("diagnose", "--namespace", outside.NAMESPACE, "--json")
    assert found.code == 1
    codes = [f["code"] for f in found.document["findings"] if f["severity"] == "error"]
    assert codes and re.fullmatch(broken.expect.code, codes[0]), codes
    rolled = command.on_terminal(
        "rollback",
        BACKEND,
        "--namespace",
        outside.NAMESPACE,
        "--reason",
        "the image is missing",
        answers=[(r"Do it\?", "y")],
    )
    assert rolled.code == 0, rolled.out[-3000:]
    outside.wait_ready()
    assert outside.revisions()[BACKEND] == before + 2
    log = outside.kubectl("-n", outside.NAMESPACE, "get", "configmap", "longshore-deployment-log", "-o", "yaml")
    assert "the image is missing" in log


def test_the_sources_are_as_they_were(command: Command) -> None:
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=command.clone, capture_output=True, text=True, check=True
    ).stdout.split()
    assert shutil.which("git") and not any(name.endswith("longshore.yaml") for name in changed)
