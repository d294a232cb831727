"""check_persistence: what is written is on a volume that outlives the pods.

Two proofs. The gentle one (the default, effect create) writes a marker, reads it back, and looks at the claim: bound,
mounted by the database, and what becomes of its volume. The real one (``delete_pods``, effect change) deletes every
pod of the application between the writing and the reading. The marker is removed again either way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

import anyio
from pydantic import BaseModel, Field

from mcp_tools.application_checks import PersistenceCheck
from mcp_tools.catalog import Effect, Observation, Preview, tool
from mcp_tools.diagnosis.rules_config import claims_of
from mcp_tools.diagnosis.snapshot import Manifest, ref_of
from mcp_tools.engines.rollout import watch_rollout
from mcp_tools.errors import LongshoreError, ToolFailed
from mcp_tools.tools import check_account, check_records
from mcp_tools.tools.check_common import CheckInput, CheckOutput, Scene, mark
from mcp_tools.tools.check_records import Records
from mcp_tools.world import Call

SKIPPED = "longshore.yaml has no checks.persistence"


class CheckPersistenceInput(CheckInput):
    """Which application, and how hard to try."""

    delete_pods: bool = Field(False, description="Delete all its pods between writing and reading (asks first)")
    wait_seconds: int = Field(300, ge=10, le=1800, description="For the pods to be ready again")


class Claim(BaseModel):
    """One volume claim of the database."""

    name: str
    phase: str
    volume: str
    mounted_by: list[str]
    reclaim_policy: str = Field(description="What becomes of the volume when the claim is deleted")
    ok: bool


class CheckPersistenceOutput(CheckOutput):
    """``ok``: the marker was read again, and the database's claims are bound and mounted."""

    method: Literal["read-back", "pods-deleted", "skipped"]
    written: bool = False
    read: bool = False
    cleaned_up: bool | None = None
    claims: list[Claim] = Field(default_factory=list)
    pods_deleted: list[str] = Field(default_factory=list)
    seconds: float = 0.0

    def text(self) -> str:
        """What was done and found."""
        if self.skipped:
            return f"skipped: {self.reason}"
        lines = [f"{mark(self.ok)} persistence by {self.method} {self.reason}".rstrip()]
        lines.append(f"  written: {self.written}, read again: {self.read}, removed: {self.cleaned_up}")
        for c in self.claims:
            lines.append(f"  {mark(c.ok)} claim {c.name} {c.phase}, mounted by {', '.join(c.mounted_by) or 'nobody'}")
        lines += [f"  deleted: {', '.join(self.pods_deleted)}"] if self.pods_deleted else []
        return "\n".join(lines)


async def observe_persistence(args: CheckPersistenceInput, call: Call) -> Observation:
    """What would be written, and which pods would be deleted."""
    scene = await Scene.look(call, args.application)
    if scene.app.spec.checks.persistence is None:
        return Observation(effect=Effect.READ, preview=Preview(summary=f"skipped: {SKIPPED}"), done=True)
    if call.world.simulated:
        summary = "simulated: look at the volume claims; no record is written, and no pod deleted"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), done=True)
    added = ["the test user longshore-check-…, once", "one record, removed again"]
    owners = sorted(str(ref_of(w)) for name in scene.releases for w in scene.workloads_of(name))
    state = {"namespace": scene.namespace, "workloads": owners, "delete_pods": args.delete_pods}
    if not args.delete_pods:
        summary = f"write a test record through the application in {scene.namespace}, read it, and remove it again"
        return Observation(effect=Effect.CREATE, preview=Preview(summary=summary, added=added), state=state)
    pods = [f"Pod/{ref_of(pod).name}" for name in scene.releases for pod in scene.pods_of(name)]
    summary = (
        f"write a test record, delete all {len(pods)} pods of the application in {scene.namespace} (it does not answer "
        f"until {', '.join(owners)} have made them again), and read the record"
    )
    return Observation(effect=Effect.CHANGE, preview=Preview(summary=summary, added=added, changed=pods), state=state)


@tool(
    domain="diagnostics",
    title="Check persistence",
    effect=Effect.CHANGE,
    observe=observe_persistence,
    idempotent=False,
    long=True,
)
async def check_persistence(args: CheckPersistenceInput, call: Call) -> CheckPersistenceOutput:
    """Check that data is kept: write a record through the application, read it again, and look at its volume claim.

    With delete_pods all pods of the application are deleted in between, after a confirmation.
    """
    started = time.monotonic()
    scene = await Scene.look(call, args.application)
    check = scene.app.spec.checks.persistence
    if check is None:
        return CheckPersistenceOutput(ok=True, skipped=True, reason=SKIPPED, method="skipped")
    if call.world.simulated:
        return await _simulated(scene)
    out = CheckPersistenceOutput(ok=False, method="pods-deleted" if args.delete_pods else "read-back")
    work = _Work(scene, check, out, call, args)
    try:
        await work.run()
    except LongshoreError as error:
        work.problems.append(error.line())
    out.seconds = round(time.monotonic() - started, 2)
    out.ok, out.reason = not work.problems, work.problems[0] if work.problems else ""
    out.evidence += [*work.facts, *work.problems]
    return out


async def _simulated(scene: Scene) -> CheckPersistenceOutput:
    """The claims, which are known in a simulation as well; what is on them is not."""
    claims = await claims_of_database(scene)
    out = CheckPersistenceOutput(ok=False, method="skipped", claims=claims)
    out.evidence = [f"claim {c.name} is {c.phase}, mounted by {', '.join(c.mounted_by) or 'nobody'}" for c in claims]
    broken = [f"claim {c.name} is {c.phase}, mounted by {len(c.mounted_by)} pods" for c in claims if not c.ok]
    if broken:
        out.reason = broken[0]
        return out
    return out.mark_simulated("whether a record that is written is there again after the pods are gone")


