"""The deployment log of a namespace: a ConfigMap to which rollbacks write their reason, oldest lines dropped first."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from mcp_tools.effects import Effect
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import Conflict

if TYPE_CHECKING:
    from mcp_tools.guard.permit import Permit

NAME = "longshore-deployment-log"
KEY = "log"
MAX_LINES = 500
MAX_BYTES = 200_000
_TRIES = 3


def appended(log: str, line: str, now: dt.datetime) -> str:
    """The log with one more line, capped."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in line).split())
    lines = [*log.splitlines(), f"{now.strftime('%Y-%m-%dT%H:%M:%SZ')} {clean}"][-MAX_LINES:]
    while len(lines) > 1 and sum(len(text.encode()) + 1 for text in lines) > MAX_BYTES:
        lines.pop(0)
    return "\n".join(lines) + "\n"


async def append(kube: KubeEngine, namespace: str, line: str, *, permit: Permit) -> None:
    """Add a line; written on condition that nobody wrote meanwhile, read again when somebody did."""
    for attempt in range(_TRIES):
        found = await kube.get("v1", "ConfigMap", NAME, namespace)
        log = appended(((found or {}).get("data") or {}).get(KEY, ""), line, dt.datetime.now(dt.UTC))
        try:
            if found is None:
                labels = {"app.kubernetes.io/managed-by": "longshore"}
                meta: dict[str, Any] = {"name": NAME, "namespace": namespace, "labels": labels}
                body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {KEY: log}}
                await kube.create(body, permit=permit)
            else:
                meta = {"resourceVersion": found["metadata"]["resourceVersion"]}
                patch = {"metadata": meta, "data": {KEY: log}}
                await kube.patch("v1", "ConfigMap", NAME, namespace, patch, permit=permit, effect=Effect.CREATE)
            return
        except Conflict:
            if attempt + 1 == _TRIES:
                raise


async def read(kube: KubeEngine, namespace: str) -> list[str]:
    """The lines, oldest first."""
    found = await kube.get("v1", "ConfigMap", NAME, namespace)
    return str(((found or {}).get("data") or {}).get(KEY, "")).splitlines()
