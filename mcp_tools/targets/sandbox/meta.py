"""Who asks and how, and the metadata that the server itself writes into an object.

Source: ``rest.BeforeCreate``, ``rest.BeforeUpdate`` and ``names.SimpleNameGenerator`` of apiserver.
"""

from __future__ import annotations

import copy
import json
import marshal
import random
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp_tools.targets.sandbox import errors, kinds, patch
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.store import Obj, Store

MASTERS = "system:masters"
LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of generated names: no vowels, so that no words come about."""
GENERATED_BASE = 58
NAME_ATTEMPTS = 8
"""How often a generated name that is taken is made anew."""


@dataclass
class Request:
    """Who asks, and how. ``warnings`` is filled by the call: HTTP Warning headers."""

    user: str = "system:admin"
    groups: tuple[str, ...] = (MASTERS,)
    manager: str = "sandbox"
    dry_run: bool = False
    field_validation: Literal["Ignore", "Warn", "Strict"] = "Ignore"
    warnings: list[str] = field(default_factory=list)
    uid: str = ""
    extra: dict[str, list[str]] = field(default_factory=dict)

    @property
    def master(self) -> bool:
        """Whether everything is allowed: a member of ``system:masters``."""
        return MASTERS in self.groups

    def warn(self, text: str) -> None:
        """Add a warning once."""
        if text not in self.warnings:
            self.warnings.append(text)


@dataclass
class Page:
    """Part of a list, or all of it."""

    items: list[Obj]
    version: str
    continue_token: str = ""
    remaining: int | None = None


def new_uid() -> str:
    """A new UID."""
    return str(uuid.uuid4())


def generated(base: str) -> str:
    """A name that begins with that and ends with five random letters; 63 characters at most."""
    return base[:GENERATED_BASE] + suffix()


def free_name(store: Store, kind: Kind, namespace: str, base: str) -> str:
    """A generated name that is not taken, as far as a few attempts find one."""
    name = generated(base)
    for _ in range(NAME_ATTEMPTS - 1):
        if store.get(kind.key, namespace, name) is None:
            break
        name = generated(base)
    return name


def suffix(length: int = 5) -> str:
    """Random letters as they end generated names."""
    return "".join(random.choices(LETTERS, k=length))  # noqa: S311 (names, no secrets)


def own(value: Any) -> Any:
    """A deep copy of a body; one that marks fields that were named twice keeps its marks."""
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302 (what this process just wrote)
    except ValueError:
        return copy.deepcopy(value)


def plain(value: Any) -> Any:
    """The same as JSON data and nothing else; the value itself when it is that already."""
    try:
        marshal.dumps(value)
    except ValueError:
        return json.loads(json.dumps(value))
    return value


def without_nulls(value: Any) -> Any:
    """The same data without the keys that are null: to the server a null is a field that is not there."""
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [without_nulls(part) for part in value]
    return value


_PACKAGES = {"": "core", "rbac.authorization.k8s.io": "rbac", "authorization.k8s.io": "authorization"}
_OLD = frozenset(
    {"extensions/v1beta1", "apps/v1beta1", "apps/v1beta2", "batch/v1beta1", "policy/v1beta1", "events.k8s.io/v1beta1"}
    | {"networking.k8s.io/v1beta1", "autoscaling/v2beta1", "autoscaling/v2beta2", "rbac.authorization.k8s.io/v1beta1"}
)
"""Versions that are not served any more, and that the server still knows."""
_SCHEME = 'in scheme "pkg/runtime/scheme.go:110"'
_HEAD = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'


def check_type(kind: Kind, obj: Any, *, patched: bool = False) -> Obj:
    """The body with its kind at its beginning, as the server writes objects; what it does not say is filled in.

    Raises:
        ApiError: 400, it is of another kind than its URL; 422 when a patch made it so.
    """
    if not isinstance(obj, dict):
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get version/kind; json parse "
            f"error: json: cannot unmarshal {_go_type(obj)} into Go value of type {_HEAD} ({_summary(obj)})"
        )
    api_version, name = obj.get("apiVersion") or kind.api_version, obj.get("kind") or kind.kind
    if (api_version, name) != (kind.api_version, kind.kind):
        raise _other_kind(kind, obj, api_version, name, patched)
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    if not isinstance(obj["metadata"], dict):
        raise errors.bad_request(
            f'{name} in version "{kind.version}" cannot be handled as a {kind.kind}: json: cannot unmarshal '
            f"{_go_type(obj['metadata'])} into Go struct field {name}.metadata of type v1.ObjectMeta"
        )
    rest = {part: value for part, value in obj.items() if part not in ("kind", "apiVersion")}
    made: Any = type(obj)(kind=name, apiVersion=api_version, **rest)
    if type(obj) is not dict:
        made.names = getattr(obj, "names", ())
    if made["metadata"].get("managedFields") == []:
        # Emptied on purpose, which decoding would not show any more: nobody owns anything.
        made["metadata"]["managedFields"] = [{}]
    whole: Obj = made
    return whole


def applied_type(kind: Kind, obj: Any) -> Obj:
    """The same for the body of a server-side apply, which must say what it is.

    Raises:
        ApiError: 400.
    """
    if isinstance(obj, dict):
        api_version, name = str(obj.get("apiVersion", "")), obj.get("kind", "")
        if (api_version, name) != (kind.api_version, kind.kind):
            place = api_version if "/" in api_version else f"/{api_version}"
            raise errors.bad_request(f"invalid object type: {place}, Kind={name}")
    return check_type(kind, obj)


def _other_kind(kind: Kind, obj: Obj, api_version: Any, name: Any, patched: bool) -> ApiError:
    """The refusal of an object of another kind than its URL is for."""
    given = kinds.of(api_version, name) if isinstance(api_version, str) and isinstance(name, str) else None
    if (given is not None and given.key == kind.key) or (api_version in _OLD and name == kind.kind):
        return errors.bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version ({kind.api_version})"
        )
    if given is None:
        why = f'no kind "{name}" is registered for version "{api_version}" {_SCHEME}'
    else:
        package = _PACKAGES.get(kind.group, kind.group.partition(".")[0])
        why = f"converting ({given.version}.{name}) to ({package}.{kind.kind}): unknown conversion"
    if patched:
        shown = json.dumps({part: obj[part] for part in sorted(obj)}, separators=(",", ":"), ensure_ascii=False)
        return patch.refused(f"Invalid value: {json.dumps(shown, ensure_ascii=False)}: {why}")
    version = str(api_version).rpartition("/")[2]
    return errors.bad_request(f'{name} in version "{version}" cannot be handled as a {kind.kind}: {why}')


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array"


def _summary(value: Any) -> str:
    """The body in hexadecimal digits, the first thirty bytes of it."""
    data = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return f"{data[:30].hex()} ..." if len(data) > 30 else data.hex()


def place(kind: Kind, namespace: str, obj: Obj, name: str | None = None) -> None:
    """Make the object agree with the namespace and, when given, the name of the URL; refuse when it says otherwise."""
    meta = obj["metadata"]
    if kind.namespaced:
        if meta.get("namespace") and meta["namespace"] != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = namespace
    else:
        meta.pop("namespace", None)
    if name is not None:
        if meta.get("name") and meta["name"] != name:
            raise errors.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
            )
        meta["name"] = name


def begin(obj: Obj, stamp: str) -> None:
    """Fill what the server alone decides in a new object, and drop what a client may not say."""
    meta = obj["metadata"]
    for name in ("resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
        meta.pop(name, None)
    meta["uid"] = new_uid()
    meta["creationTimestamp"] = stamp


_STORED = {
    "services": "services/specs",
    "endpoints": "services/endpoints",
    "nodes": "minions",
    "replicationcontrollers": "controllers",
    "ingresses.networking.k8s.io": "ingress",
}
"""Where etcd has those that are not stored under their plural."""


def carry_over(kind: Kind, old: Obj, new: Obj, *, patched: bool) -> None:
    """Check the versions that an update names, and keep the metadata that no client changes.

    A PUT of another UID means another object; a patch that changes it is left to validation.
    """
    before, after = old["metadata"], new["metadata"]
    uid = after.get("uid")
    if uid and uid != before["uid"] and not patched:
        place = "/".join(part for part in (_STORED.get(kind.key, kind.plural), before.get("namespace")) if part)
        raise errors.conflict(
            kind,
            before["name"],
            f"StorageError: invalid object, Code: 4, Key: /registry/{place}/{before['name']}, ResourceVersion: 0, "
            f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
            f"UID in object meta: {before['uid']}",
        )
    version = after.get("resourceVersion")
    if version and not version.isdigit():
        raise ApiError(500, f'strconv.ParseUint: parsing "{version}": invalid syntax', reason="")
    if version and version != before["resourceVersion"]:
        raise errors.conflict(kind, before["name"], errors.STALE)
    after.setdefault("uid", before["uid"])
    for name in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        if name in before:
            after[name] = before[name]
        else:
            after.pop(name, None)
    after.pop("selfLink", None)
    after["resourceVersion"] = before["resourceVersion"]


def same_but_managers(old: Obj, new: Obj) -> bool:
    """Whether two states say the same, whoever manages the fields."""
    if old is new:
        return True
    for name in {*old, *new} - {"metadata"}:
        if old.get(name) != new.get(name):
            return False
    left = {name: value for name, value in old["metadata"].items() if name != "managedFields"}
    right = {name: value for name, value in new["metadata"].items() if name != "managedFields"}
    return left == right


def same_managers(old: Obj, new: Obj) -> bool:
    """Whether the same managers own the same fields, whenever they wrote them."""

    def untimed(obj: Obj) -> list[dict[str, Any]]:
        entries = obj["metadata"].get("managedFields") or ()
        return [{name: value for name, value in entry.items() if name != "time"} for entry in entries]

    return untimed(old) == untimed(new)


_ORDER = (
    *("name", "generateName", "selfLink", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers"),
    "managedFields",
)


def arranged(obj: Obj) -> Obj:
    """The object, its metadata in the order in which the server writes it; with a place for the version."""
    found = {**obj["metadata"], "resourceVersion": ""}
    obj["metadata"] = {name: found[name] for name in _ORDER if name in found}
    return obj
