"""``test`` and arithmetic of the shell."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

from mcp_tools.targets.sandbox.node.box import Box

_COMPARE = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_SUM = re.compile(r"[\d\s+\-*/%()<>=!&|]*\Z")


def evaluate(words: list[str], box: Box) -> int:
    """``[ … ]``, ``test …``, ``[[ … ]]``: 0 when it holds."""
    rest = words[1:]
    if words[0] in ("[", "[["):
        if not rest or rest[-1] not in ("]", "]]"):
            return 2
        rest = rest[:-1]
    return 0 if _any(rest, box) else 1


def _any(words: list[str], box: Box) -> bool:
    for operator in ("-o", "||"):
        if operator in words:
            at = words.index(operator)
            return _all(words[:at], box) or _any(words[at + 1 :], box)
    return _all(words, box)


def _all(words: list[str], box: Box) -> bool:
    for operator in ("-a", "&&"):
        if operator in words and words.index(operator) > 0:
            at = words.index(operator)
            return _one(words[:at], box) and _all(words[at + 1 :], box)
    return _one(words, box)


def _one(words: list[str], box: Box) -> bool:
    if not words:
        return False
    if words[0] == "!":
        return not _one(words[1:], box)
    if len(words) == 1:
        return words[0] != ""
    if len(words) == 2:
        return _unary(words[0], words[1], box)
    left, operator, right = words[0], words[1], words[2]
    if operator in _COMPARE:
        return _compare(_number(left), operator, _number(right))
    if operator in ("=", "=="):
        return fnmatch.fnmatchcase(left, right) if "*" in right else left == right
    if operator == "!=":
        return left != right
    if operator == "=~":
        return re.search(right, left) is not None
    return False


def _unary(operator: str, value: str, box: Box) -> bool:
    if operator == "-z":
        return value == ""
    if operator == "-n":
        return value != ""
    if operator in ("-e", "-f", "-d", "-r", "-x", "-s", "-L", "-S"):
        return box.exists(value)
    if operator == "-w":
        return box.exists(value) and not box.read_only_root
    return False


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"\s*-?\d+\s*", text) else 0


def _compare(left: int, operator: str, right: int) -> bool:
    results = {"-eq": left == right, "-ne": left != right, "-lt": left < right}
    results |= {"-le": left <= right, "-gt": left > right, "-ge": left >= right}
    return results[operator]


def arithmetic(text: str, variables: Mapping[str, str]) -> int:
    """``$(( … ))`` with whole numbers."""
    filled = re.sub(r"\$?\{?([A-Za-z_]\w*)\}?", lambda m: str(_number(variables.get(m[1], "0"))), text)
    if _SUM.match(filled) is None or len(filled) > 200:
        return 0
    return _Sum(re.findall(r"\d+|[<>=!]=|&&|\|\||[-+*/%()<>]", filled)).value()


class _Sum:
    """Reads a sum by precedence."""

    LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))

    def __init__(self, pieces: list[str]) -> None:
        self.pieces, self.at = pieces, 0

    def value(self, level: int = 0) -> int:
        if level == len(self.LEVELS):
            return self._factor()
        left = self.value(level + 1)
        while self.at < len(self.pieces) and self.pieces[self.at] in self.LEVELS[level]:
            operator = self.pieces[self.at]
            self.at += 1
            left = _apply(left, operator, self.value(level + 1))
        return left

    def _factor(self) -> int:
        piece = self.pieces[self.at] if self.at < len(self.pieces) else "0"
        self.at += 1
        if piece == "(":
            inner = self.value()
            self.at += 1
            return inner
        if piece in "+-":
            return -self._factor() if piece == "-" else self._factor()
        return int(piece) if piece.isdigit() else 0


def _apply(left: int, operator: str, right: int) -> int:
    if operator in ("/", "%"):
        if not right:
            return 0
        return left // right if operator == "/" else left % right
    results = {
        "+": left + right,
        "-": left - right,
        "*": left * right,
        "<": int(left < right),
        ">": int(left > right),
        "<=": int(left <= right),
        ">=": int(left >= right),
        "==": int(left == right),
        "!=": int(left != right),
        "&&": int(bool(left and right)),
        "||": int(bool(left or right)),
    }
    return results[operator]
