"""What keeps nodes as they should be seen: conditions and taints by pressure, silence, cordons; images in the status.

On a real cluster the kubelet writes the conditions and the images, and the node lifecycle controller the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import clock, events, faults, kinds
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.node import images
from mcp_tools.targets.sandbox.node.filters import tolerates
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster
    from mcp_tools.targets.sandbox.node.kubelet import Kubelet

PREFIX = "node.kubernetes.io/"
MAX_IMAGES = 50
PAUSE = "registry.k8s.io/pause:"
"""The image of the sandboxes: it is pinned."""
SILENT = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
STATES = {
    "MemoryPressure": (
        "memory",
        ("True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
        ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ),
    "DiskPressure": (
        "disk",
        ("True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
        ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ),
    "PIDPressure": (
        "pid",
        ("True", "KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
        ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ),
}
"""By condition: the fault, and what the condition says with it and without it."""
TAINTS = {"MemoryPressure": "memory-pressure", "DiskPressure": "disk-pressure", "PIDPressure": "pid-pressure"}
NODE_EVENTS = {
    "MemoryPressure": ("NodeHasInsufficientMemory", "NodeHasSufficientMemory"),
    "DiskPressure": ("NodeHasDiskPressure", "NodeHasNoDiskPressure"),
    "PIDPressure": ("NodeHasInsufficientPID", "NodeHasSufficientPID"),
}


class Nodes:
    """Conditions, taints, and pods that have to leave a node that does not answer."""

    name = "node-controller"

    def __init__(self, cluster: Cluster, kubelet: Kubelet) -> None:
        self.cluster, self.store, self.api, self.kubelet = cluster, cluster.store, cluster.api, kubelet
        self._seen: dict[tuple[str, str, str], float] = {}

    def interested(self, change: Change) -> Iterable[Ref]:
        """The node itself, or the kubelet's when faults or images change."""
        key = change.ref.key
        if key == "nodes":
            return (change.ref,) if change.type != "DELETED" else ()
        if key in (faults.KEY, images.KEY):
            return (Ref("nodes", "", self.kubelet.node),)
        return ()

    def reconcile(self, ref: Ref) -> None:
        """Write what is to be seen, and let pods go whose time on the node is over."""
        node = self.store.at(ref)
        if node is None:
            return
        pressures = self.cluster.faults.pressures(ref.name)
        conditions, told = self._conditions(node, pressures)
        taints = self._taints(node, conditions)
        status = {**(node.get("status") or {}), "conditions": conditions}
        if ref.name == self.kubelet.node and "not-ready" not in pressures:
            status["images"] = self._images()
        spec = {**node["spec"]}
        spec.pop("taints", None)
        if taints:
            spec["taints"] = taints
        if status != node.get("status") or spec != node["spec"]:
            new = {**node, "metadata": dict(node["metadata"]), "spec": spec, "status": status}
            node = self.store.put("nodes", new)
        for component, reason, message in told:
            self._event(node, component, reason, message)
        silent = "not-ready" in pressures
        self._pods_of_silent_node(node, silent=silent)
        self._leave(ref, node)

    # -- conditions --------------------------------------------------------------------------------------------------

    def _conditions(self, node: Obj, pressures: set[str]) -> tuple[list[Obj], list[tuple[str, str, str]]]:
        stamp, name = self.cluster.clock.stamp(), node["metadata"]["name"]
        found: list[Obj] = []
        told: list[tuple[str, str, str]] = []
        silent = "not-ready" in pressures
        for old in (node.get("status") or {}).get("conditions") or ():
            kind = old["type"]
            if kind in STATES:
                fault, bad, good = STATES[kind]
                wanted = bad if fault in pressures else good
            elif kind == "Ready":
                wanted = ("True", "KubeletReady", "kubelet is posting ready status")
            else:
                found.append(old)
                continue
            if silent:
                wanted = ("Unknown", *SILENT)
            elif old["status"] == "Unknown" and old.get("reason") != SILENT[0]:
                found.append(old)
                continue
            new = {**old, "status": wanted[0], "reason": wanted[1], "message": wanted[2]}
            if old["status"] != wanted[0]:
                new |= {"lastTransitionTime": stamp, "lastHeartbeatTime": stamp}
                if kind in NODE_EVENTS and not silent and old["status"] != "Unknown":
                    if wanted[0] == "True":
                        self._reclaim(node, kind)
                    reason = NODE_EVENTS[kind][0 if wanted[0] == "True" else 1]
                    told.append(("kubelet", reason, f"Node {name} status is now: {reason}"))
                elif kind == "Ready":
                    told.append(self._ready_event(name, ready=wanted[0] == "True"))
            found.append(new)
        return found, told

    def _reclaim(self, node: Obj, kind: str) -> None:
        """Before pods are evicted the kubelet tries to get room: unused images go when the disk is full."""
        resource = {"MemoryPressure": "memory", "DiskPressure": "ephemeral-storage"}.get(kind)
        if resource is None:
            return
        events.record(
            self.api,
            node,
            type="Warning",
            reason="EvictionThresholdMet",
            message=f"Attempting to reclaim {resource}",
            component="kubelet",
            host=node["metadata"]["name"],
        )
        if kind == "DiskPressure":
            used = {slot.spec["image"] for run in self.kubelet.pods.values() for slot in run.slots}
            kept = {found.id for name in used if (found := self.kubelet.images.find(name)) is not None}
            for image in self.kubelet.images.all():
                if image.id not in kept and not any(tag.startswith(PAUSE) for tag in image.tags):
                    self.kubelet.images.remove(image.id)

    def _ready_event(self, name: str, *, ready: bool) -> tuple[str, str, str]:
        if ready:
            return "kubelet", "NodeReady", f"Node {name} status is now: NodeReady"
        return self.name, "NodeNotReady", f"Node {name} status is now: NodeNotReady"

    def _event(self, node: Obj, component: str, reason: str, message: str) -> None:
        host = node["metadata"]["name"] if component == "kubelet" else ""
        events.record(self.api, node, type="Normal", reason=reason, message=message, component=component, host=host)

    def _taints(self, node: Obj, conditions: list[Obj]) -> list[Obj]:
        old = {(t["key"], t["effect"]): t for t in node["spec"].get("taints") or ()}
        state = {entry["type"]: entry["status"] for entry in conditions}
        wanted: dict[tuple[str, str], Obj] = {}

        def want(key: str, effect: str, *, timed: bool = True) -> None:
            place = (f"{PREFIX}{key}", effect)
            taint: Obj = {"key": place[0], "effect": effect}
            if timed:
                taint["timeAdded"] = self.cluster.clock.stamp()
            wanted[place] = old.get(place, taint)

        for kind, key in TAINTS.items():
            if state.get(kind) == "True":
                want(key, "NoSchedule")
        ready = state.get("Ready")
        if ready in ("Unknown", "False"):
            key = "unreachable" if ready == "Unknown" else "not-ready"
            want(key, "NoSchedule")
            if self._another_is_ready(node):  # when every node is silent it may be the network: nothing is evicted
                want(key, "NoExecute")
        if node["spec"].get("unschedulable"):
            want("unschedulable", "NoSchedule")
        own = {f"{PREFIX}{key}" for key in (*TAINTS.values(), "unreachable", "not-ready", "unschedulable")}
        kept = [taint for place, taint in old.items() if place[0] not in own or place in wanted]
        return [*kept, *(taint for place, taint in wanted.items() if place not in old)]

    def _another_is_ready(self, node: Obj) -> bool:
        others = (n for n in self.store.select("nodes") if n["metadata"]["name"] != node["metadata"]["name"])
        conditions = (c for n in others for c in (n.get("status") or {}).get("conditions") or ())
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def _images(self) -> list[Obj]:
        found: list[Obj] = []
        for image in self.kubelet.images.all():
            names = [*image.digests, *image.tags]
            if names:
                found.append({"names": names, "sizeBytes": image.size})
        return sorted(found, key=lambda entry: -int(entry["sizeBytes"]))[:MAX_IMAGES]

    # -- pods on nodes -----------------------------------------------------------------------------------------------

    def _on(self, node: Obj) -> list[Obj]:
        name = node["metadata"]["name"]
        return [pod for pod in self.store.select("pods") if pod["spec"].get("nodeName") == name]

    def _pods_of_silent_node(self, node: Obj, *, silent: bool) -> None:
        """Nobody knows of the pods of a node that does not answer: they do not count as ready."""
        if not silent:
            return
        for pod in self._on(node):
            conditions = (pod.get("status") or {}).get("conditions") or []
            if any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions):
                stamp = self.cluster.clock.stamp()
                new = [
                    {**entry, "status": "False", "lastTransitionTime": stamp} if entry["type"] == "Ready" else entry
                    for entry in conditions
                ]
                status = {**pod["status"], "conditions": new}
                self.store.put("pods", {**pod, "metadata": dict(pod["metadata"]), "status": status})
                events.record(
                    self.api,
                    pod,
                    type="Warning",
                    reason="NodeNotReady",
                    message="Node is not ready",
                    component=self.name,
                )

    def _leave(self, ref: Ref, node: Obj) -> None:
        """Delete pods that do not tolerate a NoExecute taint, at once or when their time is over."""
        taints = [taint for taint in node["spec"].get("taints") or () if taint.get("effect") == "NoExecute"]
        if not taints:
            self._seen = {place: at for place, at in self._seen.items() if place[0] != ref.name}
            return
        now, soonest = self.cluster.clock.now(), None
        for pod in self._on(node):
            if pod["metadata"].get("deletionTimestamp"):
                continue
            seconds = _patience(pod, taints)
            if seconds is None:
                continue
            since = min(self._since(ref, taint, now) for taint in taints)
            left = since + seconds - now
            if left <= 0:
                self._delete(pod)
            else:
                soonest = left if soonest is None else min(soonest, left)
        if soonest is not None:
            self.cluster.manager.after(soonest, self, ref)

    def _since(self, ref: Ref, taint: Obj, now: float) -> float:
        """Since when the node has that taint; as far as nobody wrote it down, since it was seen first."""
        if taint.get("timeAdded"):
            return clock.parse(taint["timeAdded"])
        return self._seen.setdefault((ref.name, taint["key"], taint.get("value") or ""), now)

    def _delete(self, pod: Obj) -> None:
        meta = pod["metadata"]
        place = f"{meta.get('namespace', '')}/{meta['name']}"
        events.record(
            self.api,
            pod,
            type="Normal",
            reason="TaintManagerEviction",
            message=f"Marking for deletion Pod {place}",
            component="taint-eviction-controller",
        )
        request = Request(user="system:kube-controller-manager", groups=("system:masters",))
        try:
            self.api.delete(kinds.by_key("pods"), meta.get("namespace", ""), meta["name"], request)
        except ApiError as error:
            if error.code != 404:
                raise


def _patience(pod: Obj, taints: list[Obj]) -> float | None:
    """How long the pod stays on a node with those taints; None for ever."""
    tolerations = pod["spec"].get("tolerations") or []
    shortest: float | None = None
    for taint in taints:
        matching = [entry for entry in tolerations if tolerates([entry], taint)]
        if not matching:
            return 0.0
        limits = [float(e["tolerationSeconds"]) for e in matching if e.get("tolerationSeconds") is not None]
        if limits and len(limits) == len(matching):
            shortest = min([*limits, *([shortest] if shortest is not None else [])])
    return shortest
