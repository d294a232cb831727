"""The entries of ``metadata.managedFields``: who owns which fields.

Source: apimachinery's ``managedfields`` of Kubernetes 1.33.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from mcp_tools.targets.sandbox import fieldset
from mcp_tools.targets.sandbox.fieldset import Tree

Obj = dict[str, Any]
MOST_UPDATERS = 10


class Manager(NamedTuple):
    """Who owns a set: one entry of managedFields without its time and fields."""

    name: str
    operation: str
    version: str
    subresource: str

    @property
    def identity(self) -> str:
        """The text by which the server sorts managers."""
        parts = {"manager": self.name, "operation": self.operation}
        if self.operation == "Update":
            parts["apiVersion"] = self.version
        if self.subresource:
            parts["subresource"] = self.subresource
        return json.dumps(parts)

    def __str__(self) -> str:
        text = json.dumps(self.name)
        if self.subresource:
            text += f" with subresource {json.dumps(self.subresource)}"
        return f"{text} using {self.version}" if self.operation == "Update" else text


class Managed:
    """The managed fields of one object."""

    def __init__(self) -> None:
        self.sets: dict[Manager, Tree] = {}
        self.times: dict[Manager, str] = {}

    @classmethod
    def read(cls, entries: list[Obj] | None) -> Managed:
        """What an object's managedFields say; entries that say nothing are left out."""
        found = cls()
        for entry in entries or ():
            if entry.get("operation") not in ("Apply", "Update") or not isinstance(entry.get("fieldsV1"), dict):
                continue
            manager = Manager(
                entry.get("manager", ""), entry["operation"], entry.get("apiVersion", ""), entry.get("subresource", "")
            )
            found.sets[manager] = entry["fieldsV1"]
            if entry.get("time"):
                found.times[manager] = entry["time"]
        return found

    def applier(self, name: str, subresource: str) -> Manager | None:
        """The entry of one that applies, whatever version it applied last."""
        for manager in self.sets:
            if manager.operation == "Apply" and (manager.name, manager.subresource) == (name, subresource):
                return manager
        return None

    def written(self) -> list[Obj]:
        """The entries in the server's order: appliers first, then by time and name."""
        found = []
        for manager, tree in self.sets.items():
            entry: Obj = {"manager": manager.name, "operation": manager.operation, "apiVersion": manager.version}
            if manager in self.times:
                entry["time"] = self.times[manager]
            entry["fieldsType"] = "FieldsV1"
            entry["fieldsV1"] = tree
            if manager.subresource:
                entry["subresource"] = manager.subresource
            found.append(entry)
        found.sort(
            key=lambda entry: (
                entry["operation"],
                entry.get("time", ""),
                entry["manager"],
                entry["apiVersion"],
                entry.get("subresource", ""),
            )
        )
        return found

    def put(self, obj: Obj) -> None:
        """Write them into an object."""
        entries = self.written()
        if entries:
            obj["metadata"]["managedFields"] = entries
        else:
            obj["metadata"].pop("managedFields", None)

    def lose(self, tree: Tree | None, but: Manager | None = None) -> None:
        """Take what is in the tree from everyone but one."""
        if tree is None:
            return
        for manager, owned in list(self.sets.items()):
            if manager != but:
                left = fieldset.difference(owned, tree)
                if left is None:
                    del self.sets[manager]
                elif left is not owned:
                    self.sets[manager] = left

    def cap(self) -> None:
        """Merge the oldest updaters while there are more than ten."""
        updaters = [manager for manager in self.sets if manager.operation == "Update"]
        updaters.sort(key=lambda manager: (self.times.get(manager, ""), manager.identity))
        count = len(updaters)
        first: dict[str, Manager] = {}
        for manager in updaters:
            if count <= MOST_UPDATERS:
                return
            before = first.setdefault(manager.version, manager)
            if before is manager:
                continue
            bucket = Manager("ancient-changes", "Update", manager.version, "")
            if bucket not in self.sets:
                self.sets[bucket] = self.sets.pop(before)
            self.sets[bucket] = fieldset.union(self.sets[bucket], self.sets.pop(manager))
            self.times[bucket] = self.times.get(manager, "")
            count -= 1
