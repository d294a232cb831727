"""The sweep: every kind that rules look at, listed at once; then logs, but only of containers that fail."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Awaitable, Callable, Iterable

import anyio

from mcp_tools.diagnosis.findings import Ref
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, last_end, ref_of, states, waiting
from mcp_tools.engines import helm_records
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import LongshoreError

KINDS: tuple[tuple[str, str], ...] = (
    ("v1", "Pod"),
    ("v1", "Event"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "ResourceQuota"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("networking.k8s.io/v1", "Ingress"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
)
CLUSTER_KINDS: tuple[tuple[str, str], ...] = (("v1", "Node"), ("storage.k8s.io/v1", "StorageClass"))
LOG_LINES = 40
MAX_LOGS = 30
LocalImages = Callable[[], Awaitable[Iterable[str]]]


class _Sweep:
    def __init__(self, kube: KubeEngine, namespace: str | None) -> None:
        self.kube = kube
        self.seen = Snapshot(namespace, dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    async def kind(self, api: str, kind: str, namespace: str | None) -> None:
        try:
            items = await self.kube.list(api, kind, namespace)
        except LongshoreError as error:
            self.seen.unseen.append(f"{kind}: {error.what}")
            return
        for item in items:
            item["metadata"].pop("managedFields", None)
        self.seen.objects[kind] = items

    async def names(self, kind: str) -> None:
        """Key names of ConfigMaps or Secrets, and hosts of URLs in them; values are dropped here and kept nowhere."""
        selector = "type!=helm.sh/release.v1" if kind == "Secret" else None
        try:
            items = await self.kube.list("v1", kind, self.seen.namespace, field_selector=selector)
        except LongshoreError as error:
            self.seen.unseen.append(f"{kind}: {error.what}")
            return
        for item in items:
            held = [*(item.get("data") or {}), *(item.get("binaryData") or {})]
            ref = ref_of(item)
            self.seen.keys[ref] = sorted(held)
            for key, value in (item.get("data") or {}).items():
                if found := hosts_in(_decoded(value) if kind == "Secret" else str(value)):
                    self.seen.hosts[f"{kind}/{ref.namespace}/{ref.name}/{key}"] = found

    async def releases(self) -> None:
        """Labels of Helm's release records (name, revision, status), by metadata alone."""
        try:
            self.seen.objects["Release"] = await self.kube.list(
                "v1", "Secret", self.seen.namespace, label_selector="owner=helm", metadata_only=True
            )
        except LongshoreError as error:
            self.seen.unseen.append(f"Release: {error.what}")

    async def log(self, pod: Manifest, container: str, previous: bool) -> None:
        space, name = str(pod["metadata"]["namespace"]), str(pod["metadata"]["name"])
        key, text = f"{space}/{name}/{container}", ""
        for before in (True, False) if previous else (False,):
            try:
                text = await self.kube.logs(space, name, container, before, tail=LOG_LINES, limit_bytes=20_000)
            except LongshoreError:
                continue
            if text.strip():
                self.seen.logs[key] = text[-8_000:]
                return

    async def history(self, name: str, namespace: str) -> None:
        """What earlier revisions of a release ran: pod templates only, for the choice of a rollback's target."""
        try:
            records = await helm_records.history(self.kube, name, namespace)
        except (LongshoreError, ValueError, KeyError, TypeError, OSError):
            return  # a record that cannot be read gives no rollback to propose
        self.seen.revisions[f"{namespace}/{name}"] = [
            {
                "revision": record.revision,
                "status": record.status,
                "templates": {str(ref_of(o)): _plain(o["spec"]["template"]) for o in record.objects if _templated(o)},
            }
            for record in records
        ]


_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^@/\s]*@)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?=[:/?\s]|$)", re.IGNORECASE)


def hosts_in(value: str) -> list[str]:
    """The host names of the URLs in a value; nothing else of it."""
    return sorted(set(_HOST.findall(value[:20_000])))


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value or "").decode()
    except ValueError:
        return ""


