"""``longshore mcp``: it becomes the tool server. ``longshore mcp install``: makes a client know it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from agent.options import Command, Group
from agent.output import Output

_EXAMPLES = (
    ("longshore mcp", "stdio, for a client that starts it itself"),
    ("longshore mcp --workspace ~/shop --read-only", "look, but do not touch"),
    ("longshore mcp --http 127.0.0.1:8765", "streamable HTTP with a bearer token"),
    ("longshore mcp install --client claude-code", "make a client know it"),
)
_INSTALL = (
    ("longshore mcp install --client claude-code", "for you, in all folders"),
    ("longshore mcp install --client vscode --scope project", "for everybody who works on this folder"),
    ("longshore mcp install --client cursor --print", "only show it"),
    ("longshore mcp install --client kagent | kubectl apply -f -", "the manifest of a cluster's client"),
    ("longshore mcp install --client claude-code --uninstall", "take it out again"),
)
_CLIENTS = ("claude-code", "claude-desktop", "cursor", "vscode", "kubectl-ai", "kagent")


@click.group(
    "mcp", cls=Group, examples=_EXAMPLES, invoke_without_command=True, short_help="Serve the tools to any MCP client"
)
@click.option(
    "--workspace", type=click.Path(path_type=Path, exists=True, file_okay=False), help="No path leads out of it."
)
@click.option("--target", metavar="TARGET", help="auto, minikube, sandbox, or context:NAME.")
@click.option("--profile", metavar="NAME", help="Minikube profile.")
@click.option("--toolsets", metavar="NAMES", help="Comma-separated, or all.")
@click.option("--read-only", is_flag=True, help="Refuse every tool that does more than look.")
@click.option("--http", "address", metavar="[HOST:]PORT", help="Streamable HTTP instead of stdio.")
@click.option("--allowed-host", multiple=True, metavar="HOST", help="A Host header to accept beside loopback's.")
@click.pass_context
def command(
    ctx: click.Context,
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
    if ctx.invoked_subcommand is not None:
        if any(value for value in ctx.params.values()):
            raise click.UsageError(f"options of the server go after {ctx.invoked_subcommand}")
        return
    from agent.client import default_command
    from agent.settings import import_path, workspace_of

    argv = [*default_command(), "serve", "--workspace", str(workspace or workspace_of(Path()))]
    argv += _served(target, profile, toolsets, read_only)
    argv += ["--http", address] if address else []
    for host in allowed_host:
        argv += ["--allowed-host", host]
    os.execve(argv[0], argv, {**os.environ, "PYTHONPATH": import_path()})  # noqa: S606 (no shell)


def _served(target: str | None, profile: str | None, toolsets: str | None, read_only: bool) -> list[str]:
    words = []
    for flag, value in (("--target", target), ("--profile", profile), ("--toolsets", toolsets)):
        words += [flag, value] if value else []
    return [*words, *(["--read-only"] if read_only else [])]


@command.command("install", cls=Command, examples=_INSTALL, short_help="Write the configuration of an MCP client")
@click.option("--client", "key", type=click.Choice(_CLIENTS), required=True, help="Whose configuration.")
@click.option(
    "--scope",
    type=click.Choice(("user", "project")),
    default="user",
    show_default=True,
    help="For you, or the project.",
)
@click.option("--url", metavar="URL", help="A server that runs already, instead of one that the client starts.")
@click.option("--name", default="longshore", show_default=True, metavar="NAME", help="What the client calls it.")
@click.option(
    "--workspace",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="No path leads out of it. Default: the Git repository of this folder.",
)
@click.option("--target", metavar="TARGET", help="auto, minikube, sandbox, or context:NAME.")
@click.option("--profile", metavar="NAME", help="Minikube profile.")
@click.option("--toolsets", metavar="NAMES", help="Comma-separated, or all.")
@click.option("--read-only", is_flag=True, help="Refuse every tool that does more than look.")
@click.option("--command", "program", metavar="PROGRAM", help="The program to start. Default: this one.")
@click.option("--namespace", default="kagent", show_default=True, metavar="NAME", help="Where kagent runs.")
@click.option("--uninstall", is_flag=True, help="Take it out again.")
@click.option("--print", "only_print", is_flag=True, help="Only show what would be written; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", is_flag=True, help="One JSON document on stdout.")
def install(
    key: str,
    scope: Any,
    url: str | None,
    name: str,
    workspace: Path | None,
    target: str | None,
    profile: str | None,
    toolsets: str | None,
    read_only: bool,
    program: str | None,
    namespace: str,
    uninstall: bool,
    only_print: bool,
    yes: bool,
    json: bool,
) -> int:
    """Write Longshore into the configuration of an MCP client, or take it out again.

    The change is shown and asked about before a file is touched; the old file is kept. Everything else in it stays as
    it is, comments as well. No token is ever written.
    """
    from agent.install import installer

    served = tuple(_served(target, profile, toolsets, read_only))
    if url and (served or program or workspace):
        raise click.UsageError("what runs at a URL was started with options of its own: leave them out here")
    wanted = installer.Wanted(key, scope, name, url or "", workspace, served, program, namespace)
    output = Output(json=json)
    if only_print:
        return installer.show(wanted, output)
    return installer.change(wanted, output, remove=uninstall, yes=yes)
