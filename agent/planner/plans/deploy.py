"""From source to a running application: plans and runs of playbooks, images, charts, the cluster itself."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from agent.planner.answers.failures import trouble
from agent.planner.answers.parts import bullets, code, items, join, names, text
from agent.planner.answers.runs import plan as plan_words
from agent.planner.answers.runs import run as run_words
from agent.planner.answers.runs import runs as runs_words
from agent.planner.history import Result
from agent.planner.job import Do, End, Job, Plan, Reply
from agent.planner.names import Thing
from agent.planner.plans.find import need
from agent.planner.plans.health import diagnosis
from agent.planner.request import Open, Request

__all__ = ["PLANS", "run_playbook"]


def application_of(job: Job) -> str:
    """The application's file; asked for when there are several, told when there is none."""
    if job.file:
        return job.file
    apps = job.context.applications
    if not apps:
        raise End(
            Reply(
                "There is no `longshore.yaml` in this workspace, so I do not know what to deploy. `longshore "
                "init` writes one.",
                stop=True,
            )
        )
    choices = tuple(Thing(a.name, "app", a.namespace) for a in apps)
    listed = "\n".join(f"{place}. {code(a.name)} ({a.file})" for place, a in enumerate(apps, 1))
    raise End(Reply(join("Which application do you mean?", listed), Open(job.request, "thing", choices), stop=True))


def run_playbook(job: Job, playbook: str) -> Plan:
    """Show the plan, then run it. What changes or destroys something is asked step by step, by the guard."""
    file = application_of(job)
    given: dict[str, Any] = {"playbook": playbook, "application": file, "stages": job.request.options.get("stages")}
    planned = need((yield from job.one("playbook_plan", **given)), f"plan the {playbook}")
    result = yield from job.one("playbook_run", join(_only(job, playbook), plan_words(planned.data)), **given)
    if not result.ok:
        return Reply(trouble(result, f"run the {playbook}"), stop=True)
    return _ended(result)


def _only(job: Job, playbook: str) -> str:
    """One service cannot be deployed apart from what it needs: say so."""
    named = [t for t in job.request.things if t.kind == "service"]
    if not named or playbook != "deploy":
        return ""
    return f"{names(t.name for t in named)} is deployed with its application; what is done already is not done again."


def _ended(result: Result) -> Reply:
    data = result.data
    status = data.get("status")
    hint = {
        "succeeded": "Ask `is everything healthy?` to look again.",
        "failed": "Ask `what is wrong` for the root cause.",
    }.get(str(status), "")
    return Reply(join(run_words(data), hint), stop=status != "succeeded")


def deploy(job: Job) -> Plan:
    """The seven stages."""
    request = job.request
    elsewhere = [word for word in request.unknown if word in _ELSEWHERE]
    if elsewhere:
        here = code(job.context.target or "its target")
        return Reply(
            f"This conversation works on {here} only; {code(elsewhere[0])} is another place. Start `longshore "
            "chat --target context:NAME` for that cluster.",
            stop=True,
        )
    if (
        request.unknown
        and not request.things
        and not request.whole
        and not request.pronoun
        and job.context.applications
    ):
        known = names([a.name for a in job.context.applications])
        word = code(request.unknown[-1])
        wish = Request("deploy", concepts=frozenset(("APP",)))
        return Reply(
            f"I know no application {word}; here there is {known}. Shall I deploy that? (yes or no)",
            Open(wish, "confirm", requests=(wish,)),
            stop=True,
        )
    return (yield from run_playbook(job, "deploy"))


_ELSEWHERE = frozenset(
    (
        "production",
        "prod",
        "staging",
        "aws",
        "eks",
        "gke",
        "aks",
        "azure",
        "gcp",
        "heroku",
        "live-cluster",
        "qa",
        "cloud",
        "vercel",
        "openshift",
    )
)


def plan(job: Job) -> Plan:
    """Only the plan."""
    playbook = (
        "uninstall"
        if "UNINSTALL*" in job.request.concepts
        else "rollback"
        if "ROLLBACK*" in job.request.concepts
        else "deploy"
    )
    given: dict[str, Any] = {
        "playbook": playbook,
        "application": application_of(job),
        "stages": job.request.options.get("stages"),
    }
    result = need((yield from job.one("playbook_plan", **given)), f"plan the {playbook}")
    wish = Request(
        playbook, concepts=frozenset(("APP",)), options={k: v for k, v in job.request.options.items() if k == "stages"}
    )
    said = "Nothing was done. Say `do it` to run it."
    return Reply(join(plan_words(result.data), said), Open(wish, "confirm", requests=(wish,)))


def stage(job: Job) -> Plan:
    """Some stages of the deployment: run when that is asked for, planned otherwise."""
    if "stages" not in job.request.options:
        return (yield from run_status(job))
    if job.request.words.startswith(
        ("run", "do", "execute", "please run", "now run", "only run", "just run", "start", "go")
    ):
        return (yield from run_playbook(job, "deploy"))
    return (yield from plan(job))


# -- runs ----------------------------------------------------------------------------------------------------------


