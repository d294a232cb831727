"""What is wrong with the node: each case has the cluster for itself, and leaves the node as it was."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.parity import look
from tests.parity.case import case
from tests.parity.manifests import box, claim, deployment, pod, thing
from tests.parity.stage import MERGE, Stage

FAMILY = "node"
NODE = "nodes/minikube"
TAINT = {"key": "parity", "value": "yes", "effect": "NoSchedule"}


def conditions(node: Any) -> list[str]:
    """Those of the node in the order of their types."""
    return sorted(look.conditions(node))


def taints(node: Any) -> list[str]:
    """``KEY:EFFECT``."""
    return sorted(f"{t['key']}:{t['effect']}" for t in node["spec"].get("taints") or ())


def state(wanted: str) -> Callable[[Any], bool]:
    """The node's condition ``Ready`` is that."""
    return lambda node: any(line.startswith(f"Ready={wanted}") for line in look.conditions(node))


def pending(s: Stage) -> None:
    """Wait until the scheduler has refused the pod, and look."""
    s.until("events", look.has_events(s, "FailedScheduling"))
    s.get("pods/web", show=look.pod)
    s.note("events", look.events(s))


@contextmanager
def changed(s: Stage, body: Any, back: Any) -> Iterator[None]:
    """The node's spec is changed while the block runs."""
    s.client.patch(s.path(NODE), json=body, headers={"Content-Type": MERGE})
    try:
        yield
    finally:
        s.client.patch(s.path(NODE), json=back, headers={"Content-Type": MERGE})


@contextmanager
def silent(s: Stage) -> Iterator[None]:
    """The kubelet does not answer while the block runs."""
    if s.cluster.name == "sandbox":
        s.client.post("/sandbox/v1/faults", json={"kind": "node", "name": "silent", "pressure": "not-ready"})
    else:
        subprocess.run(["docker", "exec", "minikube", "systemctl", "stop", "kubelet"], check=True, timeout=60)
    try:
        yield
    finally:
        if s.cluster.name == "sandbox":
            s.client.delete("/sandbox/v1/faults/silent")
        else:
            subprocess.run(["docker", "exec", "minikube", "systemctl", "start", "kubelet"], check=True, timeout=60)
        s.until(NODE, lambda node: state("True")(node) and not node["spec"].get("taints"), seconds=180)


@case(FAMILY, alone=True)
def a_taint(s: Stage) -> None:
    with changed(s, {"spec": {"taints": [TAINT]}}, {"spec": {"taints": None}}):
        s.make(pod("web"))
        pending(s)
        s.make(pod("may", tolerations=[{"key": "parity", "operator": "Exists"}]))
        s.until("pods/may", look.ready)
    s.until("pods/web", look.ready)


@case(FAMILY, alone=True)
def cordoned(s: Stage) -> None:
    with changed(s, {"spec": {"unschedulable": True}}, {"spec": {"unschedulable": None}}):
        s.until(NODE, taints)
        s.make(pod("web"))
        pending(s)
        s.get(NODE, show=taints)
    s.until("pods/web", look.ready)


@case(FAMILY, alone=True, seconds=120)
def does_not_answer(s: Stage) -> None:
    s.make(pod("web"))
    s.until("pods/web", look.ready)
    with silent(s):
        s.until(NODE, lambda node: state("Unknown")(node) and taints(node))
        s.until("pods/web", lambda found: "Ready=False" in look.conditions(found))
        s.get(NODE, show=lambda node: [conditions(node), taints(node)])
        s.get("pods/web", show=look.pod)
        s.until("events", look.has_events(s, "NodeNotReady"))
        s.note("events", look.events(s, without=("Pulled", "Created", "Started", "Scheduled")))
        s.make(pod("new"))
        s.until("events", look.has_events(s, "FailedScheduling"))
        s.get("pods/new", show=look.pod)
        s.kubectl("get nodes")
    s.until("pods/web", look.ready)
    s.until("pods/new", look.ready)


@case(FAMILY, alone=True, seconds=240)
def too_many_pods(s: Stage) -> None:
    absent = box(image="parity.invalid/none:1", imagePullPolicy="Never")
    s.make(deployment("web", absent, replicas=115))
    s.until("events", look.has_events(s, "FailedScheduling"))
    found = s.until("pods", lambda d: any("Too many pods" in line for p in d["items"] for line in look.conditions(p)))
    s.note("said", sorted({line for p in found["items"] for line in look.conditions(p) if "Too many" in line}))
    s.kubectl("scale deployment/web --replicas=0", shown=False)
    s.until("pods", lambda d: not d["items"])


@case(FAMILY, alone=True, seconds=90)
def a_volume_on_another_node(s: Stage) -> None:
    s.later("persistentvolumes/parity-elsewhere")
    s.gone("persistentvolumes/parity-elsewhere")
    elsewhere = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["other"]}]}
    volume = {
        "capacity": {"storage": "1Mi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "local": {"path": "/tmp"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [elsewhere]}},
    }
    s.make(thing("PersistentVolume", "parity-elsewhere", spec=volume))
    s.make(claim("data", storageClassName="", volumeName="parity-elsewhere"))
    s.until("persistentvolumeclaims/data", lambda found: found["status"]["phase"] == "Bound")
    mount = [{"name": "v", "mountPath": "/v"}]
    s.make(pod("web", box(volumeMounts=mount), volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
    pending(s)
