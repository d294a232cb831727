"""Bodies in protobuf, which the typed clients of client-go send: read into the same data that JSON gives.

Source: the envelope of apimachinery's ``serializer/protobuf`` (``k8s\\0`` and a ``runtime.Unknown``), and the field
numbers of ``generated.proto``, recorded from the descriptors in kubectl 1.33. Answers are JSON, which every such client
takes as well.
"""

from __future__ import annotations

import base64
import datetime
import functools
import json
import lzma
import struct
from collections.abc import Iterator
from typing import Any

from mcp_tools.targets.sandbox import kinds

DATA = kinds.DATA / "protobuf.json.xz"
MEDIA = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
_API, _META = "k8s.io.api", "k8s.io.apimachinery.pkg.apis.meta.v1"
PACKAGES = {
    "v1": f"{_API}.core.v1",
    "apps/v1": f"{_API}.apps.v1",
    "batch/v1": f"{_API}.batch.v1",
    "autoscaling/v1": f"{_API}.autoscaling.v1",
    "autoscaling/v2": f"{_API}.autoscaling.v2",
    "policy/v1": f"{_API}.policy.v1",
    "networking.k8s.io/v1": f"{_API}.networking.v1",
    "rbac.authorization.k8s.io/v1": f"{_API}.rbac.v1",
    "storage.k8s.io/v1": f"{_API}.storage.v1",
    "scheduling.k8s.io/v1": f"{_API}.scheduling.v1",
    "coordination.k8s.io/v1": f"{_API}.coordination.v1",
    "node.k8s.io/v1": f"{_API}.node.v1",
    "discovery.k8s.io/v1": f"{_API}.discovery.v1",
    "events.k8s.io/v1": f"{_API}.events.v1",
    "authentication.k8s.io/v1": f"{_API}.authentication.v1",
    "authorization.k8s.io/v1": f"{_API}.authorization.v1",
    "certificates.k8s.io/v1": f"{_API}.certificates.v1",
    "admissionregistration.k8s.io/v1": f"{_API}.admissionregistration.v1",
    "flowcontrol.apiserver.k8s.io/v1": f"{_API}.flowcontrol.v1",
    "apiextensions.k8s.io/v1": "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1",
    "apiregistration.k8s.io/v1": "k8s.io.kube_aggregator.pkg.apis.apiregistration.v1",
}
"""The package of each version's messages."""
_OF_META = frozenset({"DeleteOptions", "Status", "CreateOptions", "UpdateOptions", "PatchOptions", "ListOptions"})
_VALUES = frozenset(
    {
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "readOnly",
        "stdin",
        "stdinOnce",
        "tty",
        "unschedulable",
        "publishNotReadyAddresses",
        "paused",
        "minReadySeconds",
        "hostPort",
        "nodePort",
        "healthCheckNodePort",
        "generation",
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
        "globalDefault",
        "observedGeneration",
        "orphanDependents",
    }
)
"""Numbers and booleans that are no pointers in Go: they are always sent, and JSON leaves their zeros out."""
_POINTERS = frozenset({"storageClassName", "ingressClassName"})
"""Strings that are pointers in Go: empty is not the same as absent."""
Table = dict[int, tuple[str, int, str, str]]


class Broken(ValueError):
    """The bytes are no such message."""


@functools.cache
def _messages() -> dict[str, Table]:
    with lzma.open(DATA, "rt") as file:
        recorded = json.load(file)
    return {name: {int(number): tuple(field) for number, field in table.items()} for name, table in recorded.items()}


