"""What an update must not change, kind by kind, with the server's words.

Source: the ``Validate…Update`` functions and the strategies of Kubernetes 1.33.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp_tools.targets.sandbox import validation_diff
from mcp_tools.targets.sandbox.quantity import Quantity
from mcp_tools.targets.sandbox.validation_fields import (
    IMMUTABLE,
    Errors,
    Obj,
    Raw,
    forbidden,
    immutable,
    invalid,
    label_selector,
    quoted,
    required,
)
from mcp_tools.targets.sandbox.validation_resources import amount_of
from mcp_tools.targets.sandbox.validation_storage import sources_of

_STATEFUL = ("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit")
_STATEFUL_MORE = ("persistentVolumeClaimRetentionPolicy", "minReadySeconds")
STATEFUL_SAYS = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
POD_SAYS = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
CLAIM_SAYS = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
WHEN_SET = "field is immutable when `immutable` is set"


def go(value: Any) -> str:
    """A value much as Go prints a struct: exact for texts and numbers, by its JSON names for what has fields."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key[:1].upper()}{key[1:]}:{go(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"{{{', '.join(go(item) for item in value)}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else "nil" if value is None else str(value)


def difference(kind: str, old: Obj, new: Obj) -> str:
    """What differs between two specs, much as go-cmp prints it."""
    lines = [f"  {kind}{{"]
    same = 0
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) == new.get(name):
            same += 1
            continue
        if same:
            lines.append(f"  \t... // {same} identical field{'s' if same > 1 else ''}")
            same = 0
        title = f"{name[:1].upper()}{name[1:]}"
        lines += [f"- \t{title}: {go(old.get(name))},", f"+ \t{title}: {go(new.get(name))},"]
    if same:
        lines.append(f"  \t... // {same} identical field{'s' if same > 1 else ''}")
    return validation_diff.printed([*lines, "  }"])


def _selector(errors: Errors, new: Obj, old: Obj) -> None:
    after, before = new["spec"].get("selector"), old["spec"].get("selector")
    immutable(errors, after, before, "spec.selector", label_selector(after))


def _stateful_set(errors: Errors, new: Obj, old: Obj) -> None:
    def fixed(spec: Obj) -> Obj:
        kept = {name: value for name, value in spec.items() if name not in _STATEFUL + _STATEFUL_MORE}
        # Their status and the names of the kind are not part of what was asked for.
        claims = kept.get("volumeClaimTemplates")
        if claims:
            kept["volumeClaimTemplates"] = [
                {part: value for part, value in claim.items() if part in ("metadata", "spec")} for claim in claims
            ]
        if not kept.get("serviceName"):
            kept.pop("serviceName", None)
        return kept

    if fixed(new["spec"]) != fixed(old["spec"]):
        errors.append(forbidden("spec", STATEFUL_SAYS))


def _job(errors: Errors, new: Obj, old: Obj) -> None:
    after, before = new["spec"], old["spec"]
    elastic = (
        after.get("completionMode") == "Indexed"
        and after.get("completions") == after.get("parallelism")
        and before.get("completions") == before.get("parallelism")
    )
    if not elastic:
        immutable(errors, after.get("completions"), before.get("completions"), "spec.completions")
    immutable(
        errors, after.get("selector"), before.get("selector"), "spec.selector", label_selector(after.get("selector"))
    )
    template, kept = after.get("template", {}), before.get("template", {})
    if before.get("suspend") and not old.get("status", {}).get("startTime"):
        template, kept = _unplaced(template), _unplaced(kept)
    shown = Raw(f"core.PodTemplateSpec{go(after.get('template', {}))}")
    immutable(errors, template, kept, "spec.template", shown)
    for field in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        value = after.get(field)
        immutable(
            errors, value, before.get(field), f"spec.{field}", Raw(go(value)) if isinstance(value, dict) else None
        )


def _unplaced(template: Obj) -> Obj:
    """A template without what may change while a job waits: labels, annotations, where its pods may run."""
    spec = {
        name: value
        for name, value in template.get("spec", {}).items()
        if name not in ("nodeSelector", "affinity", "tolerations", "schedulingGates")
    }
    return {"spec": spec}


def _service(errors: Errors, new: Obj, old: Obj) -> None:
    after, before = new["spec"], old["spec"]
    address = before.get("clusterIP")
    if before.get("type") == "ExternalName" or after.get("type") == "ExternalName" or not address:
        return
    if after.get("clusterIP") != address:
        shown = [after["clusterIP"]] if after.get("clusterIP") else []
        errors.append(invalid("spec.clusterIPs[0]", shown, "may not change once set"))


def _claim(errors: Errors, new: Obj, old: Obj) -> None:
    after, before = dict(new["spec"]), dict(old["spec"])
    where = "spec.resources.requests.storage"
    asked = _storage(errors, after.get("resources"), where)
    had = _storage(errors, before.get("resources"), where)
    held = amount_of(errors, old.get("status", {}).get("capacity", {}).get("storage", "0"), where)
    if not before.get("volumeName"):
        before["volumeName"] = after.get("volumeName")
    if "storageClassName" not in before:
        before["storageClassName"] = after.get("storageClassName")
    if old.get("status", {}).get("phase") == "Bound":
        before["volumeAttributesClassName"] = after.get("volumeAttributesClassName")
        after["resources"] = _resized(after.get("resources"), before.get("resources"))
    fixed, kept = _stripped(after), _stripped(before)
    if fixed != kept:
        shown = validation_diff.difference("core.PersistentVolumeClaimSpec", validation_diff.CLAIM, kept, fixed)
        errors.append(forbidden("spec", f"{CLAIM_SAYS}\n{shown}"))
    if asked is not None and had is not None and held is not None and asked < had and asked <= held:
        errors.append(forbidden(where, "field can not be less than status.capacity"))
    immutable(errors, new["spec"].get("volumeMode"), old["spec"].get("volumeMode"), "volumeMode")


def _storage(errors: Errors, resources: Obj | None, path: str) -> Quantity | None:
    return amount_of(errors, ((resources or {}).get("requests") or {}).get("storage", "0"), path)


def _resized(resources: Obj | None, old: Obj | None) -> Obj:
    """Resources with the size that was, as it may grow."""
    requests, had = dict((resources or {}).get("requests") or {}), (old or {}).get("requests") or {}
    if requests and "storage" in had:
        requests["storage"] = had["storage"]
    return {**(resources or {}), "requests": requests}


def _stripped(spec: Obj) -> Obj:
    return {name: value for name, value in spec.items() if value not in (None, "", {}, [])}


def _volume(errors: Errors, new: Obj, old: Obj) -> None:
    after, before = sources_of(new["spec"]), sources_of(old["spec"])
    if after != before:
        shown = difference("core.PersistentVolumeSource", before, after)
        said = f"spec.persistentvolumesource is immutable after creation\n{shown}"
        errors.append(forbidden("spec.persistentvolumesource", said))
    immutable(errors, new["spec"].get("volumeMode"), old["spec"].get("volumeMode"), "spec.volumeMode")
    kept = old["spec"].get("nodeAffinity")
    if kept is not None and kept != new["spec"].get("nodeAffinity"):
        shown = Raw(f"core.VolumeNodeAffinity{go(new['spec'].get('nodeAffinity'))}")
        errors.append(invalid("spec.nodeAffinity", shown, IMMUTABLE))


def _sealed(errors: Errors, new: Obj, old: Obj, fields: tuple[str, ...]) -> None:
    """A ConfigMap or a Secret that says ``immutable``."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        errors.append(forbidden("immutable", WHEN_SET))
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            errors.append(forbidden(field, WHEN_SET))


def _config_map(errors: Errors, new: Obj, old: Obj) -> None:
    _sealed(errors, new, old, ("data", "binaryData"))


def _secret(errors: Errors, new: Obj, old: Obj) -> None:
    immutable(errors, new.get("type", ""), old.get("type", ""), "type")
    _sealed(errors, new, old, ("data",))


def _endpoint_slice(errors: Errors, new: Obj, old: Obj) -> None:
    immutable(errors, new.get("addressType", ""), old.get("addressType", ""), "addressType")


# -- pods --------------------------------------------------------------------------------------------------------------


def _pod(errors: Errors, new: Obj, old: Obj) -> None:
    after, before = new["spec"], old["spec"]
    for group in ("containers", "initContainers"):
        if len(after.get(group) or ()) != len(before.get(group) or ()):
            errors.append(forbidden(f"spec.{group}", "pod updates may not add or remove containers"))
            return
        for index, container in enumerate(after.get(group) or ()):
            if not container.get("image", "").strip():
                # Said once more than for a new pod, as images are what may be changed.
                errors.append(required(f"spec.{group}[{index}].image"))
    deadline, had = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if deadline is not None and had is not None and deadline > had:
        said = "must be less than or equal to previous value"
        errors.append(invalid("spec.activeDeadlineSeconds", deadline, said))
        return
    if deadline is None and had is not None:
        errors.append(
            invalid("spec.activeDeadlineSeconds", None, "must not update from a positive integer to nil value")
        )
    _tolerations(errors, after, before)
    _gates(errors, after, before)
    fixed = _fixed(after, before)
    if _stripped(fixed) != _stripped(before):
        shown = validation_diff.difference("core.PodSpec", validation_diff.POD, before, fixed)
        errors.append(forbidden("spec", f"{POD_SAYS}\n{shown}"))


def _fixed(spec: Obj, old: Obj) -> Obj:
    """A pod's spec with the old values of what may change."""
    free = ["activeDeadlineSeconds", "tolerations", "schedulingGates"]
    if old.get("schedulingGates"):
        free += ["nodeSelector", "affinity"]
    if old.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        free.append("terminationGracePeriodSeconds")
    kept = {**spec, **{name: old.get(name) for name in free}}
    for group in ("containers", "initContainers"):
        before = old.get(group) or []
        if kept.get(group):
            kept[group] = [{**each, "image": was.get("image")} for each, was in zip(kept[group], before, strict=True)]
    return kept


def _gates(errors: Errors, after: Obj, before: Obj) -> None:
    known = {gate.get("name") for gate in before.get("schedulingGates", ())}
    for index, gate in enumerate(after.get("schedulingGates", ())):
        if gate.get("name") not in known:
            said = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            errors.append(forbidden(f"spec.schedulingGates[{index}].name", said))


def _tolerations(errors: Errors, after: Obj, before: Obj) -> None:
    def plain(toleration: Obj) -> Obj:
        return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}

    there = [plain(toleration) for toleration in after.get("tolerations", ())]
    if any(plain(toleration) not in there for toleration in before.get("tolerations", ())):
        said = "existing toleration can not be modified except its tolerationSeconds"
        errors.append(forbidden("spec.tolerations", said))


_CHECKS: dict[str, Callable[[Errors, Obj, Obj], None]] = {
    "pods": _pod,
    "deployments.apps": _selector,
    "replicasets.apps": _selector,
    "daemonsets.apps": _selector,
    "statefulsets.apps": _stateful_set,
    "jobs.batch": _job,
    "services": _service,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "configmaps": _config_map,
    "secrets": _secret,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
}


BEFORE = frozenset({"services", "configmaps", "secrets"})
"""The kinds whose changes are looked at before what they are."""


def check(errors: Errors, key: str, new: Obj, old: Obj) -> None:
    """Add what the update changes and must not."""
    found = _CHECKS.get(key)
    if found is not None:
        found(errors, {**new, "spec": new.get("spec", {})}, {**old, "spec": old.get("spec", {})})
