"""kubectl_delete: remove objects, after saying what is lost with them."""

from __future__ import annotations

import time

import anyio
from pydantic import Field

from mcp_tools.catalog import Effect, Observation, Preview, ToolInput, ToolOutput, tool
from mcp_tools.engines import kube_kinds, manifests
from mcp_tools.engines.kube_kinds import Kind
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.engines.manifests import Manifest
from mcp_tools.errors import LongshoreError, Refused, UsageError
from mcp_tools.names import KindName, LabelSelector, Namespace, RbacName
from mcp_tools.tools.kubectl_common import pods_owned_by
from mcp_tools.world import Call

PROTECTED = frozenset({"kube-system", "kube-public", "kube-node-lease", "default"})
MAX_OBJECTS = 50
_CONTENT = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service", "Ingress", "ConfigMap", "Secret")


class KubectlDeleteInput(ToolInput):
    """One object by name, or those of a selector."""

    kind: KindName
    name: RbacName | None = None
    selector: LabelSelector | None = None
    namespace: Namespace = Field("default", description="Ignored for kinds without namespace")
    wait_seconds: int = Field(120, ge=0, le=1800)


class KubectlDeleteOutput(ToolOutput):
    """What was deleted and what is still ending."""

    deleted: list[str]
    remaining: list[str] = Field(default_factory=list, description="Still there when the time was over")
    seconds: float = 0.0


async def _targets(args: KubectlDeleteInput, call: Call) -> tuple[Kind, list[Manifest]]:
    if (args.name is None) == (args.selector is None):
        raise UsageError("what to delete?", remedy="either name or selector")
    kube = call.world.kube
    kind = await kube.resolve(args.kind)
    space = args.namespace if kind.namespaced else None
    if kind.kind == "Namespace" and args.name is None:
        raise Refused("namespaces are deleted by name only")
    if args.name is not None:
        item = await kube.get(kind.api, kind.kind, args.name, space)
        items = [item] if item is not None else []
    else:
        items = await kube.list(kind.api, kind.kind, space, label_selector=args.selector)
    if len(items) > MAX_OBJECTS:
        raise UsageError(f"the selector takes {len(items)} objects", f"at most {MAX_OBJECTS} at once", "a narrower one")
    items = [{"apiVersion": kind.api, "kind": kind.kind} | item for item in items]
    _protect(kind, items)
    return kind, items


def _protect(kind: Kind, items: list[Manifest]) -> None:
    for item in items:
        name, space = str(item["metadata"]["name"]), str(item["metadata"].get("namespace", ""))
        if kind.kind == "Namespace" and name in PROTECTED:
            raise Refused(f"namespace {name} belongs to the cluster itself", remedy="delete the objects within it")
        if space in ("kube-system", "kube-public", "kube-node-lease"):
            raise Refused(f"{kind.kind} {name} belongs to the cluster itself", f"it is in {space}")


def _controller(item: Manifest) -> str:
    """The owner that makes it again; empty when none does."""
    owners = item["metadata"].get("ownerReferences") or []
    return next((f"{o.get('kind')}/{o.get('name')}" for o in owners if o.get("controller")), "")


async def _consequences(kube: KubeEngine, item: Manifest) -> tuple[list[str], list[str]]:
    """What else is lost with an object, and notes about its data."""
    kind, name, space = item["kind"], str(item["metadata"]["name"]), item["metadata"].get("namespace")
    if kind == "Namespace":
        return await _namespace_content(kube, name)
    if kind == "PersistentVolumeClaim":
        size = ((item.get("status") or {}).get("capacity") or {}).get("storage", "?")
        policy = await _reclaim(kube, str((item.get("spec") or {}).get("volumeName") or ""))
        users = await _mounters(kube, str(space), name)
        note = f"DATA: claim {name} ({size}), its volume is then {policy}" + (f"; used by {users}" if users else "")
        return [], [note]
    if kind == "PersistentVolume":
        claim = (item.get("spec") or {}).get("claimRef") or {}
        bound = f" of claim {claim.get('namespace')}/{claim.get('name')}" if claim else ""
        return [], [f"DATA: volume {name}{bound}"]
    pods = await pods_owned_by(kube, item)
    notes = []
    if kind == "StatefulSet" and (item.get("spec") or {}).get("volumeClaimTemplates"):
        notes.append(f"the claims of StatefulSet {name} stay")
    if kind == "CustomResourceDefinition":
        notes.append(f"ALL objects of {name} are deleted with it")
    return [f"Pod/{pod}" for pod in pods], notes


