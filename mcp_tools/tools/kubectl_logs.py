"""kubectl_logs, kubectl_events and kubectl_top: what happened, and what is used."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Literal

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, ToolInput, ToolOutput, tool
from mcp_tools.engines import manifests
from mcp_tools.engines.manifests import Manifest
from mcp_tools.errors import EnvironmentNotReady, LongshoreError, NotFound, ToolFailed, UsageError
from mcp_tools.names import ContainerName, LabelSelector, Namespace, ObjectName
from mcp_tools.tools.kubectl import EventLine, event_line
from mcp_tools.tools.kubectl_common import columns_text, event_time, events_of, problem
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

MAX_PODS = 12
MAX_EVENTS = 100
LINE_CAP = 500
TROUBLE = re.compile(
    r"error|exception|traceback|fatal|panic|critical|fail(ed|ure)|refused|denied|timed? ?out|unhandled|cannot"
    r"|\b5\d\d\b",
    re.IGNORECASE,
)


class KubectlLogsInput(ToolInput):
    """Whose log: a pod, the pods of a selector, or (problems_only alone) the pods that have problems."""

    pod: ObjectName | None = None
    selector: LabelSelector | None = None
    namespace: Namespace = "default"
    container: ContainerName | None = None
    previous: bool = Field(False, description="The container before its last restart")
    tail: int = Field(100, ge=1, le=2000, description="Lines per container")
    grep: str | None = Field(None, max_length=200, description="Keep lines with this text; a|b for either")
    problems_only: bool = Field(False, description="Keep lines that look like errors")


class ContainerLog(BaseModel):
    """The lines of one container."""

    pod: str
    container: str
    previous: bool = False
    lines: list[Untrusted]
    note: str = ""


class KubectlLogsOutput(ToolOutput):
    """Logs, container by container."""

    logs: list[ContainerLog]
    pods_left_out: int = 0

    def text(self) -> str:
        """Each container's lines under its name."""
        parts = []
        for log in self.logs:
            head = f"== {log.pod}/{log.container}{' (previous)' if log.previous else ''}"
            parts.append("\n".join([f"{head} {log.note}".rstrip(), *log.lines]))
        if self.pods_left_out:
            parts.append(f"{self.pods_left_out} more pods; narrow with selector")
        return "\n".join(parts) or "no pods"


class KubectlEventsInput(ToolInput):
    """Which events."""

    namespace: Namespace | None = Field(None, description="Default: all")
    object: ObjectName | None = Field(None, description="Name of the object they are about")
    since_minutes: int = Field(60, ge=1, le=10_000)
    warnings_only: bool = False


