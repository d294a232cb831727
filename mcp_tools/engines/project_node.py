"""Node projects: Next.js, Express and its kin, Vite (built to static files), MCP servers and plain programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mcp_tools.engines.project import Project
from mcp_tools.engines.project_sources import Sources, read_text
from mcp_tools.errors import UsageError

__all__ = ["detect"]

DEFAULT = "22"
_FRAMEWORKS = (
    ("next", "nextjs", 3000),
    ("@nestjs/core", "nestjs", 3000),
    ("express", "express", 3000),
    ("fastify", "fastify", 3000),
    ("koa", "koa", 3000),
    ("@modelcontextprotocol/sdk", "mcp", 3000),
    ("vite", "vite", 8080),
    ("react-scripts", "create-react-app", 8080),
)
_LOCKS = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
)
_STATIC = frozenset({"vite", "create-react-app"})
_FILE = re.compile(r"(?!-)[\w./-]+\Z")


def detect(root: Path, sources: Sources) -> Project | None:
    """The Node project of a folder, or None."""
    if not (root / "package.json").is_file():
        return None
    package = _package(root)
    needs, dev = _names(package, "dependencies"), _names(package, "devDependencies")
    framework, port = next(((f, p) for name, f, p in _FRAMEWORKS if name in needs or name in dev), ("plain", 3000))
    if framework == "plain" and not needs and (root / "pyproject.toml").is_file():
        return None  # a Python project whose package.json only holds its tools
    lock, manager = next(((name, kind) for name, kind in _LOCKS if (root / name).is_file()), ("", _manager(package)))
    scripts = package.get("scripts") if isinstance(package.get("scripts"), dict) else {}
    typescript = (root / "tsconfig.json").is_file()
    config = next((text for name in _configs() if (text := read_text(root / name))), "")
    standalone = framework == "nextjs" and re.search(r"output\s*:\s*[\"']standalone[\"']", config) is not None
    facts: dict[str, object] = {
        "lock": lock,
        "build": "build" in (scripts or {}) and (typescript or framework in ("nextjs", *_STATIC) or bool(dev)),
        "dependencies": bool(needs),
        "standalone": standalone,
        "public": (root / "public").is_dir(),
        "typescript": typescript,
        "output": "build" if framework == "create-react-app" else "dist",
        "config": next((name for name in _configs() if (root / name).is_file()), ""),
    }
    if framework in _STATIC:
        entry: tuple[str, ...] = ("nginx", "-g", "daemon off;")
        return Project("node", framework, manager, _version(root, package), entry, port, facts=facts)
    entry = ("node", "server.js") if standalone else _entrypoint(root, package, framework, sources)
    return Project("node", framework, manager, _version(root, package), entry, sources.port or port, facts=facts)


def _configs() -> tuple[str, ...]:
    return ("next.config.ts", "next.config.mjs", "next.config.js", "next.config.cjs")


def _package(root: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_text(root / "package.json"))
    except ValueError as error:
        raise UsageError("package.json is not JSON", str(error), "correct the line") from error
    if not isinstance(found, dict):
        raise UsageError("package.json describes no package", "it is not an object", "npm init writes one")
    return found


def _names(package: dict[str, Any], key: str) -> set[str]:
    found = package.get(key)
    return set(found) if isinstance(found, dict) else set()


def _manager(package: dict[str, Any]) -> str:
    found = re.match(r"(npm|pnpm|yarn|bun)@", str(package.get("packageManager", "")))
    return found.group(1) if found else "npm"


def _version(root: Path, package: dict[str, Any]) -> str:
    """Major version: .nvmrc or .node-version, or the default moved up to what engines asks for."""
    for name in (".nvmrc", ".node-version"):
        if found := re.match(r"\s*v?(\d{2})\b", read_text(root / name)):
            return found.group(1)
    engines = package.get("engines")
    wanted = str(engines.get("node", "")) if isinstance(engines, dict) else ""
    at_least = [int(number) for number in re.findall(r">=?\s*v?(\d{2})\b", wanted)]
    exactly = [
        int(number) for number in re.findall(r"(?:^|[\^~|\s])\s*v?(\d{2})\b", re.sub(r"[<>]=?\s*v?\d+", "", wanted))
    ]
    below = [int(number) for number in re.findall(r"<\s*v?(\d{2})\b", wanted)]
    version = int(DEFAULT)
    if at_least:
        version = max(version, min(at_least))
    elif exactly and version not in exactly:
        version = max(exactly)
    return str(min([version, *(number - 1 for number in below)]))


def _entrypoint(root: Path, package: dict[str, Any], framework: str, sources: Sources) -> tuple[str, ...]:
    if framework == "nextjs":
        return ("node_modules/.bin/next", "start")
    scripts = package.get("scripts")
    start = str(scripts.get("start", "")) if isinstance(scripts, dict) else ""
    # A start script that is nothing but node and a file is taken apart: npm does not pass signals on.
    if found := re.fullmatch(r"node\s+(?:--enable-source-maps\s+)?(\S+)", start.strip()):
        name = found.group(1).removeprefix("./")
        if _FILE.match(name):
            return ("node", name)
    main = str(package.get("main", "")).removeprefix("./")
    if main and _FILE.match(main) and ((root / main).is_file() or main.startswith(("dist/", "build/"))):
        return ("node", main)
    for name in (
        "server.js",
        "index.js",
        "app.js",
        "main.js",
        "server.mjs",
        "index.mjs",
        "src/server.js",
        "src/index.js",
    ):
        if name in sources.texts:
            return ("node", name)
    for name in ("src/server.ts", "src/index.ts", "src/main.ts"):
        if name in sources.texts:
            return ("node", f"dist/{name.removeprefix('src/').removesuffix('.ts')}.js")
    return ("npm", "start") if start else ()
