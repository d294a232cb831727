"""What the helm tools share: their inputs, the observation before a deployment, and the result after it."""

from __future__ import annotations

import time
from typing import Any

import anyio
from pydantic import Field

from mcp_tools.catalog import ToolInput, ToolOutput
from mcp_tools.engines import manifests
from mcp_tools.engines.helm import Chart, HelmEngine
from mcp_tools.engines.helm_records import Release
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.engines.manifests import Comparison
from mcp_tools.engines.rollout import Cause, PodLine, Rollout, watch_rollout, workloads_in
from mcp_tools.errors import Busy, NotFound, Refused
from mcp_tools.lease import Lease
from mcp_tools.names import Namespace, PathArg, ReleaseName
from mcp_tools.world import Call

DIFF_CAP = 20_000
_KEEPERS = frozenset({"Namespace", "PersistentVolume", "PersistentVolumeClaim", "StatefulSet"})


class ChartInput(ToolInput):
    """A release, the chart it is made of, and its values."""

    release: ReleaseName
    chart: PathArg = Field(description="Folder of the chart, in the workspace")
    values_files: list[PathArg] = Field(default_factory=list, description="Merged in this order")
    values: dict[str, Any] | None = Field(None, description="Merged last")
    namespace: Namespace = "default"


class ReleaseInput(ToolInput):
    """One release."""

    release: ReleaseName
    namespace: Namespace = "default"


class ReleaseState(ToolOutput):
    """A release and its pods after a change."""

    release: str
    namespace: str
    revision: int
    status: str
    ready: bool
    pods: list[PodLine] = Field(default_factory=list)
    cause: Cause | None = Field(None, description="Why it is not ready")
    seconds: float

    def text(self) -> str:
        """One line for the release, one per pod, and the cause."""
        state = "ready" if self.ready else "NOT READY"
        did = "" if self.changed else ", nothing changed"
        head = f"{self.namespace}/{self.release}: revision {self.revision} {self.status}"
        lines = [f"{head}, {state}{did}, {self.seconds:.1f} s"]
        lines += [f"  {p.name}  {p.ready}  {p.reason or p.phase}  restarts={p.restarts}" for p in self.pods]
        if self.cause:
            lines += [
                f"cause: {self.cause.code}: {self.cause.summary}",
                *(f"  - {line}" for line in self.cause.evidence),
            ]
        return "\n".join(lines)


def chart_of(args: ChartInput, call: Call) -> Chart:
    """The chart that the arguments name, every path checked to lie in the workspace."""
    files = [call.path(file) for file in args.values_files]
    return Chart(call.path(args.chart), call.workspace, files, args.values)


async def settled_history(helm: HelmEngine, release: str, namespace: str, wait: float = 120) -> list[Release]:
    """The release's revisions, once no helm program of this host is at work on it any more.

    Raises:
        Busy: one still is, or the release is pending and another run holds the cluster.
    """
    deadline = time.monotonic() + wait
    while True:
        history = await helm.history(release, namespace)
        if not history or not history[-1].pending:
            return history
        pid = await helm.live_pid(release)
        if pid is None:
            break
        if time.monotonic() > deadline:
            raise Busy(f"helm (process {pid}) is at work on {release}", history[-1].status, "wait until it has ended")
        await anyio.sleep(1)
    history = await helm.history(release, namespace)
    lease = Lease(helm.kube, "-")
    holder = await lease.holder()
    if (
        history
        and history[-1].pending
        and holder is not None
        and (holder.host, holder.pid) != (lease.me.host, lease.me.pid)
    ):
        raise Busy(
            f"release {release} is {history[-1].status}", f"{holder.shown} is at work", "wait until it has ended"
        )
    return history


def deployed(history: list[Release]) -> Release | None:
    """The revision that Helm counts as deployed."""
    return next((release for release in reversed(history) if release.status == "deployed"), None)


def running(history: list[Release]) -> Release | None:
    """The revision that a deployment replaces. None only when none was ever deployed.

    A rollback that failed leaves a release without a deployed revision, though its objects run.
    """
    found = deployed(history)
    if found is None and any(release.status == "superseded" for release in history):
        found = next((r for r in reversed(history) if r.status in ("superseded", "failed")), None)
    return found


