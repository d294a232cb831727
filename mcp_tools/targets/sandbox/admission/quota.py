"""ResourceQuota: no more of anything than the namespace may have.

Source: ``apiserver/pkg/admission/plugin/resourcequota`` of Kubernetes. Usage is counted from the objects themselves, so
that it is right also where the status of a quota lags behind.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.admission import quota_usage as usage
from mcp_tools.targets.sandbox.admission.base import Action, Plugin, refused
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.quantity import Amounts
from mcp_tools.targets.sandbox.store import Obj, Store

QUOTAS = "resourcequotas"
UPDATED = frozenset({"services", "persistentvolumeclaims"})
"""Of other kinds an update counts nothing more."""


class ResourceQuota(Plugin):
    """Holds new objects against the quotas of their namespace."""

    def validate(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Refuse what would be too much."""
        if obj is None or subresource or not kind.namespaced or not self.store.count(QUOTAS):
            return
        if action == "DELETE" or (action == "UPDATE" and kind.key not in UPDATED):
            return
        for quota in self.store.select(QUOTAS, namespace):
            names = usage.concerns(quota, kind.key)
            if names and usage.in_scope(quota, kind.key, obj):
                self._check(quota, names, kind, obj, old)

    def _check(self, quota: Obj, names: list[str], kind: Kind, obj: Obj, old: Obj | None) -> None:
        title = quota["metadata"]["name"]
        if kind.key == "pods":
            missing = usage.unspecified(quota, obj)
            if missing:
                raise refused(kind, obj, f"failed quota: {title}: must specify {missing}")
        asked = usage.used_by(kind.key, obj, self.api.clock)
        if old is not None:
            before = usage.used_by(kind.key, old, self.api.clock)
            asked = quantity.subtract(asked, before)
        asked = {name: asked[name] for name in names if asked.get(name, quantity.ZERO) > quantity.ZERO}
        if not asked:
            return
        used = usage.total(quota, objects(self.store, quota), self.api.clock)
        hard = quantity.amounts(quota["spec"].get("hard"))
        over = [name for name in sorted(asked) if hard[name] < used[name] + asked[name]]
        if over:
            why = (
                f"exceeded quota: {title}, requested: {_listed(over, asked)}, used: {_listed(over, used)}, limited: "
                f"{_listed(over, hard)}"
            )
            raise refused(kind, obj, why)


def _listed(names: list[str], amounts: Amounts) -> str:
    return ",".join(f"{name}={amounts[name]}" for name in names)


def objects(store: Store, quota: Obj) -> Iterator[tuple[str, Obj]]:
    """The objects of the namespace that may count against the quota, with the names of their kinds."""
    for key in kinds_of(quota, store):
        for obj in store.select(key, quota["metadata"]["namespace"]):
            yield key, obj


def kinds_of(quota: Obj, store: Store) -> list[str]:
    """The kinds that count against the quota."""
    hard = quota["spec"].get("hard") or {}
    found = [key for key in usage.COUNTED if usage.concerns(quota, key)]
    counted = (name.removeprefix("count/") for name in hard if name.startswith("count/"))
    return [*found, *(key for key in counted if key not in found)]
