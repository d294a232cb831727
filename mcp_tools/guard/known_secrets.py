"""Learn the secret values that a call could show before it shows anything: then they are masked everywhere."""

from __future__ import annotations

import base64
import time
from pathlib import Path

from mcp_tools.catalog import ToolInput
from mcp_tools.errors import LongshoreError
from mcp_tools.guard.redact import REDACTOR
from mcp_tools.world import World, inside

__all__ = ["learn"]

FRESH_SECONDS = 20.0
MAX_SECRETS = 500
_learned: dict[tuple[str, str], float] = {}


async def learn(world: World, args: ToolInput, workspace: Path) -> None:
    """Read the Secrets of the namespaces that the arguments are about. What cannot be read is left to the patterns."""
    for namespace in _namespaces(args, workspace):
        key = (world.context, namespace or "")
        if time.monotonic() - _learned.get(key, -FRESH_SECONDS) < FRESH_SECONDS:
            continue
        try:
            found = await world.kube.list(
                "v1", "Secret", namespace, field_selector="type!=helm.sh/release.v1", limit=MAX_SECRETS
            )
        except LongshoreError:
            continue
        _learned[key] = time.monotonic()
        for secret in found:
            REDACTOR.learn(_decoded(value) for value in (secret.get("data") or {}).values())


def _namespaces(args: ToolInput, workspace: Path) -> list[str | None]:
    """The namespaces a call is about; None is all of them."""
    if "namespace" in type(args).model_fields:
        named = getattr(args, "namespace", None)
        if named is not None or not hasattr(args, "application"):
            return [named]
    if not hasattr(args, "application") or args.application is None:
        return []
    from mcp_tools import application

    try:
        return [application.load(inside(workspace, str(args.application))).spec.namespace]
    except LongshoreError:
        return []


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value or "").decode()
    except ValueError:
        return ""
