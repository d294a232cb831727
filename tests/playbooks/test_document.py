"""The document of a run and its report."""

from __future__ import annotations

from typing import Any

from playbooks.document import document, stage_status, wall_seconds
from playbooks.report import acceptance_report
from playbooks.state import Run, StepRecord
from tests.playbooks.conftest import Bench
from tests.playbooks.fakes import three


def record(status: str = "succeeded", **more: Any) -> StepRecord:
    about = {"id": "a", "base": "a", "stage": "first", "title": "A step", "tool": "look"}
    return StepRecord.model_validate(about | {"status": status} | more)


def test_the_status_of_a_stage_is_the_worst_that_is_true_of_it() -> None:
    def status(*words: str, running: bool = False) -> str:
        return stage_status([record(word) for word in words], running=running)

    assert status("succeeded", "skipped") == "succeeded"
    assert status("succeeded", "failed", "pending") == "failed"
    assert status("waiting", "succeeded") == "waiting"
    assert status("succeeded", "pending", running=True) == "running"
    assert status("succeeded", "pending") == "pending", "left in the middle"
    assert status("pending", "pending") == "pending"
    assert status("skipped", "skipped") == "skipped"
    assert status() == "skipped"
    assert stage_status([record("failed", optional=True), record()], running=False) == "succeeded"
    recovered = [record("pending"), record("succeeded", recovery="recover")]
    assert stage_status(recovered, running=False) == "succeeded"


def test_steps_side_by_side_count_once() -> None:
    steps = [
        record(started=100.0, seconds=10.0),
        record(started=105.0, seconds=10.0),
        record(started=200.0, seconds=1.0),
        record("pending"),
    ]
    assert wall_seconds(steps) == 16.0


def test_the_document_has_every_stage_and_says_why_a_step_failed(bench: Bench) -> None:
    bench.world.results = {"check-b": {"ok": False}}
    run = bench.go(bench.new())
    steps = [StepRecord.model_validate(step) for step in bench.store.load_steps(run.id)]
    made = document(three(), run, steps, [])
    assert [(s["number"], s["status"]) for s in made["stages"]] == [(1, "succeeded"), (2, "failed"), (3, "pending")]
    failed = next(s for s in made["stages"][1]["steps"] if s["id"] == "check-b")
    assert failed["evidence"][0].endswith("result.ok = false")
    assert failed["evidence"][1] == "check-b was seen"
    assert made["status"] == "failed" and made["simulated"] is False


def test_a_report_lets_no_outside_text_speak_markup(bench: Bench) -> None:
    run = Run.new(three(), target="nowhere", application_name="shop")
    step = record(evidence=["<script>alert(1)</script> | `x`\n# A heading"])
    made = document(three(), run, [step], []) | {"playbook": "deploy", "application": "shop", "started_at": 0}
    text = acceptance_report(made)
    assert "<script>" not in text
    assert "\n# A heading" not in text
    assert "deploy of shop: running" in text
