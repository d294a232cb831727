"""A change is made once, after a human's yes, or not at all, whatever the model does: counted at the cluster."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.chat.assistant import Budgets
from tests.agent.chat.core.wire.provider import Api, Call, Kind, Provider, Step, call, error, say
from tests.agent.chat.core.wire.stage import Stage, deployment, talking

pytestmark = pytest.mark.anyio
both = pytest.mark.parametrize("api", ["responses", "chat"])
SCALE = {"kind": "deployment", "name": "web", "namespace": "shop", "replicas": 2, "wait_seconds": 0}


def scale(replicas: int, **more: object) -> dict[str, object]:
    return SCALE | {"replicas": replicas} | more


def replicas(stage: Stage, name: str = "web") -> int:
    found = stage.get("deployments.apps", name, "shop")
    assert found is not None
    return int(found["spec"]["replicas"])


@pytest.fixture(autouse=True)
def one_pod(stage: Stage) -> None:
    """The Deployment has one pod to begin with, and nothing is counted yet."""
    stage.call(lambda cluster: _to_one(cluster))
    stage.forget()


def _to_one(cluster: object) -> None:
    from mcp_tools.targets.sandbox.store import Ref

    cluster.api.edit(  # type: ignore[attr-defined]
        Ref("deployments.apps", "shop", "web"), lambda live: live["spec"].update({"replicas": 1}), manager="test"
    )


@both
async def test_a_yes_is_done_once(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    provider.will(call("kubectl_scale", scale(2)), say("Done."))
    async with talking(tmp_path, says=lambda _: "yes", model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("two of them, please")
    assert ended.ending == "done" and replicas(stage) == 2
    assert len(talk.asked) == len(stage.writes()) == 1
    assert talk.asked[0].summary.startswith("scale Deployment web in shop from 1 to 2")


@both
async def test_a_no_is_not_done(stage: Stage, provider: Provider, tmp_path: Path, api: Api) -> None:
    provider.will(call("kubectl_scale", scale(2)), say("As you wish."))
    async with talking(tmp_path, says=lambda _: "no", model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("two of them, please")
    assert ended.ending == "done" and stage.writes() == [] and len(talk.asked) == 1
    assert "no" in provider.asked[1].results()[0][1].lower()


@both
async def test_two_changes_of_one_answer_are_two_questions(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    stage.create("deployments.apps", deployment(f"two-{api}"), "shop")
    made = (Call("kubectl_scale", scale(2)), Call("kubectl_scale", scale(3, name=f"two-{api}")))
    provider.will(Step(calls=made), say("Half of it."))
    async with talking(
        tmp_path, says=lambda q: "yes" if "web" in q.summary else "no", model="m", base_url=provider.url, api=api
    ) as talk:
        ended = await talk.say("scale both")
    assert ended.ending == "done" and len(talk.asked) == 2
    assert (replicas(stage), replicas(stage, f"two-{api}"), len(stage.writes())) == (2, 1, 1)


@both
@pytest.mark.parametrize("rude", [True, False], ids=["lost", "ended"])
@pytest.mark.parametrize("cut", ["name", "arguments", "call"])
async def test_a_call_of_a_stream_that_was_cut_is_not_made(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api, cut: Kind, rude: bool
) -> None:
    """Nobody knows whether it was all that the model wanted."""
    provider.will(call("kubectl_scale", scale(2), cut=cut, rude=rude), call("kubectl_scale", scale(2)), say("Done."))
    async with talking(tmp_path, says=lambda _: "yes", model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("two of them")
        assert ended.ending == "failed" and stage.writes() == [] and talk.asked == []
        assert (await talk.say("go on")).ending == "done"
    assert replicas(stage) == 2 and len(stage.writes()) == len(talk.asked) == 1
    last = provider.asked[-1]
    assert sorted(made for made, _ in last.calls()) == sorted(made for made, _ in last.results())


@both
@pytest.mark.parametrize(
    "trouble",
    [
        say("It is", cut="text"),
        say("", cut="begin"),
        error(500, quick=False, after="3600"),
        Step(body="<html></html>"),
        say("It is", failure="unloaded"),
    ],
    ids=["cut", "cut-at-once", "500", "html", "failed"],
)
async def test_a_change_that_was_done_is_known_after_the_stream_was_lost(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api, trouble: Step
) -> None:
    provider.will(call("kubectl_scale", scale(2)), trouble, say("It was done before."))
    async with talking(tmp_path, says=lambda _: "yes", model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("two of them")
        assert ended.ending == "failed" and replicas(stage) == 2 and len(stage.writes()) == 1
        assert (await talk.say("what happened?")).ending == "done"
        assert len(stage.writes()) == len(talk.asked) == 1
    [(call_id, output)] = provider.asked[-1].results()
    assert provider.asked[-1].calls() == [(call_id, "kubectl_scale")] and "web" in output


@both
async def test_retries_of_the_model_repeat_no_change(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    provider.will(error(500), call("kubectl_scale", scale(2)), error(503), error(429, after="1"), say("Done."))
    async with talking(tmp_path, says=lambda _: "yes", model="m", base_url=provider.url, api=api) as talk:
        ended = await talk.say("two of them")
    assert ended.ending == "done" and len(provider.asked) == 5
    assert replicas(stage) == 2 and len(stage.writes()) == len(talk.asked) == 1


@both
async def test_the_same_call_again_does_nothing_again(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    """A server that repeats its last answer: the same ids, the same arguments, over and over."""
    same = Step(calls=(Call("kubectl_scale", scale(2), id="call_7"), Call("kubectl_scale", scale(2), id="call_7")))
    provider.always = same
    async with talking(
        tmp_path, says=lambda _: "yes", model="m", base_url=provider.url, api=api, budgets=Budgets(turns=4)
    ) as talk:
        ended = await talk.say("two of them")
    assert ended.ending == "budget" and len(provider.asked) == 4
    assert replicas(stage) == 2 and len(stage.writes()) == 1 and len(talk.asked) <= 2


@both
async def test_a_model_that_does_not_take_no_for_an_answer(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    provider.always = call("kubectl_scale", scale(2))
    async with talking(
        tmp_path, says=lambda _: "no", model="m", base_url=provider.url, api=api, budgets=Budgets(turns=6)
    ) as talk:
        ended = await talk.say("how is web?")
    assert ended.ending == "budget" and stage.writes() == [] and replicas(stage) == 1
    assert len(talk.asked) == 1, "a human who said no is not asked the same again in the same turn"


@both
async def test_a_question_that_is_left_open_survives(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    provider.will(call("kubectl_scale", scale(2)), say("Done."))
    options = {"model": "m", "base_url": provider.url, "api": api}
    async with talking(tmp_path, says=lambda _: "later", **options) as talk:
        ended = await talk.say("two of them")
        assert ended.ending == "waiting" and stage.writes() == [] and talk.assistant.conversation_id in ended.remedy
    async with talking(tmp_path, says=lambda _: "yes", resume="last", **options) as again:
        assert [question.summary for question in await again.assistant.pending()] == [talk.asked[0].summary]
        ended = await again.settle()
    assert (ended.ending, again.text) == ("done", "Done.") and replicas(stage) == 2
    assert len(stage.writes()) == len(again.asked) == 1 and len(provider.asked) == 2


@both
async def test_a_cancelled_turn_leaves_a_conversation_that_goes_on(
    stage: Stage, provider: Provider, tmp_path: Path, api: Api
) -> None:
    provider.will(call("kubectl_scale", scale(2)), say("slow", stall=60), say("It was done."))
    async with talking(tmp_path, says=lambda _: "yes", model="m", base_url=provider.url, api=api) as talk:

        async def stop() -> None:
            while len(provider.asked) < 2:
                await asyncio.sleep(0.02)
            talk.assistant.cancel()

        stopping = asyncio.create_task(stop())
        ended = await talk.say("two of them")
        await stopping
        assert ended.ending == "interrupted" and replicas(stage) == 2
        assert (await talk.say("what happened?")).ending == "done"
    [(call_id, output)] = provider.asked[-1].results()
    assert provider.asked[-1].calls() == [(call_id, "kubectl_scale")] and "interrupted" not in output
    assert len(stage.writes()) == len(talk.asked) == 1
