"""Tables: what the server computes for ``kubectl get``, and the metadata-only forms of objects and lists."""

from __future__ import annotations

import functools
import json
import lzma
from collections.abc import Sequence
from typing import Any

from mcp_tools.targets.sandbox import kinds, tables_other, tables_pods, tables_system, tables_workloads
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.store import Obj
from mcp_tools.targets.sandbox.tables_common import NAME, Cells, column

Columns = tuple[dict[str, Any], ...]

PRINTERS: dict[str, tuple[Columns, Cells]] = {
    "pods": (tables_pods.COLUMNS, tables_pods.cells),
    "podtemplates": (tables_pods.TEMPLATE_COLUMNS, tables_pods.template_cells),
    **tables_workloads.PRINTERS,
    **tables_other.PRINTERS,
    **tables_system.PRINTERS,
}
"""Columns and cells by the key under which a kind is stored."""


def _plain(obj: Obj, now: float) -> list[Any]:
    meta = obj["metadata"]
    return [meta.get("name", ""), meta.get("creationTimestamp")]


PLAIN: tuple[Columns, Cells] = ((NAME, column("Created At", "date")), _plain)
"""What the API server shows of kinds without columns of their own."""

SCALE = "scale"
"""The name of the columns of a scale."""

STATUS = tuple(column(name) for name in ("Status", "Reason", "Message"))


@functools.cache
def _descriptions() -> dict[str, dict[str, str]]:
    """What columns are about, by key and name; ``*`` is for all. Written by ``scripts/sandbox_columns.py``."""
    with lzma.open(kinds.DATA / "columns.json.xz", "rt", encoding="utf-8") as file:
        found: dict[str, dict[str, str]] = json.load(file)
    return found


@functools.cache
def columns_of(key: str) -> list[dict[str, Any]]:
    """The columns of a kind, with their descriptions."""
    columns, _ = tables_workloads.SCALE if key == SCALE else PRINTERS.get(key, PLAIN)
    known = {**_descriptions()["*"], **_descriptions().get(key, {})}
    return [{**one, "description": known.get(one["name"], "")} for one in columns]


def table(
    kind: Kind,
    items: Sequence[Obj],
    now: float,
    *,
    include: str = "Metadata",
    meta: dict[str, Any] | None = None,
    headers: bool = True,
    version: str = "v1",
) -> Obj:
    """The Table of those objects. ``include`` is None, Metadata or Object, as in the query ``includeObject``."""
    key, (_, cells) = kind.key, PRINTERS.get(kind.key, PLAIN)
    if items and items[0].get("kind") == "Scale":
        key, (_, cells) = SCALE, tables_workloads.SCALE
    rows = []
    for obj in items:
        row: dict[str, Any] = {"cells": cells(obj, now)}
        if kind.key == "pods" and (found := tables_pods.conditions(obj)):
            row["conditions"] = found
        if include == "Object":
            row["object"] = obj
        elif include == "Metadata":
            row["object"] = partial(obj, version)
        else:
            row["object"] = None
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": meta or {},
        "columnDefinitions": columns_of(key) if headers else [],
        "rows": rows,
    }


def status_table(status: Obj, version: str = "v1") -> Obj:
    """A Status as a Table: what a deletion answers to who asked for a Table."""
    cells = [status.get("status", ""), status.get("reason", ""), status.get("message", "")]
    row = {"cells": cells, "object": status}
    head = {"kind": "Table", "apiVersion": f"meta.k8s.io/{version}", "metadata": {}}
    return {**head, "columnDefinitions": list(STATUS), "rows": [row]}


def partial(obj: Obj, version: str = "v1") -> Obj:
    """The metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": obj["metadata"]}


def partial_list(items: Sequence[Obj], meta: dict[str, Any], version: str = "v1") -> Obj:
    """The metadata of many."""
    head = {"kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{version}", "metadata": meta}
    return {**head, "items": [partial(obj, version) for obj in items]}
