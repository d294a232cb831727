"""Building an image with the docker program, its progress step by step, and what exactly failed.

BuildKit through buildx where it is installed (``--progress=plain`` is the one output that every version writes);
the classic builder where it is not. The image gets its names only after it was built: a failed or cancelled build
moves no tag.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mcp_tools.engines import process
from mcp_tools.engines.docker_secrets import hide
from mcp_tools.errors import ToolFailed
from mcp_tools.guard.permit import Permit
from mcp_tools.untrusted import clean

__all__ = ["BuildLog", "Built", "OnStep", "Request", "build"]

OnStep = Callable[[int, int, str], Awaitable[None]]
"""Told of every step: its number, of how many, and its text."""

TAIL = 20
"""Lines of a failing step that are kept."""

# A build must not change what it was made from: no attestation index around the image, no colours, no hints.
_ENV = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDKIT_COLORS": "", "NO_COLOR": "1", "BUILDX_BUILDER": ""}

_OWN_WORDS = ("ERROR: ", "error during connect", "Cannot connect", "permission denied while trying")
_VERTEX = re.compile(r"^#(?P<id>\d+) (?P<rest>.*)$")
_NUMBERED = re.compile(r"^\[(?P<stage>[^\]\s]+ )?\s*(?P<step>\d+)/(?P<of>\d+)\] (?P<text>.*)$")
_TIMED = re.compile(r"^\d+\.\d+ (?P<line>.*)$")
_CLASSIC = re.compile(r"^Step (?P<step>\d+)/(?P<of>\d+) : (?P<text>.*)$")


@dataclass(frozen=True)
class Request:
    """What is built. ``context`` is the docker context, which is also the name of its buildx builder."""

    root: Path
    dockerfile: Path
    build_args: dict[str, str]
    labels: dict[str, str]
    target: str | None
    context: str

    def argv(self, docker: str, *, buildx: bool, iid: Path) -> list[str]:
        """The words of the command."""
        words = [docker]
        words += ["buildx", "build", "--builder", self.context, "--load", "--progress=plain"] if buildx else ["build"]
        words += ["--file", str(self.dockerfile), "--iidfile", str(iid)]
        for name, value in sorted(self.build_args.items()):
            words += ["--build-arg", f"{name}={value}"]
        for name, value in sorted(self.labels.items()):
            words += ["--label", f"{name}={value}"]
        if self.target:
            words += ["--target", self.target]
        return [*words, str(self.root)]


@dataclass(frozen=True)
class Built:
    """A built image. ``seconds`` is wall time; steps are the numbered instructions that this build needed."""

    id: str
    total_steps: int
    cached_steps: int
    seconds: float


@dataclass
class _Step:
    name: str
    number: int = 0
    of: int = 0
    stage: str = ""
    state: str = "running"
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))


class BuildLog:
    """Reads a build's output line by line: which step it is at, which were cached, which one failed and why."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._totals: dict[str, int] = {}
        self._error = ""
        self._last: _Step | None = None

    @property
    def total(self) -> int:
        """Numbered steps of the stages seen so far; a stage is known from its first step on."""
        return sum(self._totals.values())

    @property
    def finished(self) -> int:
        """Numbered steps that are done or were cached."""
        return sum(1 for step in self._numbered() if step.state in ("done", "cached"))

    @property
    def cached(self) -> int:
        """Numbered steps taken from the cache."""
        return sum(1 for step in self._numbered() if step.state == "cached")

    def _numbered(self) -> list[_Step]:
        # BuildKit may announce a step twice under two numbers: once as a cache probe, once as it runs.
        found: dict[tuple[str, int], _Step] = {}
        for step in self._steps.values():
            if step.number and (step.state != "running" or (step.stage, step.number) not in found):
                found[(step.stage, step.number)] = step
        return list(found.values())

    def feed(self, line: str) -> str | None:
        """Take in one line; gives the text of a step that has just begun."""
        line = clean(line).rstrip()
        if found := _CLASSIC.match(line):
            return self._classic(found)
        if found := _VERTEX.match(line):
            return self._vertex(found["id"], found["rest"])
        if line.startswith("ERROR: "):
            self._error = line.removeprefix("ERROR: ")
        elif self._last is not None and line and "classic" in self._totals:
            self._plain_line(self._last, line)
        elif line and not line.startswith(("#", "-", " >", "DEPRECATED", " ", "Sending build context", "WARNING")):
            self._error = self._error or line
        return None

    def _classic(self, found: re.Match[str]) -> str:
        if self._last is not None:
            self._last.state = "cached" if self._last.state == "cached" else "done"
        step = _Step(found["text"], int(found["step"]), int(found["of"]), "classic")
        self._totals["classic"] = step.of
        self._steps[found["step"]] = self._last = step
        return step.name

    @staticmethod
    def _plain_line(step: _Step, line: str) -> None:
        if line == " ---> Using cache":
            step.state = "cached"
        elif line.startswith("Successfully built"):
            step.state = "cached" if step.state == "cached" else "done"
        elif not line.startswith((" --->", "Removing intermediate container")):
            step.tail.append(line)

    def _vertex(self, number: str, rest: str) -> str | None:
        step = self._steps.get(number)
        if step is None:
            step = self._steps[number] = _Step(rest)
            if found := _NUMBERED.match(rest):
                step.stage, step.name = (found["stage"] or "").strip(), found["text"]
                step.number, step.of = int(found["step"]), int(found["of"])
                self._totals[step.stage] = step.of
                return step.name
            return None
        if rest == "CACHED":
            step.state = "cached"
        elif rest.startswith("DONE"):
            step.state = "cached" if step.state == "cached" else "done"
        elif rest.startswith("ERROR: "):
            step.state = "failed"  # the program repeats the error, in full, on its last line
            self._error = self._error or rest.removeprefix("ERROR: ")
        elif timed := _TIMED.match(rest):
            step.tail.append(timed["line"])
        return None

    def failure(self, output: str, dockerfile: str) -> ToolFailed:
        """The failing step, the last lines of its output, and what to try. ``output``: stderr of the program."""
        step = next((s for s in self._steps.values() if s.state == "failed"), None)
        step = step or (self._last if self._last is not None and self._last.state == "running" else None)
        error = self._error or clean(output).strip().splitlines()[-1:]
        reason = error if isinstance(error, str) else (error or ["it gave no reason"])[0]
        reason = re.sub(r"^(?:failed to build: |failed to solve: |rpc error: code = \w+ desc = )+", "", reason)
        reason = re.sub(r"failed to solve with frontend dockerfile\.v0: |failed to create LLB definition: ", "", reason)
        tail = [hide(line) for line in step.tail] if step else []
        reason = hide(reason)
        where = f"step {step.number}/{step.of} {step.name}" if step and step.number else (step.name if step else "")
        shown = [line for line in tail if line != reason][-6:]
        return ToolFailed(
            f"the build failed{f' at {where[:200]}' if where else ''}",
            " | ".join([reason[:400], *(line[:200] for line in shown)]),
            remedy(reason, dockerfile),
            details={"step": where[:500], "number": step.number if step else 0, "output": tail, "error": reason[:1000]},
        )


