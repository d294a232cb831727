"""Containers that start and do not stay, or run and are not ready."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_tools.diagnosis import fixes
from mcp_tools.diagnosis.findings import Draft, Severity
from mcp_tools.diagnosis.rules_common import about, last_line, subject
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, last_end, message_of, ready, ref_of, states, waiting

RECENT = 600.0
"""Seconds: an end that lies further back, of a container that is ready again, is history."""
PROBES = {"Liveness": "livenessProbe", "Readiness": "readinessProbe", "Startup": "startupProbe"}


def containers(snapshot: Snapshot) -> Iterator[Draft]:
    """At most one draft per container: cannot start, out of memory, crash, or a failing probe."""
    for pod in snapshot.live_pods():
        for container, status in states(pod):
            found = (
                _cannot_start(snapshot, pod, container, status)
                or _ended(snapshot, pod, container, status)
                or _unready(snapshot, pod, container, status)
            )
            if found is not None:
                _with_rollback(snapshot, found)
                yield found


def _with_rollback(snapshot: Snapshot, draft: Draft) -> None:
    back, proof = fixes.rollback(snapshot, draft.object)
    if back is not None and draft.fix is None:
        draft.fix = back
        draft.evidence.append(proof)


def _draft(snapshot: Snapshot, pod: Manifest, code: str, cause: str, evidence: list[str]) -> Draft:
    return Draft(code, subject(snapshot, pod), cause, evidence, about=about(snapshot, pod))


def _cannot_start(snapshot: Snapshot, pod: Manifest, container: Manifest, status: Manifest) -> Draft | None:
    name = container.get("name")
    reason, message = waiting(status)
    ended = last_end(status)
    if reason in ("RunContainerError", "CreateContainerError", "StartError"):
        why = message
    elif ended.get("reason") in ("ContainerCannotRun", "StartError") and not status.get("ready"):
        why = " ".join(str(ended.get("message") or "").split())
    else:
        return None
    program = re.search(r'exec: "([^"]+)": (?:executable file not found|stat [^:]+: no such file)', why)
    cause = f"container {name} cannot be started: {why[:300]}"
    if program:
        cause = f"container {name} cannot be started: the image has no program {program[1]!r}"
    draft = _draft(snapshot, pod, "CONTAINER_CANNOT_START", cause, [f"container {name}: {why[:400]}"])
    draft.remedy = "correct command and args, or the image's entry point"
    return draft


def _ended(snapshot: Snapshot, pod: Manifest, container: Manifest, status: Manifest) -> Draft | None:
    ended = last_end(status)
    restarts = int(status.get("restartCount") or 0)
    looping = waiting(status)[0] == "CrashLoopBackOff"
    down = bool((status.get("state") or {}).get("terminated")) and ended.get("reason") != "Completed"
    if not ended or not (looping or down or (restarts and snapshot.age(ended.get("finishedAt")) < RECENT)):
        return None
    name, code, reason = container.get("name"), ended.get("exitCode"), str(ended.get("reason") or "ended")
    log = snapshot.log(pod, str(name))
    evidence = [f"container {name}: {reason} with exit code {code}, {restarts} restarts"]
    if reason == "OOMKilled":
        draft = _out_of_memory(snapshot, pod, container, evidence)
    elif killed := _killed_by_probe(snapshot, pod):
        draft = _probe(snapshot, pod, container, *killed)
        draft.evidence += evidence
    else:
        draft = _crash(snapshot, pod, container, str(code), evidence, last_line(log))
    if status.get("ready") and not looping:
        if restarts < 2 and draft.code == "CRASH_LOOP":
            return None  # one restart, and it runs again: check_health counts it
        draft.severity = Severity.WARNING
    draft.text = log
    return draft


def _out_of_memory(snapshot: Snapshot, pod: Manifest, container: Manifest, evidence: list[str]) -> Draft:
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    of = f" of {limit}" if limit else ""
    cause = f"container {container.get('name')} is killed for using more memory than its limit{of}"
    draft = _draft(snapshot, pod, "OOM_KILLED", cause, evidence)
    draft.remedy = "raise resources.limits.memory, or find what uses the memory"
    return draft


def _crash(snapshot: Snapshot, pod: Manifest, container: Manifest, code: str, evidence: list[str], last: str) -> Draft:
    how = "ends by itself" if code == "0" else "crashes"
    cause = f"container {container.get('name')} {how} (exit code {code})" + (f": {last}" if last else "")
    if last:
        evidence.append(f"last log line: {last}")
    draft = _draft(snapshot, pod, "CRASH_LOOP", cause, evidence)
    draft.remedy = "read the last lines of its log; correct what they name"
    return draft


def _killed_by_probe(snapshot: Snapshot, pod: Manifest) -> tuple[str, str] | None:
    """(probe, message) when the kubelet kills the container because a probe fails."""
    if not any(re.search(r"failed (liveness|startup) probe", message_of(e)) for e in _events(snapshot, pod, "Killing")):
        return None
    return _unhealthy(snapshot, pod, "Liveness", "Startup")


def _events(snapshot: Snapshot, pod: Manifest, reason: str) -> list[Manifest]:
    return snapshot.events(ref_of(pod), reason)


def _unhealthy(snapshot: Snapshot, pod: Manifest, *probes: str) -> tuple[str, str] | None:
    for event in _events(snapshot, pod, "Unhealthy"):
        message = message_of(event)
        probe = next((p for p in probes if message.startswith(p)), None)
        if probe:
            return probe, message[:400]
    return None


def _unready(snapshot: Snapshot, pod: Manifest, container: Manifest, status: Manifest) -> Draft | None:
    running = (status.get("state") or {}).get("running")
    inits = {c.get("name") for c in (pod.get("spec") or {}).get("initContainers") or []}
    if not running or status.get("ready") or ready(pod) or container.get("name") in inits:
        return None
    found = _unhealthy(snapshot, pod, "Startup", "Liveness", "Readiness")
    if snapshot.age(running.get("startedAt")) < _patience(container, found):
        return None
    probe, message = found or ("Readiness", "the probe has not passed since the container started")
    draft = _probe(snapshot, pod, container, probe, message)
    draft.text = snapshot.log(pod, str(container.get("name")))
    if last := last_line(draft.text):
        draft.evidence.append(f"last log line: {last}")
    return draft


def _patience(container: Manifest, found: tuple[str, str] | None) -> float:
    """Seconds that a container may take until its probes must have passed."""
    longest = 10.0 if found else 60.0
    for field in PROBES.values():
        probe = container.get(field)
        if probe and (field == "startupProbe" or (field == "readinessProbe" and not container.get("startupProbe"))):
            period, failures = int(probe.get("periodSeconds") or 10), int(probe.get("failureThreshold") or 3)
            longest = max(longest, int(probe.get("initialDelaySeconds") or 0) + float(period * failures))
    return longest


def _probe(snapshot: Snapshot, pod: Manifest, container: Manifest, kind: str, message: str) -> Draft:
    name, probe = container.get("name"), container.get(PROBES[kind]) or {}
    http = probe.get("httpGet") or {}
    target = http or probe.get("tcpSocket") or {}
    port, declared = (
        _port(container, target.get("port")),
        [p.get("containerPort") for p in container.get("ports") or []],
    )
    what = f"{kind.lower()} probe of container {name}"
    cause, remedy = f"the {what} fails: {message}", "correct the probe, or what it asks for"
    if isinstance(port, str):
        cause = f"the {what} asks port {port!r}, which the container does not declare"
        remedy = "correct the probe's port"
    elif "refused" in message and port is not None:
        cause = f"the {what} asks port {port}, on which nothing listens"
        if declared and port not in declared:
            cause += f"; the container declares {', '.join(map(str, declared))}"
        remedy = "correct the probe's port, or the port that the program listens on"
    elif (status := re.search(r"statuscode: (\d{3})", message)) and http:
        path = http.get("path") or "/"
        if status[1] == "404":
            cause, remedy = f"the {what} asks {path}, which does not exist (404)", "correct the probe's path"
        else:
            cause = f"the {what} gets {status[1]} from {path}"
            remedy = "the program says that it is not ready: read its log, check what it depends on"
    elif re.search(r"timeout|timed out|deadline exceeded", message, re.IGNORECASE):
        cause = f"the {what} gets no answer within {probe.get('timeoutSeconds') or 1} s"
        remedy = "see why the program is slow, or give the probe more time"
    draft = _draft(snapshot, pod, "PROBE_FAILING", cause, [f"Pod {message}"])
    draft.remedy = remedy
    return draft


def _port(container: Manifest, port: object) -> int | str | None:
    """The number of a probe's port; its name when the container declares no port of that name."""
    if port is None or isinstance(port, int):
        return port
    named = {p.get("name"): p.get("containerPort") for p in container.get("ports") or []}
    found = named.get(str(port))
    return int(found) if found is not None else str(port)


