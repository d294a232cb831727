"""Builds of the stand-in: what a real builder refuses is refused in its words, and what is the same stays the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mcp_tools.effects import Effect
from mcp_tools.engines.docker_records import ImageDetails
from mcp_tools.errors import ToolFailed
from mcp_tools.guard import permit
from mcp_tools.targets.sandbox.standins import bases
from mcp_tools.targets.sandbox.standins.docker import DockerStandIn
from mcp_tools.targets.sandbox.standins.records import ImageRecord


class Bench:
    """A folder with a Dockerfile, and a stand-in that builds it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "app"
        self.root.mkdir()
        self.docker = DockerStandIn(folder / "state")
        self.said: list[str] = []
        self.cached = self.total = 0

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def build(self, dockerfile: str, *, target: str | None = None, **build_args: str) -> ImageRecord:
        self.write("Dockerfile", dockerfile)

        async def step(done: int, total: int, text: str) -> None:
            self.said.append(text)

        async def work() -> ImageRecord:
            leave = permit.issue(tool="docker_build", effect=Effect.CREATE, call_id="x")
            built = await self.docker.build(
                self.root,
                dockerfile=self.root / "Dockerfile",
                tags=["app:1"],
                permit=leave,
                build_args=build_args,
                labels={"longshore.dev/source": "sha256:0"},
                target=target,
                on_step=step,
            )
            self.cached, self.total = built.cached_steps, built.total_steps
            found = self.docker.record("app:1")
            assert found is not None and found.id == built.id
            return found

        return asyncio.run(work())

    def refuse(self, dockerfile: str, **build_args: str) -> ToolFailed:
        with pytest.raises(ToolFailed) as caught:
            self.build(dockerfile, **build_args)
        assert self.docker.record("app:1") is None, "a failed build moves no name"
        return caught.value

    def details(self) -> ImageDetails:
        found = asyncio.run(self.docker.inspect("app:1"))
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# -- what a builder refuses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FORM python:3.13\n", "dockerfile parse error on line 1: unknown instruction: FORM"),
        ("FROM python:3.13\n\nCOPPY a b\n", "dockerfile parse error on line 3: unknown instruction: COPPY"),
        ("\n# nothing\n", "the Dockerfile cannot be empty"),
        ("RUN true\nFROM python:3.13\n", "dockerfile parse error on line 1: no build stage in current context"),
        ("FROM\n", "dockerfile parse error on line 1: FROM requires either one or three arguments"),
        ("FROM a b\n", "dockerfile parse error on line 1: FROM requires either one or three arguments"),
        ("FROM alpine\nCOPY a\n", "line 2: COPY requires at least two arguments, but only one was provided"),
        ("FROM alpine\nCOPY --form=b a b\n", "line 2: unknown flag: --form (did you mean from?)"),
        ("FROM alpine\nENV A\n", "line 2: ENV must have two arguments"),
        ("FROM alpine\nENV A=1 B\n", 'Syntax error - can\'t find = in "B". Must be of the form: name=value'),
        ("FROM alpine\nEXPOSE http\n", "invalid containerPort: http"),
        ("ARG BASE\nFROM ${BASE}\n", "base name (${BASE}) should not be blank"),
        ("FROM alpine\nCOPY <<EOF /x\nabc\n", "unterminated heredoc"),
        ("FROM alpine AS a\nFROM alpine AS A\n", "duplicate name A"),
    ],
)
def test_bad_syntax_is_refused_in_the_words_of_the_builder(bench: Bench, text: str, words: str) -> None:
    assert words in bench.refuse(text).details["error"]


def test_a_file_that_is_not_in_the_context_fails_its_step(bench: Bench) -> None:
    bench.write("main.py", "print()\n")
    error = bench.refuse("FROM python:3.13-slim\nWORKDIR /app\nCOPY main.py .\nCOPY settings.toml .\n")
    assert error.what == "the build failed at step 4/4 COPY settings.toml "
    assert error.details["error"].startswith("failed to compute cache key: failed to calculate checksum of ref ")
    assert error.details["error"].endswith('"/settings.toml": not found')
    assert ".dockerignore" in error.remedy


def test_a_file_that_dockerignore_leaves_out_is_not_there(bench: Bench) -> None:
    bench.write("secret.txt", "x")
    bench.write(".dockerignore", "*.txt\n")
    assert '"/secret.txt": not found' in bench.refuse("FROM alpine\nCOPY secret.txt /x\n").why


