"""``python -m mcp_tools``: serve the tools, answer a confirmation, print the schemas."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mcp_tools.errors import LongshoreError, UsageError

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Longshore's MCP server."""


@main.command()
@click.option("--workspace", type=click.Path(path_type=Path), default=Path(), help="No path leads out of it.")
@click.option("--target", help="auto, minikube, sandbox, or context:NAME.")
@click.option("--profile", help="Minikube profile.")
@click.option("--toolsets", help="Comma-separated, or all.")
@click.option("--read-only", is_flag=True, default=None, help="Refuse every tool that does more than look.")
@click.option("--http", "address", metavar="[HOST:]PORT", help="Streamable HTTP instead of stdio.")
@click.option("--allowed-host", multiple=True, help="A Host header to accept beside loopback's.")
def serve(
    workspace: Path,
    target: str | None,
    profile: str | None,
    toolsets: str | None,
    read_only: bool | None,
    address: str | None,
    allowed_host: tuple[str, ...],
) -> None:
    """Serve the tools over stdio, or over HTTP with --http."""
    import anyio

    from mcp_tools import config
    from mcp_tools.targets.choice import Chosen, choose

    flags = {"target": target, "profile": profile, "toolsets": toolsets, "read_only": read_only}
    settings, sourced = config.load(flags)
    if not workspace.is_dir():
        raise UsageError(f"there is no folder {workspace}", remedy="name the folder of your application")
    # Asking Docker takes as long as importing the rest.
    choosing = _beside(choose, settings.target, settings.profile) if settings.target == "auto" else None
    from mcp_tools import transport
    from mcp_tools.server import Options, build
    from mcp_tools.world import World

    chosen = choosing() if choosing else Chosen(settings.target)
    server = build(
        Options(
            World(chosen.target, settings.profile, settings=tuple(sourced), notice=chosen.notice),
            workspace.resolve(),
            toolset_names(settings.toolsets),
            settings.read_only,
        )
    )
    _quiet()
    if address is None:
        anyio.run(transport.stdio, server)
    else:
        host, port = _address(address)
        anyio.run(transport.http, server, host, port, config.state_dir() / "mcp-token", allowed_host)


def _beside(work: Callable[..., Awaitable[T]], *arguments: Any) -> Callable[[], T]:
    """Begin a coroutine in a thread; what is returned waits for its end."""
    from concurrent.futures import ThreadPoolExecutor

    import anyio

    pool = ThreadPoolExecutor(1)
    future = pool.submit(anyio.run, work, *arguments)
    pool.shutdown(wait=False)
    return future.result


def toolset_names(text: str) -> tuple[str, ...] | None:
    """The toolsets that a setting names; None is all of them.

    Raises:
        UsageError: there is no such toolset.
    """
    from mcp_tools import library
    from mcp_tools.catalog import CATALOG
    from mcp_tools.server import DEFAULT_TOOLSETS

    if text == "all":
        return None
    if text == "default":
        return DEFAULT_TOOLSETS
    library.load()
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = sorted(set(names) - set(CATALOG.toolsets))
    if unknown or not names:
        raise UsageError(
            f"there is no toolset {', '.join(unknown) or text!r}", f"there are {', '.join(CATALOG.toolsets)}, and all"
        )
    return names


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"{text!r} is no address", remedy="--http 127.0.0.1:8765")
    return host.strip("[]") or "127.0.0.1", int(port)


def _quiet() -> None:
    """Logs go to stderr, warnings only: standard output is the protocol's."""
    import logging

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


