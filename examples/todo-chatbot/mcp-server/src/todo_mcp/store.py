"""Reading and writing the todos of one user. Every statement names the user."""

from sqlmodel import Session, col, select

from .common.database import Database
from .models.todo import Todo, utc_now


class TodoNotFound(LookupError):
    """The user has no todo with this id."""

    def __init__(self, todo_id: int) -> None:
        super().__init__(f"There is no todo with id {todo_id}.")


class TodoStore:
    """The todos in the database, one user at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user_id: str, title: str, description: str | None) -> Todo:
        """Store a new open todo."""
        with self._database.session() as session:
            return _saved(session, Todo(user_id=user_id, title=title, description=description or None))

    def list(self, user_id: str, completed: bool | None) -> list[Todo]:
        """The user's todos, oldest first; only the open or only the done ones when `completed` is given."""
        query = select(Todo).where(Todo.user_id == user_id).order_by(col(Todo.id))
        if completed is not None:
            query = query.where(Todo.completed == completed)
        with self._database.session() as session:
            return [*session.exec(query)]

    def update(
        self,
        user_id: str,
        todo_id: int,
        *,
        title: str | None = None,
        description: str | None = None,
        completed: bool | None = None,
    ) -> Todo:
        """Change what is given; an empty description removes it. Raises TodoNotFound."""
        with self._database.session() as session:
            todo = _owned(session, user_id, todo_id)
            if title is not None:
                todo.title = title
            if description is not None:
                todo.description = description or None
            if completed is not None:
                todo.completed = completed
            todo.updated_at = utc_now()
            return _saved(session, todo)

    def delete(self, user_id: str, todo_id: int) -> Todo:
        """Remove a todo and return what it was. Raises TodoNotFound."""
        with self._database.session() as session:
            todo = _owned(session, user_id, todo_id)
            session.delete(todo)
            session.commit()
            return todo


def _owned(session: Session, user_id: str, todo_id: int) -> Todo:
    # FOR UPDATE: two changes at once wait for each other instead of losing one.
    query = select(Todo).where(Todo.id == todo_id, Todo.user_id == user_id).with_for_update()
    todo = session.exec(query).first()
    if todo is None:
        raise TodoNotFound(todo_id)
    return todo


def _saved(session: Session, todo: Todo) -> Todo:
    session.add(todo)
    session.commit()
    session.refresh(todo)
    return todo
