"""longshore.yaml: what is valid, and what a broken one is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mcp_tools import application
from mcp_tools.errors import NotFound, UsageError

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "todo-chatbot" / "longshore.yaml"


def minimal(**spec: Any) -> dict[str, Any]:
    services = [
        {"name": "web", "context": "web", "port": 3000, "dependsOn": ["api"]},
        {"name": "api", "context": "api", "port": 8000},
    ]
    return {
        "apiVersion": "longshore.dev/v1",
        "kind": "Application",
        "metadata": {"name": "shop"},
        "spec": {"services": services} | spec,
    }


def write(folder: Path, data: Any) -> Path:
    file = folder / "longshore.yaml"
    file.write_text(data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False))
    return file


def test_the_example_is_valid_in_both_readings() -> None:
    made = application.load(EXAMPLE)
    assert [s.name for s in made.spec.in_order()] == ["mcp-server", "todo-backend", "todo-frontend"]
    jsonschema.validate(yaml.safe_load(EXAMPLE.read_text()), application.schema())


def test_a_folder_stands_for_its_file(tmp_path: Path) -> None:
    write(tmp_path, minimal())
    made = application.load(tmp_path)
    assert made.name == "shop" and made.spec.namespace == "default"
    assert made.context_of(made.spec.service("web")) == tmp_path / "web"
    assert made.chart_of(made.spec.service("web")) == tmp_path / "charts" / "web"
    with pytest.raises(NotFound, match="web, api"):
        made.spec.service("nothing")


def cycle() -> dict[str, Any]:
    services = [
        {"name": name, "context": name, "port": 80, "dependsOn": [other]}
        for name, other in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    return minimal(services=services)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("a: [1", "is not YAML"),
        ("just text", "it is not a mapping"),
        (minimal(services=[]), "spec.services"),
        (cycle(), "in a circle: a → b → c → a"),
        (minimal(services=[{"name": "a", "context": "a", "port": "many"}]), "spec.services.0.port"),
        (minimal(services=[{"name": "a", "context": "a", "port": 80, "colour": "red"}]), "colour: is not known"),
        (minimal(services=[{"name": "-a", "context": "a", "port": 80}]), "spec.services.0.name"),
        (minimal(services=[{"name": "a", "context": "-a", "port": 80}]), "spec.services.0.context"),
        (
            minimal(services=[{"name": "a", "context": "a", "port": 80, "dependsOn": ["zebra"]}]),
            "depends on zebra, which is no service here",
        ),
        (minimal(services=[{"name": "a", "context": "a", "port": 80}] * 2), "two services are named a"),
        (
            minimal(secrets=[{"name": "s", "keys": {"k": {"generate": {"bytes": 32}, "fromEnv": "X"}}}]),
            "exactly one of generate, fromEnv and template",
        ),
        (minimal() | {"apiVersion": "v2"}, "apiVersion"),
    ],
)
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, data: Any, told: str) -> None:
    with pytest.raises(UsageError) as error:
        application.load(write(tmp_path, data))
    line = str(error.value)
    assert told in line and "\n" not in line and "longshore.yaml" in line
    assert error.value.exit_code == 2


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="longshore init"):
        application.load(tmp_path)


def test_the_published_schema_is_the_one_of_the_models() -> None:
    import json

    published = json.loads((ROOT / "docs" / "schema" / "application.schema.json").read_text())
    assert published == application.schema()
