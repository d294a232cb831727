"""Writes a Dockerfile for an analysed project: multi-stage, a numeric user that is not root, pinned base images, the
dependencies in a layer of their own.

Everything that is put into a template was matched against the grammar of what it names; a project's files cannot add
an instruction.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mcp_tools.engines.project import Project
from mcp_tools.errors import UsageError

__all__ = ["dockerfile", "dockerignore"]

PINS = {
    "uv": "0.13.9",
    "poetry": "poetry==2.5.1 poetry-plugin-export==1.10.1",
    "pdm": "pdm==2.29.4",
    "pipenv": "pipenv==2026.10.3",
    "bun": "1.4.5",
    "nginx": "1.29-alpine",
}
"""Versions of the tools that a build stage installs: the same Dockerfile builds the same way next year."""

_TOKEN = re.compile(r"[A-Za-z0-9@._/+:=~-]*\Z")
_HEALTH = re.compile(r"/[A-Za-z0-9._/-]*\Z")
_INSTALL = {
    ("npm", True): "npm ci --no-audit --no-fund",
    ("npm", False): "npm install --no-audit --no-fund",
    ("pnpm", True): "pnpm install --frozen-lockfile",
    ("pnpm", False): "pnpm install",
    ("yarn", True): "yarn install --frozen-lockfile",
    ("yarn", False): "yarn install",
    ("bun", True): "bun install --frozen-lockfile",
    ("bun", False): "bun install",
}
_PRODUCTION = {"npm": " --omit=dev", "pnpm": " --prod", "yarn": " --production", "bun": " --production"}
_PRUNE = {
    "npm": "npm prune --omit=dev --no-audit --no-fund",
    "pnpm": "pnpm prune --prod",
    "yarn": "yarn install --production --frozen-lockfile --ignore-scripts --prefer-offline",
    "bun": "rm -rf node_modules && bun install --production --frozen-lockfile",
}


def dockerfile(project: Project, root: Path) -> str:
    """The text of a Dockerfile for a project.

    Raises:
        UsageError: its language or its entry point is not known.
    """
    if not project.known:
        raise UsageError(
            f"what {root.name} is made with is not known",
            "no pyproject.toml, requirements, package.json, go.mod, pom.xml, build.gradle or index.html was found",
            "write a Dockerfile by hand; docker_build takes it as it is",
        )
    if not project.entrypoint:
        raise UsageError(
            f"how {root.name} starts is not known",
            "no application object, __main__ or start script was found",
            "add a main.py (Python) or a start script (package.json), or write a Dockerfile by hand",
        )
    return _render(f"{project.language}.Dockerfile.j2", _values(project, root))


def dockerignore(project: Project) -> str:
    """The text of a .dockerignore for a project."""
    return _render("dockerignore.j2", {"language": project.language, "output": project.facts.get("output", "dist")})


def _values(project: Project, root: Path) -> dict[str, Any]:
    health = next((path for path in project.health_paths if _HEALTH.match(path)), "")
    values: dict[str, Any] = {
        "framework": project.framework,
        "manager": project.package_manager,
        "version": project.version,
        "port": project.port,
        "health": health,
        "command": json.dumps(list(project.entrypoint)),
        "pins": PINS,
    }
    facts = project.facts
    if project.language == "python":
        old = [int(part) for part in project.version.split(".")] < [3, 11]
        values |= {key: facts[key] for key in ("requirements", "hashes", "source", "extra")}
        values["pyproject"] = bool(facts["dependencies"]) and (root / "pyproject.toml").is_file()
        values["toml"] = "from pip._vendor import tomli as tomllib" if old else "import tomllib"
    elif project.language == "node":
        values |= _node(project)
    elif project.language == "go":
        values |= {"folder": facts["command"], "sum": facts["sum"]}
    elif project.language == "static":
        values |= {"folder": facts["folder"]}
    for key, value in values.items():
        if key not in ("command", "pins", "install", "prune", "toml") and not _TOKEN.match(str(value)):
            raise UsageError(f"{key} of {root.name} cannot stand in a Dockerfile", str(value)[:80], "rename it")
    return values


def _node(project: Project) -> dict[str, Any]:
    facts, manager = project.facts, project.package_manager
    build, locked = bool(facts["build"]), bool(facts["lock"])
    install = ""
    if facts["dependencies"] or build:
        install = _INSTALL[(manager, locked)] + ("" if build else _PRODUCTION[manager])
    static = project.framework in ("vite", "create-react-app")
    prune = _PRUNE[manager] if build and not static and not facts["standalone"] else ""
    if not locked:
        prune = prune.replace(" --frozen-lockfile", "")
    return {
        "install": install,
        "prune": prune,
        "build": build,
        "static": static,
        **{key: facts[key] for key in ("lock", "standalone", "output")},
    }


def _render(name: str, values: dict[str, Any]) -> str:
    import jinja2

    environment = jinja2.Environment(  # a Dockerfile is no HTML; what goes in was checked above
        loader=jinja2.PackageLoader("mcp_tools", "templates/docker"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    return environment.get_template(name).render(**values)
