"""The sandbox's speed: fresh clusters, clusters with a fault each, a start on demand, a long list against a real one.

.venv/bin/python tests/bench/bench_sandbox.py [--context minikube --namespace scale]

With ``--context``, the pods of that namespace (thousands of them, as a simulator such as kwok makes) are listed from
the real API server and, the same objects, from a served sandbox: in turn, over TLS, one connection each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import urllib3
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
FAULTS = ("image", "command", "secret", "memory", "node", "probe")


def fresh(rounds: int = 20) -> dict[str, float]:
    """Milliseconds until a new cluster is there: the first in a process, and each after it."""
    from mcp_tools.targets.sandbox.cluster import Cluster

    seen = []
    for _ in range(rounds):
        began = time.perf_counter()
        Cluster.fresh()
        seen.append((time.perf_counter() - began) * 1000)
    return {"first_ms": round(seen[0], 1), "median_ms": round(statistics.median(seen[1:]), 1), "limit_ms": 150}


def broken(number: int) -> str:
    """One cluster with one fault: made, run for two minutes of its time, torn down; the reason that was seen."""
    from mcp_tools.targets.sandbox import kinds
    from mcp_tools.targets.sandbox.api import Request
    from mcp_tools.targets.sandbox.clock import Clock
    from mcp_tools.targets.sandbox.cluster import Cluster

    fault = FAULTS[number % len(FAULTS)]
    container: dict[str, Any] = {"name": "main", "image": "nginx:1.27-alpine", "ports": [{"containerPort": 80}]}
    match fault:
        case "image":
            container["image"] = "nginx:there-is-none"
        case "command":
            container["command"] = ["sh", "-c", "exit 3"]
        case "secret":
            container["env"] = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a"}}}]
        case "memory":
            container["resources"] = {"limits": {"memory": "4Mi"}}
        case "node":
            container["resources"] = {"requests": {"cpu": "64"}}
        case "probe":
            container["readinessProbe"] = {"httpGet": {"path": "/", "port": 81}}
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    cluster = Cluster.fresh(clock=Clock(start=1_700_000_000.0))
    deployments, me = kinds.by_key("deployments.apps"), Request()
    cluster.api.create(deployments, "default", made, me)
    cluster.settle(120)
    (pod,) = cluster.store.select("pods", "default")
    ready = {entry["type"]: entry["status"] for entry in pod["status"]["conditions"]}.get("Ready")
    assert ready != "True", fault
    cluster.api.delete(deployments, "default", "web", me, propagation="Background")
    cluster.settle(60)
    assert cluster.store.select("pods", "default") == []
    return fault


def many(count: int = 100, workers: int = 2) -> dict[str, Any]:
    """Seconds for so many clusters with a fault each, on two cores."""
    began = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        done = list(pool.map(broken, range(count), chunksize=5))
    return {"clusters": len(done), "seconds": round(time.perf_counter() - began, 2), "limit_s": 20}


def start() -> dict[str, float]:
    """Seconds from nothing to a served cluster, and from a served one to its address, as ratios to a bare Python."""
    with tempfile.TemporaryDirectory() as home:
        words = [sys.executable, "-m", "mcp_tools", "sandbox"]

        def call(*more: str) -> float:
            began = time.perf_counter()
            env = {"PATH": "/usr/bin:/bin", "HOME": home, "XDG_STATE_HOME": home, "PYTHONPATH": str(ROOT)}
            subprocess.run([*words, *more], env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            return time.perf_counter() - began

        cold, warm = call("up"), call("up")
        call("down")
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    bare = time.perf_counter() - began
    return {"up_s": round(cold, 2), "up_again_s": round(warm, 2), "bare_python_s": round(bare, 3)}


def client(context: str) -> tuple[urllib3.PoolManager, str, dict[str, str]]:
    """A connection to a context of the kubeconfig that kubectl uses."""
    words = ["kubectl", "config", "view", "--raw", "--minify", "--flatten", "--context", context]
    view = yaml.safe_load(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    import base64

    folder = Path(tempfile.mkdtemp())
    paths = {}
    for place, name in (
        (view["users"][0]["user"], "client-certificate-data"),
        (view["users"][0]["user"], "client-key-data"),
    ):
        paths[name] = folder / name
        paths[name].write_bytes(base64.b64decode(place[name]))
    pool = urllib3.PoolManager(
        cert_reqs="CERT_NONE",
        cert_file=str(paths["client-certificate-data"]),
        key_file=str(paths["client-key-data"]),
    )
    return pool, view["clusters"][0]["cluster"]["server"], {}


def lists(context: str, namespace: str, rounds: int = 7) -> dict[str, Any]:
    """Milliseconds to list the same pods from the real API server and from the sandbox, in turn."""
    from mcp_tools.targets.sandbox import serving
    from mcp_tools.targets.sandbox.cluster import Cluster

    urllib3.disable_warnings()
    real, server, headers = client(context)
    path = f"/api/v1/namespaces/{namespace}/pods"
    items = json.loads(real.request("GET", server + path, headers=headers).data)["items"]
    cluster = Cluster.fresh()
    for item in items:
        cluster.store.put("pods", {"apiVersion": "v1", "kind": "Pod", **item})
    with serving.running(cluster) as served:
        mine = urllib3.PoolManager(cert_reqs="CERT_NONE")
        sides = {
            "real": (real, server + path, headers),
            "sandbox": (mine, served.address.url + path, {"Authorization": f"Bearer {served.address.token}"}),
        }
        seen: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, (pool, url, with_headers) in sides.items():
                began = time.perf_counter()
                answer = pool.request("GET", url, headers=with_headers)
                seen[name].append((time.perf_counter() - began) * 1000)
                assert answer.status == 200 and answer.data.count(b'"nodeName"') >= len(items)
    middle = {name: round(statistics.median(all_)) for name, all_ in seen.items()}
    ratio = round(middle["sandbox"] / middle["real"], 2)
    return {"pods": len(items), "median_ms": middle, "first_ms": round(seen["sandbox"][0]), "ratio": ratio, "limit": 3}


def main() -> None:
    """Measure, and print one JSON document."""
    words = argparse.ArgumentParser()
    words.add_argument("--context", default="")
    words.add_argument("--namespace", default="scale")
    given = words.parse_args()
    found: dict[str, Any] = {"fresh": fresh(), "faults": many(), "start": start()}
    if given.context:
        found["lists"] = lists(given.context, given.namespace)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
