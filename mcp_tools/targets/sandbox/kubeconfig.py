"""The address of a served sandbox, and its kubeconfig with one context, named ``sandbox``."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTEXT = "sandbox"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """Where a served cluster is, and how to come in. The kubeconfig has its context ``sandbox``."""

    url: str
    token: str
    kubeconfig: Path


def document(url: str, token: str, authority: bytes, *, namespace: str = "default") -> dict[str, Any]:
    """The kubeconfig as data. ``authority`` is the certificate of the server, PEM."""
    certificate = base64.b64encode(authority).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": url, "certificate-authority-data": certificate}}],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}}],
        "current-context": CONTEXT,
        "preferences": {},
    }


def write(path: Path, url: str, token: str, authority: bytes) -> None:
    """Write the file with mode 0600, whole or not at all."""
    import yaml

    write_private(path, yaml.safe_dump(document(url, token, authority), sort_keys=False).encode())


def write_json(path: Path, data: Any) -> None:
    """Write data as JSON with mode 0600, whole or not at all."""
    write_private(path, json.dumps(data).encode())


def write_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600: a reader sees the old one or the new one, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp gives mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
