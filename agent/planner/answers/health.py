"""How things are: findings with their cause, evidence and fix; releases and pods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.planner.answers.parts import bullets, code, fence, items, join, names, table, text
from agent.text import ago, count, when

__all__ = ["finding", "findings", "fix_words", "pods", "release_status", "releases", "where"]

SHOWN = 3
EFFECTS = {
    "read": "it only looks",
    "create": "it adds something new",
    "change": "it changes something that runs, so you are asked first",
    "destroy": "something is lost by it, so you are asked first",
}


def where(found: Mapping[str, Any]) -> str:
    """The object of a finding."""
    about = found.get("object")
    about = about if isinstance(about, Mapping) else {}
    return code("/".join(str(about[key]) for key in ("kind", "name") if about.get(key)))


def findings(found: Sequence[Mapping[str, Any]], about: str, *, skip: int = 0) -> str:
    """The findings, the most important ones in full."""
    shown = found[skip : skip + SHOWN]
    errors = sum(f.get("severity") != "warning" for f in found)
    if skip:
        head = ""
    elif errors:
        head = f"**{about}: {count(errors, 'problem')} found**" + (
            f", and {count(len(found) - errors, 'warning')}" if len(found) > errors else ""
        )
    else:
        head = f"**{about}: works, with {count(len(found), 'warning')}**"
    left = len(found) - skip - len(shown)
    tail = f"… and {left} more: say `more`." if left > 0 else ""
    return join(head, *(finding(f, place + 1 + skip, len(found)) for place, f in enumerate(shown)), tail)


def finding(found: Mapping[str, Any], place: int = 1, of: int = 1) -> str:
    """One finding: cause, evidence, symptoms, fix."""
    number = f"{place}. " if of > 1 else ""
    warning = " (warning)" if found.get("severity") == "warning" else ""
    lines = [f"{number}{where(found)} {text(found.get('root_cause'))} — {code(found.get('code'))}{warning}"]
    evidence = [str(line) for line in found.get("evidence") or []]
    if evidence:
        lines += ["", "Evidence:", "", fence(evidence[:6])]
    explains = found.get("explains") or []
    if explains:
        lines += ["", f"It explains {len(explains)} of the symptoms: {names(explains, 4)}"]
    fix = found.get("fix")
    if isinstance(fix, Mapping):
        lines += ["", f"Fix: {fix_words(fix)}"]
    elif found.get("remedy"):
        lines += ["", f"What to do: {text(found['remedy'])}"]
    return "\n".join(lines)


def fix_words(fix: Mapping[str, Any]) -> str:
    """The proposed call."""
    effect = EFFECTS.get(str(fix.get("effect")), "")
    return f"{text(fix.get('summary'))} ({code(fix.get('tool'))}; {effect})"


def pods(found: Sequence[Mapping[str, Any]]) -> str:
    """Pods as a table."""
    rows = [
        [code(p.get("name")), p.get("ready"), p.get("reason") or p.get("phase"), p.get("restarts", 0)] for p in found
    ]
    return table(["pod", "ready", "state", "restarts"], rows) if rows else ""


def releases(found: Sequence[Mapping[str, Any]], now: float) -> str:
    """Releases as a table."""
    rows = [
        [
            code(r.get("name")),
            r.get("namespace"),
            r.get("revision"),
            r.get("status"),
            r.get("chart"),
            ago(when(r.get("updated")), now),
        ]
        for r in found
    ]
    return table(["release", "namespace", "revision", "status", "chart", "updated"], rows)


def release_status(data: Mapping[str, Any]) -> str:
    """One release: what it is, its pods, and why it is not ready."""
    ready = "ready" if data.get("ready") else "**not ready**"
    head = f"{code(data.get('release'))} is {text(data.get('status'))}, revision {data.get('revision')}, and {ready}."
    cause = data.get("cause")
    why = ""
    if isinstance(cause, Mapping):
        evidence = [text(line) for line in cause.get("evidence") or []]
        why = join(f"Cause: {text(cause.get('summary'))} — {code(cause.get('code'))}", bullets(evidence[:4]))
    return join(head, pods(items(data.get("pods"))), why)
