"""The one module that starts programs: argv lists, never a shell.

Every program gets an environment made from an allowlist, its own process group, a timeout and a cap on its output.
When the call is cancelled, times out, or this process ends, the whole group is ended with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import sysconfig
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_tools.errors import EnvironmentNotReady, ProcessFailed, TimedOut, UsageError

if TYPE_CHECKING:
    from mcp_tools.guard.permit import Permit

__all__ = ["OUTPUT_CAP", "Completed", "OnLine", "environment", "run", "which"]

OUTPUT_CAP = 16_000_000
"""Bytes kept of each stream; more is read and dropped, and the result says so."""

GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL."""

_ALLOWED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "KUBECONFIG",
    "KUBERNETES_SERVICE_HOST",  # in a pod: how helm finds the cluster
    "KUBERNETES_SERVICE_PORT",
    "MINIKUBE_HOME",
    "DOCKER_CONFIG",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)

Stream = Literal["stdout", "stderr"]
OnLine = Callable[[Stream, str], Awaitable[None]]


@dataclass(frozen=True)
class Completed:
    """A program that has ended."""

    argv: list[str]
    returncode: int
    stdout: str
    stderr: str
    truncated: bool = False

    def last_words(self, limit: int = 400) -> str:
        """The end of what it said, on one line: stderr, or stdout when stderr is empty."""
        text = self.stderr.strip() or self.stdout.strip()
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return " ".join(" ".join(lines[-6:]).split())[-limit:]


def which(program: str) -> str | None:
    """The path of a program: on PATH, or installed beside this Python (helm, hadolint)."""
    found = shutil.which(program, path=search_path())
    if found:
        return found
    for folder in dict.fromkeys((Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))):
        candidate = folder / program
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    return None


def search_path() -> str:
    """PATH without relative entries: with them a program of the workspace would be taken for one of the system."""
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(part for part in parts if Path(part).is_absolute())


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment a program gets: the allowlist, plus ``extra``; an empty value removes a name."""
    env = {name: os.environ[name] for name in _ALLOWED if name in os.environ}
    env["PATH"] = search_path()
    env.update(extra or {})
    return {name: value for name, value in env.items() if value != ""}


async def run(
    argv: Sequence[str],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes | None = None,
    check: bool = True,
    permit: Permit | None = None,
    on_line: OnLine | None = None,
    output_cap: int = OUTPUT_CAP,
) -> Completed:
    """Run a program to its end.

    Args:
        argv: the program and its arguments; each one is passed as it is.
        timeout: seconds until the group is ended.
        env: added to the allowlist.
        stdin: fed to the program; otherwise it reads nothing.
        check: raise when it ends with an error.
        permit: notes the argv for the journal.
        on_line: told of every line as it comes; a line is cut at 8 kB.

    Raises:
        EnvironmentNotReady: there is no such program.
        TimedOut, ProcessFailed: it took too long, or failed.
    """
    words = _words(argv)
    if permit is not None:
        permit.record(words)
    try:
        child = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=cwd,
            env=environment(env),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise EnvironmentNotReady(f"{words[0]} is not installed", str(error), f"install {words[0]}") from error
    except PermissionError as error:
        raise EnvironmentNotReady(f"{words[0]} cannot be started", str(error), "check its permissions") from error
    pumps = [
        asyncio.create_task(_pump(child.stdout, "stdout", output_cap, on_line)),
        asyncio.create_task(_pump(child.stderr, "stderr", output_cap, on_line)),
    ]
    try:
        async with asyncio.timeout(timeout):
            if stdin is not None:
                await _feed(child, stdin)
            (out, out_cut), (err, err_cut) = await asyncio.gather(*pumps)
            code = await child.wait()
    except TimeoutError as error:
        await _end(child)
        name = Path(words[0]).name
        raise TimedOut(f"{name} took longer than {timeout:g} s", " ".join(words[1:4]), "try again") from error
    except BaseException:  # cancelled, or a callback failed: nothing stays behind
        await asyncio.shield(_end(child))
        raise
    finally:
        for pump in pumps:
            pump.cancel()
    done = Completed(words, code, out, err, out_cut or err_cut)
    if check and code != 0:
        raise ProcessFailed(done)
    return done


def _words(argv: Sequence[str]) -> list[str]:
    if isinstance(argv, str) or not argv:
        raise UsageError("a program is given as a list of words", remedy="never as one string")
    words = [os.fspath(word) for word in argv]
    if any("\0" in word for word in words):
        raise UsageError("an argument contains a NUL byte")
    return words


async def _feed(child: asyncio.subprocess.Process, data: bytes) -> None:
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(data)
        await child.stdin.drain()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.close()
        await child.stdin.wait_closed()


async def _pump(
    stream: asyncio.StreamReader | None, name: Stream, cap: int, on_line: OnLine | None
) -> tuple[str, bool]:
    """Read a stream to its end; kept up to the cap."""
    assert stream is not None
    kept: list[bytes] = []
    size, cut, rest = 0, False, b""
    while chunk := await stream.read(65_536):
        if size < cap:
            kept.append(chunk[: cap - size])
        cut = cut or size + len(chunk) > cap
        size += len(chunk)
        if on_line is None:
            continue
        *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest = rest[-8192:]
        for line in lines:
            await on_line(name, line[:8192].decode("utf-8", "replace"))
    if on_line is not None and rest:
        await on_line(name, rest.decode("utf-8", "replace"))
    return b"".join(kept).decode("utf-8", "replace"), cut


async def _end(child: asyncio.subprocess.Process) -> None:
    """End the group: ask first, then insist."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await child.wait()
                break
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)  # grandchildren that ignored the first signal
