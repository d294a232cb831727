"""Nobody grants what they do not hold: the check on new roles and bindings.

Source: ``pkg/registry/rbac/validation/rule.go`` and ``policy_compact.go``, and the ``policybased`` storages.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import errors, rbac
from mcp_tools.targets.sandbox.bootstrap_names import CONTROLLERS
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.rbac import Rule
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.admitting import Action
    from mcp_tools.targets.sandbox.api import Api

_ROLES = frozenset({rbac.ROLES, rbac.CLUSTER_ROLES})
_BINDINGS = frozenset({rbac.BINDINGS, rbac.CLUSTER_BINDINGS})


class Escalation:
    """Refuses roles and bindings that give more than the one who writes them may do."""

    def __init__(self, api: Api) -> None:
        self._store = api.store

    def admit(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Change nothing."""

    def validate(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Compare what is granted with what is held.

        Raises:
            ApiError: 403; 404, a binding to a role that is not there.
        """
        if kind.key not in _ROLES | _BINDINGS or obj is None or request.master or request.user in CONTROLLERS:
            return
        home = namespace if kind.namespaced else ""
        if kind.key in _ROLES:
            granted = obj.get("rules") or []
            if old is not None and (old.get("rules") or []) == granted:
                return
            allowed = self._may(request, "escalate", kind.plural, home, obj["metadata"]["name"])
        else:
            ref = obj["roleRef"]
            granted = self._rules(ref, home)
            allowed = self._may(request, "bind", f"{ref['kind'].lower()}s", home, ref["name"])
        if allowed:
            return
        held = list(rbac.rules(self._store, request.user, request.groups, home))
        missing = [part for rule in granted for part in broken_down(rule) if not any(covers(own, part) for own in held)]
        if missing:
            raise errors.forbidden(kind, obj["metadata"]["name"], _said(request, missing))

    def _may(self, request: Request, verb: str, plural: str, namespace: str, name: str) -> bool:
        asked = rbac.Asked(verb, rbac.GROUP, plural, namespace, name)
        return rbac.allowed(self._store, request.user, request.groups, asked)[0]

    def _rules(self, ref: Obj, namespace: str) -> list[Rule]:
        key, home = (rbac.ROLES, namespace) if ref["kind"] == "Role" else (rbac.CLUSTER_ROLES, "")
        role = self._store.get(key, home, ref["name"])
        if role is None:
            name = f"{ref['kind'].lower()}.{rbac.GROUP}"
            details = {"name": ref["name"], "group": rbac.GROUP, "kind": ref["kind"].lower()}
            raise ApiError(404, f'{name} "{ref["name"]}" not found', details=details)
        return role.get("rules") or []


def broken_down(rule: Rule) -> Iterator[Rule]:
    """The rule as rules of one verb on one resource each."""
    for verb in rule.get("verbs") or ():
        for path in rule.get("nonResourceURLs") or ():
            yield {"verbs": [verb], "nonResourceURLs": [path]}
    for group, resource in itertools.product(rule.get("apiGroups") or (), rule.get("resources") or ()):
        for verb in rule.get("verbs") or ():
            part = {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
            names = rule.get("resourceNames")
            if not names:
                yield part
            for name in names or ():
                yield {**part, "resourceNames": [name]}


def covers(own: Rule, part: Rule) -> bool:
    """Whether a rule that is held contains one that was broken down."""
    if not {"*", part["verbs"][0]} & set(own.get("verbs") or ()):
        return False
    if "nonResourceURLs" in part:
        path = part["nonResourceURLs"][0]
        return any(
            pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))
            for pattern in own.get("nonResourceURLs") or ()
        )
    if not {"*", part["apiGroups"][0]} & set(own.get("apiGroups") or ()):
        return False
    resource = part["resources"][0]
    _, slash, below = resource.partition("/")
    if not {"*", resource, f"*/{below}" if slash else resource} & set(own.get("resources") or ()):
        return False
    names = own.get("resourceNames")
    return not names or ("resourceNames" in part and part["resourceNames"][0] in names)


def _said(request: Request, missing: list[Rule]) -> str:
    lines = sorted({_line(rule) for rule in compact(missing)})
    groups = " ".join(f'"{group}"' for group in request.groups)
    return (
        f'user "{request.user}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n'
        + "\n".join(lines)
    )


def compact(rules: Iterable[Rule]) -> list[Rule]:
    """Rules on one resource put together, with all their verbs; the others as they are."""
    found: dict[tuple[str, str, str], Rule] = {}
    others: list[Rule] = []
    for rule in rules:
        if "nonResourceURLs" in rule:
            others.append(rule)
            continue
        place = (rule["apiGroups"][0], rule["resources"][0], next(iter(rule.get("resourceNames", ())), ""))
        known = found.setdefault(place, {**rule, "verbs": []})
        if rule["verbs"][0] not in known["verbs"]:
            known["verbs"].append(rule["verbs"][0])
    return [*found.values(), *others]


def _line(rule: Rule) -> str:
    names = ("apiGroups", "resources", "nonResourceURLs", "resourceNames", "verbs")
    titles = ("APIGroups", "Resources", "NonResourceURLs", "ResourceNames", "Verbs")
    parts = []
    for name, title in zip(names, titles, strict=True):
        if values := rule.get(name):
            quoted = " ".join(f'"{value}"' for value in values)
            parts.append(f"{title}:[{quoted}]")
    return f"{{{', '.join(parts)}}}"
