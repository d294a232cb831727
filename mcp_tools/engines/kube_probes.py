"""The programs that Longshore runs inside containers: fixed, registered, and nothing else.

A probe is an argv prefix that is written in this repository, plus positional arguments that can never be read as a
flag. Scripts are passed as one argv element and read their arguments, one line of JSON, from standard input: an argv
is written into the API server's audit log, where no token may stand. There is no shell anywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_tools.engines import kube_scripts
from mcp_tools.errors import Refused

MARK = "LONGSHORE-PROBE "
"""What precedes a script's one line of JSON, so that noise on the stream cannot be taken for the answer."""

MAX_BODY = 65_536


@dataclass(frozen=True)
class Probe:
    """A registered argv: the fixed prefix and how many positional arguments may follow."""

    prefix: tuple[str, ...]
    max_args: int = 0
    check: Callable[[Sequence[str]], bool] | None = field(default=None, compare=False)

    def admits(self, argv: Sequence[str]) -> bool:
        """Whether this argv is this probe."""
        size = len(self.prefix)
        rest = list(argv[size:])
        if tuple(argv[:size]) != self.prefix:
            return False
        if self.check is not None:
            return self.check(rest)
        return len(rest) <= self.max_args and not any(arg.startswith("-") for arg in rest)


_PROBES: list[Probe] = []


def register(*prefix: str, max_args: int = 0, check: Callable[[Sequence[str]], bool] | None = None) -> Probe:
    """Allow an argv prefix for ``KubeEngine.exec``. Called at import time, with literals."""
    probe = Probe(prefix, max_args, check)
    if probe not in _PROBES:
        _PROBES.append(probe)
    return probe


def admit(argv: Sequence[str]) -> list[str]:
    """The argv as a list, when it is a registered probe.

    Raises:
        Refused: it is a string, or no registered probe.
    """
    if isinstance(argv, str) or not argv or not all(isinstance(arg, str) and "\0" not in arg for arg in argv):
        raise Refused("only a list of words can be run in a container")
    if not any(probe.admits(argv) for probe in _PROBES):
        raise Refused("this program is not one of the registered probes", str(argv[0]))
    return list(argv)


SCRIPTS: dict[str, dict[str, str]] = {
    "http": {"python3": kube_scripts.HTTP_PYTHON, "node": kube_scripts.HTTP_NODE},
    "tcp": {"python3": kube_scripts.TCP_PYTHON, "node": kube_scripts.TCP_NODE},
    "env": {"python3": kube_scripts.ENV_PYTHON, "node": kube_scripts.ENV_NODE},
    "usage": {"python3": kube_scripts.USAGE_PYTHON, "node": kube_scripts.USAGE_NODE},
}
"""What is asked → program → script."""

_FLAG = {"python3": "-c", "node": "-e"}
for _programs in SCRIPTS.values():
    for _program, _script in _programs.items():
        register(_program, _FLAG[_program], _script)
register("printenv", check=lambda rest: len(rest) == 1 and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", rest[0]) is not None)
register("curl", "--silent", "--show-error", "--include", "--insecure", "--config", "-")
_WGET = ("wget", "-q", "-S", "-O", "-")
_WGET_OPTION = re.compile(r"-T\d+|https?://[^\s-][^\s]*")
register(*_WGET, check=lambda rest: bool(rest) and all(_WGET_OPTION.fullmatch(arg) for arg in rest))


def script(question: str, program: str, argument: Mapping[str, Any]) -> tuple[list[str], bytes] | None:
    """Argv and stdin of a script; None when there is none for that program."""
    text = SCRIPTS[question].get(program)
    if text is None:
        return None
    return [program, _FLAG[program], text], json.dumps(argument).encode() + b"\n"


def http_argv(program: str, request: Mapping[str, Any]) -> tuple[list[str], bytes | None] | None:
    """Argv and stdin of an HTTP probe with that program; None when it cannot make this request."""
    if (made := script("http", program, request)) is not None:
        return made
    if program == "curl":
        argv = ["curl", "--silent", "--show-error", "--include", "--insecure", "--config", "-"]
        return argv, _curl_config(request).encode()
    plain = request["method"] == "GET" and not request["headers"] and request["body"] is None
    if program == "wget" and plain:  # it takes headers and bodies in its argv only
        return [*_WGET, f"-T{max(1, round(request['timeout']))}", str(request["url"])], None
    return None


def _curl_config(request: Mapping[str, Any]) -> str:
    def quoted(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
        return f'"{escaped}"'

    headers = dict(request["headers"])
    if request["body"] is not None:
        headers.setdefault("Content-Type", "application/json")
    lines = [f"url = {quoted(request['url'])}", f"request = {quoted(request['method'])}"]
    lines.append(f"max-time = {request['timeout']}")
    lines += [f"header = {quoted(f'{name}: {value}')}" for name, value in headers.items()]
    if request["body"] is not None:
        lines.append(f"data-raw = {quoted(request['body'])}")
    return "\n".join(lines) + "\n"


def marked(stdout: str) -> dict[str, Any] | None:
    """The JSON that a script printed, wherever it stands among other output."""
    at = stdout.rfind(MARK)
    if at < 0:
        return None
    try:
        answer, _ = json.JSONDecoder().raw_decode(stdout[at + len(MARK) :])
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def http_message(text: str) -> tuple[int | None, dict[str, str], str]:
    """Status, headers and body of raw HTTP text as curl and wget print it (the last message, after 1xx ones)."""
    status: int | None = None
    headers: dict[str, str] = {}
    lines = text.replace("\r\n", "\n").split("\n")
    for index, line in enumerate(lines):
        line = line.strip()
        found = re.match(r"HTTP/[\d.]+ (\d{3})", line)
        if found:
            status, headers = int(found[1]), {}
        elif not line:
            if status is not None and status >= 200:
                return status, headers, "\n".join(lines[index + 1 :])[:MAX_BODY]
        elif status is not None and ":" in line:
            name, _, value = line.partition(":")
            key = name.strip().lower()
            headers[key] = f"{headers[key]}\n{value.strip()}" if key in headers else value.strip()
    return status, headers, ""
