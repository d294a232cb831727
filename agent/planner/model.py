"""The planner as a model of the Agents SDK: deterministic, without a language model, streamed like one."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from agents import Model, ModelResponse, Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from agent.planner.context import PlannerContext
from agent.planner.engine import next_move
from agent.planner.history import Results, read

if TYPE_CHECKING:
    from agents import Tool
    from agents.items import TResponseInputItem, TResponseStreamEvent

__all__ = ["LABEL", "OfflinePlanner"]

LABEL = "offline planner"
_PIECE = re.compile(r"\s*\S+(?:\s+(?=$))?", re.DOTALL)


class OfflinePlanner(Model):
    """Understands what people ask an operator and calls the tools for it. It keeps nothing between two calls."""

    label = LABEL

    def __init__(self, results: Results, context: PlannerContext) -> None:
        self._results = results
        self.context = context

    def _output(self, items: str | list[TResponseInputItem], tools: list[Tool]) -> list[Any]:
        offered = frozenset(tool.name for tool in tools)
        move = next_move(read(items, self._results), self.context, offered)
        output: list[Any] = [_message(move.text)] if move.text or not move.calls else []
        return output + [_call(call.tool, call.arguments) for call in move.calls]

    async def get_response(
        self, system_instructions: Any, input: Any, model_settings: Any, tools: Any, *rest: Any, **more: Any
    ) -> ModelResponse:
        """The next move, at once."""
        return ModelResponse(output=self._output(input, tools), usage=Usage(requests=1), response_id=None)

    async def stream_response(
        self, system_instructions: Any, input: Any, model_settings: Any, tools: Any, *rest: Any, **more: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        """The next move, its text word by word."""
        for event in _events(self._output(input, tools)):
            yield event


def _message(text: str) -> ResponseOutputMessage:
    part = ResponseOutputText(type="output_text", text=text, annotations=[])
    return ResponseOutputMessage(
        id=f"msg_{uuid.uuid4().hex}", type="message", role="assistant", status="completed", content=[part]
    )


def _call(tool: str, arguments: Any) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        id=f"fc_{uuid.uuid4().hex}",
        type="function_call",
        call_id=f"call_{uuid.uuid4().hex}",
        name=tool,
        arguments=json.dumps(arguments),
        status="completed",
    )


def _events(output: list[Any]) -> Iterator[TResponseStreamEvent]:
    """The events of a streamed response, as the Responses API sends them."""
    count = iter(range(1_000_000))
    response = _response(output=[], status="in_progress")
    yield ResponseCreatedEvent(type="response.created", response=response, sequence_number=next(count))
    for index, item in enumerate(output):
        started = item.model_copy(
            update={"status": "in_progress"} | ({"content": []} if item.type == "message" else {})
        )
        yield ResponseOutputItemAddedEvent(
            type="response.output_item.added", item=started, output_index=index, sequence_number=next(count)
        )
        if item.type == "message":
            yield from _text_events(item, index, count)
        yield ResponseOutputItemDoneEvent(
            type="response.output_item.done", item=item, output_index=index, sequence_number=next(count)
        )
    done = _response(output=output, status="completed")
    yield ResponseCompletedEvent(type="response.completed", response=done, sequence_number=next(count))


def _text_events(item: Any, index: int, count: Iterator[int]) -> Iterator[TResponseStreamEvent]:
    part = item.content[0]
    place: dict[str, Any] = {"item_id": item.id, "output_index": index, "content_index": 0}
    empty = ResponseOutputText(type="output_text", text="", annotations=[])
    yield ResponseContentPartAddedEvent(
        type="response.content_part.added", part=empty, sequence_number=next(count), **place
    )
    for piece in _PIECE.findall(part.text):
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta", delta=piece, logprobs=[], sequence_number=next(count), **place
        )
    yield ResponseContentPartDoneEvent(
        type="response.content_part.done", part=part, sequence_number=next(count), **place
    )


def _response(*, output: list[Any], status: Any) -> Response:
    details = InputTokensDetails.model_construct(cached_tokens=0, cache_write_tokens=0)
    usage = ResponseUsage(
        input_tokens=0,
        output_tokens=0,
        total_tokens=0,
        input_tokens_details=details,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
    )
    return Response(
        id=f"resp_{uuid.uuid4().hex}",
        created_at=time.time(),
        model=LABEL,
        object="response",
        output=output,
        status=status,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
        usage=usage,
    )
