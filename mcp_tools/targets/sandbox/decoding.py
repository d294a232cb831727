"""Reading an object as the API server's decoder does: unknown fields, types, and the canonical form of values.

Source: ``sigs.k8s.io/json``, apimachinery's serializers (strict decoding) and its unstructured converter, which reads
the result of a strategic merge and words its errors differently.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
from fractions import Fraction
from typing import Any

from mcp_tools.targets.sandbox import errors, quantity, schema
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.schema import Field, Struct

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
_PLAIN = re.compile(r"[A-Za-z0-9+/\r\n]*")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)\Z")
_INDEX = re.compile(r"\[[^\]]*\]")
_LIMITS = {schema.INT32: 2**31, schema.INT64: 2**63}
_RFC3339 = "2006-01-02T15:04:05Z07:00"


class Doubled(dict[str, Any]):
    """An object whose text names a field twice; the last one counts."""

    names: tuple[str, ...] = ()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    doubled = Doubled(found)
    doubled.names = tuple(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return doubled


def _no_constant(name: str) -> Any:
    """NaN and the infinities, which Python reads, are no JSON."""
    raise json.JSONDecodeError("Expecting value", name, 0)


def loads(text: str | bytes) -> Any:
    """JSON, with the fields that are named twice marked for ``structural``."""
    return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)


def doubled(value: Any, path: str = "") -> list[str]:
    """The paths of the fields that are named twice, for a document that ``structural`` does not read: a patch."""
    found: list[str] = []
    if isinstance(value, dict):
        if isinstance(value, Doubled):
            found += [f"{path}{name}" for name in dict.fromkeys(value.names)]
        for name, item in value.items():
            found += doubled(item, f"{path}{name}" + ("" if isinstance(item, list) else "."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += doubled(item, f"{path}[{index}]" + ("" if isinstance(item, list) else "."))
    return found


class _Refused(Exception):
    """The decoder's error, in its words."""


def _json_name(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _go_name(value: Any) -> str:
    names: dict[type, str] = {bool: "bool", int: "int64", float: "float64", str: "string", list: "slice"}
    return names.get(type(value), "map")


@functools.lru_cache(maxsize=4096)
def _canonical(written: str) -> str:
    return quantity.canonical(written)


def _quantity(value: Any) -> str:
    if isinstance(value, (dict, list, bool)):
        value = ""
    return _canonical(value if isinstance(value, str) else repr(value))


@functools.lru_cache(maxsize=4096)
def _rounded(written: str) -> str:
    amount = quantity.parse(written)
    thousandths = amount.amount * 1000
    if thousandths.denominator != 1:
        amount = quantity.Quantity(Fraction(amount.milli, 1000), amount.format)
    return str(amount)


def _amount(value: Any) -> str:
    """An amount in a list of resources: nothing there is smaller than a thousandth."""
    if isinstance(value, (dict, list, bool)):
        value = ""
    return _rounded(value if isinstance(value, str) else repr(value))


def _bytes(value: str) -> str:
    text = value.replace("\n", "").replace("\r", "")
    if _BASE64.match(text):
        return text
    raise ValueError(f"illegal base64 data at input byte {_corrupt(value)}")


def _corrupt(value: str) -> int:
    """Where Go's decoder stops: at a wrong character, at padding in a wrong place, or where the last quantum began."""
    good = _PLAIN.match(value)
    assert good is not None
    at = good.end()
    used = sum(1 for char in value[:at] if char not in "\r\n") % 4
    if at == len(value):
        return at - used
    if value[at] != "=" or used < 2:
        return at
    after = at + 1
    if used == 2:
        if after == len(value):
            return after
        if value[after] != "=":
            return at
        after += 1
    return after


def _time(value: str, micro: bool) -> str:
    found = _STAMP.match(value)
    if found is None:
        layout = "2006-01-02T15:04:05.000000Z07:00" if micro else _RFC3339
        raise ValueError(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"')
    whole, fraction, zone = found.groups()
    if zone == "Z" and fraction is None and not micro:
        return value
    try:
        moment = datetime.datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone)).astimezone(datetime.UTC)
    except ValueError:
        raise ValueError(f'parsing time "{value}": out of range') from None
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{(fraction or '').ljust(6, '0')[:6]}Z" if micro else f"{text}Z"


