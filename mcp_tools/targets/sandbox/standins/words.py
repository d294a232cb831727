"""The words of a Dockerfile: quotes, variables, flags, here-documents, and what a builder refuses before it builds.

Source: the Dockerfile reference. The messages are BuildKit's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcp_tools.engines import dockerfile
from mcp_tools.engines.dockerfile import Instruction
from mcp_tools.errors import UsageError

__all__ = ["BuildError", "Flags", "Parsed", "assignments", "expand", "flags_of", "heredocs", "parse", "split"]

INSTRUCTIONS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
_KNOWN_FLAGS = {
    "ADD": {"chown", "chmod", "link", "keep-git-dir", "checksum", "exclude", "unpack"},
    "COPY": {"from", "chown", "chmod", "link", "parents", "exclude"},
    "FROM": {"platform"},
    "RUN": {"mount", "network", "security", "device"},
    "HEALTHCHECK": {"interval", "timeout", "start-period", "start-interval", "retries"},
}
_FLAG = re.compile(r"--(?P<name>[a-z][\w.-]*)(?:=(?P<value>\"[^\"]*\"|'[^']*'|\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"<<(?P<chomp>-?)\s*(?P<quote>[\"']?)(?P<name>\w+)(?P=quote)")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?:(?P<how>:?[-+?])(?P<other>[^}]*))?\}|(?P<plain>\w+))")


class BuildError(Exception):
    """What BuildKit would say; ``said`` are the lines that the failing command printed before."""

    def __init__(self, message: str, *, solve: str = "", said: str = "") -> None:
        super().__init__(message)
        self.message, self.said = message, said
        self.solve = solve or message
        """The last line of the program: it names what it was about to do."""


def refused(line: int, message: str) -> BuildError:
    """The parser's words on a line."""
    return BuildError(f"dockerfile parse error on line {line}: {message}")


@dataclass
class Stage:
    """One stage with its FROM as it is written."""

    base: str
    name: str
    line: int
    instructions: list[Instruction] = field(default_factory=list)


@dataclass
class Parsed:
    """A Dockerfile that a builder would begin to build."""

    stages: list[Stage]
    arguments: dict[str, str]
    lines: list[str]

    def stage(self, name: str, before: int | None = None) -> int | None:
        """The number of the stage of that name, or number, among the first ``before``."""
        last = len(self.stages) if before is None else before
        for number in reversed(range(last)):
            if self.stages[number].name and name.lower() == self.stages[number].name.lower():
                return number
        return int(name) if name.isdigit() and int(name) < last else None


@dataclass(frozen=True)
class Flags:
    """The flags of an instruction, and what is left of it."""

    values: dict[str, list[str]]
    rest: str

    def one(self, name: str) -> str:
        """The last value of a flag; empty without it."""
        return (self.values.get(name) or [""])[-1]


def flags_of(instruction: Instruction) -> Flags:
    """The flags in front of an instruction's arguments.

    Raises:
        BuildError: it has no such flag.
    """
    text, found = instruction.value, dict[str, list[str]]()
    known = _KNOWN_FLAGS.get(instruction.name, set())
    while (match := _FLAG.match(text)) is not None:
        name = match["name"]
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise refused(instruction.line, f"unknown flag: --{name}{hint}")
        found.setdefault(name, []).append((match["value"] or "").strip("\"'"))
        text = text[match.end() :]
    return Flags(found, text)


