"""The stand-in of Docker: images are records, a build runs nothing, and no program is ever started."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcp_tools.effects import Effect
from mcp_tools.engines import docker_secrets, process
from mcp_tools.engines.context import LABEL
from mcp_tools.engines.docker import DockerEngine
from mcp_tools.engines.docker_build import BuildLog, Built, OnStep
from mcp_tools.engines.docker_records import Container, Daemon, Image, ImageDetails, Step, Version
from mcp_tools.engines.docker_secrets import Scan
from mcp_tools.errors import NotFound, ToolFailed
from mcp_tools.guard.permit import Permit
from mcp_tools.targets.sandbox.standins import bases
from mcp_tools.targets.sandbox.standins.build import Builder
from mcp_tools.targets.sandbox.standins.files import Context, Entry
from mcp_tools.targets.sandbox.standins.records import Book, ImageRecord, Records

__all__ = ["DockerStandIn", "details_of"]

NAME = "sandbox (simulated)"


class DockerStandIn(DockerEngine):
    """Images of the sandbox. The same methods and records as Docker's engine."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.records = Records(folder)

    @staticmethod
    def program() -> str:
        """There is none.

        Raises:
            ToolFailed: always; nothing of the stand-in may start a program.
        """
        raise _not_there("docker")

    async def version(self) -> Version:
        """That it is simulated."""
        return Version(NAME, NAME, "", "sandbox")

    async def info(self) -> Daemon:
        """A daemon with nothing in it but records."""
        return Daemon(NAME, NAME, NAME, "x86_64", 0, 0, "", "records", 0, [], False, [])

    async def daemon_reachable(self) -> bool:
        """It always is."""
        return True

    async def context(self) -> str:
        """The only one."""
        return "sandbox"

    async def gordon(self) -> str | None:
        """There is no Docker AI."""
        return None

    async def ask_gordon(self, question: str, *, timeout: float) -> str:
        """There is nobody to ask.

        Raises:
            ToolFailed: always.
        """
        raise _not_there("Docker AI (Gordon)")

    async def builder(self) -> tuple[str, ...]:
        """A builder in BuildKit's words."""
        return ("buildx", NAME)

    # -- looking ------------------------------------------------------------------------------------------------

    async def images(self) -> list[Image]:
        """Every named image."""
        names = self.records.read().names
        return [Image(*ref.rpartition(":")[::2], identity) for ref, identity in sorted(names.items())]

    def record(self, ref: str) -> ImageRecord | None:
        """The record of an image, by its name or ID."""
        return _find(self.records.read(), ref)

    async def inspect(self, ref: str) -> ImageDetails | None:
        """What is known of an image; None when there is none."""
        book = self.records.read()
        found = _find(book, ref)
        return None if found is None else details_of(found, book)

    async def history(self, ref: str) -> list[Step]:
        """The steps that made an image, oldest first."""
        found = self.record(ref)
        if found is None:
            raise NotFound(f"there is no image {ref}", remedy="docker_build")
        return [Step(step.command, step.size) for step in found.history]

    async def containers(self, *, everything: bool = False) -> list[Container]:
        """None: containers run in the simulated node only."""
        return []

    def scan(self, image: ImageDetails) -> Scan:
        """What the search of the copied files found when the image was built, by layer."""
        found = self.record(image.id)
        whole = Scan()
        for number, layer in enumerate(found.layers if found else [], 1):
            for finding in layer.secrets:
                whole.add(f"layer {number}: {finding}")
            whole.files += layer.files
            whole.bytes_read += layer.bytes_read
        return whole

    def unknown(self, image: ImageDetails, imports: Sequence[str]) -> list[str]:
        """What cannot be known of an image without running what its Dockerfile says."""
        found = self.record(image.id)
        unknown = [f"whether {', '.join(imports)} can be imported inside the image"] if imports else []
        if found is not None and found.simulated:
            layers = f"{found.simulated} of {len(found.layers)} layers"
            unknown.append(f"size and content of {layers}: their commands were not run")
        return unknown

    # -- changing -----------------------------------------------------------------------------------------------

    async def build(
        self,
        root: Path,
        *,
        dockerfile: Path,
        tags: Sequence[str],
        permit: Permit,
        build_args: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        target: str | None = None,
        timeout: float = 1800,
        on_step: OnStep | None = None,
    ) -> Built:
        """Read the Dockerfile and its context as a builder does, and note the image that follows.

        Raises:
            ToolFailed: what a real build would fail on, in BuildKit's words.
        """
        permit.require(Effect.CREATE)
        started, log = time.monotonic(), BuildLog()
        permit.record(["sandbox", "build", str(root), "--file", str(dockerfile)])

        def work() -> tuple[Builder, ImageRecord | None]:
            text = dockerfile.read_text(encoding="utf-8-sig")
            builder = Builder(
                text,
                Context.of(root, dockerfile),
                self.records.read(),
                build_args=build_args or {},
                labels=labels or {},
                target=target,
            )
            done = builder.run()
            if done is None:
                return builder, None
            record, state = done
            for layer in record.layers:
                if entries := state.copied.get(layer.digest):
                    _search(layer.secrets, entries)
                    layer.files = sum(entry.kind in ("file", "program") for entry in entries.values())
                    layer.bytes_read = sum(entry.size for entry in entries.values())
            return builder, record

        builder, record = await asyncio.to_thread(work)
        for line in builder.said:
            begun = log.feed(line)
            if begun and on_step is not None:
                await on_step(log.finished, max(log.total, 1), begun)
        if record is None:
            failure = log.failure(builder.said[-1], dockerfile.name)
            if "pull access denied" in failure.why or "resolve source metadata" in failure.why:
                failure.remedy = f"{failure.remedy}. The sandbox knows well-known public images only"
            raise failure
        with self.records.change() as book:
            book.images[record.id] = record
            for step in builder.steps:
                book.steps.pop(step, None)
                book.steps[step] = 1
        for tag in tags:
            await self.tag(record.id, tag, permit=permit)
        return Built(record.id, log.total, log.cached, round(time.monotonic() - started, 2))

    async def tag(self, source: str, ref: str, *, permit: Permit) -> None:
        """Give an image another name.

        Raises:
            NotFound: there is no such image.
        """
        permit.require(Effect.CREATE)
        with self.records.change() as book:
            found = _find(book, source)
            if found is None:
                raise NotFound(f"there is no image {source}", remedy="docker_build")
            book.names[_named(ref)] = found.id

    async def save(self, refs: Sequence[str], file: Path, *, timeout: float = 600) -> int:
        """Records have no layers to save.

        Raises:
            ToolFailed: always.
        """
        raise _not_there("the content of an image")

    async def load(self, file: Path, *, permit: Permit, timeout: float = 600) -> str:
        """Records have no layers to load.

        Raises:
            ToolFailed: always.
        """
        raise _not_there("the content of an image")

    async def remove(self, ref: str, *, permit: Permit) -> bool:
        """Remove an image's name, and the image with its last one; False when it was not there."""
        permit.require(Effect.DESTROY)
        with self.records.change() as book:
            found = _find(book, ref)
            if found is None:
                return False
            gone = [name for name, identity in book.names.items() if name == _named(ref) or identity == ref]
            for name in gone:
                del book.names[name]
            if found.id not in book.names.values():
                del book.images[found.id]
        return True

    async def run_check(
        self, image: str, argv: Sequence[str], *, timeout: float = 60, memory: str = "512m", pids: int = 256
    ) -> process.Completed:
        """Nothing runs inside a record.

        Raises:
            ToolFailed: always.
        """
        raise _not_there("a container")


