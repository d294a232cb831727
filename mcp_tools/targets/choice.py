"""Which target ``auto`` is: Minikube where there is one or one can be started, otherwise the sandbox, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mcp_tools.errors import EnvironmentNotReady, LongshoreError

__all__ = ["Chosen", "choose"]


@dataclass(frozen=True)
class Chosen:
    """A target that can be worked on. ``notice``: one line for people, when it is not the real thing."""

    target: str
    notice: str = ""


async def choose(target: str, profile: str = "minikube") -> Chosen:
    """The target that is meant. Only ``auto`` looks at this machine; every other one is taken at its word.

    Whoever has a cluster means it, also while it cannot be reached; and a Docker that is there and slow, or answers
    with something odd, is no reason to work on something else: their own checks say what is wrong with them.
    """
    if target != "auto":
        return Chosen(target)
    if _has_cluster(profile):
        return Chosen("minikube")
    from mcp_tools.engines import process
    from mcp_tools.engines.docker import INSTALL as DOCKER
    from mcp_tools.engines.docker import DockerEngine, raise_unreachable
    from mcp_tools.engines.minikube import INSTALL as MINIKUBE

    lacks, remedies = [], []
    if process.which("minikube") is None:
        lacks.append("Minikube is not installed")
        remedies.append(MINIKUBE)
    if process.which("docker") is None:
        lacks.append("Docker is not installed")
        remedies.append(DOCKER)
    if not lacks:
        try:
            found = await DockerEngine().version()
            if not found.server:
                raise_unreachable(found.error)
        except EnvironmentNotReady as error:
            lacks.append(f"{error.what}{f' ({error.why})' if error.why else ''}")
            remedies.append(error.remedy)
        except LongshoreError:
            return Chosen("minikube")
    if not lacks:
        return Chosen("minikube")
    why = " and ".join(lacks)
    needed = " and ".join(remedies)
    return Chosen("sandbox", f"sandbox (simulated): {why}. For the real thing {needed}; then the same command again")


def _has_cluster(profile: str) -> bool:
    """Whether Minikube has made a cluster of that name, where it keeps them (``localpath.MiniPath`` of Minikube)."""
    home = Path(os.environ.get("MINIKUBE_HOME") or Path.home())
    folder = home if home.name == ".minikube" else home / ".minikube"
    return (folder / "profiles" / profile / "config.json").is_file()
