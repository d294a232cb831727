"""Evicting a pod: a deletion that asks the disruption budgets first.

Source: ``pkg/registry/core/pod/storage/eviction.go``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import errors, kinds, selectors
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.api import Api

VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
DONE: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
BUDGETS = "poddisruptionbudgets.policy"


def evict(api: Api, namespace: str, name: str, body: Obj, request: Request) -> Obj:
    """Delete a pod, unless a budget forbids it.

    Raises:
        ApiError: 429, a budget forbids it; 404; 500, the pod has several budgets.
    """
    pods = kinds.by_key("pods")
    said = (body.get("metadata") or {}).get("name")
    if said and said != name:
        raise errors.bad_request("name in URL does not match name in Eviction object")
    pod = api.get(pods, namespace, name)
    options = body.get("deleteOptions") or {}
    dry = request.dry_run or bool(options.get("dryRun"))
    if not _needs_no_budget(pod):
        _ask(api, namespace, pod, dry=dry)
    if not dry:
        _mark(api, namespace, name)
    api.delete(
        pods,
        namespace,
        name,
        Request(request.user, request.groups, request.manager, dry_run=dry) if dry else _as_evictor(request),
        propagation=options.get("propagationPolicy"),
        grace=options.get("gracePeriodSeconds"),
        preconditions=_without_version(options.get("preconditions")),
    )
    return dict(DONE)


def _as_evictor(request: Request) -> Request:
    """Who may evict need not be allowed to delete."""
    return Request(manager=request.manager, warnings=request.warnings)


def _without_version(preconditions: Obj | None) -> Obj | None:
    """The mark that an eviction leaves raises the version, so only the UID is compared again."""
    return {"uid": preconditions["uid"]} if preconditions and preconditions.get("uid") else None


def _needs_no_budget(pod: Obj) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return True
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed", "Pending")


def _ready(pod: Obj) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def _ask(api: Api, namespace: str, pod: Obj, *, dry: bool) -> None:
    labels = pod["metadata"].get("labels") or {}
    found = [
        budget
        for budget in api.store.select(BUDGETS, namespace)
        if selectors.selects(budget.get("spec", {}).get("selector"), labels)
    ]
    if len(found) > 1:
        raise ApiError(500, SEVERAL, reason="")
    if not found:
        return
    budget = found[0]
    status = budget.get("status") or {}
    if not _ready(pod):
        healthy = status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0
        if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow" or healthy:
            return
    name = budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _refused(f"The disruption budget {name} is still being processed by the server.", retry_after=10)
    if status.get("disruptionsAllowed", 0) <= 0:
        raise _refused(_why(name, status))
    if dry:
        return

    def count(new: Obj) -> None:
        new["status"]["disruptionsAllowed"] -= 1
        new["status"].setdefault("disruptedPods", {})[pod["metadata"]["name"]] = api.clock.stamp()

    api.edit(Ref(BUDGETS, namespace, name), count, manager="kube-apiserver")


def _why(name: str, status: Obj) -> str:
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    for condition in status.get("conditions") or ():
        if condition["type"] == "DisruptionAllowed" and condition.get("reason") == "SyncFailed":
            return (
                f"The disruption budget {name} does not allow evicting pods currently because it failed sync: "
                f"{condition.get('message', '')}"
            )
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    return f"The disruption budget {name} does not allow evicting pods currently"


def _refused(cause: str, *, retry_after: int | None = None) -> ApiError:
    causes = [{"reason": "DisruptionBudget", "message": cause}]
    return ApiError(429, VIOLATED, details={"causes": causes}, retry_after=retry_after)


def _mark(api: Api, namespace: str, name: str) -> None:
    """The condition that says why the pod ends."""

    def change(new: Obj) -> None:
        status = new.setdefault("status", {})
        others = [entry for entry in status.get("conditions") or () if entry["type"] != "DisruptionTarget"]
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": api.clock.stamp(),
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
        }
        status["conditions"] = [*others, condition]

    api.edit(Ref("pods", namespace, name), change, manager="kube-apiserver")
