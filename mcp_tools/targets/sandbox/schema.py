"""The types of Kubernetes 1.33: fields, merge keys and list types, from the recorded OpenAPI documents.

``data/types.json.xz`` is what ``scripts/sandbox_types.py`` boils those documents down to. ``structural`` (decoding.py)
reads objects by them, patches and managed fields follow them.
"""

from __future__ import annotations

import functools
import json
import lzma
from typing import Any

from mcp_tools.targets.sandbox.kinds import DATA, Kind

STRUCT, LIST, MAP, STRING, BYTES, BOOL, INT32, INT64, DOUBLE, TIME, MICROTIME, QUANTITY, INTSTR, ANY = range(14)
_FORMS = {
    "struct": STRUCT,
    "list": LIST,
    "map": MAP,
    "string": STRING,
    "bytes": BYTES,
    "bool": BOOL,
    "int32": INT32,
    "int64": INT64,
    "double": DOUBLE,
    "time": TIME,
    "microtime": MICROTIME,
    "quantity": QUANTITY,
    "intstr": INTSTR,
    "any": ANY,
}
_GO = {
    STRING: "string",
    BYTES: "[]uint8",
    BOOL: "bool",
    INT32: "int32",
    INT64: "int64",
    DOUBLE: "float64",
    TIME: "v1.Time",
    MICROTIME: "v1.MicroTime",
    QUANTITY: "resource.Quantity",
    INTSTR: "int32",
    ANY: "runtime.RawExtension",
}
_NAMED = {
    "protocol": "v1.Protocol",
    "imagePullPolicy": "v1.PullPolicy",
    "restartPolicy": "v1.RestartPolicy",
    "dnsPolicy": "v1.DNSPolicy",
    "scheme": "v1.URIScheme",
    "terminationMessagePolicy": "v1.TerminationMessagePolicy",
    "sessionAffinity": "v1.ServiceAffinity",
    "pathType": "v1.PathType",
    "effect": "v1.TaintEffect",
    "concurrencyPolicy": "v1.ConcurrencyPolicy",
}
"""Go's names of the string types that enumerations have."""


class Field:
    """What a field, or an item of a list or a map, holds.

    ``list_type`` is ``map``, ``set`` or ``atomic`` with ``keys`` for ``map``; ``merge_key`` and ``strategies`` are
    those of strategic merges.
    """

    __slots__ = ("_type", "atomic", "enum", "fills", "form", "keys", "list_type", "merge_key", "of", "strategies")

    def __init__(self, written: dict[str, Any]) -> None:
        self.form = _FORMS[written["form"]]
        self.of: Field = Field(written["of"]) if "of" in written else self
        self._type: str = written.get("type", "")
        self.enum: bool = written.get("enum", False)
        self.fills = written.get("default") == {}
        self.list_type: str = written.get("list", "atomic" if self.form == LIST else "")
        self.keys: tuple[str, ...] = tuple(written.get("keys", ()))
        self.merge_key: str = written.get("merge", "")
        self.strategies: tuple[str, ...] = tuple(filter(None, written.get("strategy", "").split(",")))
        self.atomic: bool = bool(written.get("atomic")) or (self.form == LIST and self.list_type == "atomic")

    @property
    def struct(self) -> Struct:
        """The type, where the form is a struct."""
        return named(self._type)

    def whole(self) -> bool:
        """Whether it has one owner as a whole: scalars, atomic lists and maps, atomic types."""
        if self.form == STRUCT:
            return self.atomic or self.struct.atomic
        return self.atomic or self.form not in (LIST, MAP, ANY)

    def go(self, name: str = "") -> str:
        """The name of its Go type, as the decoder's errors give it."""
        if self.form == LIST:
            return f"[]{self.of.go()}"
        if self.form == MAP:
            return "v1.ResourceList" if self.of.form == QUANTITY else f"map[string]{self.of.go()}"
        if self.form == STRUCT:
            parts = self._type.rpartition(".")
            return f"{parts[0].rpartition('.')[2]}.{parts[2]}"
        return _NAMED.get(name, "string") if self.enum else _GO[self.form]


_KEPT = {"Role": {"rules"}, "ClusterRole": {"rules"}, "EndpointSlice": {"ports"}}
"""Lists that the server writes when they are empty, although they are not required."""


class Struct:
    """A type; ``fills`` are the structs that are always written, be they ``{}``; ``needed`` is what is required."""

    __slots__ = ("atomic", "fields", "fills", "name", "needed", "short")

    def __init__(self, name: str, written: dict[str, Any]) -> None:
        self.name = name
        self.short = name.rpartition(".")[2]
        self.fields = {field: Field(how) for field, how in written["fields"].items()}
        self.atomic: bool = written.get("atomic", False)
        self.fills = tuple(name for name, field in self.fields.items() if field.fills and field.form == STRUCT)
        self.needed = frozenset(field for field, how in written["fields"].items() if how.get("required"))
        self.needed |= _KEPT.get(self.short, frozenset())


@functools.cache
def _written() -> dict[str, Any]:
    with lzma.open(DATA / "types.json.xz", "rt", encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


@functools.cache
def named(name: str) -> Struct:
    """The type of that full name: ``io.k8s.api.core.v1.Pod``."""
    return Struct(name, _written()["types"][name] if name else _CUSTOM)


@functools.cache
def by_kind(api_version: str, kind: str) -> Struct | None:
    """The type of what says this of itself; None where no document describes it (custom resources)."""
    name = _written()["kinds"].get(f"{api_version}/{kind}")
    return named(name) if name else None


def of(kind: Kind) -> Struct | None:
    """The type of a kind; None where no document describes it."""
    return by_kind(kind.api_version, kind.kind)


ANYTHING = Field({"form": "any"})
"""What nothing is known of: maps are merged, lists are whole."""

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_CUSTOM = {
    "fields": {
        "apiVersion": {"form": "string"},
        "kind": {"form": "string"},
        "metadata": {"form": "struct", "type": _META, "default": {}},
    }
}
CUSTOM = Field({"form": "struct"})
"""An object of a kind that no document describes: only its metadata is known."""


def root(kind: Kind) -> Field:
    """A whole object of the kind as a field."""
    found = of(kind)
    return CUSTOM if found is None else Field({"form": "struct", "type": found.name})


def below(field: Field, name: str) -> Field:
    """What the field holds under that name; anything where it is not known."""
    if field.form == STRUCT:
        return field.struct.fields.get(name, ANYTHING)
    return field.of if field.form == MAP else ANYTHING


def empty(struct: Struct) -> dict[str, Any]:
    """What the server writes of one that was never set: ``{}`` for its structs."""
    found = {name: empty(struct.fields[name].struct) for name in struct.fills}
    if "metadata" in found:
        found["metadata"]["creationTimestamp"] = None
    return found


def fill(struct: Struct, value: dict[str, Any]) -> None:
    """Write the structs that the server always writes, in place."""
    for name in struct.fills:
        if name not in value:
            value[name] = empty(struct.fields[name].struct)


def structural(kind: Kind, obj: dict[str, Any], mode: str, warnings: list[str], **patched: Any) -> None:
    """``decoding.structural``: read an object as the server's decoder does, in place."""
    from mcp_tools.targets.sandbox import decoding

    decoding.structural(kind, obj, mode, warnings, **patched)
