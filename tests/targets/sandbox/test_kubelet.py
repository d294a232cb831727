"""The kubelet starts containers and writes the statuses and events of a real one."""

from __future__ import annotations

import pytest

from tests.targets.sandbox.pods import Lab, box, condition, ready, waiting

SERVE = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.path in ("/health", "/ready")
        self.send_response(200 if good else 404)
        self.end_headers()

http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
PROBE = {"httpGet": {"path": "/ready", "port": 8000}, "periodSeconds": 2, "failureThreshold": 2}


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_runs_a_server_until_it_is_ready(lab: Lab) -> None:
    resources = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
    pod = lab.pod(box={"command": ["python3", "-c", SERVE], "readinessProbe": PROBE, "resources": resources})
    status = pod["status"]
    assert (status["phase"], status["podIP"], status["hostIP"]) == ("Running", "10.244.0.3", "192.168.49.2")
    kinds = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
    assert [entry["type"] for entry in status["conditions"]] == kinds
    assert all(entry["status"] == "True" for entry in status["conditions"])
    found = box(pod)
    assert found["ready"] and found["started"] and found["restartCount"] == 0
    assert found["containerID"].startswith("docker://") and len(found["containerID"]) == len("docker://") + 64
    assert found["allocatedResources"] == resources["requests"] and found["resources"] == resources
    assert status["qosClass"] == "Burstable"
    assert [reason for reason, _ in lab.events()] == ["Scheduled", "Pulled", "Created", "Started"]
    assert lab.events()[1:] == [
        ("Pulled", 'Container image "python:3.13-slim" already present on machine'),
        ("Created", "Created container: web"),
        ("Started", "Started container web"),
    ]


def test_shows_the_pod_before_its_containers_start(lab: Lab) -> None:
    seen: list[str] = []
    lab.cluster.store.watch(
        lambda change: (
            seen.append(
                next(iter((change.obj["status"].get("containerStatuses") or [{"state": {"none": {}}}])[0]["state"]))
            )
            if change.ref.key == "pods" and change.ref.name == "web"
            else None
        )
    )
    lab.pod(box={"command": ["python3", "-c", SERVE]})
    assert seen == ["none", "none", "waiting", "running"]


def test_restarts_with_a_back_off_that_doubles(lab: Lab) -> None:
    crash = "import sys; print('starting'); sys.exit('FATAL: DATABASE_URL is not a URL')"
    pod = lab.pod(box={"command": ["python3", "-c", crash]}, settle=5)
    uid = pod["metadata"]["uid"]
    place = f"web_default({uid})"
    assert waiting(pod) == ("CrashLoopBackOff", f"back-off 10s restarting failed container=web pod={place}")
    last = box(pod)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (1, "Error")
    assert pod["status"]["phase"] == "Running"
    pod = lab.after(200)
    assert box(pod)["restartCount"] == 5
    assert waiting(pod)[1].startswith("back-off 2m40s ")
    assert lab.said("BackOff") == [f"Back-off restarting failed container web in pod {place}"]
    assert lab.count("Started") == 6
    assert condition(pod, "Ready") == ("False", "ContainersNotReady", "containers with unready status: [web]")


def test_says_that_a_program_is_not_there(lab: Lab) -> None:
    pod = lab.pod(box={"command": ["no-such-program"]})
    why = (
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
        'exec: "no-such-program": executable file not found in $PATH: unknown'
    )
    reason, message = waiting(pod)
    found = box(pod)["containerID"].removeprefix("docker://")
    assert reason == "RunContainerError"
    assert message == f'failed to start container "{found}": Error response from daemon: {why}'
    assert lab.said("Failed") == [f'Error: failed to start container "web": Error response from daemon: {why}']
    pod = lab.after(20)
    last = box(pod)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"], last["message"]) == (127, "ContainerCannotRun", why)
    assert waiting(pod)[0] == "CrashLoopBackOff"


