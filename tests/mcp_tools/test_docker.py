"""The docker tools against the real daemon, through the real guard. Images are named h-docker-… and removed."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.effects import Effect
from mcp_tools.engines.context import LABEL, Ignore
from mcp_tools.engines.docker import DockerEngine
from mcp_tools.errors import Conflict, EnvironmentNotReady, NotFound, Refused, TimedOut, ToolFailed, UsageError
from mcp_tools.guard.permit import issue
from tests.mcp_tools import docker_stage, test_docker_context
from tests.mcp_tools.docker_stage import Stage

pytestmark = [pytest.mark.docker, pytest.mark.anyio]

BASE = "debian:bookworm-slim"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    (tmp_path / "ws").mkdir()
    made = docker_stage.stage(tmp_path / "ws", tmp_path / "journal.db")
    yield made
    made.clean_up()


def children(word: str) -> list[str]:
    """Command lines of running programs that hold a word."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if word in line:
                found.append(line)
    return found


async def test_fastapi_from_sources_to_a_verified_image(stage: Stage) -> None:
    docker_stage.fastapi(stage)
    await stage.call("dockerfile_generate", path="api")
    assert (await stage.call("dockerfile_lint", path="api")).clean
    tag = (await stage.call("project_analyze", path="api")).content_tag
    image = stage.image("api")
    first = await stage.outcome("docker_build", path="api", image=image, tag=tag)
    assert first.effect is Effect.CREATE and first.changed and first.output.total_steps >= 9
    assert any(re.search(r"step \d+/\d+ RUN pip", message) for _, _, message in stage.said)
    assert all(total is None or done <= total for done, total, _ in stage.said)

    started = time.monotonic()
    again = await stage.outcome("docker_build", path="api", image=image, tag=tag)
    assert again.effect is Effect.READ and not again.changed and again.output.id == first.output.id
    assert time.monotonic() - started < 2

    seen = await stage.call("image_inspect", image=f"{image}:latest", imports=["fastapi", "uvicorn", "main"])
    assert seen.ok, seen.problems
    assert seen.non_root and seen.user == "10001:10001" and seen.size_mb < 500
    assert seen.labels[LABEL].startswith("sha256:") and [i.ok for i in seen.imports] == [True, True, True]
    missing = await stage.call("image_inspect", image=image, imports=["nosuch"], max_mb=10)
    assert not missing.ok and len(missing.problems) == 2 and "ModuleNotFoundError" in missing.imports[0].error


async def test_node_from_sources_to_a_verified_image(stage: Stage) -> None:
    docker_stage.node(stage)
    await stage.call("dockerfile_generate", path="web")
    image = stage.image("web")
    await stage.call("docker_build", path="web", image=image)
    seen = await stage.call("image_inspect", image=image, imports=["express", "fs/promises", "nosuch"])
    assert [i.ok for i in seen.imports] == [True, True, False]
    assert seen.problems == [f"nosuch cannot be imported: {seen.imports[2].error}"] and seen.non_root


async def test_one_changed_line_is_a_new_image_and_moves_the_alias(stage: Stage) -> None:
    stage.write("app/Dockerfile", f"FROM {BASE}\nCOPY a.txt /a.txt\nUSER 1000\n")
    stage.write("app/a.txt", "one")
    image = stage.image("app")
    one = await stage.call("docker_build", path="app", image=image)
    stage.write("app/a.txt", "two")
    with pytest.raises(Conflict, match="would not hold what its tag says"):
        await stage.call("docker_build", path="app", image=image, tag=one.tag)
    two = await stage.call("docker_build", path="app", image=image)
    assert two.id != one.id and two.tag != one.tag
    engine = DockerEngine()
    latest, old = await engine.inspect(f"{image}:latest"), await engine.inspect(one.ref)
    assert latest is not None and latest.id == two.id and old is not None and old.id == one.id
    stage.write("app/a.txt", "one")
    back = await stage.outcome("docker_build", path="app", image=image)
    assert back.output.id == one.id and back.output.total_steps == 0 and back.changed  # only the alias moved
    moved = await engine.inspect(f"{image}:latest")
    assert moved is not None and moved.id == one.id


