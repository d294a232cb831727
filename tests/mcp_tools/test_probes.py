"""The probes that run inside containers: the scripts themselves, run here, and what stands in their argv."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mcp_tools.engines import kube_probes
from mcp_tools.errors import Refused

TOKEN = "Bearer a-token-that-must-not-be-seen"
PROGRAMS = [p for p in ("python3", "node") if shutil.which(p)]


class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        answer = {
            "path": self.path,
            "method": self.command,
            "authorization": self.headers.get("Authorization"),
            "body": self.rfile.read(size).decode(),
        }
        self.send_response(201)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running.server_address[1]
        running.shutdown()


def run(question: str, program: str, argument: dict[str, Any], env: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a probe as the kubelet would: the stream is left open, as protocols without a close leave it."""
    made = kube_probes.script(question, program, argument)
    assert made is not None
    argv, stdin = made
    kube_probes.admit(argv)
    argv = [sys.executable if program == "python3" else program, *argv[1:]]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(stdin.decode())
        process.stdin.flush()
        text = process.stdout.read()
        process.stdin.close()
    answer = kube_probes.marked(text)
    assert answer is not None, text
    return answer


def request(port: int, **changes: Any) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/api/chat?x=1"
    return {"url": url, "method": "GET", "headers": {}, "body": None, "timeout": 5, "max": 65536} | changes


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_request_with_headers_and_body(program: str, server: int) -> None:
    body = json.dumps({"message": "Grüße\nzwei"})
    asked = request(server, method="POST", headers={"Authorization": TOKEN}, body=body)
    answer = run("http", program, asked)
    said = json.loads(answer["body"])
    assert (answer["status"], said["method"], said["path"]) == (201, "POST", "/api/chat?x=1")
    assert said["authorization"] == TOKEN and json.loads(said["body"])["message"] == "Grüße\nzwei"
    assert answer["headers"]["set-cookie"] == "a=1\nb=2" and answer["seconds"] > 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_refused_connection_is_an_answer(program: str) -> None:
    assert run("http", program, request(1))["status"] is None
    tcp = run("tcp", program, {"host": "127.0.0.1", "port": 1, "timeout": 5})
    assert not tcp["ok"] and "refused" in tcp["error"].lower()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_name_that_does_not_exist_is_told_apart(program: str) -> None:
    tcp = run("tcp", program, {"host": "nowhere.invalid", "port": 80, "timeout": 10})
    assert not tcp["ok"] and tcp["error"].startswith("dns:")


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_open_port(program: str, server: int) -> None:
    tcp = run("tcp", program, {"host": "127.0.0.1", "port": server, "timeout": 5})
    assert tcp["ok"] and tcp["addresses"] == ["127.0.0.1"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_variables_are_hashed_where_they_are(program: str) -> None:
    env = {"PATH": "/usr/bin:/bin", "JWT_SECRET": "päss=word"}
    answer = run("env", program, {"names": ["JWT_SECRET", "ABSENT"]}, env)
    assert answer["digests"] == {"JWT_SECRET": hashlib.sha256("päss=word".encode()).hexdigest(), "ABSENT": None}
    everything = run("env", program, {"names": None}, env)
    assert everything["digests"]["JWT_SECRET"] == answer["digests"]["JWT_SECRET"] and "PATH" in everything["digests"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_memory_is_a_number_or_unknown(program: str) -> None:
    answer = run("usage", program, {})
    assert all(answer[name] is None or answer[name] >= 0 for name in ("memory", "limit"))


@pytest.mark.parametrize("program", kube_probes.SCRIPTS["http"].keys() | {"curl", "wget"})
def test_no_token_stands_in_an_argv(program: str) -> None:
    asked = request(80, method="POST", headers={"Authorization": TOKEN}, body='{"password": "s3cret-s3cret"}')
    made = kube_probes.http_argv(program, asked)
    if program == "wget":
        assert made is None  # it could take them in its argv only
        assert kube_probes.http_argv("wget", request(80)) is not None
        return
    assert made is not None and made[1] is not None
    assert TOKEN not in " ".join(made[0]) and "s3cret" not in " ".join(made[0])
    assert TOKEN.encode() in made[1]


@pytest.mark.parametrize(
    "argv",
    [
        ["python3", "-c", "print(1)"],
        ["python3", "-c", kube_probes.SCRIPTS["http"]["python3"], "more"],
        ["sh", "-c", "id"],
        ["printenv"],
        ["printenv", "-0"],
        ["wget", "-q", "-S", "-O", "-", "--header=Authorization: x"],
        [],
    ],
)
def test_nothing_but_registered_probes_is_admitted(argv: list[str]) -> None:
    with pytest.raises(Refused):
        kube_probes.admit(argv)
