"""What a script sees: exit codes, one JSON document on stdout, no question without a terminal."""

from __future__ import annotations

import json
import re
import signal
import stat
import time
from collections.abc import Callable

import pytest

from tests.agent.conftest import Stage, run_data

DIGEST = "ab" * 32
Ask = Callable[[str], str]


def test_deploy_prints_exactly_one_document(stage: Stage) -> None:
    stage.script(
        "playbook_run", data=run_data(), progress=["[1/7 environment] env-docker: looking"], state=run_data("running")
    )
    ran = stage.run("deploy", "--json")
    assert ran.code == 0
    assert ran.document["status"] == "succeeded"
    assert set(ran.document) >= {
        "run_id",
        "status",
        "target",
        "simulated",
        "seconds",
        "stages",
        "confirmations",
        "report",
    }
    step = ran.document["stages"][1]["steps"][0]
    assert set(step) >= {"id", "tool", "effect", "status", "changed", "seconds", "evidence"}
    assert "stage 2 Containers" in ran.err


def test_deploy_tells_plain_lines_and_ends_with_the_status(stage: Stage) -> None:
    stage.script("playbook_run", data=run_data())
    ran = stage.run("deploy")
    assert ran.code == 0
    assert re.search(r"\[\d\d:\d\d\]   changed   Build: todo-backend 12 s  image todo-backend", ran.err)
    assert ran.out.splitlines()[-1].startswith("status: succeeded")
    assert "\x1b" not in ran.out + ran.err


def test_arguments_and_flags_reach_the_server(stage: Stage) -> None:
    stage.script("playbook_run", data=run_data())
    stage.environ = {"STRIPE_KEY": "sk-1", "UNRELATED_KEY": "x", "DOCKER_HOST": "unix:///x", "KUBECONFIG": "/k"}
    stage.run("deploy", ".", "--stages", "1-3", "--target", "context:staging", "--profile", "two")
    started = next(call for call in stage.calls() if "argv" in call)
    assert started["argv"] == [
        "serve", "--workspace", str(stage.folder / "shop"), "--target", "context:staging", "--profile", "two"
    ]  # fmt: skip
    assert {"STRIPE_KEY", "DOCKER_HOST", "KUBECONFIG"} <= set(started["env"])
    assert "UNRELATED_KEY" not in started["env"]
    assert stage.calls("playbook_run")[0]["arguments"] == {"playbook": "deploy", "application": ".", "stages": "1-3"}


def test_without_a_terminal_nothing_is_asked(stage: Stage, question: Ask) -> None:
    waiting = run_data(
        "waiting", confirmations=[{"id": "c-7k3m9qx2fa", "effect": "change", "preview": {"summary": "upgrade it"}}]
    )
    stage.script("playbook_run", ask=[question(DIGEST)], waiting=waiting, data=run_data())
    ran = stage.run("deploy")
    assert ran.code == 3
    assert not stage.calls("playbook_run")[0]["asks"], "the server is told that nobody can be asked"
    assert "longshore approve c-7k3m9qx2fa" in ran.err
    assert "longshore runs resume deploy-20260801-101500-3fa9" in ran.err


def plan(*digests: str) -> dict[str, object]:
    """A plan with its confirmations."""
    items = [{"tool": "helm_upgrade", "effect": "change", "digest": digest, "summary": "upgrade"} for digest in digests]
    return {
        "digest": "f" * 64,
        "application": "todo-chatbot",
        "target": "minikube",
        "stages": [],
        "confirmations": items,
    }


def test_yes_covers_the_confirmations_of_that_plan(stage: Stage, question: Ask) -> None:
    stage.script("playbook_plan", data=plan(DIGEST))
    stage.script("playbook_run", ask=[question(DIGEST)], data=run_data())
    ran = stage.run("deploy", "--yes", "f" * 64, "--json")
    assert ran.code == 0
    assert stage.calls("playbook_run")[-1]["answers"] == {"c-0": ["accept", {"approve": True}]}


def test_yes_does_not_cover_another_question(stage: Stage, question: Ask) -> None:
    stage.script("playbook_plan", data=plan(DIGEST))
    stage.script("playbook_run", ask=[question("cd" * 32)], data=run_data(), state=run_data("waiting"))
    ran = stage.run("deploy", "--yes", "f" * 64, "--json")
    assert ran.code == 3
    assert ran.document["status"] == "waiting"
    assert all(not call["answers"] for call in stage.calls("playbook_run")), "nothing was answered"


def test_yes_covers_a_confirmation_once(stage: Stage, question: Ask) -> None:
    stage.script("playbook_plan", data=plan(DIGEST))
    stage.script("playbook_run", ask=[question(DIGEST), question(DIGEST)], data=run_data(), state=run_data("waiting"))
    assert stage.run("deploy", "--yes", "f" * 64).code == 3


