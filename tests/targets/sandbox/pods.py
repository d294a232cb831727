"""A cluster with helpers to make pods in it and to look at what became of them."""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.node import images, names, registry

Manifest = dict[str, Any]
START = 1_700_000_000.0


class Lab:
    """One cluster on a virtual clock; everything is in namespace ``default``."""

    def __init__(self, **size: Any) -> None:
        self.clock = Clock(start=START)
        self.cluster = Cluster.fresh(clock=self.clock, **size)
        for image in ("python:3.13-slim", "busybox:1.36", "nginx:1.27", "postgres:16-alpine"):
            self.load(image)
        self.cluster.run_pending()

    def load(self, name: str) -> None:
        """Have a public image on the node, as one that was built or loaded there."""
        found = registry.PUBLIC[names.parse(name).repository]
        image = images._public(names.parse(name), found)
        self.cluster.images.add(image.model_copy(update={"digests": ()}))

    def create(self, key: str, obj: Manifest) -> Manifest:
        """Create an object as the user."""
        kind = kinds.by_key(key)
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        namespace = "default" if kind.namespaced else ""
        return self.cluster.api.create(kind, namespace, obj, Request())

    def pod(self, name: str = "web", box: Manifest | None = None, *, settle: float = 0.0, **spec: Any) -> Manifest:
        """Create a pod with one container ``web`` and let some time pass; the pod as it is then."""
        container = {"name": "web", "image": "python:3.13-slim", **(box or {})}
        meta = {"name": name, **spec.pop("metadata", {})}
        spec.setdefault("terminationGracePeriodSeconds", 0)
        self.create("pods", {"metadata": meta, "spec": {"containers": [container], **spec}})
        return self.after(settle, name)

    def after(self, seconds: float = 0.0, name: str = "web") -> Manifest:
        """The pod after some time."""
        self.cluster.settle(seconds)
        found = self.cluster.store.get("pods", "default", name)
        return found or {}

    def delete(self, name: str = "web", key: str = "pods", **options: Any) -> None:
        """Delete an object."""
        kind = kinds.by_key(key)
        self.cluster.api.delete(kind, "default" if kind.namespaced else "", name, Request(), **options)

    def events(self, name: str = "web") -> list[tuple[str, str]]:
        """Reasons and messages of the pod's events, in the order in which they came."""
        found = [e for e in self.cluster.store.select("events", "default") if e["involvedObject"]["name"] == name]
        found.sort(key=lambda event: int(event["metadata"]["name"].rpartition(".")[2], 16))
        return [(event["reason"], event["message"]) for event in found]

    def said(self, reason: str, name: str = "web") -> list[str]:
        """The messages of one reason."""
        return [message for found, message in self.events(name) if found == reason]

    def count(self, reason: str, name: str = "web") -> int:
        """How often that was said."""
        found = self.cluster.store.select("events", "default")
        return sum(e["count"] for e in found if e["involvedObject"]["name"] == name and e["reason"] == reason)

    def service(self, name: str = "web", port: int = 80, target: int = 8000, app: str = "web") -> None:
        """A Service for pods with label ``app``."""
        spec = {"selector": {"app": app}, "ports": [{"port": port, "targetPort": target}]}
        self.create("services", {"metadata": {"name": name}, "spec": spec})


def box(pod: Manifest, name: str = "web") -> Manifest:
    """The status of one container."""
    status = pod["status"]
    every = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return next(entry for entry in every if entry["name"] == name)


def waiting(pod: Manifest, name: str = "web") -> tuple[str, str]:
    """Reason and message of a container that waits."""
    state = box(pod, name)["state"]["waiting"]
    return state["reason"], state.get("message", "")


def condition(pod: Manifest, kind: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition."""
    entry = next(entry for entry in pod["status"]["conditions"] if entry["type"] == kind)
    return entry["status"], entry.get("reason", ""), entry.get("message", "")


def ready(pod: Manifest) -> bool:
    """Whether the pod is ready."""
    return condition(pod, "Ready")[0] == "True"
