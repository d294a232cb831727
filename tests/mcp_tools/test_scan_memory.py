"""Layers that were searched before are not searched again, until the rules change."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_tools.engines import scan_memory
from mcp_tools.engines.docker_secrets import Scan


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "longshore" / "layers"


def test_what_was_found_is_remembered_by_layer(cache: Path) -> None:
    scan = Scan(["/app/.env (environment file)"], files=7, bytes_read=100)
    assert scan_memory.recall("sha256:1") is None
    scan_memory.keep("sha256:1", scan)
    assert scan_memory.recall("sha256:1") == scan and scan_memory.recall("sha256:2") is None
    assert cache.stat().st_mode & 0o077 == 0


def test_other_rules_search_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    scan_memory.keep("sha256:1", Scan())
    monkeypatch.setattr(scan_memory, "_rules", lambda: "other")
    assert scan_memory.recall("sha256:1") is None


def test_a_broken_or_forbidden_cache_is_done_without(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan_memory.keep("sha256:1", Scan())
    for file in cache.iterdir():
        file.write_text("{")
    assert scan_memory.recall("sha256:1") is None
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    scan_memory.keep("sha256:1", Scan())
    assert scan_memory.recall("sha256:1") is None


def test_the_cache_does_not_grow_without_end(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_memory, "FILES_KEPT", 3)
    for number in range(6):
        scan_memory.keep(f"sha256:{number}", Scan())
    assert len(list(cache.glob("*.json"))) == 3
