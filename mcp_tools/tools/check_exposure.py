"""Where the values of Secrets stand outside of Secrets. The values are compared here and go nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import anyio
from pydantic import BaseModel, Field

from mcp_tools.diagnosis.snapshot import Snapshot, ref_of, states
from mcp_tools.engines import helm_records
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import LongshoreError

MIN_LENGTH = 8
"""Characters: anything shorter (a user name, a port, "true") stands in many places by chance."""
LOG_LINES = 1000
SKIPPED_TYPES = ("helm.sh/release.v1", "kubernetes.io/service-account-token", "kubernetes.io/tls")
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "Service", "Ingress", "ServiceAccount")


class Exposure(BaseModel):
    """A place in which the value of a Secret's key stands."""

    secret: str
    key: str
    place: str = Field(description="Kind/name and field")

    @property
    def said(self) -> str:
        """In one line, without the value."""
        return f"the value of Secret/{self.secret} {self.key} stands in {self.place}"


Needles = dict[tuple[str, str], str]


async def find(kube: KubeEngine, seen: Snapshot, space: str) -> list[Exposure]:
    """Every place: ConfigMaps, specs and metadata of objects, values and manifests of releases, logs of pods."""
    needles = await secret_values(kube, space)
    if not needles:
        return []
    found: set[tuple[str, str, str]] = set()
    for place, text in [*_objects(seen), *await _config_maps(kube, space), *await _releases(kube, space)]:
        found |= {(secret, key, place) for secret, key in matches(text, needles)}
    async with anyio.create_task_group() as group:
        for pod in seen.live_pods():
            for container, status in states(pod):
                if status.get("containerID"):
                    group.start_soon(_log, kube, space, ref_of(pod).name, str(container["name"]), needles, found)
    return [Exposure(secret=s, key=k, place=p) for s, k, p in sorted(found)]


async def secret_values(kube: KubeEngine, space: str) -> Needles:
    """(Secret, key) → value, of those that are long enough to be told from chance."""
    found: Needles = {}
    for item in await kube.list("v1", "Secret", space):
        if item.get("type") in SKIPPED_TYPES:
            continue
        for key, encoded in (item.get("data") or {}).items():
            try:
                value = base64.b64decode(encoded or "").decode()
            except ValueError:
                continue
            if len(value.strip()) >= MIN_LENGTH:
                found[str(item["metadata"]["name"]), str(key)] = value.strip()
    return found


def matches(text: str, needles: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, str]]:
    """The secrets whose value stands in the text, plainly or as base64."""
    for name, value in needles.items():
        if value in text or base64.b64encode(value.encode()).decode() in text:
            yield name


def strings(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, text) of every string within an object; list positions are left out of the path."""
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from strings(value, f"{path}.{key}" if path else str(key))
            yield f"{path}.{key}" if path else str(key), str(key)
    elif isinstance(node, list):
        for item in node:
            yield from strings(item, path)


def _objects(seen: Snapshot) -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        for item in seen.all(kind):
            if kind == "Pod" and seen.owner(item) is not None:
                continue  # its workload's template says the same
            for path, text in strings({"metadata": _meta(item), "spec": item.get("spec") or {}}):
                yield f"{ref_of(item)} {path}", text


def _meta(item: Mapping[str, Any]) -> dict[str, Any]:
    meta = item.get("metadata") or {}
    return {"labels": meta.get("labels") or {}, "annotations": meta.get("annotations") or {}}


async def _config_maps(kube: KubeEngine, space: str) -> list[tuple[str, str]]:
    items = await kube.list("v1", "ConfigMap", space)
    return [
        (f"ConfigMap/{item['metadata']['name']} {key}", str(value))
        for item in items
        for key, value in [*(item.get("data") or {}).items(), *strings(_meta(item))]
    ]


async def _releases(kube: KubeEngine, space: str) -> list[tuple[str, str]]:
    """The values that were given to releases, and what they rendered but for Secrets."""
    try:
        releases = await helm_records.latest(kube, space)
        found = []
        for release in releases:
            found.append((f"Release/{release.name} values", json.dumps(dict(release.config))))
            found += [
                (f"Release/{release.name} manifest of {ref_of(item)}", text)
                for item in release.objects
                if item.get("kind") != "Secret"
                for _, text in strings(item)
            ]
        return found
    except (LongshoreError, ValueError, KeyError, OSError):
        return []


async def _log(
    kube: KubeEngine, space: str, pod: str, container: str, needles: Needles, found: set[tuple[str, str, str]]
) -> None:
    try:
        text = await kube.logs(space, pod, container, tail=LOG_LINES)
    except LongshoreError:
        return
    found |= {(secret, key, f"log of Pod/{pod} container {container}") for secret, key in matches(text, needles)}
