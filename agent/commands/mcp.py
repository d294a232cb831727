"""``longshore mcp``: it becomes the tool server."""

from __future__ import annotations

import os
from pathlib import Path

import click

from agent.options import Command

_EXAMPLES = (
    ("longshore mcp", "stdio, for a client that starts it itself"),
    ("longshore mcp --workspace ~/shop --read-only", "look, but do not touch"),
    ("longshore mcp --http 127.0.0.1:8765", "streamable HTTP with a bearer token"),
)


@click.command("mcp", cls=Command, examples=_EXAMPLES, short_help="Serve the tools to any MCP client")
@click.option(
    "--workspace", type=click.Path(path_type=Path, exists=True, file_okay=False), help="No path leads out of it."
)
@click.option("--target", metavar="TARGET", help="auto, minikube, sandbox, or context:NAME.")
@click.option("--profile", metavar="NAME", help="Minikube profile.")
@click.option("--toolsets", metavar="NAMES", help="Comma-separated, or all.")
@click.option("--read-only", is_flag=True, help="Refuse every tool that does more than look.")
@click.option("--http", "address", metavar="[HOST:]PORT", help="Streamable HTTP instead of stdio.")
@click.option("--allowed-host", multiple=True, metavar="HOST", help="A Host header to accept beside loopback's.")
def command(
    workspace: Path | None,
    target: str | None,
    profile: str | None,
    toolsets: str | None,
    read_only: bool,
    address: str | None,
    allowed_host: tuple[str, ...],
) -> None:
    """Serve Longshore's tools to Claude, kubectl-ai, kagent or any other MCP client.

    The client's human is asked before anything changes. A client that cannot ask is told an id, which
    "longshore approve" answers.
    """
    from agent.client import default_command
    from agent.settings import import_path, workspace_of

    argv = [*default_command(), "serve", "--workspace", str(workspace or workspace_of(Path()))]
    for flag, value in (("--target", target), ("--profile", profile), ("--toolsets", toolsets), ("--http", address)):
        argv += [flag, value] if value else []
    argv += ["--read-only"] if read_only else []
    for host in allowed_host:
        argv += ["--allowed-host", host]
    os.execve(argv[0], argv, {**os.environ, "PYTHONPATH": import_path()})  # noqa: S606 (no shell)
