"""docker_build: an image from a project's sources, named after exactly what it was made from."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from mcp_tools.catalog import Effect, Observation, Preview, ToolOutput, tool
from mcp_tools.engines import context, dockerfile
from mcp_tools.engines.context import LABEL, Facts
from mcp_tools.errors import Conflict, EnvironmentNotReady, LongshoreError, NotFound, ToolFailed
from mcp_tools.names import ImageName
from mcp_tools.tools.docker_common import (
    BuildArgs,
    ProjectInput,
    TagName,
    Where,
    checked_build_args,
    dockerfile_of,
    folder_of,
    node_docker,
)
from mcp_tools.world import Call

if TYPE_CHECKING:
    from mcp_tools.engines.docker import DockerEngine
    from mcp_tools.engines.docker_build import Built
    from mcp_tools.engines.docker_records import ImageDetails

_CONTENT_TAG = re.compile(r"src-[0-9a-f]{12}")


class DockerBuildInput(ProjectInput):
    """What to build, and its names."""

    image: ImageName = Field(description="Repository, without tag")
    tag: TagName | None = Field(None, description="Default: the content tag (src-…) of project_analyze")
    build_args: BuildArgs
    aliases: list[TagName] = Field(default_factory=lambda: ["latest"], max_length=10, description="Further tags")
    where: Where = Field("host", description="host, the Minikube node's daemon, or auto: node when it runs")
    timeout_seconds: int = Field(1800, ge=10, le=7200)


class DockerBuildOutput(ToolOutput):
    """The image. Steps are those that this build needed; both are 0 when the image was there."""

    image: str
    tag: str
    ref: str
    id: str
    size_bytes: int
    cached_steps: int = 0
    total_steps: int = 0
    seconds: float = 0
    where: str = Field("host", description="host or node")


@dataclass(frozen=True)
class _Seen:
    """What is there now. ``there`` is the image that carries the digest of these sources, under its own tag."""

    docker: DockerEngine
    where: str
    folder: Path
    dockerfile: Path
    facts: Facts
    tag: str
    there: ImageDetails | None
    taken: bool
    moves: dict[str, str]


async def _engine(where: str, call: Call) -> tuple[DockerEngine, str]:
    if where == "host" or (where == "auto" and not call.world.is_minikube):
        return call.world.docker, "host"
    try:
        return await node_docker(call), "node"
    except (EnvironmentNotReady, Conflict):
        if where == "node":
            raise
        return call.world.docker, "host"


async def _look(args: DockerBuildInput, call: Call) -> _Seen:
    folder, file = folder_of(args, call), dockerfile_of(args, call)
    if not file.is_file():
        raise NotFound(f"there is no {args.dockerfile} in {args.path}", remedy="dockerfile_generate writes one")
    build_args = checked_build_args(args.build_args)
    facts = await asyncio.to_thread(context.measure, folder, file, build_args)
    assert facts.digest is not None and facts.tag is not None
    tag = args.tag or facts.tag
    if _CONTENT_TAG.fullmatch(tag) and tag != facts.tag:
        raise Conflict(
            f"{args.image}:{tag} would not hold what its tag says",
            f"the sources are {facts.tag} now",
            "project_analyze, then build with its content_tag",
        )
    docker, where = await _engine(args.where, call)
    found, *others = await asyncio.gather(*(docker.inspect(f"{args.image}:{name}") for name in (tag, *args.aliases)))
    for name, other in zip((tag, *args.aliases), (found, *others), strict=True):
        if other is not None and other.pulled_as(args.image):
            raise Conflict(
                f"{args.image}:{name} is an image from a registry",
                "whatever uses that name would get another program",
                "build under a name of your own",
            )
    same = found if found is not None and found.labels.get(LABEL) == facts.digest else None
    moves = {}
    for alias, other in zip(args.aliases, others, strict=True):
        if alias != tag and (same is None or other is None or other.id != same.id):
            moves[alias] = other.id if other is not None else ""
    return _Seen(docker, where, folder, file, facts, tag, same, found is not None and same is None, moves)


async def observe_build(args: DockerBuildInput, call: Call) -> Observation:
    """Whether the image is there already, made from just these sources."""
    seen = await _look(args, call)
    ref = f"{args.image}:{seen.tag}"
    state = {
        "where": seen.where,
        "source": seen.facts.digest,
        "id": seen.there.id if seen.there else None,
        "aliases": seen.moves,
    }
    names = [f"{args.image}:{alias}" for alias, old in seen.moves.items() if not old]
    moved = [f"{args.image}:{alias} moves to this image" for alias, old in seen.moves.items() if old]
    if seen.there is not None and not seen.moves:
        summary = f"{ref} is there, built from these sources"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    if seen.there is not None:
        preview = Preview(
            summary=f"{ref} is there; name it {', '.join(seen.moves)} as well", added=names, changed=moved
        )
        return Observation(effect=Effect.CREATE, preview=preview, state=state)
    moved += [f"{ref} moves to a new image"] if seen.taken else []
    size = f"{seen.facts.files} files, {seen.facts.bytes / 1e6:.1f} MB"
    added = [*([] if seen.taken else [ref]), *names]
    preview = Preview(summary=f"build {ref} on the {seen.where} from {args.path} ({size})", added=added, changed=moved)
    return Observation(effect=Effect.CREATE, preview=preview, state=state)


@tool(domain="docker", title="Build an image", effect=Effect.CREATE, observe=observe_build, open_world=True, long=True)
async def docker_build(args: DockerBuildInput, call: Call) -> DockerBuildOutput:
    """Build a container image from a project with its Dockerfile. Done at once when an image made from exactly these
    sources is there. Tags move only after the build succeeded.
    """
    seen = await _look(args, call)
    ref = f"{args.image}:{seen.tag}"
    built = None
    if seen.there is None:
        built = await _build(args, seen, ref, call)
        names = list(dict.fromkeys([seen.tag, *args.aliases]))
        identity = built.id
    else:
        names, identity = list(seen.moves), seen.there.id
    for name in names:
        await seen.docker.tag(identity, f"{args.image}:{name}", permit=call.permit)
    made = await seen.docker.inspect(ref)
    if made is None or made.labels.get(LABEL) != seen.facts.digest:
        raise ToolFailed(f"{ref} is not what was built", "another build took its name meanwhile", "build again")
    steps = f"{built.cached_steps} of {built.total_steps} steps from the cache" if built else "it was there already"
    return DockerBuildOutput(
        changed=bool(names),
        evidence=[f"{ref} is {made.id[:19]} on the {seen.where}, {made.size / 1e6:.0f} MB; {steps}"],
        image=args.image,
        tag=seen.tag,
        ref=ref,
        id=made.id,
        size_bytes=made.size,
        cached_steps=built.cached_steps if built else 0,
        total_steps=built.total_steps if built else 0,
        seconds=built.seconds if built else 0,
        where=seen.where,
        unknown=call.world.standins[0].unknown(made, []) if call.world.simulated else [],
    )


def _steps(file: Path) -> int:
    """How many steps a build will have at most; 0 when the Dockerfile cannot be read: the builder says why."""
    try:
        return dockerfile.parse(dockerfile.read(file)).steps()
    except LongshoreError:
        return 0


async def _build(args: DockerBuildInput, seen: _Seen, ref: str, call: Call) -> Built:
    assert seen.facts.digest is not None
    await call.progress(0, None, f"building {ref}")

    expected = await asyncio.to_thread(_steps, seen.dockerfile)

    async def step(done: int, total: int, text: str) -> None:
        total = max(total, expected)
        await call.progress(done, total, f"{args.image}: step {min(done + 1, total)}/{total} {text}")

    built = await seen.docker.build(
        seen.folder,
        dockerfile=seen.dockerfile,
        tags=[],
        permit=call.permit,
        build_args=args.build_args,
        labels={LABEL: seen.facts.digest},
        timeout=args.timeout_seconds,
        on_step=step,
    )
    after = await asyncio.to_thread(context.measure, seen.folder, seen.dockerfile, args.build_args)
    if after.digest != seen.facts.digest:
        raise ToolFailed(
            f"the sources of {args.image} changed while they were built", "the image got no name", "build again"
        )
    await call.progress(max(built.total_steps, 1), max(built.total_steps, 1), f"{args.image}: built")
    return built
