"""The MCP client: one session with the tool server, a child process on stdio or a URL.

The server is the only one that touches Docker, Minikube, Helm or a cluster. A question it asks (form elicitation)
reaches the given callback, and so a human; without a callback the client says that nobody can be asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import settings
from agent.interrupt import Interrupt
from agent.problems import Interrupted, Problem, from_error
from agent.text import one_line, safe

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, Tool

__all__ = ["Answer", "Connection", "Progress", "Reply", "Server", "connect"]

Progress = Callable[[float, float | None, str], Awaitable[None]]
Answer = Callable[["ElicitRequestParams"], Awaitable["ElicitResult"]]

START_SECONDS = 60.0
PREVIEW = "longshore/preview"
"""``_meta`` of a call that shall only be looked at; the server's word for it."""


def default_command() -> tuple[str, ...]:
    """The server's program: this Python with the tool server's package, which is never looked for in the workspace."""
    return (sys.executable, "-P", "-m", "mcp_tools")


@dataclass(frozen=True)
class Connection:
    """How the tool server is reached. ``command`` replaces the program and its first arguments (tests)."""

    workspace: Path
    target: str | None = None
    profile: str | None = None
    read_only: bool = False
    url: str | None = None
    debug: bool = False
    command: tuple[str, ...] = field(default_factory=default_command)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    told: Callable[[Mapping[str, Any]], None] | None = None
    """Told what the server works on, as soon as it answers: ``target``, ``simulated``, ``notice``."""

    def argv(self) -> list[str]:
        """The child's command line. A flag that was not given is left to the server's own settings."""
        argv = [*self.command, "serve", "--workspace", str(self.workspace)]
        if self.target:
            argv += ["--target", self.target]
        if self.profile:
            argv += ["--profile", self.profile]
        return [*argv, "--read-only"] if self.read_only else argv


@dataclass(frozen=True)
class Reply:
    """A tool's result: the structured data, and the text made for a reader."""

    data: dict[str, Any]
    text: str


