"""The expressions of playbooks: CEL (https://cel.dev), compiled once.

In ``args`` a string holds ``${…}`` places; one that is a single place as a whole keeps the type of its value.
``expect``, ``when`` and ``for_each`` are bare expressions. Beside the standard functions there are ``merge(a, b)``
(maps, deeply), ``join(list, separator)`` and ``cut(text, length)``.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

VARIABLES = frozenset({"app", "params", "run", "steps", "all", "result", "service", "failure"})
_BOUND = re.compile(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
_SEEN = re.compile(r"\b(?:result|app|params|run|steps|all|service|failure)(?:\.\w+(?![\w(])|\[(?:'[^']*'|\d+)\])+")
_STEP = re.compile(r"\b(?:steps|all)(?:\.([A-Za-z_]\w*)|\['([^']+)'\])")
_SHOWN = 200


class ExpressionError(Exception):
    """An expression is broken, or cannot be evaluated with what is known."""


@functools.lru_cache(maxsize=2048)
def compiled(expression: str) -> Any:
    """The program of an expression.

    Raises:
        ExpressionError: it is no CEL, or names a variable that there is not.
    """
    import cel  # brings a command line of its own: not at start-up

    try:
        program = cel.compile(expression)
    except ValueError as error:
        first = str(error).split("ERROR:", 1)[-1].strip().splitlines()[0]
        raise ExpressionError(f"{expression!r} is no CEL expression: {first}") from error
    unknown = set(program.variables()) - VARIABLES - set(_BOUND.findall(expression))
    if unknown:
        known = ", ".join(sorted(VARIABLES))
        raise ExpressionError(f"{expression!r} names {', '.join(sorted(unknown))}; there are {known}")
    return program


def steps_named(expression: str) -> set[str]:
    """The steps that an expression refers to."""
    return {plain or quoted for plain, quoted in _STEP.findall(expression)}


def merge(first: Any, second: Any) -> Any:
    """Two maps as one, deeply; the second wins."""
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return second
    return dict(first) | {key: merge(first.get(key), value) for key, value in second.items()}


def _join(items: Any, separator: Any) -> str:
    return str(separator).join(str(item) for item in items)


def _cut(text: Any, length: Any) -> str:
    words = str(text)
    return words if len(words) <= int(length) else f"{words[: int(length) - 1]}…"


_FUNCTIONS = {"merge": merge, "join": _join, "cut": _cut}


def evaluate(expression: str, scope: Mapping[str, Any]) -> Any:
    """The value of an expression.

    Raises:
        ExpressionError: it refers to something that is not there, or types do not fit; names it.
    """
    import cel

    program = compiled(expression)
    needed = {name: scope[name] for name in program.variables() if name in scope}
    try:
        return program.execute(cel.Context(needed, _FUNCTIONS))
    except KeyError as error:
        raise ExpressionError(f"{expression!r}: there is no {error.args[0]!r}") from error
    except (TypeError, ValueError, RuntimeError, IndexError, OverflowError) as error:
        raise ExpressionError(f"{expression!r}: {str(error).split('. ')[0]}") from error


def holds(expression: str, scope: Mapping[str, Any]) -> bool:
    """Whether an expression is true; anything but true and false is an error."""
    value = evaluate(expression, scope)
    if not isinstance(value, bool):
        raise ExpressionError(f"{expression!r} is neither true nor false: {shown(value)}")
    return value


def places(text: str) -> list[str | tuple[str]]:
    """A text in pieces: plain ones as strings, expressions as one-tuples.

    Raises:
        ExpressionError: a place is not closed.
    """
    pieces: list[str | tuple[str]] = []
    at = 0
    while (start := text.find("${", at)) >= 0:
        if start > at:
            pieces.append(text[at:start])
        end = _closing(text, start + 2)
        pieces.append((text[start + 2 : end].strip(),))
        at = end + 1
    if at < len(text):
        pieces.append(text[at:])
    return pieces


def _closing(text: str, start: int) -> int:
    """Where the brace that was opened before ``start`` is closed; braces in quotes do not count."""
    depth, quote, at = 1, "", start
    while at < len(text):
        character = text[at]
        if quote:
            at += character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character == "{") - (character == "}")
            if depth == 0:
                return at
        at += 1
    raise ExpressionError(f"{text[start - 2 :]!r}: the place is not closed")


def expressions_in(node: Any) -> list[str]:
    """Every expression in the places of some data."""
    if isinstance(node, str):
        return [piece[0] for piece in places(node) if isinstance(piece, tuple)]
    if isinstance(node, Mapping):
        return [found for value in node.values() for found in expressions_in(value)]
    if isinstance(node, list):
        return [found for value in node for found in expressions_in(value)]
    return []


def fill(node: Any, scope: Mapping[str, Any]) -> Any:
    """The data with every place filled.

    Raises:
        ExpressionError: as :func:`evaluate`.
    """
    if isinstance(node, str):
        pieces = places(node)
        if len(pieces) == 1 and isinstance(pieces[0], tuple):
            return evaluate(pieces[0][0], scope)
        return "".join(p if isinstance(p, str) else _text(evaluate(p[0], scope)) for p in pieces)
    if isinstance(node, Mapping):
        return {key: fill(value, scope) for key, value in node.items()}
    if isinstance(node, list):
        return [fill(value, scope) for value in node]
    return node


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shown(value: Any) -> str:
    """A value, short enough for a line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def values_seen(expression: str, scope: Mapping[str, Any]) -> str:
    """The values that an expression looked at: ``result.ready = false, result.pods = […]``."""
    found = []
    for path in dict.fromkeys(match.group() for match in _SEEN.finditer(expression)):
        try:
            found.append(f"{path} = {shown(evaluate(path, scope))}")
        except ExpressionError:
            found.append(f"{path} is not there")
    return ", ".join(found)
