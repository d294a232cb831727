"""The end of a namespace: its pods, then everything else in it is deleted, then it is let go.

Source: ``pkg/controller/namespace/deletion`` (with ordered deletion, as of 1.33).
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

MANAGER = "kube-controller-manager"
KEY = "namespaces"


@functools.cache
def _deletable() -> frozenset[str]:
    """The keys of the kinds that a namespace is emptied of."""
    return frozenset(kind.key for kind in kinds.builtin() if kind.namespaced and "deletecollection" in kind.verbs)


class NamespaceController:
    """Empties namespaces that are being deleted."""

    name = "namespace-controller"

    def __init__(self, cluster: Cluster) -> None:
        self.store, self.clock, self.api = cluster.store, cluster.clock, cluster.api
        self.request = Request(user="system:serviceaccount:kube-system:namespace-controller", manager=MANAGER)

    def interested(self, change: Change) -> Iterable[Ref]:
        """A namespace that is being deleted, and one that something in it has just left."""
        if change.ref.key == KEY:
            return [change.ref] if change.obj["metadata"].get("deletionTimestamp") else ()
        if change.type == "DELETED" and change.ref.namespace:
            found = self.store.get(KEY, "", change.ref.namespace)
            if found is not None and found["metadata"].get("deletionTimestamp"):
                return [Ref(KEY, "", change.ref.namespace)]
        return ()

    def reconcile(self, ref: Ref) -> None:
        """Delete what is left in it; let it go when nothing is."""
        namespace = self.store.at(ref)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return
        name = ref.name
        self._delete(name, ["pods"])
        if not self.store.select("pods", name):
            self._delete(name, sorted(_deletable() & set(self.store.keys())))
        left = self._left(name)
        self.api.edit(ref, lambda new: self._say(new, left), manager=MANAGER)
        if not left:
            self.api.edit(ref, _let_go, manager=MANAGER)

    def _delete(self, namespace: str, keys: list[str]) -> None:
        for key in keys:
            kind = kinds.by_key(key)
            for obj in self.store.select(key, namespace):
                if obj["metadata"].get("deletionTimestamp"):
                    continue
                try:
                    self.api.delete(kind, namespace, obj["metadata"]["name"], self.request, propagation="Background")
                except ApiError as error:
                    if error.code != 404:
                        raise

    def _left(self, namespace: str) -> dict[str, list[Obj]]:
        found = {key: self.store.select(key, namespace) for key in sorted(_deletable() & set(self.store.keys()))}
        return {key: objects for key, objects in found.items() if objects}

    def _say(self, new: Obj, left: dict[str, list[Obj]]) -> None:
        """Set the conditions of the deletion."""
        remaining, finalizers = [], Counter[str]()
        for key, objects in left.items():
            kind = kinds.by_key(key)
            remaining.append(f"{kind.plural}.{kind.group} has {len(objects)} resource instances")
            for obj in objects:
                finalizers.update(obj["metadata"].get("finalizers") or ())
        waiting = [f"{name} in {count} resource instances" for name, count in sorted(finalizers.items())]
        said = [
            (
                "NamespaceDeletionDiscoveryFailure",
                False,
                "ResourcesDiscovered",
                "All resources successfully discovered",
            ),
            (
                "NamespaceDeletionGroupVersionParsingFailure",
                False,
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed",
            ),
            (
                "NamespaceDeletionContentFailure",
                False,
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization",
            ),
            (
                (
                    "NamespaceContentRemaining",
                    True,
                    "SomeResourcesRemain",
                    f"Some resources are remaining: {', '.join(remaining)}",
                )
                if remaining
                else ("NamespaceContentRemaining", False, "ContentRemoved", "All content successfully removed")
            ),
            (
                (
                    "NamespaceFinalizersRemaining",
                    True,
                    "SomeFinalizersRemain",
                    f"Some content in the namespace has finalizers remaining: {', '.join(waiting)}",
                )
                if waiting
                else (
                    "NamespaceFinalizersRemaining",
                    False,
                    "ContentHasNoFinalizers",
                    "All content-preserving finalizers finished",
                )
            ),
        ]
        status = new.setdefault("status", {})
        before = {entry["type"]: entry for entry in status.get("conditions") or ()}
        status["conditions"] = [self._condition(before.get(type_), type_, *rest) for type_, *rest in said]  # type: ignore[arg-type]

    def _condition(self, before: Obj | None, type_: str, true: bool, reason: str, message: str) -> Obj:
        state = "True" if true else "False"
        since = before["lastTransitionTime"] if before and before["status"] == state else self.clock.stamp()
        return {"lastTransitionTime": since, "message": message, "reason": reason, "status": state, "type": type_}


def _let_go(new: Obj) -> None:
    new["spec"] = {}
