"""The todos of one user over the HTTP API."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest


def add(client: httpx2.Client, title: str, **more: str) -> dict[str, object]:
    answer = client.post("/api/todos", json={"title": title, **more})
    assert answer.status_code == 201, answer.text
    todo: dict[str, object] = answer.json()
    return todo


def titles(client: httpx2.Client, status: str = "all") -> list[str]:
    return [todo["title"] for todo in client.get("/api/todos", params={"status": status}).json()]


def test_the_life_of_a_todo(ada: httpx2.Client) -> None:
    todo = add(ada, "  buy milk ", description="two litres")
    assert set(todo) == {"id", "title", "description", "completed", "created_at", "updated_at"}
    assert (todo["title"], todo["description"], todo["completed"]) == ("buy milk", "two litres", False)
    path = f"/api/todos/{todo['id']}"
    assert ada.get(path).json() == todo

    done = ada.patch(path, json={"completed": True}).json()
    assert done["completed"] is True and done["title"] == "buy milk"
    assert done["updated_at"] > todo["updated_at"]
    changed = ada.patch(path, json={"title": "buy oat milk", "description": None}).json()
    assert (changed["title"], changed["description"], changed["completed"]) == ("buy oat milk", None, True)

    gone = ada.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert [ada.get(path).status_code, ada.delete(path).status_code] == [404, 404]
    assert titles(ada) == []


def test_list_shows_the_oldest_first_and_filters(ada: httpx2.Client) -> None:
    for title in ("one", "two", "three"):
        todo = add(ada, title)
        if title == "two":
            ada.patch(f"/api/todos/{todo['id']}", json={"completed": True})
    assert [titles(ada), titles(ada, "open"), titles(ada, "done")] == [
        ["one", "two", "three"],
        ["one", "three"],
        ["two"],
    ]


def test_users_never_meet(ada: httpx2.Client, bob: httpx2.Client) -> None:
    todo = add(ada, "a secret plan")
    path = f"/api/todos/{todo['id']}"
    assert titles(bob) == []
    tries = [bob.get(path), bob.patch(path, json={"title": "mine"}), bob.delete(path)]
    assert [(answer.status_code, answer.json()) for answer in tries] == [(404, {"detail": "You have no such todo"})] * 3
    assert ada.get(path).json() == todo


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": ""},
        {"title": "   "},
        {"title": "x" * 201},
        {"title": "nul \x00"},
        {"title": "x", "description": "x" * 2001},
        {"title": "x", "user_id": "somebody-else"},
        {"title": 7},
    ],
)
def test_a_bad_todo_is_refused(ada: httpx2.Client, body: dict[str, object]) -> None:
    assert ada.post("/api/todos", json=body).status_code == 422
    assert titles(ada) == []


@pytest.mark.parametrize("todo_id", ["0", "-1", "abc", str(2**31), "1.5"])
def test_a_bad_id_is_refused(ada: httpx2.Client, todo_id: str) -> None:
    assert ada.get(f"/api/todos/{todo_id}").status_code == 422


def test_many_at_once_lose_nothing(ada: httpx2.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda number: add(ada, f"todo {number}"), range(24)))
    assert sorted(titles(ada)) == sorted(f"todo {number}" for number in range(24))
    assert len({todo["id"] for todo in added}) == 24


def test_text_of_every_kind_survives(ada: httpx2.Client) -> None:
    for title in ("Käse & Brot <b>", "牛乳を買う 🥛", "'; DROP TABLE todos; --", "a\tb"):
        assert add(ada, title)["title"] == title
