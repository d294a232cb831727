"""Images of the node: their names, their records, and what registries answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcp_tools.targets.sandbox.faults import ImageFault
from mcp_tools.targets.sandbox.node import names
from mcp_tools.targets.sandbox.node.behaviour import ANNOTATION
from mcp_tools.targets.sandbox.node.images import Image, Images, PullError
from mcp_tools.targets.sandbox.store import Store
from tests.targets.sandbox.pods import Lab, box, waiting

ID = "sha256:" + "1" * 64


@pytest.fixture
def images() -> Images:
    return Images(Store())


@pytest.mark.parametrize(
    ("written", "repository", "familiar"),
    [
        ("nginx", "docker.io/library/nginx", "nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx", "nginx:1.27"),
        ("docker.io/nginx", "docker.io/library/nginx", "nginx:latest"),
        ("team/app:1", "docker.io/team/app", "team/app:1"),
        ("localhost:5000/app", "localhost:5000/app", "localhost:5000/app:latest"),
        ("ghcr.io/a/b:2", "ghcr.io/a/b", "ghcr.io/a/b:2"),
        ("app@sha256:" + "a" * 64, "docker.io/library/app", "app@sha256:" + "a" * 64),
    ],
)
def test_reads_names_as_docker_does(written: str, repository: str, familiar: str) -> None:
    found = names.parse(written)
    assert (found.repository, found.familiar) == (repository, familiar)


@pytest.mark.parametrize("written", ["my image:@", "a:b:c", "-x", "a//b", ""])
def test_refuses_what_is_no_name(written: str) -> None:
    with pytest.raises(names.InvalidName, match="invalid reference format"):
        names.parse(written)


def test_says_that_a_name_must_be_lowercase() -> None:
    with pytest.raises(names.InvalidName, match=r"repository name \(library/App\) must be lowercase"):
        names.parse("App:1")


def test_finds_an_image_by_every_name_that_it_has(images: Images) -> None:
    images.add(Image(id=ID, tags=("app:1", "app")))
    for name in ("app:1", "app", "docker.io/library/app:1", ID, ID[7:19]):
        found = images.find(name)
        assert found is not None and found.id == ID
    assert images.find("app:2") is None


def test_a_tag_moves_to_the_newer_image(images: Images) -> None:
    images.add(Image(id=ID, tags=("app:1", "app:old")))
    newer = "sha256:" + "2" * 64
    images.add(Image(id=newer, tags=("app:1",)))
    found, older = images.find("app:1"), images.find("app:old")
    assert found is not None and found.id == newer
    assert older is not None and older.tags == ("app:old",)


def test_an_image_goes_with_its_last_name(images: Images) -> None:
    images.add(Image(id=ID, tags=("app:1", "app:2")))
    assert images.remove("app:1") and images.find(ID) is not None
    assert images.remove("app:2") and images.find(ID) is None
    assert not images.remove("app:2")


@pytest.mark.parametrize(
    "name", ["nginx", "nginx:1.27.3-alpine", "python:3.13-slim", "postgres:16-alpine", "node:22-slim"]
)
def test_pulls_well_known_images(images: Images, name: str) -> None:
    pull = images.pull(name)
    assert pull.seconds > 0 and pull.image.digests[0].startswith(f"{names.parse(name).short}@sha256:")


@pytest.mark.parametrize("name", ["nginx:1.27-typo", "python:3.13-slimm", "postgres:999x", "nginx:v1"])
def test_knows_no_tag_that_there_is_not(images: Images, name: str) -> None:
    with pytest.raises(PullError, match=f"manifest for {name} not found: manifest unknown"):
        images.pull(name)


def test_the_node_lists_its_images() -> None:
    lab = Lab()
    node = lab.cluster.store.get("nodes", "", "minikube")
    assert node is not None
    listed = [name for entry in node["status"]["images"] for name in entry["names"]]
    assert "registry.k8s.io/pause:3.10" in listed and "python:3.13-slim" in listed


def test_a_damaged_image_makes_no_containers() -> None:
    lab = Lab()
    lab.cluster.faults.inject(ImageFault(image="python:3.13-slim"))
    pod = lab.pod(box={"command": ["python3", "app.py"]})
    assert waiting(pod) == ("CreateContainerError", "Error response from daemon: layer does not exist")
    lab.cluster.faults.clear()
    assert lab.after(1)["status"]["phase"] == "Running"


def test_a_registry_that_does_not_answer() -> None:
    lab = Lab()
    message = (
        'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on'
    )
    lab.cluster.faults.inject(ImageFault(effect="pull", message=message))
    assert waiting(lab.pod(box={"image": "redis:7"})) == ("ErrImagePull", message)
    assert lab.pod("local", box={"command": ["python3", "app.py"]})["status"]["phase"] == "Running"


def test_a_private_image_wants_a_secret() -> None:
    lab = Lab()
    lab.cluster.faults.inject(ImageFault(image="team/private:1", effect="private"))
    reason, message = waiting(lab.pod(box={"image": "team/private:1"}, imagePullSecrets=[{"name": "registry"}]))
    assert reason == "ErrImagePull" and "pull access denied for team/private" in message
    config = json.dumps({"auths": {}})
    secret = {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": config}}
    lab.create("secrets", {"metadata": {"name": "registry"}, **secret})
    assert lab.after(60)["status"]["phase"] == "Running"


def test_a_limit_below_what_a_program_needs_kills_it() -> None:
    lab = Lab()
    limits = {"limits": {"memory": "12Mi"}}
    pod = lab.pod(box={"command": ["python3", "app.py"], "resources": limits}, settle=5)
    assert box(pod)["lastState"]["terminated"]["reason"] == "OOMKilled"
    reason, message = waiting(lab.pod("tiny", box={"resources": {"limits": {"memory": "4Mi"}}}))
    assert (reason, message) == (
        "CreateContainerError",
        "Error response from daemon: Minimum memory limit allowed is 6MB",
    )


def test_a_server_without_processor_time_is_slow() -> None:
    lab = Lab()
    probe = {"httpGet": {"path": "/", "port": 8000}}
    entry = {"command": ["python3", "app.py"], "ports": [{"containerPort": 8000}], "readinessProbe": probe}
    pod = lab.pod(box={**entry, "resources": {"limits": {"cpu": "10m"}}}, settle=40)
    assert not box(pod)["ready"]
    assert "context deadline exceeded" in lab.said("Unhealthy")[0]


@pytest.mark.parametrize(
    ("said", "spec", "line"),
    [
        ({"path": "/data/x", "owner": 0}, {"runAsUser": 1000}, "open /data/x: permission denied"),
        ({"path": "/data/x", "bytes": 5 << 30}, {}, "write /data/x: no space left on device"),
        ({"path": "/dev/shm/x", "bytes": 65 << 20}, {}, "write /dev/shm/x: no space left on device"),
    ],
)
def test_writes_that_fail(said: dict[str, Any], spec: dict[str, Any], line: str) -> None:
    from mcp_tools.targets.sandbox.node import logs

    lab = Lab()
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    lab.create("persistentvolumeclaims", {"metadata": {"name": "data"}, "spec": storage})
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    entry = {"command": ["python3", "app.py"], "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    note = {"annotations": {ANNOTATION: json.dumps({"writes": [said]})}}
    pod = lab.pod(box=entry, volumes=[volume], metadata=note, securityContext=spec, settle=8)
    assert waiting(pod)[0] == "CrashLoopBackOff"
    assert logs.read(lab.cluster, pod, "web") == f"{line}\n"
