"""Services that reach no pod or the wrong port, and Ingresses that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_tools.diagnosis.findings import Draft, Ref
from mcp_tools.diagnosis.rules_common import about, template_labels, workloads
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, chosen, ready, ref_of

STARTING = 20.0
"""Seconds that pods may take to become ready before a Service without endpoints is one."""


def services(snapshot: Snapshot) -> Iterator[Draft]:
    """Services with a selector that reach no ready pod, or send to a port that no pod declares."""
    if not snapshot.saw("Pod"):
        return
    for service in snapshot.all("Service"):
        spec = service.get("spec") or {}
        if not spec.get("selector") or spec.get("type") == "ExternalName" or spec.get("publishNotReadyAddresses"):
            continue
        ref = ref_of(service)
        live = [p for p in snapshot.live_pods() if ref_of(p).namespace == ref.namespace]
        pods = [pod for pod in live if chosen(spec["selector"], pod["metadata"].get("labels"))]
        if not any(ready(pod) for pod in pods):
            if not _starting(snapshot, service, pods):
                yield _no_endpoints(snapshot, service, pods)
        else:
            yield from _ports(service, pods)


def _starting(snapshot: Snapshot, service: Manifest, pods: list[Manifest]) -> bool:
    """Whether everything behind a Service was made just now, so that nothing can be said yet."""
    ref, selector = ref_of(service), (service.get("spec") or {}).get("selector") or {}
    mine = [w for w in workloads(snapshot) if ref_of(w).namespace == ref.namespace]
    behind = [*pods, *(w for w in mine if chosen(selector, template_labels(w)))]
    made = [item["metadata"].get("creationTimestamp") for item in pods or behind]
    return bool(made) and all(moment and snapshot.age(moment) < STARTING for moment in made)


def _no_endpoints(snapshot: Snapshot, service: Manifest, pods: list[Manifest]) -> Draft:
    ref, selector = ref_of(service), (service.get("spec") or {}).get("selector") or {}
    draft = Draft("NO_ENDPOINTS", ref, "", [f"selector {_labels(selector)}"])
    if pods:
        draft.root_cause = f"none of the {len(pods)} pods behind Service {ref.name} is ready"
        for pod in pods:
            draft.because_of |= about(snapshot, pod)
        draft.remedy = "see why its pods are not ready"
        return draft
    mine = [w for w in workloads(snapshot) if ref_of(w).namespace == ref.namespace]
    owners = [w for w in mine if chosen(selector, template_labels(w))]
    if owners:
        draft.root_cause = f"there is no pod behind Service {ref.name}"
        draft.because_of = {ref_of(w) for w in owners}
        draft.remedy = f"see why {ref_of(owners[0])} has no pods"
        return draft
    draft.root_cause = f"the selector of Service {ref.name} ({_labels(selector)}) matches no pod"
    closest = max(mine, key=lambda w: _likeness(ref, selector, w), default=None)
    if closest is not None and _likeness(ref, selector, closest) > 0:
        draft.evidence.append(f"the pods of {ref_of(closest)} have {_labels(template_labels(closest))}")
    draft.remedy = "correct the Service's selector or the pods' labels, so that they are the same"
    return draft


def _labels(labels: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "none"


def _likeness(service: Ref, selector: dict[str, str], workload: Manifest) -> int:
    labels = template_labels(workload)
    same = sum(labels.get(key) == value for key, value in selector.items())
    return 2 * same + sum(key in labels for key in selector) + 3 * (ref_of(workload).name == service.name)


def _ports(service: Manifest, pods: list[Manifest]) -> Iterator[Draft]:
    ref = ref_of(service)
    declared = [
        p for pod in pods for c in (pod.get("spec") or {}).get("containers") or [] for p in c.get("ports") or []
    ]
    numbers = {(int(p["containerPort"]), p.get("protocol") or "TCP") for p in declared}
    names = {str(p["name"]) for p in declared if p.get("name")}
    for port in (service.get("spec") or {}).get("ports") or []:
        target, protocol = port.get("targetPort") or port.get("port"), port.get("protocol") or "TCP"
        if (isinstance(target, str) and target in names) or (not isinstance(target, str) and not numbers):
            continue
        if not isinstance(target, str) and (int(target), protocol) in numbers:
            continue
        there = ", ".join(sorted(f"{n}/{p}" for n, p in numbers)) or "none"
        what = f"port named {target!r}" if isinstance(target, str) else f"port {target}"
        draft = Draft("PORT_MISMATCH", ref, f"Service {ref.name} sends port {port.get('port')} to {what} of its pods")
        draft.root_cause += f", which declare {there}"
        draft.evidence = [f"{ref} targetPort {target}", f"containers declare {there} (names: {_listed(names)})"]
        draft.remedy = "set the Service's targetPort to the port on which the program listens"
        yield draft


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def ingresses(snapshot: Snapshot) -> Iterator[Draft]:
    """Ingresses whose Service, or whose port of it, does not exist."""
    if not snapshot.saw("Service"):
        return
    for ingress in snapshot.all("Ingress"):
        ref, spec = ref_of(ingress), ingress.get("spec") or {}
        paths = [p for rule in spec.get("rules") or [] for p in (rule.get("http") or {}).get("paths") or []]
        backends = [p.get("backend") or {} for p in paths] + [spec.get("defaultBackend") or {}]
        for backend in [b["service"] for b in backends if b.get("service")]:
            wrong = _backend(snapshot, ref, backend)
            if wrong:
                draft = Draft("INGRESS_BACKEND_MISSING", ref, f"Ingress {ref.name} routes to {wrong}")
                draft.evidence = [f"{ref} backend {backend.get('name')}:{backend.get('port')}"]
                draft.remedy = "correct the backend of the Ingress"
                yield draft


def _backend(snapshot: Snapshot, ingress: Ref, backend: Manifest) -> str:
    name, port = str(backend.get("name")), backend.get("port") or {}
    service = snapshot.get("Service", ingress.namespace, name)
    if service is None:
        return f"Service {name}, which does not exist"
    ports = (service.get("spec") or {}).get("ports") or []
    if any(p.get("port") == port.get("number") or (port.get("name") and p.get("name") == port["name"]) for p in ports):
        return ""
    asked = port.get("number") or port.get("name")
    return f"port {asked} of Service {name}, which has {', '.join(str(p.get('port')) for p in ports)}"


RULES = (services, ingresses)