def parse(text: str, build_args: Mapping[str, str]) -> Parsed:
    """Read a Dockerfile as a builder does.

    Raises:
        BuildError: in BuildKit's words.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    try:
        made = dockerfile.parse(text)
    except UsageError as error:
        raise _explained(error, lines) from error
    for instruction in made.every:
        _check(instruction)
    arguments: dict[str, str] = {}
    for instruction in made.arguments:
        for name, value in assignments(instruction, arguments, bare=True).items():
            arguments[name] = build_args.get(name, value)
    stages = []
    for stage in made.stages:
        base, name = _from(lines, stage.line)
        stages.append(Stage(expand(base, arguments), name, stage.line, stage.instructions))
    parsed = Parsed(stages, arguments, lines)
    for number, each in enumerate(stages):
        if not each.base:
            raise refused(each.line, f"base name ({_from(lines, each.line)[0]}) should not be blank")
        if any(each.name and each.name.lower() == other.name.lower() for other in stages[:number]):
            raise refused(each.line, f"duplicate name {each.name}")
    return parsed


def _explained(error: UsageError, lines: list[str]) -> BuildError:
    number = int(found[1]) if (found := re.match(r"line (\d+)", error.what)) else 0
    if not number:
        empty = not any(line.strip() and not line.strip().startswith("#") for line in lines)
        return BuildError("the Dockerfile cannot be empty" if empty else "no build stage in current context")
    word = lines[number - 1].split()[0] if lines[number - 1].split() else ""
    if "before FROM" in error.what and word.upper() in INSTRUCTIONS:
        return refused(number, "no build stage in current context")
    if "names no image" in error.what:
        return refused(number, "FROM requires either one or three arguments")
    return _unknown(number, word)


def _unknown(line: int, word: str) -> BuildError:
    near = difflib.get_close_matches(word.upper(), INSTRUCTIONS, n=1, cutoff=0.6)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return refused(line, f"unknown instruction: {word}{hint}")


def _check(instruction: Instruction) -> None:
    """What is refused by the look of one instruction alone."""
    name, line = instruction.name, instruction.line
    if name not in INSTRUCTIONS:
        raise _unknown(line, name)
    given = flags_of(instruction).rest.strip()
    if name in ("COPY", "ADD"):
        words = instruction.words
        if not words:
            raise refused(line, f"{name} requires at least two arguments, but only zero were provided")
        if len(words) == 1:
            raise refused(
                line,
                f"{name} requires at least two arguments, but only one was provided. "
                "Destination could not be determined",
            )
    elif not given and name not in ("CMD", "ENTRYPOINT"):
        many = "at least one argument" if name in ("ENV", "LABEL", "ARG", "EXPOSE", "VOLUME", "RUN") else None
        raise refused(line, f"{name} requires {many or 'exactly one argument'}")
    elif name == "EXPOSE":
        for word in given.split():
            if "$" not in word and not re.fullmatch(r"\d+(?:-\d+)?(?:/(?:tcp|udp|sctp))?", word, re.IGNORECASE):
                raise BuildError(f"invalid containerPort: {word}")
    elif name in ("ENV", "LABEL"):
        assignments(instruction, {})


def _from(lines: list[str], line: int) -> tuple[str, str]:
    """The image and the name of a FROM as it is written.

    Raises:
        BuildError: it has another number of words.
    """
    text, number = "", line - 1
    while number < len(lines):
        part = lines[number].strip()
        number += 1
        if not (text and part.startswith("#")):
            text += part.removesuffix("\\") + " "
        if not part.endswith("\\"):
            break
    words = [word for word in text.split()[1:] if not word.startswith("--")]
    if len(words) == 1:
        return words[0], ""
    if len(words) == 3 and words[1].upper() == "AS":
        if not re.fullmatch(r"[a-z][a-z0-9-_.]*", words[2], re.IGNORECASE):
            raise refused(line, f'invalid name for build stage: "{words[2]}", name can\'t start with a number or '
                                "contain symbols")  # fmt: skip
        return words[0], words[2]
    raise refused(line, "FROM requires either one or three arguments")


def split(text: str) -> list[str]:
    """Words as the parser of ENV and LABEL splits them: at blanks outside of quotes; the quotes stay."""
    found, word, quote, position = [], "", "", 0
    while position < len(text):
        char = text[position]
        if char == "\\" and quote != "'" and position + 1 < len(text):
            word += text[position : position + 2]
            position += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char.isspace():
            if word:
                found.append(word)
            word = ""
            position += 1
            continue
        word += char
        position += 1
    return [*found, word] if word else found


def assignments(instruction: Instruction, known: Mapping[str, str], *, bare: bool = False) -> dict[str, str]:
    """NAME=VALUE pairs of ENV, LABEL or ARG, with their variables filled in. ``bare``: a name alone is one (ARG).

    Raises:
        BuildError: there is no ``=`` where one must be.
    """
    words = split(instruction.value)
    if not bare and words and "=" not in words[0]:
        name, _, value = instruction.value.partition(" ")
        if not value.strip():
            raise refused(instruction.line, f"{instruction.name} must have two arguments")
        return {name: expand(value.strip(), known)}
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals and not bare:
            raise refused(
                instruction.line, f"Syntax error - can't find = in {_quoted(word)}. Must be of the form: name=value"
            )
        if not name:
            raise refused(instruction.line, f"{instruction.name} names can not be blank")
        found[expand(name, {})] = expand(value, known)
    return found


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '\\"') + '"'


def expand(text: str, known: Mapping[str, str]) -> str:
    """The text without its quotes and with its variables: ``$NAME``, ``${NAME:-other}``, ``${NAME:+other}``."""
    out, position, quote = "", 0, ""
    while position < len(text):
        char = text[position]
        if char == "\\" and quote != "'" and position + 1 < len(text):
            out += text[position + 1]
            position += 2
        elif char in "\"'" and (not quote or quote == char):
            quote = "" if quote else char
            position += 1
        elif char == "$" and quote != "'" and (found := _VARIABLE.match(text, position)):
            out += _value(found, known)
            position = found.end()
        else:
            out += char
            position += 1
    return out


def _value(found: re.Match[str], known: Mapping[str, str]) -> str:
    name = found["braced"] or found["plain"]
    value, how = known.get(name), found["how"] or ""
    there = value is not None and (bool(value) or not how.startswith(":"))
    if how.endswith("-") and not there:
        return expand(found["other"], known)
    if how.endswith("+"):
        return expand(found["other"], known) if there else ""
    if how.endswith("?") and not there:
        raise BuildError(f'failed to process "{found[0]}": {name}: {found["other"] or "not set"}')
    return value or ""


def heredocs(parsed: Parsed, instruction: Instruction) -> dict[str, str]:
    """The bodies of an instruction's here-documents by their names."""
    names = list(_HEREDOC.finditer(instruction.value))
    number, found = instruction.line - 1, {}
    while names and number < len(parsed.lines) and not _HEREDOC.search(parsed.lines[number]):
        number += 1
    number += 1
    for name in names:
        body: list[str] = []
        while number < len(parsed.lines) and parsed.lines[number].strip() != name["name"]:
            line = parsed.lines[number]
            body.append(line.lstrip("\t") if name["chomp"] else line)
            number += 1
        if number >= len(parsed.lines):
            raise refused(instruction.line, "unterminated heredoc")
        number += 1
        found[name["name"]] = "\n".join([*body, ""])
    return found
