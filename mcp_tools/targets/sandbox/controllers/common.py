"""What the controllers have in common: reading by owner and selector, writing as themselves, conditions, hashes."""

from __future__ import annotations

import json
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from mcp_tools.targets.sandbox import events, kinds
from mcp_tools.targets.sandbox.clock import Clock, parse
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import MASTERS, Request
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

Route = Callable[[Change], Iterable[Ref]]
MANAGER = "kube-controller-manager"
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""What generated names are made of: no vowels, so that no words come about."""


class Controller:
    """A controller that is told by routes: per kind of object, which of its own objects a change concerns."""

    name = ""
    account = ""
    """The service account that it acts as; its name where none is given."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store, self.clock, self.api = cluster.store, cluster.clock, cluster.api
        self.routes: Mapping[str, Route] = {}
        self._failures: dict[Ref, int] = {}
        self.request = Request(
            user=f"system:serviceaccount:kube-system:{self.account or self.name}",
            # What the controllers may do is not weighed each time: they do what their roles allow.
            groups=(MASTERS, "system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"),
            manager=MANAGER,
        )

    def interested(self, change: Change) -> Iterable[Ref]:
        """The objects that the change concerns."""
        route = self.routes.get(change.ref.key)
        return route(change) if route is not None else ()

    def reconcile(self, ref: Ref) -> None:
        """Bring the object closer to its spec."""
        raise NotImplementedError

    # -- later ---------------------------------------------------------------------------------------------------

    def later(self, ref: Ref, seconds: float) -> None:
        """Reconcile again when so many seconds have passed; never at once, for time has to go on."""
        self.cluster.manager.after(max(seconds, 0.005), self, ref)

    def retry(self, ref: Ref) -> None:
        """Reconcile again after a failure: after 5 ms, twice as long each time, as client-go's queues do."""
        count = self._failures.get(ref, 0)
        self._failures[ref] = count + 1
        self.later(ref, min(0.005 * 2.0 ** min(count, 30), 1000.0))

    def forget(self, ref: Ref) -> None:
        """It went well: the next failure waits for 5 ms again."""
        self._failures.pop(ref, None)

    # -- writing -------------------------------------------------------------------------------------------------

    def create(self, key: str, obj: Obj) -> Obj:
        """Create an object as this controller.

        Raises:
            ApiError: it was refused.
        """
        kind = kinds.by_key(key)
        obj.setdefault("apiVersion", kind.api_version)
        obj.setdefault("kind", kind.kind)
        return self.api.create(kind, obj["metadata"].get("namespace", ""), obj, self.request)

    def delete(self, ref: Ref, **options: Any) -> None:
        """Delete an object; one that is gone is no mistake."""
        try:
            self.api.delete(kinds.by_key(ref.key), ref.namespace, ref.name, self.request, **options)
        except ApiError as error:
            if error.code != 404:
                raise

    def edit(self, ref: Ref, change: Callable[[Obj], None]) -> Obj | None:
        """Change an object; None when it is gone."""
        return self.api.edit(ref, change, manager=MANAGER)

    def set_status(self, ref: Ref, status: Obj) -> None:
        """Set the whole status; what is the same is not stored."""

        def change(obj: Obj) -> None:
            obj["status"] = status

        found = self.store.at(ref)
        if found is not None and found.get("status") != status:
            self.edit(ref, change)

    def event(
        self, about: Obj, reason: str, message: str, *, type: Literal["Normal", "Warning"] = "Normal", by: str = ""
    ) -> None:
        """Record an event."""
        events.record(self.api, about, type=type, reason=reason, message=message, component=by or self.name)

    # -- what an object owns -------------------------------------------------------------------------------------

    def owned(self, owner: Obj, key: str) -> list[Obj]:
        """The objects of that kind whose controller it is."""
        uid = owner["metadata"]["uid"]
        found = (self.store.at(ref) for ref in self.store.owned(uid) if ref.key == key)
        return [obj for obj in found if obj is not None and (controller_of(obj) or {}).get("uid") == uid]

    def claim(self, owner: Obj, key: str, selector: Obj | None) -> list[Obj]:
        """Those that it controls; it takes orphans that its selector matches, and lets go of what it does not."""
        meta = owner["metadata"]
        kept = []
        for obj in self.owned(owner, key):
            if matches(selector, labels_of(obj)):
                kept.append(obj)
            elif not deleting(owner):
                self.edit(ref_of(key, obj), lambda live: _release(live, meta["uid"]))
        if deleting(owner):
            return kept
        for obj in self.store.select(key, meta.get("namespace", "")):
            if controller_of(obj) is None and not deleting(obj) and matches(selector, labels_of(obj)):
                taken = self.edit(ref_of(key, obj), lambda live: _adopt(live, owner))
                if taken is not None:
                    kept.append(taken)
        return kept


