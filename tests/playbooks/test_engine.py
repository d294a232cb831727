"""The engine: order, gates, parallelism, waiting, failure and recovery, cancellation, timeouts, resumption."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from typing import Any

import pytest

from playbooks.engine import Engine
from playbooks.errors import StepDeclined, StepError, StepWaits
from playbooks.loader import parse
from playbooks.protocols import StepHandle, StepResult
from playbooks.state import Run
from tests.playbooks.conftest import Bench
from tests.playbooks.fakes import APP, HEAD, Killed, KillingStore, World, three

ALL = {
    "look",
    *(f"{name}-{key}" for name in ("build", "check", "load", "install") for key in "abc"),
    "test",
}


def test_runs_every_step_in_order_and_in_parallel(bench: Bench) -> None:
    bench.world.delay = {"build-a": 0.2, "build-b": 0.2, "build-c": 0.2}
    run = bench.go(bench.new())
    assert run.status == "succeeded"
    assert set(bench.world.calls) == ALL
    assert len(bench.world.calls) == len(ALL)
    spans = bench.world.spans
    assert max(spans[f"build-{k}"][0] for k in "abc") < min(spans[f"build-{k}"][1] for k in "abc"), "side by side"
    assert spans["install-a"][1] <= spans["install-b"][0], "b needs a"
    assert spans["install-b"][1] <= spans["install-c"][0], "c needs b"
    assert bench.world.args["build-b"] == {"name": "b"}
    assert all(step["status"] == "succeeded" for step in bench.store.load_steps(run.id))


def test_an_early_gate_lets_a_load_start_when_its_own_build_has_ended(bench: Bench) -> None:
    bench.world.delay = {"build-c": 0.4}
    bench.go(bench.new())
    spans = bench.world.spans
    assert spans["load-a"][1] < spans["build-c"][1], "a is loaded while c is still being built"
    assert spans["install-a"][0] >= spans["check-c"][1], "the gate of stage two holds back the rest of stage three"


def test_no_more_than_concurrency_steps_at_once(bench: Bench) -> None:
    names = ", ".join(f'{{"name": "s{n}"}}' for n in range(9))
    text = f"{HEAD}concurrency: 3\nstages:\n  - number: 1\n    id: one\n    title: One\n    steps:\n"
    text += f"      - {{id: make, title: Make it, tool: make, for_each: '[{names}]'}}\n"
    bench.world.delay = {f"make-s{n}": 0.03 for n in range(9)}
    playbook = parse(text)
    assert bench.go(bench.new(playbook), playbook).status == "succeeded"
    assert bench.world.most == 3


def test_a_second_run_changes_nothing(bench: Bench) -> None:
    first = bench.go(bench.new())
    made = dict(bench.world.made)
    second = bench.go(bench.new())
    assert any(step["changed"] for step in bench.store.load_steps(first.id))
    assert not any(step["changed"] for step in bench.store.load_steps(second.id))
    assert bench.world.made == made


def test_resuming_a_run_that_has_ended_well_calls_nothing(bench: Bench) -> None:
    run = bench.go(bench.new())
    bench.world.calls.clear()
    assert bench.go(run).status == "succeeded"
    assert bench.world.calls == []


@pytest.mark.parametrize("stored", [False, True])
def test_killed_at_any_write_it_is_resumed_and_nothing_is_done_twice(stored: bool) -> None:
    counted = Bench()
    counted.go(counted.new())
    writes = counted.store.writes
    assert writes > 40
    for at in range(2, writes + 1):
        bench = Bench()
        killing = KillingStore(at, stored=stored)
        bench.store = killing
        run = bench.new()
        with contextlib.suppress(Killed, BaseExceptionGroup):
            bench.go(run)
        assert killing.dead, at
        ended_well = {name for name, status in killing.statuses(run.id).items() if status == "succeeded"}
        made = dict(bench.world.made)
        bench.store = survivor = type(counted.store)()
        survivor.runs, survivor.steps = killing.runs, killing.steps
        bench.world.calls.clear()
        assert bench.go(run).status == "succeeded", at
        assert not ended_well & set(bench.world.calls), f"at {at}: done again though it had ended"
        assert all(count == 1 for count in bench.world.made.values()), at
        assert made.items() <= bench.world.made.items()
        assert set(survivor.statuses(run.id).values()) == {"succeeded"}, at
    gc.collect()


def test_killed_at_any_write_of_a_recovery_it_rolls_back_once() -> None:
    def broken() -> Bench:
        bench = Bench()
        bench.world.results = {"install-b": {"ok": False}}
        return bench

    counted = broken()
    assert counted.go(counted.new()).status == "rolled_back"
    for at in range(2, counted.store.writes + 1):
        bench = broken()
        bench.store = killing = KillingStore(at, stored=True)
        run = bench.new()
        with contextlib.suppress(Killed, BaseExceptionGroup):
            bench.go(run)
        bench.store = survivor = type(counted.store)()
        survivor.runs, survivor.steps = killing.runs, killing.steps
        status = Run.model_validate(survivor.load_run(run.id)).status
        final = bench.go(run).status if status == "running" else status
        assert final == "rolled_back", at
        assert bench.world.made["back-b"] == 1
        assert "install-c" not in bench.world.made


def test_a_failure_stops_what_changes_and_lets_the_looks_of_its_stage_tell_their_problems(bench: Bench) -> None:
    text = (
        HEAD
        + """
