"""helm_install and helm_upgrade: deploy a chart, once, and watch it come up."""

from __future__ import annotations

import time

from pydantic import Field

from mcp_tools.catalog import Effect, Inverse, Observation, Preview, tool
from mcp_tools.engines import manifests
from mcp_tools.engines.helm import Render
from mcp_tools.engines.helm_records import Release
from mcp_tools.engines.powers import powers
from mcp_tools.errors import Conflict, StaleConfirmation
from mcp_tools.tools.helm_common import (
    ChartInput,
    ReleaseState,
    at_risk,
    capped,
    chart_of,
    free_way,
    rollout_of,
    running,
    settled_history,
    state_of,
)
from mcp_tools.world import Call


class HelmDeployInput(ChartInput):
    """What to deploy, and how long to watch it."""

    wait_seconds: int = Field(600, ge=0, le=3600, description="Watch the pods for at most so long")
    create_namespace: bool = True


async def observe_install(args: HelmDeployInput, call: Call) -> Observation:
    """A release that is not there is created; one that is there and the same is done; another is a conflict."""
    history = await settled_history(call.world.helm, args.release, args.namespace)
    current = running(history)
    found = await _observe(args, call, history, current)
    if current is None and found.effect is Effect.CHANGE:
        raise Conflict(
            f"a human has to say yes to release {args.release}, though it is new",
            found.preview.summary,
            "helm_upgrade with the same arguments asks",
        )
    if current is not None and not found.done:
        raise Conflict(
            f"release {args.release} exists already with other content",
            f"revision {history[-1].revision}, {history[-1].status}: {found.preview.summary}",
            "helm_upgrade with the same arguments",
        )
    return found


async def observe_upgrade(args: HelmDeployInput, call: Call) -> Observation:
    """Compare the rendered chart with what is deployed: absent → create, same → done, otherwise → change."""
    history = await settled_history(call.world.helm, args.release, args.namespace)
    return await _observe(args, call, history, running(history))


async def _observe(args: HelmDeployInput, call: Call, history: list[Release], current: Release | None) -> Observation:
    last = history[-1] if history else None
    if last is not None and last.status == "uninstalling":
        raise Conflict(f"release {args.release} is being uninstalled", remedy="helm_uninstall again, then install")
    upgrade = current is not None and current.revision > 1
    render = await call.world.helm.render(args.release, chart_of(args, call), args.namespace, upgrade=upgrade)
    state = {
        "revision": last.revision if last else 0,
        "status": last.status if last else "absent",
        "render": render.digest,
    }
    if current is not None and last is current and current.status == "deployed" and render.equals(current):
        summary = f"{args.release} revision {current.revision} already is this chart with these values"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    await free_way(call.world.kube, render.hooks, args.namespace)
    warnings = await _warnings(args, call, render, last, current)
    effect = Effect.CREATE if current is None and not warnings else Effect.CHANGE
    return Observation(effect=effect, preview=_preview(args, render, last, current, warnings), state=state)


async def _warnings(
    args: HelmDeployInput, call: Call, render: Render, last: Release | None, current: Release | None
) -> list[str]:
    """What makes a deployment more than an addition, beside the revision that it replaces."""
    known = current or Render([], [], "", "", args.namespace)
    found = manifests.compare([*known.objects, *known.hooks], [*render.objects, *render.hooks], args.namespace)
    there = {*found.added, *found.changed}
    new = [i for i in [*render.objects, *render.hooks] if manifests.label(i, args.namespace) in there]
    warnings = await powers(call.world.kube, [*render.objects, *render.hooks] if new else [], args.namespace)
    if current is None and last is not None:  # of an installation that failed, objects may run
        gone = manifests.compare(last.objects, render.objects, args.namespace).removed
        warnings += [f"{name} of revision {last.revision} ({last.status}) is removed" for name in gone]
    return warnings


