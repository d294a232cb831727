"""Bad input: one clear line with the remedy, the right exit code, nothing half-done."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import outside
from tests.e2e.conftest import APP
from tests.e2e.outside import Command, Result

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def elsewhere(command: Command, tmp_path: Path) -> Path:
    """A copy of the example's description in a folder of its own, to be broken."""
    folder = tmp_path / "app"
    folder.mkdir()
    shutil.copy(command.clone / APP / "longshore.yaml", folder)
    return folder


def clear(done: Result, code: int, *words: str) -> None:
    """One error, with its words, and no traceback."""
    said = done.out + done.err
    assert done.code == code, (done.code, said[-3000:])
    assert "Traceback" not in said
    for word in words:
        assert word in said, said[-3000:]


def edit(folder: Path, find: str, replace: str) -> None:
    file = folder / "longshore.yaml"
    text = file.read_text(encoding="utf-8")
    assert find in text
    file.write_text(text.replace(find, replace, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("find", "replace", "words"),
    [
        ("port: 8001", "port: [8001", ("longshore.yaml", "not YAML")),
        ("port: 8001", "port: many", ("longshore.yaml", "port")),
        ("dependsOn: [postgres]", "dependsOn: [todo-frontend]", ("in a circle", "todo-frontend")),
        ("namespace: todo", "namespace: To_Do", ("longshore.yaml", "namespace")),
        ("  namespace: todo", "  colour: blue\n  namespace: todo", ("colour", "not known")),
    ],
)
def test_a_broken_description(
    command: Command, elsewhere: Path, find: str, replace: str, words: tuple[str, ...]
) -> None:
    edit(elsewhere, find, replace)
    clear(command("deploy", str(elsewhere)), 2, *words)


def test_a_folder_without_a_description(command: Command, tmp_path: Path) -> None:
    clear(command("deploy", str(tmp_path)), 1, "longshore init")


def test_a_missing_chart_or_source_folder(command: Command, elsewhere: Path) -> None:
    done = command("deploy", str(elsewhere))
    clear(done, 4, "chart of mcp-server", "outside the workspace")


@pytest.mark.parametrize("stages", ["9", "0", "x", "3-1", "-1"])
def test_an_unknown_stage(command: Command, stages: str) -> None:
    done = command("deploy", APP, f"--stages={stages}")
    clear(done, 2, "stage")


@pytest.mark.parametrize(
    "words",
    [("deploi",), ("deploy", "--no-such-option"), ("rollback",), ("runs", "show", "no-such-run"), ("approve", "c-x")],
)
def test_unknown_words(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.code in (1, 2) and "Traceback" not in done.out + done.err and done.err.strip()


def test_no_docker(deployed: Result, command: Command) -> None:
    broken = Command(command.clone, command.home, {"DOCKER_HOST": "unix:///nonexistent/docker.sock"})
    before = outside.revisions()
    clear(broken("deploy", APP), 4, "Docker")
    assert outside.revisions() == before


def test_no_minikube(command: Command, tmp_path: Path) -> None:
    """Only what a bare machine has is on the PATH."""
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    for name in ("git", "docker", "ps", "env", "sh", "uname"):
        if (found := shutil.which(name)) is not None:
            (bare / name).symlink_to(found)
    broken = Command(command.clone, command.home, {"PATH": str(bare), "KUBECONFIG": str(tmp_path / "none")})
    clear(broken("deploy", APP), 4, "inikube")


def test_a_cluster_that_does_not_exist(command: Command) -> None:
    clear(command("status", APP, "--target", "context:nowhere"), 4, "nowhere")
    clear(command("diagnose", "--target", "context:nowhere", "--json"), 4)
    clear(command("diagnose", "--target", "somewhere"), 2, "target")


def test_a_state_folder_that_cannot_be_written(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    broken = Command(command.clone, command.home, {"XDG_STATE_HOME": str(file)})
    clear(broken("runs", "list"), 2, "state folder")


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own that has no room left."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "longshore-test", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_no_disk_for_the_state(deployed: Result, command: Command, full: Path) -> None:
    broken = Command(command.clone, command.home, {"XDG_STATE_HOME": str(full)})
    before = outside.revisions()
    done = broken("deploy", APP)
    clear(done, 4, "disk")
    assert len(done.err.strip().splitlines()) <= 4, done.err
    assert outside.revisions() == before


def test_no_disk_for_docker(deployed: Result, command: Command, full: Path, tmp_path: Path) -> None:
    """Docker keeps its data on a disk that has no room: its own word for where that is, is replaced."""
    docker = shutil.which("docker")
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / "bin" / "docker"
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *info*) {docker} "$@" | sed \'s#"DockerRootDir":"[^"]*"#'
        f'"DockerRootDir":"{full}"#\';; *) exec {docker} "$@";; esac\n'
    )
    wrapper.chmod(0o755)
    broken = Command(command.clone, command.home, {"PATH": f"{tmp_path / 'bin'}:{command.env['PATH']}"})
    before = outside.revisions()
    clear(broken("deploy", APP), 4, "Disk", "free some")
    assert outside.revisions() == before


def test_a_taken_port_for_the_server(command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = command("mcp", "--http", f"127.0.0.1:{taken.getsockname()[1]}", timeout=60)
    assert done.code != 0 and "Traceback" not in done.err and "in use" in done.err


def test_a_configuration_file_that_is_broken(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "longshore"
    folder.mkdir()
    (folder / "config.toml").write_text("target = [")
    broken = Command(command.clone, command.home, {"XDG_CONFIG_HOME": str(tmp_path)})
    clear(broken("status", APP), 2, "config.toml")
    assert [file.name for file in folder.iterdir()] == ["config.toml"]
