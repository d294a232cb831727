"""A YAML file with a list of named entries, changed in place: only the lines of the one entry are touched."""

from __future__ import annotations

from typing import Any

import yaml

from agent.install.jsonc import Broken

__all__ = ["load", "remove_entry", "set_entry"]


class _Flat(yaml.SafeDumper):
    """Lists are indented below their name, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def dump(data: Any) -> str:
    """YAML as people write it."""
    return yaml.dump(data, Dumper=_Flat, sort_keys=False, allow_unicode=True, width=1000)


def load(text: str) -> Any:
    """The data; an empty text is an empty mapping.

    Raises:
        Broken: it is no YAML, or more than plain data.
    """
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _broken(error, text) from error
    except (ValueError, RecursionError) as error:
        raise Broken(str(error) or "too deeply nested", text, 0) from error
    return {} if found is None else found


def _broken(error: yaml.YAMLError, text: str) -> Broken:
    mark = getattr(error, "problem_mark", None)
    why = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
    return Broken(str(why), text, min(mark.index, len(text)) if mark else 0)


def set_entry(text: str, key: str, name: str, entry: dict[str, Any]) -> str:
    """The text with the entry of that name in the list ``key``: in the place of the one that is there, or as the last.

    Raises:
        Broken: the file is no mapping, or ``key`` is no list.
    """
    text = text.replace("\r\n", "\n")
    root, listed = _list(text, key)
    if root is None:
        return _below(text) + dump({key: [entry]})
    if listed is None:
        _block(root, text, "the file")
        return _below(text) + dump({key: [entry]})
    if not isinstance(listed, yaml.SequenceNode) or not listed.value:
        return _fill(text, listed, entry)
    _block(listed, text, key)
    column = listed.start_mark.column
    found = _entry(listed, name)
    shown = _indented(dump([entry]), column)
    if found is not None:
        begin = text.rfind("\n", 0, found.start_mark.index) + 1
        return text[:begin] + shown + text[_line_after(text, _end(found, text)) :]
    place = _line_after(text, _end(listed.value[-1], text))
    head = text[:place]
    return head + ("" if head.endswith("\n") else "\n") + shown + text[place:]


def remove_entry(text: str, key: str, name: str) -> str:
    """The text without that entry.

    Raises:
        Broken: the file is no mapping, or ``key`` is no list.
    """
    text = text.replace("\r\n", "\n")
    _, listed = _list(text, key)
    found = _entry(listed, name) if isinstance(listed, yaml.SequenceNode) else None
    if listed is None or found is None:
        return text
    _block(listed, text, key)
    begin = text.rfind("\n", 0, found.start_mark.index) + 1
    end = _line_after(text, _end(found, text))
    if len(listed.value) > 1:
        return text[:begin] + text[end:]
    return text[:begin] + _indented("[]\n", listed.start_mark.column + 2) + text[end:]


def _list(text: str, key: str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """The whole file, and its list."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _broken(error, text) from error
    if root is None:
        return None, None
    if not isinstance(root, yaml.MappingNode):
        raise Broken("the whole is no mapping", text, root.start_mark.index)
    found = [value for name, value in root.value if name.value == key]
    if len(found) > 1:
        raise Broken(f"{key} is there twice", text, found[1].start_mark.index)
    listed = found[0] if found else None
    empty = listed is not None and listed.tag == "tag:yaml.org,2002:null"
    if listed is not None and not empty and not isinstance(listed, yaml.SequenceNode):
        raise Broken(f"{key} is no list", text, listed.start_mark.index)
    return root, listed


def _block(node: yaml.Node, text: str, what: str) -> None:
    if getattr(node, "flow_style", False):
        raise Broken(f"{what} is written in brackets, which is not changed by machine", text, node.start_mark.index)


def _fill(text: str, listed: yaml.Node, entry: dict[str, Any]) -> str:
    """A list without entries: ``key:``, ``key: []`` or ``key: null``."""
    start, end = listed.start_mark.index, listed.end_mark.index
    head = text[:start].rstrip(" ")
    begin = head.rfind("\n") + 1
    if not head[begin:].strip():  # the brackets of an emptied list stand on a line of their own
        return head[:begin] + _indented(dump([entry]), 2) + text[_line_after(text, end) :]
    if start == end:  # nothing after the colon: what is said there stays
        start = end = _line_after(text, head.rfind(":"))
        head = text[:start] if text[:start].endswith("\n") else text[:start] + "\n"
        return head + _indented(dump([entry]), 2) + text[end:]
    rest = text[end : _line_after(text, end)].rstrip("\n")
    return f"{head}{rest}\n{_indented(dump([entry]), 2)}{text[_line_after(text, end) :]}"


def _entry(listed: yaml.SequenceNode, name: str) -> yaml.MappingNode | None:
    for item in listed.value:
        if isinstance(item, yaml.MappingNode) and any(k.value == "name" and v.value == name for k, v in item.value):
            return item
    return None


def _end(node: yaml.Node, text: str) -> int:
    """Where its last value ends: the end of a block itself lies behind the comments that follow."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _end(node.value[-1][1], text)
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _end(node.value[-1], text)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return node.start_mark.index + len(text[node.start_mark.index : end].rstrip())
    return end


def _line_after(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _below(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _indented(shown: str, column: int) -> str:
    return "".join(" " * column + line for line in shown.splitlines(keepends=True))
