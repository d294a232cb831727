"""The controllers of Endpoints and EndpointSlices: where the pods behind a Service are.

Source: ``pkg/controller/endpoint`` and ``staging/src/k8s.io/endpointslice`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox.controllers import pods as podlib
from mcp_tools.targets.sandbox.controllers.common import (
    Controller,
    deleting,
    itself,
    labels_of,
    owner_reference,
    ref_of,
)
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Change, Obj, Ref, copy

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

SERVICES, ENDPOINTS, SLICES = "services", "endpoints", "endpointslices.discovery.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
MANAGED = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
BY_SLICES, BY_MIRROR = "endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"
TRIGGERED = "endpoints.kubernetes.io/last-change-trigger-time"
PER_SLICE, PER_ENDPOINTS = 100, 1000


class _OfServices(Controller):
    """Told of services and of the pods that they select."""

    own = ""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {SERVICES: itself, podlib.PODS: self._of_pod, self.own: self._of_own}

    def _of_pod(self, change: Change) -> Iterator[Ref]:
        """The services that select the pod, when something changed that they tell."""
        if change.old is not None and change.type == "MODIFIED" and _shown(change.old) == _shown(change.obj):
            return
        for service in self.store.select(SERVICES, change.ref.namespace):
            wanted = service["spec"].get("selector")
            if wanted and any(
                wanted.items() <= labels_of(pod).items() for pod in (change.obj, change.old) if pod is not None
            ):
                yield ref_of(SERVICES, service)

    def _of_own(self, change: Change) -> Iterator[Ref]:
        """What others did to the slices that it writes; of Endpoints it sees only that they were deleted."""
        if self.own == ENDPOINTS and change.type != "DELETED":
            return
        name = labels_of(change.obj).get(SERVICE_NAME) if self.own == SLICES else change.ref.name
        if name:
            yield Ref(SERVICES, change.ref.namespace, name)

    def selected(self, service: Obj) -> list[Obj]:
        """The pods that the service selects."""
        wanted = service["spec"]["selector"].items()
        pods = self.store.select(podlib.PODS, service["metadata"]["namespace"])
        return [pod for pod in pods if wanted <= labels_of(pod).items()]


def _shown(pod: Obj) -> tuple[Any, ...]:
    status = pod.get("status") or {}
    return (
        status.get("podIP"),
        status.get("phase"),
        podlib.ready(pod),
        deleting(pod),
        pod["spec"].get("nodeName"),
        pod["metadata"].get("labels"),
    )


def _headless(service: Obj) -> bool:
    return bool((service.get("spec") or {}).get("clusterIP") == "None")


def _marks(service: Obj) -> dict[str, str]:
    """The labels that a service's endpoints have of it."""
    labels = dict(labels_of(service))
    labels.pop(HEADLESS, None)
    return {**labels, HEADLESS: ""} if _headless(service) else labels


def target_port(pod: Obj, port: Obj) -> int | None:
    """The number of the container port that a service's port means; None when the pod has none of that name."""
    wanted = port.get("targetPort") or port["port"]
    if isinstance(wanted, int):
        return wanted
    protocol = port.get("protocol", "TCP")
    for name in ("containers", "initContainers"):
        for container in pod["spec"].get(name) or ():
            if name == "initContainers" and container.get("restartPolicy") != "Always":
                continue
            for each in container.get("ports") or ():
                if each.get("name") == wanted and each.get("protocol", "TCP") == protocol:
                    return int(each["containerPort"])
    return None


