"""Helm's own release records, read from where Helm keeps them (Secrets of type ``helm.sh/release.v1``).

One request gives a release's whole history with manifests, and shows what the ``helm`` program hides: a record
left in ``pending-*`` by a program that was killed.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mcp_tools.engines import manifests
from mcp_tools.engines.kube_reader import KubeReader
from mcp_tools.engines.manifests import Manifest

PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})
_MAX_DECODED = 64_000_000


@dataclass(frozen=True)
class Release:
    """One revision of a release. ``config`` are the values that were given to it: never shown."""

    name: str
    namespace: str
    revision: int
    status: str
    updated: str
    description: str
    chart: str
    chart_version: str
    app_version: str
    manifest: str
    hooks_text: tuple[str, ...]
    config: Mapping[str, Any]
    notes: str
    uid: str

    @property
    def pending(self) -> bool:
        """Whether an operation on it began and did not end."""
        return self.status in PENDING

    @cached_property
    def objects(self) -> list[Manifest]:
        """What the release keeps in the cluster."""
        return manifests.parse(self.manifest)

    @cached_property
    def hooks(self) -> list[Manifest]:
        """Its hooks (chart tests among them)."""
        return [item for text in self.hooks_text for item in manifests.parse(text)]

    @property
    def record(self) -> str:
        """The name of the Secret that holds this revision."""
        return f"sh.helm.release.v1.{self.name}.v{self.revision}"


def decode(secret: Mapping[str, Any]) -> Release:
    """The release in a record: base64 (Kubernetes') of base64 (Helm's) of gzipped JSON."""
    packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    raw = gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed
    data = json.loads(raw[:_MAX_DECODED])
    info, meta = data.get("info") or {}, (data.get("chart") or {}).get("metadata") or {}
    return Release(
        name=str(data["name"]),
        namespace=str(data.get("namespace") or secret["metadata"].get("namespace", "")),
        revision=int(data["version"]),
        status=str(info.get("status", "unknown")),
        updated=str(info.get("last_deployed", "")),
        description=str(info.get("description", "")),
        chart=str(meta.get("name", "")),
        chart_version=str(meta.get("version", "")),
        app_version=str(meta.get("appVersion", "")),
        manifest=str(data.get("manifest") or ""),
        hooks_text=tuple(str(hook.get("manifest", "")) for hook in data.get("hooks") or []),
        config=data.get("config") or {},
        notes=str(info.get("notes") or ""),
        uid=str(secret["metadata"].get("uid", "")),
    )


async def history(kube: KubeReader, name: str, namespace: str) -> list[Release]:
    """Every kept revision of a release, oldest first; empty when there is none."""
    found = await kube.list("v1", "Secret", namespace, label_selector=f"owner=helm,name={name}")
    return sorted((decode(secret) for secret in found), key=lambda release: release.revision)


async def latest(kube: KubeReader, namespace: str | None) -> list[Release]:
    """The newest revision of every release, in one namespace or in all."""
    heads = await kube.list("v1", "Secret", namespace, label_selector="owner=helm", metadata_only=True)
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    for head in heads:
        meta = head["metadata"]
        labels = meta.get("labels") or {}
        if "version" not in labels or "name" not in labels:
            continue
        at = (str(meta["namespace"]), str(labels["name"]))
        newest[at] = max(newest.get(at, (0, "")), (int(labels["version"]), str(meta["name"])))
    found = []
    for (space, _), (_, record) in sorted(newest.items()):
        secret = await kube.get("v1", "Secret", record, space)
        if secret is not None:
            found.append(decode(secret))
    return found
