"""How things are: status, health, diagnosis, explanations, and the fix of what was found."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import Any

from agent.planner.answers import told
from agent.planner.answers.failures import trouble
from agent.planner.answers.health import finding, findings, fix_words, pods, release_status, releases
from agent.planner.answers.looks import objects
from agent.planner.answers.parts import bullets, code, items, join, text
from agent.planner.history import Result
from agent.planner.job import Call, Do, Job, Plan, Reply
from agent.planner.names import Thing, workload_of
from agent.planner.plans.find import need, things
from agent.planner.request import Open, Request
from agent.text import count

__all__ = ["PLANS", "diagnosis", "looked_at"]


def status(job: Job) -> Plan:
    """What is deployed and how it runs; of one service, its release."""
    request = job.request
    if (
        (request.things and not request.whole)
        or request.choices
        or (request.unknown and not request.whole)
        or _leans(job)
    ):
        return (yield from _service_status(job))
    space = None if request.everywhere else job.namespace
    calls = [Call("helm_list", {"namespace": space}), Call("kubectl_get", _pods(space))]
    found, listed = yield from job.all(calls)
    if not found.ok and not listed.ok:
        need(found, "list the releases")
    known = items(found.data.get("releases"))
    parts = [
        releases(known, time.time())
        if known
        else f"Nothing is deployed{_in(space)}."
        if found.ok
        else trouble(found, "list the releases")
    ]
    rows = listed.data.get("rows") or []
    parts.append(objects(listed.data, "pods") if rows else "" if listed.ok else trouble(listed, "list the pods"))
    hint = "" if known or rows else "Say `deploy` to deploy the application."
    return Reply(join(*parts, hint), things=())


def _leans(job: Job) -> bool:
    return job.request.pronoun and not job.request.whole and bool([t for t in job.memory.things if t.kind != "app"])


def _pods(space: str | None) -> dict[str, Any]:
    return {"kind": "Pod", "all_namespaces": True} if space is None else {"kind": "Pod", "namespace": space}


def _in(space: str | None) -> str:
    return f" in {code(space)}" if space else ""


def _service_status(job: Job) -> Plan:
    about = (yield from things(job))[:4]
    if any(t.is_pod for t in about):
        return (yield from diagnosis(job))
    calls = [Call("helm_status", {"release": t.name, "namespace": job.space_of(t)}) for t in about]
    results = yield from job.all(calls)
    parts = []
    for one, result in zip(about, results, strict=True):
        parts.append(
            release_status(result.data) if result.ok else trouble(result, f"show the release {code(one.name)}")
        )
        if result.ok and not result.data.get("ready"):
            parts.append(f"Ask `what is wrong with {one.name}` for the root cause.")
    return Reply(join(*parts), things=about)


def health(job: Job) -> Plan:
    """Whether all is well: of the application by its health check, of one service by its release and diagnosis."""
    request = job.request
    named = (request.things and not request.whole) or request.choices or request.unknown
    if not named and not request.whole and _leans(job):
        named = True
    if named or not job.file or not job.has("check_health") or request.everywhere or request.namespace:
        return (yield from diagnosis(job))
    result = yield from job.one("check_health", application=job.file)
    if not result.ok:
        return (yield from diagnosis(job))
    data = result.data
    if data.get("skipped"):
        return Reply(f"The health check was skipped: {text(data.get('reason'))}.")
    shown = pods(items(data.get("pods")))
    errors = [
        f"{code(e.get('pod'))}: {count(int(e.get('count') or 0), 'error line')}, first "
        f"{code((e.get('first') or [''])[0])}"
        for e in items(data.get("error_lines"))
    ]
    noted = join("In the logs:", bullets(errors[:5])) if errors else ""
    if data.get("ok"):
        return Reply(
            join(
                f"**Yes, everything is healthy**: {count(len(items(data.get('pods'))), 'pod')} ready, "
                f"{data.get('restarts', 0)} restarts.",
                shown,
                noted,
            )
        )
    found = items(data.get("findings"))
    if not found:
        problems = [
            f"{code(p.get('name'))}: {text(line)}" for p in items(data.get("pods")) for line in p.get("problems") or []
        ]
        head = f"**No, not everything is healthy.** {text(data.get('reason'))}"
        return Reply(join(head, bullets(problems[:8]), shown, noted, "Ask `what is wrong` for the root cause."))
    return _found(job, found, "No, not everything is healthy", ())


def diagnosis(job: Job) -> Plan:
    """What is wrong, why, with what evidence, and what would repair it."""
    scopes = yield from _scopes(job)
    results = yield from job.all([Call("diagnose", scope) for _, scope in scopes])
    named = tuple(t for t, _ in scopes if t is not None)
    found: list[Mapping[str, Any]] = []
    for (_, scope), result in zip(scopes, results, strict=True):
        if not result.ok:
            return Reply(trouble(result, f"diagnose {_title(scope)}"), stop=True, things=named)
        found += items(result.data.get("findings"))
    about = " and ".join(_title(scope) for _, scope in scopes)
    if not found:
        scanned = sum(int(r.data.get("scanned") or 0) for r in results)
        return Reply(
            f"**Nothing is wrong with {about}**: {count(scanned, 'object')} looked at, no finding.", things=named
        )
    return _found(job, found, f"{about[:1].upper()}{about[1:]}", named)


def _scopes(job: Job) -> Generator[Do, list[Result], list[tuple[Thing | None, dict[str, Any]]]]:
    """Where to look: the things that are named or talked about, a namespace, or all of the application."""
    request = job.request
    extra = {"application": job.file} if job.file else {}
    named = (
        (request.things and not request.whole)
        or request.choices
        or (request.unknown and request.intent != "fix" and not request.whole)
    )
    if not named and not request.whole and request.pronoun:
        named = bool([t for t in job.memory.things if t.kind != "app"])
    if named:
        found = yield from things(job)
        return [(t, {**_scope(job, t), **extra}) for t in found[:4]]
    if request.everywhere:
        return [(None, extra)]
    return [(None, {"namespace": job.namespace, **extra} if request.namespace or job.application else extra)]


def _scope(job: Job, about: Thing) -> dict[str, Any]:
    space = job.space_of(about)
    if about.kind == "service":
        return {"namespace": space, "release": about.name}
    if about.kind in ("Node", "Namespace"):
        return {}
    return {"namespace": space, "kind": about.kind, "name": about.name}


def _title(scope: Mapping[str, Any]) -> str:
    if scope.get("release") or scope.get("name"):
        return code(scope.get("release") or scope.get("name"))
    return f"namespace {code(scope['namespace'])}" if scope.get("namespace") else "the cluster"


def _found(job: Job, found: list[Mapping[str, Any]], about: str, named: tuple[Thing, ...]) -> Reply:
    fixes = [f for f in found if isinstance(f.get("fix"), Mapping) and job.has(str(f["fix"].get("tool")))]
    offer = (
        "Say `fix it` to do that."
        if len(fixes) == 1
        else "Say `fix it` for the first, or `fix everything`."
        if fixes
        else ""
    )
    open_ = Open(Request("fix"), "confirm", requests=(Request("fix"),)) if fixes else None
    topics = named or tuple(dict.fromkeys(_topic(job, f) for f in found[:1]))
    return Reply(join(findings(found, about), offer), open_, things=topics)


def _topic(job: Job, found: Mapping[str, Any]) -> Thing:
    """What a finding is about, as people call it: the service of a pod."""
    about = found.get("object")
    about = about if isinstance(about, Mapping) else {}
    name, space = str(about.get("name")), str(about.get("namespace") or "")
    for candidate in (name, workload_of(name)):
        known = job.names.things.get(candidate)
        if known is not None and known.kind == "service":
            return known
    return Thing(name, str(about.get("kind")), space)


def explain(job: Job) -> Plan:
    """The reason for what was said last: the finding in full, or why a call failed."""
    found, failed = job.memory.findings, job.memory.failed
    named = [t for t in job.request.things if t.kind != "app"]
    if named or job.request.choices or (job.request.unknown and not job.request.pronoun and not found):
        return (yield from diagnosis(job))
    newest = job.memory.results[-1] if job.memory.results else None
    if newest is not None and newest.status in ("declined", "waiting") and not named:
        yield from ()
        return Reply(trouble(newest, f"finish {code(newest.tool)}"))
    if failed is not None:
        return Reply(
            join(
                trouble(failed, f"finish {code(failed.tool)}"),
                "Ask `what is wrong` and I look for the cause in the cluster.",
            )
        )
    if found:
        first = found[0]
        symptoms = first.get("explains") or []
        said = join("That also explains:", bullets(text(s) for s in symptoms)) if symptoms else ""
        seen = count(len(first.get("evidence") or []), "observation")
        why = f"I take that for the root cause because of {seen}; what follows from it is not listed apart."
        return Reply(
            join(finding(first), said, why, "Say `fix it` to repair it." if first.get("fix") else ""),
            Open(Request("fix"), "confirm", requests=(Request("fix"),)) if first.get("fix") else None,
        )
    last = job.memory.results[-1] if job.memory.results else None
    if last is not None and last.data.get("status") in ("failed", "waiting") and last.data.get("run_id"):
        from agent.planner.answers.runs import run

        return Reply(run(last.data))
    if last is not None and last.data.get("evidence"):
        return Reply(join("That rests on what I saw:", told(last)))
    return (yield from diagnosis(job))


def fix(job: Job) -> Plan:
    """Call what a finding proposes. The guard asks where it changes something."""
    request = job.request
    found = job.memory.findings
    named = [t for t in request.things if t.kind != "app"]
    fresh: list[Mapping[str, Any]] = []
    if named or request.choices or request.unknown or not any(f.get("fix") for f in found):
        scopes = yield from _scopes(job)
        results = yield from job.all([Call("diagnose", scope) for _, scope in scopes], "First I look for the cause.")
        for result in results:
            fresh += items(need(result, "diagnose").data.get("findings"))
        found = fresh
        if not found:
            return Reply("There is nothing to fix: no finding.", things=tuple(named))
    able = [f for f in found if isinstance(f.get("fix"), Mapping) and job.has(str(f["fix"].get("tool")))]
    if not able:
        return _no_fix(job, found)
    every = "APP" in request.concepts or {"both", "all"} & set(request.words.split())
    place = next((n for word, n in _PLACES.items() if word in request.words.split()), 0)
    chosen = able if every else able[place : place + 1] or able[:1]
    parts: list[str] = [findings(fresh, "What is wrong")] if fresh else []
    for one in chosen:
        done = yield from _repair(job, one, join(*parts))
        parts = [done.text]
        if done.stop:
            return done
    left = len(able) - len(chosen)
    return (yield from _proven(job, chosen, join(*parts), left))


def _no_fix(job: Job, found: list[Mapping[str, Any]]) -> Reply:
    """No finding has a fix. Of a part of the application, a deployment brings back what longshore.yaml says."""
    head = "No single call repairs this."
    topic = _topic(job, found[0])
    if job.context.service(topic.name) is None or not job.has("playbook_run"):
        return Reply(join(head, findings(found, "What is wrong")), things=(topic,))
    wish = Request("deploy", concepts=frozenset(("APP",)))
    offer = (
        f"A deployment brings {code(topic.name)} back to what the application says, if that was changed from outside. "
    )
    shown = join(head, findings(found, "What is wrong"), f"{offer}Shall I deploy? (yes or no)")
    return Reply(shown, Open(wish, "confirm", requests=(wish,)), stop=True, things=(topic,))


_PLACES = {"second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3}


def _repair(job: Job, found: Mapping[str, Any], before: str) -> Plan:
    proposed = found["fix"]
    arguments = {str(key): value for key, value in (proposed.get("arguments") or {}).items()}
    say = join(before, f"I {fix_words(proposed)}.")
    result = yield from job.one(str(proposed.get("tool")), say, **arguments)
    doing = text(proposed.get("summary"))
    if not result.ok:
        return Reply(trouble(result, doing), stop=True)
    return Reply(f"Done: {doing}.")


def _proven(job: Job, chosen: list[Mapping[str, Any]], before: str, left: int) -> Plan:
    """Look again, so that the answer says what is true now."""
    about = chosen[0].get("object")
    space = about.get("namespace") if isinstance(about, Mapping) else None
    result = yield from job.one("diagnose", namespace=space or None, application=job.file)
    topic = (_topic(job, chosen[0]),)
    if not result.ok:
        return Reply(before, things=topic)
    found = items(result.data.get("findings"))
    if not found:
        return Reply(
            join(
                before,
                f"I looked again: **no finding any more** ({count(int(result.data.get('scanned') or 0), 'object')}).",
            ),
            things=topic,
        )
    again = _found(job, found, "I looked again", topic)
    return Reply(join(before, again.text), again.open, things=topic)


def looked_at(job: Job) -> Plan:
    """The pods that have problems."""
    request = job.request
    space = None if request.everywhere or not job.application else job.namespace
    arguments: dict[str, Any] = {"kind": request.kind or "Pod", "problems_only": True}
    arguments |= {"all_namespaces": True} if space is None else {"namespace": space}
    result = need((yield from job.one("kubectl_get", **arguments)), "list the objects with problems")
    kind = (request.kind or "Pod").lower() + "s"
    if not result.data.get("rows"):
        return Reply(f"No {kind} have problems{_in(space)}.")
    return Reply(join(objects(result.data, kind), "Ask `what is wrong` for the root cause."))


PLANS = {
    "status": status,
    "health": health,
    "diagnose": diagnosis,
    "explain": explain,
    "fix": fix,
    "problems": looked_at,
}
