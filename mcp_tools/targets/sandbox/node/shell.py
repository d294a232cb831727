"""A shell in simulated time: ``sh -c`` of containers, of probes and of hooks."""

from __future__ import annotations

import fnmatch
import posixpath
import re

from mcp_tools.targets.sandbox.node import commands, programs, shell_values
from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.commands import FILTERS
from mcp_tools.targets.sandbox.node.process import Care, Say, Sleep, Steps, written
from mcp_tools.targets.sandbox.node.shell_care import care_of
from mcp_tools.targets.sandbox.node.shell_parse import parse
from mcp_tools.targets.sandbox.node.shell_syntax import (
    Block,
    Case,
    Chain,
    For,
    Function,
    If,
    Loop,
    Node,
    Pipe,
    Redirect,
    Simple,
    Unknown,
)
from mcp_tools.targets.sandbox.node.shell_words import FALLBACK_CODE, Exit, Leave, Words

READERS = frozenset({"read", "cat", "grep", "egrep", "tail", "head", "sh", "bash", *FILTERS})
DEPTH = 40
BUSY = 1000
"""Rounds of a loop that take a second at least: one that never waits must not hold everything up."""
PAUSES = 5
"""Waits in a command substitution, after which it is given up."""


def run(box: Box, script: str, *, argv: list[str] | None = None, strict: bool = False) -> Steps:
    """Run a script; the steps of its process."""
    try:
        tree = parse(script)
    except (Unknown, RecursionError) as error:
        yield Say(f"sh: syntax error: {error}")
        return FALLBACK_CODE
    shell = Shell(box, argv or [], strict=strict)
    try:
        code = yield from shell.block(tree)
    except Exit as end:
        return end.code
    except Leave as end:
        return end.code
    return code


