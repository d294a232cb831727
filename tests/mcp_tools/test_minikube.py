"""Minikube without a cluster: what its program prints, the size of a cluster, and the tools with a made-up program."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mcp_tools.catalog import CATALOG, Effect
from mcp_tools.engines import minikube_parse as parse
from mcp_tools.engines.docker_records import Container, Daemon
from mcp_tools.engines.minikube import MinikubeEngine
from mcp_tools.engines.minikube_sizing import Machine, Sizes, fit, shortfalls
from mcp_tools.errors import Conflict, EnvironmentNotReady, Refused, TimedOut, ToolFailed, UsageError
from mcp_tools.guard.permit import issue
from mcp_tools.tools import minikube as tools
from mcp_tools.world import Call, World

RUNNING = (
    '{"Name":"minikube","Host":"Running","Kubelet":"Running","APIServer":"Running",'
    '"Kubeconfig":"Configured","Worker":false}'
)
NO_PROFILE = (
    '{"specversion":"1.0","id":"6e","source":"https://minikube.sigs.k8s.io/","type":"io.k8s.sigs.minikube.info",'
    '"datacontenttype":"application/json","data":{"message":"Profile \\"nope\\" not found."}}'
)
PROFILES = json.dumps(
    {
        "invalid": [{"Name": "broken", "Status": "", "Config": None}],
        "valid": [
            {
                "Name": "minikube",
                "Status": "OK",
                "Active": True,
                "Config": {
                    "Memory": 6144,
                    "CPUs": 2,
                    "DiskSize": 20000,
                    "Driver": "docker",
                    "KubernetesConfig": {"KubernetesVersion": "v1.33.13", "ContainerRuntime": "docker"},
                    "Nodes": [{"Name": ""}],
                },
            }
        ],
    }
)


def event(kind: str, **data: str) -> str:
    return json.dumps({"specversion": "1.0", "type": f"io.k8s.sigs.minikube.{kind}", "data": data})


# -- what the program prints ------------------------------------------------------------------------------------------


def test_status_of_a_running_a_stopped_and_no_cluster() -> None:
    running = parse.status(RUNNING)
    assert running.ready and running.exists
    stopped = parse.status(RUNNING.replace("Running", "Stopped"))
    assert stopped.exists and not stopped.ready
    none = parse.status(NO_PROFILE)
    assert not none.exists and not none.ready and none.host == "Nonexistent"
    assert parse.status("") == none == parse.status("garbage\n{broken")


def test_status_of_several_nodes_is_the_control_planes() -> None:
    worker = RUNNING.replace('"Worker":false', '"Worker":true').replace("Running", "Stopped")
    assert parse.status(f"[{worker},{RUNNING}]").ready


def test_a_cluster_with_a_wrong_kubeconfig_is_not_ready() -> None:
    assert not parse.status(RUNNING.replace("Configured", "Misconfigured")).ready


def test_profiles_valid_and_broken() -> None:
    valid, broken = parse.profiles(PROFILES)
    assert (valid.name, valid.cpus, valid.memory_mib, valid.disk_mb) == ("minikube", 2, 6144, 20000)
    assert (valid.driver, valid.runtime, valid.kubernetes, valid.nodes) == ("docker", "docker", "v1.33.13", 1)
    assert valid.valid and valid.active
    assert broken.name == "broken" and not broken.valid
    assert parse.profiles('{"invalid":[],"valid":[]}') == [] == parse.profiles("")


def test_start_events() -> None:
    step = parse.start_event(event("step", currentstep="3", totalsteps="19", message="Using the\n docker  driver"))
    assert step == parse.StartEvent("step", "Using the docker driver", 3, 19)
    download = parse.start_event(
        event("download.progress", artifact="preload.tar.lz4", currentstep="5", totalsteps="19", progress="0.25")
    )
    assert download is not None and (download.kind, download.step, download.message) == (
        "download",
        5.25,
        "preload.tar.lz4",
    )
    error = parse.start_event(event("error", message="no \x1b[31mroom", advice="make some", name="RSRC", exitcode="29"))
    assert error is not None and (error.kind, error.message, error.advice) == ("error", "no room", "make some")
    assert parse.start_event("plain text") is None
    assert parse.start_event('{"type":"other","data":{}}') is None


def test_docker_env_takes_only_what_docker_reads() -> None:
    text = (
        'DOCKER_TLS_VERIFY=1\nDOCKER_HOST="tcp://192.168.49.2:2376"\nDOCKER_CERT_PATH=/c\nSSH_AUTH_SOCK=\nPATH=/evil\n'
    )
    assert parse.docker_env(text) == {
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_HOST": "tcp://192.168.49.2:2376",
        "DOCKER_CERT_PATH": "/c",
    }
    assert parse.docker_env("false exit code 85") == {}


def test_images_of_the_node() -> None:
    (image,) = parse.images('[{"id":"c62f","repoDigests":[],"repoTags":["b:1","a:1"],"size":"363000000"}]')
    assert image == parse.NodeImage("sha256:c62f", ["a:1", "b:1"], 363_000_000)


# -- sizes ------------------------------------------------------------------------------------------------------------

WANTED = Sizes(4, 8192, 20)


def test_a_large_machine_gives_what_is_wanted() -> None:
    assert fit(WANTED, 4096, Machine(8, 32_000, 100)) == WANTED


@pytest.mark.parametrize(
    ("machine", "sizes", "said"),
    [
        (Machine(2, 32_000, 100), (2, 8192, 20), ["4 CPUs are wanted"]),
        (Machine(8, 8000, 100), (4, 7200, 20), ["8192 MiB of memory are wanted"]),
        (Machine(8, 32_000, 12.7), (4, 8192, 12), ["20 GiB of disk are wanted"]),
        (Machine(2, 8000, 12.7), (2, 7200, 12), ["4 CPUs", "8192 MiB", "20 GiB"]),
        (Machine(8, 32_000, None), (4, 8192, 20), []),
    ],
)
def test_a_smaller_machine_gives_less_and_says_so(
    machine: Machine, sizes: tuple[int, int, int], said: list[str]
) -> None:
    found = fit(WANTED, 4096, machine)
    assert (found.cpus, found.memory_mib, found.disk_gib) == sizes
    assert len(found.warnings) == len(said)
    assert all(words in warning for words, warning in zip(said, found.warnings, strict=True))


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (Machine(1, 32_000, 100), "CPUs"),
        (Machine(8, 4000, 100), "4096 MiB of memory"),
        (Machine(8, 32_000, 3.0), "disk"),
    ],
)
def test_a_machine_that_is_too_small_is_refused_with_the_remedy(machine: Machine, words: str) -> None:
    with pytest.raises(EnvironmentNotReady, match=words) as caught:
        fit(WANTED, 4096, machine)
    assert caught.value.remedy and caught.value.exit_code == 4


def test_an_application_that_wants_little_starts_on_a_small_machine() -> None:
    assert fit(Sizes(2, 2048, 20), 4096, Machine(2, 4000, 100)).memory_mib == 2048


def test_a_running_cluster_that_is_smaller() -> None:
    (profile, _) = parse.profiles(PROFILES)
    assert shortfalls(profile, Sizes(2, 6144, 20), 4096, None) == []
    cpus, memory = shortfalls(profile, WANTED, 4096, Machine(2, 24_000))
    assert "this machine has no more" in cpus
    assert "cannot resize" in memory and "minikube_delete" in memory
    with pytest.raises(EnvironmentNotReady, match="6144 MiB") as caught:
        shortfalls(profile, WANTED, 7000, None)
    assert "minikube_delete" in caught.value.remedy


# -- the engine and the tools, with a program that plays Minikube -----------------------------------------------------

FAKE = """#!/bin/sh
echo "$@" >> "$FAKE/argv"
case "$1" in
  version) echo v1.36.0 ;;
  profile) if [ -e "$FAKE/exists" ]; then cat "$FAKE/profiles"; else echo '{"invalid":[],"valid":[]}'; fi ;;
  status) if [ -e "$FAKE/running" ]; then cat "$FAKE/status"; exit 0; else cat "$FAKE/stopped"; exit 7; fi ;;
  start) cat "$FAKE/events"; sleep "$(cat "$FAKE/sleep" 2>/dev/null || echo 0)"
         if [ -e "$FAKE/fails" ]; then exit 57; fi; touch "$FAKE/exists" "$FAKE/running" ;;
  image) echo "! The image was not found; unable to add it to cache." ;;
  docker-env) echo "false exit code 85"; exit 85 ;;
  delete) [ -e "$FAKE/stays" ] || rm -f "$FAKE/exists" "$FAKE/running" ;;