def evicted(snapshot: Snapshot) -> Iterator[Draft]:
    """Pods that a node threw out and whose workload lacks them still."""
    for pod in snapshot.all("Pod"):
        status = pod.get("status") or {}
        if status.get("phase") != "Failed" or status.get("reason") != "Evicted":
            continue
        ref = subject(snapshot, pod)
        if any(ready(other) for other in snapshot.pods_of(ref)):
            continue
        message = " ".join(str(status.get("message", "")).split())
        draft = _draft(snapshot, pod, "POD_EVICTED", f"a node has thrown out the pod: {message[:300]}", [])
        draft.evidence = [f"{ref_of(pod)} Evicted: {message[:300]}"]
        draft.remedy = "free the node's memory or disk; give the container requests that match its use"
        yield draft


def jobs(snapshot: Snapshot) -> Iterator[Draft]:
    """Jobs that gave up."""
    for job in snapshot.all("Job"):
        for condition in (job.get("status") or {}).get("conditions") or []:
            if condition.get("type") != "Failed" or condition.get("status") != "True":
                continue
            ref = ref_of(job)
            message = f"{condition.get('reason', '')}: {' '.join(str(condition.get('message', '')).split())}"
            draft = Draft("JOB_FAILED", ref, f"job {ref.name} has failed ({message})", [f"{ref} Failed=True {message}"])
            for pod in snapshot.pods_of(ref):
                draft.about.add(ref_of(pod))
                for container, _ in states(pod):
                    if last := last_line(snapshot.log(pod, str(container.get("name")))):
                        draft.evidence.append(f"last log line: {last}")
            draft.remedy = "correct what its log names; delete the job, and run it again"
            yield draft


RULES = (containers, evicted, jobs)
