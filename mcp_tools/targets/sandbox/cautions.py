"""Warnings about what is accepted and hardly meant: HTTP Warning headers of creates and updates.

Source: ``pkg/api/pod/warnings.go``, ``pkg/api/node/util.go`` and the ``WarningsOnCreate`` of the registry's strategies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcp_tools.targets.sandbox import quantity, validation_names
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.store import Obj
from mcp_tools.targets.sandbox.validation_fields import quoted

_TEMPLATES = {
    "pods": "",
    "deployments.apps": "spec.template",
    "replicasets.apps": "spec.template",
    "statefulsets.apps": "spec.template",
    "daemonsets.apps": "spec.template",
    "replicationcontrollers": "spec.template",
    "jobs.batch": "spec.template",
    "cronjobs.batch": "spec.jobTemplate.spec.template",
    "podtemplates": "template",
}
"""Where each kind has its pod."""

_NODE_LABELS = {
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"),
    "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
    "beta.kubernetes.io/instance-type": ("v1.17", "node.kubernetes.io/instance-type"),
}
_HOST_POD = "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended"
_HOST_PODS = (
    "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended"
)


def of(kind: Kind, obj: Obj) -> Iterator[str]:
    """The warnings about a new object, or about a new generation of one."""
    place = _TEMPLATES.get(kind.key)
    if place is not None:
        if kind.key != "podtemplates" and (wrong := list(validation_names.label(obj["metadata"].get("name", "")))):
            why = _HOST_POD if kind.key == "pods" else _HOST_PODS
            yield f"metadata.name: {why}: [{' '.join(wrong)}]"
        template: Any = obj
        for part in filter(None, place.split(".")):
            template = template.get(part) or {}
        path = f"{place}.spec" if place else "spec"
        yield from _pod(template.get("spec") or {}, path)
    elif kind.key == "ingresses.networking.k8s.io":
        if "kubernetes.io/ingress.class" in (obj["metadata"].get("annotations") or {}):
            yield "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
    elif kind.key == "services":
        spec = obj.get("spec") or {}
        if spec.get("clusterIP") == "None" and spec.get("sessionAffinity", "None") != "None":
            yield "spec.SessionAffinity is ignored for headless services"


def _pod(spec: Obj, path: str) -> Iterator[str]:
    yield from _nodes(spec, path)
    for number, volume in enumerate(spec.get("volumes") or ()):
        if "gitRepo" in volume:
            yield f"{path}.volumes[{number}].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"
    for volume in spec.get("volumes") or ():
        yield from _overlaps(volume)
    yield from _repeated(spec.get("hostAliases") or (), f"{path}.hostAliases", "ip")
    secrets = spec.get("imagePullSecrets") or ()
    yield from _repeated(secrets, f"{path}.imagePullSecrets", "name")
    for number, secret in enumerate(secrets):
        if not secret.get("name"):
            yield f'{path}.imagePullSecrets[{number}].name: invalid empty name ""'
    for where, container in _containers(spec, path):
        yield from _fractions(container, where)
        yield from _variables(container, where)
    yield from _ports(spec, path)
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        yield (
            f"{path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
        )


_SOURCES = {"configMap": ("ConfigMap", "name"), "secret": ("Secret", "secretName"), "downwardAPI": ("DownwardAPI", "")}
"""Volumes of named files: what they are called, and where a volume names its source."""


def _overlaps(volume: Obj) -> Iterator[str]:
    """Files of one volume that have the same path, or one below another."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for part, (what, name) in _SOURCES.items():
        if (source := volume.get(part)) is not None:
            title = f"{what} {quoted(source.get(name, ''))}" if name else what
            found.append((title, [(item.get("path", ""), "") for item in source.get("items") or ()]))
    if (projected := volume.get("projected")) is not None:
        all_files, files = list[tuple[str, str]](), list[tuple[str, str]]()
        for source in projected.get("sources") or ():
            # A source that names no files counts as the one before it once more: so the real one does.
            files = list(_projected(source)) or files
            all_files += files
        found.append(("Projected", all_files))
    for title, files in found:
        before: list[tuple[str, str]] = []
        for written, source in files:
            here = written.rstrip("/"), source
            for there in before:
                one, other = f"{here[0]}/", f"{there[0]}/"
                if here[0] and there[0] and (one.startswith(other) or other.startswith(one)):
                    said = f"{_file(*here)} with {_file(*there)}"
                    yield f"volume {quoted(volume.get('name', ''))} ({title}): overlapping paths: {said}"
            before.append(here)


