"""Minikube: one profile, through the real program."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from mcp_tools.effects import Effect
from mcp_tools.engines import minikube_parse as parse
from mcp_tools.engines import process
from mcp_tools.engines.minikube_parse import NodeImage, Profile, StartEvent, Status
from mcp_tools.engines.process import Completed
from mcp_tools.errors import Conflict, EnvironmentNotReady, ProcessFailed, ToolFailed

if TYPE_CHECKING:
    from mcp_tools.guard.permit import Permit

__all__ = ["MinikubeEngine", "NodeImage", "Profile", "StartEvent", "Status"]

INSTALL = "install Minikube: https://minikube.sigs.k8s.io/docs/start/"
ENV_KEPT = 600.0
"""Seconds for which the address of the node's Docker is remembered: asking takes up to a second of one CPU."""

# Minikube must know when the caller's shell already points at a node's Docker, or it would look for the node in itself.
_POINTERS = (
    "MINIKUBE_ACTIVE_DOCKERD",
    "MINIKUBE_EXISTING_DOCKER_HOST",
    "MINIKUBE_EXISTING_DOCKER_CERT_PATH",
    "MINIKUBE_EXISTING_DOCKER_TLS_VERIFY",
)
_QUIET = {"MINIKUBE_IN_STYLE": "false", "MINIKUBE_WANTUPDATENOTIFICATION": "false"}

OnEvent = Callable[[StartEvent], Awaitable[None]]


