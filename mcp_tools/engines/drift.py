"""What others have changed of the objects of a release since Helm wrote them, by the API server's own word.

Each object is applied as a dry run; what would come out of it is compared with what is there. Defaults and the
normalised forms of quantities are the server's on both sides, and what others own beside it does not count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mcp_tools.engines import manifests
from mcp_tools.engines.manifests import Comparison, Manifest

if TYPE_CHECKING:
    from mcp_tools.engines.kubernetes import KubeEngine

__all__ = ["comparable", "drifted"]

_NOISE = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")


def comparable(item: Manifest) -> Any:
    """The object without its status and what the API server counts."""
    copied = {key: value for key, value in item.items() if key != "status"}
    meta = {key: value for key, value in (copied.get("metadata") or {}).items() if key not in _NOISE}
    return manifests.normal(copied | {"metadata": meta})


async def drifted(kube: KubeEngine, objects: Sequence[Manifest], namespace: str) -> Comparison:
    """How the live objects (before) differ from what the release wants (after).

    Raises:
        LongshoreError: the API server does not answer, or refuses the dry run.
    """

    async def one(item: Manifest) -> tuple[Any, Any]:
        kind = await kube.kind_of(str(item["apiVersion"]), str(item["kind"]))
        meta = dict(item.get("metadata") or {})
        if kind.namespaced:
            meta.setdefault("namespace", namespace)
        live = await kube.get(kind.api, kind.kind, str(meta["name"]), meta.get("namespace"))
        after = await kube.dry_run({**item, "metadata": meta}, force=True)
        return (comparable(live) if live is not None else None), comparable(after)

    found = [pair for pair in await asyncio.gather(*map(one, objects)) if pair[0] != pair[1]]
    return manifests.compare([a for a, _ in found if a is not None], [b for _, b in found], namespace)
