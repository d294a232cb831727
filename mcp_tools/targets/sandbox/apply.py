"""Server-side apply and the managed fields that it rests on.

Source: apimachinery's ``managedfields`` and ``sigs.k8s.io/structured-merge-diff`` (version 4, that of Kubernetes 1.33).
"""

from __future__ import annotations

import copy
import json
from typing import Any

from mcp_tools.targets.sandbox import errors, fieldset, schema
from mcp_tools.targets.sandbox.apply_check import check
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.fieldset import SELF, Tree
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.managed import Managed, Manager
from mcp_tools.targets.sandbox.schema import Field, Struct

Obj = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_STRIPPED: Tree = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        SELF: {},
        **{
            f"f:{name}": {}
            for name in (
                "name",
                "namespace",
                "creationTimestamp",
                "selfLink",
                "uid",
                "clusterName",
                "generation",
                "managedFields",
                "resourceVersion",
            )
        },
    },
}
"""What no one owns."""

_NAMED: Tree = {"f:metadata": {"f:name": {}, "f:namespace": {}}}


# -- what is not owned -------------------------------------------------------------------------------------------------

_STATUS: Tree = {"f:status": {}}
_SPEC: Tree = {"f:spec": {}}
_OF_STATUS: dict[str, Tree] = {
    "pods": {"f:spec": {}, "f:metadata": {"f:deletionTimestamp": {}, "f:ownerReferences": {}}},
    "nodes": {"f:spec": {}},
    "deployments.apps": {"f:spec": {}, "f:metadata": {"f:labels": {}}},
    "replicasets.apps": {"f:spec": {}},
    "jobs.batch": {"f:spec": {}},
    "persistentvolumeclaims": {"f:spec": {}},
}


def _reset(kind: Kind, subresource: str) -> Tree:
    """What a request to that part of the object does not write."""
    if subresource == "status":
        return _OF_STATUS.get(kind.key, _SPEC)
    return _STATUS if "status" in kind.subresources and not subresource else {}


def _excluded(tree: Tree | None, reset: Tree) -> Tree | None:
    tree = fieldset.difference(tree, _STRIPPED)
    return fieldset.without(tree, reset) if reset else tree


def _plain(obj: Obj) -> Obj:
    """An object without its managed fields."""
    metadata = obj.get("metadata") or {}
    if "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}


def blank(struct: Struct, *, top: bool = True) -> Obj:
    """What the server starts from when it creates: its structs and required lists are there, and empty."""
    found: Obj = {}
    for name, field in struct.fields.items():
        if field.fills and field.form == schema.STRUCT:
            found[name] = blank(field.struct, top=False)
        elif field.form == schema.LIST and name in struct.needed:
            found[name] = []
    if "metadata" in found and not top:
        found["metadata"]["creationTimestamp"] = None
    return found


def _root(kind: Kind, obj: Obj) -> Field:
    """The type of an object, which may be stored in another version than it was sent in."""
    struct = schema.by_kind(obj.get("apiVersion", ""), obj.get("kind", ""))
    return schema.root(kind) if struct is None else Field({"form": "struct", "type": struct.name})


def _start(root: Field) -> Obj:
    return blank(root.struct) if root.form == schema.STRUCT else {"metadata": {}}


# -- updates -----------------------------------------------------------------------------------------------------------


def _given(old: Obj | None, new: Obj, subresource: str) -> Managed:
    """The managed fields that an update starts from: the client's when it sends some, not through a subresource."""
    live = (old or {}).get("metadata", {}).get("managedFields")
    sent = new.get("metadata", {}).get("managedFields")
    if subresource:
        return Managed.read(live)
    if sent is not None and len(sent) == 1 and not sent[0]:
        return Managed()
    managed = Managed.read(sent)
    return managed if managed.sets else Managed.read(live)


def updated(kind: Kind, old: Obj | None, new: Obj, manager: str, time: str, subresource: str = "") -> None:
    """Keep the managed fields of ``new`` after a create, an update or a patch, in place."""
    managed = _given(old, new, subresource)
    metadata = new.setdefault("metadata", {})
    if old is not None and not managed.sets:
        # An object that was never tracked is tracked from its first apply on.
        metadata.pop("managedFields", None)
        return
    root = _root(kind, new)
    _update(kind, root, managed, _start(root) if old is None else old, new, manager, time, subresource)
    managed.put(new)


def _update(
    kind: Kind, root: Field, managed: Managed, old: Obj, new: Obj, name: str, time: str, subresource: str
) -> None:
    found = fieldset.compare(root, _plain(old), _plain(new))
    reset = _reset(kind, subresource)
    written = _excluded(found.written, reset)
    managed.lose(written)
    managed.lose(_excluded(found.removed, reset))
    if written is not None:
        self = Manager(name, "Update", new.get("apiVersion", kind.api_version), subresource)
        before = managed.sets.get(self)
        managed.sets[self] = written if before is None else fieldset.union(written, before)
        managed.times[self] = time
    managed.cap()


# -- apply -------------------------------------------------------------------------------------------------------------


