"""Why a pod does not come up: from its status, its events, its last log line and the node's images to one cause."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.engines.manifests import Manifest
from mcp_tools.errors import LongshoreError
from mcp_tools.untrusted import Untrusted


class Cause(BaseModel):
    """One named cause. ``patience`` is how many seconds it must last before it counts as final."""

    code: str
    summary: Untrusted
    evidence: list[Untrusted] = Field(default_factory=list)
    patience: float = Field(0.0, exclude=True)


@dataclass(frozen=True)
class Scene:
    """A workload that is not ready, and the pods of its newest revision."""

    kube: KubeEngine
    namespace: str
    workload: Manifest
    pods: list[Manifest]

    async def events(self, name: str) -> list[Manifest]:
        """The events of one object, newest first."""
        found = await self.kube.list(
            "v1", "Event", self.namespace, field_selector=f"involvedObject.name={name}", limit=200
        )
        return sorted(found, key=_when, reverse=True)


def _when(event: Manifest) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


async def find(scene: Scene, *, late: bool = False) -> Cause | None:
    """The cause, or None when it may still come up by itself. ``late`` also takes what usually passes."""
    for pod in scene.pods:
        if pod["metadata"].get("deletionTimestamp"):
            continue
        cause = await _of_pod(scene, pod, late)
        if cause is not None:
            return cause
    return await _of_controller(scene) if not scene.pods else None


async def _of_pod(scene: Scene, pod: Manifest, late: bool) -> Cause | None:
    status = pod.get("status") or {}
    unschedulable = _unschedulable(pod)
    if unschedulable is not None:
        return unschedulable
    states = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for state in states:
        waiting = (state.get("state") or {}).get("waiting") or {}
        cause = await _waiting(scene, pod, state, str(waiting.get("reason", "")), str(waiting.get("message", "")))
        if cause is None and int(state.get("restartCount") or 0) >= 2:
            cause = await _crashing(scene, pod, state)
        if cause is not None:
            return cause
    if status.get("phase") == "Failed":
        why = f"{status.get('reason', 'Failed')} {status.get('message', '')}".strip()
        return Cause(code="pod-failed", summary=f"pod {pod['metadata']['name']} failed: {why}")
    return await _probe(scene, pod, late) if late else None


def _unschedulable(pod: Manifest) -> Cause | None:
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            message = str(condition.get("message", ""))
            volume = "PersistentVolumeClaim" in message
            return Cause(
                code="volume-unbound" if volume else "unschedulable",
                summary=f"pod {pod['metadata']['name']} fits on no node: {message}",
                evidence=[f"Pod/{pod['metadata']['name']} PodScheduled=False: {message}"],
                patience=60.0 if volume else 15.0,
            )
    return None


async def _waiting(scene: Scene, pod: Manifest, state: Manifest, reason: str, message: str) -> Cause | None:
    name, image = str(state.get("name")), str(state.get("image"))
    if reason in ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"):
        return await _image(scene, pod, _spec_image(pod, name) or image, reason, message)
    if reason == "CreateContainerConfigError":
        return Cause(
            code="config-error",
            summary=f"container {name} cannot be configured: {message}",
            evidence=[f"Pod/{pod['metadata']['name']} {reason}: {message}"],
            patience=5.0,
        )
    if reason in ("CreateContainerError", "RunContainerError"):
        return Cause(
            code="cannot-start",
            summary=f"container {name} cannot be started: {message}",
            evidence=[f"Pod/{pod['metadata']['name']} {reason}: {message}"],
            patience=3.0,
        )
    if reason == "CrashLoopBackOff" and int(state.get("restartCount") or 0) >= 1:
        return await _crashing(scene, pod, state)
    return None


def _spec_image(pod: Manifest, container: str) -> str:
    spec = pod.get("spec") or {}
    every = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return next((str(c.get("image")) for c in every if c.get("name") == container), "")


def split_image(image: str) -> tuple[str, str]:
    """Repository (as Docker writes it in full) and tag of an image reference."""
    name, _, digest = image.partition("@")
    tail = name.rsplit("/", 1)[-1]
    repository, tag = (name.rsplit(":", 1)[0], tail.split(":", 1)[1]) if ":" in tail else (name, "latest")
    if "/" not in repository:
        repository = f"docker.io/library/{repository}"
    elif "." not in repository.split("/")[0] and ":" not in repository.split("/")[0]:
        repository = f"docker.io/{repository}" if repository.split("/")[0] != "localhost" else repository
    return repository, digest or tag


async def images_on_nodes(kube: KubeEngine) -> dict[str, set[str]]:
    """Repository → tags of what the nodes hold, as they report it (at most the 50 largest images of a node)."""
    found: dict[str, set[str]] = {}
    for node in await kube.list("v1", "Node"):
        for image in (node.get("status") or {}).get("images") or []:
            for name in image.get("names") or []:
                repository, tag = split_image(str(name))
                found.setdefault(repository, set()).add(tag)
    return found


async def _image(scene: Scene, pod: Manifest, image: str, reason: str, message: str) -> Cause:
    repository, tag = split_image(image)
    evidence = [f"Pod/{pod['metadata']['name']} {reason}: {message}"]
    if reason == "InvalidImageName":
        return Cause(code="image-name-invalid", summary=f"image {image!r} is no image name", evidence=evidence)
    if re.search(r"unauthorized|denied|authentication required|403", message, re.IGNORECASE):
        return Cause(
            code="image-pull-denied", summary=f"the registry denies image {image}", evidence=evidence, patience=5.0
        )
    try:
        tags = (await images_on_nodes(scene.kube)).get(repository, set()) - {"<none>"}
    except LongshoreError:
        tags = set()
    known = sorted(t for t in tags if not t.startswith("sha256:"))
    if tag not in tags and known:
        evidence.append(f"the node has {repository.rsplit('/', 1)[-1]}:{', '.join(known[:5])}")
        summary = f"image {image} has a tag that is not on the node, which has {', '.join(known[:5])}"
        return Cause(code="image-wrong-tag", summary=summary, evidence=evidence, patience=2.0)
    summary = f"image {image} is not on the node and cannot be pulled"
    return Cause(code="image-not-on-node", summary=summary, evidence=evidence, patience=2.0)


async def _crashing(scene: Scene, pod: Manifest, state: Manifest) -> Cause | None:
    name, container = str(pod["metadata"]["name"]), str(state.get("name"))
    ended: dict[str, Any] = (state.get("lastState") or {}).get("terminated") or {}
    ended = ended or (state.get("state") or {}).get("terminated") or {}
    code, reason = ended.get("exitCode"), str(ended.get("reason") or "")
    restarts = int(state.get("restartCount") or 0)
    evidence = [f"Pod/{name} container {container}: {reason or 'ended'} with exit code {code}, {restarts} restarts"]
    killed = await _unhealthy(scene, name, "Liveness") or await _unhealthy(scene, name, "Startup")
    if killed and code in (137, 143, 0):
        return Cause(
            code="liveness-probe-failing",
            summary=f"container {container} is killed because its probe fails: {killed}",
            evidence=[*evidence, killed],
        )
    last = await _last_line(scene, name, container)
    if last:
        evidence.append(f"last log line: {last}")
    if reason == "OOMKilled":
        limit = _memory_limit(pod, container)
        summary = (
            f"container {container} is killed for using more memory than its limit{f' of {limit}' if limit else ''}"
        )
        return Cause(code="out-of-memory", summary=summary, evidence=evidence)
    summary = f"container {container} crashes at start (exit code {code})" + (f": {last}" if last else "")
    return Cause(code="crash-loop", summary=summary, evidence=evidence)


def _memory_limit(pod: Manifest, container: str) -> str:
    every = (pod.get("spec") or {}).get("containers") or []
    found: Manifest = next((c for c in every if c.get("name") == container), {})
    return str(((found.get("resources") or {}).get("limits") or {}).get("memory") or "")


async def _last_line(scene: Scene, pod: str, container: str) -> str:
    for previous in (True, False):
        try:
            text = await scene.kube.logs(
                scene.namespace, pod, container, previous=previous, tail=20, limit_bytes=20_000
            )
        except LongshoreError:
            continue
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines:
            return lines[-1][:400]
    return ""


async def _unhealthy(scene: Scene, pod: str, probe: str) -> str:
    for event in await scene.events(pod):
        message = " ".join(str(event.get("message", "")).split())
        if event.get("reason") == "Unhealthy" and message.startswith(probe):
            return message[:400]
    return ""


async def _probe(scene: Scene, pod: Manifest, late: bool) -> Cause | None:
    name = str(pod["metadata"]["name"])
    for probe, code in (("Readiness", "readiness-probe-failing"), ("Startup", "startup-probe-failing")):
        message = await _unhealthy(scene, name, probe)
        if message:
            return Cause(code=code, summary=f"pod {name} runs but is never ready: {message}", evidence=[message])
    if not late:
        return None
    for event in await scene.events(name):
        if event.get("type") == "Warning":
            message = f"{event.get('reason')}: {' '.join(str(event.get('message', '')).split())[:300]}"
            return Cause(code="not-ready", summary=f"pod {name} is not ready: {message}", evidence=[message])
    return None


async def _of_controller(scene: Scene) -> Cause | None:
    """No pod at all: the controller was refused (quota, admission) and says so."""
    name, messages = str(scene.workload["metadata"]["name"]), []
    for condition in (scene.workload.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            messages.append(str(condition.get("message", "")))
    if not messages:
        messages = [str(e.get("message", "")) for e in await scene.events(name) if e.get("reason") == "FailedCreate"]
    if not messages:
        return None
    quota = "exceeded quota" in messages[0] or "must specify" in messages[0]
    kind = scene.workload["kind"]
    return Cause(
        code="quota" if quota else "pods-refused",
        summary=f"{kind} {name} may make no pods: {messages[0]}",
        evidence=[f"{kind}/{name} FailedCreate: {messages[0]}"],
        patience=3.0,
    )
