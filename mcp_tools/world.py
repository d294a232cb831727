"""What a tool is given: the world it acts on, and the call it is part of."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_tools.errors import Refused, UsageError

if TYPE_CHECKING:
    from mcp_tools.catalog import Observation
    from mcp_tools.config import Sourced
    from mcp_tools.engines.docker import DockerEngine
    from mcp_tools.engines.helm import HelmEngine
    from mcp_tools.engines.kubernetes import KubeEngine
    from mcp_tools.engines.minikube import MinikubeEngine
    from mcp_tools.guard.guard import Guard, Session
    from mcp_tools.guard.permit import Permit

__all__ = ["Call", "Progress", "World", "inside"]

Progress = Callable[[float, float | None, str], Awaitable[None]]


@dataclass(frozen=True)
class World:
    """The engines of one target. Each is made at its first use; the target never changes.

    ``target`` is ``minikube`` or ``context:NAME``. ``profile`` is the Minikube profile. ``settings`` are shown only.
    """

    target: str = "minikube"
    profile: str = "minikube"
    kubeconfig: str | None = None
    settings: tuple[Sourced, ...] = ()

    @property
    def is_minikube(self) -> bool:
        """Whether images can be loaded and the cluster started."""
        return self.target == "minikube"

    @property
    def context(self) -> str:
        """The kubeconfig context of the target."""
        return self.profile if self.is_minikube else self.target.removeprefix("context:")

    @functools.cached_property
    def kube(self) -> KubeEngine:
        """The cluster."""
        from mcp_tools.engines.kubernetes import KubeEngine

        return KubeEngine(self.context, kubeconfig=self.kubeconfig)

    @functools.cached_property
    def helm(self) -> HelmEngine:
        """Helm on that cluster."""
        from mcp_tools.engines.helm import HelmEngine

        return HelmEngine(self.kube)

    @functools.cached_property
    def docker(self) -> DockerEngine:
        """The Docker daemon of this machine."""
        from mcp_tools.engines.docker import DockerEngine

        return DockerEngine()

    @functools.cached_property
    def minikube(self) -> MinikubeEngine:
        """Minikube.

        Raises:
            UsageError: the target is another cluster.
        """
        from mcp_tools.engines.minikube import MinikubeEngine

        if not self.is_minikube:
            raise UsageError(f"the target is {self.target}", "it is no Minikube", "--target minikube")
        return MinikubeEngine(self.profile)


def inside(root: Path, text: str) -> Path:
    """The path, resolved, when it lies inside ``root`` (symbolic links followed).

    Raises:
        Refused: it leads outside.
    """
    base = root.resolve()
    path = Path(text)
    found = (path if path.is_absolute() else base / path).resolve()
    if found != base and base not in found.parents:
        raise Refused(f"{text} is outside the workspace", f"the workspace is {base.name}", "use a path inside it")
    return found


async def _silent(done: float, total: float | None, message: str) -> None:
    return None


@dataclass
class Call:
    """One call of one tool, as the guard lets it through."""

    world: World
    workspace: Path
    call_id: str
    tool: str = ""
    run_id: str | None = None
    observation: Observation | None = None
    say: Progress = _silent
    gate: tuple[Guard, Session] | None = None
    _permit: Permit | None = None

    @property
    def target(self) -> str:
        """The name of the target."""
        return self.world.target

    @property
    def permit(self) -> Permit:
        """Leave to act.

        Raises:
            Refused: the call may only look.
        """
        if self._permit is None:
            raise Refused(f"{self.tool} may only look", remedy="this is a defect of the tool")
        return self._permit

    @property
    def guard(self) -> Guard:
        """The guard, for a tool that calls others (the playbook's)."""
        assert self.gate is not None, "the call was made by the guard"
        return self.gate[0]

    @property
    def session(self) -> Session:
        """The session that made the call."""
        assert self.gate is not None, "the call was made by the guard"
        return self.gate[1]

    def path(self, text: str) -> Path:
        """A path of the arguments, resolved and inside the workspace; raises ``Refused`` otherwise."""
        return inside(self.workspace, text)

    async def progress(self, done: float, total: float | None, message: str) -> None:
        """Say how far it is: ``done`` of ``total`` (None when that is not known)."""
        from mcp_tools.untrusted import clean

        await self.say(done, total, clean(message)[:500])
