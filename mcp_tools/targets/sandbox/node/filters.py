"""Whether a node takes a pod: the scheduler's filters, in their order, with their words.

Source: ``pkg/scheduler/framework/plugins``. ``final`` means that removing other pods would not help
(UnschedulableAndUnresolvable).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.node import affinity
from mcp_tools.targets.sandbox.node.demand import Demand, amount, demand_of
from mcp_tools.targets.sandbox.store import Obj, Ref, Store


class Refusal(NamedTuple):
    """Why not; ``final`` when no other pod is in the way."""

    reasons: tuple[str, ...]
    final: bool


class Placed(NamedTuple):
    """A pod that has a place on a node."""

    pod: Obj
    demand: Demand


class Tally:
    """The pods of a node, and what they ask for together: kept up, never counted anew."""

    def __init__(self) -> None:
        self.placed: dict[Ref, Placed] = {}
        self.amounts: dict[str, int] = {}
        self.ports: dict[tuple[str, str, int], int] = {}
        self.repelling: dict[Ref, Placed] = {}
        """Those that do not want certain others near."""

    def add(self, ref: Ref, placed: Placed) -> None:
        """One more pod, or a new state of one."""
        before = self.placed.get(ref)
        if before is not None:
            if before.demand is placed.demand:
                self.placed[ref] = placed
                if ref in self.repelling:
                    self.repelling[ref] = placed
                return
            self.remove(ref)
        self.placed[ref] = placed
        self._count(placed.demand, 1)
        if (placed.pod["spec"].get("affinity") or {}).get("podAntiAffinity"):
            self.repelling[ref] = placed

    def remove(self, ref: Ref) -> None:
        """It left."""
        placed = self.placed.pop(ref, None)
        self.repelling.pop(ref, None)
        if placed is not None:
            self._count(placed.demand, -1)

    def _count(self, demand: Demand, sign: int) -> None:
        for name, value in demand.amounts.items():
            self.amounts[name] = self.amounts.get(name, 0) + sign * value
        for port in demand.ports:
            self.ports[port] = self.ports.get(port, 0) + sign


class NodeView:
    """A node as the scheduler sees it: what it has, and the pods on it."""

    def __init__(self, node: Obj, tally: Tally) -> None:
        self.node, self.tally = node, tally
        self.name: str = node["metadata"]["name"]
        self.labels: dict[str, str] = node["metadata"].get("labels") or {}
        status = node.get("status") or {}
        self.allocatable: dict[str, str] = status.get("allocatable") or status.get("capacity") or {}

    @property
    def pods(self) -> Iterable[Placed]:
        """The pods on it."""
        return self.tally.placed.values()

    def without(self, gone: set[str]) -> NodeView:
        """The node as it would be without those pods, by UID."""
        rest = Tally()
        for ref, placed in self.tally.placed.items():
            if placed.pod["metadata"]["uid"] not in gone:
                rest.add(ref, placed)
        return NodeView(self.node, rest)


def tolerates(tolerations: Iterable[Obj], taint: Obj) -> bool:
    """Whether one of the tolerations is for that taint."""
    for toleration in tolerations:
        if toleration.get("effect") not in (None, "", taint.get("effect")):
            continue
        key = toleration.get("key") or ""
        if key and key != taint.get("key"):
            continue
        if toleration.get("operator") == "Exists" or (
            key and (toleration.get("value") or "") == (taint.get("value") or "")
        ):
            return True
    return False


def _unschedulable(pod: Obj, node: NodeView) -> Refusal | None:
    if not node.node["spec"].get("unschedulable"):
        return None
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    if tolerates(pod["spec"].get("tolerations") or (), taint):
        return None
    return Refusal(("node(s) were unschedulable",), True)


def _taints(pod: Obj, node: NodeView) -> Refusal | None:
    tolerations = pod["spec"].get("tolerations") or ()
    for taint in node.node["spec"].get("taints") or ():
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not tolerates(tolerations, taint):
            text = f"node(s) had untolerated taint {{{taint.get('key')}: {taint.get('value') or ''}}}"
            return Refusal((text,), True)
    return None


def _node_affinity(pod: Obj, node: NodeView) -> Refusal | None:
    if affinity.node_matches(pod, node.labels, node.name):
        return None
    return Refusal(("node(s) didn't match Pod's node affinity/selector",), True)


def _ports(demand: Demand, node: NodeView) -> Refusal | None:
    if not demand.ports:
        return None
    everywhere = "0.0.0.0"  # noqa: S104
    for protocol, address, port in demand.ports:
        for (used_protocol, used_address, used_port), count in node.tally.ports.items():
            same = count > 0 and used_protocol == protocol and used_port == port
            if same and (everywhere in (address, used_address) or address == used_address):
                return Refusal(("node(s) didn't have free ports for the requested pod ports",), False)
    return None


def resources(demand: Demand, node: NodeView) -> Refusal | None:
    """NodeResourcesFit: every resource that is short, and room for one more pod."""
    reasons = []
    room = int(quantity.parse(node.allocatable.get("pods", "110")).amount)
    if len(node.tally.placed) + 1 > room:
        reasons.append("Too many pods")
    used = node.tally.amounts
    known = ("cpu", "memory", "ephemeral-storage")
    for name in (*known, *sorted(set(demand.amounts) - set(known))):
        asked = demand.amounts.get(name, 0)
        if asked and asked > amount(name, node.allocatable.get(name, "0")) - used.get(name, 0):
            reasons.append(f"Insufficient {name}")
    return Refusal(tuple(reasons), False) if reasons else None


def _volumes(store: Store, pod: Obj, node: NodeView) -> Refusal | None:
    namespace = pod["metadata"].get("namespace", "")
    for volume in pod["spec"].get("volumes") or ():
        name: str = (volume.get("persistentVolumeClaim") or {}).get("claimName") or ""
        claim = store.get("persistentvolumeclaims", namespace, name) if name else None
        if claim is None:
            continue
        if "ReadWriteOncePod" in (claim["spec"].get("accessModes") or ()) and _in_use(pod, node, namespace, name):
            text = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
            return Refusal((text,), False)
        bound = claim["spec"].get("volumeName")
        if not bound:
            continue
        found = store.get("persistentvolumes", "", bound)
        if found is None:
            return Refusal(("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",), True)
        required = (found["spec"].get("nodeAffinity") or {}).get("required")
        if required and not affinity.terms_match(required.get("nodeSelectorTerms") or (), node.labels, node.name):
            return Refusal(("node(s) didn't match PersistentVolume's node affinity",), True)
    return None


def _in_use(pod: Obj, node: NodeView, namespace: str, claim: str) -> bool:
    for placed in node.pods:
        if (
            placed.pod["metadata"].get("namespace") != namespace
            or placed.pod["metadata"]["uid"] == pod["metadata"]["uid"]
        ):
            continue
        for volume in placed.pod["spec"].get("volumes") or ():
            if (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim:
                return True
    return False


def check(store: Store, pod: Obj, demand: Demand, node: NodeView, nodes: list[NodeView]) -> Refusal | None:
    """The first filter that refuses; None when the node takes the pod."""
    return (
        _unschedulable(pod, node)
        or _taints(pod, node)
        or _node_affinity(pod, node)
        or _ports(demand, node)
        or resources(demand, node)
        or _volumes(store, pod, node)
        or _spread(pod, node, nodes)
        or _pod_affinity(store, pod, node, nodes)
    )


def _spread(pod: Obj, node: NodeView, nodes: list[NodeView]) -> Refusal | None:
    if not pod["spec"].get("topologySpreadConstraints"):
        return None
    found = affinity.spread(pod, node, nodes)
    return Refusal((found[0],), found[1]) if found else None


def _pod_affinity(store: Store, pod: Obj, node: NodeView, nodes: list[NodeView]) -> Refusal | None:
    found = affinity.pods_match(store, pod, node, nodes)
    return Refusal((found[0],), found[1]) if found else None


__all__ = ["NodeView", "Placed", "Refusal", "Tally", "check", "demand_of", "resources", "tolerates"]