def _preview(
    args: HelmDeployInput, render: Render, last: Release | None, current: Release | None, warnings: list[str]
) -> Preview:
    old = current.objects if current else []
    comparison = manifests.compare(old, render.objects, args.namespace)
    hooks = manifests.compare(current.hooks if current else [], render.hooks, args.namespace)
    chart = f"{render.chart} {render.chart_version}"
    notes = []
    if last is not None and last.pending:
        notes.append(
            f"revision {last.revision} was interrupted ({last.status}): its record is removed and it is done again"
        )
    if current is None:
        summary = f"install {args.release} ({chart}) into {args.namespace}: {len(render.objects)} objects"
        inverse = Inverse(tool="helm_uninstall", arguments={"release": args.release, "namespace": args.namespace})
    else:
        counts = f"{len(comparison.changed)} changed, {len(comparison.added)} added, {len(comparison.removed)} lost"
        summary = f"upgrade {args.release} in {args.namespace} from revision {current.revision} to {chart}: {counts}"
        arguments = {"release": args.release, "namespace": args.namespace, "revision": current.revision}
        inverse = Inverse(tool="helm_rollback", arguments=arguments)
        notes += at_risk(comparison, old, render.objects)
    differ = [f"hook {name}" for name in [*hooks.added, *hooks.changed, *hooks.removed]]
    return Preview(
        summary="; ".join([summary, *notes, *warnings]),
        added=comparison.added,
        changed=[*comparison.changed, *(differ if current else [])],
        lost=comparison.removed,
        diff=capped("\n".join(part for part in (comparison.diff, hooks.diff) if part)) if current else "",
        inverse=inverse,
    )


async def _deploy(args: HelmDeployInput, call: Call, observation: Observation) -> ReleaseState:
    started = time.monotonic()
    helm = call.world.helm
    if not observation.done:
        history = await helm.history(args.release, args.namespace)
        if history and history[-1].pending:
            await call.progress(0, None, f"removing the record of the interrupted revision {history[-1].revision}")
            await helm.forget(history[-1], permit=call.permit, effect=observation.effect)
        current = running(history)

        async def accept(render: Render) -> None:
            """The files may have changed since they were looked at."""
            if observation.effect is Effect.CREATE:
                await free_way(call.world.kube, render.hooks, args.namespace)
                last = history[-1] if history else None
                changed = current is not None or bool(await _warnings(args, call, render, last, current))
            else:
                changed = render.digest != observation.state.get("render")
            if changed:
                raise StaleConfirmation(f"{args.release} was not deployed", "its chart has changed since", "call again")

        await call.progress(0, None, f"helm deploys {args.release}")
        await helm.deploy(
            args.release,
            chart_of(args, call),
            args.namespace,
            permit=call.permit,
            effect=observation.effect,
            create_namespace=args.create_namespace,
            timeout=max(args.wait_seconds, 60),
            upgrade=current is not None and current.revision > 1,
            accept=accept,
        )
    release = await helm.current(args.release, args.namespace)
    rollout = await rollout_of(call, release, args.wait_seconds)
    return state_of(release, rollout, changed=not observation.done, started=started)


@tool(domain="helm", title="Install a release", effect=Effect.CREATE, observe=observe_install, long=True)
async def helm_install(args: HelmDeployInput, call: Call) -> ReleaseState:
    """Install a chart of the workspace as a new release and watch its pods until they are ready or cannot become so.

    Installing again what is there already does nothing. An interrupted first installation is done again.
    """
    return await _deploy(args, call, call.observation or await observe_install(args, call))


@tool(domain="helm", title="Upgrade a release", effect=Effect.CHANGE, observe=observe_upgrade, long=True)
async def helm_upgrade(args: HelmDeployInput, call: Call) -> ReleaseState:
    """Bring a release to a chart and values (installing it when it is absent) and watch its pods until they are ready.

    Does nothing when the rendered chart equals what is deployed. The preview has the diff of the manifests.
    """
    return await _deploy(args, call, call.observation or await observe_upgrade(args, call))
