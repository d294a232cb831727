"""Commands of containers do what they say: shells, clients of services, short programs, behaviours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcp_tools.targets.sandbox.faults import ContainerFault, DnsFault
from mcp_tools.targets.sandbox.node import logs, usage
from mcp_tools.targets.sandbox.node.behaviour import ANNOTATION, Behaviour
from tests.targets.sandbox.pods import Lab, box, ready, waiting

SERVER = {"command": ["python3", "app.py"], "ports": [{"containerPort": 8000}]}
APP = {"labels": {"app": "web"}}


@pytest.fixture
def lab() -> Lab:
    return Lab()


def log(lab: Lab, name: str = "web", container: str = "web", **how: Any) -> str:
    return logs.read(lab.cluster, lab.after(0, name), container, **how)


def once(lab: Lab, *command: str, image: str = "busybox:1.36", settle: float = 60, **more: Any) -> tuple[int, str]:
    """Exit code and log of a command that runs once."""
    entry = {"image": image, "command": list(command), **more.pop("box", {})}
    pod = lab.pod("once", box=entry, restartPolicy="Never", settle=settle, **more)
    code = box(pod)["state"]["terminated"]["exitCode"]
    return code, log(lab, "once")


@pytest.mark.parametrize(
    ("script", "code", "text"),
    [
        ("true", 0, ""),
        ("exit 7", 7, ""),
        ("echo one; echo two", 0, "one\ntwo\n"),
        ("false || echo three", 0, "three\n"),
        ("false && echo no; echo $?", 0, "1\n"),
        ("set -e; false; echo no", 1, ""),
        ("if [ -f /tmp/x ]; then echo yes; else echo no; fi", 0, "no\n"),
        ("touch /tmp/x; if [ -f /tmp/x ]; then echo yes; fi", 0, "yes\n"),
        ("for i in 1 2 3; do echo n$i; done", 0, "n1\nn2\nn3\n"),
        ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i", 0, "3\n"),
        ('echo ${NAME:-nobody}; NAME=me; echo "$NAME"', 0, "nobody\nme\n"),
        ("nosuch", 127, "sh: nosuch: not found\n"),
        ("echo hello | grep -q ell && echo found", 0, "found\n"),
        ("case abc in a*) echo a;; *) echo other;; esac", 0, "a\n"),
        ("f() { echo in $1; return 4; }; f x; echo $?", 0, "in x\n4\n"),
        ("echo $(echo inner) `echo old`", 0, "inner old\n"),
        ("echo quiet > /dev/null; echo loud >&2", 0, "loud\n"),
        ("cat <<EOF\nhello\nEOF", 0, "hello\n"),
        ("until false; do break; done; echo out", 0, "out\n"),
        ("! true; echo $?", 0, "1\n"),
        ("echo -n one; printf 'two %s\\n' 2; printf three", 0, "onetwo 2\nthree"),
        ("printf 'a\\nb' | while read x; do echo $x; done; echo $(printf c)d", 0, "a\nb\ncd\n"),
        ("echo 'unterminated", 2, "sh: syntax error: unterminated quoted string\n"),
        ("exec echo last; echo never", 0, "last\n"),
    ],
)
def test_runs_a_script(lab: Lab, script: str, code: int, text: str) -> None:
    assert once(lab, "sh", "-c", script) == (code, text)


def test_a_line_is_in_the_log_when_it_has_its_end(lab: Lab) -> None:
    lab.pod(box={"command": ["sh", "-c", "echo one; printf two; sleep 5; echo three; sleep 600"]}, settle=3)
    assert log(lab) == "one\n"
    lab.after(5)
    assert log(lab) == "one\ntwothree\n"


def test_writes_where_it_may(lab: Lab) -> None:
    security = {"securityContext": {"readOnlyRootFilesystem": True}}
    code, text = once(lab, "sh", "-c", "echo x > /data/file", box=security)
    assert (code, text) == (1, "sh: can't create /data/file: Read-only file system\n")


def test_asks_a_service(lab: Lab) -> None:
    lab.service()
    lab.pod(box=SERVER, metadata=dict(APP))
    assert once(lab, "wget", "-q", "-O", "-", "http://web/health") == (0, "ok\n")


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        (("wget", "-q", "-O-", "http://web/x"), 1, "wget: can't connect to remote host (10."),
        (("wget", "-q", "-O-", "http://nobody/x"), 1, "wget: bad address 'nobody'"),
        (("wget", "-q", "-T", "3", "-O-", "http://web:81/x"), 1, "wget: download timed out"),
        (("nslookup", "nobody"), 1, "** server can't find nobody: NXDOMAIN"),
        (("nc", "-zv", "web", "80"), 1, "Connection refused"),
    ],
)
def test_says_why_a_service_does_not_answer(lab: Lab, command: tuple[str, ...], code: int, text: str) -> None:
    lab.service()
    found, said = once(lab, *command)
    assert found == code and text in said


TEST = """
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  if wget -q -T 5 -O - "$TEST_URL" || curl -fsS -m 5 "$TEST_URL"; then exit 0; fi
  sleep 2
