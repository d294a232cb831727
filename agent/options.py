"""What the commands share: their options, their help page, and the way a coroutine becomes a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from agent.output import Output

__all__ = ["Command", "Common", "Group", "common"]

F = TypeVar("F", bound=Callable[..., Any])
TARGETS = ("auto", "minikube", "sandbox")


class Command(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples."""
        _write_examples(self.examples, formatter)


class Group(click.Group):
    """A group that is a command itself, whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples."""
        _write_examples(self.examples, formatter)


def _write_examples(examples: Sequence[tuple[str, str]], formatter: click.HelpFormatter) -> None:
    if examples:
        formatter.write(f"\n{heading('Examples:')}\n")
        width = max(len(line) for line, _ in examples)
        for line, says in examples:
            formatter.write(f"  {click.style(line, fg='cyan')}{' ' * (width - len(line))}  {says}\n")


def heading(text: str) -> str:
    """A heading of a help page."""
    return click.style(text, bold=True)


@dataclass(frozen=True)
class Common:
    """The options that every command with a server has."""

    output: Output
    target: str | None = None
    profile: str | None = None
    url: str | None = None
    read_only: bool = False

    def connection(self, workspace: Path, *, read_only: bool = False) -> Any:
        """How to reach the tool server for that workspace."""
        from agent.client import Connection, default_command

        return Connection(
            workspace=workspace,
            target=self.target,
            profile=self.profile,
            read_only=read_only,
            url=self.url,
            debug=self.output.debug,
            command=default_command(),
            told=self.output.introduce,
        )


def _target(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value in (None, *TARGETS) or (value.startswith("context:") and len(value) > len("context:")):
        return value
    raise click.BadParameter(f"{value!r} is no target: {', '.join(TARGETS)}, or context:NAME of a kubeconfig context")


def common(*, json: bool = True, cluster: bool = True) -> Callable[[F], F]:
    """Add the shared options; the command gets them as ``common: Common``."""

    def decorate(fn: F) -> F:
        import functools

        @functools.wraps(fn)
        def run(*args: Any, **kwargs: Any) -> Any:
            output = Output(
                json=kwargs.pop("json", False), debug=kwargs.pop("debug", False), ask=not kwargs.pop("no_input", False)
            )
            names = ("target", "profile", "url")
            kwargs["common"] = Common(output=output, **{name: kwargs.pop(name, None) for name in names})
            return fn(*args, **kwargs)

        options = [click.option("--debug", is_flag=True, help="Show the tool server's log, and details of errors.")]
        options.append(click.option("--no-input", is_flag=True, help="Ask nothing, even on a terminal."))
        options.append(
            click.option("--mcp", "url", metavar="URL", help="Use a running tool server, not a child process.")
        )
        if cluster:
            options.append(click.option("--profile", metavar="NAME", help="Minikube profile."))
            options.append(
                click.option(
                    "--target",
                    metavar="TARGET",
                    callback=_target,
                    help="auto (default), minikube, sandbox, or context:NAME.",
                )
            )
        if json:
            options.append(click.option("--json", is_flag=True, help="One JSON document on stdout."))
        for option in options:
            run = option(run)
        return run  # type: ignore[return-value]

    return decorate