stages:
  - number: 1
    id: one
    title: One
    steps:
      - {id: bad, title: A bad one, tool: look, expect: [result.good]}
      - {id: worse, title: Another, tool: look, needs: [], expect: [{that: result.good, otherwise: it is bad}]}
      - {id: act, title: An act, tool: make, needs: [slow]}
      - {id: slow, title: A slow one, tool: look}
      - {id: after, title: After it, tool: look, needs: [bad]}
  - number: 2
    id: two
    title: Two
    steps:
      - {id: later, title: Later, tool: look}
"""
    )
    playbook = parse(text)
    bench.world.results = {"bad": {"good": False}, "worse": {"good": False}}
    bench.world.delay = {"slow": 0.1}
    run = bench.go(bench.new(playbook), playbook)
    assert run.status == "failed"
    found = bench.store.statuses(run.id)
    assert found == {
        "bad": "failed",
        "worse": "failed",
        "slow": "succeeded",
        "act": "pending",
        "after": "pending",
        "later": "pending",
    }
    assert run.failure is not None and run.failure["step"] == "bad"
    assert bench.store.step(run.id, "worse")["error"]["what"] == "it is bad"


def test_a_failing_expectation_says_the_expression_the_values_and_the_evidence(bench: Bench) -> None:
    bench.world.results = {"check-b": {"ok": False}}
    run = bench.go(bench.new())
    error = bench.store.step(run.id, "check-b")["error"]
    assert error["code"] == "expectation"
    assert "result.ok" in error["what"]
    assert "result.ok = false" in error["why"]
    assert "check-b was seen" in error["why"]
    assert error["details"]["expression"] == "result.ok"


def test_what_has_failed_is_done_again_on_resume_and_what_has_not_is_not(bench: Bench) -> None:
    bench.world.broken = {"build-b": StepError("tool-failed", "no space", "the disk is full", "free some")}
    run = bench.go(bench.new())
    assert run.status == "failed"
    assert run.advice[0] == "free some"
    bench.world.broken, calls = {}, len(bench.world.calls)
    assert bench.go(run).status == "succeeded"
    again = bench.world.calls[calls:]
    assert "build-b" in again
    assert not {"look", "build-a", "build-c"} & set(again)


# -- waiting for a human --------------------------------------------------------------------------------------------


class Asking(World):
    """``swap`` waits for a human's yes, which is given apart from the run."""

    def __init__(self) -> None:
        super().__init__()
        self.approved: set[str] = set()
        self.no: set[str] = set()

    async def call(self, tool: str, args: dict[str, Any], step: StepHandle) -> StepResult:
        if tool == "swap" and step.id not in self.made:
            if step.id in self.no:
                raise StepDeclined("declined", f"{step.id} was declined", "by a human")
            if step.id not in self.approved:
                self.calls.append(step.id)
                raise StepWaits({"id": f"c-{step.id}", "tool": tool, "summary": f"swap {step.id}"})
        return await super().call(tool, args, step)


def test_a_step_that_must_ask_waits_and_what_does_not_depend_on_it_is_finished(bench: Bench) -> None:
    bench.world = world = Asking()
    run = bench.go(bench.new())
    assert run.status == "waiting"
    assert [c["id"] for c in run.confirmations] == ["c-install-a"]
    assert any("longshore approve c-install-a" in line for line in run.advice)
    found = bench.store.statuses(run.id)
    assert found["install-a"] == "waiting"
    assert found["load-c"] == "succeeded"
    assert found["install-b"] == "pending"
    for key in "abc":
        world.approved.add(f"install-{key}")
    assert bench.go(run).status == "succeeded"
    assert world.made["install-a"] == 1


