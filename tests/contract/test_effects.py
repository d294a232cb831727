"""What tools say they do, against what they do: every read tool runs under a recorder that lies below all locks.

The recorder stands where requests leave urllib3 and where programs are started, and compares the workspace's files. A
tool that says ``read`` and then writes fails here, whatever way it found around the guard.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3.connectionpool
import yaml

from mcp_tools import library
from mcp_tools.catalog import CATALOG
from mcp_tools.effects import Effect
from mcp_tools.engines import process
from mcp_tools.errors import LongshoreError
from mcp_tools.guard.guard import Guard, Session
from mcp_tools.guard.journal import Journal
from mcp_tools.guard.policy import DEFAULT
from mcp_tools.world import World
from tests.mcp_tools.test_helm_cluster import write_charts

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
library.load()
READ = sorted(t.name for t in CATALOG.all() if t.effect is Effect.READ and not t.name.startswith("toy_"))

# What a program may be asked by a tool that only looks: its first words, without options.
LOOKS: dict[str, tuple[str, ...]] = {
    "docker": (
        "version", "info", "images", "image inspect", "image ls", "image history", "inspect", "history", "ps",
        "context", "buildx version", "buildx ls", "buildx inspect", "system df", "ai", "manifest inspect", "search",
        "run --rm", "image save", "save",
    ),
    "minikube": ("version", "status", "profile list", "image ls", "docker-env", "ip", "ssh", "config", "addons list"),
    "helm": ("version", "template", "lint", "list", "status", "history", "get", "show", "env", "dependency"),
    "kubectl": ("version", "config"),
}  # fmt: skip
ANY_WORDS = {"hadolint", "kubectl-ai", "kagent", "trivy", "nproc", "df", "git", "node", "npx"}
REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews", "subjectaccessreviews")


@dataclass
class Recorder:
    """Everything that left the process."""

    requests: list[tuple[str, str]] = field(default_factory=list)
    programs: list[list[str]] = field(default_factory=list)

    def writes(self) -> list[str]:
        """Requests and programs that could have changed something."""
        found = [f"{method} {url}" for method, url in self.requests if not _looks(method, url)]
        return found + [" ".join(words) for words in self.programs if not _asks(words)]


def _looks(method: str, url: str) -> bool:
    parts = urlsplit(url)
    if method in ("GET", "HEAD", "OPTIONS") or parse_qs(parts.query).get("dryRun") == ["All"]:
        return True
    return method == "POST" and parts.path.rsplit("/", 1)[-1] in REVIEWS


def _asks(words: list[str]) -> bool:
    name = Path(words[0]).name
    if name in ANY_WORDS:
        return True
    said = " ".join(words[1:])
    plain = " ".join(word for word in words[1:] if not word.startswith("-"))
    looks = LOOKS.get(name, ())
    return any(text == look or text.startswith(f"{look} ") for look in looks for text in (said, plain)) or (
        bool(looks) and words[1:] in (["--version"], ["--help"])
    )


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    pool, start = urllib3.connectionpool.HTTPConnectionPool.urlopen, asyncio.create_subprocess_exec

    def urlopen(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        made.requests.append((method, url))
        return pool(self, method, url, *args, **kwargs)

    async def launch(*words: str, **kwargs: Any) -> Any:
        made.programs.append(list(words))
        return await start(*words, **kwargs)

    monkeypatch.setattr(urllib3.connectionpool.HTTPConnectionPool, "urlopen", urlopen)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", launch)
    return made


@dataclass
class Place:
    """A small application that runs, its workspace, and a guard."""

    namespace: str
    folder: Path
    pod: str
    guard: Guard

    async def call(self, tool: str, **arguments: Any) -> Any:
        session = Session(World(), self.folder)
        return await self.guard.call(tool, arguments, session=session)

    def tree(self) -> dict[str, str]:
        """Path → hash of every file of the workspace."""
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {str(p.relative_to(self.folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def application(namespace: str) -> dict[str, Any]:
    service = {"name": "web", "context": "web", "port": 8000, "chart": {"path": "charts/web"}}
    spec = {"namespace": namespace, "services": [service]}
    return {"apiVersion": "longshore.dev/v1", "kind": "Application", "metadata": {"name": "web"}, "spec": spec}


def tool(name: str, *words: str) -> str:
    program = process.which(name) or pytest.skip(f"needs {name}")
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "work"
        folder.mkdir()
        space = f"longshore-effects-{secrets.token_hex(3)}"
        write_charts(folder)
        (folder / "web").mkdir()
        (folder / "web" / "Dockerfile").write_text("FROM python:3.13-slim\nUSER 1000\nCMD python3 -m http.server\n")
        (folder / "longshore.yaml").write_text(yaml.safe_dump(application(space)))
        context = ("--kube-context", "minikube", "--namespace", space)
        chart = str(folder / "charts" / "web")
        copy = Path(name) / "charts"
        write_charts(Path(name))
        tool("helm", "dependency", "update", "--skip-refresh", str(copy / "web"))
        tool("helm", "install", "web", str(copy / "web"), "--create-namespace", "--wait", "--timeout", "90s", *context)
        tool("helm", "upgrade", "web", str(copy / "web"), "--set", "note=two", "--wait", "--timeout", "90s", *context)
        assert Path(chart).is_dir()
        about = ("--context", "minikube", "--namespace", space)
        pod = tool("kubectl", *about, "get", "pods", "--output", "jsonpath={.items[0].metadata.name}")
        try:
            yield Place(space, folder, pod, Guard(Journal(Path(name) / "journal.db"), DEFAULT))
        finally:
            tool("kubectl", "--context", "minikube", "delete", "namespace", space, "--wait=false")


def arguments(place: Place) -> dict[str, dict[str, Any]]:
    """What each read tool is asked, so that it has something to look at."""
    space = {"namespace": place.namespace}
    release = {"release": "web", **space}
    chart = release | {"chart": "charts/web"}
    image = {"image": "python:3.13-slim"}
    return {
        "check_connectivity": {}, "check_constitution": {"phase": "after"}, "check_endpoints": {},
        "check_environment": space | {"pod": place.pod}, "check_health": {},
        "check_pull_secrets": space, "check_security": space,
        "check_triggers": {}, "diagnose": space, "dockerfile_lint": {"path": "web"}, "environment_check": {},
        "helm_diff": chart | {"values": {"note": "three"}}, "helm_history": release, "helm_lint": chart,
        "helm_list": space, "helm_rollback_impact": release | {"revision": 1}, "helm_status": release,
        "helm_template": chart, "image_inspect": image, "kubectl_describe": space | {"kind": "pod", "name": place.pod},
        "kubectl_events": space, "kubectl_get": space | {"kind": "pods"}, "kubectl_logs": space | {"pod": place.pod},
        "kubectl_top": space, "minikube_images": {}, "minikube_status": {}, "playbook_plan": {"stages": "4-6"},
        "playbook_status": {}, "project_analyze": {"path": "web"},
    }  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_read_tool_only_looks(name: str, place: Place, recorder: Recorder) -> None:
    asked, before = arguments(place), place.tree()
    assert set(asked) == set(READ), "every read tool has its arguments here"
    try:
        outcome = asyncio.run(place.call(name, **asked[name]))
    except LongshoreError as error:
        outcome = None
        assert name in ("kubectl_top",), error.line()  # no metrics API here: it says so, and has looked no less
    assert outcome is None or (outcome.effect is Effect.READ and not outcome.changed)
    assert recorder.writes() == []
    assert place.tree() == before
    assert recorder.requests or recorder.programs or name in ("playbook_status", "project_analyze", "dockerfile_lint")


def test_the_recorder_sees_what_a_mutating_tool_does(place: Place, recorder: Recorder) -> None:
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "namespace": place.namespace}}
    outcome = asyncio.run(place.call("kubectl_apply", manifest=yaml.safe_dump(made), namespace=place.namespace))
    assert outcome.effect is Effect.CREATE and outcome.changed
    assert any("/configmaps" in line for line in recorder.writes())


def test_the_recorder_knows_writing_programs_from_looking_ones() -> None:
    bad = (
        ["helm", "upgrade", "x"],
        ["docker", "rmi", "x"],
        ["minikube", "start"],
        ["/bin/sh", "-c", "x"],
        ["kubectl", "apply"],
    )
    assert [words for words in bad if _asks(words)] == []
    assert _asks(["/usr/bin/docker", "version"]) and _asks(["helm", "get", "manifest", "x"])
