"""The journal: the durable record of runs, steps, confirmations and calls (SQLite, WAL).

Records are chained by hash: each carries the digest of the one before it, so that a record that was changed or
removed is noticed (:meth:`Journal.verify`). Everything is redacted before it gets here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mcp_tools.errors import EnvironmentNotReady, NotFound, Refused
from mcp_tools.guard.confirmation import Confirmation
from mcp_tools.guard.redact import REDACTOR

__all__ = ["Journal"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, status TEXT NOT NULL, created REAL NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS steps (
  run_id TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (run_id, id));
CREATE TABLE IF NOT EXISTS confirmations (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL, status TEXT NOT NULL, run_id TEXT, asked REAL NOT NULL,
  document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS confirmations_by_digest ON confirmations (digest, status);
CREATE TABLE IF NOT EXISTS records (
  number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, run_id TEXT,
  document TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS records_by_run ON records (run_id);
"""
_START = "0" * 64


class Journal:
    """One journal file. Safe for several processes; every write is one transaction."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            file.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise EnvironmentNotReady(
                f"the journal {file} cannot be opened", str(error), "check the disk, or set XDG_STATE_HOME"
            ) from error

    @classmethod
    def default(cls) -> Journal:
        """The journal of this user."""
        from mcp_tools.config import state_dir

        return cls(state_dir() / "journal.db")

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    # -- runs and steps -----------------------------------------------------------------------------------------

    def save_run(self, run: dict[str, Any]) -> None:
        """Store a run (``id`` and ``status`` are needed), replacing what was stored before."""
        document = _json(REDACTOR.data(run))
        with self._write() as db:
            db.execute(
                "INSERT INTO runs (id, status, created, document) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET status = excluded.status, document = excluded.document",
                (run["id"], run["status"], time.time(), document),
            )

    def load_run(self, run_id: str) -> dict[str, Any] | None:
        """A run; None when there is none."""
        rows = self._all("SELECT document FROM runs WHERE id = ?", (run_id,))
        return dict(json.loads(rows[0][0])) if rows else None

    def list_runs(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest runs, newest first."""
        rows = self._all("SELECT document FROM runs ORDER BY created DESC, rowid DESC LIMIT ?", (limit,))
        return [json.loads(row[0]) for row in rows]

    def save_step(self, run_id: str, step: dict[str, Any]) -> None:
        """Store a step of a run (``id`` is needed); steps keep the order in which they were first stored."""
        document = _json(REDACTOR.data(step))
        with self._write() as db:
            db.execute(
                "INSERT INTO steps (run_id, id, position, document) "
                "VALUES (?, ?, (SELECT COUNT(*) FROM steps WHERE run_id = ?), ?) "
                "ON CONFLICT (run_id, id) DO UPDATE SET document = excluded.document",
                (run_id, step["id"], run_id, document),
            )

    def load_steps(self, run_id: str) -> list[dict[str, Any]]:
        """The steps of a run, in order."""
        rows = self._all("SELECT document FROM steps WHERE run_id = ? ORDER BY position", (run_id,))
        return [json.loads(row[0]) for row in rows]

    # -- confirmations ------------------------------------------------------------------------------------------

    def ask(self, confirmation: Confirmation) -> Confirmation:
        """Store a question; the same one of the same run that still waits is given back instead."""
        with self._write() as db:
            rows = db.execute(
                "SELECT document FROM confirmations WHERE digest = ? AND run_id IS ? AND status = 'waiting'",
                (confirmation.digest, confirmation.run_id),
            ).fetchall()
            for row in rows:
                waiting = Confirmation.model_validate_json(row[0])
                if not waiting.expired:
                    return waiting
                self._put(db, waiting.model_copy(update={"status": "expired"}))
            self._put(db, confirmation)
        return confirmation

    def confirmation(self, confirmation_id: str) -> Confirmation:
        """One confirmation.

        Raises:
            NotFound: there is none with that id.
        """
        rows = self._all("SELECT document FROM confirmations WHERE id = ?", (confirmation_id,))
        if not rows:
            raise NotFound(f"there is no confirmation {confirmation_id}", remedy="longshore runs list shows what waits")
        return Confirmation.model_validate_json(rows[0][0])

    def confirmations(self, run_id: str | None = None, status: str | None = None) -> list[Confirmation]:
        """Confirmations, oldest first; of one run, or with one status."""
        rows = self._all(
            "SELECT document FROM confirmations WHERE (?1 IS NULL OR run_id = ?1) AND (?2 IS NULL OR status = ?2) "
            "ORDER BY asked",
            (run_id, status),
        )
        return [Confirmation.model_validate_json(row[0]) for row in rows]

    def answer(
        self, confirmation_id: str, approved: bool, *, by: str, channel: str, heeded: bool = False
    ) -> Confirmation:
        """A human's answer. It counts once: a confirmation that has been answered, used or expired stays as it is.

        ``heeded`` says that a no has stopped its call already, and is not kept for the next one.

        Raises:
            NotFound: there is none with that id.
            Refused: it does not wait for an answer any more.
        """
        with self._write() as db:
            found = self.confirmation(confirmation_id)
            if found.status == "waiting" and found.expired:
                found = found.model_copy(update={"status": "expired"})
                self._put(db, found)
            expired = found.status
            if expired == "waiting":
                now = time.time()
                update = {"status": "approved" if approved else "declined", "answered_at": now, "answered_by": by}
                found = found.model_copy(update=update | {"channel": channel, "heeded": heeded and not approved})
                self._put(db, found)
        if expired != "waiting":
            raise Refused(
                f"confirmation {confirmation_id} waits for no answer", f"it is {expired}", "make the call again"
            )
        self.record(
            "confirmation",
            {"id": found.id, "digest": found.digest, "status": found.status, "by": by, "channel": channel},
            found.run_id,
        )
        return found

    def approved(self, digest: str) -> Confirmation | None:
        """A yes to exactly this, not used and not expired."""
        return next((c for c in self._by_digest(digest) if c.status == "approved" and not c.expired), None)

    def take_no(self, digest: str) -> Confirmation | None:
        """A fresh no to exactly this, given apart from the call; it counts once, so that later calls ask anew."""
        with self._write() as db:
            for found in self._by_digest(digest):
                if found.status == "declined" and not found.heeded and not found.expired:
                    self._put(db, found.model_copy(update={"heeded": True}))
                    return found
        return None

    def _by_digest(self, digest: str) -> list[Confirmation]:
        rows = self._all("SELECT document FROM confirmations WHERE digest = ? ORDER BY asked DESC", (digest,))
        return [Confirmation.model_validate_json(row[0]) for row in rows]

    def use(self, confirmation_id: str) -> None:
        """Use a yes up. Of two that try at once, one succeeds.

        Raises:
            Refused: it is not an unused, unexpired yes.
        """
        with self._write() as db:
            found = self.confirmation(confirmation_id)
            if found.status != "approved" or found.expired:
                raise Refused(f"confirmation {confirmation_id} cannot be used", f"it is {found.status}")
            self._put(db, found.model_copy(update={"status": "used"}))

    def void(self, confirmation_id: str) -> None:
        """The world moved: the yes (or the question) is worth nothing any more."""
        with self._write() as db:
            found = self.confirmation(confirmation_id)
            if found.status in ("approved", "waiting"):
                self._put(db, found.model_copy(update={"status": "void"}))

    @staticmethod
    def _put(db: sqlite3.Connection, confirmation: Confirmation) -> None:
        db.execute(
            "INSERT INTO confirmations (id, digest, status, run_id, asked, document) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET status = excluded.status, document = excluded.document",
            (
                confirmation.id,
                confirmation.digest,
                confirmation.status,
                confirmation.run_id,
                confirmation.asked_at,
                confirmation.model_dump_json(),
            ),
        )

    # -- records ------------------------------------------------------------------------------------------------

    def record(self, kind: str, data: dict[str, Any], run_id: str | None = None) -> None:
        """Append a record to the chain."""
        at, document = time.time(), _json(REDACTOR.data(data))
        with self._write() as db:
            last = db.execute("SELECT hash FROM records ORDER BY number DESC LIMIT 1").fetchone()
            previous = last[0] if last else _START
            db.execute(
                "INSERT INTO records (at, kind, run_id, document, previous, hash) VALUES (?, ?, ?, ?, ?, ?)",
                (at, kind, run_id, document, previous, _link(previous, at, kind, run_id, document)),
            )

    def records(
        self, run_id: str | None = None, kinds: Sequence[str] | None = None, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """The newest records, oldest of them first."""
        rows = self._all(
            "SELECT number, at, kind, run_id, document FROM records WHERE (?1 IS NULL OR run_id = ?1) "
            "ORDER BY number DESC LIMIT ?2",
            (run_id, limit),
        )
        found = [
            {"number": number, "at": at, "kind": kind, "run_id": run} | json.loads(document)
            for number, at, kind, run, document in reversed(rows)
        ]
        return [record for record in found if kinds is None or record["kind"] in kinds]

    def verify(self) -> int | None:
        """The number of the first record that does not fit the chain; None when all do."""
        previous = _START
        for number, at, kind, run, document, before, own in self._all(
            "SELECT number, at, kind, run_id, document, previous, hash FROM records ORDER BY number"
        ):
            if before != previous or own != _link(previous, at, kind, run, document):
                return int(number)
            previous = own
        return None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _json(data: Any) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, default=str)


def _link(previous: str, at: float, kind: str, run_id: str | None, document: str) -> str:
    text = "\n".join((previous, repr(at), kind, run_id or "", document))
    return hashlib.sha256(text.encode()).hexdigest()
