"""The sandbox that outlives a command: started on demand, found by the next command, stopped when nobody asks it.

Its folder has the state (``state.db``), the address of the server (``server.json``), the lock that the server holds as
long as it lives, its certificate, its log and the kubeconfig. Token, certificate and, where it is free, port stay the
same over restarts, so that a copied kubeconfig stays good.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_tools import config
from mcp_tools.errors import EnvironmentNotReady, TimedOut
from mcp_tools.targets.sandbox.kubeconfig import HOST, Address

IDLE = 30 * 60
"""Seconds without a request after which the server stops."""
SPEED = 20.0
"""How much shorter the waits of the cluster are than a real one's."""
START_LIMIT = 60.0
STOP_LIMIT = 15.0
STATE, SERVER, LOCK, KUBECONFIG, TLS, IDENTITY, LOG = (
    "state.db",
    "server.json",
    "lock",
    "kubeconfig",
    "tls.pem",
    "identity.json",
    "server.log",
)


@dataclass(frozen=True)
class Status:
    """What there is of the sandbox. ``folder`` has its state, whether it runs or not."""

    running: bool
    folder: Path
    saved: bool
    address: Address | None = None
    pid: int = 0
    about: dict[str, Any] | None = None


def folder() -> Path:
    """The sandbox's folder, made with mode 0700."""
    found = config.state_dir() / "sandbox"
    found.mkdir(mode=0o700, exist_ok=True)
    if found.stat().st_mode & 0o077:
        found.chmod(0o700)
    return found


# -- the lock --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def lock(where: Path, patience: float) -> Iterator[bool]:
    """Hold the server's lock; False when another process holds it for longer than ``patience`` seconds."""
    handle = os.open(where / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    yield False
                    return
                time.sleep(0.02)
            else:
                yield True
                return
    finally:
        os.close(handle)  # gives the lock back


def _served(where: Path) -> bool:
    """Whether a process holds the lock."""
    with lock(where, 0.0) as free:
        return not free


# -- finding it ------------------------------------------------------------------------------------------------------


def _record(where: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((where / SERVER).read_bytes())
    except (OSError, ValueError):
        return None
    return found


def _ask(where: Path, record: dict[str, Any], method: str, path: str, limit: float = 5.0) -> dict[str, Any] | None:
    """The answer of the server that the record names; None when there is none that proves to be ours."""
    try:
        context = ssl.create_default_context(cafile=str(where / TLS))
        connection = http.client.HTTPSConnection(HOST, record["port"], timeout=limit, context=context)
        try:
            connection.request(method, path, headers={"Authorization": f"Bearer {record['token']}"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        found: dict[str, Any] = json.loads(body)
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return None
    return found if answer.status < 300 else None


def _address(where: Path, record: dict[str, Any]) -> Address:
    return Address(f"https://{HOST}:{record['port']}", record["token"], where / KUBECONFIG)


def status() -> Status:
    """What there is, without starting anything."""
    where = folder()
    saved = (where / STATE).exists()
    record = _record(where)
    about = _ask(where, record, "GET", "/sandbox/v1") if record else None
    if record is None or about is None:
        return Status(False, where, saved)
    return Status(True, where, saved, _address(where, record), record["pid"], about)


def ensure(*, idle: float = IDLE, speed: float = SPEED) -> Address:
    """The address of the running sandbox; it is started when it does not run.

    Raises:
        EnvironmentNotReady: it does not start.
    """
    where = folder()
    record = _record(where)
    if record and _ask(where, record, "GET", "/sandbox/v1"):
        return _address(where, record)
    started = _start(where, idle, speed)
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end:
        record = _record(where)
        if record and _ask(where, record, "GET", "/sandbox/v1", 2.0):
            return _address(where, record)
        ended = started.poll()
        if ended == 0 and not _served(where):  # another start was first, and its server has stopped meanwhile
            started = _start(where, idle, speed)
        elif ended:
            break
        time.sleep(0.01)
    raise EnvironmentNotReady("the sandbox does not start", _tail(where), f"see {where / LOG}")


def _start(where: Path, idle: float, speed: float) -> subprocess.Popen[bytes]:
    """Start the server as a process of its own: it outlives this one, and no signal of this terminal reaches it."""
    command = [sys.executable, "-m", "mcp_tools.targets.sandbox", "--idle", str(idle), "--speed", str(speed)]
    output = os.open(where / LOG, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(  # a daemon: engines/process.py waits for what it starts
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/", env=_env()
        )
    finally:
        os.close(output)


def _env() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[3])
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_STATE_HOME", "LANG", "TZ") if name in os.environ}
    return {**kept, "PYTHONPATH": root}


def _tail(where: Path) -> str:
    try:
        lines = (where / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[-1][:300] if lines else ""


def stop() -> bool:
    """Stop the server; whether one ran. The state stays.

    Raises:
        TimedOut: it does not end.
    """
    where = folder()
    record = _record(where)
    if not _served(where):
        (where / SERVER).unlink(missing_ok=True)
        return False
    asked = bool(record) and _ask(where, record or {}, "POST", "/sandbox/v1/stop") is not None
    if record and not asked and _served(where):
        with contextlib.suppress(ProcessLookupError):
            os.kill(record["pid"], signal.SIGTERM)  # the lock is held, so that the record is of a living server
    with lock(where, STOP_LIMIT) as free:
        if not free:
            raise TimedOut("the sandbox's server does not end", f"process {(record or {}).get('pid', 'unknown')}")
        (where / SERVER).unlink(missing_ok=True)
    return True


def reset() -> None:
    """Stop the server, and forget the cluster. Token and certificate stay."""
    stop()
    where = folder()
    with lock(where, STOP_LIMIT) as free:
        if not free:
            raise TimedOut("another sandbox has been started meanwhile")
        for name in (STATE, f"{STATE}-wal", f"{STATE}-shm"):
            (where / name).unlink(missing_ok=True)


# -- what the server keeps of itself ---------------------------------------------------------------------------------


def identity(where: Path) -> dict[str, Any]:
    """The token, the signing key and the last port; made at the first start."""
    try:
        found: dict[str, Any] = json.loads((where / IDENTITY).read_bytes())
        if found["token"] and bytes.fromhex(found["key"]):
            return found
    except (OSError, ValueError, KeyError):
        pass
    return {"token": secrets.token_urlsafe(32), "key": secrets.token_bytes(32).hex(), "port": 0}
