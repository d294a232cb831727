"""With an API key the agent asks a language model. A small server speaks the API's part here."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from todo_backend.app import create_app
from todo_backend.settings import Settings
from todo_testing.serve import serve
from todo_testing.tokens import SECRET, bearer, new_user, token

KEY = "sk-a-key-for-tests-only"


@dataclass
class FakeModel:
    """Answers chat completions from a script and keeps what it was asked."""

    script: list[dict[str, Any] | int] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    url: str = ""

    async def complete(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.keys.append(request.headers["authorization"])
        message = self.script.pop(0)
        if isinstance(message, int):
            return JSONResponse({"error": {"message": "no"}}, status_code=message)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": None, **message}}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        return JSONResponse(body)


def tool_call(name: str, **arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"id": "call_1", "type": "function", "function": function}]}


@pytest.fixture(scope="module")
def served_model() -> Iterator[FakeModel]:
    model = FakeModel()
    with serve(Starlette(routes=[Route("/v1/chat/completions", model.complete, methods=["POST"])])) as url:
        model.url = f"{url}/v1"
        yield model


@pytest.fixture
def model(served_model: FakeModel) -> FakeModel:
    for memory in (served_model.script, served_model.asked, served_model.keys):
        memory.clear()
    return served_model


@pytest.fixture(scope="module")
def client(served_model: FakeModel, database_url: str, mcp_url: str) -> Iterator[httpx2.Client]:
    settings = Settings(
        database_url=database_url,
        jwt_secret=SECRET,
        mcp_server_url=mcp_url,
        openai_api_key=KEY,
        openai_base_url=served_model.url,
        openai_model="a-model",
    )
    headers = bearer(token(new_user()))
    with serve(create_app(settings)) as url, httpx2.Client(base_url=url, headers=headers, timeout=30) as client:
        yield client


def test_the_model_uses_the_tools_of_the_mcp_server(model: FakeModel, client: httpx2.Client) -> None:
    model.script += [tool_call("add_todo", title="buy milk"), {"content": "Milk is on the list."}]
    reply = client.post("/api/chat", json={"message": "we are out of milk"}).json()
    assert (reply["reply"], reply["model"]) == ("Milk is on the list.", "a-model")
    assert [(call["name"], call["ok"]) for call in reply["tool_calls"]] == [("add_todo", True)]
    assert "buy milk" in [todo["title"] for todo in client.get("/api/todos").json()]

    offered = {tool["function"]["name"] for tool in model.asked[0]["tools"]}
    assert offered == {"add_todo", "list_todos", "complete_todo", "update_todo", "delete_todo"}
    assert model.asked[0]["messages"][-1] == {"role": "user", "content": "we are out of milk"}
    assert set(model.keys) == {f"Bearer {KEY}"}


def test_the_model_knows_the_conversation_so_far(model: FakeModel, client: httpx2.Client) -> None:
    model.script += [{"content": "Hello."}, {"content": "You said hi."}]
    first = client.post("/api/chat", json={"message": "hi"}).json()
    client.post("/api/chat", json={"message": "what did I say?", "conversation_id": first["conversation_id"]})
    said = [(m["role"], m["content"]) for m in model.asked[1]["messages"] if m["role"] != "system"]
    assert said == [("user", "hi"), ("assistant", "Hello."), ("user", "what did I say?")]


def test_a_model_that_fails_is_named(model: FakeModel, client: httpx2.Client) -> None:
    model.script += [401]
    answer = client.post("/api/chat", json={"message": "hi"})
    assert answer.status_code == 200
    assert "The language model did not answer. Nothing was changed." in answer.json()["reply"]
    assert KEY not in answer.text


def test_what_was_done_before_a_failure_is_admitted(model: FakeModel, client: httpx2.Client) -> None:
    model.script += [tool_call("add_todo", title="half done"), 401]
    reply = client.post("/api/chat", json={"message": "add half done"}).json()
    assert "Some of it was done already" in reply["reply"]
    assert "half done" in [todo["title"] for todo in client.get("/api/todos").json()]


def test_a_tool_that_the_model_calls_wrongly_does_no_harm(model: FakeModel, client: httpx2.Client) -> None:
    model.script += [tool_call("complete_todo", id=2_000_000_000), {"content": "There is no such todo."}]
    reply = client.post("/api/chat", json={"message": "complete the last"}).json()
    assert reply["reply"] == "There is no such todo."
    [call] = reply["tool_calls"]
    assert call["ok"] is False and "There is no todo with id 2000000000." in call["result"]