def test_kills_what_takes_more_memory_than_its_limit(lab: Lab) -> None:
    hungry = "x = []\nwhile True: x.append(bytearray(8_000_000))"
    limits = {"limits": {"memory": "64Mi"}}
    pod = lab.pod(box={"command": ["python3", "-c", hungry], "resources": limits}, settle=60)
    last = box(pod)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "OOMKilled")
    assert "message" not in last


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}, 'secret "s" not found'),
        ({"envFrom": [{"configMapRef": {"name": "c"}}]}, 'configmap "c" not found'),
        (
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "there", "key": "k"}}}]},
            "couldn't find key k in Secret default/there",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "there", "key": "k"}}}]},
            "couldn't find key k in ConfigMap default/there",
        ),
    ],
)
def test_waits_for_configuration_and_goes_on_when_it_comes(lab: Lab, entry: dict, message: str) -> None:
    lab.create("secrets", {"metadata": {"name": "there"}, "stringData": {"other": "x"}})
    lab.create("configmaps", {"metadata": {"name": "there"}, "data": {"other": "x"}})
    pod = lab.pod(box={"command": ["python3", "-c", SERVE], **entry})
    assert waiting(pod) == ("CreateContainerConfigError", message)
    assert lab.said("Failed") == [f"Error: {message}"]
    assert pod["status"]["phase"] == "Pending" and "containerID" not in box(pod)
    for key, name in (("secrets", "s"), ("configmaps", "c")):
        lab.create(key, {"metadata": {"name": name}, "stringData" if key == "secrets" else "data": {"k": "v"}})
    lab.cluster.run_pending()
    changed = lab.after()
    if "there" not in message:
        assert changed["status"]["phase"] == "Running"


def test_takes_optional_references_that_are_missing(lab: Lab) -> None:
    key = {"name": "s", "key": "k", "optional": True}
    entry = {"env": [{"name": "A", "valueFrom": {"secretKeyRef": key}}]}
    pod = lab.pod(box={"command": ["sh", "-c", 'echo "A=${A:-none}"; sleep 60'], **entry})
    assert pod["status"]["phase"] == "Running"


def test_waits_for_a_volume(lab: Lab) -> None:
    mount = {"volumeMounts": [{"name": "files", "mountPath": "/files"}], "command": ["cat", "/files/a"]}
    volume = {"name": "files", "secret": {"secretName": "web-files"}}
    pod = lab.pod(box=mount, volumes=[volume], restartPolicy="Never", automountServiceAccountToken=False)
    assert waiting(pod) == ("ContainerCreating", "")
    assert condition(pod, "PodReadyToStartContainers")[0] == "False"
    assert "podIP" not in pod["status"]
    assert lab.said("FailedMount") == ['MountVolume.SetUp failed for volume "files" : secret "web-files" not found']
    lab.create("secrets", {"metadata": {"name": "web-files"}, "stringData": {"a": "hello"}})
    pod = lab.after()
    assert pod["status"]["phase"] == "Succeeded"
    assert box(pod)["volumeMounts"] == [{"name": "files", "mountPath": "/files"}]


@pytest.mark.parametrize(
    ("image", "security", "message"),
    [
        ("python:3.13-slim", {"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root"),
        (
            "python:3.13-slim",
            {"runAsNonRoot": True, "runAsUser": 0},
            "container's runAsUser breaks non-root policy",
        ),
    ],
)
def test_refuses_root_where_it_is_not_allowed(lab: Lab, image: str, security: dict, message: str) -> None:
    pod = lab.pod(box={"image": image, "securityContext": security})
    uid = pod["metadata"]["uid"]
    where = f'(pod: "web_default({uid})", container: web)'
    assert waiting(pod) == ("CreateContainerConfigError", f"{message} {where}")


def test_pulls_what_it_does_not_have(lab: Lab) -> None:
    pod = lab.pod(box={"image": "redis:7"})
    assert waiting(pod) == ("ContainerCreating", "")
    pod = lab.after(10)
    assert ready(pod)
    assert box(pod)["imageID"].startswith("docker-pullable://redis@sha256:")
    pulled = lab.said("Pulled")[0]
    assert (
        pulled.startswith('Successfully pulled image "redis:7" in 1.') and "including waiting). Image size: " in pulled
    )


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            "nowhere/thing:1.0",
            "Error response from daemon: pull access denied for nowhere/thing, repository does not exist or may require"
            " 'docker login': denied: requested access to the resource is denied",
        ),
        (
            "python:3.13-slimm",
            "Error response from daemon: manifest for python:3.13-slimm not found: manifest unknown: manifest unknown",
        ),
        (
            "registry.example.test/a:1",
            'Error response from daemon: Get "https://registry.example.test/v2/": dial tcp: lookup '
            "registry.example.test on 192.168.49.1:53: no such host",
        ),
    ],
)
def test_backs_off_from_an_image_that_cannot_be_pulled(lab: Lab, image: str, message: str) -> None:
    pod = lab.pod(box={"image": image})
    assert waiting(pod) == ("ErrImagePull", message)
    pod = lab.after(5)
    assert waiting(pod) == ("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {message}')
    assert lab.events()[1:] == [
        ("Pulling", f'Pulling image "{image}"'),
        ("Failed", f'Failed to pull image "{image}": {message}'),
        ("Failed", "Error: ErrImagePull"),
        ("BackOff", f'Back-off pulling image "{image}"'),
        ("Failed", "Error: ImagePullBackOff"),
    ]
    lab.after(100)
    assert lab.count("Pulling") == 4


def test_never_pulls_when_it_must_not(lab: Lab) -> None:
    pod = lab.pod(box={"image": "nowhere:1", "imagePullPolicy": "Never"})
    message = 'Container image "nowhere:1" is not present with pull policy of Never'
    assert waiting(pod) == ("ErrImageNeverPull", message)
    assert lab.said("ErrImageNeverPull") == [message] and lab.said("Failed") == ["Error: ErrImageNeverPull"]


def test_always_asks_the_registry_for_latest(lab: Lab) -> None:
    lab.cluster.images.tag("python:3.13-slim", "mine:latest")
    pod = lab.pod(box={"image": "mine"})
    assert waiting(pod)[0] == "ErrImagePull"
    pod = lab.pod("kept", box={"image": "mine", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "60"]})
    assert pod["status"]["phase"] == "Running"


