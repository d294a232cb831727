"""The grammar of the shell, as far as commands of containers need it: a script becomes a tree.

Known: lists, pipes, ``&&`` and ``||``, ``if``, ``while``, ``until``, ``for``, ``case``, groups, functions, redirections
with here-documents, quotes, variables and command substitution. What is not known raises :class:`Unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Unknown(ValueError):
    """The script uses what is not simulated, or is no script."""


class Part(NamedTuple):
    """A piece of a word. ``kind``: ``text``, ``var`` (with what follows the name), ``command``, ``sum``."""

    kind: str
    text: str
    quoted: bool


Word = tuple[Part, ...]


class Redirect(NamedTuple):
    """``fd``, operator, target; a here-document has its text as target."""

    fd: str
    operator: str
    target: Word


@dataclass
class Simple:
    """A command with its assignments."""

    assigns: list[tuple[str, Word]] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass
class Pipe:
    """Commands joined by ``|``; ``negated`` by ``!``."""

    parts: list[Node]
    negated: bool = False


@dataclass
class Chain:
    """``first && second || third``."""

    first: Node
    rest: list[tuple[str, Node]]


@dataclass
class Block:
    """Commands one after the other; those with True run in the background."""

    items: list[tuple[Node, bool]]
    redirects: list[Redirect] = field(default_factory=list)
    subshell: bool = False


@dataclass
class If:
    """Conditions with their blocks, and what is done otherwise."""

    branches: list[tuple[Block, Block]]
    otherwise: Block | None


@dataclass
class Loop:
    """``while``, or ``until`` when ``until`` is set."""

    until: bool
    condition: Block
    body: Block


@dataclass
class For:
    """``for name in words``."""

    name: str
    words: list[Word]
    body: Block


@dataclass
class Case:
    """``case word in``."""

    word: Word
    branches: list[tuple[list[Word], Block]]


@dataclass
class Function:
    """``name() { … }``."""

    name: str
    body: Node


Node = Simple | Pipe | Chain | Block | If | Loop | For | Case | Function
OPERATORS = ("&&", "||", ";;", "<<-", "<<", ">>", ">&", "<&", ">|", ";", "&", "|", "(", ")", "<", ">", "\n")
ENDS = frozenset({"then", "do", "done", "fi", "else", "elif", "esac", "}"})


class Token(NamedTuple):
    """An operator, or a word with ``parts``; ``fd`` is a number right before a redirection."""

    operator: str
    parts: Word
    fd: str = ""

    @property
    def plain(self) -> str:
        """The word, when it is one piece without quotes."""
        return (
            self.parts[0].text
            if len(self.parts) == 1 and self.parts[0].kind == "text" and not self.parts[0].quoted
            else ""
        )


class Lexer:
    """Cuts a script into tokens."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text.replace("\\\n", ""), 0
        self.pending: list[tuple[str, bool, int]] = []
        self.tokens: list[Token] = []

    def run(self) -> list[Token]:
        """All tokens."""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t\r":
                self.at += 1
            elif char == "#" and (self.at == 0 or self.text[self.at - 1] in " \t\n;&|("):
                self.at = self._until("\n")
            elif (operator := self._operator()) is not None:
                self.at += len(operator)
                self.tokens.append(Token(operator, ()))
                if operator in ("<<", "<<-"):
                    self._here(operator)
                if operator == "\n" and self.pending:
                    self._documents()
            else:
                self._word()
        return self.tokens

    def _until(self, end: str) -> int:
        found = self.text.find(end, self.at)
        return len(self.text) if found < 0 else found

    def _operator(self) -> str | None:
        return next((op for op in OPERATORS if self.text.startswith(op, self.at)), None)

    def _word(self) -> None:
        begin, parts = self.at, []
        while self.at < len(self.text) and self.text[self.at] not in " \t\r\n" and self._operator() is None:
            parts += self._piece()
        text = self.text[begin : self.at]
        if text.isdigit() and self.at < len(self.text) and self.text[self.at] in "<>":
            operator = self._operator() or ""
            self.at += len(operator)
            self.tokens.append(Token(operator, (), fd=text))
            return
        self.tokens.append(Token("", tuple(_joined(parts))))

    def _piece(self) -> list[Part]:
        char = self.text[self.at]
        if char == "'":
            end = self.text.find("'", self.at + 1)
            if end < 0:
                raise Unknown("unterminated quoted string")
            part = Part("text", self.text[self.at + 1 : end], True)
            self.at = end + 1
            return [part]
        if char == '"':
            return self._double()
        if char == "\\":
            self.at += 2
            return [Part("text", self.text[self.at - 1 : self.at], True)]
        if char in "$`":
            return [self._dollar(quoted=False)]
        self.at += 1
        return [Part("text", char, False)]

    def _double(self) -> list[Part]:
        self.at += 1
        parts = [Part("text", "", True)]
        while self.at < len(self.text) and self.text[self.at] != '"':
            char = self.text[self.at]
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\", "$", "`"):
                parts.append(Part("text", self.text[self.at + 1], True))
                self.at += 2
            elif char in "$`":
                parts.append(self._dollar(quoted=True))
            else:
                parts.append(Part("text", char, True))
                self.at += 1
        if self.at >= len(self.text):
            raise Unknown("unterminated quoted string")
        self.at += 1
        return parts

    def _dollar(self, *, quoted: bool) -> Part:
        if self.text[self.at] == "`":
            end = self.text.find("`", self.at + 1)
            if end < 0:
                raise Unknown("unterminated quoted string")
            part = Part("command", self.text[self.at + 1 : end], quoted)
            self.at = end + 1
            return part
        rest = self.text[self.at + 1 : self.at + 3]
        for opening, closing, kind, skip in (("((", "))", "sum", 3), ("(", ")", "command", 2), ("{", "}", "var", 2)):
            if rest.startswith(opening):
                end = self._close(self.at + skip, opening[0], closing[0])
                text = self.text[self.at + skip : end]
                self.at = end + len(closing)
                return Part(kind, text, quoted)
        begin = self.at + 1
        end = begin
        if begin < len(self.text) and self.text[begin] in "?$#@*!-0123456789":
            end = begin + 1
        while end < len(self.text) and (self.text[end].isalnum() or self.text[end] == "_") and end >= begin:
            if end == begin + 1 and self.text[begin] in "?$#@*!-0123456789":
                break
            end += 1
        self.at = end
        return Part("var", self.text[begin:end], quoted) if end > begin else Part("text", "$", quoted)

    def _close(self, begin: int, opening: str, closing: str) -> int:
        depth, at, quote = 1, begin, ""
        while at < len(self.text):
            char = self.text[at]
            if quote:
                quote = "" if char == quote else quote
            elif char in "'\"":
                quote = char
            elif char == opening:
                depth += 1
            elif char == closing:
                depth -= 1
                if not depth:
                    return at
            at += 1
        raise Unknown("unterminated substitution")

    def _here(self, operator: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1
        begin = self.at
        while self.at < len(self.text) and self.text[self.at] not in " \t\n;&|<>":
            self.at += 1
        end = self.text[begin : self.at].strip("'\"")
        self.pending.append((end, operator == "<<-", len(self.tokens)))
        self.tokens.append(Token("", ()))

    def _documents(self) -> None:
        for end, tabs, place in self.pending:
            lines = []
            while self.at < len(self.text):
                stop = self._until("\n")
                line = self.text[self.at : stop]
                self.at = min(stop + 1, len(self.text))
                if (line.lstrip("\t") if tabs else line) == end:
                    break
                lines.append(line)
            self.tokens[place] = Token("", (Part("text", "\n".join(lines), True),))
        self.pending = []


def _joined(parts: list[Part]) -> list[Part]:
    """Neighbouring pieces of text made one."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last is not None and last.kind == part.kind == "text" and last.quoted == part.quoted:
            found[-1] = Part("text", last.text + part.text, part.quoted)
        else:
            found.append(part)
    return found
