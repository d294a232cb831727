"""A cluster on a virtual clock whose node is a simple one: pods run and end as an annotation says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mcp_tools.targets.sandbox import admission, bootstrap, controllers, kinds
from mcp_tools.targets.sandbox.api import Api
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.controllers.base import Manager
from mcp_tools.targets.sandbox.controllers.garbage import GarbageCollector
from mcp_tools.targets.sandbox.controllers.namespaces import NamespaceController
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Change, Obj, Ref, Store

BEHAVIOUR = "test/behaviour"
"""``ready`` (the default), ``running`` (never ready), ``ok`` and ``fails`` (end after a second), ``pending``."""


class Node:
    """Schedules and runs pods: each starts after a second, and ends a second after it is deleted."""

    name = "kubelet"

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.count = 0

    def interested(self, change: Change) -> Iterable[Ref]:
        return (change.ref,) if change.ref.key == "pods" and change.ref.namespace != "kube-system" else ()

    def reconcile(self, ref: Ref) -> None:
        bench, pod = self.bench, self.bench.store.at(ref)
        if pod is None:
            return
        if "deletionTimestamp" in pod["metadata"]:
            if pod["metadata"].get("deletionGracePeriodSeconds"):
                bench.clock.after(1, lambda: self._end(ref, pod["metadata"]["uid"]))
            return
        behaviour = (pod["metadata"].get("annotations") or {}).get(BEHAVIOUR, "ready")
        if behaviour == "pending" or (pod["spec"].get("nodeName") and pod["status"].get("phase") != "Pending"):
            return
        if not pod["spec"].get("nodeName"):
            bench.api.edit(ref, lambda live: live["spec"].update({"nodeName": "minikube"}), manager="scheduler")
            bench.clock.after(1, lambda: self._start(ref, pod["metadata"]["uid"], behaviour))

    def _same(self, ref: Ref, uid: str) -> bool:
        found = self.bench.store.at(ref)
        return found is not None and found["metadata"]["uid"] == uid

    def _start(self, ref: Ref, uid: str, behaviour: str) -> None:
        if not self._same(ref, uid):
            return
        self.count += 1
        ready = "True" if behaviour == "ready" else "False"
        ip = f"10.244.0.{self.count % 250 + 2}"
        stamp = self.bench.clock.stamp()

        def change(live: Obj) -> None:
            condition = {"type": "Ready", "status": ready, "lastTransitionTime": stamp}
            live["status"].update({"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [condition]})

        self.bench.api.edit(ref, change, manager="kubelet")
        if behaviour in ("ok", "fails"):
            self.bench.clock.after(1, lambda: self._finish(ref, uid, behaviour))

    def _finish(self, ref: Ref, uid: str, behaviour: str) -> None:
        if not self._same(ref, uid):
            return
        code, stamp = int(behaviour == "fails"), self.bench.clock.stamp()

        def change(live: Obj) -> None:
            live["status"]["phase"] = "Failed" if code else "Succeeded"
            live["status"]["conditions"][0]["status"] = "False"
            names = [each["name"] for each in live["spec"]["containers"]]
            state = {"terminated": {"exitCode": code, "finishedAt": stamp}}
            live["status"]["containerStatuses"] = [{"name": name, "state": state, "restartCount": 0} for name in names]

        self.bench.api.edit(ref, change, manager="kubelet")

    def _end(self, ref: Ref, uid: str) -> None:
        if self._same(ref, uid):
            self.bench.api.delete(kinds.by_key("pods"), ref.namespace, ref.name, Request(), grace=0)


class Bench:
    """A cluster without the real node."""

    def __init__(self, start: float = 1_750_000_000.0) -> None:
        self.store, self.clock = Store(), Clock(start=start)
        bootstrap.fill(self.store, self.clock, cpu="2", memory="6144Mi", pods=110)
        self.api = Api(self.store, self.clock)
        self.manager = Manager(self.store, self.clock)
        self.api.admission.extend(admission.default(self.api))
        cluster: Any = self
        self.manager.add([GarbageCollector(cluster), NamespaceController(cluster)])
        self.manager.add(controllers.default(cluster))
        self.manager.add([Node(self)])
        self.settle()

    def settle(self, seconds: float = 0.0) -> None:
        """Let so many seconds pass."""
        end = self.clock.now() + seconds
        self._run()
        while (at := self.clock.next_at()) is not None and at <= end:
            self.clock.jump(at)
            self._run()
        self.clock.jump(end)
        self._run()

    def _run(self) -> None:
        while self.manager.drain() + self.clock.run_due():
            pass

    def create(self, key: str, obj: Obj, namespace: str = "default", warnings: list[str] | None = None) -> Obj:
        """Create an object as a user."""
        kind = kinds.by_key(key)
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        request = Request(warnings=warnings if warnings is not None else [])
        return self.api.create(kind, namespace if kind.namespaced else "", obj, request)

    def update(self, key: str, name: str, change: Callable[[Obj], None], namespace: str = "default") -> Obj:
        """Change an object as a user."""
        import copy

        kind = kinds.by_key(key)
        obj = copy.deepcopy(self.get(key, name, namespace))
        change(obj)
        return self.api.update(kind, namespace if kind.namespaced else "", name, obj, Request())

    def delete(self, key: str, name: str, namespace: str = "default", **options: Any) -> None:
        """Delete an object as a user."""
        kind = kinds.by_key(key)
        self.api.delete(kind, namespace if kind.namespaced else "", name, Request(), **options)

    def get(self, key: str, name: str, namespace: str = "default") -> Obj:
        """An object that must be there."""
        found = self.store.get(key, namespace if kinds.by_key(key).namespaced else "", name)
        assert found is not None, f"no {key} {name}"
        return found

    def all(self, key: str, namespace: str = "default") -> list[Obj]:
        """The objects of a namespace."""
        return self.store.select(key, namespace if kinds.by_key(key).namespaced else None)

    def events(self, name: str, namespace: str = "default") -> list[tuple[str, str, str]]:
        """Type, reason and message of the events about an object, in their order."""
        found = [each for each in self.all("events", namespace) if each["involvedObject"]["name"] == name]
        found.sort(key=lambda each: int(each["metadata"]["resourceVersion"]))
        return [(each["type"], each["reason"], each["message"]) for each in found]

    def condition(self, key: str, name: str, type_: str) -> tuple[str, str, str]:
        """Status, reason and message of a condition."""
        for found in self.get(key, name)["status"]["conditions"]:
            if found["type"] == type_:
                return found["status"], found["reason"], found["message"]
        raise AssertionError(f"{key} {name} has no condition {type_}")


def pod_spec(**more: Any) -> Obj:
    """The spec of a pod with one container."""
    return {"containers": [{"name": "c", "image": "nginx", **more}]}


def template(behaviour: str = "", labels: dict[str, str] | None = None, **container: Any) -> Obj:
    """A pod template."""
    meta: Obj = {"labels": labels or {"app": "web"}}
    if behaviour:
        meta["annotations"] = {BEHAVIOUR: behaviour}
    return {"metadata": meta, "spec": pod_spec(**container)}


def deployment(name: str = "web", replicas: int = 1, behaviour: str = "", **spec: Any) -> Obj:
    """A Deployment."""
    container = spec.pop("container", {})
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(behaviour, **container),
            **spec,
        },
    }
