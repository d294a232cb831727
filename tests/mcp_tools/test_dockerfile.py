"""Dockerfiles: read, judged, written. hadolint is real; no Docker needed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.effects import Effect
from mcp_tools.engines import docker_gordon, dockerfile_rules, dockerfile_writer
from mcp_tools.engines.dockerfile import parse, read
from mcp_tools.engines.project import Project, analyze
from mcp_tools.errors import Conflict, Declined, NotFound, Refused, UsageError
from tests.mcp_tools import docker_stage
from tests.mcp_tools.docker_stage import Stage

pytestmark = pytest.mark.anyio

GOOD = """\
ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE} AS build
COPY requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --target /x -r /tmp/requirements.txt

FROM ${PYTHON_IMAGE}
COPY --from=build /x /x
USER 10001:10001
CMD ["python", "main.py"]
"""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    (tmp_path / "ws").mkdir()
    return docker_stage.stage(tmp_path / "ws", tmp_path / "journal.db")


def codes(text: str) -> list[str]:
    return [finding.code for finding in dockerfile_rules.own_findings(text)]


def test_parse_reads_stages_continuations_and_heredocs() -> None:
    made = parse(
        "# syntax=docker/dockerfile:1\nARG V=3.13\nFROM python:${V}-slim AS base\nRUN a \\\n  # a comment\n\n  && b\n"
        'COPY <<EOF /x\nUSER root\nFROM evil\nEOF\nFROM base\nUSER 1000\nENTRYPOINT ["a", "b c"]\n'
    )
    assert [(s.base, s.name) for s in made.stages] == [("python:3.13-slim", "base"), ("base", "")]
    assert made.stages[0].instructions[0].value == "a && b" and made.stages[0].instructions[0].line == 4
    assert [i.name for i in made.every] == ["ARG", "RUN", "COPY", "USER", "ENTRYPOINT"]
    entry = made.effective("ENTRYPOINT")
    assert entry is not None and entry.words == ["a", "b c"]


def test_parse_honours_the_escape_directive() -> None:
    made = parse("# escape=`\nFROM x:1\nRUN a `\n  b\n")
    assert made.final.instructions[0].value == "a b"


def test_steps_are_those_of_the_stages_that_are_needed() -> None:
    text = "FROM a:1 AS one\nRUN x\nFROM a:1 AS unused\nRUN y\nFROM a:1\nWORKDIR /w\nCOPY --from=one /x /\nUSER 1\n"
    assert parse(text).steps() == 5


@pytest.mark.parametrize("text", ["", "# only a comment\n", "RUN x\n", "FROM x:1\n{}\n", "FROM\n"])
def test_what_is_no_dockerfile_is_said(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_read_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="dockerfile_generate"):
        read(tmp_path / "Dockerfile")
    (tmp_path / "Dockerfile").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        read(tmp_path / "Dockerfile")


def test_a_good_dockerfile_is_clean(tmp_path: Path) -> None:
    assert asyncio.run(dockerfile_rules.lint(GOOD, tmp_path)) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("USER 10001:10001\n", "", "LS001"),
        ("USER 10001:10001", "USER root", "LS001"),
        ("USER 10001:10001", "USER 0:0", "LS001"),
        ("USER 10001:10001", "USER app", "LS002"),
        ("python:3.13-slim", "python", "LS003"),
        ("python:3.13-slim", "python:latest", "LS003"),
        ("ARG PYTHON_IMAGE=python:3.13-slim", "ARG PYTHON_IMAGE", "LS003"),
        ("USER 10001", "ENV API_KEY=abc\nUSER 10001", "LS005"),
        ("USER 10001", "ENV DB_PASSWORD abc\nUSER 10001", "LS005"),
        ("USER 10001", "ARG NPM_TOKEN\nUSER 10001", "LS005"),
        ("USER 10001", "RUN curl -H 'x: ghp_" + "a1" * 20 + "' x\nUSER 10001", "LS006"),
        ('CMD ["python", "main.py"]\n', "", "LS007"),
        ("COPY requirements.txt /tmp/requirements.txt", "COPY . .", "LS008"),
    ],
)
def test_own_rules(old: str, new: str, code: str) -> None:
    assert old in GOOD
    assert code in codes(GOOD.replace(old, new))


def test_rules_that_must_not_fire() -> None:
    assert codes(GOOD.replace("USER 10001:10001", "ENV TOKEN_URL=https://x ACCESS_TOKEN_TTL=5 SECRET=\nUSER 1")) == []
    assert codes("FROM a@sha256:" + "0" * 64 + "\nUSER 1\nCMD x\n") == []
    assert codes("FROM a:1 AS base\nUSER 1\nFROM base\nCMD x\n") == []  # the user is inherited
    assert codes("FROM gcr.io/distroless/static-debian12:nonroot\nCMD x\n") == []
    assert "LS004" in codes("FROM python:3.13-slim\nRUN pip install x\nUSER 1\nCMD x\n")


def test_own_rules_cannot_be_switched_off_by_a_comment(tmp_path: Path) -> None:
    text = "# hadolint global ignore=LS001,DL3002\n# hadolint ignore=LS001\nFROM python:3.13-slim\nCMD x\n"
    assert "LS001" in [f.code for f in asyncio.run(dockerfile_rules.lint(text, tmp_path))]


def test_hadolint_is_asked(tmp_path: Path) -> None:
    findings = asyncio.run(dockerfile_rules.hadolint("FROM debian:12\nRUN cd /x && apt-get install curl\n", tmp_path))
    assert {"DL3003", "DL3008"} <= {f.code for f in findings} and all(f.line == 2 for f in findings)
    broken = asyncio.run(dockerfile_rules.lint("FROM debian:12\nRUNN x\n", tmp_path))
    assert any(found.level == "error" and found.line == 2 for found in broken)


PROJECTS: dict[str, dict[str, str]] = {
    "pip": {"requirements.txt": "fastapi\nuvicorn\n", "main.py": "app = FastAPI()\n@app.get('/health')\n"},
    "hashes": {"requirements.lock": "flask==3 --hash=sha256:00\n", "app.py": "app = Flask(__name__)\n"},
    "pyproject": {"pyproject.toml": "[project]\nname='x'\ndependencies=['fastapi']\n", "main.py": "app = FastAPI()\n"},
    "uv": {"pyproject.toml": "[project]\nname='x'\ndependencies=['mcp']\n", "uv.lock": "", "src/s/__main__.py": "x"},
    "poetry": {"pyproject.toml": "[tool.poetry.dependencies]\nflask='3'\n", "poetry.lock": "", "app.py": "x=1\n"},
    "pdm": {"pyproject.toml": "[project]\nname='x'\ndependencies=['django']\n", "pdm.lock": "", "shop/wsgi.py": ""},
    "pipenv": {"Pipfile": "[packages]\nflask='*'\n", "Pipfile.lock": "{}", "app.py": "app = Flask(__name__)\n"},
    "script": {"main.py": "print(1)\n"},
    "next": {"package.json": '{"dependencies": {"next": "16"}, "scripts": {"build": "next build"}}',
             "package-lock.json": "{}", "next.config.ts": "export default { output: 'standalone' }"},
    "next-plain": {"package.json": '{"dependencies": {"next": "16"}, "scripts": {"build": "next build"}}'},
    "express": {"package.json": '{"dependencies": {"express": "5"}, "scripts": {"start": "node server.js"}}',
                "yarn.lock": "", "server.js": "app.get('/healthz')"},
    "typescript": {"package.json": '{"dependencies": {"koa": "3"}, "devDependencies": {"typescript": "6"}, '
                   '"scripts": {"build": "tsc"}}', "pnpm-lock.yaml": "", "tsconfig.json": "{}", "src/index.ts": "x"},
    "bun": {"package.json": '{"dependencies": {"koa": "3"}}', "bun.lock": "", "index.js": "x"},
    "vite": {"package.json": '{"devDependencies": {"vite": "7"}, "scripts": {"build": "vite build"}}'},
    "go": {"go.mod": "module x\n\ngo 1.24\n", "main.go": "package main\n"},
    "maven": {"pom.xml": "<project/>"},
    "gradle": {"build.gradle": "plugins {}"},
    "static": {"index.html": "<p>"},
}  # fmt: skip


def make(root: Path, files: dict[str, str]) -> Project:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return analyze(root)


@pytest.mark.parametrize("name", PROJECTS)
def test_every_template_is_clean_pinned_and_not_root(tmp_path: Path, name: str) -> None:
    project = make(tmp_path, PROJECTS[name])
    text = dockerfile_writer.dockerfile(project, tmp_path)
    findings = asyncio.run(dockerfile_rules.lint(text, tmp_path))
    assert [f for f in findings if f.serious] == [], text
    made = parse(text)
    user = made.effective("USER")
    assert user is not None and user.value.partition(":")[0].isdigit()
    assert len(made.stages) >= 2 or project.language == "static"
    assert ".git" in dockerfile_writer.dockerignore(project) and ".env" in dockerfile_writer.dockerignore(project)


def test_what_the_templates_say(tmp_path: Path) -> None:
    uv = dockerfile_writer.dockerfile(make(tmp_path / "uv", PROJECTS["uv"]), tmp_path / "uv")
    assert "uv sync --frozen --no-dev" in uv and "PYTHONPATH=/app/src" in uv and 'CMD ["python", "-m", "s"]' in uv
    hashed = dockerfile_writer.dockerfile(make(tmp_path / "h", PROJECTS["hashes"]), tmp_path / "h")
    assert "--require-hashes --no-deps -r" in hashed and "install --no-cache-dir gunicorn==" in hashed
    pip = dockerfile_writer.dockerfile(make(tmp_path / "p", PROJECTS["pip"]), tmp_path / "p")
    assert "HEALTHCHECK" in pip and "http://127.0.0.1:8000/health" in pip
    assert pip.index("COPY requirements.txt") < pip.index("COPY . .")
    web = dockerfile_writer.dockerfile(make(tmp_path / "n", PROJECTS["next"]), tmp_path / "n")
    assert "/app/.next/standalone" in web and "npm ci" in web


def test_unknown_projects_get_no_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not known"):
        dockerfile_writer.dockerfile(make(tmp_path / "a", {"notes.txt": ""}), tmp_path / "a")
    with pytest.raises(UsageError, match="how b starts is not known"):
        dockerfile_writer.dockerfile(make(tmp_path / "b", {"requirements.txt": "requests\n"}), tmp_path / "b")


async def test_generate_writes_keeps_and_replaces_after_a_yes(stage: Stage) -> None:
    docker_stage.fastapi(stage)
    first = await stage.outcome("dockerfile_generate", path="api")
    assert first.effect is Effect.CREATE and first.changed and first.output.engine == "longshore"
    assert (stage.workspace / "api" / "Dockerfile").read_text() == first.output.content
    assert "node_modules" not in (stage.workspace / "api" / ".dockerignore").read_text()
    again = await stage.outcome("dockerfile_generate", path="api")
    assert again.effect is Effect.READ and not again.changed and again.output.kept
    same = await stage.outcome("dockerfile_generate", path="api", replace=True)
    assert not same.changed and stage.human.asked == []

    stage.write("api/Dockerfile", GOOD)
    kept = await stage.outcome("dockerfile_generate", path="api")
    assert kept.output.kept and kept.output.content == GOOD and not kept.changed
    stage.human.approves = False
    with pytest.raises(Declined):
        await stage.outcome("dockerfile_generate", path="api", replace=True)
    assert (stage.workspace / "api" / "Dockerfile").read_text() == GOOD
    stage.human.approves = True
    stage.write("api/Dockerfile", f"# mine\n{GOOD}")
    replaced = await stage.outcome("dockerfile_generate", path="api", replace=True)
    assert replaced.effect is Effect.CHANGE and replaced.changed
    assert "-COPY --from=build /x /x" in stage.human.asked[-1].preview.diff
    assert (stage.workspace / "api" / "Dockerfile").read_text() == first.output.content


async def test_generate_leaves_an_ignore_file_and_the_outside_alone(stage: Stage, tmp_path: Path) -> None:
    docker_stage.fastapi(stage)
    stage.write("api/.dockerignore", "mine\n")
    await stage.call("dockerfile_generate", path="api")
    assert (stage.workspace / "api" / ".dockerignore").read_text() == "mine\n"
    (tmp_path / "elsewhere").write_text("FROM x:1\n")
    docker_stage.fastapi(stage, "other")
    (stage.workspace / "other" / "Dockerfile").symlink_to(tmp_path / "elsewhere")
    for arguments in ({"path": "other"}, {"path": "api", "dockerfile": "../../elsewhere"}, {"path": ".."}):
        with pytest.raises(Refused):
            await stage.call("dockerfile_generate", replace=True, **arguments)
    assert (tmp_path / "elsewhere").read_text() == "FROM x:1\n"


async def test_generate_does_not_overwrite_what_appeared_meanwhile(stage: Stage, monkeypatch: Any) -> None:
    docker_stage.fastapi(stage)
    from mcp_tools.tools import docker_generate

    real = docker_generate._text

    async def slow(plan: Any, call: Any) -> Any:
        stage.write("api/Dockerfile", GOOD)
        return await real(plan, call)

    monkeypatch.setattr(docker_generate, "_text", slow)
    with pytest.raises(Conflict, match="appeared"):
        await stage.call("dockerfile_generate", path="api")
    assert (stage.workspace / "api" / "Dockerfile").read_text() == GOOD


FAKE_DOCKER = """\
#!/bin/sh
if [ "$1" = ai ] && [ "$2" = version ]; then echo 1.2.3; exit 0; fi
if [ "$1" = ai ]; then cat "$(dirname "$0")/answer"; exit 0; fi
exit 1
"""


@pytest.mark.parametrize(
    ("answer", "engine"), [(GOOD, "gordon"), ("FROM python\nRUN x\n", "longshore"), ("", "longshore")]
)
async def test_gordon_is_used_only_when_its_answer_is_clean(
    stage: Stage, tmp_path: Path, monkeypatch: Any, answer: str, engine: str
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text(FAKE_DOCKER)
    (folder / "docker").chmod(0o755)
    (folder / "answer").write_text(f"Here it is:\n```dockerfile\n{answer}```\nEnjoy." if answer else "I cannot.")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    docker_stage.fastapi(stage)
    analyzed = await stage.call("project_analyze", path="api")
    assert analyzed.gordon is True
    made = await stage.call("dockerfile_generate", path="api")
    assert made.engine == engine
    assert (made.content == GOOD) is (engine == "gordon")


def test_an_answer_with_two_dockerfiles_or_none_is_not_used() -> None:
    assert docker_gordon.extract("```\nFROM a:1\n```\n```\nFROM b:1\n```") == ""
    assert docker_gordon.extract("FROM a:1") == ""
    assert docker_gordon.extract("```Dockerfile\nFROM a:1\nUSER 1\n```") == "FROM a:1\nUSER 1\n"


async def test_lint_tool(stage: Stage) -> None:
    stage.write("app/Dockerfile", "FROM python\nCMD x\n")
    found = await stage.call("dockerfile_lint", path="app")
    assert not found.clean and {"LS001", "LS003", "DL3006"} <= {f.code for f in found.findings}
    assert "NOT CLEAN" in found.text()
    stage.write("app/Dockerfile", GOOD)
    assert (await stage.call("dockerfile_lint", path="app")).clean
    with pytest.raises(NotFound, match="dockerfile_generate"):
        await stage.call("dockerfile_lint", path="app", dockerfile="nothing")
    stage.write("app/bad", "").write_bytes(b"\xff\x00\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        await stage.call("dockerfile_lint", path="app", dockerfile="bad")


async def test_analyze_tool_takes_port_and_start_from_the_dockerfile(stage: Stage, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    docker_stage.fastapi(stage)
    before = await stage.call("project_analyze", path="api")
    assert (before.dockerfile_exists, before.content_tag, before.gordon) == (False, None, False)
    stage.write("api/Dockerfile", GOOD + "EXPOSE 9999/tcp\n")
    after = await stage.call("project_analyze", path="api")
    assert after.port == 9999 and after.entrypoint == ["python", "main.py"]
    assert after.content_tag == f"src-{after.content_digest.removeprefix('sha256:')[:12]}"
    with pytest.raises(UsageError, match="looks like a secret"):
        await stage.call("project_analyze", path="api", build_args={"API_TOKEN": "x"})