@main.command()
@click.argument("confirmation_id", required=False)
def approve(confirmation_id: str | None) -> None:
    """Answer a confirmation that waits (without an id: list them). Needs a terminal: a human answers, not a program."""
    from mcp_tools.guard.journal import Journal

    journal = Journal.default()
    if confirmation_id is None:
        waiting = [c for c in journal.confirmations(status="waiting") if not c.expired]
        click.echo("\n".join(f"{c.id}  {c.effect.value:7}  {c.preview.summary}" for c in waiting) or "nothing waits")
        return
    found = journal.confirmation(confirmation_id)
    if found.status != "waiting" or found.expired:
        state = "expired" if found.expired else found.status
        raise UsageError(f"confirmation {found.id} waits for no answer", f"it is {state}", "make the call again")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("this needs a terminal", "a human answers, not a program", "run it in a terminal")
    click.echo(found.question())
    said = click.prompt("Type yes to do exactly this, once", default="no", show_default=True)
    while said.strip().lower() not in ("yes", "no", "n"):
        said = click.prompt("The whole word yes, or no", default="no", show_default=True)
    approved = said.strip().lower() == "yes"
    answered = journal.answer(found.id, approved, by=_user(), channel="terminal")
    again = f"now: longshore runs resume {answered.run_id}" if answered.run_id else "now make the same call again"
    click.echo(f"approved, for five minutes; {again}" if approved else "declined; nothing will be done")


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@main.group()
def sandbox() -> None:
    """The embedded, simulated cluster."""


_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@sandbox.command("up")
@_JSON
def sandbox_up(as_json: bool) -> None:
    """Start it."""
    from mcp_tools.targets.sandbox import console

    _tell(console.up(), as_json)


@sandbox.command("down")
@_JSON
def sandbox_down(as_json: bool) -> None:
    """Stop it; what is in it stays."""
    from mcp_tools.targets.sandbox import console

    _tell(console.down(), as_json)


@sandbox.command("status")
@_JSON
def sandbox_status(as_json: bool) -> None:
    """Say whether it runs, and what is in it."""
    from mcp_tools.targets.sandbox import console

    _tell(console.status(), as_json)


@sandbox.command("reset")
@_JSON
@click.option("--yes", is_flag=True, help="Do not ask.")
def sandbox_reset(as_json: bool, yes: bool) -> None:
    """Forget everything in it, the built images as well."""
    from mcp_tools.targets.sandbox import console

    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError("everything in the sandbox would be lost", "nobody can be asked here", "--yes")
        lost = console.status().lines[-1]
        if click.prompt(f"{lost}\nType yes to forget it all", default="no", err=True).strip().lower() != "yes":
            click.echo("nothing was done", err=True)
            return
    _tell(console.reset(), as_json)


def _tell(said: Any, as_json: bool) -> None:
    click.echo(json.dumps(said.data, indent=2, ensure_ascii=False) if as_json else "\n".join(said.lines))


@main.command()
def schema() -> None:
    """Print the JSON schema of longshore.yaml."""
    from mcp_tools.application import schema as made

    click.echo(json.dumps(made(), indent=2, ensure_ascii=False))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="The whole definitions, as MCP shows them.")
def tools(as_json: bool) -> None:
    """List all tools."""
    from mcp_tools import library
    from mcp_tools.catalog import CATALOG

    library.load()
    if as_json:
        found: list[dict[str, Any]] = [
            {
                "name": t.name,
                "title": t.title,
                "description": t.description,
                "toolset": t.toolset,
                "effect": t.effect.value,
                "inputSchema": t.input_schema,
                "outputSchema": t.output_schema,
            }
            for t in CATALOG.all()
        ]
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for tool in CATALOG.all():
        click.echo(f"{tool.name:26} {tool.effect.value:8} {tool.description}")


def run() -> None:
    """The entry point: an error is one line on stderr."""
    try:
        main(standalone_mode=False)
    except LongshoreError as error:
        told = json.dumps({"longshore-error": error.as_dict()}) if os.environ.get("LONGSHORE_ERRORS") == "json" else ""
        click.echo(told or f"longshore: {error.line()}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("longshore: interrupted", err=True)
        sys.exit(130)


if __name__ == "__main__":
    run()
