"""Claims, persistent volumes, storage classes.

Source: ``pkg/apis/core/validation`` and ``pkg/apis/storage/validation`` of Kubernetes 1.33.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox import validation_meta as meta
from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    POSITIVE,
    Errors,
    Obj,
    Raw,
    each,
    forbidden,
    invalid,
    quoted,
    required,
    unsupported,
)
from mcp_tools.targets.sandbox.validation_resources import amount_of, printed_quantity

ACCESS = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
MODES = ("Block", "Filesystem")
RECLAIM = ("Delete", "Recycle", "Retain")
_NOT_SOURCES = frozenset(
    {
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    }
)


def _access(errors: Errors, modes: list[str], path: str) -> None:
    for mode in modes:
        if mode not in ACCESS:
            errors.append(unsupported(path, mode, ACCESS))
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        said = "may not use ReadWriteOncePod with other access modes"
        errors.append(forbidden(path, said))


def claim(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A PersistentVolumeClaim."""
    claim_spec(errors, obj.get("spec", {}), "spec")


def claim_spec(errors: Errors, spec: Obj, path: str) -> None:
    """The spec of a claim, or of a template of one."""
    modes = spec.get("accessModes") or []
    if not modes:
        errors.append(required(f"{path}.accessModes", "at least 1 access mode is required"))
    meta.selector(errors, spec.get("selector"), f"{path}.selector")
    _access(errors, modes, f"{path}.accessModes")
    requests = (spec.get("resources") or {}).get("requests") or {}
    if "storage" not in requests:
        errors.append(required(f"{path}.resources[storage]"))
    else:
        amount = amount_of(errors, requests["storage"], f"{path}.resources[storage]")
        if amount is not None and amount.amount <= 0:
            errors.append(invalid(f"{path}.resources[storage]", str(amount), POSITIVE))
    name = spec.get("storageClassName")
    if name:
        each(errors, f"{path}.storageClassName", name, names.subdomain(name))
    mode = spec.get("volumeMode")
    if mode is not None and mode not in MODES:
        errors.append(unsupported(f"{path}.volumeMode", mode, MODES))


def volume(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A PersistentVolume."""
    from mcp_tools.targets.sandbox import validation_pods, validation_volumes

    spec = obj.get("spec", {})
    modes = spec.get("accessModes") or []
    if not modes:
        errors.append(required("spec.accessModes"))
    _access(errors, modes, "spec.accessModes")
    capacity = spec.get("capacity") or {}
    if not capacity:
        errors.append(required("spec.capacity"))
    if "storage" not in capacity or len(capacity) > 1:
        errors.append(unsupported("spec.capacity", _capacity(capacity), ["storage"]))
    for name, value in capacity.items():
        amount = amount_of(errors, value, f"spec.capacity[{name}]")
        if amount is not None and amount.amount <= 0:
            errors.append(invalid(f"spec.capacity[{name}]", str(amount), POSITIVE))
    policy = spec.get("persistentVolumeReclaimPolicy", "Retain")
    if policy not in RECLAIM:
        errors.append(unsupported("spec.persistentVolumeReclaimPolicy", policy, RECLAIM))
    sources = sources_of(spec)
    if not sources:
        errors.append(required("spec", "must specify a volume type"))
    for kind in list(sources)[1:]:
        errors.append(forbidden(f"spec.{kind}", "may not specify more than 1 volume type"))
    for kind, source in list(sources.items())[:1]:
        if kind == "local" and not source.get("path"):
            errors.append(required("spec.local.path"))
        validation_volumes.source(errors, kind, source, f"spec.{kind}")
    if sources.get("hostPath", {}).get("path") == "/" and policy == "Recycle":
        said = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(forbidden("spec.persistentVolumeReclaimPolicy", said))
    affinity = (spec.get("nodeAffinity") or {}).get("required")
    if affinity is not None:
        validation_pods.node_selector(errors, affinity, "spec.nodeAffinity.required")
    elif "local" in sources:
        errors.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    if spec.get("storageClassName"):
        name = spec["storageClassName"]
        each(errors, "spec.storageClassName", name, names.subdomain(name))
    mode = spec.get("volumeMode")
    if mode is not None and mode not in MODES:
        errors.append(unsupported("spec.volumeMode", mode, MODES))


def _capacity(capacity: Obj) -> Raw:
    """A capacity as Go prints it."""
    if not capacity:
        return Raw("core.ResourceList(nil)")
    printed = ", ".join(f"{quoted(name)}:{printed_quantity(capacity[name])}" for name in sorted(capacity))
    return Raw(f"core.ResourceList{{{printed}}}")


def sources_of(spec: Obj) -> Obj:
    """The fields of a persistent volume's spec that are its source."""
    return {name: value for name, value in spec.items() if name not in _NOT_SOURCES}


def storage_class(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A StorageClass."""
    provisioner = obj.get("provisioner", "")
    if not provisioner:
        errors.append(required("provisioner"))
    else:
        each(errors, "provisioner", provisioner.lower(), names.qualified(provisioner.lower()))
    policy = obj.get("reclaimPolicy", "Delete")
    if policy not in ("Delete", "Retain"):
        errors.append(unsupported("reclaimPolicy", policy, ["Delete", "Retain"]))
    binding = obj.get("volumeBindingMode")
    if binding is None:
        errors.append(required("volumeBindingMode"))
    elif binding not in ("Immediate", "WaitForFirstConsumer"):
        errors.append(unsupported("volumeBindingMode", binding, ["Immediate", "WaitForFirstConsumer"]))
    if old is None:
        return
    for field in ("parameters", "provisioner", "reclaimPolicy"):
        if (obj.get(field) or None) != (old.get(field) or None):
            errors.append(forbidden(field, f"updates to {field} are forbidden."))
    if obj.get("volumeBindingMode") != old.get("volumeBindingMode"):
        errors.append(invalid("volumeBindingMode", obj.get("volumeBindingMode"), "field is immutable"))
