"""The stand-in of Minikube: the sandbox's one node, which always runs, and an image transfer that moves records."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NoReturn

from mcp_tools.effects import Effect
from mcp_tools.engines.image_transfer import Place, Progress, Transfer, with_tag
from mcp_tools.engines.image_transfer_daemon import Daemon
from mcp_tools.engines.minikube import MinikubeEngine, OnEvent
from mcp_tools.engines.minikube_parse import NodeImage, Profile, Status
from mcp_tools.errors import NotFound, ToolFailed
from mcp_tools.targets.sandbox.standins.bases import familiar
from mcp_tools.targets.sandbox.standins.node import Node

if TYPE_CHECKING:
    from mcp_tools.engines.process import Completed
    from mcp_tools.guard.permit import Permit
    from mcp_tools.targets.sandbox.standins.docker import DockerStandIn

__all__ = ["MinikubeStandIn"]

CPUS, MEMORY_MIB, DISK_MB = 2, 6144, 20_000
"""The node that ``Cluster.fresh`` makes; its disk is nobody's."""


class MinikubeStandIn(MinikubeEngine):
    """The sandbox in the words of Minikube."""

    def __init__(self, docker: DockerStandIn) -> None:
        super().__init__("sandbox")
        self.docker, self.node = docker, Node()

    async def _run(self, words: list[str], **_: object) -> Completed:
        """No program is ever started.

        Raises:
            ToolFailed: always.
        """
        _refuse(f"minikube {words[0]}")

    @property
    def installed(self) -> bool:
        """The sandbox comes with the package."""
        return True

    async def version(self) -> str:
        """That it is simulated."""
        return "sandbox (simulated)"

    async def status(self) -> Status:
        """It runs: whoever asks the cluster starts it."""
        return Status("Running", "Running", "Running", "Configured")

    async def profiles(self) -> list[Profile]:
        """The one there is."""
        from mcp_tools.targets.sandbox.bootstrap_node import VERSION

        version = f"{VERSION} (simulated)"
        return [Profile("sandbox", CPUS, MEMORY_MIB, DISK_MB, "simulated", "docker", version, 1, active=True)]

    async def docker_env(self) -> dict[str, str]:
        """The node has no daemon.

        Raises:
            ToolFailed: always.
        """
        _refuse("a Docker daemon in the node")

    async def images(self) -> list[NodeImage]:
        """The images in the node."""
        found = await self.node.images()
        return [
            NodeImage(str(image["id"]), [str(tag) for tag in image.get("tags") or []], int(image.get("size") or 0))
            for image in found
        ]

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
        """Start the sandbox."""
        from mcp_tools.targets.sandbox import daemon

        permit.require(Effect.CREATE)
        await asyncio.to_thread(daemon.ensure)
        return []

    async def image_load(self, ref: str, *, permit: Permit, timeout: float = 600) -> None:
        """Give the node the record of an image."""
        await self.transfer(ref, permit=permit)

    async def image_tag(self, source: str, target: str, *, permit: Permit) -> None:
        """Give an image in the node another name."""
        permit.require(Effect.CREATE)
        found = self.docker.record(source)
        if found is None:
            raise NotFound(f"there is no image {source}", remedy="docker_build")
        await self.node.add(found, [familiar(target)])

    async def delete(self, *, permit: Permit, timeout: float = 300) -> None:
        """Empty the sandbox: a new cluster takes its place."""
        from mcp_tools.targets.sandbox import daemon

        permit.require(Effect.DESTROY)
        await asyncio.to_thread(daemon.reset)

    async def node_image(self, ref: str) -> NodeImage | None:
        """The image in the node that this name points at, however long it is written."""
        wanted = familiar(ref)
        return next((image for image in await self.images() if wanted in map(familiar, image.tags)), None)

    # -- the image transfer ---------------------------------------------------------------------------------------

    async def locate(self, image: str) -> Place:
        """Look where the image is; see :func:`image_transfer.locate`."""
        ref = with_tag(image)
        host, named = self.docker.record(ref), await self.node_image(ref)
        if host is None and named is None:
            raise NotFound(
                f"there is no image {ref}",
                "neither the sandbox's images nor its node have it",
                "docker_build makes it; minikube_images shows those in the node",
            )
        here = None if host is None else {"Id": host.id, "Config": {"Labels": host.config.labels}, "Size": host.size}
        there = None if named is None else {"Id": named.id}
        everywhere = await self.images()
        same = host is not None and any(found.id == host.id for found in everywhere)
        return Place(ref, here, here if same else None, there, Daemon(title="the sandbox"), None)

    async def transfer(self, image: str, *, permit: Permit, progress: Progress | None = None) -> Transfer:
        """Make the node have the image under its name, and prove it; see :func:`image_transfer.transfer`."""
        started, place = time.monotonic(), await self.locate(image)
        record = self.docker.record(place.ref)
        if record is None or place.done:
            layers = len(record.layers) if record else 0
            took = round(time.monotonic() - started, 2)
            return Transfer(place.ref, place.named_id, place.named_id, "present", 0, 0, layers, took)
        permit.require(Effect.CREATE)
        if progress is not None:
            await progress(0, record.size, f"{place.ref}: its record is copied, no layer is sent")
        await self.node.add(record, [familiar(place.ref)])
        after = await self.node_image(place.ref)
        if after is None or after.id != record.id:
            raise ToolFailed(
                f"the node does not have {place.ref} as it is here",
                f"here it is {record.id}, in the node {after.id if after else 'not there'}",
                "minikube_image_load again",
            )
        took, retagged = round(time.monotonic() - started, 2), place.node is not None
        sent = 0 if retagged else len(record.layers)
        return Transfer(
            image=place.ref,
            id=record.id,
            node_id=after.id,
            method="present" if retagged else "save-load",
            bytes_sent=0,
            layers_sent=sent,
            layers_present=len(record.layers) - sent,
            seconds=took,
            retagged=retagged,
            notes=["simulated: the record of the image was copied"],
        )


def _refuse(what: str) -> NoReturn:
    raise ToolFailed(f"there is no {what} in the sandbox", "it is simulated", "use the target minikube for that")
