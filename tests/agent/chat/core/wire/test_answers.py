"""The real OpenAI client against a server that speaks both interfaces: text, tools, and what goes wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.chat.events import TextDelta, ToolStarted
from tests.agent.chat.core.wire.provider import Api, Call, Provider, Step, call, say
from tests.agent.chat.core.wire.stage import Stage, talking

pytestmark = pytest.mark.anyio
both = pytest.mark.parametrize("api", ["responses", "chat"])


@both
async def test_text_is_streamed(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    text = "The backend is **down**: `DATABASE_URL` names a host that does not exist.\n\n- fix it\n- or not\n"
    provider.will(say(text))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("what is wrong?")
    assert (ended.ending, talk.text) == ("done", text)
    assert len([event for event in talk.events if isinstance(event, TextDelta)]) > 1
    assert provider.asked[0].api == api
    assert {"diagnose", "kubectl_scale", "playbook_run"} <= provider.asked[0].tools
    assert (ended.spent.turns, ended.spent.input_tokens, ended.spent.output_tokens) == (1, 10, 5)


@both
async def test_a_tool_is_called_and_its_result_goes_back(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    provider.will(call("kubectl_get", {"kind": "deployment", "namespace": "shop"}), say("There is web."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("what runs in shop?")
    assert (ended.ending, ended.spent.calls) == ("done", 1) and talk.asked == []
    [done] = talk.finished
    assert done.ok and done.tool == "kubectl_get" and done.data["simulated"] is True
    [(call_id, output)] = provider.asked[1].results()
    assert call_id == done.call_id and "web" in output and output == done.text
    assert stage.writes() == []


@both
async def test_parallel_calls_each_get_their_own_result(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    kinds = ("deployment", "namespace", "service")
    made = tuple(Call("kubectl_get", {"kind": kind, "namespace": "shop"}) for kind in kinds)
    provider.will(Step(calls=made), say("Three lists."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("list them")
    assert ended.ending == "done" and [done.ok for done in talk.finished] == [True, True, True]
    wanted = {event.call_id: event.arguments["kind"] for event in talk.events if isinstance(event, ToolStarted)}
    assert sorted(wanted.values()) == sorted(kinds)
    told = dict(provider.asked[1].results())
    assert {done.call_id: done.text for done in talk.finished} == told and set(told) == set(wanted)
    assert "web" in told[next(key for key, kind in wanted.items() if kind == "deployment")]


@both
async def test_a_conversation_goes_on(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    provider.will(call("kubectl_get", {"kind": "deployment", "namespace": "shop"}), say("There is web."), say("One."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        await talk.say("what runs in shop?")
        await talk.say("how many pods?")
        assert talk.assistant.history() == [
            ("user", "what runs in shop?"),
            ("assistant", "There is web."),
            ("user", "how many pods?"),
            ("assistant", "One."),
        ]
    last = provider.asked[-1]
    assert len(last.calls()) == len(last.results()) == 1
    assert [item["content"] for item in last.items if item.get("role") == "user"] == [
        "what runs in shop?",
        "how many pods?",
    ]


@both
async def test_a_server_that_numbers_its_calls_anew_is_not_given_old_results(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    """Some servers call every first call of an answer ``call_0``."""
    one = Call("kubectl_get", {"kind": "deployment", "namespace": "shop"}, id="call_0")
    other = Call("kubectl_get", {"kind": "namespace"}, id="call_0")
    provider.will(Step(calls=(one,)), Step(calls=(other,)), say("Both."), Step(calls=(one,)), say("Again."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("look at both")
        assert (ended.ending, talk.text) == ("done", "Both.")
        stage.create("deployments.apps", {"metadata": {"name": f"late-{api}"}, **_small()}, "shop")
        assert (await talk.say("and again")).ending == "done"
    assert [done.ok for done in talk.finished] == [True, True, True]
    assert "web" in talk.finished[0].text and "kube-system" in talk.finished[1].text
    assert f"late-{api}" in talk.finished[2].text, "a look is made anew"
    assert [text for _, text in provider.asked[-1].results()] == [done.text for done in talk.finished]


def _small() -> dict[str, object]:
    from tests.agent.chat.core.wire.stage import deployment

    return {"spec": deployment("late", 0)["spec"]}


@both
async def test_arguments_that_are_no_json_are_said_back(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    broken = ('{"kind": "deployment", "name": "web", "namespace": "shop", "replicas": ', "[1]", '"web"', "null", "{}{}")
    provider.will(*(call("kubectl_scale", text) for text in broken))
    provider.will(call("kubectl_get", {"kind": "deployment", "namespace": "shop"}), say("Now I know."))
    async with talking(tmp_path, says=lambda _: "yes", model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("scale it")
    assert (ended.ending, talk.text) == ("done", "Now I know.") and stage.writes() == []
    for asked, given in zip(provider.asked[1:], broken, strict=False):
        assert asked.results()[-1][1].startswith("usage: "), given


@both
async def test_a_tool_that_does_not_exist_is_said_back(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    provider.will(call("kubectl_exec", {"command": "id"}), call("bash", {"script": "id"}), say("I cannot do that."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("run id")
    assert (ended.ending, talk.text) == ("done", "I cannot do that.")
    assert "kubectl_exec" in provider.asked[1].results()[0][1]


@both
async def test_wrong_arguments_are_said_back(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    wrong = {"kind": "deployment", "name": "web", "namespace": "shop", "replicas": -4, "force": True}
    provider.will(call("kubectl_scale", wrong), say("That was wrong."))
    async with talking(tmp_path, says=lambda _: "yes", model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("scale it")
    [(_, output)] = provider.asked[1].results()
    assert ended.ending == "done" and output.startswith("usage: ") and "replicas" in output
    assert talk.asked == [] and stage.writes() == []


@both
async def test_huge_answers_and_huge_results(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    text = "line of a long answer, and more of it\n" * 50_000
    provider.will(call("kubectl_get", {"kind": "pod", "all_namespaces": True}), say(text), say("Yes."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("tell me everything")
        assert (ended.ending, talk.text) == ("done", text)
        assert len(provider.asked[1].results()[0][1]) < 20_000
        assert (await talk.say("go on?")).ending == "done"


@both
async def test_an_empty_answer_is_said_to_be_one(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    provider.will(Step(), say("Here I am."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("hello?")
        assert ended.ending == "failed" and "m · 127.0.0.1" in ended.why
        assert (await talk.say("hello?")).ending == "done" and talk.text == "Here I am."


@both
async def test_an_answer_that_was_cut_to_its_length_is_not_taken_for_a_whole_one(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    scale = {"kind": "deployment", "name": "web", "namespace": "shop", "replicas": 3}
    provider.will(Step(text="I was about to", reason="length"), Step(calls=(Call("kubectl_scale", scale),)), say("No."))
    async with talking(tmp_path, model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("explain it all")
        assert "I was about to" in talk.text
        assert ended.ending == "failed" and ended.why and ended.remedy, "it says that this is not all"
        assert (await talk.say("go on")).ending == "done"
    assert len(talk.asked) == 1 and stage.writes() == []
