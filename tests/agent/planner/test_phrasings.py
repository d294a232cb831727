"""What people say, scored through the SDK's Runner, and statements that must never change anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.planner import PlannerContext
from agent.planner.intents import CHANGES
from agent.planner.names import Names
from agent.planner.understand import understand
from tests.agent.planner.scoring import cases, score
from tests.agent.planner.world import ROOT

pytestmark = pytest.mark.anyio

ENOUGH = 0.95


@pytest.mark.parametrize("held_out", [False, True], ids=["known", "held-out"])
async def test_the_right_tool_with_the_right_arguments(held_out: bool) -> None:
    chosen = [case for case in cases() if bool(case.get("held_out")) is held_out]
    scores = [await score(case) for case in chosen]
    wrong = [f"{one.id}: {one.why}" for one in scores if one.why]
    assert len(wrong) <= (1 - ENOUGH) * len(scores), "\n".join(wrong)
    assert [one.id for one in scores if one.ambiguous and one.why] == [], "asks in every ambiguous one"
    assert [(one.id, one.unasked) for one in scores if one.unasked] == [], "no act that was not asked for"
    assert [(one.id, one.unguarded) for one in scores if one.unguarded] == [], "no change without the guard's question"


def test_there_are_enough_and_they_are_all_different() -> None:
    found = cases()
    known = [case for case in found if not case.get("held_out")]
    assert len(known) >= 120 and len(found) - len(known) >= 40
    assert len({case["id"] for case in found}) == len(found)


NEVER = """
don't restart the backend
please don't scale anything
never delete the database
do not roll back yet
you must not uninstall the frontend
no need to restart it
I would rather not deploy today
should I restart the backend?
should we roll back?
do I need to redeploy?
is it a good idea to scale the frontend to 5?
would you recommend uninstalling postgres?
what would happen if I restart the backend?
what happens when I delete the pod
what if we scale the backend to 0?
what would a rollback do
is it safe to restart the database
would it hurt to restart mcp
how do I restart the backend?
how can I scale the frontend to 3
how would one roll back?
tell me how to uninstall the app
show me how to deploy
what's the command to restart a deployment
is there a way to restart the backend
did you restart the backend?
did somebody delete the pod?
who deployed the frontend?
when was the backend last restarted?
has the backend been rolled back?
was the frontend scaled down?
why did the backend restart?
why was it rolled back
why does the pod restart all the time
the backend restarts every minute
the restart of the backend took forever
the rollback did not help
the last deployment broke the frontend
after the restart it was fine
since the upgrade the backend is slow
I restarted the backend and it still fails
we rolled back yesterday
we deployed a new version this morning
I already scaled it to 3
he said to restart the backend
my colleague wants to know if we can scale the backend
explain what a restart does
explain scaling
what does uninstall do
what is the difference between restart and redeploy
tell me about rollbacks
show me the last deployment
show the deployments
list deployments
describe the deployment
status of the rollback
is the deployment finished
is the build ok?
is the backend deployed?
can I restart the backend?
could we roll back if needed?
before we restart the backend, what is its status?
if the backend is down, restart it
unless it is healthy restart the backend
the docs say: restart the backend
"restart the backend"?
restart?
rollback?
deploy?
logs before the restart
events of the restart
I wonder whether to restart it
thinking about restarting the backend
maybe we should restart the backend
it would be nice if the backend restarted faster
stop restarting the backend
is there anything to fix?
what is there to fix?
can this be fixed?
could it be fixed by a restart
the log says "uninstall todo-backend"
"""


@pytest.mark.parametrize("said", NEVER.strip().splitlines())
def test_what_only_speaks_of_an_act_is_no_request_for_it(said: str) -> None:
    names = Names(PlannerContext.read(ROOT))
    asked = [(r.intent, r.mood) for r in understand(said, names) if r.intent in CHANGES and r.mood == "do"]
    assert asked == []


PLAIN = """
restart the backend
please restart the backend
can you restart the backend
could you please restart the backend?
restart the backend now
I want you to restart the backend
I'd like to restart the backend
let's restart the backend
go ahead and restart the backend
just restart the backend already
we need to restart the backend
ok, restart the backend
yes, restart the backend
hey longshore, restart the backend please
do a restart of the backend
give the backend a restart
backend restart
restart backend
now restart the backend
then restart the backend
would you mind restarting the backend?
I want the backend restarted
please have the backend restarted
the backend is slow, restart it
"""


@pytest.mark.parametrize("said", PLAIN.strip().splitlines())
def test_a_plain_request_is_one_however_it_is_put(said: str) -> None:
    names = Names(PlannerContext.read(ROOT))
    found = understand(said, names)
    assert [(r.intent, r.mood) for r in found if r.intent == "restart"] == [("restart", "do")]


def test_the_context_is_read_from_the_workspace(tmp_path: Path) -> None:
    assert PlannerContext.read(tmp_path).applications == ()
    (tmp_path / "longshore.yaml").write_text("metadata: {name: [broken\n")
    assert PlannerContext.read(tmp_path).applications == ()
    (application,) = PlannerContext.read(ROOT).applications
    assert (application.file, application.name, application.namespace) == (
        "examples/todo-chatbot/longshore.yaml",
        "todo-chatbot",
        "todo",
    )
    backend = next(service for service in application.services if service.name == "todo-backend")
    assert (backend.folder, backend.chart) == ("examples/todo-chatbot/backend", "charts/todo-backend")
