"""COPY and ADD: which files of the context, or of another stage, come to lie where."""

from __future__ import annotations

import hashlib
import posixpath
import re
from typing import TYPE_CHECKING

from mcp_tools.engines.dockerfile import Instruction
from mcp_tools.targets.sandbox.standins.files import Entry, Made, Tree, digest_entries, matches
from mcp_tools.targets.sandbox.standins.records import Layer, digest_of
from mcp_tools.targets.sandbox.standins.words import BuildError, Flags, expand, flags_of

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.standins.build import Builder, State

__all__ = ["Copier", "missing"]

_URL = re.compile(r"^(?:https?://|git@|git://|ssh://)")
_ARCHIVE = re.compile(r"\.(?:tar|tar\.gz|tgz|tar\.bz2|tar\.xz|txz|tar\.zst)$")
_REMOTE = 10_000_000
"""Bytes: what is fetched from elsewhere is not fetched here."""


def missing(path: str) -> BuildError:
    """BuildKit's words for a path that is not in the context, or in the stage."""
    name = posixpath.normpath(f"/{path.lstrip('/')}")
    ref = hashlib.sha256(name.encode()).hexdigest()
    words = f'failed to calculate checksum of ref {ref[:25]}::{ref[25:50]}: "{name}": not found'
    return BuildError(words, solve=f"failed to compute cache key: {words}")


class Copier:
    """Carries out one COPY or ADD of a stage."""

    def __init__(self, builder: Builder, number: int, state: State) -> None:
        self.builder, self.number, self.state = builder, number, state
        self.entries: dict[str, Entry] = {}
        self.made: list[Made] = []

    def copy(self, instruction: Instruction, bodies: dict[str, str]) -> tuple[Layer, dict[str, Entry]]:
        """The layer, and the files in it by their paths.

        Raises:
            BuildError: a source is not there.
        """
        flags = flags_of(instruction)
        words = [expand(word, self.state.known) for word in instruction.words]
        *sources, target = words
        if len(sources) > 1 and not (target.endswith("/") or target in (".", "")):
            words_of = f"When using {instruction.name} with more than one source file"
            raise BuildError(f"{words_of}, the destination must be a directory and end with a /")
        into = len(sources) > 1 or target.endswith("/") or target in (".", "..")
        place = self._path(target)
        for source in sources:
            self._one(instruction, flags, source, place, into, bodies)
        for path, entry in self.entries.items():
            self.state.tree.put(path, entry)
        self.state.tree.made += self.made
        return self._layer(instruction, flags, words), dict(self.entries)

    def _path(self, target: str) -> str:
        return posixpath.normpath(posixpath.join(self.state.config.workdir or "/", target))

    def _layer(self, instruction: Instruction, flags: Flags, words: list[str]) -> Layer:
        content = [
            "COPY",
            digest_entries(self.entries.items()),
            [[made.command, made.key] for made in self.made],
            flags.one("chown"),
            flags.one("chmod"),
        ]
        size = sum(entry.size for entry in self.entries.values()) + sum(made.size for made in self.made)
        command = f"{instruction.name} {' '.join(words)} # buildkit"
        return Layer(digest=digest_of(content), size=size, command=command, simulated=bool(self.made))

    def _one(
        self, instruction: Instruction, flags: Flags, source: str, place: str, into: bool, bodies: dict[str, str]
    ) -> None:
        origin = expand(flags.one("from"), {**self.builder.parsed.arguments, **self.state.known})
        if source.startswith("<<"):
            name = source.lstrip("<-").strip("\"'")
            text = bodies.get(name, "")
            digest = hashlib.sha256(text.encode()).hexdigest()
            self.entries[posixpath.join(place, name) if into else place] = Entry("file", len(text), digest, None, text)
        elif instruction.name == "ADD" and _URL.match(source):
            self.made.append(Made(f"ADD {source} {place}", digest_of(["ADD", source]), _REMOTE))
        elif origin:
            self._from(origin, source, place, into)
        else:
            self._from_context(instruction, source, place, into)

    def _from_context(self, instruction: Instruction, source: str, place: str, into: bool) -> None:
        context = self.builder.context
        found = context.find(source)
        if not found:
            raise missing(source)
        for path in found:
            entries = context.below(path)
            if instruction.name == "ADD" and _ARCHIVE.search(path) and entries[""].kind in ("file", "program"):
                size = entries[""].size * 3
                self.made.append(Made(f"ADD {path} {place}", digest_of(["unpack", entries[""].digest]), size))
                continue
            self._place(path, entries, place, into or len(found) > 1)

    def _place(self, path: str, entries: dict[str, Entry], place: str, into: bool) -> None:
        own = entries.get("")
        if own is not None and own.kind != "folder":
            folder = into or self.state.tree.is_folder(place)
            self.entries[posixpath.join(place, posixpath.basename(path)) if folder else place] = own
            return
        self.entries.setdefault(place, Entry("folder", 0, ""))
        for name, entry in entries.items():
            if name:
                self.entries[posixpath.join(place, name)] = entry

    def _from(self, origin: str, source: str, place: str, into: bool) -> None:
        """From another stage, or from an image; what a command made there comes as something unknown."""
        stage = self.builder.parsed.stage(origin, self.number)
        image = Tree(self.builder.image(origin).id, opaque=True) if stage is None else None
        tree = image or self.builder.stage(int(stage or 0)).tree
        path = posixpath.normpath(f"/{source.lstrip('/')}")
        if re.search(r"[*?\[]", path):
            found = [name for name in tree.entries if matches(path, name)]
            if not found and not tree.may_have(posixpath.dirname(path)):
                raise missing(path)
        else:
            found = [path] if tree.below(path) else []
            if not found and not tree.may_have(path):
                raise missing(path)
        for name in found:
            self._place(name, tree.below(name), place, into or len(found) > 1)
        file = len(found) == 1 and tree.below(found[0]).get("", Entry("folder", 0, "")).kind in ("file", "program")
        makers = [] if file else tree.makers(path)
        if makers or not found:
            key = digest_of([tree.key, path, [made.key for made in makers]])
            self.made.append(Made(f"COPY {path} {place}", key, _estimate(path, makers)))


def _estimate(path: str, makers: list[Made]) -> int:
    """Bytes of what commands made there: of all that name the path, or else of the last one."""
    naming = [made.size for made in makers if path in made.command]
    return sum(naming) or (makers[-1].size if makers else 1_000_000)
