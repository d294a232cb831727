"""Expressions: types kept, places filled, and errors that name what they saw."""

from __future__ import annotations

from typing import Any

import pytest

from playbooks.expressions import (
    ExpressionError,
    compiled,
    evaluate,
    expressions_in,
    fill,
    holds,
    merge,
    places,
    steps_named,
    values_seen,
)

SCOPE: dict[str, Any] = {
    "result": {"ready": False, "size": 12, "none": None, "list": [{"id": "a", "ok": True}, {"id": "b", "ok": False}]},
    "service": {"name": "web", "values": {"image": {"tag": "old", "pullPolicy": "Never"}, "x": 1}},
    "steps": {"build-it": {"result": {"tag": "src-1"}}},
    "all": {},
    "app": {"namespace": "todo"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${result.size}", 12),
        ("${result.ready}", False),
        ("${result.none}", None),
        ("${result.list.map(i, i.id)}", ["a", "b"]),
        ("${service.name}:${steps['build-it'].result.tag}", "web:src-1"),
        ("size ${result.size}, list ${result.list.map(i, i.id)}", 'size 12, list ["a", "b"]'),
        ("${{'a': {'b': '}'}}}", {"a": {"b": "}"}}),
        ("${cut('abcdef', 4)}${cut('abc', 4)}", "abc…abc"),
        ("${app.namespace} and $5 {x}", "todo and $5 {x}"),
        ("${join(result.list.filter(i, !i.ok).map(i, i.id), ', ')}", "b"),
    ],
)
def test_places_are_filled_and_a_whole_one_keeps_its_type(text: str, value: object) -> None:
    assert fill(text, SCOPE) == value


def test_fill_goes_through_maps_and_lists() -> None:
    node = {"a": ["${result.size}", {"b": "${service.name}"}], "n": 3}
    assert fill(node, SCOPE) == {"a": [12, {"b": "web"}], "n": 3}
    assert expressions_in(node) == ["result.size", "service.name"]


def test_merge_is_deep_and_the_second_wins() -> None:
    merged = fill("${merge(service.values, {'image': {'tag': steps['build-it'].result.tag}})}", SCOPE)
    assert merged == {"image": {"tag": "src-1", "pullPolicy": "Never"}, "x": 1}
    assert merge({"a": [1]}, {"a": [2]}) == {"a": [2]}, "lists are replaced"


def test_the_branch_that_is_not_taken_is_not_evaluated() -> None:
    assert evaluate("result.ready ? result.nothing.at.all : 'no'", SCOPE) == "no"


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("result.", "is no CEL"),
        ("reslt.ok", "reslt"),
        ("result.nothing", "nothing"),
        ("result.none.deeper == 1", "none"),
        ("result.size + 'x'", "No such overload"),
    ],
)
def test_errors_name_the_expression_and_the_cause(expression: str, names: str) -> None:
    with pytest.raises(ExpressionError, match=names) as error:
        evaluate(expression, SCOPE)
    assert expression in str(error.value)


def test_a_condition_must_be_true_or_false() -> None:
    assert holds("result.list.exists(i, i.ok)", SCOPE)
    with pytest.raises(ExpressionError, match="neither true nor false: 12"):
        holds("result.size", SCOPE)


def test_a_place_that_is_not_closed_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="not closed"):
        places("a ${result.size")


def test_the_values_that_were_seen_are_shown_short() -> None:
    seen = values_seen("!result.ready && result.size > 20 && result.gone == 1", SCOPE)
    assert seen == "result.ready = false, result.size = 12, result.gone is not there"
    long = values_seen("size(result.words) > 9", {"result": {"words": ["word"] * 200}})
    assert len(long) < 260 and long.endswith("…")


def test_steps_that_are_named_are_found() -> None:
    assert steps_named("steps.build.changed && all['image-check'].all(i, i.changed)") == {"build", "image-check"}


def test_programs_are_compiled_once() -> None:
    assert compiled("result.size > 1") is compiled("result.size > 1")


def test_an_expression_cannot_reach_python() -> None:
    for attack in ("__import__('os')", "result.__class__", "''.__class__.__mro__", "open('/etc/passwd')"):
        with pytest.raises(ExpressionError):
            evaluate(attack, SCOPE)