def _conflict(conflicts: list[tuple[Manager, str]]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for manager, path in conflicts
    ]
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        message = f"Apply failed with 1 conflict: conflict with {manager}: {path}"
    else:
        lines = []
        for manager in dict.fromkeys(manager for manager, _ in conflicts):
            lines.append(f"conflicts with {manager}:")
            lines += [f"- {path}" for owner, path in conflicts if owner == manager]
        message = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
    return ApiError(409, message, details={"causes": causes})


def _conflicts(managed: Managed, self: Manager, written: Tree | None) -> list[tuple[Manager, str]]:
    found = []
    for manager in sorted(managed.sets, key=lambda manager: manager.identity):
        if manager != self:
            shared = fieldset.intersection(managed.sets[manager], written)
            if shared is not None:
                found += [(manager, path) for path in fieldset.paths(shared)]
    return found


def _pruned(root: Field, merged: Obj, managed: Managed, last: Tree, said: Tree) -> Obj:
    """Without what the manager applied last time and does not say now, and nobody else owns."""

    def removed(value: Any, tree: Tree | None) -> Any:
        return value if tree is None else fieldset.remove(root, value, tree) or {}

    def whole(value: Any) -> Tree:
        return fieldset.named(root, fieldset.of(root, value))

    last = fieldset.named(root, last)
    everything = whole(merged)
    kept: Tree = whole(removed(merged, last))
    for tree in (said, *managed.sets.values()):
        kept = fieldset.union(kept, fieldset.named(root, tree)) if kept else fieldset.named(root, tree)
    kept = whole(removed(merged, fieldset.difference(everything, kept)))
    gone = fieldset.intersection(fieldset.difference(everything, kept) if kept else everything, last)
    found: Obj = removed(merged, gone)
    return found


def _allowed(root: Field, live: Obj) -> Tree | None:
    """What client-side apply wrote last and is still so: kubectl may take it over without a conflict."""
    text = (live.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        last = json.loads(text) if text else None
    except ValueError:
        return None
    if not isinstance(last, dict) or last.get("apiVersion") != live.get("apiVersion"):
        return None
    found = fieldset.compare(root, last, _plain(live))
    tree: Tree | None = fieldset.of(root, last)
    for part in (found.changed, found.added, found.removed):
        tree = fieldset.difference(tree, part)
    return tree


def apply(
    kind: Kind,
    live: Obj | None,
    applied: Obj,
    manager: str,
    force: bool,
    time: str,
    subresource: str = "",
) -> Obj:
    """The object after a server-side apply, with its managed fields, before defaults.

    Where nothing changes, it is equal to ``live``.

    Raises:
        ApiError: 409 with the conflicts; 400 or 500 where what is applied is not of the type.
    """
    if applied.get("metadata", {}).get("managedFields"):
        raise errors.bad_request("metadata.managedFields must be nil")
    root = _root(kind, applied)
    check(kind, root, applied)
    old = _start(root) if live is None else _plain(live)
    managed = Managed.read(live["metadata"].get("managedFields")) if live is not None else Managed()
    if live is not None and not managed.sets:
        _update(kind, root, managed, _start(root), live, "before-first-apply", time, "")
    reset = _reset(kind, subresource)
    self = Manager(manager, "Apply", applied.get("apiVersion", kind.api_version), subresource)
    last_of = managed.applier(manager, subresource)
    last = managed.sets.pop(last_of) if last_of is not None else None
    had = managed.times.pop(last_of, "") if last_of is not None else ""
    said = fieldset.of(root, applied)
    owned = _excluded(said, reset)
    new: Obj = fieldset.merge(root, old, applied)
    if owned is not None:
        managed.sets[self] = owned
    if last:
        new = _pruned(root, new, managed, last, fieldset.union(said, _NAMED))
    found = fieldset.compare(root, old, new)
    written, removed = _excluded(found.written, reset), _excluded(found.removed, reset)
    _settle(root, managed, self, written, live, force)
    managed.lose(written, but=self)
    managed.lose(removed, but=self)
    # An apply that changes nothing keeps the time, and has none where it is the first of its manager.
    if self in managed.sets and (had or not found.same):
        managed.times[self] = had if found.same else time
    made = copy.deepcopy(new)
    made.setdefault("metadata", {})
    if manager == "kubectl" and live is not None:
        _sync(made, live, applied)
    managed.put(made)
    return made


def _settle(root: Field, managed: Managed, self: Manager, written: Tree | None, live: Obj | None, force: bool) -> None:
    """Refuse what others own and this one would change."""
    if force:
        return
    conflicts = _conflicts(managed, self, written)
    if not conflicts:
        return
    if self.name == "kubectl" and live is not None:
        allowed = _allowed(root, live)
        if allowed is not None:
            free = set(fieldset.paths(allowed))
            conflicts = [(owner, path) for owner, path in conflicts if path not in free]
    if conflicts:
        raise _conflict(conflicts)


def _sync(made: Obj, live: Obj, applied: Obj) -> None:
    """Keep the annotation of client-side apply current, where it is there."""
    if not (live.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED):
        return
    plain = copy.deepcopy(_plain(applied))
    (plain.get("metadata", {}).get("annotations") or {}).pop(LAST_APPLIED, None)
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False, sort_keys=True) + "\n"
    made["metadata"].setdefault("annotations", {})[LAST_APPLIED] = text