def test_yes_to_an_older_plan_does_nothing(stage: Stage) -> None:
    stage.script("playbook_plan", data=plan(DIGEST))
    stage.script("playbook_run", data=run_data())
    ran = stage.run("deploy", "--yes", "e" * 64, "--json")
    assert ran.code == 2
    assert "f" * 64 in ran.document["error"]["why"]
    assert not stage.calls("playbook_run")


@pytest.mark.parametrize("digest", ["", "f", "fffffff"])
def test_a_short_digest_names_no_plan(stage: Stage, digest: str) -> None:
    stage.script("playbook_plan", data=plan(DIGEST))
    stage.script("playbook_run", data=run_data())
    assert stage.run("deploy", "--yes", digest).code == 2
    assert not stage.calls("playbook_run")


def test_plan_prints_its_digest_and_changes_nothing(stage: Stage) -> None:
    stage.script("playbook_plan", data=plan(DIGEST))
    ran = stage.run("deploy", "--plan")
    assert ran.code == 0
    assert "--yes " + "f" * 16 in ran.out and "plan " + "f" * 64 in ran.out
    assert "--read-only" in next(call for call in stage.calls() if "argv" in call)["argv"]


def test_uninstall_keeps_data_unless_it_is_told(stage: Stage) -> None:
    stage.script("playbook_run", data=run_data())
    assert stage.run("uninstall").code == 0
    assert stage.run("uninstall", "--delete-data").code == 0
    first, second = (call["arguments"] for call in stage.calls("playbook_run"))
    assert first == {"playbook": "uninstall", "application": "."}
    assert second == first | {"params": {"delete_data": True}}


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("usage", 2), ("confirmation-required", 3), ("environment-not-ready", 4), ("tool-failed", 1), ("busy", 1)],
)
def test_an_error_is_one_line_with_its_exit_code(stage: Stage, code: str, exit_code: int) -> None:
    error = {"code": code, "what": "it did not work", "why": "because", "remedy": "do this"}
    stage.script("playbook_run", error=error)
    ran = stage.run("deploy")
    assert ran.code == exit_code
    assert "it did not work: because" in ran.err and "do this" in ran.err
    assert "Traceback" not in ran.err and ran.out == ""
    ran = stage.run("deploy", "--json")
    assert ran.document["error"] == error


def test_a_run_that_the_environment_stopped_ends_with_4(stage: Stage) -> None:
    run = run_data("failed")
    run["stages"][1]["steps"][0]["error"] = {
        "code": "environment-not-ready",
        "what": "Docker is not running",
        "remedy": "start it",
    }
    stage.script("playbook_run", data=run)
    ran = stage.run("deploy")
    assert ran.code == 4
    assert "Docker is not running" in ran.out and "try: start it" in ran.out


def test_wrong_words_are_usage(stage: Stage) -> None:
    for words in (
        ["deploi"],
        ["deploy", "nowhere"],
        ["deploy", "--stages", "x"],
        ["deploy", "--target", "moon"],
        ["rollback"],
    ):
        ran = stage.run(*words)
        assert ran.code == 2, words
        assert "error:" in ran.err and "Traceback" not in ran.err
    assert "Did you mean deploy?" in stage.run("deploi").err
    assert stage.run("deploy", "nowhere", "--json").document["error"]["code"] == "usage"


def test_a_server_that_does_not_start_says_why(stage: Stage) -> None:
    stage.more = {"broken": True}
    ran = stage.run("status")
    assert ran.code == 4
    assert "the state folder cannot be made" in ran.err


def test_a_server_that_dies_is_one_line(stage: Stage) -> None:
    stage.script("diagnose", die=True)
    ran = stage.run("diagnose")
    assert ran.code == 1
    assert "the tool server did not answer diagnose" in ran.err and "Traceback" not in ran.err


def test_interrupt_cancels_the_call_and_says_how_to_resume(stage: Stage) -> None:
    stage.script("playbook_run", data=run_data(), sleep=60, state=run_data("running"))
    child = stage.start("deploy", "--json")
    deadline = time.monotonic() + 30
    while not stage.calls("playbook_run") and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.5)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert {"cancelled": "playbook_run"} in stage.calls()
    assert "longshore runs resume deploy-20260801-101500-3fa9" in err
    assert json.loads(out)["status"] == "interrupted"


