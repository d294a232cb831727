"""The documentation against the code: the page of tools, links, command lines, YAML and JSON, names of tests."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from agent.cli import cli
from evals import Scenario
from mcp_tools import application, library
from mcp_tools.__main__ import main as server
from mcp_tools.catalog import CATALOG
from playbooks import loader

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN = [page for page in PAGES if page.name != "tools.md"]
"""By hand."""
FENCE = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6} (.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            if match[2] in languages:
                indent = len(match[1])
                body = "\n".join(line[indent:] for line in match[3].splitlines()) + "\n"
                found.append(Block(page, text.count("\n", 0, match.start()) + 1, match[2], body))
    return found


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


# -- the page of tools ---------------------------------------------------------------------------------------------


def script() -> ModuleType:
    file = str(ROOT / "scripts" / "docs")
    spec = importlib.util.spec_from_loader("docs_script", importlib.machinery.SourceFileLoader("docs_script", file))
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_page_of_tools_is_current() -> None:
    """Write it anew with scripts/docs."""
    shown = CliRunner().invoke(server, ["tools", "--json"])
    assert shown.exit_code == 0, shown.output
    tools = [tool for tool in json.loads(shown.output) if not tool["name"].startswith("toy_")]
    assert script().page(tools) == (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")


# -- links -----------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors that headings get on a forge."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(prose(page)):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        found[words] = found.get(words, 0) + 1
    return set(found) | {f"{name}-{n}" for name, times in found.items() for n in range(1, times)}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for pair in LINK.findall(prose(page)):
        target = pair[0] or pair[1]
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        here = file.exists() and ROOT in (file, *file.parents)
        if not here or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


# -- command lines ---------------------------------------------------------------------------------------------------


def command_lines(text: str) -> Iterator[str]:
    """The calls of longshore in a shell text, each without what is piped, redirected or done after it."""
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip().removeprefix("$ ")
        match = re.search(r"(?:^|[;|(] ?|&& ?|\$\()(?:[A-Z_]+=\S+ )*(?:\./)?longshore(?= |$)(.*)", line)
        if match:
            yield match[1]


def words_of(line: str) -> list[str]:
    lexer = shlex.shlex(line.replace("…", "x"), posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word and set(word) <= set("|&;<>()"):
            break
        words.append(word)
    return words


def calls() -> list[tuple[str, list[str]]]:
    found = [
        (f"{block} longshore{line}", words_of(line))
        for block in blocks("sh", "bash", "console")
        for line in command_lines(block.text)
    ]
    for page in PAGES:
        for span in re.findall(r"`((?:\./)?longshore [a-z][^`]*)`", prose(page)):
            found += [(f"{page.name} {span}", words_of(line)) for line in command_lines(span)]
    return found


@pytest.mark.parametrize(("where", "words"), calls(), ids=lambda p: p if isinstance(p, str) else "")
def test_every_command_line_parses(where: str, words: list[str]) -> None:
    command: click.Command = cli
    context = click.Context(cli, info_name="longshore", **cli.context_settings)  # names of the help option
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = command.get_command(context, words[0])
        assert inner is not None, f"there is no command {words[0]}"
        context = click.Context(inner, info_name=words[0], parent=context)
        command, words = inner, words[1:]
    _, rest, _ = command.make_parser(context).parse_args(list(words))
    assert rest == [], "too many words"
    for word in words:
        if word.startswith("examples/"):
            assert (ROOT / word).exists()


def test_command_lines_are_found() -> None:
    text = "# a comment\n$ A=b ./longshore deploy . --json | jq .\ncd x && longshore doctor > y\nsay longshore-like\n"
    assert [words_of(line) for line in command_lines(text)] == [["deploy", ".", "--json"], ["doctor"]]


# -- YAML and JSON ---------------------------------------------------------------------------------------------------

MINIMAL: dict[str, Any] = {
    "apiVersion": "longshore.dev/v1",
    "kind": "Application",
    "metadata": {"name": "shop"},
    "spec": {"services": [{"name": "api", "context": "api", "port": 8000}]},
}


def tool_names(text: str) -> set[str]:
    return set(re.findall(r"^\s*(?:- )?tool: (\w+)", text, re.MULTILINE))


@pytest.mark.parametrize("block", blocks("yaml", "yml"), ids=str)
def test_every_yaml_is_valid(block: Block, tmp_path: Path) -> None:
    """An application, a playbook, a scenario, or a part: `# under spec:` or `# a step` or `# a recovery`."""
    data = yaml.safe_load(block.text)
    first = block.text.splitlines()[0]
    if "# under spec" in first:
        data = MINIMAL | {"spec": MINIMAL["spec"] | data}
    if "# a step" in first or "# a recovery" in first:
        data = _playbook(data, recovery="# a recovery" in first)
    file = tmp_path / application.FILE
    if data.get("kind") == "Application":
        file.write_text(yaml.safe_dump(data), encoding="utf-8")
        application.load(file)
    elif data.get("kind") == "Playbook":
        loader.parse(yaml.safe_dump(data), str(block))
        library.load()
        for name in tool_names(block.text):
            CATALOG.get(name)
    else:
        Scenario.model_validate(data)


def _playbook(data: Any, *, recovery: bool) -> dict[str, Any]:
    step = {"id": "look", "title": "Look", "tool": "diagnose"}
    steps = [step] if recovery else data
    made = {"number": 1, "id": "only", "title": "Only", "steps": steps}
    named = {entry["on_failure"] for entry in steps if "on_failure" in entry}
    plain = {"title": "Back", "stage": "only", "steps": [step | {"id": "again"}]}
    return {
        "api_version": "longshore.dev/v1",
        "kind": "Playbook",
        "name": "sample",
        "title": "Sample",
        "stages": [made],
        "recoveries": data if recovery else dict.fromkeys(named, plain),
    }


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_every_json_is_json(block: Block) -> None:
    data = json.loads(block.text)
    for servers in (data.get("mcpServers"), data.get("servers")) if isinstance(data, dict) else ():
        for entry in (servers or {}).values():
            if "args" in entry:
                assert entry["command"].endswith("longshore")
                test_every_command_line_parses("", entry["args"])


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_every_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


# -- what is named exists --------------------------------------------------------------------------------------------


def test_every_named_test_exists() -> None:
    there = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in (file.stem, *re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8")))
    }
    named = {name for page in WRITTEN for name in re.findall(r"\btest_\w+", page.read_text(encoding="utf-8"))}
    assert sorted(name for name in named if name not in there) == []


def test_every_named_tool_exists() -> None:
    library.load()
    there = {tool.name for tool in CATALOG.all()}
    prefixes = ("docker_", "minikube_", "helm_", "kubectl_", "playbook_", "check_", "chart_", "dockerfile_")
    for page in WRITTEN:
        named = set(re.findall(r"`([a-z]+_[a-z_]+)`", page.read_text(encoding="utf-8")))
        assert not {name for name in named if name.startswith(prefixes)} - there, page.name
