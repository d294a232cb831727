"""What the end of a loop of a shell script may depend on: on time, on the network and files, or on nothing."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_tools.targets.sandbox.node.commands_net import PROGRAMS as NETWORK
from mcp_tools.targets.sandbox.node.process import Care
from mcp_tools.targets.sandbox.node.shell_syntax import Block, Case, Chain, For, Function, If, Loop, Node, Pipe, Simple

QUIET = frozenset({"echo", "printf", "sleep", "date", "true", ":", "cat", "ls", "hostname", "[", "test", *NETWORK})
"""Commands that change nothing: an endless loop of them is not looked at."""
LOOKS = frozenset({*NETWORK, "[", "test", "cat", "ls", "grep", "stat", "python3", "python"})
"""Commands whose result changes only when the network or a file does."""


def care_of(node: Loop, *, strict: bool) -> Care:
    """What the end of that loop may depend on."""
    inside, asked = set(names_in(node.body)), set(names_in(node.condition))
    if not inside <= QUIET or strict:
        leaves = {"break", "exit", "return"} & inside
        only = inside <= QUIET | LOOKS | {"break", "exit", "return"}
        return "network" if only and leaves and (inside | asked) & LOOKS else "time"
    if asked and asked <= {"true", ":"} and not node.until:
        return "never"
    return "network" if asked and asked <= LOOKS | {"echo", "sleep"} else "time"


def names_in(node: Node) -> Iterator[str]:
    """The names of all commands in a tree."""
    match node:
        case Simple():
            if node.words:
                first = node.words[0]
                yield first[0].text if first and first[0].kind == "text" else "?"
        case Pipe():
            for part in node.parts:
                yield from names_in(part)
        case Chain():
            yield from names_in(node.first)
            for _, part in node.rest:
                yield from names_in(part)
        case Block():
            if any(r.fd != "2" and r.operator.startswith(">") and r.operator != ">&" for r in node.redirects):
                yield "?"
            for part, _ in node.items:
                yield from names_in(part)
        case If():
            for condition, body in node.branches:
                yield from names_in(condition)
                yield from names_in(body)
            if node.otherwise is not None:
                yield from names_in(node.otherwise)
        case Loop():
            yield from names_in(node.condition)
            yield from names_in(node.body)
        case For():
            yield from names_in(node.body)
        case Case():
            for _, body in node.branches:
                yield from names_in(body)
        case Function():
            yield from names_in(node.body)
