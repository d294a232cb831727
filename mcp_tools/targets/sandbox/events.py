"""Events, as the recorders of client-go write them: named by time, the same one again only counts up.

What is written is what ``client-go/tools/record`` writes: count, first and last time, ``(combined from similar
events): `` after ten different messages, at most 25 at once per object. An hour later the API server forgets them.
The scheduler of Minikube starts before the API server answers its discovery, and so uses that recorder as well.
"""

from __future__ import annotations

import uuid
import weakref
from collections import deque
from typing import Any, Literal, Protocol

from mcp_tools.targets.sandbox.clock import Clock, parse
from mcp_tools.targets.sandbox.store import Obj, Ref, Store

TTL = 3600.0
"""Seconds after which the API server removes an event: ``--event-ttl``."""
COMBINE_AFTER, COMBINE_WITHIN = 10, 600.0
BURST, REFILL = 25, 300.0
WHO = 6
"""Parts of a key that say who speaks of which object."""
COMBINED = "(combined from similar events): "


class Host(Protocol):
    """What recording needs of the API: where to put events, and what time it is."""

    @property
    def store(self) -> Store:
        """The objects of the cluster."""

    @property
    def clock(self) -> Clock:
        """The time of the cluster."""


class _Recorder:
    """What one cluster's recorders remember of the events that they wrote."""

    def __init__(self) -> None:
        self.nanos = 0
        self.known: dict[tuple[str, ...], Ref] = {}
        self.counts: dict[tuple[str, ...], tuple[int, str]] = {}
        """How often each was seen, and first when; those that were not written count as well."""
        self.messages: dict[tuple[str, ...], tuple[float, set[str]]] = {}
        self.tokens: dict[tuple[str, ...], tuple[float, float]] = {}
        self.written: deque[tuple[float, Ref, tuple[str, ...]]] = deque()

    def name(self, about: str, now: float) -> str:
        """``<object>.<nanoseconds in hex>``, each once."""
        self.nanos = max(self.nanos + 1, int(now * 1_000_000_000))
        return f"{about}.{self.nanos:x}"

    def allowed(self, source: tuple[str, ...], now: float) -> bool:
        """Whether the object may have one more: 25 at once, then one in five minutes."""
        left, since = self.tokens.get(source, (float(BURST), now))
        left = min(float(BURST), left + (now - since) / REFILL)
        self.tokens[source] = (left - 1 if left >= 1 else left, now)
        return left >= 1

    def combined(self, group: tuple[str, ...], message: str, now: float) -> bool:
        """Whether so many messages of one reason came in a short time that they count as one event."""
        since, seen = self.messages.get(group, (now, set()))
        if now - since > COMBINE_WITHIN:
            seen = set()
        seen.add(message)
        self.messages[group] = (now, seen)
        return len(seen) >= COMBINE_AFTER

    def forget(self, store: Store, now: float) -> None:
        """Remove what is older than an hour; what counted up meanwhile stays as long again."""
        while self.written and self.written[0][0] <= now:
            _, ref, key = self.written.popleft()
            event = store.at(ref)
            if event is None:
                self._drop(key)
            elif (last := _last(event) + TTL) > now:
                self.written.append((last, ref, key))
            else:
                store.remove(ref)
                self._drop(key)

    def _drop(self, key: tuple[str, ...]) -> None:
        self.known.pop(key, None)
        self.counts.pop(key, None)
        self.tokens.pop(key[:WHO], None)
        self.messages.pop((*key[:WHO], key[-3], key[-2]), None)


_recorders: weakref.WeakKeyDictionary[Store, _Recorder] = weakref.WeakKeyDictionary()


def record(
    api: Host,
    about: Obj,
    *,
    type: Literal["Normal", "Warning"],
    reason: str,
    message: str,
    component: str,
    field_path: str = "",
    host: str = "",
    times: int = 1,
) -> None:
    """Write an event about that object, or count the same one up.

    ``host`` is the node for what a kubelet says; ``times`` is more than one for what was said again in a time that was
    jumped over. Nothing is written into a namespace that is not there or ends: the API server would refuse it.
    """
    store, now = api.store, api.clock.now()
    meta = about["metadata"]
    namespace = meta.get("namespace") or "default"
    home = store.get("namespaces", "", namespace)
    if home is None or "deletionTimestamp" in home["metadata"]:
        return
    memory = _recorders.get(store)
    if memory is None:
        memory = _recorders[store] = _Recorder()
    memory.forget(store, now)
    subject = reference(about, field_path)
    who = (component, host, subject["kind"], namespace, meta["name"], subject.get("uid", ""))
    event: Obj = {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {
            "name": "",
            "namespace": namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": api.clock.stamp(now),
        },
        "involvedObject": subject,
        "reason": reason,
        "message": message,
        "type": type,
    }
    if memory.combined((*who, type, reason), message, now):
        message = event["message"] = COMBINED + message
        key: tuple[str, ...] = (*who, "", type, reason, COMBINED)
    else:
        key = (*who, field_path, type, reason, message)
    stamp = api.clock.stamp(now)
    count, first = memory.counts.get(key, (0, stamp))
    memory.counts[key] = (count + times, first)
    if not memory.allowed(who, now * api.clock.speed):
        return
    known = memory.known.get(key)
    earlier = store.at(known) if known else None
    if earlier is not None:
        again = {**earlier, "metadata": dict(earlier["metadata"]), "message": message}
        store.put("events", again | {"count": count + times, "lastTimestamp": stamp})
        return
    event["source"] = {"component": component} | ({"host": host} if host else {})
    event |= {"firstTimestamp": first, "lastTimestamp": stamp, "count": count + times}
    # The event that stands for many is made anew by the aggregator, which leaves these two empty.
    reporter = "" if message.startswith(COMBINED) else component
    event |= {"eventTime": None, "reportingComponent": reporter, "reportingInstance": host if reporter else ""}
    _write(store, memory, event, meta["name"], key, now)


def reference(about: Obj, field_path: str = "") -> Obj:
    """The ``ObjectReference`` of that object."""
    meta = about["metadata"]
    found: Obj = {"kind": about["kind"]}
    if meta.get("namespace"):
        found["namespace"] = meta["namespace"]
    found["name"] = meta["name"]
    if meta.get("uid"):
        found["uid"] = meta["uid"]
    if about.get("apiVersion"):
        found["apiVersion"] = about["apiVersion"]
    if meta.get("resourceVersion"):
        found["resourceVersion"] = meta["resourceVersion"]
    if field_path:
        found["fieldPath"] = field_path
    return found


def _write(store: Store, memory: _Recorder, event: Obj, name: str, key: tuple[str, ...], now: float) -> None:
    event["metadata"]["name"] = memory.name(name, now)
    ref = Ref("events", event["metadata"]["namespace"], event["metadata"]["name"])
    store.put("events", event)
    memory.known[key] = ref
    memory.written.append((now + TTL, ref, key))


def _last(event: dict[str, Any]) -> float:
    """When it was seen last."""
    return parse(event["lastTimestamp"])
