"""The real server over HTTP for the conformance suite, with the suite's fixtures made as tools of the catalogue.

``python -m tests.contract.conformance_server PORT WORKSPACE``. The suite can send no token: it is added on the way in.
Host and Origin are checked as always, and every call passes the guard.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_tools import transport
from mcp_tools.catalog import Effect, Observation, Preview, ToolInput, ToolOutput, tool
from mcp_tools.errors import ToolFailed
from mcp_tools.server import DEFAULT_TOOLSETS, Options, build
from mcp_tools.world import Call, World

TOKEN = "conformance-0123456789abcdef"


class Nothing(ToolInput):
    message: str = ""


class Said(ToolOutput):
    said: str


async def observe(args: Nothing, call: Call) -> Observation:
    return Observation(effect=Effect.CHANGE, preview=Preview(summary="change a thing", changed=["thing"]), state={})


def fixtures() -> None:
    """The tools that the suite looks for, as far as Longshore's tools can be such."""

    @tool(domain="conformance", title="Text", effect=Effect.READ)
    async def test_simple_text(args: Nothing, call: Call) -> Said:
        """Say something."""
        return Said(said="This is a simple text response for testing.")

    @tool(domain="conformance", title="Error", effect=Effect.READ)
    async def test_error_handling(args: Nothing, call: Call) -> Said:
        """Fail."""
        raise ToolFailed("this tool intentionally returns an error for testing")

    @tool(domain="conformance", title="Progress", effect=Effect.READ)
    async def test_tool_with_progress(args: Nothing, call: Call) -> Said:
        """Report progress."""
        for done in (0, 50, 100):
            await call.progress(done, 100, "going on")
            await asyncio.sleep(0.05)
        return Said(said="done")

    async def act(args: Nothing, call: Call) -> Said:
        """Change something, after a yes."""
        call.permit.require(Effect.CHANGE)
        return Said(said="changed")

    asks = ("elicitation", "request_state", "tampered_state")
    for name in ("test_elicitation", *(f"test_input_required_result_{what}" for what in asks)):
        act.__name__ = name
        tool(domain="conformance", title=name, effect=Effect.CHANGE, observe=observe)(act)


class WithToken:
    """Adds the header."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], (b"authorization", f"Bearer {TOKEN}".encode())]}
        await self.app(scope, receive, send)


def main(port: int, workspace: Path) -> None:
    fixtures()
    server = build(Options(World("sandbox"), workspace, (*DEFAULT_TOOLSETS, "conformance")))
    app = WithToken(transport.http_app(server, "127.0.0.1", port, TOKEN))
    asyncio.run(uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve())


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
