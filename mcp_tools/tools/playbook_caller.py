"""How the playbook engine reaches the world: every step is a call through the guard, under the cluster's lease."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

from mcp_tools.catalog import CATALOG
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import Busy, ConfirmationRequired, Declined, LongshoreError
from mcp_tools.guard.confirmation import Confirmation
from mcp_tools.guard.guard import Answer, Channel, Guard, Session
from mcp_tools.guard.outlet import SANDBOX
from mcp_tools.lease import Lease
from playbooks.errors import StepDeclined, StepError, StepWaits
from playbooks.protocols import StepHandle, StepResult

STARTS_CLUSTER = "minikube_start"


def about(confirmation: Confirmation) -> dict[str, Any]:
    """A confirmation as the documents of runs and plans show it."""
    return {
        "id": confirmation.id,
        "digest": confirmation.digest,
        "tool": confirmation.tool,
        "effect": confirmation.effect.value,
        "status": confirmation.status,
        "summary": confirmation.preview.summary,
        "step": confirmation.step_id,
        "answered_by": confirmation.answered_by,
    }


def arguments(args: dict[str, Any]) -> dict[str, Any]:
    """A step's arguments for the guard: null means the tool's default."""
    return {name: value for name, value in args.items() if value is not None}


def step_error(error: LongshoreError) -> StepError:
    """The engine's form of an error."""
    kind = StepDeclined if isinstance(error, Declined) else StepError
    return kind(error.code, error.what, error.why, error.remedy, error.details)


@dataclasses.dataclass
class _Pausing:
    """A channel during whose questions the step's time does not run."""

    channel: Channel
    step: StepHandle
    name: str

    async def ask(self, confirmation: Confirmation) -> Answer | None:
        with self.step.paused():
            return await self.channel.ask(confirmation)


class LeaseKeeper:
    """Holds the cluster's lease for a run, from the moment that there is a cluster."""

    def __init__(self, kube: KubeEngine, run_id: str, on_lost: Callable[[LongshoreError], None]) -> None:
        self.kube, self.run_id, self.on_lost = kube, run_id, on_lost
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def hold(self) -> None:
        """Take the lease when there is a cluster and it is not held already.

        Raises:
            Busy: another run holds it.
        """
        if self._task is not None:
            return
        try:
            await self.kube.get("v1", "Namespace", "kube-system")
        except LongshoreError:
            return  # no cluster yet
        held = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(held), name=f"lease of {self.run_id}")
        await held

    async def _keep(self, held: asyncio.Future[None]) -> None:
        try:
            async with Lease(self.kube, self.run_id).held():
                held.set_result(None)
                await self._stop.wait()
        except Busy as error:
            if not held.done():
                self._task = None
                held.set_exception(error)
            else:
                self.on_lost(error)
        except LongshoreError:  # an account that may not keep leases in kube-system works without
            if not held.done():
                held.set_result(None)

    async def release(self) -> None:
        """Give it back."""
        self._stop.set()
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError, LongshoreError):
                await self._task
            self._task = None


class GuardedCaller:
    """A tool caller of the engine. Each step passes the guard by itself."""

    def __init__(self, guard: Guard, session: Session, lease: LeaseKeeper | None) -> None:
        self.guard, self.session, self.lease = guard, session, lease

    def effect(self, tool: str) -> str:
        """The largest effect of a tool.

        Raises:
            StepError: there is no such tool.
        """
        try:
            return CATALOG.get(tool).effect.value
        except LongshoreError as error:
            raise step_error(error) from error

    async def call(self, tool: str, args: dict[str, Any], step: StepHandle) -> StepResult:
        """Call a tool through the guard.

        Raises:
            StepWaits, StepDeclined, StepError: as the engine wants to be told.
        """
        session = dataclasses.replace(
            self.session, channel=_Pausing(self.session.channel, step, self.session.channel.name)
        )
        try:
            if self.lease is not None and self.effect(tool) != "read":
                await self.lease.hold()
            outcome = await self.guard.call(
                tool, arguments(args), session=session, say=step.say, run_id=step.run_id, step_id=step.id
            )
            if self.lease is not None and tool == STARTS_CLUSTER:
                await self.lease.hold()
        except ConfirmationRequired as error:
            raise StepWaits(about(error.confirmation)) from error
        except LongshoreError as error:
            raise step_error(error) from error
        return StepResult(
            effect=outcome.effect.value,
            changed=outcome.changed,
            data=outcome.data,
            evidence=[str(line) for line in outcome.data.get("evidence") or []] or _first_lines(outcome.text),
            confirmation=outcome.confirmation,
            unknown=[str(line) for line in outcome.data.get("unknown") or []],
            asked=not outcome.data.get("skipped"),
        )


def _first_lines(text: str) -> list[str]:
    """What a tool says that names no evidence of its own."""
    skipped = ("<", "changed:", SANDBOX)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(skipped)]
    return lines[:6]


__all__ = ["GuardedCaller", "LeaseKeeper", "about", "arguments", "step_error"]
