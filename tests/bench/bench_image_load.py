"""How long one changed line takes into the node, by each way, in one run: the ratios are what counts.

    python tests/bench/bench_image_load.py [rounds]

Needs Docker, a running Minikube and python:3.13-slim. Every round builds an image of about 210 MB with one changed line
and loads it by each way; the order changes from round to round. Its images are removed afterwards, on both sides.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mcp_tools.effects import Effect
from mcp_tools.engines.image_transfer import Transfer, transfer
from mcp_tools.engines.minikube import MinikubeEngine
from mcp_tools.guard.permit import issue

MINIKUBE = MinikubeEngine()  # one for all, as in a server: every way is given the node's address beforehand
NAME = f"longshore-bench-{secrets.token_hex(3)}"
BALLAST = 40_000_000
DOCKERFILE = f"""\
FROM python:3.13-slim
RUN head -c {BALLAST} /dev/urandom > /opt/ballast
COPY line /opt/line
"""


def shell(*argv: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, check=True, capture_output=True, **options)  # type: ignore[call-overload, no-any-return]


def build(folder: Path) -> str:
    tag = secrets.token_hex(4)
    (folder / "line").write_text(tag)
    ref = f"{NAME}:{tag}"
    shell("docker", "build", "-q", "-t", ref, str(folder))
    return ref


def minikube_load(ref: str, env: dict[str, str]) -> Transfer | None:
    shell("minikube", "image", "load", "--daemon=true", ref)
    return None


def save_load(ref: str, env: dict[str, str]) -> Transfer | None:
    saving = subprocess.Popen(["docker", "save", ref], stdout=subprocess.PIPE)
    shell("docker", "load", "-q", stdin=saving.stdout, env=env)
    assert saving.wait() == 0
    return None


def longshore(ref: str, env: dict[str, str]) -> Transfer | None:
    async def silent(done: float, total: float | None, message: str) -> None:
        return None

    permit = issue(tool="minikube_image_load", effect=Effect.CREATE, call_id="bench")
    return asyncio.run(transfer(ref, MINIKUBE, permit=permit, progress=silent))


WAYS: dict[str, Callable[[str, dict[str, str]], Transfer | None]] = {
    "minikube image load": minikube_load,
    "docker save | docker load": save_load,
    "longshore": longshore,
}


def main(rounds: int) -> None:
    env = {**os.environ, **asyncio.run(MINIKUBE.docker_env())}
    seconds: dict[str, list[float]] = {name: [] for name in [*WAYS, "longshore, again", "docker save alone"]}
    sent: list[str] = []
    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        (folder / "Dockerfile").write_text(DOCKERFILE)
        try:
            longshore(build(folder), env)  # the lower layers, once
            for number in range(rounds):
                order = list(WAYS)[number % len(WAYS) :] + list(WAYS)[: number % len(WAYS)]
                for name in order:
                    ref = build(folder)
                    started = time.monotonic()
                    done = WAYS[name](ref, env)
                    seconds[name].append(time.monotonic() - started)
                    if done is not None:
                        sent.append(f"{done.method}: {done.bytes_sent} bytes, {done.layers_sent} layers")
                        started = time.monotonic()
                        again = longshore(ref, env)
                        seconds["longshore, again"].append(time.monotonic() - started)
                        assert again is not None and again.bytes_sent == 0
                        started = time.monotonic()
                        subprocess.run(["docker", "save", ref], stdout=subprocess.DEVNULL, check=True)
                        seconds["docker save alone"].append(time.monotonic() - started)
        finally:
            remove(env)
    report(seconds, sent)


def remove(env: dict[str, str]) -> None:
    for where in (None, env):
        listed = subprocess.run(
            ["docker", "images", "-q", "--no-trunc", NAME], capture_output=True, text=True, env=where, check=False
        ).stdout.split()
        if listed:
            with contextlib.suppress(subprocess.CalledProcessError):
                shell("docker", "rmi", "-f", *dict.fromkeys(listed), env=where)


def report(seconds: dict[str, list[float]], sent: list[str]) -> None:
    base = statistics.median(seconds["longshore"])
    print(f"{'way':<28}{'median s':>10}{'ratio':>8}   all")
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"{name:<28}{middle:>10.2f}{middle / base:>8.2f}   {', '.join(f'{t:.2f}' for t in taken)}")
    print("sent by longshore: " + "; ".join(dict.fromkeys(sent)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
