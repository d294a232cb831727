"""The rules of diagnosis, on snapshots that were recorded from a real cluster and on small changes of them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mcp_tools.diagnosis import rules
from mcp_tools.diagnosis.findings import CODES, Finding, Severity
from mcp_tools.diagnosis.snapshot import Snapshot

from .faults import EXPECTED

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "faults.json").read_text())
SPACE = "h-check-"


def snapshot(name: str) -> Snapshot:
    return Snapshot.from_json(copy.deepcopy(RECORDED[name]))


def diagnose(seen: Snapshot) -> list[Finding]:
    return rules.diagnose(seen)


@pytest.mark.parametrize(("name", "code"), EXPECTED.items())
def test_every_recorded_fault_gets_its_code_and_nothing_beside_it(name: str, code: str | None) -> None:
    found = diagnose(snapshot(name))
    assert [f.code for f in found] == ([code] if code else [])
    for finding in found:
        assert finding.evidence and finding.root_cause and finding.remedy
        assert finding.object.namespace == f"{SPACE}{name}"


STILL_SERVED = ("healthy", "selector", "port", "port-name", "mount")  # mount: its older pod was serving still


@pytest.mark.parametrize("name", [n for n in EXPECTED if n not in STILL_SERVED])
def test_the_service_without_endpoints_is_a_symptom(name: str) -> None:
    assert "Service/web: a Service reaches no pod" in diagnose(snapshot(name))[0].explains


def test_what_is_only_scaled_to_zero_is_a_warning() -> None:
    (finding,) = diagnose(snapshot("zero"))
    assert finding.severity is Severity.WARNING and finding.fix is not None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tag", ["3.13-slimm", "there is 3.13-slim"]),
        ("never", ["may not be pulled", "h-check-nowhere:1.0"]),
        ("crash", ["exit code 1", "FATAL: DATABASE_URL is not a URL"]),
        ("oom", ["limit of 64Mi"]),
        ("command", ["no-such-program"]),
        ("probe-port", ["9999", "declares 8000"]),
        ("probe-path", ["/healthz", "404"]),
        ("secret", ["web-secrets does not exist"]),
        ("secret-key", ["web-secrets has no key jwt"]),
        ("quota", ["quota small", "limited: pods=0"]),
        ("unschedulable", ["Insufficient cpu"]),
        ("claim-pending", ["storage class fast-ssd", "does not exist"]),
        ("selector", ["app.kubernetes.io/name=wbe"]),
        ("port", ["9090", "8000/TCP"]),
    ],
)
def test_the_cause_names_what_is_wrong(name: str, words: list[str]) -> None:
    cause = diagnose(snapshot(name))[0].root_cause
    for word in words:
        assert word in cause


def test_an_image_that_was_built_and_not_loaded_can_be_loaded() -> None:
    seen = snapshot("image")
    seen.local_images = ["h-check-nowhere:1.0"]
    fix = diagnose(seen)[0].fix
    assert fix is not None and fix.tool == "minikube_image_load"
    assert fix.arguments == {"image": "h-check-nowhere:1.0"}


def test_a_missing_secret_that_the_application_declares_can_be_made() -> None:
    seen = snapshot("secret")
    seen.application = "app/longshore.yaml"
    fix = diagnose(seen)[0].fix
    assert fix is not None and (fix.tool, fix.arguments["namespace"]) == ("secret_ensure", "h-check-secret")


def test_what_was_changed_beside_helm_can_be_restored() -> None:
    seen = snapshot("tag")
    (workload,) = [d for d in seen.objects["Deployment"] if d["metadata"]["name"] == "web"]
    workload["metadata"].setdefault("annotations", {})["meta.helm.sh/release-name"] = "web"
    good = copy.deepcopy(workload["spec"]["template"])
    for container in good["spec"]["containers"]:
        container["image"] = "python:3.13-slim"
        container["env"] = sorted(str(entry["name"]) for entry in container.get("env") or [])
    record = {"revision": 4, "status": "deployed", "templates": {"Deployment/web": good}}
    seen.revisions = {"h-check-tag/web": [record]}
    finding = diagnose(seen)[0]
    assert finding.code == "IMAGE_TAG_MISSING" and finding.fix is not None
    assert (finding.fix.tool, finding.fix.arguments["revision"]) == ("helm_rollback", 4)
    assert "beside Helm" in finding.fix.summary and "revision 4 of web" in finding.evidence[-1]
    for container, live in zip(
        good["spec"]["containers"], workload["spec"]["template"]["spec"]["containers"], strict=True
    ):
        container["image"] = live["image"]  # as Helm wrote it: there is nothing to restore
    fix = diagnose(fresh(seen))[0].fix
    assert fix is None or "beside Helm" not in fix.summary


def test_a_kind_that_could_not_be_listed_is_not_called_missing() -> None:
    seen = snapshot("secret")
    seen.unseen = ["Secret: listing secrets failed"]
    assert [f.code for f in diagnose(seen)] != ["SECRET_MISSING"]


def test_a_crash_that_complains_of_another_service_is_its_symptom() -> None:
    seen, other = snapshot("crash"), snapshot("zero")
    rename(other, "h-check-zero", "h-check-crash", "postgres")
    for kind, items in other.objects.items():
        if kind not in ("Node", "StorageClass"):
            seen.objects.setdefault(kind, []).extend(items)
    assert {f.code for f in diagnose(seen)} == {"CRASH_LOOP", "SCALED_TO_ZERO"}
    for key in seen.logs:
        seen.logs[key] = 'could not connect to server "postgres": Connection refused'
    found = diagnose(fresh(seen))
    assert [f.code for f in found] == ["SCALED_TO_ZERO"]
    assert any("Deployment/web: a container crashes" in line for line in found[0].explains)


def rename(seen: Snapshot, old_space: str, space: str, name: str) -> None:
    text = json.dumps(seen.to_json()).replace(old_space, space)
    data = json.loads(text.replace('"web', f'"{name}').replace("=web", f"={name}"))
    seen.objects = data["objects"]


def fresh(seen: Snapshot) -> Snapshot:
    return Snapshot.from_json(json.loads(json.dumps(seen.to_json())))


def record(name: str, revision: int, status: str, modified: int) -> dict[str, Any]:
    labels = {"owner": "helm", "name": name, "version": str(revision), "status": status, "modifiedAt": str(modified)}
    meta = {"name": f"sh.helm.release.v1.{name}.v{revision}", "namespace": "h-check-healthy", "labels": labels}
    return {"kind": "Release", "metadata": meta}


def test_a_helm_operation_that_did_not_end() -> None:
    seen = snapshot("healthy")
    then = int(seen.now.timestamp()) - 900
    seen.objects["Release"] = [record("web", 1, "deployed", then), record("web", 2, "pending-upgrade", then)]
    (finding,) = diagnose(seen)
    assert finding.code == "HELM_PENDING" and finding.severity is Severity.ERROR
    assert finding.fix is not None and finding.fix.arguments["revision"] == 1


def test_a_helm_operation_under_way_is_a_warning_and_proposes_no_removal() -> None:
    seen = snapshot("healthy")
    seen.objects["Release"] = [record("web", 1, "pending-install", int(seen.now.timestamp()) - 5)]
    (finding,) = diagnose(seen)
    assert finding.severity is Severity.WARNING and finding.fix is None


def test_a_failed_release_is_a_symptom_of_its_broken_pods() -> None:
    seen = snapshot("crash")
    entry = record("web", 2, "failed", int(seen.now.timestamp()) - 900)
    entry["metadata"]["namespace"] = "h-check-crash"
    seen.objects["Release"] = [entry]
    assert {f.code for f in diagnose(seen)} == {"CRASH_LOOP", "HELM_FAILED"}
    for workload in seen.objects["Deployment"]:
        workload["metadata"].setdefault("annotations", {})["meta.helm.sh/release-name"] = "web"
    found = diagnose(fresh(seen))
    assert [f.code for f in found] == ["CRASH_LOOP"]
    assert "Release/web: a Helm release's newest revision failed" in found[0].explains


def test_a_pod_that_has_just_started_is_no_finding() -> None:
    seen = snapshot("probe-path")
    for pod in seen.objects["Pod"]:
        for status in pod["status"]["containerStatuses"]:
            status["state"]["running"]["startedAt"] = seen.taken_at
    assert "PROBE_FAILING" not in [f.code for f in diagnose(fresh(seen))]


def test_ingress_backends() -> None:
    seen = snapshot("healthy")
    backend = {"service": {"name": "web", "port": {"number": 8080}}}
    rule = {"http": {"paths": [{"path": "/", "backend": backend}]}}
    meta = {"name": "web", "namespace": "h-check-healthy"}
    seen.objects["Ingress"] = [{"kind": "Ingress", "metadata": meta, "spec": {"rules": [rule]}}]
    (finding,) = diagnose(fresh(seen))
    assert finding.code == "INGRESS_BACKEND_MISSING" and "8080" in finding.root_cause
    backend["service"]["port"] = {"number": 80}
    assert diagnose(fresh(seen)) == []


def test_only_what_concerns_the_caller() -> None:
    seen = snapshot("crash")
    assert rules.diagnose(seen, lambda ref: ref.kind == "Deployment" and ref.name == "web")
    assert rules.diagnose(snapshot("crash"), lambda ref: ref.name == "other") == []


def test_a_claim_that_waits_for_its_first_consumer_is_healthy() -> None:
    seen = snapshot("claim-pending")
    for item in seen.objects["StorageClass"]:
        item["metadata"]["name"], item["volumeBindingMode"] = "fast-ssd", "WaitForFirstConsumer"
    seen.objects["Pod"], seen.objects["Deployment"], seen.objects["ReplicaSet"] = [], [], []
    seen.objects["Service"], seen.objects["Event"] = [], []
    assert diagnose(fresh(seen)) == []


def test_every_proposed_fix_is_a_call_that_its_tool_accepts() -> None:
    from mcp_tools import library
    from mcp_tools.catalog import CATALOG
    from mcp_tools.diagnosis import fixes
    from mcp_tools.diagnosis.findings import Ref

    library.load()
    seen = snapshot("healthy")
    seen.application = "longshore.yaml"
    made = [
        fixes.load_image("web:1"),
        fixes.scale(Ref("Deployment", "shop", "web"), 1),
        fixes.ensure_secrets(seen, "shop"),
        fixes.helm_restore("web", "shop", 1, "the newest"),
        fixes.helm_remove("web", "shop"),
    ]
    for fix in made:
        assert fix is not None
        definition = CATALOG.get(fix.tool)
        definition.input_model.model_validate(fix.arguments)
        assert fix.effect.rank <= definition.effect.rank


def test_a_readiness_that_waits_for_a_broken_dependency_is_its_symptom() -> None:
    seen, other = snapshot("probe-path"), snapshot("zero")
    rename(other, "h-check-zero", "h-check-probe-path", "mcp-server")
    for kind, items in other.objects.items():
        if kind not in ("Node", "StorageClass"):
            seen.objects.setdefault(kind, []).extend(items)
    for event in seen.objects["Event"]:
        event["message"] = event.get("message", "").replace("statuscode: 404", "statuscode: 503")
    assert {f.code for f in diagnose(fresh(seen))} == {"PROBE_FAILING", "SCALED_TO_ZERO"}
    for pod in seen.objects["Pod"]:
        pod["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "web", "optional": True}}]
    seen.hosts = {"ConfigMap/h-check-probe-path/web/MCP_SERVER_URL": ["mcp-server"]}
    found = diagnose(fresh(seen))
    assert [f.code for f in found] == ["SCALED_TO_ZERO"]
    assert any("its probe fails" in line for line in found[0].explains)
    assert found[0].severity is Severity.ERROR  # what is off on purpose breaks nothing else


def test_a_service_whose_pods_were_made_just_now_is_no_finding() -> None:
    seen = snapshot("probe-path")
    seen.taken_at = seen.objects["Pod"][0]["metadata"]["creationTimestamp"]
    for pod in seen.objects["Pod"]:
        pod["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": seen.taken_at}}
    assert diagnose(fresh(seen)) == []


def test_codes_are_stable_words() -> None:
    assert all(code == code.upper() and text for code, text in CODES.items())
