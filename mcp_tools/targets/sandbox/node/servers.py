"""Well-known servers: their ports, what they want before they start, and what they need to run."""

from __future__ import annotations

import posixpath

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.process import Say, Steps

PYTHON = frozenset(
    ("python", "python3", "pip", "uvicorn", "gunicorn", "celery", "flask", "alembic", "django-admin", "hypercorn", "uv")
)
NODE = frozenset(("node", "npm", "npx", "yarn", "pnpm", "next"))
SERVERS: dict[str, tuple[tuple[int, ...], str]] = {
    "nginx": ((80,), "http"),
    "nginx-debug": ((80,), "http"),
    "httpd": ((80,), "http"),
    "httpd-foreground": ((80,), "http"),
    "caddy": ((80,), "http"),
    "traefik": ((80,), "http"),
    "postgres": ((5432,), "tcp"),
    "mysqld": ((3306,), "tcp"),
    "mariadbd": ((3306,), "tcp"),
    "redis-server": ((6379,), "tcp"),
    "memcached": ((11211,), "tcp"),
    "mongod": ((27017,), "tcp"),
    "rabbitmq-server": ((5672,), "tcp"),
}
"""Servers that are known by their name: the ports of their default configuration, and what they speak."""
FOOTPRINTS = {"postgres": 18, "mysqld": 360, "mariadbd": 80, "mongod": 90, "rabbitmq-server": 110, "java": 120}
FOOTPRINTS |= {"nginx": 3, "redis-server": 3, "memcached": 2, "caddy": 11, "traefik": 24, "httpd-foreground": 6}
FILE_SERVERS = frozenset({"nginx", "nginx-debug", "httpd-foreground", "httpd", "caddy", "http.server"})
"""Servers of files: beside their first page they have nothing."""
SMALL = 5
"""MiB that a program has at least when it runs; what has a lower limit is killed."""
STARVED = 0.03
"""Processors below which a server answers slowly: so many hundredths of a second make its requests."""


def footprint(box: Box, argv: list[str]) -> int:
    """Bytes of memory that the program has when it has started."""
    words = [posixpath.basename(word) for word in argv]
    found = next((FOOTPRINTS[word] for word in words if word in FOOTPRINTS), None)
    if found is None and any(word in PYTHON for word in words):
        found = 28
    if found is None and any(word in NODE for word in words):
        found = 36
    return (found or SMALL) << 20


def known_paths(argv: list[str]) -> tuple[tuple[tuple[str, int], ...], int]:
    """The paths that the server knows with their HTTP status, and the status of every other."""
    if FILE_SERVERS & {posixpath.basename(word) for word in argv}:
        return (("/", 200), ("/index.html", 200)), 404
    return (), 200


def bare(argv: list[str]) -> bool:
    """Whether the server is Python's own, which answers in HTTP/0.9 to what it does not understand."""
    return "http.server" in argv


def throttled(box: Box) -> float:
    """Seconds that a request takes for want of processor time."""
    limit = ((box.container.get("resources") or {}).get("limits") or {}).get("cpu")
    if limit is None:
        return 0.0
    cores = float(quantity.parse(limit).amount)
    return round(STARVED / cores, 2) if 0 < cores < STARVED else 0.0


def prerequisites(box: Box, name: str) -> Steps:
    """What the well-known servers want before they start, and their words when it is not there."""
    if name == "postgres" and not (
        box.env.get("POSTGRES_PASSWORD")
        or box.env.get("POSTGRES_PASSWORD_FILE")
        or box.env.get("POSTGRES_HOST_AUTH_METHOD") == "trust"
    ):
        yield Say("Error: Database is uninitialized and superuser password is not specified.")
        yield Say("       You must specify POSTGRES_PASSWORD to a non-empty value for the")
        yield Say('       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".')
        return 1
    choices = ("ROOT_PASSWORD", "ALLOW_EMPTY_PASSWORD", "RANDOM_ROOT_PASSWORD", "ALLOW_EMPTY_ROOT_PASSWORD")
    if name in ("mysqld", "mariadbd") and not any(
        box.env.get(f"{vendor}_{choice}") for vendor in ("MYSQL", "MARIADB") for choice in choices
    ):
        yield Say("[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified")
        yield Say("    You need to specify one of the following as an environment variable:")
        yield Say("    - MYSQL_ROOT_PASSWORD\n    - MYSQL_ALLOW_EMPTY_PASSWORD\n    - MYSQL_RANDOM_ROOT_PASSWORD")
        return 1
    if name == "nginx":
        why = box.write("/var/cache/nginx/client_temp")
        if why:
            number = 30 if why.startswith("Read") else 13
            yield Say(f'nginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed ({number}: {why})')
            return 1
    return 0
