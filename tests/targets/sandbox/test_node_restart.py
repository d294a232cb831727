"""A cluster that is restored goes on where it was: the kubelet makes its knowledge anew from the pods' statuses."""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster
from mcp_tools.targets.sandbox.node import kubelet_of, logs
from mcp_tools.targets.sandbox.store import Store, copy
from tests.targets.sandbox.pods import Lab, box, ready, waiting

SERVER = {"command": ["python3", "app.py"], "ports": [{"containerPort": 8000}]}
PROBE = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 5}


def restored(lab: Lab) -> Lab:
    """The same cluster in a new process."""
    old = lab.cluster
    objects = [(key, copy(obj)) for key in list(old.store.keys()) for obj in old.store.select(key)]
    store = Store()
    store.restore(objects, old.store.version)
    new = Lab.__new__(Lab)
    new.clock = Clock(start=old.clock.now())
    new.cluster = Cluster(store, new.clock)
    new.cluster.resume()
    new.cluster.run_pending()
    return new


def statuses(lab: Lab) -> dict[str, Any]:
    return {pod["metadata"]["name"]: pod["status"] for pod in lab.cluster.store.select("pods")}


def scene() -> Lab:
    lab = Lab()
    lab.pod("server", box={**SERVER, "readinessProbe": PROBE})
    lab.pod("unready", box={**SERVER, "readinessProbe": {**PROBE, "httpGet": {"path": "/", "port": 1}}})
    lab.pod("crash", box={"command": ["false"]})
    lab.pod("done", box={"command": ["true"]}, restartPolicy="Never")
    lab.pod("image", box={"image": "nowhere:1"})
    lab.pod("config", box={**SERVER, "envFrom": [{"configMapRef": {"name": "later"}}]})
    init = [{"name": "first", "image": "busybox:1.36", "command": ["true"]}]
    lab.pod("init", box=SERVER, initContainers=init)
    lab.pod("wide", box={**SERVER, "resources": {"requests": {"cpu": "64"}}})
    lab.after(15)
    return lab


def test_changes_nothing_by_being_restored() -> None:
    lab = scene()
    before = statuses(lab)
    again = restored(lab)
    assert statuses(again) == before


def test_goes_on_afterwards() -> None:
    lab = restored(scene())
    count = box(lab.after(0, "crash"))["restartCount"]
    lab.after(60)
    assert box(lab.after(0, "crash"))["restartCount"] > count
    assert waiting(lab.after(0, "image"))[0] in ("ErrImagePull", "ImagePullBackOff")
    lab.create("configmaps", {"metadata": {"name": "later"}, "data": {"a": "b"}})
    assert lab.after(1, "config")["status"]["phase"] == "Running"
    assert ready(lab.after(0, "server")) and not ready(lab.after(0, "unready"))
    lab.delete("server")
    assert lab.after(1, "server") == {}


def test_gives_no_address_twice() -> None:
    lab = restored(scene())
    lab.pod("new", box=SERVER)
    addresses = [status["podIP"] for status in statuses(lab).values() if status.get("podIP")]
    own = [ip for ip in addresses if ip.startswith("10.244.")]
    assert len(own) == len(set(own))


def test_knows_the_pods_of_the_system() -> None:
    lab = Lab()
    kubelet = kubelet_of(lab.cluster)
    assert kubelet is not None
    assert kubelet.listening("10.244.0.2", 53) is not None
    pod = next(p for p in lab.cluster.store.select("pods") if p["metadata"]["name"].startswith("coredns"))
    assert "listens on" in logs.read(lab.cluster, pod, "coredns")