class _Reader:
    """One object being read. ``converter``: it is the result of a strategic merge."""

    def __init__(self, converter: bool) -> None:
        self.converter = converter
        self.strict: list[str] = []
        self.pruned: list[tuple[dict[str, Any], str, Any]] = []

    def refuse(self, value: Any, field: Field, owner: Struct, name: str, path: str) -> _Refused:
        """A value of the wrong type."""
        if self.converter:
            return _Refused(self._unconvertible(value, field, name))
        said = _json_name(value)
        if said == "number" and (field.form in _LIMITS or field.form == schema.INTSTR):
            said = f"number {value!r}"
        place = _INDEX.sub("", path)
        return _Refused(
            f"json: cannot unmarshal {said} into Go struct field {owner.short}.{place} of type {field.go(name)}"
        )

    @staticmethod
    def _unconvertible(value: Any, field: Field, name: str) -> str:
        if field.form == schema.STRUCT:
            return f"cannot restore struct from: {_go_name(value)}"
        if field.form in (schema.LIST, schema.MAP):
            return f"cannot restore {'slice' if field.form == schema.LIST else 'map'} from {_go_name(value)}"
        numbers = type(value) in (int, float)
        if numbers and field.form in (schema.STRING, *_LIMITS, schema.DOUBLE):
            return f"cannot convert {_go_name(value)} to {field.go(name)}"
        if field.form == schema.INTSTR:
            return f"json: cannot unmarshal {_json_name(value)} into Go value of type int32"
        return f"unrecognized type: {field.go() if not field.enum else 'string'}"

    def struct(self, struct: Struct, value: dict[str, Any], path: str) -> None:
        """Read every field, in place."""
        fields = struct.fields
        if type(value) is Doubled:
            self.strict += [f'duplicate field "{path}{name}"' for name in value.names]
        for name in list(value):
            field = fields.get(name)
            item = value[name]
            if field is None:
                self.strict.append(f'unknown field "{path}{name}"')
                self.pruned.append((value, name, item))
                del value[name]
                continue
            if item is None:
                del value[name]
                continue
            form = field.form
            if form == schema.STRING:
                if type(item) is not str:
                    raise self.refuse(item, field, struct, name, path + name)
            elif form == schema.STRUCT:
                if not isinstance(item, dict):
                    raise self.refuse(item, field, struct, name, path + name)
                self.struct(field.struct, item, f"{path}{name}.")
            elif form == schema.LIST:
                if not isinstance(item, list):
                    raise self.refuse(item, field, struct, name, path + name)
                if not item and name not in struct.needed:
                    del value[name]
                else:
                    self.items(field.of, item, struct, name, path + name)
            elif form == schema.MAP:
                if not isinstance(item, dict):
                    raise self.refuse(item, field, struct, name, path + name)
                if type(item) is Doubled:
                    self.strict += [f'duplicate field "{path}{name}.{key}"' for key in item.names]
                if not item and name not in struct.needed:
                    del value[name]
                else:
                    self.entries(field.of, item, struct, name, path + name)
            elif form != schema.ANY:
                value[name] = self.scalar(field, item, struct, name, path + name)
        schema.fill(struct, value)
        if path and "metadata" in struct.fills:
            # Of embedded metadata the server always writes the time, be it null.
            value["metadata"].setdefault("creationTimestamp", None)

    def items(self, of: Field, items: list[Any], owner: Struct, name: str, path: str) -> None:
        """Read the items of a list, in place."""
        if of.form == schema.STRUCT:
            struct = of.struct
            for index, item in enumerate(items):
                if item is None:
                    item = items[index] = {}
                if not isinstance(item, dict):
                    raise self.refuse(item, of, owner, name, path)
                self.struct(struct, item, f"{path}[{index}].")
        elif of.form != schema.ANY:
            for index, item in enumerate(items):
                items[index] = self.value(of, item, owner, name, f"{path}[{index}]")

    def entries(self, of: Field, entries: dict[str, Any], owner: Struct, name: str, path: str) -> None:
        """Read the values of a map, in place."""
        if of.form == schema.ANY:
            return
        if of.form == schema.STRING:
            for key, item in entries.items():
                if type(item) is not str:
                    entries[key] = self.value(of, item, owner, name, path)
            return
        if of.form == schema.QUANTITY:
            for key, item in entries.items():
                entries[key] = "0" if item is None else self.told(_amount, item)
            return
        for key, item in entries.items():
            entries[key] = self.value(of, item, owner, name, path)

    def value(self, of: Field, item: Any, owner: Struct, name: str, path: str) -> Any:
        """An item of a list or of a map."""
        if item is None:
            zero: dict[int, Any] = {schema.STRUCT: {}, schema.STRING: "", schema.BYTES: "", schema.QUANTITY: "0"}
            return zero.get(of.form, 0)
        if of.form == schema.STRUCT:
            if not isinstance(item, dict):
                raise self.refuse(item, of, owner, name, path)
            self.struct(of.struct, item, f"{path}.")
            return item
        if of.form in (schema.LIST, schema.MAP):
            if not isinstance(item, list if of.form == schema.LIST else dict):
                raise self.refuse(item, of, owner, name, path)
            if isinstance(item, list):
                self.items(of.of, item, owner, name, path)
            else:
                self.entries(of.of, item, owner, name, path)
            return item
        return self.scalar(of, item, owner, name, path)

    def scalar(self, field: Field, item: Any, owner: Struct, name: str, path: str) -> Any:
        """A value without parts, in its canonical form."""
        form = field.form
        if form in _LIMITS:
            if type(item) is not int or not -_LIMITS[form] <= item < _LIMITS[form]:
                raise self.refuse(item, field, owner, name, path)
        elif form == schema.BOOL:
            if type(item) is not bool:
                raise self.refuse(item, field, owner, name, path)
        elif form == schema.QUANTITY:
            return self.told(_quantity, item)
        elif form == schema.INTSTR:
            if type(item) is not str and (type(item) is not int or not -(2**31) <= item < 2**31):
                raise self.refuse(item, field, owner, name, path)
        elif form == schema.DOUBLE:
            if type(item) not in (int, float):
                raise self.refuse(item, field, owner, name, path)
        elif type(item) is not str:
            raise self.refuse(item, field, owner, name, path)
        elif form == schema.BYTES:
            return self.told(_bytes, item)
        elif form in (schema.TIME, schema.MICROTIME):
            return self.told(functools.partial(_time, micro=form == schema.MICROTIME), item)
        return item

    @staticmethod
    def told(make: Any, item: Any) -> Any:
        """What a type of its own makes of it; its errors have no path."""
        try:
            return make(item)
        except ValueError as error:
            raise _Refused(str(error)) from None


