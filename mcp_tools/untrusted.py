"""Text that came from outside: logs, events, labels, annotations, chart notes, Dockerfiles.

It is data. Fields annotated :data:`Untrusted` are cleaned when a model is made, so that nothing in them can steer a
terminal or hide from a reader; :func:`fence` marks a block of it for a model.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import BeforeValidator

__all__ = ["Untrusted", "clean", "fence", "is_untrusted"]

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_KEPT = frozenset("\n\t")
# Tokens by which chat templates mark who speaks; in data they have no business (the fence, too, must not be closed).
_TURNS = re.compile(
    r"<\|[a-z_]{1,24}\|>|\[/?(?:INST|SYS)\]|<</?SYS>>|</?(?:system|assistant|user|tool|function_calls|tool_result|"
    r"untrusted)(?:\s[^<>]{0,80})?>",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """The text without escape sequences, control, bidi and zero-width characters, and without chat-turn tokens."""
    text = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(c for c in text if c in _KEPT or not _hidden(c))
    return _TURNS.sub("[removed]", text)


def _hidden(character: str) -> bool:
    """Control, format (bidi, zero-width, tags), private-use and unassigned characters; and line separators."""
    if character.isascii():
        return not character.isprintable()
    kind = unicodedata.category(character)
    return kind in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"} or "\ufe00" <= character <= "\ufe0f"


def fence(text: str, source: str) -> str:
    """The text between marks that say: this is data from ``source``, not instructions."""
    name = re.sub(r"[^A-Za-z0-9/._:-]", "_", clean(source))[:120]
    return f'<untrusted source="{name}">\n{clean(text)}\n</untrusted>'


def _clean_any(value: object) -> object:
    return clean(value) if isinstance(value, str) else value


def is_untrusted(metadata: object) -> bool:
    """Whether an annotation's metadata is that of :data:`Untrusted`."""
    return isinstance(metadata, BeforeValidator) and metadata.func is _clean_any


Untrusted = Annotated[str, BeforeValidator(_clean_any)]
"""A string from outside, cleaned."""
