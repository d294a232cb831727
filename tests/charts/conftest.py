"""Charts rendered by the real helm, without a cluster."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.engines import manifests, process
from mcp_tools.engines.helm import Chart
from mcp_tools.engines.manifests import Manifest

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
SERVICES = ("mcp-server", "todo-backend", "todo-frontend")
ALL = ("postgres", *SERVICES)
MINIKUBE = "values-minikube.yaml"


def helm(*words: str) -> process.Completed:
    """Run helm to its end, whatever its exit code is."""
    program = process.which("helm")
    if program is None:
        pytest.skip("needs helm")
    return asyncio.run(process.run([program, *words], timeout=60, check=False))


def staged(name: str, words: tuple[str, ...], files: tuple[str, ...], values: Mapping[str, Any]) -> process.Completed:
    """Run helm on the chart of that name with its library chart resolved; the chart is the last word."""
    chart = CHARTS / name
    with Chart(chart, ROOT, [chart / file for file in files], dict(values)).stage() as stage:
        for folder in stage.update:
            resolved = helm("dependency", "update", "--skip-refresh", str(folder))
            assert resolved.returncode == 0, resolved.stderr
        return helm(*words, *stage.value_args, str(stage.path))


@functools.cache
def _rendered(name: str, files: tuple[str, ...], values: str, release: str) -> process.Completed:
    return staged(name, ("template", "--namespace", "todo", release), files, json.loads(values))


def template(name: str, *files: str, release: str = "", **values: Any) -> process.Completed:
    """``helm template``; values are given as ``image__tag="x"`` or as whole maps."""
    nested: dict[str, Any] = {}
    for path, value in values.items():
        *parents, last = path.split("__")
        functools.reduce(lambda node, key: node.setdefault(key, {}), parents, nested)[last] = value
    return _rendered(name, files, json.dumps(nested, sort_keys=True), release or name)


def render(name: str, *files: str, release: str = "", **values: Any) -> list[Manifest]:
    """The objects of the chart, hooks included."""
    done = template(name, *files, release=release, **values)
    assert done.returncode == 0, done.stderr
    return manifests.parse(done.stdout)


def one(items: list[Manifest], kind: str) -> Manifest:
    """The only object of that kind."""
    found = [item for item in items if item["kind"] == kind]
    assert len(found) == 1, f"{len(found)} objects of kind {kind}"
    return found[0]


def workload(items: list[Manifest]) -> Manifest:
    """The Deployment or StatefulSet."""
    return next(item for item in items if item["kind"] in ("Deployment", "StatefulSet"))


def container(items: list[Manifest]) -> Manifest:
    """The container of the workload."""
    (found,) = manifests.containers(workload(items))
    return found
