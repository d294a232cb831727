"""The known differences: what is left out of the comparison on both sides, in which cases, and why.

A difference that does not differ any more fails the test: the table is not longer than it must be.
docs/sandbox-differences.md is the same for readers; a test holds it to this table.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

Seen = list[dict[str, Any]]


@dataclass(frozen=True)
class Difference:
    """``pattern`` is replaced by ``…`` in every text of the cases named; an empty one is the whole case."""

    name: str
    why: str
    cases: tuple[str, ...]
    pattern: str


KNOWN: tuple[Difference, ...] = ()


def of(case: str) -> list[Difference]:
    """Those of a case."""
    return [known for known in KNOWN if case in known.cases]


def without(seen: Seen, known: list[Difference]) -> Seen:
    """What is compared: the texts without what is known to differ."""
    for difference in known:
        if not difference.pattern:
            return []
        pattern = re.compile(difference.pattern)

        def walk(found: Any, pattern: re.Pattern[str] = pattern) -> Any:
            if isinstance(found, dict):
                return {key: walk(value) for key, value in found.items()}
            if isinstance(found, list):
                kept = [walk(item) for item in found]
                return [item for item in kept if item != "…"]
            return pattern.sub("…", found) if isinstance(found, str) else found

        seen = walk(json.loads(json.dumps(seen)))
    return seen
