"""The chart of the tool server: what it renders and refuses, and, in the sandbox, what its account may do."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from mcp import Client, StdioServerParameters

from agent.install import manifest
from mcp_tools.diagnosis import sweep
from mcp_tools.engines import kube_kinds, policy, validation
from mcp_tools.targets.sandbox import serving
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster
from mcp_tools.targets.sandbox.node.images import Image
from tests.targets.sandbox.asking import ROOT, Clients, needs_helm, needs_kubectl

CHART = "longshore"
ALL: dict[str, Any] = {
    "rbac": {"read": {"namespaces": []}, "secrets": ["shop"], "write": ["shop", "shop-test"]},
    "kagent": {"enabled": True},
    "persistence": {"enabled": True, "storageClass": "fast"},
    "server": {"allowedHosts": ["mcp.example:8765"], "config": {"LONGSHORE_CONTEXT7_URL": "http://context7/mcp"}},
    "imagePullSecrets": [{"name": "pull"}],
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "podLabels": {"team": "ops"},
    "podAnnotations": {"a/b": "c"},
}
WRITES = {"create", "update", "patch", "delete", "deletecollection", "*"}


def rules(items: list[Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Kind, namespace and rule of every role."""
    found = [item for item in items if item["kind"] in ("Role", "ClusterRole")]
    return [(i["kind"], i["metadata"].get("namespace", ""), rule) for i in found for rule in i["rules"]]


@pytest.mark.parametrize("values", [{}, ALL], ids=["defaults", "everything"])
def test_it_is_valid_and_nobody_objects(charts: Any, values: dict[str, Any]) -> None:
    lint = charts.lint(CHART)
    assert lint.returncode == 0 and "WARNING" not in lint.stdout and "ERROR" not in lint.stdout, lint.stdout
    items = charts.render(CHART, **values)
    known = [item for item in items if item["kind"] != "RemoteMCPServer"]
    assert [problem for item in known for problem in validation.problems(item)] == []
    assert policy.check(known) == []


