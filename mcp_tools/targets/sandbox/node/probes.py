"""Probes: what they find, in the kubelet's words, and how often they have to find it.

Source: ``pkg/probe`` and ``pkg/kubelet/prober``.
"""

from __future__ import annotations

from typing import NamedTuple

from mcp_tools.targets.sandbox.node import programs
from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.network import Ports
from mcp_tools.targets.sandbox.node.process import Say, Sleep, written
from mcp_tools.targets.sandbox.node.runtime import Probing, Run
from mcp_tools.targets.sandbox.store import Obj

GRPC_BYTES = r'"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00@\x00"'


class Outcome(NamedTuple):
    """What a probe found; ``text`` is the kubelet's when it failed."""

    ok: bool
    text: str = ""
    errored: bool = False


def begin(run: Run, container: Obj) -> None:
    """Give a run the probes of its container."""
    for kind, initial in (("startup", False), ("liveness", True), ("readiness", False)):
        spec = container.get(f"{kind}Probe")
        if spec is not None:
            first = run.started + float(spec.get("initialDelaySeconds") or 0)
            run.probes.append(Probing(kind, spec, first, initial))  # type: ignore[arg-type]
    run.passed_startup = container.get("startupProbe") is None
    run.ready = container.get("readinessProbe") is None


def _port(spec: Obj, container: Obj) -> int | None:
    port = spec.get("port")
    if isinstance(port, int):
        return port
    if isinstance(port, str) and port.isdigit():
        return int(port)
    return next((entry["containerPort"] for entry in container.get("ports") or () if entry.get("name") == port), None)


def outcome(probe: Obj, run: Run, container: Obj, ip: str, ports: Ports) -> Outcome:
    """What that probe finds now."""
    timeout = float(probe.get("timeoutSeconds") or 1)
    if "exec" in probe:
        return _exec(run, list(probe["exec"].get("command") or ()), timeout)
    for kind in ("httpGet", "tcpSocket", "grpc"):
        if kind not in probe:
            continue
        spec = probe[kind]
        port = _port(spec, container)
        if port is None:
            text = f'strconv.Atoi: parsing "{spec.get("port")}": invalid syntax'
            return Outcome(False, text, errored=True)
        host = spec.get("host") or ip
        if kind == "httpGet":
            return _http(spec, host, port, timeout, ports)
        if kind == "tcpSocket":
            if ports.listening(host, port) is not None:
                return Outcome(True)
            return Outcome(False, f"dial tcp {host}:{port}: connect: connection refused")
        return _grpc(host, port, timeout, ports)
    return Outcome(True)


def _http(spec: Obj, host: str, port: int, timeout: float, ports: Ports) -> Outcome:
    scheme = str(spec.get("scheme") or "HTTP").lower()
    path = spec.get("path") or "/"
    path = path if path.startswith("/") else f"/{path}"
    url = f"{scheme}://{host}:{port}{path}"
    answers = ports.listening(host, port)
    if answers is None:
        return Outcome(False, f'Get "{url}": dial tcp {host}:{port}: connect: connection refused')
    if answers.protocol == "grpc":
        broken = f"net/http: HTTP/1.x transport connection broken: malformed HTTP response {GRPC_BYTES}"
        return Outcome(False, f'Get "{url}": {broken}')
    if answers.protocol == "tcp":
        return Outcome(False, f'Get "{url}": EOF')
    if scheme == "https" and answers.bare:
        return Outcome(False, f'Get "{url}": tls: first record does not look like a TLS handshake')
    if scheme == "https":
        return Outcome(False, f'Get "{url}": http: server gave HTTP response to HTTPS client')
    if answers.latency >= timeout:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Outcome(False, f'Get "{url}": {why}')
    status = answers.status(path)
    if 200 <= status < 400:
        return Outcome(True)
    return Outcome(False, f"HTTP probe failed with statuscode: {status}")


def _grpc(host: str, port: int, timeout: float, ports: Ports) -> Outcome:
    answers = ports.listening(host, port)
    if answers is not None and answers.protocol == "grpc":
        if answers.other >= 400:
            return Outcome(False, 'service unhealthy (responded with "NOT_SERVING")')
        if answers.latency < timeout:
            return Outcome(True)
    seconds = f"{timeout:g}s"
    return Outcome(
        False, f'timeout: failed to connect service "{host}:{port}" within {seconds}: context deadline exceeded'
    )


class Executed(NamedTuple):
    """What a command in a container gave."""

    code: int
    output: str
    seconds: float


def execute(box: Box, argv: list[str], limit: float = 3600.0) -> Executed:
    """Run a command in a container at once; ``seconds`` is how long it would have taken."""
    if not programs.has_program(box, argv[0]):
        what = (
            "executable file not found in $PATH" if "/" not in argv[0] else f"stat {argv[0]}: no such file or directory"
        )
        why = f'exec failed: unable to start container process: exec: "{argv[0]}": {what}: unknown'
        return Executed(126 if "/" in argv[0] else 127, f"OCI runtime exec failed: {why}\r\n", 0.0)
    inside = Box(**{**vars(box), "argv": argv})
    steps = programs.default(inside)
    said: list[Say] = []
    seconds = 0.0
    for _ in range(20_000):
        try:
            step = next(steps)
        except StopIteration as end:
            return Executed(int(end.value or 0), written(said), seconds)
        if isinstance(step, Sleep):
            seconds += step.seconds
            if seconds > limit:
                break
        elif isinstance(step, Say):
            said.append(step)
    steps.close()
    return Executed(137, written(said), max(seconds, limit + 1))


def _exec(run: Run, argv: list[str], timeout: float) -> Outcome:
    if run.box is None or not argv:
        return Outcome(True)
    done = execute(run.box, argv, timeout)
    if done.seconds > timeout:
        shown = " ".join(argv)
        return Outcome(False, f'command timed out: "{shown}" timed out after {timeout:g}s')
    return Outcome(done.code == 0, done.output)


def changes_itself(probe: Obj) -> bool:
    """Whether what it finds may depend on more than the ports of its own pod."""
    return "exec" in probe or any((probe.get(kind) or {}).get("host") for kind in ("httpGet", "tcpSocket"))
