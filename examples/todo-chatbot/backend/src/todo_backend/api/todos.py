"""The todos of the caller."""

from fastapi import APIRouter

from ..models.schemas import Status, TodoCreate, TodoId, TodoRead, TodoUpdate
from .context import CallerDep, ServicesDep

router = APIRouter(prefix="/api/todos", tags=["todos"])


@router.get("")
def list_todos(app: ServicesDep, caller: CallerDep, status: Status = "all") -> list[TodoRead]:
    """All todos, or only the open or the done ones, oldest first."""
    return [TodoRead.of(todo) for todo in app.todos.list(caller.user_id, status)]


@router.post("", status_code=201)
def create_todo(app: ServicesDep, caller: CallerDep, new: TodoCreate) -> TodoRead:
    """Add a todo."""
    return TodoRead.of(app.todos.create(caller.user_id, new))


@router.get("/{todo_id}")
def get_todo(app: ServicesDep, caller: CallerDep, todo_id: TodoId) -> TodoRead:
    """One todo; 404 when the caller has none with this id."""
    return TodoRead.of(app.todos.get(caller.user_id, todo_id))


@router.patch("/{todo_id}")
def update_todo(app: ServicesDep, caller: CallerDep, todo_id: TodoId, change: TodoUpdate) -> TodoRead:
    """Change some fields of a todo."""
    return TodoRead.of(app.todos.update(caller.user_id, todo_id, change))


@router.delete("/{todo_id}", status_code=204)
def delete_todo(app: ServicesDep, caller: CallerDep, todo_id: TodoId) -> None:
    """Remove a todo for good."""
    app.todos.delete(caller.user_id, todo_id)