def test_resuming_before_the_answer_waits_again_and_asks_nothing_else(bench: Bench) -> None:
    bench.world = Asking()
    run = bench.go(bench.new())
    bench.world.calls.clear()
    assert bench.go(run).status == "waiting"
    assert bench.world.calls == ["install-a"]


def test_a_no_ends_the_run_and_begins_no_recovery(bench: Bench) -> None:
    bench.world = world = Asking()
    world.no.add("install-a")
    run = bench.go(bench.new())
    assert run.status == "failed"
    assert run.failure is not None and run.failure["code"] == "declined"
    assert "cause" not in world.calls
    assert not any(name.startswith(("install", "back")) for name in world.made)


# -- recovery -------------------------------------------------------------------------------------------------------


def test_a_failed_release_is_rolled_back_and_that_is_proven(bench: Bench) -> None:
    bench.world.results = {"install-b": {"ok": False}, "cause": {"words": "the image does not exist"}}
    run = bench.go(bench.new())
    assert run.status == "rolled_back"
    assert bench.world.calls[-4:] == ["cause", "back-a", "back-b", "proof"]
    assert "install-c" not in bench.world.calls
    assert "result.ok" in bench.world.args["back-b"]["why"]
    assert "the image does not exist" in run.advice


def test_a_rollback_that_is_not_proven_is_a_failure(bench: Bench) -> None:
    bench.world.results = {"install-b": {"ok": False}, "proof": {"ok": False}}
    assert bench.go(bench.new()).status == "failed"


def test_a_look_of_a_recovery_may_fail(bench: Bench) -> None:
    bench.world.results = {"test": {"ok": False}}
    bench.world.broken = {"cause": StepError("tool-failed", "no cluster")}
    run = bench.go(bench.new())
    assert run.status == "rolled_back"
    assert bench.world.calls[-4:] == ["back-a", "back-b", "back-c", "proof"]


def test_a_rollback_that_must_ask_lets_the_run_wait_and_is_done_once_after_the_yes(bench: Bench) -> None:
    bench.world = world = Asking()
    world.approved = {"install-a", "install-b"}
    world.results = {"install-b": {"ok": False}}
    run = bench.go(bench.new())
    assert (run.status, run.phase) == ("waiting", "recovery")
    assert [c["id"] for c in run.confirmations] == ["c-back-a"]
    world.calls.clear()
    assert bench.go(run).status == "waiting", "nobody has answered"
    assert world.calls == ["back-a"], "what was looked at before the question is not looked at again"
    world.approved |= {"back-a", "back-b"}
    assert bench.go(run).status == "rolled_back"
    assert (world.made["back-a"], world.made["back-b"]) == (1, 1)
    assert "install-c" not in world.calls


def test_a_no_to_the_rollback_leaves_everything_and_says_how_to_go_on(bench: Bench) -> None:
    bench.world = world = Asking()
    world.approved, world.no = {"install-a", "install-b"}, {"back-a"}
    world.results = {"install-b": {"ok": False}, "cause": {"words": "a probe never passes"}}
    run = bench.go(bench.new())
    assert run.status == "failed"
    assert not any(name.startswith("back") for name in world.made)
    assert any("declined" in line and "left as it is" in line for line in run.advice)
    assert any(run.id in line for line in run.advice)
    world.results, world.no = {}, set()
    world.approved |= {"install-c"}
    assert bench.go(run).status == "succeeded", "after the repair the same run goes on"


# -- time, cancellation, abort --------------------------------------------------------------------------------------

ONE = HEAD + "stages:\n  - number: 1\n    id: one\n    title: One\n    steps:\n"


def test_a_step_that_takes_too_long_fails(bench: Bench) -> None:
    playbook = parse(ONE + "      - {id: slow, title: A slow one, tool: make, timeout: '0.05'}\n")
    bench.world.delay = {"slow": 5}
    run = bench.go(bench.new(playbook), playbook)
    assert run.status == "failed"
    assert run.failure is not None and run.failure["code"] == "timed-out"


