"""Go, Java and static sites."""

from __future__ import annotations

import re
from pathlib import Path

from mcp_tools.engines.project import Project
from mcp_tools.engines.project_sources import Sources, read_text

__all__ = ["detect"]

_GO = "1.24"
_JAVA = "21"


def detect(root: Path, sources: Sources) -> Project | None:
    """The project of a folder, or None."""
    if (root / "go.mod").is_file():
        return _go(root, sources)
    if (root / "pom.xml").is_file() or (root / "build.gradle").is_file() or (root / "build.gradle.kts").is_file():
        return _java(root, sources)
    for folder in ("", "public", "site", "www"):
        if (root / folder / "index.html").is_file():
            entry = ("nginx", "-g", "daemon off;")
            return Project("static", "html", "", "", entry, 8080, ("/",), facts={"folder": folder or "."})
    return None


def _go(root: Path, sources: Sources) -> Project:
    text = read_text(root / "go.mod")
    wanted = re.search(r"^go (\d+\.\d+)", text, re.MULTILINE)
    version = max(wanted.group(1) if wanted else _GO, _GO, key=lambda v: [int(part) for part in v.split(".")])
    framework = next(
        (name for name in ("gin-gonic/gin", "labstack/echo", "gofiber/fiber", "go-chi/chi") if name in text), ""
    )
    commands = sorted(
        path.rpartition("/")[0]
        for path, source in sources.texts.items()
        if path.endswith("main.go") and re.search(r"^package main\b", source, re.MULTILINE)
    )
    folder = next((name for name in commands if re.fullmatch(r"(?:[\w.-]+/?)*", name)), "")
    facts: dict[str, object] = {"command": f"./{folder}" if folder else ".", "sum": (root / "go.sum").is_file()}
    name = framework.rpartition("/")[2] or "plain"
    return Project("go", name, "go", version, ("/app",), sources.port or 8080, facts=facts)


def _java(root: Path, sources: Sources) -> Project:
    maven = (root / "pom.xml").is_file()
    text = read_text(root / "pom.xml") or read_text(root / "build.gradle") or read_text(root / "build.gradle.kts")
    spring, quarkus = "spring-boot" in text or "springframework" in text, "quarkus" in text
    wanted = re.search(
        r"(?:<java\.version>|<maven\.compiler\.(?:release|target)>|JavaLanguageVersion\.of\(|sourceCompatibility\s*=\s*"
        r"[\"']?(?:JavaVersion\.VERSION_)?)(\d{2})",
        text,
    )
    version = wanted.group(1) if wanted else _JAVA
    wrapper = (root / ("mvnw" if maven else "gradlew")).is_file()
    framework = "spring-boot" if spring else "quarkus" if quarkus else "plain"
    health = ("/actuator/health",) if "actuator" in text else ()
    entry = ("java", "-jar", "/app/app.jar")
    facts: dict[str, object] = {"wrapper": wrapper}
    return Project(
        "java", framework, "maven" if maven else "gradle", version, entry, sources.port or 8080, health, facts=facts
    )
