"""The variables of a container, and its command with them filled in; the errors are those of the kubelet.

Source: ``pkg/kubelet/kubelet_pods.go`` (makeEnvironmentVariables) and ``third_party/forked/golang/expansion``.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from typing import Any

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.store import Obj, Store


class ConfigError(Exception):
    """The container cannot be configured; the message is the kubelet's."""


_REFERENCE = re.compile(r"\$(\$|\([-._a-zA-Z0-9]*\)?)?")
_NAME = re.compile(r"[ -<>-~]+\Z")


def expand(text: str, values: Mapping[str, str]) -> str:
    """``$(NAME)`` filled in where there is such a variable; ``$$`` is a dollar."""
    if "$" not in text:
        return text

    def one(found: re.Match[str]) -> str:
        inside = found[1]
        if inside == "$":
            return "$"
        if inside is None or not inside.endswith(")"):
            return found[0]
        return values.get(inside[1:-1], found[0])

    return _REFERENCE.sub(one, text)


def decoded(secret: Obj) -> dict[str, str]:
    """The data of a Secret as text."""
    found = {}
    for key, value in (secret.get("data") or {}).items():
        found[key] = base64.b64decode(value).decode("utf-8", "replace")
    return found


def _source(store: Store, namespace: str, kind: str, name: str) -> dict[str, str] | None:
    if kind == "configmap":
        obj = store.get("configmaps", namespace, name)
        return dict(obj.get("data") or {}) if obj is not None else None
    obj = store.get("secrets", namespace, name)
    return decoded(obj) if obj is not None else None


class Environment:
    """Resolves the variables of containers of one pod."""

    def __init__(self, store: Store, pod: Obj, ip: str, host_ip: str, allocatable: Mapping[str, str]) -> None:
        self._store, self._pod, self._allocatable = store, pod, allocatable
        self._ip, self._host_ip = ip, host_ip
        self._namespace = pod["metadata"].get("namespace", "")

    def of(self, container: Obj, image_env: Mapping[str, str]) -> dict[str, str]:
        """Every variable that the process has.

        Raises:
            ConfigError: an object or a key is missing.
        """
        given = self._given(container)
        found = dict(image_env)
        found["HOSTNAME"] = self._pod["spec"].get("hostname") or self._pod["metadata"]["name"]
        if self._pod["spec"].get("enableServiceLinks", True):
            found |= self._service_links()
        return found | self._kubernetes() | given

    def _given(self, container: Obj) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in container.get("envFrom") or ():
            for field, kind in (("configMapRef", "configmap"), ("secretRef", "secret")):
                reference = source.get(field)
                if reference is None:
                    continue
                data = _source(self._store, self._namespace, kind, reference.get("name", ""))
                if data is None:
                    if reference.get("optional"):
                        continue
                    raise ConfigError(f'{kind} "{reference.get("name", "")}" not found')
                prefix = source.get("prefix", "")
                found |= {prefix + key: value for key, value in data.items() if _NAME.match(prefix + key)}
        for entry in container.get("env") or ():
            value = self._value(entry, container, found)
            if value is not None:
                found[entry["name"]] = value
        return found

    def _value(self, entry: Obj, container: Obj, known: Mapping[str, str]) -> str | None:
        origin = entry.get("valueFrom")
        if origin is None:
            return expand(str(entry.get("value") or ""), known)
        for field, kind, title in (("configMapKeyRef", "configmap", "ConfigMap"), ("secretKeyRef", "secret", "Secret")):
            reference = origin.get(field)
            if reference is None:
                continue
            name, key = reference.get("name", ""), reference.get("key", "")
            data = _source(self._store, self._namespace, kind, name)
            if data is None:
                if reference.get("optional"):
                    return None
                raise ConfigError(f'{kind} "{name}" not found')
            if key not in data:
                if reference.get("optional"):
                    return None
                raise ConfigError(f"couldn't find key {key} in {title} {self._namespace}/{name}")
            return data[key]
        if "fieldRef" in origin:
            return self.field(origin["fieldRef"].get("fieldPath", ""))
        if "resourceFieldRef" in origin:
            return self.resource(container, origin["resourceFieldRef"])
        return ""

    def field(self, path: str) -> str:
        """A field of the pod, as the downward API gives it.

        Raises:
            ConfigError: it is none of those.
        """
        meta, spec = self._pod["metadata"], self._pod["spec"]
        simple: dict[str, Any] = {
            "metadata.name": meta["name"],
            "metadata.namespace": self._namespace,
            "metadata.uid": meta.get("uid", ""),
            "spec.nodeName": spec.get("nodeName", ""),
            "spec.serviceAccountName": spec.get("serviceAccountName", ""),
            "status.hostIP": self._host_ip,
            "status.hostIPs": self._host_ip,
            "status.podIP": self._ip,
            "status.podIPs": self._ip,
        }
        if path in simple:
            return str(simple[path])
        found = re.match(r"metadata\.(labels|annotations)(?:\['(.+)'\])?\Z", path)
        if found is None:
            raise ConfigError(f"unsupported fieldPath: {path}")
        values = meta.get(found[1]) or {}
        if found[2] is not None:
            return str(values.get(found[2], ""))
        return "\n".join(f'{key}="{value}"' for key, value in sorted(values.items()))

    def resource(self, container: Obj, reference: Obj) -> str:
        """An amount of a container's resources; what has no limit has the node's."""
        named = reference.get("containerName")
        if named:
            spec = self._pod["spec"]
            boxes = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
            container = next((box for box in boxes if box["name"] == named), container)
        kind, _, name = str(reference.get("resource", "")).partition(".")
        amounts = container.get("resources") or {}
        written = (amounts.get(kind) or {}).get(name)
        if written is None and kind == "limits":
            written = self._allocatable.get(name)
        divisor = quantity.parse(reference.get("divisor") or "1").amount or 1
        return str(math.ceil(quantity.parse(written or "0").amount / divisor))

    def _kubernetes(self) -> dict[str, str]:
        service = self._store.get("services", "default", "kubernetes")
        return _links("kubernetes", service) if service is not None else {}

    def _service_links(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for service in self._store.select("services", self._namespace):
            if service["spec"].get("clusterIP") not in (None, "", "None"):
                found |= _links(service["metadata"]["name"], service)
        return found


def _links(name: str, service: Obj) -> dict[str, str]:
    """The variables of a Service, as docker's links once were."""
    ports = service["spec"].get("ports") or []
    if not ports:
        return {}
    prefix, address = name.upper().replace("-", "_"), service["spec"]["clusterIP"]
    found = {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            found[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    for number, port in enumerate(ports):
        protocol = port.get("protocol", "TCP")
        url = f"{protocol.lower()}://{address}:{port['port']}"
        if number == 0:
            found[f"{prefix}_PORT"] = url
        base = f"{prefix}_PORT_{port['port']}_{protocol}"
        found |= {
            base: url,
            f"{base}_PROTO": protocol.lower(),
            f"{base}_PORT": str(port["port"]),
            f"{base}_ADDR": address,
        }
    return found
