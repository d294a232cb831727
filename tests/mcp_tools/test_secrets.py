"""secret_ensure: what is made, what is kept, and that no value is ever shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import EnvironmentNotReady, UsageError
from mcp_tools.guard.guard import Session
from mcp_tools.tools.secrets import _Plan, decide, generate, values
from mcp_tools.world import World
from tests.mcp_tools.test_application import minimal, write
from tests.mcp_tools.toys import toy_guard

DATABASE = {"fromEnv": "NEON", "template": "postgresql://u:${password}@db/x"}


def plan(specs: dict[str, dict[str, Any]], existing: dict[str, str] | None = None) -> _Plan:
    return _Plan("s", specs, existing or {})


def test_missing_keys_are_made_and_existing_ones_kept() -> None:
    made = plan({"a": {"generate": {"bytes": 32}}, "password": {"generate": {"length": 24}}}, {"a": "kept"})
    decide(made, {})
    found = values(made, {})
    assert (made.kept, made.create, made.missing) == (["a"], ["password"], [])
    assert len(found["password"]) == 24 and found["password"].isalnum()


def test_templates_take_what_was_made_or_kept() -> None:
    made = plan({"url": DATABASE, "password": {"generate": {"length": 20}}})
    decide(made, {})
    found = values(made, {})
    assert found["url"] == f"postgresql://u:{found['password']}@db/x"
    kept = plan({"url": DATABASE, "password": {"generate": {"length": 20}}}, {"password": "old"})
    decide(kept, {})
    assert values(kept, {}) == {"url": "postgresql://u:old@db/x"}


def test_a_variable_that_is_set_goes_before_the_template() -> None:
    made = plan({"url": DATABASE, "password": {"generate": {"length": 20}}})
    decide(made, {"NEON": "postgresql://neon"})
    assert values(made, {"NEON": "postgresql://neon"})["url"] == "postgresql://neon"


def test_optional_keys_without_a_source_are_left_out_and_required_ones_named() -> None:
    optional = plan({"k": {"fromEnv": "NOT_SET", "optional": True}, "t": {"template": "x${k}"}})
    decide(optional, {})
    assert optional.missing == ["k", "t"] and values(optional, {}) == {}
    with pytest.raises(EnvironmentNotReady, match="NOT_SET"):
        decide(plan({"k": {"fromEnv": "NOT_SET"}}), {})


@pytest.mark.parametrize(
    "specs",
    [
        {"a": {"template": "${b}"}, "b": {"template": "${a}"}},
        {"a": {"template": "${nothing}"}},
    ],
)
def test_templates_that_lead_nowhere(specs: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(UsageError):
        decide(plan(specs), {})


@pytest.mark.parametrize("how", [{"bytes": 8}, {"length": 8}, {}, {"bytes": 100_000}])
def test_a_short_secret_is_refused(how: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        generate(how)


def test_generated_values_differ() -> None:
    assert len({generate({"bytes": 32}) for _ in range(50)}) == 50


@pytest.mark.anyio
@pytest.mark.cluster
async def test_on_a_cluster_they_are_made_once_and_never_shown(tmp_path: Path) -> None:
    import base64
    import subprocess

    space = "t-secret-ensure"
    keys = {"password": {"generate": {"length": 24}}, "url": {"template": "postgresql://u:${password}@db/x"}}
    write(tmp_path, minimal(namespace=space, secrets=[{"name": "shop", "keys": keys}]))
    guard, kube = toy_guard(tmp_path), KubeEngine("minikube")
    session = Session(World("minikube"), tmp_path)
    try:
        first = await guard.call("secret_ensure", {}, session=session)
        found = await kube.get("v1", "Secret", "shop", space)
        assert first.changed and found is not None
        shown = first.text + str(first.data) + str(guard.journal.records())
        for value in found["data"].values():
            assert base64.b64decode(value).decode() not in shown and value not in shown
        second = await guard.call("secret_ensure", {}, session=session)
        again = await kube.get("v1", "Secret", "shop", space)
        assert not second.changed and again is not None and again["data"] == found["data"]
    finally:
        words = ["kubectl", "--context", "minikube", "delete", "namespace", space, "--ignore-not-found", "--wait=false"]
        subprocess.run(words, check=False, capture_output=True)
