"""From an intent to the next step: call a tool, or answer. Knows nothing of the Agents SDK."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .language import Intent, understand

NOTE = "(Offline mode: no language model is configured, so built-in rules answered.)"
ABILITIES = (
    'I can work with your todo list. Try "add buy milk", "what is on my list?", "complete buy milk", '
    '"rename buy milk to buy oat milk" or "delete buy milk".'
)
UNCLEAR = "I did not understand that. " + ABILITIES
BULK = "I change one todo at a time, to be on the safe side. Which one do you mean?"
TOOL_ERROR_PREFIX = re.compile(r"^Error executing tool \w+: ")
PRONOUNS = frozenset({"it", "that", "this", "that one", "this one", "the last one", "last one"})
SHOWN_MAX = 50  # todos in one answer

Todo = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """Call this tool next."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with this text; the turn is over."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """A tool call of this turn: `data` is what it gave, None when it failed, and then `error` says why."""

    name: str
    data: dict[str, Any] | None
    error: str = ""

    @classmethod
    def of(cls, name: str, output: str) -> "Done":
        """Read a tool's output: a JSON object is a result, any other text is the reason of a failure."""
        try:
            data = json.loads(output)
        except ValueError:
            data = None
        if isinstance(data, dict):
            return cls(name, data)
        return cls(name, None, TOOL_ERROR_PREFIX.sub("", output).split("\n", 1)[0].strip() or "no reason given")


def next_step(message: str, done: Sequence[Done], last_answer: str = "") -> Call | Say:
    """What to do next for `message`, after the calls in `done`; `last_answer` gives "it" a meaning."""
    if done and done[-1].data is None:
        return Say(f"Sorry, that did not work: {done[-1].error}")
    intent = understand(message)
    match intent.kind:
        case "help":
            return Say(ABILITIES)
        case "unclear":
            return Say(UNCLEAR)
        case "bulk":
            return Say(BULK)
        case "add":
            return _add(intent, done)
        case "list":
            return _list(intent, done)
        case _:
            return _change(intent, done, last_answer)


def _add(intent: Intent, done: Sequence[Done]) -> Call | Say:
    if not done:
        arguments = {"title": intent.target} | ({"description": intent.text} if intent.text else {})
        return Call("add_todo", arguments)
    todo = done[-1].data or {}
    return Say(f'Added "{todo.get("title")}" to your list (#{todo.get("id")}).')


def _list(intent: Intent, done: Sequence[Done]) -> Call | Say:
    if not done:
        return Call("list_todos", {"status": intent.status})
    todos = _todos(done[-1])
    which = {"all": "", "open": "open ", "done": "completed "}[intent.status]
    if not todos:
        return Say(f"You have no {which}todos." if which else "Your list is empty.")
    return Say(f"You have {len(todos)} {which}todo{'s' if len(todos) > 1 else ''}:\n{_lines(todos)}")


def _change(intent: Intent, done: Sequence[Done], last_answer: str) -> Call | Say:
    if done and done[-1].name != "list_todos":
        return Say(_changed(intent, done[-1].data or {}))
    target = intent.target
    if target.lower() in PRONOUNS:
        mentioned = set(re.findall(r"#(\d+)", last_answer))
        if len(mentioned) != 1:
            return Say("Which todo do you mean? Tell me its name or its number.")
        target = mentioned.pop()
    if number := re.fullmatch(r"#?(\d{1,10})", target):
        return _call(intent, int(number[1]))
    if not done:
        return Call("list_todos", {"status": "all"})
    found = matching(target, _todos(done[-1]), want_done={"complete": False, "reopen": True}.get(intent.kind))
    if not found:
        return Say(f'I found no todo like "{target}" on your list.')
    if len(found) > 1:
        return Say(f'More than one todo fits "{target}". Which one do you mean?\n{_lines(found)}')
    return _call(intent, int(found[0]["id"]))


def _call(intent: Intent, todo_id: int) -> Call:
    match intent.kind:
        case "complete":
            return Call("complete_todo", {"id": todo_id})
        case "delete":
            return Call("delete_todo", {"id": todo_id})
        case "reopen":
            return Call("update_todo", {"id": todo_id, "completed": False})
        case "describe":
            return Call("update_todo", {"id": todo_id, "description": intent.text})
        case _:
            return Call("update_todo", {"id": todo_id, "title": intent.text})


def _changed(intent: Intent, todo: Todo) -> str:
    name = f'"{todo.get("title")}" (#{todo.get("id")})'
    return {
        "complete": f"Well done: {name} is completed.",
        "delete": f"Deleted {name}.",
        "reopen": f"{name} is open again.",
        "describe": f"I noted the description of {name}.",
    }.get(intent.kind, f"It is now called {name}.")


def matching(target: str, todos: Sequence[Todo], want_done: bool | None = None) -> list[Todo]:
    """The todos that `target` names: by the same title, else by a part of it, else by all of its words.

    Among several, those whose state is `want_done` come first: who completes "milk" means the open one.
    """
    wanted = _words(target)
    tests = (
        lambda words: words == wanted,
        lambda words: " ".join(wanted) in " ".join(words),
        lambda words: set(wanted) <= set(words),
    )
    for test in tests if wanted else ():
        found = [todo for todo in todos if test(_words(str(todo["title"])))]
        in_state = [todo for todo in found if want_done is not None and bool(todo["completed"]) is want_done]
        if found:
            return in_state or found
    return []


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _todos(done: Done) -> list[Todo]:
    todos = (done.data or {}).get("todos", [])
    return [todo for todo in todos if isinstance(todo, dict)]


def _lines(todos: Sequence[Todo]) -> str:
    lines = [f"- #{todo['id']} {todo['title']}{' (done)' if todo['completed'] else ''}" for todo in todos[:SHOWN_MAX]]
    if len(todos) > SHOWN_MAX:
        lines.append(f"… and {len(todos) - SHOWN_MAX} more")
    return "\n".join(lines)
