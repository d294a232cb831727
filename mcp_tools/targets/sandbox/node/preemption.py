"""Making room for a pod: which pods of lower priority would have to go.

Source: ``pkg/scheduler/framework/preemption`` and ``plugins/defaultpreemption``.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox.clock import parse
from mcp_tools.targets.sandbox.node.demand import Demand
from mcp_tools.targets.sandbox.node.filters import NodeView, Refusal, check
from mcp_tools.targets.sandbox.store import Obj, Store

NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"


def _priority(pod: Obj) -> int:
    return int(pod["spec"].get("priority") or 0)


def _started(pod: Obj) -> float:
    stamp = (pod.get("status") or {}).get("startTime") or pod["metadata"].get("creationTimestamp")
    return parse(stamp) if stamp else 0.0


def victims_on(store: Store, pod: Obj, demand: Demand, node: NodeView, nodes: list[NodeView]) -> list[Obj] | str:
    """The fewest pods that have to go from that node, or why that would not help."""
    lower = [placed.pod for placed in node.pods if _priority(placed.pod) < _priority(pod)]
    if not lower:
        return NO_VICTIMS
    gone = {other["metadata"]["uid"] for other in lower}
    others = [view for view in nodes if view is not node]
    refusal = _without(store, pod, demand, node, others, gone)
    if refusal is not None:
        return ", ".join(refusal.reasons)
    # The most important ones stay when there is room for them.
    for other in sorted(lower, key=lambda p: (-_priority(p), _started(p))):
        uid = other["metadata"]["uid"]
        if _without(store, pod, demand, node, others, gone - {uid}) is None:
            gone.discard(uid)
    return [other for other in lower if other["metadata"]["uid"] in gone]


def _without(
    store: Store, pod: Obj, demand: Demand, node: NodeView, others: list[NodeView], gone: set[str]
) -> Refusal | None:
    view = node.without(gone)
    return check(store, pod, demand, view, [*others, view])


def choose(
    store: Store, pod: Obj, demand: Demand, nodes: list[NodeView], refusals: dict[str, Refusal]
) -> tuple[tuple[str, list[Obj]] | None, str]:
    """The node and its victims; otherwise the words about every node."""
    counts: dict[str, int] = {}
    found: list[tuple[int, int, str, list[Obj]]] = []
    for node in nodes:
        refusal = refusals.get(node.name)
        result = NOT_HELPFUL if refusal is None or refusal.final else victims_on(store, pod, demand, node, nodes)
        if isinstance(result, str):
            counts[result] = counts.get(result, 0) + 1
        else:
            highest = max((_priority(victim) for victim in result), default=0)
            found.append((highest, len(result), node.name, result))
    if found:
        best = min(found, key=lambda entry: entry[:3])
        return (best[2], best[3]), ""
    return None, ", ".join(sorted(f"{number} {reason}" for reason, number in counts.items()))
