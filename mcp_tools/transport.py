"""How the server is reached: stdio, or streamable HTTP on loopback with a bearer token, Host and Origin checked."""

from __future__ import annotations

import hmac
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_tools.errors import UsageError

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["TOKEN_VARIABLE", "http", "http_app", "stdio"]

TOKEN_VARIABLE = "LONGSHORE_MCP_TOKEN"  # noqa: S105 (the name of a variable)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


async def stdio(server: Server[Any]) -> None:
    """Serve one client over standard input and output."""
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


HEALTH = "/healthz"
"""Says that the server is there, and nothing else: for the probes of a cluster, which have no token."""


class BearerToken:
    """ASGI middleware: nothing passes without the token. The comparison takes the same time for every guess."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) == ("GET", HEALTH):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"ok\n"})
            return
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(given, self._expected):
                headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b'Bearer realm="longshore"')]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b"a bearer token is needed\n"})
                return
        await self.app(scope, receive, send)


def http_app(server: Server[Any], host: str, port: int, token: str, allowed_hosts: tuple[str, ...] = ()) -> ASGIApp:
    """The ASGI application: MCP at ``/mcp``."""
    from mcp.server.transport_security import TransportSecuritySettings

    names = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")] + list(allowed_hosts)
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=names,
        allowed_origins=[f"http://{name}" for name in names],
    )
    app = server.streamable_http_app(host=host, streamable_http_path="/mcp", transport_security=security)
    return BearerToken(app, token)


async def http(
    server: Server[Any], host: str, port: int, token_file: Path, allowed_hosts: tuple[str, ...] = ()
) -> None:
    """Serve over streamable HTTP.

    Raises:
        UsageError: a public address without an explicit token and host names.
    """
    import uvicorn

    token = os.environ.get(TOKEN_VARIABLE, "")
    if host not in LOOPBACK and not (token and allowed_hosts):
        raise UsageError(
            f"{host} can be reached from other machines",
            "the server listens there only with a token and host names of your own",
            f"set {TOKEN_VARIABLE} and --allowed-host, or use 127.0.0.1",
        )
    if token and len(token) < 24:
        raise UsageError(f"{TOKEN_VARIABLE} is too short", "24 characters or more", "openssl rand -hex 32")
    if not token:
        token = _token(token_file)
        print(f"longshore: the bearer token is in {token_file}", file=sys.stderr)  # noqa: T201
    app = http_app(server, host, port, token, allowed_hosts)
    listening = _listen(host, port)
    print(f"longshore: MCP on http://{host}:{port}/mcp", file=sys.stderr, flush=True)  # noqa: T201
    await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """The socket, taken before anything is promised.

    Raises:
        UsageError: the address is in use, or is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise UsageError(f"{host}:{port} cannot be served", str(error.strerror), "choose another port") from error
    return made


def _token(file: Path) -> str:
    """The token of this user; made at the first use, readable by nobody else."""
    if file.is_file():
        return file.read_text(encoding="ascii").strip()
    token = secrets.token_urlsafe(32)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.write(token + "\n")
    return token
