"""Watching workloads come up, pod by pod, and ending early with a named cause when they cannot.

Used instead of ``helm --wait``, which says nothing for ten minutes and then ``context deadline exceeded``.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from pydantic import BaseModel, Field

from mcp_tools.engines import rollout_causes
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.engines.manifests import Manifest
from mcp_tools.engines.rollout_causes import Cause, Scene
from mcp_tools.untrusted import Untrusted

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
POLL = 1.0
Say = Callable[[float, float | None, str], Awaitable[None]]

__all__ = ["Cause", "PodLine", "Rollout", "ready_message", "watch_rollout", "workloads_in"]


class PodLine(BaseModel):
    """One pod in a line."""

    name: str
    phase: str
    ready: str = Field(description="Containers ready of all")
    restarts: int = 0
    reason: Untrusted = ""


@dataclass(frozen=True)
class Rollout:
    """How it ended. ``cause`` is set when it is not ready."""

    ready: bool
    pods: list[PodLine] = field(default_factory=list)
    cause: Cause | None = None
    seconds: float = 0.0


def workloads_in(objects: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(kind, name) of the objects whose pods are watched."""
    return [(str(o["kind"]), str(o["metadata"]["name"])) for o in objects if o.get("kind") in KINDS]


def ready_message(workload: Manifest) -> str:
    """Why a workload is not ready yet; empty when it is, in the newest revision, with no old pod left."""
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int((workload.get("metadata") or {}).get("generation") or 0):
        return "not seen by its controller yet"
    if workload["kind"] == "DaemonSet":
        wanted, updated = int(status.get("desiredNumberScheduled") or 0), int(status.get("updatedNumberScheduled") or 0)
        ready, total = int(status.get("numberAvailable") or 0), int(status.get("currentNumberScheduled") or 0)
    else:
        wanted = int(1 if spec.get("replicas") is None else spec["replicas"])
        updated, total = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
        ready = int(status.get("availableReplicas", status.get("readyReplicas")) or 0)
    if workload["kind"] == "StatefulSet" and status.get("updateRevision") == status.get("currentRevision"):
        updated = max(updated, int(status.get("currentReplicas") or 0))
    if updated < wanted:
        return f"{updated} of {wanted} updated"
    if total > wanted:
        return f"{total - wanted} old pods are ending"
    return f"{ready} of {wanted} ready" if ready < wanted else ""


def pod_line(pod: Manifest) -> PodLine:
    """The pod in a line, its reason as kubectl names it."""
    status = pod.get("status") or {}
    states = status.get("containerStatuses") or []
    inits = status.get("initContainerStatuses") or []
    total = len((pod.get("spec") or {}).get("containers") or [])
    reason = str(status.get("reason") or "")
    for state in [*inits, *states]:
        detail = (state.get("state") or {}).get("waiting") or (state.get("state") or {}).get("terminated") or {}
        if detail.get("reason") and detail["reason"] not in ("Completed", "PodInitializing"):
            reason = str(detail["reason"])
            break
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        reason = "Terminating"
    return PodLine(
        name=str(pod["metadata"]["name"]),
        phase=str(status.get("phase", "Unknown")),
        ready=f"{sum(bool(s.get('ready')) for s in states)}/{total}",
        restarts=sum(int(s.get("restartCount") or 0) for s in [*inits, *states]),
        reason=reason,
    )


