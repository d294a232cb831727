"""The columns of what runs pods, and of what scales and protects them.

Source: the printers of the API server (``pkg/printers/internalversion``).
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import clock
from mcp_tools.targets.sandbox.store import Obj
from mcp_tools.targets.sandbox.tables_common import (
    AGE,
    CONTAINERS,
    NAME,
    NONE,
    SELECTOR,
    UNKNOWN,
    Cells,
    age,
    boolean,
    column,
    containers,
    duration,
    holds,
    labels,
    selector,
    since,
)


def _number(name: str) -> dict[str, Any]:
    return column(name, "integer")


def deployment(obj: Obj, now: float) -> list[Any]:
    """READY is ready of desired."""
    spec, status = obj["spec"], obj.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    wide = [*containers(spec.get("template")), selector(spec.get("selector"))]
    return [obj["metadata"]["name"], ready, *counts, age(obj, now), *wide]


def replica_set(obj: Obj, now: float) -> list[Any]:
    """Also of a ReplicationController, whose selector is a plain map."""
    spec, status = obj["spec"], obj.get("status") or {}
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    chosen = spec.get("selector")
    text = labels(chosen) if obj.get("kind") == "ReplicationController" else selector(chosen)
    return [obj["metadata"]["name"], *counts, age(obj, now), *containers(spec.get("template")), text]


def stateful_set(obj: Obj, now: float) -> list[Any]:
    """READY is ready of desired."""
    spec, status = obj["spec"], obj.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [obj["metadata"]["name"], ready, age(obj, now), *containers(spec.get("template"))]


def daemon_set(obj: Obj, now: float) -> list[Any]:
    """Counts of nodes."""
    spec, status = obj["spec"], obj.get("status") or {}
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    counts = [status.get(name, 0) for name in (*names, "numberAvailable")]
    template = spec.get("template") or {}
    nodes = labels((template.get("spec") or {}).get("nodeSelector"))
    wide = [*containers(template), selector(spec.get("selector"))]
    return [obj["metadata"]["name"], *counts, nodes, age(obj, now), *wide]


def job(obj: Obj, now: float) -> list[Any]:
    """STATUS and COMPLETIONS."""
    spec, status = obj["spec"], obj.get("status") or {}
    done, wanted = status.get("succeeded", 0), spec.get("completions")
    if wanted is not None:
        completions = f"{done}/{wanted}"
    else:
        many = spec.get("parallelism") or 0
        completions = f"{done}/1 of {many}" if many > 1 else f"{done}/1"
    lasted = ""
    if status.get("startTime"):
        end = clock.parse(status["completionTime"]) if status.get("completionTime") else now
        lasted = duration(end - clock.parse(status["startTime"]))
    wide = [*containers(spec.get("template")), selector(spec.get("selector"))]
    return [obj["metadata"]["name"], _job_state(obj), completions, lasted, age(obj, now), *wide]


def _job_state(obj: Obj) -> str:
    for kind in ("Complete", "Failed"):
        if holds(obj, kind):
            return kind
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for kind in ("Suspended", "FailureTarget"):
        if holds(obj, kind):
            return kind
    return "Running"


def cron_job(obj: Obj, now: float) -> list[Any]:
    """SCHEDULE, and when it last ran."""
    spec, status = obj["spec"], obj.get("status") or {}
    last = since(status["lastScheduleTime"], now) if status.get("lastScheduleTime") else NONE
    below = (spec.get("jobTemplate") or {}).get("spec") or {}
    return [
        obj["metadata"]["name"],
        spec.get("schedule", ""),
        spec.get("timeZone") or NONE,
        boolean(spec.get("suspend")),
        len(status.get("active") or ()),
        last,
        age(obj, now),
        *containers(below.get("template")),
        selector(below.get("selector")),
    ]


def disruption_budget(obj: Obj, now: float) -> list[Any]:
    """Limits as they are written: a number or a share."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    limits = [str(spec[name]) if spec.get(name) is not None else "N/A" for name in ("minAvailable", "maxUnavailable")]
    return [obj["metadata"]["name"], *limits, status.get("disruptionsAllowed", 0), age(obj, now)]


def autoscaler(obj: Obj, now: float) -> list[Any]:
    """TARGETS: current of wanted, for each metric."""
    spec, status = obj["spec"], obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    least = str(spec["minReplicas"]) if spec.get("minReplicas") is not None else UNSET_COUNT
    counts = [least, spec.get("maxReplicas", 0), status.get("currentReplicas", 0)]
    reference = f"{target.get('kind', '')}/{target.get('name', '')}"
    return [obj["metadata"]["name"], reference, _targets(spec, status), *counts, age(obj, now)]


