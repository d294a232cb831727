"""The environment: what is needed, what is refused, and that no secret shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from todo_backend.settings import Settings, SettingsError
from todo_testing.tokens import SECRET

GOOD = {"DATABASE_URL": "postgresql://todo:hunter2@db:5432/todo", "JWT_SECRET": SECRET}


def test_defaults() -> None:
    settings = Settings.from_env(GOOD)
    assert (settings.jwt_issuer, settings.jwt_audience, settings.port) == ("todo-chatbot", "todo-api", 8000)
    assert settings.mcp_server_url == "http://mcp-server:8001/mcp"
    assert settings.openai_api_key is None


def test_everything_can_be_set() -> None:
    settings = Settings.from_env(
        GOOD
        | {"JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "PORT": "9000", "LOG_LEVEL": "debug"}
        | {"MCP_SERVER_URL": "https://tools.example/mcp", "OPENAI_API_KEY": " sk-1 ", "OPENAI_MODEL": "m"}
        | {"OPENAI_BASE_URL": "http://model.example/v1"}
    )
    assert (settings.jwt_issuer, settings.jwt_audience, settings.port) == ("i", "a", 9000)
    assert (settings.log_level, settings.mcp_server_url) == ("DEBUG", "https://tools.example/mcp")
    assert (settings.openai_api_key, settings.openai_model) == ("sk-1", "m")
    assert settings.openai_base_url == "http://model.example/v1"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"JWT_SECRET": "  "}, "JWT_SECRET is not set"),
        ({"JWT_SECRET": "x" * 31}, "JWT_SECRET is too short"),
        ({"DATABASE_URL": "hunter2"}, "DATABASE_URL is not a database URL"),
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, "'mysql' is not supported"),
        ({"MCP_SERVER_URL": "mcp-server:8001"}, "MCP_SERVER_URL is not an http(s) URL"),
        ({"OPENAI_BASE_URL": "ftp://x"}, "OPENAI_BASE_URL is not an http(s) URL"),
        ({"PORT": "70000"}, "PORT is not a port number"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    ],
)
def test_what_is_wrong_is_named_without_a_value(changed: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(GOOD | changed)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_secrets_do_not_show() -> None:
    settings = Settings.from_env(GOOD | {"OPENAI_API_KEY": "sk-secret"})
    for secret in (SECRET, "hunter2", "sk-secret"):
        assert secret not in repr(settings)
        assert secret in settings.secrets


def test_the_process_ends_with_one_line_when_the_environment_is_incomplete() -> None:
    source = Path(__file__).parents[1] / "src"
    ended = subprocess.run(
        [sys.executable, "-m", "todo_backend"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1
    assert ended.stderr == "todo-backend cannot start: DATABASE_URL is not set\n"
