"""Facts of this machine: memory, disk, ports, whether a host can be reached. Nothing here starts a program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from mcp_tools.engines.docker_records import Daemon
from mcp_tools.engines.minikube_sizing import Machine

__all__ = [
    "Memory",
    "Reached",
    "base_images",
    "disk_free",
    "in_daemon_thread",
    "machine_of",
    "memory",
    "port_taken",
    "reach",
    "registry_endpoint",
]

GIB = 1024**3
MIB = 1024**2
T = TypeVar("T")


@dataclass(frozen=True)
class Memory:
    """Memory of this machine in MiB; ``available_mib`` is None where the system does not tell."""

    total_mib: int
    available_mib: int | None


@dataclass(frozen=True)
class Reached:
    """Whether a host answered on a TCP port; ``error`` says what went wrong."""

    host: str
    port: int
    ok: bool
    error: str = ""


def memory() -> Memory:
    """Total and available memory (sysconf; /proc/meminfo on Linux)."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return Memory(total, None)
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return Memory(total, int(found[1]) // 1024 if found else None)


def disk_free(folder: str) -> tuple[float, str] | None:
    """Free GiB on the disk of that folder, or of the nearest one above it that can be seen; and which one that was.

    None when the folder is of another machine (Docker Desktop's, say): nothing of it below the root is here.
    """
    if not folder.startswith("/"):
        return None
    path = Path(folder)
    for candidate in (path, *path.parents):
        if candidate == Path("/"):
            return None
        with contextlib.suppress(OSError):
            return shutil.disk_usage(candidate).free / GIB, str(candidate)
    return None


def machine_of(daemon: Daemon) -> Machine:
    """The machine on which a daemon runs the node: Docker Desktop's virtual machine, or this one."""
    free = None if daemon.desktop else disk_free(daemon.root)
    return Machine(
        cpus=daemon.cpus,
        memory_mib=daemon.memory // MIB,
        disk_free_gib=free[0] if free else None,
        title="Docker's virtual machine" if daemon.desktop else "this machine",
    )


def port_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something listens on a local port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:  # a privileged port: ask by connecting
            with socket.socket() as other:
                other.settimeout(0.2)
                return other.connect_ex((host, port)) == 0
        except OSError:
            return True
    return False


async def in_daemon_thread(work: Callable[[], T], timeout: float) -> T:
    """Run a call that may hang (a name look-up) in a thread that never holds up the end of the program.

    Raises:
        TimeoutError: it did not end in time; the thread is left to itself.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def body() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=body, daemon=True, name="longshore-lookup").start()
    async with asyncio.timeout(timeout):
        return await future


async def reach(host: str, port: int, timeout: float = 1.5) -> Reached:
    """Resolve a name and open a TCP connection, within ``timeout`` seconds altogether."""

    def connect() -> None:
        with socket.create_connection((host, port), timeout=timeout):
            pass

    try:
        await in_daemon_thread(connect, timeout)
    except TimeoutError:
        return Reached(host, port, False, f"no answer in {timeout:g} s")
    except OSError as error:
        return Reached(host, port, False, error.strerror or str(error))
    return Reached(host, port, True)


def registry_endpoint(environment: Mapping[str, str] | None = None) -> tuple[str, int, str]:
    """Host and port through which Docker Hub is reached from here, and how to call it: the proxy's where one is set."""
    env = os.environ if environment is None else environment
    proxy = env.get("HTTPS_PROXY") or env.get("https_proxy") or ""
    excluded = env.get("NO_PROXY") or env.get("no_proxy") or ""
    if proxy and not any(
        word and "registry-1.docker.io".endswith(word.strip().lstrip("."))
        for word in excluded.split(",")
        if word.strip()
    ):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        with contextlib.suppress(ValueError):
            if parts.hostname:
                port = parts.port or (443 if parts.scheme == "https" else 80)
                return parts.hostname, port, f"the proxy {parts.hostname}:{port}"
    return "registry-1.docker.io", 443, "docker.io"


_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE)
_ARG = re.compile(r"^\s*ARG\s+([A-Za-z_][A-Za-z0-9_]*)(?:=(\S*))?", re.IGNORECASE)
_USE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")


def base_images(dockerfile: str, build_args: Mapping[str, str] | None = None) -> list[str]:
    """The images that a Dockerfile starts from, tags made explicit; stages of its own and ``scratch`` left out."""
    values: dict[str, str] = {}
    stages: set[str] = set()
    found: list[str] = []
    given = build_args or {}
    for line in dockerfile.splitlines():
        if (argument := _ARG.match(line)) and not found and not stages:
            values[argument[1]] = given.get(argument[1], (argument[2] or "").strip("\"'"))
        if not (match := _FROM.match(line)):
            continue
        image = _USE.sub(lambda m: values.get(m[1] or m[3]) or m[2] or "", match[1]).strip("\"'")
        if image and image.lower() != "scratch" and image.lower() not in stages and "$" not in image:
            found.append(image if "@" in image or ":" in image.rsplit("/", 1)[-1] else f"{image}:latest")
        if match[2]:
            stages.add(match[2].lower())
    return list(dict.fromkeys(found))
