"""minikube_image_load and minikube_images: images in the node."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, Observation, Preview, ToolInput, ToolOutput, tool
from mcp_tools.engines.docker_records import ImageDetails
from mcp_tools.engines.image_transfer import SOURCE_LABEL, Method, Place, locate, size_text, transfer
from mcp_tools.errors import Conflict
from mcp_tools.names import ImageRef
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call


class MinikubeImageLoadInput(ToolInput):
    """An image of this machine's Docker."""

    image: ImageRef = Field(description="Name and tag: todo-backend:src-0123456789ab")
    base: bool = Field(
        False, description="A public image: any of that name in the node will do, and what is not here is left to it"
    )


class MinikubeImageLoadOutput(ToolOutput):
    """The image on both sides, and how it came there."""

    image: str
    id: str
    node_id: str = Field(description="ID that the name has in the node")
    method: Method | Literal["pull"]
    bytes_sent: int | None = Field(None, description="null: minikube image load does not tell")
    layers_sent: int
    layers_present: int
    seconds: float
    notes: list[Untrusted] = Field(default_factory=list, description="What was tried before and failed")

    def text(self) -> str:
        """One line, and the notes."""
        if self.method == "pull":
            return f"{self.image} is not on this machine: the node pulls it from its registry"
        sent = "size unknown" if self.bytes_sent is None else f"{size_text(self.bytes_sent)} sent"
        layers = f"{self.layers_sent} layers sent, {self.layers_present} were there"
        head = f"{self.image} is in the node as {self.node_id[:19]} ({self.method}: {sent}, {layers}, {self.seconds} s)"
        return "\n".join([head, *self.notes])


class MinikubeImagesInput(ToolInput):
    """Which images."""

    match: str = Field("", max_length=200, description="Part of the name")


class NodeImageLine(BaseModel):
    """One image in the node."""

    id: str
    tags: list[Untrusted]
    size_mb: float


class MinikubeImagesOutput(ToolOutput):
    """The images in the node."""

    images: list[NodeImageLine]

    def text(self) -> str:
        """One line each."""
        if not self.images:
            return "no such image in the node"
        return "\n".join(f"{i.id[7:19]}  {i.size_mb:8.1f} MB  {', '.join(i.tags) or '<none>'}" for i in self.images)


def _state(place: Place) -> dict[str, str]:
    return {"image": place.ref, "host": place.host_id, "node": place.named_id}


async def observe_load(args: MinikubeImageLoadInput, call: Call) -> Observation:
    """Done when the node has exactly this image under this name (a base image: any image of this name)."""
    if args.base and (known := await _base(args.image, call)) is not None:
        summary = f"the node has {args.image} as {known}" if known else f"{args.image} is left to the node to pull"
        state = {"image": args.image, "host": "", "node": known}
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    place = await _locate(args.image, call)
    place.close()
    if place.done:
        summary = f"the node has {place.ref} as {place.named_id}"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=_state(place), done=True)
    here, there = (ImageDetails.of(data or {}) for data in (place.host, place.named))
    if SOURCE_LABEL in here.labels and there.pulled_as(place.ref.rpartition(":")[0]):
        raise Conflict(
            f"{place.ref} is an image from a registry in the node",
            "the pods that use that name would get another program at their next start",
            "build under a name of your own",
        )
    how = "give it its name in the node (its content is there)" if place.node else "send it to the node"
    was = f"; the name pointed at {place.named_id}" if place.named_id else ""
    preview = Preview(summary=f"{place.ref}: {how}{was}", added=[f"Image/{place.ref} in the node"])
    return Observation(effect=Effect.CREATE, preview=preview, state=_state(place))


async def _locate(image: str, call: Call) -> Place:
    if call.world.simulated:
        return await call.world.standins[1].locate(image)
    return await locate(image, call.world.minikube)


async def _base(image: str, call: Call) -> str | None:
    """The ID that a base image has in the node; "" when neither has it; None when it is here and has to be sent."""
    named = image if ":" in image.rsplit("/", 1)[-1] else f"{image}:latest"
    for found in await call.world.minikube.images():
        if named in found.tags or f"docker.io/library/{named}" in found.tags:
            return found.id
    return None if await call.world.docker.inspect(image) is not None else ""


@tool(domain="minikube", title="Load an image into the node", effect=Effect.CREATE, observe=observe_load, long=True)
async def minikube_image_load(args: MinikubeImageLoadInput, call: Call) -> MinikubeImageLoadOutput:
    """Bring an image of this machine into the Minikube node, sending only what it lacks, and prove its ID there."""
    observation = call.observation or await observe_load(args, call)
    if args.base and observation.done and not observation.state["host"]:
        return _left(args.image, str(observation.state["node"]))
    if call.world.simulated:
        done = await call.world.standins[1].transfer(args.image, permit=call.permit, progress=call.progress)
    else:
        done = await transfer(args.image, call.world.minikube, permit=call.permit, progress=call.progress)
    sent = "size unknown" if done.bytes_sent is None else f"{done.bytes_sent} bytes sent"
    return MinikubeImageLoadOutput(
        changed=done.retagged or done.method in {"layers", "save-load", "minikube"},
        evidence=[
            f"here {done.image} is {done.id}, in the node {done.node_id}",
            f"{done.method}: {sent}, {done.layers_sent} layers sent, {done.layers_present} were there",
            *done.notes,
        ],
        image=done.image,
        id=done.id,
        node_id=done.node_id,
        method=done.method,
        bytes_sent=done.bytes_sent,
        layers_sent=done.layers_sent,
        layers_present=done.layers_present,
        seconds=done.seconds,
        notes=done.notes,
    )


def _left(image: str, node_id: str) -> MinikubeImageLoadOutput:
    """A base image that the node has, or pulls by itself."""
    fact = f"the node has {image} as {node_id}" if node_id else f"{image} is not here: the node pulls it"
    return MinikubeImageLoadOutput(
        evidence=[fact],
        image=image,
        id=node_id,
        node_id=node_id,
        method="present" if node_id else "pull",
        bytes_sent=0,
        layers_sent=0,
        layers_present=0,
        seconds=0,
    )


@tool(domain="minikube", title="List the node's images", effect=Effect.READ)
async def minikube_images(args: MinikubeImagesInput, call: Call) -> MinikubeImagesOutput:
    """List the images inside the Minikube node, with their IDs and sizes."""
    found = await call.world.minikube.images()
    lines = [
        NodeImageLine(id=image.id, tags=image.tags, size_mb=round(image.size_bytes / 1e6, 1))
        for image in sorted(found, key=lambda image: image.tags)
        if not args.match or any(args.match in tag for tag in image.tags)
    ]
    return MinikubeImagesOutput(images=lines, evidence=[f"{len(found)} images are in the node"])
