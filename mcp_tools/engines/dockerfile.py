"""A Dockerfile read into its stages and instructions, without running anything.

Source: the Dockerfile reference (parser directives, line continuation, here-documents). What it says is data.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from mcp_tools.errors import NotFound, UsageError

__all__ = ["Dockerfile", "Instruction", "Stage", "parse", "read"]

MAX_BYTES = 1_000_000
_WORD = re.compile(r"^\s*([A-Za-z]+)(?:\s+(.*))?$", re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")
_LAYERS = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, its arguments on one line, and the line it begins on."""

    name: str
    value: str
    line: int

    @property
    def words(self) -> list[str]:
        """The arguments without flags; the elements of a JSON array when it is one."""
        text = self.value
        while found := re.match(r"--[\w.-]+(?:=\S+)?\s+", text):
            text = text[found.end() :]
        if text.lstrip().startswith("["):
            try:
                return [str(word) for word in json.loads(text)]
            except ValueError:
                pass
        return text.split()

    def flag(self, name: str) -> str | None:
        """The value of ``--name=value``."""
        found = re.search(rf"(?:^|\s)--{re.escape(name)}=(\S+)", self.value)
        return found.group(1) if found else None


@dataclass
class Stage:
    """One stage: ``base`` with its ARG places filled from their defaults; None of it resolved further."""

    base: str
    name: str
    line: int
    instructions: list[Instruction] = field(default_factory=list)

    def last(self, name: str) -> Instruction | None:
        """The last instruction of that name."""
        return next((i for i in reversed(self.instructions) if i.name == name), None)


@dataclass
class Dockerfile:
    """A Dockerfile. ``arguments`` are the ARGs before the first FROM."""

    stages: list[Stage] = field(default_factory=list)
    arguments: list[Instruction] = field(default_factory=list)

    @property
    def final(self) -> Stage:
        """The stage that becomes the image."""
        return self.stages[-1]

    def stage(self, name: str) -> Stage | None:
        """The stage of that name or number."""
        for number, stage in enumerate(self.stages):
            if name.lower() == stage.name.lower() or name == str(number):
                return stage
        return None

    def lineage(self, stage: Stage) -> list[Stage]:
        """The stage and those it is built upon, nearest first."""
        found, seen = [stage], {id(stage)}
        while (parent := self.stage(found[-1].base)) is not None and id(parent) not in seen:
            seen.add(id(parent))
            found.append(parent)
        return found

    def effective(self, name: str) -> Instruction | None:
        """The instruction of that name that holds for the image, inherited from earlier stages."""
        return next((i for stage in self.lineage(self.final) if (i := stage.last(name))), None)

    def steps(self) -> int:
        """Numbered steps of a build: the instructions that make layers, in the stages that the final one needs."""
        needed: list[Stage] = []
        waiting = [self.final]
        while waiting:
            stage = waiting.pop()
            if any(stage is other for other in needed):
                continue
            needed.append(stage)
            sources = [stage.base, *(i.flag("from") or "" for i in stage.instructions if i.name in ("COPY", "ADD"))]
            waiting += [found for name in sources if name and (found := self.stage(name)) is not None]
        layers = sum(1 for stage in needed for i in stage.instructions if i.name in _LAYERS)
        return layers + sum(
            1 for stage in needed if self.stage(stage.base) in (None, stage) and stage.base != "scratch"
        )

    @property
    def every(self) -> list[Instruction]:
        """All instructions."""
        return [*self.arguments, *(i for stage in self.stages for i in stage.instructions)]


def read(file: Path) -> str:
    """The text of a Dockerfile.

    Raises:
        NotFound: there is none.
        UsageError: it is no text, or too large for one.
    """
    if not file.is_file():
        raise NotFound(f"there is no {file.name} in {file.parent.name}", remedy="dockerfile_generate writes one")
    try:
        data = file.read_bytes()
        if len(data) > MAX_BYTES:
            raise UsageError(f"{file.name} is no Dockerfile", f"it has {len(data)} bytes", "give the right file")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file.name} is not UTF-8 text", str(error), "save it as UTF-8") from error
    except OSError as error:
        raise UsageError(
            f"{file.name} cannot be read", error.strerror or str(error), "check its permissions"
        ) from error


def parse(text: str) -> Dockerfile:
    """Read a Dockerfile.

    Raises:
        UsageError: it has no FROM, or a line that is no instruction; names the line.
    """
    made = Dockerfile()
    for instruction in _instructions(text):
        if instruction.name == "FROM":
            made.stages.append(_stage(instruction, _defaults(made.arguments)))
        elif made.stages:
            made.stages[-1].instructions.append(instruction)
        elif instruction.name == "ARG":
            made.arguments.append(instruction)
        else:
            raise UsageError(f"line {instruction.line}: {instruction.name} before FROM", remedy="begin with FROM")
    if not made.stages:
        raise UsageError("the Dockerfile has no FROM", "it makes no image", "begin with FROM")
    return made


def _defaults(arguments: list[Instruction]) -> dict[str, str]:
    pairs = (i.value.partition("=") for i in arguments)
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _stage(instruction: Instruction, arguments: dict[str, str]) -> Stage:
    words = instruction.words
    if not words:
        raise UsageError(f"line {instruction.line}: FROM names no image", remedy="FROM IMAGE:TAG")

    def fill(found: re.Match[str]) -> str:
        return arguments.get(found[1] or found[3], "") or (found[2] or "")

    name = words[2] if len(words) >= 3 and words[1].upper() == "AS" else ""
    return Stage(_VARIABLE.sub(fill, words[0]), name, instruction.line)


def _instructions(text: str) -> list[Instruction]:
    lines = text.replace("\r\n", "\n").split("\n")
    escape = _escape(lines)
    found, number = [], 0
    while number < len(lines):
        begin = number
        line = lines[number].strip()
        number += 1
        if not line or line.startswith("#"):
            continue
        parts = [line]
        while parts[-1].endswith(escape) and number < len(lines):
            parts[-1] = parts[-1][:-1].rstrip()
            # Comments and empty lines within a continued instruction are left out.
            while number < len(lines) and (not lines[number].strip() or lines[number].strip().startswith("#")):
                number += 1
            if number < len(lines):
                parts.append(lines[number].strip())
                number += 1
        joined = " ".join(part for part in parts if part)
        match = _WORD.match(joined)
        if match is None:
            raise UsageError(f"line {begin + 1}: this is no instruction", joined[:80], "correct the line")
        number = _skip_heredocs(match[1].upper(), joined, lines, number)
        found.append(Instruction(match[1].upper(), (match[2] or "").strip(), begin + 1))
    return found


def _escape(lines: list[str]) -> str:
    for line in lines:
        directive = re.match(r"^#\s*(\w+)\s*=\s*(\S+)\s*$", line)
        if directive is None:
            break
        if directive[1].lower() == "escape":
            return directive[2]
    return "\\"


def _skip_heredocs(name: str, text: str, lines: list[str], number: int) -> int:
    """The number of the line after the here-documents of an instruction."""
    if name not in ("RUN", "COPY", "ADD"):
        return number
    for word in _HEREDOC.findall(text):
        while number < len(lines) and lines[number].strip() != word:
            number += 1
        number += 1
    return number
