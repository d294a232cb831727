"""kubectl_apply, kubectl_scale and kubectl_restart: changes, each previewed from the real state."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pydantic import Field

from mcp_tools.catalog import Effect, Inverse, Observation, Preview, ToolInput, ToolOutput, tool
from mcp_tools.engines import manifests
from mcp_tools.engines.drift import comparable
from mcp_tools.engines.manifests import Manifest
from mcp_tools.engines.powers import powers
from mcp_tools.engines.rollout import KINDS, Cause, PodLine, watch_rollout
from mcp_tools.errors import Conflict, NotFound, UsageError
from mcp_tools.names import Namespace
from mcp_tools.tools.helm_common import capped
from mcp_tools.tools.kubectl_common import ObjectInput, fetch, pods_owned_by
from mcp_tools.world import Call

MAX_OBJECTS = 50
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


class KubectlApplyInput(ToolInput):
    """Manifests to apply."""

    manifest: str = Field(min_length=1, max_length=200_000, description="YAML, one or more objects")
    namespace: Namespace = "default"


class KubectlApplyOutput(ToolOutput):
    """What became of each object."""

    created: list[str] = Field(default_factory=list)
    configured: list[str] = Field(default_factory=list)
    unchanged: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class _Planned:
    wanted: Manifest
    live: Manifest | None
    after: Manifest

    @property
    def same(self) -> bool:
        return self.live is not None and comparable(self.live) == comparable(self.after)


async def _plan(args: KubectlApplyInput, call: Call) -> list[_Planned]:
    items = manifests.parse(args.manifest)
    if not items:
        raise UsageError("the manifest is empty")
    if len(items) > MAX_OBJECTS:
        raise UsageError(f"the manifest holds {len(items)} objects", f"at most {MAX_OBJECTS} go at once", "a chart")
    planned = []
    for item in items:
        kind = await call.world.kube.kind_of(str(item["apiVersion"]), str(item["kind"]))
        meta = dict(item.get("metadata") or {})
        if not meta.get("name"):
            raise UsageError(f"a {kind.kind} without metadata.name")
        if kind.namespaced:
            if meta.setdefault("namespace", args.namespace) != args.namespace:
                raise UsageError(
                    f"{kind.kind} {meta['name']} is for namespace {meta['namespace']}, not {args.namespace}"
                )
        else:
            meta.pop("namespace", None)
        wanted = {**item, "metadata": meta}
        live = await call.world.kube.get(kind.api, kind.kind, meta["name"], meta.get("namespace"))
        planned.append(_Planned(wanted, live, await _dry_run(call, wanted)))
    return planned


async def _dry_run(call: Call, wanted: Manifest) -> Manifest:
    try:
        return await call.world.kube.dry_run(wanted)
    except NotFound as error:
        if "namespaces" in error.why:
            remedy = "kubectl_apply a Namespace of that name first"
            raise Conflict(
                f"namespace {wanted['metadata'].get('namespace')} does not exist", error.why, remedy
            ) from error
        raise


async def observe_apply(args: KubectlApplyInput, call: Call) -> Observation:
    """A server-side dry run of every object: what would be made, what would change."""
    planned = await _plan(args, call)
    new = [p.after for p in planned if p.live is None]
    changed = [p for p in planned if p.live is not None and not p.same]
    old = [comparable(p.live) for p in changed if p.live is not None]
    comparison = manifests.compare(
        old, [*(comparable(p.after) for p in changed), *map(comparable, new)], args.namespace
    )
    warnings = await powers(call.world.kube, [p.after for p in planned if not p.same], args.namespace, secrets=True)
    state = {
        manifests.label(p.wanted): manifests.digest([comparable(p.live)]) if p.live else "absent" for p in planned
    } | {"wanted": manifests.digest(p.wanted for p in planned)}
    added, altered = [manifests.label(i, args.namespace) for i in new], comparison.changed
    counts = f"{len(added)} new, {len(altered)} changed, {len(planned) - len(added) - len(altered)} unchanged"
    inverse = None
    if len(new) == 1 and not changed:
        arguments = {"kind": new[0]["kind"], "name": new[0]["metadata"]["name"], "namespace": args.namespace}
        inverse = Inverse(tool="kubectl_delete", arguments=arguments)
    summary = "; ".join([f"apply to {args.namespace}: {counts}", *warnings])
    preview = Preview(summary=summary, added=added, changed=altered, diff=capped(comparison.diff), inverse=inverse)
    done = not new and not changed
    effect = Effect.READ if done else Effect.CHANGE if changed or warnings else Effect.CREATE
    return Observation(effect=effect, preview=preview, state=state, done=done)


@tool(domain="kubectl", title="Apply manifests", effect=Effect.CHANGE, observe=observe_apply)
async def kubectl_apply(args: KubectlApplyInput, call: Call) -> KubectlApplyOutput:
    """Apply manifests by server-side apply; what is new is created, what would change needs a confirmation."""
    planned = await _plan(args, call)
    result = KubectlApplyOutput()
    for plan in planned:
        name = manifests.label(plan.wanted, args.namespace)
        if plan.same:
            result.unchanged.append(name)
            result.evidence.append(f"{name} is as it should be")
            continue
        after = await call.world.kube.apply(plan.wanted, permit=call.permit)
        (result.created if plan.live is None else result.configured).append(name)
        result.evidence.append(f"{name} has resourceVersion {after['metadata'].get('resourceVersion')}")
    result.changed = bool(result.created or result.configured)
    return result


class KubectlScaleInput(ObjectInput):
    """A workload and how many pods it should have."""

    replicas: int = Field(ge=0, le=100)
    wait_seconds: int = Field(120, ge=0, le=1800)


class KubectlRestartInput(ObjectInput):
    """A workload to restart."""

    wait_seconds: int = Field(300, ge=0, le=1800)


class WorkloadOutput(ToolOutput):
    """A workload after a change."""

    kind: str
    name: str
    namespace: str
    ready: bool
    pods: list[PodLine] = Field(default_factory=list)
    cause: Cause | None = None
    replicas: int | None = None


async def _workload(args: ObjectInput, call: Call, among: tuple[str, ...]) -> Manifest:
    kind = await call.world.kube.resolve(args.kind)
    if kind.kind not in among:
        raise UsageError(f"a {kind.kind} cannot be scaled or restarted", remedy=", ".join(among))
    return await fetch(call.world.kube, kind, args.name, args.namespace)


def _replicas(item: Manifest) -> int:
    value = (item.get("spec") or {}).get("replicas")
    return 1 if value is None else int(value)


async def observe_scale(args: KubectlScaleInput, call: Call) -> Observation:
    """How many there are now, and which pods are affected."""
    item = await _workload(args, call, ("Deployment", "StatefulSet", "ReplicaSet"))
    now, kind = _replicas(item), str(item["kind"])
    state = {"uid": item["metadata"]["uid"], "replicas": now}
    if now == args.replicas:
        summary = f"{kind} {args.name} already has {now} replicas"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    pods = await pods_owned_by(call.world.kube, item)
    back = {"kind": kind, "name": args.name, "namespace": args.namespace, "replicas": now}
    summary = f"scale {kind} {args.name} in {args.namespace} from {now} to {args.replicas}"
    if args.replicas == 0:
        summary += ": it will serve nothing"
    ending = [f"Pod/{name}" for name in pods] if args.replicas == 0 else []
    if not ending and args.replicas < now:
        summary += f" ({now - args.replicas} of its pods {', '.join(pods[:8])} end)"
    inverse = Inverse(tool="kubectl_scale", arguments=back)
    preview = Preview(summary=summary, changed=[f"{kind}/{args.name}"], lost=ending, inverse=inverse)
    return Observation(effect=Effect.CHANGE, preview=preview, state=state)


async def observe_restart(args: KubectlRestartInput, call: Call) -> Observation:
    """Which pods are replaced, and by what strategy."""
    item = await _workload(args, call, KINDS)
    kind, spec = str(item["kind"]), item.get("spec") or {}
    pods = await pods_owned_by(call.world.kube, item)
    strategy = (spec.get("strategy") or spec.get("updateStrategy") or {}).get("type", "RollingUpdate")
    down = strategy == "Recreate" or (kind == "StatefulSet" and _replicas(item) == 1)
    summary = f"restart {kind} {args.name} in {args.namespace}: {len(pods)} pods are replaced ({strategy})"
    summary += "; it is down meanwhile" if down else ""
    state = {"uid": item["metadata"]["uid"], "template": manifests.digest([{"kind": "T", "t": spec.get("template")}])}
    changed = [f"{kind}/{args.name}", *(f"Pod/{name}" for name in pods[:20])]
    return Observation(effect=Effect.CHANGE, preview=Preview(summary=summary, changed=changed), state=state)


async def _outcome(args: KubectlScaleInput | KubectlRestartInput, call: Call, *, changed: bool) -> WorkloadOutput:
    kube = call.world.kube
    kind = (await kube.resolve(args.kind)).kind
    watched = [(kind, args.name)] if kind in KINDS else []
    rollout = await watch_rollout(kube, args.namespace, watched, wait_seconds=args.wait_seconds, progress=call.progress)
    item = await _workload(args, call, (*KINDS, "ReplicaSet"))
    replicas = None if kind == "DaemonSet" else _replicas(item)
    return WorkloadOutput(
        changed=changed,
        evidence=[f"{kind} {args.name}: {'ready' if rollout.ready else 'not ready'}, {len(rollout.pods)} pods"],
        kind=kind,
        name=args.name,
        namespace=args.namespace,
        ready=rollout.ready,
        pods=rollout.pods,
        cause=rollout.cause,
        replicas=replicas,
    )


@tool(domain="kubectl", title="Scale a workload", effect=Effect.CHANGE, observe=observe_scale, long=True)
async def kubectl_scale(args: KubectlScaleInput, call: Call) -> WorkloadOutput:
    """Set the number of pods of a Deployment, StatefulSet or ReplicaSet and wait until they are ready."""
    observation = call.observation or await observe_scale(args, call)
    if not observation.done:
        kind = await call.world.kube.resolve(args.kind)
        await call.world.kube.patch(
            kind.api,
            kind.kind,
            args.name,
            args.namespace,
            {"spec": {"replicas": args.replicas}},
            permit=call.permit,
            subresource="scale",
        )
    return await _outcome(args, call, changed=not observation.done)


@tool(
    domain="kubectl",
    title="Restart a workload",
    effect=Effect.CHANGE,
    observe=observe_restart,
    idempotent=False,
    long=True,
)
async def kubectl_restart(args: KubectlRestartInput, call: Call) -> WorkloadOutput:
    """Replace the pods of a Deployment, StatefulSet or DaemonSet by new ones, as its strategy says, and wait."""
    kind = await call.world.kube.resolve(args.kind)
    stamp = {RESTARTED_AT: dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
    body = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    await call.world.kube.patch(kind.api, kind.kind, args.name, args.namespace, body, permit=call.permit)
    return await _outcome(args, call, changed=True)
