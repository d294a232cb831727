"""Answers that need no tool, or only speak of an act: help, greetings, "how do I", "what if", "should I"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agent.planner.answers.parts import bullets, code, join, names
from agent.planner.job import Job, Plan, Reply
from agent.planner.request import Open

__all__ = ["PLANS", "spoken_of"]

HELP = """I am the **offline planner**: I understand what people usually ask an operator, without a language model.
Ask for

- **deploying**: `deploy the app`, `what is the plan?`, `build the backend`, `load it`, `resume`, `runs`
- **how things are**: `status`, `is everything healthy?`, `what is wrong with the backend?`, `why?`, `fix it`
- **looking**: `logs of the frontend`, `previous logs`, `events`, `describe the backend`, `env of the backend`, `pods`,
  `top`, `images`
- **changing**: `restart the backend`, `scale the backend to 3`, `roll it back`, `uninstall the frontend`, `undo`
- **what changed**: `what changed in the backend?`, `what would a rollback do?`
- **checking**: `check connectivity`, `check security`, `check auth`, `check endpoints`, `check the environment`, `lint`

Names may be loose (`the db`, `front end`). What changes or removes something is shown and asked of you first."""


def _say(words: str, *, stop: bool = False) -> Callable[[Job], Plan]:
    def plan(job: Job) -> Plan:
        yield from ()
        return Reply(words, stop=stop)

    return plan


def hello(job: Job) -> Plan:
    """A greeting."""
    yield from ()
    where = f" on {code(job.context.target)}" if job.context.target else ""
    sim = " (simulated)" if job.context.simulated else ""
    apps = names(a.name for a in job.context.applications)
    return Reply(
        f"Hello. I look after {apps or 'what is deployed'}{where}{sim}. Ask `is everything healthy?`, say "
        "`deploy`, or `help`."
    )


def unknown(job: Job) -> Plan:
    """Nothing that is understood: say so, and what can be asked."""
    yield from ()
    words = job.request.words.strip()
    said = f" ({code(words, 80)})" if words else ""
    return Reply(
        f"I did not understand that{said}: I am the offline planner, and I deploy, check, diagnose and repair "
        "applications on Kubernetes; other things I can't do. "
        "Try `status`, `what is wrong?`, `logs of NAME`, or `help`. With a language model (`/model`) you can "
        "talk freely."
    )


def about(job: Job) -> Plan:
    """Where this conversation works."""
    yield from ()
    context = job.context
    sim = " (simulated)" if context.simulated else ""
    facts = [
        f"target {code(context.target or 'unknown')}{sim}",
        *(
            f"{key}: {code(value)}"
            for key, value in context.about.items()
            if isinstance(value, str) and value and key not in ("target",)
        ),
    ]
    facts += [
        f"application {code(a.name)} ({code(a.file)}), namespace {code(a.namespace)}: "
        f"{names(s.name for s in a.services)}"
        for a in context.applications
    ]
    return Reply(bullets(facts))


def recap(job: Job) -> Plan:
    """What was changed in this conversation, and what was only looked at."""
    yield from ()
    made = [result for result in job.memory.results if result.ok]
    changed = [result for result in made if result.data.get("changed") is True]
    lines = [f"{code(r.tool)} {names(v for v in r.arguments.values() if isinstance(v, (str, int)))}" for r in changed]
    looks = names(sorted({result.tool for result in made if result not in changed}), 12)
    looked = f"I looked with {looks}." if looks else ""
    refused = sum(result.status == "declined" for result in job.memory.results)
    declined = f"You said no {refused} times." if refused > 1 else "You said no once." if refused else ""
    return Reply(join(join("Changed:", bullets(lines)) if lines else "Nothing was changed.", looked, declined))


def more(job: Job) -> Plan:
    """More of what was shown last: further findings, the next page, more log lines."""
    memory = job.memory
    last = memory.results[-1] if memory.results else None
    if last is not None and last.tool == "kubectl_logs" and last.ok:
        tail = int(last.arguments.get("tail") or 100)
        from agent.planner.answers.looks import logs

        result = yield from job.one("kubectl_logs", **{**last.arguments, "tail": min(tail * 3, 2000)})
        return Reply(logs(result.data, 400) if result.ok else "There is no more to read.")
    if last is not None and last.ok and last.data.get("cursor"):
        from agent.planner.answers.looks import objects

        result = yield from job.one(last.tool, **{**last.arguments, "cursor": last.data["cursor"]})
        return Reply(
            objects(result.data, "more objects")
            if result.ok
            else "The next page could not be read; ask again for the list."
        )
    from agent.planner.answers.health import SHOWN, findings

    found = memory.findings
    if len(found) > SHOWN:
        return Reply(findings(found, "What else is wrong", skip=SHOWN))
    if memory.request is not None and memory.request.intent == "events":
        from agent.planner.plans.look import PLANS as LOOKS

        job.request = memory.request.option("since", 1440)
        return (yield from LOOKS["events"](job))
    return Reply("That is all there is to show. Ask for `logs`, `events` or `describe NAME` to see more of one thing.")


# -- acts that are only spoken of ----------------------------------------------------------------------------------

# intent: (what to say for it, its tool, whether it is asked first)
HOW: dict[str, tuple[str, str, str]] = {
    "deploy": (
        "deploy",
        "playbook_run",
        "I show the plan first; steps that change or remove something are asked of you",
    ),
    "restart": ("restart {name}", "kubectl_restart", "its pods are replaced one after the other; you are asked first"),
    "scale": ("scale {name} to 3", "kubectl_scale", "you are asked first, except when nothing would change"),
    "rollback": (
        "roll back {name}",
        "helm_rollback",
        "I show what it would change, then you are asked; `to revision 2` names the revision",
    ),
    "uninstall": (
        "uninstall {name}",
        "helm_uninstall",
        "you are asked first; data is kept unless you say `with its data`",
    ),
    "delete": ("delete pod NAME", "kubectl_delete", "you are asked first"),
    "build": ("build {name}", "docker_build", "a new image beside the others; nothing that runs is touched"),
    "load": ("load {name}", "minikube_image_load", "it only adds the image to the node"),
    "fix": (
        "fix it",
        "diagnose",
        "I look for the root cause and call the fix it proposes; what changes something is asked of you",
    ),
    "undo": ("undo", "helm_rollback, kubectl_scale", "the inverse of the last change; you are asked first"),
    "resume": ("resume", "playbook_resume", "what ended well is not done again"),
    "abort": ("abort the run", "playbook_abort", "what it did stays"),
    "stop": ("scale {name} to 0", "kubectl_scale", "you are asked first"),
    "start": ("scale {name} to 1", "kubectl_scale", "you are asked first"),
    "secrets": ("create the missing secrets", "secret_ensure", "keys that are there are never touched"),
    "dockerfile": ("generate a Dockerfile for {name}", "dockerfile_generate", "one that is there is kept"),
    "chart": ("generate a chart for {name}", "chart_generate", "what is there is kept"),
    "cluster_start": ("start the cluster", "minikube_start", "a running one stays as it is"),
    "cluster_delete": ("delete the cluster", "minikube_delete", "everything in it is lost; you are asked first"),
}


def spoken_of(job: Job) -> Callable[[Job], Plan] | None:
    """The plan for an act that is not asked for; None when the request is to be carried out."""
    mood = job.request.mood
    if job.request.intent == "apply":
        return PLANS["apply"]
    if job.request.intent not in HOW:
        return None
    plans: dict[str, Callable[[Job], Plan]] = {
        "howto": howto,
        "what_if": what_if,
        "advice": advice,
        "negated": negated,
        "unclear": offer,
    }
    if mood == "look":
        return _looked(job)
    return plans.get(mood)


def _looked(job: Job) -> Callable[[Job], Plan]:
    """What answers a question about an act ("did the backend restart?"): a look; only without one an offer."""
    from agent.planner.plans import deploy, health, look

    runs = deploy.PLANS["run_status"]
    looks: dict[str, Callable[[Job], Plan]] = {
        "restart": health.diagnosis,
        "rollback": look.PLANS["history"],
        "scale": look.PLANS["get"],
        "uninstall": health.PLANS["status"],
        "delete": health.PLANS["status"],
        "stop": health.PLANS["status"],
        "start": health.PLANS["status"],
        "deploy": health.PLANS["status"] if job.request.things or "DEPLOY+ED" in job.request.concepts else runs,
        "build": look.PLANS["images"],
        "load": look.PLANS["images"],
        "fix": health.PLANS["health"],
        "resume": runs,
        "abort": runs,
        "cluster_start": runs,
    }
    return looks.get(job.request.intent, offer)


def _name(job: Job) -> str:
    named = [t.name for t in (*job.request.things, *job.memory.things) if t.kind != "app"]
    return named[0] if named else "NAME"


def _phrase(job: Job) -> str:
    return HOW[job.request.intent][0].format(name=_name(job))


def howto(job: Job) -> Plan:
    """How it is done; it is not done."""
    yield from ()
    _, tool, note = HOW[job.request.intent]
    return Reply(f"Say {code(_phrase(job))}. That calls {code(tool)}: {note}. Nothing was done now.")


def negated(job: Job) -> Plan:
    """It was said not to do it."""
    yield from ()
    return Reply("All right, nothing was done: it stays as it is.")


def offer(job: Job) -> Plan:
    """It is not clear that it is asked for: ask."""
    from agent.planner.plans.find import things

    request = job.request
    about = request.things
    if request.intent in _OF_THINGS and not request.whole:
        about = yield from things(job)
    wish = replace(request, mood="do", things=about, choices=(), unknown=())
    act = request.intent.replace("rollback", "roll back").replace("_", " ")
    title = names(t.name for t in about) or ("the application" if request.whole or request.intent == "deploy" else "")
    amount = f" to {request.options['replicas']}" if "replicas" in request.options else ""
    return Reply(
        f"Shall I {act} {title}{amount}? (yes or no)".replace("  ", " ").replace(" ?", "?"),
        Open(wish, "confirm", requests=(wish,)),
        things=about,
        stop=True,
    )


_OF_THINGS = frozenset(("restart", "scale", "rollback", "uninstall", "build", "load", "stop", "start"))


def what_if(job: Job) -> Plan:
    """What it would do, seen from the real state where a tool can tell. Nothing is done."""
    from agent.planner.plans.change import PLANS as CHANGES
    from agent.planner.plans.deploy import PLANS as DEPLOYS

    intent, request = job.request.intent, job.request
    if intent == "rollback" and not request.whole:
        return (yield from CHANGES["impact"](job))
    if (
        intent in ("deploy", "uninstall", "rollback")
        and (request.whole or intent == "deploy")
        and job.context.applications
    ):
        job.request = replace(request, concepts=request.concepts | {f"{intent.upper()}*"})
        return (yield from DEPLOYS["plan"](job))
    if intent in ("restart", "scale", "stop") and not request.whole:
        return (yield from _workload_if(job))
    _, tool, note = HOW[intent]
    return Reply(f"{code(_phrase(job))} would call {code(tool)}: {note}. Nothing was done.")


def _workload_if(job: Job) -> Plan:
    from agent.planner.plans.find import thing, workload

    about = yield from thing(job)
    found = yield from workload(job, about)
    name, wanted = code(found.name), job.request.options.get("replicas")
    now = f"{found.ready} of {found.wanted} pods of {name} are ready now."
    if job.request.intent == "restart":
        down = (
            " With one pod of a StatefulSet it is down meanwhile."
            if found.kind == "StatefulSet" and found.wanted == 1
            else ""
        )
        would = f"A restart would replace them one after the other; data on volumes stays.{down}"
    elif job.request.intent == "stop" or wanted == 0:
        would = "Scaled to 0 it would serve nothing, until it is scaled up again; its data stays."
    elif wanted is not None:
        would = f"{name} would go from {found.wanted} to {wanted} pods" + (
            ", if the node and the quota have room for them." if wanted > found.wanted else "; the others end."
        )
    else:
        would = "More pods need room in the node and the quota; fewer end at once."
    return Reply(
        join(now, would, f"Nothing was done. Say {code(_phrase(job))} to do it; you are asked first."), things=(about,)
    )


def advice(job: Job) -> Plan:
    """Whether it should be done: what the triggers and the diagnosis say."""
    from agent.planner.plans.checks import PLANS as CHECKS
    from agent.planner.plans.health import diagnosis

    request = job.request
    note = f"That is for you to decide; nothing was done. Say {code(_phrase(job))} when you want it."
    if request.intent in ("rollback",) and job.file and job.has("check_triggers"):
        found = yield from CHECKS["triggers"](job)
        return Reply(join(found.text, note))
    if request.intent in ("deploy", "uninstall") and job.context.applications and not request.things:
        return (yield from what_if(job))
    if request.intent in ("restart", "scale", "fix", "rollback", "stop", "start", "delete", "uninstall", "deploy"):
        found = yield from diagnosis(job)
        return Reply(join(found.text, note), found.open, things=found.things)
    return Reply(f"{HOW[request.intent][2]}. {note}".capitalize())


def apply(job: Job) -> Plan:
    """Edits of objects and of configuration are not made from a chat."""
    yield from ()
    return Reply(
        "I don't edit objects or settings from here: the next deployment would undo it. Change "
        "`longshore.yaml` or the chart, "
        "then say `what is the plan?` and `deploy`. I can restart, scale, roll back, build, load and uninstall."
    )


PLANS: dict[str, Callable[[Job], Plan]] = {
    "hello": hello,
    "help": _say(HELP),
    "thanks": _say("You are welcome."),
    "bye": _say("Goodbye. `longshore chat --resume` takes this conversation up again."),
    "no": _say("All right, nothing was done."),
    "declined": _say("All right, nothing was done."),
    "nothing_open": _say("There is nothing waiting for a yes. What shall I do? `help` shows what I can."),
    "nothing_before": _say("There is nothing to repeat yet. `help` shows what you can ask for."),
    "again": _say("There is nothing to repeat yet."),
    "unknown": unknown,
    "about": about,
    "more": more,
    "recap": recap,
    "apply": apply,
    "bypass": _say(
        "I can't do that: what changes or removes something is asked of you each time, and only your own answer to "
        "that question counts. Nothing was done.",
        stop=True,
    ),
    "shell": _say(
        "I don't run commands in containers or on this machine, and I take no free-form command: I work with "
        "typed tools only. "
        "I can show `logs`, `events`, `describe NAME`, `env of NAME`, and check connections from inside the "
        "pods (`check connectivity`)."
    ),
    "secret_value": _say(
        "Secret values are never shown, not even to me. `env of NAME` tells whether a variable is set, where "
        "it comes from, and whether it is up to date; "
        "`create the missing secrets` makes what is missing."
    ),
}