def test_does_not_understand_an_invalid_name(lab: Lab) -> None:
    pod = lab.pod(box={"image": "my image:@"})
    why = 'couldn\'t parse image name "my image:@": invalid reference format'
    message = f'Failed to apply default image tag "my image:@": {why}'
    assert waiting(pod) == ("InvalidImageName", message)
    assert lab.events()[1:] == [("InspectFailed", message), ("Failed", "Error: InvalidImageName")]


def test_runs_init_containers_first(lab: Lab) -> None:
    init = [{"name": "first", "image": "busybox:1.36", "command": ["sleep", "5"]}]
    pod = lab.pod(box={"command": ["python3", "-c", SERVE]}, initContainers=init)
    assert waiting(pod) == ("PodInitializing", "") and pod["status"]["phase"] == "Pending"
    incomplete = ("False", "ContainersNotInitialized", "containers with incomplete status: [first]")
    assert condition(pod, "Initialized") == incomplete
    pod = lab.after(6)
    assert ready(pod)
    done = box(pod, "first")
    assert done["ready"] and done["state"]["terminated"]["reason"] == "Completed" and not done["started"]


def test_an_init_container_that_fails_holds_the_pod(lab: Lab) -> None:
    init = [{"name": "first", "image": "busybox:1.36", "command": ["sh", "-c", "exit 3"]}]
    pod = lab.pod(box={"command": ["python3", "-c", SERVE]}, initContainers=init, settle=5)
    assert waiting(pod, "first")[0] == "CrashLoopBackOff" and pod["status"]["phase"] == "Pending"
    assert box(pod, "first")["lastState"]["terminated"]["exitCode"] == 3
    assert waiting(pod) == ("PodInitializing", "")
    pod = lab.pod("never", box={"command": ["true"]}, initContainers=init, restartPolicy="Never")
    assert pod["status"]["phase"] == "Failed"


def test_keeps_a_sidecar_beside_and_ends_it_with_the_job(lab: Lab) -> None:
    side = {"name": "side", "image": "busybox:1.36", "restartPolicy": "Always", "command": ["sleep", "infinity"]}
    pod = lab.pod(box={"command": ["sleep", "10"]}, initContainers=[side], restartPolicy="Never", settle=5)
    assert box(pod, "side")["state"].keys() == {"running"} and ready(pod)
    pod = lab.after(40)
    assert pod["status"]["phase"] == "Succeeded"
    assert box(pod, "side")["state"]["terminated"]["exitCode"] == 137


def test_completes(lab: Lab) -> None:
    pod = lab.pod(box={"command": ["sh", "-c", "echo done"]}, restartPolicy="Never")
    assert pod["status"]["phase"] == "Succeeded"
    for kind in ("Ready", "ContainersReady"):
        assert condition(pod, kind) == ("False", "PodCompleted", "")
    assert condition(pod, "Initialized") == ("True", "PodCompleted", "")
    assert condition(pod, "PodReadyToStartContainers")[0] == "False"


def test_fails(lab: Lab) -> None:
    pod = lab.pod(box={"command": ["false"]}, restartPolicy="Never")
    assert pod["status"]["phase"] == "Failed"
    assert condition(pod, "Ready") == ("False", "PodFailed", "")


