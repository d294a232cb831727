"""Running a registered probe inside a container, over the API server's websocket."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from mcp_tools.engines.kube_probes import admit
from mcp_tools.errors import NotFound, TimedOut, ToolFailed

_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255
MAX_OUTPUT = 1_000_000
NOT_THERE = ("executable file not found", "no such file or directory", "not found in $PATH", "permission denied")


@dataclass(frozen=True)
class ExecResult:
    """What a program in a container printed and how it ended; 127 when it is not in the image."""

    stdout: str
    stderr: str
    returncode: int

    @property
    def missing(self) -> bool:
        """Whether the program does not exist in this container."""
        text = self.stderr + self.stdout
        return self.returncode in (126, 127) and (self.returncode == 127 or any(word in text for word in NOT_THERE))


@dataclass(frozen=True)
class ProbeResult:
    """One HTTP request made inside a container. ``headers``: lower-case names, repeated ones joined by newlines."""

    status: int | None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    via: str = ""

    def json(self) -> Any:
        """The body as JSON; None when it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class TcpResult:
    """One TCP connection made inside a container; ``error`` starts with ``dns:`` when the name has no address."""

    ok: bool
    addresses: list[str] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""
    via: str = ""


class _Streams:
    """Collects the frames of one exec by channel; unknown and closed channels are no error."""

    def __init__(self) -> None:
        self.data: dict[int, bytearray] = {_STDOUT: bytearray(), _STDERR: bytearray(), _ERROR: bytearray()}

    def feed(self, frame: bytes) -> None:
        if not frame or frame[0] not in self.data:
            return
        into = self.data[frame[0]]
        into += frame[1 : 1 + max(0, MAX_OUTPUT - len(into))]

    def text(self, channel: int) -> str:
        return bytes(self.data[channel]).decode("utf-8", "replace")

    def result(self) -> ExecResult:
        return ExecResult(self.text(_STDOUT), *_ending(self.text(_STDERR), self.text(_ERROR)))


def _ending(stderr: str, error: str) -> tuple[str, int]:
    try:
        status = json.loads(error) if error else {}
    except ValueError:
        status = {}
    if status.get("status") == "Success":
        return stderr, 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return stderr, int(cause["message"])
    message = str(status.get("message") or "the connection ended before the program did")
    if "container not found" in message:
        raise NotFound("the container is not running", message, "look at the pod with kubectl_describe")
    code = 127 if any(word in message for word in NOT_THERE) else 125
    return f"{stderr}{message}", code


def run(
    settings: Any,
    headers: dict[str, str],
    path: str,
    container: str,
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: bytes | None,
) -> ExecResult:
    """Run one probe and wait for it (blocking: call it in a thread).

    Raises:
        Refused: the argv is not a registered probe.
        NotFound: there is no such running container.
        TimedOut: it did not end in time.
        ToolFailed: the connection broke.
    """
    from kubernetes.stream.ws_client import create_websocket, get_websocket_url
    from websocket import WebSocketBadStatusException, WebSocketException

    query = [("command", arg) for arg in admit(argv)] + [
        ("container", container),
        ("stdout", "true"),
        ("stderr", "true"),
    ]
    query.append(("stdin", "true" if stdin is not None else "false"))
    url = get_websocket_url(f"{settings.host}{path}?{urlencode(query)}")
    try:
        sock = create_websocket(settings, url, {name.lower(): value for name, value in headers.items()})
    except WebSocketBadStatusException as error:
        kind = NotFound if error.status_code in (400, 404) else ToolFailed
        body = getattr(error, "resp_body", None)
        why = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(error)
        raise kind("the container cannot be entered", why[:300], "look at the pod with kubectl_describe") from error
    except (WebSocketException, OSError) as error:
        raise ToolFailed(
            "the container cannot be entered", str(error)[:300], "check the cluster, then try again"
        ) from error
    try:
        if stdin is not None:
            _send(sock, stdin)
        return _collect(sock, time.monotonic() + timeout, argv[0], timeout)
    finally:
        sock.close(timeout=1)


def _send(sock: Any, stdin: bytes) -> None:
    for start in range(0, len(stdin), 32_768):
        sock.send_binary(bytes([_STDIN]) + stdin[start : start + 32_768])
    if sock.subprotocol == "v5.channel.k8s.io":
        sock.send_binary(bytes([_CLOSE, _STDIN]))


def _collect(sock: Any, deadline: float, program: str, timeout: float) -> ExecResult:
    from websocket import ABNF, WebSocketConnectionClosedException, WebSocketTimeoutException

    streams = _Streams()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimedOut(
                f"{program} in the container did not end", f"after {timeout:g} s", "try again with more time"
            )
        sock.settimeout(left)
        try:
            opcode, frame = sock.recv_data_frame(True)
        except WebSocketTimeoutException:
            continue
        except (WebSocketConnectionClosedException, OSError):
            return streams.result()
        if opcode == ABNF.OPCODE_CLOSE:
            return streams.result()
        if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT):
            streams.feed(bytes(frame.data))
