"""JSON, with or without comments, changed in place: what is not changed stays as it was typed.

The text is read into values that know where they stand. A change is a splice of the text; comments, order, indentation
and line ends around it are not touched.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Broken", "get", "load", "remove", "set_value"]

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}
_DEEPEST = 100


class Broken(ValueError):
    """The text is no JSON. Says where."""

    def __init__(self, why: str, text: str, at: int) -> None:
        line = text.count("\n", 0, at) + 1
        super().__init__(f"{why} in line {line}, column {at - (text.rfind(chr(10), 0, at) + 1) + 1}")


@dataclass
class Member:
    """One member of an object: where its name begins, and its value."""

    name: str
    start: int
    value: Node


@dataclass
class Node:
    """A value, and where it stands."""

    data: Any
    start: int
    end: int
    members: list[Member] = field(default_factory=list)

    def member(self, name: str) -> Member | None:
        """The member of that name; the last one counts, as for every reader of JSON."""
        return next((member for member in reversed(self.members) if member.name == name), None)


class _Reader:
    def __init__(self, text: str, comments: bool) -> None:
        self.text = text
        self.comments = comments

    def fail(self, why: str, at: int) -> Broken:
        return Broken(why, self.text, at)

    def skip(self, at: int) -> int:
        """The next place that is neither space nor comment."""
        text = self.text
        while at < len(text):
            if text[at] in " \t\r\n":
                at += 1
            elif self.comments and text.startswith("//", at):
                at = _line_end(text, at)
            elif self.comments and text.startswith("/*", at):
                close = text.find("*/", at + 2)
                if close < 0:
                    raise self.fail("a comment without an end", at)
                at = close + 2
            else:
                break
        return at

    def value(self, at: int, depth: int = 0) -> Node:
        text = self.text
        if depth > _DEEPEST:
            raise self.fail("too deeply nested", at)
        if at >= len(text):
            raise self.fail("it ends too early", at)
        if text[at] == "{":
            return self.object(at, depth)
        if text[at] == "[":
            return self.array(at, depth)
        if text[at] == '"':
            return self.string(at)
        for word, meant in _WORDS.items():
            if text.startswith(word, at):
                return Node(meant, at, at + len(word))
        if (number := _NUMBER.match(text, at)) is not None:
            return Node(json.loads(number[0]), at, number.end())
        raise self.fail("something unexpected", at)

    def string(self, at: int) -> Node:
        try:
            data, end = json.decoder.scanstring(self.text, at + 1, True)  # type: ignore[attr-defined]
        except ValueError as error:
            raise self.fail("a broken string", at) from error
        return Node(data, at, end)

    def object(self, at: int, depth: int) -> Node:
        node, place = Node({}, at, at), self.skip(at + 1)
        while not self._closed("}", place, bool(node.members)):
            if self.text[place : place + 1] != '"':
                raise self.fail("a name in quotes is missing", place)
            name = self.string(place)
            colon = self.skip(name.end)
            if self.text[colon : colon + 1] != ":":
                raise self.fail("a colon is missing", colon)
            value = self.value(self.skip(colon + 1), depth + 1)
            node.members.append(Member(name.data, place, value))
            node.data[name.data] = value.data
            place = self._next("}", value.end)
        node.end = self.skip(place) + 1
        return node

    def array(self, at: int, depth: int) -> Node:
        node, place = Node([], at, at), self.skip(at + 1)
        while not self._closed("]", place, bool(node.data)):
            value = self.value(place, depth + 1)
            node.data.append(value.data)
            place = self._next("]", value.end)
        node.end = self.skip(place) + 1
        return node

    def _closed(self, bracket: str, at: int, after_comma: bool) -> bool:
        if self.text[at : at + 1] != bracket:
            return False
        before = self.text[:at].rstrip()
        if after_comma and not self.comments and before.endswith(","):
            raise self.fail("a comma too many", len(before) - 1)
        return True

    def _next(self, bracket: str, at: int) -> int:
        place = self.skip(at)
        found = self.text[place : place + 1]
        if found == ",":
            return self.skip(place + 1)
        if found == bracket:
            return place
        raise self.fail("it ends too early" if not found else "a comma is missing", place)


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def parse(text: str, *, comments: bool) -> Node | None:
    """The text as values; None when there is nothing in it.

    Raises:
        Broken: it is no JSON.
    """
    reader = _Reader(text, comments)
    start = reader.skip(1 if text.startswith("\ufeff") else 0)
    if start == len(text):
        return None
    node = reader.value(start)
    rest = reader.skip(node.end)
    if rest != len(text):
        raise reader.fail("something after the end", rest)
    return node


def load(text: str, *, comments: bool = True) -> Any:
    """The data; an empty text is an empty object.

    Raises:
        Broken: it is no JSON.
    """
    node = parse(text, comments=comments)
    return {} if node is None else node.data


def get(data: Any, path: tuple[str, ...]) -> Any:
    """What stands at that path of objects; None for nothing."""
    for name in path:
        if not isinstance(data, dict) or name not in data:
            return None
        data = data[name]
    return data


def set_value(text: str, path: tuple[str, ...], data: Any, *, comments: bool = True) -> str:
    """The text with ``data`` at ``path``; objects on the way are made where there are none.

    Raises:
        Broken: the text is no JSON, or something on the way is no object.
    """
    node = parse(text, comments=comments)
    if node is None:
        bom = "\ufeff" if text.startswith("\ufeff") else ""
        kept = text.removeprefix("\ufeff").strip()
        return bom + (f"{kept}\n" if kept else "") + _dump(_nested(path, data), Style()) + "\n"
    style = Style.of(text)
    for depth, name in enumerate(path):
        if not isinstance(node.data, dict):
            raise Broken(f"{'.'.join(path[:depth]) or 'the whole'} is no object", text, node.start)
        found = node.member(name)
        if found is None:
            return _add(text, node, name, _nested(path[depth + 1 :], data), style)
        node = found.value
    if node.data == data and type(node.data) is type(data):
        return text
    shown = _dump(data, style, _indent_at(text, node.start))
    return text[: node.start] + shown + text[node.end :]


def remove(text: str, path: tuple[str, ...], *, comments: bool = True) -> str:
    """The text without what stands at ``path``; as it is when nothing does.

    Raises:
        Broken: the text is no JSON.
    """
    node = parse(text, comments=comments)
    for name in path[:-1]:
        found = node.member(name) if node is not None else None
        if found is None:
            return text
        node = found.value
    if node is None or (found := node.member(path[-1])) is None:
        return text
    reader = _Reader(text, comments)
    where = node.members.index(found)
    start, end = found.start, found.value.end
    after = reader.skip(end)
    if text[after] == ",":  # the comma after it goes, too
        end = after + 1
    elif where > 0:  # the last one: the comma before it goes instead
        comma = reader.skip(node.members[where - 1].value.end)
        text = text[:comma] + text[comma + 1 :]
        start, end = start - 1, end - 1
    return _cut(text, start, end)


def _cut(text: str, start: int, end: int) -> str:
    """Without that part; a line that would be left empty goes as a whole."""
    begin = text.rfind("\n", 0, start) + 1
    close = _line_end(text, end)
    if not text[begin:start].strip() and not text[end:close].strip():
        return text[:begin] + text[close + 1 :]
    head = text[:start].rstrip(" \t") if text[end : end + 1] in "\r\n}" else text[:start]
    return head + text[end:]


@dataclass(frozen=True)
class Style:
    """How a file is written."""

    unit: str = "  "
    newline: str = "\n"

    @classmethod
    def of(cls, text: str) -> Style:
        """Its own indentation and line ends."""
        found = re.search(r"[\[{][^\S\n]*\r?\n([ \t]+)\S", text)
        return cls(found[1] if found else "  ", "\r\n" if "\r\n" in text else "\n")


def _indent_at(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))].lstrip("\ufeff")


def _nested(path: tuple[str, ...], data: Any) -> Any:
    for name in reversed(path):
        data = {name: data}
    return data


def _dump(data: Any, style: Style, indent: str = "") -> str:
    shown = json.dumps(data, indent=style.unit, ensure_ascii=False)
    return shown.replace("\n", style.newline + indent)


def _add(text: str, node: Node, name: str, data: Any, style: Style) -> str:
    """A new last member."""
    outer = _indent_at(text, node.start)
    inner = outer if node.members else outer + style.unit
    inner = _indent_at(text, node.members[0].start) if _spread(text, node) else inner
    shown = f"{json.dumps(name, ensure_ascii=False)}: {_dump(data, style, inner)}"
    if not node.members:
        if not text[node.start + 1 : node.end - 1].strip():
            return f"{text[: node.start]}{{{style.newline}{inner}{shown}{style.newline}{outer}}}{text[node.end :]}"
        close = len(text[: node.end - 1].rstrip())  # only comments inside
        return f"{text[:close]}{style.newline}{inner}{shown}{style.newline}{outer}{text[node.end - 1 :]}"
    last = node.members[-1].value.end
    reader = _Reader(text, True)
    comma = reader.skip(last)
    trailing = text[comma] == ","
    head, tail = (text[:comma] + ",", text[comma + 1 :]) if trailing else (text[:last] + ",", text[last:])
    if not _spread(text, node):
        return f"{head} {shown}{tail}"
    # What is said beside the last member stays beside it: the new one comes below.
    line = _line_end(tail, 0)
    beside = tail[:line].rstrip("\r")
    if beside.strip() and not beside.lstrip().startswith("//"):
        return f"{head}{style.newline}{inner}{shown}{tail}"
    return f"{head}{beside}{style.newline}{inner}{shown}{',' if trailing else ''}{tail[len(beside) :]}"


def _spread(text: str, node: Node) -> bool:
    """Whether its members stand on lines of their own."""
    return bool(node.members) and "\n" in text[node.start : node.members[0].start]
