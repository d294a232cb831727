"""The playbook tools on the toy world: plan, run, confirmations, the lease, cancellation, resume, abort, status."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_tools import library
from mcp_tools.errors import Busy, Conflict, LongshoreError, NotFound, Refused, UsageError
from mcp_tools.guard.confirmation import Confirmation
from mcp_tools.guard.guard import Answer, Guard, NoChannel, Outcome, Session
from mcp_tools.lease import Lease
from mcp_tools.tools.playbook_docs import DocsDesk
from playbooks import loader
from playbooks.loader import parse
from tests.mcp_tools.toys import Things, ToyKube, toy_guard, toy_session, toys

APP = """
apiVersion: longshore.dev/v1
kind: Application
metadata: {name: shop}
spec:
  namespace: shop
  services:
    - {name: web, context: web, port: 3000, dependsOn: [api]}
    - {name: api, context: api, port: 8000}
"""

TOY = """
api_version: longshore.dev/v1
kind: Playbook
name: deploy
title: Deploy toys
stages:
  - number: 1
    id: look
    title: Look
    steps:
      - id: see
        title: See it
        tool: toy_read
        for_each: app.services
        args: {name: "${service.name}"}
        cheap: true
        docs: minikube
  - number: 2
    id: act
    title: Act
    steps:
      - id: swap
        title: Swap it
        tool: toy_change
        for_each: app.services
        args: {name: "${service.name}"}
        needs: ["swap[service.needs]"]
      - id: after
        title: Look again
        tool: toy_read
        args: {name: web}
        needs: ["swap[*]"]
        expect: [result.revision == 8]
