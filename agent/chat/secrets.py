"""Secrets in a conversation: what a human pastes is refused before it goes anywhere, what a model says is masked.

The tool server masks what it sends by itself; this is for what does not come from there.
"""

from __future__ import annotations

import re

__all__ = ["MASK", "Stream", "found", "mask"]

MASK = "[redacted]"
_VALUE = r"(?!\[redacted\]|<|\$\{|\$\()[^\s\"',;<>|]{8,}"
_PATTERNS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "a private key",
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        MASK,
    ),
    ("a JSON web token", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), MASK),
    (
        "an access key",
        re.compile(
            r"\b(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
            r"|xox[abpr]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|hf_[A-Za-z0-9]{20,}"
            r"|npm_[A-Za-z0-9]{30,}|dckr_pat_[A-Za-z0-9_-]{20,})"
        ),
        MASK,
    ),
    ("a bearer token", re.compile(r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{16,}"), rf"\1{MASK}"),
    (
        "a password in a URL",
        re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@\"']*:)(?!\[redacted\]|\$)[^\s@/\"'<>]{3,}(@)"),
        rf"\1{MASK}\2",
    ),
    (
        "a credential of a kubeconfig",
        re.compile(r"((?:client-key-data|client-certificate-data)\s*:\s*)(?!\[redacted\])[A-Za-z0-9+/=]{16,}"),
        rf"\1{MASK}",
    ),
    (
        "a secret value",
        re.compile(
            r"(?i)(\b[a-z0-9_.-]*(?:password|passwd|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|access[_-]?key"
            rf"|auth[_-]?token|access[_-]?token|token)[\"']?\s*(?:=|:\s?)\s*[\"']?)(?=[^\s]*[0-9!@#$%^&*]){_VALUE}"
        ),
        rf"\1{MASK}",
    ),
)
LONGEST = 4096
"""Characters of a line after which its beginning is not looked at any more."""
_OPEN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?!.*-----END [A-Z0-9 ]*PRIVATE KEY-----)", re.DOTALL)


def found(text: str) -> list[str]:
    """What kinds of secret the text holds; empty when none."""
    return [kind for kind, pattern, _ in _PATTERNS if pattern.search(text)]


def mask(text: str) -> str:
    """The text with every secret in it masked."""
    for _, pattern, replaced in _PATTERNS:
        text = pattern.sub(replaced, text)
    return text


class Stream:
    """Masks a text that comes in pieces: a secret that is cut between two pieces is masked as well."""

    def __init__(self) -> None:
        self._line = ""
        self._given = ""

    def feed(self, piece: str) -> str:
        """What may be shown now: of the last line all but its end, which may turn out to be a secret."""
        self._line += piece
        if _OPEN.search(self._line):
            return ""
        words = list(re.finditer(r"\S+\s*", self._line[self._line.rfind("\n") + 1 :]))
        start = self._line.rfind("\n") + 1
        cut = start + (words[-KEPT_WORDS].start() if len(words) >= KEPT_WORDS else 0)
        cut = self._outside(cut)
        ready = mask(self._line[:cut])
        if not ready.startswith(self._given):  # a secret began in what was held back
            return ""
        new, self._given = ready[len(self._given) :], ready
        if start > 0 or cut > LONGEST:  # what stands before the last line is settled
            done = self._outside(min(max(start, cut - KEPT if cut > LONGEST else 0), cut))
            self._line, self._given = self._line[done:], mask(self._line[done:cut])
        return new

    def _outside(self, place: int) -> int:
        """The place, or the beginning of the secret that it would cut in two."""
        spans = (match.span() for _, pattern, _ in _PATTERNS for match in pattern.finditer(self._line))
        return min((begin for begin, end in spans if begin < place < end), default=place)

    def end(self) -> str:
        """The rest."""
        rest = mask(self._line)
        new = rest[len(self._given) :] if rest.startswith(self._given) else ""
        self._line = self._given = ""
        return new


KEPT_WORDS = 4
"""Words at the end of a line that are held back: a name, a sign, a value, and a word that is not whole yet."""
KEPT = 200
"""Characters before the words that are held back, which may belong to what comes."""
