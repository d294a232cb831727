"""Without a terminal: lines, or events."""

from __future__ import annotations

import signal
import time

import pytest

from agent.chat import plain as module
from tests.agent.chat.ui.conftest import Chat


def test_stdin_is_one_message_and_the_answer_is_all_of_stdout(chat: Chat) -> None:
    ran = chat.pipe(stdin="why is\nthe backend down?\n")
    assert ran.code == 0
    assert chat.noted("message") == ["why is\nthe backend down?"]
    assert ran.out == "You said **why is\nthe backend down?**.\n\nSecond paragraph.\n"
    assert ran.err == "sandbox (simulated) · offline planner\n"


def test_a_message_on_the_command_line(chat: Chat) -> None:
    ran = chat.pipe("hello", "there", stdin="not this")
    assert ran.code == 0 and chat.noted("message") == ["hello there"]


def test_calls_are_told_on_stderr(chat: Chat) -> None:
    ran = chat.pipe("look")
    assert ran.out == "The image is **missing**.\n"
    assert ran.err.splitlines()[1:] == [
        "call: diagnose release=todo-backend namespace=todo",
        "ok: diagnose 0.4 s: 1 finding: IMAGE_TAG_MISSING todo-backend",
        "call: helm_status name=x",
        "failed: helm_status 0.1 s: there is no release x: todo has none",
    ]


def test_nobody_can_be_asked(chat: Chat) -> None:
    ran = chat.pipe("change it", stdin="y\n")
    assert ran.code == 3 and ran.out == ""
    assert chat.noted("choice") == ["later"]
    assert "waits for your yes: c-7k3m9qx2fa  change upgrade todo-backend in todo from revision 1" in ran.err
    assert "longshore approve c-7k3m9qx2fa" in ran.err
    assert "longshore chat --resume 20260801-0a1b2c3d" in ran.err


def test_a_question_in_the_middle_of_a_call_waits_as_well(chat: Chat) -> None:
    ran = chat.pipe("run it")
    assert ran.code == 3 and ran.out == "It waits.\n"
    assert "waits: playbook_run 1.0 s: playbook_run needs a human's yes" in ran.err
    assert "longshore approve c-7k3m9qx2fa" in ran.err


def test_resume_without_a_message_asks_what_is_open_and_cannot(chat: Chat) -> None:
    ran = chat.pipe("--resume")
    assert ran.code == 3 and chat.noted("settle") == [True]
    assert chat.noted("options")[0]["resume"] == "last"


@pytest.mark.parametrize(
    ("words", "resume", "message"),
    [
        (["--resume", "20260801-0a1b2c3d", "go on"], "20260801-0a1b2c3d", "go on"),
        (["--resume", "go on"], "last", "go on"),
        (["--resume=last", "hello"], "last", "hello"),
    ],
)
def test_resume_tells_an_id_from_a_message(chat: Chat, words: list[str], resume: str, message: str) -> None:
    chat.pipe(*words)
    assert chat.noted("options")[0]["resume"] == resume and chat.noted("message") == [message]


def test_options_reach_the_assistant(chat: Chat) -> None:
    words = ["--model", "m", "--base-url", "http://x/v1", "--api", "chat", "--read-only", "--target", "sandbox"]
    words += ["--max-turns", "1", "--max-calls", "2", "--max-tokens", "3", "--max-cost", "0.5", "--trace", "t.jsonl"]
    assert chat.pipe(*words, "--mcp", "http://y/mcp", "hello").code == 0
    options = chat.noted("options")[0]
    assert options["model"] == "m" and options["base_url"] == "http://x/v1" and options["api"] == "chat"
    assert options["read_only"] == "True" and options["target"] == "sandbox" and options["url"] == "http://y/mcp"
    assert options["budgets"] == "Budgets(turns=1, calls=2, tokens=3, money=0.5)" and options["trace"] == "t.jsonl"


@pytest.mark.parametrize(
    ("message", "ending", "try_"),
    [("fail", "the model does not answer", "--model offline"), ("budget", "60 calls", "--max-calls")],
)
def test_what_failed_is_said_with_a_remedy(chat: Chat, message: str, ending: str, try_: str) -> None:
    ran = chat.pipe(message)
    assert ran.code == 1
    assert ending in ran.err and f"try: {try_}" in ran.err


def test_no_message(chat: Chat) -> None:
    ran = chat.pipe()
    assert ran.code == 2 and "there is no message" in ran.err and not chat.notes


def test_a_message_that_is_too_long(chat: Chat) -> None:
    ran = chat.pipe(stdin="x" * (module.LONGEST + 1))
    assert ran.code == 2 and "too long" in ran.err


def test_what_cannot_begin(chat: Chat) -> None:
    chat.environ["LONGSHORE_FAKE_BROKEN"] = "1"
    ran = chat.pipe("hello")
    assert ran.code == 4 and ran.out == "" and "error: the cluster cannot be reached: connection refused" in ran.err
    ran = chat.pipe("hello", "--json")
    assert ran.code == 4
    assert [(event["event"], event["code"]) for event in ran.events] == [("error", "environment-not-ready")]


def test_events_as_json(chat: Chat) -> None:
    ran = chat.pipe("look", "--json")
    events = ran.events
    assert events[0] | {"version": ""} == {
        "event": "conversation",
        "id": "20260801-0a1b2c3d",
        "model": "offline planner",
        "target": "sandbox",
        "cluster": "8927a6c6",
        "simulated": True,
        "version": "",
    }
    kinds = [event["event"] for event in events[1:]]
    assert kinds == [
        *("tool_started", "tool_progress", "tool_finished", "tool_started", "tool_finished", "text", "turn_ended")
    ]
    assert events[-1]["ending"] == "done" and events[-1]["spent"]["money"] == 0.0123
    assert ran.err == ""


def test_a_question_as_json(chat: Chat) -> None:
    ran = chat.pipe("change", "--json")
    asked, answered, ended = ran.events[1:]
    assert ran.code == 3
    assert asked["question"]["id"] == "c-7k3m9qx2fa" and asked["question"]["effect"] == "change"
    assert answered["choice"] == "later" and ended["ending"] == "waiting"


def test_ctrl_c_stops_the_step(chat: Chat) -> None:
    child = chat.start("long")
    deadline = time.monotonic() + 60
    while not chat.noted("message") and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130 and chat.noted("cancel") == [True]
    assert "interrupted: stopped; the conversation goes on" in err and "Traceback" not in err


def test_ctrl_c_before_it_has_begun(chat: Chat) -> None:
    chat.environ["LONGSHORE_FAKE_SLOW"] = "50"
    child = chat.start("long")
    deadline = time.monotonic() + 60
    while not chat.noted("options") and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130 and "Traceback" not in err
