"""Plans and runs of playbooks, as people tell them: what will happen, what happened, what waits, what failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.planner.answers.parts import bullets, code, items, join, table, text
from agent.text import count, duration

__all__ = ["changes_of", "plan", "run", "runs"]

SIGNS = {
    "succeeded": "✓",
    "failed": "✗",
    "waiting": "…",
    "skipped": "–",
    "running": "…",
    "pending": " ",
    "simulated": "~",
}


def changes_of(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps of a plan that would do something."""
    steps = [step for stage in items(data.get("stages")) for step in items(stage.get("steps"))]
    return [step for step in steps if step.get("status") == "planned" and step.get("effect") != "read"]


def plan(data: Mapping[str, Any]) -> str:
    """A plan: a line per stage, and what will be asked."""
    rows = []
    for stage in items(data.get("stages")):
        steps = items(stage.get("steps"))
        todo = [s for s in steps if s.get("status") == "planned" and s.get("effect") != "read"]
        checks = sum(s.get("status") == "planned" and s.get("effect") == "read" for s in steps)
        done = sum(s.get("status") in ("done", "skipped") for s in steps)
        said = [
            part
            for part in (
                f"{len(todo)} to do" if todo else "",
                count(checks, "check") if checks else "",
                f"{done} done already" if done else "",
            )
            if part
        ]
        rows.append([stage.get("number"), stage.get("title"), ", ".join(said) or "nothing"])
    todo = changes_of(data)
    where = f"{code(data.get('target'))}" + (" (simulated)" if data.get("simulated") else "")
    head = f"**Plan: {text(data.get('playbook'))} {code(data.get('application'))} on {where}**"
    asked = items(data.get("confirmations"))
    questions = (
        join(
            f"You will be asked {count(len(asked), 'time')}:",
            bullets(f"{text(c.get('summary'), 160)}" for c in asked[:8]),
        )
        if asked
        else "Nothing of it needs your yes, as far as is known now."
    )
    blocked = [
        s for stage in items(data.get("stages")) for s in items(stage.get("steps")) if s.get("status") == "failed"
    ]
    wrong = (
        join(
            "Not as it should be now:",
            bullets(
                f"{text(s.get('title'))}: {text('; '.join(map(str, (s.get('evidence') or [])[:1])), 160)}"
                for s in blocked[:6]
            ),
        )
        if blocked
        else ""
    )
    nothing = "" if todo else "Everything is in place already: only the checks are left."
    return join(head, table(["stage", "title", "what"], rows), nothing, wrong, questions)


def run(data: Mapping[str, Any], verb: str = "") -> str:
    """A run: how it ended, stage by stage, what failed, what waits, and how to go on."""
    status = str(data.get("status"))
    where = f"{code(data.get('target'))}" + (" (simulated)" if data.get("simulated") else "")
    name = verb or str(data.get("playbook") or "run")
    words = {
        "succeeded": (
            f"**Done: {name} of {code(data.get('application'))} on {where}** in {duration(data.get('seconds'))}."
        ),
        "failed": (
            f"**{name.capitalize()} of {code(data.get('application'))} on {where} failed** after "
            f"{duration(data.get('seconds'))}."
        ),
        "waiting": f"**{name.capitalize()} of {code(data.get('application'))} on {where} waits for a yes.**",
    }
    head = words.get(
        status, f"**{name.capitalize()} of {code(data.get('application'))} on {where} is {text(status)}.**"
    )
    rows = []
    for stage in items(data.get("stages")):
        steps = items(stage.get("steps"))
        changed = sum(bool(step.get("changed")) for step in steps)
        sign = SIGNS.get(str(stage.get("status")), "")
        rows.append(
            [
                f"{sign} {stage.get('number')} {stage.get('title')}",
                stage.get("status"),
                f"{len(steps)} steps, {changed} changed",
                duration(stage.get("seconds")),
            ]
        )
    return join(
        head, table(["stage", "", "", "took"], rows) if rows else "", _failure(data), _waits(data), _tail(data, status)
    )


def _failure(data: Mapping[str, Any]) -> str:
    failure = data.get("failure")
    failed = [
        s for stage in items(data.get("stages")) for s in items(stage.get("steps")) if s.get("status") == "failed"
    ]
    lines = []
    for step in failed[:3]:
        error = step.get("error")
        why = (
            ": ".join(str(error.get(key)) for key in ("what", "why") if error.get(key))
            if isinstance(error, Mapping)
            else ""
        )
        evidence = "; ".join(map(str, (step.get("evidence") or [])[:2]))
        remedy = f" Try: {text(error.get('remedy'))}." if isinstance(error, Mapping) and error.get("remedy") else ""
        lines.append(
            f"{code(step.get('id'))} {text(step.get('title'))}: {text(why or evidence, 300)}.{remedy}".replace(
                "..", "."
            )
        )
    if not lines and isinstance(failure, Mapping):
        lines.append(text(": ".join(str(failure.get(key)) for key in ("what", "why") if failure.get(key)), 400))
    return join("What failed:", bullets(lines)) if lines else ""


def _waits(data: Mapping[str, Any]) -> str:
    waiting = [c for c in items(data.get("confirmations")) if c.get("status") == "waiting"]
    lines = [f"{text(c.get('summary'), 200)} ({code('longshore approve ' + str(c.get('id')))})" for c in waiting[:6]]
    return join("These wait for your yes:", bullets(lines)) if lines else ""


def _tail(data: Mapping[str, Any], status: str) -> str:
    run_id = code(data.get("run_id"))
    lines = [f"Run {run_id}" + (f", report: {code(data.get('report'))}" if data.get("report") else "")]
    if status in ("waiting", "failed", "interrupted"):
        lines.append("Say `resume` to go on: what ended well is not done again.")
    return ". ".join(lines) if data.get("run_id") else ""


def runs(data: Mapping[str, Any]) -> str:
    """The newest runs."""
    found = items(data.get("runs"))
    if not found:
        return "There are no runs yet. Say `deploy` to begin one."
    rows = [
        [
            code(r.get("id")),
            r.get("playbook"),
            r.get("application"),
            r.get("target"),
            r.get("status"),
            duration(r.get("seconds")),
        ]
        for r in found
    ]
    return table(["run", "playbook", "application", "target", "status", "took"], rows, 20)
