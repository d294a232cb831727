"""The API of the Todo Chatbot: todos, conversations, and a chat whose agent works with the todo tools."""

__version__ = "1.0.0"
