"""How things look on a terminal: the stages, a question with its diff, plans, findings. Only this module knows rich."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agent.confirm import SHOWN_DIFF, Question
from agent.model import Run, Stage, Step
from agent.output import SIMULATED
from agent.text import count, duration, one_line, safe, short

__all__ = [
    "diff_text",
    "failure_lines",
    "grid",
    "mark",
    "question_panel",
    "stage_line",
    "stages_view",
    "summary_view",
]

MARKS: Mapping[str, tuple[str, str]] = {
    "succeeded": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "running": ("●", "cyan"),
    "waiting": ("?", "bold yellow"),
    "skipped": ("–", "dim"),
    "simulated": ("≈", "yellow"),
    "pending": ("○", "dim"),
    "interrupted": ("■", "yellow"),
    "aborted": ("■", "yellow"),
    "rolled_back": ("↺", "yellow"),
    "declined": ("■", "yellow"),
    "warning": ("!", "yellow"),
    "ok": ("✓", "green"),
}
WIDEST = 110
"""Columns; more would tear lines apart."""

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
EFFECTS = {"read": "dim", "create": "green", "change": "yellow", "destroy": "bold red"}


def mark(status: str, beat: int = -1) -> Text:
    """The sign of a status; a running one turns with ``beat``."""
    sign, style = MARKS.get(status, ("·", ""))
    if status == "running" and beat >= 0:
        sign = SPINNER[beat % len(SPINNER)]
    return Text(sign, style)


def grid(*columns: Mapping[str, Any]) -> Table:
    """A table without lines."""
    table = Table.grid(padding=(0, 1))
    for column in columns:
        table.add_column(**column)
    return table


def diff_text(lines: Iterable[str]) -> Text:
    """A unified diff in colour."""
    text = Text(no_wrap=False, overflow="fold")
    for line in lines:
        style = ""
        if line.startswith(("+++", "---")):
            style = "bold"
        elif line.startswith("+"):
            style = "green"
        elif line.startswith("-"):
            style = "red"
        elif line.startswith("@@"):
            style = "cyan"
        text.append(safe(line) + "\n", style)
    text.rstrip()
    return text


def question_panel(question: Question, width: int, shown: int = SHOWN_DIFF) -> RenderableType:
    """A question: what, where, what is added, changed and lost, and the beginning of the diff."""
    style = "red" if question.effect == "destroy" else "yellow"
    parts: list[RenderableType] = [Text(question.summary, "bold")]
    facts = grid({"style": "dim", "no_wrap": True}, {"overflow": "fold", "ratio": 1})
    if question.target:
        facts.add_row("target", Text(question.target))
    for fact in question.facts:
        name, _, value = fact.partition(": ")
        if not value:
            facts.add_row("", Text(fact, "bold red" if "cannot be undone" in fact else ""))
        else:
            facts.add_row(name.lower(), Text(value, "bold red" if name == "LOSES" else ""))
    if facts.row_count:
        parts += [Text(), facts]
    if question.diff:
        hidden = len(question.diff) - shown
        parts += [Text(), diff_text(question.diff[:shown])]
        if hidden > 0:
            parts.append(Text(f"… {count(hidden, 'more line')}: d shows all", "dim"))
    title = Text.assemble((f" {question.effect or 'question'} ", f"bold {style}"))
    foot = Text(f" {question.id} ", "dim") if question.id else None
    return Panel(
        Group(*parts),
        title=title,
        title_align="left",
        subtitle=foot,
        subtitle_align="right",
        border_style=style,
        box=box.ROUNDED,
        width=min(width, 110),
        padding=(0, 1),
    )


def stage_line(stage: Stage, beat: int = -1) -> tuple[Text, ...]:
    """The cells of a stage's line: mark, number and title, steps, changes, seconds."""
    total = len(stage.steps)
    dim = "dim" if stage.status == "pending" else ""
    title = Text(f"{stage.number} {one_line(stage.title)}", dim or "bold")
    steps = Text(f"{stage.done}/{total}" if total else "", "dim")
    if stage.status == "pending" and total:
        steps = Text(count(total, "step"), "dim")
    changes = Text(f"{stage.changes} changed" if stage.changes else "", "dim")
    return mark(stage.status, beat), title, steps, changes, Text(duration(stage.seconds), "dim")


