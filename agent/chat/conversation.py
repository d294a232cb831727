"""A conversation on disk: what was said and called, what waits for a human, and which cluster it is about.

One folder each, mode 0700, files 0600: ``meta.json``, ``items.json`` (the model's input so far), ``results.json``
(structured results by call), and ``state.json`` (a run of the Agents SDK that waits for a confirmation).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.problems import Problem
from agent.settings import state_folder

__all__ = ["Conversation", "folder"]

KEPT = 50
"""Conversations that are kept; the oldest go."""
LARGEST = 300_000
"""Characters of one structured result that are kept for later turns."""
_ID = re.compile(r"[a-z0-9-]{6,40}")


def folder() -> Path:
    """Where the conversations are."""
    return state_folder() / "conversations"


class Conversation:
    """One conversation; every change is written at once, whole or not at all."""

    def __init__(self, identity: str, meta: dict[str, Any]) -> None:
        self.id = identity
        self.meta = meta
        self.items: list[Any] = []
        self.results: dict[str, dict[str, Any]] = {}

    # -- beginning -----------------------------------------------------------------------------------------------

    @classmethod
    def new(cls, workspace: Path) -> Conversation:
        """A new one. Nothing is written before something was said."""
        identity = f"{time.strftime('%Y%m%d')}-{secrets.token_hex(4)}"
        return cls(identity, {"id": identity, "created": time.time(), "workspace": str(workspace)})

    @classmethod
    def load(cls, wanted: str) -> Conversation:
        """An earlier one, by its id; ``last`` is the one that was used last.

        Raises:
            Problem: there is none, or it cannot be read.
        """
        identity = _last() if wanted == "last" else wanted
        place = folder() / identity
        if not _ID.fullmatch(identity) or not (place / "meta.json").is_file():
            known = ", ".join(path.name for path in _all()[:3])
            why = f"the newest are {known}" if known else "there is none yet"
            raise Problem(f"there is no conversation {identity or wanted}", why, "longshore chat", code="usage")
        try:
            made = cls(identity, json.loads((place / "meta.json").read_text(encoding="utf-8")))
            made.items = _read(place / "items.json", [])
            made.results = _read(place / "results.json", {})
        except (OSError, ValueError) as error:
            raise Problem(f"the conversation {identity} cannot be read", str(error), "longshore chat") from error
        return made

    @property
    def place(self) -> Path:
        """Its folder."""
        return folder() / self.id

    # -- keeping -------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write what was said and called.

        Raises:
            Problem: it cannot be written.
        """
        self.meta["used"] = time.time()
        self._write("items.json", json.dumps(self.items, ensure_ascii=False))
        self._write("results.json", json.dumps(self.results, ensure_ascii=False))
        self._write("meta.json", json.dumps(self.meta, ensure_ascii=False, indent=1))
        _forget_old()

    def keep(self, call_id: str, result: Mapping[str, Any]) -> None:
        """Keep what a call gave back, so that it is never made again by itself, and later turns can build on it."""
        self.results[call_id] = dict(result)
        if len(json.dumps(result, default=str)) > LARGEST:
            self.results[call_id] = {key: value for key, value in result.items() if key != "data"}
        self._write("results.json", json.dumps(self.results, ensure_ascii=False, default=str))

    def park(self, state: str) -> None:
        """Keep a run that waits for a human."""
        self._write("state.json", state)

    def parked(self) -> str | None:
        """The run that waits, if one does."""
        try:
            return (self.place / "state.json").read_text(encoding="utf-8")
        except OSError:
            return None

    def unpark(self) -> None:
        """Nothing waits any more."""
        with contextlib.suppress(OSError):
            (self.place / "state.json").unlink()

    def _write(self, name: str, text: str) -> None:
        part = self.place / f".{name}.{os.getpid()}"
        try:
            self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.place.parent.chmod(0o700)
            self.place.chmod(0o700)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
                out.write(text)
            part.replace(self.place / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            why = error.strerror or str(error)
            raise Problem("the conversation cannot be kept", why, "free some room, or set XDG_STATE_HOME") from error


def _read(path: Path, default: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else default


def _all() -> list[Path]:
    """The folders of the conversations, the one used last first."""
    with contextlib.suppress(OSError):
        found = [path for path in folder().iterdir() if (path / "meta.json").is_file()]
        return sorted(found, key=lambda path: (path / "meta.json").stat().st_mtime, reverse=True)
    return []


def _last() -> str:
    found = _all()
    return found[0].name if found else ""


def _forget_old() -> None:
    for path in _all()[KEPT:]:
        if not (path / "state.json").exists():
            shutil.rmtree(path, ignore_errors=True)
