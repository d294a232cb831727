"""The acceptance report: what a run proved, in Markdown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

_MARKS = {
    "succeeded": "✓",
    "failed": "✗",
    "skipped": "–",
    "waiting": "?",
    "pending": " ",
    "interrupted": "!",
    "simulated": "≈",
}
_EVIDENCE = 12


def acceptance_report(run: Mapping[str, Any]) -> str:
    """The report of a run's document: the verdict, then every stage with its steps and their evidence."""
    started = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(float(run.get("started_at") or 0)))
    lines = [
        f"# {run['playbook']} of {_line(run['application'])}: {run['status']}",
        "",
        f"Run `{run['run_id']}` on `{run['target']}`, begun {started}, took {run['seconds']:.1f} s.",
    ]
    if run.get("simulated"):
        note = "nothing here ran for real; what is marked ≈ only a real run can prove"
        lines.append(f"\n**sandbox (simulated)**: {note}")
    failure = run.get("failure")
    if failure:
        why = f": {_line(failure['why'])}" if failure.get("why") else ""
        lines += ["", f"Failed at `{failure['step']}`: {_line(failure['what'])}{why}"]
    lines += [f"\n- Next: {_line(text)}" for text in run.get("advice") or []]
    lines += ["", "| Stage | Status | Steps | Changed | Seconds |", "|---|---|---:|---:|---:|"]
    for stage in run["stages"]:
        changed = sum(bool(step["changed"]) for step in stage["steps"])
        lines.append(
            f"| {stage['number']} {stage['title']} | {stage['status']} | {len(stage['steps'])} | {changed} "
            f"| {stage['seconds']:.1f} |"
        )
    for stage in run["stages"]:
        lines += ["", f"## {stage['number']} {stage['title']}", ""]
        for step in stage["steps"]:
            lines += _step(step)
    lines += _confirmations(run.get("confirmations") or [])
    return "\n".join(lines) + "\n"


def _step(step: Mapping[str, Any]) -> list[str]:
    mark = _MARKS.get(str(step["status"]), " ")
    did = " changed," if step["changed"] else ""
    lines = [
        f"- {mark} **{_line(step['title'])}** (`{step['id']}`, `{step['tool']}`):{did} {step['status']}, "
        f"{step['seconds']:.1f} s"
    ]
    evidence = step.get("evidence") or []
    lines += [f"  - {_line(text)}" for text in evidence[:_EVIDENCE]]
    if len(evidence) > _EVIDENCE:
        lines.append(f"  - … and {len(evidence) - _EVIDENCE} more")
    if step.get("docs"):
        lines.append(f"  - look-up: {step['docs']} ({step.get('docs_source') or 'not made'})")
    return lines


def _confirmations(found: list[Mapping[str, Any]]) -> list[str]:
    if not found:
        return []
    lines = ["", "## Confirmations", ""]
    for item in found:
        by = f" by {_line(item['answered_by'])}" if item.get("answered_by") else ""
        lines.append(f"- `{item['id']}` {item['tool']}: {item['status']}{by}: {_line(item['summary'])}")
    return lines


def _line(text: Any) -> str:
    """On one line, and no markup of its own."""
    flat = " ".join(str(text).split())
    flat = flat.replace("\\", "\\\\").replace("<", "&lt;").replace("|", "\\|").replace("`", "'")
    return flat.replace("[", "\\[").replace("]", "\\]")  # no link, and no picture that a viewer would fetch
