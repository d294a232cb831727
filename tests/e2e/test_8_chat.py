"""The chat in a real terminal on a real cluster: deploy, find a cause, fix it after a yes, leave it after a no."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import outside
from tests.e2e.outside import NAMESPACE, Command, Result

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]


class Terminal:
    """A terminal of 110 columns in which the chat runs."""

    def __init__(self, command: Command, folder: Path) -> None:
        self._words = ["tmux", "-S", str(folder / "tmux")]
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in command.env.items())
        start = f"env -i {variables} TERM=screen-256color LANG=C.UTF-8 ./longshore chat"
        chat = f"cd {shlex.quote(str(command.clone))} && {start}"
        subprocess.run(
            [*self._words, "-f", "/dev/null", "new-session", "-d", "-x", "110", "-y", "60", chat], check=True
        )
        self._seen = 0

    def screen(self) -> str:
        """Everything that was shown."""
        done = subprocess.run([*self._words, "capture-pane", "-p", "-S", "-2000"], capture_output=True, text=True)
        return re.sub(r"[ \t]+\n", "\n", done.stdout)

    def type(self, text: str) -> None:
        """Type a line."""
        self._seen = len(self.screen().rstrip())
        subprocess.run([*self._words, "send-keys", "-l", text], check=True)
        subprocess.run([*self._words, "send-keys", "Enter"], check=True)

    def wait(self, pattern: str, timeout: float = 120) -> str:
        """Wait until that is shown after what was typed last; what came since."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            shown = self.screen()
            since = shown[max(self._seen - 400, 0) :]
            if re.search(pattern, since):
                return since
            time.sleep(0.5)
        raise AssertionError(f"{pattern!r} was not shown: {self.screen()[-3000:]}")

    def close(self) -> None:
        """End it."""
        subprocess.run([*self._words, "kill-server"], check=False)


@pytest.fixture
def terminal(deployed: Result, command: Command, tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(command, tmp_path)
    try:
        yield made
    finally:
        made.close()


def image() -> str:
    return outside.kubectl(
        "-n", NAMESPACE, "get", "deployment/todo-backend", "-o", "jsonpath={.spec.template.spec.containers[0].image}"
    )


def test_a_conversation_takes_it_from_deployment_through_trouble_to_health(
    terminal: Terminal, command: Command, tmp_path: Path
) -> None:
    terminal.wait("offline planner")
    terminal.type("deploy the todo app")
    terminal.wait(r"Plan: deploy todo-chatbot on minikube", 180)
    for _ in range(6):  # what earlier tests changed is asked about
        said = terminal.wait(r"Do it\? \[y/N[^\]]*\] *\n*\Z|(?:Done: deploy|failed after|waits)[^\n]*", 600)
        if not re.search(r"Do it\? \[y/N[^\]]*\] *\n*\Z", said.rstrip() + "\n"):
            break
        terminal.type("y")
        time.sleep(3)
    assert "Done: deploy of todo-chatbot on minikube" in terminal.screen(), terminal.screen()[-4000:]
    outside.wait_ready()

    terminal.type("is everything healthy?")
    terminal.wait(r"everything is healthy")
    right, before = image(), outside.revisions()["todo-backend"]
    name = right.rpartition(":")[0]
    outside.kubectl("-n", NAMESPACE, "set", "image", "deployment/todo-backend", f"*={name}:never-built")
    deadline = time.monotonic() + 90
    while "ImagePull" not in outside.kubectl("-n", NAMESPACE, "get", "pods") and time.monotonic() < deadline:
        time.sleep(1)

    terminal.type("what's wrong with the backend?")
    said = terminal.wait(r"IMAGE_TAG_MISSING[\s\S]*fix it")
    assert "never-built" in said and "Evidence" in said
    terminal.type("fix it")
    said = terminal.wait(r"Do it\? \[y/N")
    assert "restore todo-backend" in said and f"+        image: {right}" in said
    assert image().endswith("never-built")  # nothing happens before the answer
    terminal.type("y")
    terminal.wait(r"no finding any more|Nothing is wrong|nothing is wrong", 240)
    outside.wait_ready()
    assert image() == right and outside.revisions()["todo-backend"] == before + 1

    charts = shutil.copytree(command.clone / "charts", tmp_path / "charts")
    outside.program(outside.helm(), "dependency", "update", str(charts / "todo-backend"))
    words = ("--reuse-values", "--set", "replicaCount=2", "--wait", "--timeout", "3m")
    helm = (outside.helm(), "--kube-context", "minikube", "-n", NAMESPACE)
    outside.program(*helm, "upgrade", "todo-backend", str(charts / "todo-backend"), *words, timeout=240)
    now = outside.revisions()
    terminal.type("roll it back")
    said = terminal.wait(r"Do it\? \[y/N", 180)
    assert "Rolling todo-backend back" in said or "roll todo-backend" in said
    terminal.type("n")
    terminal.wait(r"[Nn]othing was (?:done|changed)|stays as it is")
    time.sleep(2)
    assert outside.revisions() == now
