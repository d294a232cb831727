"""chart_generate: the Helm chart of a service, written from the application's longshore.yaml."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from mcp_tools import application
from mcp_tools.catalog import Effect, Observation, Preview, ToolInput, ToolOutput, tool
from mcp_tools.engines import chart_writer
from mcp_tools.engines.kube_http import in_thread
from mcp_tools.errors import StaleConfirmation
from mcp_tools.names import PathArg, ServiceName
from mcp_tools.tools.helm_common import capped
from mcp_tools.world import Call


class ChartGenerateInput(ToolInput):
    """Whose chart, and where it goes."""

    service: ServiceName = Field(description="A service of the application, or its database")
    application: PathArg = Field("longshore.yaml", description="The application's longshore.yaml")
    output: PathArg | None = Field(None, description="Folder of the chart; default: the application's")
    overwrite: bool = Field(False, description="Replace what differs (a human is asked); otherwise it is kept")


class ChartGenerateOutput(ToolOutput):
    """The chart and its files."""

    service: str
    path: str
    files: list[str] = Field(description="Written")
    kept: list[str] = Field(default_factory=list, description="There already and different; left as they are")

    def text(self) -> str:
        """One line, and one for what was kept."""
        did = f"{len(self.files)} files written" if self.files else "nothing to write"
        lines = [f"chart of {self.service} at {self.path}: {did}"]
        lines += [f"kept, though different: {', '.join(self.kept)}"] if self.kept else []
        return "\n".join(lines)


@dataclass
class _Plan:
    """What would be written: path → text, what is there now, and what is left alone."""

    folder: Path
    write: dict[Path, str] = field(default_factory=dict)
    before: dict[Path, str] = field(default_factory=dict)
    kept: list[Path] = field(default_factory=list)

    def shown(self, path: Path) -> str:
        """The path from the folder that the charts lie in."""
        return path.relative_to(self.folder.parent).as_posix()

    @property
    def effect(self) -> Effect:
        """Of writing it."""
        return Effect.CHANGE if self.before else Effect.CREATE if self.write else Effect.READ

    def state(self) -> dict[str, list[str]]:
        """What would be written over what: digests of both."""
        return {
            self.shown(path): [_digest(self.before[path]) if path in self.before else "", _digest(text)]
            for path, text in self.write.items()
        }


def _plan(args: ChartGenerateInput, call: Call) -> _Plan:
    app = application.load(call.path(args.application))
    part = chart_writer.part_of(app, args.service)
    folder = call.path(args.output) if args.output else call.path(str(app.chart_of(part)))
    plan = _Plan(folder)
    metadata = folder / "Chart.yaml"
    there = _read(metadata) if metadata.is_file() else None
    for path, text in chart_writer.wanted(app, args.service, folder).items():
        call.path(str(path))  # a link may lead out of the workspace
        now = _read(path)
        if now is not None and now != text and not args.overwrite:
            plan.kept.append(path)
        elif now != text and (args.overwrite or there is None or _belongs(path, plan, there)):
            plan.write[path] = text
            plan.before |= {path: now} if now is not None else {}
    return plan


def _belongs(path: Path, plan: _Plan, metadata: str) -> bool:
    """Whether a chart that is kept needs this file: the library chart beside it, when it uses that."""
    return plan.folder not in path.parents and chart_writer.LIBRARY.name in metadata


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _diff(plan: _Plan) -> str:
    parts = []
    for path, old in plan.before.items():
        name = plan.shown(path)
        lines = difflib.unified_diff(
            old.splitlines(), plan.write[path].splitlines(), f"a/{name}", f"b/{name}", lineterm=""
        )
        parts.append("\n".join(lines))
    return "\n".join(parts)


async def observe_generate(args: ChartGenerateInput, call: Call) -> Observation:
    """Compare the files with what would be written: nothing → done, only new ones → create, otherwise → change."""
    plan = await in_thread(lambda: _plan(args, call))
    changed = [plan.shown(path) for path in plan.before]
    added = [plan.shown(path) for path in plan.write if path not in plan.before]
    summary = (
        f"write the chart of {args.service} to {plan.folder.name}: {len(added)} new files, {len(changed)} replaced"
    )
    if not plan.write:
        kept = f", with {len(plan.kept)} files of its own" if plan.kept else ""
        summary = f"the chart of {args.service} is there{kept}"
    return Observation(
        effect=plan.effect,
        preview=Preview(summary=summary, added=added, changed=changed, diff=capped(_diff(plan))),
        state=plan.state(),
        done=not plan.write,
    )


@tool(domain="charts", title="Generate a chart", effect=Effect.CHANGE, observe=observe_generate)
async def chart_generate(args: ChartGenerateInput, call: Call) -> ChartGenerateOutput:
    """Write the Helm chart of a service (or of the database) from longshore.yaml, with the library chart beside it.

    Deployment, Service, Ingress, ConfigMap, ServiceAccount, NetworkPolicy, probes, security contexts, a test and a
    schema of the values. A chart that is there already is kept unless ``overwrite`` asks for it.
    """
    observation = call.observation or await observe_generate(args, call)
    plan = await in_thread(lambda: _plan(args, call))
    if any(observation.state.get(name) != seen for name, seen in plan.state().items()):
        # fewer files to write is no harm: another call may just have written the library chart that both need
        raise StaleConfirmation(f"the chart of {args.service} is not as it was", "its files have changed", "call again")
    if plan.write:
        permit = call.permit
        await in_thread(lambda: chart_writer.write(plan.write, permit=permit, effect=plan.effect))
    files = sorted(plan.shown(path) for path in plan.write)
    evidence = [f"{len(files)} files written" if files else "every file is as it should be"]
    if plan.kept:
        evidence = [*(evidence if files else []), f"{len(plan.kept)} files differ from the generated ones and are kept"]
    return ChartGenerateOutput(
        changed=bool(files),
        evidence=evidence,
        service=args.service,
        path=_relative(plan.folder, call.workspace),
        files=files,
        kept=[plan.shown(path) for path in plan.kept],
    )


def _relative(path: Path, root: Path) -> str:
    base = root.resolve()
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)
