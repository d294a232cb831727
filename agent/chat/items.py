"""The items of a conversation as the model is given them: plain data, and of every call what became of it."""

from __future__ import annotations

import json
from typing import Any

from agent.chat.bridge import UNFINISHED, Ledger
from agent.chat.secrets import mask

__all__ = ["arguments_of", "plain", "whole"]


def arguments_of(text: Any) -> dict[str, Any]:
    """The arguments of a call; empty when they are no object."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def plain(item: Any) -> Any:
    """An input item as JSON data, with what a model said masked."""
    data = item if isinstance(item, dict) else item.model_dump(exclude_unset=True)
    if data.get("type") == "message" and isinstance(data.get("content"), list):
        parts = [p | {"text": mask(str(p["text"]))} if isinstance(p.get("text"), str) else p for p in data["content"]]
        return {**data, "content": parts}
    return data


def whole(items: list[Any], ledger: Ledger) -> list[Any]:
    """The items with a result for every call, also for one that was cut off or that only the ledger knows."""
    answered = {item.get("call_id") for item in items if item.get("type") == "function_call_output"}
    called = {item.get("call_id") for item in items if item.get("type") == "function_call"}
    found: list[Any] = []
    for item in items:
        found.append(item)
        call_id = item.get("call_id")
        if item.get("type") == "function_call" and call_id not in answered:
            started = call_id in ledger.started
            said = ledger.outputs.get(call_id) or (f"interrupted: {UNFINISHED}" if started else "cancelled: not done")
            found.append({"type": "function_call_output", "call_id": call_id, "output": said})
    for call_id, (tool, arguments) in ledger.started.items():
        if call_id not in called:
            said = ledger.outputs.get(call_id, f"interrupted: {UNFINISHED}")
            found.append({"type": "function_call", "call_id": call_id, "name": tool, "arguments": arguments})
            found.append({"type": "function_call_output", "call_id": call_id, "output": said})
    return found
