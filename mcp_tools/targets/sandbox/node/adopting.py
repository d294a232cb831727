"""Pods that run already when the kubelet begins: their runs are made anew from their statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox.node import behaviour as behaviours
from mcp_tools.targets.sandbox.node import probes, programs, starting
from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.environment import ConfigError, Environment
from mcp_tools.targets.sandbox.node.images import Image
from mcp_tools.targets.sandbox.node.process import FOREVER, Process, Sleep, Steps
from mcp_tools.targets.sandbox.node.runtime import PodRun, Run, Slot, slots_of
from mcp_tools.targets.sandbox.node.volumes import mount, mounts_of
from mcp_tools.targets.sandbox.store import Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.node.kubelet import Kubelet


def adopt(kubelet: Kubelet, ref: Ref, pod: Obj) -> PodRun | None:
    """The pod as its status says it runs; None when it never ran on the node."""
    status = pod.get("status") or {}
    if not status.get("startTime") or not status.get("containerStatuses"):
        return None
    time = kubelet.time
    run = PodRun(ref, pod["metadata"]["uid"], time.read(status["startTime"]), slots_of(pod))
    run.shown = True
    run.ip = status.get("podIP", "")
    run.host_network = bool(pod["spec"].get("hostNetwork"))
    if run.ip and not run.host_network:
        kubelet.addresses.take(run.ip, ref)
    if run.ip:
        run.volumes = mount(kubelet.store, pod)[0]
    known = {
        entry["name"]: entry
        for part in ("initContainerStatuses", "containerStatuses")
        for entry in status.get(part) or ()
    }
    for slot in run.slots:
        if slot.name in known:
            _slot(kubelet, run, pod, slot, known[slot.name])
    return run


def _slot(kubelet: Kubelet, run: PodRun, pod: Obj, slot: Slot, entry: Obj) -> None:
    slot.restarts = entry.get("restartCount", 0)
    state, last = entry.get("state") or {}, entry.get("lastState") or {}
    if "terminated" in last:
        slot.last = _ended(kubelet, slot, last["terminated"], entry)
    if "terminated" in state:
        slot.run = _ended(kubelet, slot, state["terminated"], entry)
    elif "waiting" in state and slot.last is not None:
        slot.run, slot.last = slot.last, None
        slot.waiting = (state["waiting"].get("reason", ""), state["waiting"].get("message", ""))
        if slot.waiting[0] == "CrashLoopBackOff":
            slot.crash_delay = min(10.0 * 2 ** max(slot.restarts - 1, 0), 300.0)
    elif "waiting" in state:
        _pulling(kubelet, slot, state["waiting"])
    elif "running" in state:
        _running(kubelet, run, pod, slot, entry, state["running"])


def _pulling(kubelet: Kubelet, slot: Slot, told: Obj) -> None:
    """A pull that failed goes on backing off."""
    reason, message = told.get("reason", ""), told.get("message", "")
    slot.waiting = (reason, message) if message else None
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        slot.pull_error = message.partition(": ErrImagePull: ")[2] or message
        slot.pull_delay = starting.PULL_BACKOFF
        slot.retry_at = kubelet.time.now() + slot.pull_delay


def _ended(kubelet: Kubelet, slot: Slot, told: Obj, entry: Obj) -> Run:
    time = kubelet.time
    started = time.read(told["startedAt"]) if told.get("startedAt") else time.now()
    found = Run(told.get("containerID", "").removeprefix("docker://"), slot.restarts, started)
    found.image, found.image_id = entry.get("image", ""), entry.get("imageID", "")
    finished = time.read(told["finishedAt"]) if told.get("finishedAt") else started
    found.end(finished, told.get("exitCode", 0), told.get("reason", ""), told.get("message", ""))
    return found


def _running(kubelet: Kubelet, run: PodRun, pod: Obj, slot: Slot, entry: Obj, told: Obj) -> None:
    time = kubelet.time
    started = time.read(told["startedAt"]) if told.get("startedAt") else time.now()
    found = Run(entry.get("containerID", "").removeprefix("docker://"), slot.restarts, started)
    found.image, found.image_id = entry.get("image", ""), entry.get("imageID", "")
    box = box_of(kubelet, run, pod, slot)
    found.box = box
    steps: Steps | programs.StartError = _idle()
    if box is not None:
        try:
            found.behaviour = kubelet.faults.behaviour(pod, slot.spec) or behaviours.annotated(pod, slot.name)
        except behaviours.NotABehaviour:
            found.behaviour = None
        steps = programs.launch(box, found.behaviour) if box.argv else _idle()
    slot.run = found
    process = Process(steps if not isinstance(steps, programs.StartError) else _idle(), started)
    found.process = process
    probes.begin(found, slot.spec)
    found.passed_startup, found.ready = bool(entry.get("started")), bool(entry.get("ready"))
    for probe in found.probes:
        probe.result = probe.parked = True
        if probe.kind == "readiness":
            probe.result = found.ready
        behind = max(time.now() - probe.next, 0.0)
        probe.next += -(-behind // probe.period) * probe.period
    kubelet.advance(run, slot, time.now())


def _idle() -> Steps:
    yield Sleep(FOREVER)
    return 0


def box_of(kubelet: Kubelet, run: PodRun, pod: Obj, slot: Slot) -> Box | None:
    """The inside of a container that runs already; None when it cannot be said."""
    image = kubelet.images.find(slot.spec["image"]) or Image(id="sha256:")
    resolver = Environment(kubelet.store, pod, run.ip, kubelet.host_ip, kubelet.allocatable)
    try:
        env = resolver.of(slot.spec, image.env)
    except ConfigError:
        env = dict(image.env)
    argv = starting.argv_of(slot.spec, image, env)
    mounts = mounts_of(slot.spec, run.volumes or {}, run.shared)
    box = Box(pod, slot.spec, image, argv, env, kubelet.network, run.ip, 0, mounts, run=slot.restarts)
    box.taken = lambda port: kubelet.port_taken(run, slot, port)
    return box
