"""The difference between two recordings, for people."""

from __future__ import annotations

import difflib
import json
from typing import Any

Seen = list[dict[str, Any]]
NONE = "(nothing)"


def lines(seen: Seen) -> list[str]:
    """One value a line."""
    return json.dumps(seen, indent=1, ensure_ascii=False, sort_keys=True).split("\n")


def steps(real: Seen, sandbox: Seen) -> list[tuple[Any, Any]]:
    """Pairs of what was done; the shorter side is filled with None."""
    longest = max(len(real), len(sandbox))
    return [(real[n] if n < len(real) else None, sandbox[n] if n < len(sandbox) else None) for n in range(longest)]


def difference(real: Seen, sandbox: Seen, one: str = "real", other: str = "sandbox", *, limit: int = 60) -> str:
    """A unified difference of each step that differs, under what was done; empty when nothing does."""
    found: list[str] = []
    for a, b in steps(real, sandbox):
        if a == b:
            continue
        found.append(f"  {(a or b)['do']}")
        changed = difflib.unified_diff(lines([a] if a else []), lines([b] if b else []), one, other, n=1, lineterm="")
        found += [f"    {line}" for line in changed if not line.startswith(("---", "+++", "@@"))]
    if len(found) > limit:
        found = [*found[:limit], f"    … {len(found) - limit} lines more"]
    return "\n".join(found)


def leaves(real: Any, sandbox: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """The smallest values that differ: where, the real one, the sandbox's."""
    if type(real) is type(sandbox):
        if isinstance(real, dict):
            keys = sorted(set(real) | set(sandbox))
            return [
                leaf for key in keys for leaf in leaves(real.get(key, NONE), sandbox.get(key, NONE), f"{path}.{key}")
            ]
        if isinstance(real, list) and len(real) == len(sandbox):
            pairs = enumerate(zip(real, sandbox, strict=True))
            return [leaf for n, (a, b) in pairs for leaf in leaves(a, b, f"{path}.{n}")]
    return [] if real == sandbox else [(path.lstrip("."), real, sandbox)]


def short(case: str, real: Seen, sandbox: Seen) -> list[str]:
    """One line for each step that differs: the case, what was done, and each smallest difference."""
    found = []
    for a, b in steps(real, sandbox):
        if a == b:
            continue
        parts = [
            f"{path}: real {_said(one, 700)} SANDBOX {_said(other, 500)}"
            for path, one, other in leaves(a or {}, b or {})
        ]
        found.append(f"{case} | {(a or b)['do'][:160]} | " + " || ".join(parts[:6]))
    return found


def _said(value: Any, limit: int) -> str:
    return json.dumps(value, ensure_ascii=False)[:limit]
