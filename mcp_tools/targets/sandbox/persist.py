"""The cluster's state in a file: every change is in it before the answer to its request goes out.

SQLite in WAL mode with ``synchronous=NORMAL``. A commit is a write into the log, which the operating system keeps when
the process is killed at any moment; a torn record at its end is found by its checksum and left out. What NORMAL gives
up is the last moments before a loss of power: the file is intact then too, and a simulated cluster can bear to be a
second older. FULL would add an fsync to each request (five times the cost of the whole commit, measured).
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from mcp_tools.errors import EnvironmentNotReady
from mcp_tools.targets.sandbox.store import Change, Obj, Ref, Store

FORMAT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    key TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (key, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class StateFile:
    """The state of one cluster. One process has it open at a time: the daemon's lock sees to that.

    Raises:
        EnvironmentNotReady: the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changed: dict[Ref, Obj | None] = {}
        self._facts: dict[str, bytes] = {}
        self._store: Store | None = None
        self._end: Callable[[], None] = lambda: None
        try:
            self._db = _opened(path)
        except sqlite3.Error as error:
            raise EnvironmentNotReady(
                f"the sandbox's state file {path} cannot be read", str(error), "longshore sandbox reset begins anew"
            ) from error

    # -- reading -----------------------------------------------------------------------------------------------------

    @property
    def filled(self) -> bool:
        """Whether a cluster was saved here."""
        return self.fact("version") is not None

    def load(self, store: Store) -> int:
        """Fill an empty store; how many objects there were."""
        rows = self._db.execute("SELECT key, body FROM objects").fetchall()
        store.restore([(key, json.loads(body)) for key, body in rows], int(self.fact("version") or b"1"))
        return len(rows)

    def fact(self, name: str) -> bytes | None:
        """Something else that was kept."""
        if name in self._facts:
            return self._facts[name]
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    # -- writing -----------------------------------------------------------------------------------------------------

    def follow(self, store: Store, *, whole: bool = False) -> None:
        """Keep what changes from now on; with ``whole``, what there is as well."""
        self._store = store
        self._end = store.watch(self._note)
        if whole:
            for key in list(store.keys()):
                for obj in store.select(key):
                    meta = obj["metadata"]
                    self._changed[Ref(key, meta.get("namespace", ""), meta["name"])] = obj
        self.flush()

    def _note(self, change: Change) -> None:
        self._changed[change.ref] = None if change.type == "DELETED" else change.obj

    def keep(self, name: str, value: bytes) -> None:
        """Keep a fact; it is in the file after the next ``flush``."""
        self._facts[name] = value

    def flush(self) -> None:
        """Commit what changed since the last time. An error goes up: an answer that cannot be kept is not given."""
        store = self._store
        if store is None or not (self._changed or self._facts):
            return
        put = [(*ref, store.encoded(ref, obj)) for ref, obj in self._changed.items() if obj is not None]
        gone = [tuple(ref) for ref, obj in self._changed.items() if obj is None]
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            if put:
                db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", put)
            if gone:
                db.executemany("DELETE FROM objects WHERE key = ? AND namespace = ? AND name = ?", gone)
            facts = {**self._facts, "version": str(store.version).encode()}
            db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", list(facts.items()))
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        self._changed.clear()
        self._facts.clear()

    def close(self) -> None:
        """Commit what is left, and fold the log into the file."""
        self._end()
        self.flush()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()


def _opened(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its log and index the mode of the file
    db = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.executescript(_TABLES)
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found not in {0, FORMAT}:
        db.close()
        raise sqlite3.DatabaseError(f"it has format {found}; this version reads {FORMAT}")
    db.execute(f"PRAGMA user_version={FORMAT}")
    return db


def check(path: Path) -> str:
    """``ok``, or what is wrong with a state file."""
    with sqlite3.connect(path) as db:
        return str(db.execute("PRAGMA integrity_check").fetchone()[0])
