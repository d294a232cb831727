"""The sandbox on the command line: its one line, its marks, and the rehearsal before the real thing."""

from __future__ import annotations

from typing import Any

from tests.agent.conftest import Stage, run_data

NOTICE = "sandbox (simulated): Docker is not installed. For the real thing install it; then the same"


def simulated(**more: Any) -> dict[str, Any]:
    """A run on the sandbox with a step that only a real run can prove."""
    data = run_data(target="sandbox", simulated=True, **more)
    step = data["stages"][1]["steps"][0]
    step |= {"status": "simulated", "unknown": ["whether it answers"], "simulated": True}
    data["stages"][1]["status"] = "simulated"
    return data


def on_sandbox(stage: Stage, notice: str = NOTICE) -> None:
    about = {"target": "sandbox", "context": "sandbox", "simulated": True, "notice": notice}
    stage.more["resources"] = {"longshore://target": about}


def test_a_chosen_sandbox_is_said_once_in_one_line(stage: Stage) -> None:
    on_sandbox(stage)
    stage.script("playbook_run", data=simulated())
    ran = stage.run("deploy")
    assert ran.code == 0
    assert ran.err.count(NOTICE) == 1 and ran.err.startswith(NOTICE)
    assert "  simulated Build: todo-backend 12 s  cannot be known here: whether it answers" in ran.err
    assert "2 Containers                   simulated" in ran.out
    assert "sandbox (simulated), 1 step that only a real run can prove" in ran.out


def test_a_named_sandbox_is_said_as_well(stage: Stage) -> None:
    on_sandbox(stage, notice="")
    stage.script("diagnose", data={"healthy": True, "findings": [], "simulated": True, "scanned": 3, "seconds": 0.1})
    ran = stage.run("diagnose", "--target", "sandbox")
    assert "sandbox (simulated): nothing here is real" in ran.err
    assert ran.out.startswith("sandbox (simulated)\n")
    assert stage.run("diagnose", "--target", "sandbox", "--json").document["simulated"] is True


def test_the_document_says_that_it_is_simulated(stage: Stage) -> None:
    on_sandbox(stage)
    stage.script("playbook_run", data=simulated())
    document = stage.run("deploy", "--json").document
    assert (document["target"], document["simulated"], document["status"]) == ("sandbox", True, "succeeded")
    assert document["stages"][1]["status"] == "simulated"
    assert document["stages"][1]["steps"][0]["unknown"] == ["whether it answers"]


def test_a_real_target_says_nothing_of_it(stage: Stage) -> None:
    stage.more["resources"] = {"longshore://target": {"target": "minikube", "simulated": False, "notice": ""}}
    stage.script("playbook_run", data=run_data())
    ran = stage.run("deploy")
    assert ran.code == 0 and "sandbox" not in ran.err + ran.out and "simulated" not in ran.err + ran.out


def test_a_rehearsal_comes_first_in_a_state_folder_of_its_own(stage: Stage) -> None:
    stage.script("playbook_run", data=simulated())
    ran = stage.run("deploy", "--rehearse", "--target", "context:kind", "--json")
    assert ran.code == 0 and ran.document["rehearsal"]["status"] == "succeeded"
    servers = [call["argv"] for call in stage.calls() if "argv" in call and call["argv"][:1] == ["serve"]]
    assert [argv[argv.index("--target") + 1] for argv in servers] == ["sandbox", "context:kind"]
    assert ["sandbox", "down"] in [call.get("argv") for call in stage.calls()], "it is thrown away"
    assert [call["asks"] for call in stage.calls("playbook_run")] == [False, False]
    assert "rehearsal in a throw-away sandbox (simulated): nothing real is touched" in ran.err


def test_the_real_run_does_not_begin_after_a_rehearsal_that_failed(stage: Stage) -> None:
    stage.script("playbook_run", data=simulated(status="failed"))
    ran = stage.run("deploy", "--rehearse", "--json")
    assert ran.code == 1 and ran.document["rehearsal"] is True and ran.document["status"] == "failed"
    assert len(stage.calls("playbook_run")) == 1
    assert "the rehearsal did not succeed, so nothing real was begun" in ran.err


def test_words_that_do_not_go_together_are_refused(stage: Stage) -> None:
    assert stage.run("deploy", "--rehearse", "--plan").code == 2
    assert stage.run("deploy", "--target", "moon").code == 2
    assert stage.calls() == []


def test_sandbox_becomes_the_servers_own_program(stage: Stage) -> None:
    ran = stage.run("sandbox", "reset", "--yes", "--json")
    assert [call.get("argv") for call in stage.calls()] == [["sandbox", "reset", "--yes", "--json"]], ran.err
