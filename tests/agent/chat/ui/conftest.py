"""The command in a process of its own, with the scripted assistant, in a pipe or on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]


@dataclass
class Ran:
    """What it left."""

    code: int
    out: str
    err: str = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every line of stdout as an object."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Chat:
    """``longshore chat``."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What the assistant was asked to do."""
        log = self.folder / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def noted(self, key: str) -> list[Any]:
        """The notes of one kind."""
        return [note[key] for note in self.notes if key in note]

    def argv(self, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The command, and its environment."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        kept |= {"HOME": str(self.folder / "home"), "XDG_STATE_HOME": str(self.folder / "state"), "TERM": "xterm"}
        kept |= {"PYTHONPATH": str(ROOT), "LONGSHORE_FAKE_LOG": str(self.folder / "log"), **self.environ}
        return [sys.executable, "-m", "tests.agent.chat.ui.fake", "chat", *words], kept

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Without a terminal."""
        argv, environ = self.argv(words)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            argv, cwd=self.folder / "shop", env=environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    def pipe(self, *words: str, stdin: str = "") -> Ran:
        """The same, to its end."""
        child = self.start(*words)
        out, err = child.communicate(stdin, timeout=60)
        return Ran(child.returncode, out, err)

    def terminal(self, *words: str, typed: Sequence[tuple[str, str]] = (), columns: int = 100) -> Ran:
        """On a terminal: each text is typed when what it waits for has come up, after what came before."""
        own, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        argv, environ = self.argv(words)
        child = subprocess.Popen(
            argv,
            cwd=self.folder / "shop",
            env=environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        screen, since, waiting, deadline = "", 0, list(typed), time.monotonic() + 30
        while time.monotonic() < deadline:
            if select.select([own], [], [], 0.1)[0]:
                try:
                    part = os.read(own, 65_536)
                except OSError:
                    break
                screen += part.decode("utf-8", "replace")
            elif child.poll() is not None:
                break
            seen = plain(screen[since:])
            if waiting and re.search(waiting[0][0], seen):
                since = len(screen)
                os.write(own, waiting.pop(0)[1].encode())
        else:
            child.kill()
        code = child.wait(timeout=20)
        os.close(own)
        assert not waiting, f"never seen: {waiting[0][0]!r} in {plain(screen)[-3000:]}"
        return Ran(code, screen)


def plain(screen: str) -> str:
    """The screen without its colours and cursor movements; ``«prompt»`` where a line can be typed."""
    screen = screen.replace("\x1b[?2004h", "«prompt»")
    return re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|[@-Z\\-_>=])", "", screen).replace("\r", "")


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    """A folder with an application in a Git repository."""
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    text = "spec:\n  namespace: todo\n  services:\n    - name: todo-backend\n    - name: todo-frontend\n"
    (tmp_path / "shop" / "longshore.yaml").write_text(text, encoding="utf-8")
    return Chat(tmp_path)
