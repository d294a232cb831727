"""All cases, and running many of them at once."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Iterator
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
    chosen: Iterable[Case],
    cluster: Cluster,
    folder: Path,
    *,
    workers: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Case, Outcome]]:
    """Run them, some beside each other; those that need the cluster for themselves last."""
    together = [case for case in chosen if not case.alone]
    alone = [case for case in chosen if case.alone]
    with ThreadPoolExecutor(workers) as pool:
        waiting = {pool.submit(run, case, cluster, folder / case.namespace): case for case in together}
        for future in as_completed(waiting):
            case = waiting[future]
            tell(case.id)
            yield case, future.result()
    for case in alone:
        tell(case.id)
        yield case, run(case, cluster, folder / case.namespace)
