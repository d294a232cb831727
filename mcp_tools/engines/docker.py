"""Docker: images and containers of one daemon, through the docker program.

Sources: the docker command-line reference. The program finds its daemon by itself (context, DOCKER_HOST); ``env``
points it at another one, such as the daemon inside a Minikube node.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcp_tools.effects import Effect
from mcp_tools.engines import docker_build, process
from mcp_tools.engines.docker_build import Built, OnStep
from mcp_tools.engines.docker_records import Container, Daemon, Image, ImageDetails, Step, Version
from mcp_tools.errors import EnvironmentNotReady, NotFound, ProcessFailed, ToolFailed
from mcp_tools.guard.permit import Permit

__all__ = ["DockerEngine"]

READ_TIMEOUT = 60.0
INSTALL = "install Docker Engine or Docker Desktop: https://docs.docker.com/get-docker/"
_UNREACHABLE = re.compile(
    r"cannot connect to the docker daemon|is the docker daemon running|error during connect|"
    r"failed to connect to the docker api|unable to resolve docker endpoint",
    re.IGNORECASE,
)
_DENIED = re.compile(r"permission denied while trying to connect|permission denied.*docker\.sock", re.IGNORECASE)
_ABSENT = re.compile(r"no such (?:image|object|container)", re.IGNORECASE)


class DockerEngine:
    """One Docker daemon.

    Args:
        env: variables that point the program at a daemon (DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH); empty for
            the one that the user's own docker command speaks to.
    """

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        # DOCKER_HOST and DOCKER_CONTEXT exclude each other: an explicit host wins.
        pointed = {"DOCKER_CONTEXT": ""} if env and "DOCKER_HOST" in env else {}
        self._env = {"DOCKER_CLI_HINTS": "false", **pointed, **(env or {})}
        self._builder: tuple[str, ...] | None = None

    async def _run(
        self,
        *words: str,
        timeout: float = READ_TIMEOUT,
        permit: Permit | None = None,
        check: bool = True,
        stdin: bytes | None = None,
        output_cap: int = process.OUTPUT_CAP,
    ) -> process.Completed:
        done = await process.run(
            [self.program(), *words],
            timeout=timeout,
            env=self._env,
            permit=permit,
            stdin=stdin,
            check=False,
            output_cap=output_cap,
        )
        if done.returncode != 0:
            raise_unreachable(done.stderr)
            if check:
                raise ProcessFailed(done, what=f"docker {words[0]} failed")
        return done

    @staticmethod
    def program() -> str:
        """The path of the docker program.

        Raises:
            EnvironmentNotReady: it is not installed.
        """
        found = process.which("docker")
        if found is None:
            raise EnvironmentNotReady("docker is not installed", "it is not on PATH", INSTALL)
        return found

    async def _json(self, *words: str) -> Any:
        done = await self._run(*words)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise ToolFailed(f"docker {words[0]} gave no JSON", str(error), "update the docker program") from error

    async def _lines(self, *words: str) -> list[dict[str, Any]]:
        done = await self._run(*words, "--format", "{{json .}}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    async def version(self) -> Version:
        """Versions of the program and, when it answers, of the daemon; ``error`` says why it does not."""
        done = await process.run(
            [self.program(), "version", "--format", "{{json .}}"], timeout=READ_TIMEOUT, env=self._env, check=False
        )
        try:
            found = json.loads(done.stdout)
        except ValueError:
            found = {}
        error = "" if found.get("Server") else done.last_words()
        return Version.of(found, error)

    async def info(self) -> Daemon:
        """What the daemon says of itself.

        Raises:
            EnvironmentNotReady: it does not answer.
        """
        found = await self._json("info", "--format", "{{json .}}")
        if errors := found.get("ServerErrors"):  # docker info ends with 0 on some versions
            raise _unreachable("; ".join(map(str, errors)))
        return Daemon.of(found)

    async def daemon_reachable(self) -> bool:
        """Whether the daemon answers."""
        try:
            await self._run("version", "--format", "{{.Server.Version}}", timeout=20)
        except EnvironmentNotReady:
            return False
        except ToolFailed:
            return False
        return True

    async def context(self) -> str:
        """The name of the docker context in use; ``default`` when DOCKER_HOST decides."""
        done = await self._run("context", "show", check=False)
        return done.stdout.strip() or "default"

    async def gordon(self) -> str | None:
        """The version of Docker AI (Gordon), or None when this docker has none."""
        try:
            done = await self._run("ai", "version", check=False, timeout=15)
        except (EnvironmentNotReady, ToolFailed):
            return None
        return done.stdout.strip().splitlines()[0][:100] if done.returncode == 0 and done.stdout.strip() else None

    async def ask_gordon(self, question: str, *, timeout: float) -> str:
        """What Docker AI answers to a question; text from outside."""
        return (await self._run("ai", question, timeout=timeout, output_cap=200_000)).stdout

    async def builder(self) -> tuple[str, ...]:
        """How images are built: ``("buildx", VERSION)``, or ``("classic",)`` without that plugin."""
        if self._builder is None:
            done = await self._run("buildx", "version", check=False)
            found = re.search(r"v?(\d+\.\d+(?:\.\d+)?)", done.stdout)
            self._builder = ("buildx", found.group(1)) if done.returncode == 0 and found else ("classic",)
        return self._builder

    async def images(self) -> list[Image]:
        """Every tagged image."""
        rows = await self._lines("images", "--no-trunc")
        return [image for row in rows if (image := Image.of(row)).tag]

    async def inspect(self, ref: str) -> ImageDetails | None:
        """What the daemon knows of an image; None when it has no such image."""
        done = await self._run("image", "inspect", "--", ref, check=False)
        if done.returncode != 0:
            if _ABSENT.search(done.stderr):
                return None
            raise ProcessFailed(done, what=f"image {ref} cannot be inspected")
        return ImageDetails.of(json.loads(done.stdout)[0])

    async def history(self, ref: str) -> list[Step]:
        """The steps that made an image, oldest first."""
        rows = await self._lines("history", "--no-trunc", "--human=false", ref)
        return [Step.of(row) for row in reversed(rows)]

    async def containers(self, *, everything: bool = False) -> list[Container]:
        """The running containers with the host ports they hold; ``everything``: stopped ones as well."""
        rows = await self._lines("ps", "--no-trunc", *(["--all"] if everything else []))
        return [Container.of(row) for row in rows]

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
        """Build an image and, only when it is there, tag it. See :func:`docker_build.build`."""
        permit.require(Effect.CREATE)
        builder = await self.builder()
        request = docker_build.Request(
            root, dockerfile, dict(build_args or {}), dict(labels or {}), target, await self.context()
        )
        built = await docker_build.build(
            self.program(),
            request,
            builder[0] == "buildx",
            env=self._env,
            permit=permit,
            timeout=timeout,
            on_step=on_step,
        )
        for tag in tags:
            await self.tag(built.id, tag, permit=permit)
        return built

    async def tag(self, source: str, ref: str, *, permit: Permit) -> None:
        """Give an image another name; a name that another image had moves.

        Raises:
            NotFound: there is no such image.
        """
        permit.require(Effect.CREATE)
        done = await self._run("tag", source, ref, permit=permit, check=False)
        if done.returncode != 0:
            if _ABSENT.search(done.stderr):
                raise NotFound(f"there is no image {source}", remedy="docker_build")
            raise ProcessFailed(done, what=f"image {source} cannot be tagged {ref}")

    async def save(self, refs: Sequence[str], file: Path, *, timeout: float = 600) -> int:
        """Write images as an archive (``docker save``) to a file; gives its size in bytes.

        Raises:
            NotFound: there is no such image.
        """
        done = await self._run("save", "--output", str(file), *refs, timeout=timeout, check=False)
        if done.returncode != 0:
            if _ABSENT.search(done.stderr) or "reference does not exist" in done.stderr:
                raise NotFound(f"there is no image {' '.join(refs)}", done.last_words(), "docker_build")
            raise ProcessFailed(done, what=f"{' '.join(refs)} cannot be saved", remedy="check the free disk space")
        return await asyncio.to_thread(lambda: file.stat().st_size)

    async def load(self, file: Path, *, permit: Permit, timeout: float = 600) -> str:
        """Load an archive into this daemon; gives what docker said."""
        permit.require(Effect.CREATE)
        done = await self._run("load", "--input", str(file), permit=permit, timeout=timeout)
        return done.stdout.strip()

    async def remove(self, ref: str, *, permit: Permit) -> bool:
        """Remove an image's name, and the image with its last one; False when it was not there.

        Raises:
            ToolFailed: a container uses it.
        """
        permit.require(Effect.DESTROY)
        done = await self._run("image", "rm", "--", ref, permit=permit, check=False)
        if done.returncode != 0 and not _ABSENT.search(done.stderr):
            raise ProcessFailed(done, what=f"image {ref} cannot be removed", remedy="remove the containers that use it")
        return done.returncode == 0

    async def run_check(
        self, image: str, argv: Sequence[str], *, timeout: float = 60, memory: str = "512m", pids: int = 256
    ) -> process.Completed:
        """Run one program inside an image that is here, cut off from everything, and remove its container.

        No network, read-only file system, no capabilities, no new privileges, no image is pulled, nothing mounted.
        Gives the completed process, whatever its exit code; 125 to 127 mean that it could not be started.

        Raises:
            TimedOut: it took longer; the container is removed.
        """
        name = f"longshore-check-{secrets.token_hex(6)}"
        words = ["run", "--rm", "--name", name, "--pull", "never", "--network", "none", "--read-only"]
        words += ["--no-healthcheck", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        words += ["--pids-limit", str(pids), "--memory", memory, "--cpus", "2", "--log-driver", "none"]
        words += ["--tmpfs", "/tmp:rw,nosuid,nodev,size=64m"]  # noqa: S108 (inside the container)
        words += ["--entrypoint", argv[0], image, *argv[1:]]
        try:
            done = await process.run(
                [self.program(), *words], timeout=timeout, env=self._env, check=False, output_cap=1_000_000
            )
        except BaseException:
            # Ending the program does not end what it started in the daemon.
            with contextlib.suppress(Exception):
                await asyncio.shield(self._run("rm", "--force", name, check=False, timeout=20))
            raise
        if done.returncode == 125:  # docker's own failure; other codes, and their words, are the program's
            raise_unreachable(done.stderr)
        return done


def raise_unreachable(words: str) -> None:
    """Raise ``EnvironmentNotReady`` when docker's own words say that no daemon answered it."""
    words = words.strip()[:2000]
    if _DENIED.search(words):
        remedy = "sudo usermod -aG docker $USER, then log in again; or use rootless Docker"
        raise EnvironmentNotReady("the Docker daemon refuses this user", words[:300], remedy)
    if _UNREACHABLE.search(words):
        raise _unreachable(words[:300])


def _unreachable(why: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "the Docker daemon does not answer", why, "start Docker Desktop, or: sudo systemctl start docker"
    )
