"""ConfigMaps, Secrets and the small kinds.

Source: the ``validation.go`` of their groups in Kubernetes 1.33.
"""

from __future__ import annotations

import base64
import json

from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    Raw,
    each,
    forbidden,
    invalid,
    required,
    too_long,
    unsupported,
)

MAX_SECRET = 1024 * 1024


def config_map(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A ConfigMap."""
    total = 0
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key, value in data.items():
        each(errors, f"data[{key}]", key, names.config_key(key))
        if key in binary:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        total += names.size(value)
    for key, value in binary.items():
        each(errors, f"binaryData[{key}]", key, names.config_key(key))
        total += len(value) * 3 // 4
    if total > MAX_SECRET:
        errors.append(too_long("[]", MAX_SECRET))


_NEEDED = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def secret(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A Secret."""
    data, total = obj.get("data") or {}, 0
    for key, value in data.items():
        each(errors, f"data[{key}]", key, names.config_key(key))
        total += len(value) * 3 // 4
    if total > MAX_SECRET:
        errors.append(too_long("data", MAX_SECRET))
    kind = obj.get("type", "")
    if kind == "kubernetes.io/service-account-token":
        name = (obj.get("metadata", {}).get("annotations") or {}).get("kubernetes.io/service-account.name")
        if not name:
            errors.append(required("metadata.annotations[kubernetes.io/service-account.name]"))
    elif kind == "kubernetes.io/basic-auth" and "username" not in data and "password" not in data:
        errors += [required("data[username]"), required("data[password]")]
    for key in _NEEDED.get(kind, ()):
        if not data.get(key) and not (key in data and kind.endswith("tls")):
            errors.append(required(f"data[{key}]"))
        elif key in (".dockercfg", ".dockerconfigjson"):
            _json(errors, data[key], f"data[{key}]")


_JSON = (
    ("Expecting property name", "looking for beginning of object key string"),
    ("Expecting ':'", "after object key"),
    ("Expecting ','", "after object key:value pair"),
    ("Extra data", "after top-level value"),
)
"""What Go's decoder says where Python's says this."""


def _json(errors: Errors, encoded: str, path: str) -> None:
    text = base64.b64decode(encoded).decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            why = "unexpected end of JSON input"
        else:
            where = next(
                (where for said, where in _JSON if error.msg.startswith(said)), "looking for beginning of value"
            )
            why = f"invalid character '{text[error.pos]}' {where}"
        errors.append(invalid(path, "<secret contents redacted>", why))
        return
    if not isinstance(found, dict):
        what = "string" if isinstance(found, str) else "array" if isinstance(found, list) else "number"
        why = f"json: cannot unmarshal {what} into Go value of type map[string]interface {{}}"
        errors.append(invalid(path, "<secret contents redacted>", why))


# -- the rest ----------------------------------------------------------------------------------------------------------


def priority_class(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A PriorityClass."""
    name, value = obj.get("metadata", {}).get("name", ""), obj.get("value", 0)
    if name.startswith("system-"):
        if name not in ("system-cluster-critical", "system-node-critical"):
            said = (
                "priority class names with 'system-' prefix are reserved for system use only. error: "
                f"{name} is not a known system priority class"
            )
            errors.append(forbidden("metadata.name", said))
    elif value > 1_000_000_000:
        said = "maximum allowed value of a user defined priority is 1000000000"
        errors.append(forbidden("value", said))
    policy = obj.get("preemptionPolicy", "PreemptLowerPriority")
    if policy not in ("PreemptLowerPriority", "Never"):
        errors.append(unsupported("preemptionPolicy", policy, ["PreemptLowerPriority", "Never"]))
    if old is not None:
        if value != old.get("value", 0):
            errors.append(forbidden("value", "may not be changed in an update."))
        if policy != old.get("preemptionPolicy", "PreemptLowerPriority"):
            errors.append(invalid("preemptionPolicy", policy, "field is immutable"))


def definition(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A CustomResourceDefinition: its name, group, names and versions."""
    spec = obj.get("spec", {})
    group, kinds = spec.get("group", ""), spec.get("names") or {}
    name = obj.get("metadata", {}).get("name", "")
    if name and name != f"{kinds.get('plural', '')}.{group}":
        errors.append(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    if not group:
        errors.append(required("spec.group"))
    else:
        each(errors, "spec.group", group, names.subdomain(group))
    scope = spec.get("scope", "")
    if scope not in ("Cluster", "Namespaced"):
        errors.append(unsupported("spec.scope", scope, ["Cluster", "Namespaced"]))
    for field in ("plural", "singular", "kind", "listKind"):
        value = kinds.get(field, "")
        if not value:
            errors.append(required(f"spec.names.{field}"))
        else:
            each(errors, f"spec.names.{field}", value, names.dns1035(value.lower()))
    versions = spec.get("versions") or []
    stored = sum(1 for version in versions if version.get("storage"))
    if stored != 1:
        said = "must have exactly one version marked as storage version"
        errors.append(invalid("spec.versions", Raw("[]apiextensions.CustomResourceDefinitionVersion(nil)"), said))
    for index, version in enumerate(versions):
        each(errors, f"spec.versions[{index}].name", version.get("name", ""), names.dns1035(version.get("name", "")))
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            errors.append(required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required"))
    if old is not None:
        before = old.get("spec", {})
        for field in ("group", "scope"):
            if spec.get(field) != before.get(field):
                errors.append(invalid(f"spec.{field}", spec.get(field), "field is immutable"))
