"""The kubelet of the node: runs its pods in simulated time and writes their statuses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from mcp_tools.targets.sandbox import events, faults, kinds
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.node import adopting, ending, images, pressure, volumes
from mcp_tools.targets.sandbox.node.network import Network
from mcp_tools.targets.sandbox.node.process import Answers
from mcp_tools.targets.sandbox.node.runtime import Addresses, NodeTime, PodRun, Run, Slot, slots_of
from mcp_tools.targets.sandbox.node.status import status_of
from mcp_tools.targets.sandbox.node.sync import Sync
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

SOURCES = frozenset(
    {"configmaps", "secrets", "persistentvolumeclaims", "persistentvolumes", "serviceaccounts", images.KEY}
)
"""What a pod may wait for."""
NETWORK = frozenset({"services", "endpointslices.discovery.k8s.io"})


class Kubelet:
    """Runs the pods of one node."""

    name = "kubelet"

    def __init__(self, cluster: Cluster, node: str = "minikube") -> None:
        self.cluster, self.node = cluster, node
        self.store, self.api = cluster.store, cluster.api
        self.images, self.faults = cluster.images, cluster.faults
        self.time = NodeTime(cluster.clock)
        self.network = Network(self.store, self.faults, self)
        self.addresses = Addresses()
        self.pods: dict[Ref, PodRun] = {}
        self._on_network: dict[Ref, None] = {}
        self._writing = False
        self._node_version = ""
        self._host_ip = "192.168.49.2"
        self._allocatable: dict[str, str] = {}

    # -- the node --------------------------------------------------------------------------------------------------

    def _read_node(self) -> None:
        node = self.store.get("nodes", "", self.node)
        if node is None or node["metadata"]["resourceVersion"] == self._node_version:
            return
        self._node_version = node["metadata"]["resourceVersion"]
        status = node.get("status") or {}
        addresses = {entry["type"]: entry["address"] for entry in status.get("addresses") or ()}
        self._host_ip = addresses.get("InternalIP", self._host_ip)
        self._allocatable = status.get("allocatable") or status.get("capacity") or {}

    @property
    def host_ip(self) -> str:
        """The node's address."""
        self._read_node()
        return self._host_ip

    @property
    def allocatable(self) -> dict[str, str]:
        """What the node gives to pods."""
        self._read_node()
        return self._allocatable

    # -- being told ------------------------------------------------------------------------------------------------

    def interested(self, change: Change) -> Iterable[Ref]:
        """The pods that the change concerns."""
        key = change.ref.key
        if key == "pods":
            if self._writing:
                return ()
            mine = change.obj["spec"].get("nodeName") == self.node or change.ref in self.pods
            return (change.ref,) if mine else ()
        if key in SOURCES:
            space = change.ref.namespace
            near = ((ref, run) for ref, run in self.pods.items() if space in ("", ref.namespace))
            return [ref for ref, run in near if run.blocked or volumes.shows(run.volumes, key, change.ref.name)]
        if key in NETWORK:
            return self._poked()
        if key == faults.KEY:
            pressure.changed(self)
            return [*self.pods]
        return ()

    def _poked(self) -> list[Ref]:
        """The pods whose processes or probes look at the network; their next step is of interest now."""
        found = []
        for ref in self._on_network:
            found.append(ref)
            for slot in self.pods[ref].slots:
                if slot.up is not None and slot.up.process is not None:
                    slot.up.process.poke()
        return found

    # -- one pod ---------------------------------------------------------------------------------------------------

    def reconcile(self, ref: Ref) -> None:
        """Look at that pod."""
        pod, run = self.store.at(ref), self.pods.get(ref)
        if run is not None and (pod is None or pod["metadata"]["uid"] != run.uid):
            self._forget(run)
            run = None
        if pod is None or pod["spec"].get("nodeName") != self.node or self._silent():
            return
        phase = (pod.get("status") or {}).get("phase")
        if run is None and phase in ("Succeeded", "Failed"):
            if pod["metadata"].get("deletionTimestamp"):
                self.remove(pod)
            return
        if run is None:
            run = self._begin(ref, pod)
            if run is None:
                return
        pressure.refresh(self, run, pod)
        if run.finished:
            ending.finish(Sync(self, run, pod))
            return
        Sync(self, run, pod).go()

    def _silent(self) -> bool:
        return "not-ready" in self.faults.pressures(self.node)

    def _begin(self, ref: Ref, pod: Obj) -> PodRun | None:
        adopted = adopting.adopt(self, ref, pod)
        if adopted is not None:
            self.pods[ref] = adopted
            return adopted
        refused = pressure.refusal(self, pod)
        if refused is not None:
            self._reject(pod, *refused)
            return None
        run = PodRun(ref, pod["metadata"]["uid"], self.time.now(), slots_of(pod))
        self.pods[ref] = run
        return run

    def _reject(self, pod: Obj, reason: str, message: str) -> None:
        """The node does not take the pod."""
        self.event(pod, None, "Warning", reason, message)
        stamp = self.time.stamp(self.time.now())
        old = pod.get("status") or {}
        status = {**old, "phase": "Failed", "reason": reason, "message": message, "startTime": stamp}
        self._put_status(pod, status)

    def _forget(self, run: PodRun) -> None:
        self.pods.pop(run.ref, None)
        self._on_network.pop(run.ref, None)
        self.addresses.free(run.ip, run.ref)
        for slot in run.slots:
            if slot.up is not None and slot.up.process is not None:
                slot.up.process.steps.close()

    def remove(self, pod: Obj) -> None:
        """The pod has ended, and goes."""
        meta = pod["metadata"]
        if meta.get("finalizers") and meta.get("deletionGracePeriodSeconds") == 0:
            return
        try:
            self.api.delete(kinds.by_key("pods"), meta.get("namespace", ""), meta["name"], self._request(), grace=0)
        except ApiError as error:
            if error.code != 404:
                raise

    def _request(self) -> Request:
        return Request(user=f"system:node:{self.node}", groups=("system:nodes", "system:masters"), manager="kubelet")

    # -- what a look uses ------------------------------------------------------------------------------------------

    def advance(self, run: PodRun, slot: Slot, now: float) -> None:
        """Let the process of that container come as far as the time has, and see whether it ended."""
        current = slot.up
        if current is None or current.process is None:
            return
        process = current.process
        process.advance(now)
        process.check_memory()
        if process.ended is None:
            ending.signal(current, now)
        if process.ended is not None:
            ended = process.ended
            said = _last_words(slot, current)
            current.end(max(ended.at, current.started), ended.code, ended.reason, said)
            slot.seen = False

    def port_taken(self, run: PodRun, slot: Slot, port: int) -> bool:
        """Whether another container of the pod has that port."""
        return any(
            other is not slot and other.up is not None and other.up.process and port in other.up.process.ports
            for other in run.slots
        )

    def listening(self, ip: str, port: int) -> Answers | None:
        """How that port of that address answers; None when it is closed."""
        ref = self.addresses.taken.get(ip)
        runs = [self.pods[ref]] if ref in self.pods else []
        if not runs and ip == self._host_ip:
            runs = [run for run in self.pods.values() if run.host_network]
        for run in runs:
            for slot in run.slots:
                if slot.up is not None and slot.up.process is not None:
                    found = slot.up.process.ports.get(port)
                    if found is not None:
                        return found
        return None

    def lives(self, ip: str) -> bool:
        """Whether a pod, or the node, has that address."""
        return ip in self.addresses.taken or ip == self._host_ip

    def event(
        self,
        pod: Obj,
        slot: Slot | None,
        kind: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        times: int = 1,
    ) -> None:
        """Record an event about the pod, or one of its containers."""
        events.record(
            self.api,
            pod,
            type=kind,
            reason=reason,
            message=message,
            component="kubelet",
            host=self.node,
            field_path=slot.field_path if slot is not None else "",
            times=times,
        )

    def write_status(self, run: PodRun, pod: Obj) -> None:
        """Write the status of the pod; nothing when it is the same."""
        live = self.store.at(run.ref) or pod
        self._put_status(live, status_of(run, live, self.time, self.host_ip))

    def _put_status(self, pod: Obj, status: Obj) -> None:
        if pod.get("status") == status:
            return
        self._writing = True
        try:
            self.store.put("pods", {**pod, "metadata": dict(pod["metadata"]), "status": status})
        finally:
            self._writing = False

    def watch_network(self, ref: Ref, *, wanted: bool) -> None:
        """Whether the pod's processes or probes depend on services and their endpoints."""
        if wanted:
            self._on_network[ref] = None
        else:
            self._on_network.pop(ref, None)

    def again(self, ref: Ref) -> None:
        """Look at the pod again at once."""
        self.cluster.manager.enqueue(self, ref)

    def later(self, pod: Obj, seconds: float) -> None:
        """Look at the pod again after so many seconds."""
        meta = pod["metadata"]
        self.cluster.manager.after(seconds, self, Ref("pods", meta.get("namespace", ""), meta["name"]))

    def at(self, ref: Ref, when: float) -> None:
        """Look at the pod again at that time."""
        self.cluster.manager.after(max(when - self.time.now(), 0.0), self, ref)


def _last_words(slot: Slot, run: Run) -> str:
    """The message of a container that ended: what it left for that, or the end of its log if that is wanted."""
    if run.box is not None and run.box.last_words:
        return "".join(f"{line}\n" for line in run.box.last_words)[:4096]
    if slot.spec.get("terminationMessagePolicy") != "FallbackToLogsOnError" or run.process is None:
        return ""
    if run.process.ended is None or run.process.ended.code == 0:
        return ""
    text = "".join(f"{text}\n" for _, text in run.process.lines[-80:])
    return (text.removesuffix("\n") if run.process.open else text)[-2048:]
