"""What one sweep saw, and the questions that rules ask of it. Pure data: it can be recorded and read again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mcp_tools.diagnosis.findings import Ref

Manifest = dict[str, Any]
CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")


def ref_of(item: Mapping[str, Any]) -> Ref:
    """The reference of an object."""
    meta = item.get("metadata") or {}
    return Ref(str(item.get("kind", "")), str(meta.get("namespace") or ""), str(meta.get("name", "")))


def when(text: Any) -> dt.datetime | None:
    """An RFC 3339 time; None when it is none."""
    try:
        return dt.datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None


def chosen(selector: Mapping[str, str] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether an equality selector chooses these labels. An empty selector chooses nothing."""
    return bool(selector) and all((labels or {}).get(key) == value for key, value in (selector or {}).items())


@dataclass
class Snapshot:
    """One look at a cluster (``namespace`` None: at all of it).

    ``keys`` maps (ConfigMap|Secret, namespace, name) to key names: values are dropped as they arrive.
    ``hosts`` maps ``Kind/namespace/name/key`` of a ConfigMap or Secret to the host names of URLs in its value.
    ``logs`` maps ``namespace/pod/container`` to the last lines of a failing container, previous run included.
    ``local_images`` are the references that the local Docker daemon has; None when it was not asked.
    """

    namespace: str | None
    taken_at: str
    objects: dict[str, list[Manifest]] = field(default_factory=dict)
    keys: dict[Ref, list[str]] = field(default_factory=dict)
    hosts: dict[str, list[str]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, list[Manifest]] = field(default_factory=dict)
    local_images: list[str] | None = None
    unseen: list[str] = field(default_factory=list)
    application: str | None = None

    # -- recording ----------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return data | {"keys": [[*ref, names] for ref, names in self.keys.items()]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Snapshot:
        """The reverse of :meth:`to_json`."""
        keys = {Ref(kind, space, name): list(names) for kind, space, name, names in data["keys"]}
        return cls(**{**data, "keys": keys})

    # -- objects ------------------------------------------------------------------------------------------------

    def all(self, kind: str) -> list[Manifest]:
        """Every object of a kind."""
        return self.objects.get(kind, [])

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """One object."""
        return self._index.get(Ref(kind, namespace, name))

    def saw(self, kind: str) -> bool:
        """Whether the kind could be listed: what could not be seen must not be called missing."""
        if kind in ("Secret", "ConfigMap"):  # always asked for; a namespace may have none
            return not any(text.startswith(f"{kind}:") for text in self.unseen)
        return kind in self.objects

    @cached_property
    def _index(self) -> dict[Ref, Manifest]:
        return {ref_of(item): item for items in self.objects.values() for item in items}

    @cached_property
    def _events(self) -> dict[Ref, list[Manifest]]:
        found: dict[Ref, list[Manifest]] = {}
        for event in self.all("Event"):
            about = event.get("involvedObject") or {}
            ref = Ref(str(about.get("kind")), str(about.get("namespace") or ""), str(about.get("name")))
            found.setdefault(ref, []).append(event)
        for events in found.values():
            events.sort(key=event_time, reverse=True)
        return found

    def events(self, ref: Ref, *reasons: str) -> list[Manifest]:
        """The events of an object, newest first; of those reasons when some are named."""
        return [e for e in self._events.get(ref, []) if not reasons or e.get("reason") in reasons]

    @cached_property
    def now(self) -> dt.datetime:
        """When the sweep began, by this machine's clock."""
        return when(self.taken_at) or dt.datetime.now(dt.UTC)

    def age(self, text: Any) -> float:
        """Seconds from a time to the sweep; 0 when the time is not known."""
        moment = when(text)
        return max(0.0, (self.now - moment).total_seconds()) if moment else 0.0

    # -- owners -------------------------------------------------------------------------------------------------

    def owner(self, item: Manifest) -> Manifest | None:
        """The controller of an object, if it was seen."""
        meta = item.get("metadata") or {}
        for owner in meta.get("ownerReferences") or []:
            if owner.get("controller"):
                return self.get(str(owner["kind"]), str(meta.get("namespace") or ""), str(owner["name"]))
        return None

    def workload(self, item: Manifest) -> Manifest:
        """The topmost controller of a pod or ReplicaSet; itself when it has none."""
        current, steps = item, 0
        while (above := self.owner(current)) is not None and steps < 5:
            current, steps = above, steps + 1
        return current

    def pods_of(self, workload: Ref) -> list[Manifest]:
        """The pods under a workload."""
        return [pod for pod in self.all("Pod") if ref_of(self.workload(pod)) == workload]

    def live_pods(self) -> Iterator[Manifest]:
        """Pods that are meant to run: not being deleted, not ended."""
        for pod in self.all("Pod"):
            ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
            if not ended and not pod["metadata"].get("deletionTimestamp"):
                yield pod

    def log(self, pod: Manifest, container: str) -> str:
        """What was fetched of a container's log."""
        return self.logs.get(f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}/{container}", "")


def event_time(event: Manifest) -> str:
    """When an event last happened, as text that sorts."""
    series = event.get("series") or {}
    meta = event.get("metadata") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or meta.get("creationTimestamp")
        or ""
    )


def message_of(event: Manifest) -> str:
    """An event's message on one line."""
    return " ".join(str(event.get("message", "")).split())


def ready(pod: Manifest) -> bool:
    """Whether the pod is ready."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def states(pod: Manifest) -> list[tuple[Manifest, Manifest]]:
    """(specification, status) of each container, init containers first; the status is empty before it has one."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    known = {
        s.get("name"): s for part in ("initContainerStatuses", "containerStatuses") for s in status.get(part) or []
    }
    every = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return [(c, known.get(c.get("name"), {})) for c in every]


def waiting(status: Manifest) -> tuple[str, str]:
    """Reason and message of a waiting container; empty strings otherwise."""
    found = (status.get("state") or {}).get("waiting") or {}
    return str(found.get("reason") or ""), " ".join(str(found.get("message") or "").split())


def last_end(status: Manifest) -> Manifest:
    """How the container ended last: now, or before its last restart; empty when it never did."""
    now = (status.get("state") or {}).get("terminated")
    before = (status.get("lastState") or {}).get("terminated")
    return dict(now or before or {})
