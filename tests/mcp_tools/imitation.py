"""A small application in memory: the objects of its namespace and an API that can be broken in one way at a time."""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from mcp_tools.engines.kube_exec import ProbeResult, TcpResult
from mcp_tools.guard.permit import issue
from mcp_tools.tools import check_tokens
from mcp_tools.world import Call

KEY = "a-signing-key-that-is-long-enough-0123456789"
NAMESPACE = "shop"
APPLICATION: dict[str, Any] = {
    "apiVersion": "longshore.dev/v1",
    "kind": "Application",
    "metadata": {"name": "shop"},
    "spec": {
        "namespace": NAMESPACE,
        "services": [
            {
                "name": "api",
                "context": "api",
                "port": 8000,
                "env": {"PORT": "8000"},
                "secretEnv": {"JWT_SECRET": {"secret": "shop-secrets", "key": "jwt"}},
            },
            {"name": "web", "context": "web", "port": 3000, "dependsOn": ["api"]},
        ],
        "checks": {
            "endpoints": [{"service": "api", "path": "/api/todos", "authenticated": True}],
            "auth": {
                "protected": {"service": "api", "path": "/api/todos"},
                "secret": {"secret": "shop-secrets", "key": "jwt"},
                "issuer": "shop",
                "audience": "shop-api",
                "signUp": {"service": "web", "method": "POST", "path": "/sign-up"},
                "signIn": {"service": "web", "method": "POST", "path": "/sign-in"},
                "token": {"service": "web", "path": "/token"},
            },
            "chat": {
                "chat": {"service": "api", "method": "POST", "path": "/api/chat", "authenticated": True},
                "tools": {"service": "api", "path": "/tools"},
                "expectTools": ["add_todo"],
            },
            "persistence": {
                "write": {
                    "service": "api",
                    "method": "POST",
                    "path": "/api/todos",
                    "status": 201,
                    "authenticated": True,
                },
                "read": {"service": "api", "path": "/api/todos", "authenticated": True},
            },
        },
    },
}


def pod(name: str, *, env: list[Any] | None = None, ready: bool = True, restarts: int = 0) -> dict[str, Any]:
    """A running pod of the Deployment of that name."""
    box = {"name": name, "image": f"{name}:1", "env": env or [], "resources": {"limits": {"memory": "64Mi"}}}
    state = {"name": name, "ready": ready, "restartCount": restarts, "containerID": "c", "imageID": "i"}
    owner = {"kind": "ReplicaSet", "name": f"{name}-rs", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-1",
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "labels": {"app": name},
            "ownerReferences": [owner],
        },
        "spec": {"containers": [box]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [state | {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
        },
    }


def workload(name: str) -> list[dict[str, Any]]:
    """A Deployment, its ReplicaSet and its Service."""
    meta = {"namespace": NAMESPACE, "annotations": {"meta.helm.sh/release-name": name}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": []}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    status = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
    owner = [{"kind": "Deployment", "name": name, "controller": True}]
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta | {"name": name},
            "spec": spec,
            "status": status,
        },
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": f"{name}-rs", "namespace": NAMESPACE, "ownerReferences": owner},
            "spec": spec,
            "status": status,
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"selector": {"app": name}, "ports": [{"port": 8000 if name == "api" else 3000}]},
        },
    ]


def objects() -> list[dict[str, Any]]:
    """The namespace of the application."""
    ref = {"valueFrom": {"secretKeyRef": {"name": "shop-secrets", "key": "jwt"}}}
    env = [{"name": "JWT_SECRET", **ref}, {"name": "PORT", "value": "8000"}]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": "shop-secrets", "namespace": NAMESPACE},
        "data": {"jwt": base64.b64encode(KEY.encode()).decode()},
    }
    return [*workload("api"), *workload("web"), pod("api", env=env), pod("web"), secret]