def test_the_pod_has_no_power_and_the_token_comes_from_a_secret(charts: Any) -> None:
    items = charts.render(CHART)
    box = charts.container(items)
    assert box["securityContext"]["readOnlyRootFilesystem"] is True
    assert box["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert charts.pod(items)["securityContext"]["runAsNonRoot"] is True
    token = next(entry for entry in box["env"] if entry["name"] == "LONGSHORE_MCP_TOKEN")
    assert token["valueFrom"]["secretKeyRef"] == {"name": "longshore-mcp", "key": "token"}
    assert not [item for item in items if item["kind"] == "Secret"]
    assert {probe: box[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe", "startupProbe")} == {
        "livenessProbe": "/healthz",
        "readinessProbe": "/healthz",
        "startupProbe": "/healthz",
    }


def test_by_default_it_only_looks(charts: Any) -> None:
    items = charts.render(CHART)
    assert "--read-only" in charts.container(items)["args"]
    for _, _, rule in rules(items):
        assert not WRITES & set(rule["verbs"]), rule
        assert not {"secrets", "pods/exec", "services/proxy", "*"} & set(rule["resources"]), rule


def test_writing_is_of_the_named_namespaces_alone(charts: Any) -> None:
    items = charts.render(CHART, rbac=ALL["rbac"])
    assert "--read-only" not in charts.container(items)["args"]
    for kind, namespace, rule in rules(items):
        if WRITES & set(rule["verbs"]):
            leases = rule["resources"] == ["leases"] and namespace == "kube-system"
            assert kind == "Role" and (leases or namespace in ("shop", "shop-test")), rule
        assert not {"roles", "clusterroles", "resourcequotas", "namespaces", "nodes"} & set(rule["resources"]) or not (
            WRITES & set(rule["verbs"])
        )
        if "secrets" in rule["resources"]:
            assert kind == "Role" and namespace in ("shop", "shop-test")
    assert not [item for item in items if item["kind"] == "ClusterRoleBinding" and "write" in item["metadata"]["name"]]


def test_looking_can_be_narrowed_to_namespaces(charts: Any) -> None:
    found = rules(charts.render(CHART, rbac={"read": {"namespaces": ["shop"]}}))
    assert [rule for kind, _, rule in found if kind == "ClusterRole"] == [
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"]}
    ]
    assert {namespace for kind, namespace, _ in found if kind == "Role"} == {"shop"}


def test_it_may_look_at_everything_that_diagnosis_looks_at(charts: Any) -> None:
    allowed = {
        (group, resource)
        for _, _, rule in rules(charts.render(CHART))
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    for api, kind in (*sweep.KINDS, *sweep.CLUSTER_KINDS):
        plural = next(known.plural for known in kube_kinds.KNOWN if (known.api, known.kind) == (api, kind))
        assert (api.rpartition("/")[0], plural) in allowed, kind


def test_every_name_of_the_service_is_an_allowed_host(charts: Any) -> None:
    args = charts.container(charts.render(CHART, server=ALL["server"]))["args"]
    hosts = [args[i + 1] for i, word in enumerate(args) if word == "--allowed-host"]
    names = ["longshore", "longshore.todo", "longshore.todo.svc", "longshore.todo.svc.cluster.local"]
    assert hosts == [*(f"{name}:8765" for name in names), "mcp.example:8765"]


def test_the_remote_server_of_kagent_is_that_of_the_installer(charts: Any) -> None:
    made = charts.one(charts.render(CHART, kagent={"enabled": True}), "RemoteMCPServer")
    own = yaml.safe_load(manifest.remote_server("http://longshore.todo.svc.cluster.local:8765/mcp", "kagent"))
    selector = made["spec"].pop("allowedNamespaces")["selector"]["matchExpressions"][0]
    assert selector == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["kagent"]}
    assert (made["apiVersion"], made["kind"], made["spec"]) == (own["apiVersion"], own["kind"], own["spec"])


@pytest.mark.parametrize(
    "values",
    [
        {"existingSecret": ""},
        {"rbac": {"write": ["Shop"]}},
        {"rbac": {"write": "shop"}},
        {"server": {"toolsets": "kubectl; rm"}},
        {"server": {"config": {"LONGSHORE_MCP_TOKEN": "x"}}},
        {"server": {"config": {"PATH": "/x"}}},
        {"server": {"allowedHosts": ["*"]}},
        {"security": {"runAsUser": 0}},
        {"service": {"port": 0}},
        {"replicaCount": 2},
    ],
    ids=str,
)
def test_what_is_wrong_is_refused(charts: Any, values: dict[str, Any]) -> None:
    assert "values don't meet the specifications" in charts.refusal(CHART, **values)


def test_its_version_is_the_product_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    about = yaml.safe_load((ROOT / "charts" / CHART / "Chart.yaml").read_text())
    values = yaml.safe_load((ROOT / "charts" / CHART / "values.yaml").read_text())
    assert (about["appVersion"], values["image"]["tag"]) == (project, project)


# -- in the sandbox ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clients, Clients]]:
    """The chart, installed by the real helm: the administrator's clients, and those of the server's account."""
    cluster = Cluster.fresh(clock=Clock(real=True, speed=50))
    entry = ("python", "-P", "-m", "mcp_tools")
    image = {"size": 300 << 20, "user": "10001:10001", "command": entry}
    cluster.images.add(Image(id="sha256:" + "b" * 64, tags=("longshore:0.1.0",), **image))
    home = tmp_path_factory.mktemp("home")
    with serving.running(cluster) as running:
        clients = Clients(running.address.kubeconfig, home)
        for namespace in ("longshore", "shop", "other"):
            clients.kubectl("create", "namespace", namespace)
        token = "--from-literal=token=0123456789abcdef0123456789abcdef"
        clients.kubectl("create", "secret", "generic", "-n", "longshore", "longshore-mcp", token)
        for namespace in ("shop", "other"):
            clients.kubectl("create", "deployment", "-n", namespace, "web", "--image=longshore:0.1.0")
        values = json.dumps(["shop"])
        words = ("--set-json", f"rbac.write={values}", "--timeout", "30s")
        clients.helm("install", "longshore", str(ROOT / "charts" / CHART), "-n", "longshore", *words)
        config = yaml.safe_load(Path(running.address.kubeconfig).read_text())
        made = copy.deepcopy(config)
        bearer = clients.kubectl("create", "token", "-n", "longshore", "longshore").strip()
        made["users"][0]["user"] = {"token": bearer}
        file = home / "account.yaml"
        file.write_text(yaml.safe_dump(made))
        yield clients, Clients(file, home)


@needs_helm
@needs_kubectl
def test_helm_installs_it(installed: tuple[Clients, Clients]) -> None:
    admin, _ = installed
    assert json.loads(admin.helm("list", "-n", "longshore", "-o", "json"))[0]["status"] == "deployed"
    assert admin.kubectl("get", "-n", "shop", "role,rolebinding", "-o", "name").split() == [
        "role.rbac.authorization.k8s.io/longshore-longshore-write",
        "rolebinding.rbac.authorization.k8s.io/longshore-longshore-write",
    ]


@needs_helm
@needs_kubectl
@pytest.mark.parametrize(
    ("words", "may"),
    [
        (("get", "pods", "-A"), True),
        (
            (
                "get",
                "nodes",
            ),
            True,
        ),
        (("get", "namespace", "kube-system"), True),
        (("get", "events", "-n", "other"), True),
        (("get", "secrets", "-n", "shop"), True),
        (("get", "secrets", "-n", "other"), False),
        (("get", "secrets", "-A"), False),
        (("get", "secrets", "-n", "longshore"), False),
        (("scale", "deployment/web", "-n", "shop", "--replicas=2"), True),
        (("scale", "deployment/web", "-n", "other", "--replicas=2"), False),
        (("create", "configmap", "a", "-n", "shop"), True),
        (("create", "configmap", "a", "-n", "other"), False),
        (("delete", "deployment", "web", "-n", "other"), False),
        (("create", "role", "a", "-n", "shop", "--verb=get", "--resource=pods"), False),
        (("create", "namespace", "mine"), False),
        (("delete", "namespace", "shop"), False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_the_account_may_do_that_and_no_more(
    installed: tuple[Clients, Clients], words: tuple[str, ...], may: bool
) -> None:
    _, account = installed
    done = account.run("kubectl", *words, check=False)
    assert (done.returncode == 0) is may, done.stderr
    assert may or "forbidden" in done.stderr.lower()


@needs_helm
@needs_kubectl
def test_the_tools_work_with_that_account(installed: tuple[Clients, Clients], tmp_path: Path) -> None:
    """What cannot be read is said; the rest is found."""
    _, account = installed
    context = yaml.safe_load(Path(account.kubeconfig).read_text())["current-context"]
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    env = kept | {"KUBECONFIG": str(account.kubeconfig)}
    words = ["-P", "-m", "mcp_tools", "serve", "--target", f"context:{context}", "--workspace", str(tmp_path)]
    served = StdioServerParameters(
        command=sys.executable, args=[*words, "--toolsets", "diagnostics,kubectl", "--read-only"], env=env
    )

    async def ask() -> tuple[Any, Any]:
        async with Client(served) as client:
            listed = await client.list_tools()
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed.tools)
            found = await client.call_tool("diagnose", {"namespace": "other"})
            pods = await client.call_tool("kubectl_get", {"kind": "pods", "namespace": "other"})
            return found, pods

    found, pods = asyncio.run(ask())
    assert not found.is_error and not pods.is_error, (found.content, pods.content)
    assert "web-" in str(pods.structured_content)
