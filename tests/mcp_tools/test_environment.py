"""environment_check: the facts, the judgements on made-up machines, and the whole on this machine."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mcp_tools.engines import environment
from mcp_tools.engines.docker_records import Container, Daemon, Image, Version
from mcp_tools.engines.minikube_parse import Profile, Status
from mcp_tools.environment import programs as environment_programs
from mcp_tools.environment import resources as environment_resources
from mcp_tools.environment.checks import CHECKS, run_checks
from mcp_tools.environment.inspection import Check, Inspection
from mcp_tools.errors import EnvironmentNotReady
from mcp_tools.tools.environment import EnvironmentCheckInput, EnvironmentCheckOutput, environment_check
from mcp_tools.world import Call, World

RUNNING = Status("Running", "Running", "Running", "Configured")
IDS = [
    "minikube.version",
    "minikube.status",
    "docker.version",
    "docker.daemon",
    "docker.context",
    "docker.gordon",
    "kubectl.version",
    "helm.version",
    "kubectl-ai",
    "kagent",
    "context7",
    "memory",
    "disk",
    "containers",
    "ports",
    "registry",
    "python",
    "settings",
]

APPLICATION = """\
apiVersion: longshore.dev/v1
kind: Application
metadata: {name: demo}
spec:
  services:
    - {name: web, context: web, port: PORT}
    - {name: api, context: api, port: 18001}
