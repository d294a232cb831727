"""How long the command and the server take to start, as ratios within one run.

.venv/bin/python tests/bench/bench_start.py [rounds]

The commands are compared with a bare Python. The server's way from nothing to its first list of tools is compared with
that of an empty server on the same SDK, in pairs, one after the other: the ratio of the medians counts, and the limit
is 1.3. Before the pairs the server is started once, as its definitions of tools are kept between starts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EMPTY = """
import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

async def tools(ctx, params):
    return types.ListToolsResult(tools=[])

async def main():
    server = Server("empty", on_list_tools=tools)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

anyio.run(main)
"""
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
ASKED: list[dict[str, Any]] = [
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
]


def process(argv: list[str]) -> float:
    """Seconds of one run."""
    started = time.perf_counter()
    subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def listing(argv: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Seconds, and processor seconds, from the start of a server to its list of tools over a bare pipe."""
    started = time.perf_counter()
    pipe = subprocess.PIPE
    child = subprocess.Popen(argv, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    assert child.stdin and child.stdout
    try:
        for message in ASKED:
            child.stdin.write(json.dumps(message) + "\n")
            child.stdin.flush()
            if message.get("id") == 1:
                assert '"serverInfo"' in child.stdout.readline()
        assert '"tools"' in child.stdout.readline()
        seconds = time.perf_counter() - started
    finally:
        child.kill()
        _, _, used = os.wait4(child.pid, 0)
        child.returncode = 0
    return seconds, used.ru_utime + used.ru_stime


def servers(rounds: int) -> dict[str, Any]:
    """The pairs, for each target that can be named without a cluster, and for the choice by itself."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "XDG_STATE_HOME": home, "XDG_CACHE_HOME": home, "PYTHONPATH": str(ROOT)}
        empty = [sys.executable, "-c", EMPTY]
        serve = [sys.executable, "-P", "-m", "mcp_tools", "serve", "--workspace", home]
        first, _ = listing([*serve, "--target", "minikube"], env)
        for target in ("minikube", "sandbox", "auto"):
            pairs = []
            for number in range(rounds):
                both = [(empty, 0), ([*serve, "--target", target], 1)]
                seen = [(0.0, 0.0), (0.0, 0.0)]
                for argv, place in both if number % 2 else reversed(both):
                    seen[place] = listing(argv, env)
                pairs.append(seen)
            middle = [statistics.median(time_ for time_, _ in side) for side in zip(*pairs, strict=True)]
            used = [statistics.median(cpu for _, cpu in side) for side in zip(*pairs, strict=True)]
            found[f"--target {target}"] = {
                "empty_ms": round(middle[0] * 1000),
                "longshore_ms": round(middle[1] * 1000),
                "ratio": round(middle[1] / middle[0], 2),
                "median_of_ratios": round(statistics.median(ours / theirs for (theirs, _), (ours, _) in pairs), 2),
                "processor_ratio": round(used[1] / used[0], 2),
                "limit": 1.3,
            }
        found["the very first start, nothing kept"] = {"longshore_ms": round(first * 1000)}
    return found


def commands(rounds: int) -> dict[str, Any]:
    """Milliseconds of the help pages, in turn with a bare Python, so that noise hits all alike."""
    python = sys.executable
    argvs = {
        "python -c pass": [python, "-c", "pass"],
        "import mcp.server": [python, "-c", "import mcp.server.lowlevel"],
        "longshore --help": [python, "-m", "agent", "--help"],
        "mcp_tools --help": [python, "-m", "mcp_tools", "--help"],
    }
    seen: dict[str, list[float]] = {name: [] for name in argvs}
    for _ in range(rounds):
        for name, argv in argvs.items():
            seen[name].append(process(argv))
    middle = {name: statistics.median(all_) for name, all_ in seen.items()}
    bare = middle["python -c pass"]
    return {name: {"median_ms": round(time_ * 1000), "ratio": round(time_ / bare, 1)} for name, time_ in middle.items()}


def main() -> None:
    """Measure all, and print one JSON document."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(json.dumps({"rounds": rounds, "commands": commands(rounds), "servers": servers(rounds)}, indent=1))


if __name__ == "__main__":
    main()
