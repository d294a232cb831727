"""The checks against an application in memory: what is right passes, and each single fault is found and named."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.catalog import CATALOG
from mcp_tools.effects import Effect
from mcp_tools.tools import (  # noqa: F401 (registers the tools)
    check_auth,
    check_chat,
    check_connectivity,
    check_constitution,
    check_endpoints,
    check_environment,
    check_health,
    check_persistence,
    check_security,
    check_triggers,
)
from mcp_tools.world import Call

from . import imitation
from .imitation import KEY, Kube, objects, stage


def run(tool: str, call: Call, **arguments: Any) -> Any:
    definition = CATALOG.get(tool)
    args = definition.input_model.model_validate({"application": "longshore.yaml"} | arguments)
    return asyncio.run(definition.run(args, call))  # type: ignore[arg-type]


def observe(tool: str, call: Call, **arguments: Any) -> Any:
    definition = CATALOG.get(tool)
    assert definition.observe is not None
    args = definition.input_model.model_validate({"application": "longshore.yaml"} | arguments)
    return asyncio.run(definition.observe(args, call))  # type: ignore[arg-type]


def leak(where: str) -> dict[str, Any]:
    meta = {"name": where, "namespace": imitation.NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"note": f"the key is {KEY}"}}


# -- authentication ---------------------------------------------------------------------------------------------------


def test_good_authentication_passes_and_shows_no_secret(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    out = run("check_auth", call)
    assert out.ok and out.issued and out.required and out.from_secret, out.text()
    assert out.rejects_tampered and out.rejects_expired and out.rejects_wrong_audience and out.rejects_unsigned
    assert out.hardcoded == [] and not out.changed
    text = out.model_dump_json() + out.text()
    assert KEY not in text and "eyJ" not in text
    assert not any(password in text for password in kube.api.users.values())
    assert out.test_user in kube.api.users and out.test_user.endswith("@example.invalid")


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ("open", "required"),
        ("tampered", "rejects_tampered"),
        ("expired", "rejects_expired"),
        ("wrong-audience", "rejects_wrong_audience"),
        ("alg-none", "rejects_unsigned"),
    ],
)
def test_each_hole_in_the_verification_is_found(tmp_path: Path, fault: str, field: str) -> None:
    call, _ = stage(tmp_path, fault=fault)
    out = run("check_auth", call)
    assert not out.ok and getattr(out, field) is False and out.reason


def test_a_key_in_a_config_map_is_found(tmp_path: Path) -> None:
    call, _ = stage(tmp_path, items=[*objects(), leak("leak")])
    out = run("check_auth", call)
    assert not out.ok and out.hardcoded == ["ConfigMap/leak note"]
    assert KEY not in out.model_dump_json()


def test_a_key_in_a_variable_of_the_image_is_found(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    kube.environment["api"] = {"JWT_SECRET": KEY, "PORT": "8000", "BAKED": KEY}
    out = run("check_auth", call)
    assert not out.ok and not out.from_secret
    assert any("BAKED" in place and "the image" in place for place in out.hardcoded)


def test_a_pod_with_an_old_key_is_found(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    kube.environment["api"] = {"JWT_SECRET": "an-older-key", "PORT": "8000"}
    assert run("check_auth", call).from_secret is False


@pytest.mark.parametrize(
    ("tool", "part"), [("check_auth", "auth"), ("check_chat", "chat"), ("check_persistence", "persistence")]
)
def test_what_is_not_described_is_skipped_and_says_so(tmp_path: Path, tool: str, part: str) -> None:
    call, kube = stage(tmp_path, **{part: None})
    seen = observe(tool, call)
    assert seen.effect is Effect.READ and seen.done
    out = run(tool, call)
    assert out.ok and out.skipped and part in out.reason and kube.api.requests == []


def test_the_effects_before_acting(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    for tool in ("check_auth", "check_chat", "check_persistence"):
        assert observe(tool, call).effect is Effect.CREATE
    seen = observe("check_persistence", call, delete_pods=True)
    assert seen.effect is Effect.CHANGE and set(seen.preview.changed) == {"Pod/api-1", "Pod/web-1"}
    assert kube.api.requests == []


# -- chat and persistence ---------------------------------------------------------------------------------------------


def test_a_good_chat_leaves_nothing_but_the_test_user(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    first = run("check_chat", call)
    assert first.ok and first.tool_called and first.record_found and first.formatted and first.survives_failing_tool
    assert first.changed and first.cleaned_up and kube.api.todos == {}
    again = run("check_chat", call)
    assert again.ok and not again.changed and len(kube.api.users) == 1


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("no-tool", "missing"),
        ("talks-only", "not there"),
        ("raw", "no text"),
        ("fragile", "failing tool"),
        ("undeletable", "could not be removed"),
    ],
)
def test_each_fault_of_the_chat_is_found(tmp_path: Path, fault: str, word: str) -> None:
    call, _ = stage(tmp_path, fault=fault)
    out = run("check_chat", call)
    assert not out.ok and any(word in line for line in out.evidence), out.evidence


def test_persistence_reads_back_and_cleans_up(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    out = run("check_persistence", call)
    assert out.ok and out.written and out.read and out.cleaned_up and out.method == "read-back"
    assert kube.api.todos == {}


def test_what_is_written_and_forgotten_is_found(tmp_path: Path) -> None:
    call, _ = stage(tmp_path, fault="forgetful")
    out = run("check_persistence", call)
    assert not out.ok and out.written and not out.read


# -- what only looks --------------------------------------------------------------------------------------------------


def test_endpoints_are_asked_from_another_pod_and_timed(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    out = run("check_endpoints", call)
    assert out.ok and {e.path for e in out.endpoints} >= {"/api/todos", "/health", "/ready"}
    assert all(e.asked_from == "web-1" for e in out.endpoints if e.service == "api")
    assert {method for method, _ in kube.api.requests} == {"GET"} and kube.api.users == {}
    slow, _ = stage(tmp_path, fault="slow")
    late = run("check_endpoints", slow)
    assert all(e.first_seconds == 3.0 for e in late.endpoints)
    assert not late.ok and late.slowest_seconds > late.max_seconds and "took" in late.endpoints[0].error


def test_a_first_answer_that_loads_code_is_asked_again(tmp_path: Path) -> None:
    call, _ = stage(tmp_path, fault="cold")
    out = run("check_endpoints", call)
    assert out.ok and out.endpoints[0].first_seconds == 3.0 and out.endpoints[0].seconds < 1
    assert "at first 3.000 s" in out.text()


def test_connectivity_names_a_missing_name(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    good = run("check_connectivity", call)
    assert good.ok and [(e["from"], e["to"]) for e in good.model_dump()["edges"]] == [("web", "api")]
    kube.unresolved.add("api")
    bad = run("check_connectivity", call)
    assert not bad.ok and bad.edges[0].failure == "dns"


def test_environment_finds_stale_missing_and_misplaced_variables(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    assert run("check_environment", call).ok
    kube.environment["api"] = {"JWT_SECRET": "an-older-key", "PORT": "8000"}
    stale = run("check_environment", call)
    assert not stale.ok and stale.stale == ["api-1"] and "restart" in stale.reason
    kube.environment["api"] = {"PORT": "8000"}
    assert not run("check_environment", call).ok
    plain = [{"name": "JWT_SECRET", "value": KEY}]
    kube.items = [i for i in objects() if i["metadata"]["name"] != "api-1"] + [imitation.pod("api", env=plain)]
    kube.environment.clear()
    out = run("check_environment", call)
    row = next(v for v in out.variables if v.name == "JWT_SECRET")
    assert not row.ok and row.source == "literal" and row.expected == "secret/shop-secrets[jwt]"
    assert KEY not in out.model_dump_json()


def test_health_finds_unready_and_lately_restarted_pods(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    kube.log = 'INFO 0 errors\n{"level": "error", "message": "no"}\nTraceback (most recent call last):'
    good = run("check_health", call)
    assert good.ok and good.restarts == 0 and good.error_lines[0].count == 2
    assert {p.measured for p in good.pods} == {"cgroup"}
    kube.items = [i for i in objects() if i["metadata"]["name"] != "web-1"] + [imitation.pod("web", ready=False)]
    assert not run("check_health", call).ok
    kube.items = [i for i in objects() if i["metadata"]["name"] != "web-1"]
    gone = run("check_health", call)
    assert not gone.ok and "web lacks 1" in gone.reason
    for item in kube.items:
        if item["kind"] == "Deployment" and item["metadata"]["name"] == "web":
            item["spec"]["replicas"] = 0
    off = run("check_health", call)
    assert not off.ok and off.reason == "web is scaled to zero"


def test_security_finds_secrets_in_the_open_and_in_logs(tmp_path: Path) -> None:
    call, kube = stage(tmp_path, items=[*objects(), leak("leak")])
    kube.log = f"starting with {base64.b64encode(KEY.encode()).decode()}"
    out = run("check_security", call)
    assert not out.ok and any("ConfigMap/leak note" in line for line in out.hardcoded)
    assert any("log of Pod/api-1" in line for line in out.hardcoded)
    assert KEY not in out.model_dump_json() and json.loads(out.model_dump_json())["policies_enforced"].startswith(
        "unknown"
    )


def test_triggers_fire_on_what_is_seen_only(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    calm = run("check_triggers", call)
    assert not calm.fired
    assert {t.id: t.status for t in calm.triggers}["data-corruption"] == "unknown"
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    for item in kube.items:
        if item["metadata"]["name"] == "web-1":
            item["status"]["containerStatuses"][0] |= {"state": waiting, "ready": False}
    fired = run("check_triggers", call)
    assert fired.fired and not fired.ok
    assert [t.id for t in fired.triggers if t.fired] == ["crash-loop"]


def test_a_slow_application_fires_its_trigger(tmp_path: Path) -> None:
    call, _ = stage(tmp_path, fault="slow")
    assert [t.id for t in run("check_triggers", call).triggers if t.fired] == ["slow"]


def test_the_constitution_on_what_runs(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    rows = {i.id: i for i in run("check_constitution", call, phase="after").invariants}
    assert rows["local-only"].ok and rows["helm-only"].ok and rows["auth-required"].ok and rows["one-replica"].ok
    assert not rows["jwt-secret"].ok  # the template of this imitation has no containers
    kube.api.fault = "open"
    for item in kube.items:
        if item["kind"] == "Deployment":
            item["metadata"]["annotations"] = {}
            item["spec"]["replicas"] = 3
    rows = {i.id: i for i in run("check_constitution", call, phase="after").invariants}
    broken = {name for name, row in rows.items() if not row.ok}
    assert {"helm-only", "auth-required", "one-replica"} <= broken
    assert all(rows[name].remedy and rows[name].evidence for name in broken)


def test_a_test_user_is_never_made_by_a_check_that_only_reads(tmp_path: Path) -> None:
    call, kube = stage(tmp_path)
    for tool in ("check_endpoints", "check_health", "check_connectivity", "check_environment", "check_triggers"):
        run(tool, call)
    assert isinstance(kube, Kube) and kube.api.users == {} and kube.api.todos == {}
