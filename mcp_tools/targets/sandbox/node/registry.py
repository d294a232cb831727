"""Registries, simulated: a few well-known public images can be pulled, the rest gives docker's refusals."""

from __future__ import annotations

import hashlib
import shlex
from typing import NamedTuple

from mcp_tools.targets.sandbox.node.names import Name

MIB = 1 << 20


class Known(NamedTuple):
    """A public image: what it does when it runs, and how large it is."""

    size: int
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    user: str = ""
    tags: tuple[str, ...] = ()
    """Tags as prefixes of versions: ``1.27`` stands for ``1.27``, ``1.27.3`` and ``1.27-alpine``."""


def _server(
    size: int, port: int | tuple[int, ...], *tags: str, entry: str = "", user: str = "", run: str = ""
) -> Known:
    ports = port if isinstance(port, tuple) else (port,)
    return Known(size * MIB, (entry,) if entry else (), tuple(shlex.split(run)), ports, user, tags)


_ENTRY = "docker-entrypoint.sh"
PUBLIC: dict[str, Known] = {
    "docker.io/library/nginx": _server(
        192, 80, "1.", "stable", "mainline", "alpine", entry="/docker-entrypoint.sh", run="nginx -g 'daemon off;'"
    ),
    "docker.io/nginxinc/nginx-unprivileged": _server(192, 8080, "1.", "stable", "alpine", user="101", run="nginx"),
    "docker.io/library/httpd": _server(148, 80, "2.4", "alpine", run="httpd-foreground"),
    "docker.io/library/caddy": _server(50, (80, 443), "2", "alpine", run="caddy run"),
    "docker.io/library/traefik": _server(190, 80, "v2", "v3", entry="/entrypoint.sh", run="traefik"),
    "docker.io/library/postgres": _server(276, 5432, "1", "alpine", entry=_ENTRY, run="postgres"),
    "docker.io/library/mysql": _server(590, (3306, 33060), "8", "9", "5.7", entry=_ENTRY, run="mysqld"),
    "docker.io/library/mariadb": _server(330, 3306, "10", "11", entry=_ENTRY, run="mariadbd"),
    "docker.io/library/redis": _server(117, 6379, "6", "7", "8", "alpine", entry=_ENTRY, run="redis-server"),
    "docker.io/library/memcached": _server(85, 11211, "1", "alpine", entry=_ENTRY, run="memcached"),
    "docker.io/library/mongo": _server(757, 27017, "4", "5", "6", "7", "8", entry=_ENTRY, run="mongod"),
    "docker.io/library/rabbitmq": _server(
        220, (4369, 5671, 5672, 15691, 15692, 25672), "3", "4", "management", entry=_ENTRY, run="rabbitmq-server"
    ),
    "docker.io/library/busybox": Known(4 * MIB, (), ("sh",), tags=("1.", "stable", "musl", "glibc", "uclibc")),
    "docker.io/library/alpine": Known(8 * MIB, (), ("/bin/sh",), tags=("3", "edge")),
    "docker.io/library/ubuntu": Known(78 * MIB, (), ("/bin/bash",), tags=("20.04", "22.04", "24.04", "noble", "jammy")),
    "docker.io/library/debian": Known(
        117 * MIB, (), ("bash",), tags=("11", "12", "13", "bookworm", "stable", "trixie")
    ),
    "docker.io/library/python": Known(160 * MIB, (), ("python3",), tags=("3.", "3", "slim", "alpine")),
    "docker.io/library/node": Known(220 * MIB, (_ENTRY,), ("node",), tags=("18", "20", "22", "24", "lts", "alpine")),
    "docker.io/library/golang": Known(800 * MIB, (), ("bash",), tags=("1.",)),
    "docker.io/library/perl": Known(900 * MIB, (), ("perl", "-de0"), tags=("5",)),
    "docker.io/library/hello-world": Known(10 * 1024, (), ("/hello",), tags=("linux",)),
    "docker.io/curlimages/curl": Known(22 * MIB, ("/entrypoint.sh",), ("curl",), user="curl_user", tags=("7", "8")),
    "docker.io/polinux/stress": Known(10 * MIB, (), ("/usr/local/bin/stress",)),
    "docker.io/kennethreitz/httpbin": _server(534, 80, run="gunicorn -b 0.0.0.0:80 httpbin:app"),
    "docker.io/hashicorp/http-echo": _server(8, 5678, "0.", "1.", entry="/http-echo"),
    "registry.k8s.io/pause": Known(736 * 1024, ("/pause",), user="65535:65535", tags=("3",)),
    "registry.k8s.io/e2e-test-images/agnhost": _server(140, 80, "2", entry="/agnhost", run="pause"),
    "gcr.io/google-samples/hello-app": _server(28, 8080, "1.0", "2.0", run="./hello-app"),
}

