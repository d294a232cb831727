"""The todo tools. Each acts for the user of the request's token and for nobody else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from ..common.database import UNREACHABLE
from ..store import TodoNotFound, TodoStore
from .results import Description, Status, Title, TodoDeleted, TodoId, TodoList, TodoResult

logger = logging.getLogger(__name__)

READ = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADD = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
CHANGE = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
DELETE = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


@contextmanager
def acting_user() -> Iterator[str]:
    """The id of the calling user; failures inside become tool errors that a person can read."""
    access = get_access_token()
    if access is None or not access.subject:
        raise ToolError("This tool needs a signed-in user.")
    try:
        yield access.subject
    except TodoNotFound as error:
        raise ToolError(str(error)) from None
    except UNREACHABLE as error:
        logger.warning("tool failed, database not reachable: %s", type(error).__name__)
        raise ToolError("The todo database is not reachable at the moment.") from None


class TodoTools:
    """The tool functions, bound to a store."""

    def __init__(self, store: TodoStore) -> None:
        self._store = store

    def add_todo(self, title: Title, description: Description | None = None) -> TodoResult:
        """Add a todo to the user's list."""
        with acting_user() as user:
            return TodoResult.of(self._store.add(user, title, description))

    def list_todos(self, status: Status = "all") -> TodoList:
        """List the user's todos, oldest first."""
        completed = {"all": None, "open": False, "done": True}[status]
        with acting_user() as user:
            todos = [TodoResult.of(todo) for todo in self._store.list(user, completed)]
        return TodoList(status=status, count=len(todos), todos=todos)

    def complete_todo(self, id: TodoId) -> TodoResult:
        """Mark a todo as done."""
        with acting_user() as user:
            return TodoResult.of(self._store.update(user, id, completed=True))

    def update_todo(
        self,
        id: TodoId,
        title: Title | None = None,
        description: Description | None = None,
        completed: bool | None = None,
    ) -> TodoResult:
        """Change the title, the description or the state of a todo; what is left out stays."""
        if title is None and description is None and completed is None:
            raise ToolError("Say what to change: title, description or completed.")
        with acting_user() as user:
            changed = self._store.update(user, id, title=title, description=description, completed=completed)
            return TodoResult.of(changed)

    def delete_todo(self, id: TodoId) -> TodoDeleted:
        """Delete a todo for good."""
        with acting_user() as user:
            todo = self._store.delete(user, id)
            return TodoDeleted(id=id, title=todo.title)


def register(server: MCPServer, store: TodoStore) -> None:
    """Register every todo tool on `server`."""
    tools = TodoTools(store)
    server.add_tool(tools.add_todo, title="Add a todo", annotations=ADD)
    server.add_tool(tools.list_todos, title="List todos", annotations=READ)
    server.add_tool(tools.complete_todo, title="Complete a todo", annotations=CHANGE)
    server.add_tool(tools.update_todo, title="Update a todo", annotations=CHANGE)
    server.add_tool(tools.delete_todo, title="Delete a todo", annotations=DELETE)
