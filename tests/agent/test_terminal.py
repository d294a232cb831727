"""What a human at a terminal sees and answers."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.agent.conftest import Stage, run_data

Ask = Callable[[str], str]
DIGEST = "ab" * 32


def plain(screen: str) -> str:
    """The screen without its colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)


def asking(stage: Stage, question: str) -> None:
    """A deployment with one question."""
    stage.script(
        "playbook_run",
        ask=[question],
        data=run_data(),
        declined=run_data("failed"),
        state=run_data("running"),
        sleep=1,
    )


def test_yes(stage: Stage, question: Ask) -> None:
    asking(stage, question(DIGEST))
    ran = stage.terminal("deploy", answers=[("Do it?", "y\n")])
    screen = plain(ran.out)
    assert ran.code == 0
    assert stage.calls("playbook_run")[-1]["answers"] == {"c-0": ["accept", {"approve": True}]}
    assert "upgrade todo-backend in todo from revision 1" in screen
    assert "+  image: todo-backend:src-222222222222" in screen
    assert "Deployment/todo-backend" in screen and "c-7k3m9qx2fa" in screen
    assert "\x1b[32m+  image" in ran.out, "the diff is coloured"
    assert "status: succeeded" in screen


def test_no_leaves_everything_and_says_how_to_go_on(stage: Stage, question: Ask) -> None:
    asking(stage, question(DIGEST))
    ran = stage.terminal("deploy", answers=[("Do it?", "n\n")])
    assert ran.code == 1
    assert stage.calls("playbook_run")[-1]["answers"]["c-0"][0] == "decline"
    assert "longshore runs resume deploy-20260801-101500-3fa9" in plain(ran.out)


def test_enter_alone_is_no(stage: Stage, question: Ask) -> None:
    asking(stage, question(DIGEST))
    assert stage.terminal("deploy", answers=[("Do it?", "\n")]).code == 1
    assert stage.calls("playbook_run")[-1]["answers"]["c-0"][0] == "decline"


def test_anything_else_is_asked_again(stage: Stage, question: Ask) -> None:
    asking(stage, question(DIGEST))
    ran = stage.terminal("deploy", answers=[("Do it?", "sure\n"), ("y: do it", "yes\n")])
    assert ran.code == 0


def test_the_end_of_the_input_leaves_the_question_open(stage: Stage, question: Ask) -> None:
    asking(stage, question(DIGEST))
    ran = stage.terminal("deploy", answers=[("Do it?", "\x04")])
    assert ran.code == 3
    assert all(not call["answers"] for call in stage.calls("playbook_run"))
    assert "longshore approve c-7k3m9qx2fa" in plain(ran.out)


def test_interrupt_at_a_question(stage: Stage, question: Ask) -> None:
    asking(stage, question(DIGEST))
    ran = stage.terminal("deploy", answers=[("Do it?", "\x03")])
    assert ran.code == 130
    assert all(not call["answers"] for call in stage.calls("playbook_run"))


def test_a_form_that_is_not_a_confirmation_is_never_accepted(stage: Stage, question: Ask) -> None:
    asking(stage, question(DIGEST))
    stage.tools["playbook_run"]["schema"] = {"type": "object", "properties": {"password": {"type": "string"}}}
    ran = stage.terminal("deploy")
    assert ran.code == 3
    assert "Do it?" not in ran.out


def test_no_input_asks_nothing(stage: Stage, question: Ask) -> None:
    asking(stage, question(DIGEST))
    stage.tools["playbook_run"]["waiting"] = run_data("waiting")
    ran = stage.terminal("deploy", "--no-input")
    assert ran.code == 3 and "Do it?" not in ran.out


def test_the_live_view_fits_a_narrow_terminal(stage: Stage) -> None:
    stage.script(
        "playbook_run",
        data=run_data(),
        state=run_data("running"),
        sleep=2,
        progress=["[2/7 containers] build-todo-backend: 3/9 steps"],
    )
    ran = stage.terminal("deploy", columns=60)
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", plain(ran.out))]
    assert ran.code == 0
    assert max(map(len, lines)) <= 100
    assert any("deploy todo-chatbot → minikube" in line for line in lines)
    assert any(re.fullmatch(r"✓ 1 Environment +1/1 +0\.5 s", line) for line in lines)
