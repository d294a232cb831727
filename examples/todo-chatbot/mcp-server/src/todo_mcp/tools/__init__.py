"""The tools that the server offers."""

from .todos import register

__all__ = ["register"]
