"""From a conversation to the next move: calls to make, or an answer. The same conversation gives the same move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.planner.context import PlannerContext
from agent.planner.history import Result, Turn
from agent.planner.interpret import interpret, things_of
from agent.planner.job import Call, Do, End, Job, Plan, Reply
from agent.planner.memory import KEPT, Memory
from agent.planner.names import Names
from agent.planner.plans import plan_of
from agent.planner.request import Request

__all__ = ["Move", "next_move"]

REMEMBERED = 40
"""Turns that are played again to know what was talked about."""


@dataclass(frozen=True)
class Move:
    """What comes next: ``calls`` to make (``text`` is said before them), or the answer."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    reply: Reply | None = None


def next_move(turns: Sequence[Turn], context: PlannerContext, tools: frozenset[str]) -> Move:
    """The next move of a conversation whose last turn is the present one."""
    if not turns:
        return Move("Say what I shall do, or `help`.")
    memory = Memory()
    for turn in turns[-REMEMBERED:-1]:
        memory = _after(turn, memory, context, tools)
    requests = _requests(turns[-1], memory, context)
    return _play(turns[-1], requests, memory, context, tools)


def _requests(turn: Turn, memory: Memory, context: PlannerContext) -> list[Request]:
    return interpret(turn.said, memory, Names(context, memory.results))


def _after(turn: Turn, memory: Memory, context: PlannerContext, tools: frozenset[str]) -> Memory:
    """What is remembered once a turn is over. A question counts only when it really was asked with these words."""
    requests = _requests(turn, memory, context)
    move = _play(turn, requests, memory, context, tools)
    reply = move.reply
    asked = reply is not None and turn.replies and _same(turn.replies[-1], reply.text)
    things = (reply.things if reply is not None else ()) or things_of(requests) or memory.things
    kept = [request for request in requests if request.intent not in _SMALL]
    return Memory(
        results=[*memory.results, *turn.results][-KEPT:],
        things=things,
        request=kept[-1].about(*things)
        if kept and things and not kept[-1].whole
        else kept[-1]
        if kept
        else memory.request,
        open=reply.open if reply is not None and asked else None,
        text=turn.replies[-1] if turn.replies else "",
    )


_SMALL = frozenset(
    (
        "hello",
        "help",
        "thanks",
        "bye",
        "declined",
        "undo",
        "nothing_open",
        "nothing_before",
        "more",
        "explain",
        "unknown",
    )
)


def _same(said: str, text: str) -> bool:
    return " ".join(said.split()).endswith(" ".join(text.split()))


def _play(turn: Turn, requests: list[Request], memory: Memory, context: PlannerContext, tools: frozenset[str]) -> Move:
    """Run the plan, sending it the results that are there, until it needs one that is not, or ends."""
    plan = _conduct(requests, memory, context, tools)
    left = list(turn.results)
    try:
        step = next(plan)
        while True:
            taken = _take(step, left)
            if taken is None:
                return Move(step.say, step.calls)
            if not taken:
                return Move(reply=_lost(left), text=_lost(left).text)
            step = plan.send(taken)
    except StopIteration as end:
        reply: Reply = end.value
        return Move(reply.text, reply=reply)


def _take(step: Do, left: list[Result]) -> list[Result] | None:
    """The results of the step's calls; None when they were not made yet; nothing when other calls were made instead."""
    if not left:
        return None
    size = len(step.calls)
    if [result.tool for result in left[:size]] != [call.tool for call in step.calls]:
        return []
    taken = left[:size]
    del left[:size]
    return taken


def _lost(left: Sequence[Result]) -> Reply:
    """Calls were made that this plan does not make (another model began the turn): tell what they said, do nothing."""
    from agent.planner.answers import told

    return Reply("\n\n".join(told(result) for result in left))


def _conduct(requests: list[Request], memory: Memory, context: PlannerContext, tools: frozenset[str]) -> Plan:
    """The requests one after the other; a later one may speak of what an earlier one was about."""
    texts: list[str] = []
    now = memory
    reply = Reply("")
    for request in requests:
        job = Job(request, now, Names(context, now.results), context, tools)
        try:
            reply = yield from plan_of(job)
        except End as end:
            reply = end.reply
        texts.append(reply.text)
        things = reply.things or request.things or now.things
        now = replace(now, results=[*now.results, *job.made], things=things, request=request, open=None)
        if reply.stop or reply.open is not None:
            break
    return replace(reply, text="\n\n".join(text for text in texts if text), things=now.things)
