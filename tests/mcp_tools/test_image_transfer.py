"""The image transfer without Docker: archives of both layouts made up here, and daemons that play their part."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tarfile
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from mcp_tools.catalog import Effect
from mcp_tools.engines import image_transfer
from mcp_tools.engines.image_transfer import same_image, transfer, with_tag
from mcp_tools.engines.image_transfer_daemon import shared_prefix
from mcp_tools.engines.image_transfer_tar import Stopped, Tally, without_layers
from mcp_tools.engines.minikube_parse import NodeImage, Profile
from mcp_tools.errors import EnvironmentNotReady, NotFound, Refused, ToolFailed, UsageError
from mcp_tools.guard.permit import issue

BODIES = [bytes([i]) * (3_000_000 + i) for i in range(1, 4)] + [b"changed line"]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def link(archive: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    archive.addfile(info)


def old_layout(bodies: list[bytes], names: list[str] | None = None) -> bytes:
    """As Docker before 25 saves: folders by v1 ID in the order of their names, manifest last."""
    ids = names or [hashlib.sha256(f"v1-{i}".encode()).hexdigest() for i in range(len(bodies))]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in sorted(ids):
            at = ids.index(name)
            parent = {"parent": ids[at - 1]} if at else {}
            info = tarfile.TarInfo(f"{name}/")
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
            add(archive, f"{name}/VERSION", b"1.0")
            add(archive, f"{name}/json", json.dumps({"id": name, **parent}).encode())
            add(archive, f"{name}/layer.tar", bodies[at])
        add(archive, "manifest.json", json.dumps([{"Layers": [f"{name}/layer.tar" for name in ids]}]).encode())
    return out.getvalue()


def new_layout(bodies: list[bytes]) -> bytes:
    """As Docker 25 and later saves: blobs by digest, and the old names as links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for body in dict.fromkeys(bodies):
            add(archive, f"blobs/sha256/{digest(body)[7:]}", body)
        link(archive, f"{'a' * 64}/layer.tar", f"../blobs/sha256/{digest(bodies[0])[7:]}")
        add(archive, "index.json", b"{}")
        add(archive, "manifest.json", b"[]")
        add(archive, "oci-layout", b"{}")
    return out.getvalue()


def chunks(data: bytes, size: int = 70_001) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def filtered(archive: bytes, layers: list[str], present: int) -> tuple[dict[str, bytes | None], Tally]:
    tally = Tally()
    out = b"".join(without_layers(chunks(archive), layers, present, tally))
    assert tally.bytes_read == len(archive) and tally.bytes_sent == len(out)
    with tarfile.open(fileobj=io.BytesIO(out)) as read:
        return {m.name: read.extractfile(m).read() if m.isreg() else None for m in read}, tally  # type: ignore[union-attr]


LAYERS = [digest(body) for body in BODIES]


@pytest.mark.parametrize("present", range(5))
@pytest.mark.parametrize("layout", [old_layout, new_layout])
def test_exactly_the_layers_that_are_there_are_left_out(layout: Any, present: int) -> None:
    members, tally = filtered(layout(BODIES), LAYERS, present)
    there = [body for body in BODIES if body in members.values()]
    assert there == BODIES[present:]
    assert (tally.layers_sent, tally.layers_dropped) == (4 - present, present)
    assert "manifest.json" in members


@pytest.mark.parametrize("reverse", [False, True])
def test_the_old_layout_in_any_order_of_names(reverse: bool) -> None:
    """Positions are known by the parents when these come first, by the content otherwise."""
    names = sorted((f"{i:064x}" for i in range(4)), reverse=reverse)
    members, tally = filtered(old_layout(BODIES, names), LAYERS, 3)
    assert [body for body in BODIES if body in members.values()] == BODIES[3:]
    assert (tally.layers_sent, tally.layers_dropped) == (1, 3)


def test_a_layer_that_occurs_again_above_is_sent() -> None:
    bodies = [BODIES[0], BODIES[1], BODIES[0]]
    members, tally = filtered(new_layout(bodies), [digest(b) for b in bodies], 2)
    assert BODIES[0] in members.values() and BODIES[1] not in members.values()
    assert tally.layers_dropped == 1


