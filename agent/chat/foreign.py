"""Further MCP servers, as the user's configuration names them. What they say is data, and each call is asked about."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from agent.chat.bridge import Bridge, ToolInfo
from agent.chat.config import ForeignServer
from agent.chat.fence import fenced, plain
from agent.confirm import Question
from agent.problems import Problem
from agent.text import one_line, safe

if TYPE_CHECKING:
    from agents import FunctionTool
    from agents.tool_context import ToolContext

__all__ = ["Foreign", "connect"]

START_SECONDS = 20.0


class Foreign:
    """One connected server."""

    def __init__(self, name: str, settings: ForeignServer, client: Any, tools: list[Any]) -> None:
        self.name, self.settings, self._client, self._tools = name, settings, client, tools
        self._names = _apart([re.sub(r"[^A-Za-z0-9_-]", "_", f"{name}__{tool.name}")[:60] for tool in tools])

    def infos(self) -> list[ToolInfo]:
        """Its tools, for people."""
        return [
            ToolInfo(
                named,
                one_line(tool.title or tool.name),
                one_line(tool.description or ""),
                bool(tool.annotations and tool.annotations.read_only_hint),
                not (tool.annotations and tool.annotations.read_only_hint),
                self.name,
            )
            for tool, named in zip(self._tools, self._names, strict=True)
        ]

    def function_tools(self, bridge: Bridge) -> list[FunctionTool]:
        """Its tools, for the model."""
        return [self._function_tool(bridge, *pair) for pair in zip(self._tools, self._names, strict=True)]

    def _function_tool(self, bridge: Bridge, tool: Any, name: str) -> FunctionTool:
        from agents import FunctionTool

        said = str(tool.name)

        async def needs(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
            if bridge.declined(name, arguments):
                return False
            shown = tuple(safe(json.dumps(arguments, indent=1, ensure_ascii=False)).split("\n"))
            facts = (f"tool: {one_line(said)}", "its annotations are its own word: nobody has checked them")
            summary = f"call {one_line(said)} of the server {self.name}"
            bridge.questions[call_id] = Question(summary, "call", self.name, facts, shown)
            return True

        async def make(call_id: str, wanted: str, arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
            return await self._call(said, arguments), {}

        async def invoke(context: ToolContext[Any], arguments: str) -> str:
            return await bridge.run(context.tool_call_id, name, arguments, make, self.name)

        described = plain(tool.description or tool.title or name)[:1000]
        return FunctionTool(
            name=name,
            description=described,
            params_json_schema=_bare(dict(tool.input_schema)),
            on_invoke_tool=invoke,
            strict_json_schema=False,
            needs_approval=False if self.settings.trust else needs,
        )

    async def _call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        from mcp import MCPError

        try:
            result = await self._client.call_tool(tool, dict(arguments))
        except (MCPError, OSError, RuntimeError, ValueError) as error:
            raise Problem(f"{self.name} did not answer as it should", plain(str(error)), code="server") from error
        text = "\n".join(part.text for part in result.content if part.type == "text")
        if result.is_error:
            raise Problem(f"a call of {self.name} failed", plain(text), code="tool-failed")
        return fenced(text, self.name)


def _apart(names: list[str]) -> list[str]:
    """The names, with a number where two are the same."""
    found: list[str] = []
    for name in names:
        number, made = 1, name
        while made in found:
            number += 1
            made = f"{name}_{number}"
        found.append(made)
    return found


def _bare(node: Any) -> Any:
    """A schema whose texts are fit for a model: they, too, are the other server's words."""
    if isinstance(node, str):
        return plain(node)[:1000]
    if isinstance(node, dict):
        return {plain(str(key)): _bare(value) for key, value in node.items()}
    return [_bare(value) for value in node] if isinstance(node, list) else node


@contextlib.asynccontextmanager
async def connect(name: str, settings: ForeignServer) -> AsyncIterator[Foreign]:
    """Start, or reach, that server while the block runs.

    Raises:
        Problem: it does not answer.
    """
    import asyncio

    from mcp import Client

    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(START_SECONDS):
                client = await stack.enter_async_context(Client(await _transport(settings, stack)))
                tools = list((await client.list_tools()).tools)
        except Exception as error:
            while isinstance(error, BaseExceptionGroup) and isinstance(error.exceptions[0], Exception):
                error = error.exceptions[0]
            why = one_line(error) or type(error).__name__
            raise Problem(f"the MCP server {name} does not answer", why, f"correct [mcp_servers.{name}]") from error
        yield Foreign(name, settings, client, tools)


async def _transport(settings: ForeignServer, stack: contextlib.AsyncExitStack) -> Any:
    if settings.url:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        token = os.environ.get(settings.token_env, "") if settings.token_env else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(30)))
        return streamable_http_client(settings.url, http_client=http)
    from mcp.client.stdio import StdioServerParameters, stdio_client

    env = {key: value for key in settings.env if (value := os.environ.get(key)) is not None}
    parameters = StdioServerParameters(command=settings.command, args=list(settings.args), env=env)
    return stdio_client(parameters, errlog=stack.enter_context(_nowhere()))


def _nowhere() -> Any:
    """A foreign server's chatter does not belong on the terminal."""
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
