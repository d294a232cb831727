"""Table definitions."""

from .todo import Todo

__all__ = ["Todo"]
