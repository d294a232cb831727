"""An image from this machine's Docker into the Minikube node, by the fastest way that is right, and proven there.

1. The node has the image ID: nothing is sent; its name is set when it is not.
2. The node runs Docker and has some of the layers: only the others travel, by a push to a receiver on loopback where
   few are missing (nothing else is even read), otherwise by a stream of the archive without those.
3. The whole archive streams over.
4. ``minikube image load``: other runtimes, and when the ways above fail.

The name is set only after the ID on the node was compared: a transfer that fails leaves the old image in its place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio

from mcp_tools.effects import Effect
from mcp_tools.engines.image_transfer_daemon import Daemon, layers_of
from mcp_tools.engines.image_transfer_push import missing_layers
from mcp_tools.engines.image_transfer_tar import Stopped, Tally, without_layers
from mcp_tools.errors import EnvironmentNotReady, LongshoreError, NotFound, ToolFailed, UsageError

if TYPE_CHECKING:
    from mcp_tools.engines.minikube import MinikubeEngine
    from mcp_tools.guard.permit import Permit

__all__ = ["Method", "Place", "Transfer", "locate", "same_image", "size_text", "transfer", "with_tag"]

Method = Literal["present", "built-in-node", "layers", "save-load", "minikube"]
Progress = Callable[[float, float | None, str], Awaitable[None]]
SOURCE_LABEL = "longshore.dev/source"
SETTLE = 20.0
"""Seconds that a cancelled transfer may take to let go of both daemons."""

T = TypeVar("T")


@dataclass(frozen=True)
class Transfer:
    """How an image came into the node. ``bytes_sent`` is None when the program does not tell."""

    image: str
    id: str
    node_id: str
    method: Method
    bytes_sent: int | None
    layers_sent: int
    layers_present: int
    seconds: float
    retagged: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass
class Place:
    """Where an image is: on this machine, in the node by its ID, and what the node has under its name."""

    ref: str
    host: dict[str, Any] | None
    node: dict[str, Any] | None
    named: dict[str, Any] | None
    host_daemon: Daemon
    node_daemon: Daemon | None
    host_containerd: bool = False
    node_containerd: bool = False

    def same(self, other: Mapping[str, Any] | None) -> bool:
        """Whether that image of the node is the one of this machine."""
        mixed = self.node_daemon is not None and self.host_containerd != self.node_containerd
        return self.host is not None and other is not None and same_image(self.host, other, mixed=mixed)

    @property
    def host_id(self) -> str:
        """The ID on this machine, or nothing."""
        return str((self.host or {}).get("Id", ""))

    @property
    def named_id(self) -> str:
        """The ID that the name has in the node, or nothing."""
        return str((self.named or {}).get("Id", ""))

    @property
    def done(self) -> bool:
        """Whether the node has exactly this image under exactly this name."""
        return self.named is not None and (self.host is None or self.same(self.named))

    def close(self) -> None:
        """Let go of the daemons."""
        self.host_daemon.close()
        if self.node_daemon is not None:
            self.node_daemon.close()


def with_tag(image: str) -> str:
    """The image's name with its tag, ``latest`` when it has none.

    Raises:
        UsageError: it is a digest or an ID: in a node, an image is used by its name.
    """
    if "@" in image or image.startswith("sha256:"):
        raise UsageError(
            f"{image} is no name with a tag", "in the node an image is used by name", "todo-backend:latest"
        )
    last = image.rsplit("/", 1)[-1]
    return image if ":" in last else f"{image}:latest"


def size_text(count: int) -> str:
    """Bytes for a person: 512 B, 30.2 kB, 12.3 MB."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def same_image(one: Mapping[str, Any], other: Mapping[str, Any], *, mixed: bool = False) -> bool:
    """Whether two inspected images are the same: their IDs are equal.

    ``mixed``: one daemon names images by their configuration, the other (containerd's store) by their manifest; then
    all that the ID stands for is compared: the layers, the configuration, the platform and the time of the build.
    """
    if one.get("Id") == other.get("Id"):
        return True
    return mixed and bool(layers_of(one)) and _fingerprint(one) == _fingerprint(other)


