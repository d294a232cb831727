"""The kinds that the sandbox serves, as the discovery of a Kubernetes 1.33 lists them."""

from __future__ import annotations

import functools
import json
import lzma
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Kind:
    """One kind in one version. ``key`` names it whatever the version is: objects are stored under it."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    verbs: frozenset[str]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """``apps/v1``; ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """``deployments.apps``; ``pods`` for the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def key(self) -> str:
        """The name under which its objects are stored; the two event groups share one store."""
        return "events" if self.plural == "events" else self.resource

    @property
    def path(self) -> str:
        """The URL of its group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


@functools.cache
def discovery() -> dict[str, Any]:
    """The recorded discovery documents: ``groups``, and per group and version the list of resources."""
    with lzma.open(DATA / "discovery.json.xz", "rt", encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


@functools.cache
def builtin() -> tuple[Kind, ...]:
    """Every kind that is built in, in the order of the discovery."""
    found = []
    for path, document in discovery()["resources"].items():
        group, _, version = (
            path.removeprefix("apis/").rpartition("/") if path.startswith("apis/") else ("", "", path[4:])
        )
        below: dict[str, set[str]] = {}
        for entry in document["resources"]:
            parent, slash, rest = entry["name"].partition("/")
            if slash:
                below.setdefault(parent, set()).add(rest)
        for entry in document["resources"]:
            if "/" not in entry["name"]:
                found.append(
                    Kind(
                        group=group,
                        version=version,
                        kind=entry["kind"],
                        plural=entry["name"],
                        singular=entry["singularName"],
                        namespaced=entry["namespaced"],
                        verbs=frozenset(entry["verbs"]),
                        short_names=tuple(entry.get("shortNames", ())),
                        categories=tuple(entry.get("categories", ())),
                        subresources=frozenset(below.get(entry["name"], ())),
                    )
                )
    return tuple(found)


@functools.cache
def groups() -> frozenset[str]:
    """The names of the groups that are served; that of the core is empty."""
    return frozenset(kind.group for kind in builtin())


@functools.cache
def _by_kind() -> dict[tuple[str, str], Kind]:
    return {(kind.api_version, kind.kind): kind for kind in builtin()}


@functools.cache
def _by_plural() -> dict[tuple[str, str, str], Kind]:
    return {(kind.group, kind.version, kind.plural): kind for kind in builtin()}


@functools.cache
def _by_key() -> dict[str, Kind]:
    """The preferred version of each: the first that discovery lists."""
    found: dict[str, Kind] = {}
    for kind in builtin():
        found.setdefault(kind.key, kind)
    return found


def of(api_version: str, kind: str) -> Kind | None:
    """The kind by what an object says of itself."""
    return _by_kind().get((api_version, kind))


def at(group: str, version: str, plural: str) -> Kind | None:
    """The kind by its place in the URL."""
    return _by_plural().get((group, version, plural))


def by_key(key: str) -> Kind:
    """The kind of a store's key: ``pods``, ``deployments.apps``."""
    return _by_key()[key]
