"""A chart, copied to a private folder before helm sees it: local files only, dependencies resolved there.

The chart in the workspace is never written to. Only ``file://`` dependencies inside the workspace and charts that are
already vendored are taken: nothing is ever fetched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from mcp_tools.errors import NotFound, UsageError

MAX_BYTES = 20_000_000
_SKIPPED = shutil.ignore_patterns(".git", "__pycache__", "*.pyc", ".DS_Store")


@dataclass(frozen=True)
class Staged:
    """A chart ready for helm: its ``--values`` arguments, and the charts whose dependencies to resolve, in order."""

    path: Path
    name: str
    version: str
    value_args: list[str]
    update: list[Path]


def metadata(chart: Path) -> dict[str, Any]:
    """Chart.yaml as data.

    Raises:
        NotFound: there is no chart there.
        UsageError: its Chart.yaml is broken.
    """
    file = chart / "Chart.yaml"
    if not file.is_file():
        raise NotFound(f"no chart at {chart.name}", "it has no Chart.yaml", "chart_generate writes one")
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{chart.name}/Chart.yaml is not YAML", " ".join(str(error).split())) from error
    if not isinstance(data, dict) or not data.get("name") or not data.get("version"):
        raise UsageError(f"{chart.name}/Chart.yaml needs a name and a version")
    return data


def _local_dependencies(chart: Path, root: Path) -> list[Path]:
    """The folders of the chart's ``file://`` dependencies; refuses every other origin."""
    found, elsewhere = [], ""
    for dependency in metadata(chart).get("dependencies") or []:
        name, origin = str(dependency.get("name", "")), str(dependency.get("repository") or "")
        vendored = (chart / "charts" / name).is_dir() or any((chart / "charts").glob(f"{name}-*.tgz"))
        if not origin.startswith("file://"):
            if vendored:
                elsewhere = (origin and name) or elsewhere
                continue
            raise UsageError(
                f"chart {chart.name} depends on {name} from {origin or 'nowhere'}",
                "only charts of this workspace are used",
                f"vendor it into {chart.name}/charts, or use file://",
            )
        where = (chart / origin.removeprefix("file://")).resolve()
        if not where.is_relative_to(root) or not (where / "Chart.yaml").is_file():
            raise UsageError(f"dependency {name} of {chart.name} is no chart in the workspace", origin)
        found.append(where)
    if found and elsewhere:  # resolving the local ones would make helm fetch the others again
        raise UsageError(
            f"chart {chart.name} mixes file:// dependencies with {elsewhere}, which comes from elsewhere",
            "nothing is fetched",
            f"leave out the repository of {elsewhere}, which is vendored, or use file:// for it",
        )
    return found


def _closure(chart: Path, root: Path, seen: tuple[Path, ...] = ()) -> list[Path]:
    """The chart and all it depends on, dependencies first."""
    if chart in seen:
        raise UsageError("charts depend on each other in a circle", " → ".join(p.name for p in (*seen, chart)))
    ordered: list[Path] = []
    for dependency in _local_dependencies(chart, root):
        ordered += [path for path in _closure(dependency, root, (*seen, chart)) if path not in ordered]
    return [*ordered, chart]


def _copy(source: Path, target: Path, root: Path) -> None:
    """Copy a chart, links followed. Every folder that the copy enters is looked at, also those behind a link."""
    size = 0

    def look(folder: str, names: list[str]) -> set[str]:
        nonlocal size
        skipped = set(_SKIPPED(folder, names))
        here = Path(folder).resolve()
        for name in set(names) - skipped:
            real = (here / name).resolve()
            if not real.is_relative_to(root):
                raise UsageError(f"{name} in chart {source.name} leads out of the workspace")
            if real == here or real in here.parents:
                raise UsageError(f"{name} in chart {source.name} leads back to a folder that it is in")
            size += real.stat().st_size if real.is_file() else 0
        if size > MAX_BYTES:
            raise UsageError(f"chart {source.name} is too large", f"{size} bytes")
        return skipped

    shutil.copytree(source, target, ignore=look)


class Stage:
    """Context manager: stages a chart and its values in a 0700 folder and removes it again."""

    def __init__(
        self,
        chart: Path,
        root: Path,
        values_files: Sequence[Path] = (),
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self._chart, self._root = chart.resolve(), root.resolve()
        self._values_files, self._values = values_files, values
        self._folder: Path | None = None

    def __enter__(self) -> Staged:
        self._folder = Path(tempfile.mkdtemp(prefix="longshore-chart-"))
        try:
            return self._stage(self._folder)
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def _stage(self, folder: Path) -> Staged:
        data = metadata(self._chart)
        charts = _closure(self._chart, self._root)
        base = Path(os.path.commonpath([str(chart.parent) for chart in charts]))
        for chart in charts:
            _copy(chart, folder / chart.relative_to(base), self._root)
        update = [folder / c.relative_to(base) for c in charts if _local_dependencies(c, self._root)]
        args: list[str] = []
        for number, file in enumerate(self._values_files):
            if not file.is_file():
                raise NotFound(f"no values file {file.name}", remedy="check the path")
            if not file.resolve().is_relative_to(self._root):
                raise UsageError(f"values file {file.name} leads out of the workspace")
            copied = folder / f".values-{number}-{file.name}"
            shutil.copyfile(file, copied)  # what was looked at is what is deployed
            args += ["--values", str(copied)]
        if self._values:
            args += ["--values", str(self._write_values(folder))]
        return Staged(folder / self._chart.relative_to(base), str(data["name"]), str(data["version"]), args, update)

    def _write_values(self, folder: Path) -> Path:
        file = folder / ".values.yaml"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            yaml.safe_dump(dict(self._values or {}), stream)
        return file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
