"""From the tokens of a shell script to its tree."""

from __future__ import annotations

import re

from mcp_tools.targets.sandbox.node.shell_syntax import (
    ENDS,
    Block,
    Case,
    Chain,
    For,
    Function,
    If,
    Lexer,
    Loop,
    Node,
    Part,
    Pipe,
    Redirect,
    Simple,
    Token,
    Unknown,
    Word,
)

_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_REDIRECTS = frozenset({"<", ">", ">>", ">&", "<&", "<<", "<<-", ">|"})
END = Token("end", ())


def parse(text: str) -> Block:
    """The tree of a script.

    Raises:
        Unknown: it uses what is not simulated.
    """
    parser = _Parser(Lexer(text).run())
    block = parser.block()
    if parser.peek() is not END:
        raise Unknown(f'syntax error near unexpected token "{parser.peek().operator or parser.peek().plain}"')
    return block


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self, ahead: int = 0) -> Token:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else END

    def take(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def skip_lines(self) -> None:
        while self.peek().operator == "\n":
            self.at += 1

    def expect(self, word: str) -> None:
        self.skip_lines()
        token = self.take()
        if word not in (token.plain, token.operator) or not word:
            raise Unknown(f'expected "{word}"')

    def block(self) -> Block:
        """Commands until a word or operator that ends them."""
        items: list[tuple[Node, bool]] = []
        while True:
            while self.peek().operator in ("\n", ";"):
                self.at += 1
            token = self.peek()
            if token is END or token.operator in (")", ";;") or token.plain in ENDS:
                return Block(items)
            node = self.chain()
            background = self.peek().operator == "&"
            if background:
                self.at += 1
            items.append((node, background))

    def chain(self) -> Node:
        first = self.pipe()
        rest: list[tuple[str, Node]] = []
        while self.peek().operator in ("&&", "||"):
            operator = self.take().operator
            self.skip_lines()
            rest.append((operator, self.pipe()))
        return Chain(first, rest) if rest else first

    def pipe(self) -> Node:
        negated = self.peek().plain == "!"
        if negated:
            self.at += 1
        parts = [self.command()]
        while self.peek().operator == "|":
            self.at += 1
            self.skip_lines()
            parts.append(self.command())
        return Pipe(parts, negated) if negated or len(parts) > 1 else parts[0]

    def command(self) -> Node:
        token = self.peek()
        makers = {"if": self._if, "while": self._loop, "until": self._loop, "for": self._for, "case": self._case}
        if token.plain in makers:
            return self._with_redirects(makers[token.plain]())
        if token.plain == "{":
            self.at += 1
            block = self.block()
            self.expect("}")
            return self._with_redirects(block)
        if token.operator == "(":
            self.at += 1
            block = self.block()
            self.expect(")")
            block.subshell = True
            return self._with_redirects(block)
        named = token.plain == "function"
        if named or (token.plain and self.peek(1).operator == "(" and self.peek(2).operator == ")"):
            return self._function(named=named)
        return self._simple()

    def _with_redirects(self, node: Node) -> Node:
        redirects = []
        while self.peek().operator in _REDIRECTS:
            redirects.append(self._redirect())
        if not redirects:
            return node
        block = node if isinstance(node, Block) else Block([(node, False)])
        block.redirects += redirects
        return block

    def _redirect(self) -> Redirect:
        token = self.take()
        return Redirect(token.fd, token.operator, self.take().parts)

    def _function(self, *, named: bool) -> Node:
        self.at += named
        name = self.take().plain
        if self.peek().operator == "(":
            self.at += 2
        self.skip_lines()
        return Function(name, self.command())

    def _if(self) -> Node:
        branches, otherwise = [], None
        self.at += 1
        condition = self.block()
        self.expect("then")
        branches.append((condition, self.block()))
        while True:
            word = self.take().plain
            if word == "elif":
                condition = self.block()
                self.expect("then")
                branches.append((condition, self.block()))
            elif word == "else":
                otherwise = self.block()
            elif word == "fi":
                return If(branches, otherwise)
            else:
                raise Unknown('expected "fi"')

    def _loop(self) -> Node:
        until = self.take().plain == "until"
        condition = self.block()
        self.expect("do")
        body = self.block()
        self.expect("done")
        return Loop(until, condition, body)

    def _for(self) -> Node:
        self.at += 1
        name = self.take().plain
        words: list[Word] = [(Part("var", "@", True),)]
        self.skip_lines()
        if self.peek().plain == "in":
            self.at += 1
            words = []
            while not self.peek().operator:
                words.append(self.take().parts)
        while self.peek().operator in ("\n", ";"):
            self.at += 1
        self.expect("do")
        body = self.block()
        self.expect("done")
        return For(name, words, body)

    def _case(self) -> Node:
        self.at += 1
        word = self.take().parts
        self.expect("in")
        branches: list[tuple[list[Word], Block]] = []
        while True:
            self.skip_lines()
            if self.peek().plain == "esac" or self.peek() is END:
                self.expect("esac")
                return Case(word, branches)
            if self.peek().operator == "(":
                self.at += 1
            patterns = [self.take().parts]
            while self.peek().operator == "|":
                self.at += 1
                patterns.append(self.take().parts)
            self.expect(")")
            branches.append((patterns, self.block()))
            if self.peek().operator == ";;":
                self.at += 1

    def _simple(self) -> Node:
        found = Simple()
        while True:
            token = self.peek()
            if token.operator in _REDIRECTS:
                found.redirects.append(self._redirect())
                continue
            if token is END or token.operator:
                break
            self.at += 1
            first = token.parts[0] if token.parts else None
            match = (
                _ASSIGN.match(first.text) if first is not None and first.kind == "text" and not first.quoted else None
            )
            if match is not None and not found.words and first is not None:
                rest = (Part("text", first.text[match.end() :], False), *token.parts[1:])
                found.assigns.append((match[1], rest))
            else:
                found.words.append(token.parts)
        if not found.words and not found.assigns and not found.redirects:
            raise Unknown(f'syntax error near unexpected token "{self.peek().operator}"')
        return found
