"""What a client shall start: this very Longshore, for a workspace."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from agent.install.clients import Client, Launch, Place, Scope

__all__ = ["launch", "program"]

_NEEDED = ("docker", "minikube", "kubectl", "helm")


def program() -> tuple[str, ...]:
    """The command: of a clone its script, which makes its environment by itself; otherwise the installed one."""
    clone = Path(__file__).resolve().parents[2] / "longshore"
    if clone.is_file() and os.access(clone, os.X_OK):
        return (str(clone),)
    installed = Path(sys.executable).parent / "longshore"
    found = str(installed) if installed.is_file() else shutil.which("longshore")
    return (found,) if found else (sys.executable, "-m", "agent")


def launch(
    client: Client, scope: Scope, place: Place, *, command: str | None, workspace: Path | None, more: tuple[str, ...]
) -> Launch:
    """How the client starts the server.

    A file of the project is for everybody: the folder is the client's own word for it, and the program is looked for
    on the PATH when it is there.
    """
    words = (command,) if command else program()
    if scope == "project" and not command and shutil.which("longshore", path=place.environ.get("PATH")):
        words = ("longshore",)
    args = [*words[1:], "mcp"]
    if workspace is not None:
        args += ["--workspace", str(workspace)]
    elif scope == "project":
        args += ["--workspace", client.workspace] if client.workspace else []
    else:
        args += ["--workspace", str(place.project)]
    return Launch(words[0], (*args, *more), _path(client, place))


def _path(client: Client, place: Place) -> dict[str, str] | None:
    """Claude Desktop does not know the shell's PATH: the folders of the programs that Longshore needs."""
    if client.key != "claude-desktop" or place.system == "win32":
        return None
    found = [shutil.which(name, path=place.environ.get("PATH")) for name in _NEEDED]
    folders = [str(Path(name).parent) for name in found if name] + ["/usr/local/bin", "/usr/bin", "/bin"]
    return {"PATH": os.pathsep.join(dict.fromkeys(folders))}
