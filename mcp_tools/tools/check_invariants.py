"""How each invariant of the constitution is checked, on rendered charts or on what runs."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mcp_tools import application
from mcp_tools.application import Application, Database, Service
from mcp_tools.diagnosis.fixes import release_of
from mcp_tools.diagnosis.rules_common import wanted, workloads
from mcp_tools.diagnosis.snapshot import ref_of
from mcp_tools.engines import manifests, policy, process
from mcp_tools.engines.helm import Chart
from mcp_tools.engines.manifests import Manifest
from mcp_tools.errors import LongshoreError, ToolFailed
from mcp_tools.tools import check_exposure
from mcp_tools.tools.check_common import Scene
from mcp_tools.tools.check_persistence import claims_of_database
from mcp_tools.world import Call

SIGNING = frozenset({"JWT_SECRET", "BETTER_AUTH_SECRET"})
PRIVILEGE = frozenset({"privileged", "host-path", "host-namespace", "capabilities", "runs-as-root", "may-run-as-root"})
LONG_RUNNING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


@dataclass
class Verdict:
    """What breaks an invariant (nothing: it holds), and the facts that show it."""

    broken: list[str]
    facts: list[str] = field(default_factory=list)
    skipped: bool = False
    unknown: str = ""
    """What a simulation cannot know of it."""


@dataclass
class View:
    """What is looked at: the application, its objects (rendered before, running afterwards), and the cluster if any."""

    call: Call
    app: Application
    objects: list[Manifest]
    unrendered: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    """Services whose chart is not there yet: it is generated in stage 3."""
    scene: Scene | None = None

    @classmethod
    async def look(cls, call: Call, path: str, phase: str) -> View:
        """Render the charts (before), or look at the cluster."""
        if phase != "before":
            scene = await Scene.look(call, path)
            config = await scene.kube.list("v1", "ConfigMap", scene.namespace)
            running = [*workloads(scene.seen), *(c for c in config if ref_of(c).name != "kube-root-ca.crt")]
            return cls(call, scene.app, running, scene=scene)
        view = cls(call, application.load(call.path(path)), [])
        for part in view.parts():
            await view._render(part)
        return view

    def parts(self) -> list[Service | Database]:
        """What has a chart."""
        database = self.app.spec.database
        return [*([database] if database else []), *self.app.spec.services]

    async def _render(self, part: Service | Database) -> None:
        values = part.chart.set if part.chart else {}
        try:
            chart = self.app.chart_of(part)
            if not self.call.path(str(chart)).is_dir():
                self.later.append(part.name)
                return
            files = [self.call.path(str(file)) for file in self.app.values_of(part)]
            staged = Chart(self.call.path(str(chart)), self.call.workspace, files, values)
            render = await self.call.world.helm.render(part.name, staged, self.app.spec.namespace, offline=True)
        except LongshoreError as error:
            self.unrendered.append(f"the chart of {part.name}: {error.line()}")
            return
        self.objects += render.objects

    def workloads(self) -> list[Manifest]:
        """Deployments and their like.

        Raises:
            ToolFailed: a chart could not be rendered, so that nothing can be said.
        """
        if self.unrendered:
            raise ToolFailed("not every chart renders", "; ".join(self.unrendered), "helm_lint")
        found = [item for item in self.objects if item.get("kind") in LONG_RUNNING]
        if not found and not self.later:
            raise ToolFailed("there is no workload to look at", f"in {self.app.spec.namespace}", "deploy first")
        return found


def named(items: Iterable[Manifest]) -> str:
    """Kind/name of each."""
    return ", ".join(f"{item['kind']}/{item['metadata']['name']}" for item in items) or "no workload yet"


async def local_only(view: View) -> Verdict:
    """The target is Minikube, or an API server at a loopback or private address."""
    world = view.call.world
    if world.simulated:
        return Verdict([], ["the target is the sandbox (simulated), on this machine's loopback"])
    if world.is_minikube:
        return Verdict([], [f"the target is the Minikube profile {world.profile}"])
    settings, _ = world.kube.http.connect()
    host = urlsplit(str(settings.host)).hostname or ""
    if host == "localhost":
        return Verdict([], ["the API server is localhost"])
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return Verdict([f"the API server of {world.target} is {host}, which is no local address"])
    local = address.is_loopback or address.is_private
    return Verdict([] if local else [f"the API server {host} has a public address"], [f"the API server is at {host}"])


async def helm_only(view: View) -> Verdict:
    """Every workload carries Helm's release annotation."""
    alone = [w for w in view.workloads() if not release_of(w)]
    return Verdict([f"{named([w])} belongs to no release" for w in alone], [named(view.workloads())])


