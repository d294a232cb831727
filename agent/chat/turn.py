"""One message to its end: the model is run, tools are called, a human is asked, and everything is kept.

Whatever ends it (done, a question left open, a failure, Ctrl-C, a budget), the conversation afterwards says of every
call what became of it. So a model that goes on knows what was done, and repeats nothing unknowingly.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agent.chat.bridge import NO
from agent.chat.events import Spent, TextDelta, TurnEnded
from agent.chat.instructions import SKILL_TOOL, instructions
from agent.chat.items import arguments_of, plain, whole
from agent.chat.models import trouble
from agent.chat.secrets import Stream
from agent.confirm import Question
from agent.problems import Problem
from agent.text import one_line, safe

if TYPE_CHECKING:
    from agents import Agent, RunHooks, RunState
    from agents.result import RunResultStreaming

    from agent.chat.assistant import Assistant

__all__ = ["Turns"]


class BudgetUsed(Exception):
    """A budget is used up; says which."""


class Turns:
    """Runs the messages of one assistant."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._base: list[Any] = []
        self._result: RunResultStreaming | None = None
        self._parked = False

    # -- from outside ----------------------------------------------------------------------------------------------

    async def say(self, text: str) -> TurnEnded:
        """A message of the human."""
        conversation = self._assistant.conversation
        message = {"role": "user", "content": safe(text)}
        conversation.meta.setdefault("title", one_line(text)[:80])
        self._base = [*conversation.items, message]
        conversation.items = self._base
        conversation.save()
        return await self._drive(list(self._base))

    async def resume(self) -> TurnEnded:
        """Ask what was left open, and go on."""
        state = await self._state()
        if state is None:
            return TurnEnded("done", self._assistant.spent)
        self._base = list(self._assistant.conversation.items)
        if not await self._settle(state):
            return await self._park(state)
        return await self._drive(state)

    async def open_questions(self) -> list[Question]:
        """What is open, as it would be asked now."""
        state = await self._state()
        if state is None:
            return []
        found = [await self._question(item) for item in state.get_interruptions()]
        return [question for question in found if question is not None]

    def keep(self) -> None:
        """Write down how it was left."""
        if not self._parked and self._base:
            self._assistant.conversation.items = whole(self._items(), self._assistant.bridge.ledger)
            self._base = []
        self._result = None
        spent = self._assistant.spent
        self._assistant.conversation.meta["spent"] = {
            "turns": spent.turns,
            "calls": spent.calls,
            "input_tokens": spent.input_tokens,
            "output_tokens": spent.output_tokens,
            "money": spent.money,
        }
        if self._assistant.conversation.items:
            with contextlib.suppress(Problem):
                self._assistant.conversation.save()

    def _items(self) -> list[Any]:
        from agents.items import ToolApprovalItem

        if self._result is None:
            return self._base
        made = [item for item in self._result.new_items if not isinstance(item, ToolApprovalItem)]
        return [*self._base, *(plain(item.to_input_item()) for item in made)]

    # -- running ---------------------------------------------------------------------------------------------------

    async def _drive(self, given: Any) -> TurnEnded:
        self._parked = False
        try:
            while True:
                result = await self._run(given)
                if not result.interruptions:
                    break
                given = result.to_state()
                if not await self._settle(given):
                    return await self._park(given)
        except BudgetUsed as used:
            why = f"{used}, and the work is not finished"
            return TurnEnded("budget", self._assistant.spent, why, "say “go on”, or give it more")
        self._assistant.conversation.unpark()
        if self._assistant.bridge.ledger.refused:
            allowed = self._assistant.bridge.ledger.allowed
            why = f"the {allowed} tool calls that one message may take are used up"
            return TurnEnded("budget", self._assistant.spent, why, "say “go on”, or give it more with --max-calls")
        return TurnEnded("done", self._assistant.spent)

    async def _run(self, given: Any) -> RunResultStreaming:
        from agents import Runner
        from agents.exceptions import AgentsException, MaxTurnsExceeded
        from openai import OpenAIError

        turns = self._assistant.budgets.turns or 1
        result = Runner.run_streamed(
            self._agent(), given, max_turns=turns, hooks=self._hooks(), run_config=self._config()
        )
        self._result = result
        try:
            await self._show(result)
        except asyncio.CancelledError:
            result.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                async with asyncio.timeout(5):
                    async for _ in result.stream_events():
                        pass
            raise
        except MaxTurnsExceeded:
            raise BudgetUsed(f"the {turns} answers of the model that one message may take are used up") from None
        except (BudgetUsed, Problem):
            raise
        except (AgentsException, OpenAIError, OSError, ValueError) as error:
            raise trouble(error, self._assistant.model_label) from error
        except Exception as error:  # of the transport below the model's client, whose types are its own
            if not type(error).__module__.startswith(("httpx", "httpcore", "anyio", "h11")):
                raise
            raise trouble(error, self._assistant.model_label) from error
        return result

    async def _show(self, result: RunResultStreaming) -> None:
        from agents.items import MessageOutputItem
        from openai.types.responses import ResponseTextDeltaEvent

        stream, streamed = Stream(), False
        try:
            async for event in result.stream_events():
                if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
                    streamed = True
                    self._text(stream.feed(safe(event.data.delta)))
                elif event.type == "run_item_stream_event" and isinstance(event.item, MessageOutputItem):
                    if not streamed:
                        said = "".join(getattr(part, "text", "") for part in event.item.raw_item.content)
                        self._text(stream.feed(safe(said)))
                    self._text(stream.end())
                    streamed = False
        finally:  # also of an answer that was cut: what was said is shown
            self._text(stream.end())

    def _text(self, text: str) -> None:
        if text:
            self._assistant.emit(TextDelta(text))

    # -- questions -------------------------------------------------------------------------------------------------

    async def _state(self) -> RunState[Any, Any] | None:
        from agents import RunState
        from agents.exceptions import AgentsException

        text = self._assistant.conversation.parked()
        if text is None:
            return None
        try:
            return await RunState.from_string(self._agent(), text)
        except (AgentsException, ValueError, KeyError, TypeError) as error:
            self._assistant.conversation.unpark()
            raise Problem("the open question cannot be taken up again", str(error), "say again what to do") from error

    async def _question(self, item: Any) -> Question | None:
        """The question of an interruption as it is now; None when it needs none any more."""
        bridge, call_id = self._assistant.bridge, str(item.call_id)
        if call_id in bridge.questions:
            return bridge.questions[call_id]
        if any(tool.name == item.name for tool in self._assistant.listed):
            await bridge.look(call_id, str(item.name), arguments_of(item.arguments))
        else:
            shown = tuple(safe(str(item.arguments)).split("\n"))
            bridge.questions[call_id] = Question(f"call {item.name}", "call", "", (), shown)
        return bridge.questions.get(call_id)

    async def _settle(self, state: RunState[Any, Any]) -> bool:
        """Ask each; whether all were answered."""
        assistant, all_said = self._assistant, True
        for item in state.get_interruptions():
            question = await self._question(item)
            if question is None:  # what it would have changed is as wanted already, or a terminal said yes
                state.approve(item)
                continue
            said = await assistant.ask(question)
            if said == "yes":
                assistant.bridge.approve(str(item.call_id))
                state.approve(item)
            elif said == "no":
                assistant.bridge.decline(str(item.call_id), str(item.name), arguments_of(item.arguments))
                state.reject(item, rejection_message=NO)
            else:
                all_said = False
        return all_said

    async def _park(self, state: RunState[Any, Any]) -> TurnEnded:
        conversation = self._assistant.conversation
        self._parked = True
        conversation.park(state.to_string())
        conversation.save()
        waiting = next(iter(self._assistant.bridge.questions.values()), None)
        first = f"longshore approve {waiting.id}, or " if waiting and waiting.id else ""
        why = f"a question is open: {waiting.summary}" if waiting else "a question is open"
        return TurnEnded("waiting", self._assistant.spent, why, f"{first}longshore chat --resume {conversation.id}")

    # -- the agent -------------------------------------------------------------------------------------------------

    def _agent(self) -> Agent[Any]:
        from agents import Agent, ModelSettings, function_tool

        assistant = self._assistant
        tools: list[Any] = [assistant.bridge.function_tool(tool) for tool in assistant.listed]
        for server in assistant.foreign:
            tools += server.function_tools(assistant.bridge)

        async def skill_read(name: str) -> str:
            """Read a skill: how such a thing is done here, step by step."""
            try:
                return await assistant.server.prompt(name)
            except Problem as problem:
                return f"not-found: {problem.line()}"

        if assistant.skills and not assistant.choice.offline:
            tools.append(function_tool(skill_read, name_override=SKILL_TOOL))
        told = instructions(
            about=assistant.about,
            workspace=str(assistant.options.workspace),
            skills={} if assistant.choice.offline else assistant.skills,
        )
        return Agent(
            name="longshore",
            instructions=told,
            tools=tools,
            model=self._model(),
            model_settings=ModelSettings(parallel_tool_calls=None if assistant.choice.offline else True),
        )

    def _model(self) -> Any:
        assistant = self._assistant
        if assistant.choice.build is not None:
            return assistant.built(assistant.choice.build)
        from agent.planner import OfflinePlanner
        from agent.planner.context import PlannerContext

        target = str(assistant.about.get("target") or "")
        context = PlannerContext.read(
            assistant.options.workspace,
            target=target,
            simulated=bool(assistant.about.get("simulated")),
            read_only=assistant.options.read_only,
            about=assistant.about,
        )
        return OfflinePlanner(self._results, context)

    def _results(self, call_id: str) -> Any:
        kept = self._assistant.conversation.results.get(call_id)
        if not kept:
            return None
        return kept.get("data") or ({"problem": kept["error"]} if kept.get("error") else None)

    def _config(self) -> Any:
        from agents import RunConfig

        return RunConfig(tool_not_found_behavior="return_error_to_model", workflow_name="longshore chat")

    def _hooks(self) -> RunHooks[Any]:
        from agents import RunHooks

        turns = self

        class Counting(RunHooks[Any]):
            async def on_llm_start(self, *_: Any, **__: Any) -> None:
                turns._check()

            async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
                turns._count(response.usage)

            async def on_tool_end(self, *_: Any, **__: Any) -> None:
                spent = turns._assistant.spent
                turns._assistant.spent = replace(spent, calls=spent.calls + 1)

        return Counting()

    def _check(self) -> None:
        """Before the model is asked again.

        Raises:
            BudgetUsed: the conversation's tokens or money are used up, or this message's calls.
        """
        spent, allowed = self._assistant.spent, self._assistant.budgets
        ledger = self._assistant.bridge.ledger
        if ledger.refused > 1:  # it was told once, so that it could say what it has found
            raise BudgetUsed(f"the {ledger.allowed} tool calls that one message may take are used up")
        if allowed.tokens and spent.input_tokens + spent.output_tokens >= allowed.tokens:
            raise BudgetUsed(f"the {allowed.tokens} tokens of this conversation are used up")
        if allowed.money and spent.money is not None and spent.money >= allowed.money:
            raise BudgetUsed(f"the ${allowed.money:g} of this conversation are used up")

    def _count(self, usage: Any) -> None:
        spent, price = self._assistant.spent, self._assistant.choice.price
        money = spent.money
        if price is not None:
            used = (usage.input_tokens * price.input + usage.output_tokens * price.output) / 1e6
            money = round((money or 0.0) + used, 6)
        self._assistant.spent = Spent(
            spent.turns + 1,
            spent.calls,
            spent.input_tokens + usage.input_tokens,
            spent.output_tokens + usage.output_tokens,
            0.0 if self._assistant.choice.offline and money is None else money,
        )
