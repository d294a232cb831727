"""project_analyze and dockerfile_lint: what a project is, and what is wrong with its Dockerfile. They only read."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, ToolOutput, tool
from mcp_tools.engines import context, dockerfile, dockerfile_rules, project
from mcp_tools.engines.project import Project
from mcp_tools.errors import LongshoreError, UsageError
from mcp_tools.tools.docker_common import BuildArgs, ProjectInput, checked_build_args, dockerfile_of, folder_of
from mcp_tools.untrusted import Untrusted, clean
from mcp_tools.world import Call


class ProjectAnalyzeInput(ProjectInput):
    """Which project."""

    build_args: BuildArgs


class ProjectAnalyzeOutput(ToolOutput):
    """What a project is. ``content_digest`` covers everything that an image built from it depends on."""

    language: str = Field(description="python, node, go, java, static or unknown")
    framework: str
    package_manager: str
    version: str = Field(description="Of the language's runtime")
    entrypoint: list[Untrusted] = Field(description="What starts it; of its Dockerfile when there is one")
    port: int | None
    dockerfile_exists: bool
    health_paths: list[Untrusted]
    env_names: list[Untrusted] = Field(description="Variables that its sources read; never values")
    content_digest: str | None = Field(description="Of the filtered context, Dockerfile and build arguments")
    content_tag: str | None = Field(description="The image tag for that content")
    files: int = Field(description="In the build context")
    bytes: int
    gordon: bool = Field(description="Whether Docker AI is there")


@tool(domain="docker", title="Analyze a project", effect=Effect.READ)
async def project_analyze(args: ProjectAnalyzeInput, call: Call) -> ProjectAnalyzeOutput:
    """Say what a project is made with (language, framework, package manager), how it starts, which port, health paths
    and variables it has, and the content tag of an image built from it now. Executes nothing of it.
    """
    folder, file = folder_of(args, call), dockerfile_of(args, call)
    build_args = checked_build_args(args.build_args)
    (found, facts), gordon = await asyncio.gather(
        asyncio.to_thread(lambda: (project.analyze(folder), context.measure(folder, file, build_args))),
        _gordon(call),
    )
    found = await asyncio.to_thread(_with_dockerfile, found, file)
    evidence = [f"{facts.files} files, {facts.bytes / 1e6:.1f} MB in the build context"]
    if facts.tag:
        evidence.append(f"content {facts.tag}")
    return ProjectAnalyzeOutput(
        evidence=evidence,
        language=found.language,
        framework=found.framework,
        package_manager=found.package_manager,
        version=found.version,
        entrypoint=list(found.entrypoint),
        port=found.port,
        dockerfile_exists=facts.digest is not None,
        health_paths=list(found.health_paths),
        env_names=list(found.env_names),
        content_digest=facts.digest,
        content_tag=facts.tag,
        files=facts.files,
        bytes=facts.bytes,
        gordon=gordon,
    )


async def _gordon(call: Call) -> bool:
    try:
        return await call.world.docker.gordon() is not None
    except LongshoreError:
        return False


def _with_dockerfile(found: Project, file: Path) -> Project:
    """The project, with the port and the start command that its own Dockerfile gives."""
    from dataclasses import replace

    if not file.is_file():
        return found
    try:
        made = dockerfile.parse(dockerfile.read(file))
    except UsageError:
        return found  # dockerfile_lint says what is wrong with it
    exposed, words = made.effective("EXPOSE"), []
    for name in ("ENTRYPOINT", "CMD"):
        instruction = made.effective(name)
        words += instruction.words if instruction else []
    port = exposed.words[0].partition("/")[0] if exposed and exposed.words else ""
    return replace(
        found,
        port=int(port) if port.isdigit() and 0 < int(port) < 65536 else found.port,
        entrypoint=tuple(words) or found.entrypoint,
    )


class DockerfileLintInput(ProjectInput):
    """Which Dockerfile."""


class LintFinding(BaseModel):
    """One problem; ``level`` is error, warning, info or style."""

    code: str = Field(description="DL… and SC… of hadolint, LS… of Longshore")
    level: str
    line: int
    message: Untrusted


class DockerfileLintOutput(ToolOutput):
    """What is wrong with a Dockerfile. ``clean``: no errors and no warnings."""

    clean: bool
    findings: list[LintFinding]

    def text(self) -> str:
        """One line each."""
        if not self.findings:
            return "clean: no findings"
        rows = [f"line {f.line}: {f.level} {f.code}: {f.message}" for f in self.findings]
        return "\n".join([f"{'clean' if self.clean else 'NOT CLEAN'}: {len(rows)} findings", *rows])


@tool(domain="docker", title="Lint a Dockerfile", effect=Effect.READ)
async def dockerfile_lint(args: DockerfileLintInput, call: Call) -> DockerfileLintOutput:
    """Check a Dockerfile with hadolint and for what a deployment needs: a numeric user that is not root, a pinned base
    image, several stages, no secret in ENV or ARG.
    """
    file = dockerfile_of(args, call)
    text = await asyncio.to_thread(dockerfile.read, file)
    findings = await dockerfile_rules.lint(text, folder_of(args, call))
    serious = sum(finding.serious for finding in findings)
    return DockerfileLintOutput(
        evidence=[f"{clean(file.name)}: {len(findings)} findings, {serious} of them errors or warnings"],
        clean=serious == 0,
        findings=[LintFinding(code=f.code, level=f.level, line=f.line, message=f.message) for f in findings],
    )
