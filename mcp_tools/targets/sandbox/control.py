"""``/sandbox/v1``: what a real API server has not. Faults, images, the clock, the requests that came.

For the administrator's token alone.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mcp_tools.targets.sandbox import errors, faults
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.node.images import Image
from mcp_tools.targets.sandbox.verbs import METHOD_NOT_ALLOWED
from mcp_tools.targets.sandbox.wire import NOTHING_THERE, Answer, Incoming, answer

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.http import Served


class Advance(BaseModel):
    """How far a virtual clock is to jump; what is due on the way is done."""

    model_config = ConfigDict(extra="forbid")
    seconds: float = Field(ge=0, le=366 * 86400)


def serve(served: Served, incoming: Incoming, request: Request) -> Answer:
    """Answer a request below ``/sandbox/v1``.

    Raises:
        ApiError: 400 for a body that is not understood, 403 for another user, 404, 405.
    """
    if not request.master:
        raise ApiError(403, f'forbidden: User "{request.user}" cannot {incoming.method.lower()} path "{incoming.path}"')
    part, _, name = incoming.path.removeprefix("/sandbox/v1").strip("/").partition("/")
    call = {
        "": _about,
        "requests": _requests,
        "faults": _faults,
        "images": _images,
        "clock": _clock,
        "stop": _stop,
    }.get(part)
    if call is None:
        return NOTHING_THERE
    return call(served, incoming, unquote(name))


def _body(incoming: Incoming) -> Any:
    try:
        return json.loads(incoming.body or b"{}")
    except ValueError as error:
        raise errors.bad_request(f"error decoding request body: {error}") from error


def _about(served: Served, incoming: Incoming, name: str) -> Answer:
    _only(incoming, "GET")
    store = served.cluster.store
    counts = {key: store.count(key) for key in sorted(store.keys())}
    return answer(
        {"simulated": True, "resourceVersion": str(store.version), "watches": served.hub.count, "objects": counts}
    )


def _requests(served: Served, incoming: Incoming, name: str) -> Answer:
    _only(incoming, "GET", "DELETE")
    if incoming.method == "DELETE":
        served.requests.clear()
        return answer({"items": []})
    after, limit = incoming.number("after") or 0, incoming.number("limit") or len(served.requests)
    found = [dataclasses.asdict(seen) for seen in served.requests if seen.number > after]
    return answer({"items": found[-limit:] if limit > 0 else []})


def _faults(served: Served, incoming: Incoming, name: str) -> Answer:
    _only(incoming, "GET", "POST", "DELETE")
    there = served.cluster.faults
    if incoming.method == "POST":
        try:
            made = there.inject(faults.read(_body(incoming)))
        except ValidationError as error:
            raise errors.bad_request(_said(error)) from error
        return answer({"name": made}, 201)
    if incoming.method == "DELETE":
        gone = there.clear(name)
        if name and not gone:
            raise ApiError(404, f'there is no fault "{name}"')
        return answer({"cleared": gone})
    items = [fault.model_dump(mode="json") for fault in there.list() if name in {"", fault.name}]
    if name and not items:
        raise ApiError(404, f'there is no fault "{name}"')
    return answer({"items": items})


def _images(served: Served, incoming: Incoming, name: str) -> Answer:
    _only(incoming, "GET", "POST", "DELETE")
    there = served.cluster.images
    if incoming.method == "POST":
        try:
            image = Image.model_validate(_body(incoming))
        except ValidationError as error:
            raise errors.bad_request(_said(error)) from error
        there.add(image)
        return answer({"id": image.id}, 201)
    if incoming.method == "DELETE":
        if not there.remove(name):
            raise ApiError(404, f'there is no image "{name}"')
        return answer({"removed": name})
    if name:
        image_found = there.find(name)
        if image_found is None:
            raise ApiError(404, f'there is no image "{name}"')
        return answer(image_found.model_dump(mode="json"))
    return answer({"items": [image.model_dump(mode="json") for image in there.all()]})


def _clock(served: Served, incoming: Incoming, name: str) -> Answer:
    _only(incoming, "GET", "POST")
    clock = served.cluster.clock
    if incoming.method == "POST":
        try:
            change = Advance.model_validate(_body(incoming))
        except ValidationError as error:
            raise errors.bad_request(_said(error)) from error
        if clock.real:
            raise errors.bad_request("this cluster follows the real time: only a virtual clock can be advanced")
        served.cluster.settle(change.seconds)
    return answer({"now": clock.now(), "stamp": clock.stamp(), "real": clock.real, "speed": clock.speed})


def _stop(served: Served, incoming: Incoming, name: str) -> Answer:
    _only(incoming, "POST")
    served.stop()
    return answer({"stopping": True}, 202)


def _only(incoming: Incoming, *methods: str) -> None:
    if incoming.method not in methods:
        raise METHOD_NOT_ALLOWED


def _said(error: ValidationError) -> str:
    found = [f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors()]
    return "; ".join(found)
