"""check_endpoints: every endpoint of the application, asked from another pod: its status, and how long it took."""

from __future__ import annotations

from pydantic import BaseModel, Field

from mcp_tools.application_checks import Request
from mcp_tools.catalog import Effect, tool
from mcp_tools.errors import LongshoreError
from mcp_tools.tools import check_account, check_tokens
from mcp_tools.tools.check_common import CheckInput, CheckOutput, Scene, mark
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

SUBJECT = "longshore-check"


class Endpoint(BaseModel):
    """One endpoint."""

    service: str
    method: str
    path: str
    title: str
    expected: int
    status: int | None
    seconds: float
    first_seconds: float | None = Field(None, description="When the first answer was too slow and a second was asked")
    ok: bool
    asked_from: str = Field("", description="The pod that made the request")
    error: Untrusted = ""


class CheckEndpointsOutput(CheckOutput):
    """``ok``: every endpoint answers as expected, and in time."""

    endpoints: list[Endpoint]
    slowest_seconds: float
    max_seconds: float

    def text(self) -> str:
        """A line per endpoint."""
        if self.skipped:
            return f"skipped: {self.reason}"
        lines = [f"{mark(self.ok)} {len(self.endpoints)} endpoints, slowest {self.slowest_seconds:.3f} s {self.reason}"]
        for e in self.endpoints:
            what = f"{e.method} {e.service}{e.path}"
            first = f" (at first {e.first_seconds:.3f} s)" if e.first_seconds is not None else ""
            took = f"{e.seconds:.3f} s{first}"
            lines.append(f"  {mark(e.ok)} {what}: {e.status or e.error} (expected {e.expected}) {took}  {e.title}")
        return "\n".join(lines)


@tool(domain="diagnostics", title="Check endpoints", effect=Effect.READ)
async def check_endpoints(args: CheckInput, call: Call) -> CheckEndpointsOutput:
    """Ask every endpoint of an application from inside the cluster, and compare status and response time.

    The health paths of all services, and the requests of checks.endpoints. Only GET requests, and requests that must
    be refused, are sent: nothing is written. One that answers too late is asked once more, and both times are told.
    """
    scene = await Scene.look(call, args.application)
    limit = scene.app.spec.checks.max_response_seconds
    if call.world.simulated:
        unknown = f"the answers of {len(requests(scene))} endpoints, and how long they take"
        out = CheckEndpointsOutput(ok=False, endpoints=[], slowest_seconds=0.0, max_seconds=limit)
        return out.mark_simulated(unknown)
    rows = await measure(scene)
    for row in rows:
        if row.ok and row.seconds > limit:
            row.ok, row.error = False, f"took {row.seconds:.2f} s, may take {limit:g} s"
    broken = [row for row in rows if not row.ok]
    slowest = max((row.seconds for row in rows), default=0.0)
    first = broken[0] if broken else None
    return CheckEndpointsOutput(
        ok=not broken,
        reason=f"{first.service}{first.path}: {first.error or first.status}" if first else "",
        evidence=[f"{r.method} {r.service}{r.path} → {r.status or r.error} in {r.seconds:.3f} s" for r in rows],
        endpoints=rows,
        slowest_seconds=slowest,
        max_seconds=limit,
    )


async def measure(scene: Scene) -> list[Endpoint]:
    """Ask every endpoint once, one after the other: together they would slow each other down."""
    token, trouble = await _token(scene)
    return [await _row(scene, request, title, token, trouble) for request, title in requests(scene)]


def requests(scene: Scene) -> list[tuple[Request, str]]:
    """What is asked: the described endpoints, then the health paths that are not among them."""
    described = [(r, r.title or "endpoint") for r in scene.app.spec.checks.endpoints]
    known = {(r.service, r.path) for r, _ in described if r.method == "GET"}
    for service in scene.app.spec.services:
        for path, title in ((service.health.liveness, "liveness"), (service.health.readiness, "readiness")):
            if (service.name, path) not in known:
                known.add((service.name, path))
                described.append((Request(service=service.name, path=path), title))
    return described


async def _token(scene: Scene) -> tuple[str, str]:
    """A token signed here with the application's key (no account is made for looking), or why there is none."""
    auth = scene.app.spec.checks.auth
    if auth is None:
        return "", "needs a token, and longshore.yaml has no checks.auth"
    try:
        return check_tokens.mint(auth.issuer, auth.audience, await check_account.signing_key(scene), SUBJECT), ""
    except LongshoreError as error:
        return "", error.line()


def _harmless(request: Request) -> bool:
    """Whether it writes nothing even where it is not refused: that it must be is only what the description says."""
    return request.method == "POST" and request.status in (401, 403) and not request.body and not request.authenticated


async def _row(scene: Scene, request: Request, title: str, token: str, trouble: str) -> Endpoint:
    row = Endpoint(
        service=request.service,
        method=request.method,
        path=request.path,
        title=title,
        expected=request.status,
        status=None,
        seconds=0.0,
        ok=False,
    )
    if request.method != "GET" and not _harmless(request):
        row.error = "could write: only GET requests, and empty POST requests that must be refused, are sent here"
        return row
    if request.authenticated and not token:
        row.error = trouble
        return row
    headers = {"Authorization": f"Bearer {token}"} if request.authenticated else {}
    limit = scene.app.spec.checks.max_response_seconds
    answer = await scene.ask(request, headers=headers, timeout=max(10.0, 2 * limit))
    if answer.status is not None and answer.probe.seconds > limit:  # the first request of a page may load its code
        row.first_seconds = round(answer.probe.seconds, 4)
        answer = await scene.ask(request, headers=headers, timeout=max(10.0, 2 * limit))
    row.status, row.seconds = answer.status, round(answer.probe.seconds, 4)
    row.asked_from = answer.place.pod if answer.place else ""
    row.ok = answer.status == request.status
    if answer.status is None:
        row.error = answer.probe.error
    elif not row.ok:
        row.error = f"answers {answer.status}: {answer.probe.body[:200]}"
    return row
