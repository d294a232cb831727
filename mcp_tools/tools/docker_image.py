"""image_inspect: whether an image is fit to be deployed, with the evidence."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, ToolInput, ToolOutput, tool
from mcp_tools.engines import docker_imports, docker_secrets, scan_memory
from mcp_tools.engines.docker_secrets import Scan, together
from mcp_tools.errors import Conflict, EnvironmentNotReady, LongshoreError, NotFound
from mcp_tools.names import ImageRef, ModuleName
from mcp_tools.tools.docker_common import Where, node_docker
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

if TYPE_CHECKING:
    from mcp_tools.engines.docker import DockerEngine
    from mcp_tools.engines.docker_records import ImageDetails

MAX_SCAN = 3_000_000_000
"""Bytes: the layers of a larger image are not searched."""


class ImageInspectInput(ToolInput):
    """Which image, and what is expected of it."""

    image: ImageRef
    imports: list[ModuleName] = Field(
        default_factory=list, max_length=50, description="Python modules or Node packages"
    )
    max_mb: int = Field(500, ge=1, description="Largest size, in MB of 10^6 bytes")
    where: Where = Field("auto", description="host, node, or auto: the host, and the node when the host has it not")
    timeout_seconds: int = Field(120, ge=5, le=600, description="For the imports")


class Layer(BaseModel):
    """One layer, by the step that made it."""

    size_bytes: int
    command: Untrusted


class ImportCheck(BaseModel):
    """One module that was imported inside the image."""

    module: str
    ok: bool
    error: Untrusted = ""


class ImageInspectOutput(ToolOutput):
    """What an image is. ``ok``: it has no problems."""

    ref: str
    id: str
    size_bytes: int
    size_mb: float = Field(description="MB of 10^6 bytes")
    user: Untrusted
    non_root: bool
    layers: list[Layer] = Field(description="Those that are not empty, oldest first")
    entrypoint: list[Untrusted]
    cmd: list[Untrusted]
    env_names: list[Untrusted] = Field(description="Never values")
    labels: dict[str, Untrusted]
    imports: list[ImportCheck]
    secrets: list[Untrusted] = Field(description="Where in the image a secret is, and its kind; never the secret")
    ok: bool
    problems: list[Untrusted]
    digest: str = Field(description="Of its manifest when a registry knows it, otherwise its ID")
    where: str = Field("host", description="host or node")

    def text(self) -> str:
        """The facts, then one line for each problem."""
        starts = " ".join([*self.entrypoint, *self.cmd])[:200] or "nothing"
        lines = [
            f"{'ok' if self.ok else 'NOT OK'}: {self.ref} {self.id[:19]} ({self.where}), {self.size_mb} MB, "
            f"{len(self.layers)} layers, user {self.user or 'root'}, starts {starts}"
        ]
        lines += [f"import {i.module}: {'ok' if i.ok else i.error}" for i in self.imports]
        return "\n".join(lines + [f"problem: {problem}" for problem in self.problems])


@tool(domain="docker", title="Inspect an image", effect=Effect.READ, long=True)
async def image_inspect(args: ImageInspectInput, call: Call) -> ImageInspectOutput:
    """Verify an image: size, non-root user, what it starts, secrets in its environment, history and layers, and whether
    modules import inside it (in a container without network or rights that is removed at once).
    """
    docker, where, image = await _find(args, call)
    await call.progress(0, None, f"searching {args.image} for secrets, importing {len(args.imports)} modules inside it")
    unknown: list[str] = []
    if call.world.simulated:  # what was copied was searched when it was built; nothing can be imported
        standin = call.world.standins[0]
        history, layers, unread = await docker.history(image.id), standin.scan(image), ""
        imports: list[docker_imports.Import] = []
        unknown = standin.unknown(image, args.imports)
    else:
        history, (layers, unread), imports = await asyncio.gather(
            docker.history(image.id),
            _scan(docker, image),
            docker_imports.check(docker, image, args.imports, timeout=args.timeout_seconds),
        )
    found = docker_secrets.scan_config(image.env, image.labels, [step.command for step in history])
    secrets = [*found.findings, *layers.findings]
    problems = _problems(args, image, imports, secrets) + ([unread] if unread else [])
    registry = next((digest.partition("@")[2] for digest in image.digests), "")
    shown = [Layer(size_bytes=s.size, command=docker_secrets.hide(s.command)[:300]) for s in history if s.size]
    return ImageInspectOutput(
        evidence=_evidence(image, layers, imports, where),
        ref=args.image,
        id=image.id,
        size_bytes=image.size,
        size_mb=round(image.size / 1e6, 1),
        user=image.user,
        non_root=image.non_root,
        layers=shown,
        entrypoint=[docker_secrets.hide(word) for word in image.entrypoint],
        cmd=[docker_secrets.hide(word) for word in image.cmd],
        env_names=sorted(image.env),
        labels={key: docker_secrets.hide(value)[:300] for key, value in sorted(image.labels.items())},
        imports=[ImportCheck(module=i.module, ok=i.ok, error=docker_secrets.hide(i.error)) for i in imports],
        secrets=list(secrets),
        ok=not problems,
        problems=list(problems),
        digest=registry or image.id,
        where=where,
        unknown=unknown,
    )


async def _find(args: ImageInspectInput, call: Call) -> tuple[DockerEngine, str, ImageDetails]:
    host = call.world.docker
    if args.where != "node" and (image := await host.inspect(args.image)) is not None:
        return host, "host", image
    if args.where == "node" or (args.where == "auto" and call.world.is_minikube):
        try:
            node = await node_docker(call)
            if (image := await node.inspect(args.image)) is not None:
                return node, "node", image
        except (EnvironmentNotReady, Conflict):
            if args.where == "node":
                raise
    raise NotFound(f"there is no image {args.image}", remedy="docker_build makes it")


async def _scan(docker: DockerEngine, image: ImageDetails) -> tuple[Scan, str]:
    """What was found in the layers; and why they were not searched, when they were not."""
    found = ((number, scan_memory.recall(layer)) for number, layer in enumerate(image.layers))
    known = {number: scan for number, scan in found if scan is not None}
    if len(known) == len(image.layers):
        return together([known[number] for number in sorted(known)]), ""
    if image.size > MAX_SCAN:
        return Scan(), f"its layers were not searched for secrets: {image.size / 1e9:.1f} GB is too much"
    with tempfile.TemporaryDirectory(prefix="longshore-scan-") as folder:
        archive = Path(folder) / "image.tar"
        try:
            await docker.save([image.id], archive)
            scans = await asyncio.to_thread(docker_secrets.scan_saved, archive, known)
        except (LongshoreError, OSError, ValueError, KeyError) as error:
            return Scan(), f"its layers could not be searched for secrets: {error}"
    if len(scans) == len(image.layers):
        for layer, scan in zip(image.layers, scans, strict=True):
            if not scan.notes:
                scan_memory.keep(layer, scan)
    return together(scans), ""


def _problems(
    args: ImageInspectInput, image: ImageDetails, imports: list[docker_imports.Import], secrets: list[str]
) -> list[str]:
    found = []
    if image.size > args.max_mb * 1_000_000:
        found.append(f"it has {image.size / 1e6:.0f} MB, more than {args.max_mb} MB")
    if not image.non_root:
        found.append("it runs as root: end its Dockerfile with USER and a number")
    if not image.entrypoint and not image.cmd:
        found.append("it starts nothing: neither ENTRYPOINT nor CMD")
    failed = [i for i in imports if not i.ok]
    found += [f"{i.module} cannot be imported: {docker_secrets.hide(i.error)}" for i in failed]
    return found + [f"a secret in {where}" for where in secrets]


def _evidence(image: ImageDetails, layers: Scan, imports: list[docker_imports.Import], where: str) -> list[str]:
    facts = [
        f"{image.id[:19]} on the {where}: {image.size / 1e6:.0f} MB, user {image.user or 'root'}, {image.platform}",
        f"{layers.files} files of {len(image.layers)} layers searched, {layers.bytes_read / 1e6:.0f} MB read",
    ]
    facts += layers.notes
    if imports:
        facts.append(f"{sum(i.ok for i in imports)} of {len(imports)} modules imported inside the image")
    return facts
