"""From a snapshot to findings: every rule's drafts, alike ones merged, symptoms hidden behind what causes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from mcp_tools.diagnosis import (
    rules_config,
    rules_images,
    rules_network,
    rules_releases,
    rules_runtime,
    rules_scheduling,
)
from mcp_tools.diagnosis.findings import CODES, Draft, Finding, Ref, Severity
from mcp_tools.diagnosis.rules_common import template_labels, workloads
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, chosen, ref_of, states
from mcp_tools.diagnosis.sweep import hosts_in

Rule = Callable[[Snapshot], Iterator[Draft]]
RULES: tuple[Rule, ...] = (
    *rules_scheduling.RULES,
    *rules_images.RULES,
    *rules_config.RULES,
    *rules_runtime.RULES,
    *rules_network.RULES,
    *rules_releases.RULES,
)
MAX_EVIDENCE = 8
_REACHES = re.compile(r"refused|no such host|name or service|resolve|unreachable|timed? ?out|connect|getaddrinfo", re.I)


def diagnose(snapshot: Snapshot, concerns: Callable[[Ref], bool] | None = None) -> list[Finding]:
    """Findings, most important first; only those about an object for which ``concerns`` is true, when it is given."""
    drafts = _merged(draft for rule in RULES for draft in rule(snapshot))
    shown = _causes(snapshot, drafts)
    if concerns is not None:
        shown = [draft for draft in shown if any(concerns(ref) for ref in draft.about)]
    return [draft.finding() for draft in sorted(shown, key=lambda draft: draft.order)]


def _merged(drafts: Iterable[Draft]) -> list[Draft]:
    """One draft per code, object and cause: three pods of one Deployment are one finding."""
    found: dict[tuple[str, Ref, str], Draft] = {}
    for draft in drafts:
        key = (draft.code, draft.object, draft.root_cause)
        first = found.setdefault(key, draft)
        if first is draft:
            continue
        first.about |= draft.about
        first.because_of |= draft.because_of
        first.evidence = list(dict.fromkeys([*first.evidence, *draft.evidence]))[:MAX_EVIDENCE]
        first.text = f"{first.text}\n{draft.text}" if draft.text not in first.text else first.text
        first.fix = first.fix or draft.fix
    return list(found.values())


def _causes(snapshot: Snapshot, drafts: list[Draft]) -> list[Draft]:
    """The drafts that nothing else explains; each is told which symptoms it explains."""
    parents = {id(draft): _parent(snapshot, draft, drafts) for draft in drafts}
    shown = []
    for draft in drafts:
        root = _root(draft, parents)
        if root is draft:
            shown.append(draft)
        else:
            root.explains.append(f"{draft.object}: {CODES[draft.code]}")
            if draft.severity is Severity.ERROR and draft.code != "NO_ENDPOINTS":
                root.severity = Severity.ERROR  # something else does not work because of it
    for draft in shown:
        draft.explains = sorted(set(draft.explains))
    return shown


def _root(draft: Draft, parents: dict[int, Draft | None]) -> Draft:
    """The cause of the cause; a circle has none, so each of its members stands for itself."""
    current, seen = draft, {id(draft)}
    while (above := parents[id(current)]) is not None:
        if id(above) in seen:
            return draft
        seen.add(id(above))
        current = above
    return current


def _parent(snapshot: Snapshot, draft: Draft, drafts: list[Draft]) -> Draft | None:
    """What explains a draft: one about what it depends on, or about a service that it cannot reach."""
    causes = [other for other in drafts if other is not draft and other.about & draft.because_of]
    if not causes and draft.code in ("CRASH_LOOP", "PROBE_FAILING"):
        blamed = _blamed(snapshot, draft) | _unready_dependencies(snapshot, draft)
        causes = [o for o in drafts if o is not draft and o.object not in draft.about and o.about & blamed]
    return min(causes, key=lambda other: (bool(other.because_of & draft.about), other.order), default=None)


def _unready_dependencies(snapshot: Snapshot, draft: Draft) -> set[Ref]:
    """The services whose names stand in a workload's variables, when its readiness answers that it is unavailable.

    A readiness path that looks at what the program needs says 503 and not what it misses.
    """
    if not re.search(r"readiness probe .* gets 50[0-9] ", draft.root_cause):
        return set()
    pods = [pod for pod in snapshot.pods_of(draft.object) if ref_of(pod) in draft.about]
    hosts = {host.split(".")[0] for pod in pods for host in _hosts_of(snapshot, pod)}
    found: set[Ref] = set()
    for service in snapshot.all("Service"):
        if ref_of(service).namespace == draft.object.namespace and ref_of(service).name in hosts:
            found |= _behind(snapshot, service)
    return found - draft.about


def _hosts_of(snapshot: Snapshot, pod: Manifest) -> Iterator[str]:
    """The host names in the variables of a pod."""
    space = ref_of(pod).namespace
    for container, _ in states(pod):
        for source in container.get("envFrom") or []:
            for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                prefix = f"{kind}/{space}/{(source.get(field) or {}).get('name')}/"
                yield from (h for key, hosts in snapshot.hosts.items() if key.startswith(prefix) for h in hosts)
        for entry in container.get("env") or []:
            yield from hosts_in(str(entry.get("value") or ""))
            for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                ref = (entry.get("valueFrom") or {}).get(field) or {}
                yield from snapshot.hosts.get(f"{kind}/{space}/{ref.get('name')}/{ref.get('key')}", [])


def _behind(snapshot: Snapshot, service: Manifest) -> set[Ref]:
    """A Service, the pods that it selects, and the workloads that it would select the pods of."""
    ref, selector = ref_of(service), (service.get("spec") or {}).get("selector")
    found = {ref}
    for pod in snapshot.all("Pod"):
        if ref_of(pod).namespace == ref.namespace and chosen(selector, pod["metadata"].get("labels")):
            found |= {ref_of(pod), ref_of(snapshot.workload(pod))}
    for workload in workloads(snapshot):
        if ref_of(workload).namespace == ref.namespace and chosen(selector, template_labels(workload)):
            found.add(ref_of(workload))
    return found


def _blamed(snapshot: Snapshot, draft: Draft) -> set[Ref]:
    """The Services of the namespace that a log names on a line about a failed connection, and what is behind them."""
    lines = [line for line in draft.text.splitlines() if _REACHES.search(line)]
    found: set[Ref] = set()
    for service in snapshot.all("Service"):
        ref = ref_of(service)
        if ref.namespace != draft.object.namespace:
            continue
        named = re.compile(rf"(?<![\w.-]){re.escape(ref.name)}(?![\w-])")
        if any(named.search(line) for line in lines):
            found |= _behind(snapshot, service)
    return found - draft.about
