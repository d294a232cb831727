"""Markdown that comes in pieces: whole blocks are printed for good, the one being written is drawn until it is whole.

Nothing that stands is ever drawn again, so nothing flickers, and the terminal's own scrolling keeps the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.padding import Padding
from rich.segment import Segment, Segments
from rich.syntax import Syntax
from rich.theme import Theme

from agent.text import safe

__all__ = ["THEME", "Answer", "BlockStream", "rows"]

THEME = Theme(
    {
        "markdown.code": "cyan",
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.h3": "bold",
        "markdown.item.bullet": "dim",
        "markdown.item.number": "dim",
        "markdown.block_quote": "dim",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
WIDEST = 100
"""Columns of running text; longer lines are hard to read."""


class _Heading(Heading):
    """At the left, as the rest."""

    LEVEL_ALIGN: ClassVar = {}


class _Code(CodeBlock):
    """In the terminal's own colours, indented, without a ground of its own."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip()
        syntax = Syntax(code, self.lexer_name, theme="ansi_dark", background_color="default", word_wrap=True)
        yield Padding(syntax, (0, 0, 0, 2))


class Answer(Markdown):
    """A piece of an answer. Links show where they lead: their text is not to be trusted with that."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
    }

    def __init__(self, text: str) -> None:
        super().__init__(safe(text), hyperlinks=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Not wider than can be read; tables may be as wide as they need."""
        tables = any(token.type == "table_open" for token in self.parsed)
        width = options.max_width if tables else min(options.max_width, WIDEST)
        yield from super().__rich_console__(console, options.update(width=width))


class BlockStream:
    """Cuts a Markdown text that comes in pieces into whole blocks."""

    def __init__(self) -> None:
        self._parser = MarkdownIt().enable("table")
        self._text = ""

    @property
    def rest(self) -> list[str]:
        """What may still change: the block that is being written, and perhaps the one before."""
        return self._blocks(self._text)

    def feed(self, piece: str) -> list[str]:
        """The blocks that are whole now. A block is whole when the next has begun with a whole line."""
        self._text += piece
        if "\n" not in piece:
            return []
        cut = self._text.rfind("\n") + 1
        *whole, last = self._blocks(self._text[:cut]) or [""]
        self._text = last + self._text[cut:]
        return whole

    def end(self) -> list[str]:
        """What is left, as blocks."""
        rest, self._text = self._blocks(self._text), ""
        return rest

    def _blocks(self, text: str) -> list[str]:
        if not text.strip():
            return [text] if text else []
        starts = sorted({token.map[0] for token in self._parser.parse(text) if token.map and not token.level})
        lines = _LINES.findall(text)
        edges = [0, *starts[1:], len(lines)]
        return ["".join(lines[a:b]) for a, b in pairwise(edges)]


def rows(console: Console, blocks: Sequence[str], height: int) -> RenderableType:
    """Blocks with one blank line between them; of what is being written the last ``height`` lines (0: all)."""
    lines: list[list[Segment]] = []
    for block in blocks:
        drawn = _trimmed(console.render_lines(Answer(block), console.options, pad=False))
        lines += [[], *drawn] if lines and drawn else drawn
    parts: list[Segment] = []
    for line in lines[-height:]:
        parts += [*line, Segment.line()]
    return Segments(parts)


def _trimmed(lines: list[list[Segment]]) -> list[list[Segment]]:
    blank = [not "".join(segment.text for segment in line).strip() for line in lines]
    if False not in blank:
        return []
    return lines[blank.index(False) : len(blank) - blank[::-1].index(False)]
