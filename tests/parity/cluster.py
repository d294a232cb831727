"""A cluster that cases run against: where it answers, and with which credentials."""

from __future__ import annotations

import base64
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml


@dataclass(frozen=True)
class Cluster:
    """``speed`` is how much faster than real its waits pass; ``token`` is empty where a client certificate is used."""

    name: str
    url: str
    kubeconfig: Path
    context: str
    token: str = ""
    tls: ssl.SSLContext | bool = True
    speed: float = 1.0
    ca: ssl.SSLContext | bool = field(default=True, repr=False)

    def client(self) -> httpx.Client:
        """A client that is the administrator."""
        headers = {"User-Agent": "parity-tests/1.0"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return httpx.Client(base_url=self.url, headers=headers, verify=self.tls, timeout=60, trust_env=False)

    def stranger(self) -> httpx.Client:
        """A client without credentials."""
        return httpx.Client(base_url=self.url, verify=self.ca, timeout=60, trust_env=False)


def _file(user: dict[str, Any], key: str, folder: Path) -> Path | None:
    """The file that the entry names; or one with what it holds."""
    if key in user:
        return Path(user[key])
    if f"{key}-data" not in user:
        return None
    made = folder / key
    made.touch(mode=0o600)
    made.write_bytes(base64.b64decode(user[f"{key}-data"]))
    return made


def of_kubeconfig(name: str, path: Path, context: str, *, speed: float = 1.0) -> Cluster:
    """The cluster of a context of a kubeconfig file, with a certificate of the client, or a token."""
    config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))

    def entry(kind: str, wanted: str) -> dict[str, Any]:
        found: dict[str, Any] = next(item[kind] for item in config[f"{kind}s"] if item["name"] == wanted)
        return found

    chosen = entry("context", context)
    server, user = entry("cluster", chosen["cluster"]), entry("user", chosen["user"])
    tls: ssl.SSLContext | bool = False
    ca: ssl.SSLContext | bool = False
    authority = server.get("certificate-authority")
    inline = base64.b64decode(server.get("certificate-authority-data", "")).decode() or None
    if authority or inline:
        ca = ssl.create_default_context(cafile=authority, cadata=inline)
        tls = ssl.create_default_context(cafile=authority, cadata=inline)
        with tempfile.TemporaryDirectory() as folder:  # ssl takes certificates of clients from files alone
            certificate = _file(user, "client-certificate", Path(folder))
            if certificate is not None:
                tls.load_cert_chain(certificate, _file(user, "client-key", Path(folder)))
    return Cluster(name, server["server"], path, context, user.get("token", ""), tls, speed, ca)
