"""The tools, called through the SDK's client over streamable HTTP."""

import pytest

from client import ERAS, call, client_of, refusal
from todo_testing.tokens import new_user

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ERAS)
async def test_the_life_of_a_todo(base_url: str, mode: str) -> None:
    async with client_of(base_url, new_user(), mode) as client:
        added = await call(client, "add_todo", title="  buy milk ", description="two litres")
        assert (added["title"], added["description"], added["completed"]) == ("buy milk", "two litres", False)

        done = await call(client, "complete_todo", id=added["id"])
        assert done["completed"] is True
        assert done["updated_at"] > added["updated_at"]

        changed = await call(client, "update_todo", id=added["id"], title="buy oat milk", description="")
        assert (changed["title"], changed["description"], changed["completed"]) == ("buy oat milk", None, True)
        reopened = await call(client, "update_todo", id=added["id"], completed=False)
        assert (reopened["title"], reopened["completed"]) == ("buy oat milk", False)

        gone = await call(client, "delete_todo", id=added["id"])
        assert gone == {"id": added["id"], "title": "buy oat milk", "deleted": True}
        assert (await call(client, "list_todos"))["todos"] == []


async def test_list_shows_the_oldest_first_and_filters(base_url: str) -> None:
    async with client_of(base_url, new_user()) as client:
        ids = [(await call(client, "add_todo", title=title))["id"] for title in ("one", "two", "three")]
        await call(client, "complete_todo", id=ids[1])

        everything = await call(client, "list_todos")
        assert [todo["title"] for todo in everything["todos"]] == ["one", "two", "three"]
        assert (everything["count"], everything["status"]) == (3, "all")
        assert [t["title"] for t in (await call(client, "list_todos", status="open"))["todos"]] == ["one", "three"]
        assert [t["title"] for t in (await call(client, "list_todos", status="done"))["todos"]] == ["two"]


async def test_users_never_meet(base_url: str) -> None:
    async with client_of(base_url, new_user()) as ada, client_of(base_url, new_user()) as bob:
        todo = await call(ada, "add_todo", title="a secret plan")
        assert (await call(bob, "list_todos"))["todos"] == []
        for name, change in (("complete_todo", {}), ("update_todo", {"title": "mine"}), ("delete_todo", {})):
            assert f"There is no todo with id {todo['id']}." in await refusal(bob, name, id=todo["id"], **change)
        assert (await call(ada, "list_todos"))["todos"] == [todo]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("add_todo", {"title": "   "}),
        ("add_todo", {"title": "x" * 201}),
        ("add_todo", {"title": "nul \x00"}),
        ("add_todo", {"title": "x", "description": "x" * 2001}),
        ("add_todo", {}),
        ("list_todos", {"status": "everything"}),
        ("complete_todo", {"id": 0}),
        ("complete_todo", {"id": 2**31}),
        ("complete_todo", {"id": "first"}),
        ("update_todo", {"id": 1}),
    ],
)
async def test_bad_arguments_are_refused(base_url: str, name: str, arguments: dict[str, object]) -> None:
    async with client_of(base_url, new_user()) as client:
        assert await refusal(client, name, **arguments)
        assert (await call(client, "list_todos"))["count"] == 0


async def test_every_tool_tells_what_it_is(base_url: str) -> None:
    async with client_of(base_url, new_user()) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"add_todo", "list_todos", "complete_todo", "update_todo", "delete_todo"}
    for tool in tools.values():
        assert tool.description and tool.title and tool.annotations is not None
        assert tool.output_schema is not None
    reading = {name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint}
    destroying = {name for name, tool in tools.items() if tool.annotations and tool.annotations.destructive_hint}
    assert (reading, destroying) == ({"list_todos"}, {"delete_todo"})
    arguments = {name for tool in tools.values() for name in tool.input_schema.get("properties", {})}
    assert arguments == {"id", "title", "description", "status", "completed"}  # who calls is never an argument
