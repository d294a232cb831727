"""A run's report: one HTML page that needs nothing else. Everything in it is escaped; it holds no script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from agent import diagram, gantt
from agent.model import Run, Step, mappings
from agent.text import count, duration, one_line, safe, short, when

__all__ = ["render"]

TEMPLATES = Path(__file__).parent / "templates"
_FACTS = 40
_CELL = 2000


def render(run: Run, details: Mapping[str, Any], application: Mapping[str, Any] | None = None) -> str:
    """The page.

    Args:
        run: the run with its stages.
        details: ``longshore://runs/{id}``: ``run``, ``steps``, ``confirmations``, ``calls``.
        application: the longshore.yaml, for the diagram.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(duration=duration, clean=_clean, moment=_moment, json=_json)
    records = {str(step.get("id")): step for step in mappings(details.get("steps"))}
    _complete(run, records)
    picture = diagram.read_map(application or {}, _edges(records.values()))
    return environment.get_template("report.html.j2").render(
        run=run,
        facts=_head(run),
        stages=[{"stage": stage, "steps": [_step(step, records) for step in stage.steps]} for stage in run.stages],
        timeline=Markup(gantt.timeline(run)),  # noqa: S704 (drawn here, its texts escaped)
        map=Markup(diagram.draw(picture)),  # noqa: S704 (the same)
        broken=[edge for edge in picture.edges if edge.ok is False],
        checked=any(edge.ok is not None for edge in picture.edges),
        confirmations=[_confirmation(item) for item in mappings(details.get("confirmations"))],
        rollbacks=_rollbacks(run, records),
        calls=[_call(item) for item in mappings(details.get("calls")) if item.get("tool")],
    )


def _complete(run: Run, records: Mapping[str, Mapping[str, Any]]) -> None:
    """What the journal knows better than the run's summary: when each step began."""
    for step in run.steps():
        record = records.get(step.id)
        if record is None:
            continue
        full = Step.read(record)
        step.started = step.started or full.started
        step.seconds = step.seconds if step.seconds is not None else full.seconds
        step.evidence = step.evidence or full.evidence
        step.error = step.error or full.error
        step.skill = step.skill or full.skill


def _head(run: Run) -> list[tuple[str, str]]:
    steps = run.steps()
    failed = len(run.failed())
    unproven = sum(step.status == "simulated" for step in steps)
    started = run.started or min((s.started for s in steps if s.started), default=None)
    facts = [
        ("Run", run.id),
        ("Target", run.target + (" (simulated)" if run.simulated else "")),
        ("Started", _moment(started, "%Y-%m-%d %H:%M %Z")),
        ("Took", duration(run.seconds)),
        ("Steps", f"{sum(s.status == 'succeeded' for s in steps)} of {len(steps)} succeeded"),
        ("Simulated", f"{count(unproven, 'step')} that only a real run can prove" if unproven else ""),
        ("Changed", count(sum(s.changed for s in steps), "step") if any(s.changed for s in steps) else "nothing"),
    ]
    facts += [("Failed", count(failed, "step"))] if failed else []
    return [(name, value) for name, value in facts if value]


def _step(step: Step, records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    record = records.get(step.id, {})
    expectations = [
        {
            "that": one_line(item.get("that") or item.get("expression") or item.get("text")),
            "ok": bool(item.get("ok", item.get("passed", item.get("true")))),
            "why": one_line(item.get("otherwise") or item.get("why") or ""),
        }
        for item in mappings(record.get("expectations"))
    ]
    return {
        "step": step,
        "expectations": expectations,
        "docs": one_line(record.get("docs") or ""),
        "docs_source": one_line(record.get("docs_source") or ""),
        "plan": ", ".join(map(one_line, record.get("plan") or [])),
        "evidence": [short(fact, 400) for fact in step.evidence[:_FACTS]],
        "args": record.get("args") or {},
    }


def _edges(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for record in records:
        result = record.get("result")
        if record.get("tool") == "check_connectivity" and isinstance(result, Mapping):
            found += mappings(result.get("edges"))
    return found


def _confirmation(item: Mapping[str, Any]) -> dict[str, Any]:
    preview = item.get("preview")
    preview = preview if isinstance(preview, Mapping) else {}
    status = str(item.get("status") or "")
    diff = safe(preview.get("diff") or "")
    return {
        "id": one_line(item.get("id")),
        "status": status,
        "answer": {"used": "yes, and done", "approved": "yes", "declined": "no"}.get(status, status),
        "tool": one_line(item.get("tool")),
        "effect": one_line(item.get("effect")),
        "summary": one_line(preview.get("summary") or item.get("summary") or ""),
        "asked": when(item.get("asked_at")),
        "answered": when(item.get("answered_at")),
        "by": one_line(item.get("answered_by") or ""),
        "channel": one_line(item.get("channel") or ""),
        "digest": one_line(item.get("digest"))[:16],
        "lists": [
            (title, [one_line(name) for name in preview.get(key) or []])
            for title, key in (("adds", "added"), ("changes", "changed"), ("loses", "lost"))
            if preview.get(key)
        ],
        "diff": [(_kind(line), line) for line in diff.splitlines()],
    }


def _kind(line: str) -> str:
    if line.startswith(("+++", "---")):
        return "file"
    return {"+": "plus", "-": "minus", "@": "at"}.get(line[:1], "")


def _rollbacks(run: Run, records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Triggers that fired, and rollbacks with their reasons."""
    triggers: list[dict[str, Any]] = []
    done: list[dict[str, Any]] = []
    for step in run.steps():
        result = records.get(step.id, {}).get("result")
        result = result if isinstance(result, Mapping) else {}
        if step.tool == "check_triggers":
            triggers += [
                {"title": one_line(t.get("title") or t.get("id")), "fired": bool(t.get("fired")), "evidence": _facts(t)}
                for t in mappings(result.get("triggers"))
            ]
        elif step.tool in ("helm_rollback", "helm_uninstall") and step.status not in ("pending", "skipped"):
            where = (
                f"revision {result.get('from_revision')} → {result.get('to_revision')}"
                if result.get("to_revision")
                else ""
            )
            done.append({"step": step, "where": where, "reason": one_line(result.get("reason") or "")})
    return {"triggers": triggers, "done": done}


def _facts(item: Mapping[str, Any]) -> str:
    evidence = item.get("evidence")
    return "; ".join(map(one_line, evidence)) if isinstance(evidence, list) else one_line(evidence or "")


def _call(item: Mapping[str, Any]) -> dict[str, Any]:
    argv = item.get("argv")
    commands = [" ".join(map(str, words)) if isinstance(words, list) else str(words) for words in argv or []]
    return {
        "at": when(item.get("at")),
        "tool": one_line(item.get("tool")),
        "effect": one_line(item.get("effect")),
        "status": one_line(item.get("status")),
        "changed": bool(item.get("changed")),
        "seconds": item.get("seconds") if isinstance(item.get("seconds"), (int, float)) else None,
        "client": one_line(item.get("client")),
        "commands": [one_line(command)[:_CELL] for command in commands],
    }


def _clean(value: object) -> str:
    return one_line(value)


def _moment(value: float | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    if value is None:
        return ""
    return datetime.fromtimestamp(value).astimezone().strftime(form).strip()


def _json(value: object) -> str:
    return safe(json.dumps(value, indent=1, ensure_ascii=False, default=str))[:_CELL]
