"""A look from outside: plain kubectl, helm and HTTP. Nothing of Longshore is imported here."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

NAMESPACE = "todo"
RELEASES = ("postgres", "mcp-server", "todo-backend", "todo-frontend")


# -- programs ------------------------------------------------------------------------------------------------------


def program(*argv: str, check: bool = True, timeout: float = 120, input: str | None = None) -> str:
    """Run a program; its standard output."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, input=input, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def kubectl(*words: str, check: bool = True, timeout: float = 120, input: str | None = None) -> str:
    """kubectl on the Minikube."""
    return program("kubectl", "--context", "minikube", *words, check=check, timeout=timeout, input=input)


def objects(kind: str, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """All objects of a kind."""
    return list(json.loads(kubectl("-n", namespace, "get", kind, "-o", "json"))["items"])


def helm() -> str:
    """The helm program: on PATH, or beside this Python."""
    beside = Path(sys.executable).parent / "helm"
    return str(beside) if beside.exists() else "helm"


def revisions(namespace: str = NAMESPACE) -> dict[str, int]:
    """The revision of every release."""
    found = json.loads(program(helm(), "--kube-context", "minikube", "-n", namespace, "list", "-a", "-o", "json"))
    return {entry["name"]: int(entry["revision"]) for entry in found}


def release_status(release: str, namespace: str = NAMESPACE) -> str:
    """Helm's word for the newest revision."""
    text = program(helm(), "--kube-context", "minikube", "-n", namespace, "status", release, "-o", "json", check=False)
    return str(json.loads(text)["info"]["status"]) if text else "absent"


def pods(namespace: str = NAMESPACE) -> dict[str, dict[str, Any]]:
    """UID → pod, of the pods that are there to stay."""
    return {
        pod["metadata"]["uid"]: pod
        for pod in objects("pods", namespace)
        if not pod["metadata"].get("deletionTimestamp") and pod["status"].get("phase") != "Succeeded"
    }


def restarts(namespace: str = NAMESPACE) -> int:
    """Restarts of all containers."""
    states = [s for pod in pods(namespace).values() for s in pod["status"].get("containerStatuses", [])]
    return sum(int(state["restartCount"]) for state in states)


def wait_ready(namespace: str = NAMESPACE, timeout: float = 240) -> None:
    """Wait until every workload is as it should be."""
    deadline = time.monotonic() + timeout
    while True:
        workloads = objects("deployments,statefulsets", namespace)
        late = [
            w["metadata"]["name"]
            for w in workloads
            if w["status"].get("readyReplicas", 0) != w["spec"]["replicas"]
            or w["status"].get("updatedReplicas", 0) != w["spec"]["replicas"]
            or w["status"].get("observedGeneration") != w["metadata"]["generation"]
        ]
        if workloads and not late:
            return
        assert time.monotonic() < deadline, f"not ready: {late}"
        time.sleep(1)


def remove(namespace: str = NAMESPACE) -> None:
    """Remove a namespace and wait until it is gone."""
    kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=true", "--timeout=120s", timeout=180)


# -- the command, as a user has it ---------------------------------------------------------------------------------


@dataclass
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        try:
            found = json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"no JSON document ({error}): {self.out[:500]}\n{self.err[-3000:]}") from None
        assert isinstance(found, dict)
        return found


@dataclass
class Command:
    """``./longshore`` of a clone, in an environment that is empty but for what finds the cluster."""

    clone: Path
    home: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """``env -i HOME=… PATH=…``, and where the cluster is."""
        found = {"KUBECONFIG": str(Path.home() / ".kube" / "config"), "MINIKUBE_HOME": str(Path.home())}
        found |= {name: os.environ[name] for name in ("PATH", "KUBECONFIG", "MINIKUBE_HOME") if name in os.environ}
        return found | {"HOME": str(self.home)} | dict(self.extra)

    def start(self, *words: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start it in a session of its own."""
        return subprocess.Popen(
            [str(self.clone / "longshore"), *words],
            cwd=cwd or self.clone,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *words: str, cwd: Path | None = None, timeout: float = 900) -> Result:
        """Run it to its end, off a terminal."""
        started = time.monotonic()
        child = self.start(*words, cwd=cwd)
        try:
            out, err = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            kill_group(child)
            out, err = child.communicate()
            raise AssertionError(f"longshore {' '.join(words)} took over {timeout} s:\n{err[-3000:]}") from None
        return Result(child.returncode, out, err, time.monotonic() - started)

    def on_terminal(self, *words: str, answers: Sequence[tuple[str, str]] = (), timeout: float = 600) -> Result:
        """Run it on a terminal, typing each answer when its prompt is seen."""
        started = time.monotonic()
        leader, follower = pty.openpty()
        child = subprocess.Popen(
            [str(self.clone / "longshore"), *words],
            cwd=self.clone,
            env=self.env | {"TERM": "xterm", "COLUMNS": "110", "LINES": "40"},
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        waiting, seen, since = list(answers), "", 0
        try:
            while time.monotonic() - started < timeout:
                ready, _, _ = select.select([leader], [], [], 0.5)
                if ready:
                    try:
                        chunk = os.read(leader, 65_536)
                    except OSError:
                        break
                    if not chunk:
                        break
                    seen += chunk.decode("utf-8", "replace")
                elif child.poll() is not None:
                    break
                if waiting and re.search(waiting[0][0], plain(seen[since:])):
                    os.write(leader, (waiting.pop(0)[1] + "\n").encode())
                    since = len(seen)
            else:
                raise AssertionError(f"took over {timeout} s: {plain(seen)[-3000:]}")
            code = child.wait(timeout=30)
        finally:
            kill_group(child)
            os.close(leader)
        assert not waiting, f"never asked {waiting[0][0]!r}: {plain(seen)[-3000:]}"
        return Result(code, plain(seen), "", time.monotonic() - started)


def plain(text: str) -> str:
    """A terminal's output without its escape sequences."""
    return re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*(\x07|\x1b\\)|[@-Z\\-_])", "", text).replace("\r", "")


