"""Faults that can be put into the sandbox: typed, listed, and taken back. They act at once, on running pods too.

They are kept in the store under a key of their own: whatever saves the store saves them, and controllers see a change
of them as they see any other.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mcp_tools.targets.sandbox.node.behaviour import Behaviour
from mcp_tools.targets.sandbox.store import Obj, Ref, Store

KEY = "faults.sandbox.longshore.dev"
"""The key of the store under which they are."""


class _Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(default="", pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$|^$", description="Empty: numbered")


class ContainerFault(_Fault):
    """Containers behave as said instead of as their image does; those already running start anew."""

    kind: Literal["container"] = "container"
    namespace: str = ""
    pod: str = Field(default="", description="A pod's name, or the beginning of it with `*` at the end")
    labels: dict[str, str] = Field(default_factory=dict)
    container: str = ""
    image: str = Field(default="", description="The name of the image as the pod says it")
    behaviour: Behaviour

    def hits(self, pod: Obj, container: Obj) -> bool:
        """Whether it is about that container."""
        meta = pod["metadata"]
        name = self.pod[:-1] if self.pod.endswith("*") else self.pod
        labels = meta.get("labels") or {}
        return (
            self.namespace in ("", meta.get("namespace", ""))
            and (meta["name"].startswith(name) if self.pod.endswith("*") else name in ("", meta["name"]))
            and self.container in ("", container["name"])
            and self.image in ("", container.get("image", ""))
            and all(labels.get(key) == value for key, value in self.labels.items())
        )


class NodePressure(_Fault):
    """The node is short of something, or does not answer."""

    kind: Literal["node"] = "node"
    node: str = "minikube"
    pressure: Literal["memory", "disk", "pid", "not-ready"]


class ApiFault(_Fault):
    """The API server answers requests with an error, or late."""

    kind: Literal["api"] = "api"
    verbs: list[str] = Field(default_factory=list, description="`get`, `list`, `create`, …; empty: all")
    resources: list[str] = Field(default_factory=list, description="`pods`, `deployments`, …; empty: all")
    namespace: str = ""
    code: int = Field(default=0, description="HTTP code of the answer; 0: the real answer")
    message: str = ""
    latency: float = Field(default=0.0, ge=0, description="Seconds that the answer waits")
    times: int | None = Field(default=None, ge=1, description="Only so many requests; None: all")
    users: list[str] = Field(default_factory=list, description="Only requests of these users; empty: all")

    def hits(self, verb: str, resource: str, namespace: str, user: str = "") -> bool:
        """Whether it is about that request."""
        return (
            (not self.verbs or verb in self.verbs)
            and (not self.resources or resource in self.resources)
            and self.namespace in ("", namespace)
            and (not self.users or user in self.users)
        )


class ImageFault(_Fault):
    """An image cannot be pulled, or its content on the node is damaged."""

    kind: Literal["image"] = "image"
    image: str = Field(default="", description="Its name as pods say it; the beginning with `*` at the end; empty: all")
    effect: Literal["damaged", "pull", "slow", "missing", "private"] = Field(
        default="damaged",
        description="damaged: its containers cannot be made; pull: the registry refuses; slow: a pull takes `seconds`; "
        "missing: the node has lost it; private: only pods with an imagePullSecret that exists may pull it",
    )
    message: str = Field(default="", description="What docker says at a pull")
    seconds: float = Field(default=0.0, ge=0, description="How long a pull takes (slow)")

    def hits(self, image: str) -> bool:
        """Whether it is about that image."""
        if self.image.endswith("*"):
            return image.startswith(self.image[:-1])
        return self.image in ("", image)


class DnsFault(_Fault):
    """Names do not resolve."""

    kind: Literal["dns"] = "dns"
    names: list[str] = Field(default_factory=list, description="Host names as they are asked for; empty: all")
    effect: Literal["nxdomain", "timeout"] = "nxdomain"


Fault = Annotated[ContainerFault | NodePressure | ApiFault | ImageFault | DnsFault, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[Fault] = TypeAdapter(Fault)


def read(data: Any) -> Fault:
    """A fault from JSON data.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return _ADAPTER.validate_python(data)


class Faults:
    """The faults of one cluster."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: tuple[int, dict[str, Fault]] = (-1, {})
        self._used: dict[str, int] = {}

    def inject(self, fault: Fault) -> str:
        """Put a fault there, in place of one of the same name; its name."""
        name = fault.name or self._free(fault.kind)
        named = fault.model_copy(update={"name": name})
        self._used.pop(name, None)
        meta = {"name": name, "uid": str(uuid.uuid4())}
        self._store.put(KEY, {"metadata": meta, "fault": named.model_dump(mode="json")})
        return name

    def list(self) -> list[Fault]:
        """The faults, by name."""
        return [*self._all().values()]

    def clear(self, name: str = "") -> int:
        """Take that fault back, or all; how many there were."""
        gone = [found for found in self._all() if name in ("", found)]
        for found in gone:
            self._store.remove(Ref(KEY, "", found))
        return len(gone)

    def _free(self, kind: str) -> str:
        taken, number = self._all(), 1
        while f"{kind}-{number}" in taken:
            number += 1
        return f"{kind}-{number}"

    def _all(self) -> dict[str, Fault]:
        table = self._store.count(KEY)
        if not table:
            return {}
        objects = self._store.select(KEY)
        latest = max(int(obj["metadata"]["resourceVersion"]) for obj in objects) * 1000 + len(objects)
        if self._read[0] != latest:
            self._read = (latest, {obj["metadata"]["name"]: read(obj["fault"]) for obj in objects})
        return self._read[1]

    # -- what the parts of the cluster ask -------------------------------------------------------------------------

    def behaviour(self, pod: Obj, container: Obj) -> Behaviour | None:
        """What a fault makes that container do; the last one by name counts."""
        if not self._store.count(KEY):
            return None
        found = [f for f in self._all().values() if isinstance(f, ContainerFault) and f.hits(pod, container)]
        return found[-1].behaviour if found else None

    def image(self, name: str) -> ImageFault | None:
        """What is wrong with that image."""
        if not self._store.count(KEY):
            return None
        return next((f for f in self._all().values() if isinstance(f, ImageFault) and f.hits(name)), None)

    def dns(self, host: str) -> DnsFault | None:
        """Why that name does not resolve."""
        if not self._store.count(KEY):
            return None
        found = (f for f in self._all().values() if isinstance(f, DnsFault))
        return next((f for f in found if not f.names or host in f.names), None)

    def pressures(self, node: str) -> set[str]:
        """What that node is short of: ``memory``, ``disk``, ``pid``; ``not-ready`` when it does not answer."""
        if not self._store.count(KEY):
            return set()
        return {f.pressure for f in self._all().values() if isinstance(f, NodePressure) and f.node == node}

    def api(self, verb: str, resource: str, namespace: str, user: str = "") -> ApiFault | None:
        """The fault that this request meets; it counts as met."""
        if not self._store.count(KEY):
            return None
        for fault in self._all().values():
            if isinstance(fault, ApiFault) and fault.hits(verb, resource, namespace, user):
                used = self._used.get(fault.name, 0)
                if fault.times is None or used < fault.times:
                    self._used[fault.name] = used + 1
                    return fault
        return None