class MinikubeEngine:
    """One Minikube profile."""

    def __init__(self, profile: str = "minikube") -> None:
        self.profile = profile
        self._docker_env: dict[str, str] = {}
        self._docker_env_at = float("-inf")
        self._asking = asyncio.Lock()

    async def _run(
        self,
        words: list[str],
        *,
        timeout: float = 30,
        check: bool = True,
        permit: Permit | None = None,
        on_line: process.OnLine | None = None,
    ) -> Completed:
        program = process.which("minikube")
        if program is None:
            raise EnvironmentNotReady("Minikube is not installed", "there is no minikube on PATH", INSTALL)
        env = {name: os.environ[name] for name in _POINTERS if name in os.environ} | _QUIET
        return await process.run(
            [program, *words, "-p", self.profile], timeout=timeout, env=env, check=check, permit=permit, on_line=on_line
        )

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def installed(self) -> bool:
        """Whether there is a minikube program."""
        return process.which("minikube") is not None

    async def version(self) -> str:
        """The program's version, such as ``v1.36.0``.

        Raises:
            EnvironmentNotReady: it is not installed.
        """
        done = await self._run(["version", "--short"], timeout=10)
        return done.stdout.strip()

    async def status(self) -> Status:
        """The state of the cluster; nothing of it is there when there is no such profile.

        The exit code is not looked at: it is a set of flags (1 host, 2 kubelet, 4 API server), 85 without a profile.
        """
        done = await self._run(["status", "-o", "json"], timeout=30, check=False)
        return parse.status(done.stdout)

    async def profiles(self) -> list[Profile]:
        """All profiles of this user."""
        done = await self._run(["profile", "list", "--light", "-o", "json"], timeout=15, check=False)
        return parse.profiles(done.stdout)

    async def config(self) -> Profile | None:
        """The settings of this profile; None when there is none."""
        return next((found for found in await self.profiles() if found.name == self.profile), None)

    async def docker_env(self) -> dict[str, str]:
        """The settings (DOCKER_HOST, …) with which a client reaches the Docker daemon inside the node.

        Raises:
            EnvironmentNotReady: the cluster does not run.
            Conflict: the node's container runtime is not Docker.
        """
        async with self._asking:  # several images at once ask once
            if time.monotonic() - self._docker_env_at >= ENV_KEPT:
                self._docker_env = await self._ask_docker_env()
                self._docker_env_at = time.monotonic()
            return dict(self._docker_env)

    async def _ask_docker_env(self) -> dict[str, str]:
        config = await self.config()
        if config is None:
            raise EnvironmentNotReady(f"there is no Minikube profile {self.profile}", remedy="minikube_start")
        if config.runtime not in {"", "docker"}:
            raise Conflict(
                f"the node runs {config.runtime}, not Docker",
                "only a Docker node can be used as a Docker daemon",
                "minikube_image_load",
            )
        done = await self._run(["docker-env", "--shell", "none"], timeout=30, check=False)
        found = parse.docker_env(done.stdout)
        if done.returncode != 0 or "DOCKER_HOST" not in found:
            words = done.last_words()
            remedy = (
                "start Docker, then environment_check" if "Cannot connect to the Docker" in words else "minikube_start"
            )
            raise EnvironmentNotReady(f"the Docker of Minikube {self.profile} is not reachable", words, remedy)
        return found

    def forget_docker_env(self) -> None:
        """Ask again next time: the node has been restarted or replaced."""
        self._docker_env_at = float("-inf")

    async def images(self) -> list[NodeImage]:
        """The images in the node, by whatever runtime it has.

        Raises:
            EnvironmentNotReady: the cluster does not run.
        """
        done = await self._run(["image", "ls", "--format", "json"], timeout=30, check=False)
        if done.returncode != 0 or not done.stdout.lstrip().startswith("["):
            raise EnvironmentNotReady(
                f"Minikube {self.profile} cannot list its images", done.last_words(), "minikube_start"
            )
        return parse.images(done.stdout)

    async def node_image(self, ref: str) -> NodeImage | None:
        """The image in the node that this name points at."""
        wanted = {ref, f"docker.io/{ref}", f"docker.io/library/{ref}", f"localhost/{ref}"}
        return next((image for image in await self.images() if wanted & set(image.tags)), None)

    # -- changing -----------------------------------------------------------------------------------------------

    async def start(
        self,
        *,
        permit: Permit,
        cpus: int | None = None,
        memory_mib: int | None = None,
        disk_gib: int | None = None,
        driver: str = "docker",
        timeout: float = 900,
        on_event: OnEvent | None = None,
    ) -> list[str]:
        """``minikube start``: make the cluster, or start the stopped one (without sizes); returns its warnings.

        Raises:
            EnvironmentNotReady: Minikube says why it cannot.
            TimedOut: after ``timeout`` seconds; what was made so far stays, and a second start goes on with it.
        """
        permit.require(Effect.CREATE)
        words = ["start", "--output", "json", "--interactive=false", f"--driver={driver}"]
        words += [f"--cpus={cpus}"] if cpus else []
        words += [f"--memory={memory_mib}mb"] if memory_mib else []
        words += [f"--disk-size={disk_gib}g"] if disk_gib else []
        # Minikube refuses the docker driver to root unless it is told to; a container or CI job often is root.
        words += ["--force"] if os.geteuid() == 0 else []
        warnings: list[str] = []
        errors: list[StartEvent] = []

        async def line(stream: process.Stream, text: str) -> None:
            event = parse.start_event(text)
            if event is None:
                return
            if event.kind == "warning":
                warnings.append(event.message)
            elif event.kind == "error":
                errors.append(event)
            if on_event is not None:
                await on_event(event)

        self.forget_docker_env()
        try:
            await self._run(words, timeout=timeout, permit=permit, on_line=line)
        except ProcessFailed as error:
            # The last one is what ended it; with --force, Minikube counts its remark on root as an error as well.
            said = [e.message for e in reversed(errors) if e.message] or [error.completed.last_words()]
            advice = next((event.advice for event in reversed(errors) if event.advice), "")
            raise EnvironmentNotReady(
                f"Minikube {self.profile} did not start",
                " ".join(dict.fromkeys(said[:2]))[:800],
                advice or f"minikube logs -p {self.profile}; after that minikube_start again",
            ) from error
        return warnings

    async def image_load(self, ref: str, *, permit: Permit, timeout: float = 600) -> None:
        """``minikube image load`` of an image of this machine's Docker, replacing an older one of that name.

        Raises:
            ToolFailed: it was not loaded; the program's own exit code is 0 even when there is no such image.
        """
        permit.require(Effect.CREATE)
        done = await self._run(
            ["image", "load", "--daemon=true", "--overwrite=true", ref], timeout=timeout, permit=permit, check=False
        )
        said = done.stdout + done.stderr
        if done.returncode != 0 or "was not found" in said or "Failed" in said:
            raise ToolFailed(f"minikube image load {ref} failed", done.last_words(), "docker_build, then again")

    async def image_tag(self, source: str, target: str, *, permit: Permit) -> None:
        """Give an image in the node another name."""
        permit.require(Effect.CREATE)
        await self._run(["image", "tag", source, target], permit=permit)

    async def delete(self, *, permit: Permit, timeout: float = 300) -> None:
        """``minikube delete`` of this profile, with everything in it.

        Raises:
            ToolFailed: something of it is left.
        """
        permit.require(Effect.DESTROY)
        self.forget_docker_env()
        try:
            await self._run(["delete"], timeout=timeout, permit=permit)
        except ProcessFailed as error:
            raise ToolFailed(
                f"Minikube {self.profile} was not deleted", error.why, "the same again; it goes on where it stopped"
            ) from error
        if await self.config() is not None:
            raise ToolFailed(f"Minikube {self.profile} is still there after its deletion", remedy="the same again")
