"""Scores ``evals/phrasings.yaml``: right calls with right arguments, questions where it is unclear, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from mcp_tools.catalog import CATALOG, Effect
from tests.agent.planner.world import ROOT, Heard, Talk, World

FILE = ROOT / "evals" / "phrasings.yaml"


@dataclass(frozen=True)
class Score:
    """How a case went; ``why`` is empty when it passed. ``unasked``: calls that do more, and are not expected."""

    id: str
    held_out: bool
    ambiguous: bool
    why: str
    unasked: tuple[str, ...]
    unguarded: tuple[str, ...]


def cases() -> list[dict[str, Any]]:
    """All cases of the file."""
    return list(yaml.safe_load(FILE.read_text(encoding="utf-8"))["cases"])


async def score(case: Mapping[str, Any]) -> Score:
    """Play one case through the SDK's Runner, and judge its last message."""
    talk = Talk(World(case.get("world", "healthy")), answer=case.get("human", "yes"), toolsets=None)
    said = case["say"]
    heard: Heard | None = None
    unguarded: list[str] = []
    for message in [said] if isinstance(said, str) else said:
        heard = await talk.say(message)
        left = list(heard.asked)
        for tool, _ in heard.calls:
            if CATALOG.get(tool).effect in (Effect.CHANGE, Effect.DESTROY):
                if tool in left:
                    left.remove(tool)
                else:
                    unguarded.append(tool)
    assert heard is not None
    expected = [call for calls in _alternatives(case) for call in calls]
    allowed = {tool for tool, _ in expected}
    unasked = tuple(t for t, _ in heard.calls if CATALOG.get(t).effect is not Effect.READ and t not in allowed)
    why = _wrong(case, heard) or (f"unasked {unasked}" if unasked else "")
    return Score(case["id"], bool(case.get("held_out")), bool(case.get("asks")), why, unasked, tuple(unguarded))


def _alternatives(case: Mapping[str, Any]) -> list[list[Any]]:
    return list(case.get("either") or [case.get("calls") or []])


def _wrong(case: Mapping[str, Any], heard: Heard) -> str:
    made = "; ".join(f"{tool} {args}" for tool, args in heard.calls) or "nothing"
    if not any(_made(calls, heard.calls) for calls in _alternatives(case)):
        return f"called {made}"
    if (case.get("quiet") or case.get("refuses")) and heard.calls:
        return f"called {made}"
    if case.get("asks"):
        if "?" not in heard.text:
            return f"asked nothing: {heard.text[:120]}"
        if isinstance(case["asks"], str) and case["asks"] not in heard.text:
            return f"asked something else: {heard.text[:120]}"
    if case.get("refuses") and not any(w in heard.text for w in ("n't", "not ", "never")):
        return f"did not refuse: {heard.text[:120]}"
    if case.get("says") and str(case["says"]).lower() not in heard.text.lower():
        return f"said: {heard.text[:160]}"
    return ""


def _made(expected: Sequence[Any], calls: Sequence[tuple[str, dict[str, Any]]]) -> bool:
    """Whether the expected calls were made in this order, among others."""
    left = list(calls)
    for tool, arguments in expected:
        while left:
            name, given = left.pop(0)
            if name == tool and all(given.get(key) == value for key, value in arguments.items()):
                break
        else:
            return False
    return True
