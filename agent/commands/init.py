"""``longshore init``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agent.options import Command, Common, common

_EXAMPLES = (
    ("longshore init", "the project in this folder"),
    ("longshore init ../shop --name shop", "with a name of your own"),
    ("longshore init --stdout", "only show what it would write"),
)


@click.command("init", cls=Command, examples=_EXAMPLES, short_help="Write a longshore.yaml for a project")
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path())
@click.option("--name", metavar="NAME", help="The application's name; default: the folder's.")
@click.option("--stdout", "show", is_flag=True, help="Print it; write nothing.")
@common(cluster=False)
def command(path: Path, name: str | None, show: bool, common: Common) -> int:
    """Write a longshore.yaml for the project in PATH (default: this folder).

    A folder with a Dockerfile, a pyproject.toml or a package.json becomes a service; what it needs is read from its
    source. An existing longshore.yaml is not replaced unless you say so.
    """
    from agent.interrupt import execute
    from agent.settings import FILE, application_path, workspace_of

    folder = path.resolve()
    workspace = workspace_of(folder)

    async def work(interrupt: Any) -> int:
        from agent.client import connect
        from agent.drafting import draft, name_from, service_folders, to_yaml, unset
        from agent.problems import Problem

        folders = service_folders(folder)
        if not folders:
            raise Problem(
                f"there is no service in {path}",
                "no folder has a Dockerfile, a pyproject.toml or a package.json",
                "longshore init FOLDER",
                code="usage",
            )
        async with connect(common.connection(workspace), interrupt) as server:
            with common.output.busy("reading the sources"):
                found = [
                    (f, (await server.call("project_analyze", {"path": application_path(f, workspace)})).data)
                    for f in folders
                ]
            document = draft(name or name_from(folder.name), folder, found)
            text = to_yaml(document, unset(document, found))
            if show:
                common.output.document(document)
                common.output.line(text.rstrip())
                return 0
            file = folder / FILE
            if file.exists() and not _replace(common, file):
                return 1
            before = file.read_text(encoding="utf-8") if file.exists() else None
            file.write_text(text, encoding="utf-8")
            try:
                plan = {"playbook": "deploy", "application": application_path(folder, workspace), "stages": "2"}
                await server.call("playbook_plan", plan)
            except Problem as problem:
                if problem.code == "usage":
                    _restore(file, before)
                    raise
                common.output.note(f"could not be planned here yet: {problem.line()}")
        names = [service["name"] for service in document["spec"]["services"]]
        common.output.document({"file": str(file), "services": names, "document": document})
        common.output.line(f"written: {_shown(file)} with {', '.join(names)}", "bold green")
        common.output.line(f"Read it through, then: longshore deploy {path} --plan")
        return 0

    return execute(work)


def _shown(file: Path) -> str:
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)


def _replace(common: Common, file: Path) -> bool:
    """Ask; without a terminal the answer is no.

    Raises:
        Problem: nobody can be asked.
    """
    from agent.problems import Problem

    if not common.output.interactive:
        raise Problem(
            f"{_shown(file)} exists",
            "it is not replaced without asking",
            "longshore init --stdout shows the new one",
            code="usage",
        )
    if click.confirm(f"{_shown(file)} exists. Replace it?", default=False, err=True):
        return True
    common.output.note("it stays as it is")
    return False


def _restore(file: Path, before: str | None) -> None:
    if before is None:
        file.unlink()
    else:
        file.write_text(before, encoding="utf-8")
