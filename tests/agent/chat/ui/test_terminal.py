"""On a terminal: what a human sees and types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.agent.chat.ui.conftest import Chat, plain

READY = "● sandbox[^«]*«prompt»"
PROMPT = "«prompt»"
QUIT = "\x04"


def test_a_conversation(chat: Chat) -> None:
    ran = chat.terminal(typed=[(READY, "hello there\r"), (PROMPT, QUIT)])
    screen = plain(ran.out)
    assert ran.code == 0
    assert chat.noted("message") == ["hello there"]
    assert "longshore" in screen and "/help says more" in screen
    assert "You said hello there." in screen, "Markdown is shown, not printed"
    assert "1.5k tokens · $0.01" in screen
    assert "\x1b[31mparagraph" not in ran.out and "\u202e" not in screen, (
        "what a model says does not steer the terminal"
    )
    assert "longshore chat --resume 20260801-0a1b2c3d" in screen


def test_what_is_typed_before_it_is_ready_is_sent_when_it_is(chat: Chat) -> None:
    chat.environ["LONGSHORE_FAKE_SLOW"] = "1.5"
    ran = chat.terminal(typed=[("❯", "early\r"), ("You said early[^«]*«prompt»", QUIT)])
    assert ran.code == 0 and chat.noted("message") == ["early"]


def test_calls_with_their_results(chat: Chat) -> None:
    ran = chat.terminal(typed=[(READY, "look\r"), (PROMPT, "/last 2\r"), ("evidence: nope[^«]*«prompt»", QUIT)])
    screen = plain(ran.out)
    assert "✓ diagnose release=todo-backend namespace=todo  0.4 s" in screen
    assert "└ 1 finding: IMAGE_TAG_MISSING todo-backend" in screen
    assert "✗ helm_status name=x  0.1 s" in screen and "there is no release x: todo has none" in screen
    assert "try: helm_list" in screen
    assert "<untrusted" not in screen
    assert ran.code == 0


@pytest.mark.parametrize(("typed", "choice", "code"), [("y\n", "yes", 0), ("\n", "no", 0), ("n\n", "no", 0)])
def test_a_question_is_answered_in_place(chat: Chat, typed: str, choice: str, code: int) -> None:
    ran = chat.terminal(typed=[(READY, "change it\r"), ("Do it.*d\\] ", typed), (PROMPT, QUIT)])
    screen = plain(ran.out)
    assert chat.noted("choice") == [choice] and ran.code == code
    assert "upgrade todo-backend in todo from revision 1" in screen and "c-7k3m9qx2fa" in screen
    assert re.search(r"\x1b\[32m\+  image: a:2", ran.out), "the diff is coloured"


def test_the_whole_diff(chat: Chat) -> None:
    ran = chat.terminal(
        typed=[(READY, "change it\r"), ("Do it.*d\\] ", "d\n"), ("line 59[^?]*Do it.*d\\] ", "y\n"), (PROMPT, QUIT)]
    )
    assert chat.noted("choice") == ["yes"] and ran.code == 0


def test_what_was_typed_ahead_is_no_answer(chat: Chat) -> None:
    ran = chat.terminal(typed=[(READY, "change it\ry\ry\r"), ("Do it.*d\\] ", "n\n"), (PROMPT, QUIT)])
    assert chat.noted("choice") == ["no"] and ran.code == 0
    assert chat.noted("message") == ["change it"], "nor is it said to the model"


@pytest.mark.parametrize("key", ["\x04", "\x03"])
def test_a_question_that_is_left_open(chat: Chat, key: str) -> None:
    typed = [(READY, "change it\r"), ("Do it.*d\\] ", key), ("1 question open", QUIT)]
    ran = chat.terminal(typed=typed)
    screen = plain(ran.out)
    assert ran.code == 3 and chat.noted("choice") == ["later"]
    assert "longshore approve c-7k3m9qx2fa" in screen
    assert "to go on: longshore chat --resume 20260801-0a1b2c3d" in screen


def test_a_question_in_the_middle_of_a_call_that_is_left_open(chat: Chat) -> None:
    ran = chat.terminal(typed=[(READY, "run it\r"), ("Do it.*d\\] ", "\x04"), ("1 question open", QUIT)])
    screen = plain(ran.out)
    assert ran.code == 3 and "? playbook_run playbook=uninstall" in screen and "try: approve it" not in screen
    assert "/approve c-7k3m9qx2fa, then say: resume" in screen


def test_approve_asks_again(chat: Chat) -> None:
    typed = [
        (READY, "change it\r"),
        ("Do it.*d\\] ", "\x04"),
        ("1 question open", "/approve\r"),
        ("Do it.*d\\] ", "y\n"),
    ]
    ran = chat.terminal(typed=[*typed, (PROMPT, QUIT)])
    assert chat.noted("choice") == ["later", "yes"] and ran.code == 0


def test_resume_shows_what_was_said_and_asks_what_is_open(chat: Chat) -> None:
    ran = chat.terminal("--resume", typed=[("Do it.*d\\] ", "y\n"), (PROMPT, QUIT)])
    screen = plain(ran.out)
    assert "❯ change it" in screen and "It waits." in screen and "1 question still open" in screen
    assert chat.noted("settle") == [True] and ran.code == 0


def test_ctrl_c_stops_the_step_and_keeps_the_conversation(chat: Chat) -> None:
    typed = [(READY, "long\r"), ("2/2|2/7 containers", "\x03")]
    ran = chat.terminal(typed=[*typed, (PROMPT, "hello\r"), (PROMPT, QUIT)])
    screen = plain(ran.out)
    assert ran.code == 0 and chat.noted("cancel") == [True] and chat.noted("message") == ["long", "hello"]
    assert "✓ 1/7 environment" in screen and "^C" not in screen


def test_ctrl_c_at_the_prompt_clears_the_line_and_twice_leaves(chat: Chat) -> None:
    ran = chat.terminal(typed=[(READY, "some words"), ("words", "\x03\x03"), ("Ctrl-C ag", "\x03")])
    assert ran.code == 0 and chat.noted("message") == []


def test_many_lines(chat: Chat) -> None:
    pasted = "\x1b[200~one\ntwo\x1b[201~"
    typed = [(READY, "zero\\\r"), ("· ", f"{pasted}\x1b\r"), ("two", "three\r"), (PROMPT, QUIT)]
    assert chat.terminal(typed=typed).code == 0
    assert chat.noted("message") == ["zero\none\ntwo\nthree"]


def test_history_is_kept_for_its_owner_alone_and_without_secrets(chat: Chat) -> None:
    secret = "the password is DB_PASSWORD=hunter2hunter2"
    typed = [(READY, "first\r"), (PROMPT, f"{secret}\r"), (PROMPT, QUIT)]
    chat.terminal(typed=typed)
    file = chat.folder / "state" / "longshore" / "chat-history"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "+first" in file.read_text() and "hunter2" not in file.read_text()
    ran = chat.terminal(typed=[(READY, "\x1b[A\r"), (PROMPT, QUIT)])
    assert ran.code == 0


def test_completion(chat: Chat) -> None:
    typed = [(READY, "/qu"), ("leave", "\t"), ("/quit", "\r")]
    assert chat.terminal(typed=typed).code == 0
    typed = [(READY, "restart todo-f\t"), ("todo-frontend", "\r"), (PROMPT, QUIT)]
    assert chat.terminal(typed=typed).code == 0
    assert chat.noted("message")[-1] == "restart todo-frontend"


def test_what_cannot_begin_ends_the_prompt(chat: Chat) -> None:
    chat.environ["LONGSHORE_FAKE_BROKEN"] = "1"
    ran = chat.terminal()
    assert ran.code == 4
    assert "error: the cluster cannot be reached: connection refused" in plain(ran.out)
    assert "Traceback" not in ran.out


def test_one_message_on_a_terminal_can_be_asked_and_ends(chat: Chat) -> None:
    ran = chat.terminal("change", "it", typed=[("Do it.*d\\] ", "y\n")])
    assert ran.code == 0 and chat.noted("choice") == ["yes"] and "❯" not in plain(ran.out)
    ran = chat.terminal("change", "it", typed=[("Do it.*d\\] ", "\x04")])
    assert ran.code == 3 and "longshore chat --resume 20260801-0a1b2c3d" in plain(ran.out)


def test_no_input_asks_nothing(chat: Chat) -> None:
    ran = chat.terminal("--no-input", "change it")
    assert ran.code == 3 and "Do it?" not in ran.out


def test_a_narrow_terminal(chat: Chat) -> None:
    ran = chat.terminal(columns=50, typed=[(READY, "look\r"), (PROMPT, QUIT)])
    lines = [line.rstrip() for line in re.split(r"\n|\x1b\[\d*[A-H]", plain(ran.out))]
    assert max(map(len, lines)) <= 100 and any("✓ diagnose" in line for line in lines)


def test_the_shell_gets_its_terminal_back(chat: Chat, tmp_path: Path) -> None:
    ran = chat.terminal(typed=[(READY, "look\r"), (PROMPT, QUIT)])
    assert ran.out.rfind("\x1b[?25h") > ran.out.rfind("\x1b[?25l"), "the cursor is shown"
    assert ran.out.rfind("\x1b[?2004l") > ran.out.rfind("\x1b[?2004h"), "pastes are plain again"
