"""Volumes of a pod and sources of persistent volumes.

Source: ``pkg/apis/core/validation/validation.go`` of Kubernetes 1.33.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_containers import field_reference, resource_reference
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    descending,
    duplicate,
    each,
    forbidden,
    invalid,
    required,
    unsupported,
)
from mcp_tools.targets.sandbox.validation_resources import amount_of

_VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_HOST_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_NEEDED = {
    "nfs": ("server", "path"),
    "csi": ("driver",),
    "awsElasticBlockStore": ("volumeID",),
    "gcePersistentDisk": ("pdName",),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
    "cinder": ("volumeID",),
    "gitRepo": ("repository",),
    "persistentVolumeClaim": ("claimName",),
    "flexVolume": ("driver",),
    "iscsi": ("targetPortal", "iqn"),
}


def volumes(errors: Errors, written: list[Obj], path: str) -> dict[str, Obj]:
    """The volumes of a pod; by name, as the mounts need them."""
    found: dict[str, Obj] = {}
    for index, volume in enumerate(written):
        where = f"{path}[{index}]"
        before = len(errors)
        _source(errors, volume, where)
        name = volume.get("name", "")
        if not name:
            errors.append(required(f"{where}.name"))
        else:
            each(errors, f"{where}.name", name, names.label(name))
            if name in found:
                errors.append(duplicate(f"{where}.name", name))
        if len(errors) == before:
            found[name] = volume
    return found


def _source(errors: Errors, volume: Obj, path: str) -> None:
    kinds = [field for field in volume if field != "name"]
    if not kinds:
        errors.append(required(path, "must specify a volume type"))
    for field in kinds[1:]:
        errors.append(forbidden(f"{path}.{field}", "may not specify more than 1 volume type"))
    for field in kinds[:1]:
        source(errors, field, volume[field], f"{path}.{field}")


def source(errors: Errors, kind: str, written: Obj, path: str) -> None:
    """One source of a volume."""
    for field in _NEEDED.get(kind, ()):
        if not written.get(field):
            errors.append(required(f"{path}.{field}"))
    if kind == "emptyDir":
        limit = amount_of(errors, written.get("sizeLimit", "0"), f"{path}.sizeLimit")
        if limit is not None and limit.amount < 0:
            said = "SizeLimit field must be a valid resource quantity"
            errors.append(forbidden(f"{path}.sizeLimit", said))
    elif kind == "hostPath":
        host_path(errors, written, path)
    elif kind == "nfs":
        if written.get("path") and not written["path"].startswith("/"):
            errors.append(invalid(f"{path}.path", written["path"], "must be an absolute path"))
    elif kind in ("secret", "configMap"):
        _keyed(errors, written, path, "secretName" if kind == "secret" else "name")
    elif kind == "downwardAPI":
        mode(errors, written, "defaultMode", path)
        _downward(errors, written, path)
    elif kind == "projected":
        mode(errors, written, "defaultMode", path)
        _projected(errors, written, path)
    elif kind == "ephemeral":
        _ephemeral(errors, written, path)


def host_path(errors: Errors, written: Obj, path: str) -> None:
    """A path of the node."""
    at = written.get("path")
    if not at:
        errors.append(required(f"{path}.path"))
        return
    if ".." in at.split("/"):
        errors.append(invalid(f"{path}.path", at, "must not contain '..'"))
    if written.get("type", "") not in _HOST_TYPES:
        errors.append(unsupported(f"{path}.type", written["type"], _HOST_TYPES))


def mode(errors: Errors, written: Obj, field: str, path: str) -> None:
    """The mode of files."""
    value = written.get(field)
    if value is not None and not 0 <= value <= 0o777:
        errors.append(invalid(f"{path}.{field}", value, _MODE))


def _items(errors: Errors, written: Obj, path: str) -> None:
    for index, item in enumerate(written.get("items", ())):
        where = f"{path}.items[{index}]"
        if not item.get("key"):
            errors.append(required(f"{where}.key"))
        if not item.get("path"):
            errors.append(required(f"{where}.path"))
        else:
            _file(errors, item["path"], f"{where}.path")
        mode(errors, item, "mode", where)


def _file(errors: Errors, written: str, path: str) -> None:
    descending(errors, written, path)
    if written.startswith("..") and not written.startswith("../"):
        errors.append(invalid(path, written, "must not start with '..'"))


def _keyed(errors: Errors, written: Obj, path: str, name: str) -> None:
    if not written.get(name):
        errors.append(required(f"{path}.{name}"))
    mode(errors, written, "defaultMode", path)
    _items(errors, written, path)


def _downward(errors: Errors, written: Obj, path: str) -> None:
    for index, item in enumerate(written.get("items", ())):
        # The server's path has no index here.
        where = path
        if not item.get("path"):
            errors.append(required(f"{where}.path"))
        else:
            _file(errors, item["path"], f"{where}.path")
        if "fieldRef" in item:
            field_reference(errors, item["fieldRef"], _VOLUME_FIELDS, f"{where}.fieldRef")
            if "resourceFieldRef" in item:
                said = "fieldRef and resourceFieldRef can not be specified simultaneously"
                errors.append(invalid(where, "resource", said))
        elif "resourceFieldRef" in item:
            resource_reference(errors, item["resourceFieldRef"], f"{where}.resourceFieldRef", volume=True)
        else:
            errors.append(required(f"{where}.fieldRef", "one of fieldRef and resourceFieldRef is required"))
        mode(errors, item, "mode", f"{path}[{index}]")


def _projected(errors: Errors, written: Obj, path: str) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(written.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        kinds = list(entry)
        if not kinds:
            errors.append(required(where, "must specify one of the source types"))
        for field in kinds[1:]:
            errors.append(forbidden(f"{where}.{field}", "may not specify more than 1 volume type per source"))
        for field in kinds[:1]:
            _projection(errors, field, entry[field], f"{where}.{field}")
            for item in entry[field].get("items", ()):
                at = item.get("path", "")
                if at and at in seen:
                    errors.append(invalid(f"{path}.sources", at, "conflicting duplicate paths"))
                seen.add(at)


def _projection(errors: Errors, kind: str, written: Obj, path: str) -> None:
    if kind in ("secret", "configMap"):
        if not written.get("name"):
            errors.append(required(f"{path}.name"))
        _items(errors, written, path)
    elif kind == "downwardAPI":
        _downward(errors, written, path)
    elif kind == "serviceAccountToken":
        seconds = written.get("expirationSeconds", 3600)
        if seconds < 600:
            errors.append(
                invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
            )
        elif seconds > 1 << 32:
            errors.append(
                invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
            )
        if not written.get("path"):
            errors.append(required(f"{path}.path"))
        else:
            descending(errors, written["path"], f"{path}.path")


def _ephemeral(errors: Errors, written: Obj, path: str) -> None:
    from mcp_tools.targets.sandbox.validation_storage import claim_spec

    template = written.get("volumeClaimTemplate")
    if template is None:
        errors.append(required(f"{path}.volumeClaimTemplate"))
    else:
        claim_spec(errors, template.get("spec", {}), f"{path}.volumeClaimTemplate.spec")
