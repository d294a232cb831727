"""``longshore``: the command line. Heavy packages are imported by the commands that need them, not here."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from agent.options import heading
from agent.output import Output
from agent.problems import INTERRUPTED, USAGE, Interrupted, Problem

__all__ = ["cli", "main"]

_COMMANDS: dict[str, tuple[tuple[str, str], ...]] = {
    "Begin": (
        ("doctor", "Check this machine, and show the settings"),
        ("init", "Write a longshore.yaml for a project"),
    ),
    "Deploy": (
        ("deploy", "Take a project from source to healthy pods, in seven stages"),
        ("rollback", "Take a release back to an earlier revision"),
        ("uninstall", "Take everything down again"),
    ),
    "Look": (
        ("status", "Show what is deployed, its pods, and the last runs"),
        ("diagnose", "Say what is wrong, why, and what would fix it"),
        ("runs", "List, show, resume and report runs"),
    ),
    "Talk": (("chat", "Talk with an agent about what to deploy and mend"),),
    "Control": (
        ("approve", "Answer a question that waits"),
        ("sandbox", "The embedded cluster for when there is none"),
        ("mcp", "Serve the tools to any MCP client"),
    ),
}
_EXAMPLES = (
    ("longshore doctor", "is everything there?"),
    ("longshore deploy examples/todo-chatbot", "from source to healthy pods"),
    ("longshore deploy . --plan", "what it would do, and would ask"),
    ("longshore deploy . --rehearse", "in a throw-away sandbox first"),
    ("longshore diagnose --namespace todo", "why does it not work?"),
    ("longshore rollback todo-backend", "back to the last good revision"),
    ("longshore runs report RUN -o run.html", "the whole story on one page"),
)
_EXITS = (
    ("0", "done"),
    ("1", "a check failed"),
    ("2", "usage"),
    ("3", "waits for a confirmation"),
    ("4", "the environment is not ready"),
    ("130", "interrupted"),
)


class Longshore(click.Group):
    """The group. A command's module is imported when it is called; the help page knows them without."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the help page."""
        return [name for section in _COMMANDS.values() for name, _ in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, from its module."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"agent.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command; a wrong name is answered with the nearest."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.list_commands(ctx):
            import difflib

            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"there is no command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The front page."""
        name = click.style("longshore", bold=True, fg="cyan")
        formatter.write(f"{name} takes a project from source to healthy pods on Minikube,\n")
        formatter.write("and back out again. Nothing that can hurt runs without your yes.\n\n")
        formatter.write(f"{heading('Usage:')} longshore COMMAND [OPTIONS]\n")
        for title, commands in _COMMANDS.items():
            self._list(formatter, title, commands, 10)
        self._list(formatter, "Examples", _EXAMPLES, 39)
        self._list(formatter, "Exit codes", _EXITS, 10)
        self._list(
            formatter, "Options", (("-h, --help", "Help, also of each command"), ("--version", "The version")), 10
        )

    @staticmethod
    def _list(formatter: click.HelpFormatter, title: str, rows: Sequence[tuple[str, str]], width: int) -> None:
        formatter.write(f"\n{heading(title + ':')}\n")
        for term, says in rows:
            formatter.write(f"  {click.style(term, fg='cyan')}{' ' * max(width - len(term), 0)}  {says}\n")


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from agent.client import version

        click.echo(f"longshore {version()}")
        ctx.exit()


@click.command(cls=Longshore, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="The version.")
def cli() -> None:
    """Take a project from source to healthy pods on Minikube, and back out again."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code. Never shows a traceback, but with ``--debug``."""
    words = list(sys.argv[1:] if args is None else args)
    sys.exit(run(words))


def run(words: Sequence[str]) -> int:
    """Run the command line; the exit code."""
    output = Output(json="--json" in words, debug="--debug" in words)
    try:
        result: Any = cli.main(list(words), prog_name="longshore", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        return _fail(output, _usage(error))
    except (click.Abort, KeyboardInterrupt):
        return _fail(output, Interrupted())
    except Problem as problem:
        if output.debug and problem.__cause__:
            _trace(output)
        return _fail(output, problem)
    except BrokenPipeError:
        return _closed()
    except Exception as error:
        return _fail(output, _defect(error, output))
    return result if isinstance(result, int) else 0


def _usage(error: click.ClickException) -> Problem:
    context = getattr(error, "ctx", None)
    return Problem(
        error.format_message(), remedy=f"{context.command_path if context else 'longshore'} --help", code="usage"
    )


def _fail(output: Output, problem: Problem) -> int:
    output.problem(problem)
    if not getattr(problem, "documented", False):
        output.document({"error": problem.as_dict()})
    return problem.exit_code


def _defect(error: Exception, output: Output) -> Problem:
    """Something that should not be. The details go to the log."""
    import traceback

    from agent.settings import log_file

    if output.debug:
        _trace(output)
    try:
        file = log_file()
        with file.open("a", encoding="utf-8") as log:
            log.write("".join(traceback.format_exception(error)))
        where = f"the details are in {file}"
    except OSError:
        where = "run it again with --debug"
    return Problem("this is a defect of longshore", f"{type(error).__name__}: {error}", where, code="defect")


def _trace(output: Output) -> None:
    import traceback

    output.note(traceback.format_exc())


def _closed() -> int:
    """Whoever read our output has gone."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return INTERRUPTED if sys.stdout.isatty() else 1