def test_links_and_long_names_stay() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        add(archive, "ä" * 120, b"x" * 513)
        link(archive, "link", "target")
        add(archive, "manifest.json", b"[]")
    members, _ = filtered(out.getvalue(), [], 0)
    assert members == {"ä" * 120: b"x" * 513, "link": None, "manifest.json": b"[]"}


@pytest.mark.parametrize("keep", [0, 1000, 5_000_000, 9_000_000])
def test_a_cut_archive_is_a_failure(keep: int) -> None:
    with pytest.raises(ToolFailed, match="broken"):
        filtered_bytes = without_layers(chunks(old_layout(BODIES)[:keep]), LAYERS, 2, Tally())
        for _ in filtered_bytes:
            pass


def test_a_changed_layer_is_a_failure() -> None:
    names = sorted((f"{i:064x}" for i in range(4)), reverse=True)  # nothing is known by its parent
    archive = bytearray(old_layout(BODIES, names))
    archive[archive.index(BODIES[1]) + 100] ^= 1
    with pytest.raises(ToolFailed, match="does not list"):
        b"".join(without_layers(chunks(bytes(archive)), LAYERS, 3, Tally()))


def test_stopping_ends_it_at_the_next_chunk() -> None:
    tally = Tally()
    stream = without_layers(chunks(new_layout(BODIES)), LAYERS, 0, tally)
    next(stream)
    tally.stopped = True
    with pytest.raises(Stopped):
        b"".join(stream)
    assert tally.bytes_read < 5_000_000


