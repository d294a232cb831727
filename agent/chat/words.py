"""What happens in a conversation, in words: calls and results on one line, what was spent, how a turn ended."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from agent.chat.events import Spent, ToolFinished, TurnEnded
from agent.output import SIMULATED
from agent.settings import FILE
from agent.text import count, one_line, short

__all__ = ["about_line", "arguments_line", "ended_line", "result_line", "spent_line", "unfenced"]

_FIRST = ("playbook", "name", "release", "kind", "service", "path", "application", "namespace")
"""Arguments that say what a call is about; they come first."""


_FENCE = re.compile(r"^</?untrusted(?: [^<>\n]*)?>[ \t]*\n?", re.MULTILINE)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        line = one_line(value).removesuffix(f"/{FILE}")
        return line if line and " " not in line else f'"{line}"'
    if isinstance(value, (list, tuple)) and all(isinstance(item, (str, int)) for item in value):
        return ",".join(one_line(item) for item in value)
    if isinstance(value, (list, tuple, Mapping)):
        return one_line(json.dumps(value, ensure_ascii=False, default=str))
    return one_line(value)


def arguments_line(arguments: Mapping[str, Any], width: int = 100) -> str:
    """``name=todo-backend namespace=todo``, cut to the width."""
    given = {key: value for key, value in arguments.items() if value not in (None, "", [], {})}
    order = sorted(given, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
    return short(" ".join(f"{one_line(key)}={_value(given[key])}" for key in order), width)


def result_line(event: ToolFinished, width: int = 100) -> str:
    """The first thing that a result says; of a failure, what and why."""
    if event.problem:
        parts = [one_line(event.problem.get(key)) for key in ("what", "why") if event.problem.get(key)]
        return short(": ".join(parts), width)
    if summary := _summary(event.data):
        return short(summary, width)
    lines = [line for line in map(one_line, unfenced(event.text).splitlines()) if line.strip("#=-*| ")]
    lines = [line for line in lines if line != SIMULATED] or lines
    more = f"  (+{count(len(lines) - 1, 'line')})" if len(lines) > 1 else ""
    return short(lines[0] if lines else "", width - len(more)) + more


def _summary(data: Mapping[str, Any]) -> str:
    """What the structured data of well-known shapes says; empty for others."""
    if isinstance(data.get("findings"), list):
        found = [item for item in data["findings"] if isinstance(item, Mapping)]
        causes = ", ".join(f"{one_line(item.get('code'))} {_about(item.get('object'))}".strip() for item in found)
        return f"{count(len(found), 'finding')}: {causes}" if found else "nothing is wrong"
    if isinstance(data.get("rows"), list) and isinstance(data.get("columns"), list):
        return _named(count(len(data["rows"]), "row"), _column(data["columns"], data["rows"]))
    if isinstance(data.get("releases"), list):
        names = [one_line(item.get("name")) for item in data["releases"] if isinstance(item, Mapping)]
        return _named(count(len(names), "release"), names)
    if data.get("run_id") and data.get("status"):
        return f"{one_line(data['status'])}: run {one_line(data['run_id'])}"
    return one_line(data["summary"]) if isinstance(data.get("summary"), str) else ""


def _about(thing: Any) -> str:
    return one_line(thing.get("name") or "") if isinstance(thing, Mapping) else ""


def _column(columns: list[Any], rows: list[Any]) -> list[str]:
    place = next((i for i, name in enumerate(columns) if str(name).lower() == "name"), -1)
    return [one_line(row[place]) for row in rows if isinstance(row, list) and 0 <= place < len(row)]


def _named(counted: str, names: list[str]) -> str:
    return f"{counted}: {', '.join(names)}" if names else counted


def unfenced(text: str) -> str:
    """A result as people read it: without the marks that tell a model what is data."""
    return _FENCE.sub("", text)


def spent_line(spent: Spent) -> str:
    """``3 turns · 5 calls · 12k tokens · $0.04``; what is zero is not named."""
    parts = [count(spent.turns, "turn")] if spent.turns else []
    parts += [count(spent.calls, "call")] if spent.calls else []
    tokens = spent.input_tokens + spent.output_tokens
    if tokens:
        parts.append(f"{tokens} tokens" if tokens < 1000 else f"{tokens / 1000:.1f}k tokens")
        if spent.money is not None:
            parts.append(f"${spent.money:.2f}" if spent.money >= 0.005 else f"${spent.money:.4f}")
    return " · ".join(parts)


def about_line(about: Mapping[str, Any]) -> str:
    """The target: ``minikube``, ``sandbox (simulated)``."""
    target = one_line(about.get("target") or "")
    if about.get("simulated"):
        return f"{target or 'sandbox'} (simulated)"
    return target


def ended_line(event: TurnEnded) -> str:
    """Why a turn ended before its end; empty when it was done."""
    words = {
        "waiting": "a question is left open: nothing was done about it",
        "interrupted": "stopped; the conversation goes on",
        "failed": "it did not work",
        "budget": "a budget is used up",
    }.get(event.ending, "")
    why = one_line(event.why)
    return (f"{words}: {why}" if event.ending in ("failed", "budget") and why else words) if words else ""
