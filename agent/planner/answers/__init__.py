"""How results are told to people."""

from __future__ import annotations

from agent.planner.answers.failures import trouble
from agent.planner.answers.parts import code, fence
from agent.planner.history import Result

__all__ = ["told"]


def told(result: Result) -> str:
    """Any result in short: its evidence, or the first lines of its text."""
    if not result.ok:
        return trouble(result, f"finish {code(result.tool)}")
    lines = [str(line) for line in result.data.get("evidence") or []] or result.text.splitlines()
    return f"{code(result.tool)}:\n\n{fence(lines[:30])}"
