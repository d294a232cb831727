"""The content digest and the rules of .dockerignore. No Docker needed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mcp_tools.engines.context import Facts, Ignore, measure
from mcp_tools.errors import NotFound, ToolFailed, UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("print(1)\n")
    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim\nCOPY . .\n")
    (tmp_path / ".dockerignore").write_text("*.log\nnode_modules\nDockerfile\n.dockerignore\n")
    return tmp_path


def of(root: Path, build_args: dict[str, str] | None = None) -> Facts:
    return measure(root, root / "Dockerfile", build_args)


def kept(root: Path) -> list[str]:
    return [path for path, entry in Ignore.of(root, root / "Dockerfile").walk(root) if not entry.is_dir()]


def test_digest_is_the_same_for_the_same_content(root: Path) -> None:
    first = of(root)
    os.utime(root / "src" / "a.py", (1, 1))
    (root / "src" / "a.py").chmod(0o600)
    (root / "noise.log").write_text("x")
    (root / "node_modules" / "x").mkdir(parents=True)
    (root / "node_modules" / "x" / "index.js").write_text("x")
    assert of(root) == first
    assert first.tag is not None and len(first.tag) == 16 and first.tag.startswith("src-")
    assert (first.files, first.bytes) == (1, 9)


def test_digest_changes_with_everything_that_the_image_depends_on(root: Path) -> None:
    seen = [of(root).digest]

    def note() -> None:
        now = of(root).digest
        assert now not in seen
        seen.append(now)

    (root / "src" / "a.py").write_text("print(2)\n")
    note()
    (root / "src" / "a.py").chmod(0o755)
    note()
    (root / "src" / "a.py").rename(root / "src" / "b.py")
    note()
    (root / "Dockerfile").write_text("FROM python:3.13-slim\n")
    note()
    (root / "src" / "link").symlink_to("b.py")
    note()
    (root / "src" / "link").unlink()
    (root / "src" / "link").symlink_to("c.py")
    note()
    (root / "empty").mkdir()
    note()
    assert of(root, {"A": "1"}).digest not in seen
    assert of(root, {"A": "1", "B": "2"}).digest == of(root, {"B": "2", "A": "1"}).digest


def test_links_are_not_followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("one")
    (root / "away").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    (root / "circle").symlink_to(root)
    first = of(root)
    (outside / "secret").write_text("two")
    assert of(root) == first and first.files == 1


def test_without_a_dockerfile_there_is_no_digest(root: Path) -> None:
    (root / "Dockerfile").unlink()
    facts = of(root)
    assert facts.digest is None and facts.tag is None and facts.files == 1


def test_errors_name_the_file(root: Path) -> None:
    with pytest.raises(NotFound):
        measure(root / "nowhere", root / "Dockerfile")
    (root / ".dockerignore").write_text("[z-a]\n")
    with pytest.raises(UsageError, match="z-a"):
        of(root)
    (root / ".dockerignore").write_bytes(b"\xff\xfe")
    with pytest.raises(ToolFailed, match="dockerignore cannot be read"):
        of(root)
    (root / ".dockerignore").unlink()
    (root / ".dockerignore").symlink_to("/etc/passwd")
    with pytest.raises(ToolFailed, match="leads outside"):
        of(root)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named(root: Path) -> None:
    (root / "src" / "a.py").chmod(0)
    with pytest.raises(ToolFailed, match=r"src/a\.py cannot be read"):
        of(root)


RULES = {
    "# only the sources\n*\n!src\n**/__pycache__\n": ["src/a.py", "src/deep/b.txt"],
    "src\n": ["Dockerfile", "README.md", "docs/a.md", "docs/b.txt"],
    "**/*.md\n!README.md\nDockerfile\nsrc\n": ["README.md", "docs/b.txt"],
    "docs\n!docs/a.md\nsrc/\nDockerfile\nREADME.md\n": ["docs/a.md"],
    "/docs/\n./src\nDockerfile\n": ["README.md"],
    "d?cs/*.md\nsrc/**/b.txt\nDockerfile\nREADME.md\n": ["docs/b.txt", "src/a.py"],
    "**\n!src/deep\n": ["src/deep/b.txt"],
    "*\n!**/*.txt\n": ["docs/b.txt", "src/deep/b.txt"],
}


def fill(root: Path) -> None:
    for name in ("README.md", "docs/a.md", "docs/b.txt", "src/a.py", "src/deep/b.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "src" / "__pycache__").mkdir()
    (root / "src" / "__pycache__" / "a.pyc").write_text("x")
    (root / "Dockerfile").write_text("FROM debian:bookworm-slim\nCOPY . /ctx\n")


@pytest.mark.parametrize("rules", RULES)
def test_dockerignore(tmp_path: Path, rules: str) -> None:
    fill(tmp_path)
    (tmp_path / ".dockerignore").write_text(rules + ".dockerignore\n")
    found = [path for path in kept(tmp_path) if "__pycache__" not in path]
    assert found == RULES[rules]


def test_a_dockerfiles_own_ignore_file_wins(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / ".dockerignore").write_text("src\n")
    (tmp_path / "Dockerfile.dockerignore").write_text("*\n!docs/a.md\n")
    assert kept(tmp_path) == ["docs/a.md"]


def test_ignored_folders_are_not_entered(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_text("node_modules\n")
    for folder in range(40):
        (tmp_path / "node_modules" / f"m{folder}").mkdir(parents=True)
        for file in range(50):
            (tmp_path / "node_modules" / f"m{folder}" / f"{file}.js").write_text("x")
    started = time.monotonic()
    assert of(tmp_path).files == 2
    assert time.monotonic() - started < 0.5
