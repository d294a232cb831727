"""The helm tools that only look: releases, their history, rendered charts and what would change."""

from __future__ import annotations

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, ToolInput, ToolOutput, tool
from mcp_tools.engines import manifests
from mcp_tools.engines.helm_records import Release
from mcp_tools.engines.rollout import Cause, PodLine, watch_rollout, workloads_in
from mcp_tools.names import Namespace
from mcp_tools.tools.helm_common import ChartInput, ReleaseInput, capped, chart_of, deployed, need
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

MANIFEST_CAP = 60_000


class ReleaseLine(BaseModel):
    """One revision of a release."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    app_version: str = ""
    updated: str
    description: Untrusted = ""


def line_of(release: Release) -> ReleaseLine:
    """The revision in a line."""
    return ReleaseLine(
        name=release.name,
        namespace=release.namespace,
        revision=release.revision,
        status=release.status,
        chart=f"{release.chart}-{release.chart_version}",
        app_version=release.app_version,
        updated=release.updated[:19],
        description=release.description[:200],
    )


class HelmListInput(ToolInput):
    """Where to look."""

    namespace: Namespace | None = Field(None, description="Default: all")


class HelmListOutput(ToolOutput):
    """The newest revision of each release."""

    releases: list[ReleaseLine]

    def text(self) -> str:
        """A table."""
        rows = [f"{r.namespace}/{r.name}  rev {r.revision}  {r.status}  {r.chart}  {r.updated}" for r in self.releases]
        return "\n".join(rows) or "no releases"


class HelmStatusOutput(ToolOutput):
    """A release, its objects and its pods."""

    release: str
    namespace: str
    revision: int
    status: str
    chart: str
    updated: str
    description: Untrusted = ""
    objects: list[str]
    ready: bool
    pods: list[PodLine]
    cause: Cause | None = None


class HelmHistoryOutput(ToolOutput):
    """The kept revisions, oldest first."""

    release: str
    revisions: list[ReleaseLine]

    def text(self) -> str:
        """A table."""
        rows = [f"{r.revision}  {r.updated}  {r.status}  {r.chart}  {r.description}" for r in self.revisions]
        return "\n".join([f"{self.release}: revision, updated, status, chart, description", *rows])


class HelmTemplateOutput(ToolOutput):
    """A rendered chart; secret values are redacted."""

    manifest: Untrusted
    objects: list[str]
    digest: str


class HelmDiffOutput(ToolOutput):
    """What an upgrade would change."""

    empty: bool
    added: list[str]
    changed_objects: list[str] = Field(description="Objects that would change")
    removed: list[str]
    diff: Untrusted

    def text(self) -> str:
        """The names, then the diff."""
        if self.empty:
            return "no difference"
        head = f"added: {self.added}; changed: {self.changed_objects}; removed: {self.removed}"
        return f"{head}\n{capped(self.diff, 7000)}"


@tool(domain="helm", title="List releases", effect=Effect.READ)
async def helm_list(args: HelmListInput, call: Call) -> HelmListOutput:
    """List Helm releases with revision, status and chart, in one namespace or in all."""
    return HelmListOutput(releases=[line_of(r) for r in await call.world.helm.releases(args.namespace)])


@tool(domain="helm", title="Show a release", effect=Effect.READ)
async def helm_status(args: ReleaseInput, call: Call) -> HelmStatusOutput:
    """Show a release: revision, status, objects, pods, and why they are not ready."""
    release = need(await call.world.helm.history(args.release, args.namespace), args)
    names = workloads_in(release.objects)
    rollout = await watch_rollout(call.world.kube, args.namespace, names, wait_seconds=0, progress=call.progress)
    line = line_of(release)
    return HelmStatusOutput(
        evidence=[f"{release.name} revision {release.revision} is {release.status}, {len(release.objects)} objects"],
        release=release.name,
        namespace=release.namespace,
        revision=release.revision,
        status=release.status,
        chart=line.chart,
        updated=line.updated,
        description=line.description,
        objects=[manifests.label(item, args.namespace) for item in release.objects],
        ready=rollout.ready and not release.pending,
        pods=rollout.pods,
        cause=rollout.cause,
    )


@tool(domain="helm", title="Show a release's history", effect=Effect.READ)
async def helm_history(args: ReleaseInput, call: Call) -> HelmHistoryOutput:
    """Show the revisions of a release, oldest first."""
    history = await call.world.helm.history(args.release, args.namespace)
    need(history, args)
    fact = f"{len(history)} revisions, the newest ({history[-1].revision}) is {history[-1].status}"
    return HelmHistoryOutput(evidence=[fact], release=args.release, revisions=[line_of(r) for r in history])


@tool(domain="helm", toolset="charts", title="Render a chart", effect=Effect.READ)
async def helm_template(args: ChartInput, call: Call) -> HelmTemplateOutput:
    """Render a chart of the workspace with its values, without a release; secret values are redacted."""
    render = await call.world.helm.render(args.release, chart_of(args, call), args.namespace)
    items = [*render.objects, *render.hooks]
    text = "---\n".join(manifests.to_yaml(manifests.redact(item)) for item in items)
    return HelmTemplateOutput(
        evidence=[f"{len(items)} objects rendered, digest {render.digest[:12]}"],
        manifest=capped(text, MANIFEST_CAP),
        objects=[manifests.label(item, args.namespace) for item in items],
        digest=render.digest,
    )


@tool(domain="helm", title="Compare a chart with its release", effect=Effect.READ)
async def helm_diff(args: ChartInput, call: Call) -> HelmDiffOutput:
    """Show what helm_upgrade would change, object by object; everything is added when there is no release."""
    current = deployed(await call.world.helm.history(args.release, args.namespace))
    upgrade = current is not None and current.revision > 1
    render = await call.world.helm.render(args.release, chart_of(args, call), args.namespace, upgrade=upgrade)
    old = [*current.objects, *current.hooks] if current else []
    found = manifests.compare(old, [*render.objects, *render.hooks], args.namespace)
    return HelmDiffOutput(
        empty=found.empty,
        added=found.added,
        changed_objects=found.changed,
        removed=found.removed,
        diff=capped(found.diff, MANIFEST_CAP),
    )
