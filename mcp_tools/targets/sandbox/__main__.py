"""``python -m mcp_tools.targets.sandbox``: serve the sandbox until nobody asks it any more."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_tools.errors import LongshoreError
from mcp_tools.targets.sandbox import daemon, http, kubeconfig, serving
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.persist import StateFile
from mcp_tools.targets.sandbox.store import Store

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

LOG_LIMIT = 1 << 20


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0 after a stop, or when another server is there already."""
    parser = argparse.ArgumentParser(prog="python -m mcp_tools.targets.sandbox")
    parser.add_argument("--idle", type=float, default=daemon.IDLE, help="seconds without a request before it stops")
    parser.add_argument("--speed", type=float, default=daemon.SPEED, help="how much shorter waits are than real ones")
    given = parser.parse_args(argv)
    os.umask(0o077)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        where = daemon.folder()
        with daemon.lock(where, 1.0) as mine:
            if mine:
                _serve(where, given.idle, given.speed)
    except LongshoreError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _serve(where: Path, idle: float, speed: float) -> None:
    if (where / daemon.LOG).exists() and (where / daemon.LOG).stat().st_size > LOG_LIMIT:
        os.truncate(where / daemon.LOG, 0)
    known = daemon.identity(where)
    if not (where / daemon.TLS).exists():
        public, private = serving.certificate()
        kubeconfig.write_private(where / daemon.TLS, public + private)
    state = StateFile(where / daemon.STATE)
    cluster = load(state, speed)
    cluster.api.access.key = bytes.fromhex(known["key"])
    app = http.app(cluster, token=known["token"], saved=state.flush)
    listening = serving.bound(known["port"])
    port = listening.getsockname()[1]
    kubeconfig.write_json(where / daemon.IDENTITY, {**known, "port": port})
    certificate = (where / daemon.TLS).read_bytes()
    public = certificate[: certificate.index(b"-----BEGIN PRIVATE")]
    kubeconfig.write(where / daemon.KUBECONFIG, f"https://{kubeconfig.HOST}:{port}", known["token"], public)
    record = {"pid": os.getpid(), "port": port, "token": known["token"], "started": time.time()}
    try:
        kubeconfig.write_json(where / daemon.SERVER, record)
        asyncio.run(_until_idle(app, serving.server(app, where / daemon.TLS), listening, idle))
    finally:
        (where / daemon.SERVER).unlink(missing_ok=True)
        state.close()


def load(state: StateFile, speed: float) -> Cluster:
    """The cluster of a state file: the saved one, every object of it looked at again, or a new one."""
    from mcp_tools.targets.sandbox.cluster import Cluster

    clock = Clock(real=True, speed=speed)
    if not state.filled:
        cluster = Cluster.fresh(clock=clock)
        state.follow(cluster.store, whole=True)
        return cluster
    store = Store()
    state.load(store)
    cluster = Cluster(store, clock)
    state.follow(store)
    cluster.resume()
    return cluster


async def _until_idle(app: http.Served, server: object, listening: object, idle: float) -> None:
    import uvicorn

    assert isinstance(server, uvicorn.Server)
    watcher = asyncio.ensure_future(_stop_when_idle(app, idle))
    try:
        await server.serve(sockets=[listening])  # type: ignore[list-item]
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher


async def _stop_when_idle(app: http.Served, idle: float) -> None:
    while True:
        left = idle - (time.monotonic() - app.last)
        if app.busy or left > 0:
            await asyncio.sleep(max(min(left, 60.0), 0.2))
            continue
        app.stop()
        return


if __name__ == "__main__":
    sys.exit(main())
