"""The ASGI application."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from . import __version__
from .api import ROUTERS
from .api.context import Services
from .common.database import UNREACHABLE, Database
from .common.tokens import TokenVerifier
from .models import TABLES
from .services.chat import ChatService
from .services.conversations import ConversationNotFound, ConversationService
from .services.readiness import Readiness
from .services.todos import TodoNotFound, TodoService
from .settings import Settings

logger = logging.getLogger(__name__)
WARM_AFTER_SECONDS = 3.0  # the first probes have been answered by then


def create_app(settings: Settings) -> FastAPI:
    """Build the application. It starts without a database and becomes ready when there is one."""
    database = Database(settings.database_url, TABLES)
    conversations = ConversationService(database)
    services = Services(
        tokens=TokenVerifier(settings.jwt_secret, settings.jwt_issuer, settings.jwt_audience),
        todos=TodoService(database),
        conversations=conversations,
        chat=ChatService(settings, conversations),
        readiness=Readiness(database, settings.mcp_server_url),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_prepare(database, services.chat))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await services.chat.close()
            database.close()

    app = FastAPI(title="Todo Chatbot", version=__version__, lifespan=lifespan)
    app.state.services = services
    for router in ROUTERS:
        app.include_router(router)
    _add_error_answers(app)
    return app


async def _prepare(database: Database, chat: ChatService) -> None:
    """Make the tables, then load the Agents SDK, so that the first chat does not wait for it."""
    await database.prepare()
    await asyncio.sleep(WARM_AFTER_SECONDS)
    try:
        await chat.assistant()
    except Exception:  # the first chat tries again and then answers with the failure
        logger.exception("assistant not loaded")


def _add_error_answers(app: FastAPI) -> None:
    async def not_found(_: Request, error: Exception) -> JSONResponse:
        what = "todo" if isinstance(error, TodoNotFound) else "conversation"
        return JSONResponse({"detail": f"You have no such {what}"}, status_code=404)

    async def unreachable(_: Request, error: Exception) -> JSONResponse:
        logger.warning("database not reachable: %s", type(error).__name__)
        body = {"detail": "The database is not reachable at the moment"}
        return JSONResponse(body, status_code=503, headers={"Retry-After": "5"})

    app.add_exception_handler(TodoNotFound, not_found)
    app.add_exception_handler(ConversationNotFound, not_found)
    for error in UNREACHABLE:
        app.add_exception_handler(error, unreachable)
