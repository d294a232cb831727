"""The objects of the cases: small ones, of one image that every node of the tests has."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]
IMAGE = "python:3.13-slim"
SLEEP = ["sleep", "3600"]
SERVE = ["python3", "-m", "http.server", "8000"]
CLUSTER_WIDE = {"Namespace": "namespaces", "PersistentVolume": "persistentvolumes"}
PLURALS = {
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
    "StorageClass": "storageclasses",
    "PriorityClass": "priorityclasses",
    "Endpoints": "endpoints",
}


def place_of(manifest: Obj) -> str:
    """The collection that objects of its kind are created in."""
    kind: str = manifest["kind"]
    return PLURALS.get(kind, kind.lower() + ("es" if kind.endswith("s") else "s"))


def thing(kind: str, name: str, api: str = "v1", /, labels: dict[str, str] | None = None, **rest: Any) -> Obj:
    """Any object."""
    meta: Obj = {"name": name, **({"labels": labels} if labels else {}), **rest.pop("meta", {})}
    return {"apiVersion": api, "kind": kind, "metadata": meta, **rest}


def config(name: str, labels: dict[str, str] | None = None, /, **data: str) -> Obj:
    """A ConfigMap."""
    return thing("ConfigMap", name, labels=labels, data=data)


def box(name: str = "web", command: list[str] | None = None, **rest: Any) -> Obj:
    """A container that sleeps."""
    return {"name": name, "image": IMAGE, "command": command or SLEEP, **rest}


def spec(*boxes: Obj, **rest: Any) -> Obj:
    """What a pod is to be; it ends at once when it is told to."""
    return {"terminationGracePeriodSeconds": 1, "containers": list(boxes) or [box()], **rest}


def pod(
    name: str = "web", *boxes: Obj, labels: dict[str, str] | None = None, meta: Obj | None = None, **rest: Any
) -> Obj:
    """A pod."""
    return thing("Pod", name, labels=labels, meta=meta or {}, spec=spec(*boxes, **rest))


def template(*boxes: Obj, app: str = "web", **rest: Any) -> Obj:
    """A pod's template."""
    return {"metadata": {"labels": {"app": app}}, "spec": spec(*boxes, **rest)}


def deployment(name: str = "web", *boxes: Obj, replicas: int = 1, pod: Obj | None = None, **rest: Any) -> Obj:
    """A Deployment; ``pod`` are further fields of the pods."""
    made = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, **rest}
    return thing("Deployment", name, "apps/v1", spec=made | {"template": template(*boxes, app=name, **(pod or {}))})


def statefulset(name: str = "web", *boxes: Obj, replicas: int = 1, **rest: Any) -> Obj:
    """A StatefulSet."""
    made = {"replicas": replicas, "serviceName": name, "selector": {"matchLabels": {"app": name}}, **rest}
    return thing("StatefulSet", name, "apps/v1", spec=made | {"template": template(*boxes, app=name)})


def daemonset(name: str = "web", *boxes: Obj, **rest: Any) -> Obj:
    """A DaemonSet."""
    made = {"selector": {"matchLabels": {"app": name}}, "template": template(*boxes, app=name, **rest)}
    return thing("DaemonSet", name, "apps/v1", spec=made)


def job(name: str = "web", *boxes: Obj, restart: str = "Never", pod: Obj | None = None, **rest: Any) -> Obj:
    """A Job."""
    made = {"template": {"spec": spec(*boxes, restartPolicy=restart, **(pod or {}))}, **rest}
    return thing("Job", name, "batch/v1", spec=made)


def cronjob(name: str = "web", schedule: str = "0 0 1 1 *", **rest: Any) -> Obj:
    """A CronJob."""
    made = {"schedule": schedule, "jobTemplate": {"spec": job()["spec"]}, **rest}
    return thing("CronJob", name, "batch/v1", spec=made)


def service(name: str = "web", *ports: Obj, **rest: Any) -> Obj:
    """A Service on port 80."""
    made = {"selector": {"app": name}, "ports": list(ports) or [{"port": 80, "targetPort": 8000}], **rest}
    return thing("Service", name, spec=made)


def claim(name: str = "data", size: str = "1Mi", **rest: Any) -> Obj:
    """A PersistentVolumeClaim."""
    made = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **rest}
    return thing("PersistentVolumeClaim", name, spec=made)


def quota(name: str = "small", /, **hard: str) -> Obj:
    """A ResourceQuota; an underscore stands for a dot."""
    return thing("ResourceQuota", name, spec={"hard": {key.replace("_", "."): size for key, size in hard.items()}})


def resources(cpu: str = "", memory: str = "", *, limit: bool = True) -> Obj:
    """Requests, and limits of the same size."""
    amounts = {key: size for key, size in (("cpu", cpu), ("memory", memory)) if size}
    return {"resources": {"requests": amounts, **({"limits": amounts} if limit else {})}}
