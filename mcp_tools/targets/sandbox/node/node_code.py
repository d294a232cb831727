"""``node -e`` in simulated time, by what its text holds: a request with its repetitions, a server, an exit, a line."""

from __future__ import annotations

import re

from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.network import NO_SUCH_HOST, REFUSED, NetError
from mcp_tools.targets.sandbox.node.process import FOREVER, Answers, Listen, Say, Sleep, Steps

_ENV = re.compile(r"process\.env\.([A-Za-z_]\w*)|process\.env\[['\"](\w+)['\"]\]")
_PAUSE = re.compile(r"setTimeout\([^,]+,\s*(\d+)\)")


def run(box: Box, code: str) -> Steps:
    """Run a program."""
    if "fetch(" in code or "http.get(" in code or "https.get(" in code:
        return (yield from _request(box, code))
    listens = re.search(r"\.listen\(\s*(\d+|[\w.]+)", code)
    if listens is not None:
        return (yield from _serve(box, listens[1]))
    for text in re.findall(r"console\.(?:log|error)\((['\"`])(.*?)\1", code):
        yield Say(text[1])
    thrown = re.search(r"throw new (\w*Error)\((['\"`])(.*?)\2", code)
    if thrown is not None:
        yield Say(f"[eval]:1\n\n{thrown[1]}: {thrown[3]}")
        return 1
    if "setInterval" in code:
        yield Sleep(FOREVER)
    ends = re.search(r"process\.exit\((\d*)\)", code)
    return int(ends[1] or 0) & 0xFF if ends is not None else 0


def _serve(box: Box, written: str) -> Steps:
    declared = [int(port["containerPort"]) for port in box.container.get("ports") or ()]
    ports = (int(written),) if written.isdigit() else tuple(declared)
    for port in ports:
        if box.taken(port):
            yield Say(f"Error: listen EADDRINUSE: address already in use :::{port}")
            return 1
    yield Listen(ports, Answers())
    yield Sleep(FOREVER)
    return 0


def _url(box: Box, code: str) -> str:
    """What it asks for: a written URL with variables filled in, or the first variable that holds one."""
    written = re.search(r"(?:fetch|\.get)\(\s*(['\"`])(.*?)\1", code, re.S)
    if written is not None:
        return re.sub(r"\$\{(.*?)\}", lambda m: _env(box, m[1]), written[2])
    for found in _ENV.finditer(code):
        value = box.env.get(found[1] or found[2], "")
        if "://" in value:
            return value
    return ""


def _env(box: Box, text: str) -> str:
    found = _ENV.search(text)
    return box.env.get(found[1] or found[2], "") if found is not None else ""


def _request(box: Box, code: str) -> Steps:
    url = _url(box, code)
    repeats = re.search(r"\b\w+\((\d{1,3})\)\s*\.then", code)
    attempts = int(repeats[1]) if repeats is not None else 1
    pauses = [int(found) for found in _PAUSE.findall(code)]
    pause = pauses[-1] / 1000 if pauses else 1.0
    loud = "console." in code
    for left in reversed(range(attempts)):
        try:
            answer = box.network.get(url, box.namespace, box.ip, timeout=5.0, cluster_dns=box.cluster_dns)
        except NetError as error:
            yield Sleep(5.0 if error.why == "i/o timeout" else 0.0)
            if loud:
                yield Say(f"{url} {_words(error)}")
        else:
            if loud:
                yield Say(f"{url} {answer.status} {answer.body}")
            if answer.status < 400:
                return 0
        if left:
            yield Sleep(pause)
    return 1


def _words(error: NetError) -> str:
    if error.why == NO_SUCH_HOST or not error.port:
        return f"Error: getaddrinfo ENOTFOUND {error.host}"
    if error.why == REFUSED:
        return f"Error: connect ECONNREFUSED {error.ip}:{error.port}"
    return "TimeoutError: The operation was aborted due to timeout"
