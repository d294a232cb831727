"""The HTTP routes."""

from .chat import router as chat_router
from .health import router as health_router
from .todos import router as todos_router

ROUTERS = (health_router, todos_router, chat_router)

__all__ = ["ROUTERS"]
