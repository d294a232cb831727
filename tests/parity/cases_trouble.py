"""More of the catalogue of faults: what programs in containers meet, and what stands in the way of requests."""

from __future__ import annotations

import json

from tests.parity import look
from tests.parity.case import case
from tests.parity.cases_faults import LOOP, SMALL, fault, sh, told, waiting
from tests.parity.manifests import SERVE, box, config, deployment, pod, service, thing
from tests.parity.stage import Stage

FAMILY = "trouble"
MOUNT = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
TWICE = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
SLOW = {"exec": {"command": ["sleep", "5"]}, "periodSeconds": 2, "failureThreshold": 1}

fault(
    "two-on-one-port",
    pod("web", box("first", SERVE), box("second", ["sh", "-c", f"sleep 3; exec {chr(32).join(SERVE)}"])),
    waiting(LOOP, index=1),
    "BackOff",
    family=FAMILY,
)
fault(
    "memory-of-a-volume-counts",
    told(
        sh(
            "sleep 1; exec dd if=/dev/zero of=/v/x bs=1M count=200",
            **SMALL,
            volumeMounts=[{"name": "v", "mountPath": "/v"}],
        ),
        does={"writes": [{"at": 1, "path": "/v/x", "bytes": 200 << 20}]},
        volumes=[{"name": "v", "emptyDir": {"medium": "Memory"}}],
    ),
    waiting(LOOP),
    "BackOff",
    family=FAMILY,
)
fault(
    "shared-memory-is-small",
    told(sh("exec dd if=/dev/zero of=/dev/shm/x bs=1M count=200"), does={"exit": {"code": 1}}),
    waiting(LOOP),
    "BackOff",
    family=FAMILY,
)
fault(
    "not-a-program-for-this-machine",
    [
        config("files", program="\u007fnot a program"),
        pod(
            "web",
            box(command=["/v/program"], **MOUNT),
            volumes=[{"name": "v", "configMap": {"name": "files", "defaultMode": 0o755}}],
        ),
    ],
    waiting(LOOP),
    "BackOff",
    logs=True,
    family=FAMILY,
)
fault(
    "liveness-too-tight",
    pod(
        "web",
        sh("sleep 3600", livenessProbe=SLOW),
    ),
    lambda pods: pods["items"][0]["status"]["containerStatuses"][0]["restartCount"] >= 1,
    "Unhealthy",
    "Killing",
    without=("BackOff",),
    family=FAMILY,
)


@case(FAMILY)
def one_variable_twice(s: Stage) -> None:
    s.post(
        "pods",
        pod("web", sh("echo $A; sleep 3600", env=TWICE)),
        show="none",
    )
    s.until("pods/web", look.ready)
    s.get("pods/web/log")


@case(FAMILY)
def ingress_of_a_class_that_is_not_there(s: Stage) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    lost = {"service": {"name": "none", "port": {"number": 80}}}
    paths = [
        {"path": "/", "pathType": "Prefix", "backend": backend},
        {"path": "/x", "pathType": "Prefix", "backend": lost},
    ]
    rules = [{"host": "web.local", "http": {"paths": paths}}]
    s.make(pod("web", labels={"app": "web"}), service())
    s.until("pods/web", look.ready)
    s.until("endpointslices", lambda d: d["items"] and d["items"][0]["endpoints"])
    s.make(thing("Ingress", "web", "networking.k8s.io/v1", spec={"ingressClassName": "none", "rules": rules}))
    s.get("ingresses/web", show=["status"])
    s.kubectl("get ingress")
    s.kubectl("describe ingress web")


@case(FAMILY)
def service_for_this_node_alone(s: Stage) -> None:
    s.make(pod("web", labels={"app": "web"}), service(internalTrafficPolicy="Local"))
    s.until("pods/web", look.ready)
    found = s.until("endpointslices", lambda d: d["items"] and d["items"][0]["endpoints"])
    s.note("endpoints", json.dumps([[e["conditions"], e["nodeName"]] for e in found["items"][0]["endpoints"]]))
    s.get("services/web", show=["spec.internalTrafficPolicy", "status"])


@case(FAMILY)
def rollout_that_cannot_move(s: Stage) -> None:
    still = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}
    s.post("deployments", deployment(strategy=still))


@case(FAMILY)
def names_that_are_not_looked_up(s: Stage) -> None:
    s.post("pods", pod("none", dnsPolicy="None"))
    s.make(
        pod("web", sh("cat /etc/resolv.conf; sleep 3600"), dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.1"]})
    )
    s.until("pods/web", look.ready)
    s.get("pods/web/log")


@case(FAMILY)
def scripts_of_a_config(s: Stage) -> None:
    scripts = config("files", run="#!/bin/sh\necho hello from a script\nexit 3\n")
    volumes = [{"name": "v", "configMap": {"name": "files", "defaultMode": 0o755}}]
    s.make(scripts, pod("may", box(command=["/v/run"], **MOUNT), volumes=volumes, restartPolicy="Never"))
    s.until("pods/may", lambda found: found["status"]["phase"] == "Failed")
    s.get("pods/may", show=look.pod)
    s.get("pods/may/log")
    s.make(pod("not", box(command=["/v/run"], **MOUNT), volumes=[{"name": "v", "configMap": {"name": "files"}}]))
    s.until("pods/not", waiting(LOOP))
    s.get("pods/not", show=look.pod)
