"""The state file: what was committed is there, whatever happens to the process."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.errors import EnvironmentNotReady
from mcp_tools.targets.sandbox.persist import StateFile, check
from mcp_tools.targets.sandbox.store import Gone, Ref, Store


def config(name: str, value: str = "1") -> dict[str, Any]:
    meta = {"name": name, "namespace": "default", "uid": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"k": value}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def reopened(path: Path) -> Store:
    store, state = Store(), StateFile(path)
    state.load(store)
    state.close()
    return store


def test_changes_are_there_after_a_flush_even_without_a_close(path: Path) -> None:
    store, state = Store(), StateFile(path)
    state.follow(store)
    store.put("configmaps", config("a"))
    store.put("configmaps", config("b"))
    store.put("configmaps", config("b", "2"))
    state.flush()
    store.remove(Ref("configmaps", "default", "a"))
    state.flush()
    found = reopened(path)  # the first one is still open: its process might have been killed
    assert [obj["metadata"]["name"] for obj in found.select("configmaps")] == ["b"]
    assert found.select("configmaps")[0]["data"] == {"k": "2"}
    assert found.version == store.version


def test_what_there_was_before_is_kept_when_asked_for(path: Path) -> None:
    store, state = Store(), StateFile(path)
    store.put("configmaps", config("before"))
    state.follow(store, whole=True)
    state.close()
    assert reopened(path).count("configmaps") == 1


def test_versions_go_on_after_a_restart_and_old_ones_are_gone(path: Path) -> None:
    store, state = Store(), StateFile(path)
    state.follow(store)
    for number in range(5):
        store.put("configmaps", config(f"a{number}"))
    state.close()
    found = reopened(path)
    assert int(found.put("configmaps", config("b"))["metadata"]["resourceVersion"]) == store.version + 1
    with pytest.raises(Gone):
        found.since(2, "configmaps")


def test_facts_are_kept_with_the_next_commit(path: Path) -> None:
    state = StateFile(path)
    assert not state.filled
    state.follow(Store())
    state.keep("colour", b"blue")
    assert state.fact("colour") == b"blue"
    state.close()
    again = StateFile(path)
    assert again.filled and again.fact("colour") == b"blue" and again.fact("shape") is None
    again.close()


def test_the_file_is_its_owners_alone(path: Path) -> None:
    store, state = Store(), StateFile(path)
    state.follow(store)
    store.put("configmaps", config("a"))
    state.flush()
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    state.close()


def test_a_torn_log_costs_the_last_change_and_nothing_else(path: Path, tmp_path: Path) -> None:
    """What a crash in the middle of a write leaves: the log ends anywhere."""
    store, state = Store(), StateFile(path)
    state.follow(store)
    for number in range(20):
        store.put("configmaps", config(f"a{number:02}"))
        state.flush()
    whole = Path(f"{path}-wal").read_bytes()
    for length in range(len(whole) - 9000, len(whole), 613):
        copy = tmp_path / "copy.db"
        copy.write_bytes(path.read_bytes())
        Path(f"{copy}-wal").write_bytes(whole[:length])
        Path(f"{copy}-shm").unlink(missing_ok=True)
        assert check(copy) == "ok"
        count = reopened(copy).count("configmaps")
        assert 16 <= count <= 20
        for rest in tmp_path.glob("copy.db*"):
            rest.unlink()
    state.close()


def test_a_file_that_is_no_state_is_refused_with_what_to_do(path: Path) -> None:
    path.write_bytes(b"something else, and long enough to be looked at" * 100)
    with pytest.raises(EnvironmentNotReady, match="reset begins anew"):
        StateFile(path)


def test_a_newer_format_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(EnvironmentNotReady, match="format 99"):
        StateFile(path)


def test_a_failed_commit_is_tried_again_with_the_next(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, state = Store(), StateFile(path)
    state.follow(store)
    store.put("configmaps", config("a"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    state._db.execute("PRAGMA busy_timeout=10")
    with pytest.raises(sqlite3.OperationalError):
        state.flush()
    other.execute("ROLLBACK")
    other.close()
    store.put("configmaps", config("b"))
    state.close()
    assert reopened(path).count("configmaps") == 2
