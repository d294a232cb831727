"""The tool list as clients see it: a snapshot, its size, and that the effects told are the effects had."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mcp_tools import library
from mcp_tools.catalog import CATALOG, ToolDef
from mcp_tools.effects import Effect
from mcp_tools.server import DEFAULT_TOOLSETS

library.load()
TOOLS = [t for t in CATALOG.all() if not t.name.startswith("toy_")]
SNAPSHOT = Path(__file__).parent / "tools.json"
# The catalogue of the design; the kinds of names are domain_verb, and a few that are a verb of their own.
DESIGNED = {
    "environment": {"environment_check"},
    "docker": {"project_analyze", "dockerfile_generate", "dockerfile_lint", "docker_build", "image_inspect"},
    "minikube": {"minikube_status", "minikube_start", "minikube_image_load", "minikube_images", "minikube_delete"},
    "charts": {"chart_generate", "helm_lint", "helm_template"},
    "helm": {"helm_diff", "helm_list", "helm_status", "helm_history", "helm_rollback_impact", "helm_test"}
    | {"helm_install", "helm_upgrade", "helm_rollback", "helm_uninstall"},
    "kubectl": {"kubectl_get", "kubectl_describe", "kubectl_logs", "kubectl_events", "kubectl_top"}
    | {"kubectl_apply", "kubectl_scale", "kubectl_restart", "kubectl_delete"},
    "diagnostics": {"diagnose", "check_connectivity", "check_environment", "check_pull_secrets", "check_security"}
    | {"check_endpoints", "check_auth", "check_chat"},
    "playbook": {"playbook_plan", "playbook_run", "playbook_status", "playbook_resume", "playbook_abort"},
}


def listed(tool: ToolDef) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "inputSchema": tool.listed_schema}


def test_every_designed_tool_is_there() -> None:
    assert set().union(*DESIGNED.values()) - {t.name for t in TOOLS} == set()


def test_the_list_is_the_reviewed_one() -> None:
    """Every change of a name, a description, a schema or an effect shows in review.

    Write the snapshot anew with LONGSHORE_UPDATE_SNAPSHOTS=1.
    """
    found = [
        listed(t) | {"effect": t.effect.value, "toolset": t.toolset, "outputSchema": t.output_schema} for t in TOOLS
    ]
    text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("LONGSHORE_UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert text == SNAPSHOT.read_text(encoding="utf-8")


def test_the_default_set_is_small_enough_for_a_model() -> None:
    """Under 25 kB of what a model reads: names, descriptions, input schemas."""
    default = [listed(t) for t in TOOLS if t.toolset in DEFAULT_TOOLSETS]
    size = len(json.dumps(default, separators=(",", ":"), ensure_ascii=False).encode())
    print(f"{len(default)} tools, {size} bytes")
    assert size < 25_000


@pytest.mark.parametrize("tool", TOOLS, ids=lambda t: t.name)
def test_a_definition_is_complete(tool: ToolDef) -> None:
    jsonschema.Draft202012Validator.check_schema(tool.input_schema)
    jsonschema.Draft202012Validator.check_schema(tool.output_schema)
    assert tool.description.endswith((".", "…")) and len(tool.description) <= 400
    assert tool.title and "_" not in tool.title
    assert (tool.observe is None) == (tool.effect is Effect.READ)
    assert {"changed", "evidence"} <= set(tool.output_schema["properties"])


@pytest.mark.parametrize("tool", TOOLS, ids=lambda t: t.name)
def test_names_in_camel_case_are_taken_as_well(tool: ToolDef) -> None:
    """Some clients rewrite argument names; what is taken is the same argument."""
    from pydantic import ValidationError
    from pydantic.alias_generators import to_camel

    for name in tool.input_schema["properties"]:
        errors: list[Any] = []
        try:
            tool.input_model.model_validate({to_camel(name): object()})
        except ValidationError as error:
            errors = error.errors()
        assert not [e for e in errors if e["type"] == "extra_forbidden"], name
