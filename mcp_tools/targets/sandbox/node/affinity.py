"""Selectors of nodes, affinity between pods, and spreading over topologies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox.store import Obj, Store

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.node.filters import NodeView

SPREAD = "node(s) didn't match pod topology spread constraints"
Found = tuple[str, bool] | None
"""Why not, and whether removing pods would not help."""


# -- nodes ---------------------------------------------------------------------------------------------------------


def node_matches(pod: Obj, labels: Mapping[str, str], name: str) -> bool:
    """Whether the pod's ``nodeSelector`` and required node affinity match that node."""
    spec = pod["spec"]
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    rules = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = rules.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or terms_match(required.get("nodeSelectorTerms") or (), labels, name)


def terms_match(terms: Iterable[Obj], labels: Mapping[str, str], name: str) -> bool:
    """Whether one of the terms matches; an empty term matches nothing."""
    for term in terms:
        expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
        if not expressions and not fields:
            continue
        facts = {"metadata.name": name}
        if all(requirement(labels, e) for e in expressions) and all(requirement(facts, e) for e in fields):
            return True
    return False


def requirement(labels: Mapping[str, str], wanted: Obj) -> bool:
    """One expression over labels: In, NotIn, Exists, DoesNotExist, Gt, Lt."""
    key, operator, values = wanted["key"], wanted["operator"], wanted.get("values") or []
    has = key in labels
    if operator == "In":
        return has and labels[key] in values
    if operator == "NotIn":
        return not has or labels[key] not in values
    if operator == "Exists":
        return has
    if operator == "DoesNotExist":
        return not has
    try:
        number, limit = int(labels.get(key, "")), int(values[0])
    except (ValueError, IndexError):
        return False
    return number > limit if operator == "Gt" else number < limit


def selector_matches(selector: Obj | None, labels: Mapping[str, str]) -> bool:
    """A label selector; None matches nothing, an empty one everything."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(requirement(labels, entry) for entry in selector.get("matchExpressions") or ())


# -- pods ----------------------------------------------------------------------------------------------------------


def _terms(pod: Obj, kind: str) -> list[Obj]:
    rules = (pod["spec"].get("affinity") or {}).get(kind) or {}
    return list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())


def _term_matches(store: Store, owner: Obj, term: Obj, other: Obj) -> bool:
    """Whether that pod is meant by a term of the owner."""
    space = other["metadata"].get("namespace", "")
    names, selector = term.get("namespaces") or (), term.get("namespaceSelector")
    if not names and selector is None:
        named = space == owner["metadata"].get("namespace", "")
    else:
        namespace = store.get("namespaces", "", space) or {"metadata": {}}
        labels = namespace["metadata"].get("labels") or {}
        named = space in names or (selector is not None and selector_matches(selector, labels))
    return named and selector_matches(term.get("labelSelector"), other["metadata"].get("labels") or {})


def pods_match(store: Store, pod: Obj, node: NodeView, nodes: list[NodeView]) -> Found:
    """InterPodAffinity: what the pod wants near and far, and what those that are there do not want near."""
    near, far = _terms(pod, "podAffinity"), _terms(pod, "podAntiAffinity")
    if near and not _affinity_holds(store, pod, near, node, nodes):
        return "node(s) didn't match pod affinity rules", True
    for term in far:
        if _there(store, pod, term, node, nodes):
            return "node(s) didn't match pod anti-affinity rules", False
    for view in nodes:
        for placed in view.tally.repelling.values():
            for term in _terms(placed.pod, "podAntiAffinity"):
                key = term.get("topologyKey", "")
                same = key in node.labels and node.labels[key] == view.labels.get(key)
                if same and _term_matches(store, placed.pod, term, pod):
                    return "node(s) didn't satisfy existing pods anti-affinity rules", False
    return None


def _there(store: Store, pod: Obj, term: Obj, node: NodeView, nodes: list[NodeView]) -> bool:
    key = term.get("topologyKey", "")
    if key not in node.labels:
        return False
    for view in nodes:
        near = view.labels.get(key) == node.labels[key]
        if near and any(_term_matches(store, pod, term, placed.pod) for placed in view.pods):
            return True
    return False


def _affinity_holds(store: Store, pod: Obj, terms: list[Obj], node: NodeView, nodes: list[NodeView]) -> bool:
    if any(term.get("topologyKey", "") not in node.labels for term in terms):
        return False
    if all(_there(store, pod, term, node, nodes) for term in terms):
        return True
    # The first of a group that wants to be together: nobody matches yet, and it matches its own terms.
    nobody = not any(_term_matches(store, pod, t, placed.pod) for t in terms for v in nodes for placed in v.pods)
    return nobody and all(_term_matches(store, pod, term, pod) for term in terms)


def spread(pod: Obj, node: NodeView, nodes: list[NodeView]) -> Found:
    """PodTopologySpread, for constraints that must hold."""
    space, labels = pod["metadata"].get("namespace", ""), pod["metadata"].get("labels") or {}
    for entry in pod["spec"].get("topologySpreadConstraints") or ():
        if entry.get("whenUnsatisfiable") != "DoNotSchedule":
            continue
        key = entry["topologyKey"]
        if key not in node.labels:
            return f"{SPREAD} (missing required label)", True
        selector = dict(entry.get("labelSelector") or {})
        for name in entry.get("matchLabelKeys") or ():
            if name in labels:
                selector["matchLabels"] = {**(selector.get("matchLabels") or {}), name: labels[name]}
        counts: dict[str, int] = {}
        for view in nodes:
            if key not in view.labels or not node_matches(pod, view.labels, view.name):
                continue
            hits = [
                placed
                for placed in view.pods
                if placed.pod["metadata"].get("namespace") == space
                and not placed.pod["metadata"].get("deletionTimestamp")
                and selector_matches(selector, placed.pod["metadata"].get("labels") or {})
            ]
            counts[view.labels[key]] = counts.get(view.labels[key], 0) + len(hits)
        lowest = min(counts.values(), default=0)
        if entry.get("minDomains") and len(counts) < int(entry["minDomains"]):
            lowest = 0
        own = 1 if selector_matches(selector, labels) else 0
        if counts.get(node.labels[key], 0) + own - lowest > int(entry.get("maxSkew") or 1):
            return SPREAD, False
    return None
