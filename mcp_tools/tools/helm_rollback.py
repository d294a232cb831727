"""helm_rollback and its impact: back to an older revision, with the reason kept in the deployment log."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from mcp_tools import deployment_log
from mcp_tools.catalog import Effect, Inverse, Observation, Preview, ToolOutput, tool
from mcp_tools.engines import manifests
from mcp_tools.engines.drift import drifted
from mcp_tools.engines.helm_records import Release
from mcp_tools.engines.manifests import Comparison
from mcp_tools.engines.rollout_causes import images_on_nodes, split_image
from mcp_tools.errors import Conflict, NotFound
from mcp_tools.tools.helm_common import (
    ReleaseInput,
    ReleaseState,
    at_risk,
    capped,
    free_way,
    need,
    rollout_of,
    settled_history,
    state_of,
)
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

Revision = Annotated[int, Field(ge=1)]


class RollbackImpactInput(ReleaseInput):
    """Which release, and back to what."""

    revision: Revision | None = Field(None, description="Default: the last good one before the current")


class HelmRollbackInput(RollbackImpactInput):
    """Which release, back to what, and why."""

    reason: str = Field("", max_length=500, description="Written to the deployment log")
    wait_seconds: int = Field(600, ge=0, le=3600)


class ImagePresence(BaseModel):
    """Whether an image that the old revision needs is still there."""

    image: str
    on_node: bool


class RollbackImpact(ToolOutput):
    """What a rollback would do."""

    release: str
    from_revision: int
    to_revision: int
    added: list[str]
    changed_objects: list[str] = Field(description="Objects that would change")
    lost: list[str]
    data_at_risk: list[str]
    images: list[ImagePresence]
    diff: Untrusted

    def text(self) -> str:
        """Lines for a model, the diff last."""
        lines = [f"{self.release}: revision {self.from_revision} → {self.to_revision}"]
        for title, names in (("adds", self.added), ("changes", self.changed_objects), ("loses", self.lost)):
            lines.append(f"{title}: {', '.join(names) or 'nothing'}")
        lines.append(f"data at risk: {'; '.join(self.data_at_risk) or 'none'}")
        lines += [f"image {i.image}: {'on the node' if i.on_node else 'NOT on the node'}" for i in self.images]
        return "\n".join([*lines, capped(self.diff, 6000)])


class RollbackResult(ReleaseState):
    """The release after the rollback."""

    from_revision: int
    to_revision: int
    reason: str = ""


@dataclass(frozen=True)
class _Plan:
    current: Release
    target: Release
    comparison: Comparison


async def _plan(args: RollbackImpactInput, call: Call) -> _Plan:
    history = await settled_history(call.world.helm, args.release, args.namespace)
    current = need(history, args)
    good = [r for r in history[:-1] if r.status in ("superseded", "deployed")]
    if args.revision is None:
        if not good:
            raise Conflict(f"release {args.release} has no earlier revision", remedy="helm_uninstall, or helm_upgrade")
        target = _last_other(current, good, args.namespace)
    else:
        found = next((r for r in history if r.revision == args.revision), None)
        if found is None:
            kept = ", ".join(str(r.revision) for r in history)
            raise NotFound(f"release {args.release} has no revision {args.revision}", f"it has {kept}", "helm_history")
        target = found
    return _Plan(current, target, manifests.compare(current.objects, target.objects, args.namespace))


def _last_other(current: Release, good: list[Release], namespace: str) -> Release:
    """The last good revision that is not what runs: one that Helm still calls deployed, or the newest that differs."""
    if (deployed := next((r for r in reversed(good) if r.status == "deployed"), None)) is not None:
        return deployed
    differs = (r for r in reversed(good) if not manifests.compare(current.objects, r.objects, namespace).empty)
    return next(differs, good[-1])


async def _images(plan: _Plan, call: Call) -> list[ImagePresence]:
    there = await images_on_nodes(call.world.kube)
    found = []
    for image in manifests.images(plan.target.objects):
        repository, tag = split_image(image)
        found.append(ImagePresence(image=image, on_node=tag in there.get(repository, set())))
    return found


async def observe_rollback(args: HelmRollbackInput, call: Call) -> Observation:
    """The revisions, what lies between them, and whether the old images are still there."""
    plan = await _plan(args, call)
    current, target, comparison = plan.current, plan.target, plan.comparison
    state = {"revision": current.revision, "status": current.status, "to": target.revision}
    same = comparison.empty and manifests.compare(current.hooks, target.hooks, args.namespace).empty
    if current.status == "deployed" and current is target:
        return await _restoration(args, call, current, state)
    if current.status == "deployed" and same:
        summary = f"{args.release} revision {current.revision} already is revision {target.revision}"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    await free_way(call.world.kube, target.hooks, args.namespace, of="rollback")
    missing = [i.image for i in await _images(plan, call) if not i.on_node]
    notes = at_risk(comparison, current.objects, target.objects)
    notes += [f"image {image} is not on the node" for image in missing]
    notes += [f"revision {current.revision} was interrupted; its record is removed"] if current.pending else []
    summary = f"roll {args.release} in {args.namespace} back from revision {current.revision} to {target.revision}"
    forward = {"release": args.release, "namespace": args.namespace, "revision": current.revision}
    preview = Preview(
        summary="; ".join([summary, *notes, *_given(args)]),
        added=comparison.added,
        changed=comparison.changed,
        lost=comparison.removed,
        diff=capped(comparison.diff),
        inverse=None if current.pending else Inverse(tool="helm_rollback", arguments=forward),
    )
    return Observation(effect=Effect.CHANGE, preview=preview, state=state)


def _given(args: HelmRollbackInput) -> list[str]:
    """The reason, last and in quotes: whoever makes the call words it, and it is no word of the question itself."""
    return [f"reason given: “{' '.join(args.reason.split()).replace('”', '')}”"] if args.reason.strip() else []


async def _restoration(args: HelmRollbackInput, call: Call, current: Release, state: dict[str, Any]) -> Observation:
    """To the revision that it is at: what others have changed of its objects since is taken back."""
    drift = await drifted(call.world.kube, current.objects, args.namespace)
    if drift.empty:
        summary = f"{args.release} already is at revision {current.revision}, and nobody has changed its objects"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    what = f"restore {args.release} in {args.namespace} to its revision {current.revision}: others have changed it"
    preview = Preview(
        summary="; ".join([what, *_given(args)]),
        added=drift.added,
        changed=drift.changed,
        diff=capped(drift.diff),
    )
    return Observation(effect=Effect.CHANGE, preview=preview, state=state | {"drift": drift.diff})


@tool(domain="helm", title="Roll a release back", effect=Effect.CHANGE, observe=observe_rollback, long=True)
async def helm_rollback(args: HelmRollbackInput, call: Call) -> RollbackResult:
    """Roll a release back to an earlier revision and watch its pods; the reason goes to the namespace's deployment log.

    To the revision that it is at, it takes back what others have changed of its objects.

    See helm_rollback_impact for what it would do.
    """
    started = time.monotonic()
    observation = call.observation or await observe_rollback(args, call)
    plan = await _plan(args, call)
    helm = call.world.helm
    if not observation.done:
        if plan.current.pending:
            await helm.forget(plan.current, permit=call.permit, effect=Effect.CHANGE)
        await call.progress(0, None, f"rolling {args.release} back to revision {plan.target.revision}")
        timeout = max(args.wait_seconds, 60)
        await helm.rollback(args.release, plan.target.revision, args.namespace, permit=call.permit, timeout=timeout)
    release = await helm.current(args.release, args.namespace)
    rollout = await rollout_of(call, release, args.wait_seconds)
    state = state_of(release, rollout, changed=not observation.done, started=started)
    if not observation.done:
        line = f"helm_rollback {args.release} revision {plan.current.revision} -> {plan.target.revision} "
        line += f"(now {release.revision}, {'ready' if rollout.ready else 'not ready'}) "
        line += f"reason: {args.reason or 'none given'}"
        await deployment_log.append(call.world.kube, args.namespace, line, permit=call.permit)
        state.evidence.append(f"written to ConfigMap {args.namespace}/{deployment_log.NAME}")
    return RollbackResult(
        **state.model_dump(),
        from_revision=plan.current.revision,
        to_revision=plan.target.revision,
        reason=args.reason,
    )


@tool(domain="helm", title="Analyze rollback impact", effect=Effect.READ)
async def helm_rollback_impact(args: RollbackImpactInput, call: Call) -> RollbackImpact:
    """Say what a rollback would do: objects added, changed and lost, data at risk, whether the images are there."""
    plan = await _plan(args, call)
    return RollbackImpact(
        release=args.release,
        from_revision=plan.current.revision,
        to_revision=plan.target.revision,
        added=plan.comparison.added,
        changed_objects=plan.comparison.changed,
        lost=plan.comparison.removed,
        data_at_risk=at_risk(plan.comparison, plan.current.objects, plan.target.objects),
        images=await _images(plan, call),
        diff=capped(plan.comparison.diff),
    )