def test_the_time_of_a_question_is_not_the_steps(bench: Bench) -> None:
    class Patient(World):
        async def call(self, tool: str, args: dict[str, Any], step: StepHandle) -> StepResult:
            with step.paused():
                await asyncio.sleep(0.3)
            return await super().call(tool, args, step)

    playbook = parse(ONE + "      - {id: ask, title: One that asks, tool: make, timeout: '0.1'}\n")
    bench.world = Patient()
    assert bench.go(bench.new(playbook), playbook).status == "succeeded"
    bench.world.made.clear()
    bench.world.delay = {"ask": 0.5}
    assert bench.go(bench.new(playbook), playbook).status == "failed", "afterwards the clock goes on"


def test_cancelled_it_ends_everything_and_can_be_resumed(bench: Bench) -> None:
    bench.world.delay = {"build-a": 30, "build-b": 30}
    run = bench.new()

    async def main() -> None:
        task = asyncio.create_task(bench.engine(run).run())
        while "build-b" not in bench.world.calls:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1, "nothing is left running"

    asyncio.run(main())
    stored = Run.model_validate(bench.store.load_run(run.id))
    assert stored.status == "interrupted"
    assert bench.store.statuses(run.id)["build-a"] == "interrupted"
    bench.world.delay = {}
    assert bench.go(run).status == "succeeded"


def test_a_wish_to_abort_that_is_written_into_the_store_ends_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playbooks.engine.POLL", 0.05)
    bench.world.delay = {"build-a": 30}
    run = bench.new()

    async def main() -> Run:
        task = asyncio.create_task(bench.engine(run).run())
        while "build-a" not in bench.world.calls:
            await asyncio.sleep(0.01)
        wish = bench.store.load_run(run.id)
        assert wish is not None
        bench.store.save_run(wish | {"abort": "by a test"})
        return await asyncio.wait_for(task, 5)

    ended = asyncio.run(main())
    assert (ended.status, ended.abort) == ("aborted", "by a test")
    assert bench.store.statuses(run.id)["build-a"] == "interrupted"


def test_a_run_knows_whether_its_process_is_alive() -> None:
    run = Run.new(three(), target="nowhere")
    run.claim()
    assert run.alive
    run.pid_started = "1"
    assert not run.alive, "another process has that number now"
    run.claim()
    run.host = "elsewhere"
    assert not run.alive
    assert run.pid == os.getpid()


# -- choice and events ----------------------------------------------------------------------------------------------


def test_only_the_chosen_stages_are_run_with_the_looks_they_need(bench: Bench) -> None:
    run = bench.go(bench.new(stages="3"))
    assert run.status == "succeeded"
    calls = set(bench.world.calls)
    assert {"load-a", "install-c", "test", "check-a"} <= calls
    assert not {"build-a", "look"} & calls


def test_steps_are_skipped_when_they_are_not_needed(bench: Bench) -> None:
    playbook = parse(
        ONE
        + "      - {id: skip, title: Not needed, tool: make, when: 'size(app.services) > 9'}\n"
        + "      - {id: after, title: After it, tool: make, needs: [skip], when: \"steps.skip.status == 'skipped'\"}\n"
    )
    run = bench.go(bench.new(playbook), playbook)
    assert run.status == "succeeded"
    assert bench.world.calls == ["after"]
    assert "is false" in bench.store.step(run.id, "skip")["evidence"][0]


def test_events_count_the_steps_and_name_the_stage(bench: Bench) -> None:
    run = bench.go(bench.new())
    kinds = [event.kind for event in bench.events]
    assert (kinds[0], kinds[-1]) == ("run-started", "run-finished")
    assert kinds.count("stage-started") == kinds.count("stage-finished") == 3
    assert kinds.count("step-finished") == len(ALL)
    last = bench.events[-1]
    assert (last.done, last.total, last.status) == (len(ALL), len(ALL), "succeeded")
    progress = next(e for e in bench.events if e.kind == "step-progress" and e.step == "install-b")
    assert progress.line() == "[3/3 third] install-b: install-b begins"
    assert run.seconds > 0


def test_a_listener_that_is_gone_does_not_stop_the_work() -> None:
    bench = Bench()

    async def gone(_: object) -> None:
        raise ConnectionResetError

    run = bench.new()
    engine = Engine(three(), run, APP, bench.world, bench.store, on_event=gone)
    assert asyncio.run(engine.run()).status == "succeeded"


def test_a_defect_of_a_tool_fails_its_step_and_not_the_engine(bench: Bench) -> None:
    bench.world.broken = {"build-a": KeyError("oops")}
    run = bench.go(bench.new())
    assert run.status == "failed"
    assert run.failure is not None and run.failure["code"] == "defect"
