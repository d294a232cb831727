#!/usr/bin/env python3
"""Write the sandbox's types from the recorded OpenAPI documents: fields, forms, lists and merge keys, no prose.

    .venv/bin/python scripts/sandbox_types.py

The documents are five megabytes and take 70 ms to read; what this writes takes five.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "mcp_tools" / "targets" / "sandbox" / "data"
SCALARS: dict[Any, str] = {
    ("string", None): "string",
    ("string", "byte"): "bytes",
    ("boolean", None): "bool",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("number", "double"): "double",
}
SPECIAL = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "microtime",
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "intstr",
}
FLAGS = {
    "x-kubernetes-list-type": "list",
    "x-kubernetes-list-map-keys": "keys",
    "x-kubernetes-patch-merge-key": "merge",
    "x-kubernetes-patch-strategy": "strategy",
}


def reference(document: dict[str, Any]) -> str | None:
    """The name of the schema that is referred to."""
    inner = document["allOf"][0] if "allOf" in document else document
    return inner["$ref"].rpartition("/")[2] if "$ref" in inner else None


def shape(document: dict[str, Any], structs: set[str]) -> dict[str, Any]:
    """One field, or what a list or a map holds."""
    found: dict[str, Any] = {name: document[flag] for flag, name in FLAGS.items() if flag in document}
    if document.get("x-kubernetes-map-type") == "atomic":
        found["atomic"] = True
    if "default" in document:
        found["default"] = document["default"]
    name = reference(document)
    if name is not None:
        if name in structs:
            found.update(form="struct", type=name)
        else:
            found["form"] = SPECIAL.get(name, "any")
    elif document.get("type") == "array":
        found.update(form="list", of=shape(document["items"], structs))
    elif document.get("type") == "object" and "additionalProperties" in document:
        found.update(form="map", of=shape(document["additionalProperties"], structs))
    else:
        found["form"] = SCALARS.get((document.get("type"), document.get("format")), "any")
        if found["form"] == "string" and "enum" in document:
            found["enum"] = True
    return found


def main() -> None:
    """Read, boil down, write."""
    with lzma.open(DATA / "openapi.json.xz", "rt", encoding="utf-8") as file:
        documents = json.load(file)
    schemas: dict[str, Any] = {}
    for document in documents.values():
        schemas.update(document.get("components", {}).get("schemas", {}))
    structs = {name for name, schema in schemas.items() if "properties" in schema}
    types: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for name in sorted(structs):
        schema = schemas[name]
        required = set(schema.get("required", ()))
        fields = {}
        for field, document in schema["properties"].items():
            fields[field] = shape(document, structs)
            if field in required:
                fields[field]["required"] = True
        types[name] = {"fields": fields}
        if schema.get("x-kubernetes-map-type") == "atomic":
            types[name]["atomic"] = True
        own = schema.get("x-kubernetes-group-version-kind", ())
        if len(own) == 1:
            version = f"{own[0]['group']}/{own[0]['version']}".lstrip("/")
            kinds[f"{version}/{own[0]['kind']}"] = name
    text = json.dumps({"kinds": kinds, "types": types}, separators=(",", ":"))
    (DATA / "types.json.xz").write_bytes(lzma.compress(text.encode(), preset=9))


if __name__ == "__main__":
    main()
