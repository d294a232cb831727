"""The `conversations` and `messages` tables: what a user and the assistant said."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, DateTime
from sqlmodel import Field, SQLModel

from .todo import utc_now


class Conversation(SQLModel, table=True):
    """A chat that belongs to one user."""

    __tablename__ = "conversations"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: str = Field(max_length=255, index=True)
    created_at: datetime = Field(default_factory=utc_now, sa_type=DateTime(timezone=True))


class Message(SQLModel, table=True):
    """One message of a conversation; `tool_calls` is what the assistant did to answer."""

    __tablename__ = "messages"

    id: int | None = Field(default=None, primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversations.id", index=True, ondelete="CASCADE")
    role: str = Field(max_length=16)
    content: str
    tool_calls: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    created_at: datetime = Field(default_factory=utc_now, sa_type=DateTime(timezone=True))
