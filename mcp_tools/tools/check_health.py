"""check_health: every pod of the application runs, is ready, stays up, and keeps within its limits."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import anyio
from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, tool
from mcp_tools.diagnosis import rules
from mcp_tools.diagnosis.findings import Finding
from mcp_tools.diagnosis.rules_common import wanted
from mcp_tools.diagnosis.snapshot import Manifest, last_end, ready, ref_of, states
from mcp_tools.engines.rollout import pod_line
from mcp_tools.errors import LongshoreError
from mcp_tools.tools.check_common import CheckInput, CheckOutput, Scene, mark, mebibytes
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

RECENT = 600.0
"""Seconds: a restart within them means that the pod is not stable; older ones are reported only."""
CROWDED = 0.9
"""Share of the memory limit above which a container is about to be killed."""
LOG_LINES = 500
_UNKNOWN = "whether the processes really start, stay up, and keep within their limits: none of them ran"
_LEVEL = re.compile(r"\b(?:ERROR|CRITICAL|FATAL|PANIC)\b|Traceback \(most recent call last\)")
_LEVEL_FIELD = re.compile(r"\"(?:level|severity|levelname)\"\s*:\s*\"(?:error|critical|fatal)\"", re.IGNORECASE)
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class PodHealth(BaseModel):
    """One pod."""

    service: str
    name: str
    phase: str
    ready: str
    restarts: int
    reason: Untrusted = ""
    memory_mib: float | None = None
    memory_limit_mib: float | None = None
    cpu_millicores: float | None = None
    cpu_limit_millicores: float | None = None
    measured: str = Field("not measured", description="metrics API, the container's own cgroup, or not measured")
    problems: list[Untrusted] = Field(default_factory=list)


class ErrorLines(BaseModel):
    """Lines of a container's log that speak of an error; the first of them are shown."""

    service: str
    pod: str
    container: str
    count: int
    first: list[Untrusted]


class CheckHealthOutput(CheckOutput):
    """``ok``: every service has its pods, ready and not restarted lately. Error lines are for a person to judge."""

    pods: list[PodHealth]
    restarts: int = Field(description="Of all containers, since they were made")
    error_lines: list[ErrorLines]
    findings: list[Finding] = Field(default_factory=list, description="What diagnosis says when it is not ok")

    def text(self) -> str:
        """A line per pod, the error lines, the findings."""
        lines = [f"{mark(self.ok)} {len(self.pods)} pods, {self.restarts} restarts {self.reason}".rstrip()]
        for p in self.pods:
            used = "" if p.memory_mib is None else f", {p.memory_mib} of {p.memory_limit_mib or '∞'} MiB ({p.measured})"
            lines.append(f"  {p.name}  {p.ready}  {p.reason or p.phase}  restarts={p.restarts}{used}")
            lines += [f"    problem: {problem}" for problem in p.problems]
        for e in self.error_lines:
            lines += [f"  {e.count} error lines in {e.pod}/{e.container}:", *(f"    {line}" for line in e.first)]
        lines += [f"  {f.code} {f.object.kind}/{f.object.name}: {f.root_cause}" for f in self.findings]
        return "\n".join(lines)


@tool(domain="diagnostics", title="Check health", effect=Effect.READ)
async def check_health(args: CheckInput, call: Call) -> CheckHealthOutput:
    """Check that all pods of an application run and are ready, with restarts, usage against limits, and error lines.

    A restart fails it only when it is less than ten minutes old; error lines are counted and shown, not judged.
    """
    scene = await Scene.look(call, args.application)
    metrics = await _metrics(scene)
    rows: list[PodHealth] = []
    errors: list[ErrorLines] = []
    problems: list[str] = []
    for name in scene.releases:
        problems += _missing(scene, name)
        for pod in scene.pods_of(name):
            row = _row(scene, name, pod)
            rows.append(row)
            problems += [f"{row.name}: {problem}" for problem in row.problems]
            async with anyio.create_task_group() as group:
                group.start_soon(_usage, scene, name, pod, row, metrics)
                group.start_soon(_errors, scene, name, pod, errors)
            problems += [f"{row.name}: {p}" for p in row.problems if f"{row.name}: {p}" not in problems]
    restarts = sum(row.restarts for row in rows)
    facts = [f"{row.name}: {row.phase}, {row.ready} ready, {row.restarts} restarts" for row in rows]
    facts += [f"{row.name}: {row.memory_mib} MiB of {row.memory_limit_mib} MiB" for row in rows if row.memory_mib]
    facts.append(f"{sum(e.count for e in errors)} error lines in the last {LOG_LINES} lines of each log")
    return CheckHealthOutput(
        ok=not problems,
        reason=problems[0] if problems else "",
        evidence=facts,
        pods=rows,
        restarts=restarts,
        error_lines=sorted(errors, key=lambda e: (e.service, e.pod)),
        findings=rules.diagnose(scene.seen) if problems else [],
        unknown=[_UNKNOWN] if call.world.simulated else [],
    )


