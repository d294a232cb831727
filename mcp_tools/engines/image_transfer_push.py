"""Only the missing layers out of a Docker daemon: it is asked to push to a receiver on loopback that knows the rest.

``docker save`` always writes out the whole image (2 s for 210 MB); ``docker push`` asks for each layer first whether
the registry has it, and reads only what it has not. The receiver here lives for one transfer, on 127.0.0.1, which
daemons accept without TLS; it gives nothing out, and what it takes is compared by digest. It says yes to every
question: which layers the manifest lacks then is known by their position, and those alone are asked for again. A daemon
that never pushed or pulled a layer does not know its digest and sends it once (compressed); afterwards it remembers.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, TYPE_CHECKING, Any

from mcp_tools.engines.image_transfer_tar import CHUNK, Stopped, Tally
from mcp_tools.errors import ToolFailed

if TYPE_CHECKING:
    from mcp_tools.engines.image_transfer_daemon import Daemon

__all__ = ["Receiver", "missing_layers"]

# Daemons remember small layers by registry and repository: the same port and name next time saves sending them again.
PORT = 41_000 + os.getuid() % 1000
REPOSITORY = "longshore/transfer"
_UPLOAD = re.compile(rf"^/v2/{REPOSITORY}/blobs/uploads/([0-9a-f]{{32}})$")


class Receiver(ThreadingHTTPServer):
    """What a daemon pushes to: the part of the OCI distribution protocol that a push needs."""

    daemon_threads = True

    def __init__(self, tally: Tally) -> None:
        try:
            super().__init__(("127.0.0.1", PORT), _Handler)
        except OSError:  # another transfer is under way
            super().__init__(("127.0.0.1", 0), _Handler)
        self.tally = tally
        self.uploads: dict[str, tuple[IO[bytes], Any]] = {}
        self.blobs: dict[str, IO[bytes]] = {}
        self.wanted: set[str] = set()
        self.manifest: dict[str, Any] = {}

    @property
    def repository(self) -> str:
        """The name to push to."""
        return f"127.0.0.1:{self.server_address[1]}/{REPOSITORY}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is the daemon's to report."""

    def __enter__(self) -> Receiver:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True, name="longshore-receiver").start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        for file in [*(upload[0] for upload in self.uploads.values()), *self.blobs.values()]:
            with contextlib.suppress(OSError):
                file.close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of the daemon."""

    protocol_version = "HTTP/1.1"
    server: Receiver

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""

    def _answer(self, code: int, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self) -> Iterator[bytes]:
        """The chunks of the request's body."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            yield from self._exactly(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(64).split(b";")[0].strip() or b"0", 16):
            yield from self._exactly(size)
            self.rfile.readline(8)
        self.rfile.readline(8)

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left:
            chunk = self.rfile.read(min(left, CHUNK))
            if not chunk or self.server.tally.stopped:
                raise ConnectionError("the transfer has ended")
            left -= len(chunk)
            yield chunk

    def do_GET(self) -> None:
        """Is this a registry?"""
        self._answer(200 if self.path == "/v2/" else 404, Docker_Distribution_Api_Version="registry/2.0")

    def do_HEAD(self) -> None:
        """Is this blob there? Yes, unless it was found to be needed."""
        digest = self.path.rsplit("/", 1)[-1]
        there = "/blobs/" in self.path and digest not in self.server.wanted
        there = there or digest in self.server.blobs
        self._answer(200 if there else 404, Docker_Content_Digest=digest, Content_Length="1" if there else "0")

    def do_POST(self) -> None:
        """Begin an upload; mounting from another repository is not offered."""
        for _ in self._body():
            continue
        upload = secrets.token_hex(16)
        file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the receiver)
        self.server.uploads[upload] = (file, hashlib.sha256())
        self._answer(202, Location=f"/v2/{REPOSITORY}/blobs/uploads/{upload}", Docker_Upload_UUID=upload, Range="0-0")

    def _receive(self) -> tuple[str, IO[bytes], Any] | None:
        match = _UPLOAD.match(self.path.split("?")[0])
        if match is None or match[1] not in self.server.uploads:
            self._answer(404)
            return None
        file, digest = self.server.uploads[match[1]]
        for chunk in self._body():
            digest.update(chunk)
            file.write(chunk)
            self.server.tally.bytes_read += len(chunk)
        return match[1], file, digest

    def do_PATCH(self) -> None:
        """More of an upload."""
        if found := self._receive():
            upload, file, _ = found
            where = f"/v2/{REPOSITORY}/blobs/uploads/{upload}"
            self._answer(202, Location=where, Docker_Upload_UUID=upload, Range=f"0-{max(file.tell() - 1, 0)}")

    def do_PUT(self) -> None:
        """The end of an upload, or the manifest."""
        if "/manifests/" in self.path:
            data = b"".join(self._body())
            self.server.manifest = json.loads(data)
            self._answer(201, Docker_Content_Digest=f"sha256:{hashlib.sha256(data).hexdigest()}")
        elif found := self._receive():
            upload, file, digest = found
            name = f"sha256:{digest.hexdigest()}"
            del self.server.uploads[upload]
            self.server.blobs[name] = file
            self._answer(201, Docker_Content_Digest=name, Location=f"/v2/{REPOSITORY}/blobs/{name}")


