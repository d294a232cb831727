"""helm_uninstall: remove a release and prove that nothing of it is left."""

from __future__ import annotations

import time

import anyio
from pydantic import Field

from mcp_tools.catalog import Effect, Observation, Preview, ToolOutput, tool
from mcp_tools.engines import kube_kinds, manifests
from mcp_tools.engines.helm_records import Release
from mcp_tools.engines.kube_kinds import Kind
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.engines.manifests import Manifest
from mcp_tools.errors import LongshoreError
from mcp_tools.tools.helm_common import ReleaseInput, free_way, settled_history
from mcp_tools.world import Call

KEPT = "PersistentVolumeClaim"
PROVISIONER_SECONDS = 20
"""How long a storage provisioner may take to delete the volume of a deleted claim."""
_KINDS = (
    "Pod Service ConfigMap Secret PersistentVolumeClaim ServiceAccount Deployment ReplicaSet StatefulSet DaemonSet Job "
    "CronJob Ingress NetworkPolicy HorizontalPodAutoscaler PodDisruptionBudget Role RoleBinding ResourceQuota "
    "LimitRange ClusterRole ClusterRoleBinding"
)


class HelmUninstallInput(ReleaseInput):
    """Which release, and whether its data goes as well."""

    delete_data: bool = Field(False, description="Also delete its PersistentVolumeClaims")
    wait_seconds: int = Field(180, ge=10, le=1800)


class HelmUninstallOutput(ToolOutput):
    """What was removed and what is left."""

    release: str
    removed: list[str]
    kept_data: list[str] = Field(default_factory=list, description="Claims kept with their data")
    remaining: list[str] = Field(description="What is left besides kept data: must be empty")
    undeleted_data: list[str] = Field(
        default_factory=list, description="Volumes of deleted claims that the storage provisioner left, and their place"
    )
    seconds: float = 0.0


async def leftovers(kube: KubeEngine, release: str, namespace: str) -> list[Manifest]:
    """Everything in the cluster that says it is of this release, by Helm's annotations or the instance label."""
    found: dict[str, Manifest] = {}

    async def look(kind: Kind) -> None:
        try:
            items = await kube.list(kind.api, kind.kind, namespace if kind.namespaced else None, metadata_only=True)
        except LongshoreError:
            if kind.namespaced:
                raise
            return  # an account limited to its namespace cannot see cluster-wide objects, nor have made them
        for item in items:
            if _of_release(item, release, namespace):
                found[manifests.label(item)] = item

    async with anyio.create_task_group() as group:
        for kind in (k for k in kube_kinds.KNOWN if k.kind in _KINDS.split()):
            group.start_soon(look, kind)
    return [found[name] for name in sorted(found)]


def _of_release(item: Manifest, release: str, namespace: str) -> bool:
    meta = item["metadata"]
    notes, labels = meta.get("annotations") or {}, meta.get("labels") or {}
    if notes.get("meta.helm.sh/release-name"):
        return bool(
            notes["meta.helm.sh/release-name"] == release
            and notes.get("meta.helm.sh/release-namespace", namespace) == namespace
        )
    if labels.get("owner") == "helm" and item["kind"] == "Secret":
        return bool(labels.get("name") == release)
    return bool(labels.get("app.kubernetes.io/instance") == release and meta.get("namespace") == namespace)


def _names(items: list[Manifest], namespace: str) -> list[str]:
    return [manifests.label(item, namespace) for item in items]


async def observe_uninstall(args: HelmUninstallInput, call: Call) -> Observation:
    """What is there of the release; nothing at all means done."""
    history = await settled_history(call.world.helm, args.release, args.namespace)
    left = await leftovers(call.world.kube, args.release, args.namespace)
    claims = [item for item in left if item["kind"] == KEPT]
    doomed = left if args.delete_data else [item for item in left if item["kind"] != KEPT]
    doomed = [i for i in doomed if i["kind"] not in ("Pod", "ReplicaSet") or not i["metadata"].get("ownerReferences")]
    state = {
        "revision": history[-1].revision if history else 0,
        "status": history[-1].status if history else "absent",
        "claims": _names(claims, args.namespace),
    }
    if not history and not doomed:
        summary = f"there is no release {args.release} in {args.namespace}, and nothing of it"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    await free_way(call.world.kube, history[-1].hooks if history else [], args.namespace, of="delete")
    return Observation(effect=Effect.DESTROY, preview=_preview(args, history, doomed, claims), state=state)


def _preview(
    args: HelmUninstallInput, history: list[Release], doomed: list[Manifest], claims: list[Manifest]
) -> Preview:
    lost = _names(doomed, args.namespace)
    if history:
        declared = [manifests.label(item, args.namespace) for item in history[-1].objects if item.get("kind") != KEPT]
        lost = list(dict.fromkeys([*declared, *lost]))
    names = ", ".join(_names(claims, args.namespace))
    data = ""
    if claims:
        data = f"; DATA IS DELETED: {names}" if args.delete_data else f"; data is kept: {names}"
    declared_claims = [o for o in (history[-1].objects if history else []) if o.get("kind") == KEPT and not _keeps(o)]
    if declared_claims and not args.delete_data:
        data += f"; the chart itself removes {', '.join(_names(declared_claims, args.namespace))} and its data"
    return Preview(summary=f"uninstall {args.release} from {args.namespace}: {len(lost)} objects{data}", lost=lost)


