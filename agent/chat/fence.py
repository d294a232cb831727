"""Text from outside, made fit for a model: cleaned, masked, cut to its size, and marked as data.

The tool server does so with its own output; this is for what does not come from there, and for its errors, which
reach the chat as data and not as text.
"""

from __future__ import annotations

import re

from agent.chat.secrets import mask
from agent.text import safe

__all__ = ["CAP", "MARK", "fenced", "plain"]

CAP = 16_000
"""Characters of a result that a model is given."""
MARK = "<untrusted "
"""How such text begins, wherever it was fenced."""
_TURNS = re.compile(
    r"<\|[a-z_]{1,24}\|>|\[/?(?:INST|SYS)\]|<</?SYS>>|</?(?:system|assistant|user|tool|function_calls|tool_result|"
    r"untrusted)(?:\s[^<>]{0,80})?>",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """The text without secrets, hidden characters, and the tokens by which chat templates mark who speaks."""
    return _TURNS.sub("[removed]", mask(safe(text)))


def fenced(text: str, source: str) -> str:
    """What ``source`` said, between marks."""
    kept = plain(text)
    cut = f"{kept[:CAP]}\n… cut, {len(kept) - CAP} characters more" if len(kept) > CAP else kept
    name = re.sub(r"[^A-Za-z0-9._-]", "_", source)[:80]
    return f'{MARK}source="{name}">\n{cut}\n</untrusted>'
