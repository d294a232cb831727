"""Images into a real node. Every image here is named longshore-test-… and removed on both sides afterwards."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.catalog import Effect
from mcp_tools.engines import image_transfer
from mcp_tools.engines.image_transfer import Transfer, transfer
from mcp_tools.engines.image_transfer_daemon import Daemon
from mcp_tools.engines.minikube import MinikubeEngine
from mcp_tools.errors import EnvironmentNotReady, NotFound, ToolFailed
from mcp_tools.guard.permit import issue
from mcp_tools.tools.minikube_images import (
    MinikubeImageLoadInput,
    MinikubeImagesInput,
    minikube_image_load,
    minikube_images,
    observe_load,
)
from mcp_tools.world import Call, World

pytestmark = [pytest.mark.docker, pytest.mark.minikube, pytest.mark.timeout(240)]

BASE = "python:3.13-slim"


class Images:
    """Images of one name on this machine and in the node."""

    def __init__(self, folder: Path, node: Daemon) -> None:
        self.folder = folder
        self.name = f"longshore-test-{secrets.token_hex(4)}"
        self.node = node
        self.minikube = MinikubeEngine()
        self.said: list[tuple[float, float | None, str]] = []

    def build(self, tag: str, lower: str, upper: str) -> str:
        """An image of two layers on the base; its content is what the two texts say."""
        (self.folder / "lower").write_bytes(lower.encode() * 2000)
        (self.folder / "upper").write_text(upper)
        (self.folder / "Dockerfile").write_text(f"FROM {BASE}\nCOPY lower /opt/lower\nCOPY upper /opt/upper\n")
        ref = f"{self.name}:{tag}"
        subprocess.run(["docker", "build", "-q", "-t", ref, str(self.folder)], check=True, capture_output=True)
        return ref

    def id_here(self, ref: str) -> str:
        done = subprocess.run(
            ["docker", "image", "inspect", "-f", "{{.Id}}", ref], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def id_in_node(self, ref: str) -> str | None:
        """Asked of the node's own docker program, not of the code that is tested."""
        done = subprocess.run(
            ["minikube", "ssh", "--", "docker", "image", "inspect", "-f", "{{.Id}}", ref],
            capture_output=True,
            text=True,
        )
        return done.stdout.strip() if done.returncode == 0 else None

    async def progress(self, done: float, total: float | None, message: str) -> None:
        self.said.append((done, total, message))

    async def go(self, ref: str) -> Transfer:
        permit = issue(tool="minikube_image_load", effect=Effect.CREATE, call_id="test")
        return await transfer(ref, self.minikube, permit=permit, progress=self.progress)

    def load(self, ref: str) -> Transfer:
        return asyncio.run(self.go(ref))

    def remove(self) -> None:
        for run in (["docker"], ["minikube", "ssh", "--", "docker"]):
            listed = subprocess.run(
                [*run, "images", "-q", self.name, "--no-trunc"], capture_output=True, text=True
            ).stdout.split()
            if listed:
                subprocess.run([*run, "rmi", "-f", *dict.fromkeys(listed)], capture_output=True)


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Images]:
    node = Daemon(asyncio.run(MinikubeEngine().docker_env()), title="the node's Docker")
    made = Images(tmp_path, node)
    try:
        yield made
    finally:
        made.remove()
        node.close()


def test_changed_layers_travel_and_nothing_travels_twice(images: Images) -> None:
    first = images.build("1", "a", "1")
    done = images.load(first)
    assert done.method in {"layers", "save-load"}  # whether the base is there depends on what ran before
    assert done.id == done.node_id == images.id_here(first) == images.id_in_node(first)

    both = images.build("2", "b", "2")
    done = images.load(both)
    assert (done.method, done.layers_sent) == ("layers", 2)
    assert done.bytes_sent is not None and done.bytes_sent < 60_000
    assert images.id_in_node(both) == images.id_here(both)
    assert any("B sent" in message for _, _, message in images.said)

    one = images.build("3", "b", "3")
    done = images.load(one)
    assert (done.method, done.layers_sent) == ("layers", 1)
    assert images.id_in_node(one) == images.id_here(one)

    again = images.load(one)
    assert (again.method, again.bytes_sent, again.layers_sent, again.retagged) == ("present", 0, 0, False)


