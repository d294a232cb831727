"""Claims and volumes find each other, and say what they wait for, as on Minikube."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Ref
from tests.targets.sandbox.workbench import Bench

CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def claim(name: str = "data", size: str = "1Gi", **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"storage": size}}
    return {"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources, **spec}}


def volume(name: str = "disk", size: str = "2Gi", **spec: Any) -> dict[str, Any]:
    made = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"}}
    return {"metadata": {"name": name}, "spec": {**made, **spec}}


def pod(claim_name: str = "data") -> dict[str, Any]:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}]
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}], "volumes": volumes}}


def test_the_default_class_provides_a_folder_of_the_node(bench: Bench) -> None:
    bench.create(CLAIMS, claim())
    bench.settle()
    found = bench.get(CLAIMS, "data")
    name = f"pvc-{found['metadata']['uid']}"
    assert found["spec"]["storageClassName"] == "standard"
    assert found["spec"]["volumeName"] == name
    assert found["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert found["metadata"]["annotations"] == {
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
        "volume.beta.kubernetes.io/storage-provisioner": "k8s.io/minikube-hostpath",
        "volume.kubernetes.io/storage-provisioner": "k8s.io/minikube-hostpath",
    }
    assert found["status"] == {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
    }
    made = bench.get(VOLUMES, name)
    assert made["status"]["phase"] == "Bound"
    assert made["spec"]["hostPath"]["path"] == "/tmp/hostpath-provisioner/default/data"
    assert made["spec"]["claimRef"]["uid"] == found["metadata"]["uid"]
    assert [each[1:] for each in bench.events("data")] == [
        (
            "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner 'k8s.io/minikube-hostpath' or "
            "manually by the system administrator. If volume creation is delayed, please verify that the provisioner "
            "is running and correctly registered.",
        ),
        ("Provisioning", 'External provisioner is provisioning volume for claim "default/data"'),
        ("ProvisioningSucceeded", f"Successfully provisioned volume {name}"),
    ]


def test_the_provided_volume_goes_with_its_claim(bench: Bench) -> None:
    bench.create(CLAIMS, claim())
    bench.settle()
    bench.delete(CLAIMS, "data")
    bench.settle()
    assert not bench.all(CLAIMS)
    assert not bench.all(VOLUMES)


def test_a_claim_that_a_pod_uses_stays(bench: Bench) -> None:
    bench.create(CLAIMS, claim())
    bench.create("pods", pod())
    bench.settle(5)
    bench.delete(CLAIMS, "data")
    bench.settle(5)
    assert "deletionTimestamp" in bench.get(CLAIMS, "data")["metadata"]
    bench.delete("pods", "p")
    bench.settle(5)
    assert not bench.all(CLAIMS)


def test_the_smallest_volume_that_suits_is_taken(bench: Bench) -> None:
    bench.create(VOLUMES, volume("large", "9Gi"))
    bench.create(VOLUMES, volume("small", "2Gi"))
    bench.create(VOLUMES, volume("tiny", "1Mi"))
    bench.settle()
    bench.create(CLAIMS, claim(storageClassName=""))
    bench.settle()
    found = bench.get(CLAIMS, "data")
    assert found["spec"]["volumeName"] == "small"
    assert found["status"]["capacity"] == {"storage": "2Gi"}
    assert bench.get(VOLUMES, "large")["status"]["phase"] == "Available"
    assert bench.get(VOLUMES, "small")["metadata"]["annotations"]["pv.kubernetes.io/bound-by-controller"] == "yes"


def test_a_kept_volume_is_released_and_not_given_again(bench: Bench) -> None:
    bench.create(VOLUMES, volume())
    bench.create(CLAIMS, claim(storageClassName=""))
    bench.settle()
    bench.delete(CLAIMS, "data")
    bench.settle()
    assert bench.get(VOLUMES, "disk")["status"]["phase"] == "Released"
    bench.create(CLAIMS, claim(storageClassName=""))
    bench.settle()
    assert bench.get(CLAIMS, "data")["status"]["phase"] == "Pending"
    bench.api.edit(Ref(VOLUMES, "", "disk"), lambda obj: obj["spec"].pop("claimRef"), manager="user")
    bench.settle()
    assert bench.get(CLAIMS, "data")["status"]["phase"] == "Bound"


def test_a_folder_elsewhere_cannot_be_deleted(bench: Bench) -> None:
    bench.create(VOLUMES, volume(persistentVolumeReclaimPolicy="Delete"))
    bench.create(CLAIMS, claim(storageClassName=""))
    bench.settle()
    bench.delete(CLAIMS, "data")
    bench.settle()
    status = bench.get(VOLUMES, "disk")["status"]
    message = "host_path deleter only supports /tmp/.+ but received provided /data"
    assert (status["phase"], status["message"]) == ("Failed", message)


def test_without_class_and_volume_it_waits_and_says_so(bench: Bench) -> None:
    bench.create(CLAIMS, claim(storageClassName=""))
    bench.settle(40)
    assert bench.get(CLAIMS, "data")["status"]["phase"] == "Pending"
    text = "no persistent volumes available for this claim and no storage class is set"
    assert bench.events("data") == [("Normal", "FailedBinding", text)]
    (event,) = bench.all("events")
    assert event["count"] == 3


def test_a_missing_class_is_named(bench: Bench) -> None:
    bench.create(CLAIMS, claim(storageClassName="fast"))
    bench.settle()
    assert bench.events("data") == [
        ("Warning", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found'),
    ]
    bench.create(CLASSES, {"metadata": {"name": "fast"}, "provisioner": "k8s.io/minikube-hostpath"})
    bench.settle()
    assert bench.get(CLAIMS, "data")["status"]["phase"] == "Bound"


def test_nothing_before_the_first_consumer_when_the_class_says_so(bench: Bench) -> None:
    bench.create(
        CLASSES,
        {
            "metadata": {"name": "late"},
            "provisioner": "k8s.io/minikube-hostpath",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
    )
    bench.create(CLAIMS, claim(storageClassName="late"))
    bench.settle()
    text = "waiting for first consumer to be created before binding"
    assert bench.events("data") == [("Normal", "WaitForFirstConsumer", text)]
    mark = {"volume.kubernetes.io/selected-node": "minikube"}
    bench.update(CLAIMS, "data", lambda obj: obj["metadata"].setdefault("annotations", {}).update(mark))
    bench.settle()
    assert bench.get(CLAIMS, "data")["status"]["phase"] == "Bound"


def test_a_claim_cannot_grow_when_its_class_does_not_allow_it(bench: Bench) -> None:
    bench.create(CLAIMS, claim())
    bench.settle()
    with pytest.raises(ApiError) as caught:
        bench.update(CLAIMS, "data", lambda obj: obj["spec"]["resources"]["requests"].update({"storage": "2Gi"}))
    assert caught.value.message == (
        'persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the '
        "storageclass that provisions the pvc must support resize"
    )


def test_a_claim_of_an_ephemeral_volume_goes_with_its_pod(bench: Bench) -> None:
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    volumes = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]
    spec = {"containers": [{"name": "c", "image": "x"}], "volumes": volumes}
    bench.create("pods", {"metadata": {"name": "p"}, "spec": spec})
    bench.settle(5)
    assert bench.get(CLAIMS, "p-scratch")["status"]["phase"] == "Bound"
    bench.delete("pods", "p")
    bench.settle(5)
    assert not bench.all(CLAIMS)
