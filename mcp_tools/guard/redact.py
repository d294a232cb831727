"""Secrets never leave: everything that goes out passes :class:`Redactor`.

Two ways work together. Values that are known to be secret (the data of Secrets that were read in this process, the
credentials of the kubeconfig) are masked wherever they stand. Patterns mask what looks like a credential.
Kinds are handled where objects are shown (``engines.manifests.redact``): data of Secrets, last-applied annotations.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

__all__ = ["MASK", "REDACTOR", "Redactor"]

MASK = "[redacted]"
MIN_LENGTH = 8
MAX_KNOWN = 5000

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        MASK,
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{12,}"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@\"']*:)(?!\[redacted\])[^\s@/\"']+(@)"), rf"\1{MASK}\2"),
    (
        re.compile(
            r"\b(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abpr]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{16})\b"
        ),
        MASK,
    ),
    (
        re.compile(
            r"(?i)((?:password|passwd|pwd|(?:client|jwt|auth|app|shared)[_-]?secret|secret[_-]?(?:access[_-]?)?key|api[_-]?key"
            r"|access[_-]?key|token|client-key-data|client-certificate-data)"
            r"[\"']?\s*[=:]\s*[\"']?)(?!\[redacted\]|<|\$\{|null\b|true\b|false\b|none\b|(?-i:[A-Z_]+\b))([A-Za-z0-9_./+=~!@#%^*-]{8,})"
        ),
        rf"\1{MASK}",
    ),
    (
        re.compile(
            r"\b([A-Z0-9_]*SECRET[A-Z0-9_]*[\"']?\s*[=:]\s*[\"']?)(?!\[redacted\]|<|\$\{|[A-Z_]+\b)([^\s\"',;]{8,})"
        ),
        rf"\1{MASK}",
    ),
)
_SECRET_KEYS = re.compile(
    r"(?i)^(password|passwd|token|api_?key|client-key-data|client-certificate-data|private_?key)$"
)


class Redactor:
    """Masks secrets in text and in JSON-like data."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def learn(self, values: Iterable[str]) -> None:
        """Take note of secret values (kept in memory only); short and trivial ones are left out."""
        with self._lock:
            before = len(self._known)
            for value in values:
                for form in _forms(value):
                    if len(self._known) < MAX_KNOWN:
                        self._known.setdefault(form)
            if len(self._known) != before:
                ordered = sorted(self._known, key=len, reverse=True)
                self._pattern = re.compile("|".join(re.escape(value) for value in ordered))

    def text(self, text: str) -> str:
        """The text with secrets masked."""
        pattern = self._pattern
        if pattern is not None:
            text = pattern.sub(MASK, text)
        for pattern, mask in _PATTERNS:
            text = pattern.sub(mask, text)
        return text

    def data(self, node: Any) -> Any:
        """The data with secrets masked in every string, and under keys that name one."""
        if isinstance(node, str):
            return self.text(node)
        if isinstance(node, dict):
            return {str(key): self._entry(str(key), value) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return [self.data(item) for item in node]
        return node

    def _entry(self, key: str, value: Any) -> Any:
        if isinstance(value, str) and value and _SECRET_KEYS.match(key) and not value.startswith(("<", "${", "[")):
            return MASK
        return self.data(value)


def _forms(value: str) -> Iterable[str]:
    """A value and how it may be written: as it is, line by line for keys, in base64, in URLs, in JSON."""
    text = value.strip()
    if len(text) < MIN_LENGTH or text.isdigit() or len(set(text)) < 4 or text.lower() in _COMMON:
        return
    yield text
    yield base64.b64encode(value.encode()).decode().rstrip("=")
    for other in (
        base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
        quote(text, safe=""),
        quote_plus(text),
    ):
        if other != text:
            yield other
    escaped = json.dumps(text)[1:-1]
    if escaped != text:
        yield escaped
    if "\n" in text:
        yield from (line for line in text.splitlines() if len(line) >= 16 and not line.startswith("-----"))


_COMMON = frozenset(
    {"postgres", "password", "username", "database", "localhost", "kubernetes", "minikube", "development", "production"}
)

REDACTOR = Redactor()
"""The one of this process."""
