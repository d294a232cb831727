"""Names that are completed, as far as they are known without a cluster."""

from __future__ import annotations

from pathlib import Path

from agent.settings import FILE, document_of

__all__ = ["services"]


def services(workspace: Path) -> tuple[str, ...]:
    """Names of the applications' services in the workspace, for completion."""
    found: set[str] = set()
    for file in (workspace / FILE, *workspace.glob(f"*/{FILE}"), *workspace.glob(f"*/*/{FILE}")):
        spec = document_of(file).get("spec")
        services = spec.get("services") if isinstance(spec, dict) else None
        for item in services if isinstance(services, list) else []:
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                found.add(item["name"])
    return tuple(sorted(found))
