"""The objects of one cluster: versions, listing in order, watching, and a hook that makes them last.

Objects are plain JSON data. What is in the store is never changed in place: ``put`` takes a new one, and what ``get``
and ``select`` give is shared, so that a reader makes a ``copy`` before it changes anything. One thread only.
"""

from __future__ import annotations

import bisect
import marshal
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from mcp_tools.targets.sandbox import jsonbytes

Obj = dict[str, Any]
HISTORY = 10_000
"""Changes that are kept for watches; an older resourceVersion is answered with 410."""


def copy(obj: Obj) -> Obj:
    """A deep copy: of plain JSON data ``marshal`` makes one in a fifth of the time that ``copy.deepcopy`` takes."""
    made: Obj = marshal.loads(marshal.dumps(obj))  # noqa: S302 (what this process just wrote)
    return made


class Ref(NamedTuple):
    """Where an object is stored. ``namespace`` is empty for those of the cluster."""

    key: str
    namespace: str
    name: str


class Change(NamedTuple):
    """One change. ``old`` is None for ADDED; of DELETED ``obj`` is the last state, at the version of the deletion."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    ref: Ref
    obj: Obj
    old: Obj | None
    version: int


class Gone(Exception):
    """The changes since that version are not known any more."""


class _Table:
    """The objects of one kind: by (namespace, name), and those names in order."""

    __slots__ = ("names", "objects", "version")

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Obj] = {}
        self.names: list[tuple[str, str]] = []
        self.version = 0


class Store:
    """All objects. ``version`` is the resourceVersion of the last change, one count for the whole cluster."""

    def __init__(self) -> None:
        self.version = 1
        self._tables: dict[str, _Table] = {}
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._watchers: list[Callable[[Change], None]] = []
        self._owned: dict[str, set[Ref]] = {}
        self._bytes: dict[Ref, tuple[str, bytes]] = {}

    # -- reading -------------------------------------------------------------------------------------------------

    def get(self, key: str, namespace: str, name: str) -> Obj | None:
        """The object, shared; None when there is none."""
        table = self._tables.get(key)
        return table.objects.get((namespace, name)) if table else None

    def at(self, ref: Ref) -> Obj | None:
        """The object at that place."""
        return self.get(*ref)

    def select(self, key: str, namespace: str | None = None) -> list[Obj]:
        """The objects, ordered by namespace and name; of one namespace, or of all."""
        table = self._tables.get(key)
        if table is None:
            return []
        if namespace is None:
            return [table.objects[place] for place in table.names]
        first = bisect.bisect_left(table.names, (namespace, ""))
        found = []
        for place in table.names[first:]:
            if place[0] != namespace:
                break
            found.append(table.objects[place])
        return found

    def count(self, key: str) -> int:
        """How many there are."""
        table = self._tables.get(key)
        return len(table.objects) if table else 0

    def keys(self) -> Iterator[str]:
        """The kinds that there are objects of."""
        return (key for key, table in self._tables.items() if table.objects)

    def owned(self, uid: str) -> list[Ref]:
        """The objects that name that UID among their owners."""
        return sorted(self._owned.get(uid, ()))

    def encoded(self, ref: Ref, obj: Obj) -> bytes:
        """The object as JSON, made once per version."""
        version = obj["metadata"].get("resourceVersion", "")
        found = self._bytes.get(ref)
        if found is None or found[0] != version:
            found = (version, jsonbytes.encode(obj))
            self._bytes[ref] = found
        return found[1]

    # -- writing -------------------------------------------------------------------------------------------------

    def put(self, key: str, obj: Obj) -> Obj:
        """Store a new object or a new state of one, and give it the next resourceVersion. Takes ``obj`` over."""
        meta = obj["metadata"]
        ref = Ref(key, meta.get("namespace", ""), meta["name"])
        table = self._tables.setdefault(key, _Table())
        place = (ref.namespace, ref.name)
        old = table.objects.get(place)
        self.version += 1
        meta["resourceVersion"] = str(self.version)
        table.objects[place] = obj
        table.version = self.version
        if old is None:
            bisect.insort(table.names, place)
        else:
            self._disown(ref, old)
        for owner in meta.get("ownerReferences", ()):
            self._owned.setdefault(owner["uid"], set()).add(ref)
        self._tell(Change("ADDED" if old is None else "MODIFIED", ref, obj, old, self.version))
        return obj

    def remove(self, ref: Ref) -> Obj | None:
        """Remove an object; its last state, with the version of the removal."""
        table = self._tables.get(ref.key)
        place = (ref.namespace, ref.name)
        if table is None or place not in table.objects:
            return None
        old = table.objects.pop(place)
        del table.names[bisect.bisect_left(table.names, place)]
        self._bytes.pop(ref, None)
        self._disown(ref, old)
        self.version += 1
        table.version = self.version
        last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.version)}}
        self._tell(Change("DELETED", ref, last, old, self.version))
        return last

    def restore(self, objects: list[tuple[str, Obj]], version: int) -> None:
        """Fill an empty store with what was saved; nobody is told."""
        assert not self._tables, "only an empty store can be filled"
        for key, obj in objects:
            meta = obj["metadata"]
            place = (meta.get("namespace", ""), meta["name"])
            table = self._tables.setdefault(key, _Table())
            table.objects[place] = obj
            table.names.append(place)
            for owner in meta.get("ownerReferences", ()):
                self._owned.setdefault(owner["uid"], set()).add(Ref(key, *place))
        for table in self._tables.values():
            table.names.sort()
        self.version = version

    def _disown(self, ref: Ref, obj: Obj) -> None:
        for owner in obj["metadata"].get("ownerReferences", ()):
            refs = self._owned.get(owner["uid"])
            if refs is not None:
                refs.discard(ref)
                if not refs:
                    del self._owned[owner["uid"]]

    # -- watching ------------------------------------------------------------------------------------------------

    def _tell(self, change: Change) -> None:
        self._history.append(change)
        for watcher in list(self._watchers):
            watcher(change)

    def watch(self, watcher: Callable[[Change], None]) -> Callable[[], None]:
        """Tell ``watcher`` of every change from now on; the answer ends that. It must not change the store itself."""
        self._watchers.append(watcher)

        def end() -> None:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

        return end

    def since(self, version: int, key: str) -> list[Change]:
        """The changes of one kind after that version.

        Raises:
            Gone: they are not all known any more.
        """
        oldest = self._history[0].version if self._history else self.version + 1
        if version + 1 < oldest and version < self.version:
            raise Gone
        return [change for change in self._history if change.version > version and change.ref.key == key]