def _missing(scene: Scene, name: str) -> list[str]:
    owners = scene.workloads_of(name)
    if not owners:
        return [f"{name} is not installed in {scene.namespace}"]
    declared = next((s.replicas for s in scene.app.spec.services if s.name == name), 1)
    if declared and not any(w.get("kind") == "DaemonSet" or wanted(w) for w in owners):
        return [f"{name} is scaled to zero"]
    lack = sum(wanted(w) for w in owners if w.get("kind") != "DaemonSet") - len(scene.pods_of(name))
    return [f"{name} lacks {lack} of its pods"] if lack > 0 else []


def _row(scene: Scene, name: str, pod: Manifest) -> PodHealth:
    line = pod_line(pod)
    row = PodHealth(
        service=name, name=line.name, phase=line.phase, ready=line.ready, restarts=line.restarts, reason=line.reason
    )
    if line.phase != "Running":
        row.problems.append(f"is {line.reason or line.phase}")
    elif not ready(pod):
        row.problems.append(f"is not ready{f' ({line.reason})' if line.reason else ''}")
    for container, status in states(pod):
        ended = last_end(status)
        if int(status.get("restartCount") or 0) and scene.seen.age(ended.get("finishedAt")) < RECENT:
            row.problems.append(
                f"container {container['name']} restarted less than ten minutes ago "
                f"({ended.get('reason')}, exit code {ended.get('exitCode')})"
            )
    return row


async def _metrics(scene: Scene) -> dict[str, Manifest]:
    """Pod → its metrics; empty when there is no metrics API."""
    try:
        items = await scene.kube.list("metrics.k8s.io/v1beta1", "PodMetrics", scene.namespace)
    except LongshoreError:
        return {}
    return {str(item["metadata"]["name"]): item for item in items}


async def _usage(scene: Scene, name: str, pod: Manifest, row: PodHealth, metrics: dict[str, Manifest]) -> None:
    limits: dict[str, Any] = {}
    place = scene.place(pod, name)
    for container in pod["spec"]["containers"]:
        if container["name"] == place.container:
            limits = (container.get("resources") or {}).get("limits") or {}
    row.memory_limit_mib = mebibytes(_size(limits.get("memory")))
    row.cpu_limit_millicores = _millicores(limits.get("cpu"))
    measured = [c for c in (metrics.get(row.name) or {}).get("containers") or [] if c["name"] == place.container]
    if measured:
        row.memory_mib = mebibytes(_size(measured[0]["usage"].get("memory")))
        row.cpu_millicores = _millicores(measured[0]["usage"].get("cpu"))
        row.measured = "metrics API"
    elif row.phase == "Running" and not scene.simulated:
        try:
            used, limit = await scene.kube.memory_usage(*place)
        except LongshoreError:
            return
        if used is not None:
            row.memory_mib, row.measured = mebibytes(used), "cgroup"
            row.memory_limit_mib = row.memory_limit_mib or mebibytes(limit)
    if row.memory_mib and row.memory_limit_mib and row.memory_mib > CROWDED * row.memory_limit_mib:
        row.problems.append(f"uses {row.memory_mib} MiB of its limit of {row.memory_limit_mib} MiB")


def _size(text: Any) -> int | None:
    """A quantity of memory in bytes."""
    found = re.fullmatch(r"([0-9.]+)(Ki|Mi|Gi|Ti|k|M|G|T|m)?", str(text or ""))
    if not found:
        return None
    try:
        number = Decimal(found[1])
    except InvalidOperation:
        return None
    return int(number / 1000 if found[2] == "m" else number * _UNITS.get(found[2] or "", 1))


def _millicores(text: Any) -> float | None:
    """A quantity of CPU in thousandths of a core."""
    found = re.fullmatch(r"([0-9.]+)(n|u|m)?", str(text or ""))
    if not found:
        return None
    return round(float(found[1]) * {"n": 1e-6, "u": 1e-3, "m": 1.0, None: 1000.0}[found[2]], 1)


async def _errors(scene: Scene, name: str, pod: Manifest, into: list[ErrorLines]) -> None:
    for container, status in states(pod):
        if not status.get("containerID"):
            continue
        try:
            log = await scene.kube.logs(scene.namespace, ref_of(pod).name, str(container["name"]), tail=LOG_LINES)
        except LongshoreError:
            continue
        found = error_lines(log)
        if found:
            first = [line.strip()[:300] for line in found[:5]]
            box = str(container["name"])
            into.append(ErrorLines(service=name, pod=ref_of(pod).name, container=box, count=len(found), first=first))


def error_lines(log: str) -> list[str]:
    """The lines of a log whose level is error or worse, or that begin a Python traceback.

    Lower-case words in a sentence ("0 errors", "error handler ready") are no level.
    """
    return [line for line in log.splitlines() if _LEVEL.search(line) or _LEVEL_FIELD.search(line)]
