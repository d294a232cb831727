"""What containers use, for the metrics API: what their behaviour says, or a modest figure for a process that idles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import node, quantity
from mcp_tools.targets.sandbox.node.ending import DEFAULT_MEMORY
from mcp_tools.targets.sandbox.node.runtime import Slot
from mcp_tools.targets.sandbox.store import Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

IDLE_CPU = 0.001
SYSTEM_CPU, SYSTEM_MEMORY = 0.12, 620 << 20
"""What the node itself uses, beside its pods."""


def of_pod(cluster: Cluster, pod: Obj) -> dict[str, tuple[float, int]]:
    """By container: cores and bytes. Empty when none of them runs."""
    kubelet = node.kubelet_of(cluster)
    meta = pod["metadata"]
    run = kubelet.pods.get(Ref("pods", meta.get("namespace", ""), meta["name"])) if kubelet is not None else None
    if run is None:
        phase = (pod.get("status") or {}).get("phase")
        names = [box["name"] for box in pod["spec"].get("containers") or ()]
        return dict.fromkeys(names, (IDLE_CPU, DEFAULT_MEMORY)) if phase == "Running" else {}
    return {slot.name: _of(slot) for slot in run.slots if slot.up is not None and slot.role != "init"}


def _of(slot: Slot) -> tuple[float, int]:
    run = slot.up
    assert run is not None
    cpu = IDLE_CPU
    if run.behaviour is not None and run.behaviour.cpu:
        cpu = float(quantity.parse(run.behaviour.cpu).amount)
    limits = (slot.spec.get("resources") or {}).get("limits") or {}
    if limits.get("cpu") is not None:
        cpu = min(cpu, float(quantity.parse(limits["cpu"]).amount))
    memory = run.process.memory if run.process is not None else 0
    return cpu, memory or DEFAULT_MEMORY


def of_node(cluster: Cluster, name: str) -> tuple[float, int]:
    """Cores and bytes of the node with all its pods."""
    cpu, memory = SYSTEM_CPU, SYSTEM_MEMORY
    for pod in cluster.store.select("pods"):
        if pod["spec"].get("nodeName") == name:
            for used_cpu, used_memory in of_pod(cluster, pod).values():
                cpu, memory = cpu + used_cpu, memory + used_memory
    return cpu, memory
