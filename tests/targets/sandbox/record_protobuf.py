"""Record the field numbers of the Kubernetes API's protobuf messages, from the descriptors that kubectl carries.

    python -m tests.targets.sandbox.record_protobuf /usr/local/bin/kubectl

The clients of client-go 1.33 send some bodies as protobuf; the numbers are the contract, as the OpenAPI documents are
for JSON. Which fields are written inline in JSON is found by comparing with those documents.
"""

from __future__ import annotations

import json
import lzma
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.protobuf import DATA, PACKAGES, fields

MAPS = {".k8s.io.apimachinery.pkg.api.resource.Quantity": "quantity"}


def descriptors(binary: bytes) -> Iterator[bytes]:
    for found in re.finditer(b"\x1f\x8b\x08", binary):
        unpack = zlib.decompressobj(31)
        try:
            data = unpack.decompress(binary[found.start() : found.start() + 400_000])
        except zlib.error:
            continue
        if unpack.eof and data[:1] == b"\x0a" and b"k8s.io" in data[:80]:
            yield data


def properties() -> dict[str, set[str]]:
    with lzma.open(kinds.DATA / "openapi.json.xz", "rt") as file:
        documents = json.load(file)
    found: dict[str, set[str]] = {}
    for document in documents.values():
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            found[name] = set(schema.get("properties", ()))
    return found


def message(descriptor: bytes, name: str, known: dict[str, set[str]], out: dict[str, Any]) -> None:
    short = ""
    numbers: dict[int, list[Any]] = {}
    nested: list[bytes] = []
    for number, value in fields(descriptor):
        if number == 1:
            short = value.decode()
        elif number == 3:
            nested.append(value)
    full = f"{name}.{short}"
    maps = {f".{full}.{part[0]}": part[1] for part in map(map_entry, nested)}
    parts = full.split(".")
    schema = known.get(".".join(["io", "k8s", *parts[2:]]))
    for number, value in fields(descriptor):
        if number == 2:
            one = dict(fields(value))
            kind, reference = one[5], one.get(6, b"").decode()
            label = "repeated" if one[4] == 3 else ""
            if reference in maps:
                label, (kind, reference) = "map", maps[reference]
            field = one[1].decode()
            if kind == 11 and not label and schema and field not in schema:
                label = "inline"
            numbers[one[3]] = [field, kind, reference.removeprefix("."), label]
    out[full] = numbers


def map_entry(nested: bytes) -> tuple[str, tuple[int, str]]:
    name, value = "", (9, "")
    for number, part in fields(nested):
        if number == 1:
            name = part.decode()
        elif number == 2:
            one = dict(fields(part))
            if one[3] == 2:
                value = (one[5], one.get(6, b"").decode())
    return name, value


def main(binary: Path) -> None:
    known, out = properties(), dict[str, Any]()
    wanted = {*PACKAGES.values(), "k8s.io.apimachinery.pkg.apis.meta.v1", "k8s.io.apimachinery.pkg.runtime"}
    wanted |= {"k8s.io.apimachinery.pkg.api.resource", "k8s.io.apimachinery.pkg.util.intstr"}
    for data in descriptors(binary.read_bytes()):
        package = next((value.decode() for number, value in fields(data) if number == 2), "")
        if package in wanted:
            for number, value in fields(data):
                if number == 4:
                    message(value, package, known, out)
    text = json.dumps(dict(sorted(out.items())), separators=(",", ":"))
    DATA.write_bytes(lzma.compress(text.encode(), preset=9))
    print(f"{len(out)} messages, {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