def _marshalled(value: Any, patch: Any) -> Any:
    """An object as json-patch writes it: what the patch went through is sorted, the rest is as it was."""
    if not isinstance(value, dict):
        return value
    below = patch if isinstance(patch, dict) else {}
    return {name: _marshalled(value[name], below[name]) if name in below else value[name] for name in sorted(value)}


def _refusal(kind: Kind, obj: dict[str, Any], reader: _Reader, why: str, patch_type: str, patch: Any) -> ApiError:
    """The answer: 400 for a body, 422 for what a patch leads to."""
    from mcp_tools.targets.sandbox import patch as patches

    if not patch_type:
        said = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}'
        return errors.bad_request(said)
    for owner, name, value in reader.pruned:
        owner[name] = value
    if patch_type == "strategic":
        shown = patches.printed(patch)
    else:
        shown = json.dumps(_marshalled(obj, patch), separators=(",", ":"), ensure_ascii=False)
    return patches.refused(f"Invalid value: {json.dumps(shown, ensure_ascii=False)}: {why}")


def structural(
    kind: Kind, obj: dict[str, Any], mode: str, warnings: list[str], *, patch_type: str = "", patch: Any = None
) -> None:
    """Prune unknown fields, check types, write values canonically, all in place.

    ``mode`` is the field validation: ``Strict`` refuses unknown and doubled fields, ``Warn`` names them in
    ``warnings``, ``Ignore`` says nothing. ``patch_type`` (json, merge or strategic) and ``patch`` word the refusal of
    what a patch led to.

    Raises:
        ApiError: 400 for a body, 422 for the result of a patch.
    """
    struct = schema.of(kind)
    if struct is None:
        _metadata_only(kind, obj, mode, warnings)
        return
    reader = _Reader(patch_type == "strategic")
    try:
        reader.struct(struct, obj, "")
    except _Refused as error:
        raise _refusal(kind, obj, reader, str(error), patch_type, patch) from None
    if reader.strict and mode == "Strict":
        raise _refusal(kind, obj, reader, f"strict decoding error: {', '.join(reader.strict)}", patch_type, patch)
    if mode == "Warn":
        warnings += reader.strict


def _metadata_only(kind: Kind, obj: dict[str, Any], mode: str, warnings: list[str]) -> None:
    """A kind that no document describes: only its metadata is read."""
    held = {"metadata": obj.get("metadata")}
    reader = _Reader(False)
    try:
        reader.struct(schema.CUSTOM.struct, held, "")
    except _Refused as error:
        raise _refusal(kind, obj, reader, str(error), "", None) from None
    if reader.strict and mode == "Strict":
        raise _refusal(kind, obj, reader, f"strict decoding error: {', '.join(reader.strict)}", "", None)
    if mode == "Warn":
        warnings += reader.strict
    obj["metadata"] = held["metadata"]
