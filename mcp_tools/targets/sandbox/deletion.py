"""Deleting: grace, finalizers, propagation, preconditions.

Source: ``rest.BeforeDelete``, ``registry.Store.Delete`` and the strategies of pods and namespaces.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox import clock as clocks
from mcp_tools.targets.sandbox import errors
from mcp_tools.targets.sandbox.errors import FieldError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj, Ref, copy
from mcp_tools.targets.sandbox.strategy import RETURNS_DELETED

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.api import Api

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
POLICIES = ("Foreground", "Background", "Orphan")
_OPTIONS = Kind("meta.k8s.io", "v1", "DeleteOptions", "deleteoptions", "deleteoptions", False, frozenset())
_ORPHANING = frozenset({"jobs.batch", "replicationcontrollers"})
"""Their dependents stay when nothing else is said, as they did before there was a garbage collector."""
KEPT_NAMESPACES = frozenset({"default", "kube-system", "kube-public"})
JOB_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


def check_options(propagation: str | None, grace: int | None) -> None:
    """Refuse options that there are not."""
    if propagation is None or propagation in POLICIES:
        return
    supported = ", ".join(f'"{policy}"' for policy in (*POLICIES, "nil"))
    message = f'Unsupported value: "{propagation}": supported values: {supported}'
    raise errors.invalid(_OPTIONS, "", [FieldError("propagationPolicy", "FieldValueNotSupported", message)])


def check_preconditions(kind: Kind, obj: Obj, preconditions: dict[str, Any] | None) -> None:
    """Refuse when the object is not the one that is meant. The server names the kind here, not the resource."""
    meta = obj["metadata"]
    uid, version = (preconditions or {}).get("uid"), (preconditions or {}).get("resourceVersion")
    why = ""
    if uid and uid != meta["uid"]:
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record ({meta['uid']}). "
            "The object might have been deleted and then recreated"
        )
    elif version and version != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
            f"({meta['resourceVersion']}). The object might have been modified"
        )
    if why:
        raise errors.conflict(replace(kind, plural=kind.kind), meta["name"], why)


def _pod_grace(pod: Obj, grace: int | None) -> int:
    """The seconds that a pod gets; none when no kubelet has to end it."""
    if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in ("Failed", "Succeeded"):
        return 0
    period: int = pod["spec"].get("terminationGracePeriodSeconds", 0) if grace is None else grace
    return 1 if period < 0 else period


def _finalizers(kind: Kind, obj: Obj, propagation: str | None) -> list[str]:
    """The object's finalizers, with those for its dependents as the propagation wants them."""
    found = list(obj["metadata"].get("finalizers") or ())
    if kind.key in ("events", "leases.coordination.k8s.io") and propagation is None:
        return found
    orphan = propagation == "Orphan" or (
        propagation is None and (ORPHAN in found or (kind.key in _ORPHANING and FOREGROUND not in found))
    )
    foreground = propagation == "Foreground" or (propagation is None and FOREGROUND in found)
    kept = [name for name in found if name not in (ORPHAN, FOREGROUND)]
    if orphan:
        kept.append(ORPHAN)
    if foreground:
        kept.append(FOREGROUND)
    return kept


def finished(obj: Obj) -> bool:
    """Whether nothing holds an object that is being deleted any more."""
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
        return False
    return obj["kind"] != "Namespace" or not obj.get("spec", {}).get("finalizers")


def delete(
    api: Api,
    kind: Kind,
    old: Obj,
    request: Request,
    *,
    propagation: str | None = None,
    grace: int | None = None,
    preconditions: dict[str, Any] | None = None,
) -> Obj:
    """Delete an object, or begin to; the object, or a ``Status``."""
    check_options(propagation, grace)
    check_preconditions(kind, old, preconditions)
    meta = old["metadata"]
    if kind.key == "namespaces" and meta["name"] in KEPT_NAMESPACES:
        raise errors.forbidden(kind, meta["name"], "this namespace may not be deleted")
    api.admit("DELETE", kind, None, old, meta.get("namespace", ""), request, "")
    if kind.key == "jobs.batch" and propagation is None:
        request.warn(JOB_WARNING)
    if kind.key == "namespaces":
        return _delete_namespace(api, kind, old, request)
    marked, changed = _marked(api, kind, old, propagation, grace)
    if marked is None:
        last = old if request.dry_run else api.store.remove(Ref(kind.key, meta.get("namespace", ""), meta["name"]))
        return last if last is not None and kind.key in RETURNS_DELETED else success(kind, old)
    if not changed or request.dry_run:
        return marked
    return api.store.put(kind.key, marked)


def _marked(api: Api, kind: Kind, old: Obj, propagation: str | None, grace: int | None) -> tuple[Obj | None, bool]:
    """The object marked as being deleted, and whether that changed it; None when it can go at once."""
    before = old["metadata"]
    deleting = before.get("deletionTimestamp")
    finalizers = _finalizers(kind, old, propagation)
    period = 0
    if kind.key == "pods":
        period = _pod_grace(old, grace)
        left = before.get("deletionGracePeriodSeconds")
        if deleting and left is not None and (grace is None or period >= left) and left > 0:
            return old, False
    if period == 0 and not finalizers:
        return None, True
    marked = copy(old)
    meta = marked["metadata"]
    _set_finalizers(meta, finalizers)
    if deleting is None:
        meta["deletionTimestamp"] = api.clock.stamp(api.clock.now() + period)
        meta["deletionGracePeriodSeconds"] = period
        if meta.get("generation"):
            meta["generation"] += 1
    elif period < (before.get("deletionGracePeriodSeconds") or 0):
        began = clocks.parse(deleting) - before["deletionGracePeriodSeconds"]
        meta["deletionTimestamp"] = api.clock.stamp(began + period)
        meta["deletionGracePeriodSeconds"] = period
    return marked, meta != before


def _set_finalizers(meta: Obj, finalizers: list[str]) -> None:
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)


def _delete_namespace(api: Api, kind: Kind, old: Obj, request: Request) -> Obj:
    """A namespace goes when its content is gone: its controller says so with the finalize subresource."""
    if old["metadata"].get("deletionTimestamp"):
        if finished(old) and not request.dry_run:
            api.store.remove(Ref(kind.key, "", old["metadata"]["name"]))
            return success(kind, old)
        return old
    marked = copy(old)
    marked["metadata"]["deletionTimestamp"] = api.clock.stamp()
    marked.setdefault("status", {})["phase"] = "Terminating"
    return marked if request.dry_run else api.store.put(kind.key, marked)


def success(kind: Kind, obj: Obj) -> Obj:
    """The ``Status`` of a deletion that is done."""
    details: dict[str, Any] = {"name": obj["metadata"]["name"]}
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.plural
    details["uid"] = obj["metadata"]["uid"]
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
