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
from mcp_tools.diagnosis.findings import CODES, Draft, Finding, Ref
from mcp_tools.diagnosis.snapshot import Snapshot, chosen, ref_of

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
    """What explains a draft: a draft about what it depends on, else one about a service that its log complains of."""
    causes = [other for other in drafts if other is not draft and other.about & draft.because_of]
    if not causes and draft.code in ("CRASH_LOOP", "PROBE_FAILING") and draft.text:
        blamed = _blamed(snapshot, draft)
        causes = [o for o in drafts if o is not draft and o.object not in draft.about and o.about & blamed]
    return min(causes, key=lambda other: (bool(other.because_of & draft.about), other.order), default=None)


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
            found.add(ref)
            selector = (service.get("spec") or {}).get("selector")
            pods = [pod for pod in snapshot.all("Pod") if ref_of(pod).namespace == ref.namespace]
            for pod in (p for p in pods if chosen(selector, p["metadata"].get("labels"))):
                found |= {ref_of(pod), ref_of(snapshot.workload(pod))}
    return found - draft.about
