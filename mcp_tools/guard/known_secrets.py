"""Learn the secret values that a call could show before it shows anything: then they are masked everywhere."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcp_tools.catalog import ToolInput
from mcp_tools.errors import LongshoreError
from mcp_tools.guard.redact import REDACTOR
from mcp_tools.world import World, inside

__all__ = ["learn"]

FRESH_SECONDS = 20.0
MAX_SECRETS = 500
_learned: dict[tuple[str, str], float] = {}


async def learn(world: World, args: ToolInput, workspace: Path) -> None:
    """Read the Secrets of the namespaces that the arguments are about. What cannot be read is left to the patterns.

    Secrets that stand in the arguments themselves are learned as well: arguments are written to the journal.
    """
    REDACTOR.learn(_given(args))
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
    http = getattr(world.kube, "http", None)
    if http is not None:
        REDACTOR.learn(http.credentials())


def _namespaces(args: ToolInput, workspace: Path) -> list[str | None]:
    """The namespaces a call is about; None is all of them."""
    if "all_namespaces" in type(args).model_fields and getattr(args, "all_namespaces", False):
        return [None]
    if "chart" in type(args).model_fields:  # a template can look up any Secret of the cluster
        return [None, getattr(args, "namespace", None)]
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


def _given(args: ToolInput) -> Iterator[str]:
    """The secrets in a manifest to apply, and in the values of a chart."""
    from mcp_tools.engines import manifests

    manifest, values = getattr(args, "manifest", None), getattr(args, "values", None)
    try:
        items = manifests.parse(manifest) if isinstance(manifest, str) else []
    except LongshoreError:
        items = []  # the tool says what is wrong with it
    for item in items:
        if item.get("kind") == "Secret":
            data, text = item.get("data"), item.get("stringData")
            yield from (_decoded(str(value)) for value in (data if isinstance(data, dict) else {}).values())
            yield from (str(value) for value in (text if isinstance(text, dict) else {}).values())
    yield from _secret_leaves("", values if isinstance(values, dict) else {})


def _secret_leaves(name: str, node: Any) -> Iterator[str]:
    from mcp_tools.engines import manifests

    if isinstance(node, dict):
        for key, value in node.items():
            yield from _secret_leaves(str(key), value)
    elif isinstance(node, list):
        for value in node:
            yield from _secret_leaves(name, value)
    elif isinstance(node, str) and manifests.looks_secret(name, node):
        yield node


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value or "").decode()
    except ValueError:
        return ""
