"""check_triggers: the conditions on which a rollback is proposed, on the live state, each with evidence.

A trigger that cannot be judged here says ``unknown`` and does not fire: a rollback is proposed on what was seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, tool
from mcp_tools.diagnosis import rules_images
from mcp_tools.diagnosis.rules_common import wanted
from mcp_tools.diagnosis.snapshot import Manifest, ready, ref_of, states, waiting
from mcp_tools.engines import manifests, policy, process
from mcp_tools.engines.rollout import ready_message
from mcp_tools.errors import LongshoreError
from mcp_tools.tools import check_endpoints, check_exposure
from mcp_tools.tools.check_common import CheckInput, CheckOutput, Scene
from mcp_tools.tools.check_persistence import claims_of_database
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call
from playbooks import loader

Status = Literal["clear", "fired", "unknown"]
PULL_PATIENCE = 30.0
"""Seconds after which a first failed pull counts as persistent (a back-off is one at once)."""
SCAN_SECONDS = 300
CORRUPTION = re.compile(
    r"invalid page in block|could not read block|data corruption|is corrupted|checksum (?:mismatch|failure)|"
    r"missing chunk number|could not open relation .* No such file|unexpected data beyond EOF",
    re.IGNORECASE,
)


class TriggerResult(BaseModel):
    """One trigger."""

    id: str
    title: str
    status: Status
    fired: bool
    threshold: str = ""
    evidence: list[Untrusted] = Field(default_factory=list)


class CheckTriggersOutput(CheckOutput):
    """``fired``: at least one did, so that a rollback should be considered. ``ok`` is its opposite."""

    fired: bool
    triggers: list[TriggerResult]

    def text(self) -> str:
        """A line per trigger, its evidence below."""
        lines = ["ROLLBACK TRIGGERED" if self.fired else "no trigger fired"]
        for t in self.triggers:
            lines.append(f"  {t.status}: {t.id}: {t.title}{f' ({t.threshold})' if t.threshold else ''}")
            lines += [f"    {line}" for line in t.evidence[:5]]
        return "\n".join(lines)


@dataclass
class Judged:
    """How a trigger stands. ``simulated``: it is unknown because nothing runs for real."""

    fired: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    unknown: str = ""
    threshold: str = ""
    simulated: bool = False


@tool(domain="diagnostics", title="Check rollback triggers", effect=Effect.READ)
async def check_triggers(args: CheckInput, call: Call) -> CheckTriggersOutput:
    """Evaluate the rollback triggers on the live state: unhealthy too long, crash and image-pull loops, too slow, …

    Thresholds are those of spec.triggers. What cannot be judged (no vulnerability scanner) is said to be unknown.
    """
    scene = await Scene.look(call, args.application)
    rows, unknown = [], []
    for trigger in loader.triggers():
        check = CHECKS.get(trigger.id)
        try:
            judged = await check(scene) if check else Judged(unknown="this trigger has no check in this version")
        except LongshoreError as error:
            judged = Judged(unknown=error.line())
        unknown += [f"{trigger.title}: {judged.unknown}"] if judged.simulated else []
        status: Status = "fired" if judged.fired else "unknown" if judged.unknown else "clear"
        notes = [f"unknown: {judged.unknown}"] if judged.unknown else []
        rows.append(
            TriggerResult(
                id=trigger.id,
                title=trigger.title,
                status=status,
                fired=bool(judged.fired),
                threshold=judged.threshold,
                evidence=[*judged.fired, *notes, *judged.facts][:20],
            )
        )
    fired = [row for row in rows if row.fired]
    return CheckTriggersOutput(
        ok=not fired,
        reason=f"{fired[0].title}: {fired[0].evidence[0]}" if fired else "",
        evidence=[f"{row.id}: {row.status}: {'; '.join(row.evidence[:2])}" for row in rows],
        fired=bool(fired),
        triggers=rows,
        unknown=unknown,
    )


def unready_for(scene: Scene, workload: Manifest) -> float:
    """Seconds since a workload lacks a ready pod of its newest revision; 0 when it does not."""
    if not ready_message(workload) or (workload.get("kind") != "DaemonSet" and wanted(workload) == 0):
        return 0.0
    ages = [scene.seen.age(workload["metadata"].get("creationTimestamp"))]
    conditions = {c.get("type"): c for c in (workload.get("status") or {}).get("conditions") or []}
    for kind, bad in (("Available", "False"), ("Progressing", "False")):
        found = conditions.get(kind) or {}
        if found.get("status") == bad:
            ages.append(scene.seen.age(found.get("lastTransitionTime")))
    for pod in scene.seen.pods_of(ref_of(workload)):
        if not ready(pod) and not pod["metadata"].get("deletionTimestamp"):
            ages.append(_pod_unready(scene, pod))
    return max(ages[1:], default=ages[0])


def _pod_unready(scene: Scene, pod: Manifest) -> float:
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Ready":
            return scene.seen.age(condition.get("lastTransitionTime"))
    return scene.seen.age(pod["metadata"].get("creationTimestamp"))


async def unhealthy(scene: Scene) -> Judged:
    """A workload has been unready for longer than the threshold."""
    limit = scene.app.spec.triggers.unhealthy_after_seconds
    judged = Judged(threshold=f"{limit} s")
    for name in scene.releases:
        owners = scene.workloads_of(name)
        if not owners:
            judged.facts.append(f"{name} is not installed")
        for workload in owners:
            seconds, ref = unready_for(scene, workload), ref_of(workload)
            line = (
                f"{ref} is ready" if not seconds else f"{ref}: {ready_message(workload)}, unready for {seconds:.0f} s"
            )
            (judged.fired if seconds > limit else judged.facts).append(line)
    return judged


async def crash_loop(scene: Scene) -> Judged:
    """A container waits in CrashLoopBackOff after so many restarts, or its image cannot be had."""
    limit = scene.app.spec.triggers.restarts
    judged = Judged(threshold=f"{limit} restarts, or an image that cannot be had")
    for name in scene.releases:
        for pod in scene.pods_of(name):
            for container, status in states(pod):
                line = looping(scene, pod, container, status, limit)
                if line:
                    judged.fired.append(line)
    if not judged.fired:
        judged.facts.append("no container is in CrashLoopBackOff or ImagePullBackOff for long enough")
    return judged


def looping(scene: Scene, pod: Manifest, container: Manifest, status: Manifest, limit: int) -> str:
    """What a container's loop is; empty when it is in none."""
    reason, message = waiting(status)
    where, restarts = f"{ref_of(pod)} container {container.get('name')}", int(status.get("restartCount") or 0)
    down = (status.get("state") or {}).get("terminated") or {}
    if (reason == "CrashLoopBackOff" or (down and down.get("exitCode") != 0)) and restarts >= limit:
        return f"{where}: {reason or down.get('reason')} after {restarts} restarts"
    if reason not in rules_images.REASONS:
        return ""
    lasting = reason != "ErrImagePull" or scene.seen.age(pod["metadata"].get("creationTimestamp")) >= PULL_PATIENCE
    return f"{where}: {reason}: {message[:200]}" if lasting else ""


