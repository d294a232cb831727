"""The one module that starts programs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import pytest

from mcp_tools.engines import process
from mcp_tools.errors import EnvironmentNotReady, ProcessFailed, TimedOut

pytestmark = pytest.mark.anyio
PYTHON = sys.executable


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


async def gone(pid: int) -> bool:
    for _ in range(200):
        if not alive(pid):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_program_runs_and_its_lines_are_told_as_they_come() -> None:
    heard: list[tuple[str, str]] = []

    async def on_line(stream: process.Stream, line: str) -> None:
        heard.append((stream, line))

    script = "import sys; print('one'); print('two', end=''); print('three', file=sys.stderr)"
    done = await process.run([PYTHON, "-c", script], timeout=30, on_line=on_line)
    assert (done.stdout, done.stderr, done.returncode) == ("one\ntwo", "three\n", 0)
    assert sorted(heard) == [("stderr", "three"), ("stdout", "one"), ("stdout", "two")]


async def test_input_is_fed_and_otherwise_there_is_none() -> None:
    script = "import sys; print(len(sys.stdin.read()))"
    assert (await process.run([PYTHON, "-c", script], timeout=30, stdin=b"x" * 300_000)).stdout == "300000\n"
    assert (await process.run([PYTHON, "-c", script], timeout=30)).stdout == "0\n"


async def test_a_failure_carries_the_last_words() -> None:
    with pytest.raises(ProcessFailed, match="no such thing") as failed:
        await process.run([PYTHON, "-c", "import sys; sys.exit('no such thing')"], timeout=30)
    assert failed.value.completed.returncode == 1
    assert (await process.run([PYTHON, "-c", "exit(3)"], timeout=30, check=False)).returncode == 3


async def test_a_missing_program_says_so() -> None:
    with pytest.raises(EnvironmentNotReady, match="not installed"):
        await process.run(["no-such-program-here"], timeout=5)


async def test_output_is_capped_and_still_read_to_its_end() -> None:
    script = "import sys; sys.stdout.write('x' * 3_000_000)"
    done = await process.run([PYTHON, "-c", script], timeout=30, output_cap=1000)
    assert len(done.stdout) == 1000 and done.truncated and done.returncode == 0


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""


@pytest.mark.parametrize("how", ["timeout", "cancel"])
async def test_the_whole_group_ends(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE", 0.3)
    file = tmp_path / "pids"
    limit = 1.5 if how == "timeout" else 60
    task = asyncio.create_task(process.run([PYTHON, "-c", STUBBORN, str(file)], timeout=limit))
    deadline = time.monotonic() + 20
    while not (file.exists() and file.read_text().count(" ")) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    if how == "cancel":
        task.cancel()
    with pytest.raises(TimedOut if how == "timeout" else asyncio.CancelledError):
        await task
    for pid in map(int, file.read_text().split()):
        assert await gone(pid)


async def test_a_failing_listener_ends_the_program(tmp_path: Path) -> None:
    async def on_line(stream: process.Stream, line: str) -> None:
        raise RuntimeError(line)

    script = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with pytest.raises(RuntimeError) as raised:
        await process.run([PYTHON, "-c", script], timeout=60, on_line=on_line)
    assert await gone(int(str(raised.value)))


def test_programs_of_this_environment_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert process.which("helm") is not None
    assert process.which("no-such-program-here") is None
