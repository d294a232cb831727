"""What the checks share: the application as it runs, and requests from inside its pods."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from pydantic import Field

from mcp_tools import application
from mcp_tools.application import Application
from mcp_tools.application_checks import Request
from mcp_tools.catalog import ToolInput, ToolOutput
from mcp_tools.diagnosis.fixes import release_of
from mcp_tools.diagnosis.rules_common import workloads
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, ready, ref_of
from mcp_tools.diagnosis.sweep import sweep
from mcp_tools.engines.kube_exec import ProbeResult
from mcp_tools.engines.kube_prober import NO_PROGRAM
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import LongshoreError
from mcp_tools.names import PathArg
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call


class CheckInput(ToolInput):
    """Which application."""

    application: PathArg = Field("longshore.yaml", description="Its longshore.yaml, or the folder with it")


class CheckOutput(ToolOutput):
    """Whether the check passed. A check that longshore.yaml does not describe is skipped, and says so."""

    ok: bool
    skipped: bool = False
    reason: Untrusted = Field("", description="Why it was skipped, or what failed first")

    def mark_simulated(self, *unknown: str) -> Self:
        """Say that this was not asked, because in a simulation nobody is there to answer: neither passed nor failed."""
        self.ok, self.skipped, self.unknown = False, True, list(unknown)
        self.reason = f"simulated: {'; '.join(unknown)}"
        self.evidence = [*self.evidence, "nothing was asked: no process of the application runs in the sandbox"]
        return self


class Place(NamedTuple):
    """A running container."""

    namespace: str
    pod: str
    container: str


@dataclass(frozen=True)
class Answer:
    """The answer to a request, and the pod that made it."""

    probe: ProbeResult
    place: Place | None
    itself: bool = False

    @property
    def status(self) -> int | None:
        """The HTTP status; None without an answer."""
        return self.probe.status

    @property
    def said(self) -> str:
        """The status or the error, in a few words."""
        return str(self.probe.status) if self.probe.status is not None else self.probe.error or "no answer"


@dataclass
class Scene:
    """An application in its namespace, at one moment."""

    kube: KubeEngine
    app: Application
    seen: Snapshot
    simulated: bool = False
    """Whether no process is there that could be asked."""
    _chosen: dict[str, list[tuple[str, Place]]] = field(default_factory=dict)

    @classmethod
    async def look(cls, call: Call, path: str) -> Scene:
        """Load the application and look at its namespace."""
        app = application.load(call.path(path))
        seen = await sweep(call.world.kube, app.spec.namespace)
        return cls(call.world.kube, app, seen, call.world.simulated)

    @property
    def namespace(self) -> str:
        """Where it runs."""
        return self.app.spec.namespace

    @property
    def external_database(self) -> bool:
        """Whether its database is outside of the cluster."""
        database = self.app.spec.database
        named = database.external_url_from_env if database else None
        return database is None or bool(named and os.environ.get(named))

    @property
    def releases(self) -> list[str]:
        """What must run: the services, and the database when it is in the cluster."""
        names = [service.name for service in self.app.spec.services]
        database = self.app.spec.database
        return names if database is None or self.external_database else [database.name, *names]

    def workloads_of(self, name: str) -> list[Manifest]:
        """The workloads of a release, by Helm's annotation or by the name."""
        return [w for w in workloads(self.seen) if release_of(w) == name or ref_of(w).name == name]

    def pods_of(self, name: str) -> list[Manifest]:
        """The pods of a release that are not ending."""
        owners = {ref_of(workload) for workload in self.workloads_of(name)}
        return [pod for pod in self.seen.live_pods() if ref_of(self.seen.workload(pod)) in owners]

    def port_of(self, name: str) -> int:
        """The port of a service as others reach it."""
        database = self.app.spec.database
        declared = database.port if database and database.name == name else self.app.spec.service(name).port
        service = self.seen.get("Service", self.namespace, name)
        ports = [int(p["port"]) for p in ((service or {}).get("spec") or {}).get("ports") or []]
        return declared if declared in ports or not ports else ports[0]

    def place(self, pod: Manifest, name: str) -> Place:
        """The main container of a pod: the one named like the service, else the first."""
        names = [str(c["name"]) for c in pod["spec"]["containers"]]
        return Place(self.namespace, ref_of(pod).name, name if name in names else names[0])

    def places(self, name: str) -> list[Place]:
        """The running containers of a service, ready ones first."""
        pods = sorted(self.pods_of(name), key=lambda pod: not ready(pod))
        return [self.place(pod, name) for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]

    def vantage(self, target: str) -> list[tuple[str, Place]]:
        """Where to ask a service from: those that depend on it, then others, then its own pods."""
        services = self.app.spec.services
        near = [s.name for s in services if target in s.depends_on]
        others = [s.name for s in reversed(services) if s.name not in near and s.name != target]
        return [(name, place) for name in (*near, *others, target) for place in self.places(name)[:1]]

    async def ask(
        self,
        request: Request,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        timeout: float = 10,
        path: str | None = None,
        method: str | None = None,
    ) -> Answer:
        """Make a request of the application's description, from inside the cluster."""
        url = f"http://{request.service}:{self.port_of(request.service)}{path or request.path}"
        sent = body if body is not None else request.body
        return await self.fetch(request.service, url, method or request.method, headers or {}, sent, timeout)

    async def fetch(
        self, target: str, url: str, method: str, headers: Mapping[str, str], body: Any, timeout: float
    ) -> Answer:
        """One request, from the first vantage point that reaches the service and has a program for it."""
        last = Answer(ProbeResult(None, error="no pod of the application is running"), None)
        for name, place in await self._reaching(target):
            try:
                probe = await self.kube.http_probe(
                    *place, url=url, method=method, headers=headers, json_body=body, timeout=timeout
                )
            except LongshoreError as error:
                probe = ProbeResult(None, error=error.line())
            last = Answer(probe, place, name == target)
            if probe.error != NO_PROGRAM:
                return last
        return last

    async def _reaching(self, target: str) -> list[tuple[str, Place]]:
        """The vantage points, the first that can open a connection in front.

        Found out by a connection alone: a network policy may keep a pod from a service, and a request that writes
        must not be tried twice.
        """
        if target in self._chosen:
            return self._chosen[target]
        places = self.vantage(target)
        for found in places:
            try:
                tcp = await self.kube.tcp_probe(*found[1], host=target, port=self.port_of(target), timeout=3)
            except LongshoreError:
                continue
            if tcp.ok:
                places = [found, *(other for other in places if other != found)]
                break
        self._chosen[target] = places
        return places


def mebibytes(size: int | None) -> float | None:
    """Bytes as MiB."""
    return None if size is None else round(size / 2**20, 1)


def mark(ok: bool) -> str:
    """How a row begins."""
    return "ok  " if ok else "FAIL"