def test_a_large_archive_is_never_held_in_memory() -> None:
    import tracemalloc

    body = bytes(1 << 20)

    def endless() -> Iterator[bytes]:
        info = tarfile.TarInfo(f"blobs/sha256/{'b' * 64}")
        info.size = 300 << 20
        yield info.tobuf()
        for _ in range(300):
            yield body
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            add(archive, "manifest.json", b"[]")
        yield out.getvalue()

    tracemalloc.start()
    sent = sum(len(chunk) for chunk in without_layers(endless(), [], 0, Tally()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sent > 300 << 20
    assert peak < 16 << 20


# -- names and identity -----------------------------------------------------------------------------------------------


def test_names_get_their_tag() -> None:
    assert with_tag("todo") == "todo:latest"
    assert with_tag("localhost:5000/team/todo") == "localhost:5000/team/todo:latest"
    assert with_tag("todo:src-1") == "todo:src-1"
    for bad in ("todo@sha256:" + "a" * 64, "sha256:" + "a" * 64):
        with pytest.raises(UsageError):
            with_tag(bad)


def test_images_are_the_same_by_id_or_by_all_that_it_stands_for() -> None:
    one = {"Id": "sha256:1", "Created": "t", "Config": {"User": "1", "Env": []}, "RootFS": {"Layers": ["a"]}}
    assert same_image(one, {"Id": "sha256:1"})
    other = {**one, "Id": "sha256:2"}
    assert not same_image(one, other)  # two daemons that count alike: another ID is another image
    assert same_image(one, other, mixed=True)
    assert not same_image(one, {**other, "RootFS": {"Layers": ["b"]}}, mixed=True)
    assert not same_image({"Id": "1"}, {"Id": "2"}, mixed=True)


def test_sizes_for_a_person() -> None:
    assert [image_transfer.size_text(n) for n in (0, 999, 30_208, 12_345_678)] == ["0 B", "999 B", "30.2 kB", "12.3 MB"]


def test_shared_prefix() -> None:
    assert shared_prefix(["a", "b", "c"], ["a", "b", "d"]) == 2
    assert shared_prefix(["a"], []) == 0
    assert shared_prefix(["a", "b"], ["a", "b", "c"]) == 2


# -- the whole way, with daemons that play their part -----------------------------------------------------------------

IMAGE = {"Id": "sha256:new", "Size": 9_000_000, "Config": {}, "RootFS": {"Layers": LAYERS}}
OLD = {"Id": "sha256:old", "Config": {}, "RootFS": {"Layers": [*LAYERS[:3], "sha256:other"]}}


class FakeDaemon:
    """A daemon with images by name and ID; ``breaks`` says at which loads it fails."""

    def __init__(self, images: dict[str, dict[str, Any]], archive: bytes = b"") -> None:
        self.images = images
        self.archive = archive
        self.loads: list[int] = []
        self.breaks = 0
        self.loads_as = "sha256:new"
        self.slow = threading.Event()
        self.saving: Any = None
        self.ended = False
        self.store = False
        self.api = object()

    def inspect(self, ref: str) -> dict[str, Any] | None:
        return self.images.get(ref) or next((i for i in self.images.values() if i["Id"] == ref), None)

    def containerd_store(self) -> bool:
        return self.store

    def pushes_to_loopback(self) -> bool:
        return False

    def common_layers(self, layers: list[str]) -> int:
        return max((shared_prefix(layers, i["RootFS"]["Layers"]) for i in self.images.values()), default=0)

    def save(self, image: str) -> Iterator[bytes]:
        try:
            for chunk in chunks(self.archive, 1 << 18):
                if self.slow.is_set():
                    time.sleep(0.1)
                yield chunk
        finally:
            self.ended = True

    def load(self, archive: Iterable[bytes], tally: Tally) -> None:
        data = b"".join(archive)
        self.loads.append(len(data))
        if self.breaks:
            self.breaks -= 1
            raise ToolFailed("the node refused the image", "no space left on device")
        self.images[f"<none>{self.loads_as}"] = {**IMAGE, "Id": self.loads_as}
        tally.loaded.append(self.loads_as)

    def tag(self, image: str, ref: str) -> None:
        found = self.inspect(image)
        assert found is not None
        self.images[ref] = found

    def close(self) -> None:
        pass


class FakeMinikube:
    """A Minikube of any runtime; ``loads`` is what its own ``image load`` brings."""

    profile = "minikube"

    def __init__(self, runtime: str = "docker") -> None:
        self.runtime = runtime
        self.node_images: list[NodeImage] = []
        self.loads: NodeImage | None = None
        self.node: FakeDaemon | None = None
        self.loaded: list[str] = []

    async def config(self) -> Profile | None:
        return Profile("minikube", 2, 6144, 20000, "docker", self.runtime, "v1.33.13", 1)

    async def docker_env(self) -> dict[str, str]:
        return {"DOCKER_HOST": "tcp://node:2376"}

    def forget_docker_env(self) -> None:
        pass

    async def images(self) -> list[NodeImage]:
        return self.node_images

    async def node_image(self, ref: str) -> NodeImage | None:
        return next((i for i in self.node_images if f"docker.io/library/{ref}" in i.tags), None)

    async def image_tag(self, source: str, target: str, *, permit: Any) -> None:
        self.node_images = [NodeImage(i.id, [*i.tags, f"docker.io/library/{target}"], 1) for i in self.node_images]

    async def image_load(self, ref: str, *, permit: Any) -> None:
        self.loaded.append(ref)
        if self.loads is None:
            raise ToolFailed(f"minikube image load {ref} failed", "ssh: no route to host")
        self.node_images.append(self.loads)
        if self.node is not None:
            self.node.images[ref] = {**IMAGE, "Id": self.loads.id}


class Stage:
    """Both daemons, and a way to transfer as the tool does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host = FakeDaemon({"todo:2": IMAGE}, old_layout(BODIES))
        self.node = FakeDaemon({"todo:1": OLD})
        self.minikube = FakeMinikube()
        self.minikube.node = self.node
        self.said: list[tuple[float, float | None, str]] = []
        monkeypatch.setattr(image_transfer, "Daemon", lambda env=None, *, title="": self.node if env else self.host)

    async def progress(self, done: float, total: float | None, message: str) -> None:
        self.said.append((done, total, message))

    async def go(self, image: str = "todo:2", effect: Effect = Effect.CREATE) -> image_transfer.Transfer:
        permit = issue(tool="minikube_image_load", effect=effect, call_id="test")
        minikube: Any = self.minikube
        return await transfer(image, minikube, permit=permit, progress=self.progress)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_only_missing_layers_are_sent_and_the_id_is_proven(stage: Stage) -> None:
    done = asyncio.run(stage.go())
    assert (done.method, done.layers_sent, done.layers_present) == ("layers", 1, 3)
    assert done.id == done.node_id == "sha256:new"
    assert done.bytes_sent is not None and 0 < done.bytes_sent < 20_000
    assert stage.node.images["todo:2"]["Id"] == "sha256:new"
    assert stage.host.ended


def test_nothing_is_sent_when_the_node_has_it(stage: Stage) -> None:
    stage.node.images["todo:2"] = IMAGE
    done = asyncio.run(stage.go(effect=Effect.READ))  # nothing to do: not even leave to act is needed
    assert (done.method, done.bytes_sent, done.retagged, stage.node.loads) == ("present", 0, False, [])


def test_an_image_under_another_name_is_only_named(stage: Stage) -> None:
    stage.node.images["other:9"] = IMAGE
    done = asyncio.run(stage.go())
    assert (done.method, done.bytes_sent, done.retagged, stage.node.loads) == ("present", 0, True, [])
    assert stage.node.images["todo:2"] is IMAGE


def test_without_a_permit_to_create_nothing_is_sent_or_named(stage: Stage) -> None:
    with pytest.raises(Refused):
        asyncio.run(stage.go(effect=Effect.READ))
    stage.node.images["other:9"] = IMAGE
    with pytest.raises(Refused):
        asyncio.run(stage.go(effect=Effect.READ))
    assert "todo:2" not in stage.node.images and not stage.node.loads


def test_a_node_without_any_of_it_gets_all_of_it(stage: Stage) -> None:
    stage.node.images.clear()
    done = asyncio.run(stage.go())
    assert (done.method, done.layers_sent, done.layers_present) == ("save-load", 4, 0)
    assert done.bytes_sent is not None and done.bytes_sent > 9_000_000


def test_containerds_store_gets_all_of_it(stage: Stage) -> None:
    stage.node.store = stage.host.store = True
    assert asyncio.run(stage.go()).method == "save-load"


def test_a_failed_delta_falls_back_and_says_so(stage: Stage) -> None:
    stage.node.breaks = 1
    done = asyncio.run(stage.go())
    assert done.method == "save-load" and "no space left" in done.notes[0]
    stage.node.images = {"todo:1": OLD}
    stage.node.breaks = 2
    stage.minikube.loads = NodeImage("sha256:new", ["docker.io/library/todo:2"], 1)
    done = asyncio.run(stage.go())
    assert done.method == "minikube" and len(done.notes) == 2 and done.bytes_sent is None


def test_when_every_way_fails_it_is_a_failure_and_the_old_image_keeps_its_name(stage: Stage) -> None:
    stage.node.images["todo:2"] = OLD
    stage.node.breaks = 2
    with pytest.raises(ToolFailed, match="could not be loaded") as caught:
        asyncio.run(stage.go())
    assert "no space left" in caught.value.why and "no route to host" in caught.value.why
    assert stage.node.images["todo:2"] is OLD


def test_another_id_in_the_node_is_a_failure(stage: Stage) -> None:
    stage.node.loads_as = "sha256:wrong"
    stage.minikube.loads = NodeImage("sha256:wrong", ["docker.io/library/todo:2"], 1)
    with pytest.raises(ToolFailed, match="does not have todo:2 as it is here") as caught:
        asyncio.run(stage.go())
    assert "sha256:wrong" in caught.value.why and "sha256:new" in caught.value.why


def test_a_cut_stream_is_a_failure(stage: Stage) -> None:
    stage.host.archive = stage.host.archive[:4_000_000]
    with pytest.raises(ToolFailed, match="could not be loaded"):
        asyncio.run(stage.go())
    assert "todo:2" not in stage.node.images


def test_an_unknown_image_says_what_to_do(stage: Stage) -> None:
    with pytest.raises(NotFound, match="no image todo:9") as caught:
        asyncio.run(stage.go("todo:9"))
    assert "docker_build" in caught.value.remedy


def test_an_image_that_only_the_node_has(stage: Stage) -> None:
    stage.node.images["built:1"] = {**OLD, "Config": {"Labels": {"longshore.dev/source": "abc"}}}
    assert asyncio.run(stage.go("built:1")).method == "built-in-node"
    done = asyncio.run(stage.go("todo:1"))
    assert done.method == "present" and done.id == done.node_id == "sha256:old" and done.notes


def test_a_cancelled_transfer_leaves_both_daemons_alone(stage: Stage) -> None:
    stage.host.slow.set()

    async def run() -> None:
        task = asyncio.create_task(stage.go())
        await asyncio.sleep(0.7)
        assert stage.said and "B sent" in stage.said[-1][2]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stage.host.ended  # already when the cancelled call returns

    started = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - started < 3
    assert not stage.node.loads and "todo:2" not in stage.node.images


def test_progress_is_in_bytes_of_the_image(stage: Stage) -> None:
    stage.host.slow.set()
    asyncio.run(stage.go())
    assert all(total == 9_000_000 and done <= total for done, total, _ in stage.said if total is not None)
    assert any(done > 0 for done, _, _ in stage.said)


@pytest.mark.parametrize("runtime", ["containerd", "cri-o"])
def test_other_runtimes_take_minikubes_own_way_and_are_compared_as_well(stage: Stage, runtime: str) -> None:
    stage.minikube.runtime, stage.minikube.node = runtime, None
    stage.minikube.loads = NodeImage("sha256:new", ["docker.io/library/todo:2"], 1)
    done = asyncio.run(stage.go())
    assert (done.method, done.bytes_sent, done.node_id) == ("minikube", None, "sha256:new")
    assert asyncio.run(stage.go()).method == "present"
    assert stage.minikube.loaded == ["todo:2"]
    stage.minikube.node_images = [NodeImage("sha256:stale", ["docker.io/library/todo:2"], 1)]
    stage.minikube.loads = NodeImage("sha256:stale", ["docker.io/library/todo:2"], 1)
    with pytest.raises(ToolFailed, match="sha256:stale"):
        asyncio.run(stage.go())


def test_without_docker_here_what_the_node_has_is_enough(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(ref: str) -> None:
        raise EnvironmentNotReady("Docker is not reachable", remedy="start it")

    monkeypatch.setattr(stage.host, "inspect", away)
    assert asyncio.run(stage.go("todo:1")).method == "present"
    with pytest.raises(EnvironmentNotReady):
        asyncio.run(stage.go("todo:2"))


def test_what_the_client_raises_becomes_an_error_with_a_remedy() -> None:
    import requests
    from docker import errors

    from mcp_tools.engines.image_transfer_daemon import Daemon

    daemon = Daemon({"DOCKER_HOST": "unix:///nonexistent"}, title="Docker")
    with pytest.raises(EnvironmentNotReady, match="Docker is not reachable") as caught:
        _ = daemon.api
    assert "environment_check" in caught.value.remedy
    denied = daemon.translated(errors.DockerException("x: PermissionError(13, 'Permission denied')"), "x")
    assert "usermod" in denied.remedy
    assert daemon.translated(requests.exceptions.ReadTimeout("slow"), "saving").code == "timed-out"
    assert isinstance(daemon.translated(ValueError("odd"), "saving"), ToolFailed)
    daemon.close()


# -- the push to a receiver on loopback -------------------------------------------------------------------------------


class Pusher:
    """A daemon that pushes: asks for each layer that it knows the digest of, uploads the others; as dockerd does."""

    def __init__(self, known: int, config: bytes = b'{"config":1}') -> None:
        self.config = config
        self.image = digest(config)
        self.known = known  # so many layers, from the base, it asks for
        self.uploaded: list[str] = []
        self.pushes = 0

    def push(self, image: str, repository: str, tag: str, tally: Tally) -> None:
        import http.client

        assert image == self.image and tag == image[7:19]
        host, _, name = repository.partition("/")
        self.pushes += 1
        link = http.client.HTTPConnection(host, timeout=5)
        try:
            assert self._ask(link, "GET", "/v2/") == 200
            for position, body in enumerate([*BODIES, self.config]):
                asks = position < self.known or position == len(BODIES)
                if not asks or self._ask(link, "HEAD", f"/v2/{name}/blobs/{digest(body)}") == 404:
                    self._upload(link, name, body)
            manifest = {
                "config": {"digest": digest(self.config)},
                "layers": [{"digest": digest(body)} for body in BODIES],
            }
            assert self._ask(link, "PUT", f"/v2/{name}/manifests/{tag}", json.dumps(manifest).encode()) == 201
        finally:
            link.close()

    def _ask(self, link: Any, method: str, path: str, body: bytes | None = None) -> int:
        link.request(method, path, body=body)
        answer = link.getresponse()
        answer.read()
        self.location = answer.getheader("Location") or ""
        return int(answer.status)

    def _upload(self, link: Any, name: str, body: bytes) -> None:
        assert self._ask(link, "POST", f"/v2/{name}/blobs/uploads/") == 202
        where = self.location
        link.request("PATCH", where, body=iter([body[:1000], body[1000:] or b"."[:0]]), encode_chunked=True)
        assert link.getresponse().read() == b""
        assert self._ask(link, "PUT", f"{where}?digest={digest(body)}") == 201
        self.uploaded.append(digest(body))


def pushed(pusher: Any, present: int, tally: Tally | None = None) -> dict[str, bytes]:
    from mcp_tools.engines.image_transfer_push import missing_layers

    tally = tally or Tally()
    out = b"".join(missing_layers(pusher, pusher.image, LAYERS, present, tally))
    assert tally.bytes_sent == len(out)
    with tarfile.open(fileobj=io.BytesIO(out)) as read:
        return {m.name: read.extractfile(m).read() for m in read}  # type: ignore[union-attr]


@pytest.mark.parametrize("known", [0, 3, 4])
@pytest.mark.parametrize("present", [1, 3])
def test_a_push_yields_an_archive_of_the_missing_layers(known: int, present: int) -> None:
    pusher, tally = Pusher(known), Tally()
    members = pushed(pusher, present, tally)
    assert members.pop(f"{pusher.image[7:]}.json") == pusher.config
    (manifest,) = json.loads(members.pop("manifest.json"))
    assert manifest["Config"] == f"{pusher.image[7:]}.json" and len(manifest["Layers"]) == len(BODIES)
    assert [members[name] for name in manifest["Layers"][present:]] == BODIES[present:]
    assert len(members) == len(BODIES) - present
    assert (tally.layers_dropped, tally.layers_sent) == (present, len(BODIES) - present)


def test_layers_that_are_there_are_not_pushed_when_the_daemon_knows_them() -> None:
    pusher = Pusher(known=4)
    pushed(pusher, 3)
    # the first time it is told that all is there; the second time what is missing is asked for
    assert pusher.pushes == 2 and pusher.uploaded == [LAYERS[3], digest(pusher.config)]


def test_another_image_in_the_push_is_a_failure() -> None:
    pusher = Pusher(known=0)
    pusher.config = b"other"
    with pytest.raises(ToolFailed, match="another image"):
        pushed(pusher, 3)


def test_a_daemon_that_never_sends_a_layer_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    pusher = Pusher(known=4)
    monkeypatch.setattr(pusher, "_upload", lambda link, name, body: None)
    with pytest.raises(ToolFailed, match="all missing layers"):
        pushed(pusher, 3)


def test_two_receivers_at_once_and_none_afterwards() -> None:
    from mcp_tools.engines.image_transfer_push import Receiver

    before = threading.active_count()
    with Receiver(Tally()) as one, Receiver(Tally()) as two:
        assert one.repository != two.repository
        assert one.server_address[0] == two.server_address[0] == "127.0.0.1"
    time.sleep(0.2)
    assert threading.active_count() <= before


def test_few_missing_layers_are_pushed_and_a_failed_push_falls_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pusher = Pusher(known=4)
    image = {**IMAGE, "Id": pusher.image}
    stage.host.images["todo:2"], stage.node.loads_as = image, pusher.image
    monkeypatch.setattr(stage.host, "pushes_to_loopback", lambda: True)
    monkeypatch.setattr(stage.host, "push", pusher.push, raising=False)
    done = asyncio.run(stage.go())
    assert (done.method, done.layers_sent, done.layers_present, done.notes) == ("layers", 1, 3, [])
    assert pusher.pushes == 2 and not stage.host.ended  # nothing was saved

    def refused(*_: Any) -> None:
        raise ToolFailed("Docker could not push", "connection refused")

    stage.node.images = {"todo:1": OLD}
    monkeypatch.setattr(stage.host, "push", refused)
    done = asyncio.run(stage.go())
    assert done.method == "layers" and "connection refused" in done.notes[0] and stage.host.ended
