"""docs/clients.md against the installer: every configuration on the page is what the command above it prints."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from agent.cli import cli
from agent.install import installer, program
from agent.install.clients import CLIENTS, Place

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "clients.md").read_text(encoding="utf-8")
PAIR = re.compile(r"```sh\n(longshore mcp install [^\n]*)\n```\n\n```(json|text)\n(.*?)```", re.DOTALL)
PAIRS = PAIR.findall(PAGE)
PLACE = Place("linux", Path("/home/ann"), Path("/home/ann/shop"), {"PATH": "/nowhere"})


@pytest.fixture
def ann(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine of the page."""
    monkeypatch.setattr(installer, "here", lambda: PLACE)
    monkeypatch.setattr(program, "program", lambda: ("/opt/longshore/longshore",))


@pytest.mark.parametrize(("line", "kind", "shown"), PAIRS, ids=[line for line, _, _ in PAIRS])
def test_the_page_shows_what_is_written(line: str, kind: str, shown: str, ann: None) -> None:
    words = [*shlex.split(line)[1:], "--print"]
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    assert result.exception is None, result.exception
    read: Any = json.loads if kind == "json" else yaml.safe_load
    assert read(shown) == read(result.stdout)


def test_every_configuration_of_the_page_is_checked() -> None:
    blocks = re.findall(r"```(?:json|text)\n.*?```", PAGE, re.DOTALL)
    assert len(blocks) == len(PAIRS) >= 10
    assert {client for client in CLIENTS if any(f"--client {client}" in line for line, _, _ in PAIRS)} == set(CLIENTS)


def test_the_table_says_where_the_files_are() -> None:
    rows = re.findall(r"^\| [\w -]+ \| `(\w[\w-]*)` \| ([^|]*) \|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)
    assert [key for key, *_ in rows] == list(CLIENTS)
    for key, user, project, url in rows:
        client = CLIENTS[key]
        if client.format == "manifest":
            continue
        home = str(client.file("user", PLACE)).replace("/home/ann", "~")
        assert user.strip() == f"`{home}`"
        assert project.strip() == (f"`{client.project_file}`" if "project" in client.scopes else "")
        assert (url.strip() == "yes") is client.by_url
