"""The end of containers and pods: deletion with grace, deadlines, eviction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.node import probes, programs
from mcp_tools.targets.sandbox.node.runtime import PodRun, Run, Slot
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.node.kubelet import Kubelet
    from mcp_tools.targets.sandbox.node.sync import Sync

KILLED = 137
THRESHOLDS = {"memory": ("100Mi", "61440Ki"), "ephemeral-storage": ("1Gi", "524288Ki"), "pids": ("1k", "12")}
"""The hard eviction thresholds, and what is said to be left under pressure."""
CRITICAL = 2_000_000_000
"""From that priority on a pod is critical: it is not evicted."""


def stop(sync: Sync, slot: Slot, grace: float) -> None:
    """Ask a container to end: preStop hook, SIGTERM, and SIGKILL when its time is over."""
    run = slot.up
    if run is None:
        return
    if run.stop_at is not None:
        run.stop_at = min(run.stop_at, sync.now + grace)
    else:
        run.stop_at = sync.now + grace
        run.term_at = sync.now + min(_pre_stop(run, slot.spec), grace)
    sync.kubelet.advance(sync.run, slot, sync.now)


def _pre_stop(run: Run, container: Obj) -> float:
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if "sleep" in hook:
        return float(hook["sleep"].get("seconds") or 0)
    if "exec" in hook and run.box is not None:
        return probes.execute(run.box, list(hook["exec"].get("command") or ("true",))).seconds
    return 0.0


def signal(run: Run, now: float) -> None:
    """What SIGTERM and SIGKILL do to a run when their times have come."""
    if not run.running or run.process is None or run.stop_at is None:
        return
    if run.stop_at <= now:
        run.process.kill(now, KILLED)
        return
    if run.term_at is not None and run.term_at <= now:
        run.term_at = None
        if run.box is not None and programs.ignores_term(run.box, run.behaviour):
            return
        said = run.behaviour.on_term if run.behaviour is not None else None
        run.process.kill(now, said or 0)


# -- the pod is deleted --------------------------------------------------------------------------------------------


def terminate(sync: Sync) -> None:
    """Bring a pod that is deleted to its end: containers first, those that stay beside them last."""
    run, meta = sync.run, sync.pod["metadata"]
    grace = float(meta.get("deletionGracePeriodSeconds") or 0)
    first = not run.stopping
    run.stopping = True
    for slot in run.slots:
        slot.retry_at, slot.pull = None, None
        if slot.up is not None and first:
            sync.kubelet.event(sync.pod, slot, "Normal", "Killing", f"Stopping container {slot.name}")
    mains = [slot for slot in run.slots if slot.role != "sidecar"]
    for slot in mains:
        stop(sync, slot, grace)
    if all(slot.up is None for slot in mains):
        for slot in run.slots:
            stop(sync, slot, grace)


def stop_sidecars(sync: Sync) -> None:
    """The containers are done: those that stay beside them are not needed any more."""
    grace = float(sync.pod["spec"].get("terminationGracePeriodSeconds") or 30)
    for slot in sync.run.slots:
        if slot.up is not None and slot.up.stop_at is None:
            sync.kubelet.event(sync.pod, slot, "Normal", "Killing", f"Stopping container {slot.name}")
        if slot.role == "sidecar":
            stop(sync, slot, grace)
    sync.run.stopping = True


def finish(sync: Sync) -> bool:
    """Whether the pod is done with: deleted when that is wanted, left as it is otherwise."""
    run, kubelet = sync.run, sync.kubelet
    if any(slot.up is not None for slot in run.slots):
        return False
    live = kubelet.store.at(run.ref)
    if live is None:
        return True
    if live["metadata"].get("deletionTimestamp") and (run.stopping or run.finished):
        kubelet.remove(live)
        return True
    if (live.get("status") or {}).get("phase") in ("Succeeded", "Failed") and run.shown and not sync.again:
        run.finished = True
        kubelet.addresses.free(run.ip, run.ref)
        return True
    return False


# -- the pod has to go ---------------------------------------------------------------------------------------------


def stop_all(sync: Sync, grace: float | None = None) -> None:
    """End every container of a pod whose end is decided."""
    if grace is None:
        grace = float(sync.pod["spec"].get("terminationGracePeriodSeconds") or 0)
        grace = 0.0 if sync.run.outcome is not None and sync.run.outcome[1] == "Evicted" else grace
    for slot in sync.run.slots:
        slot.retry_at, slot.pull = None, None
        if slot.up is not None and slot.up.stop_at is None:
            sync.kubelet.event(sync.pod, slot, "Normal", "Killing", f"Stopping container {slot.name}")
        stop(sync, slot, grace)


def past_deadline(sync: Sync) -> bool:
    """Whether the pod ran longer than ``activeDeadlineSeconds``; then it fails."""
    limit = sync.pod["spec"].get("activeDeadlineSeconds")
    if limit is None or sync.now < sync.run.started + float(limit):
        return False
    message = "Pod was active on the node longer than the specified deadline"
    sync.kubelet.event(sync.pod, None, "Normal", "DeadlineExceeded", message)
    sync.run.outcome = ("Failed", "DeadlineExceeded", message)
    stop_all(sync)
    return True


def evicted(sync: Sync) -> bool:
    """Whether the pod writes more than it may; then it is evicted."""
    message = _too_much(sync.run)
    if not message:
        return False
    evict(sync.kubelet, sync.run, sync.pod, message, disrupted=False)
    stop_all(sync, 0.0)
    return True


def evict(kubelet: Kubelet, run: PodRun, pod: Obj, message: str, *, disrupted: bool = True) -> None:
    """Decide that the pod is evicted; its next look ends it. What wrote too much itself is not ``disrupted``."""
    kubelet.event(pod, None, "Warning", "Evicted", message)
    run.outcome = ("Failed", "Evicted", message)
    run.disruption = message if disrupted else ""


def _too_much(run: PodRun) -> str:
    for name, volume in (run.volumes or {}).items():
        if volume.kind != "emptyDir" or volume.limit is None or volume.memory:
            continue
        used = sum(sum(files.values()) for key, files in run.shared.items() if key.partition("/")[0] == name)
        if used > volume.limit:
            shown = str(quantity.of(volume.limit, "BinarySI"))
            return f'Usage of EmptyDir volume "{name}" exceeds the limit "{shown}". '
    limit = _disk_limit(run)
    if limit is not None and _disk_used(run) > limit:
        shown = str(quantity.of(limit, "BinarySI"))
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {shown}. "
    for slot in run.slots:
        written = _disk_limit_of(slot)
        if written is None or slot.up is None or slot.up.process is None:
            continue
        if slot.up.process.written.get("", 0) > quantity.parse(written).value:
            return f'Container {slot.name} exceeded its local ephemeral storage limit "{quantity.canonical(written)}". '
    return ""


def _disk_limit_of(slot: Slot) -> str | None:
    limits = (slot.spec.get("resources") or {}).get("limits") or {}
    return limits.get("ephemeral-storage")


def _disk_limit(run: PodRun) -> int | None:
    """What the containers may write together; None when none of them has a limit."""
    limits = [(slot.role, quantity.parse(text).value) for slot in run.slots if (text := _disk_limit_of(slot))]
    together = sum(limit for role, limit in limits if role != "init")
    return max([together, *(limit for role, limit in limits if role == "init")]) if limits else None


def _disk_used(run: PodRun) -> int:
    """What the containers have written to their own layers, and to volumes on the disk."""
    own = sum(slot.up.process.written.get("", 0) for slot in run.slots if slot.up is not None and slot.up.process)
    kept = [name for name, volume in (run.volumes or {}).items() if volume.kind == "emptyDir" and not volume.memory]
    return own + sum(sum(files.values()) for key, files in run.shared.items() if key.partition("/")[0] in kept)


def pressure_message(run: PodRun, resource: str) -> str:
    """Why a pod is evicted from a node that is short of something."""
    threshold, left = THRESHOLDS[resource]
    text = f"The node was low on resource: {resource}. Threshold quantity: {threshold}, available: {left}. "
    for slot in run.mains:
        used = usage_of(slot, resource)
        written = ((slot.spec.get("resources") or {}).get("requests") or {}).get(resource, "0")
        if used > quantity.parse(written).value:
            shown = quantity.of(used // 1024 * 1024, "BinarySI")
            text += (
                f"Container {slot.name} was using {shown}, request is {quantity.canonical(written)}, "
                f"has larger consumption of {resource}. "
            )
    return text


def usage_of(slot: Slot, resource: str) -> int:
    """Bytes of memory, or of the container's own layer, that it uses."""
    run = slot.up
    if run is None or run.process is None:
        return 0
    if resource == "ephemeral-storage":
        return sum(run.process.written.values())
    return run.process.memory or DEFAULT_MEMORY


DEFAULT_MEMORY = 12 << 20
