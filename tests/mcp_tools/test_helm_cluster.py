"""Helm against a real cluster: every test has a namespace of its own (h5-…) and removes it."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mcp_tools.catalog import CATALOG, Effect, Observation
from mcp_tools.engines.helm import HelmEngine
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import Conflict, LongshoreError, NotFound
from mcp_tools.guard.permit import Permit, issue
from mcp_tools.tools import helm, helm_install, helm_rollback, helm_uninstall  # noqa: F401 (registers the tools)

IMAGE = "python:3.13-slim"
SERVE = "import http.server as h; h.HTTPServer(('', 8000), h.SimpleHTTPRequestHandler).serve_forever()"


def _cluster() -> str:
    async def ask() -> str:
        return await KubeEngine().server_version()

    try:
        return asyncio.run(ask())
    except LongshoreError as error:
        return f"no: {error}"


@pytest.fixture(scope="session")
def cluster() -> None:
    answer = _cluster()
    if answer.startswith("no: "):
        pytest.skip(f"needs a running cluster: {answer[4:]}")


pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("cluster")]


@dataclass
class FakeCall:
    """What the guard gives a tool."""

    world: Any
    workspace: Path
    permit: Permit | None = None
    observation: Observation | None = None
    target: str = "context:test"
    run_id: str | None = None
    lines: list[str] = field(default_factory=list)

    def path(self, text: str) -> Path:
        return (self.workspace / text).resolve()

    async def progress(self, done: float, total: float | None, message: str) -> None:
        self.lines.append(message)


@dataclass
class Stage:
    """A namespace, a workspace with a chart, and a way to call tools as the guard would."""

    namespace: str
    workspace: Path
    world: Any
    asked: list[Observation] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    async def call(self, tool: str, **arguments: Any) -> Any:
        definition = CATALOG.get(tool)
        args = definition.input_model.model_validate({"namespace": self.namespace, **arguments})
        call: Any = FakeCall(self.world, self.workspace)
        if definition.observe is not None:
            call.observation = await definition.observe(args, call)
            self.asked.append(call.observation)
            call.permit = issue(tool=tool, effect=call.observation.effect, call_id="test")
        result = await definition.run(args, call)
        self.lines = call.lines
        return result

    async def deploy(self, **values: Any) -> Any:
        wait = values.pop("wait_seconds", 60)
        tool = values.pop("tool", "helm_upgrade")
        return await self.call(tool, release="web", chart="charts/web", values=values, wait_seconds=wait)


def write_charts(root: Path) -> None:
    """A chart with a file:// dependency on a library chart, and a hook test."""
    common, web = root / "charts" / "common", root / "charts" / "web"
    for folder in (common / "templates", web / "templates"):
        folder.mkdir(parents=True)
    (common / "Chart.yaml").write_text("apiVersion: v2\nname: common\nversion: 0.1.0\ntype: library\n")
    (common / "templates" / "_labels.tpl").write_text(
        '{{- define "common.labels" -}}\napp.kubernetes.io/name: web\n'
        "app.kubernetes.io/instance: {{ .Release.Name }}\n{{- end }}\n"
    )
    (web / "Chart.yaml").write_text(
        "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n"
        "  - name: common\n    version: 0.1.0\n    repository: file://../common\n"
    )
    (web / "values.yaml").write_text(
        f'image: {IMAGE}\nargs: [python3, -c, "{SERVE}"]\nreplicas: 1\nreadiness: /\nmemory: 64Mi\n'
    )
    (web / "templates" / "all.yaml").write_text(CHART)


