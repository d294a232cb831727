"""LimitRanger: defaults for containers, and the least and the most of containers, pods and claims.

Source: ``plugin/pkg/admission/limitranger`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.admission import pod_resources
from mcp_tools.targets.sandbox.admission.base import Action, Plugin, all_of, creates_pod, refused
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.quantity import Amounts
from mcp_tools.targets.sandbox.store import Obj

NOTE = "kubernetes.io/limit-ranger"


class LimitRanger(Plugin):
    """Applies the LimitRanges of the namespace."""

    def _items(self, namespace: str) -> Iterator[Obj]:
        for found in self.store.select("limitranges", namespace):
            yield from found["spec"].get("limits") or ()

    def admit(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Give containers the defaults."""
        if not creates_pod(action, kind, subresource) or obj is None:
            return
        for item in self._items(namespace):
            if item["type"] == "Container":
                fill(obj, item)

    def validate(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Refuse what is outside the limits."""
        if obj is None or subresource:
            return
        if kind.key == "pods" and action == "CREATE":
            mistakes = [text for item in self._items(namespace) for text in pod_mistakes(obj, item)]
        elif kind.key == "persistentvolumeclaims" and action in ("CREATE", "UPDATE"):
            mistakes = [text for item in self._items(namespace) for text in claim_mistakes(obj, item)]
        else:
            return
        if mistakes:
            raise refused(kind, obj, all_of(mistakes))


def defaults_of(item: Obj) -> tuple[dict[str, Any], dict[str, Any]]:
    """The default limits and requests of an item: limits come from the most, requests from those or from the least."""
    limits = {**(item.get("max") or {}), **(item.get("default") or {})}
    requests = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}
    return limits, requests


def fill(pod: Obj, item: Obj) -> None:
    """Give the pod's containers the defaults, and note what was set."""
    limits, requests = defaults_of(item)
    notes: list[str] = []
    for field, title in (("containers", "container"), ("initContainers", "init container")):
        for container in pod["spec"].get(field) or ():
            resources = container.setdefault("resources", {})
            for name, values, word in (("requests", requests, "request"), ("limits", limits, "limit")):
                missing = sorted(set(values) - set(resources.get(name) or {}))
                if missing:
                    resources[name] = {**(resources.get(name) or {}), **{each: values[each] for each in missing}}
                    notes.append(f"{', '.join(missing)} {word} for {title} {container['name']}")
    if notes:
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations[NOTE] = f"LimitRanger plugin set: {'; '.join(notes)}"


def pod_mistakes(pod: Obj, item: Obj) -> list[str]:
    """What of the pod is outside the item."""
    spec = pod["spec"]
    if item["type"] == "Container":
        found = []
        for field in ("containers", "initContainers"):
            for container in spec.get(field) or ():
                resources = container.get("resources") or {}
                requests = quantity.amounts(resources.get("requests"))
                found += mistakes(item, requests, quantity.amounts(resources.get("limits")))
        return found
    if item["type"] == "Pod":
        return mistakes(item, pod_resources.total(spec, "requests"), pod_resources.total(spec, "limits"))
    return []


def mistakes(item: Obj, requests: Amounts, limits: Amounts) -> list[str]:
    """What of these amounts is outside the item."""
    kind, found = item["type"], []
    for name, bound in sorted((item.get("min") or {}).items()):
        least, request, limit = quantity.parse(bound), requests.get(name), limits.get(name)
        title = f"minimum {name} usage per {kind} is {least}"
        if request is None:
            found.append(f"{title}.  No request is specified")
        elif request < least:
            found.append(f"{title}, but request is {request}")
        elif limit is not None and limit < least:
            found.append(f"{title}, but limit is {limit}")
    for name, bound in sorted((item.get("max") or {}).items()):
        most, request, limit = quantity.parse(bound), requests.get(name), limits.get(name)
        title = f"maximum {name} usage per {kind} is {most}"
        if limit is None:
            found.append(f"{title}.  No limit is specified")
        elif most < limit:
            found.append(f"{title}, but limit is {limit}")
        elif request is not None and most < request:
            found.append(f"{title}, but request is {request}")
    for name, bound in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        most, request, limit = quantity.parse(bound), requests.get(name), limits.get(name)
        title = f"{name} max limit to request ratio per {kind} is {most}"
        if not request:
            found.append(f"{title}, but no request is specified or request is 0")
        elif not limit:
            found.append(f"{title}, but no limit is specified or limit is 0")
        elif limit.amount / request.amount > most.amount:
            found.append(f"{title}, but provided ratio is {float(limit.amount / request.amount):f}")
    return found


def claim_mistakes(claim: Obj, item: Obj) -> list[str]:
    """What of the claim is outside the item: only its request is looked at."""
    if item["type"] != "PersistentVolumeClaim":
        return []
    asked = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage")
    found = []
    for field, word in (("min", "minimum"), ("max", "maximum")):
        written = (item.get(field) or {}).get("storage")
        if written is None:
            continue
        bound = quantity.parse(written)
        title = f"{word} storage usage per PersistentVolumeClaim is {bound}"
        if asked is None:
            found.append(f"{title}.  No request is specified")
        elif (request := quantity.parse(asked)) != bound and (request < bound) == (field == "min"):
            found.append(f"{title}, but request is {request}")
    return found