def _fingerprint(image: Mapping[str, Any]) -> tuple[Any, ...]:
    config = image.get("Config") or {}
    kept = {key: value for key, value in config.items() if value and key not in {"Image", "Hostname", "Domainname"}}
    return (layers_of(image), kept, image.get("Created"), image.get("Os"), image.get("Architecture"))


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def locate(image: str, minikube: MinikubeEngine) -> Place:
    """Look where the image is.

    Raises:
        NotFound: neither this machine nor the node has it.
        EnvironmentNotReady: the cluster does not run, or (without the image in the node) Docker does not.
    """
    ref = with_tag(image)
    config = await minikube.config()
    if config is None:
        raise EnvironmentNotReady(f"there is no Minikube profile {minikube.profile}", remedy="minikube_start")
    host = Daemon(title="Docker")
    node: Daemon | None = None
    if config.driver == "none":
        node = Daemon(title="Docker")
    elif config.runtime in {"", "docker"}:
        node = await _node_daemon(minikube)
    place = Place(ref, None, None, None, host, node)
    try:
        place.named = await _named(ref, minikube, node)
        try:
            place.host = await _in_thread(lambda: host.inspect(ref))
        except EnvironmentNotReady:
            if place.named is None:
                raise
        if place.host is not None and node is not None and place.host_id != place.named_id:
            place.host_containerd, place.node_containerd = await asyncio.gather(
                _in_thread(host.containerd_store), _in_thread(node.containerd_store)
            )
        if place.host is None and place.named is None:
            raise NotFound(
                f"there is no image {ref}",
                "neither this machine's Docker nor the node has it",
                "docker_build makes it; minikube_images shows those in the node",
            )
        place.node = await _by_id(place, minikube)
    except BaseException:
        place.close()
        raise
    return place


async def _node_daemon(minikube: MinikubeEngine) -> Daemon:
    """The node's daemon, connected; its address is asked for again when the remembered one does not answer."""
    known = await minikube.docker_env()
    daemon = Daemon(known, title="the node's Docker")
    try:
        await _in_thread(lambda: daemon.api)
    except EnvironmentNotReady:
        minikube.forget_docker_env()
        fresh = await minikube.docker_env()
        if fresh == known:
            raise
        return Daemon(fresh, title="the node's Docker")
    return daemon


async def _named(ref: str, minikube: MinikubeEngine, node: Daemon | None) -> dict[str, Any] | None:
    if node is not None:
        return await _in_thread(lambda: node.inspect(ref))
    found = await minikube.node_image(ref)
    return None if found is None else {"Id": found.id}


async def _by_id(place: Place, minikube: MinikubeEngine) -> dict[str, Any] | None:
    if place.host is None or place.done:
        return place.named
    wanted, node = place.host_id, place.node_daemon
    if node is not None:
        return await _in_thread(lambda: node.inspect(wanted))
    return next(({"Id": image.id} for image in await minikube.images() if image.id == wanted), None)


async def transfer(image: str, minikube: MinikubeEngine, *, permit: Permit, progress: Progress) -> Transfer:
    """Make the node have the image under its name, and prove it.

    Args:
        image: name and tag, as this machine's Docker knows it.
        progress: told of the bytes read, the image's size, and the bytes sent.

    Raises:
        NotFound, EnvironmentNotReady: see :func:`locate`.
        ToolFailed: every way failed, or the node has another image than was sent.
    """
    started = time.monotonic()
    place = await locate(image, minikube)
    try:
        return await _bring(place, minikube, permit, progress, started)
    finally:
        place.close()


async def _bring(
    place: Place, minikube: MinikubeEngine, permit: Permit, progress: Progress, started: float
) -> Transfer:
    total = len(layers_of(place.host or place.named or {}))
    if place.host is None:  # then it is in the node, or locate had raised
        labels = ((place.named or {}).get("Config") or {}).get("Labels") or {}
        built = SOURCE_LABEL in labels
        note = "built in the node" if built else "this machine's Docker does not have it; the node does"
        method: Method = "built-in-node" if built else "present"
        return _result(place, method, place.named_id, Tally(), total, started, notes=[note])
    if place.node is not None:
        retagged = not place.done
        if retagged:
            await _retag(place, minikube, permit)
        node_id = await _proven(place, minikube)
        return _result(place, "present", node_id, Tally(), total, started, retagged=retagged)
    method, tally, notes = await _send(place, minikube, permit, progress)
    node_id = await _proven(place, minikube)
    present = tally.layers_dropped if method == "layers" else 0
    return _result(place, method, node_id, tally, present, started, notes=notes)


def _result(
    place: Place,
    method: Method,
    node_id: str,
    tally: Tally,
    present: int,
    started: float,
    *,
    retagged: bool = False,
    notes: list[str] | None = None,
) -> Transfer:
    total = len(layers_of(place.host or place.named or {}))
    return Transfer(
        image=place.ref,
        id=place.host_id or place.named_id,
        node_id=node_id,
        method=method,
        bytes_sent=None if method == "minikube" else tally.bytes_sent,
        layers_sent=total - present,
        layers_present=present,
        seconds=round(time.monotonic() - started, 2),
        retagged=retagged,
        notes=notes or [],
    )


async def _retag(place: Place, minikube: MinikubeEngine, permit: Permit) -> None:
    permit.require(Effect.CREATE)
    node, image = place.node_daemon, str((place.node or {}).get("Id"))
    if node is None:
        await minikube.image_tag(image.removeprefix("sha256:"), place.ref, permit=permit)
        return
    permit.record(["POST", "node", f"/images/{image}/tag", place.ref])
    await _in_thread(lambda: node.tag(image, place.ref))