CHART = textwrap.dedent("""\
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: {{ .Release.Name }}
      labels: {{- include "common.labels" . | nindent 4 }}
    spec:
      replicas: {{ .Values.replicas }}
      selector:
        matchLabels: {{- include "common.labels" . | nindent 6 }}
      template:
        metadata:
          labels: {{- include "common.labels" . | nindent 8 }}
          annotations: {note: {{ .Values.note | default "one" | quote }}}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
            - name: main
              image: {{ .Values.image }}
              imagePullPolicy: IfNotPresent
              command: {{ .Values.args | toJson }}
              resources:
                requests: {cpu: {{ .Values.cpu | default "10m" | quote }}, memory: 16Mi}
                limits: {memory: {{ .Values.memory }}}
              {{- if .Values.missing }}
              env: [{name: A, valueFrom: {secretKeyRef: {name: nowhere, key: a}}}]
              {{- end }}
              readinessProbe: {httpGet: {path: {{ .Values.readiness }}, port: 8000}, periodSeconds: 1}
    ---
    apiVersion: v1
    kind: Secret
    metadata:
      name: {{ .Release.Name }}
      labels: {{- include "common.labels" . | nindent 4 }}
    stringData: {password: {{ .Values.password | default "canary-one" | quote }}}
    {{- range $i := until (int (.Values.hold | default 0)) }}
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: {{ $.Release.Name }}-{{ $i }}
      labels: {{- include "common.labels" $ | nindent 4 }}
    data: {a: "1"}
    {{- end }}
    {{- if .Values.slow }}
    ---
    apiVersion: batch/v1
    kind: Job
    metadata:
      name: {{ .Release.Name }}-slow
      annotations:
        helm.sh/hook: pre-upgrade,post-install
        helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 0
          containers: [{name: c, image: {{ .Values.image }}, command: [sleep, "{{ .Values.slow }}"]}]
    {{- end }}
""")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    write_charts(tmp_path)
    kube = KubeEngine()
    world = SimpleNamespace(kube=kube, helm=HelmEngine(kube), target="context:test", minikube=None, simulated=False)
    namespace = f"h5-{secrets.token_hex(3)}"
    yield Stage(namespace, tmp_path, world)
    permit = issue(tool="test", effect=Effect.DESTROY, call_id="clean-up")
    asyncio.run(KubeEngine().delete("v1", "Namespace", namespace, permit=permit))


def run(work: Coroutine[Any, Any, None] | Awaitable[None]) -> None:
    asyncio.run(work)  # type: ignore[arg-type]


def test_install_then_nothing_then_upgrade_then_back(stage: Stage) -> None:
    async def story() -> None:
        first = await stage.deploy(tool="helm_install")
        assert (first.revision, first.ready, first.changed) == (1, True, True), first.text()
        assert stage.asked[-1].effect is Effect.CREATE
        assert any("1 of 1" in line or "ready" in line for line in stage.lines)

        again = await stage.deploy(tool="helm_install")
        assert (again.revision, again.ready, again.changed) == (1, True, False)
        assert stage.asked[-1].done and stage.asked[-1].effect is Effect.READ

        with pytest.raises(Conflict, match="helm_upgrade"):
            await stage.deploy(tool="helm_install", note="two")

        second = await stage.deploy(note="two", password="canary-two")
        assert (second.revision, second.ready, second.changed) == (2, True, True), second.text()
        asked = stage.asked[-1]
        assert asked.effect is Effect.CHANGE
        assert sorted(asked.preview.changed) == ["Deployment/web", "Secret/web"]
        assert "+        note: two" in asked.preview.diff
        assert "canary" not in asked.model_dump_json()
        assert "other value" in asked.preview.diff

        impact = await stage.call("helm_rollback_impact", release="web")
        assert (impact.from_revision, impact.to_revision) == (2, 1)
        assert [(i.image, i.on_node) for i in impact.images] == [(IMAGE, True)]
        back = await stage.call("helm_rollback", release="web", reason="two is\nworse", wait_seconds=60)
        assert (back.revision, back.ready, back.to_revision) == (3, True, 1), back.text()
        log = await stage.world.kube.get("v1", "ConfigMap", "longshore-deployment-log", stage.namespace)
        assert log["data"]["log"].strip().endswith("revision 2 -> 1 (now 3, ready) reason: two is worse")
        history = await stage.call("helm_history", release="web")
        assert [r.revision for r in history.revisions] == [1, 2, 3]
        listed = await stage.call("helm_list")
        assert [(r.name, r.revision, r.status) for r in listed.releases] == [("web", 3, "deployed")]

        image = "*=python:by-hand"
        beside = ["kubectl", "--context", "minikube", "-n", stage.namespace, "set", "image", "deployment/web", image]
        subprocess.run(beside, check=True, capture_output=True)
        restored = await stage.call("helm_rollback", release="web", revision=3, wait_seconds=60)
        asked = stage.asked[-1]
        assert (asked.effect, asked.preview.changed) == (Effect.CHANGE, ["Deployment/web"])
        assert (
            "others have changed it" in asked.preview.summary and "-        image: python:by-hand" in asked.preview.diff
        )
        assert (restored.revision, restored.ready) == (4, True), restored.text()
        as_it_was = await stage.call("helm_rollback", release="web", revision=4, wait_seconds=60)
        assert stage.asked[-1].done and (as_it_was.revision, as_it_was.changed) == (4, False)

        gone = await stage.call("helm_uninstall", release="web")
        assert (gone.changed, gone.remaining) == (True, []), gone.text()
        assert stage.asked[-1].effect is Effect.DESTROY
        once_more = await stage.call("helm_uninstall", release="web")
        assert (once_more.changed, once_more.remaining) == (False, [])
        with pytest.raises(NotFound):
            await stage.call("helm_status", release="web")

    run(story())


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"image": "python:no-such-tag"}, "image-wrong-tag", "3.13-slim"),
        ({"image": "h5-nowhere:1"}, "image-not-on-node", "h5-nowhere:1"),
        ({"args": ["python3", "-c", "print('no JWT_SECRET'); raise SystemExit(3)"]}, "crash-loop", "exit code 3"),
        ({"missing": True}, "config-error", "nowhere"),
        ({"cpu": "500"}, "unschedulable", "Insufficient cpu"),
        ({"readiness": "/nope", "wait_seconds": 12}, "readiness-probe-failing", "404"),
    ],
)
def test_what_cannot_come_up_ends_early_with_its_cause(
    stage: Stage, values: dict[str, Any], code: str, words: str
) -> None:
    async def story() -> None:
        started = time.monotonic()
        result = await stage.deploy(**{"wait_seconds": 120, **values})
        assert not result.ready
        assert result.cause is not None
        assert result.cause.code == code, result.text()
        assert words in result.text()
        assert time.monotonic() - started < 60

    run(story())


