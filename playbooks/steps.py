"""Running one step: arguments, the call, the time it may take, and its expectations."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from playbooks import expressions
from playbooks.errors import StepDeclined, StepError, StepWaits
from playbooks.expressions import ExpressionError
from playbooks.graph import Node
from playbooks.protocols import Docs, StepResult, ToolCaller
from playbooks.schema import Expect, Step
from playbooks.state import StepRecord

OnSay = Callable[[StepRecord, float, float | None, str], Awaitable[None]]


@dataclass
class Handle:
    """A step while its tool is called."""

    record: StepRecord
    run: str
    on_say: OnSay
    clock: asyncio.Timeout | None = None
    paused_for: float = 0.0
    _pauses: int = field(default=0, repr=False)

    @property
    def id(self) -> str:
        """The step's id."""
        return self.record.id

    @property
    def run_id(self) -> str:
        """The run that it is of."""
        return self.run

    async def say(self, done: float, total: float | None, message: str) -> None:
        """How far the tool is."""
        await self.on_say(self.record, done, total, message)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """The step's time does not run: a human is being asked."""
        if self.clock is None or self._pauses:
            yield
            return
        loop = asyncio.get_running_loop()
        deadline, began = self.clock.when(), loop.time()
        self._pauses += 1
        self.clock.reschedule(None)
        try:
            yield
        finally:
            self._pauses -= 1
            self.paused_for += loop.time() - began
            if deadline is not None:
                self.clock.reschedule(deadline + loop.time() - began)


@dataclass
class Runner:
    """Runs steps, each to one of its ends; only cancellation gets out."""

    run_id: str
    caller: ToolCaller
    on_say: OnSay
    docs: Docs | None = None

    async def run(self, node: Node, record: StepRecord, scope: Mapping[str, Any]) -> None:
        """Run a step and write its end into the record."""
        began = time.monotonic()
        handle = Handle(record, self.run_id, self.on_say)
        record.attempts += 1
        try:
            await self._attempt(node.step, record, scope, handle)
        except StepWaits as waits:
            record.status, record.confirmation = "waiting", waits.confirmation
        except StepError as error:
            record.status, record.error = "failed", error.as_dict()
        except asyncio.CancelledError:
            record.status = "interrupted"
            raise
        except Exception as error:  # a defect of the caller must not take the other steps with it
            what = f"{record.title} failed unexpectedly"
            record.status, record.error = (
                "failed",
                StepError("defect", what, f"{type(error).__name__}: {error}").as_dict(),
            )
        finally:
            record.seconds = round(time.monotonic() - began, 3)

    async def _attempt(self, step: Step, record: StepRecord, scope: Mapping[str, Any], handle: Handle) -> None:
        if step.when is not None and not self._holds(step, step.when, scope):
            record.status, record.evidence = "skipped", [f"not needed: {step.when} is false"]
            return
        if step.docs and self.docs is not None:
            with contextlib.suppress(Exception):  # a look-up that fails is no reason not to act
                record.docs_source = await self.docs.look_up(step.docs)
        record.args = self._args(step, scope)
        limit = self._timeout(step, scope)
        try:
            async with asyncio.timeout(limit) as clock:
                handle.clock = clock
                result = await self.caller.call(step.tool, record.args, handle)
        except TimeoutError as error:
            if not clock.expired():
                raise
            what = f"{record.title} took longer than {limit:g} s"
            raise StepError("timed-out", what, "", "longshore runs resume goes on from here") from error
        take(record, result)
        if result.asked or not result.unknown:
            check(record, step.expect, scope)
        record.status = "simulated" if result.unknown else "succeeded"

    @staticmethod
    def _holds(step: Step, expression: str, scope: Mapping[str, Any]) -> bool:
        try:
            return expressions.holds(expression, scope)
        except ExpressionError as error:
            raise StepError("expression", f"when of step {step.id} cannot be decided", str(error)) from error

    @staticmethod
    def _args(step: Step, scope: Mapping[str, Any]) -> dict[str, Any]:
        try:
            filled = expressions.fill(step.args, scope)
        except ExpressionError as error:
            raise StepError("expression", f"the arguments of step {step.id} are not known", str(error)) from error
        assert isinstance(filled, dict)
        return filled

    @staticmethod
    def _timeout(step: Step, scope: Mapping[str, Any]) -> float:
        if isinstance(step.timeout, int):
            return float(step.timeout)
        try:
            return float(expressions.evaluate(step.timeout, scope))
        except (ExpressionError, TypeError, ValueError) as error:
            raise StepError("expression", f"the timeout of step {step.id} is not known", str(error)) from error


def take(record: StepRecord, result: StepResult) -> None:
    """Write a call's result into the record."""
    record.effect, record.changed = result.effect, result.changed or record.changed
    record.result, record.evidence, record.unknown = result.data, list(result.evidence), list(result.unknown)
    if result.confirmation:
        record.confirmation = {"id": result.confirmation, "tool": record.tool, "status": "used", "step": record.id}


def check(record: StepRecord, expects: list[Expect], scope: Mapping[str, Any]) -> None:
    """Test the expectations over the result.

    Raises:
        StepError: one does not hold; says which, the values that it saw, and the step's evidence.
    """
    inner = dict(scope) | {"result": record.result}
    record.expectations = []
    failed: list[tuple[Expect, str]] = []
    for expect in expects:
        try:
            good, why = expressions.holds(expect.that, inner), ""
        except ExpressionError as error:
            good, why = False, str(error)
        record.expectations.append({"that": expect.that, "holds": good})
        if not good:
            failed.append((expect, why or expressions.values_seen(expect.that, inner)))
    if not failed:
        return
    expect, seen = failed[0]
    what = _words(expect.otherwise, inner) or f"{record.title}: expected {expect.that}"
    facts = [seen, *(f"also: {other.that}" for other, _ in failed[1:]), *record.evidence[:6]]
    details = {"expression": expect.that, "seen": seen, "failed": [other.that for other, _ in failed]}
    raise StepError("expectation", what, "; ".join(f for f in facts if f), _words(expect.remedy, inner), details)


def _words(text: str, scope: Mapping[str, Any]) -> str:
    try:
        return str(expressions.fill(text, scope))
    except ExpressionError:
        return ""


__all__ = ["Handle", "Runner", "StepDeclined", "check", "take"]
