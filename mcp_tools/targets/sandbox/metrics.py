"""``metrics.k8s.io``: what ``kubectl top`` asks, as the metrics server of Minikube answers.

The figures are simulated: they are what the behaviour of the containers says, not what anything really used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mcp_tools.targets.sandbox import kinds, selectors, tables
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.node import usage
from mcp_tools.targets.sandbox.store import Obj
from mcp_tools.targets.sandbox.tables_common import NAME, column
from mcp_tools.targets.sandbox.verbs import METHOD_NOT_ALLOWED
from mcp_tools.targets.sandbox.wire import NOTHING_THERE, Answer, Form, Incoming, answer, choose

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
WINDOW = "15s"
_VERBS = frozenset({"get", "list"})
NODES = Kind(GROUP, VERSION, "NodeMetrics", "nodes", "", False, _VERBS)
PODS = Kind(GROUP, VERSION, "PodMetrics", "pods", "", True, _VERBS)


def serve(cluster: Cluster, incoming: Incoming, request: Request) -> Answer:
    """Answer a request below the group's URL.

    Raises:
        ApiError: the refusal.
    """
    parts = [unquote(part) for part in incoming.path.removeprefix(f"/apis/{GROUP}/{VERSION}").strip("/").split("/")]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] == "pods":
        namespace, parts = parts[1], parts[2:]
    kind = {"nodes": NODES, "pods": PODS}.get(parts[0])
    if kind is None or len(parts) > 2 or (len(parts) == 2 and kind is PODS and not namespace):
        return NOTHING_THERE
    if incoming.method != "GET":
        raise METHOD_NOT_ALLOWED
    name = parts[1] if len(parts) == 2 else ""
    cluster.api.access.check(request, "get" if name else "list", kind, namespace, name)
    form = choose(incoming.header("accept"))
    measured = _measured(cluster, kind, namespace, name, incoming)
    if not name:
        meta: dict[str, Any] = {}
        if form.kind == "Table":
            return answer(_table(measured, meta, form))
        head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": meta}
        return answer({**head, "items": [_bare(item) for item in measured]})
    if not measured:
        details = {"name": name, "group": GROUP, "kind": kind.plural}
        title = f"{namespace}/{name}" if namespace else name
        raise ApiError(404, f'{kind.plural}.{GROUP} "{title}" not found', details=details)
    return answer(_table(measured, {}, form) if form.kind == "Table" else measured[0])


def _measured(cluster: Cluster, kind: Kind, namespace: str, name: str, incoming: Incoming) -> list[Obj]:
    key = kind.plural
    matches = selectors.matcher(kinds.by_key(key), incoming.one("labelSelector"), incoming.one("fieldSelector"))
    found = []
    for obj in cluster.store.select(key, namespace or None):
        if (name and obj["metadata"]["name"] != name) or (matches is not None and not matches(obj)):
            continue
        item = _node(cluster, obj) if kind is NODES else _pod(cluster, obj)
        if item is not None:
            found.append(item)
    return found


def _head(cluster: Cluster, kind: Kind, obj: Obj) -> Obj:
    stamp = cluster.clock.stamp()
    meta = {"name": obj["metadata"]["name"], "creationTimestamp": stamp}
    for name in ("namespace", "labels"):
        if obj["metadata"].get(name):
            meta[name] = obj["metadata"][name]
    head = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
    return {**head, "timestamp": stamp, "window": WINDOW}


def _figures(cpu: float, memory: int) -> dict[str, str]:
    """Cores and bytes as the metrics server writes them."""
    return {"cpu": f"{int(cpu * 1e9)}n", "memory": f"{memory // 1024}Ki"}


def _node(cluster: Cluster, obj: Obj) -> Obj | None:
    cpu, memory = usage.of_node(cluster, obj["metadata"]["name"])
    return {**_head(cluster, NODES, obj), "usage": _figures(cpu, memory)}


def _pod(cluster: Cluster, obj: Obj) -> Obj | None:
    """The metrics of a pod; none before its containers run."""
    used = usage.of_pod(cluster, obj)
    if not used:
        return None
    containers = [{"name": name, "usage": _figures(cpu, memory)} for name, (cpu, memory) in used.items()]
    return {**_head(cluster, PODS, obj), "containers": containers}


def _bare(item: Obj) -> Obj:
    return {name: value for name, value in item.items() if name not in {"kind", "apiVersion"}}


def _table(items: list[Obj], meta: dict[str, Any], form: Form) -> Obj:
    columns = [NAME, column("cpu"), column("memory"), column("Window")]
    rows = []
    for item in items:
        used = item.get("usage") or _sum(item["containers"])
        cells = [item["metadata"]["name"], used["cpu"], used["memory"], item["window"]]
        rows.append({"cells": cells, "object": tables.partial(item, form.version)})
    head = {"kind": "Table", "apiVersion": f"meta.k8s.io/{form.version}", "metadata": meta}
    return {**head, "columnDefinitions": columns, "rows": rows}


def _sum(containers: list[dict[str, Any]]) -> dict[str, str]:
    cpu = sum(int(one["usage"]["cpu"][:-1]) for one in containers)
    memory = sum(int(one["usage"]["memory"][:-2]) for one in containers)
    return {"cpu": f"{cpu}n", "memory": f"{memory}Ki"}
