"""The logs of containers by HTTP: whole, or followed.

Source: ``pods/log`` of the API (``PodLogOptions``, and ``LogLocation`` of the pod registry), and what the kubelet
answers when there is no log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox import clock as clocks
from mcp_tools.targets.sandbox import errors
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.node import logs
from mcp_tools.targets.sandbox.store import Obj
from mcp_tools.targets.sandbox.wire import Answer, Incoming, Place

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

LOOK_EVERY = 0.2
TEXT = "text/plain"


def serve(cluster: Cluster, wake: Callable[[], None], incoming: Incoming, place: Place, request: Request) -> Answer:
    """The log of a container. ``wake`` is called when a look at it may have ended the container.

    Raises:
        ApiError: 403, 404; 400 when the container is not named, not there, or has not started.
    """
    cluster.api.access.check(request, "get", place.kind, place.namespace, place.name, "log")
    pod = cluster.store.get("pods", place.namespace, place.name)
    if pod is None:
        raise errors.not_found(place.kind, place.name)
    options = _options(incoming, place.name)
    container = _container(pod, incoming.one("container"))
    if not pod["spec"].get("nodeName"):
        return Answer(204, b"", "")
    if incoming.flag("follow") and not options["previous"]:
        return Answer(200, content_type=TEXT, stream=Following(cluster, wake, place, container, options))
    text = logs.read(cluster, pod, container, **options).encode("utf-8", "surrogateescape")
    limit = incoming.number("limitBytes")
    return Answer(200, text if limit is None else text[:limit], TEXT)


def _options(incoming: Incoming, pod: str) -> dict[str, Any]:
    """What the query says, checked as validation of ``PodLogOptions`` does."""
    tail, seconds, limit = (incoming.number(name) for name in ("tailLines", "sinceSeconds", "limitBytes"))
    since = incoming.one("sinceTime")
    if tail is not None and tail < 0:
        raise _invalid(pod, "tailLines", f"Invalid value: {tail}: must be greater than or equal to 0")
    if limit is not None and limit < 1:
        raise _invalid(pod, "limitBytes", f"Invalid value: {limit}: must be greater than 0")
    if seconds is not None and since:
        raise _invalid(pod, "", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified")
    if seconds is not None and seconds < 1:
        raise _invalid(pod, "sinceSeconds", f"Invalid value: {seconds}: must be greater than 0")
    return {
        "previous": incoming.flag("previous"),
        "tail_lines": tail,
        "since_seconds": seconds,
        "since_time": clocks.parse(since) if since else None,
        "timestamps": incoming.flag("timestamps"),
    }


def _invalid(pod: str, field: str, message: str) -> ApiError:
    causes = [{"reason": "FieldValueInvalid", "message": message, "field": field}]
    details = {"name": pod, "kind": "PodLogOptions", "causes": causes}
    said = f"{field}: {message}" if field else message
    return ApiError(422, f'PodLogOptions "{pod}" is invalid: {said}', details=details)


def _container(pod: Obj, asked: str) -> str:
    """The container whose log it is.

    Raises:
        ApiError: 400, it is not named although there are several, or there is none of that name.
    """
    spec, name = pod["spec"], pod["metadata"]["name"]
    main = [one["name"] for one in spec.get("containers") or ()]
    init = [one["name"] for one in spec.get("initContainers") or ()]
    extra = [one["name"] for one in spec.get("ephemeralContainers") or ()]
    if asked:
        if asked not in {*main, *init, *extra}:
            raise errors.bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(main) == 1:
        return str(main[0])
    said = f"a container name must be specified for pod {name}, choose one of: [{' '.join(main)}]"
    if init:
        said += f" or one of the init containers: [{' '.join(init)}]"
    raise errors.bad_request(said)


class Following:
    """A log that goes on: what is there, and what comes, until the container ends for good."""

    def __init__(
        self, cluster: Cluster, wake: Callable[[], None], place: Place, container: str, options: dict[str, Any]
    ) -> None:
        self._cluster, self._wake, self._place, self._container = cluster, wake, place, container
        self._options = options
        self._closed = asyncio.Event()
        self._first = self._read(options)

    def _read(self, options: dict[str, Any]) -> str | None:
        pod = self._cluster.store.get("pods", self._place.namespace, self._place.name)
        text = None if pod is None else logs.read(self._cluster, pod, self._container, **options)
        self._wake()
        return text

    def close(self) -> None:
        """End it soon."""
        self._closed.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """New text as it comes. What was sent is counted in lines of the whole log."""
        yield (self._first or "").encode("utf-8", "surrogateescape")
        whole = {**self._options, "tail_lines": None, "since_seconds": None, "since_time": None}
        sent = (self._read(whole) or "").count("\n")
        while not self._closed.is_set():
            ended = self._ended()
            text = self._read(whole)
            if text is None:
                return
            lines = text.splitlines(keepends=True)
            if len(lines) < sent:  # the container was started anew: its log begins again
                return
            if len(lines) > sent:
                yield "".join(lines[sent:]).encode("utf-8", "surrogateescape")
                sent = len(lines)
            if ended:
                return
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._closed.wait()
            except TimeoutError:
                continue

    def _ended(self) -> bool:
        """Whether the container does not run any more: a followed log ends with it."""
        pod = self._cluster.store.get("pods", self._place.namespace, self._place.name)
        status = (pod or {}).get("status") or {}
        for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
            for entry in status.get(field) or ():
                if entry["name"] == self._container:
                    return "running" not in (entry.get("state") or {})
        return True
