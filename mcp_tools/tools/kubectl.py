"""kubectl_get and kubectl_describe: objects as short tables, secret values never among them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, ToolInput, ToolOutput, tool
from mcp_tools.engines import manifests
from mcp_tools.engines.manifests import Manifest
from mcp_tools.errors import UsageError
from mcp_tools.names import KindName, LabelSelector, Namespace, RbacName
from mcp_tools.tools.kubectl_common import (
    ObjectInput,
    age,
    columns_text,
    event_time,
    events_of,
    fetch,
    problem,
    table,
)
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

_NOISE = ("managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "ownerReferences")


class KubectlGetInput(ToolInput):
    """What to list."""

    kind: KindName = Field(description="Kind, plural or short name: pods, deploy, Ingress")
    name: RbacName | None = Field(None, description="One object, in full")
    namespace: Namespace = "default"
    all_namespaces: bool = False
    selector: LabelSelector | None = None
    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=2000, description="From the page before")
    problems_only: bool = False


class KubectlGetOutput(ToolOutput):
    """A table as kubectl prints it, or one object."""

    kind: str
    columns: list[str] = Field(default_factory=list)
    rows: list[list[Untrusted]] = Field(default_factory=list)
    remaining: int = Field(0, description="Objects after this page")
    cursor: str | None = None
    manifest: Untrusted = Field("", description="The object, secret values redacted")

    def text(self) -> str:
        """The table, and how to get the rest."""
        if self.manifest:
            return self.manifest
        if not self.rows:
            return f"no {self.kind} found" + (f"; more with cursor {self.cursor}" if self.cursor else "")
        more = (
            f"\n{self.remaining or 'more'} remain: narrow with selector, or cursor={self.cursor}" if self.cursor else ""
        )
        return columns_text(self.columns, self.rows) + more


class EventLine(BaseModel):
    """One event."""

    last_seen: str
    type: str
    reason: str
    object: str
    count: int = 1
    message: Untrusted


class KubectlDescribeOutput(ToolOutput):
    """One object in short, and its events."""

    kind: str
    name: str
    namespace: str | None = None
    problem: Untrusted = ""
    summary: Untrusted
    events: list[EventLine]

    def text(self) -> str:
        """The summary, then the events."""
        lines = [f"{self.kind} {self.name}" + (f": {self.problem}" if self.problem else ""), self.summary]
        lines += [f"{e.last_seen} {e.type} {e.reason} x{e.count}: {e.message}" for e in self.events] or ["no events"]
        return "\n".join(lines)


def cleaned(item: Manifest) -> Manifest:
    """A redacted copy without what only the server cares about."""
    copied = manifests.redact(item)
    meta = copied.get("metadata") or {}
    copied["metadata"] = {key: value for key, value in meta.items() if key not in _NOISE}
    return copied


def event_line(event: Manifest) -> EventLine:
    """The event in a line."""
    about = event.get("involvedObject") or {}
    return EventLine(
        last_seen=age(event_time(event)),
        type=str(event.get("type", "")),
        reason=str(event.get("reason", "")),
        object=f"{about.get('kind')}/{about.get('name')}",
        count=int(event.get("count") or (event.get("series") or {}).get("count") or 1),
        message=" ".join(str(event.get("message") or event.get("note") or "").split())[:500],
    )


@tool(domain="kubectl", title="List objects", effect=Effect.READ)
async def kubectl_get(args: KubectlGetInput, call: Call) -> KubectlGetOutput:
    """List objects of a kind as a table with kubectl's columns, or show one by name; problems_only hides the healthy.

    Secret values are never shown.
    """
    kube = call.world.kube
    kind = await kube.resolve(args.kind)
    if args.name is not None:
        if args.selector or args.all_namespaces:
            raise UsageError("give a name, or a selector, not both")
        item = await fetch(kube, kind, args.name, args.namespace)
        return KubectlGetOutput(kind=kind.kind, manifest=manifests.to_yaml(cleaned(item)))
    namespace = None if args.all_namespaces or not kind.namespaced else args.namespace
    query: dict[str, Any] = {"labelSelector": args.selector, "limit": args.limit, "continue": args.cursor}
    columns, found, cursor, remaining = await table(kube, kind, namespace, query)
    spaces = kind.namespaced and namespace is None
    rows = []
    for cells, item in found:
        wrong = problem(item)
        if args.problems_only and not wrong:
            continue
        front = [str((item.get("metadata") or {}).get("namespace", ""))] if spaces else []
        rows.append([*front, *cells, *([wrong] if args.problems_only else [])])
    head = [*(["NAMESPACE"] if spaces else []), *columns, *(["PROBLEM"] if args.problems_only else [])]
    return KubectlGetOutput(kind=kind.kind, columns=head, rows=rows, remaining=remaining, cursor=cursor)


@tool(domain="kubectl", title="Describe an object", effect=Effect.READ)
async def kubectl_describe(args: ObjectInput, call: Call) -> KubectlDescribeOutput:
    """Show one object in short (state, containers, conditions, where its environment comes from) and its events."""
    kube = call.world.kube
    kind = await kube.resolve(args.kind)
    item = await fetch(kube, kind, args.name, args.namespace)
    space = item["metadata"].get("namespace")
    events = [
        e for e in await events_of(kube, space, args.name) if (e.get("involvedObject") or {}).get("kind") == kind.kind
    ]
    short = _pod_summary(item) if kind.kind == "Pod" else _summary(item)
    return KubectlDescribeOutput(
        kind=kind.kind,
        name=args.name,
        namespace=space,
        problem=problem(item),
        summary=manifests.to_yaml(short).strip(),
        events=[event_line(event) for event in events[:15]],
    )


def _summary(item: Manifest) -> Manifest:
    copied = cleaned(item)
    meta, status = copied.get("metadata") or {}, copied.get("status") or {}
    short: Manifest = {"labels": meta.get("labels") or {}}
    if meta.get("annotations"):
        short["annotations"] = {key: str(value)[:200] for key, value in meta["annotations"].items()}
    for part in ("spec", "data", "type", "rules", "roleRef", "subjects"):
        if copied.get(part):
            short[part] = copied[part]
    conditions = _conditions(status)
    short["status"] = {k: v for k, v in status.items() if k not in ("conditions", "images", "nodeInfo")}
    return short | ({"conditions": conditions} if conditions else {})


def _conditions(status: Manifest) -> list[str]:
    return [
        f"{c.get('type')}={c.get('status')}" + (f" {c['reason']}: {c.get('message', '')}" if c.get("reason") else "")
        for c in status.get("conditions") or []
    ]


def _pod_summary(pod: Manifest) -> Manifest:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    states = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    by_name = {state.get("name"): state for state in states}
    owner: Manifest = next(iter((pod.get("metadata") or {}).get("ownerReferences") or []), {})
    return {
        "labels": (pod.get("metadata") or {}).get("labels") or {},
        "owner": f"{owner.get('kind')}/{owner.get('name')}" if owner else None,
        "node": spec.get("nodeName"),
        "phase": status.get("phase"),
        "ip": status.get("podIP"),
        "serviceAccount": spec.get("serviceAccountName"),
        "containers": [_container(c, by_name.get(c.get("name")) or {}) for c in manifests.containers(pod)],
        "volumes": [{k: v for k, v in volume.items() if v} for volume in spec.get("volumes") or []],
        "conditions": _conditions(status),
    }


def _container(container: Manifest, state: Manifest) -> Manifest:
    env = {str(entry["name"]): _source(entry) for entry in container.get("env") or []}
    probes = {
        name: container[name] for name in ("livenessProbe", "readinessProbe", "startupProbe") if container.get(name)
    }
    return {
        "name": container.get("name"),
        "image": container.get("image"),
        "command": [*(container.get("command") or []), *(container.get("args") or [])] or None,
        "ready": state.get("ready"),
        "restarts": state.get("restartCount"),
        "state": state.get("state"),
        "lastState": state.get("lastState") or None,
        "resources": container.get("resources") or None,
        "env": env or None,
        "envFrom": container.get("envFrom"),
        **probes,
        "mounts": [f"{m.get('name')} at {m.get('mountPath')}" for m in container.get("volumeMounts") or []],
    }


def _source(entry: Manifest) -> str:
    """Where an environment variable comes from; its value is not said."""
    origin = entry.get("valueFrom") or {}
    for kind, word in (("secretKeyRef", "secret"), ("configMapKeyRef", "configMap")):
        if kind in origin:
            return f"{word} {origin[kind].get('name')}/{origin[kind].get('key')}"
    if "fieldRef" in origin:
        return f"field {origin['fieldRef'].get('fieldPath')}"
    return "resource field" if origin else "literal"
