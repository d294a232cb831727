"""A whole cluster: the store, the API over it, and everything that acts by itself."""

from __future__ import annotations

from mcp_tools.targets.sandbox import admission, bootstrap, controllers, node
from mcp_tools.targets.sandbox.api import Api
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.controllers.aggregation import ClusterRoleAggregation
from mcp_tools.targets.sandbox.controllers.base import Manager
from mcp_tools.targets.sandbox.controllers.garbage import GarbageCollector
from mcp_tools.targets.sandbox.controllers.namespaces import NamespaceController
from mcp_tools.targets.sandbox.escalation import Escalation
from mcp_tools.targets.sandbox.faults import Faults
from mcp_tools.targets.sandbox.node.images import Images
from mcp_tools.targets.sandbox.store import Change, Ref, Store


class Cluster:
    """One cluster, over a store that is filled already. One thread only."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.api = Api(store, clock)
        self.images = Images(store)
        self.faults = Faults(store)
        self.manager = Manager(store, clock)
        self.api.admission += [*admission.default(self.api), Escalation(self.api)]
        self.manager.add([GarbageCollector(self), NamespaceController(self), ClusterRoleAggregation(self)])
        self.manager.add(controllers.default(self))
        self.manager.add(node.default(self))

    @classmethod
    def fresh(cls, *, clock: Clock | None = None, cpu: str = "2", memory: str = "6144Mi", pods: int = 110) -> Cluster:
        """A new cluster with one node of that size, as Minikube leaves it when it has started."""
        clock = clock or Clock()
        store = Store()
        bootstrap.fill(store, clock, cpu=cpu, memory=memory, pods=pods)
        cluster = cls(store, clock)
        cluster.images.stock()
        cluster.resume()
        cluster.run_pending()
        return cluster

    def resume(self) -> None:
        """Let every controller look at every object, after a cluster was restored: nobody saw those come."""
        for key in list(self.store.keys()):
            for obj in self.store.select(key):
                meta = obj["metadata"]
                ref = Ref(key, meta.get("namespace", ""), meta["name"])
                version = int(meta.get("resourceVersion", "0"))
                self.manager.seen(Change("ADDED", ref, obj, None, version))

    def run_pending(self) -> None:
        """Do what is due at this moment, and what follows from it."""
        while self.manager.drain() + self.clock.run_due():
            pass

    def settle(self, seconds: float = 0.0) -> None:
        """Let so many seconds pass on a virtual clock: from one due call to the next, what follows done at each."""
        end = self.clock.now() + seconds
        self.run_pending()
        while (at := self.clock.next_at()) is not None and at <= end:
            self.clock.jump(at)
            self.run_pending()
        self.clock.jump(end)
        self.run_pending()