def kill_group(child: subprocess.Popen[Any]) -> None:
    """``kill -9`` of the command and of everything that it has started itself."""
    for pid in [child.pid, *descendants(child.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Every process below one."""
    table: dict[int, list[int]] = {}
    for line in program("ps", "-eo", "pid=,ppid=").splitlines():
        child, parent = map(int, line.split())
        table.setdefault(parent, []).append(child)
    found, todo = [], [pid]
    while todo:
        below = table.get(todo.pop(), [])
        found += below
        todo += below
    return found


def stage(document: Mapping[str, Any], number: int) -> dict[str, Any]:
    """One stage of a run's document."""
    return next(s for s in document["stages"] if s["number"] == number)


def steps(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All steps of a run's document."""
    return [step for s in document["stages"] for step in s["steps"]]


# -- the application, over HTTP ------------------------------------------------------------------------------------


@contextlib.contextmanager
def forwarded(service: str, port: int) -> Iterator[str]:
    """A port-forward to a Service; its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        local = probe.getsockname()[1]
    words = [
        "kubectl",
        "--context",
        "minikube",
        "-n",
        NAMESPACE,
        "port-forward",
        f"service/{service}",
        f"{local}:{port}",
    ]
    child = subprocess.Popen([*words, "--address", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", local), 0.5):
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{local}"
    finally:
        child.terminate()
        child.wait(timeout=10)


@dataclass
class Person:
    """Somebody with an account."""

    email: str = field(default_factory=lambda: f"e2e-{uuid.uuid4().hex[:10]}@example.org")
    password: str = field(default_factory=lambda: uuid.uuid4().hex)
    token: str = ""

    def sign_up(self, frontend: str) -> None:
        """Make the account, through the frontend."""
        body = {"name": "E2E", "email": self.email, "password": self.password}
        answer = httpx.post(f"{frontend}/api/auth/sign-up/email", json=body, headers=origin(frontend), timeout=20)
        assert answer.status_code == 200, answer.text

    def sign_in(self, frontend: str) -> None:
        """Sign in, and take a token."""
        with httpx.Client(base_url=frontend, headers=origin(frontend), timeout=20) as client:
            answer = client.post("/api/auth/sign-in/email", json={"email": self.email, "password": self.password})
            assert answer.status_code == 200, answer.text
            token = client.get("/api/auth/token")
            assert token.status_code == 200, token.text
            self.token = token.json()["token"]

    @property
    def bearer(self) -> dict[str, str]:
        """The header that says who it is."""
        return {"Authorization": f"Bearer {self.token}"}

    def chat(self, backend: str, message: str) -> dict[str, Any]:
        """Say something to the chatbot."""
        answer = httpx.post(f"{backend}/api/chat", json={"message": message}, headers=self.bearer, timeout=60)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def titles(self, backend: str) -> list[str]:
        """The titles of their todos."""
        answer = httpx.get(f"{backend}/api/todos", headers=self.bearer, timeout=20)
        assert answer.status_code == 200, answer.text
        return [todo["title"] for todo in answer.json()]


def origin(frontend: str) -> dict[str, str]:
    """As a browser on that page sends it."""
    return {"Origin": "http://localhost:3000"}


def secret_values(namespace: str = NAMESPACE) -> dict[str, str]:
    """Every value of every Secret that is no Helm record, by secret and key."""
    return {
        f"{secret['metadata']['name']}/{key}": base64.b64decode(value).decode()
        for secret in objects("secrets", namespace)
        if secret["type"] != "helm.sh/release.v1"
        for key, value in (secret.get("data") or {}).items()
    }


def expired(token: str, key: str) -> str:
    """The same token, expired an hour ago and properly signed."""
    return signed(token, key, exp=int(time.time()) - 3600, iat=int(time.time()) - 7200)


def signed(token: str, key: str, **claims: Any) -> str:
    """The token with other claims, signed with HS256."""
    head, body, _ = token.split(".")
    data = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | claims
    made = head + "." + base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")
    mark = hmac.new(key.encode(), made.encode(), hashlib.sha256).digest()
    return made + "." + base64.urlsafe_b64encode(mark).decode().rstrip("=")


def tampered(token: str) -> str:
    """The token with another subject and the old signature."""
    head, body, mark = token.split(".")
    data = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | {"sub": "somebody-else"}
    return head + "." + base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=") + "." + mark