def test_diagnose_ends_with_0_or_1(stage: Stage) -> None:
    healthy = {"healthy": True, "findings": [], "namespaces": ["shop"], "scanned": 31, "seconds": 0.2}
    stage.script("diagnose", data=healthy)
    ran = stage.run("diagnose", "--json")
    assert ran.code == 0
    assert set(ran.document) == {"cluster", "namespaces", "seconds", "scanned", "findings"}
    finding = {
        "code": "IMAGE_TAG_MISSING",
        "severity": "error",
        "object": {"kind": "Deployment", "namespace": "shop", "name": "web"},
        "root_cause": "the image web:v2 is not there",
        "evidence": ["Pod/web-1: ErrImagePull"],
        "explains": ["Service/web has no endpoints"],
        "remedy": "build it",
        "fix": {"summary": "roll back", "tool": "helm_rollback", "arguments": {}, "effect": "change"},
    }
    stage.script("diagnose", data=healthy | {"healthy": False, "findings": [finding]})
    ran = stage.run("diagnose", "web")
    assert ran.code == 1
    assert "ERROR IMAGE_TAG_MISSING shop/Deployment/web: the image web:v2 is not there" in ran.out
    assert stage.calls("diagnose")[-1]["arguments"] == {"namespace": "shop", "release": "web"}
    assert stage.run("diagnose", "--json").document["findings"] == [finding]


def test_doctor_ends_with_4_when_something_is_missing(stage: Stage) -> None:
    check = {
        "id": "docker.daemon",
        "title": "Docker daemon",
        "section": "docker",
        "status": "failed",
        "found": "not running",
    }
    stage.script(
        "environment_check",
        data={"ready": False, "checks": [check | {"expected": "running", "remedy": "start Docker"}]},
    )
    ran = stage.run("doctor")
    assert ran.code == 4
    assert "start Docker" in ran.out and "not ready: 1 check failed" in ran.out


def test_rollback_shows_the_impact_and_waits_without_a_terminal(stage: Stage, question: Ask) -> None:
    impact = {
        "release": "web",
        "from_revision": 3,
        "to_revision": 2,
        "lost": ["ConfigMap/x"],
        "images": [{"image": "web:1", "on_node": False}],
    }
    stage.script("helm_rollback_impact", data=impact)
    error = {
        "code": "confirmation-required",
        "what": "helm_rollback needs a human's yes",
        "remedy": "longshore approve c-1",
    }
    stage.script("helm_rollback", ask=[question(DIGEST)], unasked=error, data={})
    ran = stage.run("rollback", "web", "--reason", "slow")
    assert ran.code == 3
    assert "revision 3 → 2" in ran.err and "web:1 is NOT on the node" in ran.err and "longshore approve c-1" in ran.err
    assert stage.calls("helm_rollback")[0]["arguments"] == {"release": "web", "namespace": "shop", "reason": "slow"}


def test_what_a_server_sends_cannot_steer_the_terminal(stage: Stage) -> None:
    run = run_data()
    run["stages"][1]["steps"][0]["evidence"] = ["\x1b[2J\x1b]0;owned\x07 evil \u202etxt [bold]x[/bold]"]
    stage.script("playbook_run", data=run)
    ran = stage.run("deploy")
    assert "\x1b" not in ran.err and "\u202e" not in ran.err and "evil txt [bold]x[/bold]" in ran.err


def test_runs(stage: Stage) -> None:
    line = {"id": "deploy-1", "playbook": "deploy", "status": "failed", "created": 1.0}
    stage.script("playbook_status", data=run_data("failed"), runs=[line])
    listed = stage.run("runs", "list", "--json")
    assert listed.document == {
        "runs": [{"run_id": "deploy-1", "playbook": "deploy", "status": "failed", "started_at": 1.0}]
    }
    assert "Build: todo-backend" in stage.run("runs", "show", "last").out
    stage.script("playbook_resume", data=run_data())
    assert stage.run("runs", "resume", "last").code == 0
    assert stage.calls("playbook_resume")[0]["arguments"] == {"run_id": "deploy-20260801-101500-3fa9"}


def test_report_is_written(stage: Stage) -> None:
    stage.more = {
        "resources": {
            "longshore://runs/deploy-20260801-101500-3fa9": {"run": {}, "steps": [], "confirmations": [], "calls": []}
        }
    }
    stage.script("playbook_status", data=run_data(), runs=[{"id": "deploy-20260801-101500-3fa9"}])
    assert stage.run("runs", "report", "last", "-o", "r.html").code == 0
    assert "<!doctype html>" in (stage.folder / "shop" / "r.html").read_text(encoding="utf-8")


def test_the_log_is_private(stage: Stage) -> None:
    stage.run("status")
    assert stat.S_IMODE((stage.folder / "state" / "longshore").stat().st_mode) == 0o700


def test_help_and_version_are_fast_and_need_no_server(stage: Stage) -> None:
    began = time.monotonic()
    ran = stage.run("--help")
    assert ran.code == 0 and "Examples:" in ran.out
    assert time.monotonic() - began < 5
    assert re.fullmatch(r"longshore \d+\.\d+\.\d+\n", stage.run("--version").out)
    assert not stage.calls()