esac
"""


class Fake:
    """A folder that the made-up program reads its part from, and writes its arguments to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = MinikubeEngine("minikube")

    def put(self, name: str, text: str = "") -> None:
        (self.folder / name).write_text(text)

    @property
    def argv(self) -> list[str]:
        file = self.folder / "argv"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    program = tmp_path / "bin" / "minikube"
    program.parent.mkdir()
    program.write_text(FAKE.replace("$FAKE", str(tmp_path)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    made = Fake(tmp_path)
    made.put("profiles", PROFILES)
    made.put("status", RUNNING)
    made.put("stopped", RUNNING.replace("Running", "Stopped"))
    made.put("events", event("step", currentstep="1", totalsteps="19", message="Selecting Driver"))
    return made


def permit(effect: Effect) -> Any:
    return issue(tool="test", effect=effect, call_id="test")


def call_of(fake: Fake, effect: Effect, machine: Daemon | None = None, containers: tuple[Container, ...] = ()) -> Call:
    async def list_containers(*, everything: bool = False) -> list[Container]:
        assert everything
        return list(containers)

    async def info() -> Daemon:
        if machine is None:
            raise EnvironmentNotReady("the Docker daemon does not answer", remedy="start Docker")
        return machine

    world: Any = SimpleNamespace(
        minikube=fake.engine,
        docker=SimpleNamespace(info=info, containers=list_containers),
        context="minikube",
        target="minikube",
        is_minikube=True,
        simulated=False,
    )
    call = Call(world, fake.folder, "test", tool="test")
    call._permit = permit(effect)
    return call


def daemon(cpus: int = 2, memory_mib: int = 24_000) -> Daemon:
    names = dict.fromkeys(("name", "version", "operating_system", "architecture", "driver"), "x")
    return Daemon(
        **names,
        cpus=cpus,
        memory=memory_mib * 1024**2,
        root="/nowhere",
        containers_running=0,
        plugins=[],
        desktop=True,
        warnings=[],
    )


def test_exit_codes_of_status_are_flags_not_failures(fake: Fake) -> None:
    fake.put("exists")
    status = asyncio.run(fake.engine.status())
    assert status.host == "Stopped" and status.exists


def test_a_missing_program_is_an_environment_that_is_not_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentNotReady, match="not installed") as caught:
        asyncio.run(MinikubeEngine().version())
    assert "https://minikube.sigs.k8s.io" in caught.value.remedy


def test_start_makes_a_cluster_of_the_size_that_fits(fake: Fake) -> None:
    call = call_of(fake, Effect.CREATE, daemon(cpus=2, memory_mib=8000))
    said: list[str] = []

    async def say(done: float, total: float | None, message: str) -> None:
        said.append(f"{done:g}/{total:g} {message}")

    call.say = say
    args = tools.MinikubeStartInput.model_validate({})
    seen = asyncio.run(tools.observe_start(args, call))
    assert (seen.effect, seen.done) == (Effect.CREATE, False)
    assert seen.preview.inverse is not None and seen.preview.inverse.tool == "minikube_delete"
    result = asyncio.run(tools.minikube_start(args, call))
    assert result.changed and len(result.warnings) == 2
    (start,) = [line for line in fake.argv if line.startswith("start")]
    assert "--cpus=2" in start and "--memory=7200mb" in start and "--disk-size=20g" in start
    assert start.endswith("-p minikube")
    assert said == ["1/19 Selecting Driver"]
    again = asyncio.run(tools.observe_start(args, call))
    assert again.done and again.effect is Effect.READ


def test_a_stopped_cluster_is_started_as_it_is(fake: Fake) -> None:
    fake.put("exists")
    call = call_of(fake, Effect.CREATE, daemon())
    args = tools.MinikubeStartInput.model_validate({})
    assert asyncio.run(tools.observe_start(args, call)).effect is Effect.CREATE
    assert asyncio.run(tools.minikube_start(args, call)).changed
    (start,) = [line for line in fake.argv if line.startswith("start")]
    assert "--memory" not in start and "--cpus" not in start


def test_a_running_cluster_is_left_alone_even_without_docker_info(fake: Fake) -> None:
    fake.put("exists")
    fake.put("running")
    call = call_of(fake, Effect.READ)
    args = tools.MinikubeStartInput.model_validate({})
    assert asyncio.run(tools.observe_start(args, call)).done
    result = asyncio.run(tools.minikube_start(args, call))
    assert not result.changed and result.memory_mib == 6144 and len(result.warnings) == 2
    assert not [line for line in fake.argv if line.startswith("start")]


def test_the_cluster_of_another_minikube_home_is_never_started_over(fake: Fake) -> None:
    """Minikube would delete that container before it makes its own."""
    labels = {"created_by.minikube.sigs.k8s.io": "true", "name.minikube.sigs.k8s.io": "minikube"}
    others = (Container("1", "minikube", "kicbase", "running", [], labels),)
    call = call_of(fake, Effect.CREATE, daemon(), others)
    with pytest.raises(Conflict, match="another Minikube home owns that cluster"):
        asyncio.run(tools.observe_start(tools.MinikubeStartInput.model_validate({}), call))
    assert not [line for line in fake.argv if line.startswith("start")]


def test_a_broken_profile_is_named(fake: Fake) -> None:
    fake.put("exists")
    fake.put("profiles", json.dumps({"valid": [], "invalid": [{"Name": "minikube", "Config": None}]}))
    with pytest.raises(Conflict, match="broken"):
        asyncio.run(tools.observe_start(tools.MinikubeStartInput.model_validate({}), call_of(fake, Effect.CREATE)))


def test_a_start_that_fails_says_what_minikube_said(fake: Fake) -> None:
    fake.put("fails")
    fake.put("events", event("error", message="should not be used with root privileges", advice="use another user"))
    with pytest.raises(EnvironmentNotReady, match="root privileges") as caught:
        asyncio.run(fake.engine.start(permit=permit(Effect.CREATE)))
    assert caught.value.remedy == "use another user"


def test_a_start_that_takes_too_long_ends_the_program(fake: Fake) -> None:
    fake.put("sleep", "60")
    with pytest.raises(TimedOut):
        asyncio.run(fake.engine.start(permit=permit(Effect.CREATE), timeout=0.5))


def test_mutating_methods_need_a_permit_of_their_effect(fake: Fake) -> None:
    for act in (
        lambda: fake.engine.start(permit=permit(Effect.READ)),
        lambda: fake.engine.image_load("a:1", permit=permit(Effect.READ)),
        lambda: fake.engine.delete(permit=permit(Effect.CHANGE)),
    ):
        with pytest.raises(Refused):
            asyncio.run(act())
    assert not fake.argv


def test_an_image_load_that_did_nothing_is_a_failure_though_the_program_ends_with_0(fake: Fake) -> None:
    with pytest.raises(ToolFailed, match="was not found"):
        asyncio.run(fake.engine.image_load("nope:1", permit=permit(Effect.CREATE)))


def test_docker_env_without_a_cluster_names_the_remedy(fake: Fake) -> None:
    with pytest.raises(EnvironmentNotReady, match="no Minikube profile") as caught:
        asyncio.run(fake.engine.docker_env())
    assert caught.value.remedy == "minikube_start"
    fake.put("exists")
    with pytest.raises(EnvironmentNotReady, match="not reachable"):
        asyncio.run(fake.engine.docker_env())


def test_docker_env_is_refused_for_another_runtime(fake: Fake) -> None:
    fake.put("exists")
    fake.put("profiles", PROFILES.replace('"ContainerRuntime": "docker"', '"ContainerRuntime": "containerd"'))
    with pytest.raises(Conflict, match="containerd"):
        asyncio.run(fake.engine.docker_env())


def test_delete_previews_what_is_lost_and_deletes_only_this_profile(fake: Fake) -> None:
    call = call_of(fake, Effect.DESTROY)
    args = tools.MinikubeInput()
    assert asyncio.run(tools.observe_delete(args, call)).done
    assert not asyncio.run(tools.minikube_delete(args, call)).changed
    fake.put("exists")
    seen = asyncio.run(tools.observe_delete(args, call))
    assert seen.effect is Effect.DESTROY and not seen.done
    assert "Minikube profile minikube" in seen.preview.lost and "cannot be seen" in seen.preview.summary
    assert asyncio.run(tools.minikube_delete(args, call)).changed
    assert "delete -p minikube" in fake.argv


def test_a_deletion_that_leaves_something_is_a_failure(fake: Fake) -> None:
    fake.put("exists")
    fake.put("stays")
    with pytest.raises(ToolFailed, match="still there"):
        asyncio.run(fake.engine.delete(permit=permit(Effect.DESTROY)))


def test_status_tool_says_when_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: Fake) -> None:
    result = asyncio.run(tools.minikube_status(tools.MinikubeInput(), call_of(fake, Effect.READ)))
    assert result.installed and not result.ready and "minikube_start" in result.text()
    monkeypatch.setenv("PATH", str(tmp_path))
    result = asyncio.run(tools.minikube_status(tools.MinikubeInput(), call_of(fake, Effect.READ)))
    assert not result.installed and "not installed" in result.text()


def test_another_target_has_no_minikube() -> None:
    with pytest.raises(UsageError, match="no Minikube"):
        _ = World(target="context:prod").minikube


def test_effects_as_declared() -> None:
    import mcp_tools.tools.minikube_images  # noqa: F401 (registers)

    effects = {d.name: d.effect for d in CATALOG.all() if d.domain == "minikube"}
    assert effects == {
        "minikube_status": Effect.READ,
        "minikube_images": Effect.READ,
        "minikube_start": Effect.CREATE,
        "minikube_image_load": Effect.CREATE,
        "minikube_delete": Effect.DESTROY,
    }
