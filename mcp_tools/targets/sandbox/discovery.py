"""What the server says of itself: versions, health, the lists of groups and resources, the OpenAPI documents.

Everything comes from the recorded documents of a Kubernetes 1.33. The group of the metrics server is added: it is an
add-on, which a cluster of its own does not list.
"""

from __future__ import annotations

import functools
import hashlib
import json
import lzma
from typing import Any

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.wire import NOTHING_THERE, Answer, Incoming, accepted, answer, dump, nothing_at

METRICS = "metrics.k8s.io/v1beta1"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
_METRICS_RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": METRICS,
    "resources": [
        {"name": "nodes", "singularName": "", "namespaced": False, "kind": "NodeMetrics", "verbs": ["get", "list"]},
        {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]},
    ],
}
HEALTH = (
    "ping",
    "log",
    "etcd",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/rbac/bootstrap-roles",
)


def serve(request: Incoming) -> Answer | None:
    """The answer when the path is one of these, or None."""
    path = request.path.rstrip("/") or "/"
    first = path.split("/")[1]
    if first in {"healthz", "livez", "readyz"}:
        return _health(path, request)
    if path == "/version":
        return answer(kinds.discovery()["version"])
    if path == "/":
        return answer({"paths": _paths()})
    if first == "openapi":
        return _openapi(path, request)
    if path in {"/api", "/apis"}:
        return _groups(path, request)
    parts = path.strip("/").split("/")
    if parts[0] == "apis" and len(parts) == 2:
        group = next((entry for entry in _group_list()["groups"] if entry["name"] == parts[1]), None)
        return NOTHING_THERE if group is None else answer({"kind": "APIGroup", "apiVersion": "v1", **group})
    if (parts[0] == "api" and len(parts) == 2) or (parts[0] == "apis" and len(parts) == 3):
        document = resources().get("/".join(parts))
        return nothing_at(path) if document is None else answer(document)
    return None


@functools.cache
def resources() -> dict[str, Any]:
    """The resource lists by the path of their group and version."""
    return {**kinds.discovery()["resources"], f"apis/{METRICS}": _METRICS_RESOURCES}


@functools.cache
def _group_list() -> dict[str, Any]:
    recorded = kinds.discovery()["groups"]
    version = {"groupVersion": METRICS, "version": "v1beta1"}
    metrics = {"name": "metrics.k8s.io", "versions": [version], "preferredVersion": version}
    return {**recorded, "groups": [*recorded["groups"], metrics]}


@functools.cache
def _paths() -> list[str]:
    found = {"/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"}
    for path in resources():
        found.add(f"/{path}")
        found.add(f"/{path.rpartition('/')[0]}")
    return sorted(found)


def _health(path: str, request: Incoming) -> Answer:
    first, _, check = path.strip("/").partition("/")
    if check:
        return Answer(200, b"ok", "text/plain; charset=utf-8") if check in HEALTH else NOTHING_THERE
    if not request.query.get("verbose"):
        return Answer(200, b"ok", "text/plain; charset=utf-8")
    lines = [f"[+]{name} ok" for name in HEALTH] + [f"{first} check passed", ""]
    return Answer(200, "\n".join(lines).encode(), "text/plain; charset=utf-8")


# -- groups and resources --------------------------------------------------------------------------------------------


def _groups(path: str, request: Incoming) -> Answer:
    for form in accepted(request.header("accept")):
        if form.kind == "APIGroupDiscoveryList" and form.group == "apidiscovery.k8s.io":
            if form.version in {"v2", "v2beta1"}:
                body, tag = _aggregated(path, form.version)
                media = AGGREGATED.format(version=form.version)
                return _cached(request, body, tag, media, [("Vary", "Accept")])
        elif not form.kind:
            break
    if path == "/apis":
        return answer(_group_list())
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": request.header("host")}]
    return answer({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses})


@functools.cache
def _aggregated(path: str, version: str) -> tuple[bytes, str]:
    """The aggregated discovery of one root, and its ETag."""
    items: list[dict[str, Any]] = []
    if path == "/api":
        items = [{"metadata": {"creationTimestamp": None}, "versions": [_version("v1", resources()["api/v1"])]}]
    else:
        for group in _group_list()["groups"]:
            name = group["name"]
            versions = [
                _version(entry["version"], resources()[f"apis/{entry['groupVersion']}"]) for entry in group["versions"]
            ]
            items.append({"metadata": {"name": name, "creationTimestamp": None}, "versions": versions})
    found = {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}}
    body = dump({**found, "items": items})
    return body, hashlib.sha512(body).hexdigest().upper()


def _version(version: str, document: dict[str, Any]) -> dict[str, Any]:
    """One version. Of what an entry answers, its group and version are named when they are others."""
    found: dict[str, dict[str, Any]] = {}
    for entry in document["resources"]:
        name, slash, below = entry["name"].partition("/")
        answers = {
            "group": entry.get("group", ""),
            "version": entry.get("version", ""),
            "kind": entry["kind"],
        }
        if slash:
            if name in found:
                lower = {"subresource": below, "responseKind": answers, "verbs": entry["verbs"]}
                found[name].setdefault("subresources", []).append(lower)
            continue
        made = {
            "resource": name,
            "responseKind": answers,
            "scope": "Namespaced" if entry["namespaced"] else "Cluster",
            "singularResource": entry["singularName"],
            "verbs": entry["verbs"],
        }
        for field in ("shortNames", "categories"):
            if entry.get(field):
                made[field] = entry[field]
        found[name] = made
    return {"version": version, "resources": list(found.values()), "freshness": "Current"}


# -- OpenAPI ---------------------------------------------------------------------------------------------------------


@functools.cache
def openapi() -> dict[str, bytes]:
    """The OpenAPI v3 document of each group and version, as JSON."""
    with lzma.open(kinds.DATA / "openapi.json.xz", "rt", encoding="utf-8") as file:
        documents = json.load(file)
    return {path: json.dumps(document, separators=(",", ":")).encode() for path, document in documents.items()}


@functools.cache
def _hashes() -> dict[str, str]:
    return {path: hashlib.sha512(body).hexdigest().upper() for path, body in sorted(openapi().items())}


def _openapi(path: str, request: Incoming) -> Answer:
    if path == "/openapi/v3":
        found = {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={digest}"} for name, digest in _hashes().items()}
        body = dump({"paths": found})
        return _cached(request, body, hashlib.sha512(body).hexdigest().upper(), "application/json", [])
    name = path.removeprefix("/openapi/v3/")
    if name not in openapi():
        return NOTHING_THERE
    accepted(request.header("accept"))
    given, right = request.one("hash"), _hashes()[name]
    if given and given != right:
        return Answer(301, headers=[("Location", f"/openapi/v3/{name}?hash={right}")])
    more = [("Cache-Control", "public, immutable"), ("Expires", "Wed, 01 Jan 2070 00:00:00 GMT")] if given else []
    return _cached(request, openapi()[name], right, "application/json", [*more, ("Vary", "Accept")])


def _cached(request: Incoming, body: bytes, tag: str, media: str, headers: list[tuple[str, str]]) -> Answer:
    """The document with its ETag; 304 without one when the client has this very document."""
    headers = [*headers, ("ETag", f'"{tag}"')]
    known = [part.strip().removeprefix("W/").strip('"') for part in request.header("if-none-match").split(",")]
    if tag in known:
        return Answer(304, content_type=media, headers=headers)
    return Answer(200, body, media, headers)