@pytest.mark.parametrize(
    ("text", "what", "why", "remedy"),
    [
        (f"FROM {BASE}\nCOPY missing.txt /\n", r"step 2/[23] COPY missing.txt /", "missing.txt", ".dockerignore"),
        (
            f"FROM {BASE}\nRUN echo the-reason >&2; exit 7\n",
            r"step 2/[23] RUN echo",
            "the-reason",
            "output of this step",
        ),
        (f"FROM {BASE}\nRUNN x\n", "the build failed", "unknown instruction", "dockerfile_lint"),
        ("FROM h-docker-nosuch.invalid/image:1\n", "the build failed", "h-docker-nosuch", "FROM in Dockerfile"),
    ],
)
@pytest.mark.parametrize("builder", ["buildx", "classic"])
async def test_a_failing_build_says_where_why_and_what_to_do(
    stage: Stage, text: str, what: str, why: str, remedy: str, builder: str
) -> None:
    if builder == "buildx" and (await stage.world.docker.builder())[0] != "buildx":
        pytest.skip("needs the buildx plugin")
    stage.world.docker._builder = (builder,)
    stage.write("app/Dockerfile", text)
    image = stage.image("bad")
    with pytest.raises(ToolFailed) as failed:
        await stage.call("docker_build", path="app", image=image)
    assert re.search(what, failed.value.what) and remedy in failed.value.remedy
    assert why in failed.value.why or why in failed.value.what
    assert await DockerEngine().inspect(f"{image}:latest") is None


async def test_the_classic_builder_builds_as_well(stage: Stage) -> None:
    stage.world.docker._builder = ("classic",)
    stage.write("app/Dockerfile", f'FROM {BASE}\nRUN echo {stage.run}\nUSER 1000\nCMD ["true"]\n')
    built = await stage.call("docker_build", path="app", image=stage.image("classic"))
    assert built.total_steps == 5 and built.changed  # the label is a step of its own here
    assert not (await stage.outcome("docker_build", path="app", image=stage.image("classic"))).changed


async def test_cancelling_a_build_ends_it_and_moves_no_tag(stage: Stage) -> None:
    mark = f"mark-{stage.run}"
    stage.write("app/Dockerfile", f"FROM {BASE}\nRUN echo {mark}; sleep 97\n")
    image = stage.image("slow")
    task = asyncio.create_task(stage.call("docker_build", path="app", image=image))
    async with asyncio.timeout(60):
        while not any("sleep 97" in message for _, _, message in stage.said):
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(20):  # neither the program nor the step in the daemon is left
        while children(str(stage.workspace)) or children(mark):
            await asyncio.sleep(0.2)
    assert await DockerEngine().inspect(f"{image}:latest") is None


async def test_sources_that_change_during_the_build_get_no_name(stage: Stage) -> None:
    stage.write("app/Dockerfile", f"FROM {BASE}\nCOPY a.txt /\nRUN echo {stage.run}; sleep 3\n")
    stage.write("app/a.txt", "one")
    task = asyncio.create_task(stage.call("docker_build", path="app", image=stage.image("app")))
    async with asyncio.timeout(60):
        while not any("sleep 3" in message for _, _, message in stage.said):
            await asyncio.sleep(0.1)
    stage.write("app/a.txt", "two")
    with pytest.raises(ToolFailed, match="changed while"):
        await task
    assert await DockerEngine().inspect(stage.image("app") + ":latest") is None


async def test_bad_arguments_do_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.write("app/Dockerfile", f"FROM {BASE}\nARG API_KEY\n")
    image = stage.image("app")
    with pytest.raises(UsageError, match="looks like a secret"):
        await stage.call("docker_build", path="app", image=image, build_args={"API_KEY": "x"})
    with pytest.raises(UsageError, match="looks like a secret"):
        await stage.call("docker_build", path="app", image=image, build_args={"X": "ghp_" + "a1" * 20})
    with pytest.raises(NotFound, match="dockerfile_generate"):
        await stage.call("docker_build", path="app", image=image, dockerfile="Nothing")
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\n")
    for arguments in ({"path": ".."}, {"path": "app", "dockerfile": "../../Dockerfile"}, {"path": "/etc"}):
        with pytest.raises(Refused):
            await stage.call("docker_build", image=image, **arguments)
    for arguments in (
        {"image": "--help"},
        {"image": "a b"},
        {"image": image, "tag": "-x"},
        {"image": image, "confirm": True},
    ):
        with pytest.raises(UsageError):
            await stage.call("docker_build", path="app", **arguments)
    assert await DockerEngine().inspect(f"{image}:latest") is None


