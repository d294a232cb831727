"""The server through real MCP clients: both protocol eras, with and without elicitation, stdio and HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.server.lowlevel import Server
from mcp.types import ElicitResult, InputRequiredResult

from mcp_tools.guard.guard import Guard
from mcp_tools.server import PREVIEW, Options, build
from tests.mcp_tools.toys import NAMES, Things, toy_guard, toy_world, toys

pytestmark = pytest.mark.anyio
ERAS = ("auto", "legacy")


@pytest.fixture
def things() -> Iterator[Things]:
    with toys() as made:
        yield made


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    return toy_guard(tmp_path)


@pytest.fixture
def server(guard: Guard, tmp_path: Path) -> Server[Any]:
    return build(Options(toy_world(), tmp_path, ("toys",)), guard)


class Human:
    """Answers elicitations, and keeps what was asked."""

    def __init__(self, *answers: ElicitResult) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.before: Any = None

    async def __call__(self, ctx: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        assert params.requested_schema["properties"]["approve"]["type"] == "boolean"
        if self.before is not None:
            self.before()
        return self.answers.pop(0)


YES = ElicitResult(action="accept", content={"approve": True})
NOT_TICKED = ElicitResult(action="accept", content={"approve": False})
NO = ElicitResult(action="decline")
AWAY = ElicitResult(action="cancel")


@asynccontextmanager
async def client(server: Server[Any], mode: Any, human: Human | None = None) -> AsyncIterator[Client]:
    async with Client(server, mode=mode, elicitation_callback=human) as made:
        yield made


def text(result: Any) -> str:
    return str(result.content[0].text)


async def test_the_list_says_what_each_tool_may_do(things: Things, server: Server[Any]) -> None:
    async with client(server, "auto") as made:
        tools = {t.name: t for t in (await made.list_tools()).tools}
    assert sorted(tools) == sorted(NAMES)
    read, remove = tools["toy_read"].annotations, tools["toy_remove"].annotations
    assert read is not None and read.read_only_hint is True and read.destructive_hint is False
    assert remove is not None and remove.read_only_hint is False and remove.destructive_hint is True
    assert tools["toy_read"].output_schema is not None


@pytest.mark.parametrize("mode", ERAS)
async def test_a_yes_does_it_once(things: Things, server: Server[Any], mode: str) -> None:
    human, heard = Human(YES), []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with client(server, mode, human) as made:
        result = await made.call_tool("toy_change", {"name": "web"}, progress_callback=progress)
    assert result.is_error is not True and result.structured_content["revision"] == 8
    assert things.acts == ["change web"] and len(human.asked) == 1
    assert "from revision 7 to 8" in human.asked[0] and heard == ["changed"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_preview_says_what_would_be_asked_and_does_nothing(
    things: Things, server: Server[Any], guard: Guard, mode: str
) -> None:
    human = Human(YES)
    meta: Any = {PREVIEW: True}
    async with client(server, mode, human) as made:
        found = await made.call_tool("toy_change", {"name": "web"}, meta=meta)
        looked = await made.call_tool("toy_read", {"name": "web"}, meta=meta)
        assert things.acts == [] and human.asked == []
        (waiting,) = guard.journal.confirmations(status="waiting")
        again = await made.call_tool("toy_change", {"name": "web"}, meta=meta)
        done = await made.call_tool("toy_change", {"name": "web"})
    said = (found.meta or {})[PREVIEW]
    assert found.is_error and "nothing was done" in text(found)
    assert said["needs_confirmation"] is True and said["effect"] == "change" and waiting.id in said["question"]
    assert (again.meta or {})[PREVIEW]["question"] == said["question"]  # one question, however often it is looked at
    assert (looked.meta or {})[PREVIEW]["needs_confirmation"] is False
    assert not done.is_error and human.asked == [said["question"]] and things.acts == ["change web"]


async def test_a_preview_of_what_was_approved_elsewhere_asks_nothing(
    things: Things, server: Server[Any], guard: Guard
) -> None:
    meta: Any = {PREVIEW: True}
    async with client(server, "auto") as made:
        await made.call_tool("toy_remove", {"name": "web"}, meta=meta)
        (waiting,) = guard.journal.confirmations(status="waiting")
        guard.journal.answer(waiting.id, True, by="somebody", channel="terminal")
        found = await made.call_tool("toy_remove", {"name": "web"}, meta=meta)
        assert (found.meta or {})[PREVIEW]["needs_confirmation"] is False and things.acts == []
        assert not (await made.call_tool("toy_remove", {"name": "web"})).is_error
    assert things.acts == ["remove web"]


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("answer", [NO, NOT_TICKED], ids=["decline", "not-ticked"])
async def test_anything_but_a_yes_is_a_no(things: Things, server: Server[Any], mode: str, answer: ElicitResult) -> None:
    human = Human(answer, YES)
    async with client(server, mode, human) as made:
        result = await made.call_tool("toy_remove", {"name": "web"})
        assert result.is_error and "declined" in text(result) and things.acts == []
        await made.call_tool("toy_remove", {"name": "web"})
    assert len(human.asked) == 2 and things.acts == ["remove web"]  # a no holds for its own call


@pytest.mark.parametrize("mode", ERAS)
async def test_a_question_that_is_dismissed_goes_on_waiting(
    things: Things, server: Server[Any], guard: Guard, mode: str
) -> None:
    human = Human(AWAY)
    async with client(server, mode, human) as made:
        result = await made.call_tool("toy_remove", {"name": "web"})
    assert result.is_error and "confirmation-required" in text(result)
    assert things.acts == [] and len(human.asked) == 1
    (waiting,) = guard.journal.confirmations(status="waiting")
    assert waiting.id in text(result)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_that_cannot_ask_gets_an_id_and_nothing_is_done(
    things: Things, server: Server[Any], guard: Guard, mode: str
) -> None:
    async with client(server, mode) as made:
        result = await made.call_tool("toy_remove", {"name": "web"})
        assert result.is_error and "confirmation-required" in text(result) and things.acts == []
        (waiting,) = guard.journal.confirmations(status="waiting")
        assert f"longshore approve {waiting.id}" in text(result)
        guard.journal.answer(waiting.id, True, by="ann", channel="terminal")
        again = await made.call_tool("toy_remove", {"name": "web"})
    assert again.is_error is not True and things.acts == ["remove web"]


@pytest.mark.parametrize("mode", ERAS)
async def test_the_model_cannot_confirm(things: Things, server: Server[Any], mode: str) -> None:
    async with client(server, mode) as made:
        for invented in ({"confirm": True}, {"approve": True}, {"confirmation": "c-2222222222"}):
            result = await made.call_tool("toy_remove", {"name": "web"} | invented)
            assert result.is_error and "usage" in text(result)
    assert things.acts == []


@pytest.mark.parametrize("mode", ERAS)
async def test_an_answer_to_an_older_preview_is_no_answer(things: Things, server: Server[Any], mode: str) -> None:
    human = Human(YES, NO)
    human.before = lambda: things.revisions.update(web=things.revisions["web"] + 1)
    async with client(server, mode, human) as made:
        result = await made.call_tool("toy_change", {"name": "web"})
    assert result.is_error and things.acts == []


async def test_a_replayed_answer_is_asked_again(things: Things, server: Server[Any]) -> None:
    async with client(server, "auto", Human()) as made:
        first = await made.session.call_tool("toy_remove", {"name": "web"}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult) and first.input_requests is not None and things.acts == []
        answers = dict.fromkeys(first.input_requests, YES)
        sent: dict[str, Any] = {"input_responses": answers, "request_state": first.request_state}
        done = await made.session.call_tool("toy_remove", {"name": "web"}, allow_input_required=True, **sent)
        assert not isinstance(done, InputRequiredResult) and things.acts == ["remove web"]
        things.revisions["web"] = 7
        replay = await made.session.call_tool("toy_remove", {"name": "web"}, allow_input_required=True, **sent)
        assert isinstance(replay, InputRequiredResult) or replay.is_error
    assert things.acts == ["remove web"]


async def test_an_answer_holds_for_its_arguments_only(things: Things, server: Server[Any]) -> None:
    things.revisions["db"] = 1
    async with client(server, "auto", Human()) as made:
        first = await made.session.call_tool("toy_remove", {"name": "web"}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult) and first.input_requests is not None
        answers = dict.fromkeys(first.input_requests, YES)
        with pytest.raises(MCPError):
            await made.session.call_tool(
                "toy_remove", {"name": "db"}, input_responses=answers, request_state=first.request_state
            )
        with pytest.raises(MCPError):
            forged = json.dumps({"ids": list(answers), "run_id": None})
            await made.session.call_tool("toy_remove", {"name": "web"}, input_responses=answers, request_state=forged)
        alone = await made.session.call_tool(
            "toy_remove", {"name": "web"}, input_responses=answers, allow_input_required=True
        )
        assert isinstance(alone, InputRequiredResult)
    assert things.acts == []


@pytest.mark.parametrize("mode", ERAS)
async def test_read_only_hides_and_refuses(things: Things, guard: Guard, tmp_path: Path, mode: str) -> None:
    server = build(Options(toy_world(), tmp_path, ("toys",), read_only=True), guard)
    async with client(server, mode, Human(YES, YES)) as made:
        names = {t.name for t in (await made.list_tools()).tools}
        assert not names & {"toy_change", "toy_remove"} and "toy_read" in names
        for hidden in ("toy_change", "toy_remove"):
            result = await made.call_tool(hidden, {"name": "web"})
            assert result.is_error and "read-only" in text(result)
    assert things.acts == []


@pytest.mark.parametrize("mode", ERAS)
async def test_bad_calls_are_results_that_a_model_can_act_on(things: Things, server: Server[Any], mode: str) -> None:
    async with client(server, mode) as made:
        unknown = await made.call_tool("no_such_tool", {})
        wrong = await made.call_tool("toy_read", {"name": "--server=evil"})
        broken = await made.call_tool("toy_fail", {"name": "unexpected"})
    assert unknown.is_error and "there is no tool" in text(unknown)
    assert wrong.is_error and "name" in text(wrong)
    assert broken.is_error and "Traceback" not in text(broken)


async def test_a_client_that_gives_up_cancels_the_tool(things: Things, server: Server[Any]) -> None:
    async with client(server, "auto") as made:
        with pytest.raises(MCPError):
            await made.call_tool("toy_wait", {"name": "web"}, read_timeout_seconds=0.3)
        for _ in range(100):
            if "cancelled" in things.acts:
                break
            await asyncio.sleep(0.02)
    assert things.acts == ["waiting", "cancelled"]


async def test_resources_and_prompts(things: Things, server: Server[Any], guard: Guard) -> None:
    guard.journal.save_run({"id": "r-1", "status": "succeeded"})
    guard.journal.save_step("r-1", {"id": "s", "status": "succeeded"})
    async with client(server, "auto") as made:
        uris = [str(r.uri) for r in (await made.list_resources()).resources]
        assert "longshore://runs" in uris and "longshore://runs/r-1" in uris
        (content,) = (await made.read_resource("longshore://runs/r-1")).contents
        assert json.loads(content.text)["steps"] == [{"id": "s", "status": "succeeded"}]  # type: ignore[union-attr]
        with pytest.raises(MCPError):
            await made.read_resource("longshore://runs/../../etc/passwd")
        for prompt in (await made.list_prompts()).prompts:
            got = await made.get_prompt(prompt.name, {"task": "find out why"})
            assert "find out why" in got.messages[0].content.text  # type: ignore[union-attr]
        with pytest.raises(MCPError):
            await made.get_prompt("no-such-prompt")
