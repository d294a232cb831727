"""What a project is: its language, framework and package manager, and how it starts.

Decided from its own files (pyproject.toml, requirements, package.json, lock files, sources); nothing is executed. What
they say is data: names that will stand in a Dockerfile are checked against the grammar of what they name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from mcp_tools.engines.project_sources import Sources, scan
from mcp_tools.errors import NotFound

__all__ = ["Project", "analyze"]


@dataclass(frozen=True)
class Project:
    """A project as its files describe it.

    ``version`` is that of the language's runtime an image should have. ``entrypoint`` is empty when it is not known.
    ``facts`` are what the Dockerfile templates need to know of this language.
    """

    language: str
    framework: str
    package_manager: str
    version: str
    entrypoint: tuple[str, ...] = ()
    port: int | None = None
    health_paths: tuple[str, ...] = ()
    env_names: tuple[str, ...] = ()
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether a Dockerfile can be written for it."""
        return self.language != "unknown"


def analyze(root: Path) -> Project:
    """Look at a project's folder. Blocking; run it in a thread.

    Raises:
        NotFound: there is no such folder.
        UsageError: a file that describes the project is broken.
    """
    from mcp_tools.engines import project_node, project_other, project_python

    if not root.is_dir():
        raise NotFound(f"there is no folder {root.name}", remedy="give the folder that holds the sources")
    sources = scan(root)
    for detect in (project_node.detect, project_python.detect, project_other.detect):
        found = detect(root, sources)
        if found is not None:
            return _with_sources(found, sources)
    return _with_sources(Project("unknown", "unknown", "", ""), sources)


def _with_sources(project: Project, sources: Sources) -> Project:
    health = project.health_paths or tuple(sources.health_paths)
    return replace(project, health_paths=health, env_names=project.env_names or tuple(sources.env_names))
