"""What the server has beside tools: the registration of every tool module, resources, and the skills as prompts."""

from __future__ import annotations

import functools
import importlib
import json
import pkgutil
import re
import threading
from importlib import resources as package_files
from typing import TYPE_CHECKING, Any

import mcp_types as types
from mcp.shared.exceptions import MCPError

from mcp_tools.errors import LongshoreError
from mcp_tools.guard.outlet import tidy

if TYPE_CHECKING:
    from mcp_tools.guard.guard import Guard, Session
    from mcp_tools.guard.journal import Journal

__all__ = ["load", "prompt", "prompts", "read", "resources", "templates"]

_LOADING = threading.Lock()
TARGET = "longshore://target"
CLUSTER = "longshore://cluster"
_RUN = re.compile(r"longshore://runs/([A-Za-z0-9-]{1,80})")
_RELEASE = re.compile(r"longshore://releases/([a-z0-9-]{1,63})/([a-z0-9-]{1,53})/(history|manifest)")
_NOTE = re.compile(r"longshore://docs/([a-z0-9-]{1,80})")


@functools.cache
def load() -> None:
    """Register every tool: a tool is added by adding its module to ``mcp_tools.tools``."""
    from mcp_tools import tools

    with _LOADING:
        for module in pkgutil.walk_packages(tools.__path__, f"{tools.__name__}."):
            importlib.import_module(module.name)


# -- resources ----------------------------------------------------------------------------------------------------


def resources(journal: Journal) -> list[types.Resource]:
    """The run journal, the newest runs, and the notes."""
    found = [types.Resource(uri="longshore://runs", name="runs", title="Run journal", mime_type="application/json")]
    title = "What is worked on, and whether it is simulated"
    found.append(types.Resource(uri=TARGET, name="target", title=title, mime_type="application/json"))
    title = "The identity of the cluster"
    found.append(types.Resource(uri=CLUSTER, name="cluster", title=title, mime_type="application/json"))
    for run in journal.list_runs(20):
        title = f"Run {run['id']}: {run['status']}"
        uri = f"longshore://runs/{run['id']}"
        found.append(types.Resource(uri=uri, name=str(run["id"]), title=title, mime_type="application/json"))
    for name in notes():
        uri = f"longshore://docs/{name}"
        found.append(types.Resource(uri=uri, name=name, title=f"Notes: {name}", mime_type="text/markdown"))
    return found


def templates() -> list[types.ResourceTemplate]:
    """Resources by pattern."""
    return [
        types.ResourceTemplate(
            uri_template="longshore://runs/{run_id}",
            name="run",
            title="One run: steps, confirmations, calls",
            mime_type="application/json",
        ),
        types.ResourceTemplate(
            uri_template="longshore://releases/{namespace}/{release}/history",
            name="release-history",
            title="Revisions of a Helm release",
            mime_type="application/json",
        ),
        types.ResourceTemplate(
            uri_template="longshore://releases/{namespace}/{release}/manifest",
            name="release-manifest",
            title="Rendered manifest of a Helm release",
            mime_type="application/json",
        ),
        types.ResourceTemplate(
            uri_template="longshore://docs/{note}", name="note", title="A packaged note", mime_type="text/markdown"
        ),
    ]


async def read(uri: str, guard: Guard, session: Session) -> types.ReadResourceResult:
    """One resource.

    Raises:
        MCPError: there is none of that URI.
    """
    if uri == TARGET:
        world = session.world
        about = {"target": world.target, "context": world.context, "simulated": world.simulated}
        return _json(uri, about | {"notice": world.notice})
    if uri == CLUSTER:
        return _json(uri, {"cluster": await session.world.identity()})
    if uri == "longshore://runs":
        return _json(uri, guard.journal.list_runs())
    if (found := _RUN.fullmatch(uri)) is not None:
        return _json(uri, _run(guard.journal, uri, found[1]))
    if (found := _RELEASE.fullmatch(uri)) is not None:
        return _json(uri, await _release(uri, found[1], found[2], found[3], guard, session))
    if (found := _NOTE.fullmatch(uri)) is not None and found[1] in notes():
        return _text(uri, notes()[found[1]], "text/markdown")
    raise _none(uri)


