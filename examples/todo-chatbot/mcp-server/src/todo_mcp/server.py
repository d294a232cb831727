"""The ASGI application: MCP at /mcp, and health, readiness and the list of tools beside it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from . import __version__
from .auth import RequireBearer
from .common.database import Database
from .common.tokens import TokenVerifier
from .models import Todo
from .settings import Settings
from .store import TodoStore
from .tools import register

SERVICE = "mcp-server"
BODY_MAX = 64 * 1024  # bytes; the longest valid call is a small part of it


def create_app(settings: Settings, database: Database | None = None) -> ASGIApp:
    """Build the application. It starts without a database and becomes ready when there is one."""
    db = database or Database(settings.database_url, [Todo])
    server = MCPServer(
        SERVICE,
        version=__version__,
        instructions="Tools for the todo list of the signed-in user.",
        log_level="WARNING",
    )
    register(server, TodoStore(db))
    app = server.streamable_http_app(
        stateless_http=True,  # a call needs no earlier one: any replica may answer it
        json_response=True,
        max_request_body_size=BODY_MAX,
        transport_security=TransportSecuritySettings(
            allowed_hosts=list(settings.allowed_hosts), allowed_origins=list(settings.allowed_origins)
        ),
    )
    app.router.routes.extend(_public_routes(server, db))
    _prepare_database_at_start(app, db)
    return RequireBearer(app, TokenVerifier(settings.jwt_secret, settings.jwt_issuer, settings.jwt_audience))


def _public_routes(server: MCPServer, db: Database) -> list[Route]:
    identity = {"service": SERVICE, "version": __version__}

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", **identity})

    async def ready(_: Request) -> JSONResponse:
        up = await asyncio.to_thread(db.is_ready)
        body = {"status": "ok" if up else "unavailable", **identity, "checks": {"database": "ok" if up else "failed"}}
        return JSONResponse(body, status_code=200 if up else 503)

    async def tools(_: Request) -> JSONResponse:
        return JSONResponse([tool.name for tool in await server.list_tools()])

    return [Route("/health", health), Route("/ready", ready), Route("/tools", tools)]


def _prepare_database_at_start(app: Starlette, db: Database) -> None:
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(scope_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(db.prepare())
        try:
            async with inner(scope_app):
                yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            db.close()

    app.router.lifespan_context = lifespan
