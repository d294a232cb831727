"""Settings: where each value comes from (flag, ``LONGSHORE_*``, the user's file, default), and the state folder."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mcp_tools.errors import UsageError

__all__ = ["Settings", "Sourced", "cache_file", "config_file", "load", "state_dir"]

Source = Literal["flag", "environment", "file", "default"]
OF_THE_CHAT = ("chat", "mcp_servers")
"""Tables of the file that are the chat's: it reads them itself."""


class Settings(BaseModel):
    """What a user can set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str = Field(
        "auto", pattern=r"^(auto|minikube|sandbox|context:[^\s]{1,200})$", description="Where to deploy"
    )
    profile: str = Field("minikube", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="Minikube profile")
    toolsets: str = Field("default", description="Which tools the MCP server offers")
    read_only: bool = Field(False, description="Refuse every tool that does more than look")
    context7_url: str = Field("", description="URL of a context7 MCP server for documentation look-ups")


@dataclass(frozen=True)
class Sourced:
    """A setting's value, and where it came from."""

    name: str
    value: Any
    source: Source


def _home(variable: str, default: str) -> Path:
    named = os.environ.get(variable, "")
    base = Path(named) if named.startswith("/") else Path.home() / default
    return base / "longshore"


def config_file() -> Path:
    """The user's configuration file (it need not exist)."""
    return _home("XDG_CONFIG_HOME", ".config") / "config.toml"


def cache_file(name: str) -> Path:
    """A file of the user's cache; it need not exist, and may go at any time."""
    return _home("XDG_CACHE_HOME", ".cache") / name


def state_dir() -> Path:
    """The folder of the journal and of all other state; made with mode 0700.

    Raises:
        UsageError: it cannot be made.
    """
    folder = _home("XDG_STATE_HOME", ".local/state")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid == os.getuid() and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
        owner = folder.stat().st_uid
    except OSError as error:
        raise UsageError(
            f"the state folder {folder} cannot be made", str(error), "set XDG_STATE_HOME to a folder of yours"
        ) from error
    if owner not in (os.getuid(), 0):  # who owns it could write answers into the journal
        raise UsageError(f"the state folder {folder} is not yours", "", "set XDG_STATE_HOME to a folder of yours")
    return folder


def load(flags: Mapping[str, Any] | None = None) -> tuple[Settings, list[Sourced]]:
    """The settings, and for each where it came from.

    Raises:
        UsageError: a value or the file is broken; names the place.
    """
    file = config_file()
    layers: list[tuple[Source, Mapping[str, Any]]] = [
        ("file", _read(file)),
        ("environment", _environment()),
        ("flag", {name: value for name, value in (flags or {}).items() if value is not None}),
    ]
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for source, layer in layers:
        for name, value in layer.items():
            values[name], sources[name] = value, source
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        where = {"file": str(file), "environment": f"LONGSHORE_{name.upper()}", "flag": f"--{name.replace('_', '-')}"}
        raise UsageError(
            f"setting {name} is not valid", str(first["msg"]), f"correct {where.get(sources.get(name, 'file'))}"
        ) from error
    found = [Sourced(name, getattr(settings, name), sources.get(name, "default")) for name in Settings.model_fields]
    return settings, found


def _environment() -> dict[str, str]:
    found = {name: os.environ.get(f"LONGSHORE_{name.upper()}") for name in Settings.model_fields}
    return {name: value for name, value in found.items() if value is not None}


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{file} cannot be read", str(error), "correct or remove it") from error
    return {name: value for name, value in found.items() if name not in OF_THE_CHAT}
