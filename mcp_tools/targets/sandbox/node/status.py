"""The status of a pod, as a kubelet of 1.33 with cri-dockerd writes it.

Source: ``pkg/kubelet/kubelet_pods.go`` (getPhase, convertToAPIContainerStatuses), ``pkg/kubelet/status/generate.go``.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.node.runtime import NodeTime, PodRun, Run, Slot
from mcp_tools.targets.sandbox.store import Obj

OWNED = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
NOT_READY = "ContainersNotReady"


def status_of(run: PodRun, pod: Obj, time: NodeTime, host_ip: str) -> Obj:
    """The whole status."""
    old = pod.get("status") or {}
    stamp = time.stamp(time.now())
    phase = run.outcome[0] if run.outcome is not None else phase_of(run, pod)
    status: Obj = {"phase": phase, "conditions": _conditions(run, pod, phase, stamp)}
    if run.outcome is not None:
        status |= {key: value for key, value in zip(("reason", "message"), run.outcome[1:], strict=True) if value}
    status |= {"hostIP": host_ip, "hostIPs": [{"ip": host_ip}]}
    if run.ip:
        status |= {"podIP": run.ip, "podIPs": [{"ip": run.ip}]}
    status["startTime"] = old.get("startTime") or time.stamp(run.started)
    waits_for_init = any(slot.role != "main" for slot in run.slots)
    inits = [container_status(slot, run, time, default_wait="PodInitializing") for slot in run.inits]
    if inits:
        status["initContainerStatuses"] = inits
    wait = "PodInitializing" if waits_for_init else "ContainerCreating"
    status["containerStatuses"] = [container_status(slot, run, time, default_wait=wait) for slot in run.mains]
    for kept in ("nominatedNodeName", "ephemeralContainerStatuses", "resourceClaimStatuses"):
        if kept in old and kept != "nominatedNodeName":
            status[kept] = old[kept]
    status["qosClass"] = old.get("qosClass") or qos_class(pod)
    return status


# -- containers ----------------------------------------------------------------------------------------------------


def container_status(slot: Slot, run: PodRun, time: NodeTime, *, default_wait: str) -> Obj:
    """The status of one container."""
    current = slot.run
    state, last = _states(slot, time, default_wait)
    found: Obj = {
        "name": slot.name,
        "state": state,
        "lastState": last,
        "ready": slot.ready,
        "restartCount": slot.restarts,
        "image": (current.image if current is not None else "") or slot.spec["image"],
        "imageID": current.image_id if current is not None else "",
    }
    if current is not None:
        found["containerID"] = f"docker://{current.id}"
    found["started"] = current is not None and current.running and current.passed_startup
    if slot.role != "init" and current is not None:
        resources = slot.spec.get("resources") or {}
        shown = {key: dict(resources[key]) for key in ("limits", "requests") if resources.get(key)}
        if shown.get("requests"):
            found["allocatedResources"] = dict(shown["requests"])
        found["resources"] = shown
    mounts = [_mount(entry) for entry in slot.spec.get("volumeMounts") or ()]
    if mounts:
        found["volumeMounts"] = mounts
    return found


def _mount(entry: Obj) -> Obj:
    found: Obj = {"name": entry["name"], "mountPath": entry["mountPath"]}
    if entry.get("readOnly"):
        found |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return found


def _states(slot: Slot, time: NodeTime, default_wait: str) -> tuple[Obj, Obj]:
    """``state`` and ``lastState``."""
    current = slot.run
    last: Obj = {} if slot.last is None else {"terminated": terminated(slot.last, time)}
    if current is not None and current.running:
        return {"running": {"startedAt": time.stamp(current.started)}}, last
    if slot.waiting is not None:
        reason, message = slot.waiting
        state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        return state, last if current is None else {"terminated": terminated(current, time)}
    if current is not None:
        return {"terminated": terminated(current, time)}, last
    return {"waiting": {"reason": default_wait}}, last


def terminated(run: Run, time: NodeTime) -> Obj:
    """A terminated state."""
    found: Obj = {"exitCode": run.code, "reason": run.reason}
    if run.message:
        found["message"] = run.message
    found["startedAt"] = time.stamp(run.started)
    found["finishedAt"] = time.stamp(run.started if run.finished is None else run.finished)
    found["containerID"] = f"docker://{run.id}"
    return found


# -- the pod -------------------------------------------------------------------------------------------------------


def initialized(run: PodRun) -> bool:
    """Whether every init container has done its part."""
    mains_ran = any(slot.run is not None for slot in run.mains)
    return mains_ran or all(_init_done(slot) for slot in run.inits)


def _init_done(slot: Slot) -> bool:
    if slot.role == "sidecar":
        return slot.run is not None and slot.run.passed_startup and (slot.run.running or slot.restarts > 0)
    return slot.run is not None and slot.run.finished is not None and slot.run.code == 0


def restarts(slot: Slot, policy: str) -> bool:
    """Whether the container is started again after its run ended."""
    if slot.role == "sidecar":
        return True
    assert slot.run is not None
    if slot.role == "init":
        return slot.run.code != 0 and policy != "Never"
    return policy == "Always" or (policy == "OnFailure" and slot.run.code != 0)


def phase_of(run: PodRun, pod: Obj) -> str:
    """The phase by the states of the containers."""
    policy = pod["spec"].get("restartPolicy", "Always")
    if not initialized(run):
        failed = [s for s in run.inits if s.role == "init" and s.run is not None and s.run.finished and s.run.code]
        return "Failed" if failed and policy == "Never" and run.mains and not any(s.up for s in failed) else "Pending"
    running = waiting = stopped = failed_ones = 0
    for slot in run.mains:
        if slot.up is not None:
            running += 1
        elif slot.run is not None or slot.last is not None:
            stopped += 1
            ended = slot.run or slot.last
            failed_ones += ended is not None and ended.code != 0
        else:
            waiting += 1
    if waiting:
        return "Pending"
    if running:
        return "Running"
    if not stopped:
        return "Pending"
    if run.stopping:
        return "Failed" if failed_ones else "Succeeded"
    if policy == "Always":
        return "Running"
    if not failed_ones:
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def _conditions(run: PodRun, pod: Obj, phase: str, stamp: str) -> list[Obj]:
    old = {entry["type"]: entry for entry in (pod.get("status") or {}).get("conditions") or ()}
    unready = [slot.name for slot in run.slots if slot.role != "init" and not slot.ready]
    known: dict[str, tuple[bool, str, str]] = {}
    known["PodReadyToStartContainers"] = (bool(run.ip) and phase not in ("Succeeded", "Failed"), "", "")
    known["Initialized"] = _initialized_condition(run, phase)
    ready = _ready_condition(unready, phase)
    known["Ready"] = _with_gates(pod, old, ready)
    known["ContainersReady"] = ready
    known["PodScheduled"] = (True, "", "")
    if run.disruption:
        old_one = old.pop("DisruptionTarget", None)
        entry = condition("DisruptionTarget", True, "TerminationByKubelet", run.disruption, old_one, stamp)
        old["DisruptionTarget"] = entry
    found = [entry for kind, entry in old.items() if kind not in OWNED]
    for kind, (value, reason, message) in known.items():
        found.append(condition(kind, value, reason, message, old.get(kind), stamp))
    return found


def condition(kind: str, value: bool, reason: str, message: str, old: Obj | None, stamp: str) -> Obj:
    """A condition of a pod; its time changes with its status only."""
    text = "True" if value else "False"
    since = old["lastTransitionTime"] if old is not None and old["status"] == text else stamp
    found: dict[str, Any] = {"type": kind, "status": text, "lastProbeTime": None, "lastTransitionTime": since}
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def _initialized_condition(run: PodRun, phase: str) -> tuple[bool, str, str]:
    if phase == "Succeeded":
        return True, "PodCompleted", ""
    if initialized(run):
        return True, "", ""
    names = [slot.name for slot in run.inits if not _init_done(slot)]
    return False, "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(names)}]"


def _ready_condition(unready: list[str], phase: str) -> tuple[bool, str, str]:
    if phase == "Succeeded":
        return False, "PodCompleted", ""
    if phase == "Failed":
        return False, "PodFailed", ""
    if unready:
        return False, NOT_READY, f"containers with unready status: [{' '.join(unready)}]"
    return True, "", ""


def _with_gates(pod: Obj, old: dict[str, Obj], ready: tuple[bool, str, str]) -> tuple[bool, str, str]:
    if not ready[0]:
        return ready
    problems = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        if kind not in old:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif old[kind]["status"] != "True":
            problems.append(f'the status of pod readiness gate "{kind}" is not "True", but {old[kind]["status"]}')
    return (False, "ReadinessGatesNotReady", ", ".join(problems)) if problems else ready


def qos_class(pod: Obj) -> str:
    """Guaranteed, Burstable or BestEffort."""
    requests: dict[str, quantity.Quantity] = {}
    limits: dict[str, quantity.Quantity] = {}
    guaranteed = True
    spec = pod["spec"]
    for box in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = box.get("resources") or {}
        asked = {k: quantity.parse(v) for k, v in (resources.get("requests") or {}).items() if k in ("cpu", "memory")}
        limited = {k: quantity.parse(v) for k, v in (resources.get("limits") or {}).items() if k in ("cpu", "memory")}
        asked = {k: v for k, v in asked.items() if v}
        limited = {k: v for k, v in limited.items() if v}
        requests, limits = quantity.add(requests, asked), quantity.add(limits, limited)
        guaranteed = guaranteed and set(limited) == {"cpu", "memory"}
    if not requests and not limits:
        return "BestEffort"
    same = guaranteed and requests == limits
    return "Guaranteed" if same else "Burstable"
