"""The planner through the Agents SDK's own Runner, with tools whose names and schemas are the catalogue's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agent.planner.world import Talk, World, Wrong

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("stream", [True, False])
async def test_a_deployment_is_planned_then_run(stream: bool) -> None:
    heard = await Talk(World("empty"), stream=stream).say("deploy the todo app")
    assert [tool for tool, _ in heard.calls] == ["playbook_plan", "playbook_run"]
    assert heard.calls[0][1] == {"playbook": "deploy", "application": "examples/todo-chatbot/longshore.yaml"}
    assert "Done: deploy of `todo-chatbot`" in heard.text


async def test_from_a_finding_to_its_fix_and_back() -> None:
    talk = Talk(World("broken"))
    wrong = await talk.say("what's wrong with the backend?")
    assert wrong.calls[0][0] == "diagnose" and wrong.calls[0][1]["release"] == "todo-backend"
    for part in (
        "the image todo-backend:v9 is not on the node",
        "Back-off pulling image",
        "has no endpoints",
        "fix it",
    ):
        assert part in wrong.text
    fixed = await talk.say("fix it")
    assert fixed.calls[0] == ("helm_rollback", {"release": "todo-backend", "revision": 2, "namespace": "todo"})
    assert fixed.asked == ["helm_rollback"]
    assert "no finding any more" in fixed.text
    undone = await talk.say("undo")
    assert undone.calls == [("helm_rollback", {"release": "todo-backend", "namespace": "todo", "revision": 3})]
    assert undone.asked == ["helm_rollback"]


async def test_a_no_means_that_nothing_is_done() -> None:
    talk = Talk(World("broken"), answer="no")
    heard = await talk.say("roll back the backend")
    assert heard.asked == ["helm_rollback"]
    assert [tool for tool, _ in talk.made] == ["helm_rollback_impact"]
    assert "nothing was done" in heard.text
    again = await talk.say("undo")
    assert again.calls == [] and "nothing to undo" in again.text


async def test_a_question_that_waits_is_said_to_wait() -> None:
    heard = await Talk(World(), answer="later").say("restart the frontend")
    assert heard.asked == ["kubectl_restart"]
    assert "waits for your yes" in heard.text and "longshore approve c-1" in heard.text


async def test_a_failure_says_what_why_and_what_to_try() -> None:
    world = World(
        fail={"diagnose": Wrong("environment-not-ready", "the cluster does not answer", "refused", "minikube start")}
    )
    heard = await Talk(world).say("what is wrong with the backend?")
    for part in ("could not diagnose", "cluster does not answer", "refused", "Try: minikube start"):
        assert part in heard.text


async def test_only_tools_that_are_offered_are_called() -> None:
    talk = Talk(World(), toolsets=["diagnostics"])
    heard = await talk.say("restart the backend")
    assert heard.calls == []
    assert "not offered" in heard.text


async def test_text_comes_in_pieces_and_usage_is_one_request() -> None:
    from agents import Runner

    talk = Talk(World())
    result = Runner.run_streamed(talk.agent, "help")
    pieces: list[str] = []
    async for event in result.stream_events():
        data: Any = getattr(event, "data", None)
        if getattr(data, "type", "") == "response.output_text.delta":
            pieces.append(data.delta)
    assert len(pieces) > 20 and "".join(pieces) == result.final_output
    usage = result.context_wrapper.usage
    assert (usage.requests, usage.total_tokens) == (1, 0)


async def test_a_resumed_conversation_goes_on_where_it_was() -> None:
    first = Talk(World("broken"))
    await first.say("what's wrong with the backend?")
    second = Talk(World("broken"))
    second.items, second.store = first.items, first.store
    second.model._results = first.store.get
    heard = await second.say("fix it")
    assert heard.calls[0][0] == "helm_rollback"