def test_the_image_works_in_the_node(images: Images) -> None:
    images.load(images.build("1", "a", "1"))
    ref = images.build("2", "a", "hello from the second image")
    assert images.load(ref).method == "layers"
    done = subprocess.run(
        ["minikube", "ssh", "--", "docker", "run", "--rm", "--network=none", ref, "cat", "/opt/upper"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "hello from the second image"


def test_the_name_follows_the_image(images: Images) -> None:
    first, second = images.build("1", "a", "1"), images.build("2", "a", "2")
    images.load(first)
    images.load(second)
    moving = f"{images.name}:moving"
    for ref in (first, second, first):
        subprocess.run(["docker", "tag", ref, moving], check=True)
        done = images.load(moving)
        assert (done.method, done.bytes_sent, done.retagged) == ("present", 0, True)
        assert images.id_in_node(moving) == images.id_here(ref)


def test_a_stream_that_breaks_leaves_the_old_image(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = images.build("1", "a", "1")
    images.load(ref)
    old = images.id_in_node(ref)
    images.build("1", "b", "2")
    monkeypatch.setattr(MinikubeEngine, "image_load", _no_image_load)
    monkeypatch.setattr(Daemon, "pushes_to_loopback", lambda self: False)
    real = Daemon.save

    def cut(self: Daemon, image: str) -> Iterator[bytes]:
        for count, chunk in enumerate(real(self, image)):
            if count == 3:
                return
            yield chunk

    monkeypatch.setattr(Daemon, "save", cut)
    with pytest.raises(ToolFailed, match="could not be loaded") as caught:
        images.load(ref)
    assert "broken" in caught.value.why
    assert images.id_in_node(ref) == old

    def garbled(self: Daemon, image: str) -> Iterator[bytes]:
        for chunk in real(self, image):
            yield chunk.replace(b"b" * 100, b"c" * 100)

    monkeypatch.setattr(Daemon, "save", garbled)
    with pytest.raises(ToolFailed, match="could not be loaded"):
        images.load(ref)
    assert images.id_in_node(ref) == old

    monkeypatch.setattr(Daemon, "save", real)
    assert images.load(ref).method == "layers"
    assert images.id_in_node(ref) == images.id_here(ref) != old


async def _no_image_load(self: MinikubeEngine, ref: str, **_: Any) -> None:
    raise ToolFailed(f"minikube image load {ref} failed", "not in this test")


def test_layers_the_node_turns_out_not_to_have_are_sent_after_all(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = images.build("1", "a", secrets.token_hex(8))
    monkeypatch.setattr(Daemon, "common_layers", lambda self, layers: len(layers))
    done = images.load(ref)
    assert done.method == "save-load" and done.notes and "layers failed" in done.notes[0]
    assert images.id_in_node(ref) == images.id_here(ref)


def test_minikubes_own_way_is_compared_as_well(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = images.build("1", "a", secrets.token_hex(8))

    def refuse(self: Daemon, archive: Any, tally: Any) -> None:
        raise ToolFailed("the node refused the image")

    monkeypatch.setattr(Daemon, "load", refuse)
    done = images.load(ref)
    assert done.method == "minikube" and len(done.notes) >= 1
    assert done.node_id == images.id_here(ref) == images.id_in_node(ref)


@pytest.mark.parametrize("push", [True, False])
def test_cancelling_leaves_nothing_behind(images: Images, monkeypatch: pytest.MonkeyPatch, push: bool) -> None:
    ref = images.build("1", "a", secrets.token_hex(8))
    if push:  # held up, so that there is something to cancel
        real = Daemon.push

        def slow(self: Daemon, image: str, repository: str, tag: str, tally: Any) -> None:
            time.sleep(1)
            real(self, image, repository, tag, tally)

        monkeypatch.setattr(Daemon, "push", slow)
    else:
        monkeypatch.setattr(Daemon, "pushes_to_loopback", lambda self: False)
    before = threading.active_count()

    async def run() -> None:
        task = asyncio.create_task(images.go(ref))
        while not images.said:
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    started = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - started < image_transfer.SETTLE
    assert threading.active_count() <= before + 1
    assert images.id_in_node(ref) is None
    assert images.node.inspect(images.id_here(ref)) is None
    assert not transfer_names()
    assert images.load(ref).node_id == images.id_here(ref)


def transfer_names() -> list[str]:
    """Names that a push has left on this machine."""
    listed = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}"], check=True, capture_output=True, text=True
    ).stdout.split()
    return [name for name in listed if "longshore/transfer" in name]


def test_a_pushed_layer_is_all_that_travels(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    images.load(images.build("1", "a", "1"))
    ref = images.build("2", "a", "2")

    def never(self: Daemon, image: str) -> None:
        raise AssertionError("nothing is to be saved")

    monkeypatch.setattr(Daemon, "save", never)
    done = images.load(ref)
    assert (done.method, done.layers_sent, done.notes) == ("layers", 1, [])
    assert done.bytes_sent is not None and done.bytes_sent < 20_000
    assert images.id_in_node(ref) == images.id_here(ref)
    assert not transfer_names()


def test_an_image_that_is_nowhere(images: Images) -> None:
    with pytest.raises(NotFound, match="there is no image") as caught:
        images.load(f"{images.name}:none")
    assert "docker_build" in caught.value.remedy


def test_a_ca_bundle_or_proxy_for_the_internet_does_not_break_the_way_to_the_node(
    images: Images, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ref = images.build("1", "a", "1")
    empty = tmp_path / "bundle.pem"
    empty.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(empty))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert images.load(ref).node_id == images.id_here(ref)


def test_without_docker_and_without_a_profile(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    images.minikube = MinikubeEngine("longshore-test-none")
    with pytest.raises(EnvironmentNotReady, match="no Minikube profile"):
        images.load("x:1")
    images.minikube = MinikubeEngine()
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    with pytest.raises(EnvironmentNotReady) as caught:
        images.load("x:1")
    assert "start Docker" in caught.value.remedy


def test_the_tools_as_the_guard_calls_them(images: Images, tmp_path: Path) -> None:
    ref = images.build("1", "a", "1")
    args = MinikubeImageLoadInput(image=ref)

    async def once() -> tuple[Any, Any]:
        call = Call(World(), tmp_path, "test", tool="minikube_image_load", say=images.progress)
        seen = await observe_load(args, call)
        call._permit = issue(tool="minikube_image_load", effect=seen.effect, call_id="test")
        return seen, await minikube_image_load(args, call)

    seen, result = asyncio.run(once())
    assert (seen.effect, seen.done, result.changed) == (Effect.CREATE, False, True)
    assert result.id == result.node_id and any(result.id in line for line in result.evidence)
    seen, result = asyncio.run(once())
    assert (seen.effect, seen.done, result.changed, result.bytes_sent) == (Effect.READ, True, False, 0)
    listed = asyncio.run(minikube_images(MinikubeImagesInput(match=images.name), Call(World(), tmp_path, "test")))
    assert [image.id for image in listed.images] == [result.id]


@pytest.mark.anyio
async def test_a_base_image_is_loaded_when_it_is_here_and_left_to_the_node_when_it_is_not(tmp_path: Path) -> None:
    """Nothing is overwritten in the node, and what nobody has is no failure."""
    from mcp_tools.guard.guard import Session
    from mcp_tools.world import World
    from tests.mcp_tools.toys import toy_guard

    guard, session = toy_guard(tmp_path), Session(World("minikube"), tmp_path)
    nowhere = await guard.call("minikube_image_load", {"image": "no-such-base:1", "base": True}, session=session)
    assert (nowhere.changed, nowhere.data["method"], nowhere.data["node_id"]) == (False, "pull", "")
    known = (await guard.call("minikube_images", {"match": "pause"}, session=session)).data["images"]
    tag = known[0]["tags"][0]
    there = await guard.call("minikube_image_load", {"image": tag, "base": True}, session=session)
    assert (there.changed, there.data["method"], there.data["node_id"]) == (False, "present", known[0]["id"])
