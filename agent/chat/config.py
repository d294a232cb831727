"""What a user can set for the chat, in ``[chat]`` and ``[mcp_servers]`` of the configuration file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.problems import Problem

__all__ = ["ChatSettings", "ForeignServer", "Price", "load", "shown"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Closed):
    """US dollars for a million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class ChatSettings(_Closed):
    """``[chat]``."""

    model: str = Field("", description="Name of the model; `offline` for the offline planner")
    base_url: str = Field("", pattern=r"^(https?://\S+)?$", description="An OpenAI-compatible server")
    api: Literal["", "responses", "chat"] = Field("", description="Which of OpenAI's interfaces it speaks")
    api_key_env: str = Field("OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Variable of the key")
    prices: dict[str, Price] = Field(default_factory=dict, description="Dollars per million tokens, by model")
    max_turns: int = Field(30, ge=1, le=500, description="Answers of the model to one message")
    max_calls: int = Field(60, ge=1, le=2000, description="Tool calls for one message")
    max_tokens: int = Field(500_000, ge=1000, description="Tokens of one conversation")
    max_cost: float | None = Field(None, gt=0, description="US dollars for one conversation")
    trace: str = Field("", description="A local file that each step is written to; nothing is sent anywhere")


class ForeignServer(_Closed):
    """``[mcp_servers.NAME]``: a further MCP server, by command or by URL."""

    command: str = ""
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = Field((), description="Names of variables that it may see")
    url: str = Field("", pattern=r"^(https?://\S+)?$")
    token_env: str = Field("", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$", description="Variable of its bearer token")
    trust: bool = Field(False, description="Do not ask before each of its calls")

    @model_validator(mode="after")
    def _one_way(self) -> ForeignServer:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either a command or a url")
        return self


class _File(BaseModel):
    chat: ChatSettings = ChatSettings()
    mcp_servers: dict[str, ForeignServer] = Field(default_factory=dict)


def file() -> Path:
    """The user's configuration file (it need not exist)."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(named) if named.startswith("/") else Path.home() / ".config") / "longshore" / "config.toml"


def _data() -> dict[str, Any]:
    path = file()
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise Problem(f"{path} cannot be read", str(error), "correct or remove it", code="usage") from error


def load(environ: Mapping[str, str] = os.environ) -> tuple[ChatSettings, dict[str, ForeignServer]]:
    """The settings; ``LONGSHORE_MODEL``, ``LONGSHORE_BASE_URL`` and ``LONGSHORE_API`` come before the file.

    Raises:
        Problem: the file, or a value, is broken; names the place.
    """
    path, data = file(), _data()
    given = data.get("chat", {})
    chat = dict(given) if isinstance(given, Mapping) else {"": given}
    for name in ("model", "base_url", "api"):
        if value := environ.get(f"LONGSHORE_{name.upper()}"):
            chat[name] = value
    try:
        found = _File.model_validate({"chat": chat, "mcp_servers": data.get("mcp_servers") or {}})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise Problem(f"setting {name} is not valid", str(first["msg"]), f"correct {path}", code="usage") from error
    return found.chat, found.mcp_servers


def shown(environ: Mapping[str, str] = os.environ) -> list[dict[str, str]]:
    """The chat's settings for ``doctor``: name, value, and where it came from. No value is a secret.

    Raises:
        Problem: as :func:`load`.
    """
    chat, servers = load(environ)
    said = _data().get("chat") or {}
    rows = []
    for name in ChatSettings.model_fields:
        value = getattr(chat, name)
        in_env = name in ("model", "base_url", "api") and environ.get(f"LONGSHORE_{name.upper()}")
        source = "environment" if in_env else "file" if name in said else "default"
        text = ", ".join(value) if name == "prices" else "" if value is None else str(value)
        rows.append({"name": f"chat.{name}", "value": text, "source": source})
    for name, server in servers.items():
        how = server.url or " ".join((server.command, *server.args))
        rows.append({"name": f"mcp_servers.{name}", "value": how, "source": "file"})
    return rows
