"""Well-known public images, as a build in the sandbox starts from them: sizes, users and settings as published.

The table is a choice, not a registry: what it does not have, the sandbox cannot pull. Sizes are those of
``docker images`` for amd64, rounded; the layers are made up, but always the same for the same reference.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from mcp_tools.targets.sandbox.node import names, registry
from mcp_tools.targets.sandbox.standins.records import Config, ImageRecord, Layer

__all__ = ["canonical", "familiar", "known", "pull"]

MB = 1_000_000
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TAG = re.compile(r"^(?P<version>v?\d+(?:\.\d+){0,3})?(?:-?(?P<variant>[a-z].*))?$")
_FLAVOURS = {
    *("alpine", "slim", "bookworm", "bullseye", "trixie", "buster", "jammy", "noble", "focal", "ubuntu", "debian"),
    *("perl", "otel", "management", "jre", "jdk", "lts", "stable", "mainline", "rolling", "musl", "uclibc", "glibc"),
    *("latest", "nonroot", "debug", "temurin", "eclipse", "distroless", "minimal", "micro"),
}


@dataclass(frozen=True)
class Family:
    """The images of one repository. ``sizes`` in MB by the word of the tag that decides, ``""`` for the rest."""

    sizes: dict[str, int]
    versions: tuple[str, str] | None = None
    config: Config = field(default_factory=Config)
    layers: int = 4
    programs: tuple[str, ...] = ("sh",)


def _config(
    cmd: str = "",
    *,
    entrypoint: str = "",
    user: str = "",
    ports: tuple[str, ...] = (),
    workdir: str = "",
    path: str = _PATH,
    **env: str,
) -> Config:
    return Config(
        user=user,
        env={"PATH": path} | env,
        cmd=cmd.split(),
        entrypoint=entrypoint.split(),
        ports=list(ports),
        workdir=workdir,
    )


_GO = _config("bash", workdir="/go", path=f"/go/bin:/usr/local/go/bin:{_PATH}", GOLANG_VERSION="", GOPATH="/go")
_JAVA = _config("jshell", path=f"/opt/java/openjdk/bin:{_PATH}", JAVA_HOME="/opt/java/openjdk")
_PG = _config("postgres", entrypoint="docker-entrypoint.sh", ports=("5432/tcp",), PGDATA="/var/lib/postgresql/data")
_NGINX = _config("nginx -g daemon\u00a0off;", entrypoint="/docker-entrypoint.sh", ports=("80/tcp",), NGINX_VERSION="")
_NOBODY = "65532"

FAMILIES: dict[str, Family] = {
    "library/python": Family(
        {"": 1020, "slim": 125, "alpine": 47}, ("3.8", "3.15"), _config("python3", LANG="C.UTF-8"), 7, ("sh", "python3")
    ),
    "library/node": Family(
        {"": 1110, "slim": 225, "alpine": 160}, ("14", "26"), _config("node", entrypoint="docker-entrypoint.sh"), 8
    ),
    "library/golang": Family({"": 840, "alpine": 260}, ("1.17", "1.27"), _GO, 6),
    "library/rust": Family({"": 1500, "slim": 780, "alpine": 820}, ("1.56", "1.95"), _config("bash"), 6),
    "library/ruby": Family({"": 990, "slim": 190, "alpine": 80}, ("2.7", "3.5"), _config("irb"), 6),
    "library/php": Family({"": 510, "alpine": 100}, ("7.4", "8.5"), _config("php -a"), 9),
    "library/openjdk": Family({"": 470, "slim": 400}, ("8", "26"), _JAVA, 4),
    "library/eclipse-temurin": Family({"": 450, "jre": 270, "alpine": 200}, ("8", "26"), _JAVA, 5),
    "library/maven": Family({"": 550, "alpine": 380}, ("3.6", "3.9"), _config("mvn"), 8),
    "library/gradle": Family({"": 750, "alpine": 560}, ("6", "9"), _config("gradle"), 9),
    "library/postgres": Family({"": 440, "alpine": 275}, ("12", "18"), _PG, 10),
    "library/mysql": Family({"": 600}, ("5.7", "9.5"), _config("mysqld", entrypoint="docker-entrypoint.sh"), 10),
    "library/mariadb": Family({"": 410}, ("10.5", "12"), _config("mariadbd", entrypoint="docker-entrypoint.sh"), 8),
    "library/redis": Family(
        {"": 117, "alpine": 41},
        ("5", "8.4"),
        _config("redis-server", entrypoint="docker-entrypoint.sh", ports=("6379/tcp",)),
        7,
    ),
    "library/mongo": Family(
        {"": 850}, ("4.4", "8.2"), _config("mongod", entrypoint="docker-entrypoint.sh", ports=("27017/tcp",)), 8
    ),
    "library/rabbitmq": Family(
        {"": 230, "management": 260, "alpine": 110}, ("3.8", "4.2"), _config("rabbitmq-server", ports=("5672/tcp",)), 9
    ),
    "library/memcached": Family({"": 85, "alpine": 11}, ("1.5", "1.6"), _config("memcached", user="memcache"), 6),
    "library/nginx": Family({"": 192, "alpine": 53, "slim": 20}, ("1.20", "1.29"), _NGINX, 7),
    "nginxinc/nginx-unprivileged": Family(
        {"": 195, "alpine": 55},
        ("1.20", "1.29"),
        _NGINX.model_copy(update={"user": "101", "ports": ["8080/tcp"]}),
        7,
    ),
    "library/httpd": Family({"": 148, "alpine": 65}, ("2.4", "2.4"), _config("httpd-foreground", ports=("80/tcp",)), 6),
    "library/caddy": Family({"": 50, "alpine": 50}, ("2", "2.11"), _config("caddy run", ports=("80/tcp",)), 4),
    "library/traefik": Family({"": 190}, ("2", "3.6"), _config("traefik", ports=("80/tcp",)), 4),
    "library/alpine": Family({"": 8}, ("3.12", "3.23"), _config("/bin/sh"), 1),
    "library/busybox": Family({"": 4}, ("1.28", "1.37"), _config("sh"), 1),
    "library/debian": Family({"": 117, "slim": 75}, ("10", "13"), _config("bash"), 1),
    "library/ubuntu": Family({"": 78}, ("18.04", "25.10"), _config("/bin/bash"), 1),
    "library/fedora": Family({"": 190}, ("38", "43"), _config("/bin/bash"), 1),
    "library/amazonlinux": Family({"": 145}, ("2", "2023"), _config("/bin/bash"), 1),
    "library/docker": Family({"": 365}, ("24", "29"), _config("sh"), 10),
    "oven/bun": Family({"": 220, "slim": 150, "alpine": 100}, ("1", "1.4"), _config("/usr/local/bin/bun"), 6),
    "denoland/deno": Family({"": 180, "alpine": 150}, ("1.40", "2.6"), _config("run"), 6),
    "gcr.io/distroless/static": Family({"": 2}, None, _config(), 2, ()),
    "gcr.io/distroless/base": Family({"": 21}, None, _config(), 3, ()),
    "gcr.io/distroless/cc": Family({"": 24}, None, _config(), 3, ()),
    "gcr.io/distroless/python3": Family({"": 52}, None, _config(entrypoint="/usr/bin/python3.11"), 4, ()),
    "gcr.io/distroless/java": Family({"": 190}, None, _config(entrypoint="/usr/bin/java -jar"), 4, ()),
    "gcr.io/distroless/nodejs": Family({"": 140}, None, _config(entrypoint="/nodejs/bin/node"), 4, ()),
    "cgr.dev/chainguard/static": Family({"": 2}, None, _config(user=_NOBODY), 1, ()),
    "cgr.dev/chainguard/python": Family({"": 60}, None, _config(user=_NOBODY, entrypoint="/usr/bin/python"), 1, ()),
    "cgr.dev/chainguard/node": Family({"": 120}, None, _config(user=_NOBODY, entrypoint="/usr/bin/node"), 1, ()),
    "ghcr.io/astral-sh/uv": Family({"": 45}, ("0.1", "0.99"), _config(entrypoint="/uv"), 2, ()),
    "curlimages/curl": Family({"": 22}, ("7", "8.17"), _config(user="curl_user", entrypoint="curl"), 3),
    "registry.k8s.io/pause": Family({"": 1}, ("3.1", "3.10"), _config(entrypoint="/pause", user="65535"), 1, ()),
    "registry.k8s.io/e2e-test-images/busybox": Family({"": 1}, None, _config("sh"), 1),
}
"""Repository → family, Docker Hub's without its host."""


