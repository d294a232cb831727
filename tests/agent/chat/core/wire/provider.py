"""A model's server on loopback that speaks both of OpenAI's interfaces, and misbehaves as it is told.

What it answers is a list of :class:`Step`. It keeps each request, so that a test can read what the model was given.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Api = Literal["responses", "chat"]
Kind = Literal["begin", "text", "name", "arguments", "call", "finish"]
"""What a piece of a stream is about; a stream can be cut after the first piece of a kind."""
Piece = tuple[Kind, dict[str, Any]]


@dataclass(frozen=True)
class Call:
    """A tool call of the model. ``arguments`` as text is sent as it is, whether it is JSON or not."""

    name: str
    arguments: dict[str, Any] | str = field(default_factory=dict)
    id: str = ""

    @property
    def text(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True)
class Step:
    """One answer of the model, and what goes wrong with it."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    """Sent instead of a stream."""
    cut: Kind | None = None
    """The stream ends after the first piece of this kind."""
    rude: bool = True
    """A cut is a lost connection, not an end of the body."""
    stall: float = 0.0
    """Seconds of silence before the first byte."""
    silence: float = 0.0
    """Seconds of silence at the cut, instead of an end."""
    raw: str = ""
    """Sent into the stream in place of the pieces after the cut."""
    failure: str = ""
    """The stream says that it failed, in the words of the interface."""
    reason: str = ""
    """How it ended, when not as usual: ``length``, ``content_filter``."""
    tokens: tuple[int, int] = (10, 5)


Script = Step | Callable[[dict[str, Any]], Step]


def say(text: str, **more: Any) -> Step:
    """An answer in words."""
    return Step(text=text, **more)


def call(name: str, arguments: dict[str, Any] | str | None = None, **more: Any) -> Step:
    """A call of one tool."""
    return Step(calls=(Call(name, {} if arguments is None else arguments),), **more)


def error(status: int, *, after: str = "", message: str = "it broke", quick: bool = True) -> Step:
    """An answer with an HTTP error; ``after`` is its Retry-After. ``quick`` asks for a retry at once."""
    headers = [("retry-after", after)] if after else []
    if quick and not after:
        headers.append(("retry-after-ms", "5"))
    body = json.dumps({"error": {"message": message, "type": "server_error", "code": None, "param": None}})
    return Step(status=status, headers=tuple(headers), body=body)


@dataclass
class Asked:
    """One request to the model."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    at: float

    @property
    def api(self) -> Api:
        return "responses" if self.path.endswith("/responses") else "chat"

    @property
    def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.body["input" if self.api == "responses" else "messages"]
        return found

    def results(self) -> list[tuple[str, str]]:
        """Call id and output of every tool result in it, in their order."""
        if self.api == "responses":
            found = [item for item in self.items if item.get("type") == "function_call_output"]
            return [(item["call_id"], _plain(item["output"])) for item in found]
        return [(item["tool_call_id"], _plain(item["content"])) for item in self.items if item["role"] == "tool"]

    def calls(self) -> list[tuple[str, str]]:
        """Call id and tool of every call in it, in their order."""
        if self.api == "responses":
            return [(item["call_id"], item["name"]) for item in self.items if item.get("type") == "function_call"]
        made = [one for item in self.items for one in item.get("tool_calls") or ()]
        return [(one["id"], one["function"]["name"]) for one in made]

    @property
    def tools(self) -> set[str]:
        return {tool.get("name") or tool["function"]["name"] for tool in self.body.get("tools", [])}


def _plain(output: Any) -> str:
    return output if isinstance(output, str) else "".join(part.get("text", "") for part in output)


