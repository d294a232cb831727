"""Reading and writing the todos of one user. Every statement names the user."""

from sqlmodel import Session, col, select

from ..common.database import Database
from ..models.schemas import Status, TodoCreate, TodoUpdate
from ..models.todo import Todo, utc_now


class TodoNotFound(LookupError):
    """The user has no todo with this id."""


class TodoService:
    """The todos in the database, one user at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, user_id: str, status: Status = "all") -> list[Todo]:
        """The user's todos, oldest first."""
        query = select(Todo).where(Todo.user_id == user_id).order_by(col(Todo.id))
        if status != "all":
            query = query.where(Todo.completed == (status == "done"))
        with self._database.session() as session:
            return [*session.exec(query)]

    def create(self, user_id: str, new: TodoCreate) -> Todo:
        """Store a new open todo."""
        with self._database.session() as session:
            return _saved(session, Todo(user_id=user_id, title=new.title, description=new.description or None))

    def get(self, user_id: str, todo_id: int) -> Todo:
        """One todo. Raises TodoNotFound."""
        with self._database.session() as session:
            return _owned(session, user_id, todo_id)

    def update(self, user_id: str, todo_id: int, change: TodoUpdate) -> Todo:
        """Change what is given. Raises TodoNotFound."""
        given = change.model_fields_set
        with self._database.session() as session:
            todo = _owned(session, user_id, todo_id, lock=True)
            if change.title is not None:
                todo.title = change.title
            if "description" in given:
                todo.description = change.description or None
            if change.completed is not None:
                todo.completed = change.completed
            if given:
                todo.updated_at = utc_now()
            return _saved(session, todo)

    def delete(self, user_id: str, todo_id: int) -> None:
        """Remove a todo. Raises TodoNotFound."""
        with self._database.session() as session:
            session.delete(_owned(session, user_id, todo_id, lock=True))
            session.commit()


def _owned(session: Session, user_id: str, todo_id: int, *, lock: bool = False) -> Todo:
    query = select(Todo).where(Todo.id == todo_id, Todo.user_id == user_id)
    if lock:  # two changes at once wait for each other instead of losing one
        query = query.with_for_update()
    todo = session.exec(query).first()
    if todo is None:
        raise TodoNotFound(todo_id)
    return todo


def _saved(session: Session, todo: Todo) -> Todo:
    session.add(todo)
    session.commit()
    session.refresh(todo)
    return todo
