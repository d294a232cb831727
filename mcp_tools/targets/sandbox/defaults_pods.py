"""What the API server fills in of pods and of their templates.

Source: ``pkg/apis/core/v1/defaults.go`` of Kubernetes 1.33.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def pod(obj: Obj) -> None:
    """A pod; its template counterpart gets less."""
    spec = obj["spec"]
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    containers = (*(spec.get("containers") or ()), *spec.get("initContainers", ()))
    for container in containers:
        resources = container.setdefault("resources", {})
        limits = resources.get("limits")
        if limits:
            resources["requests"] = {**limits, **resources.get("requests", {})}
        if spec.get("hostNetwork"):
            for port in container.get("ports", ()):
                if not port.get("hostPort"):
                    port["hostPort"] = port.get("containerPort", 0)
    resources = spec.get("resources")
    if resources and resources.get("limits"):
        resources["requests"] = {**resources["limits"], **resources.get("requests", {})}
    condition_times(obj)


def condition_times(obj: Obj) -> None:
    """The times of conditions, which the server writes also where they were never set."""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        condition.setdefault("lastProbeTime", None)
        condition.setdefault("lastTransitionTime", None)


def template(obj: Obj) -> None:
    """The template of a pod."""
    obj.setdefault("metadata", {})
    pod_spec(obj.setdefault("spec", {}))


def pod_spec(spec: Obj) -> None:
    """What a pod and a template have in common."""
    for name, value in (("dnsPolicy", "ClusterFirst"), ("restartPolicy", "Always")):
        if not spec.get(name):
            spec[name] = value
    if not spec.get("schedulerName"):
        spec["schedulerName"] = "default-scheduler"
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    # The deprecated name of the service account is kept the same as the one in use.
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for each in spec.get(group) or ():
            container(each)
    for volume in spec.get("volumes", ()):
        if len(volume) == 1 and "name" in volume:
            volume["emptyDir"] = {}
        volume_source(volume)


def pull_policy(image: str) -> str:
    """``Always`` for what is, or means, the tag ``latest``."""
    name, at, _ = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or not (tag or at) else "IfNotPresent"


def container(obj: Obj) -> None:
    """A container of any sort."""
    obj.setdefault("resources", {})
    if not obj.get("imagePullPolicy"):
        obj["imagePullPolicy"] = pull_policy(obj.get("image", ""))
    if not obj.get("terminationMessagePath"):
        obj["terminationMessagePath"] = "/dev/termination-log"
    if not obj.get("terminationMessagePolicy"):
        obj["terminationMessagePolicy"] = "File"
    for port in obj.get("ports", ()):
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in obj.get("env", ()):
        _reference((variable.get("valueFrom") or {}).get("fieldRef"))
        resource = (variable.get("valueFrom") or {}).get("resourceFieldRef")
        if resource is not None:
            resource.setdefault("divisor", "0")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in obj:
            _probe(obj[name])
    for handler in obj.get("lifecycle", {}).values():
        if isinstance(handler, dict):
            _http(handler.get("httpGet"))


def _reference(reference: Obj | None) -> None:
    if reference is not None and not reference.get("apiVersion"):
        reference["apiVersion"] = "v1"


def _http(action: Obj | None) -> None:
    if action is not None:
        if not action.get("path"):
            action["path"] = "/"
        if not action.get("scheme"):
            action["scheme"] = "HTTP"


def _probe(probe: Obj) -> None:
    _http(probe.get("httpGet"))
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(name):
            probe[name] = value


_SOURCES: dict[str, Obj] = {
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "kind": "Shared", "readOnly": False},
    "scaleIO": {"fsType": "xfs", "storageMode": "ThinProvisioned"},
    "hostPath": {"type": ""},
    "secret": {"defaultMode": 0o644},
    "configMap": {"defaultMode": 0o644},
    "downwardAPI": {"defaultMode": 0o644},
    "projected": {"defaultMode": 0o644},
}


def volume_source(volume: Obj) -> None:
    """The source of a pod's volume, or of a persistent one."""
    for name, wanted in _SOURCES.items():
        source = volume.get(name)
        if isinstance(source, dict):
            for field, value in wanted.items():
                source.setdefault(field, value)
    for item in (volume.get("downwardAPI") or {}).get("items", ()):
        _reference(item.get("fieldRef"))
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in (source.get("downwardAPI") or {}).get("items", ()):
            _reference(item.get("fieldRef"))
    if "image" in volume:
        image = volume["image"]
        if not image.get("pullPolicy"):
            image["pullPolicy"] = pull_policy(image.get("reference", ""))
    claim = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if claim is not None:
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
