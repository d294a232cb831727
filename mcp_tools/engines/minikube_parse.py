"""What the minikube program prints, as typed values: status, profiles, the events of a start, environment lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_tools.untrusted import clean

__all__ = ["NodeImage", "Profile", "StartEvent", "Status", "docker_env", "images", "profiles", "start_event", "status"]

_EVENT = "io.k8s.sigs.minikube."


@dataclass(frozen=True)
class Status:
    """The parts of a cluster as ``minikube status`` sees them: Running, Stopped, Paused, Nonexistent, …"""

    host: str = "Nonexistent"
    kubelet: str = "Nonexistent"
    apiserver: str = "Nonexistent"
    kubeconfig: str = ""

    @property
    def exists(self) -> bool:
        """Whether there is a machine at all."""
        return self.host != "Nonexistent"

    @property
    def ready(self) -> bool:
        """Whether all parts run and kubeconfig points at them."""
        parts = (self.host, self.kubelet, self.apiserver)
        return set(parts) == {"Running"} and self.kubeconfig in {"", "Configured"}


@dataclass(frozen=True)
class Profile:
    """The settings that a cluster was made with."""

    name: str
    cpus: int
    memory_mib: int
    disk_mb: int
    driver: str
    runtime: str
    kubernetes: str
    nodes: int
    active: bool = False
    valid: bool = True


@dataclass(frozen=True)
class StartEvent:
    """One line of ``minikube start --output json``. ``kind``: step, download, info, warning or error."""

    kind: str
    message: str
    step: float = 0.0
    total: float = 0.0
    name: str = ""
    advice: str = ""


@dataclass(frozen=True)
class NodeImage:
    """One image in the node."""

    id: str
    tags: list[str]
    size_bytes: int


def _lines(text: str) -> list[Any]:
    """Every line that is JSON."""
    found = []
    for line in text.splitlines():
        line = line.strip()
        if not line.startswith(("{", "[")):
            continue
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def status(text: str) -> Status:
    """The control plane of ``minikube status -o json``; several nodes come as a list, no profile as events."""
    for item in _lines(text):
        nodes = item if isinstance(item, list) else [item]
        for node in nodes:
            if isinstance(node, dict) and "Host" in node and not node.get("Worker", False):
                return Status(
                    host=str(node["Host"]),
                    kubelet=str(node.get("Kubelet", "")),
                    apiserver=str(node.get("APIServer", "")),
                    kubeconfig=str(node.get("Kubeconfig", "")),
                )
    return Status()


def profiles(text: str) -> list[Profile]:
    """The profiles of ``minikube profile list -o json``, the broken ones too."""
    data = next((item for item in _lines(text) if isinstance(item, dict) and "valid" in item), {})
    return [_profile(item, True) for item in data.get("valid") or []] + [
        _profile(item, False) for item in data.get("invalid") or []
    ]


def _profile(item: Mapping[str, Any], valid: bool) -> Profile:
    config = item.get("Config") or {}
    kubernetes = config.get("KubernetesConfig") or {}
    return Profile(
        name=str(item.get("Name", "")),
        cpus=int(config.get("CPUs") or 0),
        memory_mib=int(config.get("Memory") or 0),
        disk_mb=int(config.get("DiskSize") or 0),
        driver=str(config.get("Driver") or ""),
        runtime=str(kubernetes.get("ContainerRuntime") or ""),
        kubernetes=str(kubernetes.get("KubernetesVersion") or ""),
        nodes=len(config.get("Nodes") or []),
        active=bool(item.get("Active")),
        valid=valid,
    )


def start_event(line: str) -> StartEvent | None:
    """An event of ``minikube start --output json``; None for a line that is none."""
    found = next(iter(_lines(line)), None)
    if not isinstance(found, dict) or not str(found.get("type", "")).startswith(_EVENT):
        return None
    data = found.get("data") or {}
    kind = str(found["type"]).removeprefix(_EVENT)
    message = data.get("message") or data.get("artifact") or data.get("name") or ""
    return StartEvent(
        kind="download" if kind.startswith("download") else kind,
        message=" ".join(clean(str(message)).split())[:500],
        step=_number(data.get("currentstep")) + (_number(data.get("progress")) if kind.startswith("download") else 0),
        total=_number(data.get("totalsteps")),
        name=str(data.get("name") or ""),
        advice=" ".join(clean(str(data.get("advice") or "")).split())[:500],
    )


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def docker_env(text: str) -> dict[str, str]:
    """The Docker settings among the lines of ``minikube docker-env --shell none``."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {
        name: value
        for name, _, value in ((n.strip(), s, v.strip().strip('"')) for n, s, v in pairs)
        if name.startswith("DOCKER_") and value
    }


def images(text: str) -> list[NodeImage]:
    """The images of ``minikube image ls --format json``."""
    items = next((item for item in _lines(text) if isinstance(item, list)), [])
    return [
        NodeImage(
            id=f"sha256:{str(item.get('id', '')).removeprefix('sha256:')}",
            tags=sorted(map(str, item.get("repoTags") or [])),
            size_bytes=int(_number(item.get("size"))),
        )
        for item in items
    ]