async def versioned_charts(view: View) -> Verdict:
    """None of a chart's own files is ignored by Git; a chart that is in no work tree is said to be, and not refused."""
    git = process.which("git")
    if git is None:
        return Verdict([], ["git is not installed: whether the charts are versioned is not known"])
    broken, facts = [], []
    for part in view.parts():
        folder = view.call.path(str(view.app.chart_of(part)))
        if part.name in view.later:
            facts.append(f"chart {folder.name} is not there yet: stage 3 generates it")
            continue
        if not await _in_work_tree(git, folder):
            facts.append(f"chart {folder.name} is in no Git work tree: commit it to keep its history")
            continue
        ignored = await _ignored(git, folder)
        broken += [f"chart {folder.name}: Git ignores {', '.join(ignored[:3])}"] if ignored else []
        facts += [] if ignored else [f"chart {folder.name} is in a Git work tree"]
    return Verdict(broken, facts)


def _plain(git: str) -> list[str]:
    """Git that starts no program that the settings of the repository name."""
    return [git, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]


async def _in_work_tree(git: str, folder: Path) -> bool:
    done = await process.run([*_plain(git), "rev-parse", "--is-inside-work-tree"], timeout=20, cwd=folder, check=False)
    return done.stdout.strip() == "true"


async def _ignored(git: str, folder: Path) -> list[str]:
    words = [
        *_plain(git),
        "ls-files",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--",
        "Chart.yaml",
        "templates",
        "*.yaml",
    ]
    done = await process.run(words, timeout=20, cwd=folder, check=False)
    return [line for line in done.stdout.splitlines() if not line.startswith("charts/")]


async def secrets_in_secrets(view: View) -> Verdict:
    """No ConfigMap, no env of longshore.yaml and no chart value looks like a secret; in the cluster none is one."""
    broken = [f"{f.object}: {f.message}" for f in policy.check(view.objects) if f.code == "plain-secret"]
    for service in view.app.spec.services:
        broken += [
            f"longshore.yaml: {service.name} env {n}" for n, v in service.env.items() if manifests.looks_secret(n, v)
        ]
    for part in view.parts():
        broken += [f"{part.name}: {place}" for place in _secret_values(view, part)]
    facts = [f"{len(view.objects)} objects and the values of {len(view.parts())} charts looked at", *view.unrendered]
    if view.scene is not None:
        exposed = await check_exposure.find(view.scene.kube, view.scene.seen, view.scene.namespace)
        broken += [e.said for e in exposed]
        facts.append("the values of all Secrets were looked for in ConfigMaps, specs, release values and logs")
    return Verdict(broken, facts)


def _secret_values(view: View, part: Service | Database) -> list[str]:
    """Values of a chart that look like a secret: in ``config``, in ``secret.values``, or a URL with a password."""
    import yaml

    found = []
    folder = view.app.chart_of(part)
    for file in dict.fromkeys([folder / "values.yaml", *view.app.values_of(part)]):
        if not file.is_file():
            continue
        try:
            data: Any = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except (yaml.YAMLError, UnicodeDecodeError):
            found.append(f"{file.name} is not YAML")
            continue
        found += [f"{file.name} {path}" for path in secret_places(data)]
    found += [f"longshore.yaml chart.set {path}" for path in secret_places(part.chart.set if part.chart else {})]
    return found


def secret_places(values: Mapping[str, Any]) -> list[str]:
    """The paths of chart values that hold a secret."""
    config = values.get("config") if isinstance(values.get("config"), Mapping) else {}
    found = [f"config.{n}" for n, v in (config or {}).items() if manifests.looks_secret(str(n), v)]
    kept = (values.get("secret") or {}).get("values") if isinstance(values.get("secret"), Mapping) else None
    found += [f"secret.values.{name}" for name in kept or {}]
    for path, text in check_exposure.strings(dict(values)):
        if "://" in text and manifests.looks_secret("", text):
            found.append(path)
    return sorted(set(found))


async def signing_secrets(view: View) -> Verdict:
    """The signing keys are mapped with secretEnv, and with secretKeyRef in pods."""
    broken: list[str] = []
    facts: list[str] = []
    auth = view.app.spec.checks.auth
    for service in view.app.spec.services:
        names = {n for n, r in service.secret_env.items() if auth and r.key == auth.secret.key}
        names |= SIGNING & {*service.env, *service.secret_env}
        broken += [f"longshore.yaml: {service.name} has {n} in env" for n in sorted(names & set(service.env))]
        for item in [w for w in view.workloads() if w["metadata"]["name"] == service.name]:
            for name in sorted(names):
                source = _source(item, name)
                (facts if source.startswith("Secret") else broken).append(f"{named([item])} {name}: {source}")
    if not facts and not broken:
        return Verdict([], ["no service uses a signing key"], skipped=True)
    return Verdict(broken, facts)