_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"no space left", "free disk space: docker system df, docker builder prune"),
    (r"dockerfile parse error|unknown instruction|syntax error", "dockerfile_lint shows the line; correct {file}"),
    (
        r"pull access denied|manifest unknown|repository does not exist|failed to resolve source metadata|"
        r"failed to do request|not found: manifest|no such host|i/o timeout|connection refused|TLS handshake",
        "check the image after FROM in {file} and the network; docker pull it by hand, or log in to its registry",
    ),
    (r"toomanyrequests|rate limit", "docker login, or use a mirror: the registry limits anonymous pulls"),
    (r"not found|no such file|failed to compute cache key|failed to calculate checksum|excluded by \.dockerignore",
     "check that the path exists in the context and that .dockerignore does not exclude it"),
    (r"target stage .* could not be found", "check the stage's name in {file}"),
    (r"requires BuildKit|--mount option requires", "install the buildx plugin: {file} needs BuildKit"),
    (r"exit code: 137|code: 137|cannot allocate memory|Killed", "the step ran out of memory: give Docker more of it"),
    (r"exit code|non-zero code", "correct what the output of this step complains of, then build again"),
)  # fmt: skip


def remedy(reason: str, dockerfile: str) -> str:
    """What to try against a build error."""
    for pattern, advice in _REMEDIES:
        if re.search(pattern, reason, re.IGNORECASE):
            return advice.format(file=dockerfile)
    return f"dockerfile_lint, then correct {dockerfile}"


async def build(
    docker: str,
    request: Request,
    buildx: bool,
    *,
    env: Mapping[str, str],
    permit: Permit,
    timeout: float,
    on_step: OnStep | None = None,
) -> Built:
    """Build an image without a name.

    Raises:
        EnvironmentNotReady: the daemon does not answer.
        ToolFailed: the failing step, the end of its output (``details["output"]``) and a remedy.
        TimedOut: it took longer than ``timeout`` seconds.
    """
    from mcp_tools.engines.docker import raise_unreachable

    log, started = BuildLog(), time.monotonic()

    async def line(_: str, text: str) -> None:
        begun = log.feed(text)
        if begun and on_step is not None:
            await on_step(log.finished, max(log.total, 1), begun)

    with tempfile.TemporaryDirectory(prefix="longshore-build-") as folder:
        iid = Path(folder) / "iid"
        done = await process.run(
            request.argv(docker, buildx=buildx, iid=iid),
            timeout=timeout,
            env={**env, **_ENV, "DOCKER_BUILDKIT": "1" if buildx else "0"},
            permit=permit,
            check=False,
            on_line=line,
        )
        if done.returncode != 0:
            # Steps may say anything; only the program's own last word is about the daemon.
            raise_unreachable("\n".join(row for row in done.stderr.splitlines() if row.startswith(_OWN_WORDS)))
            raise log.failure(done.stderr or done.stdout, request.dockerfile.name)
        identity = iid.read_text().strip() if iid.is_file() else ""
    if not identity.startswith("sha256:"):
        raise ToolFailed("the build gave no image", done.last_words(), "update docker and its buildx plugin")
    return Built(identity, log.total, log.cached, round(time.monotonic() - started, 2))
