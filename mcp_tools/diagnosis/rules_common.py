"""What the rules share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_tools.diagnosis.findings import Ref
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, ref_of

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def subject(snapshot: Snapshot, pod: Manifest) -> Ref:
    """What a finding about a pod is named after: its workload."""
    return ref_of(snapshot.workload(pod))


def about(snapshot: Snapshot, pod: Manifest) -> set[Ref]:
    """The pod and everything above it."""
    found, current, steps = {ref_of(pod)}, pod, 0
    while (above := snapshot.owner(current)) is not None and steps < 5:
        found.add(ref_of(above))
        current, steps = above, steps + 1
    return found


def workloads(snapshot: Snapshot) -> Iterator[Manifest]:
    """Every Deployment, StatefulSet and DaemonSet."""
    for kind in WORKLOADS:
        yield from snapshot.all(kind)


def template_labels(workload: Mapping[str, Any]) -> dict[str, str]:
    """The labels that a workload gives its pods."""
    template = (workload.get("spec") or {}).get("template") or {}
    return dict((template.get("metadata") or {}).get("labels") or {})


def wanted(workload: Mapping[str, Any]) -> int:
    """How many pods a Deployment or StatefulSet asks for."""
    replicas = (workload.get("spec") or {}).get("replicas")
    return 1 if replicas is None else int(replicas)


_TELLING = re.compile(r"error|fatal|exception|panic|failed|cannot|could not|refused|not found|denied|missing", re.I)


def last_line(text: str) -> str:
    """The last of the last ten lines that speaks of a failure, else the last line (buffered output comes late)."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][-10:]
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling or lines or [""])[-1][:400]


def near(name: str, names: list[str]) -> str:
    """`` (there is NAME)`` when one of the names is close; empty otherwise."""
    import difflib

    found = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    return f" (there is {found[0]})" if found else ""
