"""longshore init: what is read from the sources becomes a longshore.yaml that is valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from agent import drafting
from agent.settings import named_variables, server_environment, workspace_of
from mcp_tools.application import Document
from tests.agent.conftest import Stage


def analysed(**more: Any) -> dict[str, Any]:
    """What project_analyze says."""
    return {"language": "python", "port": 8000, "health_paths": ["/health", "/ready"], "env_names": []} | more


def made(tmp_path: Path, **services: dict[str, Any]) -> dict[str, Any]:
    """The draft of a project with those services."""
    return drafting.draft("shop", tmp_path, [(tmp_path / name, data) for name, data in services.items()])


def test_the_draft_is_a_valid_application(tmp_path: Path) -> None:
    document = made(
        tmp_path,
        frontend=analysed(
            port=3000, env_names=["BACKEND_URL", "NODE_ENV", "SESSION_SECRET"], health_paths=["/api/health"]
        ),
        backend=analysed(env_names=["DATABASE_URL", "OPENAI_API_KEY", "MCP_SERVER_URL", "PORT", "FEATURE_X"]),
        **{"mcp-server": analysed(port=8001, env_names=["DATABASE_URL"])},
    )
    text = drafting.to_yaml(document)
    spec = Document.model_validate(yaml.safe_load(text)).spec
    assert [service.name for service in spec.services] == ["mcp-server", "backend", "frontend"], "needed ones first"
    backend = spec.services[1]
    assert backend.env == {"PORT": "8000", "MCP_SERVER_URL": "http://mcp-server:8001/mcp"}
    assert backend.depends_on == ["mcp-server", "postgres"]
    assert backend.secret_env["OPENAI_API_KEY"].optional
    assert spec.database is not None and spec.database.password.key == "postgres-password"
    assert spec.services[2].health.readiness == "/api/health"


def test_no_secret_gets_a_value(tmp_path: Path) -> None:
    document = made(tmp_path, api=analysed(env_names=["JWT_SECRET", "ADMIN_PASSWORD", "STRIPE_API_KEY"]))
    keys = document["spec"]["secrets"][0]["keys"]
    assert keys == {
        "admin-password": {"generate": {"bytes": 32}},
        "jwt-secret": {"generate": {"bytes": 32}},
        "stripe-api-key": {"fromEnv": "STRIPE_API_KEY", "optional": True},
    }


def test_services_that_point_at_each_other_are_no_circle(tmp_path: Path) -> None:
    document = made(tmp_path, a=analysed(env_names=["B_URL"]), b=analysed(env_names=["A_URL"]))
    Document.model_validate(document)


def test_what_has_no_value_is_told(tmp_path: Path) -> None:
    found = [(tmp_path / "api", analysed(env_names=["FEATURE_X", "PORT", "PATH"]))]
    document = drafting.draft("shop", tmp_path, found)
    missing = drafting.unset(document, found)
    assert missing == {"api": ["FEATURE_X"]}
    assert "#   api: FEATURE_X" in drafting.to_yaml(document, missing)


@pytest.mark.parametrize(
    ("text", "name"), [("My Shop!", "my-shop"), ("42", "app-42"), ("___", "app"), ("a" * 60, "a" * 40)]
)
def test_names(text: str, name: str) -> None:
    assert drafting.name_from(text) == name


def test_folders_that_are_services(tmp_path: Path) -> None:
    for name in ("web", "api", "node_modules/x", ".hidden", "docs", "deep/er/still"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "package.json").touch()
    (tmp_path / "deep" / "er" / "Dockerfile").touch()
    found = [path.relative_to(tmp_path).as_posix() for path in drafting.service_folders(tmp_path)]
    assert found == ["api", "deep/er", "web"]


def test_init_writes_validates_and_does_not_overwrite(stage: Stage) -> None:
    shop = stage.folder / "shop"
    (shop / "longshore.yaml").unlink()
    (shop / "api").mkdir()
    (shop / "api" / "Dockerfile").touch()
    stage.script("project_analyze", data=analysed())
    stage.script("playbook_plan", data={"digest": "f" * 64})
    ran = stage.run("init")
    assert ran.code == 0 and "written: longshore.yaml with api" in ran.out
    before = (shop / "longshore.yaml").read_bytes()
    assert stage.run("init", "--name", "other").code == 2
    assert (shop / "longshore.yaml").read_bytes() == before
    assert stage.run("init", "--stdout", "--name", "other", "--json").document["metadata"]["name"] == "other"


def test_init_takes_back_what_is_not_valid(stage: Stage) -> None:
    shop = stage.folder / "shop"
    (shop / "longshore.yaml").unlink()
    (shop / "Dockerfile").touch()
    stage.script("project_analyze", data=analysed())
    stage.script("playbook_plan", error={"code": "usage", "what": "longshore.yaml is not valid"})
    assert stage.run("init").code == 2
    assert not (shop / "longshore.yaml").exists()


def test_the_workspace_is_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert workspace_of(tmp_path / "a" / "b") == tmp_path.resolve()


def test_the_servers_environment_has_what_it_needs_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "longshore.yaml"
    file.write_text('k: {fromEnv: STRIPE_KEY}\nexternalUrlFromEnv: "NEON_URL"\n', encoding="utf-8")
    assert named_variables([file, tmp_path / "none"]) == {"STRIPE_KEY", "NEON_URL"}
    given = {
        "STRIPE_KEY": "1",
        "NEON_URL": "2",
        "AWS_SECRET_ACCESS_KEY": "3",
        "LONGSHORE_TARGET": "minikube",
        "HOME": "/h",
    }
    assert set(server_environment([file], given)) == {
        "STRIPE_KEY",
        "NEON_URL",
        "LONGSHORE_TARGET",
        "HOME",
        "PYTHONPATH",
        "LONGSHORE_ERRORS",
    }