UNSET_COUNT = "<unset>"


def _targets(spec: dict[str, Any], status: dict[str, Any]) -> str:
    if "targetCPUUtilizationPercentage" in spec:  # autoscaling/v1
        now = status.get("currentCPUUtilizationPercentage")
        return f"cpu: {UNKNOWN if now is None else f'{now}%'}/{spec['targetCPUUtilizationPercentage']}%"
    wanted, current = spec.get("metrics") or [], status.get("currentMetrics") or []
    if not wanted:
        return NONE
    shown = []
    for place, metric in enumerate(wanted[:2]):
        shown.append(_metric(metric, current[place] if place < len(current) else {}))
    more = f" + {len(wanted) - 2} more..." if len(wanted) > 2 else ""
    return ", ".join(shown) + more


_PLACES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def _metric(metric: dict[str, Any], current: dict[str, Any]) -> str:
    place = _PLACES.get(metric.get("type", ""), "")
    part = metric.get(place) or {}
    goal, now = part.get("target") or {}, (current.get(place) or {}).get("current") or {}
    name = f"{part['name']}: " if place in {"resource", "containerResource"} else ""
    if goal.get("averageUtilization") is not None:
        seen = now.get("averageUtilization")
        return f"{name}{UNKNOWN if seen is None else f'{seen}%'}/{goal['averageUtilization']}%"
    if goal.get("averageValue") is not None:
        average = "" if place in {"resource", "containerResource", "pods"} else " (avg)"
        return f"{name}{now.get('averageValue', UNKNOWN)}/{goal['averageValue']}{average}"
    return f"{name}{now.get('value', UNKNOWN)}/{goal.get('value', UNKNOWN)}"


def revision(obj: Obj, now: float) -> list[Any]:
    """Whose revision it is."""
    owners = [one for one in obj["metadata"].get("ownerReferences") or () if one.get("controller")]
    owner = _owner(owners[0]) if owners else NONE
    return [obj["metadata"]["name"], owner, obj.get("revision", 0), age(obj, now)]


def _owner(reference: dict[str, Any]) -> str:
    group = reference.get("apiVersion", "").rpartition("/")[0]
    kind = reference.get("kind", "").lower()
    return f"{kind}.{group}/{reference.get('name', '')}" if group else f"{kind}/{reference.get('name', '')}"


def scale(obj: Obj, now: float) -> list[Any]:
    """The scale subresource."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [obj["metadata"]["name"], spec.get("replicas", 0), status.get("replicas", 0), age(obj, now)]


_REPLICAS = (NAME, _number("Desired"), _number("Current"), _number("Ready"), AGE, *CONTAINERS, SELECTOR)
_READY = (NAME, column("Ready"))
PRINTERS: dict[str, tuple[tuple[dict[str, Any], ...], Cells]] = {
    "deployments.apps": (
        (*_READY, column("Up-to-date"), column("Available"), AGE, *CONTAINERS, SELECTOR),
        deployment,
    ),
    "replicasets.apps": (_REPLICAS, replica_set),
    "replicationcontrollers": (_REPLICAS, replica_set),
    "statefulsets.apps": ((*_READY, AGE, *CONTAINERS), stateful_set),
    "daemonsets.apps": (
        (
            NAME,
            *(_number(name) for name in ("Desired", "Current", "Ready", "Up-to-date", "Available")),
            column("Node Selector"),
            AGE,
            *CONTAINERS,
            SELECTOR,
        ),
        daemon_set,
    ),
    "jobs.batch": (
        (NAME, column("Status"), column("Completions"), column("Duration"), AGE, *CONTAINERS, SELECTOR),
        job,
    ),
    "cronjobs.batch": (
        (
            NAME,
            column("Schedule"),
            column("Timezone"),
            column("Suspend", "boolean"),
            _number("Active"),
            column("Last Schedule"),
            AGE,
            *CONTAINERS,
            SELECTOR,
        ),
        cron_job,
    ),
    "poddisruptionbudgets.policy": (
        (NAME, column("Min Available"), column("Max Unavailable"), _number("Allowed Disruptions"), AGE),
        disruption_budget,
    ),
    "horizontalpodautoscalers.autoscaling": (
        (NAME, *(column(name) for name in ("Reference", "Targets", "MinPods", "MaxPods", "Replicas")), AGE),
        autoscaler,
    ),
    "controllerrevisions.apps": ((NAME, column("Controller"), column("Revision"), AGE), revision),
}
SCALE = ((column("Name"), _number("Desired"), _number("Available"), AGE), scale)
