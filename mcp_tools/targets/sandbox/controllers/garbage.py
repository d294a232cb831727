"""The garbage collector: what no owner holds any more is deleted, and owners wait for those that block them.

Source: ``pkg/controller/garbagecollector``. It needs no graph of its own: the store knows who names whom as owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.deletion import FOREGROUND, ORPHAN
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

MANAGER = "kube-controller-manager"


class _Owners(NamedTuple):
    """The owners of an object: those that are there, those that are gone, those that wait for it to go."""

    solid: list[Obj]
    dangling: list[Obj]
    waiting: list[Obj]


def _owner_ref(reference: Obj, namespace: str) -> Ref | None:
    """Where an owner is stored; None when its kind is not served, so that nothing can be said of it."""
    kind = kinds.of(reference.get("apiVersion", ""), reference.get("kind", ""))
    if kind is None or (kind.namespaced and not namespace):
        return None
    return Ref(kind.key, namespace if kind.namespaced else "", reference["name"])


def _waits(obj: Obj, finalizer: str) -> bool:
    meta = obj["metadata"]
    return bool(meta.get("deletionTimestamp")) and finalizer in (meta.get("finalizers") or ())


class GarbageCollector:
    """Deletes dependents of owners that are gone or that wait for them."""

    name = "garbage-collector-controller"

    def __init__(self, cluster: Cluster) -> None:
        self.store, self.api = cluster.store, cluster.api
        self.request = Request(user="system:serviceaccount:kube-system:generic-garbage-collector", manager=MANAGER)

    def interested(self, change: Change) -> Iterable[Ref]:
        """The dependents of an object that is gone; one that waits for its dependents; one whose owner is missing."""
        meta = change.obj["metadata"]
        if change.type == "DELETED":
            return [*self.store.owned(meta["uid"]), *self._waiting_owners(change.obj)]
        if meta.get("deletionTimestamp"):
            return [change.ref] if _waits(change.obj, ORPHAN) or _waits(change.obj, FOREGROUND) else ()
        owners = meta.get("ownerReferences")
        before = change.old["metadata"].get("ownerReferences") if change.old is not None else None
        if before == owners:
            return ()
        found = list(self._waiting_owners(change.old)) if change.old is not None else []
        if owners:
            sorted_owners = self._owners(change.obj)
            if sorted_owners.dangling or sorted_owners.waiting:
                found.append(change.ref)
        return found

    def _waiting_owners(self, obj: Obj) -> Iterator[Ref]:
        namespace = obj["metadata"].get("namespace", "")
        for reference in obj["metadata"].get("ownerReferences") or ():
            ref = _owner_ref(reference, namespace)
            owner = self.store.at(ref) if ref is not None else None
            if ref is not None and owner is not None and _waits(owner, FOREGROUND):
                yield ref

    def _owners(self, obj: Obj) -> _Owners:
        found = _Owners([], [], [])
        namespace = obj["metadata"].get("namespace", "")
        for reference in obj["metadata"].get("ownerReferences") or ():
            ref = _owner_ref(reference, namespace)
            if ref is None:
                found.solid.append(reference)
                continue
            owner = self.store.at(ref)
            if owner is None or owner["metadata"]["uid"] != reference["uid"]:
                found.dangling.append(reference)
            elif _waits(owner, FOREGROUND) and reference.get("blockOwnerDeletion"):
                found.waiting.append(reference)
            else:
                found.solid.append(reference)
        return found

    def reconcile(self, ref: Ref) -> None:
        """Delete the object when nobody holds it, or what it waits for when it is being deleted itself."""
        obj = self.store.at(ref)
        if obj is None:
            return
        if _waits(obj, ORPHAN):
            self._orphan(ref, obj)
        elif _waits(obj, FOREGROUND):
            self._delete_dependents(ref, obj)
        elif not obj["metadata"].get("deletionTimestamp"):
            self._collect(ref, obj)

    def _orphan(self, ref: Ref, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        for dependent in self.store.owned(uid):
            self._disown(dependent, {uid})
        self._release(ref, ORPHAN)

    def _disown(self, ref: Ref, uids: set[str]) -> None:
        def change(new: Obj) -> None:
            left = [owner for owner in new["metadata"]["ownerReferences"] if owner["uid"] not in uids]
            if left:
                new["metadata"]["ownerReferences"] = left
            else:
                del new["metadata"]["ownerReferences"]

        self.api.edit(ref, change, manager=MANAGER)

    def _release(self, ref: Ref, finalizer: str) -> None:
        def change(new: Obj) -> None:
            left = [name for name in new["metadata"].get("finalizers") or () if name != finalizer]
            if left:
                new["metadata"]["finalizers"] = left
            else:
                new["metadata"].pop("finalizers", None)

        self.api.edit(ref, change, manager=MANAGER)

    def _delete_dependents(self, ref: Ref, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        for place in self.store.owned(uid):
            dependent = self.store.at(place)
            if dependent is not None and not dependent["metadata"].get("deletionTimestamp"):
                self._collect(place, dependent)
        if not any(self._blocks(place, uid) for place in self.store.owned(uid)):
            self._release(ref, FOREGROUND)

    def _blocks(self, ref: Ref, uid: str) -> bool:
        dependent = self.store.at(ref)
        owners = dependent["metadata"].get("ownerReferences") or () if dependent is not None else ()
        return any(owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in owners)

    def _collect(self, ref: Ref, obj: Obj) -> None:
        owners = self._owners(obj)
        lost = [*owners.dangling, *owners.waiting]
        if not lost:
            return
        if owners.solid:
            self._disown(ref, {owner["uid"] for owner in lost})
            return
        meta = obj["metadata"]
        finalizers = meta.get("finalizers") or ()
        policy = "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"
        if owners.waiting and self.store.owned(meta["uid"]):
            policy = "Foreground"
        try:
            self.api.delete(
                kinds.by_key(ref.key),
                ref.namespace,
                ref.name,
                self.request,
                propagation=policy,
                preconditions={"uid": meta["uid"]},
            )
        except ApiError as error:
            if error.code not in (404, 409):
                raise
