"""Every step of every playbook, against the tools it names: arguments, results, and what expressions read of them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from mcp_tools import application, library
from mcp_tools.catalog import CATALOG
from mcp_tools.tools import playbook_context
from mcp_tools.tools.playbook_caller import arguments
from playbooks import expressions, loader
from playbooks.schema import Step

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "todo-chatbot"

library.load()


def all_steps() -> list[tuple[str, Step]]:
    found = []
    for name in loader.names():
        playbook = loader.playbook(name)
        found += [(f"{name}/{step.id}", step) for _, step in playbook.all_steps()]
        for recovery in playbook.recoveries.values():
            found += [(f"{name}/{step.id}", step) for step in recovery.steps]
    return found


STEPS = all_steps()
IDS = [where for where, _ in STEPS]


@pytest.fixture(scope="module")
def app() -> dict[str, Any]:
    return playbook_context.context(application.load(EXAMPLE), ROOT, minikube=True, env={})


def sample(schema: dict[str, Any], whole: dict[str, Any]) -> Any:
    """Some data of a JSON schema: everything set, every list with one thing in it."""
    if "$ref" in schema:
        node: Any = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        return sample(node, whole)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return sample(next(s for s in schema[union] if s.get("type") != "null"), whole)
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sample(part, whole) for name, part in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [sample(schema.get("items") or {}, whole)]
    return {"integer": 1, "number": 1.5, "boolean": True, "null": None}.get(kind, "x")


@functools.cache
def result_of(tool: str) -> dict[str, Any]:
    schema = CATALOG.get(tool).output_model.model_json_schema(mode="serialization", by_alias=True)
    return dict(sample(schema, schema))


def scope_for(step: Step, app: dict[str, Any], name: str) -> dict[str, Any]:
    """What a step sees when every other one has ended well."""
    base: dict[str, Any] = {}
    lists: dict[str, list[Any]] = {}
    for _, other in STEPS:
        result = dict(result_of(other.tool))
        if "content_tag" in result:
            result["content_tag"] = "src-0123456789ab"
        seen = {"key": name, "name": name, "status": "succeeded", "changed": True, "attempts": 1, "result": result}
        base[other.id] = seen | {"error": None}
        lists[other.id] = [base[other.id]]
    params = {"release": None, "revision": 2, "reason": "slow", "delete_data": False}
    run = {"id": "deploy-1", "target": "minikube", "playbook": "deploy"}
    failure = dict.fromkeys(("step", "stage", "service", "tool", "code", "what", "why", "remedy"), "x")
    service = next((r for r in app["releases"] if r["name"] == name), None)
    scope = {"app": app, "params": params, "run": run, "steps": base, "all": lists, "failure": failure}
    return scope | {"service": service, "result": result_of(step.tool)}


def keys(step: Step, app: dict[str, Any]) -> list[str]:
    if step.for_each is None:
        return ["todo-backend"]
    return [item["name"] for item in expressions.evaluate(step.for_each, scope_for(step, app, "todo-backend"))]


@pytest.mark.parametrize(("where", "step"), STEPS, ids=IDS)
def test_the_tool_is_there_and_takes_the_arguments(where: str, step: Step, app: dict[str, Any]) -> None:
    model = CATALOG.get(step.tool).input_model
    for name in keys(step, app):
        model.model_validate(arguments(expressions.fill(step.args, scope_for(step, app, name))))


@pytest.mark.parametrize(("where", "step"), STEPS, ids=IDS)
def test_expressions_read_what_the_tools_give(where: str, step: Step, app: dict[str, Any]) -> None:
    for name in keys(step, app):
        scope = scope_for(step, app, name)
        if step.when is not None:
            expressions.holds(step.when, scope)
        if isinstance(step.timeout, str):
            assert 0 < float(expressions.evaluate(step.timeout, scope)) < 7200
        for expect in step.expect:
            expressions.holds(expect.that, scope)
            assert isinstance(expressions.fill(expect.otherwise, scope), str)
            assert isinstance(expressions.fill(expect.remedy, scope), str)


@pytest.mark.parametrize("name", loader.names())
def test_advice_can_be_given(name: str, app: dict[str, Any]) -> None:
    for recovery in loader.playbook(name).recoveries.values():
        scope = scope_for(recovery.steps[0], app, "todo-backend")
        assert expressions.holds(recovery.recovered, scope)
        for text in recovery.advice:
            assert isinstance(expressions.fill(text, scope), str | list)


def test_only_looks_are_called_cheap_and_nothing_destroys_in_a_deployment() -> None:
    for where, step in STEPS:
        effect = CATALOG.get(step.tool).effect.value
        if step.cheap:
            assert effect == "read", where
        if where.startswith("deploy/"):
            assert effect != "destroy", where


def test_steps_before_their_stage_only_look_or_add() -> None:
    """An early gate is for what harms nothing when the stages between turn out to fail."""
    allowed = {"chart_generate", "helm_lint", "minikube_start", "minikube_image_load"}
    assert {step.tool for _, step in STEPS if step.gate is not None} <= allowed


def test_the_example_is_installed_in_the_order_of_the_plan(app: dict[str, Any]) -> None:
    from playbooks.graph import expand

    assert [r["name"] for r in app["releases"]] == ["postgres", "mcp-server", "todo-backend", "todo-frontend"]
    nodes = expand(loader.playbook("deploy"), {"app": app, "params": {}, "run": {}})
    assert "install-postgres" in nodes["install-mcp-server"].needs
    assert "install-mcp-server" in nodes["install-todo-backend"].needs
    assert "install-todo-backend" in nodes["install-todo-frontend"].needs
    assert "load-postgres" not in nodes
    down = expand(loader.playbook("uninstall"), {"app": app, "params": {"delete_data": False}, "run": {}})
    assert "uninstall-todo-frontend" in down["uninstall-todo-backend"].needs
    assert "uninstall-mcp-server" in down["uninstall-postgres"].needs


def test_an_external_database_is_not_installed(app: dict[str, Any]) -> None:
    env = {"NEON_DATABASE_URL": "postgresql://u:p@db.example.org:6432/todo"}
    found = playbook_context.context(application.load(EXAMPLE), ROOT, minikube=True, env=env)
    assert [r["name"] for r in found["releases"]] == ["mcp-server", "todo-backend", "todo-frontend"]
    backend = next(r for r in found["releases"] if r["name"] == "todo-backend")
    assert backend["needs"] == ["mcp-server"]
    assert backend["values"]["networkPolicy"]["egress"]["toInternet"] == [443, 6432]
    assert "p@" not in str(found), "the URL stays where it is"


def test_the_context_says_paths_from_the_workspace_and_no_secret(app: dict[str, Any]) -> None:
    backend = next(s for s in app["services"] if s["name"] == "todo-backend")
    assert backend["context"] == "examples/todo-chatbot/backend"
    assert backend["chart"] == "charts/todo-backend"
    assert backend["values_files"] == ["charts/todo-backend/values-minikube.yaml"]
    assert backend["values"]["config"]["MCP_SERVER_URL"] == "http://mcp-server:8001/mcp"
    assert backend["values"]["secretEnv"]["JWT_SECRET"] == {"key": "jwt-secret"}
    assert backend["limits"] == {"cpu": "1000m", "memory": "1Gi"}
    assert app["file"] == "examples/todo-chatbot/longshore.yaml"


def test_the_example_says_the_same_as_its_charts() -> None:
    """longshore.yaml is the one place: the charts of this repository are what is written from it."""
    from mcp_tools.engines import chart_writer

    app = application.load(EXAMPLE)
    for name in ("postgres", "mcp-server", "todo-backend", "todo-frontend"):
        folder = app.chart_of(chart_writer.part_of(app, name))
        for path, text in chart_writer.wanted(app, name, folder).items():
            assert path.read_text(encoding="utf-8") == text, path.name


def test_parameters_are_checked() -> None:
    from mcp_tools.errors import UsageError

    declared = loader.playbook("rollback").parameters
    assert playbook_context.parameters(declared, {"revision": 3}) == {"release": None, "revision": 3, "reason": ""}
    for given, says in (({"confirm": True}, "no parameter confirm"), ({"revision": True}, "revision is no integer")):
        with pytest.raises(UsageError, match=says):
            playbook_context.parameters(declared, given)
