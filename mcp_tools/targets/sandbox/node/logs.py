"""The logs of containers, and what the kubelet answers when there is none.

Source: ``pkg/kubelet/kubelet_pods.go`` (GetKubeletContainerLogs, validateContainerLogStatus).
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import errors, node
from mcp_tools.targets.sandbox.node.runtime import SLACK, PodRun, Run, Slot
from mcp_tools.targets.sandbox.store import Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster
    from mcp_tools.targets.sandbox.node.kubelet import Kubelet


def read(
    cluster: Cluster,
    pod: Obj,
    container: str,
    *,
    previous: bool = False,
    tail_lines: int | None = None,
    since_seconds: float | None = None,
    since_time: float | None = None,
    timestamps: bool = False,
) -> str:
    """What a container wrote, one line after the other; of its run before with ``previous``.

    Raises:
        ApiError: 400, it has no log: it waits, or there was no run before.
    """
    meta = pod["metadata"]
    kubelet = node.kubelet_of(cluster)
    ref = Ref("pods", meta.get("namespace", ""), meta["name"])
    run = kubelet.pods.get(ref) if kubelet is not None else None
    slot = run.slot(container) if run is not None else None
    if run is None and (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return ""  # it ended before this kubelet began: nothing is left of what it wrote
    if kubelet is None or run is None or slot is None:
        raise errors.bad_request(_waiting(meta["name"], container, "ContainerCreating", ""))
    found = _run_of(meta["name"], run, slot, previous=previous)
    lines = _lines(kubelet, run, slot, found)
    if since_seconds is not None:
        since_time = cluster.clock.now() - since_seconds
    if since_time is not None:
        lines = [(at, text) for at, text in lines if kubelet.time.real(at) >= since_time]
    if tail_lines is not None:
        lines = lines[-tail_lines:] if tail_lines else []
    if timestamps:
        lines = [(at, f"{_stamp(kubelet.time.real(at))} {text}") for at, text in lines]
    text = "".join(f"{text}\n" for _, text in lines)
    cut = found.process is not None and found.process.open and not found.running
    return text.removesuffix("\n") if cut else text


def _stamp(at: float) -> str:
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def _waiting(pod: str, container: str, reason: str, message: str) -> str:
    if reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
        why = "image can't be pulled" if reason == "ErrImagePull" else "trying and failing to pull image"
        return f'container "{container}" in pod "{pod}" is waiting to start: {why}'
    return f'container "{container}" in pod "{pod}" is waiting to start: {reason}'


def _run_of(pod: str, run: PodRun, slot: Slot, *, previous: bool) -> Run:
    """The run whose log is wanted."""
    current, before = slot.run, slot.last
    if current is not None and not current.running and slot.waiting is not None:
        # What waits to be started again shows its last run, whether that is asked for or not.
        return current
    if previous:
        if before is None:
            raise errors.bad_request(f'previous terminated container "{slot.name}" in pod "{pod}" not found')
        return before
    if current is None:
        default = "PodInitializing" if run.inits else "ContainerCreating"
        reason, message = slot.waiting or (default, "")
        raise errors.bad_request(_waiting(pod, slot.name, reason, message))
    return current


def _lines(kubelet: Kubelet, run: PodRun, slot: Slot, found: Run) -> list[tuple[float, str]]:
    if found.process is None:
        return []
    now = kubelet.time.now() + SLACK
    if found.running:
        found.process.advance(now, idle=True)
        if found.process.ended is not None:
            kubelet.again(run.ref)
    # A line without its end is written to the log when the process ends.
    whole = found.process.lines[:-1] if found.running and found.process.open else found.process.lines
    return [(at, text) for at, text in whole if at <= now]
