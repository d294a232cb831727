"""Table definitions and the shapes of requests and answers."""

from .conversation import Conversation, Message
from .todo import Todo

TABLES = [Todo, Conversation, Message]

__all__ = ["TABLES", "Conversation", "Message", "Todo"]