"""


class LeaseKube(ToyKube):
    """The toy cluster with a Lease that can be held."""

    def __init__(self) -> None:
        super().__init__()
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.reachable = True

    async def get(self, api: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        if not self.reachable:
            raise LongshoreError("the cluster cannot be reached")
        if kind == "Lease":
            return copy.deepcopy(self.lease)
        return await super().get(api, kind, name, namespace)

    async def request(self, method: str, path: str, query: Any, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        if method == "PUT" and self.lease and body["metadata"].get("resourceVersion") != str(self.version):
            raise Conflict("somebody was quicker")
        self.version += 1
        self.lease = copy.deepcopy(body)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        return self.lease

    @property
    def holder(self) -> str:
        return str(((self.lease or {}).get("spec") or {}).get("holderIdentity") or "")


class Human:
    """Answers every question, and remembers it."""

    name = "test"

    def __init__(self, answer: bool = True) -> None:
        self.answer, self.asked = answer, []

    asked: list[Confirmation]

    async def ask(self, confirmation: Confirmation) -> Answer:
        self.asked.append(confirmation)
        return Answer(self.answer, "a tester")


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> Iterator[Things]:
    library.load()
    monkeypatch.setattr(loader, "playbook", lambda name: parse(TOY))
    with toys() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "longshore.yaml").write_text(APP, encoding="utf-8")
    for name in ("web", "api"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def kube() -> LeaseKube:
    return LeaseKube()


@pytest.fixture
def guard(folder: Path) -> Guard:
    return toy_guard(folder)


def session_of(folder: Path, kube: LeaseKube, channel: Any = None, **more: Any) -> Session:
    session = toy_session(folder, channel=channel or NoChannel(), **more)
    session.world.__dict__["kube"] = kube
    return session


def call(guard: Guard, session: Session, tool: str, **arguments: Any) -> Outcome:
    return asyncio.run(guard.call(tool, arguments, session=session))


def test_a_plan_says_what_is_made_and_what_is_asked_and_does_nothing(
    guard: Guard, folder: Path, kube: LeaseKube, things: Things
) -> None:
    plan = call(guard, session_of(folder, kube), "playbook_plan").data
    steps = {s["id"]: s for stage in plan["stages"] for s in stage["steps"]}
    assert (steps["see-web"]["status"], steps["see-web"]["effect"]) == ("done", "read")
    assert (steps["swap-api"]["status"], steps["swap-api"]["effect"]) == ("planned", "create")
    assert (steps["swap-web"]["effect"], steps["swap-web"]["needs_confirmation"]) == ("change", True)
    assert steps["after"]["known_after"] == ["swap-api", "swap-web"]
    assert [c["step"] for c in plan["confirmations"]] == ["swap-web"]
    assert things.acts == []
    assert kube.lease is None
    assert call(guard, session_of(folder, kube), "playbook_plan").data["digest"] == plan["digest"]
    things.revisions["web"] = 9
    assert call(guard, session_of(folder, kube), "playbook_plan").data["digest"] != plan["digest"]


def test_the_question_of_a_run_is_the_one_that_the_plan_listed(
    guard: Guard, folder: Path, kube: LeaseKube, things: Things
) -> None:
    plan = call(guard, session_of(folder, kube), "playbook_plan").data
    human = Human()
    run = call(guard, session_of(folder, kube, human), "playbook_run").data
    assert run["status"] == "succeeded"
    assert [c.digest for c in human.asked] == [c["digest"] for c in plan["confirmations"]]
    assert human.asked[0].run_id == run["run_id"]
    assert human.asked[0].step_id == "swap-web"
    assert things.acts == ["change api", "change web"]


def test_the_document_of_a_run(guard: Guard, folder: Path, kube: LeaseKube, things: Things) -> None:
    run = call(guard, session_of(folder, kube, Human()), "playbook_run").data
    assert {"run_id", "status", "target", "simulated", "seconds", "stages", "confirmations", "report"} <= set(run)
    assert (run["target"], run["simulated"], run["application"]) == ("minikube", False, "shop")
    stage = run["stages"][1]
    assert (stage["number"], stage["id"], stage["status"]) == (2, "act", "succeeded")
    swap = next(s for s in stage["steps"] if s["id"] == "swap-web")
    assert {"id", "tool", "effect", "status", "changed", "seconds", "evidence"} <= set(swap)
    assert (swap["tool"], swap["effect"], swap["changed"]) == ("toy_change", "change", True)
    see = run["stages"][0]["steps"][0]
    assert (see["docs"], see["docs_source"], see["changed"]) == ("minikube", "packaged", False)
    assert [(c["status"], c["step"], c["answered_by"]) for c in run["confirmations"]] == [
        ("used", "swap-web", "a tester")
    ]
    report = Path(run["report"])
    assert report.stat().st_mode & 0o077 == 0
    text = report.read_text(encoding="utf-8")
    assert "# deploy of shop: succeeded" in text
    assert "swap-web" in text and "a tester" in text


def test_without_a_human_it_waits_and_goes_on_after_the_approval(
    guard: Guard, folder: Path, kube: LeaseKube, things: Things
) -> None:
    session = session_of(folder, kube)
    run = call(guard, session, "playbook_run").data
    assert run["status"] == "waiting"
    waiting = [c for c in run["confirmations"] if c["status"] == "waiting"]
    assert [c["step"] for c in waiting] == ["swap-web"]
    assert f"longshore approve {waiting[0]['id']}" in run["advice"]
    assert things.acts == ["change api"]
    guard.journal.answer(waiting[0]["id"], True, by="me", channel="terminal")
    again = call(guard, session, "playbook_resume", run_id=run["run_id"]).data
    assert (again["status"], again["run_id"]) == ("succeeded", run["run_id"])
    assert things.acts == ["change api", "change web"]
    with pytest.raises(Conflict, match="nothing left to do"):
        call(guard, session, "playbook_resume", run_id=run["run_id"])


def test_a_no_leaves_everything(guard: Guard, folder: Path, kube: LeaseKube, things: Things) -> None:
    run = call(guard, session_of(folder, kube, Human(False)), "playbook_run").data
    assert run["status"] == "failed"
    assert run["failure"]["code"] == "declined"
    assert things.acts == ["change api"]
    assert any(run["run_id"] in line for line in run["advice"])


def test_the_lease_is_held_while_it_runs_and_given_back(
    guard: Guard, folder: Path, kube: LeaseKube, things: Things
) -> None:
    held: list[str] = []
    things.after_observe = lambda: held.append(kube.holder)
    run = call(guard, session_of(folder, kube, Human()), "playbook_run").data
    assert held and all(run["run_id"] in holder for holder in held)
    assert kube.holder == ""


def test_it_runs_without_a_lease_where_there_is_no_cluster(
    guard: Guard, folder: Path, kube: LeaseKube, things: Things
) -> None:
    kube.reachable = False
    things.revisions.clear()
    run = call(guard, session_of(folder, kube), "playbook_run", stages="1").data
    assert run["status"] == "succeeded"
    assert kube.lease is None


def test_another_run_holds_the_cluster(guard: Guard, folder: Path, kube: LeaseKube, things: Things) -> None:
    async def main() -> None:
        lease: Any = Lease(kube, "deploy-other")  # type: ignore[arg-type]
        async with lease.held():
            with pytest.raises(Busy, match="deploy-other"):
                await guard.call("playbook_run", {}, session=session_of(folder, kube, Human()))

    asyncio.run(main())
    assert things.acts == []
    assert guard.journal.list_runs() == []


def test_a_cancelled_call_puts_everything_down(guard: Guard, folder: Path, kube: LeaseKube, things: Things) -> None:
    began = asyncio.Event()

    class Slow(Human):
        async def ask(self, confirmation: Confirmation) -> Answer:
            began.set()
            await asyncio.sleep(60)
            raise AssertionError

    async def main() -> None:
        task = asyncio.create_task(guard.call("playbook_run", {}, session=session_of(folder, kube, Slow())))
        await asyncio.wait_for(began.wait(), 10)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    run = guard.journal.list_runs()[0]
    assert run["status"] == "interrupted"
    assert kube.holder == ""
    again = call(guard, session_of(folder, kube, Human()), "playbook_resume", run_id=run["id"]).data
    assert again["status"] == "succeeded"
    assert things.acts == ["change api", "change web"]


def test_a_run_cannot_go_on_with_another_application_or_target(
    guard: Guard, folder: Path, kube: LeaseKube, things: Things
) -> None:
    session = session_of(folder, kube)
    run = call(guard, session, "playbook_run").data["run_id"]
    (folder / "longshore.yaml").write_text(APP.replace("3000", "3001"), encoding="utf-8")
    with pytest.raises(Conflict, match=r"longshore\.yaml has changed"):
        call(guard, session, "playbook_resume", run_id=run)
    with pytest.raises(NotFound):
        call(guard, session, "playbook_resume", run_id="deploy-gone")
    stored = guard.journal.load_run(run)
    assert stored is not None
    guard.journal.save_run(stored | {"target": "context:other"})
    with pytest.raises(Conflict, match="target context:other"):
        call(guard, session, "playbook_resume", run_id=run)


def test_abort_ends_a_run_for_good(guard: Guard, folder: Path, kube: LeaseKube, things: Things) -> None:
    session = session_of(folder, kube)
    run = call(guard, session, "playbook_run").data["run_id"]
    ended = call(guard, session, "playbook_abort", run_id=run)
    assert (ended.data["status"], ended.changed) == ("aborted", True)
    with pytest.raises(Conflict, match="aborted"):
        call(guard, session, "playbook_resume", run_id=run)
    assert not call(guard, session, "playbook_abort", run_id=run).changed


def test_abort_reaches_a_run_that_is_at_work(
    guard: Guard, folder: Path, kube: LeaseKube, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playbooks.engine.POLL", 0.05)
    began = asyncio.Event()

    class Slow(Human):
        async def ask(self, confirmation: Confirmation) -> Answer:
            began.set()
            await asyncio.sleep(60)
            raise AssertionError

    async def main() -> tuple[Outcome, Outcome]:
        task = asyncio.create_task(guard.call("playbook_run", {}, session=session_of(folder, kube, Slow())))
        await asyncio.wait_for(began.wait(), 10)
        run_id = guard.journal.list_runs()[0]["id"]
        other = session_of(folder, kube, client="someone else")
        aborted = await guard.call("playbook_abort", {"run_id": run_id}, session=other)
        return await asyncio.wait_for(task, 10), aborted

    ran, aborted = asyncio.run(main())
    assert (ran.data["status"], aborted.data["status"]) == ("aborted", "aborted")
    assert things.acts == ["change api"]


def test_status_lists_runs_and_shows_one(guard: Guard, folder: Path, kube: LeaseKube, things: Things) -> None:
    session = session_of(folder, kube)
    run = call(guard, session, "playbook_run").data["run_id"]
    listed = call(guard, session, "playbook_status").data["runs"]
    assert [(r["id"], r["status"], r["application"]) for r in listed] == [(run, "waiting", "shop")]
    shown = call(guard, session, "playbook_status", run_id=run).data["run"]
    assert shown["stages"][0]["status"] == "succeeded"
    stored = guard.journal.load_run(run)
    assert stored is not None
    guard.journal.save_run(stored | {"status": "running", "pid": 999_999_999})
    assert call(guard, session, "playbook_status", run_id=run).data["run"]["status"] == "interrupted"


def test_read_only_plans_and_runs_nothing(guard: Guard, folder: Path, kube: LeaseKube, things: Things) -> None:
    session = session_of(folder, kube, read_only=True)
    for tool, arguments in (("playbook_run", {}), ("playbook_resume", {"run_id": "deploy-x"})):
        with pytest.raises(Refused, match="read-only"):
            call(guard, session, tool, **arguments)
    assert things.acts == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"stages": "9"}, "no stage '9'"),
        ({"params": {"confirm": True}}, "no parameter confirm"),
        ({"yes": True}, "yes"),
        ({"application": "gone"}, "no longshore.yaml"),
    ],
)
def test_wrong_arguments_are_one_clear_line(
    guard: Guard, folder: Path, kube: LeaseKube, things: Things, arguments: dict[str, Any], says: str
) -> None:
    for tool in ("playbook_plan", "playbook_run"):
        with pytest.raises((UsageError, NotFound), match=says):
            call(guard, session_of(folder, kube), tool, **arguments)
    assert guard.journal.list_runs() == []


def test_progress_counts_steps_and_is_meant_for_people(
    guard: Guard, folder: Path, kube: LeaseKube, things: Things
) -> None:
    said: list[tuple[float, float | None, str]] = []

    async def say(done: float, total: float | None, message: str) -> None:
        said.append((done, total, message))

    session = session_of(folder, kube, Human())
    asyncio.run(guard.call("playbook_run", {}, session=session, say=say))
    assert said[-1][:2] == (5, 5)
    assert [done for done, _, _ in said] == sorted(done for done, _, _ in said)
    assert any(message.startswith("[2/2 act] swap-web: ") for _, _, message in said)


def test_context7_answers_when_it_is_there_and_the_notes_when_it_is_not() -> None:
    from mcp.server import MCPServer

    server = MCPServer("context7")
    asked: list[tuple[str, str]] = []

    @server.tool(name="query-docs")
    def query_docs(libraryId: str, query: str) -> str:
        asked.append((libraryId, query))
        return "fresh documentation"

    async def main() -> tuple[list[str], DocsDesk, str]:
        desk = DocsDesk(server)
        sources = [await desk.look_up("minikube"), await desk.look_up("minikube")]
        broken = DocsDesk("http://127.0.0.1:1/mcp")
        return sources, desk, await broken.look_up("minikube")

    sources, desk, without = asyncio.run(main())
    assert sources == ["context7", "context7"]
    assert asked == [("/kubernetes/minikube", "start resource allocation")], "once per run"
    assert "fresh documentation" in desk.texts["minikube"]
    assert without == "packaged"
