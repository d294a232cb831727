"""A service behind a real socket, for as long as a test needs it."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import uvicorn
from starlette.types import ASGIApp

from .postgres import unused_port

START_SECONDS = 30.0
MCP_SOURCE = Path(__file__).parents[2] / "mcp-server" / "src"


@contextlib.contextmanager
def serve(app: ASGIApp) -> Iterator[str]:
    """Serve `app` on a free port of 127.0.0.1 and give its base URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, ws="none", lifespan="on", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + START_SECONDS
            while not server.started:
                if not thread.is_alive() or time.monotonic() > deadline:
                    raise RuntimeError("the application under test did not start")
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            if thread.is_alive():
                raise RuntimeError("the application under test did not stop")


@contextlib.contextmanager
def mcp_server(database_url: str, jwt_secret: str) -> Iterator[str]:
    """The real MCP server in a process of its own, as both services name their tables alike; gives its base URL."""
    port = unused_port()
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(MCP_SOURCE), "PORT": str(port)}
    environment |= {"DATABASE_URL": database_url, "JWT_SECRET": jwt_secret}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, "-m", "todo_mcp"], env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + START_SECONDS
            while not _ready(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"the MCP server did not start: {log.read().decode(errors='replace')[-500:]}")
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(base_url: str) -> bool:
    try:
        return httpx2.get(f"{base_url}/ready", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False
