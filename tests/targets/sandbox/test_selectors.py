"""Label and field selectors, in the grammar and the words of apimachinery."""

from __future__ import annotations

import pytest

from mcp_tools.targets.sandbox import kinds, selectors
from mcp_tools.targets.sandbox.errors import ApiError

LABELS = {"app": "web", "tier": "front", "rank": "5", "example.com/a": ""}


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("app=web", True),
        ("app==web", True),
        ("app = web , tier=front", True),
        ("app!=web", False),
        ("nothing!=web", True),
        ("app in (api, web)", True),
        ("app in (api)", False),
        ("app notin (api)", True),
        ("nothing notin (api)", True),
        ("app", True),
        ("!app", False),
        ("!nothing,app", True),
        ("rank>4", True),
        ("rank<5", False),
        ("app>4", False),
        ("example.com/a=", True),
        ("example.com/a", True),
        ("in in (in)", False),
    ],
)
def test_labels_meet_a_selector_or_not(text: str, met: bool) -> None:
    assert selectors.met(selectors.labels(text), LABELS) is met


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("app in (a", "unable to parse requirement: found '', expected: ',' or ')'"),
        (
            "a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, "
            "the value must be an integer",
        ),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        (
            "a=b!c$",
            "found '!', expected: ',' or 'end of string'",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        selectors.labels(text)
    assert (caught.value.code, caught.value.message) == (400, message)


def test_a_key_and_a_value_must_be_those_of_labels() -> None:
    with pytest.raises(ApiError) as caught:
        selectors.labels("a$b=c")
    assert caught.value.message.startswith(
        'unable to parse requirement: <nil>: Invalid value: "a$b": name part must consist of alphanumeric characters'
    )
    with pytest.raises(ApiError) as caught:
        selectors.labels("a=c$")
    assert caught.value.message.startswith(
        'unable to parse requirement: values[0][a]: Invalid value: "c$": a valid label must be an empty string or'
    )


def test_fields_are_compared_as_text_with_their_zero_values() -> None:
    pods = kinds.by_key("pods")
    pod = {"metadata": {"name": "p", "namespace": "x"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}

    def selected(text: str) -> bool:
        matches = selectors.matcher(pods, "", text)
        assert matches is not None
        return matches(pod)

    assert selected("metadata.name=p,spec.nodeName=n,status.phase!=Failed")
    assert not selected("metadata.namespace!=x")
    assert selected("spec.hostNetwork=false,status.podIP=")
    nodes = selectors.matcher(kinds.by_key("nodes"), "", "spec.unschedulable=true")
    assert nodes is not None
    assert nodes({"metadata": {}, "spec": {"unschedulable": True}})


def test_an_event_is_selected_by_the_names_of_both_groups() -> None:
    event = {"metadata": {"name": "e"}, "involvedObject": {"name": "p", "kind": "Pod"}, "reason": "Pulled"}
    for version, name in (("v1", "involvedObject"), ("events.k8s.io/v1", "regarding")):
        kind = kinds.of(version, "Event")
        assert kind is not None
        matches = selectors.matcher(kind, "", f"{name}.name=p,{name}.kind=Pod,reason=Pulled")
        assert matches is not None
        assert matches(event)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("pods", "field label not supported: spec.x"),
        ("jobs.batch", 'field label "spec.x" not supported for Job'),
        ("configmaps", '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'),
    ],
)
def test_a_field_that_a_kind_is_not_selected_by_is_refused(key: str, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        selectors.fields(kinds.by_key(key), "spec.x=1")
    assert (caught.value.code, caught.value.message) == (400, message)


def test_a_selector_object_selects_as_its_text_does() -> None:
    terms = [{"key": "tier", "operator": "In", "values": ["front"]}, {"key": "no", "operator": "DoesNotExist"}]
    assert selectors.selects({"matchLabels": {"app": "web"}, "matchExpressions": terms}, LABELS)
    assert selectors.selects({}, LABELS)
    assert not selectors.selects(None, LABELS)
