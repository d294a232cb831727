"""What Docker answers, as typed records. Text in them is what images and daemons say of themselves: data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Self

from mcp_tools.engines.context import LABEL

__all__ = ["Container", "Daemon", "Image", "ImageDetails", "Step", "Version"]


@dataclass(frozen=True)
class Version:
    """Versions of the program and of the daemon; ``server`` is empty when none answers."""

    client: str
    server: str
    api: str
    context: str
    error: str = ""

    @classmethod
    def of(cls, data: dict[str, Any], error: str = "") -> Self:
        """From ``docker version --format json``."""
        client, server = data.get("Client") or {}, data.get("Server") or {}
        return cls(
            str(client.get("Version", "")),
            str(server.get("Version", "")),
            str(server.get("ApiVersion", "")),
            str(client.get("Context", "")),
            error,
        )


@dataclass(frozen=True)
class Daemon:
    """A daemon, from ``docker info``. ``memory`` in bytes."""

    name: str
    version: str
    operating_system: str
    architecture: str
    cpus: int
    memory: int
    root: str
    driver: str
    containers_running: int
    plugins: list[str]
    desktop: bool
    warnings: list[str]

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """From ``docker info --format json``."""
        system = str(data.get("OperatingSystem", ""))
        plugins = (data.get("ClientInfo") or {}).get("Plugins") or []
        return cls(
            str(data.get("Name", "")),
            str(data.get("ServerVersion", "")),
            system,
            str(data.get("Architecture", "")),
            int(data.get("NCPU") or 0),
            int(data.get("MemTotal") or 0),
            str(data.get("DockerRootDir", "")),
            str(data.get("Driver", "")),
            int(data.get("ContainersRunning") or 0),
            [str(plugin.get("Name")) for plugin in plugins],
            "Docker Desktop" in system,
            [str(warning) for warning in data.get("Warnings") or []],
        )


@dataclass(frozen=True)
class Image:
    """One name of an image. ``id`` is the whole sha256 ID."""

    repository: str
    tag: str
    id: str

    @property
    def ref(self) -> str:
        """NAME:TAG."""
        return f"{self.repository}:{self.tag}"

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """From a row of ``docker images``; ``tag`` is empty for an image without name."""
        names = (str(row.get("Repository", "")), str(row.get("Tag", "")))
        repository, tag = ("", "") if "<none>" in names else names
        return cls(repository, tag, str(row.get("ID", "")))


@dataclass(frozen=True)
class ImageDetails:
    """An image, from ``docker image inspect``. ``size`` in bytes, all layers together."""

    id: str
    tags: list[str]
    digests: list[str]
    size: int
    user: str
    layers: list[str]
    entrypoint: list[str]
    cmd: list[str]
    workdir: str
    env: dict[str, str]
    labels: dict[str, str]
    ports: list[str]
    platform: str
    healthcheck: bool

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """From one element of ``docker image inspect``."""
        config = data.get("Config") or {}
        pairs = (str(entry).partition("=") for entry in config.get("Env") or [])
        return cls(
            str(data.get("Id", "")),
            [str(tag) for tag in data.get("RepoTags") or []],
            [str(digest) for digest in data.get("RepoDigests") or []],
            int(data.get("Size") or 0),
            str(config.get("User") or ""),
            [str(layer) for layer in (data.get("RootFS") or {}).get("Layers") or []],
            [str(word) for word in config.get("Entrypoint") or []],
            [str(word) for word in config.get("Cmd") or []],
            str(config.get("WorkingDir") or "/"),
            {name: value for name, _, value in pairs},
            {str(key): str(value) for key, value in (config.get("Labels") or {}).items()},
            sorted(str(port) for port in config.get("ExposedPorts") or {}),
            f"{data.get('Os', '')}/{data.get('Architecture', '')}",
            bool(config.get("Healthcheck")),
        )

    def pulled_as(self, repository: str) -> bool:
        """Whether it came from a registry under that name, and was not built from sources here.

        Unknown, and so False, in containerd's image store: there the image's ID is its digest, whatever it came from.
        """
        repository = repository.removeprefix("docker.io/").removeprefix("library/")
        found = [digest.partition("@") for digest in self.digests]
        return LABEL not in self.labels and any(name == repository and digest != self.id for name, _, digest in found)

    @property
    def non_root(self) -> bool:
        """Whether its processes start as another user than root."""
        return self.user.partition(":")[0].strip() not in ("", "0", "root")


@dataclass(frozen=True)
class Step:
    """One step of an image's history. ``size`` in bytes."""

    command: str
    size: int

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """From a row of ``docker history --human=false``."""
        size = re.match(r"\d+", str(row.get("Size", "")))
        return cls(str(row.get("CreatedBy", "")), int(size.group(0)) if size else 0)


@dataclass(frozen=True)
class Container:
    """A container. ``ports`` are the TCP ports of this machine that it holds."""

    id: str
    name: str
    image: str
    state: str
    ports: list[int] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """From a row of ``docker ps``."""
        held: set[int] = set()
        for first, last in re.findall(r":(\d+)(?:-(\d+))?->", str(row.get("Ports", ""))):
            held.update(range(int(first), int(last or first) + 1))
        pairs = (entry.partition("=") for entry in str(row.get("Labels", "")).split(",") if entry)
        return cls(
            str(row.get("ID", "")),
            str(row.get("Names", "")),
            str(row.get("Image", "")),
            str(row.get("State", "")),
            sorted(held),
            {name: value for name, _, value in pairs},
        )