def test_a_quota_that_refuses_pods_is_named(stage: Stage) -> None:
    async def story() -> None:
        permit = issue(tool="test", effect=Effect.CREATE, call_id="x")
        meta: dict[str, Any] = {"name": stage.namespace}
        await stage.world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta}, permit=permit)
        quota = {"name": "none", "namespace": stage.namespace}
        body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": quota, "spec": {"hard": {"pods": "0"}}}
        await stage.world.kube.create(body, permit=permit)
        result = await stage.deploy(wait_seconds=60)
        assert result.cause is not None
        assert result.cause.code == "quota", result.text()

    run(story())


KILLED = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import test_helm_cluster as t
from types import SimpleNamespace
kube = t.KubeEngine()
world = SimpleNamespace(kube=kube, helm=t.HelmEngine(kube), target="x", minikube=None, simulated=False)
stage = t.Stage(sys.argv[1], Path(sys.argv[2]), world)
asyncio.run(stage.deploy(note=sys.argv[4], slow=40))
"""


def _children(pid: int) -> list[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


def _killed_in_the_middle(stage: Stage, note: str, pending: str) -> None:
    """Start a deployment in another process and kill -9 it and its helm once the release is pending."""
    argv = [sys.executable, "-c", KILLED, stage.namespace, str(stage.workspace), str(Path(__file__).parent), note]
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})

    async def until_pending() -> None:
        for _ in range(150):
            history = await stage.world.helm.history("web", stage.namespace)
            if history and history[-1].status == pending:
                return
            await asyncio.sleep(0.2)
        raise AssertionError("the deployment never became pending")

    try:
        run(until_pending())
    finally:
        for pid in [process.pid, *_children(process.pid)]:
            os.kill(pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("first", [True, False], ids=["install", "upgrade"])
def test_kill_9_in_the_middle_of_helm_is_recovered_from(stage: Stage, first: bool) -> None:
    async def before() -> None:
        assert (await stage.deploy()).revision == 1

    async def after() -> None:
        stage.world = SimpleNamespace(kube=KubeEngine(), target="x", minikube=None, simulated=False)
        stage.world.helm = HelmEngine(stage.world.kube)
        status = await stage.call("helm_status", release="web")
        assert status.status.startswith("pending-")
        done = await stage.deploy(note="two", slow=1)
        assert "interrupted" in stage.asked[-1].preview.summary
        assert (done.ready, done.status, done.revision) == (True, "deployed", 1 if first else 2), done.text()
        again = await stage.deploy(note="two", slow=1)
        assert (again.changed, again.revision) == (False, done.revision)

    if not first:
        run(before())
        stage.world = SimpleNamespace(kube=KubeEngine(), target="x", minikube=None, simulated=False)
        stage.world.helm = HelmEngine(stage.world.kube)
    _killed_in_the_middle(stage, "two", "pending-install" if first else "pending-upgrade")
    run(after())


def test_a_chart_that_does_not_render_changes_nothing(stage: Stage) -> None:
    async def story() -> None:
        (stage.workspace / "charts/web/templates/bad.yaml").write_text('{{ fail "no database" }}')
        with pytest.raises(LongshoreError, match="no database"):
            await stage.deploy()
        assert await stage.world.helm.history("web", stage.namespace) == []

    run(story())