def _keeps(item: Manifest) -> bool:
    return manifests.annotations_of(item).get("helm.sh/resource-policy") == "keep"


async def _sweep(args: HelmUninstallInput, call: Call, claims_only: bool) -> list[str]:
    """Delete what helm leaves: hook objects, and the claims when their data goes as well."""
    swept = []
    for item in await leftovers(call.world.kube, args.release, args.namespace):
        meta = item["metadata"]
        if meta.get("ownerReferences") or meta.get("deletionTimestamp") or (item["kind"] == KEPT) != claims_only:
            continue
        namespace = meta.get("namespace")
        api, kind, name = item["apiVersion"], item["kind"], meta["name"]
        await call.world.kube.delete(api, kind, name, namespace, permit=call.permit, uid=meta.get("uid"))
        swept.append(manifests.label(item, args.namespace))
    return swept


async def _until_gone(args: HelmUninstallInput, call: Call, deadline: float) -> list[Manifest]:
    while True:
        left = await leftovers(call.world.kube, args.release, args.namespace)
        waited_for = left if args.delete_data else [item for item in left if item["kind"] != KEPT]
        if not waited_for or time.monotonic() > deadline:
            return left
        await call.progress(0, None, f"waiting for {', '.join(_names(waited_for, args.namespace)[:4])} to end")
        await anyio.sleep(1)


async def _undeleted(names: set[str], args: HelmUninstallInput, call: Call) -> list[str]:
    """The volumes of those claims that are still there after a while.

    A provisioner deletes on its own time, and Minikube's only what it made since its own last start: then the folder
    stays, and a later claim of the same name finds the old data in it.
    """
    deadline = time.monotonic() + PROVISIONER_SECONDS
    while True:
        try:
            volumes = await call.world.kube.list("v1", "PersistentVolume")
        except LongshoreError:
            return []  # an account limited to its namespace sees none
        left = [volume for volume in volumes if _claim(volume) in {(args.namespace, name) for name in names}]
        if not left or time.monotonic() > deadline:
            return [f"{v['metadata']['name']} ({_place(v)})" for v in left]
        await call.progress(0, None, f"waiting for the storage provisioner to delete {len(left)} volumes")
        await anyio.sleep(1)


def _claim(volume: Manifest) -> tuple[str, str]:
    claim = (volume.get("spec") or {}).get("claimRef") or {}
    return claim.get("namespace", ""), claim.get("name", "")


def _place(volume: Manifest) -> str:
    spec = volume.get("spec") or {}
    folder = (spec.get("hostPath") or spec.get("local") or {}).get("path")
    kept = "kept by its reclaim policy" if spec.get("persistentVolumeReclaimPolicy") == "Retain" else "not deleted"
    return f"{kept}; {f'folder {folder} of the node' if folder else 'see kubectl_describe'}"


@tool(domain="helm", title="Uninstall a release", effect=Effect.DESTROY, observe=observe_uninstall, long=True)
async def helm_uninstall(args: HelmUninstallInput, call: Call) -> HelmUninstallOutput:
    """Remove a release and everything that belongs to it, and verify that nothing is left; data is kept by default."""
    started = time.monotonic()
    observation = call.observation or await observe_uninstall(args, call)
    removed: list[str] = []
    claims: set[str] = set()
    if not observation.done:
        if args.delete_data:
            found = await leftovers(call.world.kube, args.release, args.namespace)
            claims = {item["metadata"]["name"] for item in found if item["kind"] == KEPT}
        removed = list(observation.preview.lost)
        await call.progress(0, None, f"uninstalling {args.release}")
        if await call.world.helm.history(args.release, args.namespace):
            timeout = args.wait_seconds
            await call.world.helm.uninstall(args.release, args.namespace, permit=call.permit, timeout=timeout)
        removed += [name for name in await _sweep(args, call, claims_only=False) if name not in removed]
        if args.delete_data:
            removed += [name for name in await _sweep(args, call, claims_only=True) if name not in removed]
    left = await _until_gone(args, call, started + args.wait_seconds)
    kept = [item for item in left if item["kind"] == KEPT and not args.delete_data]
    remaining = _names([item for item in left if item not in kept], args.namespace)
    undeleted = await _undeleted(claims, args, call) if claims and not remaining else []
    evidence = [f"objects of {args.release} left in {args.namespace}: {len(remaining)}"]
    evidence += [f"data that is still there: {volume}" for volume in undeleted]
    return HelmUninstallOutput(
        changed=not observation.done,
        evidence=evidence,
        release=args.release,
        removed=removed,
        kept_data=_names(kept, args.namespace),
        remaining=remaining,
        undeleted_data=undeleted,
        seconds=round(time.monotonic() - started, 2),
    )
