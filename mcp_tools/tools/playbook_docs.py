"""Documentation look-ups of playbook steps: by context7 when it is configured, by the packaged notes otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

from mcp_tools.untrusted import clean
from playbooks import loader

TIMEOUT = 20.0
PACKAGED, CONTEXT7 = "packaged", "context7"
_LIBRARY = re.compile(r"^context7: (/[\w.-]+/[\w.-]+)(?: (.+))?$", re.MULTILINE)
_TOOLS = ("query-docs", "get-library-docs")


class DocsDesk:
    """Answers each note once per run. A look-up that fails is answered by the note: it never stops a step."""

    def __init__(self, url: Any = "") -> None:
        self.url = url
        self.texts: dict[str, str] = {}
        self._found: dict[str, asyncio.Future[str]] = {}

    async def look_up(self, note: str) -> str:
        """Look a note's topic up; the answer is the source, ``context7`` or ``packaged``."""
        if note not in self._found:
            self._found[note] = asyncio.ensure_future(self._look_up(note))
        return await asyncio.shield(self._found[note])

    async def _look_up(self, note: str) -> str:
        text = loader.note(note)
        match = _LIBRARY.search(text)
        if self.url and match:
            with contextlib.suppress(Exception):  # whatever is wrong over there, the note is here
                async with asyncio.timeout(TIMEOUT):
                    self.texts[note] = await ask_context7(self.url, match[1], match[2] or note.replace("-", " "))
                if self.texts[note]:
                    return CONTEXT7
        self.texts[note] = text
        return PACKAGED


async def ask_context7(url: Any, library: str, topic: str) -> str:
    """The documentation of a library about a topic, from a context7 MCP server."""
    from mcp import Client

    async with Client(url) as client:
        there = {tool.name: tool for tool in (await client.list_tools()).tools}
        name = next(name for name in _TOOLS if name in there)
        known: dict[str, Any] = there[name].input_schema.get("properties") or {}
        wanted = {"libraryId": library, "context7CompatibleLibraryID": library, "query": topic, "topic": topic}
        result = await client.call_tool(name, {key: value for key, value in wanted.items() if key in known})
    if result.is_error:
        return ""
    return clean("\n".join(part.text for part in result.content if part.type == "text"))[:20_000]
