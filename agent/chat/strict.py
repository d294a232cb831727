"""What a model answers, held to its form: it is whole, it is not empty, and each call has an id of its own.

Servers differ. Some number the calls of every answer anew, though an id names one call of a whole conversation; some
streams end without a word that this was the end. What cannot be taken for an answer fails, and is not guessed at.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any

from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel
from agents.exceptions import ModelBehaviorError

__all__ = ["ChatModel", "ResponsesModel"]


class _Ids:
    """Gives the calls of one answer ids that no call before them has."""

    def __init__(self, given: Any) -> None:
        items: Iterable[Any] = given if isinstance(given, list) else ()
        self._used = {str(item["call_id"]) for item in items if isinstance(item, dict) and item.get("call_id")}
        self._own: dict[tuple[str, int], str] = {}

    def of(self, call_id: str, occurrence: int) -> str:
        """The id of that call; ``occurrence`` counts the calls of this answer with the same one."""
        if (found := self._own.get((call_id, occurrence))) is None:
            found = call_id if call_id and call_id not in self._used else f"call_{uuid.uuid4().hex}"
            self._used.add(found)
            self._own[call_id, occurrence] = found
        return found


class _Renaming:
    """Puts those ids into the items of one kind of event, in their order."""

    def __init__(self, ids: _Ids) -> None:
        self._ids, self._seen = ids, Counter[str]()

    def __call__(self, item: Any) -> None:
        if getattr(item, "type", "") == "function_call":
            called = str(item.call_id or "")
            item.call_id = self._ids.of(called, self._seen[called])
            self._seen[called] += 1


async def _checked(given: Any, events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    ids = _Ids(given)
    begun, done, last = _Renaming(ids), _Renaming(ids), _Renaming(ids)
    try:
        async for event in events:
            if event.type == "response.output_item.added":
                begun(event.item)
            elif event.type == "response.output_item.done":
                done(event.item)
            elif event.type == "response.completed":
                for item in event.response.output:
                    last(item)
                if not any(_says(item) for item in event.response.output):
                    raise ModelBehaviorError("it answered nothing")
            yield event
    except (AttributeError, KeyError, IndexError, TypeError) as error:  # data of another form than it says it has
        raise ModelBehaviorError("what came is not in the form of an answer") from error


def _says(item: Any) -> bool:
    """Whether it is more than thoughts and empty words."""
    if item.type == "message":
        return any(getattr(part, "text", "") or getattr(part, "refusal", "") for part in item.content)
    return str(item.type) != "reasoning"


class _Whole:
    """A stream of chunks that fails when it ends before the answer does."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aiter__(self) -> AsyncIterator[Any]:
        reason = None
        async for chunk in self._stream:
            for choice in chunk.choices or ():
                reason = choice.finish_reason or reason
            yield chunk
        if reason is None:
            raise ModelBehaviorError("the stream ended, and the answer did not")
        if reason == "length":
            raise ModelBehaviorError("it was cut where an answer may not be longer")


class ResponsesModel(OpenAIResponsesModel):
    """OpenAI's Responses interface."""

    async def stream_response(self, system_instructions: Any, input: Any, *rest: Any, **more: Any) -> Any:
        """The events of the answer, checked."""
        async for event in _checked(input, super().stream_response(system_instructions, input, *rest, **more)):
            yield event

    async def close(self) -> None:
        """Close its connections."""
        await super().close()
        await self._client.close()


class ChatModel(OpenAIChatCompletionsModel):
    """OpenAI's Chat Completions interface, which many servers speak."""

    async def stream_response(self, system_instructions: Any, input: Any, *rest: Any, **more: Any) -> Any:
        """The events of the answer, checked."""
        async for event in _checked(input, super().stream_response(system_instructions, input, *rest, **more)):
            yield event

    async def _fetch_response(self, *given: Any, **more: Any) -> Any:
        found: Any = await super()._fetch_response(*given, **more)
        return (found[0], _Whole(found[1])) if isinstance(found, tuple) else found

    async def close(self) -> None:
        """Close its connections."""
        await super().close()
        await self._client.close()