def canonical(reference: str) -> str:
    """The whole name: ``python`` is ``docker.io/library/python:latest``."""
    name, at, digest = reference.partition("@")
    last = name.rsplit("/", 1)[-1]
    repository, tag = (name[: -len(last)] + last.partition(":")[0], last.partition(":")[2])
    first = repository.split("/", 1)[0]
    if "/" not in repository:
        repository = f"docker.io/library/{repository}"
    elif not ("." in first or ":" in first or first == "localhost"):
        repository = f"docker.io/{repository}"
    tag = tag or ("" if at else "latest")
    return repository + (f":{tag}" if tag else "") + (f"@{digest}" if at else "")


def familiar(reference: str) -> str:
    """The short name, as docker lists it: ``python:3.13-slim``."""
    return canonical(reference).removeprefix("docker.io/").removeprefix("library/")


def known(reference: str) -> bool:
    """Whether the sandbox can pull it."""
    return pull(reference) is not None


def repository_known(reference: str) -> bool:
    """Whether it has that repository at all, whatever the tag."""
    return _family(_parts(reference)[0]) is not None


def pull(reference: str) -> ImageRecord | None:
    """The image, or None when the table has none of that name; the same reference is always the same image."""
    found = _find(reference)
    if found is None:
        return None if repository_known(reference) else _of_the_node(reference)
    family, size, variant = found
    name = canonical(reference)
    weights = [8, 2, 1, 3, 1, 1, 1, 1, 1, 1][: family.layers]
    layers = [
        Layer(
            digest=f"sha256:{hashlib.sha256(f'{name} layer {place}'.encode()).hexdigest()}",
            size=max(size * MB * weight // sum(weights), 1000),
            command=f"# layer {place + 1} of {familiar(reference)}",
        )
        for place, weight in enumerate(weights)
    ]
    user = _NOBODY if "nonroot" in variant else family.config.user
    config = family.config.model_copy(update={"user": user}, deep=True)
    config.cmd = [word.replace("\u00a0", " ") for word in config.cmd]
    return ImageRecord.made(layers, config, pulled=f"{familiar(reference).partition('@')[0].rpartition(':')[0]}")


def _of_the_node(reference: str) -> ImageRecord | None:
    """An image that only the node's registries know: what can be run can be built upon."""
    try:
        name = names.parse(reference)
    except names.InvalidName:
        return None
    found = registry.known(name)
    if found is None:
        return None
    digest = f"sha256:{hashlib.sha256(f'{canonical(reference)} layer'.encode()).hexdigest()}"
    layer = Layer(digest=digest, size=found.size, command=f"# {familiar(reference)}")
    config = _config(user=found.user, ports=tuple(f"{port}/tcp" for port in found.ports))
    config.cmd, config.entrypoint = list(found.command), list(found.entrypoint)
    return ImageRecord.made([layer], config, pulled=familiar(reference).partition("@")[0].rpartition(":")[0])


def _parts(reference: str) -> tuple[str, str]:
    name = canonical(reference).partition("@")[0]
    last = name.rsplit("/", 1)[-1]
    repository = name[: -len(last)] + last.partition(":")[0]
    return repository.removeprefix("docker.io/"), last.partition(":")[2]


def _family(repository: str) -> Family | None:
    if repository.startswith("gcr.io/distroless/"):
        repository = re.sub(r"^(gcr\.io/distroless/[a-z]+3?)\d*(?:-debian\d+)?$", r"\1", repository)
    return FAMILIES.get(repository)


def _find(reference: str) -> tuple[Family, int, str] | None:
    repository, tag = _parts(reference)
    family = _family(repository)
    if family is None:
        return None
    found = _TAG.match(tag)
    if found is None and tag:
        return None
    version, variant = (found["version"] or "", found["variant"] or "") if found else ("", "")
    if version and family.versions and not _between(version, family.versions):
        return None
    words = [re.sub(r"[\d.]+$", "", word) for word in variant.split("-") if word]
    if any(word not in _FLAVOURS for word in words if word):
        return None
    size = next((family.sizes[word] for word in words if word in family.sizes), family.sizes[""])
    return family, size, variant


def _between(version: str, bounds: tuple[str, str]) -> bool:
    numbers = _numbers(version)
    low, high = (_numbers(bound) for bound in bounds)
    return low[: len(numbers)] <= numbers[: len(low)] and numbers[: len(high)] <= high[: len(numbers)]


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.removeprefix("v").split(".")]


def has_shell(reference: str) -> bool:
    """Whether the image has a shell for RUN; assumed of what is not in the table."""
    family = _family(_parts(reference)[0])
    return family is None or bool(family.programs) or "debug" in reference
