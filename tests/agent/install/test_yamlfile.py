"""Changing the list of a YAML file in place."""

from __future__ import annotations

import pytest
import yaml

from agent.install.jsonc import Broken
from agent.install.yamlfile import remove_entry, set_entry

ENTRY = {"name": "longshore", "command": "/opt/longshore", "args": ["mcp"]}
SHOWN = "  - name: longshore\n    command: /opt/longshore\n    args:\n      - mcp\n"
FILE = """\
# my servers
servers:
  - name: other  # keep
    command: npx
    args: ["-y", x]
    env:
      A: |
        two
        lines

  # between
  - name: last
    url: http://x
    # inside, at the end

# below
other: {a: 1}
"""


def test_an_entry_is_added_as_the_last_and_goes_without_a_trace() -> None:
    made = set_entry(FILE, "servers", "longshore", ENTRY)
    assert made == FILE.replace("    url: http://x\n", f"    url: http://x\n{SHOWN}")
    assert remove_entry(made, "servers", "longshore") == FILE


def test_an_entry_is_replaced_in_its_place() -> None:
    made = set_entry(FILE, "servers", "other", {"name": "other", "url": "http://y"})
    assert "  - name: other\n    url: http://y\n\n  # between\n" in made and "# below\nother: {a: 1}" in made
    assert yaml.safe_load(made)["servers"][1]["name"] == "last"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", f"servers:\n{SHOWN}"),
        ("# nothing yet\n", f"# nothing yet\nservers:\n{SHOWN}"),
        ("a: 1", f"a: 1\nservers:\n{SHOWN}"),
        ("servers: []\n", f"servers:\n{SHOWN}"),
        ("servers: [] # none\nb: 2\n", f"servers: # none\n{SHOWN}b: 2\n"),
        ("servers:\n", f"servers:\n{SHOWN}"),
        ("servers: # none\nb: 2\n", f"servers: # none\n{SHOWN}b: 2\n"),
        ("servers:", f"servers:\n{SHOWN}"),
        ("servers: null\n", f"servers:\n{SHOWN}"),
        ("servers:\n- name: a\n", "servers:\n- name: a\n" + SHOWN.replace("\n  ", "\n")[2:]),
        ("servers:\n  - name: a", f"servers:\n  - name: a\n{SHOWN}"),
        ("a: 1\r\nservers:\r\n  - name: b\r\n", f"a: 1\nservers:\n  - name: b\n{SHOWN}"),
    ],
)
def test_forms(text: str, made: str) -> None:
    assert set_entry(text, "servers", "longshore", ENTRY) == made
    assert yaml.safe_load(made)["servers"][-1] == ENTRY


def test_the_only_entry_leaves_an_empty_list() -> None:
    text = f"servers:\n{SHOWN}b: 2\n"
    left = remove_entry(text, "servers", "longshore")
    assert yaml.safe_load(left) == {"servers": [], "b": 2}
    assert yaml.safe_load(set_entry(left, "servers", "longshore", ENTRY)) == {"servers": [ENTRY], "b": 2}


@pytest.mark.parametrize(
    "text",
    [
        "servers: {a: 1}\n",
        "- a\n",
        "servers: [{name: a}]\n",
        "{a: 1}\n",
        "a: [\n",
        "servers: []\nservers: []\n",
        "a: \t- b",
    ],
)
def test_what_cannot_be_changed_safely_is_refused(text: str) -> None:
    with pytest.raises(Broken):
        set_entry(text, "servers", "longshore", ENTRY)
