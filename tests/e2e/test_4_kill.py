"""``kill -9`` in every stage: the run is resumed, finishes the job, and nothing is done twice."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest

from tests.e2e import outside
from tests.e2e.conftest import APP
from tests.e2e.outside import Command, Result

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


MARK = uuid.uuid4().hex


class Watched:
    """A command under way: its lines so far, and its run."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child
        self.lines: list[str] = []
        assert child.stderr is not None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stderr is not None
        for line in self.child.stderr:
            self.lines.append(line.rstrip())

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def run_id(self) -> str:
        found = re.search(r"run (deploy-\S+)", self.text)
        assert found is not None, self.text
        return found[1]

    def wait_for(self, condition: object, timeout: float = 300) -> None:
        """Wait until a pattern is seen, or a function says so."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            seen = condition() if callable(condition) else re.search(str(condition), self.text)
            if seen:
                return
            assert self.child.poll() is None, f"it ended by itself: {self.text[-3000:]}"
            time.sleep(0.02)
        raise AssertionError(f"never saw {condition}: {self.text[-3000:]}")

    def kill(self) -> None:
        """``kill -9`` of everything it has started."""
        outside.kill_group(self.child)
        self.child.wait(timeout=20)
        self._reader.join(timeout=20)


def helm_at_work(release: str) -> int | None:
    """The helm program that is changing the release right now."""
    for line in outside.program("ps", "-ww", "-eo", "pid=,args=").splitlines():
        pid, *words = line.split()
        if words and words[0].endswith("helm") and release in words and {"upgrade", "install"} & set(words[1:3]):
            return int(pid)
    return None


def pending(release: str) -> bool:
    """Whether Helm's record says that an operation began and did not end."""
    selector = f"owner=helm,name={release},status in (pending-install,pending-upgrade)"
    return bool(outside.kubectl("-n", outside.NAMESPACE, "get", "secrets", "-l", selector, "-o", "name").strip())


def halted_in_the_middle(release: str) -> bool:
    """Halt helm as soon as it is seen, and let it go on a few milliseconds at a time until the release is pending."""
    pid = helm_at_work(release)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        while Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
            os.kill(pid, signal.SIGSTOP)
            if pending(release):
                return True
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.01)
    return False


def test_killed_in_every_stage_one_run_finishes_the_job(deployed: Result, command: Command) -> None:
    """From an empty namespace and changed sources: seven kills, one of them in the middle of a helm install."""
    assert deployed.code == 0
    outside.remove()
    for service in ("backend/src/todo_backend/__init__.py", "mcp-server/src/todo_mcp/__init__.py"):
        file = command.clone / APP / service
        file.write_text(file.read_text(encoding="utf-8") + f"\n# Killed and resumed: {MARK}\n", encoding="utf-8")
    run_id, words = "", ["deploy", APP, "--json"]
    for number in range(1, 8):
        watched = Watched(command.start(*words))
        watched.wait_for(rf"\] stage {number} ")
        if number == 4:
            watched.wait_for(lambda: halted_in_the_middle("todo-backend"))
        watched.kill()
        assert run_id in ("", watched.run_id)
        run_id = watched.run_id
        words = ["runs", "resume", run_id, "--json"]
        if number == 4:
            assert pending("todo-backend")
    done = command(*words)
    assert done.code == 0, done.err[-4000:]
    run = done.document
    assert run["run_id"] == run_id and run["status"] == "succeeded"
    assert {s["status"] for s in run["stages"]} == {"succeeded"}
    assert outside.revisions() == dict.fromkeys(outside.RELEASES, 1)
    outside.wait_ready()
    assert outside.restarts() == 0
    again = command("deploy", APP, "--json")
    assert again.code == 0 and not [s for s in outside.steps(again.document) if s["changed"]]


def test_killed_in_a_helm_upgrade_it_is_resumed_and_upgraded_once(deployed: Result, command: Command) -> None:
    """The release is left as pending-upgrade, which Helm itself would refuse to touch."""
    file = command.clone / APP / "backend" / "src" / "todo_backend" / "__init__.py"
    file.write_text(file.read_text(encoding="utf-8") + f"# And once more: {MARK}\n", encoding="utf-8")
    assert command("deploy", APP, "--stages", "2", "--json").code == 0
    plan = command("deploy", APP, "--plan", "--json").document
    before = outside.revisions()["todo-backend"]
    watched = Watched(command.start("deploy", APP, "--yes", plan["digest"], "--json"))
    watched.wait_for(lambda: halted_in_the_middle("todo-backend"))
    watched.kill()
    run_id = watched.run_id
    assert pending("todo-backend")
    resumed = command.on_terminal("runs", "resume", run_id, answers=[(r"Do it\?", "y")])
    assert resumed.code == 0, resumed.out[-4000:]
    assert outside.release_status("todo-backend") == "deployed"
    assert outside.revisions()["todo-backend"] == before + 1
    outside.wait_ready()


def test_an_interrupted_run_leaves_no_process_and_can_be_resumed(deployed: Result, command: Command) -> None:
    """Ctrl-C: exit 130, the run says how to go on."""
    watched = Watched(command.start("deploy", APP, "--json"))
    watched.wait_for(r"\] stage 2 ")
    below = outside.descendants(watched.child.pid)
    os.kill(watched.child.pid, signal.SIGINT)
    assert watched.child.wait(timeout=60) == 130
    time.sleep(1)
    alive = [pid for pid in below if pid in [int(p) for p in outside.program("ps", "-eo", "pid=").split()]]
    assert alive == []
    assert f"longshore runs resume {watched.run_id}" in watched.text
    out = watched.child.stdout.read() if watched.child.stdout else ""
    assert json.loads(out)["status"] == "interrupted"
    assert command("runs", "resume", watched.run_id, "--json").code == 0
