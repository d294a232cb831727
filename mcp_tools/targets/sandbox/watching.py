"""Watches: changes as a stream of events, from a version on, selected, in the form that the client asked for.

Source: the API concepts page, "Efficient detection of changes", and apiserver's watch cache.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from mcp_tools.targets.sandbox import conversion, errors, tables
from mcp_tools.targets.sandbox.errors import ApiError, FieldError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.selectors import Matcher
from mcp_tools.targets.sandbox.store import Change, Gone, Obj, Ref, Store
from mcp_tools.targets.sandbox.wire import Form, dump

BOOKMARK_EVERY = 60.0
BEHIND = 20_000
"""Events that wait for a client that does not read; more end its watch, and it lists again."""


class Hub:
    """All open watches of a cluster."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._watches: dict[str, dict[Watch, None]] = {}
        self._end = store.watch(self._changed)

    def _changed(self, change: Change) -> None:
        for watch in self._watches.get(change.ref.key, ()):
            watch.offer(change)

    def add(self, watch: Watch) -> None:
        """Tell it of changes from now on."""
        self._watches.setdefault(watch.asked.kind.key, {})[watch] = None

    def remove(self, watch: Watch) -> None:
        """Tell it no more."""
        self._watches.get(watch.asked.kind.key, {}).pop(watch, None)

    @property
    def count(self) -> int:
        """How many are open."""
        return sum(len(found) for found in self._watches.values())

    def close(self) -> None:
        """End all, and listen no more."""
        self._end()
        for found in list(self._watches.values()):
            for watch in list(found):
                watch.close()


@dataclass(frozen=True)
class Asked:
    """What a client wants to be told, from which version on; 0: begin with what there is."""

    kind: Kind
    namespace: str
    matches: Matcher | None
    form: Form
    version: int
    bookmarks: bool
    timeout: float
    include: str = "Metadata"


def timeout(asked: int | None) -> float:
    """Seconds after which a watch ends; half an hour to an hour when the client does not say."""
    return float(asked) if asked else random.uniform(1800, 3600)  # noqa: S311 (spreads load, protects nothing)


