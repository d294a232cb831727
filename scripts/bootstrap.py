"""Make the environment of a clone: a virtual environment with exactly the locked packages. Standard library only.

The environment lies in ``.venv`` beside ``pyproject.toml`` and is made anew when a lock file changes. Two processes
that start at once wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
MINIMUM = (3, 11)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3", "python3.14")


def say(text: str) -> None:
    """A line for the user; standard output stays clean."""
    print(f"longshore: {text}", file=sys.stderr, flush=True)


def interpreter() -> str:
    """A Python that is new enough."""
    if sys.version_info >= MINIMUM:
        return sys.executable
    for name in CANDIDATES:
        path = shutil.which(name)
        probe = "import sys, venv; sys.exit(sys.version_info < (3, 11))"
        if path and subprocess.run([path, "-c", probe], capture_output=True, check=False).returncode == 0:
            return path
    say(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Try: install python3.11")
    sys.exit(4)


def digest(lock: Path) -> str:
    """What an environment is known by: the lock file, the project's metadata, and where it lies."""
    parts = [lock.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def ensure(development: bool) -> Path:
    """The environment, made or brought up to date; its folder of programs."""
    lock = ROOT / ("requirements-dev.lock" if development else "requirements.lock")
    marks = [VENV / "longshore-dev.lock-digest"] + ([] if development else [VENV / "longshore.lock-digest"])
    locks = [ROOT / "requirements-dev.lock", lock]
    programs = VENV / "bin"
    with (ROOT / ".venv.lock").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        for mark, of in zip(marks, locks):  # noqa: B905 (runs on old Pythons, to say so)
            if mark.is_file() and mark.read_text() == digest(of) and (programs / "longshore").is_file():
                return programs
        make(lock, marks[-1])
    return programs


def make(lock: Path, mark: Path) -> None:
    """Make the environment from a lock file."""
    started = time.monotonic()
    say("installing the locked packages into .venv (once)")
    if VENV.exists() and not (VENV / "bin" / "python").exists():
        shutil.rmtree(VENV)
    if not VENV.exists():
        run([interpreter(), "-m", "venv", str(VENV)])
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(lock)])
    run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    mark.write_text(digest(lock))
    say(f"installed in {time.monotonic() - started:.0f} s")


def run(argv: list[str]) -> None:
    """Run a step; its failure ends everything with its own words."""
    done = subprocess.run(argv, cwd=ROOT, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        say(f"this failed: {' '.join(argv[:6])} …. Try: check the network or the package index, then the same again")
        sys.exit(4)


def environment(programs: Path) -> dict[str, str]:
    """The environment of the programs: the virtual one's folder first."""
    return os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