def test_nothing_outside_of_the_context_can_be_copied(bench: Bench) -> None:
    (bench.root.parent / "outside").write_text("x")
    assert '"/outside": not found' in bench.refuse("FROM alpine\nCOPY ../outside /x\n").why


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("pythn:3.13", "failed to resolve source metadata for docker.io/library/pythn:3.13: pull access denied"),
        ("python:9.9", "docker.io/library/python:9.9: not found"),
        ("node:22-bookwurm", "docker.io/library/node:22-bookwurm: not found"),
        ("Python:3", 'failed to parse stage name "Python:3": invalid reference format'),
    ],
)
def test_an_unknown_base_image_is_refused_as_a_registry_would(bench: Bench, base: str, words: str) -> None:
    error = bench.refuse(f"FROM {base}\nRUN true\n")
    assert words in error.details["error"]


def test_a_missing_stage_is_looked_for_as_an_image(bench: Bench) -> None:
    error = bench.refuse("FROM alpine AS build\nFROM alpine\nCOPY --from=biuld /x /x\n")
    assert "failed to resolve source metadata for docker.io/library/biuld:latest" in error.details["error"]


def test_a_missing_target_stage_is_named(bench: Bench) -> None:
    bench.write("Dockerfile", "")
    with pytest.raises(ToolFailed, match='target stage "prod" could not be found'):
        bench.build("FROM alpine AS dev\n", target="prod")


def test_what_nobody_put_into_an_empty_stage_cannot_be_copied_from_it(bench: Bench) -> None:
    bench.write("a", "x")
    text = "FROM scratch AS files\nCOPY a /data/a\nFROM alpine\nCOPY --from=files /data/b /b\n"
    assert '"/data/b": not found' in bench.refuse(text).why
    bench.build(text.replace("/data/b /b", "/data/a /a"))


def test_commands_whose_failure_is_plain_fail(bench: Bench) -> None:
    bench.write("main.py", "")
    error = bench.refuse("FROM python:3.13-slim\nWORKDIR /app\nRUN pip install -r requirements.txt\n")
    assert (
        'process "/bin/sh -c pip install -r requirements.txt" did not complete successfully: exit code: 1' in error.why
    )
    assert "No such file or directory: 'requirements.txt'" in error.why
    assert "exit code: 254" in bench.refuse("FROM node:22\nWORKDIR /a\nCOPY main.py .\nRUN npm ci\n").why
    assert "exit code: 3" in bench.refuse("FROM alpine\nRUN exit 3\n").why
    assert "/bin/sh: no such file" in bench.refuse("FROM gcr.io/distroless/static:nonroot\nRUN id\n").why


# -- what is built ---------------------------------------------------------------------------------------------------

SERVICE = """ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
RUN python -m venv /venv
COPY requirements.txt /tmp/requirements.txt
RUN /venv/bin/pip install -r /tmp/requirements.txt
COPY src /app/src
RUN python -m compileall /app/src

FROM python:${PYTHON}-slim
ARG VERSION=dev
ENV APP_VERSION=${VERSION} PATH=/venv/bin:$PATH
WORKDIR /app
COPY --from=build /venv /venv
COPY --chown=10001:10001 --from=build /app/src src
USER 10001:10001
EXPOSE 8000/tcp 9000-9001
ENTRYPOINT ["python", "-m"]
CMD ["service"]
"""


@pytest.fixture
def service(bench: Bench) -> Bench:
    bench.write("requirements.txt", "fastapi==1.0\nuvicorn==1.0\n")
    bench.write("src/main.py", "print(1)\n")
    bench.write("README.md", "not copied\n")
    return bench


def test_the_configuration_is_that_of_the_dockerfile(service: Bench) -> None:
    service.build(SERVICE, VERSION="1.4", PYTHON="3.13")
    found = service.details()
    assert (found.user, found.entrypoint, found.cmd) == ("10001:10001", ["python", "-m"], ["service"])
    assert found.ports == ["8000/tcp", "9000/tcp", "9001/tcp"] and found.workdir == "/app"
    assert found.env["APP_VERSION"] == "1.4" and found.env["PATH"].startswith("/venv/bin:/usr/local")
    assert found.labels == {"longshore.dev/source": "sha256:0"} and found.non_root
    assert not found.pulled_as("app")
    assert service.said[0] == "FROM docker.io/library/python:3.13-slim"


def test_the_same_sources_give_the_same_image_with_every_step_from_the_cache(service: Bench) -> None:
    one = service.build(SERVICE)
    assert service.cached == 0
    two = service.build(SERVICE)
    assert two.id == one.id and service.cached == service.total > 8


def test_a_changed_line_changes_only_the_layers_that_have_it(service: Bench) -> None:
    one = [layer.digest for layer in service.build(SERVICE).layers]
    service.write("src/main.py", "print(2)\n")
    changed = service.build(SERVICE)
    two = [layer.digest for layer in changed.layers]
    assert [place for place in range(len(one)) if one[place] != two[place]] == [len(one) - 1]
    assert changed.layers[-1].command.startswith("COPY /app/src src")
    service.write("README.md", "other words\n")
    assert service.build(SERVICE).id == changed.id, "what is not copied is not in the image"


