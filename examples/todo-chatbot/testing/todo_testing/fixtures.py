"""Fixtures that both services use; a conftest.py imports them by name."""

from collections.abc import Iterator

import pytest

from . import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server. The test is skipped when there is none."""
    try:
        manager = postgres.server()
        url = manager.__enter__()
    except postgres.NoPostgres as error:
        pytest.skip(str(error))
    yield url
    manager.__exit__(None, None, None)


@pytest.fixture(scope="session")
def database_url(postgres_server: str) -> Iterator[str]:
    """One database for all tests; they keep apart by their users."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    """A database of the test's own."""
    with postgres.database(postgres_server) as url:
        yield url
