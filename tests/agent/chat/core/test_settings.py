"""What the user's file and environment say of the chat, and which model follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.chat import config
from agent.chat.config import ChatSettings
from agent.chat.models import OFFLINE, choose
from agent.chat.secrets import MASK, Stream, found, mask
from agent.problems import Problem
from mcp_tools import config as tools_config

FILE = """
target = "sandbox"
[chat]
model = "llama3.2"
base_url = "http://127.0.0.1:11434/v1"
prices = { "llama3.2" = { input = 1, output = 2 } }
[mcp_servers.context7]
url = "https://mcp.example.test/mcp"
[mcp_servers.notes]
command = "notes-server"
args = ["--stdio"]
env = ["NOTES_HOME"]
trust = true
"""


@pytest.fixture
def file(state: Path) -> Path:
    path = config.file()
    path.parent.mkdir(parents=True)
    return path


def test_both_readers_take_the_file(file: Path) -> None:
    file.write_text(FILE)
    chat, servers = config.load({})
    assert chat.model == "llama3.2" and chat.prices["llama3.2"].output == 2
    assert servers["notes"].trust and not servers["context7"].trust and servers["context7"].url
    assert tools_config.load()[0].target == "sandbox"
    rows = {row["name"]: row for row in config.shown({"LONGSHORE_MODEL": "other"})}
    assert rows["chat.model"] == {"name": "chat.model", "value": "other", "source": "environment"}
    assert rows["chat.base_url"]["source"] == "file" and rows["chat.max_turns"]["source"] == "default"
    assert rows["mcp_servers.notes"]["value"] == "notes-server --stdio"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[chat]\nmodle = 'x'", "chat.modle"),
        ("[chat]\nmax_turns = 0", "chat.max_turns"),
        ("[mcp_servers.a]\ntrust = true", "mcp_servers.a"),
        ("[mcp_servers.a]\nurl = 'ftp://x'", "mcp_servers.a.url"),
        ("[chat", "cannot be read"),
    ],
)
def test_a_broken_setting_is_named(file: Path, text: str, place: str) -> None:
    file.write_text(text)
    with pytest.raises(Problem, match=place) as told:
        config.load({})
    assert told.value.exit_code == 2 and str(file) in f"{told.value.line()} {told.value.remedy}"


def test_without_a_key_the_offline_planner_answers() -> None:
    assert choose(ChatSettings(), environ={}).label == OFFLINE
    assert choose(ChatSettings(model="offline"), environ={"OPENAI_API_KEY": "k"}).offline


def test_which_model_answers() -> None:
    key = {"OPENAI_API_KEY": "k"}
    assert choose(ChatSettings(model="gpt-x"), environ=key).label == "gpt-x · api.openai.com"
    assert choose(ChatSettings(), environ=key).label.endswith(" · api.openai.com")
    local = choose(ChatSettings(), model="qwen", base_url="http://localhost:8000/v1", environ={})
    assert local.label == "qwen · localhost:8000"
    assert choose(ChatSettings(base_url="http://h/v1", model="m"), model="offline", environ={}).offline


def test_what_is_missing_is_said() -> None:
    with pytest.raises(Problem, match="OPENAI_API_KEY is not set"):
        choose(ChatSettings(model="gpt-x"), environ={})
    with pytest.raises(Problem, match="serves several models"):
        choose(ChatSettings(), base_url="http://h/v1", environ={})


SECRETS = (
    "sk-proj-abcdefghijklmnop1234",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "AKIAABCDEFGHIJKLMNOP",
    "postgres://u:p4ssw0rd-x@h/db",
    "password: hunter2hunter2",
    "JWT_SECRET=0123456789abcdef",
    '"api_key": "abcd1234efgh5678"',
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----",
)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_secret_in_pieces_is_masked(secret: str, size: int) -> None:
    whole = f"look: {secret} and then some more words\nend"
    assert found(whole)
    stream = Stream()
    pieces = [stream.feed(whole[at : at + size]) for at in range(0, len(whole), size)]
    said = "".join(pieces) + stream.end()
    assert said == mask(whole) and MASK in said and said.endswith("and then some more words\nend")


def test_a_stream_gives_what_is_safe_as_it_comes() -> None:
    stream = Stream()
    first = stream.feed("a first line\nand a second one that goes on and on")
    assert first.startswith("a first line\nand a second") and not first.endswith("on")
    assert first + stream.end() == "a first line\nand a second one that goes on and on"
    long = " ".join(f"word{number}" for number in range(3000))
    assert "".join(stream.feed(long[at : at + 50]) for at in range(0, len(long), 50)) + stream.end() == long
