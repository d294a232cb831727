"""A bounded look through a project's sources: which environment variables, ports, health paths and applications there
are. Text is searched with patterns; nothing is executed or imported.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Sources", "read_text", "scan"]

MAX_FILES = 600
MAX_FILE = 300_000
SUFFIXES = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx", ".jsx", ".go", ".java", ".kt"})
SKIPPED = frozenset(
    {
        "node_modules", "__pycache__", "venv", "env", "dist", "build", "target", "vendor", "coverage", "tests", "test",
        "__tests__", "e2e", "docs", "examples", "migrations", "site-packages",
    }
)  # fmt: skip

_READS_ENV = re.compile(r"os\.environ|getenv|process\.env|import\.meta\.env|BaseSettings|System\.getenv")
_ENV = re.compile(
    r"""["'`]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT|HOST)["'`]|\.([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT|HOST)\b"""
)
_NOT_CONFIG = frozenset({"NODE_ENV", "NEXT_RUNTIME", "NEXT_PHASE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"})
_HEALTH = re.compile(
    r"""["'`](/(?:api/|v\d+/|-/)?(?:health|healthz|healthcheck|livez|live|liveness|ready|readyz|readiness)(?:/(?:live|ready))?)/?["'`]"""
)
_PORT = re.compile(
    r"""(?:\bport\b[^\S\n]*(?::[^\S\n]*int[^\S\n]*)?[=:][^\S\n]*["']?(\d{4,5})\b)"""
    r"""|(?:\bPORT\b["']?[^\S\n]*(?:,|\|\||\?\?|\)[^\S\n]*(?:\|\||or|\?\?))[^\S\n]*["']?(\d{4,5})\b)"""
    r"""|(?:\.listen\([^\S\n]*(\d{4,5})\b)|(?:ListenAndServe(?:TLS)?\([^\S\n]*":(\d{4,5}))"""
)  # fmt: skip


@dataclass
class Sources:
    """What the sources say. ``texts`` holds what was read, by path relative to the root."""

    texts: dict[str, str] = field(default_factory=dict)
    env_names: list[str] = field(default_factory=list)
    health_paths: list[str] = field(default_factory=list)
    port: int | None = None

    def first(self, pattern: re.Pattern[str], suffix: str = "") -> tuple[str, re.Match[str]] | None:
        """The first match, files nearest to the root before deeper ones."""
        for path in sorted(self.texts, key=lambda p: (p.count("/"), p)):
            if path.endswith(suffix) and (found := pattern.search(self.texts[path])):
                return path, found
        return None


def read_text(file: Path, limit: int = 2_000_000) -> str:
    """The text of a regular file inside the project, or nothing when it is not there, is a link, or is no text."""
    try:
        if file.is_symlink() or not file.is_file():
            return ""
        with file.open("rb") as stream:
            return stream.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""


def scan(root: Path) -> Sources:
    """Read the sources: at most MAX_FILES files, links not followed, tests and dependencies left out."""
    sources = Sources()
    for folder, folders, names in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith(".")) if depth < 8 else []
        for name in sorted(names):
            file = Path(folder, name)
            if file.suffix not in SUFFIXES or name.endswith((".d.ts", ".min.js")) or ".test." in name:
                continue
            if len(sources.texts) >= MAX_FILES:
                return _conclude(sources)
            if not file.is_symlink():
                sources.texts[file.relative_to(root).as_posix()] = read_text(file, MAX_FILE)
    return _conclude(sources)


def _conclude(sources: Sources) -> Sources:
    names: set[str] = set()
    health: set[str] = set()
    for path, text in sources.texts.items():
        if _READS_ENV.search(text):
            names.update(a or b for a, b in _ENV.findall(text))
        health.update(_HEALTH.findall(text))
        if route := re.search(r"(?:^|/)app((?:/[\w-]+)*/(?:health|healthz|ready|readyz|livez))/route\.[jt]sx?$", path):
            health.add(route.group(1))
    sources.env_names = sorted(names - _NOT_CONFIG)
    sources.health_paths = sorted(health)
    found = sources.first(_PORT)
    if found:
        number = int(next(group for group in found[1].groups() if group))
        sources.port = number if 0 < number < 65536 else None
    return sources
