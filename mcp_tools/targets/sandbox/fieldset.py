"""Sets of fields as managed fields write them, and the values under them.

A set is the tree of ``fieldsV1``: ``f:name`` for a field, ``k:{…}`` for an item by its keys, ``v:…`` for one by its
value. A node that is empty, or that has ``.``, is in the set itself. Source: ``sigs.k8s.io/structured-merge-diff``.
"""

from __future__ import annotations

import json
from typing import Any

from mcp_tools.targets.sandbox import schema
from mcp_tools.targets.sandbox.schema import Field

Tree = dict[str, Any]
SELF = "."


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _default(field: Field, key: str) -> Any:
    """What a key of an item is when it is not written: the port's protocol."""
    return "TCP" if key == "protocol" and field.form == schema.STRUCT else None


def element(field: Field, item: Any) -> str:
    """The name of an item in a list that is a map or a set."""
    if field.list_type == "set":
        return f"v:{_text(item)}"
    keys = {}
    for key in sorted(field.keys):
        value = item.get(key) if isinstance(item, dict) else None
        keys[key] = _default(field.of, key) if value is None else value
    return f"k:{_text({key: value for key, value in keys.items() if value is not None})}"


def granular(field: Field, value: Any) -> bool:
    """Whether the parts of a value have owners of their own."""
    if isinstance(value, dict):
        return not field.whole() if field.form != schema.ANY else field is schema.ANYTHING
    return isinstance(value, list) and field.form == schema.LIST and field.list_type in ("map", "set")


# -- trees -------------------------------------------------------------------------------------------------------------


def holds(tree: Tree | None) -> bool:
    """Whether a node is in the set itself."""
    return tree is not None and (not tree or SELF in tree)


def union(left: Tree, right: Tree) -> Tree:
    """What is in either."""
    if not left and not right:
        return {}
    found: Tree = {}
    if holds(left) or holds(right):
        found[SELF] = {}
    for name in dict.fromkeys((*left, *right)):
        if name != SELF:
            there, here = left.get(name), right.get(name)
            found[name] = here if there is None else there if here is None else union(there, here)
    return _leaf(found)


def _leaf(tree: Tree) -> Tree:
    """A node that has nothing but itself is written empty."""
    return {} if tree.keys() == {SELF} else tree


def _built(self_in: bool, children: Tree) -> Tree | None:
    """A node; None where nothing is in it."""
    if self_in:
        return _leaf({SELF: {}, **children})
    return children or None


def intersection(left: Tree | None, right: Tree | None) -> Tree | None:
    """What is in both; None when nothing is."""
    if left is None or right is None:
        return None
    children = {}
    for name, there in left.items():
        if name != SELF and name in right:
            found = intersection(there, right[name])
            if found is not None:
                children[name] = found
    return _built(holds(left) and holds(right), children)


def difference(left: Tree | None, right: Tree | None) -> Tree | None:
    """What is in the left one only; None when nothing is."""
    if left is None or right is None:
        return left
    children = {}
    for name, there in left.items():
        if name != SELF:
            found = difference(there, right.get(name))
            if found is not None:
                children[name] = found
    return _built(holds(left) and not holds(right), children)


def without(left: Tree | None, right: Tree) -> Tree | None:
    """What is in the left one and neither in the right one nor below something in it."""
    if left is None or holds(right):
        return None
    children = {}
    for name, there in left.items():
        if name != SELF:
            found = without(there, right[name]) if name in right else there
            if found is not None:
                children[name] = found
    return _built(holds(left), children)


def paths(tree: Tree) -> list[str]:
    """Every member as conflicts name it: ``.spec.template.spec.containers[name="app"].image``."""
    found: list[str] = []
    _paths(tree, "", found, top=True)
    return found


def _paths(tree: Tree, at: str, found: list[str], *, top: bool = False) -> None:
    if not top and holds(tree):
        found.append(at)
    for name in sorted(name for name in tree if name != SELF):
        _paths(tree[name], at + step(name), found)


def step(name: str) -> str:
    """One element of a path, as it is printed."""
    kind, _, rest = name.partition(":")
    if kind == "f":
        return f".{rest}"
    value = json.loads(rest)
    if kind == "k":
        return f"[{','.join(f'{key}={_text(value[key])}' for key in sorted(value))}]"
    return f"[={_text(value)}]" if kind == "v" else f"[{rest}]"


# -- values ------------------------------------------------------------------------------------------------------------


def of(field: Field, value: Any) -> Tree:
    """The set of what is written in a value."""
    if not granular(field, value) or not value:
        return {}
    found: Tree = {}
    if isinstance(value, list):
        for item in value:
            tree = of(field.of, item)
            found[element(field, item)] = _leaf({SELF: {}, **tree})
        return found
    plain = field.form == schema.ANY or field is schema.CUSTOM
    known = field.struct.fields if field.form == schema.STRUCT else {}
    for name, item in value.items():
        if isinstance(item, list) and not item and granular(schema.below(field, name), item):
            continue
        tree = of(schema.below(field, name), item)
        found[f"f:{name}"] = tree if name in known or not tree or plain else {SELF: {}, **tree}
    return found