class Server:
    """A session with the tool server."""

    def __init__(self, client: Client, interrupt: Interrupt, answer: Answer | None = None) -> None:
        self._client = client
        self._interrupt = interrupt
        self._answer = answer
        self.about: Mapping[str, Any] = {}
        """What it works on: ``target``, ``simulated``, and ``notice`` when nobody chose it; empty when unknown."""

    async def call(
        self, tool: str, arguments: Mapping[str, Any] | None = None, *, progress: Progress | None = None
    ) -> Reply:
        """Call a tool to its end; questions are answered through the session's callback.

        Raises:
            Problem: the tool's error, or the server is gone.
            Interrupted: a signal came; the server has been told to cancel.
        """
        return await self._interrupt.during(self.quietly(tool, arguments, progress=progress))

    async def quietly(
        self, tool: str, arguments: Mapping[str, Any] | None = None, *, progress: Progress | None = None
    ) -> Reply:
        """The same, also after a signal: to see how things were left."""
        from mcp import MCPError

        async def say(done: float, total: float | None, message: str | None) -> None:
            if progress is not None:
                await progress(done, total, one_line(message or ""))

        given = {key: value for key, value in (arguments or {}).items() if value is not None}
        try:
            return _reply(await self._rounds(tool, given, say if progress else None), tool)
        except MCPError as error:
            raise _protocol_problem(error, tool) from error

    async def preview(self, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What the call would do and ask, without making it: effect, needs_confirmation, question, summary.

        None when the server cannot say: the call itself would fail, or it knows no previews.

        Raises:
            Problem: the server is gone.
        """
        from mcp import MCPError

        meta: Any = {PREVIEW: True}
        try:
            result = await self._interrupt.during(
                self._client.session.call_tool(tool, dict(arguments), meta=meta, allow_input_required=True)
            )
        except MCPError as error:
            raise _protocol_problem(error, tool) from error
        found = (getattr(result, "meta", None) or {}).get(PREVIEW)
        return found if isinstance(found, Mapping) else None

    async def tools(self) -> list[Tool]:
        """Every tool that the server lists.

        Raises:
            Problem: the server is gone.
        """
        from mcp import MCPError

        found: list[Tool] = []
        cursor: str | None = None
        try:
            while True:
                page = await self._interrupt.during(self._client.list_tools(cursor=cursor))
                found += page.tools
                cursor = page.next_cursor
                if not cursor:
                    return found
        except MCPError as error:
            raise _protocol_problem(error, "tools/list") from error

    async def prompts(self) -> dict[str, str]:
        """The server's prompts, which are its skills: name → description."""
        from mcp import MCPError

        try:
            listed = await self._interrupt.during(self._client.list_prompts())
        except MCPError:
            return {}
        return {prompt.name: safe(prompt.description or "") for prompt in listed.prompts}

    async def prompt(self, name: str) -> str:
        """The text of one prompt.

        Raises:
            Problem: there is none.
        """
        from mcp import MCPError

        try:
            found = await self._interrupt.during(self._client.get_prompt(name))
        except MCPError as error:
            raise _protocol_problem(error, name) from error
        return "\n".join(safe(getattr(message.content, "text", "")) for message in found.messages)

    async def _rounds(self, tool: str, arguments: dict[str, Any], say: Any) -> CallToolResult:
        """The call, made again with the answers as long as the server asks.

        A question that is not answered now is not sent back: it keeps waiting at the server.
        """
        from mcp.types import InputRequiredResult

        responses: dict[str, Any] | None = None
        state: str | None = None
        later: set[str] = set()
        while True:
            result = await self._client.session.call_tool(
                tool,
                arguments,
                progress_callback=say,
                input_responses=responses,
                request_state=state,
                allow_input_required=True,
            )
            if not isinstance(result, InputRequiredResult):
                return result
            requests = result.input_requests or {}
            responses = await self._answers(requests, later)
            if not responses:
                raise _waits(tool, sorted(requests))
            state = result.request_state

    async def _answers(self, requests: Mapping[str, Any], later: set[str]) -> dict[str, Any]:
        from mcp.types import ElicitRequest

        answers: dict[str, Any] = {}
        for key, request in requests.items():
            if key in later or self._answer is None or not isinstance(request, ElicitRequest):
                continue
            answer = await self._answer(request.params)
            if answer.action == "cancel":
                later.add(key)
            else:
                answers[key] = answer
        return answers

    async def introduce(self) -> None:
        """Ask what it works on. An older server does not say."""
        with contextlib.suppress(Problem):
            found = await self.read("longshore://target")
            self.about = found if isinstance(found, Mapping) else {}

    async def read(self, uri: str) -> Any:
        """The JSON of a resource.

        Raises:
            Problem: there is none, or it is no JSON.
        """
        from mcp import MCPError

        try:
            result = await self._interrupt.during(self._client.read_resource(uri))
        except MCPError as error:
            raise _protocol_problem(error, uri) from error
        text = "".join(getattr(part, "text", "") for part in result.contents)
        try:
            return json.loads(text)
        except ValueError as error:
            raise Problem(f"{uri} is not JSON", str(error)) from error


def _reply(result: CallToolResult, tool: str) -> Reply:
    text = "\n".join(part.text for part in result.content if part.type == "text")
    data = result.structured_content if isinstance(result.structured_content, dict) else {}
    if not result.is_error:
        return Reply(data, safe(text))
    meta: Mapping[str, Any] = result.meta or {}
    for found in (data.get("error"), data, *(v for k, v in meta.items() if k.endswith("error"))):
        if isinstance(found, Mapping) and "what" in found:
            raise from_error(found)
    raise Problem(text or f"{tool} failed")


def _waits(tool: str, ids: list[str]) -> Problem:
    first = ids[0] if ids else "ID"
    return Problem(
        f"{tool} needs a human's yes",
        "nothing was done yet",
        f"longshore approve {first}, then make the same call again",
        code="confirmation-required",
        details={"confirmation": first, "confirmations": ids},
    )


def _protocol_problem(error: Any, name: str) -> Problem:
    data = getattr(error, "data", None)
    if isinstance(data, Mapping) and "what" in data:
        return from_error(data)
    if getattr(error, "code", 0) == -32021:
        return Problem(
            f"{name} needs a human's yes",
            "nobody can be asked here",
            "run it in a terminal",
            code="confirmation-required",
        )
    return Problem(f"the tool server did not answer {name}", str(error), "longshore doctor", code="server")


@contextlib.asynccontextmanager
async def connect(
    connection: Connection, interrupt: Interrupt, *, answer: Answer | None = None
) -> AsyncIterator[Server]:
    """Start (or reach) the tool server for as long as the block lasts.

    Raises:
        Problem: it cannot be started or reached.
    """
    from mcp import Client
    from mcp.types import Implementation

    async def ask(context: Any, params: ElicitRequestParams) -> ElicitResult:
        assert answer is not None
        return await answer(params)

    failure: Exception | None = None
    async with contextlib.AsyncExitStack() as stack:
        errors = settings.log_file()
        offset = errors.stat().st_size if errors.exists() else 0
        target = await _transport(connection, errors, stack)
        client = Client(
            target,
            elicitation_callback=ask if answer else None,
            client_info=Implementation(name="longshore", version=version()),
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await stack.enter_async_context(client)
        except (Interrupted, Problem):
            raise
        except BaseException as error:
            if not isinstance(error, Exception):
                raise
            raise _start_problem(connection, error, errors, offset) from error
        try:
            server = Server(client, interrupt, answer)
            await server.introduce()
            if connection.told is not None:
                connection.told(server.about)
            yield server
        except Exception as error:
            failure = error  # raised outside: the client's task group would wrap it
    if failure is not None:
        raise failure


async def _transport(connection: Connection, errors: Path, stack: contextlib.AsyncExitStack) -> Any:
    if connection.url:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        token = os.environ.get("LONGSHORE_MCP_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        http = await stack.enter_async_context(
            httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(30, read=None))
        )
        return streamable_http_client(connection.url, http_client=http)
    from mcp.client.stdio import StdioServerParameters, stdio_client

    argv = connection.argv()
    files = [connection.workspace / settings.FILE, *sorted(connection.workspace.glob(f"*/{settings.FILE}"))]
    files += sorted(connection.workspace.glob(f"*/*/{settings.FILE}"))
    parameters = StdioServerParameters(
        command=argv[0],
        args=argv[1:],
        env=settings.server_environment(files, connection.environ),
        cwd=connection.workspace,
    )
    log = sys.stderr if connection.debug else stack.enter_context(errors.open("a", encoding="utf-8"))
    return stdio_client(parameters, errlog=log)


def _told(line: str) -> Problem | None:
    """The error that the server wrote before it ended, when it is one of its own."""
    import json

    try:
        error = json.loads(line)["longshore-error"]
        return Problem(error["what"], error["why"], error["remedy"], code=error["code"])
    except (ValueError, KeyError, TypeError):
        return None


def _start_problem(connection: Connection, error: Exception, errors: Path, offset: int) -> Problem:
    if connection.url:
        return Problem(
            f"the tool server at {connection.url} cannot be reached",
            _root(error),
            "longshore mcp --http 127.0.0.1:8765 starts one; LONGSHORE_MCP_TOKEN holds its token",
            code="environment-not-ready",
        )
    last = ""
    if not connection.debug and errors.exists():
        with errors.open("rb") as stream:
            stream.seek(offset)
            lines = stream.read(200_000).decode("utf-8", "replace").strip().splitlines()
            last = lines[-1] if lines else ""
    if (told := _told(last)) is not None:
        return told
    return Problem(
        "the tool server did not start", last or _root(error), f"--debug, or see {errors}", code="environment-not-ready"
    )


def _root(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def version() -> str:
    """Longshore's version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("longshore")
    except PackageNotFoundError:
        return "0.1.0"