async def test_an_image_with_secrets_and_root_is_not_ok(stage: Stage) -> None:
    token = "ghp_" + "a1B2" * 10
    stage.write("app/key", f"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n{stage.run}\n")
    stage.write(
        "app/Dockerfile",
        f"FROM {BASE}\nENV SERVICE_TOKEN=abcdef\nCOPY key /srv/key\nRUN rm /srv/key\nRUN echo {token} > /dev/null\n"
        "ENTRYPOINT []\nCMD []\n",
    )
    image = stage.image("leaky")
    await stage.call("docker_build", path="app", image=image)
    outcome = await stage.outcome("image_inspect", image=image, imports=["os"])
    seen = outcome.output
    assert not seen.ok and not seen.non_root and seen.env_names == ["PATH", "SERVICE_TOKEN"]
    assert "environment: SERVICE_TOKEN has a value" in seen.secrets
    assert any(re.match(r"layer \d+: /srv/key \(private key\)", where) for where in seen.secrets)
    assert any("history" in where and "GitHub token" in where for where in seen.secrets)
    for secret in (token, "abcdef", "MIIEvQ"):
        assert secret not in str(outcome.data) and secret not in outcome.text
    assert "neither python nor node" in seen.imports[0].error
    assert "it runs as root: end its Dockerfile with USER and a number" in seen.problems


async def test_an_import_cannot_reach_the_network_or_write(stage: Stage) -> None:
    stage.write(
        "app/probe.py",
        "import socket\ntry:\n    open('/app/x', 'w')\n    raise SystemExit('wrote')\nexcept OSError:\n    pass\n"
        "try:\n    socket.create_connection(('1.1.1.1', 53), timeout=3)\n    raise SystemExit('connected')\n"
        "except OSError:\n    pass\n",
    )
    stage.write("app/hang.py", "import time\ntime.sleep(600)\n")
    stage.write("app/Dockerfile", 'FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\nCMD ["python3", "probe.py"]\n')
    image = stage.image("probe")
    await stage.call("docker_build", path="app", image=image)
    seen = await stage.call("image_inspect", image=image, imports=["probe"])
    assert seen.imports[0].ok, seen.imports
    hung = await stage.call("image_inspect", image=image, imports=["hang"], timeout_seconds=5)
    assert "longer than 5 s" in hung.imports[0].error
    left = [c for c in await DockerEngine().containers(everything=True) if c.image.startswith(f"h-docker-{stage.run}")]
    assert left == []


async def test_a_check_that_times_out_leaves_no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    from mcp_tools.engines import docker

    engine, mark = DockerEngine(), uuid.uuid4().hex[:12]  # others may be checking images at the same time
    monkeypatch.setattr(docker.secrets, "token_hex", lambda size: mark)
    with pytest.raises(TimedOut):
        await engine.run_check("python:3.13-slim", ["sleep", "300"], timeout=3)
    names = [c.name for c in await engine.containers(everything=True)]
    assert not any(mark in name for name in names)


async def test_no_image_no_daemon_no_docker(stage: Stage, monkeypatch: Any) -> None:
    with pytest.raises(NotFound, match="docker_build"):
        await stage.call("image_inspect", image="h-docker-nosuch:1")
    down = DockerEngine(env={"DOCKER_HOST": "tcp://127.0.0.1:1"})
    assert not await down.daemon_reachable()
    assert (await down.version()).client and "Cannot connect" in (await down.version()).error
    for ask in (down.info(), down.images(), down.inspect("x")):
        with pytest.raises(EnvironmentNotReady, match="systemctl start docker"):
            await ask
    permit = issue(tool="t", effect=Effect.CREATE, call_id="t")
    stage.write("app/Dockerfile", f"FROM {BASE}\n")
    folder = stage.workspace / "app"
    with pytest.raises(EnvironmentNotReady, match="does not answer"):
        await down.build(folder, dockerfile=folder / "Dockerfile", tags=[], permit=permit)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nonexistent")
        with pytest.raises(EnvironmentNotReady, match="get-docker"):
            await DockerEngine().info()


