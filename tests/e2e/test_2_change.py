"""One changed line in the backend: what is built, what is upgraded, and who is asked."""

from __future__ import annotations

import uuid

import pytest

from tests.e2e import outside
from tests.e2e.conftest import APP
from tests.e2e.outside import Command, Result

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
# Unlike any other, so that nothing is left of it from an earlier test run.
MARK = uuid.uuid4().hex


@pytest.fixture(scope="module")
def changed(deployed: Result, command: Command) -> None:
    assert deployed.code == 0, deployed.err[-3000:]
    file = command.clone / APP / "backend" / "src" / "todo_backend" / "services" / "todos.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + f"\n# The harbour is open: {MARK}\n", encoding="utf-8")


def of_service(run: dict[str, object], tool: str) -> dict[str, bool]:
    """Step id → whether it changed something, of all steps with that tool."""
    return {step["id"]: step["changed"] for step in outside.steps(run) if step["tool"] == tool}


def test_off_a_terminal_it_waits_and_changes_nothing_that_runs(changed: None, command: Command) -> None:
    revisions, pods = outside.revisions(), set(outside.pods())
    done = command("deploy", APP, "--json")
    assert done.code == 3, done.err[-3000:]
    run = done.document
    assert run["status"] == "waiting"
    (question,) = run["confirmations"]
    assert question["tool"] == "helm_upgrade" and question["effect"] == "change"
    assert f"longshore approve {question['id']}" in done.err
    assert (outside.revisions(), set(outside.pods())) == (revisions, pods)
    built = of_service(run, "docker_build")
    assert [step for step, made in built.items() if made] == [s for s in built if "todo-backend" in s]
    loaded = of_service(run, "minikube_image_load")
    assert [step for step, sent in loaded.items() if sent] == [s for s in loaded if "todo-backend" in s]


def test_a_made_up_plan_digest_confirms_nothing(changed: None, command: Command) -> None:
    revisions = outside.revisions()
    done = command("deploy", APP, "--yes", "0123456789ab", "--json")
    assert done.code == 2 and outside.revisions() == revisions


def test_a_yes_to_the_shown_diff_upgrades_one_release(changed: None, command: Command) -> None:
    revisions, pods = outside.revisions(), outside.pods()
    done = command.on_terminal("deploy", APP, answers=[(r"Do it\?", "y")])
    assert done.code == 0, done.out[-4000:]
    assert "upgrade todo-backend" in done.out and "image:" in done.out and "src-" in done.out
    assert outside.revisions() == revisions | {"todo-backend": revisions["todo-backend"] + 1}
    kept = {uid for uid, pod in pods.items() if not pod["metadata"]["name"].startswith("todo-backend")}
    now = outside.pods()
    assert kept <= set(now)
    assert all(now[uid]["metadata"]["name"].startswith("todo-backend") for uid in set(now) - kept)


def test_a_script_names_the_plan_that_it_agrees_to(changed: None, command: Command) -> None:
    file = command.clone / APP / "backend" / "src" / "todo_backend" / "services" / "todos.py"
    file.write_text(file.read_text(encoding="utf-8") + f"# And the lights are on: {MARK}\n", encoding="utf-8")
    assert command("deploy", APP, "--stages", "2", "--json").code == 0  # the image is built: now the plan is whole
    plan = command("deploy", APP, "--plan", "--json").document
    assert len(plan["confirmations"]) == 1
    before = outside.revisions()
    done = command("deploy", APP, "--yes", plan["digest"], "--json")
    assert done.code == 0, done.err[-3000:]
    assert done.document["status"] == "succeeded"
    assert outside.revisions() == before | {"todo-backend": before["todo-backend"] + 1}
    again = command("deploy", APP, "--yes", plan["digest"], "--json")
    assert again.code == 2 and outside.revisions()["todo-backend"] == before["todo-backend"] + 1