@dataclass
class _Work:
    scene: Scene
    check: PersistenceCheck
    out: CheckPersistenceOutput
    call: Call
    args: CheckPersistenceInput
    problems: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Write, look (or delete the pods), read, remove."""
        await self._claims()
        session = await check_account.usual_user(self.scene)
        self.out.changed = session.created or self.args.delete_pods
        records = Records(self.scene, session, self.check.read, self.check.id_field)
        marker = check_records.new_marker()
        await self.call.progress(0, 3, "writing a test record")
        answer = await records.send(self.check.write, check_records.body_with(self.check, marker))
        self.out.written = answer.status == self.check.write.status
        self.facts.append(f"{self.check.write.method} {self.check.write.path} → {answer.said}")
        if not self.out.written:
            raise ToolFailed("the test record could not be written", f"the answer is {answer.said}")
        if self.args.delete_pods:
            await self._delete_pods()
            self.scene = await Scene.look(self.call, self.args.application)
            records = Records(self.scene, session, self.check.read, self.check.id_field)
        await self._read(records, marker)

    async def _read(self, records: Records, marker: str) -> None:
        """Read the record; after a restart the application gets half a minute to answer."""
        deadline = time.monotonic() + (30 if self.args.delete_pods else 0)
        while True:
            found, answer = await records.find(marker)
            if found or time.monotonic() >= deadline:
                break
            await anyio.sleep(2)
        self.out.read = bool(found)
        self.facts.append(
            f"{self.check.read.method} {self.check.read.path} → {answer.said}, record found: {bool(found)}"
        )
        if not found:
            self.problems.append(f"the record that was written is not there ({answer.said})")
        self.out.cleaned_up = await records.remove(marker)
        if not self.out.cleaned_up:
            self.out.changed = True
            self.facts.append(f"the test record {marker} could not be removed")

    async def _claims(self) -> None:
        """The claims of the database: bound, and mounted by its pod."""
        database = self.scene.app.spec.database
        if database is None or self.scene.external_database:
            self.facts.append("the database is outside of the cluster: no claim to look at")
            return
        self.out.claims = await claims_of_database(self.scene)
        if not self.scene.pods_of(database.name):
            self.problems.append(f"{database.name} has no pod")
        elif not self.out.claims:
            self.problems.append(f"no pod of {database.name} mounts a volume claim: its data dies with the pod")
        for row in self.out.claims:
            self.facts.append(
                f"claim {row.name}: {row.phase}, volume {row.volume}, reclaim policy {row.reclaim_policy}"
            )
            if not row.ok:
                self.problems.append(f"claim {row.name} is {row.phase}")

    async def _delete_pods(self) -> None:
        scene, kube = self.scene, self.scene.kube
        pods = [pod for name in scene.releases for pod in scene.pods_of(name)]
        await self.call.progress(1, 3, f"deleting {len(pods)} pods")
        for pod in pods:
            name, uid = ref_of(pod).name, str(pod["metadata"]["uid"])
            await kube.delete(
                "v1", "Pod", name, scene.namespace, permit=self.call.permit, uid=uid, effect=Effect.CHANGE
            )
            self.out.pods_deleted.append(name)
        await self._until_gone({str(pod["metadata"]["uid"]) for pod in pods})
        owners = [ref_of(w) for name in scene.releases for w in scene.workloads_of(name)]
        rollout = await watch_rollout(
            kube,
            scene.namespace,
            [(ref.kind, ref.name) for ref in owners],
            wait_seconds=self.args.wait_seconds,
            progress=self.call.progress,
        )
        self.facts.append(f"{len(pods)} pods deleted, ready again after {rollout.seconds:.1f} s: {rollout.ready}")
        if not rollout.ready:
            why = rollout.cause.summary if rollout.cause else ""
            raise ToolFailed("the pods did not become ready again", why, "diagnose says more")

    async def _until_gone(self, uids: set[str]) -> None:
        """Until the deleted pods are gone: before that a workload looks as ready as it was."""
        deadline = time.monotonic() + self.args.wait_seconds
        while time.monotonic() < deadline:
            pods = await self.scene.kube.list("v1", "Pod", self.scene.namespace)
            if not uids & {str(pod["metadata"]["uid"]) for pod in pods}:
                return
            await anyio.sleep(1)
        raise ToolFailed("deleted pods do not end", f"after {self.args.wait_seconds} s", "kubectl_get kind: Pod")


async def claims_of_database(scene: Scene) -> list[Claim]:
    """The volume claims that the pods of the application's database mount."""
    database = scene.app.spec.database
    pods = scene.pods_of(database.name) if database else []
    names = sorted({name for pod in pods for name in claims_of(pod)})
    return [await _claim(scene, name, [ref_of(p).name for p in pods if name in claims_of(p)]) for name in names]


async def _claim(scene: Scene, name: str, users: list[str]) -> Claim:
    item: Manifest = scene.seen.get("PersistentVolumeClaim", scene.namespace, name) or {}
    phase = str((item.get("status") or {}).get("phase") or "missing")
    volume = str((item.get("spec") or {}).get("volumeName") or "")
    found = await scene.kube.get("v1", "PersistentVolume", volume) if volume else None
    policy = str(((found or {}).get("spec") or {}).get("persistentVolumeReclaimPolicy") or "unknown")
    ok = phase == "Bound" and bool(users)
    return Claim(name=name, phase=phase, volume=volume, mounted_by=users, reclaim_policy=policy, ok=ok)
