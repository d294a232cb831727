"""The chat: the Agents SDK runs the offline model, which calls the real MCP server."""

import socket
import time
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from todo_backend.app import create_app
from todo_backend.settings import Settings
from todo_testing.postgres import unused_port
from todo_testing.serve import serve
from todo_testing.tokens import SECRET, bearer, new_user, token

NOTE = "Offline mode: no language model is configured"


def say(client: httpx2.Client, message: str, conversation_id: str | None = None) -> dict[str, object]:
    body = {"message": message} | ({"conversation_id": conversation_id} if conversation_id else {})
    answer = client.post("/api/chat", json=body)
    assert answer.status_code == 200, answer.text
    reply: dict[str, object] = answer.json()
    return reply


def calls_of(reply: dict[str, object]) -> list[dict[str, Any]]:
    calls = reply["tool_calls"]
    assert isinstance(calls, list)
    return calls


def test_a_todo_added_by_chat_is_on_the_list(ada: httpx2.Client) -> None:
    reply = say(ada, "add buy milk")
    [todo] = ada.get("/api/todos").json()
    assert todo["title"] == "buy milk"
    assert f'Added "buy milk" to your list (#{todo["id"]}).' in str(reply["reply"])
    [call] = calls_of(reply)
    assert (call["name"], call["arguments"], call["ok"]) == ("add_todo", {"title": "buy milk"}, True)
    assert call["result"]["id"] == todo["id"]


def test_it_says_once_that_no_language_model_answers(ada: httpx2.Client) -> None:
    first = say(ada, "what is on my list?")
    assert first["model"] == "offline" and NOTE in str(first["reply"])
    second = say(ada, "add buy milk", str(first["conversation_id"]))
    assert second["conversation_id"] == first["conversation_id"]
    assert second["model"] == "offline" and NOTE not in str(second["reply"])


def test_a_whole_conversation(ada: httpx2.Client) -> None:
    conversation = str(say(ada, "Please remind me to water the plants")["conversation_id"])
    for message, expected in {
        "add call Anna with note: about the letter": 'Added "call Anna"',
        "what is still open?": "You have 2 open todos",
        "mark the plants as done": '"water the plants"',
        "rename call Anna to call Grace": 'It is now called "call Grace"',
        "reopen it": "is open again",
        "delete call Grace": 'Deleted "call Grace"',
        "delete everything": "one todo at a time",
        "complete the unicorn": 'no todo like "unicorn"',
        "sing a song": "I did not understand that",
    }.items():
        assert expected in str(say(ada, message, conversation)["reply"]), message
    [todo] = ada.get("/api/todos").json()
    assert (todo["title"], todo["completed"]) == ("water the plants", True)


def test_conversations_are_kept_for_their_owner(ada: httpx2.Client, bob: httpx2.Client) -> None:
    reply = say(ada, "add buy milk")
    path = f"/api/conversations/{reply['conversation_id']}"
    kept = ada.get(path).json()
    assert [(message["role"], message["content"]) for message in kept["messages"]] == [
        ("user", "add buy milk"),
        ("assistant", reply["reply"]),
    ]
    assert kept["messages"][1]["tool_calls"] == reply["tool_calls"]

    assert bob.get(path).status_code == 404
    intruding = bob.post("/api/chat", json={"message": "hi", "conversation_id": reply["conversation_id"]})
    assert (intruding.status_code, intruding.json()) == (404, {"detail": "You have no such conversation"})
    assert len(ada.get(path).json()["messages"]) == 2
    assert ada.get(f"/api/conversations/{uuid4()}").status_code == 404


def test_the_chat_acts_for_the_caller_only(ada: httpx2.Client, bob: httpx2.Client) -> None:
    say(ada, "add a secret plan")
    [todo] = ada.get("/api/todos").json()
    assert "Your list is empty" in str(say(bob, "show my list")["reply"])
    reply = say(bob, f"delete {todo['id']}")
    assert f"did not work: There is no todo with id {todo['id']}." in str(reply["reply"])
    assert [call["ok"] for call in calls_of(reply)] == [False]
    assert ada.get("/api/todos").json() == [todo]


@pytest.mark.parametrize("body", [{}, {"message": " "}, {"message": "x" * 4001}, {"message": "x\x00"}, {"text": "hi"}])
def test_a_bad_message_is_refused(ada: httpx2.Client, body: dict[str, str]) -> None:
    assert ada.post("/api/chat", json=body).status_code == 422


def test_without_the_mcp_server_the_answer_says_so(database_url: str) -> None:
    down = f"http://127.0.0.1:{unused_port()}/mcp"
    headers = bearer(token(new_user()))
    with serve(create_app(Settings(database_url=database_url, jwt_secret=SECRET, mcp_server_url=down))) as base_url:
        answer = httpx2.post(f"{base_url}/api/chat", json={"message": "add buy milk"}, headers=headers, timeout=30)
        assert answer.status_code == 200
        assert "The todo tools cannot be reached at the moment. Nothing was changed." in answer.json()["reply"]
        assert httpx2.get(f"{base_url}/api/todos", headers=headers).json() == []


def test_an_mcp_server_that_hangs_is_not_waited_for_long(database_url: str) -> None:
    headers = bearer(token(new_user()))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/mcp"
        app = create_app(Settings(database_url=database_url, jwt_secret=SECRET, mcp_server_url=url))
        with serve(app) as base_url:
            start = time.monotonic()
            answer = httpx2.post(f"{base_url}/api/chat", json={"message": "add buy milk"}, headers=headers, timeout=30)
            assert time.monotonic() - start < 20
            assert "cannot be reached" in answer.json()["reply"]
            assert httpx2.get(f"{base_url}/ready").status_code == 503
