"""A build context: which files Docker would send, and one digest over everything that decides what the image becomes.

The rules of ``.dockerignore`` are those of moby's patternmatcher, which both builders use. Nothing is executed, and a
symbolic link is data (its target's text): what it points to, inside or outside, is never read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mcp_tools.errors import NotFound, ToolFailed, UsageError

__all__ = ["LABEL", "Facts", "Ignore", "content_tag", "measure"]

LABEL = "longshore.dev/source"
"""The image label that carries the digest of the context that an image was built from."""

_CHUNK = 1 << 20
_SPECIAL = frozenset(".+()|{}^$")


@dataclass(frozen=True)
class Facts:
    """What a context holds. ``digest`` is None without a Dockerfile."""

    digest: str | None
    files: int
    bytes: int

    @property
    def tag(self) -> str | None:
        """The content tag, ``src-`` and 12 hexadecimal digits."""
        return content_tag(self.digest) if self.digest else None


def content_tag(digest: str) -> str:
    """The image tag that stands for a context."""
    return f"src-{digest.removeprefix('sha256:')[:12]}"


@dataclass(frozen=True)
class _Rule:
    expression: re.Pattern[str]
    keeps: bool
    prefix: str


class Ignore:
    """The rules of one ``.dockerignore``; the last rule that matches a path, or a folder above it, decides."""

    def __init__(self, text: str) -> None:
        self._rules = [rule for line in text.removeprefix("\ufeff").splitlines() if (rule := _rule(line))]

    @classmethod
    def of(cls, root: Path, dockerfile: Path) -> Ignore:
        """The rules that hold for a Dockerfile: ``NAME.dockerignore`` beside it, or the context's own.

        Raises:
            ToolFailed: the file cannot be read.
        """
        for file in (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), root / ".dockerignore"):
            if file.is_file():
                if file.is_symlink() and root.resolve() not in file.resolve().parents:
                    raise ToolFailed(f"{file.name} leads outside the context", remedy="put a file in its place")
                try:
                    return cls(file.read_text(encoding="utf-8"))
                except (OSError, UnicodeDecodeError) as error:
                    raise ToolFailed(f"{file.name} cannot be read", str(error), "correct the file") from error
        return cls("")

    def walk(self, root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Every file, link and folder of the context, by its POSIX path, in a fixed order."""
        yield from self._walk(root, "", [False] * len(self._rules))

    def _walk(self, folder: Path | str, above: str, parents: list[bool]) -> Iterator[tuple[str, os.DirEntry[str]]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise ToolFailed(f"{above or 'the context'} cannot be read", str(error), "check its permissions") from error
        for entry in entries:
            path = f"{above}{entry.name}"
            hits = [hit or bool(rule.expression.match(path)) for rule, hit in zip(self._rules, parents, strict=True)]
            ignored = self._decide(hits)
            if not entry.is_dir(follow_symlinks=False):
                if not ignored:
                    yield path, entry
                continue
            if not ignored:
                yield path, entry
                yield from self._walk(entry.path, f"{path}/", hits)
            elif self._may_keep_below(path):
                below = list(self._walk(entry.path, f"{path}/", hits))
                if below:
                    yield path, entry
                yield from below

    def _decide(self, hits: list[bool]) -> bool:
        for rule, hit in zip(reversed(self._rules), reversed(hits), strict=True):
            if hit:
                return not rule.keeps
        return False

    def _may_keep_below(self, folder: str) -> bool:
        """Whether a ``!`` rule could bring back something inside an ignored folder."""
        inside = f"{folder}/"
        return any(r.keeps and (r.prefix.startswith(inside) or inside.startswith(r.prefix)) for r in self._rules)


def _rule(line: str) -> _Rule | None:
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    keeps = text.startswith("!")
    text = os.path.normpath(text.removeprefix("!").strip().lstrip("/") or ".")
    while text.startswith("../"):
        text = text[3:]
    if text in (".", ".."):
        return None
    literal = re.match(r"[^*?\[\\]*", text)
    prefix = literal.group(0) if literal else ""
    return _Rule(_expression(text), keeps, f"{prefix}/" if prefix == text else prefix)


def _expression(pattern: str) -> re.Pattern[str]:
    """A pattern as moby's patternmatcher reads it: ``**`` crosses folders, ``*`` and ``?`` do not."""
    out, i = "", 0
    while i < len(pattern):
        char = pattern[i]
        if pattern.startswith("**", i):
            i += 2
            i += pattern.startswith("/", i)
            out += ".*" if i >= len(pattern) else "(.*/)?"
            continue
        i += 1
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "\\" and i < len(pattern):
            out += re.escape(pattern[i])
            i += 1
        elif char == "[" and (end := pattern.find("]", i + 1)) > 0:
            out += pattern[i - 1 : end + 1]
            i = end + 1
        else:
            out += re.escape(char) if char in _SPECIAL or not char.isalnum() else char
    try:
        return re.compile(f"^{out}$", re.DOTALL)
    except re.error as error:
        raise UsageError(
            ".dockerignore has a pattern that is none", f"{pattern}: {error}", "correct the line"
        ) from error


def measure(root: Path, dockerfile: Path, build_args: Mapping[str, str] | None = None) -> Facts:
    """Count a context and, when there is a Dockerfile, digest it. Blocking; run it in a thread.

    In the digest: every path of the filtered context with its content, its executable bit, a link's target; the
    Dockerfile; the build arguments. Not in it: times, owners, other permission bits.

    Raises:
        NotFound: there is no such folder.
        ToolFailed: something in it cannot be read.
    """
    if not root.is_dir():
        raise NotFound(f"there is no folder {root.name}", remedy="give the folder that holds the sources")
    whole = hashlib.sha256(b"longshore context 1\n")
    known = dockerfile.is_file()
    if known:
        head = {
            "dockerfile": _file_digest(dockerfile, dockerfile.name),
            "args": dict(sorted((build_args or {}).items())),
        }
        whole.update(json.dumps(head, sort_keys=True).encode() + b"\n")
    files = size = 0
    for path, entry in Ignore.of(root, dockerfile).walk(root):
        kind, length, content = _entry(path, entry, digest=known)
        if kind in ("file", "program"):
            files, size = files + 1, size + length
        if kind:
            whole.update(json.dumps([kind, os.fsencode(path).hex(), content]).encode() + b"\n")
    return Facts(f"sha256:{whole.hexdigest()}" if known else None, files, size)


def _entry(path: str, entry: os.DirEntry[str], *, digest: bool) -> tuple[str, int, str]:
    """Kind, size and content of one entry; sockets and devices have no kind, for builders leave them out."""
    try:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            return "link", 0, os.fsencode(Path(entry.path).readlink()).hex()
        if stat.S_ISDIR(status.st_mode):
            return "folder", 0, ""
        if not stat.S_ISREG(status.st_mode):
            return "", 0, ""
    except OSError as error:
        raise ToolFailed(f"{path} cannot be read", str(error), "check its permissions") from error
    kind = "program" if status.st_mode & 0o111 else "file"
    return kind, status.st_size, _file_digest(Path(entry.path), path) if digest else ""


def _file_digest(file: Path, shown: str) -> str:
    content = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                content.update(chunk)
    except OSError as error:
        why = error.strerror or str(error)
        raise ToolFailed(
            f"{PurePosixPath(shown)} cannot be read", why, "check its permissions, or name it in .dockerignore"
        ) from error
    return content.hexdigest()