async def test_a_mutation_needs_a_permit_that_covers_it(tmp_path: Path) -> None:
    engine = DockerEngine()
    reading = issue(tool="t", effect=Effect.READ, call_id="t")
    creating = issue(tool="t", effect=Effect.CREATE, call_id="t")
    with pytest.raises(Refused):
        await engine.build(tmp_path, dockerfile=tmp_path / "Dockerfile", tags=[], permit=reading)
    with pytest.raises(Refused):
        await engine.tag(BASE, "h-docker-x:1", permit=reading)
    with pytest.raises(Refused):
        await engine.load(tmp_path / "x", permit=reading)
    with pytest.raises(Refused):
        await engine.remove("h-docker-x:1", permit=creating)


async def test_save_load_tag_and_remove(stage: Stage, tmp_path: Path) -> None:
    engine = DockerEngine()
    permit = issue(tool="t", effect=Effect.DESTROY, call_id="t")
    stage.write("app/Dockerfile", f"FROM {BASE}\nRUN echo {stage.run} > /x\n")
    built = await stage.call("docker_build", path="app", image=stage.image("moved"))
    await engine.tag(built.ref, stage.image("moved") + ":again", permit=permit)
    size = await engine.save([built.ref], tmp_path / "a.tar")
    assert size == (tmp_path / "a.tar").stat().st_size > 1000
    for name in (built.tag, "latest", "again"):
        assert await engine.remove(f"{built.image}:{name}", permit=permit)
    assert not await engine.remove(built.ref, permit=permit)
    assert built.ref in await engine.load(tmp_path / "a.tar", permit=permit)
    found = await engine.inspect(built.ref)
    assert found is not None and found.id == built.id
    assert built.ref in [image.ref for image in await engine.images()]
    with pytest.raises(NotFound):
        await engine.save(["h-docker-nosuch:1"], tmp_path / "b.tar")
    assert any("docker tag" in " ".join(argv).replace(argv[0], "docker") for argv in permit.argvs)


@pytest.mark.parametrize("rules", test_docker_context.RULES)
async def test_the_digest_covers_just_what_docker_sends(stage: Stage, rules: str) -> None:
    root = stage.workspace / "app"
    root.mkdir()
    test_docker_context.fill(root)
    (root / "nested" / "empty").mkdir(parents=True)
    (root / "link").symlink_to("/etc/passwd")
    (root / ".dockerignore").write_text(rules)
    built = await stage.call("docker_build", path="app", image=stage.image("ctx"))
    done = await DockerEngine().run_check(built.id, ["find", "/ctx", "-mindepth", "1", "-printf", "%P\\n"])
    ours = [path for path, _ in Ignore.of(root, root / "Dockerfile").walk(root)]
    assert sorted(done.stdout.split()) == sorted(ours)


@pytest.mark.minikube
async def test_build_inside_the_node(stage: Stage) -> None:
    from mcp_tools.world import World

    stage.world = World(target="minikube")
    stage.write("app/a.txt", stage.run)
    stage.write("app/Dockerfile", 'FROM scratch\nCOPY a.txt /\nUSER 1000\nCMD ["/a"]\n')
    node = DockerEngine(env=await stage.world.minikube.docker_env())
    image = stage.image("node")
    try:
        built = await stage.call("docker_build", path="app", image=image, where="node")
        assert built.where == "node" and (await node.inspect(built.ref)) is not None
        assert await DockerEngine().inspect(built.ref) is None
        assert not (await stage.outcome("docker_build", path="app", image=image, where="auto")).changed
        assert (await stage.call("image_inspect", image=image)).where == "node"
    finally:
        permit = issue(tool="t", effect=Effect.DESTROY, call_id="t")
        for row in await node.images():
            if row.repository == image:
                await node.remove(row.ref, permit=permit)


def test_the_base_image_is_here() -> None:
    """The other tests say nothing of use without it."""
    assert subprocess.run(["docker", "image", "inspect", BASE], capture_output=True).returncode == 0
