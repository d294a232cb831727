"""The target: how it is chosen, what it never asks, and that everything from it says what it is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mcp_tools import config, library, server
from mcp_tools.catalog import CATALOG, Observation, Preview, ToolDef
from mcp_tools.effects import Effect
from mcp_tools.engines import process
from mcp_tools.engines.docker import DockerEngine
from mcp_tools.engines.docker_records import Version
from mcp_tools.environment import checks
from mcp_tools.errors import NotFound, ToolFailed, UsageError
from mcp_tools.guard import confirmation, outlet, permit
from mcp_tools.targets import choice
from mcp_tools.targets.sandbox.standins.docker import DockerStandIn
from mcp_tools.targets.sandbox.standins.minikube import MinikubeStandIn
from mcp_tools.targets.sandbox.standins.node import as_node_image
from mcp_tools.targets.sandbox.standins.records import Config, ImageRecord, Layer
from mcp_tools.tools import docker
from mcp_tools.world import Call, World
from tests.mcp_tools.imitation import stage

library.load()
UNREACHABLE = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


# -- auto ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A machine with both programs, whose Docker answers, and no cluster yet; changed by the test."""
    monkeypatch.setenv("MINIKUBE_HOME", str(tmp_path))
    there: dict[str, Any] = {"programs": {"docker", "minikube"}, "answer": Version("28", "28", "1.48", "default")}

    async def version(self: DockerEngine) -> Version:
        assert isinstance(there["answer"], Version)
        return there["answer"]

    monkeypatch.setattr(process, "which", lambda name: name if name in there["programs"] else None)
    monkeypatch.setattr(DockerEngine, "version", version)
    return there


def chosen(target: str = "auto") -> choice.Chosen:
    return asyncio.run(choice.choose(target))


def test_auto_is_minikube_where_it_can_be_started(machine: dict[str, Any]) -> None:
    assert chosen() == choice.Chosen("minikube")


@pytest.mark.parametrize("missing", ["docker", "minikube"])
def test_auto_is_the_sandbox_where_a_program_is_missing_and_says_which(machine: dict[str, Any], missing: str) -> None:
    machine["programs"] -= {missing}
    found = chosen()
    assert found.target == "sandbox" and "\n" not in found.notice
    assert found.notice.startswith(f"sandbox (simulated): {missing.capitalize()} is not installed. For the real thing")
    assert "https://" in found.notice


def test_auto_is_the_sandbox_where_docker_does_not_answer(machine: dict[str, Any]) -> None:
    machine["answer"] = Version("28", "", "", "default", UNREACHABLE)
    found = chosen()
    assert found.target == "sandbox" and "the Docker daemon does not answer" in found.notice
    assert "start Docker Desktop" in found.notice


def test_a_docker_that_says_something_odd_is_no_reason_for_the_sandbox(machine: dict[str, Any]) -> None:
    machine["answer"] = Version("28", "", "", "default", "client version 1.99 is too new")
    assert chosen().target == "minikube"


@pytest.mark.parametrize("home", ["", ".minikube"])
def test_whoever_has_a_cluster_is_not_given_another(
    machine: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
) -> None:
    monkeypatch.setenv("MINIKUBE_HOME", str(tmp_path / home))
    machine["programs"].clear()
    folder = tmp_path / ".minikube" / "profiles" / "minikube"
    folder.mkdir(parents=True)
    assert chosen().target == "sandbox"
    (folder / "config.json").write_text("{}")
    assert chosen() == choice.Chosen("minikube")
    assert asyncio.run(choice.choose("auto", "other")).target == "sandbox"


@pytest.mark.parametrize("target", ["minikube", "sandbox", "context:kind"])
def test_a_named_target_is_taken_at_its_word(machine: dict[str, Any], target: str) -> None:
    machine["programs"].clear()
    assert chosen(target) == choice.Chosen(target)


def test_the_setting_is_auto_unless_it_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("LONGSHORE_TARGET", raising=False)
    assert config.load()[0].target == "auto"
    for good in ("auto", "sandbox", "minikube", "context:kind"):
        assert config.load({"target": good})[0].target == good
    with pytest.raises(UsageError):
        config.load({"target": "sandbox2"})


# -- what it asks, and what it says ------------------------------------------------------------------------------------


def test_a_real_target_has_no_stand_ins() -> None:
    with pytest.raises(UsageError):
        World("context:kind").standins
    assert not World().simulated and World().is_minikube


