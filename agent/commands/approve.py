"""``longshore approve``: becomes the server's own program, which answers in the journal, out of any model's reach."""

from __future__ import annotations

import os

import click

from agent.options import Command

_EXAMPLES = (
    ("longshore approve", "list what waits"),
    ("longshore approve c-7k3m9qx2fa", "see the question with its diff, and answer it"),
)


@click.command("approve", cls=Command, examples=_EXAMPLES, short_help="Answer a question that waits")
@click.argument("confirmation", required=False)
def command(confirmation: str | None) -> None:
    """Answer a question that waits, in this terminal. Without an id, list them.

    A yes counts once, for five minutes, and for exactly what the question shows.
    """
    from agent.client import default_command
    from agent.settings import import_path

    argv = [*default_command(), "approve", *([confirmation] if confirmation else [])]
    os.execve(argv[0], argv, {**os.environ, "PYTHONPATH": import_path()})  # noqa: S606 (no shell)