def _templated(item: Manifest) -> bool:
    return item.get("kind") in ("Deployment", "StatefulSet", "DaemonSet") and "template" in (item.get("spec") or {})


def _plain(template: Manifest) -> Manifest:
    """A pod template without literal environment values (chart values may hold what should not be kept)."""
    spec = dict(template.get("spec") or {})
    for part in ("containers", "initContainers"):
        if spec.get(part):
            spec[part] = [{**c, "env": sorted(str(e.get("name")) for e in c.get("env") or [])} for c in spec[part]]
    return {"spec": spec}


def failing(snapshot: Snapshot) -> list[tuple[Manifest, str, bool]]:
    """(pod, container, whether it ended before) of the containers whose log may tell why."""
    found: list[tuple[Manifest, str, bool]] = []
    for pod in snapshot.all("Pod"):
        phase = (pod.get("status") or {}).get("phase")
        if phase == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
            continue
        for container, status in states(pod):
            started = bool(status.get("containerID"))
            reason, _ = waiting(status)
            ended = last_end(status)
            unready = (
                not status.get("ready")
                and (status.get("state") or {}).get("terminated", {}).get("reason") != "Completed"
            )
            if started and (phase == "Failed" or reason == "CrashLoopBackOff" or unready):
                found.append((pod, str(container["name"]), bool(ended) and bool(status.get("restartCount"))))
    return found[:MAX_LOGS]


def _troubled_releases(snapshot: Snapshot) -> set[tuple[str, str]]:
    found = set()
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for item in snapshot.all(kind):
            release = (item["metadata"].get("annotations") or {}).get("meta.helm.sh/release-name")
            if release:
                found.add((str(release), str(item["metadata"]["namespace"])))
    bad = {ref_of(snapshot.workload(pod)) for pod, _, _ in failing(snapshot)}
    bad |= {
        ref_of(snapshot.workload(p)) for p in snapshot.live_pods() if (p.get("status") or {}).get("phase") == "Pending"
    }
    names = set()
    for ref in bad:
        owner = snapshot.get(*ref)
        release = ((owner or {}).get("metadata", {}).get("annotations") or {}).get("meta.helm.sh/release-name")
        names.add((str(release), ref.namespace))
    return found & names


async def sweep(kube: KubeEngine, namespace: str | None = None, *, local_images: LocalImages | None = None) -> Snapshot:
    """Look at a namespace, or at the whole cluster.

    A kind that may not be listed is noted in ``unseen`` and no rule calls its objects missing.

    Raises:
        EnvironmentNotReady: the cluster cannot be reached.
    """
    look = _Sweep(kube, namespace)
    await kube.server_version()
    async with anyio.create_task_group() as group:
        for api, kind in KINDS:
            group.start_soon(look.kind, api, kind, namespace)
        for api, kind in CLUSTER_KINDS:
            group.start_soon(look.kind, api, kind, None)
        group.start_soon(look.names, "Secret")
        group.start_soon(look.names, "ConfigMap")
        group.start_soon(look.releases)
    async with anyio.create_task_group() as group:
        for pod, container, previous in failing(look.seen):
            group.start_soon(look.log, pod, container, previous)
        for release, space in _troubled_releases(look.seen):
            group.start_soon(look.history, release, space)
        if local_images is not None:
            group.start_soon(_local, look.seen, local_images)
    return look.seen


async def _local(seen: Snapshot, local_images: LocalImages) -> None:
    try:
        seen.local_images = sorted(await local_images())
    except LongshoreError as error:
        seen.unseen.append(f"local images: {error.what}")


def configured(snapshot: Snapshot, kind: str, namespace: str, name: str) -> list[str] | None:
    """Key names of a ConfigMap or Secret; None when it does not exist."""
    return snapshot.keys.get(Ref(kind, namespace, name))
