"""A model's server that fails: the turn recovers, or says what is wrong, and the conversation can go on."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from agent.chat import models
from tests.agent.chat.core.wire.provider import Api, Kind, Provider, Step, call, error, say
from tests.agent.chat.core.wire.stage import Stage, on_disk, talking

pytestmark = pytest.mark.anyio
both = pytest.mark.parametrize("api", ["responses", "chat"])


@both
async def test_too_many_requests_are_made_again_when_the_server_says(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    provider.will(error(429, after="1"), say("Now."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("hello")
    assert (ended.ending, talk.text, len(provider.asked)) == ("done", "Now.", 2)
    assert provider.asked[1].at - provider.asked[0].at >= 1, "it waited for as long as it was told"
    assert provider.asked[0].body == provider.asked[1].body


@both
async def test_a_server_that_wants_an_hour_is_not_waited_for(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    provider.will(error(429, after="3600", message="quota exceeded"), say("Now."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("hello")
        assert ended.ending == "failed" and "quota exceeded" in ended.why and ended.remedy
        assert len(provider.asked) == 1
        assert (await talk.say("again")).ending == "done"


@both
async def test_an_error_of_the_server_is_tried_again(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    provider.will(error(500), error(503), error(502), say("Now."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("hello")
    assert (ended.ending, talk.text, len(provider.asked)) == ("done", "Now.", 4)
    assert ended.spent.turns == 1


@both
async def test_an_error_for_ever_ends_the_turn(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    provider.always = error(500, message="the GPU is on fire")
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("hello")
        assert ended.ending == "failed" and "the GPU is on fire" in ended.why and "500" in ended.why and ended.remedy
        assert len(provider.asked) == models.RETRIES + 1
        provider.always = say("Back again.")
        assert (await talk.say("hello?")).ending == "done"
    users = [item["content"] for item in provider.asked[-1].items if item.get("role") == "user"]
    assert users == ["hello", "hello?"]


@both
@pytest.mark.parametrize(
    ("status", "said"),
    [(400, "context_length_exceeded"), (401, "key"), (403, "not allowed"), (404, "no model m"), (422, "bad schema")],
)
async def test_what_no_retry_mends_is_said_at_once(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api, status: int, said: str
) -> None:
    provider.will(error(status, message=said), say("Now."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("hello")
        assert ended.ending == "failed" and said in ended.why and ended.remedy and "Traceback" not in ended.why
        assert len(provider.asked) == 1
        assert (await talk.say("again")).ending == "done"


@both
@pytest.mark.parametrize("rude", [True, False], ids=["lost", "ended"])
@pytest.mark.parametrize("cut", ["begin", "text"])
async def test_a_stream_that_is_cut_is_not_taken_for_an_answer(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api, cut: Kind, rude: bool
) -> None:
    provider.will(say("Everything is healthy, except that", cut=cut, rude=rude), say("Now."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("is all well?")
        assert ended.ending == "failed" and "127.0.0.1" in ended.why and ended.remedy
        assert len(provider.asked) == 1
        assert (await talk.say("again")).ending == "done" and talk.text.endswith("Now.")


@both
@pytest.mark.parametrize(
    "raw", ["data: {not json\n\n", "data: []\n\n", 'data: {"type": 7}\n\n', "\x00\x01\x02 garbage\n\n", ": keep\n\n"]
)
async def test_rubbish_in_a_stream_ends_the_turn_only(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api, raw: str
) -> None:
    provider.will(say("Well, ", cut="begin", raw=raw, rude=False), say("Now."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("hello")
        assert ended.ending == "failed" and ended.why and ended.remedy
        assert (await talk.say("again")).ending == "done"


@both
async def test_a_failure_that_the_stream_tells_of(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    provider.will(say("Well, ", failure="the model was unloaded"), say("Now."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("hello")
        assert ended.ending == "failed" and "the model was unloaded" in ended.why
        assert (await talk.say("again")).ending == "done"


@both
@pytest.mark.parametrize(
    "body", ["<html><body>Welcome to the hotel's network</body></html>", "{}", '{"error": {"message": "no"}}', ""]
)
async def test_a_server_that_is_none_for_models(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api, body: str
) -> None:
    provider.will(Step(body=body), say("Now."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("hello")
        assert ended.ending == "failed" and "127.0.0.1" in ended.why and ended.remedy
        assert (await talk.say("again")).ending == "done"


@both
async def test_silence_ends_the_turn(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(models, "RETRIES", 1)
    provider.will(say("late", stall=30), say("later", stall=30), say("Well, ", cut="text", silence=30), say("Now."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        for _ in range(2):
            ended = await talk.say("hello")
            assert ended.ending == "failed" and "127.0.0.1" in ended.why and ended.remedy
        assert len(provider.asked) == 3
        assert (await talk.say("again")).ending == "done" and talk.text.endswith("Now.")


@both
async def test_a_slow_first_word_is_waited_for(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    provider.will(say("At last.", stall=1.5))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        assert (await talk.say("hello")).ending == "done" and talk.text == "At last."
    assert len(provider.asked) == 1


@both
async def test_nobody_listens_there(stage: Stage, tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "RETRIES", 1)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    async with talking(tmp_path, model="m", base_url=url, api=api) as talk:
        ended = await talk.say("hello")
    assert ended.ending == "failed" and "127.0.0.1" in ended.why and ended.remedy


@both
async def test_an_endless_loop_of_calls_ends_with_the_budget(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    from agent.chat.assistant import Budgets

    provider.always = call("kubectl_get", {"kind": "deployment", "namespace": "shop"})
    async with talking(tmp_path, model="m", base_url=provider.url, api=api, budgets=Budgets(turns=5)) as talk:
        ended = await talk.say("go")
        assert ended.ending == "budget" and "5" in ended.why and len(provider.asked) == 5
        provider.always = say("Enough.")
        assert (await talk.say("stop")).ending == "done"
    last = provider.asked[-1]
    assert sorted(made for made, _ in last.calls()) == sorted(made for made, _ in last.results())


@both
async def test_a_budget_of_calls_holds_within_one_answer(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    from agent.chat.assistant import Budgets
    from tests.agent.chat.core.wire.provider import Call

    many = tuple(Call("kubectl_get", {"kind": "namespace"}) for _ in range(12))
    provider.will(Step(calls=many))
    provider.always = call("kubectl_get", {"kind": "namespace"})
    async with talking(tmp_path, model="m", base_url=provider.url, api=api, budgets=Budgets(calls=4)) as talk:
        ended = await talk.say("go")
        assert ended.ending == "budget" and "4" in ended.why
        assert len(talk.finished) == 4 and len(provider.asked) < 8


@both
async def test_tokens_and_money_are_budgets(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api, state: Path
) -> None:
    from agent.chat.assistant import Budgets

    config = state.parent.parent / "config" / "longshore" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[chat.prices."m"]\ninput = 1.0\noutput = 2.0\n')
    provider.always = call("kubectl_get", {"kind": "namespace"}, tokens=(400_000, 100_000))
    budgets = Budgets(tokens=1_200_000, money=100.0)
    async with talking(tmp_path, model="m", base_url=provider.url, api=api, budgets=budgets) as talk:
        ended = await talk.say("go")
        assert ended.ending == "budget" and "tokens" in ended.why and len(provider.asked) == 3
        assert ended.spent.money == pytest.approx(1.8) and ended.spent.input_tokens == 1_200_000
        ended = await talk.say("go on")
        assert ended.ending == "budget" and len(provider.asked) == 3, "nothing is left to spend"
    budgets = Budgets(tokens=100_000_000, money=1.5)
    async with talking(tmp_path, model="m", base_url=provider.url, api=api, budgets=budgets) as talk:
        ended = await talk.say("go")
    assert ended.ending == "budget" and "$1.5" in ended.why and len(provider.asked) == 6


@both
async def test_the_key_is_sent_to_the_server_alone(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.agent.chat.core.wire.stage import dumped

    key = "sk-canary-0123456789abcdefABCDEF"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    provider.will(error(401, message=f"Incorrect API key provided: {key}"), say(f"Your key is {key}."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        assert (await talk.say("hello")).ending == "failed"
        assert (await talk.say("hello?")).ending == "done"
    assert provider.asked[0].headers["authorization"] == f"Bearer {key}"
    assert key not in dumped(talk.events) and "Your key is" in talk.text
    assert [path for path, text in on_disk(state) if key in text] == []


def test_nothing_is_exported() -> None:
    """The exporter of the SDK sends inputs and outputs of tools away, unless it is taken out."""
    import agents.tracing
    from agents.tracing import processors

    from agent.chat import tracing

    tracing.local(None)
    provider = agents.tracing.get_trace_provider()
    assert processors.default_processor() not in provider._multi_processor._processors  # type: ignore[attr-defined]
