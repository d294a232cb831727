"""The terminal's echo: off while a live view is drawn, so that nothing typed (``^C`` neither) tears it."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

__all__ = ["restore", "silence"]

_saved: list[Any] = []


def silence() -> None:
    """No echo from now on. Signals keep working. Nothing happens without a terminal."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import termios

        descriptor = sys.stdin.fileno()
        if not sys.stdin.isatty():
            return
        before = termios.tcgetattr(descriptor)
        if not _saved:
            _saved.append(before)
        changed = [*before]
        changed[3] &= ~termios.ECHO
        termios.tcsetattr(descriptor, termios.TCSADRAIN, changed)


def restore() -> None:
    """As it was before :func:`silence`."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import termios

        if _saved:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, _saved.pop())