def _run(journal: Journal, uri: str, run_id: str) -> dict[str, Any]:
    run = journal.load_run(run_id)
    if run is None:
        raise _none(uri)
    confirmations = [c.model_dump(mode="json") for c in journal.confirmations(run_id)]
    calls = journal.records(run_id, kinds=("call", "confirmation"))
    return {"run": run, "steps": journal.load_steps(run_id), "confirmations": confirmations, "calls": calls}


async def _release(uri: str, namespace: str, release: str, what: str, guard: Guard, session: Session) -> Any:
    load()
    arguments = {"namespace": namespace, "release": release}
    try:
        history = await guard.call("helm_history", arguments, session=session)  # learns the namespace's secrets, too
        if what == "history":
            return history.data
        current = await session.world.helm.current(release, namespace)
    except LongshoreError as error:
        raise _none(uri, error.line()) from error
    from mcp_tools.engines import manifests

    return {"revision": current.revision, "objects": [manifests.redact(item) for item in current.objects]}


def _none(uri: str, why: str = "") -> MCPError:
    said = f"there is no resource {uri}" + (f": {why}" if why else "")
    return MCPError(code=types.INVALID_PARAMS, message=said, data={"uri": uri})


def _json(uri: str, data: Any) -> types.ReadResourceResult:
    return _text(uri, json.dumps(tidy(data), ensure_ascii=False, indent=1), "application/json")


def _text(uri: str, text: str, mime: str) -> types.ReadResourceResult:
    return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, text=text, mime_type=mime)])


@functools.cache
def notes() -> dict[str, str]:
    """The packaged notes by name."""
    folder = package_files.files("playbooks").joinpath("notes")
    if not folder.is_dir():
        return {}
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".md")), key=lambda f: f.name)
    return {f.name.removesuffix(".md"): f.read_text(encoding="utf-8") for f in files}


# -- prompts ------------------------------------------------------------------------------------------------------


@functools.cache
def skills() -> dict[str, tuple[str, str]]:
    """The skills: name → (description, text), from their SKILL.md files."""
    import yaml

    found: dict[str, tuple[str, str]] = {}
    folder = package_files.files("playbooks").joinpath("skills")
    if not folder.is_dir():
        return found
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        file = entry.joinpath("SKILL.md")
        if not file.is_file():
            continue
        head, text = _front_matter(file.read_text(encoding="utf-8"))
        found[entry.name] = (str(yaml.safe_load(head or "{}").get("description", "")), text)
    return found


def _front_matter(text: str) -> tuple[str, str]:
    if text.startswith("---\n") and "\n---\n" in text[4:]:
        head, _, rest = text[4:].partition("\n---\n")
        return head, rest.strip()
    return "", text


def prompts() -> list[types.Prompt]:
    """The skills as prompts."""
    argument = types.PromptArgument(name="task", description="What to do or to find out", required=False)
    return [
        types.Prompt(name=name, description=description, arguments=[argument])
        for name, (description, _) in skills().items()
    ]


def prompt(name: str, arguments: dict[str, str]) -> types.GetPromptResult:
    """One skill, with the task it is wanted for.

    Raises:
        MCPError: there is none of that name.
    """
    if name not in skills():
        raise MCPError(code=types.INVALID_PARAMS, message=f"there is no prompt {name}")
    description, text = skills()[name]
    task = arguments.get("task", "").strip()
    content = f"{text}\n\nTask: {task}" if task else text
    message = types.PromptMessage(role="user", content=types.TextContent(type="text", text=content))
    return types.GetPromptResult(description=description, messages=[message])