class _Watch:
    def __init__(
        self, kube: KubeEngine, namespace: str, names: Sequence[tuple[str, str]], say: Say, wait: float
    ) -> None:
        self.kube, self.namespace, self.names, self.say, self.wait = kube, namespace, names, say, wait
        self.started = time.monotonic()
        self.first_seen: dict[str, float] = {}
        self.said: dict[str, str] = {}

    async def look(self) -> tuple[bool, list[PodLine], Cause | None]:
        done, lines, cause = 0, [], None
        for kind, name in self.names:
            workload = await self.kube.get("apps/v1", kind, name, self.namespace)
            if workload is None:
                cause = cause or Cause(code="missing", summary=f"{kind} {name} does not exist")
                continue
            missing = ready_message(workload)
            pods = await newest_pods(self.kube, self.namespace, workload)
            lines += [pod_line(pod) for pod in pods]
            if not missing:
                done += 1
            else:
                cause = cause or await self.judge(workload, pods)
            await self.tell(kind, name, missing, pods, done)
        return done == len(self.names), lines, cause

    async def judge(self, workload: Manifest, pods: list[Manifest]) -> Cause | None:
        """The cause, once it has lasted as long as such a cause must."""
        cause = await rollout_causes.find(Scene(self.kube, self.namespace, workload, pods))
        if cause is None:
            return None
        now = time.monotonic()
        since = self.first_seen.setdefault(f"{workload['metadata']['name']}/{cause.code}", now)
        return cause if now - since >= cause.patience else None

    async def tell(self, kind: str, name: str, missing: str, pods: list[Manifest], done: int) -> None:
        parts = []
        for line in (pod_line(pod) for pod in pods):
            state = line.reason or line.phase
            parts.append(f"{line.name} {line.ready} {state}" + (f", {line.restarts} restarts" if line.restarts else ""))
        message = f"{kind} {name}: {missing or 'ready'}" + (f" ({'; '.join(parts[:4])})" if parts else "")
        if self.said.get(name) != message:
            self.said[name] = message
            await self.say(float(done), float(len(self.names)), message)


async def newest_pods(kube: KubeEngine, namespace: str, workload: Manifest) -> list[Manifest]:
    """The pods of a workload's newest revision (those of older revisions say nothing about it)."""
    selector = ",".join(
        f"{k}={v}" for k, v in sorted(((workload["spec"].get("selector") or {}).get("matchLabels") or {}).items())
    )
    pods = await kube.list("v1", "Pod", namespace, label_selector=selector or None) if selector else []
    status = workload.get("status") or {}
    if workload["kind"] == "Deployment":
        wanted = ((workload.get("metadata") or {}).get("annotations") or {}).get("deployment.kubernetes.io/revision")
        sets = await kube.list("apps/v1", "ReplicaSet", namespace, label_selector=selector)
        uid = workload["metadata"].get("uid")
        newest = [
            s["metadata"]["name"]
            for s in sets
            if (s["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision") == wanted
            and any(o.get("uid") == uid for o in s["metadata"].get("ownerReferences") or [])
        ]
        return [p for p in pods if any(o.get("name") in newest for o in p["metadata"].get("ownerReferences") or [])]
    if workload["kind"] == "StatefulSet" and status.get("updateRevision"):
        revision = status["updateRevision"]
        return [p for p in pods if (p["metadata"].get("labels") or {}).get("controller-revision-hash") == revision]
    return pods


async def watch_rollout(
    kube: KubeEngine,
    namespace: str,
    workloads: Sequence[tuple[str, str]],
    *,
    wait_seconds: float,
    progress: Say,
) -> Rollout:
    """Watch until every workload is ready in its newest revision, or cannot become so, or the time is over.

    Args:
        workloads: (kind, name) pairs, see :func:`workloads_in`.
        wait_seconds: at most so long; 0 looks once.
        progress: told of every change, one line per workload with its pods.
    """
    watch = _Watch(kube, namespace, workloads, progress, wait_seconds)
    while True:
        ready, lines, cause = await watch.look()
        seconds = time.monotonic() - watch.started
        if ready:
            return Rollout(True, lines, None, seconds)
        if cause is not None:
            return Rollout(False, lines, cause, seconds)
        if seconds >= wait_seconds:
            return Rollout(False, lines, await _late(kube, namespace, workloads, wait_seconds), seconds)
        await anyio.sleep(min(POLL, max(0.05, wait_seconds - seconds)))


async def _late(kube: KubeEngine, namespace: str, workloads: Sequence[tuple[str, str]], wait: float) -> Cause:
    """What can be said when the time is over and nothing was certain before."""
    for kind, name in workloads:
        workload = await kube.get("apps/v1", kind, name, namespace)
        if workload is not None and ready_message(workload):
            scene = Scene(kube, namespace, workload, await newest_pods(kube, namespace, workload))
            found = await rollout_causes.find(scene, late=True)
            if found is not None:
                return found
            return Cause(
                code="not-ready", summary=f"{kind} {name} is not ready after {wait:g} s: {ready_message(workload)}"
            )
    return Cause(code="not-ready", summary=f"not ready after {wait:g} s")
