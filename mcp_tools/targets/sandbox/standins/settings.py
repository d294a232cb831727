"""The instructions that make no layer: ENV, ARG, LABEL, USER, EXPOSE, ENTRYPOINT, CMD and their like."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mcp_tools.engines.dockerfile import Instruction
from mcp_tools.targets.sandbox.standins.words import BuildError, assignments, expand, flags_of, refused

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.standins.build import State

__all__ = ["REFERENCE", "apply", "argv"]

REFERENCE = re.compile(
    r"(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d+)?/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
    r"(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?"
)
_SHELL = ["/bin/sh", "-c"]


def argv(text: str, shell: list[str]) -> list[str]:
    """The words of a command: those of a JSON array, or the shell with the text."""
    text = text.strip()
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return words
    return [*(shell or _SHELL), text] if text else []


def apply(
    state: State,
    instruction: Instruction,
    outer: Mapping[str, str],
    build_args: Mapping[str, str],
    predefined: Mapping[str, str],
) -> None:
    """Carry out one instruction.

    Raises:
        BuildError: it says something that is not allowed.
    """
    config, name, value = state.config, instruction.name, instruction.value
    if name == "ARG":
        _argument(state, instruction, {**predefined, **outer}, build_args)
    elif name == "ENV":
        config.env |= assignments(instruction, state.known)
    elif name == "LABEL":
        config.labels |= assignments(instruction, state.known)
    elif name == "USER":
        config.user = expand(value, state.known)
    elif name == "EXPOSE":
        config.ports = sorted({*config.ports, *_ports(value, state.known)})
    elif name == "ENTRYPOINT":
        config.entrypoint = argv(value, config.shell)
        if not state.own_cmd:
            config.cmd = []
    elif name == "CMD":
        config.cmd, state.own_cmd = argv(value, config.shell), True
    elif name == "VOLUME":
        words = [expand(word, state.known) for word in instruction.words]
        config.volumes = sorted({*config.volumes, *(posixpath.join("/", word) for word in words)})
    elif name == "STOPSIGNAL":
        config.stop_signal = expand(value, state.known)
    elif name == "SHELL":
        config.shell = argv(value, [])
        if not value.strip().startswith("[") or not config.shell:
            raise refused(instruction.line, "SHELL requires the arguments to be in JSON form")
    elif name == "HEALTHCHECK":
        config.healthcheck = _health(instruction, config.shell)
    elif name == "ONBUILD":
        config.on_build = [*config.on_build, value]


def _argument(state: State, instruction: Instruction, outer: Mapping[str, str], given: Mapping[str, str]) -> None:
    for name, value in assignments(instruction, state.known, bare=True).items():
        default = value if "=" in instruction.value else outer.get(name, "")
        if name in given:
            state.arguments[name] = given[name]
        elif "=" in instruction.value or name in outer:
            state.arguments[name] = default


def _ports(value: str, known: Mapping[str, str]) -> list[str]:
    found = []
    for word in expand(value, known).split():
        match = re.fullmatch(r"(\d+)(?:-(\d+))?(?:/(tcp|udp|sctp))?", word, re.IGNORECASE)
        if match is None:
            raise BuildError(f"invalid containerPort: {word}")
        kind = (match[3] or "tcp").lower()
        found += [f"{port}/{kind}" for port in range(int(match[1]), int(match[2] or match[1]) + 1)]
    return found


def _health(instruction: Instruction, shell: list[str]) -> list[str]:
    rest = flags_of(instruction).rest.strip()
    word, _, command = rest.partition(" ")
    if word.upper() == "NONE":
        return ["NONE"]
    if word.upper() != "CMD":
        raise refused(instruction.line, f'Unknown type "{word.upper()}" in HEALTHCHECK (try CMD)')
    return ["CMD", *argv(command, shell)]
