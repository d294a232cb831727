"""The charts of this repository, rendered by the real helm without a cluster."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.engines import manifests, process
from mcp_tools.engines.helm_stage import Stage, Staged
from mcp_tools.engines.manifests import Manifest

ROOT = Path(__file__).resolve().parents[2]


class Charts:
    """Lints and renders; every chart is staged once, every rendering made once."""

    root = ROOT
    folder = ROOT / "charts"
    services = ("mcp-server", "todo-backend", "todo-frontend")
    all = ("postgres", *services)

    def __init__(self, helm: str) -> None:
        self._program = helm
        self._stages: dict[str, tuple[Stage, Staged]] = {}
        self._template = functools.cache(self._render_once)

    def helm(self, *words: str) -> process.Completed:
        """Run helm to its end, whatever its exit code is."""
        return asyncio.run(process.run([self._program, *words], timeout=60, check=False))

    def staged(self, name: str) -> Path:
        """A private copy of the chart, its library chart in it."""
        if name not in self._stages:
            stage = Stage(self.folder / name, ROOT)
            self._stages[name] = stage, stage.__enter__()
            for folder in self._stages[name][1].update:
                done = self.helm("dependency", "update", "--skip-refresh", str(folder))
                assert done.returncode == 0, done.stderr
        return self._stages[name][1].path

    def close(self) -> None:
        """Remove the copies."""
        for stage, _ in self._stages.values():
            stage.__exit__(None, None, None)

    def lint(self, name: str, *files: str) -> process.Completed:
        """``helm lint --strict`` with values files of the chart."""
        return self.helm("lint", "--strict", *self._values(name, files), str(self.staged(name)))

    def _values(self, name: str, files: tuple[str, ...]) -> list[str]:
        return [word for file in files for word in ("--values", str(self.folder / name / file))]

    def template(self, name: str, *files: str, release: str = "", **values: Any) -> process.Completed:
        """``helm template``; values as ``image__tag="x"`` or as whole maps, merged over the files."""
        nested: dict[str, Any] = {}
        for path, value in values.items():
            *parents, last = path.split("__")
            functools.reduce(lambda node, key: node.setdefault(key, {}), parents, nested)[last] = value
        return self._template(name, files, release or name, json.dumps(nested))

    def _render_once(self, name: str, files: tuple[str, ...], release: str, values: str) -> process.Completed:
        given = [f"{key}={json.dumps(value)}" for key, value in json.loads(values).items()]
        chosen = [word for value in given for word in ("--set-json", value)]
        words = ["template", "--namespace", "todo", *self._values(name, files), *chosen, release]
        return self.helm(*words, str(self.staged(name)))

    def render(self, name: str, *files: str, release: str = "", **values: Any) -> list[Manifest]:
        """The objects of the chart, hooks included."""
        done = self.template(name, *files, release=release, **values)
        assert done.returncode == 0, done.stderr
        return manifests.parse(done.stdout)

    def refusal(self, name: str, **values: Any) -> str:
        """What helm says to values that it does not take."""
        done = self.template(name, **values)
        assert done.returncode != 0, "helm took the values"
        return done.stderr

    @staticmethod
    def one(items: list[Manifest], kind: str) -> Manifest:
        """The only object of that kind."""
        found = [item for item in items if item["kind"] == kind]
        assert len(found) == 1, f"{len(found)} objects of kind {kind}"
        return found[0]

    @staticmethod
    def workload(items: list[Manifest]) -> Manifest:
        """The Deployment or StatefulSet."""
        return next(item for item in items if item["kind"] in ("Deployment", "StatefulSet"))

    def pod(self, items: list[Manifest]) -> Manifest:
        """The pod spec of the workload."""
        return self.workload(items)["spec"]["template"]["spec"]

    def container(self, items: list[Manifest]) -> Manifest:
        """The container of the workload."""
        (found,) = self.pod(items)["containers"]
        return found


@pytest.fixture(scope="session")
def charts() -> Iterator[Charts]:
    """The charts, when helm is there."""
    helm = process.which("helm")
    if helm is None:
        pytest.skip("needs helm")
    made = Charts(helm)
    yield made
    made.close()
