"""dockerfile_generate: writes a Dockerfile where there is none; replacing one is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from mcp_tools.catalog import Effect, Observation, Preview, ToolOutput, tool
from mcp_tools.engines import docker_gordon, dockerfile, dockerfile_rules, dockerfile_writer, project
from mcp_tools.engines.project import Project
from mcp_tools.errors import Conflict, LongshoreError
from mcp_tools.tools.docker_common import ProjectInput, dockerfile_of, folder_of
from mcp_tools.untrusted import Untrusted, clean
from mcp_tools.world import Call


class DockerfileGenerateInput(ProjectInput):
    """For which project."""

    replace: bool = Field(False, description="Replace an existing Dockerfile (asked for)")


class DockerfileGenerateOutput(ToolOutput):
    """A Dockerfile. ``kept``: it was there and stays as it is."""

    dockerfile: str = Field(description="Its path in the workspace")
    kept: bool
    content: Untrusted
    engine: Literal["longshore", "gordon"] = Field(description="Who wrote it; of a kept one: who would")

    def text(self) -> str:
        """Its path and its content."""
        return f"{self.dockerfile} ({'kept' if self.kept else f'written by {self.engine}'})\n{self.content}"


@dataclass(frozen=True)
class _Plan:
    """What is there, and what would be written."""

    folder: Path
    file: Path
    old: str | None
    new: str
    ignore: Path | None
    found: Project | None

    @property
    def keeps(self) -> bool:
        return self.old is not None and self.old == self.new


def _plan(folder: Path, file: Path, replace: bool) -> _Plan:
    old = dockerfile.read(file) if file.is_file() else None
    if old is not None and not replace:
        return _Plan(folder, file, old, old, None, None)
    found = project.analyze(folder)
    new = dockerfile_writer.dockerfile(found, folder)
    ignore = folder / ".dockerignore"
    beside = file.with_name(f"{file.name}.dockerignore")
    there = ignore.exists() or ignore.is_symlink() or beside.exists()
    return _Plan(folder, file, old, new, None if there else ignore, found)


async def _look(args: DockerfileGenerateInput, call: Call) -> _Plan:
    folder, file = folder_of(args, call), dockerfile_of(args, call)
    return await asyncio.to_thread(_plan, folder, file, args.replace)


def _shown(file: Path, call: Call) -> str:
    return clean(file.relative_to(call.path(".")).as_posix())


async def observe_generate(args: DockerfileGenerateInput, call: Call) -> Observation:
    """Whether there is a Dockerfile already, and what would become of it."""
    plan = await _look(args, call)
    name = _shown(plan.file, call)
    added = [_shown(plan.ignore, call)] if plan.ignore else []
    state = {"file": name, "old": _digest(plan.old), "new": _digest(plan.new), "ignore": bool(plan.ignore)}
    if plan.old is None:
        preview = Preview(summary=f"write {name}", added=[name, *added])
        return Observation(effect=Effect.CREATE, preview=preview, state=state)
    if plan.keeps and not added:
        return Observation(effect=Effect.READ, preview=Preview(summary=f"{name} stays"), state=state, done=True)
    if plan.keeps:
        return Observation(effect=Effect.CREATE, preview=Preview(summary=f"write {added[0]}", added=added), state=state)
    lines = difflib.unified_diff(
        plan.old.splitlines(), plan.new.splitlines(), f"{name} (now)", f"{name} (new)", lineterm=""
    )
    preview = Preview(summary=f"replace {name}", added=added, changed=[name], diff=clean("\n".join(lines)))
    return Observation(effect=Effect.CHANGE, preview=preview, state=state)


def _digest(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


@tool(domain="docker", title="Generate a Dockerfile", effect=Effect.CHANGE, observe=observe_generate)
async def dockerfile_generate(args: DockerfileGenerateInput, call: Call) -> DockerfileGenerateOutput:
    """Write a multi-stage, non-root, pinned, cache-friendly Dockerfile (and a .dockerignore) for a project that has
    none. An existing one is kept unless replace is true, which needs a human's yes.
    """
    plan = await _look(args, call)
    name = _shown(plan.file, call)
    if plan.keeps and plan.ignore is None:
        return DockerfileGenerateOutput(
            dockerfile=name, kept=True, content=plan.new, engine="longshore", evidence=[f"{name} was there"]
        )
    call.permit.require(Effect.CHANGE if plan.old is not None and not plan.keeps else Effect.CREATE)
    text, engine = await _text(plan, call)
    await asyncio.to_thread(_write_all, plan, text)
    findings = await dockerfile_rules.lint(text, plan.folder)
    serious = [f"line {f.line}: {f.code} {f.message}" for f in findings if f.serious]
    evidence = [f"{name}: {len(text.splitlines())} lines, {len(serious)} lint errors or warnings", *serious[:5]]
    if plan.ignore is not None:
        evidence.append(f"{_shown(plan.ignore, call)} written as well")
    return DockerfileGenerateOutput(
        changed=True, evidence=evidence, dockerfile=name, kept=plan.keeps, content=text, engine=engine
    )


async def _text(plan: _Plan, call: Call) -> tuple[str, Literal["longshore", "gordon"]]:
    """Gordon's text where it answers with a clean one, Longshore's own otherwise.

    Never for a replacement: a human said yes to the text that was shown.
    """
    if plan.old is not None or plan.found is None:
        return plan.new, "longshore"
    try:
        if await call.world.docker.gordon() is None:
            return plan.new, "longshore"
        await call.progress(0, None, "asking Docker AI (Gordon)")
        text = await docker_gordon.ask(call.world.docker, plan.found)
        findings = await dockerfile_rules.lint(text, plan.folder) if text else []
    except LongshoreError:
        return plan.new, "longshore"
    if not text or any(finding.serious for finding in findings):
        return plan.new, "longshore"
    return text, "gordon"


def _write_all(plan: _Plan, text: str) -> None:
    if plan.ignore is not None and plan.found is not None:
        _write(plan.ignore, dockerfile_writer.dockerignore(plan.found), replace=False)
    if not plan.keeps:
        _write(plan.file, text, replace=plan.old is not None)


def _write(file: Path, text: str, *, replace: bool) -> None:
    """Write a file whole or not at all; never over one that appeared meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o644)
        if replace:
            Path(temporary).replace(file)
            return
        try:
            os.link(temporary, file)
        except FileExistsError as error:
            raise Conflict(f"{file.name} appeared meanwhile", "nothing was overwritten", "try again") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
