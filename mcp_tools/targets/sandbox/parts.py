"""The parts that are loaded when they are there."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any


def _applied(kind: Any, live: Any, applied: Any, manager: str, force: bool, time: str) -> Any:
    from mcp_tools.targets.sandbox import patch

    return applied if live is None else patch.merge(live, applied)


_FALLBACK: dict[str, Any] = {
    "apply": SimpleNamespace(updated=lambda *args: None, apply=_applied),
}


def module(name: str) -> Any:
    """The module, or what stands for it."""
    try:
        return importlib.import_module(f"mcp_tools.targets.sandbox.{name}")
    except ModuleNotFoundError:
        return _FALLBACK[name]
