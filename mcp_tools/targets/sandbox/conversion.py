"""Kinds that are served in two versions: stored in one, shown in the other.

Source: ``pkg/apis/autoscaling/v1/conversion.go`` and ``pkg/apis/events/v1/conversion.go``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.store import Obj

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"


def stored_kind(kind: Kind) -> Kind:
    """The version in which objects of this kind are stored: the one that discovery prefers."""
    return kinds.by_key(kind.key)


def is_stored(kind: Kind) -> bool:
    """Whether this version is the stored one."""
    return kind.key not in _TO or stored_kind(kind) is kind


def to_stored(kind: Kind, obj: Obj) -> Obj:
    """The object of any version in the stored one."""
    if is_stored(kind):
        return obj
    target = stored_kind(kind)
    made = _TO[kind.key](obj)
    made["apiVersion"], made["kind"] = target.api_version, target.kind
    return made


def from_stored(kind: Kind, obj: Obj) -> Obj:
    """The stored object in the version that is asked for; the object itself when it is that one."""
    if is_stored(kind):
        return obj
    made = _FROM[kind.key](obj)
    made["apiVersion"], made["kind"] = kind.api_version, kind.kind
    return made


# -- events --------------------------------------------------------------------------------------------------------

_EVENT = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_EVENT_BACK = {core: new for new, core in _EVENT.items()}


def _event_to(obj: Obj) -> Obj:
    return {_EVENT.get(name, name): value for name, value in obj.items()}


def _event_from(obj: Obj) -> Obj:
    return {_EVENT_BACK.get(name, name): value for name, value in obj.items()}


# -- horizontal pod autoscalers ------------------------------------------------------------------------------------


def _without_cpu(metrics: list[Any], part: str) -> tuple[int | None, list[Any]]:
    """The first utilization of the CPU that is the autoscaler's whole metric in v1, and the other metrics."""
    for number, metric in enumerate(metrics):
        resource = metric.get("resource") or {}
        if metric.get("type") == "Resource" and resource.get("name") == "cpu":
            value = (resource.get(part) or {}).get("averageUtilization")
            if value is not None:
                return value, [*metrics[:number], *metrics[number + 1 :]]
    return None, metrics


def _cpu(part: str, value: int) -> dict[str, Any]:
    told = {"averageUtilization": value}
    if part == "target":
        told = {"averageUtilization": value, "type": "Utilization"}  # type: ignore[dict-item]
    return {"type": "Resource", "resource": {"name": "cpu", part: told}}


def _hpa_to(obj: Obj) -> Obj:
    meta = dict(obj["metadata"])
    notes = dict(meta.get("annotations") or {})
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics = _load(notes.pop(METRICS, None), [])
    current = _load(notes.pop(CURRENT, None), [])
    conditions = _load(notes.pop(CONDITIONS, None), [])
    behavior = _load(notes.pop(BEHAVIOR, None), None)
    if (cpu := spec.pop("targetCPUUtilizationPercentage", None)) is not None:
        metrics = [_cpu("target", cpu), *metrics]
    if metrics:
        spec["metrics"] = metrics
    if behavior is not None:
        spec["behavior"] = behavior
    if (cpu := status.pop("currentCPUUtilizationPercentage", None)) is not None:
        current = [_cpu("current", cpu), *current]
    if current:
        status["currentMetrics"] = current
    if conditions:
        status["conditions"] = conditions
    return _assembled(obj, meta, notes, spec, status)


def _hpa_from(obj: Obj) -> Obj:
    meta = dict(obj["metadata"])
    notes = dict(meta.get("annotations") or {})
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    cpu, metrics = _without_cpu(spec.pop("metrics", None) or [], "target")
    if cpu is not None:
        spec["targetCPUUtilizationPercentage"] = cpu
    if metrics:
        notes[METRICS] = _dump(metrics)
    if (behavior := spec.pop("behavior", None)) is not None:
        notes[BEHAVIOR] = _dump(behavior)
    cpu, current = _without_cpu(status.pop("currentMetrics", None) or [], "current")
    if cpu is not None:
        status["currentCPUUtilizationPercentage"] = cpu
    if current:
        notes[CURRENT] = _dump(current)
    if conditions := status.pop("conditions", None):
        notes[CONDITIONS] = _dump(conditions)
    status.setdefault("currentReplicas", 0)
    status.setdefault("desiredReplicas", 0)
    return _assembled(obj, meta, notes, spec, status)


def _assembled(obj: Obj, meta: Obj, notes: dict[str, str], spec: Obj, status: Obj) -> Obj:
    meta.pop("annotations", None)
    if notes:
        meta["annotations"] = notes
    made = {**obj, "metadata": meta, "spec": spec}
    if status or "status" in obj:
        made["status"] = status
    return made


def _load(text: str | None, default: Any) -> Any:
    try:
        return json.loads(text) if text else default
    except ValueError:
        return default


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


_TO: dict[str, Callable[[Obj], Obj]] = {"events": _event_to, "horizontalpodautoscalers.autoscaling": _hpa_to}
_FROM: dict[str, Callable[[Obj], Obj]] = {"events": _event_from, "horizontalpodautoscalers.autoscaling": _hpa_from}