def _source(item: Manifest, name: str) -> str:
    for container in manifests.containers(item):
        for entry in container.get("env") or []:
            if entry.get("name") == name:
                ref = (entry.get("valueFrom") or {}).get("secretKeyRef")
                return f"Secret {ref['name']} key {ref['key']}" if ref else "a plain value"
        for source in container.get("envFrom") or []:
            if source.get("secretRef"):
                return f"Secret {source['secretRef'].get('name')} (envFrom)"
    return "not set by a secretKeyRef"


async def auth_required(view: View) -> Verdict:
    """401 without a token."""
    auth = view.app.spec.checks.auth
    if auth is None or view.scene is None:
        return Verdict([], ["longshore.yaml has no checks.auth"], skipped=True)
    if view.call.world.simulated:
        unknown = f"whether {auth.protected.service}{auth.protected.path} refuses a request without a token"
        return Verdict([], [f"simulated: {unknown}"], skipped=True, unknown=unknown)
    answer = await view.scene.ask(auth.protected)
    fact = (
        f"{auth.protected.method} {auth.protected.service}{auth.protected.path} without a token answers {answer.said}"
    )
    return Verdict([] if answer.status == 401 else [fact], [fact])


async def persistence(view: View) -> Verdict:
    """The database's claim is bound."""
    assert view.scene is not None
    if view.app.spec.database is None:
        return Verdict([], ["the application has no database"], skipped=True)
    if view.scene.external_database:
        return Verdict([], ["the database is outside of the cluster"])
    claims = await claims_of_database(view.scene)
    broken = [f"claim {c.name} is {c.phase}" for c in claims if not c.ok]
    broken += [] if claims else [f"no pod of {view.app.spec.database.name} mounts a volume claim"]
    return Verdict(broken, [f"claim {c.name} is {c.phase}, volume {c.volume}" for c in claims])


async def non_root(view: View) -> Verdict:
    """No privileges, none to be gained, all capabilities dropped."""
    items = view.workloads()
    found = policy.check(items)
    broken = [f"{f.object}: {f.message}" for f in found if f.code in PRIVILEGE or f.code == "privilege-escalation"]
    for item in items:
        for container in manifests.containers(item):
            dropped = ((container.get("securityContext") or {}).get("capabilities") or {}).get("drop") or []
            if "ALL" not in dropped:
                broken.append(f"{named([item])}: container {container.get('name')} does not drop all capabilities")
    return Verdict(broken, [f"{named(items)}: non-root, no privileges, all capabilities dropped"] if not broken else [])


async def limits(view: View) -> Verdict:
    """Requests and limits of CPU and memory on every container."""
    return _policy(view, {"no-resources"}, "requests and limits are set")


async def probes(view: View) -> Verdict:
    """Liveness and readiness probes."""
    return _policy(view, {"no-liveness-probe", "no-readiness-probe"}, "liveness and readiness probes are set")


def _policy(view: View, codes: set[str], good: str) -> Verdict:
    items = view.workloads()
    broken = [f"{f.object}: {f.message}" for f in policy.check(items) if f.code in codes]
    return Verdict(broken, [f"{named(items)}: {good}"] if not broken else [])


async def one_replica(view: View) -> Verdict:
    """One replica of each, on Minikube."""
    if not view.call.world.is_minikube:
        return Verdict([], [f"the target is {view.call.world.target}"], skipped=True)
    items = [w for w in view.workloads() if w["kind"] != "DaemonSet"]
    broken = [f"{named([w])} asks for {wanted(w)} replicas" for w in items if wanted(w) != 1]
    return Verdict(broken, [f"{named(items)}: one replica each"] if not broken else [])


CHECKS: dict[str, Callable[[View], Awaitable[Verdict]]] = {
    "local-only": local_only,
    "helm-only": helm_only,
    "versioned-charts": versioned_charts,
    "secrets-in-secrets": secrets_in_secrets,
    "jwt-secret": signing_secrets,
    "auth-required": auth_required,
    "persistence": persistence,
    "non-root": non_root,
    "limits": limits,
    "probes": probes,
    "one-replica": one_replica,
}
"""Invariant → its check. A test sees to it that every invariant of the constitution has one."""
