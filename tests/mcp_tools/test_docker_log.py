"""Build output, both builders: progress, the cache, and what failed. No Docker needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_tools.engines.docker import raise_unreachable
from mcp_tools.engines.docker_build import BuildLog, Request, remedy
from mcp_tools.engines.docker_records import Container, ImageDetails, Step
from mcp_tools.errors import EnvironmentNotReady

BUILDKIT = """\
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s

#4 [stage-2 1/3] FROM docker.io/library/debian:bookworm-slim
#4 CACHED

#5 [a 2/2] RUN echo hello && sleep 1
#5 0.440 hello
#5 DONE 1.6s

#6 [stage-2 2/3] COPY --from=a /etc/passwd /x
#6 DONE 0.0s

#7 [stage-2 3/3] RUN echo boom; echo worse >&2; exit 3
#7 0.444 boom
#7 0.444 worse
#7 ERROR: executor failed running [/bin/sh -c echo boom; echo worse >&2; exit 3]: exit code: 3
------
 > [stage-2 3/3] RUN echo boom; echo worse >&2; exit 3:
0.444 boom
------
ERROR: failed to build: failed to solve: executor failed running [/bin/sh -c echo boom]: exit code: 3
"""

CLASSIC = """\
DEPRECATED: The legacy builder is deprecated and will be removed in a future release.
Sending build context to Docker daemon  5.12kB
Step 1/3 : FROM debian:bookworm-slim
 ---> 47c93617090a
Step 2/3 : RUN echo hello
 ---> Using cache
 ---> e3bfb2e874c2
Step 3/3 : RUN echo boom; exit 3
 ---> Running in f6eb5dc58bd2
boom
The command '/bin/sh -c echo boom; exit 3' returned a non-zero code: 3
"""


def fed(text: str) -> tuple[BuildLog, list[tuple[int, int, str]]]:
    log, begun = BuildLog(), []
    for line in text.splitlines():
        step = log.feed(line)
        if step:
            begun.append((log.finished, log.total, step))
    return log, begun


def test_buildkit_progress_counts_the_steps_of_every_stage() -> None:
    log, begun = fed(BUILDKIT)
    assert next(text for _, _, text in begun) == "FROM docker.io/library/debian:bookworm-slim"
    assert begun[-1] == (3, 5, "RUN echo boom; echo worse >&2; exit 3")
    assert log.cached == 1


def test_buildkit_failure_names_the_step_its_output_and_a_remedy() -> None:
    error = fed(BUILDKIT)[0].failure(BUILDKIT, "Dockerfile")
    assert error.what == "the build failed at step 3/3 RUN echo boom; echo worse >&2; exit 3"
    assert "exit code: 3" in error.why and error.why.endswith("boom | worse")
    assert error.details["output"][:2] == ["boom", "worse"] and error.details["number"] == 3
    assert "output of this step" in error.remedy


def test_classic_builder_progress_cache_and_failure() -> None:
    log, begun = fed(CLASSIC)
    assert begun == [
        (0, 3, "FROM debian:bookworm-slim"),
        (1, 3, "RUN echo hello"),
        (2, 3, "RUN echo boom; exit 3"),
    ]
    assert log.cached == 1
    error = log.failure(CLASSIC, "Dockerfile")
    assert "step 3/3 RUN echo boom; exit 3" in error.what and "boom" in error.details["output"]


def test_output_of_a_step_cannot_hide_or_steer_a_terminal() -> None:
    text = BUILDKIT.replace("0.444 boom", "0.444 \x1b[2Jbo\u202eom")
    error = fed(text)[0].failure(text, "Dockerfile")
    assert error.details["output"][0] == "boom"


def test_a_failure_without_a_step_gives_the_builders_reason() -> None:
    text = (
        "#1 [internal] load build definition from D\n#1 DONE 0.0s\nERROR: failed to build: failed to solve: rpc error: "
        "code = Unknown desc = failed to solve with frontend dockerfile.v0: failed to create LLB definition: "
        "dockerfile parse error line 2: unknown instruction: RUNN\n"
    )
    error = fed(text)[0].failure(text, "D")
    assert error.why == "dockerfile parse error line 2: unknown instruction: RUNN"
    assert error.remedy == "dockerfile_lint shows the line; correct D"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("write /x: no space left on device", "disk space"),
        ('failed to compute cache key: "/missing.txt" not found: not found', ".dockerignore"),
        ("pull access denied for nosuch", "FROM in Dockerfile"),
        ("toomanyrequests: You have reached your pull rate limit", "docker login"),
        ("the --mount option requires BuildKit", "buildx"),
        ("something new", "dockerfile_lint"),
    ],
)
def test_remedies(reason: str, advice: str) -> None:
    assert advice in remedy(reason, "Dockerfile")


def test_argv_has_one_word_per_value_and_ends_with_the_context() -> None:
    request = Request(
        Path("/w/a b"), Path("/w/a b/Dockerfile"), {"B": "x; rm -rf /", "A": "1"}, {"k": "v"}, "run", "default"
    )
    argv = request.argv("docker", buildx=True, iid=Path("/t/iid"))
    assert argv[:6] == ["docker", "buildx", "build", "--builder", "default", "--load"]
    assert argv[argv.index("--build-arg") + 1] == "A=1" and "B=x; rm -rf /" in argv
    assert argv[-1] == "/w/a b" and "--target" in argv
    assert request.argv("docker", buildx=False, iid=Path("/t/iid"))[:2] == ["docker", "build"]


def test_only_the_programs_own_words_make_a_daemon_unreachable() -> None:
    with pytest.raises(EnvironmentNotReady, match="does not answer"):
        raise_unreachable("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?")
    with pytest.raises(EnvironmentNotReady, match="usermod"):
        raise_unreachable("permission denied while trying to connect to the Docker daemon socket")
    raise_unreachable("connection refused")


def test_records_read_what_docker_says() -> None:
    ports = "127.0.0.1:32772->22/tcp, 0.0.0.0:8000-8002->8000-8002/tcp, :::80->80/tcp"
    row = {"ID": "x", "Names": "a", "Image": "i", "State": "running", "Ports": ports, "Labels": "a=b,c=d"}
    container = Container.of(row)
    assert container.ports == [80, 8000, 8001, 8002, 32772] and container.labels == {"a": "b", "c": "d"}
    assert Step.of({"CreatedBy": "RUN x", "Size": "129086544"}) == Step("RUN x", 129086544)
    empty = ImageDetails.of({"Id": "sha256:1", "Config": {"Env": None, "Cmd": None, "Labels": None}})
    assert empty.env == {} and not empty.non_root and empty.workdir == "/"
    for user, safe in (
        ("0", False),
        ("0:0", False),
        ("root", False),
        ("", False),
        ("10001:10001", True),
        ("app", True),
    ):
        assert ImageDetails.of({"Config": {"User": user}}).non_root is safe
