"""The backend under test, over HTTP, with the real MCP server and a real PostgreSQL."""

from collections.abc import Iterator

import httpx2
import pytest

from todo_backend.app import create_app
from todo_backend.settings import Settings
from todo_testing.fixtures import database_url, empty_database, postgres_server
from todo_testing.serve import mcp_server, serve
from todo_testing.tokens import SECRET, bearer, new_user, token

__all__ = ["database_url", "empty_database", "postgres_server"]


@pytest.fixture(scope="session")
def mcp_url(database_url: str) -> Iterator[str]:
    """The MCP endpoint of the real MCP server on the same database."""
    with mcp_server(database_url, SECRET) as url:
        yield f"{url}/mcp"


@pytest.fixture(scope="session")
def settings(database_url: str, mcp_url: str) -> Settings:
    """Settings without a language model."""
    return Settings(database_url=database_url, jwt_secret=SECRET, mcp_server_url=mcp_url)


@pytest.fixture(scope="session")
def base_url(settings: Settings) -> Iterator[str]:
    """Where the backend listens."""
    with serve(create_app(settings)) as url:
        yield url


@pytest.fixture
def ada(base_url: str) -> Iterator[httpx2.Client]:
    """A client of a user who is new in every test."""
    with client_of(base_url) as client:
        yield client


@pytest.fixture
def bob(base_url: str) -> Iterator[httpx2.Client]:
    """A client of another user."""
    with client_of(base_url) as client:
        yield client


def client_of(base_url: str) -> httpx2.Client:
    """A client whose requests carry the token of a new user."""
    return httpx2.Client(base_url=base_url, headers=bearer(token(new_user())), timeout=30)
