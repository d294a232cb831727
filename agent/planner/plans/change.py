"""Changes of what runs: restart, scale, roll back, uninstall, delete, undo. The guard asks before each."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from agent.planner.answers.changes import impact as impact_words
from agent.planner.answers.changes import removed, rolled_back, workload
from agent.planner.answers.failures import trouble
from agent.planner.answers.parts import code, join, names, text
from agent.planner.history import Result
from agent.planner.job import Do, End, Job, Plan, Reply
from agent.planner.memory import inverse_of
from agent.planner.names import Thing
from agent.planner.plans.find import need, one_pod, thing, things
from agent.planner.plans.find import workload as find_workload
from agent.planner.request import Open, Request

__all__ = ["PLANS"]

MOST = 100


def restart(job: Job) -> Plan:
    """Replace the pods of a workload by new ones."""
    about = yield from things(job)
    parts: list[str] = []
    for one in about:
        found = yield from find_workload(job, one)
        result = yield from job.one("kubectl_restart", kind=found.kind, name=found.name, namespace=found.namespace)
        if not result.ok:
            return Reply(join(*parts, trouble(result, f"restart {code(found.name)}")), stop=True, things=about)
        parts.append(workload(result.data, "restarted"))
    return Reply(join(*parts), things=about)


def scale(job: Job) -> Plan:
    """Set how many pods a workload has."""
    about = yield from things(job)
    options = job.request.options
    if not {"replicas", "by", "times"} & set(options) and "halve" not in job.request.words:
        title = names(one.name for one in about)
        return Reply(
            f"To how many replicas shall I scale {title}?",
            Open(job.request.about(*about), "number"),
            things=about,
            stop=True,
        )
    parts: list[str] = []
    for one in about:
        found = yield from find_workload(job, one)
        wanted = _wanted(found.wanted, options)
        if not 0 <= wanted <= MOST:
            text_ = f"{code(found.name)} cannot have {wanted} replicas; from 0 to {MOST} it can. How many shall it be?"
            return Reply(text_, Open(job.request.about(*about), "number"), things=about, stop=True)
        result = yield from job.one(
            "kubectl_scale", kind=found.kind, name=found.name, namespace=found.namespace, replicas=wanted
        )
        if not result.ok:
            return Reply(
                join(*parts, trouble(result, f"scale {code(found.name)} to {wanted}")), stop=True, things=about
            )
        parts.append(
            workload(
                result.data, f"scaled from {found.wanted} to {wanted}" if found.wanted != wanted else "left as it is"
            )
        )
    return Reply(join(*parts), things=about)


def _wanted(now: int, options: Any) -> int:
    if "replicas" in options:
        return int(options["replicas"])
    if "times" in options:
        return now * int(options["times"])
    if "by" in options:
        return now + int(options["by"])
    return now // 2


def rollback(job: Job) -> Plan:
    """Show what it would do, then do it; the guard asks in between."""
    request = job.request
    if request.whole and not [t for t in request.things if t.kind == "service"]:
        return (yield from _whole_back(job))
    about = yield from things(job)
    parts: list[str] = []
    for one in about:
        shown = yield from _impact(job, one)
        place = {"release": one.name, "namespace": job.space_of(one)}
        words = join(*parts, impact_words(shown.data))
        target = shown.data.get("to_revision")
        result = yield from job.one(
            "helm_rollback", words, **place, revision=target, reason=request.options.get("reason")
        )
        if not result.ok:
            return Reply(trouble(result, f"roll {code(one.name)} back to revision {target}"), stop=True, things=about)
        parts = [rolled_back(result.data)]
    return Reply(join(*parts), things=about)


def _impact(job: Job, one: Thing) -> Generator[Do, list[Result], Result]:
    place = {"release": one.name, "namespace": job.space_of(one)}
    found = yield from job.one("helm_rollback_impact", **place, revision=job.request.options.get("revision"))
    return need(found, f"see what rolling {code(one.name)} back would do")


def _whole_back(job: Job) -> Plan:
    from agent.planner.plans.deploy import run_playbook

    return (yield from run_playbook(job, "rollback"))


def impact(job: Job) -> Plan:
    """What a rollback would do. Nothing is done."""
    about = yield from things(job)
    parts: list[str] = []
    for one in about:
        shown = yield from _impact(job, one)
        parts.append(impact_words(shown.data))
    wish = Request("rollback", things=about, options={k: v for k, v in job.request.options.items() if k == "revision"})
    said = "Nothing was done. Say `do it` to roll back; you are asked once more then."
    return Reply(join(*parts, said), Open(wish, "confirm", requests=(wish,)), things=about)


def uninstall(job: Job) -> Plan:
    """Remove releases; of the whole application by its playbook."""
    request = job.request
    data = "DATA" in request.concepts or None
    if request.whole and not [t for t in request.things if t.kind == "service"]:
        from agent.planner.plans.deploy import run_playbook

        return (yield from run_playbook(job, "uninstall"))
    if request.everywhere:
        return (yield from delete(job))
    about = yield from things(job)
    if any(t.is_pod for t in about):
        return (yield from delete(job))
    parts: list[str] = []
    for one in about:
        result = yield from job.one("helm_uninstall", release=one.name, namespace=job.space_of(one), delete_data=data)
        if not result.ok:
            return Reply(join(*parts, trouble(result, f"uninstall {code(one.name)}")), stop=True, things=about)
        parts.append(removed(result.data))
    return Reply(join(*parts), things=about)


def delete(job: Job) -> Plan:
    """Delete one object by its kind and name."""
    request = job.request
    if request.everywhere:
        return Reply(
            "I don't delete across namespaces. `uninstall` takes the application out and verifies that nothing is left."
        )
    kind = request.kind or next((t.kind for t in request.things if t.kind not in ("service", "app")), "")
    if kind in ("Namespace", "Node"):
        return Reply(
            f"I do not delete a {kind.lower()} by a word in a chat. `uninstall` takes the application out and "
            "verifies that nothing is left."
        )
    named = [t for t in request.things if t.kind != "app"]
    if kind == "Pod" or any(t.is_pod for t in named):
        pod = named[0] if named and named[0].is_pod else (yield from one_pod(job, (yield from thing(job))))
        return (yield from _deleted(job, "Pod", pod.name, job.space_of(pod)))
    name = next((t.name for t in named), request.unknown[-1] if request.unknown else "")
    if not kind or not name:
        return Reply(
            "What exactly shall be deleted? Say its kind and its name, as in `delete configmap todo-config`.", stop=True
        )
    return (yield from _deleted(job, kind, name, job.namespace))


def _deleted(job: Job, kind: str, name: str, space: str) -> Plan:
    result = yield from job.one("kubectl_delete", kind=kind, name=name, namespace=space)
    if not result.ok:
        return Reply(trouble(result, f"delete {kind} {code(name)}"), stop=True)
    left = result.data.get("remaining") or []
    still = f" **Still there:** {names(left)}." if left else ""
    back = " Its workload makes a new one." if kind == "Pod" else ""
    return Reply(f"Deleted: {names(result.data.get('deleted') or [name])}.{back}{still}")


def stop(job: Job) -> Plan:
    """Stopping can mean two things: ask which."""
    if job.request.whole and not [t for t in job.request.things if t.kind == "service"]:
        wish = Request("uninstall", concepts=frozenset(("APP",)))
        return Reply(
            "Stopping the whole application means to uninstall it; its data is kept. Shall I? (yes or no)",
            Open(job.request, "confirm", requests=(wish,)),
            stop=True,
        )
    about = yield from things(job)
    title = names(t.name for t in about)
    zero = Request("scale", things=about, options={"replicas": 0})
    away = Request("uninstall", things=about)
    text_ = join(
        f"How shall I stop {title}?", "1. scale it to 0: it can be scaled up again at once\n2. uninstall its release"
    )
    return Reply(
        text_,
        Open(job.request, "choice", requests=(zero, away), labels=("scale", "uninstall")),
        things=about,
        stop=True,
    )


def start(job: Job) -> Plan:
    """Bring something up that was scaled down; a whole application is deployed."""
    if job.request.whole and not [t for t in job.request.things if t.kind == "service"]:
        from agent.planner.plans.deploy import run_playbook

        return (yield from run_playbook(job, "deploy"))
    about = yield from things(job)
    found = yield from find_workload(job, about[0])
    if found.wanted > 0:
        said = f"{code(found.name)} is meant to run already: {found.ready} of {found.wanted} pods are ready."
        return Reply(
            join(said, f"Ask `what is wrong with {about[0].name}`, or say `restart {about[0].name}`."), things=about
        )
    wish = Request("scale", things=about[:1], options={"replicas": int(job.request.options.get("replicas") or 1)})
    return Reply(
        f"{code(found.name)} is scaled to 0. Shall I scale it to {wish.options['replicas']}? (yes or no)",
        Open(wish, "confirm", requests=(wish,)),
        things=about,
        stop=True,
    )


def undo(job: Job) -> Plan:
    """The inverse of the last change."""
    change = job.memory.change
    if change is None:
        return Reply("There is nothing to undo: nothing was changed in this conversation.")
    before = job.memory.results[: job.memory.results.index(change)]
    inverse = inverse_of(change, before)
    what = code(change.tool)
    if inverse is None:
        reason = _NO_WAY_BACK.get(change.tool, "it has no single call that undoes it")
        return Reply(f"The last change was {what}, and I cannot undo it: {reason}.")
    tool, arguments = inverse
    about = str(arguments.get("release") or arguments.get("name"))
    doing = f"undo {what} of {code(about)}"
    how = f" to {arguments['replicas']}" if tool == "kubectl_scale" else f" to revision {arguments.get('revision')}"
    back = f"{_BACK[tool]}{how}" if tool in _BACK else tool
    say = f"The last change was {what} of {code(about)}; I undo it: {back}."
    result = yield from job.one(tool, say, **arguments)
    if not result.ok:
        raise End(Reply(trouble(result, doing), stop=True))
    if tool == "helm_rollback":
        return Reply(rolled_back(result.data), things=(Thing(about, "service", str(arguments.get("namespace") or "")),))
    if tool == "kubectl_scale":
        return Reply(workload(result.data, f"scaled back to {arguments['replicas']}"))
    return Reply(removed(result.data) if tool == "helm_uninstall" else f"Undone: {text(doing)}.")


_BACK = {"kubectl_scale": "scale it back", "helm_rollback": "roll it"}
_NO_WAY_BACK = {
    "helm_rollback": "what it replaced was changed beside Helm, so no revision has it",
    "kubectl_restart": "a restart leaves nothing to go back to",
    "helm_uninstall": "`deploy` brings the release back, with the data that was kept",
    "kubectl_delete": "what was deleted is gone; `deploy` brings back what belongs to the application",
    "playbook_run": "`roll back NAME` takes one release back, `uninstall` takes everything out",
    "minikube_image_load": "an image in the node harms nothing",
    "docker_build": "an image harms nothing",
    "secret_ensure": "secrets that were made are in use now",
}
PLANS = {
    "restart": restart,
    "scale": scale,
    "rollback": rollback,
    "impact": impact,
    "uninstall": uninstall,
    "delete": delete,
    "stop": stop,
    "start": start,
    "undo": undo,
}
