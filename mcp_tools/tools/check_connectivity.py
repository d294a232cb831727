"""check_connectivity: every dependency of the application, reached from inside the pod that depends on it."""

from __future__ import annotations

from typing import Literal

import anyio
from pydantic import BaseModel, ConfigDict, Field

from mcp_tools.catalog import Effect, tool
from mcp_tools.engines.kube_exec import TcpResult
from mcp_tools.errors import LongshoreError
from mcp_tools.tools.check_common import CheckInput, CheckOutput, Place, Scene, mark
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

Failure = Literal["", "dns", "refused", "timeout", "http", "no-pod", "not-measured", "other"]


class Edge(BaseModel):
    """One dependency: who reaches whom, over TCP and, where the other speaks HTTP, to its readiness."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    source: str = Field(alias="from")
    to: str
    host: str
    port: int
    ok: bool
    addresses: list[str] = Field(default_factory=list)
    seconds: float = Field(0.0, description="To look up the name and connect")
    status: int | None = Field(None, description="HTTP status of its readiness path")
    failure: Failure = ""
    error: Untrusted = ""


class CheckConnectivityOutput(CheckOutput):
    """``ok``: every edge is."""

    edges: list[Edge]

    def text(self) -> str:
        """A line per edge."""
        if self.skipped:
            return f"skipped: {self.reason}"
        lines = [f"{mark(self.ok)} {len(self.edges)} dependencies {self.reason}".rstrip()]
        for e in self.edges:
            http = f", HTTP {e.status}" if e.status is not None else ""
            why = f"  {e.failure}: {e.error}" if not e.ok else ""
            lines.append(f"  {mark(e.ok)} {e.source} → {e.to} ({e.host}:{e.port}) {e.seconds * 1000:.0f} ms{http}{why}")
        return "\n".join(lines)


@tool(domain="diagnostics", title="Check connectivity", effect=Effect.READ)
async def check_connectivity(args: CheckInput, call: Call) -> CheckConnectivityOutput:
    """Check that each service of an application reaches what it depends on, by DNS name, from inside its own pod.

    A name that is not found, a refused connection, a time-out and a service that is not ready are told apart.
    """
    scene = await Scene.look(call, args.application)
    if call.world.simulated:
        asked = [f"{source} reaches {target}" for source, target in pairs(scene)]
        return CheckConnectivityOutput(ok=False, edges=[]).mark_simulated(f"whether {', '.join(asked)}")
    found: dict[tuple[str, str], Edge] = {}
    async with anyio.create_task_group() as group:
        for source, target in pairs(scene):
            group.start_soon(_edge, scene, source, target, found)
    edges = [found[pair] for pair in pairs(scene)]
    broken = [e for e in edges if not e.ok]
    return CheckConnectivityOutput(
        ok=not broken,
        reason=f"{broken[0].source} does not reach {broken[0].to}: {broken[0].failure}" if broken else "",
        evidence=[_fact(edge) for edge in edges],
        edges=edges,
    )


def pairs(scene: Scene) -> list[tuple[str, str]]:
    """Who depends on whom; an external database is not in the cluster and left out."""
    database = scene.app.spec.database
    outside = {database.name} if database and scene.external_database else set()
    services = reversed(scene.app.spec.in_order())
    return [(service.name, other) for service in services for other in service.depends_on if other not in outside]


def _fact(edge: Edge) -> str:
    if not edge.ok:
        return f"{edge.source} → {edge.to}: {edge.failure}: {edge.error}"
    http = f", HTTP {edge.status}" if edge.status is not None else ""
    return f"{edge.source} → {edge.host}:{edge.port} ({', '.join(edge.addresses)}) in {edge.seconds:.3f} s{http}"


async def _edge(scene: Scene, source: str, target: str, into: dict[tuple[str, str], Edge]) -> None:
    port = scene.port_of(target)
    edge = Edge(source=source, to=target, host=target, port=port, ok=False)
    into[source, target] = edge
    places = scene.places(source)
    if not places:
        edge.failure, edge.error = "no-pod", f"{source} has no running pod to ask from"
        return
    try:
        tcp = await scene.kube.tcp_probe(*places[0], host=target, port=port)
        edge.addresses, edge.seconds = tcp.addresses, round(tcp.seconds, 4)
        edge.failure, edge.error, edge.ok = failure_of(tcp), tcp.error, tcp.ok
        if tcp.ok:
            await _http(scene, places[0], target, edge)
    except LongshoreError as error:
        edge.ok, edge.failure, edge.error = False, "other", error.line()


def failure_of(tcp: TcpResult) -> Failure:
    """What kind of failure a connection had."""
    low = tcp.error.lower()
    if tcp.ok:
        return ""
    if low.startswith("dns:") or (not tcp.addresses and "timed out" in low):
        return "dns"
    if "has neither" in low:
        return "not-measured"
    if "refused" in low or "reset" in low:
        return "refused"
    return "timeout" if "timed" in low or "timeout" in low else "other"


async def _http(scene: Scene, place: Place, target: str, edge: Edge) -> None:
    service = next((s for s in scene.app.spec.services if s.name == target), None)
    if service is None:  # the database: that it takes connections is what TCP can tell
        return
    url = f"http://{target}:{edge.port}{service.health.readiness}"
    answer = await scene.kube.http_probe(*place, url=url, timeout=10)
    edge.status = answer.status
    if answer.status is None or not 200 <= answer.status < 400:
        said = answer.error or f"{service.health.readiness} answers {answer.status}: {answer.body[:200]}"
        edge.ok, edge.failure, edge.error = False, "http", said
