"""What the playbook tools share: their inputs, the prepared run, and the result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from mcp_tools import application
from mcp_tools.application import Application
from mcp_tools.catalog import ToolInput, ToolOutput
from mcp_tools.errors import NotFound, UsageError
from mcp_tools.guard.journal import Journal
from mcp_tools.names import PathArg
from mcp_tools.tools import playbook_context
from mcp_tools.tools.playbook_caller import about
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call
from playbooks import loader
from playbooks.document import document
from playbooks.errors import PlaybookError
from playbooks.schema import Playbook
from playbooks.state import Run, StepRecord

RunId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{3,80}$")]
Stages = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9, -]*$", max_length=200)]


class PlaybookInput(ToolInput):
    """Which playbook, for which application."""

    playbook: str = Field(
        "deploy", pattern=r"^[a-z][a-z0-9-]*$", max_length=60, description="deploy, rollback or uninstall"
    )
    application: PathArg = Field("longshore.yaml", description="The application's longshore.yaml, or its folder")
    stages: Stages | None = Field(None, description="Only these: 1-3, 5 or their ids; default: all")
    params: dict[str, str | int | bool] = Field(default_factory=dict, description="Of the playbook")


class StepView(BaseModel):
    """One step."""

    id: str
    title: str
    tool: str
    effect: str
    status: str
    changed: bool = False
    seconds: float = 0.0
    evidence: list[Untrusted] = Field(default_factory=list)
    unknown: list[Untrusted] = Field(default_factory=list)
    error: dict[str, Any] | None = None
    docs: str = ""
    docs_source: str = ""
    skill: str = ""


class StageView(BaseModel):
    """One stage."""

    number: int
    id: str
    title: str
    status: str
    seconds: float = 0.0
    steps: list[StepView]


class PlaybookOutput(ToolOutput):
    """A run: its stages with the steps' evidence, what waits for a human, and how to go on."""

    run_id: str
    playbook: str
    application: str
    status: str = Field(description="running, succeeded, failed, waiting, rolled_back, interrupted or aborted")
    target: str
    started_at: float
    seconds: float
    stages: list[StageView]
    confirmations: list[dict[str, Any]] = Field(default_factory=list)
    report: str = ""
    failure: dict[str, Any] | None = None
    advice: list[Untrusted] = Field(default_factory=list)

    def text(self) -> str:
        """A line per stage, the steps that are not simply done, and how to go on."""
        where = f"{self.target} (simulated)" if self.simulated else self.target
        lines = [f"run {self.run_id} on {where}: {self.status}, {self.seconds:.1f} s"]
        for stage in self.stages:
            changed = sum(step.changed for step in stage.steps)
            lines.append(
                f"{stage.number} {stage.title}: {stage.status}, {len(stage.steps)} steps, {changed} changed, "
                f"{stage.seconds:.1f} s"
            )
            for step in stage.steps:
                if step.status not in ("succeeded", "skipped", "pending") or step.changed:
                    lines.append(f"  {step.id}: {step.status}: {'; '.join(step.evidence[:3])}")
        lines += [
            f"waits: {c['id']} {c['tool']}: {c['summary']}" for c in self.confirmations if c["status"] == "waiting"
        ]
        lines += [f"next: {line}" for line in self.advice]
        return "\n".join(lines)


@dataclass(frozen=True)
class Prepared:
    """A playbook and an application, checked, with what expressions see."""

    playbook: Playbook
    playbook_digest: str
    application: Application
    application_digest: str
    context: dict[str, Any]
    params: dict[str, Any]


def prepare(args: PlaybookInput, call: Call) -> Prepared:
    """Load the playbook and the application.

    Raises:
        NotFound, UsageError: one is not there or broken.
    """
    try:
        playbook = loader.playbook(args.playbook)
    except PlaybookError as error:
        raise usage(error) from error
    app = application.load(call.path(args.application))
    workspace = call.workspace
    return Prepared(
        playbook=playbook,
        playbook_digest=hashlib.sha256(playbook.model_dump_json().encode()).hexdigest(),
        application=app,
        application_digest=playbook_context.digest(app),
        context=playbook_context.context(
            app, workspace, minikube=call.world.is_minikube, simulated=call.world.simulated
        ),
        params=playbook_context.parameters(playbook.parameters, args.params),
    )


def usage(error: PlaybookError) -> UsageError:
    """The guard's form of a playbook's error."""
    return UsageError(error.what, error.why, error.remedy)


def stored(journal: Journal, run_id: str) -> Run:
    """A run from the journal.

    Raises:
        NotFound: there is none.
    """
    found = journal.load_run(run_id)
    if found is None:
        raise NotFound(f"there is no run {run_id}", remedy="longshore runs list")
    return Run.model_validate(found)


def output_of(journal: Journal, run: Run, playbook: Playbook | None = None) -> PlaybookOutput:
    """The result of a run, from what the journal has."""
    playbook = playbook or loader.playbook(run.playbook)
    steps = [StepRecord.model_validate(step) for step in journal.load_steps(run.id)]
    order = {step.id: place for place, (_, step) in enumerate(playbook.all_steps())}
    steps.sort(key=lambda step: (bool(step.recovery), order.get(step.base, len(order)) if not step.recovery else 0))
    made = document(playbook, run, steps, [about(c) for c in journal.confirmations(run.id)])
    return PlaybookOutput(
        changed=any(step.changed for step in steps),
        evidence=[f"run {run.id} is {run.status}", f"{sum(s.passed for s in steps)} of {len(steps)} steps ended well"],
        playbook=run.playbook,
        application=run.application_name,
        started_at=run.created,
        **made,
    )
