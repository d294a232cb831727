"""Further MCP servers: each call is asked about, what they say is data, and they get nothing that they do not need."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.confirm import Choice, Question
from tests.agent.chat.core.wire.provider import Provider, call, say
from tests.agent.chat.core.wire.stage import Stage, dumped, talking

pytestmark = pytest.mark.anyio
SERVER = Path(__file__).with_name("foreign_server.py")


@pytest.fixture
def calls(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Configures the server; what it is called with."""
    log = tmp_path / "foreign.jsonl"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary0123456789abcdef")
    monkeypatch.setenv("NOTES_PLACE", "here")

    def configure(**more: Any) -> Any:
        lines = {"command": sys.executable, "args": [str(SERVER), str(log)], "env": ["NOTES_PLACE", "PATH"]} | more
        config = state.parent.parent / "config" / "longshore" / "config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in lines.items())
        config.write_text(f"[mcp_servers.notes]\n{text}\n", encoding="utf-8")
        return lambda: [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    return configure


def only(wanted: str) -> Any:
    def says(question: Question) -> Choice:
        return "yes" if wanted in question.summary else "no"

    return says


async def test_every_call_is_asked_whatever_it_says_of_itself(
    stage: Stage, provider: Provider, tmp_path: Path, calls: Any
) -> None:
    called = calls()
    provider.will(call("notes__read", {"text": "a"}), call("notes__kubectl_delete", {"name": "web"}), say("Done."))
    async with talking(tmp_path, says=only("call read"), model="m", base_url=provider.url, api="responses") as talk:
        ended = await talk.say("read my notes")
        named = {tool.name: tool for tool in talk.assistant.tools if tool.server}
    assert ended.ending == "done" and [one["tool"] for one in called()] == ["read"]
    assert [question.target for question in talk.asked] == ["notes", "notes"] and '"a"' in "".join(talk.asked[0].diff)
    assert "kubectl_delete" in named["notes__kubectl_delete"].name and stage.writes() == []
    assert called()[0]["arguments"] == {"text": "a"}
    assert "NOTES_PLACE" in called()[0]["env"] and "OPENAI_API_KEY" not in called()[0]["env"]
    assert not set(called()[0]["env"]) & {"XDG_STATE_HOME", "KUBECONFIG", *(n for n in os.environ if "TOKEN" in n)}


async def test_a_trusted_one_is_not_asked_about(stage: Stage, provider: Provider, tmp_path: Path, calls: Any) -> None:
    called = calls(trust=True)
    provider.will(call("notes__read", {"text": "a"}), say("Done."))
    async with talking(tmp_path, model="m", base_url=provider.url, api="responses") as talk:
        await talk.say("read my notes")
    assert len(called()) == 1 and talk.asked == []


async def test_a_no_is_not_asked_again(stage: Stage, provider: Provider, tmp_path: Path, calls: Any) -> None:
    called = calls()
    provider.will(*[call("notes__read", {"text": "a"})] * 3, say("Well."))
    async with talking(tmp_path, model="m", base_url=provider.url, api="responses") as talk:
        assert (await talk.say("read my notes")).ending == "done"
    assert len(talk.asked) == 1 and called() == []


async def test_what_it_says_is_data(stage: Stage, provider: Provider, tmp_path: Path, calls: Any) -> None:
    calls(trust=True)
    provider.will(call("notes__read"), call("notes__fails"), call("notes__large"), say("Done."))
    async with talking(tmp_path, model="m", base_url=provider.url, api="responses") as talk:
        assert (await talk.say("read my notes")).ending == "done"
    sent = "\n".join(json.dumps(one.body, ensure_ascii=False) for one in provider.asked)
    everything = sent + dumped(talk.events)
    for hidden in (
        "\x1b",
        "\\u001b",
        "\u202e",
        "\u200b",
        "<system>",
        "<|im_start|>",
        "hunter2-canary",
        "canary-in-url",
    ):
        assert hidden not in everything, ascii(hidden)
    read, fails, large = (text for _, text in provider.asked[-1].results())
    for text in (read, fails, large):
        assert text.count("<untrusted ") == text.count("</untrusted>") == 1
    assert fails.startswith("tool-failed: ") and len(large) < 20_000


async def test_after_it_has_spoken_whatever_makes_something_is_asked_about(
    stage: Stage, provider: Provider, tmp_path: Path, calls: Any
) -> None:
    calls(trust=True)
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: planted}}"
    apply = call("kubectl_apply", {"namespace": "shop", "manifest": manifest})
    provider.will(call("notes__read"), apply, say("Done."))
    async with talking(tmp_path, model="m", base_url=provider.url, api="responses") as talk:
        assert (await talk.say("read my notes")).ending == "done"
    assert [question.effect for question in talk.asked] == ["create"] and stage.writes() == []


async def test_names_are_told_apart(stage: Stage, provider: Provider, tmp_path: Path, calls: Any) -> None:
    calls(trust=True)
    provider.will(say("Done."))
    async with talking(tmp_path, model="m", base_url=provider.url, api="responses") as talk:
        assert (await talk.say("hello")).ending == "done"
        names = [tool.name for tool in talk.assistant.tools]
    assert len(names) == len(set(names)) and {"kubectl_delete", "notes__kubectl_delete"} <= set(names)
    assert set(names) <= provider.asked[0].tools


@pytest.mark.parametrize("tool", ["lies", "dies"])
async def test_one_that_breaks_its_word_or_ends_is_said_to(
    stage: Stage, provider: Provider, tmp_path: Path, calls: Any, tool: str
) -> None:
    calls(trust=True)
    get = call("kubectl_get", {"kind": "namespace"})
    provider.will(call(f"notes__{tool}"), call("notes__read"), get, say("Done."))
    async with talking(tmp_path, model="m", base_url=provider.url, api="responses") as talk:
        ended = await talk.say("read my notes")
    assert (ended.ending, talk.text) == ("done", "Done.")
    assert "notes" in provider.asked[1].results()[0][1] and talk.finished[-1].ok


@pytest.mark.parametrize(
    "broken", [{"command": "/does/not/exist"}, {"args": ["-c", "print('hello'); raise SystemExit(1)"]}]
)
async def test_one_that_does_not_start_is_left_out(
    stage: Stage, provider: Provider, tmp_path: Path, calls: Any, broken: dict[str, Any]
) -> None:
    calls(**broken)
    provider.will(say("Done."))
    async with talking(tmp_path, model="m", base_url=provider.url, api="responses") as talk:
        [notice] = talk.assistant.notices
        assert notice.kind == "warning" and "notes" in notice.text and "Traceback" not in notice.text
        assert (await talk.say("hello")).ending == "done"
    assert "kubectl_get" in provider.asked[0].tools
