"""The node: scheduler, kubelet, images, and what containers do when they run."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster
    from mcp_tools.targets.sandbox.controllers.base import Controller
    from mcp_tools.targets.sandbox.node.kubelet import Kubelet
    from mcp_tools.targets.sandbox.store import Store

_kubelets: weakref.WeakKeyDictionary[Store, Kubelet] = weakref.WeakKeyDictionary()


def default(cluster: Cluster) -> list[Controller]:
    """The scheduler, what keeps the node's conditions and taints, and the kubelet."""
    from mcp_tools.targets.sandbox.node.kubelet import Kubelet
    from mcp_tools.targets.sandbox.node.nodes import Nodes
    from mcp_tools.targets.sandbox.node.scheduler import Scheduler

    kubelet = Kubelet(cluster)
    _kubelets[cluster.store] = kubelet
    return [Scheduler(cluster), Nodes(cluster, kubelet), kubelet]


def kubelet_of(cluster: Cluster) -> Kubelet | None:
    """The kubelet of the cluster's node; None when the cluster has none."""
    return _kubelets.get(cluster.store)
