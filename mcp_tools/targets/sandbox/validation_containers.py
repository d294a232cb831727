"""Containers: their ports, environment, probes, resources, mounts.

Source: ``pkg/apis/core/validation/validation.go`` of Kubernetes 1.33.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    descending,
    duplicate,
    each,
    forbidden,
    invalid,
    not_found,
    required,
    unsupported,
)
from mcp_tools.targets.sandbox.validation_probes import lively
from mcp_tools.targets.sandbox.validation_resources import resources
from mcp_tools.targets.sandbox.validation_security import security

PROTOCOLS = ("SCTP", "TCP", "UDP")
_FIELD_PATHS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_RESOURCE_PATHS = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_LABELS = (
    *_FIELD_PATHS,
    "metadata.annotations",
    "metadata.labels",
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.phase",
)
_SUBSCRIPT = re.compile(r"(.*)\['(.*)'\]\Z")


class Pod:
    """What the containers of one pod are checked against."""

    def __init__(self, spec: Obj, volumes: dict[str, Obj]) -> None:
        self.volumes = volumes
        self.grace: int = spec.get("terminationGracePeriodSeconds", 30)
        self.restart: str = spec.get("restartPolicy", "Always")
        self.claims = {claim.get("name") for claim in spec.get("resourceClaims", ())}


def containers(errors: Errors, spec: Obj, pod: Pod, path: str) -> None:
    """The containers, the init containers and the ephemeral ones of a pod."""
    regular = spec.get("containers") or []
    if not regular:
        errors.append(required(f"{path}.containers"))
    seen: set[str] = set()
    for index, container in enumerate(regular):
        where = f"{path}.containers[{index}]"
        _common(errors, container, pod, where)
        _once(errors, container, seen, where)
        lively(errors, container, pod.grace, where)
        if "restartPolicy" in container:
            errors.append(forbidden(f"{where}.restartPolicy", "may not be set for non-init containers"))
    _host_ports(errors, regular, f"{path}.containers")
    for index, container in enumerate(spec.get("initContainers", ())):
        _init(errors, container, pod, seen, f"{path}.initContainers[{index}]")
    for index, container in enumerate(spec.get("ephemeralContainers", ())):
        _ephemeral(errors, container, pod, seen, f"{path}.ephemeralContainers[{index}]")


def _once(errors: Errors, container: Obj, seen: set[str], path: str) -> None:
    name = container.get("name", "")
    if name and name in seen:
        errors.append(duplicate(f"{path}.name", name))
    seen.add(name)


def _init(errors: Errors, container: Obj, pod: Pod, seen: set[str], path: str) -> None:
    _common(errors, container, pod, path)
    policy = container.get("restartPolicy")
    if policy is not None and policy != "Always":
        errors.append(unsupported(f"{path}.restartPolicy", policy, ["Always"]))
    _once(errors, container, seen, path)
    _host_ports(errors, [container], path.rpartition("[")[0])
    if policy == "Always":
        lively(errors, container, pod.grace, path)
        return
    for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if field in container:
            said = "may not be set for init containers without restartPolicy=Always"
            errors.append(forbidden(f"{path}.{field}", said))


def _ephemeral(errors: Errors, container: Obj, pod: Pod, seen: set[str], path: str) -> None:
    _common(errors, container, pod, path)
    target = container.get("targetContainerName")
    if target and target not in seen:
        errors.append(not_found(f"{path}.targetContainerName", target))
    _once(errors, container, seen, path)
    for field in ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources"):
        if container.get(field):
            errors.append(forbidden(f"{path}.{field}", "cannot be set for an Ephemeral Container"))


def _common(errors: Errors, container: Obj, pod: Pod, path: str) -> None:
    name = container.get("name")
    if not name:
        errors.append(required(f"{path}.name"))
    else:
        each(errors, f"{path}.name", name, names.label(name))
    if not container.get("image"):
        errors.append(required(f"{path}.image"))
    policy = container.get("terminationMessagePolicy", "File")
    if policy not in ("File", "FallbackToLogsOnError"):
        errors.append(unsupported(f"{path}.terminationMessagePolicy", policy, ["File", "FallbackToLogsOnError"]))
    if "ports" in container:
        _ports(errors, container["ports"], f"{path}.ports")
    if "env" in container:
        _env(errors, container["env"], f"{path}.env")
    if "envFrom" in container:
        _env_from(errors, container["envFrom"], f"{path}.envFrom")
    if "volumeMounts" in container or "volumeDevices" in container:
        _mounts(errors, container, pod.volumes, path)
    policy = container.get("imagePullPolicy", "Always")
    if policy not in ("Always", "IfNotPresent", "Never"):
        errors.append(unsupported(f"{path}.imagePullPolicy", policy, ["Always", "IfNotPresent", "Never"]))
    if container.get("resources"):
        resources(errors, container["resources"], f"{path}.resources", pod.claims)
    if "resizePolicy" in container:
        _resize(errors, container["resizePolicy"], pod.restart, f"{path}.resizePolicy")
    if "securityContext" in container:
        security(errors, container["securityContext"], f"{path}.securityContext")


def _ports(errors: Errors, ports: list[Obj], path: str) -> None:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        name = port.get("name")
        if name:
            wrong = names.port_name(name)
            each(errors, f"{where}.name", name, wrong)
            if not wrong and name in seen:
                errors.append(duplicate(f"{where}.name", name))
            seen.add(name)
        number = port.get("containerPort", 0)
        if number == 0:
            errors.append(required(f"{where}.containerPort"))
        else:
            each(errors, f"{where}.containerPort", number, names.port_number(number))
        if port.get("hostPort"):
            each(errors, f"{where}.hostPort", port["hostPort"], names.port_number(port["hostPort"]))
        protocol = port.get("protocol", "TCP")
        if protocol not in PROTOCOLS:
            errors.append(unsupported(f"{where}.protocol", protocol, PROTOCOLS))


def _host_ports(errors: Errors, group: list[Obj], path: str) -> None:
    seen: set[str] = set()
    for index, container in enumerate(group):
        for at, port in enumerate(container.get("ports", ())):
            if port.get("hostPort"):
                text = f"{port.get('protocol', 'TCP')}/{port.get('hostIP', '')}/{port['hostPort']}"
                if text in seen:
                    errors.append(duplicate(f"{path}[{index}].ports[{at}].hostPort", text))
                seen.add(text)


def _env(errors: Errors, variables: list[Obj], path: str) -> None:
    for index, variable in enumerate(variables):
        name = variable.get("name", "")
        if not name:
            errors.append(required(f"{path}[{index}].name"))
        else:
            wrong = names.env_name(name)
            if wrong:
                each(errors, f"{path}[{index}].name", name, wrong)
        source = variable.get("valueFrom")
        if source is not None:
            _env_source(errors, source, variable, f"{path}[{index}].valueFrom")


def _env_source(errors: Errors, source: Obj, variable: Obj, path: str) -> None:
    if "fieldRef" in source:
        field_reference(errors, source["fieldRef"], _FIELD_PATHS, f"{path}.fieldRef")
    if "resourceFieldRef" in source:
        resource_reference(errors, source["resourceFieldRef"], f"{path}.resourceFieldRef")
    for field in ("configMapKeyRef", "secretKeyRef"):
        if field in source:
            reference, where = source[field], f"{path}.{field}"
            each(errors, f"{where}.name", reference.get("name", ""), names.subdomain(reference.get("name", "")))
            key = reference.get("key", "")
            if not key:
                errors.append(required(f"{where}.key"))
            else:
                each(errors, f"{where}.key", key, names.config_key(key))
    if not source:
        said = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        errors.append(invalid(path, "", said))
    elif variable.get("value"):
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(source) > 1:
        errors.append(invalid(path, "", "may not have more than one field specified at a time"))


def field_reference(errors: Errors, reference: Obj, allowed: Iterable[str], path: str) -> None:
    """A field of the pod, for the environment or a volume."""
    field = reference.get("fieldPath", "")
    if not field:
        errors.append(required(f"{path}.fieldPath"))
        return
    subscripted = _SUBSCRIPT.match(field)
    if subscripted:
        base, key = subscripted.groups()
        if base in ("metadata.annotations", "metadata.labels"):
            key = key.lower() if base == "metadata.annotations" else key
            each(errors, path, key, names.qualified(key))
            return
        errors.append(invalid(path, base, "does not support subscript"))
    elif field not in allowed:
        if field not in _LABELS:
            said = f"error converting fieldPath: field label not supported: {field}"
            errors.append(invalid(f"{path}.fieldPath", field, said))
        else:
            errors.append(unsupported(f"{path}.fieldPath", field, sorted(allowed)))


def resource_reference(errors: Errors, reference: Obj, path: str, *, volume: bool = False) -> None:
    """A resource of a container, for the environment or a volume."""
    resource = reference.get("resource", "")
    if volume and not reference.get("containerName"):
        errors.append(required(f"{path}.containerName"))
    elif not resource:
        errors.append(required(f"{path}.resource"))
    elif resource not in _RESOURCE_PATHS and not resource.startswith(("limits.hugepages-", "requests.hugepages-")):
        errors.append(unsupported(f"{path}.resource", resource, _RESOURCE_PATHS))


def _env_from(errors: Errors, sources: list[Obj], path: str) -> None:
    for index, source in enumerate(sources):
        where = f"{path}[{index}]"
        if source.get("prefix"):
            each(errors, f"{where}.prefix", source["prefix"], names.env_name(source["prefix"]))
        count = 0
        for field in ("configMapRef", "secretRef"):
            if field in source:
                count += 1
                name = source[field].get("name", "")
                if not name:
                    errors.append(required(f"{where}.{field}.name"))
                else:
                    each(errors, f"{where}.{field}.name", name, names.subdomain(names.masked(name)))
        if count == 0:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif count > 1:
            errors.append(invalid(path, "", "may not have more than one field specified at a time"))


def _mounts(errors: Errors, container: Obj, volumes: dict[str, Obj], path: str) -> None:
    devices = {device.get("name"): device.get("devicePath") for device in container.get("volumeDevices", ())}
    where, seen = f"{path}.volumeMounts", set()
    for index, mount in enumerate(container.get("volumeMounts", ())):
        name, at = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.append(required(f"{where}[{index}].name"))
        if name not in volumes:
            errors.append(not_found(f"{where}[{index}].name", name))
        if not at:
            errors.append(required(f"{where}[{index}].mountPath"))
        if at in seen:
            errors.append(invalid(f"{where}[{index}].mountPath", at, "must be unique"))
        seen.add(at)
        if name in devices:
            errors.append(invalid(f"{where}[{index}].name", name, "must not already exist in volumeDevices"))
        if at in devices.values():
            said = "must not already exist as a path in volumeDevices"
            errors.append(invalid(f"{where}[{index}].mountPath", at, said))
        if mount.get("subPath"):
            descending(errors, mount["subPath"], f"{where}.subPath")
        if mount.get("subPathExpr"):
            if mount.get("subPath"):
                said = "subPathExpr and subPath are mutually exclusive"
                errors.append(invalid(f"{where}[{index}].subPathExpr", mount["subPathExpr"], said))
            descending(errors, mount["subPathExpr"], f"{where}.subPathExpr")
        _propagation(errors, mount, container, f"{where}.mountPropagation")
    _devices(errors, container.get("volumeDevices", ()), volumes, f"{path}.volumeDevices")


def _propagation(errors: Errors, mount: Obj, container: Obj, path: str) -> None:
    how = mount.get("mountPropagation")
    if how is None:
        return
    if how not in ("Bidirectional", "HostToContainer", "None"):
        errors.append(unsupported(path, how, ["Bidirectional", "HostToContainer", "None"]))
    elif how == "Bidirectional" and not container.get("securityContext", {}).get("privileged"):
        errors.append(forbidden(path, "Bidirectional mount propagation is available only to privileged containers"))


def _devices(errors: Errors, devices: Iterable[Obj], volumes: dict[str, Obj], path: str) -> None:
    for index, device in enumerate(devices):
        name, at = device.get("name", ""), device.get("devicePath", "")
        source = volumes.get(name)
        if not name:
            errors.append(required(f"{path}[{index}].name"))
        if source is None:
            errors.append(not_found(f"{path}[{index}].name", name))
        elif "persistentVolumeClaim" not in source and "ephemeral" not in source:
            said = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.append(invalid(f"{path}[{index}].name", name, said))
        if not at:
            errors.append(required(f"{path}[{index}].devicePath"))


def _resize(errors: Errors, policies: list[Obj], restart: str, path: str) -> None:
    seen = set()
    for index, policy in enumerate(policies):
        name, how = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if name in seen:
            errors.append(duplicate(f"{path}[{index}]", name))
        seen.add(name)
        for value, allowed in ((name, ["cpu", "memory"]), (how, ["NotRequired", "RestartContainer"])):
            if not value:
                errors.append(required(path))
            elif value not in allowed:
                errors.append(unsupported(path, value, allowed))
        if restart == "Never" and how != "NotRequired":
            errors.append(invalid(path, how, "must be 'NotRequired' when `restartPolicy` is 'Never'"))