def decode(body: bytes) -> dict[str, Any]:
    """The object in a body.

    Raises:
        Broken: it is none, or of a kind that is not known.
    """
    if not body.startswith(MAGIC):
        raise Broken("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        envelope = dict(fields(body[len(MAGIC) :]))
        named = dict(fields(envelope.get(1, b"")))
        api_version, kind = named.get(1, b"").decode(), named.get(2, b"").decode()
        package = _META if kind in _OF_META else PACKAGES.get(api_version, "")
        if f"{package}.{kind}" not in _messages():
            raise Broken(f'no kind "{kind}" is registered for version "{api_version}"')
        found = _message(envelope.get(2, b""), f"{package}.{kind}")
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise Broken(f"unexpected EOF: {error}") from error
    return {"apiVersion": api_version, "kind": kind, **found}


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message as they stand on the wire: number, and an integer or bytes."""
    place, end = 0, len(data)
    while place < end:
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, place = _varint(data, place)
            yield number, value
        elif wire == 2:
            size, place = _varint(data, place)
            if place + size > end:
                raise Broken("unexpected EOF")
            yield number, data[place : place + size]
            place += size
        elif wire in {1, 5}:
            size = 8 if wire == 1 else 4
            yield number, data[place : place + size]
            place += size
        else:
            raise Broken(f"wire type {wire} is not known")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _message(data: bytes, name: str) -> Any:
    """A message as JSON data."""
    special = _SPECIAL.get(name.rpartition(".")[2]) if name.startswith("k8s.io.api") else None
    if special is not None:
        return special(data)
    table = _messages().get(name, {})
    found: dict[str, Any] = {}
    for number, raw in fields(data):
        if number not in table:
            continue
        field, kind, reference, label = table[number]
        if label == "map":
            key, value = _entry(raw, kind, reference)
            found.setdefault(field, {})[key] = value
        elif label == "repeated":
            found.setdefault(field, []).append(_value(raw, kind, reference))
        elif label == "inline":
            found.update(_message(raw, reference))
        else:
            value = _value(raw, kind, reference)
            if not _absent(field, kind, value):
                found[field] = value
    return found


def _absent(field: str, kind: int, value: Any) -> bool:
    """Whether JSON leaves that value out."""
    if value is None:
        return True
    if kind == 9:
        return value == "" and field not in _POINTERS
    return kind != 11 and not value and field in _VALUES


def _entry(raw: bytes, kind: int, reference: str) -> tuple[str, Any]:
    parts = dict(fields(raw))
    empty: Any = b"" if kind in {9, 11, 12} else 0
    return parts.get(1, b"").decode(), _value(parts.get(2, empty), kind, reference)


def _value(raw: Any, kind: int, reference: str) -> Any:
    if kind == 11:
        return _message(raw, reference)
    if kind == 9:
        return raw.decode()
    if kind == 12:
        return base64.b64encode(raw).decode()
    if kind == 8:
        return bool(raw)
    if kind in {1, 2}:
        return struct.unpack("<d" if kind == 1 else "<f", raw)[0]
    return raw - (1 << 64) if raw >= 1 << 63 else raw


# -- messages that JSON writes as something else ---------------------------------------------------------------------


def _time(data: bytes) -> str | None:
    parts = dict(fields(data))
    if 1 not in parts:
        return None
    return _moment(parts).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro(data: bytes) -> str | None:
    parts = dict(fields(data))
    if 1 not in parts:
        return None
    exact = _moment(parts) + datetime.timedelta(microseconds=parts.get(2, 0) // 1000)
    return exact.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(parts: dict[int, Any]) -> datetime.datetime:
    seconds = _value(parts[1], 3, "")
    return datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(seconds=seconds)


def _quantity(data: bytes) -> str:
    return str(dict(fields(data)).get(1, b"0").decode())


def _int_or_string(data: bytes) -> int | str:
    parts = dict(fields(data))
    text: str = parts.get(3, b"").decode()
    return text if parts.get(1) else _value(parts.get(2, 0), 5, "")


def _raw(data: bytes) -> Any:
    return json.loads(dict(fields(data)).get(1, b"null") or b"null")


def _strings(data: bytes) -> list[str]:
    return [value.decode() for number, value in fields(data) if number == 1]


_SPECIAL = {
    "ExtraValue": _strings,
    "Time": _time,
    "MicroTime": _micro,
    "Quantity": _quantity,
    "IntOrString": _int_or_string,
    "FieldsV1": _raw,
    "RawExtension": _raw,
    "JSON": _raw,
}
