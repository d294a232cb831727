"""``longshore sandbox``: becomes the server's own program, which starts and stops the embedded cluster."""

from __future__ import annotations

import os
from typing import NoReturn

import click

from agent.options import Command


@click.group("sandbox", short_help="The embedded cluster for when there is none")
def command() -> None:
    """The embedded, simulated Kubernetes cluster: what deploy uses where there is no Minikube.

    It starts by itself when it is needed and stops when nobody asks it for half an hour; what is in it stays. kubectl
    and helm work on it. Nothing in it is real: no container runs.
    """


def _become(words: list[str], json: bool) -> NoReturn:
    from agent.client import default_command
    from agent.settings import import_path

    argv = [*default_command(), "sandbox", *words, *(["--json"] if json else [])]
    os.execve(argv[0], argv, {**os.environ, "PYTHONPATH": import_path()})  # noqa: S606 (no shell)


_JSON = click.option("--json", is_flag=True, help="One JSON document on stdout.")


@command.command(
    "up",
    cls=Command,
    short_help="Start it",
    examples=(("longshore sandbox up", "start it, and see how kubectl reaches it"),),
)
@_JSON
def sandbox_up(json: bool) -> None:
    """Start it, and say how kubectl reaches it."""
    _become(["up"], json)


@command.command(
    "down", cls=Command, short_help="Stop it; what is in it stays", examples=(("longshore sandbox down", ""),)
)
@_JSON
def sandbox_down(json: bool) -> None:
    """Stop it. What is in it stays, and the next command that needs it starts it again."""
    _become(["down"], json)


@command.command(
    "status",
    cls=Command,
    short_help="Say whether it runs, and what is in it",
    examples=(("longshore sandbox status --json", "for a script"),),
)
@_JSON
def sandbox_status(json: bool) -> None:
    """Say whether it runs, and what is in it."""
    _become(["status"], json)


@command.command(
    "reset",
    cls=Command,
    short_help="Forget everything in it",
    examples=(("longshore sandbox reset", "asks first"), ("longshore sandbox reset --yes", "does not")),
)
@_JSON
@click.option("--yes", is_flag=True, help="Do not ask.")
def sandbox_reset(json: bool, yes: bool) -> None:
    """Forget everything in it: releases, volumes, and the images that were built for it."""
    _become(["reset", *(["--yes"] if yes else [])], json)
