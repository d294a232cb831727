"""Requests from inside a container: finds out which program the image has, and remembers it."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mcp_tools.engines import kube_probes
from mcp_tools.engines.kube_exec import ExecResult, ProbeResult, TcpResult
from mcp_tools.engines.kube_http import KubeHttp, in_thread
from mcp_tools.errors import LongshoreError, ToolFailed, UsageError

Where = tuple[str, str, str]
Exec = Callable[..., Awaitable[ExecResult]]
PROGRAMS = ("python3", "node", "wget", "curl")
NO_PROGRAM = "this container has none of python3, node, wget, curl"


class Prober:
    """Makes probes through an engine's ``exec``."""

    def __init__(self, run: Exec) -> None:
        self._run = run
        self._has: dict[Where, str] = {}

    def _order(self, where: Where) -> list[str]:
        first = self._has.get(where)
        return [first, *(p for p in PROGRAMS if p != first)] if first else list(PROGRAMS)

    async def http(
        self, where: Where, url: str, method: str, headers: dict[str, str], body: str | None, timeout: float
    ) -> ProbeResult:
        """The request by the first program that is there and can make it."""
        if not re.match(r"https?://[^\s]+$", url):
            raise UsageError(f"not an http URL: {url!r}")
        if any(set("\r\n\0") & set(name + value) for name, value in headers.items()):
            raise UsageError("a header may not hold a line break")
        request: dict[str, Any] = {"url": url, "method": method.upper(), "headers": headers, "body": body}
        request |= {"timeout": timeout, "max": kube_probes.MAX_BODY}
        for program in self._order(where):
            made = kube_probes.http_argv(program, request)
            if made is None:
                continue
            started = time.monotonic()
            done = await self._run(*where, made[0], timeout=timeout + 10, stdin=made[1])
            if done.missing:
                continue
            self._has[where] = program
            return _http_result(program, done, time.monotonic() - started)
        return ProbeResult(None, error=NO_PROGRAM)

    async def tcp(self, where: Where, host: str, port: int, timeout: float) -> TcpResult:
        """A name look-up and a TCP connection by python3 or node."""
        argument = {"host": host, "port": port, "timeout": timeout}
        program, done = await self._script("tcp", where, argument, timeout + 10)
        if done is None:
            return TcpResult(False, error="this container has neither python3 nor node")
        answer = kube_probes.marked(done.stdout)
        if answer is None:
            return TcpResult(False, error=_last(done) or f"{program} gave no answer", via=program)
        return TcpResult(answer["ok"], answer["addresses"], float(answer["seconds"]), answer["error"], program)

    async def _script(
        self, question: str, where: Where, argument: dict[str, Any], timeout: float
    ) -> tuple[str, ExecResult | None]:
        """One script by python3 or node: which program, and how it ended; None when the container has neither."""
        for program in self._order(where):
            made = kube_probes.script(question, program, argument)
            if made is None:
                continue
            done = await self._run(*where, made[0], timeout=timeout, stdin=made[1])
            if done.missing:
                continue
            self._has[where] = program
            return program, done
        return "", None

    async def env(self, where: Where, names: Sequence[str] | None) -> dict[str, str | None]:
        """SHA-256 of each variable's value; hashed inside the container where it has python3 or node."""
        _, done = await self._script("env", where, {"names": None if names is None else list(names)}, 15)
        answer = kube_probes.marked(done.stdout) if done is not None else None
        if answer is not None:
            return dict(answer["digests"])
        if names is None:
            raise ToolFailed("the environment cannot be read as a whole", "the image has neither python3 nor node")
        digests: dict[str, str | None] = {}
        for name in names:
            said = await self._run(*where, ["printenv", name], timeout=10)
            if said.missing:
                raise ToolFailed("the environment cannot be read", "the image has no python3, node or printenv")
            value = said.stdout.removesuffix("\n")
            digests[name] = hashlib.sha256(value.encode()).hexdigest() if said.returncode == 0 else None
        return digests

    async def usage(self, where: Where) -> tuple[int | None, int | None]:
        """Memory that the container uses and its limit, in bytes, from its own cgroup; None for what is not told."""
        _, done = await self._script("usage", where, {}, 15)
        answer = kube_probes.marked(done.stdout) if done is not None else None
        return (answer["memory"], answer["limit"]) if answer is not None else (None, None)

    async def service(
        self, http: KubeHttp, namespace: str, service: str, port: int | str, path: str, timeout: float
    ) -> ProbeResult:
        """GET through the API server's service proxy."""
        url = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/{path.lstrip('/')}"
        started = time.monotonic()
        try:
            answer = await in_thread(lambda: http.send("GET", url, accept="*/*", timeout=timeout))
        except LongshoreError as error:
            status = error.details.get("http_status")
            return ProbeResult(status, seconds=time.monotonic() - started, error=error.why, via="service-proxy")
        body = answer.decode("utf-8", "replace")[: kube_probes.MAX_BODY]
        return ProbeResult(200, body, seconds=time.monotonic() - started, via="service-proxy")


def _http_result(program: str, done: ExecResult, seconds: float) -> ProbeResult:
    if program in ("python3", "node"):
        answer = kube_probes.marked(done.stdout)
        if answer is None:
            return ProbeResult(None, error=_last(done) or f"{program} gave no answer", seconds=seconds, via=program)
        return ProbeResult(
            answer["status"],
            answer["body"],
            answer["headers"],
            float(answer.get("seconds") or seconds),
            answer["error"],
            program,
        )
    if program == "wget":  # headers are on stderr, the body on stdout
        status, headers, _ = kube_probes.http_message(done.stderr)
        body = done.stdout[: kube_probes.MAX_BODY]
    else:
        status, headers, body = kube_probes.http_message(done.stdout)
    error = "" if status is not None else _last(done) or f"exit {done.returncode}"
    return ProbeResult(status, body, headers, seconds, error, program)


def _last(done: ExecResult) -> str:
    lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
