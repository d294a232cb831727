"""What a change would do, and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.planner.answers.health import pods
from agent.planner.answers.parts import bullets, code, fence, items, join, names, text
from agent.text import duration

__all__ = ["impact", "removed", "rolled_back", "workload"]

DIFF_LINES = 40


def impact(data: Mapping[str, Any], diff: bool = True) -> str:
    """What a rollback would do."""
    head = (
        f"**Rolling {code(data.get('release'))} back from revision {data.get('from_revision')} to "
        f"{data.get('to_revision')}**"
    )
    lines = []
    for title, key in (("adds", "added"), ("changes", "changed_objects"), ("removes", "lost")):
        lines += [f"{title} {names(data.get(key) or [])}"] if data.get(key) else []
    lines += [] if lines else ["changes no object"]
    risk = data.get("data_at_risk") or []
    lines.append(f"**data at risk:** {'; '.join(text(line) for line in risk)}" if risk else "no data is at risk")
    missing = [i.get("image") for i in items(data.get("images")) if not i.get("on_node")]
    there = [i.get("image") for i in items(data.get("images")) if i.get("on_node")]
    lines += [f"**its image is not on the node any more:** {names(missing)}"] if missing else []
    lines += [f"its image is still on the node: {names(there)}"] if there and not missing else []
    return join(head, bullets(lines), difference(data.get("diff")) if diff else "")


def difference(value: object) -> str:
    """A diff as a block, cut where it is long."""
    lines = str(value or "").strip("\n").splitlines()
    if not lines:
        return ""
    cut = [*lines[:DIFF_LINES], f"… {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else lines
    return fence(cut, "diff")


def rolled_back(data: Mapping[str, Any]) -> str:
    """A release after its rollback."""
    if data.get("changed") is False:
        return (
            f"{code(data.get('release'))} already is what revision {data.get('to_revision')} was: nothing was changed."
        )
    ready = "and is ready" if data.get("ready") else "but is **not ready** yet"
    head = (
        f"{code(data.get('release'))} is back at revision {data.get('to_revision')} (as revision "
        f"{data.get('revision')}) {ready}."
    )
    return join(head, _cause(data), pods(items(data.get("pods"))), "Say `undo` to go forward again.")


def workload(data: Mapping[str, Any], did: str) -> str:
    """A workload after a change."""
    ready = "is ready" if data.get("ready") else "is **not ready** yet"
    amount = f" with {data['replicas']} replicas" if isinstance(data.get("replicas"), int) else ""
    if data.get("replicas") == 1:
        amount = " with 1 replica"
    nothing = "" if data.get("changed", True) else " Nothing had to be changed."
    return join(
        f"{code(data.get('name'))} was {did} and {ready}{amount}.{nothing}", _cause(data), pods(items(data.get("pods")))
    )


def _cause(data: Mapping[str, Any]) -> str:
    cause = data.get("cause")
    if not isinstance(cause, Mapping):
        return ""
    return join(
        f"Cause: {text(cause.get('summary'))} — {code(cause.get('code'))}",
        bullets(text(e) for e in (cause.get("evidence") or [])[:4]),
    )


def removed(data: Mapping[str, Any]) -> str:
    """A release that was uninstalled."""
    lines = [f"removed: {names(data.get('removed') or [], 8)}"] if data.get("removed") else []
    lines += [f"its data is kept: {names(data['kept_data'])}"] if data.get("kept_data") else []
    lines += (
        [f"**still there:** {names(data['remaining'])}"]
        if data.get("remaining")
        else ["nothing of it is left besides that"]
    )
    took = f" in {duration(data.get('seconds'))}" if data.get("seconds") else ""
    return join(f"{code(data.get('release'))} is uninstalled{took}.", bullets(lines))
