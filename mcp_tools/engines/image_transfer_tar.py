"""An image archive as it streams by, without the layers that the receiver already has.

``docker load`` asks its layer store for each layer by chain ID first and opens the layer's file only when it is not
there (moby, image/tarexport/load.go), so an archive may lack the files of layers that the receiver has. Two layouts
are known: ``<v1 id>/layer.tar`` (Docker before 25), whose names say nothing about the content, and
``blobs/sha256/<digest>`` (OCI, Docker 25 and later), where an uncompressed layer is named by its diffID.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

from mcp_tools.errors import ToolFailed

__all__ = ["CHUNK", "Tally", "without_layers"]

CHUNK = 1 << 20
_SMALL = 4 << 20
_V1 = re.compile(r"^(?:\./)?([0-9a-f]{64})/(json|layer\.tar)$")
_BLOB = re.compile(r"^(?:\./)?blobs/sha256/([0-9a-f]{64})$")


@dataclass
class Tally:
    """What has gone by so far. ``bytes_read`` counts the whole archive, ``bytes_sent`` what was passed on."""

    bytes_read: int = 0
    bytes_sent: int = 0
    layers_sent: int = 0
    layers_dropped: int = 0
    stopped: bool = False
    loaded: list[str] = field(default_factory=list)


class Stopped(Exception):
    """The transfer was cancelled."""


class _Reader(io.RawIOBase):
    """The chunks of an iterable as a file that can be read, and skipped forwards without copying."""

    def __init__(self, source: Iterable[bytes], tally: Tally) -> None:
        self._source = iter(source)
        self._rest = memoryview(b"")
        self._at = 0
        self._tally = tally

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def _take(self, size: int) -> memoryview:
        """What is there, at most ``size`` bytes; nothing at the end."""
        if not self._rest:
            if self._tally.stopped:
                raise Stopped
            chunk = next(self._source, b"")
            self._tally.bytes_read += len(chunk)
            self._rest = memoryview(chunk)
        taken = self._rest[:size]
        self._rest = self._rest[len(taken) :]
        self._at += len(taken)
        return taken

    def read(self, size: int = -1) -> bytes:
        """Exactly ``size`` bytes, fewer only at the end."""
        parts: list[memoryview] = []
        left = size if size >= 0 else 1 << 62
        while left and (part := self._take(left)):
            parts.append(part)
            left -= len(part)
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Forwards only, as tarfile does it here."""
        if whence != 0 or offset < self._at:
            raise io.UnsupportedOperation("the archive streams by once")
        while self._at < offset and self._take(offset - self._at):
            continue
        return self._at


def without_layers(source: Iterable[bytes], layers: Sequence[str], present: int, tally: Tally) -> Iterator[bytes]:
    """The archive of one image, as chunks, without the files of its first ``present`` layers.

    A layer that also occurs among the others is passed on. Nothing larger than a chunk is held in memory; a layer
    whose name does not tell what it is waits in an unnamed temporary file until its digest is known.

    Args:
        source: the chunks of what ``docker save`` writes.
        layers: the image's diffIDs (``sha256:…``), base first.
        present: how many of them, from the base, the receiver has.
        tally: kept up to date; setting ``stopped`` ends the transfer.

    Raises:
        ToolFailed: the archive is broken, or has a layer that the image does not list.
        Stopped: the transfer was cancelled.
    """
    for chunk in _passed_on(source, list(layers), present, tally):
        tally.bytes_sent += len(chunk)
        yield chunk


def _passed_on(source: Iterable[bytes], layers: list[str], present: int, tally: Tally) -> Iterator[bytes]:
    droppable = set(layers[:present]) - set(layers[present:])
    known: dict[str, int] = {}  # v1 id → the position of its layer, as far as the parents seen so far tell
    reader = _Reader(source, tally)
    complete = False
    try:
        with tarfile.open(fileobj=reader, mode="r:") as archive:
            for member in archive:
                body = archive.extractfile(member) if member.isreg() else None
                complete = complete or member.name in {"manifest.json", "./manifest.json"}
                yield from _member(member, body, layers, droppable, known, tally)
        while reader.read(CHUNK):  # what follows the end mark, so that the sender can finish
            continue
    except (tarfile.TarError, EOFError) as error:
        raise ToolFailed("the image archive is broken", str(error), "the same again") from error
    if not complete:
        raise ToolFailed("the image archive is broken", "it ends before its manifest", "the same again")
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(
    member: tarfile.TarInfo,
    body: IO[bytes] | None,
    layers: list[str],
    droppable: set[str],
    known: dict[str, int],
    tally: Tally,
) -> Iterator[bytes]:
    if body is None:
        yield _header(member)
        return
    blob, v1 = _BLOB.match(member.name), _V1.match(member.name)
    if blob:
        digest = f"sha256:{blob[1]}"
        if digest in droppable:
            tally.layers_dropped += 1
            return
        tally.layers_sent += digest in layers
    elif v1 and v1[2] == "json" and member.size < _SMALL:
        data = body.read()
        _place(v1[1], data, known)
        body = io.BytesIO(data)
    elif v1 and v1[2] == "layer.tar":
        position = known.get(v1[1])
        if position is not None and position < len(layers):
            if layers[position] in droppable:
                tally.layers_dropped += 1
                return
            tally.layers_sent += 1
        elif not droppable:
            tally.layers_sent += 1
        else:
            yield from _unknown_layer(member, body, layers, droppable, tally)
            return
    yield from _copy(member, body)


def _place(name: str, data: bytes, known: dict[str, int]) -> None:
    """Note a layer's position, when its parent's is known or it has none."""
    try:
        parent = json.loads(data).get("parent")
    except (ValueError, AttributeError):
        return
    if not parent:
        known[name] = 0
    elif parent in known:
        known[name] = known[parent] + 1


def _unknown_layer(
    member: tarfile.TarInfo, body: IO[bytes], layers: list[str], droppable: set[str], tally: Tally
) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as waiting:
        digest = hashlib.sha256()
        while chunk := body.read(CHUNK):
            digest.update(chunk)
            waiting.write(chunk)
        name = f"sha256:{digest.hexdigest()}"
        if name not in layers:
            raise ToolFailed("the image archive has a layer that the image does not list", name, "the same again")
        if name in droppable:
            tally.layers_dropped += 1
            return
        tally.layers_sent += 1
        waiting.seek(0)
        yield from _copy(member, waiting)


def _header(member: tarfile.TarInfo) -> bytes:
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _copy(member: tarfile.TarInfo, body: IO[bytes]) -> Iterator[bytes]:
    yield _header(member)
    while chunk := body.read(CHUNK):
        yield chunk
    if rest := member.size % tarfile.BLOCKSIZE:
        yield bytes(tarfile.BLOCKSIZE - rest)