class KubectlEventsOutput(ToolOutput):
    """Events, newest first."""

    events: list[EventLine]
    left_out: int = 0

    def text(self) -> str:
        """A table."""
        rows = [[e.last_seen, e.type, e.reason, e.object, f"x{e.count}", e.message] for e in self.events]
        more = f"\n{self.left_out} older ones left out" if self.left_out else ""
        return (
            columns_text(["SEEN", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"], rows) if rows else "no events"
        ) + more


class KubectlTopInput(ToolInput):
    """Usage of what."""

    what: Literal["pods", "nodes"] = "pods"
    namespace: Namespace | None = Field(None, description="Default: all")


class Usage(BaseModel):
    """What a container or node uses, against its limit (a node's: what it can allocate)."""

    name: str
    namespace: str = ""
    container: str = ""
    cpu_millicores: int
    memory_mb: int
    cpu_limit_millicores: int | None = None
    memory_limit_mb: int | None = None


class KubectlTopOutput(ToolOutput):
    """Usage, the largest memory first."""

    usage: list[Usage]

    def text(self) -> str:
        """A table."""
        rows = []
        for u in self.usage:
            cpu = f"{u.cpu_millicores}m" + (f" of {u.cpu_limit_millicores}m" if u.cpu_limit_millicores else "")
            memory = f"{u.memory_mb}Mi" + (f" of {u.memory_limit_mb}Mi" if u.memory_limit_mb else "")
            rows.append([u.namespace, u.name, u.container, cpu, memory])
        return columns_text(["NAMESPACE", "NAME", "CONTAINER", "CPU", "MEMORY"], rows) if rows else "no usage known yet"


@tool(domain="kubectl", title="Show logs", effect=Effect.READ)
async def kubectl_logs(args: KubectlLogsInput, call: Call) -> KubectlLogsOutput:
    """Show the last log lines of a pod, of a selector's pods, or, with problems_only alone, of the pods with problems.

    For containers that restarted, the log before the restart is shown as well.
    """
    pods = await _pods(args, call)
    logs: list[ContainerLog] = []
    for pod in pods[:MAX_PODS]:
        logs += await _of_pod(args, call, pod)
    return KubectlLogsOutput(logs=logs, pods_left_out=max(0, len(pods) - MAX_PODS))


async def _pods(args: KubectlLogsInput, call: Call) -> list[Manifest]:
    kube = call.world.kube
    if args.pod and args.selector:
        raise UsageError("give a pod, or a selector, not both")
    if args.pod:
        found = await kube.get("v1", "Pod", args.pod, args.namespace)
        if found is None:
            raise NotFound(f"there is no pod {args.pod} in {args.namespace}", remedy="kubectl_get pods")
        return [{"kind": "Pod"} | found]
    if not args.selector and not args.problems_only:
        raise UsageError("whose log?", remedy="pod, selector, or problems_only: true for all pods with problems")
    pods = await kube.list("v1", "Pod", args.namespace, label_selector=args.selector)
    return pods if args.selector else [pod for pod in pods if problem(pod)]


async def _of_pod(args: KubectlLogsInput, call: Call, pod: Manifest) -> list[ContainerLog]:
    states = {s.get("name"): s for s in (pod.get("status") or {}).get("containerStatuses") or []}
    names = [str(c["name"]) for c in manifests.containers(pod) if args.container in (None, c.get("name"))]
    if not names:
        raise NotFound(f"pod {pod['metadata']['name']} has no container {args.container}")
    logs = []
    for name in names:
        restarted = int((states.get(name) or {}).get("restartCount") or 0) > 0
        for previous in [True] if args.previous else [True, False] if restarted and args.problems_only else [False]:
            logs.append(await _lines(args, call, str(pod["metadata"]["name"]), name, previous))
    return logs


async def _lines(args: KubectlLogsInput, call: Call, pod: str, container: str, previous: bool) -> ContainerLog:
    search = args.grep is not None or args.problems_only
    wanted = 2000 if search else args.tail
    try:
        text = await call.world.kube.logs(args.namespace, pod, container, previous=previous, tail=wanted)
    except LongshoreError as error:
        return ContainerLog(pod=pod, container=container, previous=previous, lines=[], note=f"(no log: {error.why})")
    kept = [line for line in text.splitlines() if _keeps(line, args)]
    lines = [line if len(line) <= LINE_CAP else f"{line[:LINE_CAP]}…" for line in kept[-args.tail :]]
    note = f"({len(kept) - len(lines)} earlier lines left out)" if len(kept) > len(lines) else ""
    return ContainerLog(pod=pod, container=container, previous=previous, lines=lines, note=note)


def _keeps(line: str, args: KubectlLogsInput) -> bool:
    if args.grep is not None and not any(word.lower() in line.lower() for word in args.grep.split("|") if word):
        return False
    return not args.problems_only or args.grep is not None or TROUBLE.search(line[:4000]) is not None


@tool(domain="kubectl", title="Show events", effect=Effect.READ)
async def kubectl_events(args: KubectlEventsInput, call: Call) -> KubectlEventsOutput:
    """Show recent events, newest first, of a namespace, of one object, or of all."""
    since = (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=args.since_minutes)).strftime("%Y-%m-%dT%H:%M:%S")
    found = [e for e in await events_of(call.world.kube, args.namespace, args.object) if event_time(e) >= since]
    if args.warnings_only:
        found = [event for event in found if event.get("type") == "Warning"]
    lines = [event_line(event) for event in found[:MAX_EVENTS]]
    return KubectlEventsOutput(events=lines, left_out=max(0, len(found) - MAX_EVENTS))


@tool(domain="kubectl", title="Show usage", effect=Effect.READ)
async def kubectl_top(args: KubectlTopInput, call: Call) -> KubectlTopOutput:
    """Show CPU and memory used by pods or nodes against their limits (needs metrics-server)."""
    kube = call.world.kube
    kind = "PodMetrics" if args.what == "pods" else "NodeMetrics"
    try:
        measured = await kube.list("metrics.k8s.io/v1beta1", kind, args.namespace if args.what == "pods" else None)
    except (NotFound, ToolFailed) as error:
        raise EnvironmentNotReady(
            "usage is not measured in this cluster", error.why, "minikube addons enable metrics-server"
        ) from error
    usage = await (_pod_usage(args, call, measured) if args.what == "pods" else _node_usage(call, measured))
    return KubectlTopOutput(usage=sorted(usage, key=lambda u: u.memory_mb, reverse=True)[:200])


def milli(quantity: Any) -> int:
    """A CPU quantity in millicores."""
    from kubernetes.utils import parse_quantity

    return round(float(parse_quantity(str(quantity))) * 1000)


def mebi(quantity: Any) -> int:
    """A memory quantity in MiB."""
    from kubernetes.utils import parse_quantity

    return round(float(parse_quantity(str(quantity))) / 2**20)


async def _pod_usage(args: KubectlTopInput, call: Call, measured: list[Manifest]) -> list[Usage]:
    pods = await call.world.kube.list("v1", "Pod", args.namespace)
    limits = {
        (p["metadata"].get("namespace"), p["metadata"]["name"], c["name"]): (c.get("resources") or {}).get("limits")
        or {}
        for p in pods
        for c in manifests.containers(p)
    }
    usage = []
    for item in measured:
        space, name = str(item["metadata"].get("namespace")), str(item["metadata"]["name"])
        for container in item.get("containers") or []:
            limit = limits.get((space, name, container["name"]), {})
            usage.append(_usage(name, container["usage"], limit, space, str(container["name"])))
    return usage


async def _node_usage(call: Call, measured: list[Manifest]) -> list[Usage]:
    nodes = {
        n["metadata"]["name"]: (n.get("status") or {}).get("allocatable") or {}
        for n in await call.world.kube.list("v1", "Node")
    }
    return [_usage(str(m["metadata"]["name"]), m["usage"], nodes.get(m["metadata"]["name"], {})) for m in measured]


def _usage(name: str, used: Manifest, limit: Manifest, namespace: str = "", container: str = "") -> Usage:
    return Usage(
        name=name,
        namespace=namespace,
        container=container,
        cpu_millicores=milli(used.get("cpu", 0)),
        memory_mb=mebi(used.get("memory", 0)),
        cpu_limit_millicores=milli(limit["cpu"]) if limit.get("cpu") else None,
        memory_limit_mb=mebi(limit["memory"]) if limit.get("memory") else None,
    )
