"""The guard: the one place through which every call of every tool passes, on every transport.

It decides the effect from the parsed arguments and the real state, asks a human before anything is changed or
destroyed, observes again right before acting, hands out the permit without which no engine acts, and writes it down.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from mcp_tools.catalog import CATALOG, Observation, Preview, ToolDef, ToolInput, ToolOutput
from mcp_tools.effects import Effect
from mcp_tools.errors import (
    ConfirmationRequired,
    Declined,
    LongshoreError,
    Refused,
    StaleConfirmation,
    ToolFailed,
    UsageError,
)
from mcp_tools.guard import confirmation as confirmations
from mcp_tools.guard import outlet, permit
from mcp_tools.guard.confirmation import Confirmation
from mcp_tools.guard.journal import Journal
from mcp_tools.guard.known_secrets import learn
from mcp_tools.guard.policy import DEFAULT, READ_ONLY, Policy
from mcp_tools.world import Call, Progress, World

__all__ = ["Answer", "Channel", "Guard", "NoChannel", "Outcome", "Planned", "Session"]


@dataclass(frozen=True)
class Answer:
    """What a human said, and who it was."""

    approved: bool
    by: str


class Channel(Protocol):
    """A way to a human that does not lead through a model."""

    name: str

    async def ask(self, confirmation: Confirmation) -> Answer | None:
        """The answer; None when nobody can be asked this way."""


class NoChannel:
    """No way to a human: everything that needs one waits for ``longshore approve``."""

    name = "none"

    async def ask(self, confirmation: Confirmation) -> Answer | None:
        """Nobody is there."""
        return None


@dataclass(frozen=True)
class Session:
    """Who calls, and on what."""

    world: World
    workspace: Path
    channel: Channel = field(default_factory=NoChannel)
    client: str = ""
    read_only: bool = False


@dataclass(frozen=True)
class Planned:
    """What a call would do."""

    tool: str
    arguments: dict[str, Any]
    effect: Effect
    preview: Preview
    done: bool
    digest: str
    needs_confirmation: bool


@dataclass(frozen=True)
class Outcome:
    """What a call did."""

    tool: str
    call_id: str
    effect: Effect
    changed: bool
    output: ToolOutput
    data: dict[str, Any]
    text: str
    seconds: float
    confirmation: str | None = None


@dataclass
class _Entry:
    """One call while it is under way, as the journal will have it."""

    definition: ToolDef
    args: ToolInput
    call: Call
    started: float
    step_id: str | None = None
    effect: Effect = Effect.READ
    preview: Preview | None = None
    confirmation: Confirmation | None = None
    argvs: list[list[str]] = field(default_factory=list)


class Guard:
    """Lets calls through, or not."""

    def __init__(self, journal: Journal, policy: Policy = DEFAULT) -> None:
        self.journal = journal
        self.policy = policy

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        session: Session,
        say: Progress | None = None,
        run_id: str | None = None,
        step_id: str | None = None,
    ) -> Outcome:
        """Make a call.

        Raises:
            UsageError: there is no such tool, or the arguments are wrong.
            ConfirmationRequired: a human must say yes first, and cannot be asked from here.
            Declined, StaleConfirmation, Refused: it may not be done.
            LongshoreError: it was tried and failed. All texts are cleaned and redacted.
        """
        entry: _Entry | None = None
        try:
            entry = self._open(tool, arguments, session, say, run_id, step_id)
            await session.world.awake()
            await learn(session.world, entry.args, session.workspace)
            output = await self._pass(entry, session)
        except LongshoreError as error:
            outlet.clean_error(error)
            if session.world.simulated:
                error.details["simulated"] = True
            self._fail(tool, arguments, session, entry, run_id, error)
            raise
        except (OSError, AssertionError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            wrapped = ToolFailed(
                f"{tool} failed unexpectedly", f"{type(error).__name__}: {error}", "longshore runs list has the record"
            )
            outlet.clean_error(wrapped)
            self._fail(tool, arguments, session, entry, run_id, wrapped, error)
            raise wrapped from error
        except BaseException:  # cancelled
            if entry is not None:
                self._record(entry, session, {"status": "cancelled"})
            raise
        return self._close(entry, session, output)

    async def plan(self, tool: str, arguments: Mapping[str, Any], *, session: Session) -> Planned:
        """Look only: what the call would do.

        Raises:
            LongshoreError: as :meth:`call`, but nothing is asked and nothing done.
        """
        entry, seen = await self._look(tool, arguments, session)
        args = entry.args.model_dump(mode="json", exclude_unset=True)
        digest = confirmations.digest(tool, args, session.world.target, await self._cluster(entry, session, seen), seen)
        asks = not seen.done and self.policy.decide(tool, seen.effect) == "ask"
        return Planned(tool, args, seen.effect, seen.preview, seen.done, digest, asks)

    async def preview(
        self, tool: str, arguments: Mapping[str, Any], *, session: Session
    ) -> tuple[Effect, Preview, Confirmation | None]:
        """Look only, and have the question written down that the call would ask; None when it would ask nothing.

        Raises:
            LongshoreError: as :meth:`plan`.
        """
        entry, seen = await self._look(tool, arguments, session)
        if seen.done or self._decision(session, tool, seen.effect) != "ask":
            return seen.effect, seen.preview, None
        question = await self._question(entry, session, seen)
        waiting = None if self.journal.approved(question.digest) else self.journal.ask(question)
        return seen.effect, seen.preview, waiting

    async def _look(self, tool: str, arguments: Mapping[str, Any], session: Session) -> tuple[_Entry, Observation]:
        entry = self._open(tool, arguments, session, None, None, None, looking=True)
        try:
            await session.world.awake()
            await learn(session.world, entry.args, session.workspace)
            if entry.definition.observe is None:
                return entry, Observation(
                    effect=Effect.READ, preview=Preview(summary=entry.definition.title), done=False
                )
            return entry, await self._observe(entry)
        except LongshoreError as error:
            outlet.clean_error(error)
            raise

    # -- the way through ----------------------------------------------------------------------------------------

    def _open(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        session: Session,
        say: Progress | None,
        run_id: str | None,
        step_id: str | None,
        *,
        looking: bool = False,
    ) -> _Entry:
        definition = CATALOG.get(tool)
        if session.read_only and definition.effect is not Effect.READ and not looking:
            raise Refused(f"{tool} may {definition.effect.value}", "this server is read-only", "start it without it")
        try:
            args = definition.input_model.model_validate(dict(arguments))
        except ValidationError as error:
            from mcp_tools.application import explain

            raise UsageError(f"the arguments of {tool} are wrong", explain(error.errors()), "see its schema") from error
        call = Call(session.world, session.workspace, uuid.uuid4().hex, tool, run_id, gate=(self, session))
        if say is not None:
            call.say = outlet.redacted(say)
        return _Entry(definition, args, call, time.monotonic(), step_id)

    async def _pass(self, entry: _Entry, session: Session) -> ToolOutput:
        call, definition = entry.call, entry.definition
        if definition.observe is None:
            return await definition.run(entry.args, call)
        seen = await self._observe(entry)
        decision = "pass" if seen.done else self._decision(session, definition.name, seen.effect)
        if decision == "refuse":
            raise Refused(f"{definition.name} would {seen.effect.value}", "the policy refuses it")
        if decision == "ask":
            seen = await self._confirm(entry, session, seen)
        leave = permit.issue(tool=definition.name, effect=seen.effect, call_id=call.call_id)
        call.observation, call._permit = seen, leave
        try:
            return await definition.run(entry.args, call)
        finally:
            leave.end()
            entry.argvs = leave.argvs

    async def _observe(self, entry: _Entry) -> Observation:
        assert entry.definition.observe is not None
        seen = await entry.definition.observe(entry.args, entry.call)
        if seen.effect.rank > entry.definition.effect.rank:
            raise Refused(
                f"{entry.definition.name} would {seen.effect.value}",
                f"it is declared to {entry.definition.effect.value} at most",
            )
        seen = seen.model_copy(update={"preview": outlet.preview(seen.preview)})
        entry.effect, entry.preview = seen.effect, seen.preview
        return seen

    def _decision(self, session: Session, tool: str, effect: Effect) -> str:
        policy = READ_ONLY if session.read_only else self.policy
        return policy.decide(tool, effect)

    async def _confirm(self, entry: _Entry, session: Session, seen: Observation) -> Observation:
        """Have a human's yes to exactly this, observed anew and used up; or raise."""
        question = await self._question(entry, session, seen)
        found = self.journal.approved(question.digest)
        if found is None:
            refusal = self.journal.take_no(question.digest)
            if refusal is not None:
                raise Declined(f"{entry.definition.name} was declined", f"by {refusal.answered_by}", "nothing was done")
            question = self.journal.ask(question)
            entry.confirmation = question
            answer = await session.channel.ask(question)
            if answer is None:
                raise ConfirmationRequired(question)
            channel = session.channel.name
            found = self.journal.answer(question.id, answer.approved, by=answer.by, channel=channel, heeded=True)
            if not answer.approved:
                raise Declined(f"{entry.definition.name} was declined", f"by {answer.by}", "nothing was done")
        entry.confirmation = found
        again = await self._observe(entry)
        if (await self._question(entry, session, again)).digest != found.digest:
            self.journal.void(found.id)
            raise StaleConfirmation(
                f"{entry.definition.name} was not done",
                "what was confirmed is not what is there any more",
                "make the call again: the new state is asked about",
            )
        self.journal.use(found.id)
        return again

    async def _question(self, entry: _Entry, session: Session, seen: Observation) -> Confirmation:
        from mcp_tools.guard.redact import REDACTOR

        args = entry.args.model_dump(mode="json", exclude_unset=True)
        cluster = await self._cluster(entry, session, seen)
        question = confirmations.new(
            entry.definition.name,
            args,
            target=session.world.target,
            cluster=cluster,
            seen=seen,
            run_id=entry.call.run_id,
            step_id=entry.step_id,
        )
        return question.model_copy(update={"arguments": REDACTOR.data(args)})

    async def _cluster(self, entry: _Entry, session: Session, seen: Observation) -> str:
        """The identity of the cluster: the UID of kube-system; ``none`` when there is no cluster yet."""
        if seen.effect in (Effect.READ, Effect.CREATE) and entry.definition.domain in ("docker", "minikube"):
            return "none"
        return await session.world.identity()

    # -- writing down -------------------------------------------------------------------------------------------

    def _close(self, entry: _Entry, session: Session, output: ToolOutput) -> Outcome:
        data, text = outlet.result(entry.definition, output, simulated=session.world.simulated)
        self._record(entry, session, {"status": "done", "changed": output.changed, "evidence": output.evidence[:20]})
        return Outcome(
            tool=entry.definition.name,
            call_id=entry.call.call_id,
            effect=entry.effect,
            changed=output.changed,
            output=output,
            data=data,
            text=text,
            seconds=round(time.monotonic() - entry.started, 3),
            confirmation=entry.confirmation.id if entry.confirmation else None,
        )

    def _fail(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        session: Session,
        entry: _Entry | None,
        run_id: str | None,
        error: LongshoreError,
        cause: BaseException | None = None,
    ) -> None:
        result: dict[str, Any] = {"status": "failed", "error": error.as_dict()}
        if isinstance(error, ConfirmationRequired):
            result["status"] = "waiting"
        elif isinstance(error, Refused):
            result["status"] = error.code
        if cause is not None:
            import traceback

            result["traceback"] = "".join(traceback.format_exception(cause))[-4000:]
        if entry is not None:
            self._record(entry, session, result)
        else:
            about = {"tool": tool, "arguments": dict(arguments), "client": session.client}
            self.journal.record("call", about | result, run_id)

    def _record(self, entry: _Entry, session: Session, result: dict[str, Any]) -> None:
        inverse = entry.preview.inverse if entry.preview else None
        data = {
            "call_id": entry.call.call_id,
            "tool": entry.definition.name,
            "arguments": entry.args.model_dump(mode="json", exclude_unset=True),
            "step_id": entry.step_id,
            "client": session.client,
            "target": session.world.target,
            "effect": entry.effect.value,
            "preview": entry.preview.summary if entry.preview else None,
            "confirmation": entry.confirmation.id if entry.confirmation else None,
            "digest": entry.confirmation.digest if entry.confirmation else None,
            "argv": entry.argvs,
            "seconds": round(time.monotonic() - entry.started, 3),
            "inverse": inverse.model_dump(mode="json") if inverse and result.get("changed") else None,
        }
        self.journal.record("call", data | result, entry.call.run_id)
