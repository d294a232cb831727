"""What is said of bodies that cannot be read, in the words of Go."""

from __future__ import annotations

import pytest

from mcp_tools.targets.sandbox import bodies
from mcp_tools.targets.sandbox.errors import ApiError

UNREAD = "the object provided is unrecognized (must be of type Pod): "


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "unexpected end of JSON input (<empty>)"),
        (b"{", "unexpected end of JSON input ({)"),
        (b'{"a": "', 'unexpected end of JSON input ({"a": ")'),
        (b"x", "invalid character 'x' looking for beginning of value (78)"),
        (b"{x", "invalid character 'x' looking for beginning of object key string ({x)"),
        (b'{"a" 1}', "invalid character '1' after object key ({\"a\" 1})"),
        (b'{"a": 1 "b"', 'invalid character \'"\' after object key:value pair ({"a": 1 "b")'),
        (b'{"a": [1 2', "invalid character '2' after array element ({\"a\": [1 2)"),
        (b"{} x", "invalid character 'x' after top-level value ({} x)"),
        (b'{"a": NaN}', "invalid character 'N' looking for beginning of value ({\"a\": NaN})"),
        (b'{"a": "\n"}', 'invalid character \'\\n\' in string literal ({"a": "\n"})'),
        (b'{"a": "\\q"}', 'invalid character \'q\' in string escape code ({"a": "\\q"})'),
        (b'{"a": "' + b"b" * 40, 'unexpected end of JSON input ({"a": "' + "b" * 23 + " ...)"),
    ],
)
def test_broken_json(body: bytes, said: str) -> None:
    with pytest.raises(ApiError) as refused:
        bodies.decode(body, "application/json", "Pod")
    assert refused.value.code == 400
    assert refused.value.message == f"{UNREAD}couldn't get version/kind; json parse error: {said}"


def test_broken_yaml() -> None:
    with pytest.raises(ApiError) as refused:
        bodies.decode(b"x: [\n", "application/yaml", "Pod")
    assert refused.value.message == f"{UNREAD}yaml: line 1: did not find expected node content (783a205b0a)"
    with pytest.raises(ApiError) as refused:
        bodies.decode(b"a: b\n\tc: d\n", "application/yaml", "Pod")
    said = "yaml: line 2: found a tab character that violates indentation (613a20620a09633a20640a)"
    assert refused.value.message == UNREAD + said


@pytest.mark.parametrize(
    ("patch_type", "said"),
    [
        ("merge", "error decoding patch: unexpected end of JSON input"),
        ("json", "error decoding patch: unexpected end of JSON input"),
        ("strategic", "unexpected end of JSON input"),
        (
            "apply",
            "error decoding YAML: error converting YAML to JSON: yaml: line 1: did not find expected node content",
        ),
    ],
)
def test_broken_patches(patch_type: str, said: str) -> None:
    with pytest.raises(ApiError) as refused:
        bodies.patch(b"{", patch_type, [], "Warn")
    assert (refused.value.code, refused.value.message) == (400, said)


def test_fields_named_twice_in_a_patch() -> None:
    body = b'{"a": {"b": [{"c": 1, "c": 2}], "d": 1, "d": 2}, "a": {"b": [[{"c": 1, "c": 2}]]}}'
    warnings: list[str] = []
    assert bodies.patch(body, "merge", warnings, "Warn") == {"a": {"b": [[{"c": 2}]]}}
    assert warnings == ['duplicate field "a"', 'duplicate field "a.b[0][0].c"']
    bodies.patch(body, "merge", warnings, "Ignore")
    assert len(warnings) == 2
