"""How long the command and the server take to start, as ratios to a bare Python of the same run.

.venv/bin/python tests/bench/bench_start.py
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = 7


def process(argv: list[str]) -> float:
    """Seconds of one run."""
    started = time.perf_counter()
    subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


async def server() -> float:
    """Seconds from the start of the child to its list of tools."""
    from mcp import Client, StdioServerParameters

    started = time.perf_counter()
    child = StdioServerParameters(command=sys.executable, args=["-m", "mcp_tools", "serve"], cwd=ROOT)
    async with Client(child) as client:
        await client.list_tools()
        return time.perf_counter() - started


def main() -> None:
    """Measure all in turn, so that noise hits all alike."""
    python = sys.executable
    commands = {
        "python -c pass": [python, "-c", "pass"],
        "import mcp.server": [python, "-c", "import mcp.server.lowlevel"],
        "longshore --help": [python, "-m", "agent", "--help"],
        "mcp_tools --help": [python, "-m", "mcp_tools", "--help"],
    }
    seen: dict[str, list[float]] = {name: [] for name in [*commands, "server: start to tools/list"]}
    for _ in range(RUNS):
        for name, argv in commands.items():
            seen[name].append(process(argv))
        seen["server: start to tools/list"].append(asyncio.run(server()))
    bare = statistics.median(seen["python -c pass"])
    rows = {
        name: {"median_ms": round(statistics.median(all_) * 1000), "ratio": round(statistics.median(all_) / bare, 1)}
        for name, all_ in seen.items()
    }
    print(json.dumps({"runs": RUNS, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
