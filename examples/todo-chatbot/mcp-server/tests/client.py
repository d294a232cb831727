"""A client of the MCP SDK that acts for one user."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.types import CallToolResult

from todo_testing.tokens import bearer, token

ERAS = ("auto", "legacy")  # the protocol without a handshake, and the one with it


@contextlib.asynccontextmanager
async def client_of(base_url: str, user_id: str, mode: str = "auto") -> AsyncIterator[Client]:
    """A connected client whose every request carries a token of `user_id`."""
    async with (
        create_mcp_http_client(headers=bearer(token(user_id))) as http,
        Client(streamable_http_client(f"{base_url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def call(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    """The structured result of a call that has to succeed."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def refusal(client: Client, name: str, **arguments: Any) -> str:
    """The text of a call that has to fail."""
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return text_of(result)


def text_of(result: CallToolResult) -> str:
    """What a tool answered, as text."""
    return "\n".join(part.text for part in result.content if part.type == "text")
