"""The daemon: found or started, one at a time, killed at any moment, and gone when nobody asks."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.targets.sandbox import daemon
from mcp_tools.targets.sandbox.kubeconfig import Address
from mcp_tools.targets.sandbox.persist import check
from tests.targets.sandbox.asking import ROOT

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    yield tmp_path / "longshore" / "sandbox"
    daemon.stop()


def connection(address: Address) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(address.kubeconfig.parent / daemon.TLS))
    return http.client.HTTPSConnection("127.0.0.1", int(address.url.rpartition(":")[2]), context=context, timeout=20)


def ask(address: Address, method: str, path: str, body: Any = None, line: Any = None) -> tuple[int, Any]:
    line = line or connection(address)
    headers = {"Authorization": f"Bearer {address.token}", "Content-Type": "application/json"}
    line.request(method, path, None if body is None else json.dumps(body), headers)
    answer = line.getresponse()
    return answer.status, json.loads(answer.read())


def config(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def until(true: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.02)


def test_it_is_started_found_stopped_and_started_with_what_it_had(state: Path) -> None:
    assert not daemon.status().running and not daemon.status().saved
    first = daemon.ensure()
    assert daemon.ensure() == first
    assert ask(first, "POST", MAPS, config("kept"))[0] == 201
    fault = {"kind": "api", "name": "kept", "resources": ["nothing"], "code": 500}
    assert ask(first, "POST", "/sandbox/v1/faults", fault)[0] == 201
    found = daemon.status()
    assert found.running and found.address == first and found.about and found.about["simulated"] is True
    assert daemon.stop() and not daemon.stop()
    assert not daemon.status().running and daemon.status().saved
    again = daemon.ensure()
    assert again == first, "token, and the port where it is free, stay"
    assert ask(again, "GET", f"{MAPS}/kept")[0] == 200
    assert ask(again, "GET", "/sandbox/v1/faults/kept")[0] == 200


def test_its_folder_is_its_owners_alone(state: Path) -> None:
    daemon.ensure()
    assert state.stat().st_mode & 0o777 == 0o700
    names = {file.name for file in state.iterdir()}
    assert {"state.db", "server.json", "kubeconfig", "tls.pem", "lock", "identity.json"} <= names
    for file in state.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_a_reset_forgets_the_cluster_and_keeps_the_kubeconfig_good(state: Path) -> None:
    first = daemon.ensure()
    ask(first, "POST", MAPS, config("forgotten"))
    daemon.reset()
    assert not (state / "state.db").exists()
    again = daemon.ensure()
    assert again == first
    assert ask(again, "GET", f"{MAPS}/forgotten")[0] == 404


def test_many_starts_at_once_end_in_one_server() -> None:
    found: list[Address] = []
    threads = [threading.Thread(target=lambda: found.append(daemon.ensure())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 4
    second = subprocess.run(
        [sys.executable, "-m", "mcp_tools.targets.sandbox"], cwd=ROOT, timeout=30, check=False, capture_output=True
    )
    assert second.returncode == 0, second.stderr
    assert daemon.status().address == found[0]


def test_it_stops_when_nobody_asks(state: Path) -> None:
    daemon.ensure(idle=1.0)
    until(lambda: not (state / "server.json").exists())
    assert check(state / "state.db") == "ok"


def test_an_open_watch_keeps_it_up(state: Path) -> None:
    address = daemon.ensure(idle=0.6)
    line = connection(address)
    line.request("GET", f"{MAPS}?watch=1&timeoutSeconds=3", headers={"Authorization": f"Bearer {address.token}"})
    began = time.monotonic()
    line.getresponse().read()
    assert time.monotonic() - began > 2, "the watch ended before its time"
    until(lambda: not (state / "server.json").exists())


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_it_loses_no_write_that_it_acknowledged(state: Path, seed: int) -> None:
    address = daemon.ensure()
    pid = daemon.status().pid
    delay = random.Random(seed).uniform(0.05, 0.6)
    killer = threading.Timer(delay, os.kill, (pid, signal.SIGKILL))
    acknowledged: list[str] = []
    line = connection(address)
    killer.start()
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        for number in range(100_000):
            name = f"c{number}"
            if ask(address, "POST", MAPS, config(name), line)[0] == 201:
                acknowledged.append(name)
    killer.join()
    assert check(state / "state.db") == "ok"
    again = daemon.ensure()
    assert daemon.status().pid != pid
    there = {item["metadata"]["name"] for item in ask(again, "GET", MAPS)[1]["items"]}
    assert set(acknowledged) <= there and len(acknowledged) > 0


def test_back_offs_and_jobs_go_on_after_a_kill() -> None:
    address = daemon.ensure(speed=50)
    spec = {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "a", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 60"]}],
            }
        }
    }
    jobs = "/apis/batch/v1/namespaces/default/jobs"
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": spec}
    assert ask(address, "POST", jobs, job)[0] == 201
    until(lambda: ask(address, "GET", f"{jobs}/j")[1]["status"].get("ready"))
    os.kill(daemon.status().pid, signal.SIGKILL)
    again = daemon.ensure(speed=50)
    until(lambda: ask(again, "GET", f"{jobs}/j")[1]["status"].get("succeeded") == 1)


def test_a_broken_state_file_says_what_to_do(state: Path) -> None:
    daemon.folder()
    (state / "state.db").write_bytes(b"not a database at all, only words " * 100)
    with pytest.raises(daemon.EnvironmentNotReady, match="reset begins anew"):
        daemon.ensure()
    daemon.reset()
    assert daemon.ensure().url


def test_a_record_of_a_server_that_is_gone_is_not_believed(state: Path) -> None:
    daemon.folder()
    record = {"pid": 1, "port": 9, "token": "x", "started": 0}
    (state / "server.json").write_text(json.dumps(record))
    assert not daemon.status().running
    assert not daemon.stop(), "process 1 is not ours to end"
    assert daemon.ensure().token != "x"
