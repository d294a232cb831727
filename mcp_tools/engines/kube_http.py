"""One pinned connection to an API server: raw JSON in and out, typed errors, writes only under a permit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import anyio.to_thread

from mcp_tools import __version__
from mcp_tools.engines import kube_auth, kube_errors
from mcp_tools.errors import LongshoreError

if TYPE_CHECKING:
    from mcp_tools.guard.permit import Permit

T = TypeVar("T")
JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
USER_AGENT = f"longshore/{__version__}"
FIELD_MANAGER = "longshore"


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a thread; a cancelled caller does not wait for it."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


class KubeHttp:
    """The connection. Made lazily: the kubernetes package is imported by the first request."""

    def __init__(self, context: str | None, kubeconfig: str | None) -> None:
        self._wanted = (context, kubeconfig)
        self._lock = threading.Lock()
        self._pinned: kube_auth.PinnedContext | None = None
        self._settings: Any = None
        self._rest: Any = None

    def pinned(self) -> kube_auth.PinnedContext:
        """The context, chosen at the first call and the same ever after."""
        with self._lock:
            if self._pinned is None:
                self._pinned = kube_auth.pin(*self._wanted)
            return self._pinned

    def connect(self) -> tuple[Any, Any]:
        """The client configuration and the guarded REST client."""
        pinned = self.pinned()
        with self._lock:
            if self._rest is None:
                from mcp_tools.engines.kube_rest import GuardedRest

                self._settings = kube_auth.configuration(pinned)
                self._rest = GuardedRest(self._settings)
            return self._settings, self._rest

    def credentials(self) -> list[str]:
        """The tokens and passwords of the connection, to be masked; none before the first request."""
        settings = self._settings
        if settings is None:
            return []
        return [*(str(key).removeprefix("Bearer ") for key in settings.api_key.values()), str(settings.password or "")]

    def headers(self) -> dict[str, str]:
        """User agent and authorization of this moment."""
        settings, _ = self.connect()
        return {"User-Agent": USER_AGENT, **kube_auth.auth_headers(settings)}

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        what: str = "",
        content_type: str = JSON,
        accept: str = JSON,
        permit: Permit | None = None,
        timeout: float = 30.0,
    ) -> bytes:
        """One request, its body on success (blocking).

        Raises:
            Refused: a write outside a permit.
            LongshoreError: what the server answered, with a remedy.
        """
        from mcp_tools.engines.kube_rest import under

        if permit is not None and method != "GET":
            permit.record([method, path, *([f"?{urlencode(query)}"] if query else [])])
        attempts = 2 if method == "GET" else 1  # a stale keep-alive connection; never twice for a write
        for attempt in range(attempts):
            try:
                with under(permit):
                    response = self._open(method, path, query, body, content_type, accept, timeout)
                    answer = bytes(response.read())
                break
            except LongshoreError:
                raise
            except Exception as error:
                if attempt + 1 == attempts or "timed out" in str(error).lower():
                    raise kube_errors.unreachable(self.pinned().name, error) from error
        if not 200 <= response.status <= 299:
            raise kube_errors.from_answer(response.status, answer, what or f"{method} {path}")
        return answer

    def _open(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, kind: str, accept: str, timeout: float
    ) -> Any:
        settings, rest = self.connect()
        headers = self.headers() | {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = kind  # the package serialises the body, YAML kinds as JSON
        asked = {key: value for key, value in (query or {}).items() if value is not None}
        url = settings.host + path + (f"?{urlencode(asked)}" if asked else "")
        return rest.request(method, url, headers=headers, body=body, _request_timeout=timeout)

    def lines(self, path: str, query: Mapping[str, Any], timeout: float) -> tuple[Any, Iterator[bytes]]:
        """A streaming GET: the response (close it) and its lines (blocking)."""
        response = self._open("GET", path, query, None, JSON, JSON, timeout)
        if response.status != 200:
            raise kube_errors.from_answer(response.status, bytes(response.read()), f"GET {path}")
        return response.response, _split(response.response)


def _split(response: Any) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(amt=None, decode_content=True):
        rest += chunk
        *whole, rest = rest.split(b"\n")
        yield from (line for line in whole if line)