def _ports(pod: Obj, service: Obj, *, named: bool) -> tuple[tuple[tuple[str, Any], ...], ...]:
    """The ports of the pod that the service leads to, as pairs. ``named``: with the empty name of the only port."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = target_port(pod, port)
        if number is None:
            continue
        each = {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
        if port.get("appProtocol"):
            each["appProtocol"] = port["appProtocol"]
        if not each["name"] and not named:
            del each["name"]
        found.append(tuple(each.items()))
    return tuple(found)


def _target(pod: Obj) -> Obj:
    meta = pod["metadata"]
    return {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}


def _hostname(pod: Obj, service: Obj) -> str:
    """The pod's own name below the service's, for the DNS."""
    spec = pod["spec"]
    return str(spec.get("hostname") or "") if spec.get("subdomain") == service["metadata"]["name"] else ""


class Endpoints(_OfServices):
    """Writes the Endpoints of Services that have a selector."""

    name = "endpoint-controller"
    own = ENDPOINTS

    def reconcile(self, ref: Ref) -> None:
        """The Endpoints say which pods are ready."""
        place = Ref(ENDPOINTS, ref.namespace, ref.name)
        service = self.store.at(ref)
        if service is None:
            self.delete(place)
            return
        if deleting(service) or not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
            return
        subsets = self._subsets(service)
        labels = {**_marks(service), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
        found = self.store.at(place)
        if found is None:
            meta = {"name": ref.name, "namespace": ref.namespace, "labels": labels}
            obj: Obj = {"metadata": {**meta, "annotations": {TRIGGERED: self.clock.stamp()}}}
            if subsets:
                obj["subsets"] = subsets
            try:
                self.create(ENDPOINTS, obj)
            except ApiError:
                self.retry(ref)
            return
        self.forget(ref)

        def change(live: Obj) -> None:
            live["metadata"]["labels"] = labels
            if live.pop("subsets", []) != subsets:
                live["metadata"].setdefault("annotations", {})[TRIGGERED] = self.clock.stamp()
            if subsets:
                live["subsets"] = subsets

        self.edit(place, change)

    def _subsets(self, service: Obj) -> list[Obj]:
        publish = bool(service["spec"].get("publishNotReadyAddresses"))
        groups: dict[tuple[Any, ...], tuple[list[Obj], list[Obj]]] = {}
        for pod in self.selected(service):
            ip = (pod.get("status") or {}).get("podIP")
            if not ip or podlib.finished(pod) or (deleting(pod) and not publish):
                continue
            ports = _ports(pod, service, named=False)
            if not ports and (service["spec"].get("ports") or not _headless(service)):
                continue
            address: Obj = {"ip": ip}
            if _hostname(pod, service):
                address["hostname"] = _hostname(pod, service)
            address |= {"nodeName": pod["spec"].get("nodeName", ""), "targetRef": _target(pod)}
            ready, waiting = groups.setdefault(ports, ([], []))
            (ready if publish or podlib.ready(pod) else waiting).append(address)
        subsets = []
        for ports, lists in groups.items():
            subset: Obj = {}
            for name, addresses in zip(("addresses", "notReadyAddresses"), lists, strict=True):
                if addresses:
                    ordered = sorted(addresses, key=lambda each: (each["ip"], each["targetRef"]["uid"]))
                    subset[name] = ordered[:PER_ENDPOINTS]
            if ports:
                subset["ports"] = [dict(port) for port in ports]
            subsets.append(subset)
        return subsets


class EndpointSlices(_OfServices):
    """Writes the EndpointSlices of Services that have a selector."""

    name = "endpoint-slice-controller"
    account = "endpointslice-controller"
    own = SLICES

    def reconcile(self, ref: Ref) -> None:
        """The slices list the pods with their conditions."""
        service = self.store.at(ref)
        mine = [each for each in self._listed(ref) if labels_of(each).get(MANAGED) == BY_SLICES]
        if service is None or not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
            for each in mine:
                self.delete(ref_of(SLICES, each))
            return
        if deleting(service):
            return
        wanted = self._wanted(service)
        write_slices(self, ref, service, mine, wanted, BY_SLICES)

    def _listed(self, ref: Ref) -> list[Obj]:
        slices = self.store.select(SLICES, ref.namespace)
        return [each for each in slices if labels_of(each).get(SERVICE_NAME) == ref.name and not deleting(each)]

    def _wanted(self, service: Obj) -> list[tuple[list[Obj], list[Obj]]]:
        """Per slice its endpoints and ports; one empty slice when there is no pod."""
        publish = bool(service["spec"].get("publishNotReadyAddresses"))
        groups: dict[tuple[Any, ...], list[Obj]] = {}
        for pod in self.selected(service):
            ip = (pod.get("status") or {}).get("podIP")
            if not ip or podlib.finished(pod) or not pod["spec"].get("nodeName"):
                continue
            serving, ending = podlib.ready(pod), deleting(pod)
            endpoint: Obj = {
                "addresses": [ip],
                "conditions": {
                    "ready": publish or (serving and not ending),
                    "serving": serving,
                    "terminating": ending,
                },
            }
            if _hostname(pod, service):
                endpoint["hostname"] = _hostname(pod, service)
            endpoint |= {"nodeName": pod["spec"]["nodeName"], "targetRef": _target(pod)}
            groups.setdefault(_ports(pod, service, named=True), []).append(endpoint)
        found: list[tuple[list[Obj], list[Obj]]] = []
        for ports, endpoints in groups.items():
            for start in range(0, len(endpoints), PER_SLICE):
                found.append((endpoints[start : start + PER_SLICE], [dict(port) for port in ports]))
        return found or [([], [])]


def write_slices(
    controller: Controller,
    ref: Ref,
    owner: Obj,
    present: Sequence[Obj],
    wanted: Sequence[tuple[list[Obj], list[Obj]]],
    by: str,
) -> None:
    """Bring the slices that there are to those that are wanted; slices are taken over in their order."""
    labels = {**_marks(owner), MANAGED: by, SERVICE_NAME: ref.name}
    left = list(present)
    for endpoints, ports in wanted:
        same = next((each for each in left if (each.get("ports") or []) == ports), left[0] if left else None)
        if same is None:
            meta: Obj = {"generateName": f"{ref.name}-", "namespace": ref.namespace, "labels": labels}
            meta["annotations"] = {TRIGGERED: controller.clock.stamp()}
            meta["ownerReferences"] = [owner_reference(owner)]
            new: Obj = {"metadata": meta, "addressType": "IPv4", "endpoints": endpoints, "ports": ports}
            try:
                made = controller.create(SLICES, new)
            except ApiError:
                controller.retry(ref)
                return
            if not endpoints or not ports:
                # It is the same object for the one who reads it, and no new generation.
                made = copy(made)
                _nulls(made)
                controller.store.put(SLICES, made)
            continue
        left.remove(same)

        def change(live: Obj, endpoints: list[Obj] = endpoints, ports: list[Obj] = ports) -> None:
            live["metadata"]["labels"] = labels
            if (live.get("endpoints") or []) != endpoints:
                live["endpoints"] = endpoints
                live["metadata"].setdefault("annotations", {})[TRIGGERED] = controller.clock.stamp()
            if (live.get("ports") or []) != ports:
                live["ports"] = ports
            _nulls(live)

        controller.edit(ref_of(SLICES, same), change)
    for each in left:
        controller.delete(ref_of(SLICES, each))
    controller.forget(ref)


def _nulls(live: Obj) -> None:
    """Empty lists come back from the real API server as null: these two fields are never left out."""
    for field in ("endpoints", "ports"):
        live[field] = live.get(field) or None


class Mirrors(Controller):
    """Copies Endpoints that a human wrote, for a Service without a selector, to EndpointSlices."""

    name = "endpoint-slice-mirroring-controller"
    account = "endpointslicemirroring-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {ENDPOINTS: itself, SERVICES: self._of_service}

    def _of_service(self, change: Change) -> Iterator[Ref]:
        yield Ref(ENDPOINTS, change.ref.namespace, change.ref.name)

    def reconcile(self, ref: Ref) -> None:
        """One slice for each subset, owned by the Endpoints."""
        found = self.store.at(ref)
        service = self.store.get(SERVICES, ref.namespace, ref.name)
        slices = self.store.select(SLICES, ref.namespace)
        marks = {MANAGED: BY_MIRROR, SERVICE_NAME: ref.name}
        mine = [each for each in slices if marks.items() <= labels_of(each).items()]
        skip = found is None or labels_of(found).get("endpointslice.kubernetes.io/skip-mirror") == "true"
        if found is None or skip or service is None or service["spec"].get("selector"):
            for each in mine:
                self.delete(ref_of(SLICES, each))
            return
        if ref.namespace == "default" and ref.name == "kubernetes":
            return
        wanted = []
        for subset in found.get("subsets") or ():
            endpoints = [
                {"addresses": [address["ip"]], "conditions": {"ready": ready}}
                for name, ready in (("addresses", True), ("notReadyAddresses", False))
                for address in subset.get(name) or ()
            ]
            ports = [{"name": "", "protocol": "TCP", **port} for port in subset.get("ports") or ()]
            wanted.append((endpoints, ports))
        write_slices(self, ref, found, mine, wanted, BY_MIRROR)
