"""Role based access control, evaluated against the roles and bindings of the cluster.

Source: ``plugin/pkg/auth/authorizer/rbac`` and ``pkg/registry/rbac/validation``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mcp_tools.targets.sandbox.store import Obj, Store

GROUP = "rbac.authorization.k8s.io"
ROLES, CLUSTER_ROLES = f"roles.{GROUP}", f"clusterroles.{GROUP}"
BINDINGS, CLUSTER_BINDINGS = f"rolebindings.{GROUP}", f"clusterrolebindings.{GROUP}"

Rule = dict[str, Any]


class Asked(NamedTuple):
    """One action. ``resource`` carries its subresource: ``pods/log``; ``path`` is that of a URL that is no resource."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    path: str = ""


def _is_subject(subject: Obj, user: str, groups: tuple[str, ...], namespace: str) -> bool:
    """Whether a subject of a binding is this user; ``namespace`` is the binding's own."""
    if subject["kind"] == "User":
        return bool(subject["name"] == user)
    if subject["kind"] == "Group":
        return subject["name"] in groups
    home = subject.get("namespace") or namespace
    return bool(home) and user == f"system:serviceaccount:{home}:{subject['name']}"


def _role_rules(store: Store, ref: Obj, namespace: str) -> list[Rule] | None:
    """The rules of the role that a binding names; None when there is no such role."""
    if ref["kind"] == "Role":
        role = store.get(ROLES, namespace, ref["name"])
    else:
        role = store.get(CLUSTER_ROLES, "", ref["name"])
    return None if role is None else role.get("rules") or []


def rules(
    store: Store, user: str, groups: tuple[str, ...], namespace: str, missing: list[str] | None = None
) -> Iterator[Rule]:
    """Every rule that holds for a user in a namespace, or in the whole cluster when that is empty.

    The roles that are bound and do not exist are told in ``missing``.
    """
    places = [(binding, "") for binding in store.select(CLUSTER_BINDINGS)]
    if namespace:
        places += [(binding, namespace) for binding in store.select(BINDINGS, namespace)]
    for binding, home in places:
        if any(_is_subject(subject, user, groups, home) for subject in binding.get("subjects") or ()):
            ref = binding["roleRef"]
            found = _role_rules(store, ref, home)
            if found is not None:
                yield from found
            elif missing is not None:
                name = ref["kind"].lower()
                missing.append(f'{name}.{GROUP} "{ref["name"]}" not found')


def allows(rule: Rule, asked: Asked) -> bool:
    """Whether one rule allows the action."""
    if not {"*", asked.verb} & set(rule.get("verbs") or ()):
        return False
    if asked.path:
        return any(_path_matches(pattern, asked.path) for pattern in rule.get("nonResourceURLs") or ())
    if not {"*", asked.group} & set(rule.get("apiGroups") or ()):
        return False
    names = rule.get("resourceNames")
    if names and asked.name not in names:
        return False
    listed = rule.get("resources") or ()
    if "*" in listed or asked.resource in listed:
        return True
    _, slash, below = asked.resource.partition("/")
    return bool(slash) and f"*/{below}" in listed


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def allowed(store: Store, user: str, groups: tuple[str, ...], asked: Asked) -> tuple[bool, str]:
    """Whether the user may do that, and what went wrong on the way when not."""
    if "system:masters" in groups:
        return True, ""
    missing: list[str] = []
    for rule in rules(store, user, groups, asked.namespace, missing):
        if allows(rule, asked):
            return True, ""
    if len(missing) > 1:
        return False, f"RBAC: [{', '.join(missing)}]"
    return False, f"RBAC: {missing[0]}" if missing else ""


def reason(store: Store, user: str, groups: tuple[str, ...], asked: Asked) -> str:
    """The binding that allows the action, in the words of the real authorizer; empty when none does."""
    for key, namespace in ((CLUSTER_BINDINGS, None), (BINDINGS, asked.namespace or "\0")):
        for binding in store.select(key, namespace):
            home = binding["metadata"].get("namespace", "")
            for subject in binding.get("subjects") or ():
                if not _is_subject(subject, user, groups, home):
                    continue
                found = _role_rules(store, binding["roleRef"], home) or ()
                if any(allows(rule, asked) for rule in found):
                    return _said(binding, subject, home)
    return ""


def _said(binding: Obj, subject: Obj, home: str) -> str:
    facts, ref = binding["metadata"], binding["roleRef"]
    title = f'RoleBinding "{facts["name"]}/{home}"' if home else f'ClusterRoleBinding "{facts["name"]}"'
    name = subject["name"]
    if subject["kind"] == "ServiceAccount":
        name = f"{name}/{subject.get('namespace') or home}"
    return f'RBAC: allowed by {title} of {ref["kind"]} "{ref["name"]}" to {subject["kind"]} "{name}"'
