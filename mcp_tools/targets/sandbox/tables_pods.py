"""The columns of pods: what ``kubectl get pods`` shows as READY, STATUS and RESTARTS.

Source: ``printPod`` of the API server's printers.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox.store import Obj
from mcp_tools.targets.sandbox.tables_common import AGE, NAME, NONE, age, column, containers, holds, labels, since

COLUMNS = (
    NAME,
    column("Ready"),
    column("Status"),
    column("Restarts"),
    AGE,
    column("IP", priority=1),
    column("Node", priority=1),
    column("Nominated Node", priority=1),
    column("Readiness Gates", priority=1),
)
TEMPLATE_COLUMNS = (NAME, column("Containers"), column("Images"), column("Pod Labels"))
CONDITIONS = {
    "Succeeded": ("Succeeded", "The pod has completed successfully."),
    "Failed": ("Failed", "The pod failed."),
}


class _Count:
    """What is summed up over the containers."""

    def __init__(self, reason: str) -> None:
        self.reason, self.ready, self.restarts, self.last = reason, 0, 0, ""

    def restarted(self, status: dict[str, Any]) -> None:
        self.restarts += status.get("restartCount") or 0
        ended = (status.get("lastState") or {}).get("terminated")
        if ended and (ended.get("finishedAt") or "") > self.last:
            self.last = ended["finishedAt"]


def cells(pod: Obj, now: float) -> list[Any]:
    """The row of a pod."""
    spec, status, meta = pod.get("spec") or {}, pod.get("status") or {}, pod["metadata"]
    count = _Count(status.get("reason") or status.get("phase") or "")
    for entry in status.get("conditions") or ():
        if entry.get("type") == "PodScheduled" and entry.get("reason") == "SchedulingGated":
            count.reason = "SchedulingGated"
    sidecars = {one["name"] for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"}
    aside = _Count("")
    initializing = _init(status, spec, sidecars, count, aside)
    if not initializing or holds(pod, "Initialized"):
        count.restarts, count.last = aside.restarts, aside.last
        _main(pod, status, count)
    if meta.get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            count.reason = "Unknown"
        elif status.get("phase") not in {"Succeeded", "Failed"}:
            count.reason = "Terminating"
    restarts = str(count.restarts)
    if count.restarts and count.last:
        restarts = f"{count.restarts} ({since(count.last, now)} ago)"
    total = len(spec.get("containers") or ()) + len(sidecars)
    ips = status.get("podIPs") or ()
    return [
        meta["name"],
        f"{count.ready}/{total}",
        count.reason,
        restarts,
        age(pod, now),
        ips[0].get("ip") or NONE if ips else NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(spec, status),
    ]


def _init(status: dict[str, Any], spec: dict[str, Any], sidecars: set[str], count: _Count, aside: _Count) -> bool:
    """Go through the init containers up to the first that is not done; whether there is one."""
    for place, entry in enumerate(status.get("initContainerStatuses") or ()):
        count.restarted(entry)
        if entry["name"] in sidecars:
            aside.restarted(entry)
        state = entry.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended and ended.get("exitCode") == 0:
            continue
        if entry["name"] in sidecars and entry.get("started"):
            count.ready += bool(entry.get("ready"))
            continue
        if ended:
            count.reason = f"Init:{_ending(ended)}"
        elif waiting.get("reason") and waiting["reason"] != "PodInitializing":
            count.reason = f"Init:{waiting['reason']}"
        else:
            count.reason = f"Init:{place}/{len(spec.get('initContainers') or ())}"
        return True
    return False


def _main(pod: Obj, status: dict[str, Any], count: _Count) -> None:
    running = False
    for entry in reversed(status.get("containerStatuses") or []):
        count.restarted(entry)
        state = entry.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if waiting.get("reason"):
            count.reason = waiting["reason"]
        elif ended:
            count.reason = _ending(ended)
        elif entry.get("ready") and state.get("running") is not None:
            running = True
            count.ready += 1
    if count.reason == "Completed" and running:
        count.reason = "Running" if holds(pod, "Ready") else "NotReady"


def _ending(ended: dict[str, Any]) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _gates(spec: dict[str, Any], status: dict[str, Any]) -> str:
    gates = spec.get("readinessGates") or ()
    if not gates:
        return NONE
    true = {entry["type"] for entry in status.get("conditions") or () if entry.get("status") == "True"}
    return f"{sum(gate.get('conditionType') in true for gate in gates)}/{len(gates)}"


def conditions(pod: Obj) -> list[dict[str, str]]:
    """The row's condition: kubectl leaves completed pods out of some listings by it."""
    found = CONDITIONS.get((pod.get("status") or {}).get("phase", ""))
    if found is None:
        return []
    return [{"type": "Completed", "status": "True", "reason": found[0], "message": found[1]}]


def template_cells(obj: Obj, now: float) -> list[Any]:
    """The row of a PodTemplate."""
    template = obj.get("template") or {}
    return [obj["metadata"]["name"], *containers(template), labels((template.get("metadata") or {}).get("labels"))]
