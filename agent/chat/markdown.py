"""Markdown that comes in pieces: whole blocks are printed for good, the one being written is drawn until it is whole.

Nothing that stands is ever drawn again, so nothing flickers, and the terminal's own scrolling keeps the answer.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.padding import Padding
from rich.segment import Segment, Segments
from rich.syntax import Syntax
from rich.text import Text
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
    def rest(self) -> str:
        """The block that is not whole yet."""
        return self._text

    def feed(self, piece: str) -> list[str]:
        """The blocks that are whole now. A block is whole when the next has begun with a whole line."""
        self._text += piece
        if "\n" not in piece:
            return []
        cut = self._text.rfind("\n") + 1
        starts = [token.map[0] for token in self._parser.parse(self._text[:cut]) if token.map and not token.level]
        starts = sorted(set(starts))
        if len(starts) < 2:
            return []
        lines = self._text.splitlines(keepends=True)
        edges = [0, *starts[1:]]
        blocks = ["".join(lines[a:b]) for a, b in pairwise(edges)]
        self._text = "".join(lines[edges[-1] :])
        return [block for block in blocks if block.strip()]

    def end(self) -> str:
        """What is left."""
        rest, self._text = self._text, ""
        return rest if rest.strip() else ""


def rows(console: Console, text: str, height: int) -> RenderableType:
    """A block without blank lines around it; of one that is being written the last ``height`` lines (0: all)."""
    if not text.strip():
        return Text()
    lines = console.render_lines(Answer(text), console.options, pad=False)
    blank = [not "".join(segment.text for segment in line).strip() for line in lines]
    if False not in blank:
        return Text()
    lines = lines[blank.index(False) : len(blank) - blank[::-1].index(False)]
    parts: list[Segment] = []
    for line in lines[-height:]:
        parts += [*line, Segment.line()]
    return Segments(parts)