async def _proven(place: Place, minikube: MinikubeEngine) -> str:
    """The ID that the name now has in the node.

    Raises:
        ToolFailed: it is not the image of this machine.
    """
    place.named = await _named(place.ref, minikube, place.node_daemon)
    if not place.done:
        raise ToolFailed(
            f"the node does not have {place.ref} as it is here",
            f"here it is {place.host_id}, in the node {place.named_id or 'not there'}",
            "minikube_image_load again; when that fails, remove the image in the node: minikube image rm " + place.ref,
        )
    return place.named_id


async def _send(
    place: Place, minikube: MinikubeEngine, permit: Permit, progress: Progress
) -> tuple[Method, Tally, list[str]]:
    """Send it by the first way that works; what went wrong on the way there is told."""
    permit.require(Effect.CREATE)
    notes: list[str] = []
    layers, node = layers_of(place.host or {}), place.node_daemon
    if node is not None:
        # containerd's store looks up every file that a manifest names: there, none may be left out
        shared = 0 if place.node_containerd else await _in_thread(lambda: node.common_layers(layers))
        for present, push in await _attempts(place, layers, shared):
            tally = Tally()
            try:
                await _stream(place, node, present, push, tally, permit, progress)
                return ("layers" if present else "save-load"), tally, notes
            except LongshoreError as error:
                notes.append(f"{'layers' if present else 'save-load'} failed: {error.line()}")
    try:
        await progress(0, None, f"minikube image load {place.ref}")
        await minikube.image_load(place.ref, permit=permit)
    except LongshoreError as error:
        raise ToolFailed(
            f"{place.ref} could not be loaded into the node",
            "; ".join([*notes, error.line()]),
            "environment_check, then minikube_image_load again",
        ) from error
    return "minikube", Tally(layers_sent=len(layers)), notes


async def _attempts(place: Place, layers: list[str], shared: int) -> list[tuple[int, bool]]:
    """In which order to try: how many layers to leave out, and whether by a push (else by ``docker save``).

    A push pays where few layers are missing: what a daemon pushes for the first time it compresses, once.
    """
    ways = [(shared, False), (0, False)] if shared else [(0, False)]
    few = shared and 2 * shared >= len(layers) and not place.host_containerd
    if few and await _in_thread(place.host_daemon.pushes_to_loopback):
        ways.insert(0, (shared, True))
    return ways


async def _stream(
    place: Place, node: Daemon, present: int, push: bool, tally: Tally, permit: Permit, progress: Progress
) -> None:
    """Host daemon → filter → node daemon, in one thread; then the comparison of the ID, then the name."""
    host, image, layers = place.host_daemon, place.host_id, layers_of(place.host or {})

    def work() -> None:
        if push:
            node.load(missing_layers(host, image, layers, present, tally), tally)
            return
        source = host.save(image)
        try:
            node.load(without_layers(source, layers, present, tally), tally)
        finally:
            source.close()  # type: ignore[attr-defined]

    permit.record(["POST", "host", "/images/push to loopback"] if push else ["GET", "host", f"/images/{image}/get"])
    permit.record(["POST", "node", "/images/load", f"without {present} of {len(layers)} layers"])
    # a push reads only what is missing, and how much that is, is not known before
    size = None if push else float((place.host or {}).get("Size") or 0) or None
    task = asyncio.ensure_future(_in_thread(work))
    try:
        while not task.done():
            done = min(float(tally.bytes_read), size or float(tally.bytes_read))
            sent = f"{size_text(tally.bytes_sent)} sent, {present} of {len(layers)} layers are there"
            await progress(done, size, f"{place.ref}: {sent}")
            await asyncio.wait({task}, timeout=0.5)
        await task
    except asyncio.CancelledError:
        tally.stopped = True  # the thread sees it at the next chunk and lets both daemons go
        with anyio.CancelScope(shield=True):
            await asyncio.wait({task}, timeout=SETTLE)
        raise
    except Stopped as error:
        raise ToolFailed(f"the transfer of {place.ref} was stopped") from error
    await _name_loaded(place, node, tally, permit)


async def _name_loaded(place: Place, node: Daemon, tally: Tally, permit: Permit) -> None:
    loaded = next((name for name in tally.loaded if name.startswith("sha256:")), place.host_id)
    found = await _in_thread(lambda: node.inspect(loaded))
    if not place.same(found):
        raise ToolFailed(
            f"the node loaded another image than {place.ref}",
            f"sent {place.host_id}, got {(found or {}).get('Id', 'nothing')}",
            "minikube_image_load again",
        )
    permit.record(["POST", "node", f"/images/{loaded}/tag", place.ref])
    await _in_thread(lambda: node.tag(loaded, place.ref))
