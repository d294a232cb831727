"""Diagnosis and checks on a real cluster, in namespaces of their own."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_tools.catalog import CATALOG
from mcp_tools.effects import Effect
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.guard.permit import Permit, issue
from mcp_tools.tools import check_connectivity, check_environment, check_health, diagnose  # noqa: F401
from mcp_tools.world import Call, World

from .faults import EXPECTED, container, deployment, scene, service

pytestmark = pytest.mark.cluster
FAULTS = ("healthy", "never", "crash", "secret", "quota", "selector")


def permit() -> Permit:
    return issue(tool="test", effect=Effect.DESTROY, call_id="test")


async def make(items: list[dict[str, Any]]) -> None:
    kube = KubeEngine("minikube")
    for item in items:
        await kube.create(item, permit=permit())


async def remove(namespaces: list[str]) -> None:
    kube = KubeEngine("minikube")
    for name in namespaces:
        await kube.delete("v1", "Namespace", name, permit=permit())


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def call_tool(tool: str, workspace: Path, **arguments: Any) -> Any:
    definition = CATALOG.get(tool)
    args = definition.input_model.model_validate(arguments)
    return asyncio.run(definition.run(args, Call(World(), workspace, "test", tool)))  # type: ignore[arg-type]


def eventually(look: Any, good: Any, seconds: float = 90) -> Any:
    """The first look that is good, or the last one."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if good(found) or time.monotonic() > deadline:
            return found
        time.sleep(3)


@pytest.fixture(scope="module")
def broken() -> Iterator[dict[str, str]]:
    """Fault → its namespace; all are made at once, because some take a while to show."""
    spaces = {fault: f"longshore-check-{fault}-{secrets.token_hex(3)}" for fault in FAULTS}
    items = [item for fault, space in spaces.items() for item in (namespace(space), *scene(fault, space))]
    try:
        asyncio.run(make(items))
        yield spaces
    finally:
        asyncio.run(remove(list(spaces.values())))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_diagnosed(broken: dict[str, str], fault: str, tmp_path: Path) -> None:
    wanted = [EXPECTED[fault]] if EXPECTED[fault] else []
    found = eventually(
        lambda: call_tool("diagnose", tmp_path, namespace=broken[fault]),
        lambda out: [f.code for f in out.findings] == wanted,
    )
    assert [f.code for f in found.findings] == wanted, found.text()
    assert found.healthy is (not wanted)
    assert all(finding.evidence for finding in found.findings)


def test_the_cluster_itself_is_healthy_to_diagnosis(tmp_path: Path) -> None:
    out = call_tool("diagnose", tmp_path, namespace="kube-system")
    assert [f.code for f in out.findings if f.severity.value == "error"] == [], out.text()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Two services, one of which depends on the other, and their longshore.yaml."""
    space, folder = f"longshore-check-pair-{secrets.token_hex(3)}", tmp_path_factory.mktemp("pair")
    document = {
        "apiVersion": "longshore.dev/v1",
        "kind": "Application",
        "metadata": {"name": "pair"},
        "spec": {
            "namespace": space,
            "services": [
                {"name": "web", "context": "web", "port": 80},
                {
                    "name": "front",
                    "context": "front",
                    "port": 80,
                    "dependsOn": ["web"],
                    "secretEnv": {"TOKEN": {"secret": "pair-secrets", "key": "token"}},
                },
            ],
        },
    }
    (folder / "longshore.yaml").write_text(yaml.safe_dump(document))
    try:
        asyncio.run(make(_pair(space)))
        yield folder, space
    finally:
        asyncio.run(remove([space]))


def _pair(space: str) -> list[dict[str, Any]]:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pair-secrets", "namespace": space}}
    ref = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "pair-secrets", "key": "token"}}}
    front = deployment(space, container(name="front", env=[ref]))
    front["metadata"]["name"] = "front"
    for labels in (front["spec"]["selector"]["matchLabels"], front["spec"]["template"]["metadata"]["labels"]):
        labels["app.kubernetes.io/name"] = "front"
    return [
        namespace(space),
        secret | {"stringData": {"token": "first-value-of-the-token"}},
        deployment(space, container(name="web")),
        service(space),
        front,
    ]


def test_a_pair_of_services_from_inside(pair: tuple[Path, str]) -> None:
    folder, space = pair
    health = eventually(lambda: call_tool("check_health", folder, application="."), lambda out: out.ok)
    assert health.ok and {p.measured for p in health.pods} <= {"cgroup", "metrics API"}, health.text()
    edges = call_tool("check_connectivity", folder, application=".").edges
    assert [(e.source, e.to, e.failure, e.status) for e in edges] == [("front", "web", "", 200)]
    environment = call_tool("check_environment", folder, application=".")
    assert environment.ok and [v.name for v in environment.variables if v.matches] == ["TOKEN"]
    asyncio.run(_rotate(space))
    stale = call_tool("check_environment", folder, application=".")
    assert not stale.ok and len(stale.stale) == 1
    assert "value-of-the-token" not in stale.model_dump_json()


async def _rotate(space: str) -> None:
    patch = {"stringData": {"token": "second-value-of-the-token"}}
    await KubeEngine("minikube").patch("v1", "Secret", "pair-secrets", space, patch, permit=permit())
