"""What is inside a stage while it is built: the files that were copied, and the commands that may have made others.

A command is not run, so what it makes is not known: it is remembered by its text and by all that it could have read,
and whoever copies from the stage gets a digest of that. So an unchanged build gives the same layers, and a changed
source changes the layers that could depend on it, and no others.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcp_tools.engines.context import Ignore
from mcp_tools.targets.sandbox.standins.records import digest_of

__all__ = ["Context", "Entry", "Made", "Tree", "matches"]


@dataclass(frozen=True)
class Entry:
    """A file, link or folder. ``source`` is where its content lies on this machine; None for text of a Dockerfile."""

    kind: str
    size: int
    digest: str
    source: Path | None = None
    text: str = ""


@dataclass(frozen=True)
class Made:
    """A command that was not run. ``size`` is an estimate of what it adds, in bytes."""

    command: str
    key: str
    size: int


@dataclass
class Tree:
    """The file system of a stage. ``opaque``: it came with a base image, whose files are not known."""

    key: str
    opaque: bool
    entries: dict[str, Entry] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)

    def copy(self) -> Tree:
        """The same, to be built upon."""
        return replace(self, entries=dict(self.entries), made=list(self.made))

    @property
    def state(self) -> str:
        """The digest of all that a command could read."""
        files = [[path, entry.kind, entry.digest] for path, entry in sorted(self.entries.items())]
        return digest_of([self.key, files, [each.key for each in self.made]])

    def put(self, path: str, entry: Entry) -> None:
        """Add a file, and the folders above it."""
        self.entries[path] = entry
        parent = posixpath.dirname(path)
        while parent not in ("/", "") and parent not in self.entries:
            self.entries[parent] = Entry("folder", 0, "")
            parent = posixpath.dirname(parent)

    def is_folder(self, path: str) -> bool:
        """Whether that is known to be a folder."""
        return path == "/" or (path in self.entries and self.entries[path].kind == "folder")

    def below(self, path: str) -> dict[str, Entry]:
        """What is at or below a path, by its path from there (``""`` for itself)."""
        if path == "/":
            return {name[1:]: entry for name, entry in self.entries.items()}
        inside = f"{path}/"
        return {
            name[len(inside) :] if name != path else "": entry
            for name, entry in self.entries.items()
            if name == path or name.startswith(inside)
        }

    def makers(self, path: str) -> list[Made]:
        """The commands that may have made something at a path: those that name it, or else all of them."""
        stem = re.compile(re.escape(path.rstrip("/")) + r"(?![\w.-])")
        named = [each for each in self.made if path != "/" and stem.search(each.command)]
        return named or list(self.made)

    def may_have(self, path: str) -> bool:
        """Whether something could be there: it is known, or a command or the base image may have brought it."""
        return self.opaque or bool(self.made) or bool(self.below(path)) or path == "/"


@dataclass
class Context:
    """The build context after its .dockerignore: every path, its content digested at its first use."""

    root: Path
    paths: dict[str, os.DirEntry[str]]
    _known: dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, dockerfile: Path) -> Context:
        """Look through the folder. Blocking."""
        return cls(root, dict(Ignore.of(root, dockerfile).walk(root)))

    def find(self, pattern: str) -> list[str]:
        """The paths that a source of COPY names, the whole context being ``""``; empty when there are none."""
        wanted = posixpath.normpath("/" + pattern).lstrip("/")
        if wanted in ("", "."):
            return [""]
        if not re.search(r"[*?\[]", wanted):
            return [wanted] if wanted in self.paths else []
        return [path for path in self.paths if matches(wanted, path)]

    def below(self, path: str) -> dict[str, Entry]:
        """What is at or below a path of the context."""
        inside = f"{path}/" if path else ""
        found = {name[len(inside) :]: self.entry(name) for name in self.paths if name.startswith(inside)}
        return found | ({"": self.entry(path)} if path else {"": Entry("folder", 0, "")})

    def entry(self, path: str) -> Entry:
        """One entry."""
        if path not in self._known:
            self._known[path] = _read(self.paths[path])
        return self._known[path]

    def bytes(self) -> int:
        """The size of all its files."""
        return sum(entry.stat(follow_symlinks=False).st_size for entry in self.paths.values() if entry.is_file())


def _read(found: os.DirEntry[str]) -> Entry:
    if found.is_symlink():
        return Entry("link", 0, str(Path(found.path).readlink()))
    if found.is_dir():
        return Entry("folder", 0, "")
    content = hashlib.sha256()
    with Path(found.path).open("rb") as stream:
        while chunk := stream.read(1 << 20):
            content.update(chunk)
    status = found.stat()
    kind = "program" if status.st_mode & 0o111 else "file"
    return Entry(kind, status.st_size, content.hexdigest(), Path(found.path))


def matches(pattern: str, path: str) -> bool:
    """Whether a path is meant by a pattern, as Go's filepath.Match decides it: no wildcard crosses a ``/``."""
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(_segment(one, other) for one, other in zip(wanted, given, strict=True))


def _segment(pattern: str, text: str) -> bool:
    expression = ""
    for part in re.findall(r"\[\^?[^\]]*\]|\*|\?|.", pattern):
        if part == "*":
            expression += "[^/]*"
        elif part == "?":
            expression += "[^/]"
        else:
            expression += part if part.startswith("[") and part.endswith("]") and len(part) > 2 else re.escape(part)
    return re.fullmatch(expression, text) is not None


def digest_entries(entries: Iterable[tuple[str, Entry]]) -> list[list[str]]:
    """Entries for a digest, in a fixed order."""
    return [[path, entry.kind, entry.digest] for path, entry in sorted(entries)]