done
exit 1
"""
PYTHON = """
import os, sys, time, urllib.request
url = os.environ["TEST_URL"]
for attempt in range(10):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            print(url, answer.status, answer.read(500).decode("utf-8", "replace"))
            sys.exit(0 if answer.status == 200 else 1)
    except OSError as error:
        print(url, error, flush=True)
        time.sleep(2)
sys.exit(1)
"""
NODE = """
const url = process.env.TEST_URL;
const ask = async (left) => {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
    console.log(url, answer.status, (await answer.text()).slice(0, 500));
    if (answer.ok) return 0;
  } catch (error) {
    console.log(url, String(error.cause ?? error));
  }
  if (left <= 1) return 1;
  await new Promise((resolve) => setTimeout(resolve, 2000));
  return ask(left - 1);
};
ask(10).then((code) => process.exit(code));
"""
TESTS = [
    ("busybox:1.36", ["sh", "-c", TEST]),
    ("python:3.13-slim", ["python3", "-c", PYTHON]),
    ("node:22-slim", ["node", "-e", NODE]),
]


@pytest.mark.parametrize(("image", "command"), TESTS)
def test_the_tests_of_the_charts_pass_with_endpoints(lab: Lab, image: str, command: list[str]) -> None:
    lab.load(image)
    lab.service(port=8000)
    env = {"env": [{"name": "TEST_URL", "value": "http://web:8000/health"}]}
    lab.pod(box=SERVER, metadata=dict(APP))
    assert once(lab, *command, image=image, box=env)[0] == 0


@pytest.mark.parametrize(("image", "command"), TESTS)
def test_the_tests_of_the_charts_fail_without_endpoints(lab: Lab, image: str, command: list[str]) -> None:
    lab.load(image)
    lab.service(port=8000)
    env = {"env": [{"name": "TEST_URL", "value": "http://web:8000/health"}]}
    assert once(lab, *command, image=image, box=env)[0] == 1
    assert lab.after(0, "once")["status"]["phase"] == "Failed"


def test_waits_in_a_loop_until_a_service_is_there(lab: Lab) -> None:
    script = "until nslookup db; do echo waiting; sleep 2; done"
    init = [{"name": "wait", "image": "busybox:1.36", "command": ["sh", "-c", script]}]
    lab.pod(box={"command": ["sleep", "infinity"]}, initContainers=init, settle=600)
    assert lab.after()["status"]["phase"] == "Pending"
    assert "waiting" in log(lab, container="wait")
    assert lab.clock.next_at() is None
    lab.service("db")
    assert lab.after(3)["status"]["phase"] == "Running"


def test_an_endless_loop_needs_no_clock(lab: Lab) -> None:
    lab.pod(
        box={"image": "busybox:1.36", "command": ["sh", "-c", "while true; do echo tick; sleep 5; done"]}, settle=100
    )
    assert lab.clock.next_at() is None
    assert log(lab).count("tick") == 21
    assert log(lab, tail_lines=2) == "tick\ntick\n"
    assert log(lab, since_seconds=12).count("tick") == 3


def test_a_database_wants_a_password(lab: Lab) -> None:
    pod = lab.pod(box={"image": "postgres:16-alpine"}, settle=5)
    assert waiting(pod)[0] == "CrashLoopBackOff"
    assert "superuser password is not specified" in log(lab)
    env = [{"name": "POSTGRES_PASSWORD", "value": "x"}]
    isready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", "5432"]
    entry = {"image": "postgres:16-alpine", "env": env, "readinessProbe": {"exec": {"command": isready}}}
    assert ready(lab.pod("good", box=entry))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"needs_env": ["DATABASE_URL"]}, "FATAL: environment variable DATABASE_URL is not set"),
        ({"needs_host": ["db:5432"]}, "FATAL: dial tcp: lookup db on 10.96.0.10:53: no such host"),
        ({"exit": {"after": 1, "code": 1}, "log": [{"text": "bad build"}]}, "bad build"),
        ({"writes": [{"path": "/config/x"}]}, "open /config/x: read-only file system"),
        ({"bad_argument": "unknown flag: --frob"}, "unknown flag: --frob"),
    ],
)
def test_behaves_as_it_is_told(lab: Lab, said: dict, line: str) -> None:
    entry = {**SERVER, "securityContext": {"readOnlyRootFilesystem": True}}
    pod = lab.pod(box=entry, metadata={"annotations": {ANNOTATION: json.dumps(said)}}, settle=8)
    assert waiting(pod)[0] == "CrashLoopBackOff"
    assert log(lab) == f"{line}\n"


def test_a_dependency_that_goes_is_refused(lab: Lab) -> None:
    lab.service("db", 5432, 5432, "db")
    note = {ANNOTATION: json.dumps({"needs_host": ["db:5432"]})}
    lab.pod(box=SERVER, metadata={"annotations": note}, settle=8)
    assert "connect: connection refused" in log(lab)


def test_two_containers_cannot_have_one_port(lab: Lab) -> None:
    second = {"name": "second", "image": "python:3.13-slim", **SERVER}
    first = {"name": "web", "image": "python:3.13-slim", **SERVER}
    pod = {"metadata": {"name": "both"}, "spec": {"containers": [first, second]}}
    lab.create("pods", pod)
    found = lab.after(8, "both")
    assert box(found)["ready"] and waiting(found, "second")[0] == "CrashLoopBackOff"
    assert log(lab, "both", "second") == "listen tcp 0.0.0.0:8000: bind: address already in use\n"


def test_names_do_not_resolve_under_a_fault(lab: Lab) -> None:
    lab.service()
    lab.pod(box=SERVER, metadata=dict(APP))
    lab.cluster.faults.inject(DnsFault())
    assert "bad address 'web'" in once(lab, "wget", "-O-", "http://web/")[1]


def test_the_wrong_architecture_cannot_be_executed(lab: Lab) -> None:
    image = lab.cluster.images.find("python:3.13-slim")
    assert image is not None
    arm = {"id": "sha256:" + "a" * 64, "tags": ("arm:1",), "architecture": "arm64"}
    lab.cluster.images.add(image.model_copy(update=arm))
    pod = lab.pod(box={"image": "arm:1", "command": ["python3", "app.py"]}, settle=5)
    assert box(pod)["lastState"]["terminated"]["exitCode"] == 1
    assert log(lab) == "exec python3: exec format error\n"


def test_uses_what_it_is_told_to_use(lab: Lab) -> None:
    said = Behaviour(memory=[{"at": 0, "bytes": 50 << 20}], cpu="250m")  # type: ignore[list-item]
    lab.cluster.faults.inject(ContainerFault(pod="web", behaviour=said))
    pod = lab.pod(box=SERVER)
    assert usage.of_pod(lab.cluster, pod) == {"web": (0.25, 50 << 20)}
    cores, memory = usage.of_node(lab.cluster, "minikube")
    assert cores > 0.25 and memory > 50 << 20


def test_a_memory_curve_meets_its_limit(lab: Lab) -> None:
    said = {"memory": [{"at": 0, "bytes": 1 << 20}, {"at": 30, "bytes": 100 << 20}]}
    note = {"annotations": {ANNOTATION: json.dumps(said)}}
    entry = {**SERVER, "resources": {"limits": {"memory": "64Mi"}}}
    assert ready(lab.pod(box=entry, metadata=note, settle=20))
    pod = lab.after(11)
    assert box(pod)["lastState"]["terminated"]["reason"] == "OOMKilled"


def test_the_log_of_the_run_before(lab: Lab) -> None:
    from mcp_tools.targets.sandbox.errors import ApiError

    lab.pod(box={"command": ["sh", "-c", "echo hello; sleep 5; exit 1"]}, settle=1)
    with pytest.raises(ApiError, match='previous terminated container "web" in pod "web" not found'):
        log(lab, previous=True)
    lab.after(6)
    assert log(lab, previous=True) == "hello\n"


def test_there_is_no_log_before_the_image(lab: Lab) -> None:
    from mcp_tools.targets.sandbox.errors import ApiError

    lab.pod(box={"image": "nowhere:1"}, settle=3)
    text = 'container "web" in pod "web" is waiting to start: trying and failing to pull image'
    with pytest.raises(ApiError, match=text):
        log(lab)


def test_a_server_without_its_dependency_is_up_but_not_ready(lab: Lab) -> None:
    note = {ANNOTATION: json.dumps({"depends_on": ["db:5432"]})}
    probe = {"httpGet": {"path": "/ready", "port": 8000}}
    entry = {**SERVER, "readinessProbe": probe, "livenessProbe": {"httpGet": {"path": "/health", "port": 8000}}}
    pod = lab.pod(box=entry, metadata={"annotations": note}, settle=60)
    assert not ready(pod) and box(pod)["restartCount"] == 0
    lab.service("db", 5432, 5432, "db")
    env = [{"name": "POSTGRES_PASSWORD", "value": "x"}]
    lab.pod("db", box={"image": "postgres:16-alpine", "env": env}, metadata={"labels": {"app": "db"}})
    assert ready(lab.after(15))
    lab.delete("db")
    assert not ready(lab.after(40))


@pytest.mark.parametrize(
    "command",
    [
        ["sh", "-c", "while true; do :; done"],
        ["sh", "-c", "while true; do x=$(while true; do :; done); done"],
        ["sh", "-c", "while read line; do echo $line; done; sleep infinity"],
        ["python3", "-c", "while True: pass"],
        ["python3", "-c", "for i in range(10**12): pass\nimport time\ntime.sleep(10**6)"],
        ["yes"],
    ],
)
def test_a_busy_program_holds_nothing_up(lab: Lab, command: list[str]) -> None:
    pod = lab.pod(box={"command": command}, settle=5)
    assert box(pod)["state"].keys() == {"running"}


@pytest.mark.parametrize(
    "code",
    [
        "x = ' ' * 10**9",
        "x = [0] * 10**9",
        "x = bytearray(500 * 1024 * 1024)",
        "x = []\nwhile True: x.append(' ' * 10**6)",
    ],
)
def test_a_program_that_takes_too_much_memory(lab: Lab, code: str) -> None:
    limits = {"limits": {"memory": "64Mi"}}
    pod = lab.pod(box={"command": ["python3", "-c", code], "resources": limits}, settle=5)
    assert box(pod)["lastState"]["terminated"]["reason"] == "OOMKilled"


@pytest.mark.parametrize(
    ("code", "exit_code", "text"),
    [
        ("print('a', 1 + 2)", 0, "a 3\n"),
        ("import os\nprint(os.environ['NOPE'])", 1, "Traceback (most recent call last):\nKeyError: 'NOPE'\n"),
        ("import sys\nsys.exit(4)", 4, ""),
        ("raise ValueError('bad')", 1, "Traceback (most recent call last):\nValueError: bad\n"),
        ("def f():\n  print('in f')\nf()", 0, "in f\n"),
        ("try:\n  raise OSError('x')\nexcept OSError as e:\n  print('got', e)", 0, "got x\n"),
        ("x = (", 1, "SyntaxError"),
        ("import os\nprint(os.getenv('A', 'b') if True else 'c')", 0, "b\n"),
        ("open('/config/x', 'w')", 0, ""),
        ("open('/tmp/none')", 1, "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/none'"),
    ],
)
def test_runs_a_short_python_program(lab: Lab, code: str, exit_code: int, text: str) -> None:
    found, said = once(lab, "python3", "-c", code, image="python:3.13-slim")
    assert found == exit_code and text in said


def test_reads_lines_of_a_pipe(lab: Lab) -> None:
    script = "printf 'a\\nb\\n' | while read line; do echo got $line; done"
    assert once(lab, "sh", "-c", script) == (0, "got a\ngot b\n")
