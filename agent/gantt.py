"""The timeline of a run as SVG: a band per stage, its steps packed into lanes, all in the page's colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from agent.model import Run, Stage, Step
from agent.text import clock, duration, one_line, short

__all__ = ["timeline"]

WIDTH = 1000.0
LEFT = 202.0
RIGHT = 12.0
LANE = 15.0
PAD = 7.0
TOP = 26.0


@dataclass(frozen=True)
class _Bar:
    step: Step
    start: float
    end: float


def timeline(run: Run) -> str:
    """The SVG; empty when no step has begun."""
    bands = [(stage, _bars(stage)) for stage in run.stages]
    bars = [bar for _, found in bands for bar in found]
    if not bars:
        return ""
    zero = min(bar.start for bar in bars)
    span = max(max(bar.end for bar in bars) - zero, 1.0)
    scale = (WIDTH - LEFT - RIGHT) / span
    parts: list[str] = []
    y = TOP
    for stage, found in bands:
        lanes = _lanes(found, min_gap=2.0 / scale)
        height = max(len(lanes), 1) * LANE + 2 * PAD
        parts.append(_band(stage, y, height))
        for place, lane in enumerate(lanes):
            parts += [_bar(bar, zero, scale, y + PAD + place * LANE) for bar in lane]
        y += height
    axis = _axis(span, scale, y)
    label = f"Timeline: {len(bars)} steps in {duration(span)}"
    return (
        f'<svg class="gantt" viewBox="0 0 {WIDTH:.0f} {y + 6:.0f}" role="img" aria-label="{escape(label)}">'
        f"{axis}{''.join(parts)}</svg>"
    )


def _bars(stage: Stage) -> list[_Bar]:
    found = [
        _Bar(step, step.started, step.started + max(step.seconds or 0.0, 0.0))
        for step in stage.steps
        if step.started is not None and step.status not in ("pending", "skipped")
    ]
    return sorted(found, key=lambda bar: (bar.start, bar.end))


def _lanes(bars: Sequence[_Bar], min_gap: float) -> list[list[_Bar]]:
    """The bars in as few rows as they fit into without touching."""
    lanes: list[list[_Bar]] = []
    for bar in bars:
        free = next((lane for lane in lanes if lane[-1].end + min_gap <= bar.start), None)
        if free is None:
            lanes.append([bar])
        else:
            free.append(bar)
    return lanes


def _band(stage: Stage, y: float, height: float) -> str:
    shade = (
        f'<rect class="band" x="0" y="{y:.1f}" width="{WIDTH:.0f}" height="{height:.1f}"/>' if stage.number % 2 else ""
    )
    title = escape(short(f"{stage.number}  {stage.title}", 26))
    words = f'<text class="stage" x="8" y="{y + PAD + 11:.1f}">{title}</text>'
    if height > 2 * PAD + LANE + 4 and stage.seconds:
        words += f'<text class="sub" x="20" y="{y + PAD + 25:.1f}">{escape(duration(stage.seconds))}</text>'
    return shade + words


def _bar(bar: _Bar, zero: float, scale: float, y: float) -> str:
    x, width = LEFT + (bar.start - zero) * scale, max((bar.end - bar.start) * scale, 2.5)
    x = min(x, WIDTH - RIGHT - width)
    step = bar.step
    kind = "changed" if step.status == "succeeded" and step.changed else step.status
    words = escape(
        f"{one_line(step.title)} ({step.status}{', changed' if step.changed else ''}), {duration(step.seconds)}"
    )
    label = ""
    if width > 60:
        text = escape(short(step.title, int(width / 6.2)))
        label = f'<text class="in" x="{x + 5:.1f}" y="{y + 10.4:.1f}">{text}</text>'
    return (
        f'<g><title>{words}</title><rect class="bar {escape(kind)}" x="{x:.1f}" y="{y + 1:.1f}" '
        f'width="{width:.1f}" height="{LANE - 3:.1f}" rx="3"/>{label}</g>'
    )


def _axis(span: float, scale: float, bottom: float) -> str:
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600) if span / s <= 9), 7200)
    parts = []
    moment = 0
    while moment <= span:
        x = LEFT + moment * scale
        parts.append(f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6:.0f}" y2="{bottom:.1f}"/>')
        if x < WIDTH - RIGHT - 14 or moment == 0:
            parts.append(f'<text class="axis" x="{x:.1f}" y="{TOP - 11:.0f}">{clock(moment)}</text>')
        moment += step
    return "".join(parts)
