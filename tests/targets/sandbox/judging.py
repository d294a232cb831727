"""Objects as the API judges them: decoded, defaulted, validated."""

from __future__ import annotations

import copy
from typing import Any

from mcp_tools.targets.sandbox import defaults, kinds, schema, validation

Obj = dict[str, Any]


def stored(key: str, obj: Obj) -> Obj:
    """The object decoded and defaulted."""
    kind = kinds.by_key(key)
    found = copy.deepcopy(obj)
    found.setdefault("metadata", {}).setdefault("name", "x")
    if kind.namespaced:
        found["metadata"].setdefault("namespace", "d")
    schema.structural(kind, found, "Strict", [])
    defaults.apply(kind, found)
    return found


def said(key: str, obj: Obj, old: Obj | None = None) -> list[str]:
    """What is wrong with a new object, or with a change."""
    kind = kinds.by_key(key)
    before = None if old is None else stored(key, old)
    return [str(mistake) for mistake in validation.validate(kind, stored(key, obj), before)]


def merged(base: Any, change: Any) -> Any:
    """A deep merge; None takes away, and a list replaces."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return copy.deepcopy(change)
    found = dict(base)
    for name, value in change.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


LABELS = {"a": "b"}
CONTAINER = {"name": "c", "image": "nginx"}
POD_SPEC = {"containers": [CONTAINER]}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": POD_SPEC}
SPEC = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
