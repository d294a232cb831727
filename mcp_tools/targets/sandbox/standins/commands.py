"""RUN commands that nobody runs: how much they would add, and the few whose failure is plain without running them."""

from __future__ import annotations

import posixpath
import re
import shlex

from mcp_tools.targets.sandbox.standins.files import Tree

__all__ = ["estimate", "failure"]

MB = 1_000_000
_PER_PACKAGE = 2_200_000
"""Bytes: the middle of what wheels of usual services take, unpacked."""

_SIZES: tuple[tuple[str, int], ...] = (
    (r"\bnpm (?:ci|install|i)\b|\byarn\b|\bpnpm (?:install|i)\b|\bbun install\b", 170 * MB),
    (r"\b(?:npm|yarn|pnpm|bun)(?: run)? build\b|\bnext build\b", 24 * MB),
    (r"\bgo build\b|\bgo install\b", 18 * MB),
    (r"\bgo mod download\b", 90 * MB),
    (r"\bcargo build\b", 40 * MB),
    (r"\bmvn\b|\bgradle\b|\bgradlew\b", 60 * MB),
    (r"\bapt-get\b.*\binstall\b|\bapt\b.*\binstall\b", 28 * MB),
    (r"\bapk\b.*\badd\b", 9 * MB),
    (r"\bpython3? -m venv\b|\buv venv\b", 12 * MB),
    (r"\bcompileall\b", 1 * MB),
)
_PIP = re.compile(r"\bpip3?\b.*\binstall\b|\buv (?:sync|pip install)\b|\bpoetry install\b|\bpipenv (?:install|sync)\b")
_NEEDED = ("package.json", "package-lock.json", "npm-shrinkwrap.json", "go.mod")
_REQUIREMENT = re.compile(r"(?:^|\s)(?:-r|--requirement)[ =](\S+)")


def estimate(command: str, tree: Tree, workdir: str) -> int:
    """Bytes that a command adds, by its kind."""
    size = sum(amount for pattern, amount in _SIZES if re.search(pattern, command))
    if _PIP.search(command):
        size += _packages(command, tree, workdir) * _PER_PACKAGE
    return size or 4096


def _packages(command: str, tree: Tree, workdir: str) -> int:
    for name in (*_REQUIREMENT.findall(command), "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml"):
        entry = tree.entries.get(posixpath.normpath(posixpath.join(workdir or "/", name)))
        if entry is None or entry.source is None:
            continue
        text = entry.source.read_text(encoding="utf-8", errors="replace")
        pinned = re.findall(r"(?m)^[A-Za-z0-9][\w.\[\]-]*\s*(?:[=~><!]=|$|;)|^name = ", text)
        return max(len(pinned), 1)
    return max(sum(not word.startswith("-") for word in command.split()) - 2, 1)


def failure(command: str, tree: Tree, workdir: str) -> tuple[int, str] | None:
    """The exit code and the last words of a command that must fail, or None: that is all that can be said of it."""
    here = workdir or "/"
    for name in _REQUIREMENT.findall(command) if _PIP.search(command) else []:
        path = posixpath.normpath(posixpath.join(here, name.strip("\"'")))
        if _absent(path, tree) and "$" not in name:
            words = f"ERROR: Could not open requirements file: [Errno 2] No such file or directory: '{name}'"
            return 1, words
    if _moves(command):
        return _ends_badly(command)
    lacks = {name for name in _NEEDED if _absent(posixpath.join(here, name), tree)}
    if re.search(r"\bnpm ci\b", command):
        if {"package.json", "package-lock.json"} <= lacks:
            return 254, f"npm error enoent Could not read package.json: no such file, open '{here}/package.json'"
        if {"package-lock.json", "npm-shrinkwrap.json"} <= lacks:
            return 1, "npm error The `npm ci` command can only install with an existing package-lock.json"
    if re.search(r"\bgo (?:mod download|build)\b", command) and "go.mod" in lacks:
        return 1, "go: go.mod file not found in current directory or any parent directory; see 'go help modules'"
    return _ends_badly(command)


def _absent(path: str, tree: Tree) -> bool:
    """Whether nothing can be at a path: it was not copied, and no earlier command names its folder or itself."""
    if path in tree.entries:
        return False
    name = posixpath.basename(path)
    return not any(name in made.command or "git clone" in made.command for made in tree.made)


def _moves(command: str) -> bool:
    return re.search(r"(?:^|[;&|]\s*)cd\s|--prefix|\s-C\s", command) is not None


def _ends_badly(command: str) -> tuple[int, str] | None:
    """``false`` and ``exit N`` are known without running them."""
    try:
        last = re.split(r"&&|;", command)[-1].strip()
        words = shlex.split(last)
    except ValueError:
        return 2, "/bin/sh: 1: Syntax error: Unterminated quoted string"
    if words == ["false"]:
        return 1, ""
    if len(words) == 2 and words[0] == "exit" and words[1].isdigit() and int(words[1]) % 256:
        return int(words[1]) % 256, ""
    return None
