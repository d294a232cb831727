"""Calls, results and endings in words, and Markdown in pieces."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from agent.chat.events import Spent, ToolFinished, TurnEnded
from agent.chat.markdown import THEME, BlockStream, rows
from agent.chat.words import about_line, arguments_line, ended_line, result_line, spent_line, unfenced


def drawn(text: str, width: int = 60, height: int = 0) -> str:
    console = Console(file=io.StringIO(), width=width, theme=THEME, force_terminal=True, color_system="standard")
    console.print(rows(console, [text], height))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"namespace": "todo", "name": "x", "container": None, "tail": 0}, "name=x namespace=todo tail=0"),
        ({"application": "examples/shop/longshore.yaml"}, "application=examples/shop"),
        ({"all": True, "kinds": ["a", "b"], "set": {"a": 1}}, 'all=yes kinds=a,b set={"a": 1}'),
        ({"text": "a b\x1b[31m\nc"}, 'text="a b c"'),
        ({}, ""),
    ],
)
def test_arguments(arguments: dict[str, Any], line: str) -> None:
    assert arguments_line(arguments) == line


def test_arguments_are_cut() -> None:
    assert arguments_line({"text": "x" * 50}, 20) == "text=" + "x" * 14 + "…"


@pytest.mark.parametrize(
    ("text", "data", "line"),
    [
        ("whatever", {"findings": []}, "nothing is wrong"),
        ("t", {"columns": ["NAMESPACE", "NAME"], "rows": [["a", "x"], ["a", "y"]]}, "2 rows: x, y"),
        ("t", {"releases": [{"name": "shop"}]}, "1 release: shop"),
        ("t", {"run_id": "deploy-1", "status": "succeeded"}, "succeeded: run deploy-1"),
        ("sandbox (simulated)\nfirst\n\nsecond\x1b[2J\n", {}, "first  (+1 line)"),
        ("", {}, ""),
    ],
)
def test_results(text: str, data: dict[str, Any], line: str) -> None:
    assert result_line(ToolFinished("1", "t", True, text, 0.1, data)) == line


def test_a_result_without_its_fence_keeps_what_looks_like_one() -> None:
    fenced = '<untrusted source="kubectl_logs">\na <untrusted> b\n</untrusted>'
    assert unfenced(fenced) == "a <untrusted> b\n"


def test_spent() -> None:
    assert spent_line(Spent()) == ""
    assert spent_line(Spent(1, 2, 300, 200)) == "1 turn · 2 calls · 500 tokens"
    assert spent_line(Spent(3, 0, 12_000, 500, 0.001)) == "3 turns · 12.5k tokens · $0.0010"


def test_about() -> None:
    assert about_line({"target": "minikube"}) == "minikube"
    assert about_line({"target": "sandbox", "simulated": True}) == "sandbox (simulated)"


def test_endings() -> None:
    assert ended_line(TurnEnded("done", Spent())) == ""
    assert ended_line(TurnEnded("failed", Spent(), "no answer")) == "it did not work: no answer"
    assert ended_line(TurnEnded("budget", Spent(), "60 calls")) == "a budget is used up: 60 calls"


MARKDOWN = """# Title

A paragraph
of two lines.

- one
- two

  still two
- three

| a | b |
|---|---|
| 1 | 2 |

```sh
kubectl get pods

kubectl get nodes
```

1. first
2. second
"""


@pytest.mark.parametrize("size", [1, 3, 7, 50, 1000])
def test_blocks_are_the_same_however_the_text_comes(size: int) -> None:
    stream = BlockStream()
    blocks = [block for at in range(0, len(MARKDOWN), size) for block in stream.feed(MARKDOWN[at : at + size])]
    blocks += stream.end()
    assert "".join(blocks) == MARKDOWN
    assert [block.split()[0] for block in blocks] == ["#", "A", "-", "|", "```sh", "1."]


def test_what_is_left_is_cut_as_well() -> None:
    stream = BlockStream()
    stream.feed("| a |\n|---|\n| 1 |\n\nafter")
    assert stream.rest == ["| a |\n|---|\n| 1 |\n\n", "after"] == stream.end()
    assert stream.end() == []


def test_a_block_is_not_whole_before_the_next_has_begun() -> None:
    stream = BlockStream()
    assert stream.feed("- one\n") == [] and stream.feed("- two\n\n") == []
    assert stream.feed("after") == [], "a line may still go on as a list"
    assert stream.feed("wards\n") == ["- one\n- two\n\n"]
    assert stream.rest == ["afterwards\n"]


def test_what_is_drawn() -> None:
    shown = drawn(MARKDOWN)
    assert "\x1b[1;4mTitle" in shown, "at the left"
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert "  kubectl get pods" in [line.rstrip() for line in lines] and "```" not in shown


def test_a_block_that_is_being_written_shows_its_end() -> None:
    assert [line.strip() for line in drawn("\n\n".join("abcdef"), height=3).strip().splitlines()] == ["e", "", "f"]


def test_a_text_steers_no_terminal_and_hides_no_address() -> None:
    shown = drawn("a \x1b]8;;http://evil\x07[safe](http://evil.example)\u202e \x9b31m")
    assert "\x1b]8" not in shown and "\u202e" not in shown and "http://evil.example" in shown
