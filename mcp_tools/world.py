"""What a tool is given: the world it acts on, and the call it is part of."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_tools.errors import LongshoreError, Refused, UsageError

if TYPE_CHECKING:
    from mcp_tools.catalog import Observation
    from mcp_tools.config import Sourced
    from mcp_tools.engines.docker import DockerEngine
    from mcp_tools.engines.helm import HelmEngine
    from mcp_tools.engines.kubernetes import KubeEngine
    from mcp_tools.engines.minikube import MinikubeEngine
    from mcp_tools.guard.guard import Guard, Session
    from mcp_tools.guard.permit import Permit
    from mcp_tools.targets.sandbox.standins.docker import DockerStandIn
    from mcp_tools.targets.sandbox.standins.minikube import MinikubeStandIn

__all__ = ["Call", "Progress", "World", "inside"]

Progress = Callable[[float, float | None, str], Awaitable[None]]


@dataclass(frozen=True)
class World:
    """The engines of one target. Each is made at its first use; the target never changes.

    ``target`` is ``minikube``, ``context:NAME`` or ``sandbox``. ``profile`` is the Minikube profile. ``settings`` are
    shown only. ``notice`` says why the target was chosen, when nobody named one and it is not the real thing.
    """

    target: str = "minikube"
    profile: str = "minikube"
    kubeconfig: str | None = None
    settings: tuple[Sourced, ...] = ()
    notice: str = ""

    @property
    def is_minikube(self) -> bool:
        """Whether images can be loaded and the cluster started: Minikube, or the sandbox, which stands in for it."""
        return self.target in ("minikube", "sandbox")

    @property
    def simulated(self) -> bool:
        """Whether nothing of it is real: the sandbox."""
        return self.target == "sandbox"

    @property
    def context(self) -> str:
        """The kubeconfig context of the target."""
        if self.simulated:
            return "sandbox"
        return self.profile if self.is_minikube else self.target.removeprefix("context:")

    async def awake(self) -> None:
        """See to it that the sandbox is there: it stops by itself when nobody needs it. Real targets are left alone."""
        if self.simulated:
            from mcp_tools.targets.sandbox.standins import home

            address = await home.ensure()
            if self.__dict__.get("_address") != address:  # another server than before: connect to it anew
                for name in ("kube", "helm"):
                    self.__dict__.pop(name, None)
                self.__dict__["_address"] = address

    async def identity(self) -> str:
        """What tells this cluster from every other: the UID of its kube-system; ``none`` when none answers."""
        try:
            await self.awake()
            found = await self.kube.get("v1", "Namespace", "kube-system")
        except LongshoreError:
            return "none"
        return str(((found or {}).get("metadata") or {}).get("uid") or "none")

    @functools.cached_property
    def kube(self) -> KubeEngine:
        """The cluster."""
        from mcp_tools.engines.kubernetes import KubeEngine

        kubeconfig = self.kubeconfig
        if self.simulated:
            from mcp_tools.targets.sandbox.standins import home

            kubeconfig = str(home.kubeconfig())
        return KubeEngine(self.context, kubeconfig=kubeconfig)

    @functools.cached_property
    def helm(self) -> HelmEngine:
        """Helm on that cluster."""
        from mcp_tools.engines.helm import HelmEngine

        return HelmEngine(self.kube)

    @functools.cached_property
    def docker(self) -> DockerEngine:
        """The Docker daemon of this machine, or its stand-in."""
        from mcp_tools.engines.docker import DockerEngine

        if self.simulated:
            return self.standins[0]

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
        return self.standins[1] if self.simulated else MinikubeEngine(self.profile)

    @functools.cached_property
    def standins(self) -> tuple[DockerStandIn, MinikubeStandIn]:
        """What stands in for Docker and Minikube in the sandbox.

        Raises:
            UsageError: the target is a real one.
        """
        if not self.simulated:
            raise UsageError(f"the target is {self.target}", "it is real", "--target sandbox")
        from mcp_tools.targets.sandbox.standins import home
        from mcp_tools.targets.sandbox.standins.docker import DockerStandIn
        from mcp_tools.targets.sandbox.standins.minikube import MinikubeStandIn

        docker = DockerStandIn(home.folder())
        return docker, MinikubeStandIn(docker)


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