class Watch:
    """One watch: a queue that the hub fills, and the stream that empties it."""

    def __init__(self, hub: Hub, asked: Asked, now: Any) -> None:
        self.asked = asked
        self._hub = hub
        self._now = now
        self._queue: deque[Change] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self._headers = True
        self._version = asked.version
        self._first = self._begin()

    def _begin(self) -> list[bytes]:
        """The events that are there already. From here on the hub tells of changes: none is lost between."""
        store, asked = self._hub.store, self.asked
        found: list[bytes] = []
        if not asked.version:
            namespace = asked.namespace or None
            for obj in store.select(asked.kind.key, namespace):
                if asked.matches is None or asked.matches(obj):
                    found.append(self._event("ADDED", obj))
            self._version = store.version
        else:
            try:
                for change in store.since(asked.version, asked.kind.key):
                    if (event := self._of(change)) is not None:
                        found.append(event)
            except Gone:
                self._closed = True
                message = f"too old resource version: {asked.version} ({store.version})"
                return [dump({"type": "ERROR", "object": ApiError(410, message).status()})]
            self._version = max(store.version, asked.version)
        self._hub.add(self)
        return found

    def offer(self, change: Change) -> None:
        """A change of the kind."""
        if self.asked.namespace and change.ref.namespace != self.asked.namespace:
            return
        self._queue.append(change)
        if len(self._queue) > BEHIND:
            self.close()
        self._wake.set()

    def close(self) -> None:
        """End it soon."""
        self._closed = True
        self._wake.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The events, one JSON document a line."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.asked.timeout
        mark = loop.time() + min(BOOKMARK_EVERY, max(self.asked.timeout - 2, 1))
        try:
            if self._first:
                yield b"".join(self._first)
                self._first = []
            while not self._closed:
                if self._queue:
                    events = self._taken()
                    if events:
                        yield events
                    continue
                if loop.time() >= end:
                    return
                self._wake.clear()
                try:
                    async with asyncio.timeout_at(min(end, mark)):
                        await self._wake.wait()
                except TimeoutError:
                    if self.asked.bookmarks and loop.time() < end:
                        yield self._bookmark()
                    mark = loop.time() + BOOKMARK_EVERY
        finally:
            self._hub.remove(self)

    def _taken(self) -> bytes:
        events = []
        while self._queue:
            change = self._queue.popleft()
            if change.version > self._version:
                self._version = change.version
                if (event := self._of(change)) is not None:
                    events.append(event)
        return b"".join(events)

    # -- events ------------------------------------------------------------------------------------------------------

    def _of(self, change: Change) -> bytes | None:
        """The event of a change: one that leaves or enters the selection is a deletion or an addition to the client."""
        if self.asked.namespace and change.ref.namespace != self.asked.namespace:
            return None
        matches = self.asked.matches
        if matches is None:
            return self._event(change.type, change.obj, change.ref if change.type != "DELETED" else None)
        before = change.old is not None and matches(change.old)
        after = change.type != "DELETED" and matches(change.obj)
        if after:
            return self._event("MODIFIED" if before else "ADDED", change.obj, change.ref)
        if not before:
            return None
        if change.type == "DELETED":
            return self._event("DELETED", change.obj)
        assert change.old is not None
        meta = {**change.old["metadata"], "resourceVersion": str(change.version)}
        return self._event("DELETED", {**change.old, "metadata": meta})

    def _event(self, kind: str, obj: Obj, ref: Ref | None = None) -> bytes:
        asked = self.asked
        shared = ref is not None and self._hub.store.at(ref) is obj  # the bytes of a state that passed are not kept
        if ref is not None and shared and not asked.form.kind and conversion.is_stored(asked.kind):
            return b'{"type":"%s","object":%s}\n' % (kind.encode(), self._hub.store.encoded(ref, obj))
        return dump({"type": kind, "object": self._formed(conversion.from_stored(asked.kind, obj))})

    def _formed(self, obj: Obj) -> Obj:
        form = self.asked.form
        if form.kind == "Table":
            meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            headers, self._headers = self._headers, False
            return tables.table(
                self.asked.kind,
                [obj],
                self._now(),
                include=self.asked.include,
                meta=meta,
                headers=headers,
                version=form.version,
            )
        return tables.partial(obj, form.version) if form.kind else obj

    def _bookmark(self) -> bytes:
        """Up to which version the client knows everything."""
        self._version = max(self._version, self._hub.store.version)
        kind, form = self.asked.kind, self.asked.form
        meta: dict[str, Any] = {"resourceVersion": str(self._version), "creationTimestamp": None}
        obj: Obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
        if form.kind == "Table":
            obj = tables.table(kind, [], self._now(), meta=meta, headers=False, version=form.version)
        elif form.kind:
            obj = tables.partial(obj, form.version)
        return dump({"type": "BOOKMARK", "object": obj})


def begins(version: str, match: str, asks: bool) -> int:
    """From which version a watch begins; 0: with what there is. ``asks``: sendInitialEvents is set.

    A 1.33 does not stream lists (the feature gate WatchList is off): clients list, and then watch.

    Raises:
        ApiError: 500, the version is none; 422, the parameters do not go together.
    """
    mistakes: list[FieldError] = []
    field = "resourceVersionMatch"
    if asks and match != "NotOlderThan":
        said = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        mistakes.append(FieldError(field, "FieldValueForbidden", said))
    if asks:
        said = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        mistakes.append(FieldError("sendInitialEvents", "FieldValueForbidden", said))
    elif match:
        said = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        mistakes.append(FieldError(field, "FieldValueForbidden", said))
    if mistakes:
        raise errors.invalid(_OPTIONS, "", mistakes)
    if not version.isdecimal() and version:
        said = f'strconv.ParseUint: parsing "{version}": invalid syntax'
        raise ApiError(500, f'resourceVersion: Invalid value: "{version}": {said}', reason="")
    return int(version or 0)


_OPTIONS = Kind("meta.k8s.io", "v1", "ListOptions", "listoptions", "listoptions", False, frozenset())
