"""Table definitions and the shapes of requests and answers."""

from sqlmodel import SQLModel

from .conversation import Conversation, Message
from .todo import Todo

TABLES: list[type[SQLModel]] = [Todo, Conversation, Message]

__all__ = ["TABLES", "Conversation", "Message", "Todo"]