def run_status(job: Job) -> Plan:
    """How a run stands: the one that is named or was spoken of; otherwise the newest ones."""
    run_id = job.request.options.get("run_id") or ("" if _all_runs(job) else job.memory.run_id)
    if not run_id and "WHY" in job.request.concepts:
        return (yield from diagnosis(job))
    result = need((yield from job.one("playbook_status", run_id=run_id or None)), "show the runs")
    one = result.data.get("run")
    if isinstance(one, Mapping):
        return Reply(run_words(one))
    found = items(result.data.get("runs"))
    if found and not _all_runs(job) and (newest := str(found[0].get("id") or "")):
        result = need((yield from job.one("playbook_status", run_id=newest)), "show the run")
        if isinstance(result.data.get("run"), Mapping):
            return Reply(run_words(result.data["run"]))
    return Reply(runs_words(result.data))


def _all_runs(job: Job) -> bool:
    words = job.request.words.split()
    return "runs" in words or "history" in words or "deployments" in words


def _run_id(job: Job, which: tuple[str, ...]) -> Generator[Do, list[Result], str]:
    """The run that is meant: named, spoken of, or the newest that can go on."""
    if run_id := str(job.request.options.get("run_id") or job.memory.run_id):
        return run_id
    result = need((yield from job.one("playbook_status")), "show the runs")
    found = [r for r in items(result.data.get("runs")) if r.get("status") in which]
    if not found:
        raise End(Reply("There is no run that could go on or be ended. Ask for `runs` to see them.", stop=True))
    return str(found[0].get("id"))


def resume(job: Job) -> Plan:
    """Go on with a run."""
    run_id = yield from _run_id(job, ("failed", "waiting", "interrupted"))
    result = yield from job.one("playbook_resume", run_id=run_id)
    return _ended(result) if result.ok else Reply(trouble(result, f"go on with run {code(run_id)}"), stop=True)


def abort(job: Job) -> Plan:
    """End a run."""
    run_id = yield from _run_id(job, ("running", "waiting", "failed", "interrupted"))
    result = yield from job.one("playbook_abort", run_id=run_id)
    if not result.ok:
        return Reply(trouble(result, f"end run {code(run_id)}"), stop=True)
    return Reply(f"Run {code(run_id)} is {text(result.data.get('status'))}. What it did stays.")


def report(job: Job) -> Plan:
    """Where the acceptance report of the last run is."""
    run_id = job.request.options.get("run_id") or job.memory.run_id
    if not run_id:
        listed = need((yield from job.one("playbook_status")), "show the runs")
        run_id = next((str(r.get("id")) for r in items(listed.data.get("runs"))), "")
    if not run_id:
        return Reply("There are no runs yet, so there is no report.")
    result = need((yield from job.one("playbook_status", run_id=run_id)), "show the run")
    found = result.data.get("run")
    where = found.get("report") if isinstance(found, Mapping) else ""
    line = (
        f"The acceptance report of {code(run_id)} is {code(where)}."
        if where
        else f"Run {code(run_id)} wrote no report yet."
    )
    return Reply(join(line, f"As a page: {code(f'longshore runs report {run_id}')}."))


# -- the cluster, secrets -----------------------------------------------------------------------------------


def cluster_start(job: Job) -> Plan:
    """Make or start the cluster."""
    result = yield from job.one("minikube_start")
    if not result.ok:
        return Reply(trouble(result, "start the cluster"), stop=True)
    data = result.data
    warnings = bullets(text(line) for line in data.get("warnings") or [])
    return Reply(
        join(
            f"The cluster {code(data.get('profile'))} runs: {data.get('cpus')} CPUs, {data.get('memory_mib')} "
            f"MiB, {data.get('disk_gib')} GiB disk.",
            warnings,
        )
    )


def cluster_delete(job: Job) -> Plan:
    """Delete the cluster with everything in it; the guard asks."""
    result = yield from job.one("minikube_delete")
    if not result.ok:
        return Reply(trouble(result, "delete the cluster"), stop=True)
    return Reply(
        f"The cluster {code(result.data.get('profile'))} is deleted. Lost: "
        f"{names(result.data.get('lost') or ['nothing'])}."
    )


def secrets(job: Job) -> Plan:
    """Make the secrets that are missing; what is there is not touched."""
    result = yield from job.one("secret_ensure", application=application_of(job))
    if not result.ok:
        return Reply(trouble(result, "make the missing secrets"), stop=True)
    lines = []
    for one in items(result.data.get("secrets")):
        made, kept = one.get("created_keys") or [], one.get("kept_keys") or []
        lines.append(
            f"{code(one.get('name'))}: "
            + (f"made {names(made)}" if made else "nothing was missing")
            + (f", kept {names(kept)}" if kept else "")
        )
    return Reply(bullets(lines) or "The application declares no secrets.")


PLANS = {
    "deploy": deploy,
    "plan": plan,
    "stage": stage,
    "run_status": run_status,
    "resume": resume,
    "abort": abort,
    "report": report,
    "cluster_start": cluster_start,
    "cluster_delete": cluster_delete,
    "secrets": secrets,
}