def test_lets_a_pod_end_in_its_grace(lab: Lab) -> None:
    hook = {"preStop": {"sleep": {"seconds": 3}}}
    lab.pod(box={"image": "nginx:1.27", "lifecycle": hook}, terminationGracePeriodSeconds=30)
    lab.delete()
    lab.cluster.run_pending()
    assert lab.after(2)["metadata"]["deletionGracePeriodSeconds"] == 30
    assert lab.said("Killing") == ["Stopping container web"]
    assert lab.after(2) == {}


def test_kills_what_does_not_end_in_its_grace(lab: Lab) -> None:
    lab.pod(box={"command": ["sleep", "infinity"]}, terminationGracePeriodSeconds=30)
    lab.delete()
    assert lab.after(29) != {}
    assert lab.after(2) == {}


def test_ends_a_pod_at_its_deadline(lab: Lab) -> None:
    pod = lab.pod(box={"command": ["sleep", "infinity"]}, activeDeadlineSeconds=5, settle=6)
    status = pod["status"]
    message = "Pod was active on the node longer than the specified deadline"
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "DeadlineExceeded", message)
    assert lab.said("Killing") == ["Stopping container web"]


def test_tells_a_pod_what_it_wants_to_know_of_itself(lab: Lab) -> None:
    env = [
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {"name": "BOTH", "value": "$(APP) at $(IP), $$(APP), $(NONE)"},
    ]
    lab.pod(
        box={"command": ["sh", "-c", "echo $BOTH $CPU"], "env": env},
        metadata={"labels": {"app": "x"}},
        restartPolicy="Never",
    )
    from mcp_tools.targets.sandbox.node import logs

    assert logs.read(lab.cluster, lab.after(), "web") == "x at 10.244.0.3, $(APP), $(NONE) 2\n"


def test_evicts_what_writes_too_much(lab: Lab) -> None:
    limits = {"limits": {"ephemeral-storage": "10Mi"}}
    pod = lab.pod(
        box={"command": ["sh", "-c", "dd if=/dev/zero of=/x bs=1M count=50; sleep 600"], "resources": limits}, settle=5
    )
    status = pod["status"]
    message = "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. "
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "Evicted", message)
    assert lab.said("Evicted") == [message]
    assert lab.said("Killing") == ["Stopping container web"]
    assert "DisruptionTarget" not in [entry["type"] for entry in status["conditions"]]


def test_evicts_when_one_of_two_writes_more_than_its_own_limit(lab: Lab) -> None:
    def made(name: str, script: str, size: str) -> dict[str, object]:
        limits = {"limits": {"ephemeral-storage": size}}
        return {"name": name, "image": "busybox:1.36", "command": ["sh", "-c", script], "resources": limits}

    writes = made("web", "dd if=/dev/zero of=/x bs=1M count=50; sleep 600", "10Mi")
    pod = lab.pod(containers=[writes, made("other", "sleep 600", "1Gi")], settle=5)
    assert pod["status"]["message"] == 'Container web exceeded its local ephemeral storage limit "10Mi". '


def test_evicts_for_an_empty_dir_that_is_too_full(lab: Lab) -> None:
    command = ["sh", "-c", "dd if=/dev/zero of=/cache/x bs=1M count=5; sleep 600"]
    volume = {"name": "cache", "emptyDir": {"sizeLimit": "1Mi"}}
    mount = [{"name": "cache", "mountPath": "/cache"}]
    pod = lab.pod(box={"command": command, "volumeMounts": mount}, volumes=[volume], settle=5)
    assert pod["status"]["message"] == 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". '


def test_counts_a_volume_of_memory_as_the_containers(lab: Lab) -> None:
    command = ["sh", "-c", "exec dd if=/dev/zero of=/cache/x bs=1M count=100"]
    volume = {"name": "cache", "emptyDir": {"medium": "Memory"}}
    entry = {"command": command, "volumeMounts": [{"name": "cache", "mountPath": "/cache"}]}
    entry["resources"] = {"limits": {"memory": "64Mi"}}
    once = lab.pod("once", box=entry, volumes=[volume], restartPolicy="Never", settle=2)
    assert box(once)["state"]["terminated"]["reason"] == "OOMKilled"
    again = lab.pod("again", box=entry, volumes=[volume], settle=2)
    ended = box(again)["lastState"]["terminated"]  # what was written is still there, and leaves no room to start in
    assert ended["exitCode"] == 128 and "container init was OOM-killed" in ended["message"]
