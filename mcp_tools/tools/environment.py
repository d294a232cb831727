"""environment_check: is everything there that a deployment needs, and if not, what to do."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from mcp_tools import application
from mcp_tools.catalog import Effect, ToolInput, ToolOutput, tool
from mcp_tools.environment import checks as environment_checks
from mcp_tools.environment.inspection import Outcome, Section
from mcp_tools.names import PathArg
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

_MARKS = {"ok": "ok  ", "warning": "warn", "failed": "FAIL", "skipped": "skip"}


class EnvironmentCheckInput(ToolInput):
    """What to check."""

    section: Literal["all", "minikube", "docker", "kubernetes", "resources", "optional"] = "all"
    application: PathArg | None = Field(None, description="longshore.yaml or its folder: also its ports and images")


class CheckLine(BaseModel):
    """One check."""

    id: str
    title: str
    section: Section
    status: Outcome
    found: Untrusted
    expected: str
    remedy: Untrusted = ""


class Setting(BaseModel):
    """One setting, and where its value came from."""

    name: str
    value: str
    source: Literal["flag", "environment", "file", "default"]


class EnvironmentCheckOutput(ToolOutput):
    """Every check; ready when none failed."""

    ready: bool
    checks: list[CheckLine]
    settings: list[Setting] = Field(default_factory=list)

    def text(self) -> str:
        """A table, with the remedy under each line that needs one."""
        counts = {status: sum(c.status == status for c in self.checks) for status in _MARKS}
        summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        width = max((len(check.title) for check in self.checks), default=0)
        lines = [f"{'ready' if self.ready else 'NOT READY'}: {summary}"]
        for check in self.checks:
            lines.append(f"{_MARKS[check.status]}  {check.title:<{width}}  {check.found}")
            if check.remedy:
                lines.append(f"{' ' * (width + 8)}→ {check.remedy}")
        return "\n".join(lines)


@tool(domain="environment", title="Check the environment", effect=Effect.READ)
async def environment_check(args: EnvironmentCheckInput, call: Call) -> EnvironmentCheckOutput:
    """Check that everything a deployment needs is there: Minikube, Docker, kubectl, helm, memory, disk, ports, network.

    Optional programs that are absent are warnings: Longshore's own tools do their work.
    """
    app = None if args.application is None else application.load(call.path(args.application))
    section = None if args.section == "all" else args.section
    checks = await environment_checks.run_checks(call.world, app, section)
    return EnvironmentCheckOutput(
        evidence=[f"{check.id}: {check.status}: {check.found}" for check in checks],
        ready=not any(check.status == "failed" for check in checks),
        checks=[
            CheckLine(
                id=check.id,
                title=check.title,
                section=check.section,
                status=check.status,
                found=check.found,
                expected=check.expected,
                remedy=check.remedy,
            )
            for check in checks
        ],
        settings=[Setting(name=s.name, value=str(s.value), source=s.source) for s in call.world.settings],
    )
