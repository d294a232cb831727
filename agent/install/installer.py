"""``longshore mcp install``: show the change, ask, write, and say what comes next."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.install import edit, files, manifest
from agent.install.clients import CLIENTS, Client, Launch, Place, Scope
from agent.install.program import launch
from agent.output import Output
from agent.problems import DONE, Problem

__all__ = ["Wanted", "change", "here", "show"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_URL = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(/[^\s\"'<>\\^`{|}]*)?")


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    client: str
    scope: Scope = "user"
    name: str = "longshore"
    url: str = ""
    workspace: Path | None = None
    served: tuple[str, ...] = ()
    program: str | None = None
    namespace: str = "kagent"


def here() -> Place:
    """This machine, this user, this folder."""
    from agent.settings import workspace_of

    system: Any = sys.platform if sys.platform in ("darwin", "win32") else "linux"
    return Place(system, Path.home(), workspace_of(Path()), os.environ)


def _client(wanted: Wanted) -> Client:
    if not _NAME.fullmatch(wanted.name):
        raise Problem(
            f"{wanted.name!r} is no name", "small letters, digits and dashes", "--name longshore", code="usage"
        )
    if not _NAME.fullmatch(wanted.namespace):
        raise Problem(f"{wanted.namespace!r} is no namespace", remedy="--namespace kagent", code="usage")
    if wanted.url and not _URL.fullmatch(wanted.url):
        raise Problem(
            "that is no URL of a server",
            "http or https, a host and a path; no user and no password",
            "--url http://127.0.0.1:8765/mcp",
            code="usage",
        )
    return CLIENTS[wanted.client]


def _launch(wanted: Wanted, client: Client, place: Place) -> Launch:
    if wanted.url:
        return Launch(url=wanted.url)
    folder = wanted.workspace.resolve() if wanted.workspace else None
    return launch(client, wanted.scope, place, command=wanted.program, workspace=folder, more=wanted.served)


def show(wanted: Wanted, output: Output, place: Place | None = None) -> int:
    """Only print what would be written. On stdout it is the configuration and nothing else."""
    client, place = _client(wanted), place or here()
    if client.format == "manifest":
        return _manifest(wanted, output)
    file = client.file(wanted.scope, place)
    text = edit.fresh(client, _launch(wanted, client, place), wanted.name)
    output.line(text.rstrip("\n"))
    if not output.json:
        output.note(f"in {file}")
    output.document({"client": client.key, "scope": wanted.scope, "file": str(file), "configuration": text})
    return DONE


def _manifest(wanted: Wanted, output: Output) -> int:
    url = wanted.url or manifest.DEFAULT_URL
    text = manifest.remote_server(url, wanted.namespace, wanted.name)
    output.line(text.rstrip("\n"))
    if not output.json:
        secret = f"the Secret {manifest.SECRET} in {wanted.namespace} has to have the key {manifest.SECRET_KEY}"
        output.note(f'{secret}: "Bearer TOKEN"')
    output.document({"client": "kagent", "configuration": text})
    return DONE


def change(wanted: Wanted, output: Output, *, remove: bool, yes: bool, place: Place | None = None) -> int:
    """Write it, or take it out again, after a yes.

    Raises:
        Problem: nobody can be asked, it was declined, or the file cannot be changed safely.
    """
    client, place = _client(wanted), place or here()
    if client.format == "manifest":
        if remove:
            gone = f"kubectl --namespace {wanted.namespace} delete remotemcpserver {wanted.name}"
            raise Problem("kagent has no file", "its servers are objects in the cluster", gone, code="usage")
        return _manifest(wanted, output)
    file = client.file(wanted.scope, place)
    found = files.find(file, inside=place.project if wanted.scope == "project" else None)
    made = (
        edit.removed(client, found.text, wanted.name)
        if remove
        else edit.added(client, _launch(wanted, client, place), found.text, wanted.name)
    )
    told: dict[str, Any] = {"client": client.key, "scope": wanted.scope, "file": str(file), "changed": made.changed}
    if not made.changed:
        output.line(f"{file}: {'it is not there' if remove else 'nothing to change'}")
        output.document(told | {"backup": None, "diff": ""})
        return DONE
    diff = edit.shown_diff(made, str(found.path))
    if not yes:
        _ask(client, found, diff, output, remove)
    elif not output.json:
        output.note(diff)
    kept = files.write(found, made.after, private=wanted.scope == "user", backups=_backups())
    output.line(f"{found.path}: {'taken out' if remove else 'written'}")
    if not output.json:
        _next(client, wanted, kept, output, remove)
    output.document(told | {"backup": str(kept) if kept else None, "diff": diff})
    return DONE


def _backups() -> Path:
    from agent.settings import log_file

    return log_file().parent / "backups"


def _next(client: Client, wanted: Wanted, kept: Path | None, output: Output, remove: bool) -> None:
    if kept:
        output.note(f"the old one: {kept}")
    if wanted.url and not remove:
        output.note(client.token_note())
    if not remove:
        output.note(f"next: {client.after}")


def _ask(client: Client, found: files.Found, diff: str, output: Output, remove: bool) -> None:
    """A human's yes to this change of this file.

    Raises:
        Problem: it was a no, or nobody is there to ask.
    """
    summary = f"{'take Longshore out of' if remove else 'write Longshore into'} {found.path}"
    if not output.interactive:
        output.note(diff)
        raise Problem(
            f"{found.path} would be changed",
            "nobody can be asked here",
            "run it in a terminal, or with --yes; --print only shows it",
            code="confirmation-required",
        )
    from agent.confirm import Question, TerminalAnswers
    from agent.interrupt import execute

    facts = [f"for: {client.title}"]
    facts += [] if found.mode is None else ["the old file is kept"]
    question = Question(
        summary, "change" if found.mode is not None else "create", "this machine", tuple(facts), tuple(diff.split("\n"))
    )
    answers: list[str] = []

    async def work(interrupt: Any) -> int:
        answers.append(await interrupt.during(TerminalAnswers(output).choose(question)))
        return DONE

    execute(work)
    if answers != ["yes"]:
        raise Problem("nothing was written", "it was not confirmed", code="declined")
