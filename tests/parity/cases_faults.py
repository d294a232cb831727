"""Every fault of the catalogue that shows on one node: the conditions of the pods and the events, as they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.parity import look
from tests.parity.case import add, case
from tests.parity.manifests import (
    IMAGE,
    SERVE,
    box,
    claim,
    config,
    deployment,
    job,
    pod,
    quota,
    resources,
    service,
    thing,
)
from tests.parity.stage import Stage

FAMILY = "fault"
BEHAVIOUR = "sandbox.longshore.dev/behaviour"
LOOP = "CrashLoopBackOff"
Done = Callable[[Any], bool]


def sh(said: str, **rest: Any) -> Any:
    """A container that runs a line of shell."""
    return box(command=["sh", "-c", said], **rest)


def python(said: str, **rest: Any) -> Any:
    """A container that runs a line of Python."""
    return box(command=["python3", "-c", said], **rest)


def told(*boxes: Any, name: str = "web", does: Any, **rest: Any) -> Any:
    """A pod of which the sandbox is told what it does; a real cluster takes no notice of it."""
    return pod(name, *boxes, meta={"annotations": {BEHAVIOUR: json.dumps(does)}}, **rest)


def waiting(reason: str, part: str = "containerStatuses", index: int = 0) -> Done:
    """A container waits for that reason."""
    return lambda pods: look.box_state(pods, "waiting", reason, part=part, index=index)


def ended(reason: str, part: str = "containerStatuses") -> Done:
    """A container has ended for that reason, and is not started again."""
    return lambda pods: look.box_state(pods, "terminated", reason, part=part)


def says(text: str) -> Done:
    """A condition of a pod says that."""
    return lambda pods: any(text in line for found in pods["items"] for line in look.conditions(found))


def phase(wanted: str) -> Done:
    """All pods are in that phase."""
    return lambda pods: bool(pods["items"]) and all(p["status"]["phase"] == wanted for p in pods["items"])


def fault(
    name: str,
    manifests: Any,
    done: Done,
    *events: str,
    seconds: float = 60,
    logs: bool = False,
    without: tuple[str, ...] = (),
    kinds: tuple[str, ...] = ("Pod",),
    family: str = FAMILY,
) -> None:
    """A case: make the objects, wait until the fault shows, and look."""

    def run(s: Stage) -> None:
        s.make(*(manifests if isinstance(manifests, list) else [manifests]))
        found = s.until("pods", done, "the state of the pod")
        s.note("pods", [look.pod(item) for item in found["items"]])
        s.until("events", look.has_events(s, *events), f"events {events}")
        s.note("events", look.events(s, kinds=kinds, without=without))
        if logs:
            s.get(f"pods/{found['items'][0]['metadata']['name']}/log")

    add(family, name, run, seconds=seconds)


def mounted(volume: Any, **rest: Any) -> Any:
    """A pod with that volume at /v."""
    return pod("web", box(volumeMounts=[{"name": "v", "mountPath": "/v"}]), volumes=[{"name": "v", **volume}], **rest)


def env(**source: Any) -> Any:
    """A pod with a variable from there."""
    return pod("web", box(env=[{"name": "A", "valueFrom": source}]))


def probed(kind: str, **probe: Any) -> Any:
    """A server on 8000 with a probe, which is made when it listens."""
    made = {"periodSeconds": 1, "failureThreshold": 2, "initialDelaySeconds": 8} | probe
    checked: dict[str, Any] = {kind: made}
    return pod("web", box(command=SERVE, **checked))


def affine(**affinity: Any) -> Any:
    """A pod with that affinity."""
    return pod("web", affinity=affinity)


EATS = "x=[]\nwhile True: x.append(bytearray(8_000_000))"
GREEDY = {"memory": [{"at": 0.5, "bytes": 400_000_000}]}
SMALL: dict[str, Any] = {"resources": {"limits": {"memory": "48Mi"}, "requests": {"memory": "16Mi"}}}

# What a process does
fault("exit-1", pod("web", sh("echo starting; exit 1")), waiting(LOOP), "BackOff", logs=True)
fault("exit-42", pod("web", sh("exit 42")), waiting(LOOP), "BackOff")
fault(
    "exit-139",
    told(python("import ctypes; ctypes.string_at(0)"), does={"exit": {"code": 139}}),
    waiting(LOOP),
    "BackOff",
)
fault("exit-0-again-and-again", pod("web", sh("echo done")), waiting(LOOP), "BackOff")
fault("ends-well", pod("web", sh("echo done"), restartPolicy="Never"), phase("Succeeded"), "Started", logs=True)
fault("ends-badly", pod("web", sh("exit 3"), restartPolicy="Never"), phase("Failed"), "Started")
fault("on-failure", pod("web", sh("exit 3"), restartPolicy="OnFailure"), waiting(LOOP), "BackOff")
fault("says-why", pod("web", sh("echo the disk is full > /dev/termination-log; exit 1")), waiting(LOOP), "BackOff")
fault(
    "last-words-of-the-log",
    pod("web", sh("echo fatal: no database; exit 1", terminationMessagePolicy="FallbackToLogsOnError")),
    waiting(LOOP),
    "BackOff",
)
fault("no-such-program", pod("web", box(command=["no-such-program"])), waiting(LOOP), "BackOff", "Failed")
fault("no-such-file", pod("web", box(command=["/app/start.sh"])), waiting(LOOP), "BackOff", "Failed")
fault("shell-does-not-know-it", pod("web", sh("no-such-program")), waiting(LOOP), "BackOff", logs=True)
fault("not-executable", pod("web", box(command=["/etc/passwd"])), waiting(LOOP), "BackOff", "Failed")
fault(
    "python-fails",
    pod("web", python("import sys; sys.exit('FATAL: DATABASE_URL is not a URL')")),
    waiting(LOOP),
    "BackOff",
    logs=True,
)
fault(
    "variable-missing",
    pod("web", sh('test -n "$DATABASE_URL" || { echo DATABASE_URL is not set; exit 1; }')),
    waiting(LOOP),
    "BackOff",
    logs=True,
)
fault(
    "out-of-memory",
    told(python(EATS, **SMALL), does=GREEDY),
    lambda p: look.box_state(p, "terminated", "OOMKilled", last=True) and waiting(LOOP)(p),
    "BackOff",
)
fault("out-of-memory-once", told(python(EATS, **SMALL), does=GREEDY, restartPolicy="Never"), phase("Failed"), "Started")
fault(
    "out-of-memory-in-init",
    told(does={"init": GREEDY}, initContainers=[box("init", ["python3", "-c", EATS], **SMALL)]),
    lambda p: (
        look.box_state(p, "terminated", "OOMKilled", part="initContainerStatuses", last=True)
        and waiting(LOOP, "initContainerStatuses")(p)
    ),
    "BackOff",
)
fault(
    "one-of-two-crashes",
    pod("web", box("good"), box("bad", ["sh", "-c", "exit 1"])),
    lambda p: any(look.box_state(p, "waiting", LOOP, index=n) for n in (0, 1)),
    "BackOff",
)

# Init containers
fault(
    "init-fails",
    pod("web", box(), initContainers=[box("init", ["sh", "-c", "exit 1"])]),
    waiting(LOOP, "initContainerStatuses"),
    "BackOff",
)
fault(
    "init-fails-once",
    pod("web", initContainers=[box("init", ["sh", "-c", "exit 1"])], restartPolicy="Never"),
    phase("Failed"),
    "Started",
)
fault(
    "init-program-missing",
    pod("web", initContainers=[box("init", ["nope"])]),
    waiting(LOOP, "initContainerStatuses"),
    "BackOff",
)
fault(
    "init-waits",
    pod("web", initContainers=[box("init")]),
    lambda p: look.box_state(p, "running", part="initContainerStatuses"),
    "Started",
)
fault(
    "second-init-waits",
    pod("web", initContainers=[box("a", ["true"]), box("b")]),
    lambda p: (
        len(p["items"][0]["status"]["initContainerStatuses"]) == 2
        and look.box_state(p, "running", part="initContainerStatuses", index=1)
    ),
    "Started",
)
fault("sidecar", pod("web", initContainers=[box("side", restartPolicy="Always")]), look.ready, "Started")

# Configuration
fault("secret-missing", env(secretKeyRef={"name": "none", "key": "k"}), waiting("CreateContainerConfigError"), "Failed")
fault(
    "secret-key-missing",
    [thing("Secret", "s", stringData={"a": "b"}), env(secretKeyRef={"name": "s", "key": "k"})],
    waiting("CreateContainerConfigError"),
    "Failed",
)
fault(
    "config-missing", env(configMapKeyRef={"name": "none", "key": "k"}), waiting("CreateContainerConfigError"), "Failed"
)
fault(
    "config-key-missing",
    [config("c", a="b"), env(configMapKeyRef={"name": "c", "key": "k"})],
    waiting("CreateContainerConfigError"),
    "Failed",
)
fault(
    "config-of-all-variables-missing",
    pod("web", box(envFrom=[{"configMapRef": {"name": "none"}}])),
    waiting("CreateContainerConfigError"),
    "Failed",
)
fault(
    "secret-of-all-variables-missing",
    pod("web", box(envFrom=[{"secretRef": {"name": "none"}}])),
    waiting("CreateContainerConfigError"),
    "Failed",
)
fault(
    "optional-things-missing",
    pod("web", box(envFrom=[{"secretRef": {"name": "none", "optional": True}}])),
    look.ready,
    "Started",
)
fault(
    "variable-names-that-are-not",
    [config("c", good="2"), pod("web", box(envFrom=[{"configMapRef": {"name": "c"}, "prefix": "1."}]))],
    look.ready,
    "Started",
)
fault(
    "mount-of-a-missing-config", mounted({"configMap": {"name": "none"}}), waiting("ContainerCreating"), "FailedMount"
)
fault(
    "mount-of-a-missing-secret",
    mounted({"secret": {"secretName": "none"}}),
    waiting("ContainerCreating"),
    "FailedMount",
)
fault(
    "mount-of-a-missing-key",
    [config("c", a="b"), mounted({"configMap": {"name": "c", "items": [{"key": "k", "path": "k"}]}})],
    waiting("ContainerCreating"),
    "FailedMount",
)
fault(
    "mount-of-a-missing-folder",
    mounted({"hostPath": {"path": "/parity-none", "type": "Directory"}}),
    waiting("ContainerCreating"),
    "FailedMount",
)
fault(
    "root-is-not-allowed",
    pod("web", box(securityContext={"runAsNonRoot": True})),
    waiting("CreateContainerConfigError"),
    "Failed",
)
fault(
    "write-to-a-config",
    [
        config("c", a="b"),
        pod(
            "web",
            sh("echo x > /v/a", volumeMounts=[{"name": "v", "mountPath": "/v"}]),
            volumes=[{"name": "v", "configMap": {"name": "c"}}],
        ),
    ],
    waiting(LOOP),
    "BackOff",
    logs=True,
)
fault(
    "write-to-a-read-only-root",
    pod("web", sh("echo x > /x", securityContext={"readOnlyRootFilesystem": True})),
    waiting(LOOP),
    "BackOff",
    logs=True,
)
fault(
    "connection-refused",
    pod("web", python("import socket; socket.create_connection(('127.0.0.1', 9))")),
    waiting(LOOP),
    "BackOff",
)

# Images
fault(
    "image-missing", pod("web", box(image="longshore-none:1.0")), waiting("ImagePullBackOff"), "BackOff", "Failed:Error"
)
fault(
    "image-tag-missing",
    pod("web", box(image="python:3.13-nope")),
    waiting("ImagePullBackOff"),
    "BackOff",
    "Failed:Error",
)
fault(
    "image-registry-missing",
    pod("web", box(image="registry.invalid/app:1.0")),
    waiting("ImagePullBackOff"),
    "BackOff",
    "Failed:Error",
)
fault(
    "image-never-pulled",
    pod("web", box(image="longshore-none:1.0", imagePullPolicy="Never")),
    waiting("ErrImageNeverPull"),
    "ErrImageNeverPull",
    "Failed",
)
fault("image-name-invalid", pod("web", box(image="my image:@")), waiting("InvalidImageName"), "InspectFailed", "Failed")
fault(
    "image-name-in-capitals", pod("web", box(image="Python:3")), waiting("InvalidImageName"), "InspectFailed", "Failed"
)

# Probes
fault(
    "liveness-wrong-port",
    probed("livenessProbe", httpGet={"path": "/", "port": 9999}),
    lambda p: (
        any(b.get("restartCount", 0) >= 1 for i in p["items"] for b in i["status"].get("containerStatuses", ()))
        and look.box_state(p, "running")
    ),
    "Unhealthy",
    "Killing",
    without=("BackOff",),
)
fault(
    "liveness-wrong-path",
    probed("livenessProbe", httpGet={"path": "/none", "port": 8000}),
    lambda p: (
        any(b.get("restartCount", 0) >= 1 for i in p["items"] for b in i["status"].get("containerStatuses", ()))
        and look.box_state(p, "running")
    ),
    "Unhealthy",
    "Killing",
    without=("BackOff",),
)
fault(
    "readiness-wrong-port",
    probed("readinessProbe", httpGet={"path": "/", "port": 9999}),
    lambda p: look.box_state(p, "running"),
    "Unhealthy",
)
fault(
    "readiness-wrong-path",
    probed("readinessProbe", httpGet={"path": "/none", "port": 8000}),
    lambda p: look.box_state(p, "running"),
    "Unhealthy",
)
fault(
    "readiness-over-tcp",
    probed("readinessProbe", tcpSocket={"port": 9999}),
    lambda p: look.box_state(p, "running"),
    "Unhealthy",
)
fault(
    "readiness-over-grpc",
    probed("readinessProbe", grpc={"port": 9999}),
    lambda p: look.box_state(p, "running"),
    "Unhealthy",
)
fault(
    "readiness-of-a-command",
    probed("readinessProbe", exec={"command": ["cat", "/none"]}, timeoutSeconds=9),
    lambda p: look.box_state(p, "running"),
    "Unhealthy",
)
fault(
    "readiness-of-no-command",
    probed("readinessProbe", exec={"command": ["no-such-program"]}, timeoutSeconds=9),
    lambda p: look.box_state(p, "running"),
    "Unhealthy",
)
fault(
    "readiness-over-https",
    probed("readinessProbe", httpGet={"path": "/", "port": 8000, "scheme": "HTTPS"}),
    lambda p: look.box_state(p, "running"),
    "Unhealthy",
)
fault(
    "startup-fails",
    probed("startupProbe", httpGet={"path": "/none", "port": 8000}),
    lambda p: look.box_state(p, "running"),
    "Unhealthy",
    "Killing",
    without=("BackOff",),
)
fault(
    "slow-command",
    probed("readinessProbe", exec={"command": ["sleep", "5"]}, timeoutSeconds=1),
    lambda p: look.box_state(p, "running"),
    "Unhealthy",
)
fault(
    "hook-fails",
    pod("web", box(lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "exit 1"]}}})),
    waiting(LOOP),
    "FailedPostStartHook",
    "BackOff",
)

# Scheduling
fault("too-much-cpu", pod("web", box(**resources("64"))), says("Unschedulable"), "FailedScheduling")
fault("too-much-memory", pod("web", box(**resources(memory="128Gi"))), says("Unschedulable"), "FailedScheduling")
fault("too-much-of-both", pod("web", box(**resources("64", "128Gi"))), says("Unschedulable"), "FailedScheduling")
fault(
    "a-gpu", pod("web", box(resources={"limits": {"nvidia.com/gpu": "1"}})), says("Unschedulable"), "FailedScheduling"
)
fault(
    "too-much-disk",
    pod("web", box(resources={"requests": {"ephemeral-storage": "90Ti"}})),
    says("Unschedulable"),
    "FailedScheduling",
)
fault("node-selector", pod("web", nodeSelector={"disk": "ssd"}), says("Unschedulable"), "FailedScheduling")
fault(
    "node-affinity",
    affine(
        nodeAffinity={
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
            }
        }
    ),
    says("Unschedulable"),
    "FailedScheduling",
)
fault(
    "affinity-to-nobody",
    affine(
        podAffinity={
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "none"}}}
            ]
        }
    ),
    says("Unschedulable"),
    "FailedScheduling",
)
fault("nobody-schedules", pod("web", schedulerName="nobody"), phase("Pending"))
fault("gated", pod("web", schedulingGates=[{"name": "example.com/wait"}]), says("SchedulingGated"))
fault(
    "spread-over-zones",
    pod(
        "web",
        labels={"app": "web"},
        topologySpreadConstraints=[
            {
                "maxSkew": 1,
                "topologyKey": "zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": "web"}},
            }
        ],
    ),
    says("Unschedulable"),
    "FailedScheduling",
)
fault(
    "claim-missing",
    mounted({"persistentVolumeClaim": {"claimName": "none"}}),
    says("Unschedulable"),
    "FailedScheduling",
)
fault(
    "claim-of-no-class",
    [claim(storageClassName="fast-ssd"), mounted({"persistentVolumeClaim": {"claimName": "data"}})],
    says("Unschedulable"),
    "FailedScheduling",
    "ProvisioningFailed",
    kinds=("Pod", "PersistentVolumeClaim"),
)

# Controllers that cannot make pods
REFUSED = ("Deployment", "ReplicaSet")


def refused(name: str, manifests: list[Any]) -> None:
    """A case: a Deployment whose pods are not let in."""

    def run(s: Stage) -> None:
        s.make(*manifests[:-1])
        if any(m["kind"] == "ResourceQuota" for m in manifests):
            s.until("resourcequotas/small", lambda q: q.get("status", {}).get("used"))
        s.make(manifests[-1])
        s.until("events", look.has_events(s, "FailedCreate"))
        s.until("deployments/web", lambda d: any("ReplicaFailure" in c for c in look.conditions(d)))
        s.get("deployments/web", show=look.conditions)
        s.get("replicasets", show=lambda d: [look.conditions(i) for i in d["items"]])
        s.note("events", look.events(s, kinds=REFUSED))

    add(FAMILY, name, run)


refused("account-missing", [deployment(pod={"serviceAccountName": "nobody"})])
refused("quota-of-pods", [quota(pods="0"), deployment()])
refused("quota-of-cpu", [quota(requests_cpu="100m"), deployment("web", box(**resources("200m")))])
refused("quota-without-requests", [quota(requests_cpu="100m", limits_memory="1Gi"), deployment()])
refused(
    "range-passed",
    [
        thing("LimitRange", "l", spec={"limits": [{"type": "Container", "max": {"memory": "32Mi"}}]}),
        deployment("web", box(**resources(memory="64Mi"))),
    ],
)
refused("priority-missing", [deployment(pod={"priorityClassName": "parity-none"})])


@case(FAMILY)
def pod_security(s: Stage) -> None:
    s.kubectl(f"label namespace {s.namespace} pod-security.kubernetes.io/enforce=restricted")
    s.kubectl("apply -f -", stdin=deployment())
    s.until("deployments/web", lambda d: any("ReplicaFailure" in c for c in look.conditions(d)))
    s.until("events", look.has_events(s, "FailedCreate"))
    s.get("deployments/web", show=look.conditions)
    s.note("events", look.events(s, kinds=REFUSED))


@case(FAMILY)
def anti_affinity_on_one_node(s: Stage) -> None:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
    s.make(
        deployment(
            replicas=2,
            pod={"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}},
        )
    )
    found = s.until(
        "pods", lambda p: says("Unschedulable")(p) and any("Ready=True" in look.conditions(i) for i in p["items"])
    )
    s.note("pods", sorted((look.pod(i) for i in found["items"]), key=str))


@case(FAMILY)
def port_of_the_node_is_taken(s: Stage) -> None:
    port = [{"containerPort": 8000, "hostPort": 18443}]
    s.make(pod("a", box(ports=port)))
    s.until("pods/a", look.ready)
    s.make(pod("b", box(ports=port)))
    s.until("events", look.has_events(s, "FailedScheduling"))
    s.get("pods/b", show=look.pod)
    s.note("events", look.events(s))


@case(FAMILY)
def node_that_does_not_exist(s: Stage) -> None:
    s.make(pod("web", nodeName="none"))
    s.note("pod", look.pod(s.peek("pods/web") or {"metadata": {}}))
    s.gone("pods/web")


@case(FAMILY)
def disk_of_a_container_is_too_small(s: Stage) -> None:
    writes = "head -c 30000000 /dev/zero > /x; sleep 3600"
    made = sh(writes, resources={"limits": {"ephemeral-storage": "10Mi"}})
    s.make(told(made, does={"writes": [{"path": "/x", "bytes": 30000000}]}))
    found = s.until("pods", lambda p: phase("Failed")(p) and look.box_state(p, "terminated", "Error"), seconds=120)
    s.note("pods", [look.pod(item) for item in found["items"]])
    s.until("events", look.has_events(s, "Evicted", "Killing"))
    s.note("events", look.events(s, kinds=("Pod",)))


@case(FAMILY)
def deadline_of_a_pod(s: Stage) -> None:
    s.make(pod("web", activeDeadlineSeconds=10))
    s.until("events", look.has_events(s, "DeadlineExceeded", "Killing"))
    found = s.until("pods", lambda p: phase("Failed")(p) and look.box_state(p, "terminated"))
    s.note("pods", [look.pod(item) for item in found["items"]])
    s.note("events", look.events(s))


@case(FAMILY, seconds=120)
def a_claim_of_which_the_pod_waits(s: Stage) -> None:
    s.make(mounted({"persistentVolumeClaim": {"claimName": "data"}}))
    s.until("pods", says("Unschedulable"))
    s.make(claim())
    s.until("pods/web", look.ready)
    s.get("pods/web", show=look.pod)


@case(FAMILY)
def job_with_a_sidecar_never_ends(s: Stage) -> None:
    s.make(job("web", box("main", ["true"]), box("side")))
    s.until("pods", lambda p: look.box_state(p, "terminated", "Completed"))
    s.get("jobs/web", show=["status.active", "status.ready", "status.succeeded"])
    s.get("pods", show=lambda d: [look.pod(i) for i in d["items"]])


@case(FAMILY)
def service_with_a_wrong_selector(s: Stage) -> None:
    s.make(pod("web", labels={"app": "web"}), service("web", selector={"app": "wbe"}))
    s.make(service("port", {"port": 80, "targetPort": "none"}, selector={"app": "web"}))
    s.until("pods/web", look.ready)
    s.until("endpointslices", lambda d: len(d["items"]) == 2)
    s.get(
        "endpointslices",
        show=lambda d: sorted(
            json.dumps(
                [i["metadata"]["labels"]["kubernetes.io/service-name"], i["endpoints"], i["ports"]], sort_keys=True
            )
            for i in d["items"]
        ),
    )
    s.kubectl("get endpoints")


@case(FAMILY)
def scaled_to_nothing(s: Stage) -> None:
    s.make(deployment(replicas=0), service())
    s.until("deployments/web", look.available)
    s.get("deployments/web", show=lambda d: [d["status"], look.conditions(d)])


@case(FAMILY)
def ready_then_not(s: Stage) -> None:
    probe = {"exec": {"command": ["sh", "-c", "test ! -e /tmp/bad"]}, "periodSeconds": 1, "failureThreshold": 1}
    s.make(pod("web", sh("sleep 3600", readinessProbe=probe)))
    s.until("pods/web", look.ready)
    s.get("pods/web", show=look.pod)


@case(FAMILY, alone=True, seconds=90)
def preempted(s: Stage) -> None:
    s.later("priorityclasses/parity-first")
    s.gone("priorityclasses/parity-first")
    s.make(thing("PriorityClass", "parity-first", "scheduling.k8s.io/v1", value=1000))
    port = [{"containerPort": 8000, "hostPort": 18444}]
    s.make(pod("low", box(ports=port)))
    s.until("pods/low", look.ready)
    s.make(pod("high", box(ports=port), priorityClassName="parity-first"))
    s.until("pods/high", look.ready)
    s.gone("pods/low")
    s.until("events", look.has_events(s, "Preempted"))
    s.note("events", look.events(s, without=("Killing",)))


@case(FAMILY)
def images_as_they_are(s: Stage) -> None:
    s.make(pod("web", box(image=IMAGE, imagePullPolicy="IfNotPresent")))
    s.until("pods/web", look.ready)
    s.get("pods/web", show=lambda p: [p["status"]["containerStatuses"][0]["image"], look.pod(p)])
    s.until("events", look.has_events(s, "Started"))
    s.note("events", look.events(s))
