"""Policy checks on manifests: what a reviewer would object to, one finding per object and rule. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from mcp_tools.engines import manifests
from mcp_tools.engines.manifests import Manifest

Severity = Literal["error", "warning", "info"]
LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet")


class PolicyFinding(BaseModel):
    """One objection. ``error`` must not be deployed, ``warning`` should be mended, ``info`` is worth knowing."""

    code: str
    object: str
    message: str
    severity: Severity


def check(items: Iterable[Mapping[str, Any]]) -> list[PolicyFinding]:
    """All objections, errors first."""
    found = [finding for item in items for finding in _of(dict(item))]
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def dangers(items: Iterable[Mapping[str, Any]]) -> list[PolicyFinding]:
    """Only what gives a pod power over its node."""
    return [f for f in check(items) if f.code in ("privileged", "host-path", "host-namespace", "capabilities")]


def _of(item: Manifest) -> Iterator[PolicyFinding]:
    name = manifests.label(item)
    for code, severity, message in [*_pod(item), *_data(item), *_access(item)]:
        yield PolicyFinding(code=code, object=name, message=message, severity=severity)


Raw = tuple[str, Severity, str]


def _pod(item: Manifest) -> Iterator[Raw]:
    spec = manifests.pod_spec(item)
    if spec is None:
        return
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield "host-namespace", "error", f"{name} shares the node's namespace"
    for volume in spec.get("volumes") or []:
        if volume.get("hostPath"):
            yield (
                "host-path",
                "error",
                f"volume {volume.get('name')} mounts {volume['hostPath'].get('path')} of the node",
            )
    inits = {c.get("name") for c in spec.get("initContainers") or []}
    for container in manifests.containers(item):
        yield from _container(container, spec.get("securityContext") or {})
        if item.get("kind") in LONG_RUNNING and container.get("name") not in inits:
            for probe in ("livenessProbe", "readinessProbe"):
                if not container.get(probe):
                    yield (
                        f"no-{probe[:-5].lower()}-probe",
                        "warning",
                        f"container {container.get('name')} has no {probe}",
                    )


def _container(container: Manifest, pod: Manifest) -> Iterator[Raw]:
    name, own = container.get("name"), container.get("securityContext") or {}
    if own.get("privileged") or (own.get("windowsOptions") or {}).get("hostProcess"):
        yield "privileged", "error", f"container {name} is privileged"
    added = (own.get("capabilities") or {}).get("add") or []
    if set(added) - {"NET_BIND_SERVICE"}:
        yield "capabilities", "error", f"container {name} adds {', '.join(added)}"
    user = own.get("runAsUser", pod.get("runAsUser"))
    if user == 0:
        yield "runs-as-root", "error", f"container {name} runs as user 0"
    elif user is None and not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
        yield "may-run-as-root", "warning", f"container {name} does not say runAsNonRoot"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "privilege-escalation", "warning", f"container {name} does not forbid privilege escalation"
    limits = (container.get("resources") or {}).get("limits") or {}
    requests = (container.get("resources") or {}).get("requests") or {}
    missing = [
        f"{kind} {what}"
        for kind, given in (("request", requests), ("limit", limits))
        for what in ("cpu", "memory")
        if what not in given and not (kind == "request" and what in limits)
    ]
    if missing:
        yield "no-resources", "warning", f"container {name} has no {', '.join(missing)}"
    image = str(container.get("image", ""))
    if "@" not in image and (image.endswith(":latest") or ":" not in image.rsplit("/", 1)[-1]):
        yield "latest-tag", "info", f"container {name} uses {image}, which can mean another image tomorrow"
    for entry in container.get("env") or []:
        if entry.get("value") and manifests.looks_secret(str(entry.get("name", "")), entry["value"]):
            yield "plain-secret", "error", f"container {name} has a secret as plain value in {entry['name']}"


def _data(item: Manifest) -> Iterator[Raw]:
    if item.get("kind") != "ConfigMap":
        return
    for key, value in (item.get("data") or {}).items():
        if manifests.looks_secret(key, value) or re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY-----", str(value)):
            yield "plain-secret", "error", f"key {key} looks like a secret; it belongs in a Secret"


def _access(item: Manifest) -> Iterator[Raw]:
    if item.get("kind") in ("Role", "ClusterRole"):
        for rule in item.get("rules") or []:
            if "*" in (rule.get("verbs") or []) or "*" in (rule.get("resources") or []):
                yield "wide-role", "warning", "a rule grants everything with '*'"
    if item.get("kind") == "ClusterRoleBinding" and (item.get("roleRef") or {}).get("name") == "cluster-admin":
        yield "cluster-admin", "error", "binds cluster-admin"