async def free_way(kube: KubeEngine, hooks: list[manifests.Manifest], namespace: str, *, of: str = "") -> None:
    """See that Helm deletes nothing of others: before it runs a hook it deletes what has the hook's kind and name.

    ``of`` narrows to the hooks of an operation: ``delete``, ``rollback``, ``test``.

    Raises:
        Refused: there is such an object, and it is no earlier run of a hook, or it holds data.
    """
    for hook in (h for h in hooks if of in str(manifests.annotations_of(h).get(manifests.HOOK, ""))):
        kind = await kube.kind_of(str(hook.get("apiVersion")), str(hook.get("kind")))
        meta = hook.get("metadata") or {}
        space = str(meta.get("namespace") or namespace) if kind.namespaced else None
        there = await kube.get(kind.api, kind.kind, str(meta.get("name")), space) if meta.get("name") else None
        if there is not None and (kind.kind in _KEEPERS or not manifests.is_hook(there)):
            raise Refused(
                f"hook {manifests.label(hook, namespace)} would delete what has this name",
                "Helm deletes an object of the kind and name of a hook before it runs the hook",
                "give the hook a name of its own",
            )


def need(history: list[Release], args: ReleaseInput) -> Release:
    """The newest revision.

    Raises:
        NotFound: there is no such release.
    """
    if not history:
        raise NotFound(f"there is no release {args.release} in {args.namespace}", remedy="helm_list shows the releases")
    return history[-1]


def capped(text: str, cap: int = DIFF_CAP) -> str:
    """The text, cut with a note when it is long."""
    return text if len(text) <= cap else f"{text[:cap]}\n… {len(text) - cap} more characters; see helm_diff"


def at_risk(comparison: Comparison, old: list[manifests.Manifest], new: list[manifests.Manifest]) -> list[str]:
    """Data that may be lost or detached by going from ``old`` to ``new``."""
    risks = [
        f"{name} is removed, and its data with it" for name in comparison.removed if "PersistentVolumeClaim/" in name
    ]
    risks += [f"{name} is removed; its claims stay, detached" for name in comparison.removed if "StatefulSet/" in name]
    risks += [f"{name} changes" for name in comparison.changed if "PersistentVolumeClaim/" in name]
    before = {manifests.label(item): item for item in old}
    for item in new:
        earlier = before.get(manifests.label(item))
        if item.get("kind") == "StatefulSet" and earlier is not None:
            if _claims(earlier) != _claims(item):
                risks.append(f"{manifests.label(item)} changes its volume claim templates")
            elif _images(earlier) != _images(item):
                risks.append(f"{manifests.label(item)} changes its image: {_images(earlier)} → {_images(item)}")
    return risks


def _claims(item: manifests.Manifest) -> Any:
    return manifests.normal((item.get("spec") or {}).get("volumeClaimTemplates"))


def _images(item: manifests.Manifest) -> str:
    return ", ".join(manifests.images([item]))


async def rollout_of(call: Call, release: Release, wait_seconds: float) -> Rollout:
    """Watch the release's workloads come up."""
    return await watch_rollout(
        call.world.kube,
        release.namespace,
        workloads_in(release.objects),
        wait_seconds=wait_seconds,
        progress=call.progress,
    )


def state_of(release: Release, rollout: Rollout, *, changed: bool, started: float) -> ReleaseState:
    """The result of a change of a release."""
    ready = sum(pod.ready.split("/")[0] == pod.ready.split("/")[1] for pod in rollout.pods)
    evidence = [
        f"release {release.name} revision {release.revision} is {release.status}",
        f"{ready} of {len(rollout.pods)} pods are ready, {sum(p.restarts for p in rollout.pods)} restarts",
    ]
    return ReleaseState(
        changed=changed,
        evidence=evidence + ([f"{rollout.cause.code}: {rollout.cause.summary}"] if rollout.cause else []),
        release=release.name,
        namespace=release.namespace,
        revision=release.revision,
        status=release.status,
        ready=rollout.ready,
        pods=rollout.pods,
        cause=rollout.cause,
        seconds=round(time.monotonic() - started, 2),
    )
