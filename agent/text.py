"""Small text helpers. What a server sends is shown, never obeyed: control characters do not reach the terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["ago", "clock", "count", "duration", "one_line", "safe", "short", "table", "when"]

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe(text: object) -> str:
    """The text without escape sequences, control, bidi and zero-width characters; line ends and tabs stay."""
    plain = _ESCAPES.sub("", str(text).replace("\r\n", "\n").replace("\r", "\n"))
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) not in _HIDDEN)


def one_line(text: object) -> str:
    """The text, safe, on one line."""
    return " ".join(safe(text).split())


def short(text: object, width: int) -> str:
    """One line of at most ``width`` characters."""
    line = one_line(text)
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"


def duration(seconds: float | None) -> str:
    """``0.3 s``, ``42 s``, ``3 min 05 s``; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clock(seconds: float) -> str:
    """``01:23`` or ``1:02:03``."""
    whole = int(max(seconds, 0))
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes:02d}:{rest:02d}"


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 step``, ``2 steps``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def when(value: object) -> float | None:
    """Seconds since the epoch, of a number or an ISO 8601 text; None when it is neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return float(value)
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def ago(moment: float | None, now: float) -> str:
    """``12 s ago``, ``3 min ago``, ``2 days ago``."""
    if moment is None:
        return ""
    seconds = max(now - moment, 0)
    for size, name in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            amount = int(seconds // size)
            return f"{count(amount, name) if name == 'day' else f'{amount} {name}'} ago"
    return f"{int(seconds)} s ago"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table: columns padded to their widest cell, nothing after the last."""
    lines = [list(head), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(widths[i]) for i, cell in enumerate(line)).rstrip() for line in lines)