def missing_layers(host: Daemon, image: str, layers: list[str], present: int, tally: Tally) -> Iterator[bytes]:
    """An archive for ``docker load`` with the image's configuration and its layers from ``present`` on.

    Args:
        host: a daemon of this machine, with the classic image store.
        image: its ID there: the digest of its configuration.
        layers: its diffIDs, base first.

    Raises:
        ToolFailed: the daemon cannot push here, or pushed something else.
        Stopped: the transfer was cancelled.
    """
    with Receiver(tally) as receiver:
        for _ in range(2):
            host.push(image, receiver.repository, image.removeprefix("sha256:")[:12], tally)
            digests = [str(layer.get("digest")) for layer in receiver.manifest.get("layers") or []]
            config = str((receiver.manifest.get("config") or {}).get("digest"))
            if len(digests) != len(layers) or config != image:
                raise ToolFailed("the daemon pushed another image than was asked for", config, "the same again")
            lacking = {digest for digest in [*digests[present:], config] if digest not in receiver.blobs}
            if not lacking:
                break
            receiver.wanted |= lacking
        else:
            raise ToolFailed("the daemon did not send all missing layers", ", ".join(sorted(lacking)), "the same again")
        for chunk in _archive(receiver, config, digests, present, tally):
            if tally.stopped:
                raise Stopped
            tally.bytes_sent += len(chunk)
            yield chunk


def _archive(receiver: Receiver, config: str, digests: list[str], present: int, tally: Tally) -> Iterator[bytes]:
    tally.layers_dropped, tally.layers_sent = present, len(digests) - present
    name = f"{config.removeprefix('sha256:')}.json"
    files = [f"{number}/layer.tar" for number in range(len(digests))]
    manifest = json.dumps([{"Config": name, "RepoTags": None, "Layers": files}]).encode()
    yield from _entry(name, receiver.blobs[config])
    yield from _entry("manifest.json", io.BytesIO(manifest))
    for file, digest in list(zip(files, digests, strict=True))[present:]:
        yield from _entry(file, receiver.blobs[digest])
    yield bytes(2 * tarfile.BLOCKSIZE)


def _entry(name: str, body: IO[bytes]) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size = body.seek(0, io.SEEK_END)
    body.seek(0)
    yield info.tobuf()
    while chunk := body.read(CHUNK):
        yield chunk
    if rest := info.size % tarfile.BLOCKSIZE:
        yield bytes(tarfile.BLOCKSIZE - rest)
