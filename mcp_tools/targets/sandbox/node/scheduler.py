"""The scheduler: gives pods their node, or says why no node takes them.

Source: ``pkg/scheduler`` (schedule_one.go, framework/preemption, plugins/volumebinding).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import events, kinds
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.node import status
from mcp_tools.targets.sandbox.node.demand import Demand, demand_of
from mcp_tools.targets.sandbox.node.filters import NodeView, Placed, Refusal, Tally, check
from mcp_tools.targets.sandbox.node.preemption import NOT_HELPFUL, choose
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

WAKES = frozenset({"nodes", "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"})
SELECTED_NODE = "volume.kubernetes.io/selected-node"
ENDED = ("Succeeded", "Failed")


class Scheduler:
    """Places pods. What it knows of the nodes it keeps up with the changes of the store."""

    name = "default-scheduler"

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.store, self.api = cluster, cluster.store, cluster.api
        self._placed: dict[str, Tally] = {}
        self._node_of: dict[Ref, str] = {}
        self._waiting: dict[Ref, None] = {}
        self._views: dict[str, NodeView] = {}
        for pod in self.store.select("pods"):
            meta = pod["metadata"]
            self._note(Ref("pods", meta.get("namespace", ""), meta["name"]), pod)

    # -- what is where ---------------------------------------------------------------------------------------------

    def _note(self, ref: Ref, pod: Obj | None) -> bool:
        """Keep in mind where the pod is; whether it left a place."""
        old = self._node_of.get(ref)
        node: str | None = None
        if pod is not None and (pod.get("status") or {}).get("phase") not in ENDED:
            node = pod["spec"].get("nodeName")
        if pod is not None and node is not None:
            tally = self._placed.setdefault(node, Tally())
            before = tally.placed.get(ref)
            same = before is not None and before.pod["spec"] == pod["spec"]
            tally.add(ref, Placed(pod, before.demand if same and before is not None else demand_of(pod)))
            self._node_of[ref] = node
        if old is not None and old != node:
            self._placed[old].remove(ref)
            if node is None:
                self._node_of.pop(ref, None)
        return old is not None and old != node

    def interested(self, change: Change) -> Iterable[Ref]:
        """A new pod; every pod that waits when there may be room for it now."""
        key = change.ref.key
        if key in WAKES:
            if key == "nodes":
                self._views.pop(change.ref.name, None)
                if change.old is not None and not _matters(change.old, change.obj):
                    return ()
            return [*self._waiting]
        if key != "pods":
            return ()
        pod = change.obj
        gone = change.type == "DELETED"
        left = self._note(change.ref, None if gone else pod)
        if gone:
            self._waiting.pop(change.ref, None)
        if left:
            return [*self._waiting]
        if gone or pod["spec"].get("nodeName"):
            return self._attracted(change)
        return (change.ref,) if _to_schedule(change) else ()

    def _attracted(self, change: Change) -> list[Ref]:
        """Pods that wait for others to be there, when one was placed."""
        placed = change.type != "DELETED" and not (change.old or {"spec": {}})["spec"].get("nodeName")
        if not placed or not self._waiting:
            return []
        found = []
        for ref in self._waiting:
            pod = self.store.at(ref)
            if pod is not None and (pod["spec"].get("affinity") or pod["spec"].get("topologySpreadConstraints")):
                found.append(ref)
        return found

    def _nodes(self) -> list[NodeView]:
        found = []
        for node in self.store.select("nodes"):
            name = node["metadata"]["name"]
            view = self._views.get(name)
            if view is None:
                view = self._views[name] = NodeView(node, self._placed.setdefault(name, Tally()))
            found.append(view)
        return found

    # -- one pod -----------------------------------------------------------------------------------------------------

    def reconcile(self, ref: Ref) -> None:
        """Place the pod, or say why it cannot be placed."""
        pod = self.store.at(ref)
        if pod is None or pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
            self._waiting.pop(ref, None)
            return
        if pod["spec"].get("schedulerName", self.name) != self.name:
            return
        if pod["spec"].get("schedulingGates"):
            message = "Scheduling is blocked due to non-empty scheduling gates"
            self._condition(pod, "SchedulingGated", message)
            return
        nodes, demand = self._nodes(), demand_of(pod)
        claims = self._claims(pod)
        if claims:
            self._fail(ref, pod, f"0/{len(nodes)} nodes are available: {claims}.", self._unhelpful(nodes))
            return
        if not nodes:
            self._fail(ref, pod, "no nodes available to schedule pods", "")
            return
        refusals: dict[str, Refusal] = {}
        fitting = []
        for view in nodes:
            refusal = check(self.store, pod, demand, view, nodes)
            if refusal is None:
                fitting.append(view)
            else:
                refusals[view.name] = refusal
        if not fitting:
            self._preempt(ref, pod, demand, nodes, refusals)
            return
        if not self._select_volumes(pod, fitting[0].name):
            self._waiting[ref] = None
            return
        self._bind(ref, pod, min(fitting, key=lambda view: len(view.tally.placed)).name)

    def _bind(self, ref: Ref, pod: Obj, node: str) -> None:
        self._waiting.pop(ref, None)
        stamp = self.cluster.clock.stamp()
        old = pod.get("status") or {}
        known = {entry["type"]: entry for entry in old.get("conditions") or ()}
        scheduled = status.condition("PodScheduled", True, "", "", known.get("PodScheduled"), stamp)
        conditions = [*(entry for kind, entry in known.items() if kind != "PodScheduled"), scheduled]
        new = {**pod, "metadata": dict(pod["metadata"]), "spec": {**pod["spec"], "nodeName": node}}
        new["status"] = {"phase": "Pending", **old, "conditions": conditions}
        new["status"].pop("nominatedNodeName", None)
        new["status"].setdefault("qosClass", status.qos_class(pod))
        self.store.put("pods", new)
        meta = pod["metadata"]
        message = f"Successfully assigned {meta.get('namespace', '')}/{meta['name']} to {node}"
        events.record(self.api, pod, type="Normal", reason="Scheduled", message=message, component=self.name)

    def _fail(self, ref: Ref, pod: Obj, message: str, preemption: str, nominated: str = "") -> None:
        text = f"{message} {preemption}".rstrip() if preemption else message
        self._waiting[ref] = None
        events.record(self.api, pod, type="Warning", reason="FailedScheduling", message=text, component=self.name)
        self._condition(pod, "Unschedulable", text, nominated)

    def _condition(self, pod: Obj, reason: str, message: str, nominated: str = "") -> None:
        old = pod.get("status") or {}
        known = {entry["type"]: entry for entry in old.get("conditions") or ()}
        stamp = self.cluster.clock.stamp()
        entry = status.condition("PodScheduled", False, reason, message, known.get("PodScheduled"), stamp)
        conditions = [*(one for kind, one in known.items() if kind != "PodScheduled"), entry]
        new = {"phase": "Pending", **old, "conditions": conditions}
        if nominated:
            new["nominatedNodeName"] = nominated
        new.setdefault("qosClass", status.qos_class(pod))
        if new != old:
            self.store.put("pods", {**pod, "metadata": dict(pod["metadata"]), "status": new})

    # -- volumes -----------------------------------------------------------------------------------------------------

    def _claims(self, pod: Obj) -> str:
        """What is wrong with the claims of the pod, whatever the node is."""
        namespace = pod["metadata"].get("namespace", "")
        unbound = False
        for volume in pod["spec"].get("volumes") or ():
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if name is None and volume.get("ephemeral"):
                name = f"{pod['metadata']['name']}-{volume['name']}"
            if name is None:
                continue
            claim = self.store.get("persistentvolumeclaims", namespace, name)
            if claim is None:
                ephemeral = "waiting for ephemeral volume controller to create the persistentvolumeclaim"
                return (
                    f'{ephemeral} "{name}"' if volume.get("ephemeral") else f'persistentvolumeclaim "{name}" not found'
                )
            if claim["metadata"].get("deletionTimestamp"):
                return f'persistentvolumeclaim "{name}" is being deleted'
            if (claim.get("status") or {}).get("phase") == "Lost":
                volume_name = claim["spec"].get("volumeName")
                return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume_name}"'
            bound = claim["spec"].get("volumeName") and (claim.get("status") or {}).get("phase") == "Bound"
            unbound = unbound or (not bound and not self._waits_for_consumer(claim))
        return "pod has unbound immediate PersistentVolumeClaims" if unbound else ""

    def _waits_for_consumer(self, claim: Obj) -> bool:
        if claim["spec"].get("volumeName"):
            return False
        found = self.store.get("storageclasses.storage.k8s.io", "", claim["spec"].get("storageClassName") or "")
        return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"

    def _select_volumes(self, pod: Obj, node: str) -> bool:
        """Tell claims that wait for a consumer which node it is; whether all are bound."""
        namespace, ready = pod["metadata"].get("namespace", ""), True
        for volume in pod["spec"].get("volumes") or ():
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            claim = self.store.get("persistentvolumeclaims", namespace, name) if name else None
            if claim is None or (claim.get("status") or {}).get("phase") == "Bound":
                continue
            ready = False
            notes = claim["metadata"].get("annotations") or {}
            if notes.get(SELECTED_NODE) != node:
                meta = {**claim["metadata"], "annotations": {**notes, SELECTED_NODE: node}}
                self.store.put("persistentvolumeclaims", {**claim, "metadata": meta})
        return ready

    # -- preemption --------------------------------------------------------------------------------------------------

    def _unhelpful(self, nodes: list[NodeView]) -> str:
        total = len(nodes)
        return f"preemption: 0/{total} nodes are available: {total} {NOT_HELPFUL}." if total else ""

    def _preempt(self, ref: Ref, pod: Obj, demand: Demand, nodes: list[NodeView], refusals: dict[str, Refusal]) -> None:
        counts: dict[str, int] = {}
        for refusal in refusals.values():
            for reason in refusal.reasons:
                counts[reason] = counts.get(reason, 0) + 1
        reasons = ", ".join(sorted(f"{number} {reason}" for reason, number in counts.items()))
        message = f"0/{len(nodes)} nodes are available: {reasons}."
        if pod["spec"].get("preemptionPolicy") == "Never":
            self._fail(ref, pod, message, "preemption: not eligible due to preemptionPolicy=Never.")
            return
        if self._victims_leave(pod):
            self._fail(ref, pod, message, "preemption: not eligible due to a terminating pod on the nominated node.")
            return
        chosen, words = choose(self.store, pod, demand, nodes, refusals)
        if chosen is None:
            self._fail(ref, pod, message, f"preemption: 0/{len(nodes)} nodes are available: {words}.")
            return
        node, victims = chosen
        self._fail(ref, pod, message, "", nominated=node)
        for victim in victims:
            self._evict(pod, victim, node)

    def _victims_leave(self, pod: Obj) -> bool:
        """Whether pods of lower priority already leave the node that the pod is to get."""
        node = (pod.get("status") or {}).get("nominatedNodeName")
        priority = int(pod["spec"].get("priority") or 0)
        leaving = (placed.pod for placed in self._placed.get(node or "", Tally()).placed.values())
        return any(
            p["metadata"].get("deletionTimestamp") and int(p["spec"].get("priority") or 0) < priority for p in leaving
        )

    def _evict(self, pod: Obj, victim: Obj, node: str) -> None:
        stamp = self.cluster.clock.stamp()
        old = victim.get("status") or {}
        known = {entry["type"]: entry for entry in old.get("conditions") or ()}
        text = f"{self.name}: preempting to accommodate a higher priority pod"
        known["DisruptionTarget"] = status.condition(
            "DisruptionTarget", True, "PreemptionByScheduler", text, None, stamp
        )
        meta = victim["metadata"]
        new = {**victim, "metadata": dict(meta), "status": {**old, "conditions": [*known.values()]}}
        self.store.put("pods", new)
        message = f"Preempted by pod {pod['metadata']['uid']} on node {node}"
        events.record(self.api, victim, type="Normal", reason="Preempted", message=message, component=self.name)
        request = Request(user="system:kube-scheduler", groups=("system:masters",), manager="kube-scheduler")
        try:
            self.api.delete(kinds.by_key("pods"), meta.get("namespace", ""), meta["name"], request)
        except ApiError as error:
            if error.code != 404:
                raise


def _matters(old: Obj, new: Obj) -> bool:
    """Whether that change of a node may let a pod in."""
    return (
        old["spec"] != new["spec"]
        or old["metadata"].get("labels") != new["metadata"].get("labels")
        or (old.get("status") or {}).get("allocatable") != (new.get("status") or {}).get("allocatable")
    )


def _to_schedule(change: Change) -> bool:
    """Whether the change of a pod without a node is one that scheduling may depend on."""
    if change.old is None:
        return True
    old, new = change.old, change.obj
    return bool(old["spec"] != new["spec"] or old["metadata"].get("labels") != new["metadata"].get("labels"))