@dataclass
class Api:
    """The application's HTTP API; ``fault`` names the one thing that it does wrong."""

    fault: str = ""
    users: dict[str, str] = field(default_factory=dict)
    todos: dict[int, dict[str, Any]] = field(default_factory=dict)
    ids: Any = field(default_factory=lambda: itertools.count(1))
    requests: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, method: str, url: str, headers: dict[str, str], body: Any) -> ProbeResult:
        """One request."""
        path = urlsplit(url).path
        self.requests.append((method, path))
        status, data, extra = self._route(method, path, headers, body or {})
        import json

        cold = self.fault == "cold" and len(self.requests) == 1
        seconds = 3.0 if cold or self.fault == "slow" else 0.01
        return ProbeResult(status, json.dumps(data), extra, seconds, "", "fake")

    def _route(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any, dict[str, str]]:
        if path in ("/health", "/ready"):
            return 200, {"status": "ok"}, {}
        if path in ("/sign-up", "/sign-in"):
            return self._enter(path, body)
        if path == "/token":
            claims = {"sub": headers.get("Cookie", ""), "iss": "shop", "aud": "shop-api", "exp": int(time.time()) + 900}
            return 200, {"token": check_tokens.sign(claims, KEY)}, {}
        if path == "/tools":
            return 200, ["list_todos"] if self.fault == "no-tool" else ["add_todo", "list_todos"], {}
        if not self.allowed(headers.get("Authorization", "")):
            return 401, {"detail": "no"}, {}
        if path == "/api/chat":
            return self._chat(str(body.get("message")))
        return self._todos(method, path, body)

    def _enter(self, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        email, password = str(body["email"]), str(body["password"])
        if path == "/sign-in" and self.users.get(email) != password:
            return 401, {"message": "wrong"}, {}
        if path == "/sign-up" and email in self.users:
            return 422, {"message": "exists"}, {}
        self.users[email] = password
        return 200, {"user": {}}, {"set-cookie": f"session={email}; Path=/; HttpOnly\nother=1; Path=/"}

    def allowed(self, header: str) -> bool:
        """Whether a token is accepted; each fault forgets one part of the verification."""
        if self.fault == "open":
            return True
        token = header.removeprefix("Bearer ")
        claims = check_tokens.claims_of(token)
        unsigned = self.fault == "alg-none" and token.endswith(".")
        if not claims or not (check_tokens.signed_by(token, KEY) or unsigned or self.fault == "tampered"):
            return False
        if claims.get("exp", 0) < time.time() and self.fault != "expired":
            return False
        return claims.get("iss") == "shop" and (claims.get("aud") == "shop-api" or self.fault == "wrong-audience")

    def _chat(self, message: str) -> tuple[int, Any, dict[str, str]]:
        if message.startswith("Complete"):
            failed = [{"name": "complete_todo", "ok": False}]
            return (
                (500, {}, {})
                if self.fault == "fragile"
                else (200, {"reply": "No such todo.", "tool_calls": failed}, {})
            )
        if self.fault == "talks-only":
            return 200, {"reply": "I added it.", "tool_calls": []}, {}
        title = message.removeprefix("Add ").removesuffix(" to my list")
        self._add(title)
        reply = '{"id": 1}' if self.fault == "raw" else f"Added {title}."
        return 200, {"reply": reply, "tool_calls": [{"name": "add_todo", "ok": True}]}, {}

    def _add(self, title: str) -> dict[str, Any]:
        number = next(self.ids)
        if self.fault != "forgetful":
            self.todos[number] = {"id": number, "title": title}
        return {"id": number, "title": title}

    def _todos(self, method: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        if method == "POST":
            return 201, self._add(str(body["title"])), {}
        if method == "DELETE":
            if self.fault != "undeletable":
                self.todos.pop(int(path.rsplit("/", 1)[1]), None)
            return 204, None, {}
        return 200, list(self.todos.values()), {}


@dataclass
class Kube:
    """As much of the Kubernetes engine as the checks use."""

    items: list[dict[str, Any]]
    api: Api
    log: str = ""
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    unresolved: set[str] = field(default_factory=set)

    async def server_version(self) -> str:
        return "v1.33.0"

    async def list(self, api: str, kind: str, namespace: str | None = None, **rest: Any) -> list[dict[str, Any]]:
        found = [i for i in self.items if i["kind"] == kind]
        if rest.get("label_selector") == "owner=helm":
            return []
        return copy.deepcopy(found)

    async def get(self, api: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        found = [i for i in self.items if i["kind"] == kind and i["metadata"]["name"] == name]
        return copy.deepcopy(found[0]) if found else None

    async def logs(self, *place: Any, **rest: Any) -> str:
        return self.log

    async def memory_usage(self, *place: str) -> tuple[int | None, int | None]:
        return 10 * 2**20, None

    async def http_probe(self, *place: str, url: str, method: str = "GET", **rest: Any) -> ProbeResult:
        return self.api.answer(method, url, dict(rest.get("headers") or {}), rest.get("json_body"))

    async def tcp_probe(self, *place: str, host: str, port: int, timeout: float = 5) -> TcpResult:
        if host in self.unresolved:
            return TcpResult(False, [], 0.01, "dns: [Errno -2] Name or service not known", "fake")
        return TcpResult(True, ["10.0.0.1"], 0.01, "", "fake")

    async def env_digests(self, space: str, name: str, box: str, names: Any) -> dict[str, str | None]:
        values = self.environment.get(box, {"JWT_SECRET": KEY, "PORT": "8000"} if box == "api" else {})
        wanted = values if names is None else names
        return {n: hashlib.sha256(values[n].encode()).hexdigest() if n in values else None for n in wanted}


@dataclass
class World:
    """The engines of a call."""

    kube: Any
    target: str = "minikube"
    profile: str = "minikube"
    is_minikube: bool = True
    simulated: bool = False


def stage(
    folder: Path, *, fault: str = "", items: list[dict[str, Any]] | None = None, **changes: Any
) -> tuple[Call, Kube]:
    """A call in a workspace with the application's longshore.yaml; ``changes`` replace parts of ``spec.checks``."""
    document = copy.deepcopy(APPLICATION)
    for name, value in changes.items():
        document["spec"]["checks"][name] = value
    (folder / "longshore.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    kube = Kube(objects() if items is None else items, Api(fault))
    world: Any = World(kube)
    from mcp_tools.effects import Effect

    return Call(world, folder, "test", _permit=issue(tool="test", effect=Effect.CHANGE, call_id="test")), kube