def _not_there(what: str) -> ToolFailed:
    return ToolFailed(f"there is no {what} in the sandbox", "it is simulated", "use the target minikube for that")


def _named(ref: str) -> str:
    return bases.familiar(ref)


def _find(book: Book, ref: str) -> ImageRecord | None:
    if ref.startswith("sha256:"):
        return next((image for identity, image in book.images.items() if identity.startswith(ref)), None)
    return book.images.get(book.names.get(_named(ref), ""))


def details_of(image: ImageRecord, book: Book) -> ImageDetails:
    """A record as docker would inspect it."""
    config, names = image.config, sorted(name for name, identity in book.names.items() if identity == image.id)
    return ImageDetails(
        id=image.id,
        tags=names,
        digests=[f"{image.pulled}@{image.layers[0].digest}"] if image.pulled and LABEL not in config.labels else [],
        size=image.size,
        user=config.user,
        layers=[layer.digest for layer in image.layers],
        entrypoint=list(config.entrypoint),
        cmd=list(config.cmd),
        workdir=config.workdir or "/",
        env=dict(config.env),
        labels=dict(config.labels),
        ports=list(config.ports),
        platform=f"linux/{image.architecture}",
        healthcheck=bool(config.healthcheck),
    )


def _search(found: list[str], entries: Mapping[str, Entry]) -> None:
    """Search the files that were copied for secrets, in the way that the layers of a real image are searched."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as inner:
        for path, entry in entries.items():
            if entry.kind not in ("file", "program") or not entry.size:
                continue
            data = entry.text.encode()
            if entry.source is not None:
                with entry.source.open("rb") as stream:  # what is larger is judged by its name alone
                    data = stream.read(docker_secrets.MAX_FILE + 1)
            _put(inner, path.lstrip("/"), data)
    with tempfile.TemporaryDirectory(prefix="longshore-scan-") as folder:
        archive = Path(folder) / "image.tar"
        with tarfile.open(archive, mode="w") as outer:
            _put(outer, "layer.tar", layer.getvalue())
            _put(outer, "manifest.json", json.dumps([{"Layers": ["layer.tar"]}]).encode())
        found += docker_secrets.scan_saved(archive)[0].findings


def _put(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