async def slow(scene: Scene) -> Judged:
    """The slowest answer takes longer than the threshold; what does not answer is not slow."""
    limit = scene.app.spec.triggers.slower_than_seconds
    judged = Judged(threshold=f"{limit:g} s")
    if scene.simulated:
        judged.unknown, judged.simulated = "no endpoint answers in a simulation", True
        return judged
    rows = [row for row in await check_endpoints.measure(scene) if row.status is not None]
    if not rows:
        judged.unknown = "no endpoint answers"
        return judged
    for row in rows:
        if row.seconds > limit:
            judged.fired.append(f"{row.method} {row.service}{row.path} took {row.seconds:.2f} s")
    slowest = max(rows, key=lambda row: row.seconds)
    judged.facts.append(f"the slowest of {len(rows)} is {slowest.service}{slowest.path} with {slowest.seconds:.3f} s")
    return judged


async def vulnerability(scene: Scene) -> Judged:
    """A critical finding in what runs; known vulnerabilities of images only where a scanner is installed."""
    judged = Judged(threshold="a critical finding")
    pods = list(scene.seen.live_pods())
    judged.fired += [f"{f.object}: {f.message}" for f in policy.dangers(pods)]
    exposed = await check_exposure.find(scene.kube, scene.seen, scene.namespace)
    judged.fired += [e.said for e in exposed]
    judged.facts.append(f"{len(pods)} pods looked at for privileges, and for secrets in configuration")
    scanner = process.which("trivy")
    if scanner is None:
        judged.unknown = "no scanner configured: install trivy to have images searched for known vulnerabilities"
        return judged
    for image in manifests.images(pods):
        found, trouble = await scan(scanner, image)
        judged.fired += [f"image {image}: {line}" for line in found]
        judged.facts += [f"image {image}: {trouble or f'{len(found)} critical vulnerabilities'}"]
        judged.unknown = judged.unknown or trouble
    return judged


async def scan(scanner: str, image: str) -> tuple[list[str], str]:
    """The critical vulnerabilities that trivy names in an image, and why it could not look (empty when it could)."""
    argv = [scanner, "image", "--quiet", "--format", "json", "--severity", "CRITICAL", "--ignore-unfixed", image]
    done = await process.run(argv, timeout=SCAN_SECONDS, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return [], f"trivy could not look: {done.last_words(200)}"
    results = report.get("Results") or [] if isinstance(report, dict) else []
    found = [v for result in results for v in result.get("Vulnerabilities") or []]
    return sorted({f"{v.get('VulnerabilityID')} in {v.get('PkgName')}" for v in found}), ""


async def data_corruption(scene: Scene) -> Judged:
    """The database's claim is lost, or its log speaks of corruption."""
    judged = Judged()
    database = scene.app.spec.database
    if database is None or scene.external_database:
        judged.unknown = "the database is outside of the cluster, and is not asked"
        return judged
    for claim in await claims_of_database(scene):
        lost = claim.phase in ("Lost", "missing")
        (judged.fired if lost else judged.facts).append(f"claim {claim.name} is {claim.phase}")
    lines = 0
    for pod in scene.pods_of(database.name):
        for container, status in states(pod):
            if not status.get("containerID"):
                continue
            log = await scene.kube.logs(scene.namespace, ref_of(pod).name, str(container["name"]), tail=1000)
            lines += len(log.splitlines())
            judged.fired += [
                f"log of {ref_of(pod)}: {line[:300]}" for line in log.splitlines() if CORRUPTION.search(line)
            ]
    judged.facts.append(f"{lines} log lines of {database.name} searched for reports of corruption")
    judged.facts.append("whether records can be read back is check_persistence's to say")
    if not lines:
        judged.unknown = f"there is no log of {database.name} to look at"
    return judged


CHECKS: dict[str, Callable[[Scene], Awaitable[Judged]]] = {
    "unhealthy": unhealthy,
    "vulnerability": vulnerability,
    "data-corruption": data_corruption,
    "slow": slow,
    "crash-loop": crash_loop,
}
"""Trigger → its check. A test sees to it that every trigger has one."""
