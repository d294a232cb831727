"""The official conformance suite: every scenario passes, or docs/conformance.md says why it does not apply."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract import node

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
ERAS = ("2025-11-25", "2026-07-28")
NOT_OURS = set(re.findall(r"`(sep-2575-[\w-]+)`", PAGE))
"""Checks inside a scenario that passes otherwise."""

pytestmark = pytest.mark.timeout(600)


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the table below a heading: scenario, other cells."""
    text = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([\w-]+)` \|(.*)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


PASSED, NOT_APPLICABLE = table("Passed"), table("Does not apply")
EXPECTED = [(name, era) for name, cells in PASSED.items() for era, cell in zip(ERAS, cells, strict=True) if cell]


@pytest.fixture(scope="module")
def suite() -> list[str]:
    return node.program(node.CONFORMANCE, "conformance")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server, in a home of its own."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tests.contract.conformance_server", str(port), str(home)]
    child = subprocess.Popen(words, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert child.poll() is None, child.stderr.read() if child.stderr else ""
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        child.terminate()
        child.wait(timeout=10)


@pytest.fixture(scope="module")
def checks(suite: list[str], url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """What the suite found: (scenario, era) → its checks."""
    found: dict[tuple[str, str], Any] = defaultdict(list)
    for era in ERAS:
        out = tmp_path_factory.mktemp(era)
        words = [*suite, "server", "--url", url, "--suite", "all", "--spec-version", era, "-o", str(out)]
        subprocess.run(words, capture_output=True, timeout=300, check=False)
        for file in out.glob("*/checks.json"):
            name = re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", file.parent.name)
            found[name, era] += json.loads(file.read_text(encoding="utf-8"))
    return found


def test_every_scenario_of_the_suite_is_decided(suite: list[str]) -> None:
    listed = subprocess.run([*suite, "list", "--server"], capture_output=True, text=True, timeout=60, check=True).stdout
    names = re.findall(r"^\s*- ([\w-]+) \[", listed, re.MULTILINE)
    assert len(names) > 50
    assert sorted(names) == sorted([*PASSED, *NOT_APPLICABLE])


def test_every_reason_is_one() -> None:
    assert all(len(cells[0]) > 5 for cells in NOT_APPLICABLE.values())
    assert node.CONFORMANCE.rpartition("@")[2] in PAGE


@pytest.mark.parametrize(("scenario", "era"), EXPECTED, ids=lambda value: str(value))
def test_it_passes(scenario: str, era: str, checks: dict[tuple[str, str], Any]) -> None:
    found = [check for check in checks[scenario, era] if check["id"] not in NOT_OURS]
    assert any(check["status"] == "SUCCESS" for check in found), "the scenario did not run"
    told = [f"{c['id']}: {c.get('errorMessage')}" for c in found if c["status"] in ("FAILURE", "WARNING")]
    assert told == []


def test_nothing_that_passes_is_excused(checks: dict[tuple[str, str], Any]) -> None:
    """A scenario of the suite that has begun to apply is moved to the passed ones."""
    excused = []
    for (scenario, _), found in checks.items():
        states = {check["status"] for check in found}
        if scenario in NOT_APPLICABLE and not states & {"FAILURE", "WARNING", "SKIPPED"}:
            excused.append(scenario)
    assert excused == []