def test_the_environment_of_the_sandbox_asks_nothing_of_docker_and_minikube(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was asked")

    for name in ("_run", "info", "version", "context", "gordon", "containers", "images"):
        monkeypatch.setattr(DockerStandIn, name, never)
    for name in ("_run", "version", "status", "profiles"):
        monkeypatch.setattr(MinikubeStandIn, name, never)
    found = asyncio.run(checks.run_checks(World("sandbox"), None))
    asked = {check.id for check in found if check.status != "skipped"}
    assert asked <= {"kubectl.version", "helm.version", "context7", "python", "settings"}
    assert not [check for check in found if check.status == "failed"]
    skipped = [check for check in found if check.status == "skipped"]
    assert skipped and all("sandbox (simulated)" in check.found for check in skipped)


def test_every_output_of_the_sandbox_says_so() -> None:
    definition = CATALOG.get("dockerfile_lint")
    output = docker.DockerfileLintOutput(clean=True, findings=[], unknown=["whether it builds"])
    data, text = outlet.result(definition, output, simulated=True)
    assert data["simulated"] is True and "sandbox (simulated)\nclean" in text
    assert "cannot be known in a simulation: whether it builds" in text
    data, text = outlet.result(definition, docker.DockerfileLintOutput(clean=True, findings=[]))
    assert data["simulated"] is False and "sandbox" not in text


def test_questions_and_errors_of_the_sandbox_say_so() -> None:
    seen = Observation(effect=Effect.CHANGE, preview=Preview(summary="upgrade app"), state={})
    question = confirmation.new("helm_upgrade", {}, target="sandbox", cluster="x", seen=seen)
    assert question.question().startswith("change on sandbox (simulated): upgrade app\n")
    real = confirmation.new("helm_upgrade", {}, target="minikube", cluster="x", seen=seen)
    assert real.question().startswith("change on minikube: upgrade app\n")
    failed = server._failed(ToolFailed("it failed", "because", details={"simulated": True}))
    text = failed.content[0]
    assert text.type == "text" and text.text.startswith("sandbox (simulated)\ntool-failed: it failed")


def run(definition: ToolDef, call: Call, **arguments: Any) -> Any:
    async def work() -> Any:
        return await definition.run(definition.input_model.model_validate(arguments), call)

    return asyncio.run(work())


@pytest.mark.parametrize("name", ["check_connectivity", "check_endpoints", "check_auth", "check_chat"])
def test_a_check_that_needs_a_process_is_simulated_and_asks_nothing(tmp_path: Path, name: str) -> None:
    call, kube = stage(tmp_path)
    call.world.simulated = True  # type: ignore[misc]

    async def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a pod was asked")

    for method in ("exec", "http_probe", "tcp_probe", "env_digests", "memory_usage"):
        setattr(kube, method, never)
    definition = CATALOG.get(name)
    out = run(definition, call)
    assert (out.ok, out.skipped) == (False, True) and out.unknown and out.reason.startswith("simulated: ")
    assert out.text().startswith("skipped: simulated: ")
    assert not out.changed


def test_the_variables_of_pods_are_read_from_their_sources(tmp_path: Path) -> None:
    call, _ = stage(tmp_path)
    call.world.simulated = True  # type: ignore[misc]
    definition = CATALOG.get("check_environment")
    out = run(definition, call, application="longshore.yaml")
    assert out.ok and out.variables and out.unknown
    assert all(row.present and row.matches is None for row in out.variables if row.source != "missing")


# -- the stand-ins -----------------------------------------------------------------------------------------------------


class Shelf:
    """A node's images, without a server."""

    def __init__(self) -> None:
        self.there: list[dict[str, Any]] = []

    async def images(self) -> list[dict[str, Any]]:
        return self.there

    async def add(self, image: ImageRecord, names: list[str]) -> None:
        self.there = [found for found in self.there if found["id"] != image.id]
        self.there.append(as_node_image(image, names))


@pytest.fixture
def standins(tmp_path: Path) -> tuple[DockerStandIn, MinikubeStandIn, ImageRecord]:
    made = DockerStandIn(tmp_path)
    minikube = MinikubeStandIn(made)
    minikube.node = Shelf()  # type: ignore[assignment]
    layer = Layer(digest="sha256:" + "1" * 64, size=1000, command="COPY . .")
    image = ImageRecord.made([layer], Config(user="10001", ports=["8000/tcp", "53/udp"], cmd=["serve"]))
    with made.records.change() as book:
        book.images[image.id] = image
        book.names["app:1"] = image.id
    return made, minikube, image


def leave(effect: Effect = Effect.CREATE) -> permit.Permit:
    return permit.issue(tool="minikube_image_load", effect=effect, call_id="x")


def test_an_image_is_brought_once_and_then_present(
    standins: tuple[DockerStandIn, MinikubeStandIn, ImageRecord],
) -> None:
    _, minikube, image = standins
    one = asyncio.run(minikube.transfer("app:1", permit=leave()))
    assert (one.method, one.node_id, one.layers_sent) == ("save-load", image.id, 1)
    assert asyncio.run(minikube.images())[0].tags == ["app:1"]
    two = asyncio.run(minikube.transfer("docker.io/library/app:1", permit=leave()))
    assert (two.method, two.layers_sent, two.retagged) == ("present", 0, False)
    with pytest.raises(NotFound, match="there is no image other:1"):
        asyncio.run(minikube.locate("other:1"))


def test_the_node_gets_what_the_kubelet_reads(standins: tuple[DockerStandIn, MinikubeStandIn, ImageRecord]) -> None:
    from mcp_tools.targets.sandbox.node.images import Image

    found = Image.model_validate(as_node_image(standins[2], ["app:1"]))
    assert (found.ports, found.user, found.command, found.size) == ((8000,), "10001", ("serve",), 1000)


def test_nothing_of_the_stand_ins_starts_a_program(
    standins: tuple[DockerStandIn, MinikubeStandIn, ImageRecord],
) -> None:
    made, minikube, image = standins
    for work in (
        lambda: made.run_check(image.id, ["python3"]),
        lambda: made.save([image.id], Path("x")),
        lambda: made._run("ps"),
        lambda: made.ask_gordon("x", timeout=1),
        lambda: minikube._run(["status"]),
        minikube.docker_env,
    ):
        with pytest.raises(ToolFailed, match="in the sandbox"):
            asyncio.run(work())


def test_names_move_and_images_go_with_their_last_one(
    standins: tuple[DockerStandIn, MinikubeStandIn, ImageRecord],
) -> None:
    made, _, image = standins
    asyncio.run(made.tag("app:1", "app:latest", permit=leave()))
    assert [found.ref for found in asyncio.run(made.images())] == ["app:1", "app:latest"]
    assert asyncio.run(made.remove("app:1", permit=leave(Effect.DESTROY)))
    assert made.record("app:latest") is not None
    assert asyncio.run(made.remove("app:latest", permit=leave(Effect.DESTROY)))
    assert made.record(image.id) is None and not asyncio.run(made.remove("app:1", permit=leave(Effect.DESTROY)))
