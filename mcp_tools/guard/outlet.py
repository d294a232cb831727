"""The one exit: everything that leaves a tool is cleaned and redacted here, and its text form capped and fenced."""

from __future__ import annotations

import functools
import typing
from typing import Any

from pydantic import BaseModel

from mcp_tools.catalog import Preview, ToolDef, ToolOutput
from mcp_tools.errors import LongshoreError
from mcp_tools.guard.redact import REDACTOR
from mcp_tools.untrusted import clean, fence, is_untrusted
from mcp_tools.world import Progress

__all__ = ["TEXT_CAP", "clean_error", "preview", "redacted", "result"]

TEXT_CAP = 8_000
"""Characters of the text form; a tool's own cursor or narrower arguments give the rest."""

STRING_CAP = 60_000

SANDBOX = "sandbox (simulated)"
"""What every text from the sandbox begins with."""


def result(definition: ToolDef, output: ToolOutput, *, simulated: bool = False) -> tuple[dict[str, Any], str]:
    """A tool's output as data and as text, fit to leave. What comes from the sandbox says so here, whatever it is."""
    if simulated:
        output.simulated = True
    data = tidy(output.model_dump(mode="json", by_alias=True))
    assert isinstance(data, dict)
    text = REDACTOR.text(clean(output.text()))
    if simulated:
        unknown = [f"cannot be known in a simulation: {REDACTOR.text(clean(line))}" for line in output.unknown]
        text = "\n".join([SANDBOX, text, *unknown])
    if len(text) > TEXT_CAP:
        cut = text.rfind("\n", 0, TEXT_CAP)
        kept = text[: cut if cut > TEXT_CAP // 2 else TEXT_CAP]
        text = f"{kept}\n… {len(text) - len(kept)} more characters: narrow the arguments, or use the cursor"
    if carries_untrusted(definition.output_model):
        text = fence(text, definition.name)
    return data, text


def tidy(node: Any) -> Any:
    """Data with every string cleaned, redacted and capped."""
    return _cleaned(REDACTOR.data(node))


def _cleaned(node: Any) -> Any:
    if isinstance(node, str):
        text = clean(node)
        return text if len(text) <= STRING_CAP else f"{text[:STRING_CAP]}… ({len(text) - STRING_CAP} more characters)"
    if isinstance(node, dict):
        return {clean(key): _cleaned(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_cleaned(item) for item in node]
    return node


def preview(raw: Preview) -> Preview:
    """A preview, fit to be shown; the arguments of the inverse stay as they are needed."""
    data = tidy(raw.model_dump(mode="json", exclude={"inverse"}))
    return Preview.model_validate(data | {"inverse": raw.inverse})


def clean_error(error: LongshoreError) -> LongshoreError:
    """The error with texts that are fit to leave."""
    error.what, error.why, error.remedy = (REDACTOR.text(clean(text)) for text in (error.what, error.why, error.remedy))
    error.details = tidy(error.details)
    error.args = (error.line(),)
    return error


def redacted(say: Progress) -> Progress:
    """The same progress reporter, its messages redacted."""

    async def told(done: float, total: float | None, message: str) -> None:
        await say(done, total, REDACTOR.text(message))

    return told


@functools.cache
def carries_untrusted(model: type[BaseModel]) -> bool:
    """Whether a model has, at any depth, text from outside."""
    return _carries(model, set())


def _carries(annotation: Any, seen: set[Any]) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in seen:
            return False
        seen.add(annotation)
        return any(
            any(is_untrusted(meta) for meta in field.metadata) or _carries(field.annotation, seen)
            for field in annotation.model_fields.values()
        )
    metadata = getattr(annotation, "__metadata__", ())
    if any(is_untrusted(meta) for meta in metadata):
        return True
    return any(_carries(part, seen) for part in typing.get_args(annotation))
