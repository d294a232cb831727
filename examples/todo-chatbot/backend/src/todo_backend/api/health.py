"""Liveness and readiness."""

from fastapi import APIRouter, Response

from .. import __version__
from .context import ServicesDep

SERVICE = "todo-backend"
router = APIRouter(tags=["health"])


@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "service": SERVICE, "version": __version__}


@router.get("/ready")
async def ready(app: ServicesDep, response: Response) -> dict[str, object]:
    """The database and the MCP server answer; 503 otherwise."""
    checks = await app.readiness.checks()
    good = all(checks.values())
    response.status_code = 200 if good else 503
    return {
        "status": "ok" if good else "unavailable",
        "service": SERVICE,
        "version": __version__,
        "checks": {name: "ok" if up else "failed" for name, up in checks.items()},
    }
