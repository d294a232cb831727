"""Rollouts and Helm releases that did not come to their end, and what is scaled to zero."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from mcp_tools.diagnosis import fixes
from mcp_tools.diagnosis.findings import Draft, Ref, Severity
from mcp_tools.diagnosis.rules_common import template_labels, wanted, workloads
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, chosen, ref_of
from mcp_tools.engines.helm_records import PENDING
from mcp_tools.engines.rollout import ready_message

STUCK_AFTER = 120.0
"""Seconds without any progress after which a rollout without another cause is called stuck."""
UNDER_WAY = 120.0
"""Seconds for which a pending Helm operation may well be at work."""


def scaled_to_zero(snapshot: Snapshot) -> Iterator[Draft]:
    """Workloads without replicas to which a Service wants to send."""
    for workload in workloads(snapshot):
        ref = ref_of(workload)
        if workload.get("kind") == "DaemonSet" or wanted(workload) != 0:
            continue
        asking = [
            ref_of(s)
            for s in snapshot.all("Service")
            if ref_of(s).namespace == ref.namespace
            and chosen((s.get("spec") or {}).get("selector"), template_labels(workload))
        ]
        if not asking:
            continue
        draft = Draft("SCALED_TO_ZERO", ref, f"{ref} is scaled to zero", severity=Severity.WARNING)
        draft.evidence = [f"{ref} spec.replicas is 0", f"{', '.join(map(str, asking))} sends to its pods"]
        draft.remedy, draft.fix = "scale it up, unless it is meant to be off", fixes.scale(ref, 1)
        yield draft


def rollouts(snapshot: Snapshot) -> Iterator[Draft]:
    """Workloads that are not ready in their newest revision and make no progress."""
    for workload in workloads(snapshot):
        ref, missing = ref_of(workload), ready_message(workload)
        if not missing or wanted(workload) == 0:
            continue
        conditions = {c.get("type"): c for c in (workload.get("status") or {}).get("conditions") or []}
        progressing = conditions.get("Progressing") or {}
        late = progressing.get("reason") == "ProgressDeadlineExceeded"
        since = progressing.get("lastUpdateTime") or workload["metadata"].get("creationTimestamp")
        if not late and snapshot.age(since) < STUCK_AFTER:
            continue
        pods = {ref_of(pod) for pod in snapshot.pods_of(ref)}
        sets = {ref_of(s) for s in snapshot.all("ReplicaSet") if ref_of(snapshot.workload(s)) == ref}
        draft = Draft(
            "ROLLOUT_STUCK", ref, f"the rollout of {ref} does not end: {missing}", because_of={ref} | pods | sets
        )
        draft.evidence = [f"{ref}: {missing}"]
        if late:
            draft.evidence.append(f"{ref} Progressing={progressing.get('status')}: ProgressDeadlineExceeded")
        draft.fix, proof = fixes.rollback(snapshot, ref)
        draft.evidence += [proof] if proof else []
        draft.remedy = "kubectl_describe shows its events; roll it back if the older revision worked"
        yield draft


def releases(snapshot: Snapshot) -> Iterator[Draft]:
    """Releases whose newest record is pending or failed."""
    for (space, name), records in _records(snapshot).items():
        labels = records[-1]["metadata"]["labels"]
        status, revision = str(labels.get("status")), int(labels["version"])
        if status in PENDING:
            yield _pending(snapshot, Ref("Release", space, name), revision, status, records)
        elif status == "failed":
            yield _failed(snapshot, Ref("Release", space, name), revision, records)


def _records(snapshot: Snapshot) -> dict[tuple[str, str], list[Manifest]]:
    """(namespace, release) → its records, oldest first."""
    found: dict[tuple[str, str], list[Manifest]] = {}
    for record in snapshot.all("Release"):
        labels = record["metadata"].get("labels") or {}
        if "name" in labels and str(labels.get("version", "")).isdigit():
            found.setdefault((str(record["metadata"].get("namespace")), str(labels["name"])), []).append(record)
    for records in found.values():
        records.sort(key=lambda record: int(record["metadata"]["labels"]["version"]))
    return found


def _good(records: list[Manifest]) -> int:
    """The newest revision that was deployed once; 0 when none was."""
    fine = [
        r["metadata"]["labels"] for r in records if r["metadata"]["labels"].get("status") in ("deployed", "superseded")
    ]
    return max((int(labels["version"]) for labels in fine), default=0)


def _age(snapshot: Snapshot, record: Manifest) -> float:
    changed = str((record["metadata"].get("labels") or {}).get("modifiedAt", ""))
    if changed.isdigit():
        return max(0.0, (snapshot.now - dt.datetime.fromtimestamp(int(changed), dt.UTC)).total_seconds())
    return snapshot.age(record["metadata"].get("creationTimestamp"))


def _pending(snapshot: Snapshot, ref: Ref, revision: int, status: str, records: list[Manifest]) -> Draft:
    age = _age(snapshot, records[-1])
    cause = f"a Helm operation on {ref.name} began and did not end: revision {revision} is {status}"
    draft = Draft("HELM_PENDING", ref, cause, [f"release record {ref.name}.v{revision}: {status} for {age:.0f} s"])
    if age < UNDER_WAY:
        draft.severity = Severity.WARNING
        draft.root_cause = (
            f"a Helm operation on {ref.name} is under way, or was broken off: revision {revision} is {status}"
        )
    draft.remedy = "see that no helm is at work on it; then roll back, or run helm_upgrade again"
    good = _good(records)
    if good:
        draft.fix = fixes.helm_restore(ref.name, ref.namespace, good, "the newest that was deployed")
    elif age >= UNDER_WAY:
        draft.fix = fixes.helm_remove(ref.name, ref.namespace)
    return draft


def _failed(snapshot: Snapshot, ref: Ref, revision: int, records: list[Manifest]) -> Draft:
    mine = {ref_of(w) for w in workloads(snapshot) if ref_of(w).namespace == ref.namespace}
    mine = {r for r in mine if fixes.release_of(snapshot.get(*r)) == ref.name}
    draft = Draft("HELM_FAILED", ref, f"revision {revision} of release {ref.name} failed", because_of=mine)
    draft.evidence = [f"release record {ref.name}.v{revision}: failed"]
    draft.remedy = "helm_history says why; correct it and run helm_upgrade, or roll back"
    good = _good(records)
    if good:
        draft.fix = fixes.helm_restore(ref.name, ref.namespace, good, "the newest that was deployed")
    return draft


RULES = (scaled_to_zero, rollouts, releases)
