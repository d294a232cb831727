"""Where things are: the workspace, the state folder with the log, and the environment that the tool server is given."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agent.problems import Problem

__all__ = [
    "FILE",
    "application_path",
    "document_of",
    "log_file",
    "namespace_of",
    "server_environment",
    "state_folder",
    "workspace_of",
]

FILE = "longshore.yaml"

_NAMES = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LC_ALL", "TMPDIR", "TZ"),
        *("KUBECONFIG", "OPENAI_API_KEY", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    )
)
_PREFIXES = ("LONGSHORE_", "DOCKER_", "XDG_", "MINIKUBE_", "HELM_")
_FROM_ENV = re.compile(r"(?:fromEnv|externalUrlFromEnv)\"?\s*:\s*[\"']?([A-Za-z_][A-Za-z0-9_]*)")
_SCAN_LIMIT = 1_000_000
_ROOM = 1_000_000
"""Bytes that must be free for the log and the journal; a run writes less."""


def workspace_of(path: Path) -> Path:
    """The root of the Git repository that ``path`` lies in; without one, its folder.

    Raises:
        Problem: there is no such file or folder.
    """
    if not path.exists():
        raise Problem(f"there is no {path}", remedy="give the folder with the longshore.yaml", code="usage")
    start = (path if path.is_dir() else path.parent).resolve()
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            return folder
    return start


def application_path(path: Path, workspace: Path) -> str:
    """The application's file or folder as the tools name it: relative to the workspace."""
    return path.resolve().relative_to(workspace.resolve()).as_posix()


def state_folder() -> Path:
    """Where what the command line keeps is; it need not exist."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "longshore"


def log_file() -> Path:
    """The command line's log. Its folder is made, private; what is too old is started anew at 5 MB.

    Raises:
        Problem: the state folder cannot be made or written, or its disk is full: no run could be recorded.
    """
    folder = state_folder()
    file = folder / "longshore.log"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > 5_000_000:
            file.replace(folder / "longshore.log.1")
        file.open("a", encoding="utf-8").close()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _full(folder, 0) from error
        why, remedy = str(error.strerror), "set XDG_STATE_HOME to a folder of yours"
        raise Problem(f"the state folder {folder} cannot be written", why, remedy, code="usage") from error
    if free < _ROOM:
        raise _full(folder, free)
    return file


def _full(folder: Path, free: int) -> Problem:
    why = f"{free // 1024} kB are free, and the record of what is done needs room"
    remedy = "free some, or set XDG_STATE_HOME to a folder elsewhere"
    return Problem(f"the disk of {folder} is full", why, remedy, code="environment-not-ready")


def named_variables(files: Iterable[Path]) -> set[str]:
    """The variables that those longshore.yaml name as the source of a secret. A light scan: the server validates."""
    found: set[str] = set()
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")[:_SCAN_LIMIT]
        except OSError:
            continue
        found.update(_FROM_ENV.findall(text))
    return found


ERRORS = "LONGSHORE_ERRORS"
"""Set to ``json``, the server writes the error that keeps it from starting as one line of JSON."""


def server_environment(files: Iterable[Path], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the tool server: what its programs need, and the secrets that the application names."""
    wanted = _NAMES | named_variables(files)
    found = {name: value for name, value in environ.items() if name in wanted or name.startswith(_PREFIXES)}
    return found | {"PYTHONPATH": import_path(environ), ERRORS: "json"}


def import_path(environ: Mapping[str, str] = os.environ) -> str:
    """PYTHONPATH of the server: where this package lies, so that it is found in a clone as well."""
    here = str(Path(__file__).resolve().parent.parent)
    return os.pathsep.join(dict.fromkeys([here, *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]))


def document_of(path: Path) -> Mapping[str, Any]:
    """The longshore.yaml at ``path`` (a file, or its folder) as data; empty when there is none or it is broken.

    Only to pick defaults: the server reads and validates it itself.
    """
    import yaml

    file = path / FILE if path.is_dir() else path
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return data if isinstance(data, dict) else {}


def namespace_of(path: Path) -> str | None:
    """The namespace that the longshore.yaml at ``path`` names."""
    spec = document_of(path).get("spec")
    found = spec.get("namespace") if isinstance(spec, dict) else None
    return str(found) if found else None
