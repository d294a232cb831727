"""What the planner knows before anything is asked: the applications of the workspace, their services, the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from agent.settings import FILE, document_of

__all__ = ["Application", "PlannerContext", "Service"]


@dataclass(frozen=True)
class Service:
    """One service of an application, which is one Helm release. Paths are relative to the workspace."""

    name: str
    folder: str = ""
    dockerfile: str = "Dockerfile"
    image: str = ""
    chart: str = ""
    values: tuple[str, ...] = ()
    database: bool = False


@dataclass(frozen=True)
class Application:
    """One longshore.yaml."""

    file: str
    name: str
    namespace: str
    services: tuple[Service, ...] = ()


@dataclass(frozen=True)
class PlannerContext:
    """Where the planner works. ``names`` are further releases or services that are known to be there."""

    workspace: Path
    applications: tuple[Application, ...] = ()
    namespaces: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    target: str = ""
    simulated: bool = False
    read_only: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, workspace: Path, **more: Any) -> PlannerContext:
        """The context of a workspace: every longshore.yaml in it, at most two folders deep."""
        files = [workspace / FILE, *sorted(workspace.glob(f"*/{FILE}")), *sorted(workspace.glob(f"*/*/{FILE}"))]
        found = [_application(file, workspace) for file in files if file.is_file()]
        return cls(workspace=workspace, applications=tuple(a for a in found if a is not None), **more)

    @property
    def namespace(self) -> str:
        """Where to look when nobody says."""
        if self.applications:
            return self.applications[0].namespace
        return self.namespaces[0] if self.namespaces else "default"

    def service(self, name: str) -> tuple[Application, Service] | None:
        """The service of that name, with its application."""
        return next(((a, s) for a in self.applications for s in a.services if s.name == name), None)


def _application(file: Path, workspace: Path) -> Application | None:
    document = document_of(file)
    spec, meta = _map(document.get("spec")), _map(document.get("metadata"))
    if not spec or not meta.get("name"):
        return None
    here = PurePosixPath(file.parent.relative_to(workspace).as_posix())
    parts = [part for part in spec.get("services") or [] if isinstance(part, Mapping) and part.get("name")]
    services = [_service(part, here, workspace, database=False) for part in parts]
    database = _map(spec.get("database"))
    if database:
        services.insert(0, _service({"name": "postgres", **database}, here, workspace, database=True))
    return Application(
        file=file.relative_to(workspace).as_posix(),
        name=str(meta["name"]),
        namespace=str(spec.get("namespace") or meta["name"]),
        services=tuple(services),
    )


def _service(part: Mapping[str, Any], here: PurePosixPath, workspace: Path, *, database: bool) -> Service:
    name, chart = str(part["name"]), _map(part.get("chart"))
    folder = _tidy(here / str(chart.get("path") or f"charts/{name}"), workspace)
    return Service(
        name=name,
        folder="" if database else _tidy(here / str(part.get("context") or name), workspace),
        dockerfile=str(part.get("dockerfile") or "Dockerfile"),
        image=str(part.get("image") or name),
        chart=folder,
        values=tuple(f"{folder}/{file}" for file in chart.get("values") or []),
        database=database,
    )


def _tidy(path: PurePosixPath, workspace: Path) -> str:
    """The path relative to the workspace, without ``..``; as it is when it leaves the workspace."""
    whole = (workspace / path).resolve()
    root = workspace.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else path.as_posix()


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