class Shell(Words):
    """The state of one shell."""

    def __init__(self, box: Box, argv: list[str], *, strict: bool = False) -> None:
        super().__init__(dict(box.env), argv)
        self.box, self.strict = box, strict
        self.functions: dict[str, Node] = {}
        self.care: Care = "time"
        self.guarded = 0
        self.depth = 0
        self.owed = 0.0

    # -- the tree ------------------------------------------------------------------------------------------------

    def block(self, block: Block) -> Steps:
        """Commands one after the other."""
        if block.redirects:
            return (yield from self._redirected(self._items(block), block.redirects))
        return (yield from self._items(block))

    def _items(self, block: Block) -> Steps:
        saved = dict(self.variables) if block.subshell else None
        try:
            for node, background in block.items:
                if background:
                    self.code = yield from self._background(node)
                else:
                    self.code = yield from self.node(node)
                if self.code and self.strict and not self.guarded:
                    raise Exit(self.code)
        except Exit as end:
            if not block.subshell:
                raise
            self.code = end.code
        finally:
            if saved is not None:
                self.variables = saved
        return self.code

    def _background(self, node: Node) -> Steps:
        """Its output comes at once; it does not make the shell wait."""
        steps = self.node(node)
        try:
            for step in steps:
                if isinstance(step, Sleep):
                    break
                yield step
        finally:
            steps.close()
        return 0

    def node(self, node: Node) -> Steps:
        """One command of whatever kind."""
        self.depth += 1
        if self.depth > DEPTH:
            raise Exit(FALLBACK_CODE)
        try:
            match node:
                case Simple():
                    return (yield from self._simple(node))
                case Pipe():
                    return (yield from self._pipe(node))
                case Chain():
                    return (yield from self._chain(node))
                case Block():
                    return (yield from self.block(node))
                case If():
                    return (yield from self._if(node))
                case Loop():
                    return (yield from self._loop(node))
                case For():
                    return (yield from self._for(node))
                case Case():
                    return (yield from self._case(node))
                case Function():
                    self.functions[node.name] = node.body
                    return 0
        finally:
            self.depth -= 1

    def _guard(self, node: Node) -> Steps:
        """A condition: its failure does not end the shell under ``set -e``."""
        self.guarded += 1
        try:
            return (yield from self.node(node))
        finally:
            self.guarded -= 1

    def _chain(self, node: Chain) -> Steps:
        code = yield from self._guard(node.first)
        for number, (operator, part) in enumerate(node.rest):
            if (operator == "&&") == (code == 0):
                last = number == len(node.rest) - 1
                code = yield from (self.node(part) if last else self._guard(part))
        return code

    def _if(self, node: If) -> Steps:
        for condition, body in node.branches:
            if not (yield from self._guard(condition)):
                return (yield from self.block(body))
        return (yield from self.block(node.otherwise)) if node.otherwise is not None else 0

    def _loop(self, node: Loop) -> Steps:
        outer, code, rounds = self.care, 0, 0
        self.care = care_of(node, strict=self.strict) if outer == "time" else outer
        try:
            while ((yield from self._guard(node.condition)) == 0) != node.until:
                rounds += 1
                if rounds % BUSY == 0:
                    yield Sleep(1.0, self.care)
                try:
                    code = yield from self.block(node.body)
                except Leave as leave:
                    if leave.kind == "break":
                        break
                    if leave.kind != "continue":
                        raise
        finally:
            self.care = outer
        return code

    def _for(self, node: For) -> Steps:
        code = 0
        for value in list(self.fields(node.words)):
            self.variables[node.name] = value
            try:
                code = yield from self.block(node.body)
            except Leave as leave:
                if leave.kind == "break":
                    break
                if leave.kind != "continue":
                    raise
        return code

    def _case(self, node: Case) -> Steps:
        value = self.text(node.word)
        for patterns, body in node.branches:
            if any(fnmatch.fnmatchcase(value, self.text(pattern)) for pattern in patterns):
                return (yield from self.block(body))
        return 0

    def _pipe(self, node: Pipe) -> Steps:
        code, stdin = 0, ""
        for number, part in enumerate(node.parts):
            if number == len(node.parts) - 1:
                self._stdin = stdin
                guard = self._guard(part) if node.negated else self.node(part)
                code = yield from guard
            else:
                said: list[Say] = []
                self._stdin = stdin
                yield from self._captured(self.node(part), said)
                stdin = written(said).removesuffix("\n")
        return int(code == 0) if node.negated else code

    _stdin = ""

    def _captured(self, steps: Steps, said: list[Say]) -> Steps:
        """Pass every step on but output, which is collected."""
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return int(end.value or 0)
            if isinstance(step, Say):
                said.append(step)
            else:
                yield step

    # -- a simple command ----------------------------------------------------------------------------------------

    def _simple(self, node: Simple) -> Steps:
        words = list(self.fields(node.words))
        if self.owed:
            seconds, self.owed = self.owed, 0.0
            yield Sleep(seconds, self.care)
        if not words:
            for name, word in node.assigns:
                self.variables[name] = self.text(word)
            return (yield from self._redirected(_nothing(self.code), node.redirects)) if node.redirects else 0
        local = {name: self.text(word) for name, word in node.assigns}
        stdin = ""
        if words[0] in READERS:
            stdin, self._stdin = self._stdin, ""
        for redirect in node.redirects:
            if redirect.operator in ("<<", "<<-"):
                stdin = self.text(redirect.target)
        steps = self._call(words, local, stdin)
        if node.redirects:
            return (yield from self._redirected(steps, node.redirects))
        return (yield from steps)

    def _call(self, words: list[str], local: dict[str, str], stdin: str) -> Steps:
        while words and words[0] in ("exec", "command", "nohup", "time", "builtin") and len(words) > 1:
            if words[:2] == ["command", "-v"]:
                there = programs.has_program(self.box, words[2]) if len(words) > 2 else False
                return 0 if there else 1
            ends = words[0] == "exec"
            words = words[1:]
            if ends and not words[0].startswith("-"):
                raise Exit((yield from self._call(words, local, stdin)))
        name = words[0]
        if name in self.functions:
            saved, self.argv = self.argv, words[1:]
            try:
                return (yield from self.node(self.functions[name]))
            except Leave as leave:
                if leave.kind != "return":
                    raise
                return leave.code
            finally:
                self.argv = saved
        if name == "read":
            first, _, self._stdin = stdin.partition("\n")
            self.variables[words[-1] if len(words) > 1 else "REPLY"] = first
            return 0 if stdin else 1
        if name in ("[", "test", "[["):
            return shell_values.evaluate(words, self.box)
        if (builtin := self._builtin(words)) is not None:
            return builtin
        if (name == "env" and any("=" in word for word in words[1:])) or name in ("timeout", "sudo"):
            return (yield from self._wrapped(words, local, stdin))
        return (yield from self._program(words, local, stdin))

    def _wrapped(self, words: list[str], local: dict[str, str], stdin: str) -> Steps:
        rest = words[1:]
        while rest and ("=" in rest[0] or rest[0].startswith("-") or re.fullmatch(r"\d+[smh]?", rest[0])):
            name, equal, value = rest.pop(0).partition("=")
            if equal and not name.startswith("-"):
                local[name] = value
        return (yield from self._call(rest, local, stdin)) if rest else 0

    def _program(self, words: list[str], local: dict[str, str], stdin: str) -> Steps:
        name = words[0]
        if not programs.has_program(self.box, name):
            yield Say(f"{self._me()}: {name}: not found")
            return 127
        box = Box(**{**vars(self.box), "argv": words, "env": {**self.variables, **local}})
        base = posixpath.basename(name)
        steps = (
            commands.PROGRAMS[base](box, [base, *words[1:]], stdin)
            if base in commands.PROGRAMS
            else programs.default(box)
        )
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return int(end.value or 0)
            yield step._replace(care=self.care) if isinstance(step, Sleep) and step.care == "time" else step

    def _builtin(self, words: list[str]) -> int | None:
        name, rest = words[0], words[1:]
        match name:
            case "exit":
                raise Exit(int(rest[0]) & 0xFF if rest and rest[0].isdigit() else self.code)
            case "break" | "continue" | "return":
                raise Leave(name, int(rest[0]) if name == "return" and rest and rest[0].isdigit() else self.code)
            case "export" | "readonly" | "local" | "declare":
                for word in rest:
                    key, equal, value = word.partition("=")
                    if equal:
                        self.variables[key] = value
            case "set":
                for word in rest:
                    if re.fullmatch(r"[-+][a-zA-Z]*e[a-zA-Z]*", word):
                        self.strict = word.startswith("-")
            case "unset":
                for word in rest:
                    self.variables.pop(word, None)
            case "shift":
                self.argv = self.argv[1:]
            case "trap" | "cd" | "umask" | "ulimit" | "alias" | "wait" | "source" | "." | "eval" | "shopt":
                return 0
            case _:
                return None
        return 0

    def command_output(self, script: str) -> str:
        """Command substitution: run at once; the command that it is part of waits afterwards as long as it took."""
        said: list[Say] = []
        inner = Shell(self.box, self.argv)
        inner.variables, inner.functions = dict(self.variables), self.functions
        pauses = 0
        try:
            for step in inner.block(parse(script)):
                if isinstance(step, Say):
                    said.append(step)
                elif isinstance(step, Sleep):
                    pauses += 1
                    self.owed += min(step.seconds, 3600.0)
                    if pauses > PAUSES:
                        break
        except (Exit, Leave) as end:
            self.code = end.code
        except Unknown:
            return ""
        return written(said).rstrip("\n")

    def _me(self) -> str:
        """How the shell calls itself in what it says; dash adds the line."""
        return "sh: 1" if self.box.dash else "sh"

    # -- redirections --------------------------------------------------------------------------------------------

    def _redirected(self, steps: Steps, redirects: list[Redirect]) -> Steps:
        target = ""
        for redirect in redirects:
            if redirect.operator in (">", ">>", ">|") and redirect.fd in ("", "1"):
                target = self.text(redirect.target)
            elif redirect.operator == "<":
                path = self.text(redirect.target)
                if not self.box.exists(path):
                    steps.close()
                    yield Say(f"{self._me()}: can't open {path}: no such file")
                    return 1
        if not target:
            return (yield from steps)
        why = None if target in ("/dev/stdout", "/dev/stderr", "/proc/1/fd/1") else self.box.write(target)
        if why is not None:
            steps.close()
            cannot = "cannot" if self.box.dash else "can't"
            yield Say(f"{self._me()}: {cannot} create {target}: {why}")
            return 2 if self.box.dash else 1
        if target.startswith(("/dev/std", "/proc/1/fd")):
            return (yield from steps)
        said: list[Say] = []
        code = yield from self._captured(steps, said)
        if target == self.box.container.get("terminationMessagePath", "/dev/termination-log"):
            self.box.last_words += written(said).splitlines()
        if not target.startswith("/dev/"):
            self.box.write(target, len(written(said)))
        return code


def _nothing(code: int) -> Steps:
    yield from ()
    return code
