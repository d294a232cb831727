"""Plans for people: what a run would do, and the confirmations that it would need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from agent.model import Plan, Step
from agent.output import SIMULATED
from agent.render import EFFECTS, diff_text, grid
from agent.text import count, one_line, safe, short

__all__ = ["plain_plan", "plan_view", "summary_of"]


def plan_view(plan: Plan, width: int) -> RenderableType:
    """A plan: stages, steps with what each would do, and the confirmations that it needs."""
    parts: list[RenderableType] = [Text(SIMULATED, "yellow")] if plan.simulated else []
    for stage in plan.stages:
        parts.append(Text(f"{stage.number} {one_line(stage.title)}", "bold"))
        table = grid(
            {"width": 8},
            {"ratio": 3, "no_wrap": True, "overflow": "ellipsis"},
            {"ratio": 4, "style": "dim", "no_wrap": True, "overflow": "ellipsis"},
        )
        table.width = min(width, 110) - 2
        for step in stage.steps:
            word = planned_word(step)
            style = {"done": "dim", "skipped": "dim", "failed": "bold red"}.get(word, EFFECTS.get(step.effect, ""))
            fact = one_line(step.evidence[0]) if step.evidence else step.tool
            table.add_row(Text(word, style), Text(one_line(step.title)), Text(fact))
        parts += [Padding(table, (0, 0, 0, 2))]
    parts += [Text(), confirmations_view(plan.confirmations, width), Text()]
    parts.append(Text.assemble(("plan ", "dim"), (plan.digest, "bold")))
    return Group(*parts)


def planned_word(step: Step) -> str:
    """What a planned step would do: its effect, with a question mark where that is known only later."""
    if step.status in ("succeeded", "skipped", "failed"):
        return {"succeeded": "done"}.get(step.status, step.status)
    return f"{step.effect}?" if step.known_after and step.effect != "read" else step.effect


def confirmations_view(items: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    """The confirmations of a plan."""
    if not items:
        return Text("It needs no confirmation for what is known now.", "dim")
    table = grid({"width": 8}, {"ratio": 1, "overflow": "fold"})
    table.width = min(width, 110)
    for item in items:
        effect = str(item.get("effect") or "change")
        table.add_row(Text(effect, EFFECTS.get(effect, "")), Text(short(summary_of(item), 400)))
        for name, names in _lists(item):
            table.add_row("", Text(f"{name}: {names}", "bold red" if name == "loses" else "dim"))
        if item.get("diff"):
            table.add_row("", diff_text(safe(item["diff"]).splitlines()))
    return Group(Text(f"It needs {count(len(items), 'confirmation')}:", "bold"), table)


def _lists(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a confirmation adds, changes and loses."""
    found = (
        (name, item.get(key) or []) for name, key in (("adds", "added"), ("changes", "changed"), ("loses", "lost"))
    )
    return [(name, ", ".join(map(one_line, names))) for name, names in found if isinstance(names, list) and names]


def summary_of(item: Mapping[str, Any]) -> str:
    """What a confirmation is about."""
    preview = item.get("preview")
    inner = preview.get("summary") if isinstance(preview, Mapping) else ""
    return one_line(item.get("summary") or inner or item.get("tool") or "")


def plain_plan(plan: Plan) -> str:
    """The same as lines."""
    lines = [SIMULATED] if plan.simulated else []
    for stage in plan.stages:
        lines.append(f"stage {stage.number} {one_line(stage.title)}")
        for step in stage.steps:
            lines.append(f"  {planned_word(step):<8} {one_line(step.title)}  ({step.id}, {step.tool})")
    lines.append(f"confirmations: {len(plan.confirmations)}")
    for item in plan.confirmations:
        lines.append(f"  {item.get('effect') or 'change'}: {summary_of(item)}")
        lines += [f"    {name}: {names}" for name, names in _lists(item)]
        lines += [f"    {line}" for line in safe(item.get("diff") or "").splitlines()]
    return "\n".join([*lines, f"plan {plan.digest}"])
