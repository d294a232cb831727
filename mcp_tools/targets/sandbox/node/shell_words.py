"""The words of a shell script: variables, substitutions and sums filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_tools.targets.sandbox.node import shell_values
from mcp_tools.targets.sandbox.node.shell_syntax import Lexer, Part, Word

FALLBACK_CODE = 2


class Exit(Exception):
    """``exit``."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Leave(Exception):
    """``break`` and ``continue``; ``return`` of a function."""

    def __init__(self, kind: str, code: int = 0) -> None:
        super().__init__(kind)
        self.kind, self.code = kind, code


class Words:
    """Fills words in, from the variables of a shell."""

    def __init__(self, variables: dict[str, str], argv: list[str]) -> None:
        self.variables, self.argv, self.code = variables, argv, 0

    def command_output(self, script: str) -> str:
        """What a command substitution gives."""
        raise NotImplementedError

    def fields(self, words: list[Word]) -> Iterator[str]:
        """The words of a command, cut where they are not quoted."""
        for word in words:
            if any(part.kind == "var" and part.text == "@" for part in word) and len(word) <= 2:
                yield from self.argv
                continue
            if word and all(part.kind in ("var", "command") and not part.quoted for part in word):
                yield from self.text(word).split()
                continue
            text = self.text(word)
            if len(word) == 1 and word[0].kind == "text" and not word[0].quoted:
                yield from _braces(text)
            else:
                yield text

    def text(self, word: Word) -> str:
        """A word with everything filled in."""
        return "".join(self._part(part) for part in word)

    def _part(self, part: Part) -> str:
        if part.kind == "text":
            return part.text
        if part.kind == "var":
            return self._variable(part.text)
        if part.kind == "sum":
            return str(shell_values.arithmetic(part.text, self.variables))
        return self.command_output(part.text)

    def _variable(self, text: str) -> str:
        special = {"?": str(self.code), "$": "1", "#": str(len(self.argv)), "@": " ".join(self.argv), "0": "sh"}
        if text in special:
            return special[text]
        if text == "RANDOM":
            return "4"
        found = re.match(r"(#?)([A-Za-z_]\w*|\d+)(?:(:?[-=+?])(.*))?", text, re.S)
        if found is None:
            return ""
        length, name, operator, other = found.groups()
        value = self.variables.get(name)
        if name.isdigit():
            value = self.argv[int(name) - 1] if 0 < int(name) <= len(self.argv) else None
        if length:
            return str(len(value or ""))
        unset = value is None or (operator is not None and operator.startswith(":") and value == "")
        if operator is None:
            return value or ""
        filled = self.text(_word(other))
        if operator.endswith("+"):
            return "" if unset else filled
        if unset and operator.endswith("?"):
            raise Exit(FALLBACK_CODE)
        if unset and operator.endswith("="):
            self.variables[name] = filled
        return filled if unset else value or ""


def _word(text: str) -> Word:
    """What stands as a default inside of ``${…}``."""
    tokens = Lexer(f'"{text}"' if '"' not in text else text).run()
    return tokens[0].parts if tokens else ()


def _braces(text: str) -> Iterator[str]:
    """``{1..5}``."""
    found = re.fullmatch(r"(.*)\{(\d+)\.\.(\d+)\}(.*)", text)
    if found is None:
        yield text
        return
    before, first, last, after = found.groups()
    for number in range(int(first), min(int(last), int(first) + 10_000) + 1):
        yield f"{before}{number}{after}"
