"""Changing JSON in place: what is not changed stays as it was typed."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from agent.install import jsonc

COMMENTED = """\
// mine
{
\t"inputs": [ /* none yet */ ],
\t"servers": {
\t\t// the old one
\t\t"other": {"command": "npx", "args": ["-y", "x"],}, // keep
\t},
\t"z": 1.0, // last
}
// the end
"""


def test_a_member_is_added_below_the_last_and_nothing_else_moves() -> None:
    made = jsonc.set_value(COMMENTED, ("servers", "new"), {"a": ["b"]})
    added = '\t\t"new": {\n\t\t\t"a": [\n\t\t\t\t"b"\n\t\t\t]\n\t\t},\n'
    assert made == COMMENTED.replace("// keep\n", "// keep\n" + added)
    assert jsonc.remove(made, ("servers", "new")) == COMMENTED


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", '{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ("\ufeff", '\ufeff{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ("// hello\n", '// hello\n{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ("{}", '{\n  "a": {\n    "b": 1\n  }\n}'),
        ('{"c": 2}\n', '{"c": 2, "a": {\n  "b": 1\n}}\n'),
        ('{\r\n    "c": 2\r\n}\r\n', '{\r\n    "c": 2,\r\n    "a": {\r\n        "b": 1\r\n    }\r\n}\r\n'),
        ('{\n "a": {} // x\n}', '{\n "a": {\n  "b": 1\n } // x\n}'),
        ('{\n  "a": {\n    // only this\n  }\n}\n', '{\n  "a": {\n    // only this\n    "b": 1\n  }\n}\n'),
        ('{\n  "a": {\n    "b": 1\n  }\n}\n', '{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ('{\n  "c": 2 // two\n}\n', '{\n  "c": 2, // two\n  "a": {\n    "b": 1\n  }\n}\n'),
        ('{\n  "c": 2 /* two */\n}\n', '{\n  "c": 2,\n  "a": {\n    "b": 1\n  } /* two */\n}\n'),
    ],
)
def test_forms(text: str, made: str) -> None:
    assert jsonc.set_value(text, ("a", "b"), 1) == made
    assert jsonc.load(made)["a"] == {"b": 1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1', "ends too early in line 1"),
        ('{\n"a" 1}', "colon is missing in line 2"),
        ("{a: 1}", "name in quotes"),
        ('{"a": "b\n"}', "broken string"),
        ("{} x", "after the end"),
        ("{/*", "comment without an end"),
        ('{"a": nul}', "unexpected"),
        ('{"a": ' + "[" * 200, "deeply nested"),
        ('{"a": 1 "b": 2}', "comma is missing"),
        ('{"servers": []}', "servers is no object"),
        ("[]", "the whole is no object"),
    ],
)
def test_what_is_broken_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(jsonc.Broken, match=why):
        jsonc.set_value(text, ("servers", "x"), 1)


def test_strict_json_has_neither_comments_nor_a_comma_too_many() -> None:
    for text in ('{"a": 1,}', '{"a": [1,]}', "// x\n{}"):
        assert jsonc.load(text) is not None
        with pytest.raises(jsonc.Broken):
            jsonc.load(text, comments=False)


def _value(random_: random.Random, depth: int = 0) -> Any:
    kind = random_.randrange(7 if depth < 4 else 5)
    if kind == 5:
        return [_value(random_, depth + 1) for _ in range(random_.randrange(4))]
    if kind == 6:
        return {random_.choice("abcdef{/,"): _value(random_, depth + 1) for _ in range(random_.randrange(4))}
    return (None, True, random_.randrange(-9, 9) / 2, 'te"xt // {é', "")[kind]


def _typed(data: Any, random_: random.Random) -> str:
    """The data with spaces, comments and trailing commas in odd places."""

    def gap() -> str:
        return random_.choice(("", "", " ", "\n", "\n\t", " /* , } */ ", ' // ] "x"\n', "\r\n"))

    if isinstance(data, dict) and data:
        members = [f"{json.dumps(k)}{gap()}:{gap()}{_typed(v, random_)}" for k, v in data.items()]
    elif isinstance(data, list) and data:
        members = [_typed(v, random_) for v in data]
    else:
        return json.dumps(data)
    inside = f"{gap()},{gap()}".join(members) + random_.choice(("", ",")) + gap()
    return f"{{{gap()}{inside}}}" if isinstance(data, dict) else f"[{gap()}{inside}]"


@pytest.mark.parametrize("seed", range(400))
def test_any_document_keeps_everything(seed: int) -> None:
    random_ = random.Random(seed)
    data = {k: _value(random_) for k in random_.sample("abcdefgh", random_.randrange(6))}
    text = _typed(data, random_)
    assert jsonc.load(text) == data
    key, value = random_.choice("abcdefgh"), _value(random_)
    made = jsonc.set_value(text, (key,), value)
    assert jsonc.load(made) == data | {key: value}
    assert text.count("/*") <= made.count("/*") or key in data
    if key not in data:
        assert jsonc.load(jsonc.remove(made, (key,))) == data
    for gone in data:
        left = jsonc.remove(text, (gone,))
        assert jsonc.load(left) == {k: v for k, v in data.items() if k != gone}