"""


def profile(memory_mib: int = 8192, **changes: Any) -> Profile:
    values: dict[str, Any] = {
        "name": "minikube",
        "cpus": 2,
        "memory_mib": memory_mib,
        "disk_mb": 20000,
        "driver": "docker",
        "runtime": "docker",
        "kubernetes": "v1.33.13",
        "nodes": 1,
    }
    return Profile(**{**values, **changes})


class Desk:
    """A made-up machine: what docker and minikube would say."""

    def __init__(self) -> None:
        self.status, self.profile_found = RUNNING, profile()
        self.containers_found: list[Container] = [node()]
        self.images_found: list[Image] = []
        self.memory_mib = 16_000
        self.desktop = True
        self.docker_down = False
        self.wait = 0.0
        self.root = "/var/lib/docker"
        docker = SimpleNamespace(
            info=self.info,
            version=self.version,
            context=self.context,
            gordon=self.gordon,
            containers=self.containers,
            images=self.images,
        )
        minikube = SimpleNamespace(
            installed=True, version=self.minikube_version, config=self.config, status=self.get_status
        )
        self.world: Any = SimpleNamespace(
            docker=docker,
            minikube=minikube,
            is_minikube=True,
            simulated=False,
            target="minikube",
            profile="minikube",
        )

    async def _answer(self) -> None:
        await asyncio.sleep(self.wait)
        if self.docker_down:
            raise EnvironmentNotReady("the Docker daemon does not answer", "no socket", "start Docker Desktop")

    async def info(self) -> Daemon:
        await self._answer()
        names = dict.fromkeys(("name", "version", "operating_system", "architecture", "driver"), "x")
        return Daemon(
            **names,
            cpus=4,
            memory=self.memory_mib * 1024**2,
            root=self.root,
            containers_running=1,
            plugins=[],
            desktop=self.desktop,
            warnings=[],
        )

    async def version(self) -> Version:
        return Version("28.0.0", "", "", "default")

    async def context(self) -> str:
        return "default"

    async def gordon(self) -> str | None:
        return None

    async def containers(self) -> list[Container]:
        await self._answer()
        return self.containers_found

    async def images(self) -> list[Image]:
        await self._answer()
        return self.images_found

    async def minikube_version(self) -> str:
        return "v1.36.0"

    async def config(self) -> Profile | None:
        return self.profile_found

    async def get_status(self) -> Status:
        return self.status

    def check(self, judge: Any, application: Any = None) -> Check:
        async def run() -> Check:
            found = await judge(Inspection(self.world, application))
            assert isinstance(found, Check)
            return found

        return asyncio.run(run())

    def all(self, application: Any = None) -> dict[str, Check]:
        return {check.id: check for check in asyncio.run(run_checks(self.world, application))}


def node(name: str = "minikube", **labels: str) -> Container:
    return Container("1", name, "kicbase", "running", [32770], {"name.minikube.sigs.k8s.io": name, **labels})


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name in ("DOCKER_HOST", "MINIKUBE_ACTIVE_DOCKERD", "KUBECONFIG", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return Desk()


@pytest.fixture
def app(tmp_path: Path) -> Any:
    from mcp_tools.application import load

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, text in {"web": "FROM node:22-slim AS build\nFROM build\n", "api": "FROM python:3.13-slim\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(text)
    (tmp_path / "longshore.yaml").write_text(APPLICATION.replace("PORT", str(port)))
    return load(tmp_path)


# -- facts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("FROM python:3.13-slim\nRUN x", ["python:3.13-slim"]),
        ("FROM node:22 AS build\nFROM nginx\nCOPY --from=build / /", ["node:22", "nginx:latest"]),
        ("FROM --platform=linux/amd64 a:1 as base\nFROM base AS next\nFROM scratch", ["a:1"]),
        ("ARG V=3.13\nFROM python:${V}-slim", ["python:3.13-slim"]),
        ("ARG V\nFROM python:${V:-3.12}", ["python:3.12"]),
        ("FROM localhost:5000/team/base", ["localhost:5000/team/base:latest"]),
        ("FROM a@sha256:" + "0" * 64, ["a@sha256:" + "0" * 64]),
        ("# FROM nothing\n", []),
    ],
)
def test_base_images_of_a_dockerfile(text: str, images: list[str]) -> None:
    assert environment.base_images(text) == images


def test_build_args_choose_the_base_image() -> None:
    assert environment.base_images("ARG V=1\nFROM a:$V", {"V": "2"}) == ["a:2"]


def test_registry_is_reached_through_the_proxy_where_one_is_set() -> None:
    assert environment.registry_endpoint({}) == ("registry-1.docker.io", 443, "docker.io")
    assert environment.registry_endpoint({"HTTPS_PROXY": "http://u:p@proxy:3128"})[:2] == ("proxy", 3128)
    assert environment.registry_endpoint({"https_proxy": "proxy:8080"})[:2] == ("proxy", 8080)
    excluded = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "localhost, .docker.io"}
    assert environment.registry_endpoint(excluded)[0] == "registry-1.docker.io"


def test_reach_and_ports_on_this_machine() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert environment.port_taken(port)
        assert asyncio.run(environment.reach("127.0.0.1", port)).ok
    assert not environment.port_taken(port)
    refused = asyncio.run(environment.reach("127.0.0.1", port))
    assert not refused.ok and "refused" in refused.error.lower()


def test_a_look_up_that_hangs_holds_nothing_up() -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(environment.in_daemon_thread(lambda: time.sleep(5), 0.1))
    assert time.monotonic() - started < 2


def test_disk_is_of_the_nearest_folder_that_can_be_seen(tmp_path: Path) -> None:
    free = environment.disk_free(str(tmp_path / "not" / "there"))
    assert free is not None and free[0] > 0 and free[1] == str(tmp_path)
    assert environment.disk_free("/nowhere-at-all/x") is None
    assert environment.disk_free("C:\\ProgramData") is None


def test_memory_of_this_machine() -> None:
    found = environment.memory()
    assert found.total_mib > 256
    assert found.available_mib is None or 0 < found.available_mib <= found.total_mib


# -- judgements -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mib", "status"), [(8192, "ok"), (7900, "ok"), (6144, "warning"), (4096, "warning"), (2200, "failed")]
)
def test_memory_of_the_cluster(desk: Desk, mib: int, status: str) -> None:
    desk.profile_found = profile(mib)
    found = desk.check(environment_resources.memory)
    assert found.status == status and str(mib) in found.found
    assert bool(found.remedy) == (status != "ok")


def test_an_application_says_how_much_memory_it_needs(desk: Desk, tmp_path: Path) -> None:
    from mcp_tools.application import load

    text = APPLICATION.replace("PORT", "1800") + "  cluster: {memoryMib: 2048, minimumMemoryMib: 1800}\n"
    (tmp_path / "longshore.yaml").write_text(text)
    desk.profile_found = profile(2048)
    assert desk.check(environment_resources.memory, load(tmp_path)).status == "ok"
    assert desk.check(environment_resources.memory).status == "failed"


@pytest.mark.parametrize(("mib", "status"), [(7900, "ok"), (3900, "warning"), (1990, "failed")])
def test_memory_of_docker_before_there_is_a_cluster(desk: Desk, mib: int, status: str) -> None:
    desk.profile_found, desk.memory_mib = None, mib  # type: ignore[assignment]
    found = desk.check(environment_resources.memory)
    assert found.status == status and f"{mib} MiB" in found.found


@pytest.mark.parametrize(
    ("free", "running", "status"),
    [(25.0, False, "ok"), (12.0, True, "warning"), (12.0, False, "failed"), (3.0, True, "failed")],
)
def test_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch, free: float, running: bool, status: str) -> None:
    desk.status = RUNNING if running else Status("Stopped", "Stopped", "Stopped")
    monkeypatch.setattr(environment, "disk_free", lambda folder: (free, folder))
    found = desk.check(environment_resources.disk)
    assert found.status == status and f"{free:.1f} GiB" in found.found


def test_a_cluster_that_stands_still_or_is_broken(desk: Desk) -> None:
    desk.status = Status("Stopped", "Stopped", "Stopped")
    assert desk.check(environment_programs.minikube_status).remedy == "minikube_start"
    desk.status = Status("Running", "Running", "Running", "Misconfigured")
    assert "update-context" in desk.check(environment_programs.minikube_status).remedy
    desk.profile_found = profile(valid=False)
    assert desk.check(environment_programs.minikube_status).status == "failed"
    desk.profile_found = None  # type: ignore[assignment]
    found = desk.check(environment_programs.minikube_status)
    assert (found.status, found.remedy) == ("warning", "minikube_start")


def test_docker_that_points_into_the_node_or_at_another_machine(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "runs the node minikube" in desk.check(environment_programs.docker_context).found
    desk.containers_found = []
    assert desk.check(environment_programs.docker_context).status == "warning"
    monkeypatch.setenv("MINIKUBE_ACTIVE_DOCKERD", "minikube")
    assert "--unset" in desk.check(environment_programs.docker_context).remedy


def test_containers_in_the_way(desk: Desk, app: Any) -> None:
    assert desk.check(environment_resources.containers, app).status == "ok"
    desk.containers_found = [
        node(),
        Container("2", "web", "w", "running"),
        Container("3", "x", "x", "running", [18001]),
    ]
    found = desk.check(environment_resources.containers, app)
    assert found.status == "warning" and found.remedy.endswith("docker stop web x")
    assert desk.check(environment_resources.containers).status == "ok"  # no application: nothing to clash with
    desk.containers_found = [Container("1", "minikube", "nginx", "running")]
    found = desk.check(environment_resources.containers, app)
    assert found.status == "failed" and "docker rename" in found.remedy


def test_taken_ports_are_a_warning(desk: Desk, app: Any) -> None:
    assert desk.check(environment_resources.ports).status == "skipped"
    assert desk.check(environment_resources.ports, app).status == "ok"
    port = app.spec.services[0].port
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        found = desk.check(environment_resources.ports, app)
    assert found.status == "warning" and f"{port} (web)" in found.found


@pytest.mark.parametrize("reached", [True, False])
@pytest.mark.parametrize("here", [True, False])
def test_registry_and_base_images(
    desk: Desk, app: Any, monkeypatch: pytest.MonkeyPatch, reached: bool, here: bool
) -> None:
    async def reach(host: str, port: int) -> environment.Reached:
        return environment.Reached(host, port, reached, "" if reached else "no answer")

    monkeypatch.setattr(environment, "reach", reach)
    rows = [("node", "22-slim"), ("python", "3.13-slim")] if here else [("node", "22-slim")]
    desk.images_found = [image for name, tag in rows if (image := image_of(name, tag))]
    found = desk.check(environment_resources.registry, app)
    assert found.status == ("ok" if reached or here else "warning")
    assert ("not here: python:3.13-slim" in found.found) == (not here)
    if found.status == "warning":
        assert "python:3.13-slim" in found.remedy


def image_of(repository: str, tag: str) -> Image:
    return Image.of({"Repository": repository, "Tag": tag, "ID": "sha256:1", "Size": "1MB", "CreatedAt": ""})


def test_optional_programs_never_fail(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = desk.all()
    for name in ("docker.gordon", "kubectl-ai", "kagent", "context7", "kubectl.version"):
        assert found[name].status == "warning", found[name]
        assert "Longshore" in found[name].remedy or "packaged notes" in found[name].remedy
    program = tmp_path / "kagent"
    program.write_text("#!/bin/sh\necho kagent version 0.3.1\n")
    program.chmod(0o755)
    assert desk.all()["kagent"].found == "kagent version 0.3.1"


def test_context7_is_configured_by_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_CONTEXT7_URL", "https://example.test/mcp?key=very-secret")
    found = desk.all()
    assert found["context7"].status == "ok"
    assert not any("very-secret" in str(check) for check in found.values())


def test_settings_that_are_wrong(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    assert "/nowhere/config" in desk.all()["settings"].found
    monkeypatch.setenv("LONGSHORE_TARGET", "!")
    found = desk.all()["settings"]
    assert found.status == "failed" and "LONGSHORE_TARGET" in found.remedy


def test_another_target_needs_no_minikube(desk: Desk) -> None:
    desk.world.is_minikube, desk.world.target = False, "context:prod"
    del desk.world.minikube
    found = desk.all()
    assert {found["minikube.version"].status, found["minikube.status"].status} == {"skipped"}
    assert found["memory"].status == "ok"


def test_without_docker_every_check_still_answers(desk: Desk) -> None:
    desk.docker_down = True
    found = desk.all()
    assert list(found) == IDS == [entry[0] for entry in CHECKS]
    assert found["docker.daemon"].status == "failed" and found["docker.daemon"].remedy == "start Docker Desktop"
    assert found["containers"].status == "skipped"
    assert [c.id for c in found.values() if c.status == "failed"] == ["docker.daemon"]


def test_checks_run_at_the_same_time_and_ask_once(desk: Desk) -> None:
    desk.wait = 0.4
    started = time.monotonic()
    desk.all()
    assert time.monotonic() - started < 3


def test_every_failure_and_warning_says_what_to_do(desk: Desk, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    desk.docker_down, desk.status, desk.profile_found = True, Status("Stopped"), profile(1000)
    for check in desk.all(app).values():
        assert check.status in {"ok", "skipped"} or check.remedy, check


# -- the tool on this machine ------------------------------------------------------------------------------------------


def check_here(section: str = "all") -> EnvironmentCheckOutput:
    args = EnvironmentCheckInput.model_validate({"section": section})
    return asyncio.run(environment_check(args, Call(World(), Path.cwd(), "test", tool="environment_check")))


def test_the_table_can_be_read() -> None:
    result = check_here("optional")
    lines = result.text().splitlines()
    assert [check.id for check in result.checks] == ["kubectl-ai", "kagent", "context7"]
    assert result.ready and lines[0].startswith("ready: ")
    assert sum(line.lstrip().startswith("→") for line in lines) == sum(bool(c.remedy) for c in result.checks)


def test_docker_out_of_reach_and_no_minikube(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import shutil

    docker = shutil.which("docker")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    monkeypatch.setenv("PATH", str(tmp_path))
    if docker:
        (tmp_path / "docker").symlink_to(docker)
    result = check_here()
    failed = {check.id: check for check in result.checks if check.status == "failed"}
    assert not result.ready
    assert {"minikube.version", "minikube.status", "docker.daemon"} <= set(failed)
    assert "minikube.sigs.k8s.io" in failed["minikube.version"].remedy
    assert failed["docker.daemon"].remedy
    assert result.text().startswith("NOT READY")


@pytest.mark.docker
@pytest.mark.minikube
def test_a_machine_that_is_ready_answers_in_three_seconds() -> None:
    seconds: list[float] = []
    for _ in range(3):  # the best of three: other work on this machine is not the check's fault
        started = time.monotonic()
        result = check_here()
        seconds.append(time.monotonic() - started)
    assert result.ready, result.text()
    by_id = {check.id: check for check in result.checks}
    assert by_id["minikube.status"].status == "ok" and "Running" in by_id["minikube.status"].found
    assert by_id["docker.daemon"].status == "ok"
    assert "runs the node minikube" in by_id["docker.context"].found
    assert min(seconds) < 3
