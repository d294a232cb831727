"""The difference of two specs as go-cmp prints it into the server's refusals.

Two fields are shown around each that differs, in Go's order; more than one of the others are counted. Scalars are
exact; lists and structs are printed by their names in JSON, which go-cmp shortens further when they are long.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.validation_fields import Obj, quoted

Table = tuple[tuple[str, str, str], ...]
"""Of each field Go's name, the name in JSON, and how it is printed: text, pointer, amounts, or the type of a list."""

CLAIM: Table = (
    ("AccessModes", "accessModes", "[]core.PersistentVolumeAccessMode"),
    ("Selector", "selector", "pointer"),
    ("Resources", "resources", "amounts"),
    ("VolumeName", "volumeName", "text"),
    ("StorageClassName", "storageClassName", "pointer"),
    ("VolumeMode", "volumeMode", "pointer"),
    ("DataSource", "dataSource", "pointer"),
    ("DataSourceRef", "dataSourceRef", "pointer"),
    ("VolumeAttributesClassName", "volumeAttributesClassName", "pointer"),
)
POD: Table = (
    ("Volumes", "volumes", "[]core.Volume"),
    ("InitContainers", "initContainers", "[]core.Container"),
    ("Containers", "containers", "[]core.Container"),
    ("EphemeralContainers", "ephemeralContainers", "[]core.EphemeralContainer"),
    ("RestartPolicy", "restartPolicy", "text"),
    ("TerminationGracePeriodSeconds", "terminationGracePeriodSeconds", "pointer"),
    ("ActiveDeadlineSeconds", "activeDeadlineSeconds", "pointer"),
    ("DNSPolicy", "dnsPolicy", "text"),
    ("NodeSelector", "nodeSelector", "map[string]string"),
    ("ServiceAccountName", "serviceAccountName", "text"),
    ("AutomountServiceAccountToken", "automountServiceAccountToken", "pointer"),
    ("NodeName", "nodeName", "text"),
    ("SecurityContext", "securityContext", "pointer"),
    ("ImagePullSecrets", "imagePullSecrets", "[]core.LocalObjectReference"),
    ("Hostname", "hostname", "text"),
    ("Subdomain", "subdomain", "text"),
    ("SetHostnameAsFQDN", "setHostnameAsFQDN", "pointer"),
    ("Affinity", "affinity", "pointer"),
    ("SchedulerName", "schedulerName", "text"),
    ("Tolerations", "tolerations", "[]core.Toleration"),
    ("HostAliases", "hostAliases", "[]core.HostAlias"),
    ("PriorityClassName", "priorityClassName", "text"),
    ("Priority", "priority", "pointer"),
    ("PreemptionPolicy", "preemptionPolicy", "pointer"),
    ("DNSConfig", "dnsConfig", "pointer"),
    ("ReadinessGates", "readinessGates", "[]core.PodReadinessGate"),
    ("RuntimeClassName", "runtimeClassName", "pointer"),
    ("Overhead", "overhead", "core.ResourceList"),
    ("EnableServiceLinks", "enableServiceLinks", "pointer"),
    ("TopologySpreadConstraints", "topologySpreadConstraints", "[]core.TopologySpreadConstraint"),
    ("OS", "os", "pointer"),
    ("SchedulingGates", "schedulingGates", "[]core.PodSchedulingGate"),
    ("ResourceClaims", "resourceClaims", "[]core.PodResourceClaim"),
    ("Resources", "resources", "pointer"),
)
_CONTEXT = 2
_SPACE = "\u00a0"


def plain(value: Any) -> str:
    """A value without its type."""
    if isinstance(value, dict):
        inner = ", ".join(f"{name[:1].upper()}{name[1:]}: {plain(item)}" for name, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"{{{', '.join(plain(item) for item in value)}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else "nil" if value is None else str(value)


def _value(value: Any, how: str, *, typed: bool = False) -> str:
    if how == "text":
        return quoted(value or "")
    if how == "amounts":
        return _amounts(value or {})
    if value is None or value == []:
        return "nil"
    if how == "pointer":
        return f"&{plain(value)}"
    return f"{how if typed else ''}{plain(value)}"


def _amounts(resources: Obj) -> str:
    parts = []
    for title, name in (("Limits", "limits"), ("Requests", "requests")):
        listed = resources.get(name) or {}
        if listed:
            inner = ", ".join(
                f's"{key}": {{i: {{...}}, s: "{quantity.parse(item)}", Format: "{quantity.parse(item).format}"}}'
                for key, item in sorted(listed.items())
            )
            parts.append(f"{title}: {{{inner}}}")
    return f"{{{', '.join(parts)}}}"


def _list(resources: Obj, name: str, title: str, sign: str) -> list[str]:
    """One list of resources in full, over several lines."""
    lines = [f"{sign} \t\t{title}: core.ResourceList{{"]
    for key, item in sorted((resources.get(name) or {}).items()):
        amount = quantity.parse(item)
        fields = f'i: resource.int64Amount{{value: {amount.value}}}, s: "{amount}", Format: "{amount.format}"'
        lines.append(f'{sign} \t\t\ts"{key}": {{{fields}}},')
    return [*lines, f"{sign} \t\t}},"]


def _resources(old: Obj, new: Obj) -> list[str]:
    """Resources that differ, over several lines."""
    lines = ["  \tResources: core.VolumeResourceRequirements{"]
    for title, name in (("Limits", "limits"), ("Requests", "requests")):
        if (old.get(name) or {}) == (new.get(name) or {}):
            lines.append(f"  \t\t{title}: {'nil' if not old.get(name) else plain(old[name])},")
        else:
            lines += [*_list(old, name, title, "-"), *_list(new, name, title, "+")]
    return [*lines, "  \t},"]


def _shown(differ: list[bool]) -> list[bool]:
    """The fields that are printed: those that differ, their neighbours, and one that would be left out alone."""
    count = len(differ)
    shown = [any(differ[max(0, at - _CONTEXT) : at + _CONTEXT + 1]) for at in range(count)]
    for at in range(count):
        alone = not shown[at] and (at == 0 or shown[at - 1]) and (at == count - 1 or shown[at + 1])
        if alone:
            shown[at] = True
    return shown


def printed(lines: list[str]) -> str:
    """The lines with the spaces that cannot break which go-cmp begins them with in that server."""
    return "".join(f"{line[:2].replace(' ', _SPACE)}{line[2:]}\n" for line in lines)


def difference(kind: str, table: Table, old: Obj, new: Obj) -> str:
    """What differs between two specs."""
    differ = [(old.get(name) or None) != (new.get(name) or None) for _, name, _ in table]
    lines, group, hidden = [f"  {kind}{{"], list[tuple[str, str, str]](), 0

    def close() -> None:
        width = max((len(title) for _, title, _ in group), default=0) + 1
        lines.extend(f"{sign} \t{f'{title}:'.ljust(width)} {text}," for sign, title, text in group)
        group.clear()

    def skip() -> None:
        nonlocal hidden
        if hidden:
            lines.append(f"  \t... // {hidden} identical fields")
        hidden = 0

    for (title, name, how), changed, shown in zip(table, differ, _shown(differ), strict=True):
        if not shown:
            close()
            hidden += 1
            continue
        skip()
        if changed and how == "amounts":
            close()
            lines += _resources(old.get(name) or {}, new.get(name) or {})
        elif changed:
            group.append(("-", title, _value(old.get(name), how, typed=True)))
            group.append(("+", title, _value(new.get(name), how, typed=True)))
        else:
            group.append((" ", title, _value(old.get(name), how)))
    close()
    skip()
    return printed([*lines, "  }"])
