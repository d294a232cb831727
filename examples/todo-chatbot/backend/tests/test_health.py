"""Health and readiness, with and without what the service depends on."""

import time

import httpx2
import psycopg

from todo_backend.app import create_app
from todo_backend.settings import Settings
from todo_testing.postgres import unused_port
from todo_testing.serve import serve
from todo_testing.tokens import SECRET, bearer, new_user, token


def nowhere() -> str:
    return f"postgresql://todo:pw@127.0.0.1:{unused_port()}/todo"


def test_health(base_url: str) -> None:
    answer = httpx2.get(f"{base_url}/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "service": "todo-backend", "version": "1.0.0"}


def test_ready_with_everything(base_url: str) -> None:
    answer = httpx2.get(f"{base_url}/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "mcp_server": "ok"}


def test_not_ready_without_the_mcp_server(database_url: str) -> None:
    down = f"http://127.0.0.1:{unused_port()}/mcp"
    with serve(create_app(Settings(database_url=database_url, jwt_secret=SECRET, mcp_server_url=down))) as base_url:
        assert httpx2.get(f"{base_url}/health").status_code == 200
        answer = httpx2.get(f"{base_url}/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
        assert answer.json()["checks"] == {"database": "ok", "mcp_server": "failed"}
        # What needs no tools goes on.
        todos = httpx2.get(f"{base_url}/api/todos", headers=bearer(token(new_user())))
        assert (todos.status_code, todos.json()) == (200, [])


def test_not_ready_without_the_database(mcp_url: str) -> None:
    app = create_app(Settings(database_url=nowhere(), jwt_secret=SECRET, mcp_server_url=mcp_url))
    with serve(app) as base_url:
        assert httpx2.get(f"{base_url}/health").status_code == 200
        answer = httpx2.get(f"{base_url}/ready")
        assert answer.status_code == 503
        assert answer.json()["checks"] == {"database": "failed", "mcp_server": "ok"}
        headers = bearer(token(new_user()))
        todos = httpx2.get(f"{base_url}/api/todos", headers=headers)
        chat = httpx2.post(f"{base_url}/api/chat", headers=headers, json={"message": "add buy milk"})
        for refused in (todos, chat):
            assert refused.status_code == 503
            assert refused.json() == {"detail": "The database is not reachable at the moment"}
            assert refused.headers["retry-after"] == "5"


def test_a_database_that_comes_back_empty_gets_its_tables_again(empty_database: str, mcp_url: str) -> None:
    app = create_app(Settings(database_url=empty_database, jwt_secret=SECRET, mcp_server_url=mcp_url))
    headers = bearer(token(new_user()))
    with serve(app) as base_url:
        wait_until_ready(base_url)
        with psycopg.connect(empty_database, autocommit=True) as admin:
            admin.execute("DROP TABLE todos, conversations, messages")
        assert httpx2.get(f"{base_url}/api/todos", headers=headers).status_code == 503
        assert httpx2.get(f"{base_url}/api/todos", headers=headers).json() == []
        wait_until_ready(base_url)


def wait_until_ready(base_url: str) -> None:
    deadline = time.monotonic() + 30
    while httpx2.get(f"{base_url}/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
