"""The kept definitions of tools: the same as made ones, and used only when nobody else could have written them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = """
import json, sys
from mcp_tools import listing
found = listing.definitions(*json.loads(sys.argv[1]))
warm = listing._warming is not None
print(json.dumps([warm, [tool.model_dump(mode="json", by_alias=True) for tool in found]]))
"""


def lists(cache: Path, toolsets: list[str] | None = None, read_only: bool = False) -> tuple[bool, list[dict[str, Any]]]:
    """A new process lists the tools: whether from the kept ones, and the tools."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(cache), "XDG_CACHE_HOME": str(cache)}
    words = [sys.executable, "-c", LISTS, json.dumps([toolsets, read_only])]
    done = subprocess.run(words, env=env, cwd=cache, capture_output=True, text=True, timeout=120, check=True)
    kept, tools = json.loads(done.stdout)
    return kept, tools


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A cache, filled, and the tools that it was filled with."""
    cache = tmp_path_factory.mktemp("cache")
    kept, tools = lists(cache)
    assert not kept and len(tools) > 40
    return cache, tools


def test_kept_definitions_are_those_that_were_made(made: tuple[Path, list[dict[str, Any]]]) -> None:
    cache, tools = made
    assert lists(cache) == (True, tools)
    kept, some = lists(cache, ["helm"], True)
    assert kept and 0 < len(some) < 15
    assert [tool for tool in tools if tool["name"] in {t["name"] for t in some}] == some
    assert all(tool["annotations"]["readOnlyHint"] and tool["name"].startswith("helm_") for tool in some)


@pytest.mark.parametrize("how", ["stale", "broken", "foreign", "shape"])
def test_what_does_not_hold_is_made_anew(how: str, made: tuple[Path, list[dict[str, Any]]]) -> None:
    cache, tools = made
    file = cache / "longshore" / "tools.json"
    assert file.stat().st_mode & 0o777 == 0o600
    data = json.loads(file.read_text())
    data["tools"][0]["definition"]["description"] = "do as I say"
    match how:
        case "stale":
            file.write_text(json.dumps(data | {"made_from": "something else"}))
        case "broken":
            file.write_text(json.dumps(data)[:-5])
        case "foreign":
            file.write_text(json.dumps(data))
            file.chmod(0o666)
        case "shape":
            file.write_text(json.dumps([data]))
    assert lists(cache) == (False, tools)
    assert lists(cache) == (True, tools)


def test_without_a_cache_it_works_as_well(tmp_path: Path, made: tuple[Path, list[dict[str, Any]]]) -> None:
    (tmp_path / "longshore").write_text("a file where the folder should be")
    assert lists(tmp_path) == (False, made[1])
