"""chart_generate: what it writes, what it keeps, and when it has to be asked for."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_tools import application
from mcp_tools.catalog import CATALOG, Effect, Observation
from mcp_tools.engines import chart_writer, manifests, process
from mcp_tools.engines.helm import Chart
from mcp_tools.errors import NotFound, Refused, StaleConfirmation, UsageError
from mcp_tools.guard.permit import issue
from mcp_tools.tools import charts
from mcp_tools.tools.charts import ChartGenerateInput, ChartGenerateOutput
from mcp_tools.world import Call, World

ROOT = Path(__file__).resolve().parents[2]
TODO = ROOT / "examples" / "todo-chatbot" / "longshore.yaml"
ALL = ("postgres", "mcp-server", "todo-backend", "todo-frontend")
SHOP = """
apiVersion: longshore.dev/v1
kind: Application
metadata: {name: shop}
spec:
  services:
    - name: web
      context: web
      port: 8080
      env: {API: "http://api:9000/v1", MODE: "on"}
      ingress: {host: shop.local, path: /shop}
      replicas: 2
      runAsUser: 2000
      writablePaths: [/var/cache/web]
    - name: api
      context: api
      image: team/api
      port: 9000
      secretEnv:
        DB: {secret: db, key: url}
        STRIPE_API_KEY: {secret: stripe, key: key, optional: true}
        DB_PASSWORD: {secret: db, key: password}
  database:
    name: db
    image: localhost:5000/postgres:17
    port: 6432
    password: {secret: db, key: password}
    storage: 5Gi
  secrets:
    - name: db
      keys:
        password: {generate: {bytes: 32}}
        url: {template: "postgresql://app:${password}@db:6432/app"}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A workspace with an application of two services and a database."""
    (tmp_path / "longshore.yaml").write_text(SHOP, encoding="utf-8")
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "requirements.txt").touch()
    return tmp_path


def call_in(workspace: Path, observation: Observation | None = None) -> Call:
    """A call as the guard lets it through: with a permit for what was observed."""
    permit = issue(tool="chart_generate", effect=observation.effect, call_id="t") if observation else None
    return Call(World(), workspace, "t", tool="chart_generate", observation=observation, _permit=permit)


def observe(workspace: Path, **args: Any) -> Observation:
    return asyncio.run(charts.observe_generate(ChartGenerateInput(**args), call_in(workspace)))


def generate(workspace: Path, **args: Any) -> ChartGenerateOutput:
    observation = observe(workspace, **args)
    return asyncio.run(charts.chart_generate(ChartGenerateInput(**args), call_in(workspace, observation)))


def files_in(folder: Path) -> dict[str, str]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


def values_of(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((folder / "values.yaml").read_text(encoding="utf-8"))
    return loaded


def test_the_tool_is_in_the_catalogue() -> None:
    tool = CATALOG.get("chart_generate")
    assert (tool.domain, tool.toolset, tool.effect) == ("charts", "charts", Effect.CHANGE)


@pytest.mark.parametrize("name", ALL)
def test_the_charts_of_this_repository_are_what_it_writes(name: str) -> None:
    app = application.load(TODO)
    folder = app.chart_of(chart_writer.part_of(app, name))
    assert folder == ROOT / "charts" / name
    made = chart_writer.chart_files(chart_writer.spec_of(app, name))
    there = {path: folder.joinpath(path).read_text(encoding="utf-8") for path in made}
    assert made == there
    unknown = set(files_in(folder)) - set(made)
    assert not {path for path in unknown if path != "Chart.lock" and not path.startswith("charts/")}


def test_nothing_is_to_do_where_the_charts_are(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    shutil.copytree(TODO.parent / "backend", tmp_path / "examples" / "todo-chatbot" / "backend")
    shutil.copy(TODO, tmp_path / "examples" / "todo-chatbot")
    observation = observe(tmp_path, service="todo-backend", application="examples/todo-chatbot", overwrite=True)
    assert observation.done and observation.effect is Effect.READ


def test_a_new_chart_is_created_with_its_library(shop: Path) -> None:
    observation = observe(shop, service="web")
    assert observation.effect is Effect.CREATE and not observation.done
    assert "web/values.yaml" in observation.preview.added and observation.preview.diff == ""
    made = generate(shop, service="web")
    assert made.changed and made.path == "charts/web" and sorted(made.files) == made.files
    assert files_in(shop / "charts" / "longshore-common") == chart_writer.library_files()
    assert not list((shop / "charts").rglob("tmp*")), "no half-written file stays"
    again = generate(shop, service="web")
    assert not again.changed and again.files == [] and again.kept == []


def test_a_second_service_shares_the_library(shop: Path) -> None:
    generate(shop, service="web")
    assert not [file for file in generate(shop, service="api").files if file.startswith("longshore-common/")]


def test_a_chart_of_ones_own_is_kept(shop: Path) -> None:
    generate(shop, service="web")
    values = shop / "charts" / "web" / "values.yaml"
    values.write_text("replicaCount: 7\n", encoding="utf-8")
    (shop / "charts" / "web" / ".helmignore").unlink()
    assert observe(shop, service="web").done
    made = generate(shop, service="web")
    assert not made.changed and made.kept == ["web/values.yaml"]
    assert values.read_text(encoding="utf-8") == "replicaCount: 7\n"
    assert "kept, though different: web/values.yaml" in made.text()


def test_a_kept_chart_gets_the_library_that_it_needs(shop: Path) -> None:
    generate(shop, service="web")
    shutil.rmtree(shop / "charts" / "longshore-common")
    made = generate(shop, service="web")
    assert made.files and all(file.startswith("longshore-common/") for file in made.files)


def test_replacing_is_a_change_that_shows_its_diff(shop: Path) -> None:
    generate(shop, service="web")
    values = shop / "charts" / "web" / "values.yaml"
    values.write_text("replicaCount: 7\n", encoding="utf-8")
    observation = observe(shop, service="web", overwrite=True)
    assert observation.effect is Effect.CHANGE and observation.preview.changed == ["web/values.yaml"]
    assert "-replicaCount: 7" in observation.preview.diff and "+replicaCount: 2" in observation.preview.diff
    made = generate(shop, service="web", overwrite=True)
    assert made.files == ["web/values.yaml"] and "replicaCount: 2" in values.read_text(encoding="utf-8")


def test_the_state_follows_the_files_that_would_be_replaced(shop: Path) -> None:
    generate(shop, service="web")
    values = shop / "charts" / "web" / "values.yaml"
    states = []
    for text in ("replicaCount: 7\n", "replicaCount: 8\n"):
        values.write_text(text, encoding="utf-8")
        states.append(observe(shop, service="web", overwrite=True).state)
    assert states[0] != states[1]


def test_writing_needs_a_permit_that_reaches_so_far(shop: Path) -> None:
    with pytest.raises(Refused, match="may only look"):
        asyncio.run(charts.chart_generate(ChartGenerateInput(service="web"), call_in(shop)))
    permit = issue(tool="chart_generate", effect=Effect.CREATE, call_id="t")
    with pytest.raises(Refused, match="may create, not change"):
        chart_writer.write({shop / "x": "x"}, permit=permit, effect=Effect.CHANGE)
    assert not (shop / "x").exists() and not (shop / "charts").exists()


def test_files_that_changed_after_the_look_are_not_replaced(shop: Path) -> None:
    """What was only new when it was looked at is a replacement now."""
    observation = observe(shop, service="web", overwrite=True)
    (shop / "charts" / "web").mkdir(parents=True)
    (shop / "charts" / "web" / "values.yaml").write_text("mine: 1\n", encoding="utf-8")
    args = ChartGenerateInput(service="web", overwrite=True)
    with pytest.raises(StaleConfirmation):
        asyncio.run(charts.chart_generate(args, call_in(shop, observation)))
    assert files_in(shop / "charts") == {"web/values.yaml": "mine: 1\n"}


def test_the_output_stays_in_the_workspace(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for output in ("../elsewhere", "/etc/chart"):
        with pytest.raises(Refused, match="outside the workspace"):
            observe(shop, service="web", output=output)
    outside = tmp_path_factory.mktemp("outside")
    (shop / "charts" / "web").mkdir(parents=True)
    (shop / "charts" / "web" / "templates").symlink_to(outside)
    with pytest.raises(Refused, match="outside the workspace"):
        observe(shop, service="web", overwrite=True)
    assert files_in(outside) == {}


def test_another_output_folder(shop: Path) -> None:
    made = generate(shop, service="web", output="deploy/helm/web")
    assert made.path == "deploy/helm/web" and (shop / "deploy" / "helm" / "longshore-common" / "Chart.yaml").is_file()


def test_the_input_is_checked(shop: Path) -> None:
    with pytest.raises(NotFound, match="no service shop"):
        observe(shop, service="shop")
    with pytest.raises(NotFound, match=r"no longshore\.yaml"):
        observe(shop, service="web", application="nowhere")
    with pytest.raises(ValueError, match="pattern"):
        ChartGenerateInput(service="--help")


def test_a_secret_in_plain_env_is_refused(shop: Path) -> None:
    text = SHOP.replace('MODE: "on"', "SESSION_SECRET: hunter2hunter2")
    (shop / "longshore.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"SESSION_SECRET of service web looks like a secret.*secretEnv"):
        observe(shop, service="web")


def test_a_database_image_without_tag_is_refused(shop: Path) -> None:
    (shop / "longshore.yaml").write_text(SHOP.replace("postgres:17", "postgres"), encoding="utf-8")
    with pytest.raises(UsageError, match="has no tag"):
        observe(shop, service="db")


def test_values_say_what_the_application_says(shop: Path) -> None:
    for name in ("web", "api", "db"):
        generate(shop, service=name)
    web, api, db = (values_of(shop / "charts" / name) for name in ("web", "api", "db"))
    assert web["config"] == {"API": "http://api:9000/v1", "MODE": "on", "PORT": "8080"}
    assert (web["replicaCount"], web["security"]["runAsUser"]) == (2, 2000)
    assert [path["path"] for path in web["writablePaths"]] == ["/tmp", "/var/cache/web"]
    assert web["ingress"]["hosts"] == [{"host": "shop.local", "paths": [{"path": "/shop", "pathType": "Prefix"}]}]
    assert web["networkPolicy"]["ingress"] == {"fromAnywhere": True, "fromServices": []}
    assert web["networkPolicy"]["egress"]["toServices"] == [{"name": "api", "port": 9000}]
    assert web["test"]["runtime"] == "shell"
    assert api["image"] == {"repository": "team/api", "tag": "latest", "pullPolicy": "IfNotPresent"}
    assert api["existingSecret"] == "db"
    assert api["secretEnv"] == {
        "DB": {"key": "url"},
        "STRIPE_API_KEY": {"key": "key", "optional": True, "secret": "stripe"},
        "DB_PASSWORD": {"key": "password"},
    }
    assert api["networkPolicy"]["ingress"] == {"fromAnywhere": False, "fromServices": ["web"]}
    assert api["networkPolicy"]["egress"] == {
        "dns": True,
        "toServices": [{"name": "db", "port": 6432}],
        "toInternet": [443],
    }
    assert api["test"]["runtime"] == "python"
    assert db["image"] == {"repository": "localhost:5000/postgres", "tag": "17", "pullPolicy": "IfNotPresent"}
    assert db["persistence"]["size"] == "5Gi" and db["config"]["PGPORT"] == "6432"
    assert db["networkPolicy"]["ingress"] == {"fromAnywhere": False, "fromServices": ["api"]}


@pytest.mark.parametrize("name", ["web", "api", "db"])
def test_what_it_writes_renders(shop: Path, name: str) -> None:
    helm = process.which("helm")
    if helm is None:
        pytest.skip("needs helm")
    generate(shop, service=name)
    with Chart(shop / "charts" / name, shop).stage() as staged:
        for words in (["dependency", "update", "--skip-refresh"], ["lint", "--strict"], ["template", name]):
            done = asyncio.run(process.run([helm, *words, str(staged.path)], timeout=60))
    kinds = {item["kind"] for item in manifests.parse(done.stdout)}
    assert {"Service", "ConfigMap", "ServiceAccount", "NetworkPolicy", "Pod"} < kinds
    assert ("StatefulSet" if name == "db" else "Deployment") in kinds


@pytest.mark.parametrize(
    ("file", "runtime"),
    [("package.json", "node"), ("pyproject.toml", "python"), ("setup.py", "python"), ("go.mod", "shell")],
)
def test_the_runtime_of_the_test_follows_the_source(tmp_path: Path, file: str, runtime: str) -> None:
    (tmp_path / file).touch()
    assert chart_writer.runtime_of(tmp_path) == runtime


def test_text_that_means_something_in_yaml_stays_text(shop: Path) -> None:
    spec = chart_writer.spec_of(application.load(shop), "web")
    odd = {"A": "yes", "B": "1e3", "C": "a: b # c", "D": "{{ .Values }}", "E": "'\"\n tab", "F": "", "G": "null"}
    files = chart_writer.chart_files(dataclasses.replace(spec, config=odd))
    assert yaml.safe_load(files["values.yaml"])["config"] == odd


@pytest.mark.anyio
async def test_charts_of_a_new_application_can_be_generated_side_by_side(tmp_path: Path) -> None:
    """All need the library chart, which none of them has yet."""
    import asyncio

    from mcp_tools.guard.guard import Session
    from mcp_tools.world import World
    from tests.mcp_tools.test_application import minimal, write
    from tests.mcp_tools.toys import toy_guard

    write(tmp_path, minimal())
    for name in ("web", "api"):
        (tmp_path / name).mkdir()
    guard, session = toy_guard(tmp_path), Session(World("context:none"), tmp_path)
    calls = [guard.call("chart_generate", {"service": name}, session=session) for name in ("web", "api")]
    done = await asyncio.gather(*calls)
    assert all(result.changed for result in done)
    assert (tmp_path / "charts" / "longshore-common" / "Chart.yaml").is_file()
    again = await guard.call("chart_generate", {"service": "web"}, session=session)
    assert not again.changed


@pytest.mark.parametrize(
    ("file", "text", "runtime"),
    [
        ("main.py", "", "python"),
        ("Dockerfile", "FROM debian AS build\nFROM docker.io/library/python:3.13-slim\n", "python"),
        ("Dockerfile", "FROM node:22-slim\n", "node"),
        ("Dockerfile", "FROM nginx:alpine\n", "shell"),
        ("package.json", "{}", "node"),
    ],
)
def test_the_chart_test_asks_with_what_the_image_has(tmp_path: Path, file: str, text: str, runtime: str) -> None:
    from mcp_tools.engines.chart_writer import runtime_of

    (tmp_path / file).write_text(text)
    assert runtime_of(tmp_path) == runtime
