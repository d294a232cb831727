"""What is known of layers that were searched before. A layer never changes: its digest names its content.

One small file for each layer in the user's cache folder, by the digest of the layer and of the rules it was searched
with. It holds names of files and kinds of findings, never a value.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

from mcp_tools.engines import docker_secrets
from mcp_tools.engines.docker_secrets import Scan

__all__ = ["keep", "recall"]

FILES_KEPT = 2000


@functools.cache
def _rules() -> str:
    """The rules are this program: when they change, everything is searched anew."""
    return hashlib.sha256(Path(docker_secrets.__file__).read_bytes()).hexdigest()[:16]


def _folder() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".cache"
    return base / "longshore" / "layers"


def _file(layer: str) -> Path:
    return _folder() / f"{hashlib.sha256(f'{_rules()} {layer}'.encode()).hexdigest()}.json"


def recall(layer: str) -> Scan | None:
    """What was found in a layer before; None when it was not searched, or the note of it is unreadable."""
    try:
        return Scan(**json.loads(_file(layer).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def keep(layer: str, scan: Scan) -> None:
    """Note what was found in a layer. A cache that cannot be written is done without."""
    file = _file(layer)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(asdict(scan)), encoding="utf-8")
        part.replace(file)
        old = sorted(file.parent.glob("*.json"), key=lambda f: f.stat().st_mtime)[:-FILES_KEPT]
        for found in old:
            found.unlink(missing_ok=True)
    except OSError:
        return
