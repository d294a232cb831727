"""Which requests the rules of a webhook or of an admission policy take. Pure.

Source: ``apiserver/pkg/admission/plugin/webhook/predicates`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable

from mcp_tools.targets.sandbox.admission.base import Action
from mcp_tools.targets.sandbox.controllers.common import labels_of, matches
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.store import Obj, Store


def ruled(
    rules: Iterable[Obj] | None, match_policy: str | None, action: Action, kind: Kind, subresource: str, name: str = ""
) -> bool:
    """Whether one of the rules is for that request. ``name`` is the object's, for rules that name objects."""
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    for rule in rules or ():
        scope = rule.get("scope", "*")
        if scope != "*" and (scope == "Namespaced") != kind.namespaced:
            continue
        if not {"*", action} & set(rule.get("operations") or ()):
            continue
        if not {"*", kind.group} & set(rule.get("apiGroups") or ()):
            continue
        # With matchPolicy Equivalent, which is the default, the version does not matter.
        if match_policy == "Exact" and not {"*", kind.version} & set(rule.get("apiVersions") or ()):
            continue
        if rule.get("resourceNames") and name not in rule["resourceNames"]:
            continue
        if any(_names(pattern, resource, kind.plural, subresource) for pattern in rule.get("resources") or ()):
            return True
    return False


def _names(pattern: str, resource: str, plural: str, subresource: str) -> bool:
    if pattern in ("*/*", resource):
        return True
    if pattern == "*":
        return not subresource
    first, slash, second = pattern.partition("/")
    return bool(slash) and ((first == "*" and second == subresource) or (second == "*" and first == plural))


def selected(store: Store, matcher: Obj, kind: Kind, obj: Obj | None, old: Obj | None, namespace: str) -> bool:
    """Whether the labels of the object and of its namespace are those that the matcher wants."""
    wanted = matcher.get("namespaceSelector") or {}
    if wanted and (kind.namespaced or kind.key == "namespaces"):
        home = store.get("namespaces", "", namespace) if kind.namespaced else obj or old
        if home is not None and not matches(wanted, labels_of(home)):
            return False
    wanted = matcher.get("objectSelector") or {}
    found = [each for each in (obj, old) if each is not None]
    return not wanted or any(matches(wanted, labels_of(each)) for each in found)
