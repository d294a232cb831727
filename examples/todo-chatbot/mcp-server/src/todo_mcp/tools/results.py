"""What tools take and give, as types: their schemas are what a client sees."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from ..models.todo import DESCRIPTION_MAX, ID_MAX, TITLE_MAX, Todo, as_utc


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")  # PostgreSQL cannot store them
    return text


TodoId = Annotated[int, Field(ge=1, le=ID_MAX, description="The id of the todo, as list_todos shows it")]
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_MAX),
    AfterValidator(_storable),
    Field(description="What is to be done, in a few words"),
]
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=DESCRIPTION_MAX),
    AfterValidator(_storable),
    Field(description="Details; an empty text removes them"),
]
Status = Annotated[Literal["all", "open", "done"], Field(description="Which todos to list")]


class TodoResult(BaseModel):
    """One todo."""

    id: int
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, todo: Todo) -> "TodoResult":
        """The public view of a stored todo: everything but its owner."""
        return cls(
            id=todo.id or 0,
            title=todo.title,
            description=todo.description,
            completed=todo.completed,
            created_at=as_utc(todo.created_at),
            updated_at=as_utc(todo.updated_at),
        )


class TodoList(BaseModel):
    """The todos that were asked for, oldest first."""

    status: Literal["all", "open", "done"]
    count: int
    todos: list[TodoResult]


class TodoDeleted(BaseModel):
    """The todo that is gone."""

    id: int
    title: str
    deleted: Literal[True] = True
