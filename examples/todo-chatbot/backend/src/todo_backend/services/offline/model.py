"""The rules as a model of the Agents SDK: the SDK's own loop calls the tools that the rules ask for."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from agents import Model, ModelResponse, Usage
from agents.items import TResponseInputItem, TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputText,
)

from .plan import NOTE, Call, Done, next_step

NAME = "offline"


class OfflineModel(Model):
    """Deterministic and without a network. Says once in a conversation that it is no language model."""

    async def get_response(
        self, system_instructions: str | None, input: str | list[TResponseInputItem], *_: Any, **__: Any
    ) -> ModelResponse:
        """The next tool call, or the answer, for the conversation in `input`."""
        items: list[dict[str, Any]] = (
            [{"role": "user", "content": input}] if isinstance(input, str) else [dict(item) for item in input]
        )
        start = max(index for index, item in enumerate(items) if item.get("role") == "user")
        answers = [_text(item["content"]) for item in items[:start] if item.get("role") == "assistant"]
        step = next_step(_text(items[start]["content"]), _calls(items[start:]), answers[-1] if answers else "")
        if isinstance(step, Call):
            output: ResponseOutputItem = _tool_call(step)
        else:
            output = _message(step.text if answers else f"{step.text}\n\n{NOTE}")
        return ModelResponse(output=[output], usage=Usage(requests=1), response_id=None)

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[TResponseStreamEvent]:
        """The same as one completed event."""
        response = await self.get_response(*args, **kwargs)
        yield ResponseCompletedEvent(
            type="response.completed",
            sequence_number=0,
            response=Response(
                id=f"resp_{uuid4().hex}",
                created_at=time.time(),
                model=NAME,
                object="response",
                output=response.output,
                tool_choice="auto",
                tools=[],
                parallel_tool_calls=False,
            ),
        )


def _text(content: Any) -> str:
    """The plain text of a message or of a tool's output, which are a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def _calls(items: list[dict[str, Any]]) -> list[Done]:
    names = {item["call_id"]: item["name"] for item in items if item.get("type") == "function_call"}
    outputs = (item for item in items if item.get("type") == "function_call_output")
    return [Done.of(names.get(item["call_id"], ""), _text(item["output"])) for item in outputs]


def _tool_call(step: Call) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        type="function_call", call_id=f"call_{uuid4().hex}", name=step.name, arguments=json.dumps(step.arguments)
    )


def _message(text: str) -> ResponseOutputMessage:
    return ResponseOutputMessage(
        id=f"msg_{uuid4().hex}",
        type="message",
        role="assistant",
        status="completed",
        content=[ResponseOutputText(type="output_text", text=text, annotations=[])],
    )