def test_a_changed_lock_file_changes_the_dependencies(service: Bench) -> None:
    one = service.build(SERVICE).layers
    service.write("requirements.txt", "fastapi==1.1\nuvicorn==1.0\n")
    two = service.build(SERVICE).layers
    assert {new.command for old, new in zip(one, two, strict=True) if old.digest != new.digest} == {
        "COPY /venv /venv # buildkit",
        "COPY /app/src src # buildkit",  # compileall ran in a stage that could read the other packages
    }


def test_what_was_not_run_is_marked(service: Bench) -> None:
    record = service.build(SERVICE)
    assert [layer.simulated for layer in record.layers[-3:]] == [False, True, True]
    unknown = service.docker.unknown(service.details(), ["fastapi"])
    assert unknown[0] == "whether fastapi can be imported inside the image"
    assert unknown[1].startswith("size and content of 2 of ")
    plain = service.build("FROM alpine\nCOPY src /src\n")
    assert plain.simulated == 0 and service.docker.unknown(service.details(), []) == []


def test_variables_quotes_and_defaults_are_filled_in(bench: Bench) -> None:
    bench.write("a b", "x")
    bench.build(
        "FROM alpine\nARG NAME\nARG KIND=blue\n"
        "ENV ONE=${NAME:-nobody} TWO=${KIND:+has} THREE='$KIND' FOUR=\"$KIND sky\" FIVE=\\$KIND\n"
        'COPY ["a b", "/x/"]\nUSER ${KIND}\nLABEL a=1 "b c"=2\n',
        UNUSED="x",
    )
    found = bench.details()
    assert [found.env[key] for key in ("ONE", "TWO", "THREE", "FOUR", "FIVE")] == [
        "nobody", "has", "$KIND", "blue sky", "$KIND",
    ]  # fmt: skip
    assert found.user == "blue" and found.labels["b c"] == "2"


def test_an_entrypoint_forgets_the_command_of_the_base(bench: Bench) -> None:
    bench.build('FROM python:3.13\nENTRYPOINT ["app"]\n')
    assert bench.details().cmd == []
    bench.build("FROM python:3.13\nCMD serve --port 80\n")
    assert bench.details().cmd == ["/bin/sh", "-c", "serve --port 80"]


def test_text_of_a_here_document_is_a_file(bench: Bench) -> None:
    text = (
        "FROM scratch AS a\nCOPY <<EOF /etc/app.conf\nport = {port}\nEOF\nFROM alpine\nCOPY --from=a /etc/app.conf /\n"
    )
    one, two = bench.build(text.format(port=1)), bench.build(text.format(port=2))
    assert one.layers[-1].size == len("port = 1\n") and one.layers[-1].digest != two.layers[-1].digest


def test_stages_that_nothing_needs_are_not_built(bench: Bench) -> None:
    bench.build("FROM nowhere.example/none:1 AS broken\nRUN exit 1\nFROM alpine\nRUN true\n")
    assert bench.said == ["FROM docker.io/library/alpine:latest", "RUN true"]


def test_a_secret_that_is_copied_is_found(bench: Bench) -> None:
    bench.write(".env", "TOKEN=abc\n")
    bench.write("key.pem", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END PRIVATE KEY-----\n")
    record = bench.build("FROM alpine\nCOPY . /app\n")
    assert record.layers[-1].secrets == ["/app/.env (environment file)", "/app/key.pem (private key)"]
    assert len(bench.docker.scan(bench.details()).findings) == 2


def test_an_image_that_was_built_is_a_base_for_others(bench: Bench) -> None:
    bench.build("FROM alpine\nUSER 7\n")
    bench.write("Dockerfile", "")
    record = bench.build("FROM app:1\nENV A=1\n")
    assert record.config.user == "7"


def test_bases_are_known_by_every_usual_name() -> None:
    for name in ("python", "python:3.13-slim", "docker.io/library/python:3.12-alpine3.20", "node:lts-alpine"):
        assert bases.known(name), name
    for name in ("postgres:16-alpine", "nginx:stable-alpine", "debian:bookworm-slim", "maven:3.9-eclipse-temurin-21"):
        assert bases.known(name), name
    assert bases.known("gcr.io/distroless/python3-debian12:nonroot") and bases.known("busybox:1.37@sha256:" + "0" * 64)
    assert not bases.known("python:2.7") and not bases.known("quay.io/library/python:3.13")
    one, two = bases.pull("python:3.13-slim"), bases.pull("docker.io/library/python:3.13-slim")
    assert one is not None and two is not None and one.id == two.id
    assert 100e6 < one.size < 150e6


def test_what_the_node_can_pull_can_be_built_upon() -> None:
    found = bases.pull("perl:5.40")
    assert found is not None and found.pulled == "perl" and found.config.cmd == ["perl", "-de0"]
    assert bases.pull("nowhere:1") is None and bases.pull("No/Name") is None
