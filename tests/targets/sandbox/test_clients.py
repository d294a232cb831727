"""The real kubectl and the Python client on a served sandbox: they notice no difference."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.targets.sandbox import serving
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster
from tests.targets.sandbox.asking import Clients, needs_kubectl


@pytest.fixture(scope="module")
def running() -> Iterator[serving.Running]:
    with serving.running(Cluster.fresh(clock=Clock(real=True, speed=50))) as found:
        yield found


@pytest.fixture(scope="module")
def clients(running: serving.Running, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    return Clients(running.address.kubeconfig, tmp_path_factory.mktemp("home"))


@pytest.fixture
def namespace(clients: Clients, request: pytest.FixtureRequest) -> Iterator[str]:
    name = "t-" + str(abs(hash(request.node.name)) % 10**8)
    clients.kubectl("create", "namespace", name)
    yield name
    clients.kubectl("delete", "namespace", name)


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1.27", ports: [{containerPort: 80}]}
"""


@needs_kubectl
class TestKubectl:
    def test_versions_resources_and_explanations(self, clients: Clients) -> None:
        assert json.loads(clients.kubectl("version", "-o", "json"))["serverVersion"]["minor"] == "33"
        assert "deployments   deploy" in " ".join(clients.kubectl("api-resources").split()).replace(" ", "   ")
        assert "metrics.k8s.io/v1beta1" in clients.kubectl("api-versions")
        assert "rollingUpdate" in clients.kubectl("explain", "deployment.spec.strategy")
        assert clients.kubectl("get", "--raw", "/readyz") == "ok"

    def test_discovery_from_its_cache(self, clients: Clients) -> None:
        first = clients.kubectl("api-resources", "--no-headers")
        assert clients.kubectl("api-resources", "--no-headers") == first and "configmaps" in first

    def test_apply_rollout_scale_and_undo(self, clients: Clients, namespace: str) -> None:
        n = ("-n", namespace)
        assert clients.kubectl("apply", *n, "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web created\n"
        assert clients.kubectl("apply", *n, "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web unchanged\n"
        assert "successfully rolled out" in clients.kubectl("rollout", "status", *n, "deploy/web", "--timeout=30s")
        clients.kubectl("scale", *n, "deploy/web", "--replicas=3")
        clients.kubectl("wait", *n, "deploy/web", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=30s")
        assert clients.kubectl("get", *n, "deploy", "web", "--no-headers").split()[:4] == ["web", "3/3", "3", "3"]
        clients.kubectl("set", "image", *n, "deploy/web", "web=nginx:1.29")
        clients.kubectl("rollout", "status", *n, "deploy/web", "--timeout=30s")
        assert len(clients.kubectl("rollout", "history", *n, "deploy/web").split("\n2 ")) == 2
        clients.kubectl("rollout", "undo", *n, "deploy/web")
        clients.kubectl("rollout", "status", *n, "deploy/web", "--timeout=30s")
        image = "jsonpath={.spec.template.spec.containers[0].image}"
        assert clients.kubectl("get", *n, "deploy", "web", "-o", image) == "nginx:1.27"
        clients.kubectl("rollout", "restart", *n, "deploy/web")
        clients.kubectl("delete", *n, "deploy", "web", "--cascade=foreground", "--timeout=30s")
        assert "not found" in clients.refused("get", *n, "deploy", "web")

    def test_pods_are_shown_described_logged_and_measured(self, clients: Clients, namespace: str) -> None:
        n = ("-n", namespace)
        clients.kubectl("create", "deployment", *n, "web", "--image=nginx:1.27")
        clients.kubectl("rollout", "status", *n, "deploy/web", "--timeout=30s")
        cells = clients.kubectl("get", "pods", *n, "--no-headers", "-o", "wide").split()
        assert cells[1:4] == ["1/1", "Running", "0"] and cells[6] == "minikube"
        described = clients.kubectl("describe", "pod", *n, "-l", "app=web")
        assert "Successfully assigned" in described and "Started container nginx" in described
        assert "ready for start up" in clients.kubectl("logs", *n, "deploy/web")
        assert clients.kubectl("logs", *n, "deploy/web", "--tail=1").count("\n") == 1
        assert clients.kubectl("logs", *n, "deploy/web", "--tail=1", "--timestamps").startswith("20")
        assert "Mi" in clients.kubectl("top", "pods", *n) and "%" in clients.kubectl("top", "nodes")
        assert "SuccessfulCreate" in clients.kubectl("get", "events", *n)
        assert "Scheduled" in clients.kubectl("events", *n)

    def test_a_job_is_followed_to_its_end(self, clients: Clients, namespace: str) -> None:
        n = ("-n", namespace)
        clients.kubectl(
            "create", "job", *n, "j", "--image=busybox:1.36", "--", "sh", "-c", "echo one; sleep 100; echo two"
        )
        clients.kubectl("wait", *n, "pod", "-l", "job-name=j", "--for=condition=Ready", "--timeout=30s")
        assert clients.kubectl("logs", *n, "-f", "job/j") == "one\ntwo\n"
        clients.kubectl("wait", *n, "--for=condition=complete", "job/j", "--timeout=30s")

    @pytest.mark.parametrize(
        "words",
        [
            ("configmap", "x", "--from-literal=a=b"),
            ("secret", "generic", "x", "--from-literal=a=b"),
            ("serviceaccount", "x"),
            ("role", "x", "--verb=get", "--resource=pods"),
            ("rolebinding", "x", "--clusterrole=view", "--user=jane"),
            ("service", "clusterip", "x", "--tcp=80:8080"),
            ("ingress", "x", "--rule=a.example/=x:80"),
            ("cronjob", "x", "--image=busybox", "--schedule=*/5 * * * *", "--", "date"),
            ("quota", "x", "--hard=pods=5,requests.cpu=1"),
            ("poddisruptionbudget", "x", "--selector=app=x", "--min-available=50%"),
        ],
        ids=lambda words: words[0],
    )
    def test_what_kubectl_creates_it_finds_again(
        self, clients: Clients, namespace: str, words: tuple[str, ...]
    ) -> None:
        """These commands send protobuf."""
        place = words.index("x")
        made = clients.kubectl("create", *words[: place + 1], "-n", namespace, *words[place + 1 :])
        assert made.endswith("created\n")
        assert clients.kubectl("get", words[0], "-n", namespace, "x", "--no-headers").startswith("x ")

    def test_patches_labels_and_annotations(self, clients: Clients, namespace: str) -> None:
        n = ("-n", namespace)
        clients.kubectl("create", "configmap", *n, "c", "--from-literal=a=1")
        for kind, body in (
            ("merge", '{"data":{"b":"2"}}'),
            ("json", '[{"op":"add","path":"/data/c","value":"3"}]'),
            ("strategic", '{"data":{"a":null}}'),
        ):
            clients.kubectl("patch", *n, "configmap", "c", "--type", kind, "-p", body)
        assert json.loads(clients.kubectl("get", *n, "cm", "c", "-o", "json"))["data"] == {"b": "2", "c": "3"}
        clients.kubectl("label", *n, "cm", "c", "tier=x")
        clients.kubectl("annotate", *n, "cm", "c", "note=y")
        assert clients.kubectl("get", *n, "cm", "-l", "tier=x", "-o", "name") == "configmap/c\n"
        assert clients.kubectl("get", *n, "cm", "--field-selector", "metadata.name=c", "-o", "name") == "configmap/c\n"

    def test_server_side_apply_and_its_conflict(self, clients: Clients, namespace: str) -> None:
        n = ("-n", namespace)
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1'}\n"
        apply = ("apply", *n, "--server-side", "-f", "-")
        assert "serverside-applied" in clients.kubectl(*apply, "--field-manager=one", stdin=text)
        other = text.replace("'1'", "'2'")
        said = clients.refused(*apply, "--field-manager=two", stdin=other)
        assert 'conflict with "one": .data.a' in said
        clients.kubectl(*apply, "--field-manager=two", "--force-conflicts", stdin=other)
        assert 'a: "2"' in clients.kubectl("get", *n, "cm", "c", "-o", "yaml")

    def test_a_diff_and_a_dry_run_change_nothing(self, clients: Clients, namespace: str) -> None:
        n = ("-n", namespace)
        clients.kubectl("create", *n, "-f", "-", stdin=DEPLOYMENT)
        wider = DEPLOYMENT.replace("replicas: 2", "replicas: 4")
        done = clients.run("kubectl", "diff", *n, "-f", "-", stdin=wider, check=False)
        assert done.returncode == 1 and "+  replicas: 4" in done.stdout
        assert "(server dry run)" in clients.kubectl("apply", *n, "--dry-run=server", "-f", "-", stdin=wider)
        assert clients.kubectl("get", *n, "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "2"

    def test_refusals_in_the_words_of_the_server(self, clients: Clients, namespace: str) -> None:
        n = ("-n", namespace)
        assert clients.refused("get", *n, "pod", "x") == 'Error from server (NotFound): pods "x" not found\n'
        wrong = DEPLOYMENT.replace("replicas: 2", "replicas: -1")
        said = clients.refused("create", *n, "-f", "-", stdin=wrong)
        assert 'The Deployment "web" is invalid: spec.replicas: Invalid value: -1' in said
        unknown = DEPLOYMENT.replace("replicas: 2", "replicaz: 2")
        assert 'strict decoding error: unknown field "spec.replicaz"' in clients.refused(
            "create", *n, "-f", "-", stdin=unknown
        )
        clients.kubectl("create", *n, "-f", "-", stdin=DEPLOYMENT)
        clients.kubectl("rollout", "status", *n, "deploy/web", "--timeout=30s")
        assert "the sandbox simulates containers and runs no processes" in clients.refused(
            "exec", *n, "deploy/web", "--", "ls"
        )

    def test_rights(self, clients: Clients, namespace: str) -> None:
        n = ("-n", namespace)
        assert clients.kubectl("auth", "can-i", "delete", "nodes") == "yes\n"
        clients.kubectl("create", "serviceaccount", *n, "reader")
        clients.kubectl("create", "rolebinding", *n, "r", "--clusterrole=view", f"--serviceaccount={namespace}:reader")
        account = f"--as=system:serviceaccount:{namespace}:reader"
        assert clients.kubectl("auth", "can-i", "list", "pods", *n, account) == "yes\n"
        done = clients.run("kubectl", "auth", "can-i", "create", "pods", *n, account, check=False)
        assert (done.returncode, done.stdout) == (1, "no\n")
        assert "Username" in clients.kubectl("auth", "whoami")
        assert clients.kubectl("create", "token", "reader", *n).count(".") == 2

    def test_nodes_are_cordoned_tainted_and_drained(self, clients: Clients) -> None:
        clients.kubectl("cordon", "minikube")
        assert "Ready,SchedulingDisabled" in clients.kubectl("get", "node", "minikube")
        clients.kubectl("uncordon", "minikube")
        clients.kubectl("taint", "node", "minikube", "a=b:NoSchedule")
        clients.kubectl("taint", "node", "minikube", "a-")
        assert "drained (server dry run)" in clients.kubectl(
            "drain", "minikube", "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--dry-run=server"
        )

    def test_every_kind_can_be_listed(self, clients: Clients) -> None:
        names = clients.kubectl("api-resources", "--verbs=list", "-o", "name").split()
        listed = clients.kubectl("get", ",".join(names), "-A")
        assert "pod/etcd-minikube" in listed and "storageclass.storage.k8s.io/standard (default)" in listed

    def test_a_watch_shows_each_state(self, clients: Clients, namespace: str, running: serving.Running) -> None:
        env = {**clients._env}
        watch = subprocess.Popen(
            ["kubectl", "get", "configmaps", "-n", namespace, "-w", "-o", "name", "--watch-only"],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert watch.stdout is not None
            while not running.call(lambda cluster: running.app.hub.count):
                pass
            clients.kubectl("create", "configmap", "-n", namespace, "seen")
            assert watch.stdout.readline() == "configmap/seen\n"
        finally:
            watch.kill()
            watch.wait()

    def test_a_page_at_a_time(self, clients: Clients) -> None:
        whole = clients.kubectl("get", "serviceaccounts", "-n", "kube-system", "-o", "name", "--chunk-size=0")
        assert clients.kubectl("get", "serviceaccounts", "-n", "kube-system", "-o", "name", "--chunk-size=3") == whole


# -- the Python client -----------------------------------------------------------------------------------------------


@pytest.fixture
def api(running: serving.Running) -> Any:
    from kubernetes import client, config

    loaded = config.new_client_from_config(str(running.address.kubeconfig), context="sandbox")
    assert isinstance(loaded, client.ApiClient)
    return loaded


def test_the_python_client_reads_writes_and_watches(api: Any, tmp_path: Path) -> None:
    from kubernetes import client, watch

    core = client.CoreV1Api(api)
    made = core.create_namespaced_config_map("default", {"metadata": {"name": "py"}, "data": {"a": "1"}})
    core.patch_namespaced_config_map("py", "default", {"data": {"b": "2"}})
    core.replace_namespaced_config_map("py", "default", core.read_namespaced_config_map("py", "default"))
    core.delete_namespaced_config_map("py", "default", propagation_policy="Background")
    stream = watch.Watch().stream(
        core.list_namespaced_config_map,
        "default",
        resource_version=made.metadata.resource_version,
        field_selector="metadata.name=py",
        timeout_seconds=1,
    )
    assert [event["type"] for event in stream] == ["MODIFIED", "DELETED"]
    assert core.list_node().items[0].metadata.name == "minikube"
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_pod("nope", "default")
    assert json.loads(refused.value.body)["reason"] == "NotFound"


def test_the_dynamic_client_finds_kinds_by_discovery(api: Any, tmp_path: Path) -> None:
    from kubernetes.dynamic import DynamicClient

    dynamic = DynamicClient(api, cache_file=str(tmp_path / "cache"))
    deployments = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    assert any(item.metadata.name == "coredns" for item in deployments.get(namespace="kube-system").items)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dyn"}, "data": {"a": "1"}}
    maps = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    assert maps.server_side_apply(body, namespace="default", field_manager="me").data.a == "1"
    maps.delete("dyn", namespace="default")
