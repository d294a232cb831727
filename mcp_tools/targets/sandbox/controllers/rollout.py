"""The arithmetic of a Deployment's rollout: surge, unavailability, proportions. Pure.

Source: ``pkg/controller/deployment/util`` of Kubernetes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mcp_tools.targets.sandbox.store import Obj

ANNOTATION = "deployment.kubernetes.io/"
REVISION, HISTORY = f"{ANNOTATION}revision", f"{ANNOTATION}revision-history"
DESIRED, MAXIMUM = f"{ANNOTATION}desired-replicas", f"{ANNOTATION}max-replicas"
HASH = "pod-template-hash"
NO_DEADLINE = 2**31 - 1


def scaled(written: int | str, total: int, *, up: bool) -> int:
    """An ``IntOrString``: a number, or a percentage of ``total``."""
    if isinstance(written, str) and written.endswith("%"):
        share = int(written[:-1]) * total
        return math.ceil(share / 100) if up else share // 100
    return int(written)


def fenceposts(surge: int | str, unavailable: int | str, replicas: int) -> tuple[int, int]:
    """How many pods more, and how many fewer, a rollout may have; never both zero."""
    more, fewer = scaled(surge, replicas, up=True), scaled(unavailable, replicas, up=False)
    return (more, 1) if not more and not fewer else (more, fewer)


def replicas(workload: Obj) -> int:
    """What its spec asks for."""
    found = workload["spec"].get("replicas")
    return 1 if found is None else int(found)


def rolling(deployment: Obj) -> bool:
    """Whether its strategy is RollingUpdate."""
    return bool((deployment["spec"].get("strategy") or {}).get("type", "RollingUpdate") == "RollingUpdate")


def _limits(deployment: Obj) -> tuple[int, int]:
    asked = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    surge, unavailable = asked.get("maxSurge", "25%"), asked.get("maxUnavailable", "25%")
    return fenceposts(surge, unavailable, replicas(deployment))


def max_surge(deployment: Obj) -> int:
    """How many pods there may be beyond the replicas."""
    return _limits(deployment)[0] if rolling(deployment) else 0


def max_unavailable(deployment: Obj) -> int:
    """How many of the replicas may be unavailable."""
    wanted = replicas(deployment)
    if not rolling(deployment) or not wanted:
        return 0
    return min(_limits(deployment)[1], wanted)


def total(sets: Sequence[Obj]) -> int:
    """The replicas that the specs of these ReplicaSets ask for."""
    return sum(replicas(each) for each in sets)


def counted(sets: Sequence[Obj], field: str) -> int:
    """The sum of one number of their statuses."""
    return sum(int((each.get("status") or {}).get(field) or 0) for each in sets)


def new_size(deployment: Obj, sets: Sequence[Obj], new: Obj) -> int:
    """How many replicas the new ReplicaSet may have now."""
    wanted = replicas(deployment)
    if not rolling(deployment):
        return wanted
    room = wanted + max_surge(deployment) - total(sets)
    if room <= 0:
        return replicas(new)
    return replicas(new) + max(min(room, wanted - replicas(new)), 0)


def cleanup_unhealthy(old: Sequence[Obj], most: int) -> dict[str, int]:
    """New sizes of old ReplicaSets: pods that are not available go first, ``most`` at most."""
    sizes: dict[str, int] = {}
    gone = 0
    for each in sorted(old, key=_age):
        size, healthy = replicas(each), counted([each], "availableReplicas")
        if gone >= most:
            break
        if size == 0 or size == healthy:
            continue
        down = min(most - gone, size - healthy)
        if down > 0:
            sizes[each["metadata"]["name"]] = size - down
            gone += down
    return sizes


def shrink_old(old: Sequence[Obj], sizes: dict[str, int], available: int, minimum: int) -> dict[str, int]:
    """New sizes of old ReplicaSets, oldest first, so that ``minimum`` pods stay available."""
    found: dict[str, int] = {}
    left = available - minimum
    for each in sorted(old, key=_age):
        name = each["metadata"]["name"]
        size = sizes.get(name, replicas(each))
        if left <= 0:
            break
        if size == 0:
            continue
        down = min(size, left)
        found[name] = size - down
        left -= down
    return found


def proportions(deployment: Obj, sets: Sequence[Obj]) -> dict[str, int]:
    """The sizes of the active ReplicaSets when a Deployment is scaled in the middle of a rollout."""
    wanted = replicas(deployment)
    allowed = wanted + max_surge(deployment) if wanted > 0 else 0
    to_add = allowed - total(sets)
    newest = to_add > 0
    ordered = sorted(sets, key=lambda each: (-replicas(each), _age(each) if not newest else _reverse(each)))
    added, sizes = 0, {}
    for each in ordered:
        share = 0
        if to_add and replicas(each) and to_add != added:
            fraction, left = _fraction(deployment, each), to_add - added
            share = min(fraction, left) if to_add > 0 else max(fraction, left)
        sizes[each["metadata"]["name"]] = replicas(each) + share
        added += share
    if ordered and to_add:
        first = ordered[0]["metadata"]["name"]
        sizes[first] = max(sizes[first] + to_add - added, 0)
    return sizes


def _fraction(deployment: Obj, each: Obj) -> int:
    wanted, size = replicas(deployment), replicas(each)
    if not wanted:
        return -size
    before = number(each, MAXIMUM) or int((deployment.get("status") or {}).get("replicas") or 0)
    if not before:
        return 0
    return math.floor(size * (wanted + max_surge(deployment)) / before + 0.5) - size


def number(obj: Obj, annotation: str) -> int | None:
    """The number that an annotation has."""
    written = (obj["metadata"].get("annotations") or {}).get(annotation)
    try:
        return None if written is None else int(written)
    except ValueError:
        return None


def _age(obj: Obj) -> tuple[str, str]:
    """Oldest first."""
    return obj["metadata"].get("creationTimestamp", ""), obj["metadata"]["name"]


def _reverse(obj: Obj) -> tuple[str, str]:
    """Newest first: every character is turned round."""
    stamp = obj["metadata"].get("creationTimestamp", "")
    return "".join(chr(0x10FFFF - ord(char)) for char in stamp), obj["metadata"]["name"]


def by_age(sets: Sequence[Obj]) -> list[Obj]:
    """Oldest first."""
    return sorted(sets, key=_age)


def same_template(left: Obj, right: Obj) -> bool:
    """Whether two pod templates are equal but for the hash label."""
    return _unhashed(left) == _unhashed(right)


def _unhashed(template: Obj) -> Obj:
    meta = {name: value for name, value in (template.get("metadata") or {}).items() if value is not None}
    labels = {name: value for name, value in (meta.pop("labels", None) or {}).items() if name != HASH}
    return {"labels": labels, "meta": meta, "spec": template.get("spec")}
