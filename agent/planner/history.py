"""A conversation read back from the input items of a model call: turns, calls with their results, and answers.

Only messages of the user steer anything. What a tool said is kept as a result: it fills answers and names objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Result", "Results", "Turn", "read"]

Results = Callable[[str], "Mapping[str, Any] | None"]
Status = Literal["done", "failed", "declined", "waiting", "missing"]

_CODE = re.compile(
    r"(usage|environment-not-ready|not-found|conflict|busy|tool-failed|process-failed|timed-out|refused|declined|"
    r"confirmation-required|stale-confirmation|cancelled|interrupted|server|error): (.*)",
    re.DOTALL,
)
_NO = re.compile(
    r"\b(declined|rejected|not approved|said no|denied by the (?:user|human)|answered no)\b", re.IGNORECASE
)
_REMEDY = re.compile(r"[.\n]\s*(?:Try|try): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Result:
    """One call and what became of it. ``data`` has the tool's output shape; empty when only text is there."""

    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    status: Status = "missing"
    data: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    problem: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """It was done."""
        return self.status == "done"


@dataclass
class Turn:
    """What the user said, what was called for it, and what was answered."""

    said: str
    results: list[Result] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)


def read(items: str | Iterable[Any], results: Results) -> list[Turn]:
    """The turns of a conversation, oldest first; what comes before the first message of the user is left out."""
    if isinstance(items, str):
        return [Turn(items)]
    turns: list[Turn] = []
    places: dict[str, tuple[Turn, int]] = {}
    for raw in items:
        item = _plain(raw)
        kind = item.get("type") or ("message" if "role" in item else "")
        if kind == "message" and item.get("role") == "user":
            turns.append(Turn(_text(item.get("content"))))
        elif not turns:
            continue
        elif kind == "message" and item.get("role") == "assistant":
            turns[-1].replies.append(_text(item.get("content")))
        elif kind == "function_call":
            call_id = str(item.get("call_id"))
            places[call_id] = (turns[-1], len(turns[-1].results))
            turns[-1].results.append(Result(call_id, str(item.get("name")), _arguments(item.get("arguments"))))
        elif kind == "function_call_output" and (place := places.get(str(item.get("call_id")))):
            turn, index = place
            turn.results[index] = _result(turn.results[index], _text(item.get("output")), results)
    return turns


def _plain(item: Any) -> Mapping[str, Any]:
    if isinstance(item, Mapping):
        return item
    dump = getattr(item, "model_dump", None)
    found = dump(exclude_none=True) if dump else {}
    return found if isinstance(found, Mapping) else {}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return str(content.get("text") or content.get("output") or "")
    if isinstance(content, Iterable):
        return "\n".join(part for part in map(_text, content) if part)
    return ""


def _arguments(raw: Any) -> Mapping[str, Any]:
    if isinstance(raw, Mapping):
        return raw
    try:
        found = json.loads(raw or "{}")
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _result(call: Result, text: str, results: Results) -> Result:
    data = results(call.call_id) or {}
    problem = _problem(data.get("problem") or data.get("error")) if data else {}
    if data and not problem:
        return Result(call.call_id, call.tool, call.arguments, "done", data, text)
    problem = problem or _said(text)
    status: Status = "done"
    if problem:
        code = problem.get("code", "error")
        status = {"declined": "declined", "confirmation-required": "waiting"}.get(code, "failed")  # type: ignore[assignment]
    return Result(call.call_id, call.tool, call.arguments, status, {}, text, problem)


def _problem(raw: Any) -> dict[str, str]:
    if not isinstance(raw, Mapping) or "what" not in raw:
        return {}
    return {key: str(raw.get(key) or "") for key in ("code", "what", "why", "remedy")}


def _said(text: str) -> dict[str, str]:
    """The error that a text without data describes: it begins with its code. Empty when it is none."""
    head = "\n".join(line for line in text.strip().splitlines() if "simulated" not in line[:40]) or text
    found = _CODE.match(head)
    if found is None:
        first = head.split("\n", 1)[0]
        return {"code": "declined", "what": first, "why": "", "remedy": ""} if _NO.search(first[:200]) else {}
    code, rest = found[1], found[2]
    remedy = _REMEDY.search(rest)
    what = rest[: remedy.start()] if remedy else rest
    what = re.sub(r"</?untrusted[^>]*>", "", what).strip()
    return {"code": code, "what": what, "why": "", "remedy": (remedy[1].split("\n\n")[0].strip() if remedy else "")}
