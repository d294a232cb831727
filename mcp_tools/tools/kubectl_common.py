"""What the kubectl tools share: naming one object, tables as the server makes them, and what counts as a problem."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import Field

from mcp_tools.catalog import ToolInput
from mcp_tools.engines.kube_kinds import Kind
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.engines.manifests import Manifest
from mcp_tools.engines.rollout import KINDS, ready_message
from mcp_tools.errors import LongshoreError, NotFound
from mcp_tools.names import KindName, Namespace, RbacName

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
CELL_CAP = 120


class ObjectInput(ToolInput):
    """One object."""

    kind: KindName
    name: RbacName
    namespace: Namespace = Field("default", description="Ignored for kinds without namespace")


async def fetch(kube: KubeEngine, kind: Kind, name: str, namespace: str) -> Manifest:
    """The object.

    Raises:
        NotFound: names what there is instead.
    """
    found = await kube.get(kind.api, kind.kind, name, namespace if kind.namespaced else None)
    if found is None:
        others = await kube.list(
            kind.api, kind.kind, namespace if kind.namespaced else None, limit=10, metadata_only=True
        )
        names = ", ".join(str(item["metadata"]["name"]) for item in others)
        where = f" in {namespace}" if kind.namespaced else ""
        raise NotFound(
            f"there is no {kind.kind} {name}{where}", f"there are {names}" if names else "there is none at all"
        )
    return {"apiVersion": kind.api, "kind": kind.kind} | found


def age(timestamp: str | None, now: dt.datetime | None = None) -> str:
    """How long ago, as kubectl says it: ``45s``, ``12m``, ``3h``, ``9d``."""
    try:
        at = dt.datetime.fromisoformat(str(timestamp).replace("Z", "+00:00"))
    except ValueError:
        return "?"
    seconds = int(((now or dt.datetime.now(dt.UTC)) - at).total_seconds())
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size * 2:
            return f"{seconds // size}{unit}"
    return f"{max(0, seconds)}s"


def problem(item: Manifest) -> str:
    """What is wrong with an object in a few words; empty when nothing is, or when its kind cannot say."""
    kind, status, spec = item.get("kind"), item.get("status") or {}, item.get("spec") or {}
    if kind == "Pod":
        return _pod_problem(item)
    if kind in (*KINDS, "ReplicaSet"):
        return ready_message({"kind": "ReplicaSet", **item}) if kind in KINDS else _replica_set(status, spec)
    if kind in ("PersistentVolumeClaim", "PersistentVolume"):
        return "" if status.get("phase") in ("Bound", "Available") else str(status.get("phase", "unknown"))
    if kind == "Namespace":
        return "" if status.get("phase") == "Active" else str(status.get("phase"))
    if kind == "Event":
        return str(item.get("reason")) if item.get("type") == "Warning" else ""
    return _condition_problem(kind, status)


def _replica_set(status: Manifest, spec: Manifest) -> str:
    wanted, ready = int(spec.get("replicas") or 0), int(status.get("readyReplicas") or 0)
    return f"{ready} of {wanted} ready" if ready < wanted else ""


def _condition_problem(kind: Any, status: Manifest) -> str:
    for condition in status.get("conditions") or []:
        name, value = condition.get("type"), condition.get("status")
        if kind == "Node" and (
            (name == "Ready" and value != "True") or (str(name).endswith("Pressure") and value == "True")
        ):
            return f"{name}={value}: {condition.get('reason', '')}"
        if kind == "Job" and name == "Failed" and value == "True":
            return str(condition.get("reason", "Failed"))
    return ""


def _pod_problem(pod: Manifest) -> str:
    status = pod.get("status") or {}
    phase = status.get("phase")
    if phase == "Succeeded":
        return ""
    states = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for state in states:
        detail = state.get("state") or {}
        waiting = (detail.get("waiting") or {}).get("reason")
        if waiting and waiting not in ("PodInitializing", "ContainerCreating"):
            return str(waiting)
    if phase != "Running":
        return str(status.get("reason") or phase or "Unknown")
    if any(not state.get("ready") for state in status.get("containerStatuses") or []):
        return "not ready"
    restarts = sum(int(state.get("restartCount") or 0) for state in states)
    return f"{restarts} restarts" if restarts else ""


async def table(
    kube: KubeEngine, kind: Kind, namespace: str | None, query: dict[str, Any]
) -> tuple[list[str], list[tuple[list[str], Manifest]], str | None, int]:
    """A page as the server prints it: columns, (cells, object) pairs, cursor, and how many remain."""
    answer = await kube.request(
        "GET",
        kind.path(namespace),
        {**query, "includeObject": "Object"},
        accept=f"{TABLE},application/json",
        what=f"listing {kind.plural}",
    )
    meta = answer.get("metadata") or {}
    cursor, remaining = meta.get("continue") or None, int(meta.get("remainingItemCount") or 0)
    if answer.get("kind") != "Table":
        rows = [_plain_row(kind, item) for item in answer.get("items") or []]
        return ["NAME", "AGE"], rows, cursor, remaining
    columns = answer.get("columnDefinitions") or []
    shown = [i for i, column in enumerate(columns) if int(column.get("priority") or 0) == 0]
    found = []
    for row in answer.get("rows") or []:
        cells = [_cell(row["cells"][i]) for i in shown]
        found.append((cells, {"kind": kind.kind, "apiVersion": kind.api} | (row.get("object") or {})))
    return [str(columns[i]["name"]).upper() for i in shown], found, cursor, remaining


def _plain_row(kind: Kind, item: Manifest) -> tuple[list[str], Manifest]:
    meta = item.get("metadata") or {}
    cells = [str(meta.get("name")), age(meta.get("creationTimestamp"))]
    return cells, {"kind": kind.kind, "apiVersion": kind.api} | item


def _cell(value: Any) -> str:
    text = " ".join(str("" if value is None else value).split())
    return text if len(text) <= CELL_CAP else f"{text[: CELL_CAP - 1]}…"


def columns_text(columns: list[str], rows: list[list[str]]) -> str:
    """A table in columns, as wide as its cells need."""
    every = [columns, *rows]
    widths = [max(len(row[i]) if i < len(row) else 0 for row in every) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=False)).rstrip() for row in every)


async def events_of(kube: KubeEngine, namespace: str | None, name: str | None, limit: int = 200) -> list[Manifest]:
    """Events, newest first; of one object when ``name`` is given."""
    selector = f"involvedObject.name={name}" if name else None
    found = await kube.list("v1", "Event", namespace, field_selector=selector, limit=None if name is None else limit)
    return sorted(found, key=event_time, reverse=True)


def event_time(event: Manifest) -> str:
    """When an event was last seen."""
    series = (event.get("series") or {}).get("lastObservedTime")
    meta = event.get("metadata") or {}
    return str(event.get("lastTimestamp") or series or event.get("eventTime") or meta.get("creationTimestamp") or "")


async def pods_owned_by(kube: KubeEngine, item: Manifest) -> list[str]:
    """Names of the pods that a workload's selector takes; empty for other kinds."""
    labels = (((item.get("spec") or {}).get("selector") or {}).get("matchLabels")) or {}
    if item.get("kind") not in (*KINDS, "ReplicaSet") or not labels:
        return []
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    try:
        pods = await kube.list("v1", "Pod", item["metadata"].get("namespace"), label_selector=selector, limit=100)
    except LongshoreError:
        return []
    return [str(pod["metadata"]["name"]) for pod in pods]
