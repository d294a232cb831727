"""Health, readiness and the public list of tools; and a database that is late or comes back empty."""

import time

import httpx2
import psycopg
import pytest

from client import call, client_of, refusal
from todo_mcp.server import create_app
from todo_mcp.settings import Settings
from todo_testing.postgres import unused_port
from todo_testing.serve import serve
from todo_testing.tokens import SECRET, new_user


def test_health_and_tools_are_public(base_url: str) -> None:
    health = httpx2.get(f"{base_url}/health")
    assert health.status_code == 200
    assert health.json() == {"status": "ok", "service": "mcp-server", "version": "1.0.0"}
    names = httpx2.get(f"{base_url}/tools").json()
    assert sorted(names) == ["add_todo", "complete_todo", "delete_todo", "list_todos", "update_todo"]


def test_ready_with_a_database(base_url: str) -> None:
    ready = httpx2.get(f"{base_url}/ready")
    assert ready.status_code == 200
    assert ready.json()["checks"] == {"database": "ok"}


@pytest.mark.anyio
async def test_without_a_database_it_is_alive_but_not_ready() -> None:
    url = f"postgresql://todo:pw@127.0.0.1:{unused_port()}/todo"
    with serve(create_app(Settings(database_url=url, jwt_secret=SECRET))) as base_url:
        assert httpx2.get(f"{base_url}/health").status_code == 200
        ready = httpx2.get(f"{base_url}/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert ready.json()["checks"] == {"database": "failed"}
        async with client_of(base_url, new_user()) as client:
            assert "database is not reachable" in await refusal(client, "list_todos")


@pytest.mark.anyio
async def test_a_database_that_comes_back_empty_gets_its_tables_again(empty_database: str) -> None:
    user = new_user()
    with serve(create_app(Settings(database_url=empty_database, jwt_secret=SECRET))) as base_url:
        wait_until_ready(base_url)
        with psycopg.connect(empty_database, autocommit=True) as admin:
            admin.execute("DROP TABLE todos")
        async with client_of(base_url, user) as client:
            assert "database is not reachable" in await refusal(client, "add_todo", title="buy milk")
            assert (await call(client, "add_todo", title="buy milk"))["title"] == "buy milk"
        wait_until_ready(base_url)


def wait_until_ready(base_url: str) -> None:
    deadline = time.monotonic() + 30
    while httpx2.get(f"{base_url}/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
