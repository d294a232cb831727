"""One conversation over the toy tools: asked once, done once, nothing lost, nothing repeated."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.chat.config import Price
from agent.chat.conversation import Conversation, folder
from agent.chat.events import Answered, Asked, Notice, ToolFinished, ToolProgress, ToolStarted
from agent.problems import Problem
from mcp_tools.guard.guard import Guard
from tests.agent.chat.core.support import Human, assistant, call, ended, heard, say, scripted, text
from tests.mcp_tools.toys import Things, toy_guard, toys

pytestmark = pytest.mark.anyio


@pytest.fixture
def things() -> Iterator[Things]:
    with toys() as made:
        yield made


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    return toy_guard(tmp_path)


def last(made: Any) -> list[Any]:
    """What the model was given the last time."""
    return list(made.last_call.input)


async def test_a_look_is_shown_as_it_runs_and_asks_nothing(things: Things, guard: Guard, tmp_path: Path) -> None:
    human, model = Human(), scripted(call("toy_read", name="web"), say("It is at **7**."))
    async with assistant(guard, tmp_path, model, human) as made:
        events = await heard(made.turn("how is web?"))
    kinds = [type(event).__name__ for event in events]
    assert kinds[:2] == ["ToolStarted", "ToolFinished"] and "TextDelta" in kinds
    assert text(events) == "It is at **7**." and ended(events).ending == "done" and human.asked == []
    finished = next(event for event in events if isinstance(event, ToolFinished))
    assert finished.ok and finished.data["revision"] == 7 and made.spent.calls == 1 and made.spent.turns == 2
    assert made.history() == [("user", "how is web?"), ("assistant", "It is at **7**.")]


async def test_a_change_is_asked_once_and_done_once(things: Things, guard: Guard, tmp_path: Path) -> None:
    human, model = Human("yes"), scripted(call("toy_change", name="web"), say("done"))
    async with assistant(guard, tmp_path, model, human) as made:
        events = await heard(made.turn("change web"))
    assert things.acts == ["change web"] and len(human.asked) == 1
    assert "from revision 7 to 8" in human.asked[0].summary and human.asked[0].effect == "change"
    order = [type(event) for event in events if type(event) in (Asked, Answered, ToolStarted, ToolProgress)]
    assert order == [Asked, Answered, ToolStarted, ToolProgress]
    assert ended(events).ending == "done"
    assert len([c for c in guard.journal.confirmations() if c.status == "used"]) == 1


async def test_a_no_does_nothing_and_the_model_is_told(things: Things, guard: Guard, tmp_path: Path) -> None:
    human, model = Human("no"), scripted(call("toy_remove", name="web"), say("It stays."))
    async with assistant(guard, tmp_path, model, human) as made:
        events = await heard(made.turn("remove web"))
    assert things.acts == [] and len(human.asked) == 1 and ended(events).ending == "done"
    assert "said no" in json.dumps(last(model))


async def test_a_yes_is_for_one_call_alone(things: Things, guard: Guard, tmp_path: Path) -> None:
    human = Human("yes", "no")
    model = scripted(call("toy_change", "c1", name="web"), call("toy_change", "c2", name="web"), say("ok"))
    async with assistant(guard, tmp_path, model, human) as made:
        await heard(made.turn("change web twice"))
    assert things.acts == ["change web"] and len(human.asked) == 2
    assert human.asked[0].digest != human.asked[1].digest


async def test_what_changed_while_the_human_thought_is_asked_anew(things: Things, guard: Guard, tmp_path: Path) -> None:
    human = Human("yes", "no")
    human.before = lambda: things.revisions.update(web=things.revisions["web"] + 10)
    model = scripted(call("toy_change", name="web"), say("ok"))
    async with assistant(guard, tmp_path, model, human) as made:
        events = await heard(made.turn("change web"))
    assert things.acts == [] and len(human.asked) == 2 and "from revision 17" in human.asked[1].summary
    assert ended(events).ending == "done"


async def test_a_question_that_is_left_survives_and_is_done_once(things: Things, guard: Guard, tmp_path: Path) -> None:
    human, model = Human("later"), scripted(call("toy_change", name="web"))
    async with assistant(guard, tmp_path, model, human) as made:
        events = await heard(made.turn("change web"))
        identity = made.conversation_id
    assert ended(events).ending == "waiting" and identity in ended(events).remedy and things.acts == []
    second, again = Human("yes"), scripted(say("changed, at last"))
    async with assistant(guard, tmp_path, again, second, conversation=Conversation.load(identity)) as made:
        (question,) = await made.pending()
        assert "from revision 7 to 8" in question.summary and second.asked == []
        events = await heard(made.settle())
        assert await made.pending() == []
    assert things.acts == ["change web"] and len(second.asked) == 1 and text(events) == "changed, at last"
    third = scripted(say("nothing is open"))
    async with assistant(guard, tmp_path, third, Human(), conversation=Conversation.load("last")) as made:
        await heard(made.turn("and?"))
    calls = [item for item in last(third) if item.get("type") == "function_call"]
    outputs = [item for item in last(third) if item.get("type") == "function_call_output"]
    assert len(calls) == len(outputs) == 1 and things.acts == ["change web"]


async def test_an_open_question_comes_before_a_new_message(things: Things, guard: Guard, tmp_path: Path) -> None:
    human = Human("later", "no")
    model = scripted(call("toy_remove", name="web"), say("it stays"), say("hello"))
    async with assistant(guard, tmp_path, model, human) as made:
        await heard(made.turn("remove web"))
        events = await heard(made.turn("hi"))
    assert any(isinstance(event, Notice) and "still open" in event.text for event in events)
    assert len(human.asked) == 2 and things.acts == [] and ended(events).ending == "done"


async def test_a_yes_in_another_terminal_counts(things: Things, guard: Guard, tmp_path: Path) -> None:
    human, model = Human("later"), scripted(call("toy_change", name="web"))
    async with assistant(guard, tmp_path, model, human) as made:
        await heard(made.turn("change web"))
        identity = made.conversation_id
    (waiting,) = guard.journal.confirmations(status="waiting")
    guard.journal.answer(waiting.id, True, by="somebody", channel="terminal")
    second = Human()
    conversation = Conversation.load(identity)
    async with assistant(guard, tmp_path, scripted(say("done")), second, conversation=conversation) as made:
        assert ended(await heard(made.settle())).ending == "done"
    assert things.acts == ["change web"] and second.asked == []


async def test_a_running_step_can_be_stopped_and_the_conversation_goes_on(
    things: Things, guard: Guard, tmp_path: Path
) -> None:
    model = scripted(call("toy_wait", name="web"), say("still here"))
    async with assistant(guard, tmp_path, model, Human()) as made:
        events = []
        async for event in made.turn("wait"):
            events.append(event)
            if isinstance(event, ToolStarted):
                asyncio.get_running_loop().call_later(0.2, made.cancel)
        assert ended(events).ending == "interrupted"
        for _ in range(50):
            if things.acts[-1] == "cancelled":
                break
            await asyncio.sleep(0.05)
        assert things.acts == ["waiting", "cancelled"]
        assert ended(await heard(made.turn("are you there?"))).ending == "done"
    outputs = [item for item in last(model) if item.get("type") == "function_call_output"]
    assert len(outputs) == 1 and "look at the state" in outputs[0]["output"]


async def test_calls_beside_each_other_and_one_that_asks(things: Things, guard: Guard, tmp_path: Path) -> None:
    human = Human("yes")
    model = scripted([call("toy_read", "r", name="web"), call("toy_change", "c", name="web")], say("both"))
    async with assistant(guard, tmp_path, model, human) as made:
        events = await heard(made.turn("look and change"))
    assert [e.tool for e in events if isinstance(e, ToolFinished)] == ["toy_read", "toy_change"]
    assert things.acts == ["change web"] and len(human.asked) == 1


async def test_wrong_calls_are_told_to_the_model(things: Things, guard: Guard, tmp_path: Path) -> None:
    from agents.testing import function_call

    bad = function_call("toy_read", "{not json", call_id="bad")
    model = scripted(bad, call("no_such_tool", "none", name="x"), call("toy_read", "x", name="-rf"), say("sorry"))
    async with assistant(guard, tmp_path, model, Human()) as made:
        events = await heard(made.turn("do nonsense"))
    said = [item["output"] for item in last(model) if item.get("type") == "function_call_output"]
    assert len(said) == 3 and "not valid JSON" in said[0] and "usage" in said[2]
    assert ended(events).ending == "done" and text(events) == "sorry"


@pytest.mark.parametrize(
    "pasted",
    [
        "use sk-proj-abcdefghijklmnop1234",
        "postgres://todo:s3cret-s3cret@db/todo",
        "password = hunter2hunter2",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "Authorization: Bearer abcdefghijklmnop123456",
        "token: ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    ],
)
async def test_a_pasted_secret_goes_nowhere(things: Things, guard: Guard, tmp_path: Path, pasted: str) -> None:
    model = scripted(say("never"))
    async with assistant(guard, tmp_path, model, Human()) as made:
        events = await heard(made.turn(f"please use this: {pasted}"))
    assert ended(events).ending == "failed" and "not sent" in ended(events).why and model.calls == ()
    assert pasted[-12:] not in ended(events).why
    assert not folder().exists() or not any(pasted[-12:] in f.read_text() for f in folder().rglob("*") if f.is_file())


@pytest.mark.parametrize(
    "harmless",
    [
        "the password is wrong, why?",
        "what does JWT_SECRET do?",
        "is the token missing?",
        "rotate the secret of the backend",
    ],
)
async def test_words_about_secrets_are_no_secrets(things: Things, guard: Guard, tmp_path: Path, harmless: str) -> None:
    async with assistant(guard, tmp_path, scripted(say("ok")), Human()) as made:
        assert ended(await heard(made.turn(harmless))).ending == "done"


async def test_what_a_model_says_is_masked_and_bare(things: Things, guard: Guard, tmp_path: Path) -> None:
    model = scripted(say("the key is sk-abcdefghijklmnopqrstu and \x1b[31mred\u202e, password=hunter2hunter2 end"))
    async with assistant(guard, tmp_path, model, Human()) as made:
        events = await heard(made.turn("tell me"))
        kept = json.dumps(made.conversation.items)
    for place in (text(events), kept):
        assert "abcdefghijklmnopqrstu" not in place and "hunter2" not in place and "[redacted]" in place
    assert "\x1b" not in text(events) and "\u202e" not in text(events) and text(events).endswith(" end")


async def test_budgets_end_a_message_and_say_which(things: Things, guard: Guard, tmp_path: Path) -> None:
    def endless() -> Any:
        return scripted(*(call("toy_read", f"r{number}", name="web") for number in range(40)))

    async with assistant(guard, tmp_path, endless(), Human(), turns=5) as made:
        over = ended(await heard(made.turn("loop")))
    assert over.ending == "budget" and "5 answers" in over.why
    async with assistant(guard, tmp_path, endless(), Human(), calls=3) as made:
        events = await heard(made.turn("loop"))
    assert ended(events).ending == "budget" and "3 tool calls" in ended(events).why
    assert len([e for e in events if isinstance(e, ToolStarted)]) == 3


async def test_tokens_and_money_are_counted_and_end_it(things: Things, guard: Guard, tmp_path: Path) -> None:
    from agents import Usage
    from agents.testing import ScriptedModel

    steps = [[call("toy_read", f"r{number}", name="web")] for number in range(9)]
    usage = Usage(requests=1, input_tokens=1000, output_tokens=500, total_tokens=1500)
    async with assistant(
        guard, tmp_path, ScriptedModel(steps, default_usage=usage), Human(), price=Price(input=2, output=8), tokens=4000
    ) as made:
        over = ended(await heard(made.turn("loop")))
    assert over.ending == "budget" and "4000 tokens" in over.why
    assert over.spent.input_tokens == 3000 and over.spent.money == pytest.approx(3 * (0.002 + 0.004))
    async with assistant(
        guard, tmp_path, ScriptedModel(steps, default_usage=usage), Human(), price=Price(input=2, output=8), money=0.005
    ) as made:
        over = ended(await heard(made.turn("loop")))
    assert (over.ending == "budget" and "$0.01" in over.why) or "0.005" in over.why


async def test_everything_is_private(things: Things, guard: Guard, tmp_path: Path) -> None:
    async with assistant(guard, tmp_path, scripted(call("toy_change", name="web")), Human("later")) as made:
        await heard(made.turn("change web"))
        place = made.conversation.place
    assert stat.S_IMODE(place.stat().st_mode) == 0o700 and stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    assert set(files) == {"meta.json", "items.json", "results.json", "state.json"} and set(files.values()) == {0o600}


async def test_another_cluster_is_refused(things: Things, guard: Guard, tmp_path: Path) -> None:
    async with assistant(guard, tmp_path, scripted(say("hi")), Human()) as made:
        await heard(made.turn("hi"))
        identity = made.conversation_id
    conversation = Conversation.load(identity)
    conversation.meta["cluster"] = "another"
    with pytest.raises(Problem, match="another cluster"):
        async with assistant(guard, tmp_path, scripted(), Human(), conversation=conversation):
            pass


def test_there_is_no_such_conversation() -> None:
    with pytest.raises(Problem, match="no conversation") as found:
        Conversation.load("20260101-deadbeef")
    assert found.value.exit_code == 2
    with pytest.raises(Problem, match="no conversation"):
        Conversation.load("../../etc")