class Comparison:
    """What differs between two values: trees of what was added, changed and removed; None for nothing."""

    __slots__ = ("added", "changed", "removed")

    def __init__(self, added: Tree | None, changed: Tree | None, removed: Tree | None) -> None:
        self.added, self.changed, self.removed = added, changed, removed

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.added is None and self.changed is None and self.removed is None

    @property
    def written(self) -> Tree | None:
        """What was added or changed."""
        if self.added is None or self.changed is None:
            return self.changed if self.added is None else self.added
        return union(self.added, self.changed)


_ABSENT = object()


def everything(field: Field, value: Any) -> Tree:
    """A value and each of its parts: what an addition or a removal of it is."""
    if not granular(field, value) or not value:
        return {}
    found: Tree = {SELF: {}}
    if isinstance(value, list):
        for item in value:
            found[element(field, item)] = everything(field.of, item)
    else:
        for name, item in value.items():
            found[f"f:{name}"] = everything(schema.below(field, name), item)
    return found


def compare(field: Field, old: Any, new: Any) -> Comparison:
    """What differs between two values of one type."""
    if old is _ABSENT:
        return Comparison(everything(field, new), None, None)
    if new is _ABSENT:
        return Comparison(None, None, everything(field, old))
    if old is new:
        return Comparison(None, None, None)
    if not (granular(field, old) and granular(field, new) and type(old) is type(new)):
        if old is None and granular(field, new):
            return compare(field, type(new)(), new)
        if new is None and granular(field, old):
            return compare(field, old, type(old)())
        return Comparison(None, {} if old != new else None, None)
    before, after = _parts(field, old), _parts(field, new)
    added: Tree = {}
    changed: Tree = {}
    removed: Tree = {}
    for name in dict.fromkeys((*before, *after)):
        below = field.of if isinstance(new, list) else schema.below(field, name[2:])
        left, right = before.get(name, _ABSENT), after.get(name, _ABSENT)
        found = compare(below, left, right)
        for tree, part in ((added, found.added), (changed, found.changed), (removed, found.removed)):
            if part is not None:
                tree[name] = part
    return Comparison(added or None, changed or None, removed or None)


def _parts(field: Field, value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {element(field, item): item for item in value}
    return {f"f:{name}": item for name, item in value.items()}


def merge(field: Field, old: Any, new: Any) -> Any:
    """The old value with what the new one says: maps and keyed lists are merged, the rest is taken."""
    if not (granular(field, old) and granular(field, new) and type(old) is type(new)):
        return new
    if isinstance(new, list):
        return _merge_lists(field, old, new)
    found = dict(old)
    for name, item in new.items():
        if name in old:
            item = merge(schema.below(field, name), old[name], item)
        found[name] = item
    return found


def _merge_lists(field: Field, old: list[Any], new: list[Any]) -> list[Any]:
    """Items of the new list in its order; what only the old list has stays where it stood among those they share."""
    there = {element(field, item): item for item in old}
    asked = {element(field, item): item for item in new}
    before = list(there)
    shared = [name for name in asked if name in there]
    found: list[Any] = []
    done: set[str] = set()
    left = 0
    for name, item in asked.items():
        # What only the old list has goes first, up to the next item that both have; a shared one whose turn it is not
        # is passed over, it comes in the new order.
        while left < len(before):
            other = before[left]
            if other not in asked:
                found.append(there[other])
            elif other not in done and not (shared and shared[0] != other):
                break
            left += 1
        found.append(merge(field.of, there[name], item) if name in there else item)
        done.add(name)
        if shared and shared[0] == name:
            shared.pop(0)
            if left < len(before) and before[left] == name:
                left += 1
    return found + [there[name] for name in before[left:] if name not in asked]


def remove(field: Field, value: Any, tree: Tree) -> Any:
    """The value without the members of a set; what is emptied by that is None."""
    if not granular(field, value) or not value:
        return value
    kept: Any
    if isinstance(value, list):
        kept = []
        for item in value:
            below = tree.get(element(field, item))
            if below is None:
                kept.append(item)
            elif not holds(below):
                kept.append(remove(field.of, item, below))
    else:
        kept = {}
        for name, item in value.items():
            below = tree.get(f"f:{name}")
            if below is None:
                kept[name] = item
            elif not holds(below):
                left = remove(schema.below(field, name), item, below)
                if left is not None:
                    kept[name] = left
    return kept or None


def named(field: Field, tree: Tree) -> Tree:
    """The set with every field of a struct that something below is in: removing it then leaves no empty shell."""
    found: Tree = {}
    for name, below in tree.items():
        if name == SELF:
            found[SELF] = {}
            continue
        kind = field.of if name[0] in "kv" else schema.below(field, name[2:])
        inner = named(kind, below)
        member = name[0] == "f" and field.form == schema.STRUCT
        found[name] = {SELF: {}, **inner} if member and inner and SELF not in inner else inner
    return found
