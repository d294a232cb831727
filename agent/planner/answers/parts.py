"""Pieces of an answer in Markdown. What tools said is data: made safe, quoted, and never able to leave its quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent.text import one_line, safe, short

__all__ = ["bullets", "code", "fence", "items", "join", "names", "table", "text"]

_SPECIAL = re.compile(r"([*<`~]|(?<![^\W_])_|_(?![^\W_])|(?<=\])(?=\())")
"""What Markdown would make something of: emphasis, tags, code, and the middle of a link."""


def text(value: object, width: int = 400) -> str:
    """Words of a tool as part of a sentence: on one line, without Markdown of its own."""
    return _plain(short(value, width))


def _plain(line: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}" if found[0] else " ", line)


def code(value: object, width: int = 200) -> str:
    """A value as inline code."""
    line = short(value, width).replace("`", "'")
    return f"`{line}`" if line else ""


def fence(lines: Iterable[object], language: str = "") -> str:
    """Lines as a block, whose fence is longer than any in it."""
    body = "\n".join(safe(line).rstrip("\n") for line in lines)
    longest = max((len(found) for found in re.findall(r"`{3,}", body)), default=2)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{body}\n{marks}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], limit: int = 40) -> str:
    """A Markdown table; what is more than ``limit`` rows is counted."""
    listed = [list(row) for row in rows]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in listed[:limit]]
    left = len(listed) - limit
    return "\n".join(lines) + (f"\n\n… and {left} more" if left > 0 else "")


def _cell(value: object) -> str:
    line = one_line(value)
    if line.startswith("`") and line.endswith("`"):
        return line.replace("|", "\\|")
    return _plain(short(line, 120)).replace("|", "\\|")


def bullets(lines: Iterable[str]) -> str:
    """A list; the lines are Markdown already."""
    return "\n".join(f"- {line}" for line in lines)


def join(*parts: str) -> str:
    """Paragraphs."""
    return "\n\n".join(part for part in parts if part)


def names(values: Iterable[object], limit: int = 6) -> str:
    """Names as inline code, in a row."""
    listed = [code(value) for value in values]
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def items(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list; nothing when it is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []
