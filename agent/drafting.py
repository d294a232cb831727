"""A longshore.yaml made from what the sources say: services, ports, health paths, environment, secrets, database."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["draft", "name_from", "service_folders", "to_yaml", "unset"]

MARKERS = ("Dockerfile", "pyproject.toml", "package.json", "requirements.txt", "go.mod")
_SKIPPED = {"node_modules", "dist", "build", "target", "vendor", "tests", "test", "docs", "charts", "__pycache__"}
_SECRET = re.compile(r"(SECRET|PASSWORD|PASSWD|TOKEN|PRIVATE_KEY|SALT)")
_API_KEY = re.compile(r"(API_KEY|ACCESS_KEY)$")
_URL = re.compile(r"^(?P<who>[A-Z0-9_]+?)_(?:URL|URI|ENDPOINT|ADDRESS)$")
_OWN = {"PATH", "HOME", "HOSTNAME", "NODE_ENV", "PYTHONPATH", "LOG_LEVEL", "TZ", "LANG", "CI", "DEBUG", "NEXT_RUNTIME"}
_PORTS = {"node": 3000, "javascript": 3000, "typescript": 3000, "python": 8000, "go": 8080}


def name_from(text: str) -> str:
    """A Kubernetes name made of a folder's name."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    return name if name and name[0].isalpha() else f"app-{name}".strip("-")


def service_folders(folder: Path, depth: int = 2) -> list[Path]:
    """The folders that are services: the folder itself, or those below it, at most ``depth`` levels down."""
    if any((folder / marker).is_file() for marker in MARKERS):
        return [folder]
    if depth == 0:
        return []
    found: list[Path] = []
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.is_symlink() and not child.name.startswith(".") and child.name not in _SKIPPED:
            found += service_folders(child, depth - 1)
    return found


def draft(name: str, folder: Path, found: Sequence[tuple[Path, Mapping[str, Any]]]) -> dict[str, Any]:
    """The document. ``found`` are the services' folders with what ``project_analyze`` says of each."""
    names = _names(name, [path for path, _ in found], folder)
    ports = {names[path]: _port(data) for path, data in found}
    secret = f"{name}-secrets"
    keys: dict[str, dict[str, Any]] = {}
    services = [_service(path, data, folder, names, ports, secret, keys) for path, data in found]
    spec: dict[str, Any] = {"namespace": name, "services": _ordered(services)}
    if "database-url" in keys:
        keys["postgres-password"] = {"generate": {"length": 32}}
        user = re.sub(r"[^a-z0-9_]", "_", name)
        keys["database-url"] = {"template": f"postgresql://{user}:${{postgres-password}}@postgres:5432/{user}"}
        password = {"secret": secret, "key": "postgres-password"}
        spec["database"] = {"name": "postgres", "user": user, "database": user, "password": password}
    if keys:
        spec["secrets"] = [{"name": secret, "keys": dict(sorted(keys.items()))}]
    return {"apiVersion": "longshore.dev/v1", "kind": "Application", "metadata": {"name": name}, "spec": spec}


def _names(application: str, paths: Sequence[Path], folder: Path) -> dict[Path, str]:
    """A name for each: its folder's, with its parent's where two would be the same."""
    names: dict[Path, str] = {}
    for path in paths:
        name = application if path == folder else name_from(path.name)
        if name in names.values():
            name = name_from("-".join(path.relative_to(folder).parts))
        names[path] = name
    return names


def _port(data: Mapping[str, Any]) -> int:
    port = data.get("port")
    language = str(data.get("language") or "").lower()
    return port if isinstance(port, int) and 0 < port < 65536 else _PORTS.get(language, 8080)


