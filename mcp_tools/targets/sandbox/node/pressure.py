"""What faults and a short node do to pods: eviction, refusal of new ones, behaviour that changes while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.node import behaviour as behaviours
from mcp_tools.targets.sandbox.node import ending, status
from mcp_tools.targets.sandbox.node.demand import demand_of
from mcp_tools.targets.sandbox.node.runtime import PodRun
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.node.kubelet import Kubelet

RESOURCES = {"memory": "memory", "disk": "ephemeral-storage", "pid": "pids"}
CONDITIONS = {"memory": "MemoryPressure", "disk": "DiskPressure", "pid": "PIDPressure"}


def changed(kubelet: Kubelet) -> None:
    """Faults were put in or taken back: whatever looks at the network looks again."""
    for run in kubelet.pods.values():
        for slot in run.slots:
            if slot.up is not None and slot.up.process is not None:
                slot.up.process.poke()


def refresh(kubelet: Kubelet, run: PodRun, pod: Obj) -> None:
    """Apply the faults of now to a pod that runs: eviction, and another behaviour of its containers."""
    if run.outcome is not None or run.finished or run.stopping:
        return
    pressures = kubelet.faults.pressures(kubelet.node)
    for name in sorted(pressures & set(RESOURCES)):
        if run.shown and evictable(kubelet, run, pod, RESOURCES[name]):
            ending.evict(kubelet, run, pod, ending.pressure_message(run, RESOURCES[name]))
            return
    for slot in run.slots:
        current = slot.up
        if current is None or current.process is None or current.stop_at is not None:
            continue
        try:
            wanted = kubelet.faults.behaviour(pod, slot.spec) or behaviours.annotated(pod, slot.name)
        except behaviours.NotABehaviour:
            continue
        if wanted != current.behaviour:
            _change(kubelet, run, slot, wanted)


def _change(kubelet: Kubelet, run: PodRun, slot, wanted: behaviours.Behaviour | None) -> None:  # type: ignore[no-untyped-def]
    """The process behaves differently from now on, without having been restarted."""
    from mcp_tools.targets.sandbox.node import programs

    current = slot.up
    old = current.process
    current.behaviour = wanted
    steps = programs.launch(current.box, wanted)
    if isinstance(steps, programs.StartError):
        old.kill(kubelet.time.now(), steps.code)
        return
    old.steps.close()
    old.steps, old.at, old.care = steps, kubelet.time.now(), "time"
    old.ports, old.memory = {}, 0


def evictable(kubelet: Kubelet, run: PodRun, pod: Obj, resource: str) -> bool:
    """Whether the pod is among those that go first: it uses more than it asked for, and is not critical."""
    if int(pod["spec"].get("priority") or 0) >= ending.CRITICAL or _static(pod):
        return False
    for slot in run.mains:
        written = ((slot.spec.get("resources") or {}).get("requests") or {}).get(resource, "0")
        if ending.usage_of(slot, resource) > quantity.parse(written).value:
            return True
    return False


def _static(pod: Obj) -> bool:
    return "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {})


def refusal(kubelet: Kubelet, pod: Obj) -> tuple[str, str] | None:
    """Why the node does not take a new pod: reason and message."""
    pressures = sorted(kubelet.faults.pressures(kubelet.node) & set(CONDITIONS))
    critical = int(pod["spec"].get("priority") or 0) >= ending.CRITICAL or _static(pod)
    if pressures and not critical:
        best_effort = status.qos_class(pod) == "BestEffort"
        if pressures != ["memory"] or best_effort:
            named = " ".join(CONDITIONS[name] for name in pressures)
            return "Evicted", f"The node had condition: [{named}]. "
    return _does_not_fit(kubelet, pod)


def _does_not_fit(kubelet: Kubelet, pod: Obj) -> tuple[str, str] | None:
    """What a pod meets that was bound by hand: the scheduler has not looked at it."""
    conditions = {entry["type"] for entry in (pod.get("status") or {}).get("conditions") or ()}
    if "PodScheduled" in conditions or _static(pod) or not kubelet.allocatable:
        return None
    used: dict[str, int] = {}
    for ref in kubelet.pods:
        other = kubelet.store.at(ref)
        if other is not None and (other.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            for name, amount in demand_of(other).amounts.items():
                used[name] = used.get(name, 0) + amount
    wanted = demand_of(pod)
    for name, asked in wanted.amounts.items():
        have = quantity.parse(kubelet.allocatable.get(name, "0"))
        scale = 1000 if name == "cpu" else 1
        capacity, taken = int(have.amount * scale), used.get(name, 0)
        if asked and asked + taken > capacity:
            return (
                f"OutOf{name}",
                f"Node didn't have enough resource: {name}, requested: {asked}, used: {taken}, capacity: {capacity}",
            )
    room = int(quantity.parse(kubelet.allocatable.get("pods", "110")).amount)
    if len(kubelet.pods) + 1 > room:
        return "OutOfpods", f"Node didn't have enough resource: pods, requested: 1, used: {room}, capacity: {room}"
    return None
