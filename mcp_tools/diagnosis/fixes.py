"""Typed fixes: the call that would repair what a finding names, with its real effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_tools.diagnosis.findings import Fix, Ref
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, ref_of
from mcp_tools.effects import Effect

REVISION = "deployment.kubernetes.io/revision"


def release_of(item: Mapping[str, Any] | None) -> str:
    """The Helm release that owns an object; empty when none does."""
    meta = (item or {}).get("metadata") or {}
    return str((meta.get("annotations") or {}).get("meta.helm.sh/release-name") or "")


def still_serving(snapshot: Snapshot, workload: Manifest) -> Manifest | None:
    """The older ReplicaSet of a Deployment whose pods are ready right now: a revision that is proven to work."""
    ref, current = ref_of(workload), (workload["metadata"].get("annotations") or {}).get(REVISION)
    for candidate in snapshot.all("ReplicaSet"):
        owner = snapshot.owner(candidate)
        revision = (candidate["metadata"].get("annotations") or {}).get(REVISION)
        if owner is None or ref_of(owner) != ref or revision == current:
            continue
        if int((candidate.get("status") or {}).get("readyReplicas") or 0) > 0:
            return candidate
    return None


def rollback(snapshot: Snapshot, ref: Ref) -> tuple[Fix | None, str]:
    """A Helm rollback to the revision that still serves, and a line of evidence for it; (None, "") without one."""
    workload = snapshot.get(*ref)
    release = release_of(workload)
    if workload is None or not release:
        return None, ""
    records = snapshot.revisions.get(f"{ref.namespace}/{release}", [])
    if (restored := _restoration(ref, workload, release, records)) is not None:
        return restored
    older = still_serving(snapshot, workload) if ref.kind == "Deployment" else None
    if older is None:
        return None, ""
    for record in reversed(records[:-1]):
        template = record["templates"].get(str(ref))
        if template and record["status"] in ("superseded", "deployed") and runs(template, older["spec"]["template"]):
            revision = int(record["revision"])
            fix = helm_restore(release, ref.namespace, revision, "whose pods are still ready")
            return fix, f"revision {revision} of {release} still serves with ReplicaSet/{older['metadata']['name']}"
    return None, ""


def _restoration(ref: Ref, workload: Manifest, release: str, records: list[dict[str, Any]]) -> tuple[Fix, str] | None:
    """Back to the release's own revision, when somebody has changed the workload beside Helm since."""
    current = records[-1] if records else {}
    template = (current.get("templates") or {}).get(str(ref))
    if current.get("status") != "deployed" or not template or runs(template, workload["spec"]["template"]):
        return None
    revision = int(current["revision"])
    summary = f"restore {release} to its revision {revision}: {ref} was changed beside Helm"
    fix = _to_revision(release, ref.namespace, revision, summary)
    return fix, f"{ref} is not as revision {revision} of {release} has it: somebody changed it beside Helm"


def runs(template: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether a rendered pod template is what live pods run: same images, commands, ports, probes and env names."""
    mine = (template.get("spec") or {}).get("containers") or []
    theirs = (live.get("spec") or {}).get("containers") or []
    if [c.get("name") for c in mine] != [c.get("name") for c in theirs]:
        return False
    return all(_same_container(a, b) for a, b in zip(mine, theirs, strict=True))


def _same_container(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    names = sorted(str(e.get("name")) for e in theirs.get("env") or [])
    parts = ("image", "command", "args", "ports", "livenessProbe", "readinessProbe", "startupProbe")
    return mine.get("env", []) == names and all(within(mine.get(part), theirs.get(part)) for part in parts)


def within(part: Any, whole: Any) -> bool:
    """Whether every field that ``part`` sets has the same value in ``whole`` (which the API server completed)."""
    if part is None:
        return True
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(within(value, whole.get(key)) for key, value in part.items())
    if isinstance(part, list):
        return (
            isinstance(whole, list)
            and len(part) == len(whole)
            and all(within(a, b) for a, b in zip(part, whole, strict=True))
        )
    return bool(part == whole)


def load_image(image: str) -> Fix:
    """Load a local image into the node."""
    return Fix(
        summary=f"load {image} into the node",
        tool="minikube_image_load",
        arguments={"image": image},
        effect=Effect.CREATE,
    )


def scale(ref: Ref, replicas: int) -> Fix:
    """Scale a workload."""
    return Fix(
        summary=f"scale {ref} to {replicas}",
        tool="kubectl_scale",
        arguments={"kind": ref.kind, "name": ref.name, "replicas": replicas, "namespace": ref.namespace},
        effect=Effect.CHANGE,
    )


def ensure_secrets(snapshot: Snapshot, namespace: str) -> Fix | None:
    """Create what the application's longshore.yaml declares; None when diagnosis was not told of one."""
    if not snapshot.application:
        return None
    return Fix(
        summary="create the missing Secrets and keys that the application declares",
        tool="secret_ensure",
        arguments={"application": snapshot.application, "namespace": namespace},
        effect=Effect.CREATE,
    )


def helm_restore(release: str, namespace: str, revision: int, why: str) -> Fix:
    """Roll a release back to a revision."""
    return _to_revision(release, namespace, revision, f"roll {release} back to revision {revision}, {why}")


def _to_revision(release: str, namespace: str, revision: int, summary: str) -> Fix:
    return Fix(
        summary=summary,
        tool="helm_rollback",
        arguments={"release": release, "revision": revision, "namespace": namespace},
        effect=Effect.CHANGE,
    )


def helm_remove(release: str, namespace: str) -> Fix:
    """Uninstall a release that never came up; its data stays."""
    return Fix(
        summary=f"uninstall {release}, whose first installation did not end; then install it again",
        tool="helm_uninstall",
        arguments={"release": release, "namespace": namespace},
        effect=Effect.DESTROY,
    )
