"""Mistakes in a playbook are errors that name them; so are wrong stages and needs."""

from __future__ import annotations

import pytest
import yaml

from playbooks import loader
from playbooks.errors import PlaybookError
from playbooks.graph import expand, select
from playbooks.loader import parse
from tests.playbooks.fakes import APP, HEAD, three

STAGE = "  - number: {n}\n    id: {id}\n    title: A stage\n    steps:\n"


def one(*steps: str, more: str = "") -> str:
    return HEAD + "stages:\n" + STAGE.format(n=1, id="one") + "".join(f"      - {s}\n" for s in steps) + more


OK = "{id: ok, title: A step, tool: look}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (one(OK, OK), "two steps have the id ok"),
        (one(OK, "{id: b, title: A step, tool: look, needs: [nothing]}"), "needs nothing, which is no step"),
        (
            one("{id: a, title: A step, tool: look, needs: [b]}", "{id: b, title: A step, tool: look, needs: [a]}"),
            "in a circle: a → b → a",
        ),
        (one("{id: a, title: A step, tool: look, needs: ['a b']}"), "is no need"),
        (one("{id: a, title: A step, tool: look, needs: ['a[reslt.x]']}"), "reslt"),
        (one("{id: A, title: A step, tool: look}"), "id"),
        (one("{id: a, title: A step, tool: rm -rf}"), "tool"),
        (one("{id: a, title: A step, tool: look, expects: [x]}"), "expects"),
        (one("{id: a, title: A step, tool: look, expect: ['result.ok ==']}"), "is no CEL expression"),
        (one("{id: a, title: A step, tool: look, when: 'steps.gone.changed'}"), "names the step gone"),
        (one("{id: a, title: A step, tool: look, args: {x: '${service.name}'}}"), "needs for_each"),
        (one("{id: a, title: A step, tool: look, args: {x: '${app.name'}}"), "not closed"),
        (one("{id: a, title: A step, tool: look, gate: later}"), "gate later, which is no earlier stage"),
        (one("{id: a, title: A step, tool: look, on_failure: help}"), "recovery help, which there is not"),
        (one(OK) + STAGE.format(n=3, id="two") + f"      - {OK.replace('ok', 'b')}\n", "numbered 1, 2, 3"),
        (
            one("{id: a, title: A step, tool: look, needs: [b]}")
            + STAGE.format(n=2, id="two")
            + "      - {id: b, title: A step, tool: look}\n",
            "in the later stage two",
        ),
        (
            one(OK, more="recoveries:\n  r: {title: R, stage: gone, steps: [{id: x, title: A step, tool: look}]}\n"),
            "of stage gone",
        ),
        (HEAD + "stages: []\n", "stages"),
        ("nonsense", "valid"),
        ("a: [", "is not YAML"),
    ],
)
def test_mistakes_are_named(text: str, says: str) -> None:
    with pytest.raises(PlaybookError) as error:
        parse(text)
    assert says in str(error.value), str(error.value)


def test_a_playbook_that_there_is_not() -> None:
    with pytest.raises(PlaybookError, match="deploy, rollback, uninstall"):
        loader.playbook("../secrets")


@pytest.mark.parametrize(
    ("step", "app", "says"),
    [
        ("{id: a, title: A step, tool: look, for_each: app.services}", {"services": "none"}, "no list of things"),
        ("{id: a, title: A step, tool: look, for_each: app.gone}", {}, "there is no 'gone'"),
        (
            "{id: a, title: A step, tool: look, for_each: app.services, needs: ['a[service.needs]']}",
            {"services": [{"name": "x", "needs": ["y"]}]},
            "needs a of y",
        ),
        (
            "{id: a, title: A step, tool: look, for_each: app.services, needs: ['a[service.needs]']}",
            {"services": [{"name": "x", "needs": ["y"]}, {"name": "y", "needs": ["x"]}]},
            "need each other in a circle",
        ),
    ],
)
def test_what_only_the_application_shows_is_an_error_too(step: str, app: dict[str, object], says: str) -> None:
    with pytest.raises(PlaybookError) as error:
        expand(parse(one(step)), {"app": app})
    assert says in str(error.value)


def test_needs_are_edges_between_the_same_service_all_or_those_that_are_listed() -> None:
    nodes = expand(three(), {"app": APP, "params": {}, "run": {}})
    assert nodes["check-a"].needs == {"build-a"}
    assert nodes["install-c"].needs == {"load-c", "install-b"}
    assert nodes["test"].needs == {"install-a", "install-b", "install-c"}
    assert nodes["load-a"].edges == {"check-a", "look"}, "an early gate waits for that stage only"
    assert {"check-c", "build-b", "look"} <= nodes["install-a"].edges


@pytest.mark.parametrize(
    ("stages", "count"), [(None, 14), ("1", 1), ("2", 6), ("first", 1), ("1-2", 7), ("1,second", 7), ("3", 10)]
)
def test_stages_are_chosen_by_number_range_or_id(stages: str | None, count: int) -> None:
    nodes = expand(three(), {"app": APP, "params": {}, "run": {}})
    assert len(select(three(), nodes, stages, {"look"})) == count


@pytest.mark.parametrize("stages", ["9", "0-1", "fourth", "3-1", "1-9"])
def test_a_stage_that_there_is_not_is_an_error_with_the_stages(stages: str) -> None:
    nodes = expand(three(), {"app": APP, "params": {}, "run": {}})
    with pytest.raises(PlaybookError, match="1 first, 2 second, 3 third"):
        select(three(), nodes, stages, set())


def test_packaged_playbooks_are_valid_and_their_files_hold_no_surprise() -> None:
    assert loader.names() == ["deploy", "rollback", "uninstall"]
    for name in loader.names():
        text = (loader.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
        assert yaml.safe_load(text)["name"] == name
        assert loader.playbook(name).name == name
    assert [stage.id for stage in loader.playbook("deploy").stages] == [
        "environment",
        "containerization",
        "charts",
        "deployment",
        "verification",
        "acceptance",
        "rollback",
    ]
