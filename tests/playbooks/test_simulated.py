"""What only a real run can prove is neither passed nor failed, and does not stop the others."""

from __future__ import annotations

from typing import Any

from playbooks.document import document
from playbooks.loader import parse
from playbooks.protocols import StepHandle, StepResult
from playbooks.report import acceptance_report
from playbooks.state import StepRecord
from tests.playbooks.conftest import Bench
from tests.playbooks.fakes import HEAD, World

TWO = f"""{HEAD}
stages:
  - number: 1
    id: one
    title: One
    steps:
      - {{id: look, title: Look, tool: look, expect: [{{that: result.ok}}]}}
      - {{id: partly, title: Partly, tool: look, expect: [{{that: result.ok}}]}}
  - number: 2
    id: two
    title: Two
    steps:
      - {{id: make, title: Make, tool: make, args: {{name: x}}}}
"""


class Simulated(World):
    """``look`` cannot be answered at all, ``partly`` in part."""

    good = True

    async def call(self, tool: str, args: dict[str, Any], step: StepHandle) -> StepResult:
        if step.id == "look":
            data = {"ok": False, "skipped": True, "unknown": ["whether it answers"]}
            return StepResult("read", False, data, ["nothing was asked"], unknown=["whether it answers"], asked=False)
        if step.id == "partly":
            return StepResult("read", False, {"ok": self.good}, ["it is there"], unknown=["how fast it is"])
        return await super().call(tool, args, step)


def test_a_check_that_cannot_be_known_is_simulated_and_lets_the_run_go_on(bench: Bench) -> None:
    bench.world = Simulated()
    playbook = parse(TWO)
    run = bench.go(bench.new(playbook), playbook)
    assert run.status == "succeeded"
    assert bench.store.statuses(run.id) == {"look": "simulated", "partly": "simulated", "make": "succeeded"}
    run.target = "sandbox"
    steps = [StepRecord.model_validate(step) for step in bench.store.load_steps(run.id)]
    made = document(playbook, run, steps, [])
    assert made["simulated"] is True and [stage["status"] for stage in made["stages"]] == ["simulated", "succeeded"]
    assert made["stages"][0]["steps"][0]["unknown"] == ["whether it answers"]
    assert made["stages"][0]["steps"][1]["evidence"] == [
        "it is there",
        "simulated, cannot be known here: how fast it is",
    ]
    about = {"playbook": "deploy", "application": "shop", "started_at": 0.0}
    report = acceptance_report(made | about)
    assert "**sandbox (simulated)**" in report and "- ≈ **Look**" in report


def test_what_is_known_of_a_simulated_check_still_has_to_hold(bench: Bench) -> None:
    bench.world = Simulated()
    bench.world.good = False
    playbook = parse(TWO)
    run = bench.go(bench.new(playbook), playbook)
    assert run.status == "failed"
    assert bench.store.statuses(run.id)["partly"] == "failed"
