"""Strict validation of manifests against the models of the installed kubernetes package: no cluster needed.

The package's models accept unknown fields on the way in, so those are looked for separately: a misspelt field would
otherwise be dropped in silence.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_tools.engines import manifests


def problems(item: Mapping[str, Any]) -> list[str]:
    """What is wrong with the object; empty when it is valid or its kind is not one of Kubernetes' own."""
    from pydantic import ValidationError

    name = manifests.label(item)
    model = model_of(item)
    if model is None:
        return []
    found = [f"{name}: unknown field {path}" for path in _unknown(model, item, "")]
    try:
        model.model_validate(dict(item))
    except ValidationError as error:
        for entry in error.errors()[:10]:
            where = ".".join(str(part) for part in entry["loc"])
            found.append(f"{name}: {where}: {entry['msg']}")
    return found


def model_of(item: Mapping[str, Any]) -> Any:
    """The package's model of the object's kind; None when it has none."""
    from kubernetes import client

    api, kind = str(item.get("apiVersion")), str(item.get("kind"))
    version = api.rsplit("/", 1)[-1]
    group = api.rpartition("/")[0]
    if "." in group and not group.endswith(".k8s.io"):
        return None  # somebody's own kind may share a name with one of Kubernetes'
    names = [f"{version[0].upper()}{version[1:]}{kind}", f"Core{version[0].upper()}{version[1:]}{kind}"]
    return next((getattr(client, name) for name in names if hasattr(client, name)), None)


def _unknown(model: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping) or not hasattr(model, "model_fields"):
        return
    fields = {
        (field.serialization_alias or field.alias or name): field.annotation
        for name, field in model.model_fields.items()
    }
    for key, part in value.items():
        here = f"{path}.{key}" if path else str(key)
        if key not in fields:
            yield here
            continue
        inner = _inner(fields[key])
        if isinstance(part, list):
            for index, entry in enumerate(part):
                yield from _unknown(inner, entry, f"{here}[{index}]")
        elif not _is_map(fields[key]):
            yield from _unknown(inner, part, here)


def _is_map(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(_is_map(part) for part in typing.get_args(annotation))
    return origin is dict


def _inner(annotation: Any) -> Any:
    """The model within Optional[...], List[...] and Annotated[...]."""
    args = [part for part in typing.get_args(annotation) if part is not type(None)]
    if typing.get_origin(annotation) is dict:
        return None
    return _inner(args[0]) if args else annotation