class Provider:
    """The server. ``script`` is used up from its left; then ``always`` answers."""

    def __init__(self) -> None:
        self.script: deque[Script] = deque()
        self.always: Script | None = None
        self.asked: list[Asked] = []
        self.problems: list[str] = []
        self.ending = threading.Event()
        self._number = 0
        self._lock = threading.Lock()
        provider = self

        class Handler(_Handler):
            owner = provider

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def will(self, *steps: Script) -> None:
        """What it answers next."""
        self.script.extend(steps)

    def take(self, asked: Asked) -> tuple[int, Step]:
        with self._lock:
            self._number += 1
            self.asked.append(asked)
            found = self.script.popleft() if self.script else self.always
            if found is None:
                self.problems.append(f"request {self._number} was not foreseen")
                found = say("(nothing is left to say)")
            return self._number, found(asked.body) if callable(found) else found

    @contextlib.contextmanager
    def serving(self) -> Iterator[Provider]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.ending.set()
            self._http.shutdown()
            self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Provider

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, body, headers, time.monotonic())
        number, step = self.owner.take(asked)
        with contextlib.suppress(OSError):
            self._answer(asked, number, step)

    def _answer(self, asked: Asked, number: int, step: Step) -> None:
        if step.stall and self.owner.ending.wait(step.stall):
            return
        if step.body is not None:
            raw = step.body.encode()
            self.send_response(step.status)
            kind = "text/html" if step.body.startswith("<") else "application/json"
            for name, value in (*step.headers, ("content-type", kind), ("content-length", str(len(raw)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)
            return
        if not asked.body.get("stream"):
            self.owner.problems.append("a whole answer was asked for, not a stream")
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._stream(asked.api, number, step)

    def _stream(self, api: Api, number: int, step: Step) -> None:
        pieces = list(_responses(step, number) if api == "responses" else _chat(step, number))
        for kind, data in pieces:
            self._event(data)
            if kind == step.cut:
                if step.raw:
                    self._write(step.raw)
                if step.silence:
                    self.owner.ending.wait(step.silence)
                return self._end(rude=step.rude)
        if api == "chat":
            self._write("data: [DONE]\n\n")
        return self._end(rude=False)

    def _event(self, data: dict[str, Any]) -> None:
        name = f"event: {data['type']}\n" if "type" in data else ""
        self._write(f"{name}data: {json.dumps(data)}\n\n")

    def _write(self, text: str) -> None:
        raw = text.encode()
        self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
        self.wfile.flush()

    def _end(self, *, rude: bool) -> None:
        if not rude:
            self.wfile.write(b"0\r\n\r\n")
            return
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _size(text: str) -> int:
    """Small pieces, so that words and secrets are cut; few of them where there is very much."""
    return 7 if len(text) < 20_000 else 4_000


# -- the Responses interface -------------------------------------------------------------------------------------------


def _responses(step: Step, number: int) -> Iterator[Piece]:
    sequence = iter(range(100_000_000))

    def event(kind: str, **data: Any) -> dict[str, Any]:
        return {"type": kind, "sequence_number": next(sequence), **data}

    output: list[dict[str, Any]] = []
    yield "begin", event("response.created", response=_response(number, "in_progress", [], step))
    if step.text:
        for kind, name, more in _message(step.text, f"msg_{number}"):
            yield kind, event(name, output_index=0, **more)
            if name == "response.output_item.done":
                output.append(more["item"])
    for place, made in enumerate(step.calls, start=len(output)):
        identity = made.id or f"call_{number}_{place}"
        for kind, name, more in _function(made, f"fc_{number}_{place}", identity):
            yield kind, event(name, output_index=place, **more)
            if name == "response.output_item.done":
                output.append(more["item"])
    if step.failure:
        failed = _response(number, "failed", output, step)
        failed["error"] = {"code": "server_error", "message": step.failure}
        yield "finish", event("response.failed", response=failed)
    elif step.reason:
        cut = _response(number, "incomplete", output, step)
        cut["incomplete_details"] = {"reason": "max_output_tokens" if step.reason == "length" else step.reason}
        yield "finish", event("response.incomplete", response=cut)
    else:
        yield "finish", event("response.completed", response=_response(number, "completed", output, step))


def _response(number: int, status: str, output: list[dict[str, Any]], step: Step) -> dict[str, Any]:
    given, made = step.tokens
    usage = {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
    }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_750_000_000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "test",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage if status != "in_progress" else None,
    }


def _message(text: str, identity: str) -> Iterator[tuple[Kind, str, dict[str, Any]]]:
    whole: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    item: dict[str, Any] = {"id": identity, "type": "message", "role": "assistant", "content": []}
    where = {"item_id": identity, "content_index": 0}
    yield "begin", "response.output_item.added", {"item": item | {"status": "in_progress"}}
    yield "begin", "response.content_part.added", {**where, "part": whole | {"text": ""}}
    for part in _pieces(text, _size(text)):
        yield "text", "response.output_text.delta", {**where, "delta": part, "logprobs": []}
    yield "text", "response.output_text.done", {**where, "text": text, "logprobs": []}
    yield "text", "response.content_part.done", {**where, "part": whole}
    yield "text", "response.output_item.done", {"item": item | {"status": "completed", "content": [whole]}}


def _function(made: Call, identity: str, call_id: str) -> Iterator[tuple[Kind, str, dict[str, Any]]]:
    item = {"id": identity, "type": "function_call", "call_id": call_id, "name": made.name, "arguments": ""}
    yield "name", "response.output_item.added", {"item": item | {"status": "in_progress"}}
    for part in _pieces(made.text, 7):
        yield "arguments", "response.function_call_arguments.delta", {"item_id": identity, "delta": part}
    done = {"item_id": identity, "name": made.name, "arguments": made.text}
    yield "call", "response.function_call_arguments.done", done
    yield "call", "response.output_item.done", {"item": item | {"arguments": made.text, "status": "completed"}}


# -- the Chat Completions interface ------------------------------------------------------------------------------------


def _chat(step: Step, number: int) -> Iterator[Piece]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion.chunk",
            "created": 1_750_000_000,
            "model": "test",
            "choices": [choice],
        }

    yield "begin", chunk({"role": "assistant", "content": ""})
    for part in _pieces(step.text, _size(step.text)):
        yield "text", chunk({"content": part})
    for place, made in enumerate(step.calls):
        head = {"index": place, "id": made.id or f"call_{number}_{place}", "type": "function"}
        yield "name", chunk({"tool_calls": [head | {"function": {"name": made.name, "arguments": ""}}]})
        parts = _pieces(made.text, 7)
        for at, part in enumerate(parts, start=1):
            kind: Kind = "call" if at == len(parts) else "arguments"
            yield kind, chunk({"tool_calls": [{"index": place, "function": {"arguments": part}}]})
    if step.failure:
        yield "finish", {"error": {"message": step.failure, "type": "server_error", "code": 500}}
        return
    yield "finish", chunk({}, step.reason or ("tool_calls" if step.calls else "stop"))
    given, made_tokens = step.tokens
    usage = {"prompt_tokens": given, "completion_tokens": made_tokens, "total_tokens": given + made_tokens}
    yield "finish", chunk({}) | {"choices": [], "usage": usage}
