"""The surfaces that others build on, as reviewed snapshots: the help of every command, and the playbook's schema.

Write them anew with LONGSHORE_UPDATE_SNAPSHOTS=1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from agent.cli import cli
from playbooks.schema import Playbook

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "docs" / "schema" / "playbook.schema.json"


def reviewed(file: Path, text: str) -> None:
    if os.environ.get("LONGSHORE_UPDATE_SNAPSHOTS"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def commands(group: click.Command, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [words]
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            found += commands(command, (*words, name))
    return found


def test_the_help_of_every_command_is_the_reviewed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    parts = []
    for words in commands(cli):
        shown = CliRunner().invoke(cli, [*words, "--help"], prog_name="longshore", terminal_width=100)
        assert shown.exit_code == 0, shown.output
        parts.append(f"$ longshore {' '.join([*words, '--help'])}\n{shown.output.rstrip()}\n")
    assert len(parts) >= 12
    reviewed(HERE / "cli-help.txt", "\n".join(parts))


def test_the_schema_of_playbooks_is_the_published_one() -> None:
    made = json.dumps(Playbook.model_json_schema(by_alias=True), indent=2, ensure_ascii=False, sort_keys=True)
    reviewed(SCHEMA, made + "\n")