SYSTEM: dict[str, Known] = {
    "registry.k8s.io/kube-apiserver:v1.33.1": _server(102, 8443, run="kube-apiserver"),
    "registry.k8s.io/kube-controller-manager:v1.33.1": _server(95, 10257, run="kube-controller-manager"),
    "registry.k8s.io/kube-scheduler:v1.33.1": _server(73, 10259, run="kube-scheduler"),
    "registry.k8s.io/kube-proxy:v1.33.1": _server(98, 10256, run="/usr/local/bin/kube-proxy"),
    "registry.k8s.io/etcd:3.5.21-0": _server(153, (2379, 2380), run="etcd"),
    "registry.k8s.io/coredns/coredns:v1.12.0": _server(
        70, (53, 9153, 8080, 8181), entry="/coredns", user="nonroot:nonroot"
    ),
    "registry.k8s.io/pause:3.10": Known(736 * 1024, ("/pause",), user="65535:65535"),
    "gcr.io/k8s-minikube/storage-provisioner:v5": Known(31 * MIB, ("/storage-provisioner",)),
}
"""What a fresh Minikube has."""

_REGISTRIES = frozenset({"docker.io", "registry.k8s.io", "gcr.io", "ghcr.io", "quay.io", "mcr.microsoft.com"})
"""Hosts that answer; every other name does not resolve."""


def digest(text: str) -> str:
    """A digest that is always the same for that text."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def known(name: Name) -> Known | None:
    """The public image of that name and tag."""
    found = PUBLIC.get(name.repository)
    if found is None or name.digest:
        return None
    tag = name.tag
    if tag == "latest":
        return found
    for start in found.tags:
        rest = tag[len(start) :]
        if tag.startswith(start) and (not rest or _version(rest, after_dot=start.endswith("."))):
            return found
    return None


_SUFFIXES = frozenset(
    {"alpine", "slim", "bookworm", "bullseye", "trixie", "musl", "glibc", "perl", "management", "otel"}
)


def _version(rest: str, *, after_dot: bool) -> bool:
    """Whether what follows the known beginning of a tag is more digits and well-known words."""
    number, dash, words = rest.partition("-")
    if number and not number.replace(".", "").isdigit():
        return False
    if number and not after_dot and not number.startswith(".") and len(number) > 1:
        return False
    return not dash or all(word.rstrip("0123456789.") in _SUFFIXES for word in words.split("-"))


def refusal(name: Name, resolver: str) -> str:
    """What docker says when that image cannot be pulled."""
    if name.registry not in _REGISTRIES:
        host = address = name.registry
        bare = host.partition(":")[0]
        if bare in ("localhost", "127.0.0.1"):
            where = host if ":" in host else f"{host}:80"
            return (
                f'Error response from daemon: Get "http://{address}/v2/": dial tcp {where}: connect: connection refused'
            )
        missing = f"lookup {bare} on {resolver}: no such host"
        return f'Error response from daemon: Get "https://{address}/v2/": dial tcp: {missing}'
    if name.repository in PUBLIC:
        unknown = f"manifest for {name.familiar} not found: manifest unknown: manifest unknown"
        return f"Error response from daemon: {unknown}"
    if name.registry == "docker.io":
        return (
            f"Error response from daemon: pull access denied for {name.short}, repository does not exist or may require"
            " 'docker login': denied: requested access to the resource is denied"
        )
    if name.registry == "registry.k8s.io":
        missing = f"manifest for {name.familiar} not found: manifest unknown: Failed to fetch"
        return f'Error response from daemon: {missing} "{name.tag}"'
    return f'Error response from daemon: Head "https://{name.registry}/v2/{name.path}/manifests/{name.tag}": denied'
