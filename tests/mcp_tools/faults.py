"""Small broken (and one healthy) deployments: what the diagnosis is shown, in tests and when snapshots are recorded."""

from __future__ import annotations

from typing import Any

IMAGE = "python:3.13-slim"
SERVE = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.path in ("/health", "/ready")
        self.send_response(200 if good else 404)
        self.end_headers()
        self.wfile.write(b"ok" if good else b"no")

    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
CRASH = "import sys; print('starting'); sys.exit('FATAL: DATABASE_URL is not a URL')"
HUNGRY = "x = []\nwhile True: x.append(bytearray(8_000_000))"
PROBE = {"httpGet": {"path": "/ready", "port": 8000}, "periodSeconds": 2, "failureThreshold": 2}
SMALL = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}

Manifest = dict[str, Any]


def container(**changes: Any) -> Manifest:
    """A container that serves /health and /ready on 8000."""
    return {
        "name": "web",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", SERVE],
        "ports": [{"containerPort": 8000, "name": "http"}],
        "readinessProbe": PROBE,
        "resources": SMALL,
    } | changes


def deployment(namespace: str, box: Manifest, *, replicas: int = 1, pod: Manifest | None = None) -> Manifest:
    """Deployment ``web`` of one container."""
    labels = {"app.kubernetes.io/name": "web"}
    spec = {"containers": [box], "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec | (pod or {})},
        },
    }


def service(namespace: str, *, port: Any = "http", selector: dict[str, str] | None = None) -> Manifest:
    """Service ``web`` on port 80."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "selector": selector or {"app.kubernetes.io/name": "web"},
            "ports": [{"port": 80, "targetPort": port, "name": "http"}],
        },
    }


def _secret_env(secret: str, key: str) -> Manifest:
    return {"env": [{"name": "JWT_SECRET", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}]}


def _probe(**http: Any) -> Manifest:
    return {"readinessProbe": PROBE | {"httpGet": {"path": "/ready", "port": 8000} | http}}


def _object(api: str, kind: str, name: str, namespace: str, **rest: Any) -> Manifest:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}


def scene(name: str, ns: str) -> list[Manifest]:
    """The objects of one fault in namespace ``ns``."""
    web, svc = deployment(ns, container()), service(ns)
    claim = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    makers: dict[str, Any] = {
        "healthy": lambda: [web, svc],
        "image": lambda: [deployment(ns, container(image="h-check-nowhere:1.0")), svc],
        "tag": lambda: [deployment(ns, container(image="python:3.13-slimm")), svc],
        "never": lambda: [deployment(ns, container(image="h-check-nowhere:1.0", imagePullPolicy="Never")), svc],
        "crash": lambda: [deployment(ns, container(command=["python3", "-c", CRASH])), svc],
        "oom": lambda: [deployment(ns, container(command=["python3", "-c", HUNGRY])), svc],
        "command": lambda: [deployment(ns, container(command=["no-such-program"])), svc],
        "probe-port": lambda: [deployment(ns, container(**_probe(port=9999))), svc],
        "probe-path": lambda: [deployment(ns, container(**_probe(path="/healthz"))), svc],
        "secret": lambda: [deployment(ns, container(**_secret_env("web-secrets", "jwt"))), svc],
        "secret-key": lambda: [
            _object("v1", "Secret", "web-secrets", ns, stringData={"other": "x"}),
            deployment(ns, container(**_secret_env("web-secrets", "jwt"))),
            svc,
        ],
        "config": lambda: [deployment(ns, container(envFrom=[{"configMapRef": {"name": "web-config"}}])), svc],
        "mount": lambda: [
            deployment(
                ns,
                container(volumeMounts=[{"name": "files", "mountPath": "/files"}]),
                pod={"volumes": [{"name": "files", "secret": {"secretName": "web-files"}}]},
            ),
            svc,
        ],
        "account": lambda: [deployment(ns, container(), pod={"serviceAccountName": "nobody"}), svc],
        "quota": lambda: [_object("v1", "ResourceQuota", "small", ns, spec={"hard": {"pods": "0"}}), web, svc],
        "unschedulable": lambda: [
            deployment(ns, container(resources={"requests": {"cpu": "64"}, "limits": {"cpu": "64"}})),
            svc,
        ],
        "claim-missing": lambda: [deployment(ns, container(), pod=claim), svc],
        "claim-pending": lambda: [
            _object("v1", "PersistentVolumeClaim", "data", ns, spec=storage | {"storageClassName": "fast-ssd"}),
            deployment(ns, container(), pod=claim),
            svc,
        ],
        "selector": lambda: [web, service(ns, selector={"app.kubernetes.io/name": "wbe"})],
        "port": lambda: [web, service(ns, port=9090)],
        "port-name": lambda: [web, service(ns, port="grpc")],
        "zero": lambda: [deployment(ns, container(), replicas=0), svc],
    }
    return list(makers[name]())


EXPECTED: dict[str, str | None] = {
    "healthy": None,
    "image": "IMAGE_NOT_ON_NODE",
    "tag": "IMAGE_TAG_MISSING",
    "never": "IMAGE_NOT_ON_NODE",
    "crash": "CRASH_LOOP",
    "oom": "OOM_KILLED",
    "command": "CONTAINER_CANNOT_START",
    "probe-port": "PROBE_FAILING",
    "probe-path": "PROBE_FAILING",
    "secret": "SECRET_MISSING",
    "secret-key": "SECRET_KEY_MISSING",
    "config": "CONFIG_MISSING",
    "mount": "SECRET_MISSING",
    "account": "SERVICE_ACCOUNT_MISSING",
    "quota": "QUOTA_EXCEEDED",
    "unschedulable": "UNSCHEDULABLE",
    "claim-missing": "PVC_MISSING",
    "claim-pending": "PVC_PENDING",
    "selector": "NO_ENDPOINTS",
    "port": "PORT_MISMATCH",
    "port-name": "PORT_MISMATCH",
    "zero": "SCALED_TO_ZERO",
}
"""Which code each scene must get, and nothing beside it."""
