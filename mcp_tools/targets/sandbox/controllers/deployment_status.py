"""What a Deployment's status says: counts, and the conditions Available, Progressing and ReplicaFailure.

Source: ``pkg/controller/deployment/progress.go`` and ``sync.go`` of Kubernetes. Pure, but for the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.controllers import rollout
from mcp_tools.targets.sandbox.controllers.common import condition, elapsed, without
from mcp_tools.targets.sandbox.store import Obj

COMPLETE, TIMED_OUT = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"


def deadline(deployment: Obj) -> int | None:
    """Its ``progressDeadlineSeconds``; None for no deadline."""
    found = deployment["spec"].get("progressDeadlineSeconds")
    return None if found is None or found == rollout.NO_DEADLINE else int(found)


def made(type_: str, status: str, reason: str, message: str) -> Obj:
    """A condition without its times."""
    return {"type": type_, "status": status, "reason": reason, "message": message}


def progressing(reason: str, message: str, status: str = "True") -> Obj:
    """A Progressing condition without its times."""
    return made("Progressing", status, reason, message)


def with_condition(conditions: Sequence[Obj], found: Obj, clock: Clock) -> list[Obj]:
    """The conditions with that one set: last, and only when its status or reason is new."""
    current = condition({"conditions": conditions}, found["type"])
    if current is not None and (current["status"], current["reason"]) == (found["status"], found["reason"]):
        return list(conditions)
    return _put(conditions, found, clock, current)


def _put(conditions: Sequence[Obj], found: Obj, clock: Clock, current: Obj | None) -> list[Obj]:
    now = clock.stamp()
    since = current["lastTransitionTime"] if current and current["status"] == found["status"] else now
    ordered = {
        "type": found["type"],
        "status": found["status"],
        "lastUpdateTime": now,
        "lastTransitionTime": since,
        "reason": found["reason"],
        "message": found["message"],
    }
    return [*without(list(conditions), found["type"]), ordered]


def pause_condition(deployment: Obj, clock: Clock) -> Obj | None:
    """The Progressing condition to set when it was paused or resumed."""
    if deadline(deployment) is None:
        return None
    current = condition(deployment.get("status") or {}, "Progressing")
    if current is not None and current["reason"] == TIMED_OUT:
        return None
    said = current is not None and current["reason"] == PAUSED
    paused = bool(deployment["spec"].get("paused"))
    if paused and not said:
        return progressing(PAUSED, "Deployment is paused", "Unknown")
    if not paused and said:
        return progressing(RESUMED, "Deployment is resumed", "Unknown")
    return None


def calculated(deployment: Obj, sets: Sequence[Obj], new: Obj | None, clock: Clock) -> Obj:
    """The counts and the Available condition."""
    before = deployment.get("status") or {}
    available = rollout.counted(sets, "availableReplicas")
    status: dict[str, Any] = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": rollout.counted(sets, "replicas"),
        "updatedReplicas": rollout.counted([new], "replicas") if new is not None else 0,
        "readyReplicas": rollout.counted(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(rollout.total(sets) - available, 0),
    }
    status = {name: value for name, value in status.items() if value}
    conditions = list(before.get("conditions") or [])
    if available >= rollout.replicas(deployment) - rollout.max_unavailable(deployment):
        found = made("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        text = "Deployment does not have minimum availability."
        found = made("Available", "False", "MinimumReplicasUnavailable", text)
    status["conditions"] = with_condition(conditions, found, clock)
    if before.get("collisionCount"):
        status["collisionCount"] = before["collisionCount"]
    return status


def complete(deployment: Obj, status: Obj) -> bool:
    """Whether all replicas are of the new template, and available."""
    wanted = rollout.replicas(deployment)
    counts = [int(status.get(name) or 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
    seen = int(status.get("observedGeneration") or 0) >= int(deployment["metadata"].get("generation") or 0)
    return seen and counts == [wanted] * 3


def _moved(before: Obj, after: Obj) -> bool:
    def number(status: Obj, name: str) -> int:
        return int(status.get(name) or 0)

    def old(status: Obj) -> int:
        return number(status, "replicas") - number(status, "updatedReplicas")

    grown = any(
        number(after, name) > number(before, name) for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return grown or old(after) < old(before)


def _timed_out(deployment: Obj, current: Obj | None, clock: Clock) -> bool:
    limit = deadline(deployment)
    if current is None or limit is None or current["reason"] == COMPLETE:
        return False
    return (
        current["reason"] == TIMED_OUT
        or elapsed(clock, current["lastUpdateTime"], deployment["metadata"]["uid"]) > limit
    )


def reported(deployment: Obj, sets: Sequence[Obj], new: Obj | None, clock: Clock) -> Obj:
    """The whole status of a rollout."""
    status = calculated(deployment, sets, new, clock)
    before = deployment.get("status") or {}
    current = condition(before, "Progressing")
    conditions: list[Obj] = status["conditions"]
    name = new["metadata"]["name"] if new is not None else ""
    title = f'ReplicaSet "{name}"' if new is not None else f'Deployment "{deployment["metadata"]["name"]}"'
    settled = (
        int(status.get("replicas") or 0) == int(status.get("updatedReplicas") or 0)
        and current is not None
        and current["reason"] == COMPLETE
    )
    if deadline(deployment) is None:
        conditions = without(conditions, "Progressing")
    elif not settled:
        if complete(deployment, status):
            found = progressing(COMPLETE, f"{title} has successfully progressed.")
            conditions = with_condition(conditions, found, clock)
        elif _moved(before, status):
            found = progressing("ReplicaSetUpdated", f"{title} is progressing.")
            conditions = _put(conditions, found, clock, current)
        elif _timed_out(deployment, current, clock):
            found = progressing(TIMED_OUT, f"{title} has timed out progressing.", "False")
            conditions = with_condition(conditions, found, clock)
    failure = _failure(sets, new)
    if failure is not None:
        conditions = with_condition(conditions, failure, clock)
    else:
        conditions = without(conditions, "ReplicaFailure")
    status["conditions"] = conditions
    return status


def _failure(sets: Sequence[Obj], new: Obj | None) -> Obj | None:
    """The failure of a ReplicaSet; that of the new one first."""
    ordered = [*([new] if new is not None else []), *(each for each in sets if each is not new)]
    for each in ordered:
        found = condition(each.get("status") or {}, "ReplicaFailure")
        if found is not None:
            return made("ReplicaFailure", found["status"], found["reason"], found["message"])
    return None


def until_stuck(deployment: Obj, clock: Clock) -> float | None:
    """In how many seconds the deadline is to be looked at; None when it does not run."""
    status = deployment.get("status") or {}
    limit, current = deadline(deployment), condition(status, "Progressing")
    if limit is None or current is None or complete(deployment, status) or current["reason"] == TIMED_OUT:
        return None
    return max(limit - elapsed(clock, current["lastUpdateTime"], deployment["metadata"]["uid"]) + 1, 1.0)