def _projected(source: Obj) -> Iterator[tuple[str, str]]:
    """The paths of one source of a projected volume, with what they come from."""
    for part, (what, name) in _SOURCES.items():
        if (found := source.get(part)) is not None:
            title = f"{what} {quoted(found.get('name', ''))}" if name else what
            yield from ((item.get("path", ""), title) for item in found.get("items") or ())
    if (token := source.get("serviceAccountToken")) is not None:
        yield token.get("path", ""), "ServiceAccountToken"


def _file(path: str, source: str) -> str:
    return f"{quoted(path)} ({source})" if source else quoted(path)


def _fractions(container: Obj, where: str) -> Iterator[str]:
    """Bytes that are not whole."""
    resources = container.get("resources") or {}
    for name in ("memory", "ephemeral-storage"):
        for part in ("limits", "requests"):
            written = (resources.get(part) or {}).get(name)
            if written is not None and (amount := quantity.parse(written)).milli % 1000:
                said = f'fractional byte value "{amount}" is invalid, must be an integer'
                yield f"{where}.resources.{part}[{name}]: {said}"


def _nodes(spec: Obj, path: str) -> Iterator[str]:
    """Labels of nodes that have other names by now, and spreading that spreads nothing."""
    for key in spec.get("nodeSelector") or ():
        if key in _NODE_LABELS:
            yield f"{path}.nodeSelector[{key}]: {_deprecated(key)}"
    for number, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        key = constraint.get("topologyKey", "")
        where = f"{path}.topologySpreadConstraints[{number}]"
        if key in _NODE_LABELS:
            yield f"{where}.topologyKey: {key} is {_deprecated(key)}"
        if constraint.get("labelSelector") is None:
            yield f"{where}.labelSelector: a null labelSelector results in matching no pod"


def _deprecated(key: str) -> str:
    since, instead = _NODE_LABELS[key]
    return f'deprecated since {since}; use "{instead}" instead'


def _repeated(entries: Any, path: str, field: str) -> Iterator[str]:
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        value = entry.get(field, "")
        if value in seen:
            yield f'{path}[{number}].{field}: duplicate {field} "{value}"'
        seen.add(value)


def _containers(spec: Obj, path: str) -> Iterator[tuple[str, Obj]]:
    for part in ("initContainers", "containers", "ephemeralContainers"):
        for number, container in enumerate(spec.get(part) or ()):
            yield f"{path}.{part}[{number}]", container


def _variables(container: Obj, where: str) -> Iterator[str]:
    """Variables that are defined twice, the second one without the first in it."""
    seen: set[str] = set()
    for number, entry in enumerate(container.get("env") or ()):
        name, value = entry.get("name", ""), entry.get("value", "")
        reference = f"$({name})"
        if name in seen and ("valueFrom" in entry or value == reference or reference not in value):
            yield f'{where}.env[{number}]: hides previous definition of "{name}", which may be dropped when using apply'
        seen.add(name)


def _ports(spec: Obj, path: str) -> Iterator[str]:
    """Ports of the whole pod that are said twice."""
    known: dict[tuple[Any, Any], list[tuple[str, Obj]]] = {}
    for where, container in _containers(spec, path):
        for number, port in enumerate(container.get("ports") or ()):
            here = f"{where}.ports[{number}]"
            others = known.setdefault((port.get("containerPort"), port.get("protocol", "TCP")), [])
            for there, other in others:
                hosts = (port.get("hostPort", 0), other.get("hostPort", 0))
                if hosts[0] == hosts[1] and port.get("hostIP", "") == other.get("hostIP", ""):
                    yield f"{here}: duplicate port definition with {there}"
                elif 0 in hosts:
                    yield f"{here}: overlapping port definition with {there}"
            others.append((here, port))
