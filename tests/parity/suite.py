"""All cases, and running many of them at once."""

from __future__ import annotations

import importlib
import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tests.parity.case import CASES, Case
from tests.parity.cluster import Cluster
from tests.parity.stage import run

FAMILIES = (
    "api",
    "watch",
    "patch",
    "defaults",
    "validation",
    "access",
    "objects",
    "workloads",
    "kubectl",
    "helm",
    "faults",
    "trouble",
    "node",
)
RECORDED = Path(__file__).parent / "recorded"
Outcome = tuple[list[dict[str, Any]], str]


def cases() -> dict[str, Case]:
    """By their id."""
    for family in FAMILIES:
        importlib.import_module(f"tests.parity.cases_{family}")
    return CASES


def recorded() -> dict[str, list[dict[str, Any]]]:
    """What the real cluster gave back, by the id of the case."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(RECORDED.glob("*.json")):
        for name, seen in json.loads(file.read_text(encoding="utf-8")).items():
            found[f"{file.stem}/{name}"] = seen
    return found


def run_many(
    chosen: list[Case], cluster: Cluster, folder: Path, *, workers: int, end: float = math.inf
) -> Iterator[tuple[Case, Outcome]]:
    """Run them, some beside each other; those that need the cluster for themselves last. None begins after ``end``."""

    def one(case: Case) -> Outcome:
        if time.monotonic() > end:
            return [], "the time is over"
        return run(case, cluster, folder / case.namespace)

    together = [case for case in chosen if not case.alone]
    with ThreadPoolExecutor(workers) as pool:
        waiting = {pool.submit(one, case): case for case in together}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    for case in (case for case in chosen if case.alone):
        yield case, one(case)