async def _namespace_content(kube: KubeEngine, namespace: str) -> tuple[list[str], list[str]]:
    lost: list[str] = []
    for kind in (k for k in kube_kinds.KNOWN if k.kind in (*_CONTENT, "PersistentVolumeClaim")):
        try:
            items = await kube.list(kind.api, kind.kind, namespace, metadata_only=True)
        except LongshoreError:
            continue
        lost += [f"{kind.kind}/{i['metadata']['name']}" for i in items if i["metadata"]["name"] != "kube-root-ca.crt"]
    claims = [name for name in lost if name.startswith("PersistentVolumeClaim/")]
    return lost, [f"DATA: {', '.join(claims)}"] if claims else []


async def _reclaim(kube: KubeEngine, volume: str) -> str:
    found = await kube.get("v1", "PersistentVolume", volume) if volume else None
    policy = ((found or {}).get("spec") or {}).get("persistentVolumeReclaimPolicy", "unknown")
    return {"Delete": "deleted as well", "Retain": "kept, released"}.get(str(policy), str(policy))


async def _mounters(kube: KubeEngine, namespace: str, claim: str) -> str:
    names = []
    for pod in await kube.list("v1", "Pod", namespace):
        volumes = (pod.get("spec") or {}).get("volumes") or []
        if any((v.get("persistentVolumeClaim") or {}).get("claimName") == claim for v in volumes):
            names.append(str(pod["metadata"]["name"]))
    return ", ".join(names)


async def observe_delete(args: KubectlDeleteInput, call: Call) -> Observation:
    """What is deleted, what is lost with it, and what comes back by itself."""
    kind, items = await _targets(args, call)
    state = {"uids": sorted(str(item["metadata"]["uid"]) for item in items)}
    what = args.name or f"with {args.selector}"
    where = f" in {args.namespace}" if kind.namespaced else ""
    if not items:
        summary = f"there is no {kind.kind} {what}{where}"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    lost = [manifests.label(item, args.namespace) for item in items]
    notes: list[str] = []
    for item in items:
        more, said = await _consequences(call.world.kube, item)
        lost, notes = [*lost, *more], [*notes, *said]
    back = sorted({_controller(item) for item in items} - {""})
    returning = kind.kind == "Pod" and all(_controller(item) for item in items)
    if back:
        notes.append(f"made again by {', '.join(back)}")
    summary = "; ".join([f"delete {kind.kind} {what}{where} ({len(items)})", *notes])
    effect = Effect.CHANGE if returning else Effect.DESTROY
    return Observation(effect=effect, preview=Preview(summary=summary, lost=list(dict.fromkeys(lost))), state=state)


@tool(domain="kubectl", title="Delete objects", effect=Effect.DESTROY, observe=observe_delete, long=True)
async def kubectl_delete(args: KubectlDeleteInput, call: Call) -> KubectlDeleteOutput:
    """Delete one object by name, or those of a selector, and wait until they are gone.

    The preview says what is lost with them.
    """
    started = time.monotonic()
    observation = call.observation or await observe_delete(args, call)
    kind, items = await _targets(args, call)
    kube = call.world.kube
    allowed = set(observation.state["uids"])
    doomed = {str(i["metadata"]["uid"]): i for i in items if str(i["metadata"]["uid"]) in allowed}
    for uid, item in doomed.items():
        meta = item["metadata"]
        name, space = str(meta["name"]), meta.get("namespace")
        await kube.delete(kind.api, kind.kind, name, space, permit=call.permit, uid=uid, effect=observation.effect)
    left = await _until_gone(args, call, set(doomed), started)
    return KubectlDeleteOutput(
        changed=bool(doomed),
        evidence=[f"{len(doomed)} {kind.kind} deleted, {len(left)} still ending"],
        deleted=[manifests.label(item, args.namespace) for item in doomed.values()],
        remaining=left,
        seconds=round(time.monotonic() - started, 2),
    )


async def _until_gone(args: KubectlDeleteInput, call: Call, uids: set[str], started: float) -> list[str]:
    while True:
        _, items = await _targets(args, call)
        left = [manifests.label(item, args.namespace) for item in items if str(item["metadata"]["uid"]) in uids]
        if not left or time.monotonic() - started > args.wait_seconds:
            return left
        await call.progress(len(uids) - len(left), len(uids), f"waiting for {', '.join(left[:4])} to end")
        await anyio.sleep(1)
