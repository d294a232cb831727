"""Requests to the sandbox's ASGI application without a socket, and clusters that are served for the real clients."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from mcp_tools.targets.sandbox.http import Served

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
ROOT = Path(__file__).resolve().parents[3]
HELM = ROOT / ".venv/bin/helm"

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
needs_helm = pytest.mark.skipif(
    not HELM.exists() and shutil.which("helm") is None, reason="there is no helm, neither packaged nor on PATH"
)


@dataclass
class Got:
    """An answer."""

    code: int
    body: bytes
    headers: list[tuple[str, str]]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


class Asking:
    """Asks an application: each call is one request, and the controllers come to rest after it."""

    def __init__(self, served: Served, token: str = "") -> None:
        self.served = served
        self.token = token

    def __call__(self, method: str, url: str, body: Any = None, **headers: str) -> Got:
        return asyncio.run(self.later(method, url, body, **headers))

    def get(self, url: str, **headers: str) -> Got:
        return self("GET", url, **headers)

    async def later(self, method: str, url: str, body: Any = None, **headers: str) -> Got:
        parts = urlsplit(url)
        given = {"host": "127.0.0.1:1", "user-agent": "test/1", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if self.token:
            given.setdefault("authorization", f"Bearer {self.token}")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        if raw:
            given.setdefault("content-type", "application/json")
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        sent: list[dict[str, Any]] = []
        first = [{"type": "http.request", "body": raw}]

        async def receive() -> dict[str, Any]:
            if first:
                return first.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.served(scope, receive, send)
        found = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        return Got(sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]), found)


class Clients:
    """The real programs, on one kubeconfig and a home of their own."""

    def __init__(self, kubeconfig: Path, home: Path) -> None:
        self.kubeconfig = kubeconfig
        helm = str(HELM) if HELM.exists() else shutil.which("helm")
        self._helm = helm or "helm"
        self._env = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(home), "HELM_CACHE_HOME": str(home)}

    def run(self, *command: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, env=self._env, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def kubectl(self, *words: str, stdin: str = "") -> str:
        return self.run("kubectl", *words, stdin=stdin).stdout

    def refused(self, *words: str, stdin: str = "") -> str:
        """What kubectl says when it fails."""
        done = self.run("kubectl", *words, stdin=stdin, check=False)
        assert done.returncode, done.stdout
        return done.stderr

    def helm(self, *words: str) -> str:
        return self.run(self._helm, *words).stdout
