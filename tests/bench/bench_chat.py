"""How soon one can type in `longshore chat`, as a ratio to a bare Python of the same run.

.venv/bin/python tests/bench/bench_chat.py
"""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = 7
TYPED = "zebra"


def bare() -> float:
    """Seconds of a Python that does nothing."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - started


def chat(folder: str) -> dict[str, float]:
    """Seconds until the prompt, until what is typed then is echoed, and until the conversation has begun."""
    own, theirs = pty.openpty()
    environ = {"PATH": os.environ["PATH"], "HOME": folder, "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    environ |= {"LONGSHORE_TARGET": "sandbox", "LONGSHORE_MODEL": "offline"}
    started = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "agent", "chat"],
        cwd=folder,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    wanted, seen, found = {"prompt": "❯", "echo": TYPED, "begun": "●"}, "", dict[str, float]()
    try:
        while len(found) < len(wanted) and time.perf_counter() - started < 120:
            if not select.select([own], [], [], 1)[0]:
                continue
            seen += os.read(own, 65_536).decode("utf-8", "replace")
            for name, text in wanted.items():
                if name not in found and text in seen:
                    found[name] = time.perf_counter() - started
                    if name == "prompt":
                        os.write(own, TYPED.encode())
    finally:
        time.sleep(0.5)  # it is being announced
        os.write(own, b"\x03\x04")
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
        os.close(own)
    return found


def main() -> None:
    """Measure both in turn, so that noise hits both alike."""
    seen: dict[str, list[float]] = {"bare": []}
    with tempfile.TemporaryDirectory(prefix="longshore-bench-") as folder:
        chat(folder)  # the sandbox starts, bytecode is written
        for _ in range(RUNS):
            seen["bare"].append(bare())
            for name, seconds in chat(folder).items():
                seen.setdefault(name, []).append(seconds)
        subprocess.run(
            [sys.executable, "-m", "agent", "sandbox", "down"],
            env={"PATH": os.environ["PATH"], "HOME": folder, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    base = statistics.median(seen["bare"])
    rows = {
        name: {"median_s": round(statistics.median(all_), 3), "ratio": round(statistics.median(all_) / base, 1)}
        for name, all_ in seen.items()
    }
    print(json.dumps({"runs": RUNS, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
