"""The report: one page, well formed, nothing from outside, everything escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from agent import diagram, gantt
from agent.model import Run
from agent.report import render
from tests.agent.conftest import run_data

EVIL = "<script>alert(1)</script>\"'><img src=http://evil.example/x onerror=alert(2)>\x1b[31m\u202e"
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Collects tags and their attributes, and checks that they close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def parsed(page: str) -> Page:
    """The page; fails when it is not well formed."""
    found = Page()
    found.feed(page)
    assert not found.open
    return found


def details(text: str = "fine") -> dict[str, Any]:
    """The resource of a run, with ``text`` wherever something from outside can be."""
    preview = {
        "summary": text,
        "added": [text],
        "changed": [text],
        "lost": [text],
        "diff": f"--- a\n+++ b\n-{text}\n+{text}",
    }
    question = {"id": "c-1", "digest": "ab" * 32, "tool": text, "effect": "change", "status": "used", "asked_at": 1.0}
    edges = {"edges": [{"from": text, "to": "api", "ok": False, "failure": text, "error": text}]}
    step = {
        "id": "env-docker",
        "started": 100.0,
        "args": {"x": text},
        "docs": text,
        "expectations": [{"that": text, "ok": False, "otherwise": text}],
    }
    triggers = {"triggers": [{"title": text, "fired": True, "evidence": [text]}]}
    return {
        "steps": [
            step,
            {"id": "build-todo-backend", "started": 101.0, "tool": "check_connectivity", "result": edges},
            {"id": "triggers", "tool": "check_triggers", "result": triggers},
        ],
        "confirmations": [question | {"answered_at": 2.0, "answered_by": text, "channel": text, "preview": preview}],
        "calls": [
            {"at": 3.0, "tool": text, "effect": "read", "status": text, "argv": [["helm", text]], "seconds": 1.5}
        ],
    }


def hostile_run() -> Run:
    """A run in which every text is hostile."""
    data = run_data("failed", application=EVIL, target=EVIL, advice=[EVIL], failure={"what": EVIL})
    for stage in data["stages"]:
        stage["title"] = EVIL
        for step in stage["steps"]:
            step |= {"title": EVIL, "tool": EVIL, "effect": EVIL, "evidence": [EVIL], "skill": EVIL}
            step["error"] = {"what": EVIL, "why": EVIL, "remedy": EVIL}
    data["stages"][0]["steps"].append({"id": "triggers", "tool": "check_triggers", "title": EVIL, "status": EVIL})
    return Run.read(data)


def application(text: str) -> dict[str, Any]:
    """A longshore.yaml with that text in its names."""
    reference = {"secret": text, "key": "k"}
    services = [
        {
            "name": text,
            "port": 80,
            "dependsOn": ["db", "api"],
            "secretEnv": {"A": reference},
            "ingress": {"host": text},
        },
        {"name": "api", "port": 81, "dependsOn": ["db"]},
    ]
    return {"spec": {"services": services, "database": {"name": "db", "image": text}}}


def test_nothing_hostile_becomes_markup() -> None:
    page = parsed(render(hostile_run(), details(EVIL), application(EVIL)))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object", "embed", "link", "form", "base"}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    text = "".join(page.words)
    assert "<script>alert(1)</script>" in text, "it is shown as text"
    assert "\x1b" not in text and "\u202e" not in text


def test_the_page_needs_nothing_else() -> None:
    html = render(Run.read(run_data()), details(), application("web"))
    page = parsed(html)
    for tag, attrs in page.tags:
        assert not attrs.get("src") and (tag == "a" or not attrs.get("href")), (tag, attrs)
    assert not re.search(r"https?://(?!www\.w3\.org)", html)
    assert "@import" not in html and not re.search(r"url\((?!#)", html)
    assert "prefers-color-scheme: dark" in html
    assert any(attrs.get("content", "").startswith("default-src 'none'") for tag, attrs in page.tags if tag == "meta")


def test_it_tells_the_story() -> None:
    text = " ".join("".join(parsed(render(Run.read(run_data()), details("by Ada"), application("web"))).words).split())
    for words in (
        "deploy todo-chatbot",
        "Build: todo-backend",
        "docker 28.2.2",
        "yes, and done",
        "by Ada",
        "helm by Ada",
    ):
        assert words in text


def test_a_run_with_nothing_known_is_a_page_all_the_same() -> None:
    assert parsed(render(Run(id="x", status="running"), {})).tags


def test_steps_side_by_side_get_lanes_of_their_own() -> None:
    data = run_data()
    stage = data["stages"][1]
    first = stage["steps"][0]
    stage["steps"] = [first | {"id": f"s{i}", "started": start, "seconds": 10.0} for i, start in enumerate((0, 5, 20))]
    places = re.findall(r'<rect class="bar changed" x="([\d.]+)" y="([\d.]+)"', gantt.timeline(Run.read(data)))
    assert len(places) == 3
    (_, y0), (_, y1), (_, y2) = places[0], places[1], places[2]
    assert {y0, y2} == {min(y0, y1, key=float)} or len({y0, y1, y2}) == 2


def test_the_map_goes_from_the_way_in_to_the_database() -> None:
    checked = [
        {"from": "web", "to": "api", "ok": True, "seconds": 0.004},
        {"from": "api", "to": "db", "ok": False, "failure": "refused"},
    ]
    drawn = diagram.read_map(application("web"), checked)
    assert [[node.name for node in column] for column in diagram._columns(drawn)] == [
        ["ingress"],
        ["web"],
        ["api"],
        ["db"],
    ]
    edges = {(edge.source, edge.target): (edge.ok, edge.label) for edge in drawn.edges}
    assert edges["web", "api"] == (True, "4 ms")
    assert edges["api", "db"] == (False, "refused")
    assert edges["web", "db"] == (None, "")


def test_a_circle_of_services_can_be_drawn() -> None:
    spec = {"services": [{"name": "a", "dependsOn": ["b"]}, {"name": "b", "dependsOn": ["a"]}]}
    assert diagram.draw(diagram.read_map({"spec": spec}, [])).startswith("<svg")
