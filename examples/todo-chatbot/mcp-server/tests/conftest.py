"""The MCP server under test, over HTTP and on a real PostgreSQL."""

from collections.abc import Iterator

import pytest

from todo_mcp.server import create_app
from todo_mcp.settings import Settings
from todo_testing.fixtures import database_url, empty_database, postgres_server
from todo_testing.serve import serve
from todo_testing.tokens import SECRET

__all__ = ["database_url", "empty_database", "postgres_server"]


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the service."""
    return "asyncio"


@pytest.fixture(scope="session")
def base_url(database_url: str) -> Iterator[str]:
    """Where the server listens."""
    with serve(create_app(Settings(database_url=database_url, jwt_secret=SECRET))) as url:
        yield url
