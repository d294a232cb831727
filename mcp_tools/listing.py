"""What ``tools/list`` answers, kept between starts.

Making the definitions takes importing every tool, and a client waits for them before anything else. They are kept in
the user's cache, with what they were made from: any other source file, Python or package makes them anew.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mcp_types as types

from mcp_tools import __version__, config, library
from mcp_tools.catalog import CATALOG, Effect, ToolDef

__all__ = ["definition", "definitions"]

_warming: threading.Thread | None = None


def definition(tool: ToolDef) -> types.Tool:
    """A tool as MCP shows it."""
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.listed_schema,
        output_schema=tool.output_schema,
        annotations=types.ToolAnnotations(
            read_only_hint=tool.effect is Effect.READ,
            destructive_hint=tool.effect in (Effect.CHANGE, Effect.DESTROY),
            idempotent_hint=tool.idempotent,
            open_world_hint=tool.open_world,
        ),
    )


def definitions(toolsets: Sequence[str] | None, read_only: bool) -> list[types.Tool]:
    """The tools that are listed; calls are judged by the guard, whatever was listed."""
    kept = None if _loaded() else _kept()
    if kept is None:
        library.load()
        found = [tool for tool in CATALOG.all(toolsets) if not read_only or tool.effect is Effect.READ]
        made = [definition(tool) for tool in found]
        _keep()
        return made
    _warm()
    wanted = [entry for entry in kept if toolsets is None or entry["toolset"] in toolsets]
    if read_only:
        wanted = [entry for entry in wanted if entry["effect"] == Effect.READ.value]
    return [types.Tool.model_validate(entry["definition"]) for entry in wanted]


def _loaded() -> bool:
    """Whether the tools are there already: all, or some that somebody registered."""
    return library.load.cache_info().currsize > 0 or (_warming is None and bool(CATALOG.toolsets))


def _warm() -> None:
    """Import the tools while the client reads their definitions: the first call finds them."""
    global _warming
    if _warming is None:
        _warming = threading.Thread(target=library.load, name="tools")
        _warming.start()


@functools.cache
def _made_from() -> str:
    """A digest of everything that the definitions follow from."""
    seen = hashlib.sha256(repr((sys.version, version("pydantic"), version("mcp"), __version__)).encode())
    for package in ("mcp_tools", "playbooks"):
        for file in sorted(Path(__file__).parents[1].joinpath(package).rglob("*.py")):
            about = file.stat()
            seen.update(repr((str(file), about.st_mtime_ns, about.st_size)).encode())
    return seen.hexdigest()


@functools.cache
def _kept() -> list[dict[str, Any]] | None:
    """The definitions that were kept, when they still hold; nobody else may have been able to write them."""
    file = config.cache_file("tools.json")
    try:
        with file.open("rb") as stream:
            about = os.fstat(stream.fileno())
            if about.st_uid != os.getuid() or about.st_mode & 0o022:
                return None
            data = json.load(stream)
        if data["made_from"] != _made_from():
            return None
        return [dict(entry) for entry in data["tools"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep() -> None:
    """Keep the definitions for the next start. A cache that cannot be written is none."""
    tools = CATALOG.all()
    if any(not tool.run.__module__.startswith("mcp_tools.tools.") for tool in tools):
        return  # somebody else's are among them
    entries = [
        {
            "toolset": tool.toolset,
            "effect": tool.effect.value,
            "definition": definition(tool).model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        for tool in tools
    ]
    file = config.cache_file("tools.json")
    draft = file.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as stream:
            json.dump({"made_from": _made_from(), "tools": entries}, stream)
        draft.replace(file)
