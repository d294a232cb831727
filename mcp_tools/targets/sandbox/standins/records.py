"""Images as records: what the stand-in of Docker keeps instead of layers. Their file is private, and locked to write.

An image's ID is the digest of what it is made of, so that the same sources give the same ID, as with a real builder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field

__all__ = ["Config", "ImageRecord", "Layer", "Records", "digest_of"]

STEPS_KEPT = 5000
"""Steps of builds whose results are remembered."""


def digest_of(data: Any) -> str:
    """``sha256:…`` of data as canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class Layer(BaseModel):
    """One layer. ``simulated``: it comes from a command that was not run, so its size is an estimate.

    ``secrets`` are what a search of the copied files found, in the words of ``docker_secrets``.
    """

    digest: str
    size: int
    command: str
    simulated: bool = False
    files: int = 0
    bytes_read: int = 0
    secrets: list[str] = Field(default_factory=list)


class Config(BaseModel):
    """What an image says of the processes that start from it."""

    user: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    cmd: list[str] = Field(default_factory=list)
    entrypoint: list[str] = Field(default_factory=list)
    ports: list[str] = Field(default_factory=list)
    workdir: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    volumes: list[str] = Field(default_factory=list)
    healthcheck: list[str] = Field(default_factory=list)
    stop_signal: str = ""
    shell: list[str] = Field(default_factory=list)
    on_build: list[str] = Field(default_factory=list)


class Step(BaseModel):
    """One step of an image's history; ``size`` is 0 for one that made no layer."""

    command: str
    size: int = 0


class ImageRecord(BaseModel):
    """One image. ``pulled`` is the repository that it came from, and empty for one that was built here."""

    id: str
    layers: list[Layer]
    config: Config
    history: list[Step] = Field(default_factory=list)
    pulled: str = ""
    architecture: str = "amd64"

    @classmethod
    def made(cls, layers: list[Layer], config: Config, history: list[Step] | None = None, *, pulled: str = "") -> Self:
        """An image of these parts, with the ID that follows from them."""
        steps = history if history is not None else [Step(command=each.command, size=each.size) for each in layers]
        parts = {
            "layers": [layer.digest for layer in layers],
            "config": config.model_dump(mode="json"),
            "history": [step.command for step in steps],
        }
        return cls(id=digest_of(parts), layers=layers, config=config, history=steps, pulled=pulled)

    @property
    def size(self) -> int:
        """Bytes of all layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def simulated(self) -> int:
        """How many of its layers come from commands that were not run."""
        return sum(layer.simulated for layer in self.layers)


class Book(BaseModel):
    """All images, their names, and the steps that builds need not do again."""

    images: dict[str, ImageRecord] = Field(default_factory=dict)
    names: dict[str, str] = Field(default_factory=dict)
    steps: dict[str, int] = Field(default_factory=dict)


class Records:
    """The book in its file. Readers see it whole: it is replaced, never written over."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "docker.json"
        self._seen: tuple[int, int] | None = None
        self._book = Book()

    def read(self) -> Book:
        """The book as it is now."""
        try:
            status = self.file.stat()
            if (status.st_mtime_ns, status.st_ino) != self._seen:
                self._book = Book.model_validate_json(self.file.read_bytes())
                self._seen = (status.st_mtime_ns, status.st_ino)
        except FileNotFoundError:
            self._book, self._seen = Book(), None
        except ValueError:  # of another version: images can be built again
            self._book, self._seen = Book(), None
        return self._book

    @contextlib.contextmanager
    def change(self) -> Iterator[Book]:
        """The book, to be changed by one process at a time."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.file.with_suffix(".lock").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            book = self.read().model_copy(deep=True)
            yield book
            for old in list(book.steps)[:-STEPS_KEPT]:
                del book.steps[old]
            part = self.file.with_suffix(f".{os.getpid()}")
            part.write_text(book.model_dump_json(), encoding="utf-8")
            part.chmod(0o600)
            part.replace(self.file)
            self._seen = None
