"""The environment: what is needed, what is refused, and that no secret shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from todo_mcp.settings import DEFAULT_HOSTS, Settings, SettingsError
from todo_testing.tokens import SECRET

GOOD = {"DATABASE_URL": "postgresql://todo:hunter2@db:5432/todo", "JWT_SECRET": SECRET}


def test_defaults() -> None:
    settings = Settings.from_env(GOOD)
    assert (settings.jwt_issuer, settings.jwt_audience, settings.port) == ("todo-chatbot", "todo-api", 8001)
    assert settings.allowed_hosts == DEFAULT_HOSTS


def test_everything_can_be_set() -> None:
    settings = Settings.from_env(
        GOOD
        | {"JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "PORT": "9000", "LOG_LEVEL": "debug"}
        | {"MCP_ALLOWED_HOSTS": "tools.example, ", "MCP_ALLOWED_ORIGINS": "https://a.example,https://b.example"}
    )
    assert (settings.jwt_issuer, settings.jwt_audience, settings.port) == ("i", "a", 9000)
    assert settings.log_level == "DEBUG"
    assert settings.allowed_hosts == (*DEFAULT_HOSTS, "tools.example")
    assert settings.allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"JWT_SECRET": "  "}, "JWT_SECRET is not set"),
        ({"JWT_SECRET": "x" * 31}, "JWT_SECRET is too short"),
        ({"DATABASE_URL": "hunter2"}, "DATABASE_URL is not a database URL"),
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, "'mysql' is not supported"),
        ({"PORT": "0"}, "PORT is not a port number"),
        ({"PORT": "http"}, "PORT is not a port number"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    ],
)
def test_what_is_wrong_is_named_without_a_value(changed: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(GOOD | changed)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_secrets_do_not_show() -> None:
    settings = Settings.from_env(GOOD)
    assert SECRET not in repr(settings) and "hunter2" not in repr(settings)
    assert {SECRET, "hunter2"} <= set(settings.secrets)


def test_the_process_ends_with_one_line_when_the_environment_is_incomplete() -> None:
    source = Path(__file__).parents[1] / "src"
    ended = subprocess.run(
        [sys.executable, "-m", "todo_mcp"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1
    assert ended.stderr == "mcp-server cannot start: DATABASE_URL is not set\n"