def _stage_grid(width: int) -> Table:
    table = grid(
        {"width": 1},
        {"ratio": 1, "no_wrap": True, "overflow": "ellipsis"},
        {"justify": "right", "no_wrap": True, "min_width": 8},
        {"no_wrap": True, "min_width": 10},
        {"justify": "right", "no_wrap": True, "min_width": 6},
    )
    table.width = min(width, WIDEST)
    return table


def stages_view(run: Run, *, width: int, height: int, now: float, beat: int) -> RenderableType:
    """All stages, each a line; those at work with their steps, as many as the terminal has room for."""
    active = [stage for stage in run.stages if stage.status in ("running", "waiting", "failed")]
    room = max(height - len(run.stages) - 4, 2)
    share = max(room // max(len(active), 1), 2)
    parts: list[RenderableType] = []
    for stage in run.stages:
        line = _stage_grid(width)
        line.add_row(*stage_line(stage, beat))
        parts.append(line)
        if stage in active:
            parts.append(_steps(stage, share, width, now, beat))
    return Group(*parts)


_ORDER = {"failed": 0, "waiting": 1, "running": 2, "succeeded": 3, "simulated": 3, "skipped": 4, "pending": 5}


def _steps(stage: Stage, room: int, width: int, now: float, beat: int) -> RenderableType:
    chosen = _chosen(stage.steps, room)
    inner = min(width, WIDEST) - 4
    longest = max((len(one_line(step.title)) for step in stage.steps), default=0)
    wide = min(longest, int(inner * 0.6))
    table = grid(
        {"width": 1},
        {"width": wide, "no_wrap": True, "overflow": "ellipsis"},
        {"ratio": 1, "no_wrap": True, "overflow": "ellipsis", "style": "dim"},
        {"justify": "right", "style": "dim", "no_wrap": True, "min_width": 5},
    )
    table.width = inner
    for step in chosen:
        seconds = step.seconds
        if step.status == "running" and step.started:
            seconds = max(now - step.started, 0)
        table.add_row(mark(step.status, beat), Text(_fit(step.title, wide)), _remark(step), duration(seconds))
    hidden = [step for step in stage.steps if step not in chosen]
    if hidden:
        over = sum(step.over for step in hidden)
        words = [f"{over} done"] if over else []
        words += [f"{len(hidden) - over} to do"] if len(hidden) > over else []
        table.add_row("", Text(" · ".join(words), "dim"), "", "")
    return Padding(table, (0, 0, 0, 4))


def _fit(title: str, width: int) -> str:
    """The title in that width; what it is about (after the colon) is kept, the rest is cut."""
    line = one_line(title)
    head, colon, about = line.rpartition(": ")
    if len(line) <= width or not colon or len(about) > width - 12:
        return short(line, width)
    return f"{short(head, width - len(about) - 2)}: {about}"


def _chosen(steps: Sequence[Step], room: int) -> list[Step]:
    """The steps that say most: those that failed, wait or run, then the newest ended, then the next."""
    if len(steps) <= room:
        return list(steps)
    place = {id(step): index for index, step in enumerate(steps)}

    def rank(step: Step) -> tuple[int, int]:
        order = _ORDER.get(step.status, 4)
        return order, -place[id(step)] if order in (3, 4) else place[id(step)]

    kept = {id(step) for step in sorted(steps, key=rank)[: max(room - 1, 1)]}
    return [step for step in steps if id(step) in kept]


def _remark(step: Step) -> Text:
    if step.status == "failed":
        return Text(one_line(step.error.get("what") or (step.evidence or [""])[-1]), "red")
    if step.status in ("running", "waiting"):
        return Text(one_line(step.message))
    if step.unknown:
        return Text(f"simulated: {one_line(step.unknown[0])}", "yellow")
    return Text(one_line(step.evidence[0]) if step.evidence else "")


def header(run: Run, verb: str, elapsed: str, width: int) -> RenderableType:
    """What is done, to what, where, and for how long."""
    table = grid({"ratio": 1, "no_wrap": True, "overflow": "ellipsis"}, {"justify": "right", "style": "dim"})
    table.width = min(width, WIDEST)
    where = f" → {run.target}" if run.target else ""
    title = Text.assemble((f"{verb} ", "bold"), (run.application, "bold cyan"), (where, ""))
    if run.simulated:
        title.append("  sandbox (simulated)", "yellow")
    table.add_row(title, elapsed)
    return table


def failure_lines(run: Run) -> list[tuple[str, str]]:
    """What went wrong, for people: (style, line). In a run that succeeded, that are the optional steps."""
    lines: list[tuple[str, str]] = []
    good = run.status == "succeeded"
    for step in run.failed():
        error = step.error
        lines.append(("yellow", f"! {step.title} (optional)") if good else ("bold red", f"✗ {step.title} ({step.id})"))
        what = ": ".join(one_line(error.get(key)) for key in ("what", "why") if error.get(key))
        lines += [("", f"  {short(what, 400)}")] if what else []
        lines += [("dim", f"  - {short(fact, 160)}") for fact in step.evidence[:8] if one_line(fact) not in what]
        lines += [("cyan", f"  try: {one_line(error['remedy'])}")] if error.get("remedy") else []
    if not lines and run.error and not good:
        lines.append(("red", one_line(run.error.get("what") or "")))
    return lines


def summary_view(run: Run, width: int) -> RenderableType:
    """The end of a run: its stages in lines, and what failed."""
    table = _stage_grid(width)
    for stage in run.stages:
        cells = stage_line(stage)
        stopped = run.over and stage.status == "running"
        table.add_row(mark("interrupted") if stopped else cells[0], *cells[1:])
    parts: list[RenderableType] = [table]
    failures = failure_lines(run)
    if failures:
        parts += [Text(), *(Text(line, style) for style, line in failures)]
    return Group(*parts)


def run_view(run: Run, width: int) -> RenderableType:
    """A run in full: every step with what it found."""
    parts: list[RenderableType] = [
        Text.assemble(
            (run.playbook, "bold"), " ", (run.application, "bold cyan"), f" → {run.target}", ("  " + run.id, "dim")
        )
    ]
    for stage in run.stages:
        line = _stage_grid(width)
        line.add_row(*stage_line(stage))
        table = grid(
            {"width": 1}, {"ratio": 1, "overflow": "fold"}, {"justify": "right", "style": "dim", "no_wrap": True}
        )
        table.width = min(width, WIDEST) - 4
        for step in stage.steps:
            title = Text(one_line(step.title), "dim" if step.status in ("pending", "skipped") else "")
            title.append("  changed" if step.changed else "", "yellow")
            table.add_row(mark(step.status), title, duration(step.seconds))
            if step.error:
                table.add_row(
                    "",
                    Text(": ".join(one_line(step.error.get(k)) for k in ("what", "why") if step.error.get(k)), "red"),
                    "",
                )
            for fact in step.evidence[:4]:
                table.add_row("", Text(short(fact, 160), "dim"), "")
        parts += [Text(), line, Padding(table, (0, 0, 0, 4))]
    status = [f"  {SIMULATED}; what is marked ≈ only a real run can prove"] if run.simulated else []
    parts += [Text(line, "yellow") for line in status]
    parts += [Text(), Text.assemble("status: ", (run.status, MARKS.get(run.status, ("", ""))[1] or "bold"))]
    parts += [Text(f"  {one_line(line)}", "cyan") for line in run.advice]
    return Group(*parts)


def run_plain(run: Run) -> str:
    """The same as lines."""
    lines = [f"run {run.id}: {run.playbook} {run.application} on {run.target}"]
    lines[0] += " (simulated)" if run.simulated else ""
    for stage in run.stages:
        lines.append(f"{stage.number} {one_line(stage.title)}: {stage.status} {duration(stage.seconds)}".rstrip())
        for step in stage.steps:
            changed = " changed" if step.changed else ""
            lines.append(f"  {step.status:<11} {one_line(step.title)}{changed} {duration(step.seconds)}".rstrip())
            if step.error:
                lines.append(
                    f"    {': '.join(one_line(step.error.get(k)) for k in ('what', 'why') if step.error.get(k))}"
                )
            lines += [f"    - {short(fact, 160)}" for fact in step.evidence[:4]]
    lines.append(f"status: {run.status}")
    return "\n".join([*lines, *(f"  {one_line(line)}" for line in run.advice)])