def _release(obj: Obj, uid: str) -> None:
    kept = [owner for owner in obj["metadata"].get("ownerReferences", ()) if owner["uid"] != uid]
    if kept:
        obj["metadata"]["ownerReferences"] = kept
    else:
        obj["metadata"].pop("ownerReferences", None)


def _adopt(obj: Obj, owner: Obj) -> None:
    obj["metadata"].setdefault("ownerReferences", []).append(owner_reference(owner))


# -- routes --------------------------------------------------------------------------------------------------------


def itself(change: Change) -> Iterable[Ref]:
    """The object that changed."""
    return (change.ref,)


def by_controller(kind: str, key: str) -> Route:
    """The object of that kind that controls what changed, before or after the change."""

    def route(change: Change) -> Iterator[Ref]:
        seen = ""
        for obj in (change.obj, change.old):
            owner = controller_of(obj) if obj is not None else None
            if owner is not None and owner["kind"] == kind and owner["name"] != seen:
                seen = owner["name"]
                yield Ref(key, change.ref.namespace, seen)

    return route


def orphans_too(controller: Controller, kind: str, key: str) -> Route:
    """As :func:`by_controller`; an orphan concerns all objects of the kind whose selector matches it."""
    direct = by_controller(kind, key)

    def route(change: Change) -> Iterator[Ref]:
        yield from direct(change)
        if change.type != "DELETED" and controller_of(change.obj) is None and not deleting(change.obj):
            labels = labels_of(change.obj)
            if labels and (change.old is None or labels_of(change.old) != labels or controller_of(change.old)):
                for obj in controller.store.select(key, change.ref.namespace):
                    if matches(obj["spec"].get("selector"), labels):
                        yield ref_of(key, obj)

    return route


# -- objects -------------------------------------------------------------------------------------------------------


def ref_of(key: str, obj: Obj) -> Ref:
    """Where the object is stored."""
    meta = obj["metadata"]
    return Ref(key, meta.get("namespace", ""), meta["name"])


def labels_of(obj: Obj) -> Mapping[str, str]:
    """Its labels."""
    return obj["metadata"].get("labels") or {}


def deleting(obj: Obj) -> bool:
    """Whether it is being deleted."""
    return "deletionTimestamp" in obj["metadata"]


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference of its controller."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            found: Obj = owner
            return found
    return None


def owner_reference(owner: Obj) -> Obj:
    """A controller's reference to that object."""
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def matches(selector: Obj | None, labels: Mapping[str, str]) -> bool:
    """Whether a ``LabelSelector`` matches; none matches nothing, an empty one everything."""
    if selector is None:
        return False
    for name, value in (selector.get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    return all(_holds(term, labels) for term in selector.get("matchExpressions") or ())


def _holds(term: Obj, labels: Mapping[str, str]) -> bool:
    name, values = term["key"], term.get("values") or ()
    match term["operator"]:
        case "In":
            return labels.get(name) in values
        case "NotIn":
            return labels.get(name) not in values
        case "Exists":
            return name in labels
        case _:
            return name not in labels


# -- conditions ----------------------------------------------------------------------------------------------------


def condition(obj_status: Mapping[str, Any], type_: str) -> Obj | None:
    """The condition of that type."""
    for found in obj_status.get("conditions") or ():
        if found["type"] == type_:
            result: Obj = found
            return result
    return None


def without(conditions: list[Obj], type_: str) -> list[Obj]:
    """The conditions but those of that type."""
    return [found for found in conditions if found["type"] != type_]


_observed: weakref.WeakKeyDictionary[Clock, dict[tuple[str, str], float]] = weakref.WeakKeyDictionary()
REMEMBERED = 20_000


def elapsed(clock: Clock, stamp: str, about: str = "") -> float:
    """Seconds of the cluster since that stamp; a clock that shortens waits makes them pass faster.

    There a whole second, which is as fine as stamps are, may be many of the cluster: so what is asked for within that
    second counts from then on. ``about`` tells stamps of the same second apart: the UID of the object.
    """
    since = parse(stamp)
    if clock.speed > 1 and about:
        memory = _observed.setdefault(clock, {})
        if len(memory) > REMEMBERED:
            memory.clear()
        now = clock.now()
        since = memory.setdefault((about, stamp), now if now - since < 1 else since)
    return (clock.now() - since) * clock.speed


def digest(value: Any, collisions: int = 0) -> str:
    """A stable hash of JSON data, in letters that generated names are made of."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":")) + (str(collisions) if collisions else "")
    return "".join(ALPHABET[ord(digit) % len(ALPHABET)] for digit in str(zlib.crc32(text.encode())))
