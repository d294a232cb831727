"""Python projects: FastAPI, Django, Flask, Starlette, MCP servers and plain programs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from mcp_tools.engines.project import Project
from mcp_tools.engines.project_sources import Sources, read_text
from mcp_tools.errors import UsageError

__all__ = ["detect"]

DEFAULT = "3.13"
NEWEST = 14
"""Minor version of the newest Python that is chosen by itself."""

_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
# What is more telling comes first: a FastAPI service may use the MCP SDK as a client.
_FRAMEWORKS = (
    ("django", "django", 8000),
    ("fastapi", "fastapi", 8000),
    ("flask", "flask", 5000),
    ("fastmcp", "mcp", 8000),
    ("mcp", "mcp", 8000),
    ("starlette", "starlette", 8000),
)
_APPS = {
    "fastapi": re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:fastapi\.)?FastAPI\(", re.MULTILINE),
    "starlette": re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?Starlette\(", re.MULTILINE),
    "flask": re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:flask\.)?Flask\(", re.MULTILINE),
    "mcp": re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)*(?:FastMCP|MCPServer)\(", re.MULTILINE),
}
_MAIN = re.compile(r"^if __name__ == [\"']__main__[\"']", re.MULTILINE)
# Servers that a framework needs where the project names none, pinned so that a build stays the same.
_SERVERS = {"fastapi": "uvicorn", "starlette": "uvicorn", "flask": "gunicorn", "django": "gunicorn"}
_PINNED = {"uvicorn": "uvicorn==0.54.0", "gunicorn": "gunicorn==27.0.1"}
_LOCKS = (
    ("uv.lock", "uv"),
    ("poetry.lock", "poetry"),
    ("pdm.lock", "pdm"),
    ("Pipfile.lock", "pipenv"),
)
_REQUIREMENTS = ("requirements.lock", "requirements.txt", "requirements/prod.txt", "requirements/base.txt")


def detect(root: Path, sources: Sources) -> Project | None:
    """The Python project of a folder, or None."""
    files = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "manage.py", *_REQUIREMENTS)
    scripts = [path for path in sources.texts if path.endswith(".py") and "/" not in path]
    if not any((root / file).is_file() for file in files) and not scripts:
        return None
    pyproject = _pyproject(root)
    requirements = next((name for name in _REQUIREMENTS if _own(root / name)), "")
    names = _dependencies(root, pyproject, requirements)
    framework, port = next(((f, p) for name, f, p in _FRAMEWORKS if name in names), ("plain", 0))
    manager = next((manager for lock, manager in _LOCKS if (root / lock).is_file()), "pip")
    source = "src" if (root / "src").is_dir() and any(path.startswith("src/") for path in sources.texts) else ""
    entrypoint, extra = _entrypoint(root, framework, names, sources, source, port)
    build = "build-system" in pyproject and not requirements and manager == "pip"
    facts: dict[str, object] = {
        "requirements": requirements,
        "hashes": "--hash=sha256:" in read_text(root / requirements) if requirements else False,
        "package": build,
        "source": source,
        "extra": extra,
        "dependencies": bool(names),
    }
    found_port = sources.port or port or None
    return Project("python", framework, manager, _version(root, pyproject), entrypoint, found_port, facts=facts)


def _own(file: Path) -> bool:
    """Whether it is a file of the project, not one that a link leads to."""
    return file.is_file() and not file.is_symlink() and not file.parent.is_symlink()


def _pyproject(root: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(root / "pyproject.toml"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError("pyproject.toml is not TOML", str(error), "correct the line") from error


def _table(data: dict[str, Any], *keys: str) -> Any:
    for key in keys:
        data = data.get(key, {}) if isinstance(data, dict) else {}
    return data


def _dependencies(root: Path, pyproject: dict[str, Any], requirements: str) -> set[str]:
    """The names of what it depends on, normalised (PEP 503)."""
    lines = [str(line) for line in _table(pyproject, "project", "dependencies") or []]
    poetry = _table(pyproject, "tool", "poetry", "dependencies")
    lines += list(poetry) if isinstance(poetry, dict) else []
    if not lines:
        lines = read_text(root / requirements).splitlines() if requirements else []
        pipfile = re.search(r"^\[packages\]\n(.*?)(?=^\[|\Z)", read_text(root / "Pipfile"), re.MULTILINE | re.DOTALL)
        lines += pipfile.group(1).splitlines() if pipfile else []
    found = (_NAME.match(line) for line in lines)
    return {re.sub(r"[-_.]+", "-", match.group(1)).lower() for match in found if match} - {"python"}


def _version(root: Path, pyproject: dict[str, Any]) -> str:
    """MAJOR.MINOR: what .python-version says, or the default moved into what requires-python allows."""
    pinned = re.match(r"\s*(?:cpython-?)?(3\.\d+)", read_text(root / ".python-version"))
    if pinned:
        return pinned.group(1)
    wanted = str(_table(pyproject, "project", "requires-python") or "")
    poetry = _table(pyproject, "tool", "poetry", "dependencies", "python")
    wanted = wanted or (str(poetry).replace("^", ">=") if isinstance(poetry, str) else "")
    minor = int(DEFAULT.partition(".")[2])
    for operator, number in re.findall(r"(>=|<=|==|~=|<|>)\s*3\.(\d+)", wanted):
        bound = int(number)
        if operator in (">=", "~=", ">"):
            minor = max(minor, bound)
        elif operator == "==":
            minor = bound
        else:
            minor = min(minor, bound - (operator == "<"))
    return f"3.{max(8, min(minor, max(NEWEST, 8)))}"


def _entrypoint(
    root: Path, framework: str, names: set[str], sources: Sources, source: str, port: int
) -> tuple[tuple[str, ...], str]:
    """How it starts, and the server package that has to be added for that."""
    if framework == "django" and (wsgi := _django(root, sources)):
        return ("gunicorn", wsgi, "--bind", f"0.0.0.0:{sources.port or port}"), _extra("gunicorn", names)
    package = _package(sources, source)
    if package:
        return ("python", "-m", package), ""
    found = sources.first(_APPS[framework], ".py") if framework in _APPS else None
    if found:
        path, match = found
        module = path.removeprefix(f"{source}/" if source else "").removesuffix(".py").replace("/", ".")
        module = module.removesuffix(".__init__")
        if not _MODULE.match(module):
            return (), ""
        return _serve(framework, module, match.group(1), path, names, sources, port)
    for name in ("main.py", "app.py", "server.py", "run.py", "__main__.py"):
        if name in sources.texts:
            return ("python", name), ""
    started = sources.first(_MAIN, ".py")
    if started and re.fullmatch(r"[\w./-]+", started[0]) and not started[0].startswith("-"):
        return ("python", started[0]), ""
    return (), ""


def _serve(
    framework: str, module: str, name: str, path: str, names: set[str], sources: Sources, port: int
) -> tuple[tuple[str, ...], str]:
    at = str(sources.port or port)
    if framework == "mcp":
        return ("python", "-m", module), ""
    if _MAIN.search(sources.texts[path]) and ("uvicorn" in names or "gunicorn" in names) and framework != "flask":
        return ("python", "-m", module), ""
    server = _SERVERS[framework]
    if server == "uvicorn":
        return ("uvicorn", f"{module}:{name}", "--host", "0.0.0.0", "--port", at), _extra(server, names)  # noqa: S104
    return ("gunicorn", f"{module}:{name}", "--bind", f"0.0.0.0:{at}"), _extra(server, names)


def _extra(server: str, names: set[str]) -> str:
    return "" if server in names else _PINNED[server]


def _package(sources: Sources, source: str) -> str:
    """The package with a ``__main__``."""
    start = f"{source}/" if source else ""
    for path in sorted(sources.texts):
        parts = path.removeprefix(start).split("/")
        if path.startswith(start) and len(parts) == 2 and parts[1] == "__main__.py" and _MODULE.match(parts[0]):
            return parts[0]
    return ""


def _django(root: Path, sources: Sources) -> str:
    found = re.search(r"DJANGO_SETTINGS_MODULE[\"'],\s*[\"']([\w.]+)\.settings", read_text(root / "manage.py"))
    if found and _MODULE.match(found.group(1)):
        return f"{found.group(1)}.wsgi:application"
    wsgi = next((path for path in sorted(sources.texts) if path.endswith("/wsgi.py")), "")
    module = wsgi.removesuffix(".py").replace("/", ".")
    return f"{module}:application" if _MODULE.match(module) else ""
