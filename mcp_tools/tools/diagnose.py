"""diagnose: what is wrong with a cluster, a release or one object, and what would repair it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from pydantic import Field

from mcp_tools.catalog import Effect, ToolInput, ToolOutput, tool
from mcp_tools.diagnosis import fixes, rules
from mcp_tools.diagnosis.findings import Finding, Ref
from mcp_tools.diagnosis.snapshot import Snapshot, ref_of
from mcp_tools.diagnosis.sweep import LocalImages, sweep
from mcp_tools.errors import NotFound, UsageError
from mcp_tools.names import KindName, Namespace, ObjectName, PathArg, ReleaseName
from mcp_tools.world import Call

SHOWN = 30


class DiagnoseInput(ToolInput):
    """Where to look: at all namespaces, at one, at a release in it, or at one object in it."""

    namespace: Namespace | None = Field(None, description="All of them when it is not given")
    release: ReleaseName | None = None
    kind: KindName | None = None
    name: ObjectName | None = None
    application: PathArg | None = Field(None, description="A longshore.yaml: its secrets can then be proposed as a fix")


class DiagnoseOutput(ToolOutput):
    """The findings, most important first. Symptoms are named by their cause, and not listed themselves."""

    healthy: bool = Field(description="There is no finding")
    findings: list[Finding]
    cluster: str = Field(description="The kubeconfig context")
    namespaces: list[str]
    scanned: int = Field(description="Objects looked at")
    unseen: list[str] = Field(default_factory=list, description="Kinds that could not be listed")
    seconds: float

    def text(self) -> str:
        """One block per finding."""
        head = "healthy: no findings" if self.healthy else f"{len(self.findings)} findings"
        lines = [
            f"{head}; {self.scanned} objects in {', '.join(self.namespaces) or 'no namespace'}, {self.seconds:.1f} s"
        ]
        for finding in self.findings[:SHOWN]:
            lines += _lines(finding)
        if len(self.findings) > SHOWN:
            lines.append(f"… and {len(self.findings) - SHOWN} more; name a namespace, a release or an object")
        return "\n".join([*lines, *(f"could not be seen: {what}" for what in self.unseen)])


def _lines(finding: Finding) -> list[str]:
    about = finding.object
    where = f"{about.namespace}/{about.kind}/{about.name}" if about.namespace else f"{about.kind}/{about.name}"
    lines = [f"{finding.severity.value.upper()} {finding.code} {where}: {finding.root_cause}"]
    lines += [f"  evidence: {line}" for line in finding.evidence]
    lines += [f"  explains: {line}" for line in finding.explains]
    lines += [f"  remedy: {finding.remedy}"] if finding.remedy else []
    if finding.fix:
        lines.append(f"  fix: {finding.fix.summary} ({finding.fix.tool}, {finding.fix.effect.value})")
    return lines


@tool(domain="diagnostics", title="Diagnose", effect=Effect.READ)
async def diagnose(args: DiagnoseInput, call: Call) -> DiagnoseOutput:
    """Find out what is wrong in a cluster, a namespace, a release or one object: root causes with evidence and fixes.

    One sweep of the cluster; logs are read of failing containers only. A cause hides and names its symptoms.
    """
    if (args.kind is None) != (args.name is None):
        raise UsageError("one object needs its kind and its name", remedy="kind: Deployment, name: web")
    if args.namespace is None and (args.release or args.name):
        raise UsageError("in which namespace?", remedy="namespace: default")
    started = time.monotonic()
    kube = call.world.kube
    if args.namespace is not None and await kube.get("v1", "Namespace", args.namespace) is None:
        raise NotFound(f"there is no namespace {args.namespace}", remedy="kubectl_get kind: Namespace")
    seen = await sweep(kube, args.namespace, local_images=_local_images(call))
    seen.application = args.application
    findings = rules.diagnose(seen, await _concerns(args, call, seen))
    scanned = sum(len(items) for items in seen.objects.values()) + len(seen.keys)
    return DiagnoseOutput(
        healthy=not findings,
        evidence=[
            f"{scanned} objects looked at, {len(findings)} findings",
            *(f"{f.code} {f.root_cause}" for f in findings[:10]),
        ],
        findings=findings,
        cluster=call.world.context,
        namespaces=_namespaces(seen),
        scanned=scanned,
        unseen=seen.unseen,
        seconds=round(time.monotonic() - started, 2),
    )


def _local_images(call: Call) -> LocalImages | None:
    """Asks the local Docker daemon, where its images can be loaded into the cluster."""
    if not call.world.is_minikube:
        return None

    async def ask() -> list[str]:
        return [f"{image.repository}:{image.tag}" for image in await call.world.docker.images()]

    return ask


def _namespaces(seen: Snapshot) -> list[str]:
    if seen.namespace:
        return [seen.namespace]
    return sorted({ref_of(item).namespace for items in seen.objects.values() for item in items} - {""})


async def _concerns(args: DiagnoseInput, call: Call, seen: Snapshot) -> Callable[[Ref], bool] | None:
    """Which objects the caller asks about; None when about all.

    Raises:
        NotFound: there is no such release or object.
    """
    if args.release is None and args.name is None:
        return None
    space = str(args.namespace)
    roots: set[Ref] = set()
    if args.release is not None:
        roots |= {Ref("Release", space, args.release)} if _has_release(seen, args.release) else set()
        roots |= {r for r in _all(seen) if fixes.release_of(seen.get(*r)) == args.release}
        if not roots:
            raise NotFound(f"there is no release {args.release} in {space}", remedy="helm_list")
    if args.kind is not None and args.name is not None:
        kind = (await call.world.kube.resolve(args.kind)).kind
        ref = Ref(kind, space, args.name)
        named = Ref(kind, "", args.name)
        if seen.get(*ref) is None and seen.get(*named) is None and ref not in seen.keys:
            raise NotFound(f"there is no {kind} {args.name} in {space}", remedy="kubectl_get")
        roots |= {ref, named}
    below = {ref_of(pod) for pod in seen.all("Pod") if _owners(seen, ref_of(pod)) & roots}
    return (roots | below).__contains__


def _has_release(seen: Snapshot, name: str) -> bool:
    return any((item["metadata"].get("labels") or {}).get("name") == name for item in seen.all("Release"))


def _all(seen: Snapshot) -> Iterable[Ref]:
    return (ref_of(item) for kind, items in seen.objects.items() if kind != "Event" for item in items)


def _owners(seen: Snapshot, ref: Ref) -> set[Ref]:
    found: set[Ref] = set()
    current = seen.get(*ref)
    while current is not None and (above := seen.owner(current)) is not None:
        found.add(ref_of(above))
        current = above
    return found
