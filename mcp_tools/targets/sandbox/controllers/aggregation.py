"""Cluster roles that are the sum of others: their rules are written by a controller.

Source: ``pkg/controller/clusterroleaggregation``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import selectors
from mcp_tools.targets.sandbox.rbac import CLUSTER_ROLES, Rule
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster


class ClusterRoleAggregation:
    """Keeps the rules of aggregated roles equal to those that their selectors find."""

    name = "clusterrole-aggregation-controller"

    def __init__(self, cluster: Cluster) -> None:
        self.store, self.api = cluster.store, cluster.api

    def interested(self, change: Change) -> Iterable[Ref]:
        """Every aggregated role, when any role changes."""
        if change.ref.key != CLUSTER_ROLES:
            return ()
        return [
            Ref(CLUSTER_ROLES, "", role["metadata"]["name"])
            for role in self.store.select(CLUSTER_ROLES)
            if role.get("aggregationRule")
        ]

    def reconcile(self, ref: Ref) -> None:
        """Write the rules anew when they differ."""
        role = self.store.at(ref)
        if role is None or not role.get("aggregationRule"):
            return
        found: list[Rule] = []
        for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
            for other in self.store.select(CLUSTER_ROLES):
                if other is not role and selectors.selects(selector, other["metadata"].get("labels")):
                    found.extend(rule for rule in other.get("rules") or () if rule not in found)
        have = role.get("rules") or []
        if len(have) == len(found) and all(rule in found for rule in have):
            return

        def change(new: Obj) -> None:
            new["rules"] = found

        self.api.edit(ref, change, manager="clusterrole-aggregation-controller")
