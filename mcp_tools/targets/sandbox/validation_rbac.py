"""Roles and bindings.

Source: ``pkg/apis/rbac/validation`` of Kubernetes 1.33.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox import validation_meta as meta
from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    Raw,
    each,
    invalid,
    quoted,
    required,
    unsupported,
)

RBAC = "rbac.authorization.k8s.io"


def role(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A Role; its rules are for resources only."""
    for index, rule in enumerate(obj.get("rules") or ()):
        _policy_rule(errors, rule, f"rules[{index}]", namespaced=True)


def cluster_role(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A ClusterRole."""
    for index, rule in enumerate(obj.get("rules") or ()):
        _policy_rule(errors, rule, f"rules[{index}]", namespaced=False)
    for index, chosen in enumerate((obj.get("aggregationRule") or {}).get("clusterRoleSelectors", ())):
        meta.selector(errors, chosen, f"aggregationRule.clusterRoleSelectors[{index}]")


def _policy_rule(errors: Errors, rule: Obj, path: str, *, namespaced: bool) -> None:
    if not rule.get("verbs"):
        errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs", [])
    if urls:
        if namespaced:
            said = "namespaced rules cannot apply to non-resource URLs"
            errors.append(invalid(f"{path}.nonResourceURLs", urls, said))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            said = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid(f"{path}.nonResourceURLs", urls, said))
        return
    if not rule.get("apiGroups"):
        errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))


def role_binding(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A RoleBinding."""
    _binding(errors, obj, old, ("Role", "ClusterRole"), namespaced=True)


def cluster_role_binding(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A ClusterRoleBinding."""
    _binding(errors, obj, old, ("ClusterRole",), namespaced=False)


def _binding(errors: Errors, obj: Obj, old: Obj | None, kinds: tuple[str, ...], *, namespaced: bool) -> None:
    reference = obj.get("roleRef") or {}
    if reference.get("apiGroup") != RBAC:
        errors.append(unsupported("roleRef.apiGroup", reference.get("apiGroup", ""), [RBAC]))
    if reference.get("kind") not in kinds:
        errors.append(unsupported("roleRef.kind", reference.get("kind", ""), kinds))
    name = reference.get("name", "")
    if not name:
        errors.append(required("roleRef.name"))
    else:
        each(errors, "roleRef.name", name, names.path_segment(name))
    for index, subject in enumerate(obj.get("subjects") or ()):
        _subject(errors, subject, f"subjects[{index}]", namespaced)
    if old is not None and reference != old.get("roleRef"):
        shown = Raw(
            f"rbac.RoleRef{{APIGroup:{quoted(reference.get('apiGroup', ''))}, "
            f"Kind:{quoted(reference.get('kind', ''))}, Name:{quoted(name)}}}"
        )
        errors.append(invalid("roleRef", shown, "cannot change roleRef"))


def _subject(errors: Errors, subject: Obj, path: str, namespaced: bool) -> None:
    name, kind, group = subject.get("name", ""), subject.get("kind", ""), subject.get("apiGroup", "")
    if not name:
        errors.append(required(f"{path}.name"))
    if kind == "ServiceAccount":
        if name:
            each(errors, f"{path}.name", name, names.subdomain(name))
        if group:
            errors.append(unsupported(f"{path}.apiGroup", group, [""]))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != RBAC:
            errors.append(unsupported(f"{path}.apiGroup", group, [RBAC]))
    else:
        errors.append(unsupported(f"{path}.kind", kind, ["ServiceAccount", "User", "Group"]))
