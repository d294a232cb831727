"""The server's doors: a child over stdio, and HTTP with token, Host and Origin."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parent.parent.parent
INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str, Path]]:
    """A server over HTTP: its URL, its token, and the file that holds it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (tmp_path / "log").open("w+")
    words = [sys.executable, "-m", "mcp_tools", "serve", "--http", f"127.0.0.1:{port}", "--workspace", str(tmp_path)]
    child = subprocess.Popen(words, stderr=log, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        url = f"http://127.0.0.1:{port}/mcp"
        for _ in range(100):
            try:
                httpx.get(url)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        log.seek(0)
        found = re.search(r"token is in (\S+)", log.read())
        assert found is not None
        file = Path(found[1])
        yield url, file.read_text().strip(), file
    finally:
        child.terminate()
        child.wait(timeout=10)
        log.close()


def test_http_wants_the_token_and_its_own_names(served: tuple[str, str, Path]) -> None:
    url, token, file = served
    bearer = {"Authorization": f"Bearer {token}"} | ACCEPT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert httpx.post(url, json=INITIALIZE, headers=ACCEPT).status_code == 401
    assert httpx.post(url, json=INITIALIZE, headers=ACCEPT | {"Authorization": "Bearer wrong"}).status_code == 401
    assert httpx.post(url, json=INITIALIZE, headers=bearer | {"Host": "evil.example"}).status_code == 421
    assert httpx.post(url, json=INITIALIZE, headers=bearer | {"Origin": "http://evil.example"}).status_code == 403
    good = httpx.post(url, json=INITIALIZE, headers=bearer)
    assert good.status_code == 200 and "longshore" in good.text


def test_http_survives_malformed_messages(served: tuple[str, str, Path]) -> None:
    url, token, _ = served
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | ACCEPT
    for body in (
        b"{",
        b"[]",
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":7}',
        b"\xff",
    ):
        assert 400 <= httpx.post(url, content=body, headers=headers).status_code < 500
    assert httpx.post(url, json=INITIALIZE, headers=headers).status_code == 200


@pytest.mark.parametrize("address", ["0.0.0.0:0", "nonsense", "127.0.0.1:99999", "0.0.0.0:8765"])
def test_an_open_address_is_refused_without_a_token_and_names(address: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mcp_tools", "serve", "--http", address, "--workspace", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, cwd=ROOT, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


@pytest.mark.anyio
async def test_a_stdio_child_serves_and_ends_with_its_client(tmp_path: Path) -> None:
    env = {
        name: os.environ[name] for name in ("PATH", "HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME") if name in os.environ
    }
    words = ["-m", "mcp_tools", "serve", "--workspace", str(tmp_path), "--toolsets", "all"]
    async with Client(StdioServerParameters(command=sys.executable, args=words, env=env, cwd=ROOT)) as client:
        tools = (await client.list_tools()).tools
    assert {"helm_install", "kubectl_get"} <= {t.name for t in tools}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serve", "--workspace", "/no/such/folder"], "there is no folder"),
        (["serve", "--toolsets", "nonsense"], "there is no toolset"),
        (["serve", "--target", "elsewhere"], "setting target is not valid"),
        (["approve", "c-none"], "there is no confirmation"),
    ],
)
def test_bad_words_are_one_clear_line(words: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mcp_tools", *words], capture_output=True, text=True, timeout=30, cwd=ROOT, check=False
    )
    assert done.returncode in (1, 2) and message in done.stderr and done.stderr.count("\n") == 1


def test_a_probe_learns_that_the_server_is_there_and_nothing_else(served: tuple[str, str, Path]) -> None:
    url, _, _ = served
    health = url.removesuffix("/mcp") + "/healthz"
    found = httpx.get(health, headers={"Host": "10.244.0.7:8765"})
    assert (found.status_code, found.text) == (200, "ok\n")
    assert httpx.post(health, json=INITIALIZE, headers=ACCEPT).status_code == 401
    assert httpx.get(health + "/../mcp").status_code == 401
