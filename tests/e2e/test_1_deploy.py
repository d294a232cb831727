"""From a fresh clone to a working application with one command; then looked at from outside."""

from __future__ import annotations

import json
import re
import time

import httpx
import pytest

from tests.e2e import outside
from tests.e2e.conftest import APP
from tests.e2e.outside import Command, Person, Result

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]


def test_the_first_command_does_all_seven_stages(deployed: Result) -> None:
    assert deployed.code == 0, deployed.err[-4000:]
    run = deployed.document
    assert run["status"] == "succeeded" and run["simulated"] is False
    assert [s["number"] for s in run["stages"]] == [1, 2, 3, 4, 5, 6, 7]
    assert {s["status"] for s in run["stages"]} == {"succeeded"}
    done = [step for step in outside.steps(run) if step["status"] == "succeeded"]
    assert len(done) >= 40 and all(step["evidence"] for step in done), [s["id"] for s in done if not s["evidence"]]
    took = ", ".join(f"{s['id']} {s['seconds']:.0f} s" for s in run["stages"])
    print(f"\nfirst deployment: {deployed.seconds:.0f} s with the installation; {took}")
    assert deployed.seconds < 600


def test_standard_output_is_one_document(deployed: Result) -> None:
    assert json.loads(deployed.out)["run_id"] in deployed.err


def test_every_pod_is_ready_and_never_restarted(deployed: Result) -> None:
    outside.wait_ready()
    assert set(outside.revisions()) == set(outside.RELEASES)
    assert outside.restarts() == 0
    for pod in outside.pods().values():
        conditions = {c["type"]: c["status"] for c in pod["status"]["conditions"]}
        assert conditions["Ready"] == "True", pod["metadata"]["name"]


def test_a_person_can_use_it_and_the_data_outlives_the_pods(deployed: Result) -> None:
    ann = Person()
    with outside.forwarded("todo-frontend", 3000) as frontend, outside.forwarded("todo-backend", 8000) as backend:
        ann.sign_up(frontend)
        ann.sign_in(frontend)
        reply = ann.chat(backend, "add a todo: buy milk for the harbour master")
        assert [call["name"] for call in reply["tool_calls"]] == ["add_todo"] and reply["model"] == "offline"
        assert [t for t in ann.titles(backend) if "buy milk" in t.lower()]
    before = set(outside.pods())
    outside.kubectl("-n", outside.NAMESPACE, "delete", "pods", "--all", "--wait=true", timeout=180)
    outside.wait_ready()
    assert not before & set(outside.pods())
    with outside.forwarded("todo-frontend", 3000) as frontend, outside.forwarded("todo-backend", 8000) as backend:
        ann.sign_in(frontend)
        assert [t for t in ann.titles(backend) if "buy milk" in t.lower()]


def test_tokens_are_required_and_checked(deployed: Result) -> None:
    bob, key = Person(), outside.secret_values()["todo-secrets/jwt-secret"]
    with outside.forwarded("todo-frontend", 3000) as frontend, outside.forwarded("todo-backend", 8000) as backend:
        bob.sign_up(frontend)
        bob.sign_in(frontend)

        def status(token: str | None) -> int:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return httpx.get(f"{backend}/api/todos", headers=headers, timeout=20).status_code

        assert status(bob.token) == 200
        assert status(outside.signed(bob.token, key)) == 200  # the forging itself is right
        assert status(None) == 401
        assert status(outside.tampered(bob.token)) == 401
        assert status(outside.expired(bob.token, key)) == 401
        assert status(outside.signed(bob.token, key, aud="somebody-else")) == 401
        assert status(outside.signed(bob.token, "x" * 48)) == 401


def test_the_frontend_answers_in_time(deployed: Result) -> None:
    with outside.forwarded("todo-frontend", 3000) as frontend:
        httpx.get(f"{frontend}/sign-in", timeout=20)
        started = time.monotonic()
        answer = httpx.get(f"{frontend}/sign-in", timeout=20)
        assert answer.status_code == 200 and "<form" in answer.text
        assert time.monotonic() - started < 2


def test_nothing_is_privileged(deployed: Result) -> None:
    for pod in outside.pods().values():
        spec = pod["spec"]
        assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
        assert not any("hostPath" in volume for volume in spec.get("volumes", []))
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            context = {**spec.get("securityContext", {}), **container.get("securityContext", {})}
            assert context.get("runAsNonRoot") is True and context.get("runAsUser", 1) != 0
            assert context.get("privileged") is not True and context.get("allowPrivilegeEscalation") is False
            assert context["capabilities"] == {"drop": ["ALL"]} and context.get("readOnlyRootFilesystem") is True
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]


def test_no_secret_lies_about(deployed: Result, command: Command) -> None:
    secrets = {name: value for name, value in outside.secret_values().items() if len(value) >= 8}
    assert {"todo-secrets/jwt-secret", "todo-secrets/postgres-password", "todo-secrets/database-url"} <= set(secrets)
    places = {
        "config maps": outside.kubectl("-n", outside.NAMESPACE, "get", "configmaps", "-o", "json"),
        "pods": outside.kubectl("-n", outside.NAMESPACE, "get", "pods", "-o", "json"),
        "events": outside.kubectl("-n", outside.NAMESPACE, "get", "events", "-o", "json"),
        "the command's output": deployed.out + deployed.err,
    }
    for pod in outside.pods().values():
        name = pod["metadata"]["name"]
        places[f"log of {name}"] = outside.kubectl("-n", outside.NAMESPACE, "logs", name, "--all-containers")
    for release in outside.RELEASES:
        words = ("--kube-context", "minikube", "-n", outside.NAMESPACE)
        places[f"values of {release}"] = outside.program(outside.helm(), *words, "get", "all", release)
    for image in sorted({c["image"] for p in outside.pods().values() for c in p["spec"]["containers"]}):
        if image.startswith(("todo-", "mcp-server")):
            places[f"image {image}"] = outside.program("docker", "image", "inspect", image) + outside.program(
                "docker", "history", "--no-trunc", image
            )
    for state in (command.home / ".local" / "state" / "longshore").glob("journal.db*"):
        places[f"the journal ({state.name})"] = state.read_bytes().decode("utf-8", "replace")
    for place, text in places.items():
        for name, value in secrets.items():
            assert value not in text, f"{name} stands in {place}"


def test_a_second_deployment_changes_nothing(deployed: Result, command: Command) -> None:
    revisions, pods, restarts = outside.revisions(), set(outside.pods()), outside.restarts()
    again = command("deploy", APP, "--json")
    assert again.code == 0, again.err[-4000:]
    run = again.document
    assert run["status"] == "succeeded" and run["confirmations"] == []
    assert [s["id"] for s in outside.steps(run) if s["changed"]] == []
    assert (outside.revisions(), set(outside.pods()), outside.restarts()) == (revisions, pods, restarts)
    print(f"\nsecond deployment: {again.seconds:.0f} s")


def test_status_and_diagnosis_of_a_healthy_application(deployed: Result, command: Command) -> None:
    assert command("status", APP).code == 0
    found = command("diagnose", "--namespace", outside.NAMESPACE, "--json")
    assert found.code == 0 and found.document["findings"] == [], found.out


def test_the_report_is_one_page_without_anything_from_elsewhere(deployed: Result, command: Command) -> None:
    page = command.home / "run.html"
    assert command("runs", "report", deployed.document["run_id"], "-o", str(page)).code == 0
    html = page.read_text(encoding="utf-8")
    assert "todo-backend" in html and "<svg" in html
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", html)