def _service(
    path: Path,
    data: Mapping[str, Any],
    folder: Path,
    names: Mapping[Path, str],
    ports: Mapping[str, int],
    secret: str,
    keys: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    name = names[path]
    service: dict[str, Any] = {"name": name, "context": path.relative_to(folder).as_posix(), "port": ports[name]}
    paths = [str(p) for p in data.get("health_paths") or []]
    if paths:
        ready = next((p for p in paths if "ready" in p), paths[0])
        live = next((p for p in paths if p != ready and "ready" not in p), paths[0])
        service["health"] = {"liveness": live, "readiness": ready}
    env, secret_env, needs = _environment(name, data, ports, secret, keys)
    for key, value in (("env", env), ("secretEnv", secret_env), ("dependsOn", needs)):
        if value:
            service[key] = value
    return service


def _environment(
    name: str, data: Mapping[str, Any], ports: Mapping[str, int], secret: str, keys: dict[str, dict[str, Any]]
) -> tuple[dict[str, str], dict[str, Any], list[str]]:
    """Where each variable that the source reads comes from: a secret, another service, or its own port."""
    env: dict[str, str] = {}
    secret_env: dict[str, Any] = {}
    needs: list[str] = []
    for variable in sorted({str(v) for v in data.get("env_names") or []} - _OWN):
        key = variable.lower().replace("_", "-")
        if variable == "PORT":
            env[variable] = str(ports[name])
        elif variable in ("DATABASE_URL", "POSTGRES_URL"):
            keys.setdefault("database-url", {})
            secret_env[variable] = {"secret": secret, "key": "database-url"}
            needs.append("postgres")
        elif _API_KEY.search(variable):
            keys.setdefault(key, {"fromEnv": variable, "optional": True})
            secret_env[variable] = {"secret": secret, "key": key, "optional": True}
        elif _SECRET.search(variable):
            keys.setdefault(key, {"generate": {"bytes": 32}})
            secret_env[variable] = {"secret": secret, "key": key}
        elif (other := _other_service(variable, name, ports)) is not None:
            env[variable] = f"http://{other}:{ports[other]}" + ("/mcp" if "MCP" in variable else "")
            needs.append(other)
    return env, secret_env, sorted(set(needs))


def _other_service(variable: str, name: str, ports: Mapping[str, int]) -> str | None:
    """The service that a variable such as BACKEND_URL or MCP_SERVER_URL points to."""
    match = _URL.match(variable)
    if match is None:
        return None
    who = match["who"].lower().replace("_", "-")
    others = [other for other in ports if other != name]
    return next((o for o in others if o == who or o.endswith(f"-{who}")), None)


def _ordered(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that need nothing first. A circle that the sources suggest is cut."""
    order: list[dict[str, Any]] = []
    waiting = {service["name"]: service for service in services}
    while waiting:
        free = [s for s in waiting.values() if not set(s.get("dependsOn", [])) & (set(waiting) - {s["name"]})]
        if not free:
            knot = next(iter(waiting.values()))
            knot["dependsOn"] = [need for need in knot["dependsOn"] if need not in waiting]
            if not knot["dependsOn"]:
                del knot["dependsOn"]
            free = [knot]
        for service in free:
            order.append(waiting.pop(service["name"]))
    return order


def unset(document: Mapping[str, Any], found: Sequence[tuple[Path, Mapping[str, Any]]]) -> dict[str, list[str]]:
    """The variables that each service's source reads and that the document gives no value, by folder name."""
    services = document["spec"]["services"]
    given = {name for s in services for key in ("env", "secretEnv") for name in s.get(key, {})}
    left = {path.name: sorted(set(map(str, data.get("env_names") or [])) - given - _OWN) for path, data in found}
    return {name: variables for name, variables in left.items() if variables}


def to_yaml(document: Mapping[str, Any], missing: Mapping[str, Sequence[str]] | None = None) -> str:
    """The file's text; ``missing`` becomes a remark at its end."""
    import yaml

    head = (
        "# What Longshore deploys. Values of secrets never stand here: each key says where its value comes from.\n"
        "# longshore deploy --plan shows what a deployment would do.\n"
    )
    text = head + yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=110)
    if missing:
        text += "\n# The sources also read these variables; those without a default belong under env:\n"
        text += "".join(f"#   {name}: {', '.join(variables)}\n" for name, variables in missing.items())
    return text
