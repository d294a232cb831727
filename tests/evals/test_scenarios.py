"""The scenarios fit the application that they break."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from evals import Change, Scenario, load, names
from mcp_tools import application
from mcp_tools.diagnosis.findings import CODES

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples" / "todo-chatbot"
IGNORED = shutil.ignore_patterns("node_modules", ".next", "__pycache__", ".venv")


@pytest.mark.parametrize("name", names())
def test_a_scenario_applies_to_the_example_and_leaves_a_valid_application(name: str, tmp_path: Path) -> None:
    scenario = load(name)
    assert scenario.name == name
    copy = tmp_path / "examples" / "app"
    shutil.copytree(EXAMPLE, copy, ignore=IGNORED)
    for change in scenario.changes:
        change.apply(copy)
    app = application.load(copy)
    assert scenario.expect.service in {s.name for s in app.spec.services}
    assert [code for code in CODES if re.fullmatch(scenario.expect.code, code)]
    for change in scenario.changes:
        with pytest.raises(ValueError, match="times"):
            change.apply(copy)


def test_there_are_the_three_ways_in_which_a_release_breaks() -> None:
    assert {"image-missing", "crash-at-start", "probe-never-passes"} <= set(names())


def test_a_change_stays_inside_the_application(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "other").write_text("x")
    with pytest.raises(ValueError, match="outside"):
        Change(file="../other", find="x", replace="y").apply(tmp_path / "app")


def test_unknown_words_are_refused() -> None:
    with pytest.raises(ValidationError):
        Scenario.model_validate({"name": "a", "colour": "red"})
