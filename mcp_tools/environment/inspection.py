"""What the checks of the environment share: one check, and the questions that are asked once for several of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mcp_tools.engines.docker_records import Container, Daemon, Image
from mcp_tools.engines.minikube_parse import Profile, Status
from mcp_tools.errors import TimedOut

if TYPE_CHECKING:
    from mcp_tools.application import Application
    from mcp_tools.world import World

__all__ = ["SECTIONS", "TIMEOUT", "Check", "Inspection", "Judge", "Outcome", "Section"]

Outcome = Literal["ok", "warning", "failed", "skipped"]
Section = Literal["minikube", "docker", "kubernetes", "resources", "optional"]
SECTIONS: tuple[Section, ...] = ("minikube", "docker", "kubernetes", "resources", "optional")

TIMEOUT = 8.0
"""Seconds that one question may take; on a healthy machine the slowest takes under one."""


@dataclass(frozen=True)
class Check:
    """One check of the environment."""

    id: str
    title: str
    section: Section
    status: Outcome
    found: str
    expected: str
    remedy: str = ""


@dataclass
class Inspection:
    """What is asked once and used by several checks; each question is a task that starts with the inspection."""

    world: World
    application: Application | None = None
    _asked: dict[str, asyncio.Task[object]] = field(default_factory=dict)

    async def ask(self, name: str, question: Callable[[], Awaitable[object]]) -> object:
        """The answer; asked at the first use, then shared.

        Raises:
            LongshoreError: what the question raised; ``TimedOut`` when it was not answered in time.
        """
        if name not in self._asked:
            self._asked[name] = asyncio.ensure_future(_in_time(name, question))
        return await asyncio.shield(self._asked[name])

    async def daemon(self) -> Daemon:
        """The Docker daemon's own words."""
        found = await self.ask("docker info", self.world.docker.info)
        assert isinstance(found, Daemon)
        return found

    async def containers(self) -> list[Container]:
        """The running containers."""
        found = await self.ask("docker ps", self.world.docker.containers)
        assert isinstance(found, list)
        return found

    async def images(self) -> list[Image]:
        """The local images."""
        found = await self.ask("docker images", self.world.docker.images)
        assert isinstance(found, list)
        return found

    async def cluster(self) -> tuple[Status, Profile | None]:
        """The Minikube cluster."""

        async def look() -> tuple[Status, Profile | None]:
            profile = await self.world.minikube.config()
            return (Status(), None) if profile is None else (await self.world.minikube.status(), profile)

        found = await self.ask("minikube status", look)
        assert isinstance(found, tuple)
        return found

    def close(self) -> None:
        """End what is still under way."""
        for task in self._asked.values():
            task.cancel()


async def _in_time(name: str, question: Callable[[], Awaitable[object]]) -> object:
    try:
        async with asyncio.timeout(TIMEOUT):
            return await question()
    except TimeoutError as error:
        raise TimedOut(f"{name} did not answer in {TIMEOUT:g} s", remedy="restart Docker, then again") from error


Judge = Callable[[Inspection], Awaitable[Check]]
