"""What is said when a call did not do what it should: refused, waiting, failed, or ended in the middle."""

from __future__ import annotations

import re

from agent.planner.answers.parts import code, text
from agent.planner.history import Result

__all__ = ["failed", "trouble"]

_ID = re.compile(r"confirmation (\S+)|approve (\S+)")


def trouble(result: Result, doing: str) -> str:
    """The words for a result that is not done. ``doing`` says what was tried: "restart `todo-backend`"."""
    if result.status == "declined":
        return f"You said no, so nothing was done: I did not {doing}."
    if result.status == "waiting":
        found = _ID.search(result.text or result.problem.get("what", ""))
        name = next((group for group in found.groups() if group), "").strip("`,.") if found else ""
        how = f" Answer it here, or with {code(f'longshore approve {name}')}." if name else ""
        return f"It waits for your yes; nothing was done yet: {doing}.{how}"
    if result.status == "missing":
        return (
            f"I could not see how it ended ({doing}): the call was cut off. Ask for `status` to see how things stand."
        )
    return failed(result, doing)


def failed(result: Result, doing: str) -> str:
    """What failed, why, and what to try."""
    problem = result.problem
    lines = [f"**I could not {doing}.**"]
    what, why = text(problem.get("what") or result.text or "the tool failed"), text(problem.get("why", ""))
    what = what[:1].upper() + what[1:] if what[:1].islower() and " " in what else what
    lines.append(f"{what}{': ' + why if why else ''}.".replace("..", "."))
    if problem.get("remedy"):
        lines.append(f"Try: {text(problem['remedy'])}.".replace("..", "."))
    return " ".join(lines)
