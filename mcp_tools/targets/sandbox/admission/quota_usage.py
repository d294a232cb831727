"""What objects count against quotas. Pure.

Source: ``pkg/quota/v1/evaluator/core`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.admission import pod_resources
from mcp_tools.targets.sandbox.admission.base import containers
from mcp_tools.targets.sandbox.clock import Clock, parse
from mcp_tools.targets.sandbox.quantity import Amounts
from mcp_tools.targets.sandbox.store import Obj

ONE = quantity.of(1)
COUNTED = {
    "pods": "pods",
    "services": "services",
    "replicationcontrollers": "replicationcontrollers",
    "resourcequotas": "resourcequotas",
    "secrets": "secrets",
    "configmaps": "configmaps",
    "persistentvolumeclaims": "persistentvolumeclaims",
}
COMPUTE = ("cpu", "memory", "ephemeral-storage")
CLASS_SUFFIX = ".storageclass.storage.k8s.io/"
NATIVE_PREFIXES = ("hugepages-", "kubernetes.io/")


def used_by(key: str, obj: Obj, clock: Clock) -> Amounts:
    """What one object counts, by the names that a quota may have."""
    found: Amounts = {f"count/{key}": ONE}
    match key:
        case "pods":
            found = _pod(obj, found, clock)
        case "services":
            found |= _service(obj)
        case "persistentvolumeclaims":
            found |= _claim(obj)
        case _:
            if key in COUNTED:
                found[COUNTED[key]] = ONE
    return found


def _pod(pod: Obj, found: Amounts, clock: Clock) -> Amounts:
    """A pod that has ended counts as an object only; so does one whose grace has passed."""
    if not alive(pod, clock):
        return found
    requests, limits = pod_resources.total(pod["spec"], "requests"), pod_resources.total(pod["spec"], "limits")
    found = {**found, "pods": ONE}
    for name, value in requests.items():
        if name in COMPUTE or name.startswith("hugepages-"):
            found[name] = value
        found[f"requests.{name}"] = value
    for name, value in limits.items():
        if name in COMPUTE:
            found[f"limits.{name}"] = value
    return found


def alive(pod: Obj, clock: Clock) -> bool:
    """Whether the pod counts."""
    if (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return False
    ends, grace = pod["metadata"].get("deletionTimestamp"), pod["metadata"].get("deletionGracePeriodSeconds")
    return not (ends and grace is not None and clock.now() > parse(ends))


def _service(service: Obj) -> Amounts:
    spec = service["spec"]
    found = {"services": ONE}
    kind, ports = spec.get("type", "ClusterIP"), spec.get("ports") or ()
    if kind == "NodePort":
        found["services.nodeports"] = quantity.of(len(ports))
    elif kind == "LoadBalancer":
        found["services.loadbalancers"] = ONE
        given = spec.get("allocateLoadBalancerNodePorts", True)
        found["services.nodeports"] = quantity.of(
            len(ports) if given else sum(bool(port.get("nodePort")) for port in ports)
        )
    return found


def _claim(claim: Obj) -> Amounts:
    written = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage")
    found = {"persistentvolumeclaims": ONE}
    name = claim["spec"].get("storageClassName")
    if name:
        found[f"{name}{CLASS_SUFFIX}persistentvolumeclaims"] = ONE
    if written is not None:
        found["requests.storage"] = quantity.parse(written)
        if name:
            found[f"{name}{CLASS_SUFFIX}requests.storage"] = found["requests.storage"]
    return found


def concerns(quota: Obj, key: str) -> list[str]:
    """The names in the quota that objects of that kind count against."""
    return [name for name in quota["spec"].get("hard") or {} if _concerns(name, key)]


def _concerns(name: str, key: str) -> bool:
    if name == f"count/{key}":
        return True
    match key:
        case "pods":
            if name.startswith("count/") or CLASS_SUFFIX in name or name == "requests.storage":
                return False
            return name in ("pods", *COMPUTE) or name.startswith(("requests.", "limits.", "hugepages-"))
        case "services":
            return name in ("services", "services.nodeports", "services.loadbalancers")
        case "persistentvolumeclaims":
            return name in ("persistentvolumeclaims", "requests.storage") or CLASS_SUFFIX in name
        case _:
            return COUNTED.get(key) == name


def in_scope(quota: Obj, key: str, obj: Obj) -> bool:
    """Whether the quota's scopes take the object in; scopes are about pods."""
    spec = quota["spec"]
    scopes: list[dict[str, Any]] = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    scopes += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    if not scopes:
        return True
    return key == "pods" and all(_in_scope(scope, obj) for scope in scopes)


def _in_scope(scope: dict[str, Any], pod: Obj) -> bool:
    spec = pod["spec"]
    match scope["scopeName"]:
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return _best_effort(spec)
        case "NotBestEffort":
            return not _best_effort(spec)
        case "CrossNamespacePodAffinity":
            return _crosses(spec)
        case _:
            name, values = spec.get("priorityClassName") or "", scope.get("values") or ()
            match scope.get("operator", "Exists"):
                case "In":
                    return name in values
                case "NotIn":
                    return name not in values
                case "DoesNotExist":
                    return not name
                case _:
                    return bool(name)


def _best_effort(spec: dict[str, Any]) -> bool:
    for container in containers(spec):
        resources = container.get("resources") or {}
        for field in ("requests", "limits"):
            if any(quantity.parse((resources.get(field) or {}).get(name, "0")) for name in ("cpu", "memory")):
                return False
    return True


def _crosses(spec: dict[str, Any]) -> bool:
    affinity = spec.get("affinity") or {}
    for field in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(field) or {}
        terms = list(found.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        preferred = found.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [each["podAffinityTerm"] for each in preferred]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


def total(quota: Obj, objects: Iterable[tuple[str, Obj]], clock: Clock) -> Amounts:
    """What all these objects count against the quota; every name of the quota is there."""
    hard = quota["spec"].get("hard") or {}
    found: Amounts = {name: quantity.Quantity(quantity.ZERO.amount) for name in hard}
    for key, obj in objects:
        if in_scope(quota, key, obj):
            for name, value in used_by(key, obj, clock).items():
                if name in found:
                    found[name] = found[name] + value
    return found


def unspecified(quota: Obj, pod: Obj) -> str:
    """What containers must say because the quota limits it: ``limits.cpu for: a,b; requests.cpu for: a``."""
    missing: dict[str, set[str]] = {}
    asked = [name for name in concerns(quota, "pods") if name in COMPUTE or name.startswith(("requests.", "limits."))]
    for container in containers(pod["spec"]):
        resources = container.get("resources") or {}
        said: set[str] = {f"limits.{name}" for name in resources.get("limits") or {}}
        for name in resources.get("requests") or {}:
            said |= {name, f"requests.{name}"}
        for name in asked:
            plain = name.removeprefix("requests.").removeprefix("limits.")
            if plain in ("cpu", "memory") and name not in said:
                missing.setdefault(name, set()).add(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))
