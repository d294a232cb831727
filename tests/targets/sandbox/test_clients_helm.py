"""The real Helm on a served sandbox, with the charts of this repository."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_tools.targets.sandbox import serving
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster
from mcp_tools.targets.sandbox.node.images import Image
from tests.targets.sandbox.asking import ROOT, Clients, needs_helm, needs_kubectl

pytestmark = [needs_helm, needs_kubectl]

IMAGE = Image(
    id="sha256:" + "a" * 64,
    tags=("todo-frontend:latest", "todo-frontend:two"),
    size=150 << 20,
    user="1001",
    command=("node", "server.js"),
    ports=(3000,),
)


@pytest.fixture(scope="module")
def running() -> Iterator[serving.Running]:
    cluster = Cluster.fresh(clock=Clock(real=True, speed=50))
    cluster.images.add(IMAGE)
    with serving.running(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def clients(running: serving.Running, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    return Clients(running.address.kubeconfig, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def chart(clients: Clients, tmp_path_factory: pytest.TempPathFactory) -> str:
    copy = shutil.copytree(ROOT / "charts", tmp_path_factory.mktemp("helm") / "charts")
    clients.helm("dependency", "update", str(copy / "todo-frontend"))
    return str(copy / "todo-frontend")


@pytest.fixture
def release(clients: Clients, chart: str) -> Iterator[str]:
    clients.kubectl("create", "namespace", "todo")
    literals = [f"--from-literal={key}=s3cret" for key in ("better-auth-secret", "database-url", "jwt-secret")]
    clients.kubectl("create", "secret", "generic", "-n", "todo", "todo-secrets", *literals)
    clients.helm("install", "web", chart, "-n", "todo", "--wait", "--timeout", "30s")
    yield "web"
    clients.run(clients._helm, "uninstall", "web", "-n", "todo", "--wait", check=False)
    clients.kubectl("delete", "namespace", "todo", "--timeout=60s")


def history(clients: Clients) -> list[tuple[int, str, str]]:
    found = json.loads(clients.helm("history", "web", "-n", "todo", "-o", "json"))
    return [(one["revision"], one["status"], one["description"]) for one in found]


def test_a_release_from_install_to_uninstall(clients: Clients, chart: str, release: str) -> None:
    n = ("-n", "todo")
    assert json.loads(clients.helm("list", *n, "-o", "json"))[0]["status"] == "deployed"
    assert clients.kubectl("get", *n, "deploy", "--no-headers").split()[1] == "1/1"
    clients.helm("upgrade", release, chart, *n, "--set", "image.tag=two", "--wait", "--timeout", "60s")
    image = "jsonpath={.items[0].spec.template.spec.containers[0].image}"
    assert clients.kubectl("get", *n, "deploy", "-o", image) == "todo-frontend:two"
    clients.helm("rollback", release, "1", *n, "--wait", "--timeout", "60s")
    assert clients.kubectl("get", *n, "deploy", "-o", image) == "todo-frontend:latest"
    assert history(clients) == [
        (1, "superseded", "Install complete"),
        (2, "superseded", "Upgrade complete"),
        (3, "deployed", "Rollback to 1"),
    ]
    assert "kind: Deployment" in clients.helm("get", "manifest", release, *n)
    assert "uninstalled" in clients.helm("uninstall", release, *n, "--wait")
    kept = clients.kubectl("get", *n, "deploy,rs,pods,svc,secrets,configmaps,serviceaccounts", "-o", "name")
    assert kept.split() == ["secret/todo-secrets", "configmap/kube-root-ca.crt", "serviceaccount/default"]


def test_the_tests_of_a_release_run(clients: Clients, release: str) -> None:
    said = clients.helm("test", release, "-n", "todo", "--timeout", "60s")
    assert "Phase:          Succeeded" in said


def test_an_atomic_upgrade_that_fails_is_rolled_back(clients: Clients, chart: str, release: str) -> None:
    n = ("-n", "todo")
    words = ("upgrade", release, chart, *n, "--set", "image.tag=nowhere", "--atomic", "--timeout", "4s")
    done = clients.run(clients._helm, *words, check=False)
    assert done.returncode == 1
    assert "release web failed, and has been rolled back due to atomic being set" in done.stderr
    assert [(number, status) for number, status, _ in history(clients)] == [
        (1, "superseded"),
        (2, "failed"),
        (3, "deployed"),
    ]


def test_an_install_that_does_not_come_up_fails_in_time(clients: Clients, chart: str) -> None:
    words = ("install", "bad", chart, "-n", "bad", "--create-namespace", "--set", "image.tag=nowhere")
    done = clients.run(clients._helm, *words, "--wait", "--timeout", "2s", check=False)
    assert done.returncode == 1 and "context deadline exceeded" in done.stderr
    assert json.loads(clients.helm("list", "-n", "bad", "-a", "-o", "json"))[0]["status"] == "failed"
    assert "ImagePullBackOff" in clients.kubectl("get", "pods", "-n", "bad")


HOOK = """
apiVersion: batch/v1
kind: Job
metadata:
  name: before
  annotations: {"helm.sh/hook": pre-install, "helm.sh/hook-delete-policy": hook-succeeded}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: a, image: "busybox:1.36", command: [sh, -c, "exit %d"]}]
"""


@pytest.mark.parametrize(("code", "outcome"), [(0, "deployed"), (3, "failed")])
def test_a_hook_runs_before_the_rest(clients: Clients, tmp_path: Path, code: int, outcome: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: hooked\nversion: 0.1.0\n")
    (tmp_path / "templates" / "job.yaml").write_text(HOOK % code)
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: after}\n"
    (tmp_path / "templates" / "config.yaml").write_text(config)
    name, n = f"hooked{code}", ("-n", f"hooked{code}")
    words = ("install", name, str(tmp_path), *n, "--create-namespace", "--timeout", "20s")
    done = clients.run(clients._helm, *words, check=False)
    assert json.loads(clients.helm("list", *n, "-a", "-o", "json"))[0]["status"] == outcome, done.stderr
    found = clients.kubectl("get", *n, "configmap", "-o", "name")
    assert ("configmap/after" in found) is (code == 0)
    if code:
        assert "pre-install hooks failed" in done.stderr.lower() or "failed pre-install" in done.stderr
