"""JSON Patch: the examples of RFC 6902, and what json-patch, which the API server uses, does otherwise."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mcp_tools.targets.sandbox import patch
from mcp_tools.targets.sandbox.errors import ApiError

RFC = {
    "A.1 add a member": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux"}],
        {"baz": "qux", "foo": "bar"},
    ),
    "A.2 add an element": (
        {"foo": ["bar", "baz"]},
        [{"op": "add", "path": "/foo/1", "value": "qux"}],
        {"foo": ["bar", "qux", "baz"]},
    ),
    "A.3 remove a member": ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    "A.4 remove an element": (
        {"foo": ["bar", "qux", "baz"]},
        [{"op": "remove", "path": "/foo/1"}],
        {"foo": ["bar", "baz"]},
    ),
    "A.5 replace a value": (
        {"baz": "qux", "foo": "bar"},
        [{"op": "replace", "path": "/baz", "value": "boo"}],
        {"baz": "boo", "foo": "bar"},
    ),
    "A.6 move a value": (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    "A.7 move an element": (
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    "A.8 test a value": (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    "A.10 add a nested member": (
        {"foo": "bar"},
        [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
        {"foo": "bar", "child": {"grandchild": {}}},
    ),
    "A.11 ignore unrecognized elements": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}],
        {"foo": "bar", "baz": "qux"},
    ),
    "A.14 escape with ~": (
        {"/": 9, "~1": 10},
        [{"op": "test", "path": "/~01", "value": 10}],
        {"/": 9, "~1": 10},
    ),
    "A.16 add an array": (
        {"foo": ["bar"]},
        [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
        {"foo": ["bar", ["abc", "def"]]},
    ),
    "4.5 copy a value": (
        {"a": {"b": [1]}},
        [{"op": "copy", "from": "/a/b", "path": "/c"}, {"op": "add", "path": "/c/-", "value": 2}],
        {"a": {"b": [1]}, "c": [1, 2]},
    ),
    "4.1 add replaces a member": ({"a": 1}, [{"op": "add", "path": "/a", "value": 2}], {"a": 2}),
    "4.1 add at the end": ({"a": [1]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2]}),
    "5 whole document replaced": ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
    "escaped slash": (
        {"metadata": {"annotations": {}}},
        [{"op": "add", "path": "/metadata/annotations/a.io~1b", "value": "1"}],
        {"metadata": {"annotations": {"a.io/b": "1"}}},
    ),
    "several in order": (
        {"a": []},
        [
            {"op": "add", "path": "/a/-", "value": 1},
            {"op": "add", "path": "/a/0", "value": 0},
            {"op": "replace", "path": "/a/1", "value": 2},
            {"op": "test", "path": "/a", "value": [0, 2]},
        ],
        {"a": [0, 2]},
    ),
}


@pytest.mark.parametrize(("document", "operations", "expected"), RFC.values(), ids=RFC)
def test_example_of_the_rfc(document: Any, operations: Any, expected: Any) -> None:
    before = copy.deepcopy((document, operations))
    assert patch.json_patch(document, operations) == expected
    assert (document, operations) == before


SERVER = {
    "a field that is not there can be replaced": (
        {"a": {}},
        [{"op": "replace", "path": "/a/b", "value": 1}],
        {"a": {"b": 1}},
    ),
    "a negative index counts from the end": ({"a": [1, 2]}, [{"op": "remove", "path": "/a/-1"}], {"a": [1]}),
    "a missing field is null to a test": ({}, [{"op": "test", "path": "/a", "value": None}], {}),
    "copying what is not there gives null": ({}, [{"op": "copy", "from": "/a", "path": "/b"}], {"b": None}),
    "a value that is left out is null": ({}, [{"op": "add", "path": "/a"}], {"a": None}),
}


@pytest.mark.parametrize(("document", "operations", "expected"), SERVER.values(), ids=SERVER)
def test_as_the_server_has_it(document: Any, operations: Any, expected: Any) -> None:
    assert patch.json_patch(document, operations) == expected


FAILING = {
    "A.9 test error": (
        {"baz": "qux"},
        {"op": "test", "path": "/baz", "value": "bar"},
        "testing value /baz failed: test failed",
    ),
    "A.12 add to a nonexistent target": (
        {"foo": "bar"},
        {"op": "add", "path": "/baz/bat", "value": "qux"},
        'add operation does not apply: doc is missing path: "/baz/bat": missing value',
    ),
    "A.15 strings and numbers differ": (
        {"/": 9, "~1": 10},
        {"op": "test", "path": "/~01", "value": "10"},
        "testing value /~01 failed: test failed",
    ),
    "true is not one": ({"a": 1}, {"op": "test", "path": "/a", "value": True}, "testing value /a failed: test failed"),
    "remove a missing member": (
        {"a": {}},
        {"op": "remove", "path": "/a/b"},
        "error in remove for path: '/a/b': Unable to remove nonexistent key: b: missing value",
    ),
    "remove below nothing": (
        {},
        {"op": "remove", "path": "/a/b"},
        'remove operation does not apply: doc is missing path: "/a/b": missing value',
    ),
    "remove behind the end": (
        {"a": [1]},
        {"op": "remove", "path": "/a/5"},
        "error in remove for path: '/a/5': Unable to access invalid index: 5: invalid index referenced",
    ),
    "replace behind the end": (
        {"a": [1]},
        {"op": "replace", "path": "/a/1", "value": 2},
        "replace operation does not apply: doc is missing key: /a/1: missing value",
    ),
    "replace below nothing": (
        {},
        {"op": "replace", "path": "/a/b", "value": 2},
        "replace operation does not apply: doc is missing path: /a/b: missing value",
    ),
    "no number": (
        {"a": [1]},
        {"op": "add", "path": "/a/x", "value": 2},
        "error in add for path: '/a/x': value was not a proper array index: 'x': "
        'strconv.Atoi: parsing "x": invalid syntax',
    ),
    "add behind the end": (
        {"a": [1]},
        {"op": "add", "path": "/a/3", "value": 2},
        "error in add for path: '/a/3': Unable to access invalid index: 3: invalid index referenced",
    ),
    "add the whole document": (
        {},
        {"op": "add", "path": "", "value": {}},
        'add operation does not apply: doc is missing path: "": missing value',
    ),
    "move what is not there": (
        {},
        {"op": "move", "from": "/a", "path": "/b"},
        "error in move for path: 'a': Unable to remove nonexistent key: a: missing value",
    ),
    "copy from nowhere": (
        {},
        {"op": "copy", "from": "/a/b", "path": "/c"},
        "copy operation does not apply: doc is missing from path: /a/b: missing value",
    ),
    "copy to nowhere": (
        {"a": 1},
        {"op": "copy", "from": "/a", "path": "/b/c"},
        "copy operation does not apply: doc is missing destination path: /b/c: missing value",
    ),
    "move without from": ({}, {"op": "move", "path": "/b"}, "move operation failed to decode from: missing value"),
    "an operation that is none": ({}, {"op": "spam", "path": "/b"}, "Unexpected kind: spam"),
    "no operation": ({}, {"path": "/b"}, "Unexpected kind: unknown"),
}


@pytest.mark.parametrize(("document", "operation", "said"), FAILING.values(), ids=FAILING)
def test_what_does_not_apply_is_unprocessable(document: Any, operation: Any, said: str) -> None:
    with pytest.raises(ApiError) as refused:
        patch.json_patch(document, [operation])
    status = refused.value.status()
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"] == "the server rejected our request due to an error in our request"
    assert status["details"] == {}
    assert str(refused.value.__cause__) == said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"a": 1}, "object into Go value of type []handlers.jsonPatchOp"),
        ("x", "string into Go value of type []handlers.jsonPatchOp"),
        ([1], "number into Go value of type handlers.jsonPatchOp"),
        ([[]], "array into Go value of type handlers.jsonPatchOp"),
    ],
)
def test_a_body_that_is_no_patch_is_a_bad_request(body: Any, said: str) -> None:
    with pytest.raises(ApiError) as refused:
        patch.json_patch({}, body)
    assert (refused.value.code, refused.value.message) == (400, f"error decoding patch: json: cannot unmarshal {said}")


def test_too_many_operations_are_refused() -> None:
    operations = [{"op": "test", "path": "/a", "value": 1}] * 10_001
    with pytest.raises(ApiError) as refused:
        patch.json_patch({"a": 1}, operations)
    assert refused.value.code == 413
    assert refused.value.message == "The allowed maximum operations in a JSON patch is 10000, got 10001"
    assert patch.json_patch({"a": 1}, operations[:10_000]) == {"a": 1}


def test_a_failure_leaves_the_object_as_it_was() -> None:
    document: dict[str, Any] = {"a": {"b": 1}}
    with pytest.raises(ApiError):
        patch.json_patch(document, [{"op": "add", "path": "/a/c", "value": 2}, {"op": "remove", "path": "/x"}])
    assert document == {"a": {"b": 1}}


# -- JSON Merge Patch: appendix A of RFC 7386 --------------------------------------------------------------------------

MERGES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "given", "expected"), MERGES)
def test_merge_of_the_rfc(target: Any, given: Any, expected: Any) -> None:
    before = copy.deepcopy((target, given))
    assert patch.merged(target, given) == expected
    assert (target, given) == before


def test_merging_what_is_no_object_is_a_bad_request() -> None:
    with pytest.raises(ApiError) as refused:
        patch.merge({"a": 1}, [1])
    said = "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
    assert (refused.value.code, refused.value.message) == (400, said)


def test_a_merge_shares_nothing_with_what_it_was_given() -> None:
    target: dict[str, Any] = {"kept": {"list": [1]}}
    given: dict[str, Any] = {"new": {"list": [2]}}
    found = patch.merge(target, given)
    found["kept"]["list"].append(3)
    found["new"]["list"].append(3)
    assert target == {"kept": {"list": [1]}}
    assert given == {"new": {"list": [2]}}
