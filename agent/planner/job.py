"""What a plan works with. A plan is a generator: it yields calls, is sent their results, and returns a reply.

Nothing is kept between two calls of the model: the plan is run again from its beginning and is sent the results that
the conversation already has, until it yields a call that was not made yet.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.planner.context import Application, PlannerContext
from agent.planner.history import Result
from agent.planner.memory import Memory
from agent.planner.names import Names, Thing
from agent.planner.request import Open, Request

__all__ = ["Call", "Do", "End", "Job", "Plan", "Reply"]


@dataclass(frozen=True)
class Call:
    """One call of a tool."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Do:
    """Calls to make side by side. ``say`` is told before they are made."""

    calls: tuple[Call, ...]
    say: str = ""


@dataclass(frozen=True)
class Reply:
    """What is answered. ``open`` is a question that the next message may answer; ``stop`` ends a list of requests."""

    text: str
    open: Open | None = None
    stop: bool = False
    things: tuple[Thing, ...] = ()


Plan = Generator[Do, list[Result], Reply]


class End(Exception):
    """The plan ends here, with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


@dataclass
class Job:
    """One request with everything that is known."""

    request: Request
    memory: Memory
    names: Names
    context: PlannerContext
    tools: frozenset[str]
    made: list[Result] = field(default_factory=list)
    """Results of this turn so far."""

    def has(self, tool: str) -> bool:
        """Whether the tool is offered."""
        return tool in self.tools

    def one(self, tool: str, say: str = "", **arguments: Any) -> Generator[Do, list[Result], Result]:
        """One call. An argument that is None is left out; a tool that is not offered fails without being called."""
        results = yield from self.all([Call(tool, arguments)], say)
        return results[0]

    def all(self, calls: Sequence[Call], say: str = "") -> Generator[Do, list[Result], list[Result]]:
        """Calls side by side, and their results in the same order."""
        given = [Call(c.tool, {k: v for k, v in c.arguments.items() if v is not None}) for c in calls]
        offered = [call for call in given if self.has(call.tool)]
        results = (yield Do(tuple(offered), say)) if offered else []
        self.made += results
        self.names = Names(self.context, [*self.memory.results, *self.made])
        left = iter(results)
        return [next(left) if self.has(call.tool) else _absent(call) for call in given]

    # -- where -----------------------------------------------------------------------------------------------------

    @property
    def application(self) -> Application | None:
        """The application that is meant: the one named, the one of the thing, or the only one."""
        named = [t.name for t in (*self.request.things, *self.memory.things)]
        for application in self.context.applications:
            if application.name in named or any(s.name in named for s in application.services):
                return application
        return self.context.applications[0] if len(self.context.applications) == 1 else None

    @property
    def file(self) -> str | None:
        """Its longshore.yaml, for tools that take one."""
        return self.application.file if self.application else None

    @property
    def namespace(self) -> str:
        """The namespace that is named, or that of the application."""
        if self.request.namespace:
            return self.request.namespace
        return self.application.namespace if self.application else self.context.namespace

    def space_of(self, thing: Thing) -> str:
        """The namespace of a thing."""
        return self.request.namespace or thing.namespace or self.namespace


def _absent(call: Call) -> Result:
    problem = {
        "code": "absent",
        "what": f"the tool `{call.tool}` is not offered in this conversation",
        "why": "",
        "remedy": "",
    }
    return Result("", call.tool, call.arguments, "failed", {}, "", problem)
