"""The API server of a cluster as an ASGI application: who may ask, what is asked, the answer, and then the controllers.

Source for the order of the checks: the handler chain of apiserver. One thread: a request is handled whole before the
next; only streams and injected latency let others in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mcp_tools.targets.sandbox import control, discovery, metrics
from mcp_tools.targets.sandbox.access import AUTHENTICATED, account_groups
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.pump import Pump
from mcp_tools.targets.sandbox.verbs import METHOD_NOT_ALLOWED, Verbs, verb
from mcp_tools.targets.sandbox.watching import Hub
from mcp_tools.targets.sandbox.wire import (
    BODY_LIMIT,
    Answer,
    Incoming,
    NotServed,
    Place,
    accepted,
    failure,
    in_form,
    nothing_at,
    place,
    query_of,
    warning_headers,
)

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

UNAUTHORIZED = ApiError(401, "Unauthorized")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
REMEMBERED = 2_000
"""Requests that ``/sandbox/v1/requests`` knows."""
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass
class Seen:
    """One request that was answered."""

    number: int
    at: float
    method: str
    path: str
    user: str
    code: int
    verb: str = ""
    agent: str = ""


class Served:
    """A cluster's ASGI application.

    ``token`` is the administrator's; without one everybody is the administrator, which is for tests in one process.
    ``saved`` is called after everything that may have changed the cluster, before the answer goes out.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        token: str = "",
        saved: Callable[[], None] = lambda: None,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        self.cluster = cluster
        self.hub = Hub(cluster.store)
        self.pump = Pump(cluster, saved)
        self.requests: deque[Seen] = deque(maxlen=REMEMBERED)
        self.last = time.monotonic()
        self.stop = stop
        self._saved = saved
        self._token = token
        cluster.api.access.admin_token = token
        self._verbs = Verbs(cluster, self.hub, self.pump.wake)
        self._open: set[Any] = set()
        self._count = 0

    @property
    def busy(self) -> bool:
        """Whether a stream is open."""
        return bool(self._open)

    def close(self) -> None:
        """End every stream, and the work of the controllers."""
        self.pump.stop()
        for stream in list(self._open):
            stream.close()
        self.hub.close()

    # -- ASGI --------------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1011})
        else:
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.last = time.monotonic()
        self.pump.start()
        await send({"type": "lifespan.startup.complete"})
        with contextlib.suppress(asyncio.CancelledError):  # the server does not wait for its last connections
            await receive()
            self.close()
            await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.last = time.monotonic()
        incoming = await _read(scope, receive)
        seen = self._remember(incoming, scope)
        try:
            answer = await self._answer(incoming, seen)
        except NotServed:
            answer = nothing_at(incoming.path)
        except Unanswered as error:
            answer = error.answer
        except ApiError as error:
            answer = failure(error)
        except Exception as error:
            log.exception("%s %s", incoming.method, incoming.path)
            answer = failure(ApiError(500, f"Internal error occurred: {error}"))
        if incoming.method in WRITES:
            answer = self._kept(answer)
        seen.code = answer.code
        await self._send(answer, incoming, receive, send)
        if incoming.method in WRITES or not self.cluster.manager.idle:  # a log that is read may end its container
            self.pump.wake()

    def _kept(self, answer: Answer) -> Answer:
        """The answer when the state is saved; an error when it cannot be: nothing is promised that would be lost."""
        try:
            self._saved()
        except Exception as error:
            log.exception("the state cannot be saved")
            return failure(ApiError(500, f"Internal error occurred: the state cannot be saved: {error}"))
        return answer

    def _remember(self, incoming: Incoming, scope: Scope) -> Seen:
        self._count += 1
        query = scope.get("query_string", b"").decode("latin-1")
        path = f"{incoming.path}?{query}" if query else incoming.path
        seen = Seen(self._count, time.time(), incoming.method, path, "", 0, agent=incoming.header("user-agent"))
        if not incoming.path.startswith("/sandbox/"):
            self.requests.append(seen)
        return seen

    async def _send(self, answer: Answer, incoming: Incoming, receive: Receive, send: Send) -> None:
        headers = [(b"cache-control", b"no-cache, private")]
        given = {name.lower() for name, _ in answer.headers}
        if "cache-control" in given:
            headers.clear()
        if answer.content_type:
            headers.append((b"content-type", answer.content_type.encode()))
        headers += [(name.lower().encode(), value.encode("utf-8")) for name, value in answer.headers]
        if answer.stream is None:
            if answer.code not in {204, 304}:
                headers.append((b"content-length", str(len(answer.body)).encode()))
            await send({"type": "http.response.start", "status": answer.code, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if incoming.method == "HEAD" else answer.body})
            return
        await send({"type": "http.response.start", "status": answer.code, "headers": headers})
        stream = answer.stream
        self._open.add(stream)
        gone = asyncio.ensure_future(_disconnected(receive, stream.close))
        try:
            async for part in stream.chunks():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            self._open.discard(stream)
            self.last = time.monotonic()

    # -- the answer --------------------------------------------------------------------------------------------------

    async def _answer(self, incoming: Incoming, seen: Seen) -> Answer:
        _check_host(incoming.header("host"))
        request = self._identify(incoming)
        seen.user = request.user
        if len(incoming.body) > BODY_LIMIT:
            raise ApiError(413, f"Request entity too large: limit is {BODY_LIMIT}")
        if incoming.path == "/sandbox/v1" or incoming.path.startswith("/sandbox/v1/"):
            return control.serve(self, incoming, request)
        request = self._impersonated(incoming, request, seen.path)
        seen.user = request.user
        found = self._plain(incoming, request)
        if found is not None:
            return found
        if incoming.path.startswith(f"/apis/{discovery.METRICS}/"):
            return in_form(metrics.serve(self.cluster, incoming, request), accepted(incoming.header("accept"))[0])
        where = place(incoming.path)
        if where is None:
            raise NotServed
        seen.verb = verb(incoming, where)
        await self._fault(seen.verb, where, request)
        answer = self._verbs.serve(incoming, where, request)
        if request.warnings and answer.stream is None:
            answer.headers.extend(warning_headers(request.warnings))
        return in_form(answer, accepted(incoming.header("accept"))[0])

    def _plain(self, incoming: Incoming, request: Request) -> Answer | None:
        """Discovery, health and the like."""
        if place_of_resource(incoming.path):
            return None
        self.cluster.api.access.check_path(request, incoming.method.lower(), incoming.path)
        found = discovery.serve(incoming)
        if found is not None and incoming.method not in {"GET", "HEAD"}:
            raise METHOD_NOT_ALLOWED
        return found

    async def _fault(self, asked: str, where: Place, request: Request) -> None:
        """Meet the API fault that was put there for such requests, if there is one."""
        fault = self.cluster.faults.api(asked, where.kind.plural, where.namespace, request.user)
        if fault is None:
            return
        if fault.latency:
            await asyncio.sleep(fault.latency)
        if fault.code:
            message = fault.message or _FAULTS.get(fault.code, _FAULTS[503])
            raise ApiError(fault.code, message, retry_after=1 if fault.code == 429 else None)

    # -- who asks ----------------------------------------------------------------------------------------------------

    def _identify(self, incoming: Incoming) -> Request:
        """The user of the bearer token.

        Raises:
            ApiError: 401, there is none, or nobody knows it.
        """
        if not self._token:
            return Request()
        scheme, _, token = incoming.header("authorization").partition(" ")
        found = self.cluster.api.access.authenticate(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise UNAUTHORIZED
        return found

    def _impersonated(self, incoming: Incoming, request: Request, url: str) -> Request:
        """The user that the administrator acts as (``kubectl --as``)."""
        user = incoming.header("impersonate-user")
        if not user:
            if asked := _without_a_user(incoming):
                said = f'Internal Server Error: "{escape(url, quote=False)}": requested [{asked}] without '
                said += "impersonating a user\n"
                raise Unanswered(Answer(500, said.encode(), "text/plain; charset=utf-8"))
            return request
        if not request.master:
            message = f'users "{user}" is forbidden: User "{request.user}" cannot impersonate resource "users" '
            message += 'in API group "" at the cluster scope'
            raise ApiError(403, message, details={"name": user, "kind": "users"})
        groups = tuple(part for part in incoming.header("impersonate-group").split("\0") if part)
        if user.startswith("system:serviceaccount:") and not groups:
            return Request(user=user, groups=account_groups(user.split(":")[2]))
        return Request(user=user, groups=(*groups, AUTHENTICATED))


class Unanswered(Exception):
    """A request that the chain of handlers ends before the API sees it, in plain text."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


def _without_a_user(incoming: Incoming) -> str:
    """The references that impersonation headers make, as Go prints them: groups, further facts, the UID."""
    version, prefix = "authentication.k8s.io/v1", "impersonate-extra-"
    found = [f"{{Group  {name}    }}" for name in incoming.header("impersonate-group").split("\0") if name]
    for header, values in incoming.headers.items():
        if header.startswith(prefix):
            key = unquote(header.removeprefix(prefix))
            found += [f"{{UserExtra  {value}  {version}  {key}}}" for value in values.split("\0")]
    if uid := incoming.header("impersonate-uid"):
        found.append(f"{{UID  {uid}  {version}  }}")
    return " ".join(found)


_FAULTS = {
    429: "Too many requests, please try again later.",
    500: "Internal error occurred: injected fault",
    503: "the server is currently unable to handle the request",
    504: "Timeout: request did not complete within the allotted timeout",
}


def app(cluster: Cluster, **options: Any) -> Served:
    """The ASGI application of a cluster."""
    return Served(cluster, **options)


def place_of_resource(path: str) -> bool:
    """Whether a path is that of a resource, and not of a group or version."""
    parts = path.strip("/").split("/")
    return (parts[0] == "api" and len(parts) > 2) or (parts[0] == "apis" and len(parts) > 3)


def _check_host(host: str) -> None:
    """Refuse a name that is not this machine's: a page in a browser must not reach the server under its own name."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    if name not in LOOPBACK:
        raise ApiError(403, f'the Host header names "{host}", which is not this machine')


async def _read(scope: Scope, receive: Receive) -> Incoming:
    body = b""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        part = message.get("body", b"")
        size += len(part)
        if size <= BODY_LIMIT + 1:
            parts.append(part)
        if not message.get("more_body"):
            break
    body = b"".join(parts) if size <= BODY_LIMIT else b" " * (BODY_LIMIT + 1)
    path = scope.get("raw_path") or scope["path"].encode()
    return Incoming(
        scope["method"],
        path.decode("latin-1"),
        query_of(scope.get("query_string", b"")),
        _headers(scope["headers"]),
        body,
    )


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        joiner = "\0" if key.startswith("impersonate-") else ","
        found[key] = f"{found[key]}{joiner}{text}" if key in found else text
    return found


async def _disconnected(receive: Receive, close: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    close()
