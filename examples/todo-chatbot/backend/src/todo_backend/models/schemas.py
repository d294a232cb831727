"""What the API takes and gives."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from .conversation import Message
from .todo import DESCRIPTION_MAX, ID_MAX, TITLE_MAX, Todo, as_utc

MESSAGE_MAX = 4000


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")  # PostgreSQL cannot store them
    return text


TodoId = Annotated[int, Field(ge=1, le=ID_MAX)]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_MAX), AfterValidator(_storable)
]
Description = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=DESCRIPTION_MAX), AfterValidator(_storable)
]
Status = Literal["all", "open", "done"]


class Request(BaseModel):
    """A body in which an unknown field is a mistake and not ignored."""

    model_config = ConfigDict(extra="forbid")


class TodoCreate(Request):
    """A new todo."""

    title: Title
    description: Description | None = None


class TodoUpdate(Request):
    """The fields to change; those left out stay. A null or empty description removes it."""

    title: Title | None = None
    description: Description | None = None
    completed: bool | None = None


class TodoRead(BaseModel):
    """A todo as its owner sees it."""

    id: int
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, todo: Todo) -> "TodoRead":
        """The public view of a stored todo: everything but its owner."""
        return cls(
            id=todo.id or 0,
            title=todo.title,
            description=todo.description,
            completed=todo.completed,
            created_at=as_utc(todo.created_at),
            updated_at=as_utc(todo.updated_at),
        )


class ToolCall(BaseModel):
    """One call of an MCP tool: `result` is the tool's data, or the reason when `ok` is false."""

    name: str
    arguments: dict[str, Any]
    ok: bool
    result: Any


class ChatRequest(Request):
    """What the user says, in a new conversation or in one of their own."""

    message: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_MAX), AfterValidator(_storable)
    ]
    conversation_id: UUID | None = None


class ChatReply(BaseModel):
    """What the assistant answers; `model` is "offline" for the built-in rules."""

    reply: str
    conversation_id: UUID
    model: str
    tool_calls: list[ToolCall]


class MessageRead(BaseModel):
    """One message of a conversation."""

    role: str
    content: str
    tool_calls: list[ToolCall]
    created_at: datetime

    @classmethod
    def of(cls, message: Message) -> "MessageRead":
        """The public view of a stored message."""
        return cls(
            role=message.role,
            content=message.content,
            tool_calls=[ToolCall.model_validate(call) for call in message.tool_calls],
            created_at=as_utc(message.created_at),
        )


class ConversationRead(BaseModel):
    """A conversation with its messages, oldest first."""

    id: UUID
    created_at: datetime
    messages: list[MessageRead]
