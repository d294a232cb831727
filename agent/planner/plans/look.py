"""Looks: logs, events, objects, usage, environment, history, differences, images, the machine."""

from __future__ import annotations

import time
from typing import Any

from agent.planner.answers import looks as words
from agent.planner.answers.changes import difference
from agent.planner.answers.failures import trouble
from agent.planner.answers.health import releases as releases_words
from agent.planner.answers.parts import bullets, code, items, join, names, table, text
from agent.planner.job import Call, Job, Plan, Reply
from agent.planner.names import Thing
from agent.planner.plans.find import need, one_pod, pods_of, thing, things
from agent.text import ago, count, when

__all__ = ["PLANS"]


def logs(job: Job) -> Plan:
    """Log lines: of a service's pods, of the pods with problems, or of one pod."""
    request = job.request
    previous = "PREVIOUS" in request.concepts or bool(request.options.get("previous")) or None
    only = {"ERROR", "WRONG", "WARNING"} & request.concepts
    extra: dict[str, Any] = {
        "previous": previous,
        "tail": request.options.get("tail"),
        "grep": request.options.get("grep"),
    }
    named = request.things or request.choices or request.unknown or (request.pronoun and job.memory.things)
    if (only and not [t for t in (named or ()) if t]) or (only and request.whole):
        result = yield from job.one("kubectl_logs", namespace=job.namespace, problems_only=True, **extra)
        need(result, "read the logs")
        return Reply(
            words.logs(result.data) or f"No pod in {code(job.namespace)} has problems, so there are no logs to show."
        )
    about = yield from things(job)
    if only & {"ERROR"}:
        extra["problems_only"] = True
    calls, missing = [], []
    for one in about:
        rows = yield from pods_of(job, one)
        missing += [] if rows else [one]
        calls += [Call("kubectl_logs", {"pod": row.name, "namespace": job.space_of(one), **extra}) for row in rows[:4]]
    parts = [
        f"{code(one.name)} has no pods in {code(job.space_of(one))}, so there are no logs. Ask `what is wrong "
        f"with {one.name}`."
        for one in missing
    ]
    results = yield from job.all(calls)
    for result in results:
        parts.append(
            words.logs(result.data)
            if result.ok
            else trouble(result, f"read the logs of {code(result.arguments.get('pod'))}")
        )
    return Reply(join(*parts), things=about)


def events(job: Job) -> Plan:
    """Events of one object, or of the namespace."""
    request = job.request
    extra: dict[str, Any] = {
        "since_minutes": request.options.get("since"),
        "warnings_only": ("WARNING" in request.concepts) or None,
    }
    named = (
        (request.things and not request.whole)
        or request.choices
        or request.unknown
        or (request.pronoun and job.memory.things)
    )
    if not named:
        space = None if request.everywhere else job.namespace
        result = need((yield from job.one("kubectl_events", namespace=space, **extra)), "read the events")
        return Reply(words.events(result.data, "There are no such events."))
    about = yield from thing(job)
    space = job.space_of(about)
    if about.kind == "service":
        result = need((yield from job.one("kubectl_events", namespace=space, **extra)), "read the events")
        mine = [e for e in items(result.data.get("events")) if _of(str(e.get("object")), about.name)]
        return Reply(
            words.events({"events": mine}, f"There are no such events of {code(about.name)}."), things=(about,)
        )
    result = need(
        (yield from job.one("kubectl_events", namespace=space, object=about.name, **extra)), "read the events"
    )
    return Reply(words.events(result.data, f"There are no such events of {code(about.name)}."), things=(about,))


def _of(obj: str, name: str) -> bool:
    """Whether an event's object belongs to a service: its workload, its ReplicaSets, its pods."""
    found = obj.partition("/")[2]
    return found == name or found.startswith(f"{name}-")


def describe(job: Job) -> Plan:
    """One object: a pod when pods are spoken of, otherwise the workload."""
    request = job.request
    about = yield from thing(job)
    kind = request.kind or (about.kind if about.kind not in ("service", "app") else "")
    if kind == "Pod" and not about.is_pod:
        about = yield from one_pod(job, about)
    if not kind:
        from agent.planner.plans.find import workload

        found = yield from workload(job, about)
        kind, about = found.kind, Thing(found.name, "service", found.namespace)
    result = yield from job.one("kubectl_describe", kind=kind, name=about.name, namespace=job.space_of(about))
    return Reply(words.described(need(result, f"describe {kind} {code(about.name)}").data), things=(about,))


def yaml(job: Job) -> Plan:
    """One object in full."""
    request = job.request
    about = yield from thing(job)
    kind, name, space = request.kind or about.kind, about.name, job.space_of(about)
    if kind == "Pod" and not about.is_pod:
        name = (yield from one_pod(job, about)).name
    if kind in ("service", "app"):
        from agent.planner.plans.find import workload

        found = yield from workload(job, about)
        kind, name = found.kind, found.name
    result = yield from job.one("kubectl_get", kind=kind, name=name, namespace=space)
    return Reply(words.manifest(need(result, f"show {kind} {code(name)}").data), things=(about,))


def get(job: Job) -> Plan:
    """Objects of a kind as a table."""
    request = job.request
    kind = request.kind or "Pod"
    named = [t for t in request.things if t.kind != "app"]
    arguments: dict[str, Any] = {"kind": kind, "cursor": request.options.get("cursor")}
    if kind in ("Node", "Namespace", "PersistentVolume", "StorageClass"):
        pass
    elif request.everywhere:
        arguments["all_namespaces"] = True
    else:
        arguments["namespace"] = job.space_of(named[0]) if named else job.namespace
    result = need((yield from job.one("kubectl_get", **arguments)), f"list the {_plural(kind)}")
    data = dict(result.data)
    if named:
        columns = [str(c) for c in data.get("columns") or []]
        at = columns.index("NAME") if "NAME" in columns else 0
        data["rows"] = [row for row in data.get("rows") or [] if any(_of(f"/{row[at]}", t.name) for t in named)]
    where = f" in {code(arguments['namespace'])}" if "namespace" in arguments else ""
    return Reply(words.objects(data, f"{_plural(kind)}{where}"), things=tuple(named))


def _plural(kind: str) -> str:
    low = kind.lower()
    return low[:-1] + "ies" if low.endswith("y") else low + ("es" if low.endswith("s") else "s")


def usage(job: Job) -> Plan:
    """CPU and memory of pods, or of nodes."""
    request = job.request
    if request.kind == "Node" or "CLUSTER" in request.concepts:
        result = need((yield from job.one("kubectl_top", what="nodes")), "see the usage of the nodes")
        return Reply(words.usage(result.data, "the nodes"))
    space = None if request.everywhere else job.namespace
    result = need((yield from job.one("kubectl_top", what="pods", namespace=space)), "see the usage of the pods")
    named = [t for t in request.things if t.kind != "app"] or (
        [t for t in job.memory.things if t.kind != "app"] if request.pronoun else []
    )
    data = dict(result.data)
    if named:
        data["usage"] = [u for u in items(data.get("usage")) if any(_of(f"/{u.get('name')}", t.name) for t in named)]
    return Reply(words.usage(data, names(t.name for t in named) or "the pods"), things=tuple(named))


def env(job: Job) -> Plan:
    """Environment variables: of the application, of a service's pod."""
    request = job.request
    named = [t for t in request.things if t.kind != "app"] or request.choices or request.unknown
    if (
        not named
        and not (request.pronoun and job.memory.things)
        and (request.kind != "Pod" or "pods" in request.words)
        and job.file
    ):
        result = need((yield from job.one("check_environment", application=job.file)), "look at the environment")
        return Reply(words.environment(result.data, "The application"))
    about = yield from thing(job)
    rows = yield from pods_of(job, about)
    if not rows:
        return Reply(
            f"{code(about.name)} has no pods in {code(job.space_of(about))}, so there is no environment to look at.",
            things=(about,),
        )
    if len(rows) > 1 and request.kind == "Pod":
        about = yield from one_pod(job, about)
        rows = [row for row in rows if row.name == about.name]
    result = yield from job.one("check_environment", pod=rows[0].name, namespace=job.space_of(about))
    return Reply(
        words.environment(need(result, f"look at the environment of {code(rows[0].name)}").data, code(rows[0].name)),
        things=(about,),
    )


def history(job: Job) -> Plan:
    """What changed: the revisions, and what lies between the last two."""
    request = job.request
    named = (request.things and not request.whole) or request.choices or request.unknown
    if not named and not ([t for t in job.memory.things if t.kind == "service"] and not request.whole):
        return (yield from _newest(job))
    about = yield from thing(job)
    place = {"release": about.name, "namespace": job.space_of(about)}
    result = need((yield from job.one("helm_history", **place)), f"show the history of {code(about.name)}")
    revisions = items(result.data.get("revisions"))
    rows = [
        [
            r.get("revision"),
            r.get("status"),
            r.get("chart"),
            ago(when(r.get("updated")), time.time()),
            r.get("description"),
        ]
        for r in revisions
    ]
    shown = table(["revision", "status", "chart", "updated", ""], list(reversed(rows)))
    head = f"{code(about.name)} has {count(len(revisions), 'revision')}."
    if len(revisions) < 2 or not job.has("helm_rollback_impact"):
        return Reply(
            join(head, shown, "" if len(revisions) > 1 else "Nothing was changed since it was installed."),
            things=(about,),
        )
    before = revisions[-2].get("revision")
    compared = yield from job.one("helm_rollback_impact", **place, revision=before)
    if not compared.ok:
        return Reply(join(head, shown), things=(about,))
    diff = difference(_turned(str(compared.data.get("diff") or "")))
    what = (
        f"Between revision {before} and now changed: "
        f"{names(compared.data.get('changed_objects') or []) or 'no object'}."
    )
    return Reply(join(head, shown, what, diff, f"`roll back {about.name}` takes it back."), things=(about,))


def _turned(diff: str) -> str:
    """The diff of a rollback, read the other way round: what the newer revision brought."""
    flip = str.maketrans("+-", "-+")
    return "\n".join(
        line[0].translate(flip) + line[1:] if line[:1] in "+-" and line[:3] not in ("+++", "---") else line
        for line in diff.splitlines()
    )


def _newest(job: Job) -> Plan:
    result = need(
        (yield from job.one("helm_list", namespace=None if job.request.everywhere else job.namespace)),
        "list the releases",
    )
    found = sorted(items(result.data.get("releases")), key=lambda r: when(r.get("updated")) or 0, reverse=True)
    if not found:
        return Reply("Nothing is deployed, so nothing has changed.")
    head = f"The newest change is {code(found[0].get('name'))}, revision {found[0].get('revision')}."
    return Reply(
        join(
            head,
            releases_words(found, time.time()),
            f"Ask `what changed in {found[0].get('name')}` for the difference.",
        )
    )


def diff(job: Job) -> Plan:
    """What the chart here would change in its release."""
    about = yield from thing(job)
    known = job.context.service(about.name)
    if known is None:
        return (yield from history(job))
    part = known[1]
    result = yield from job.one(
        "helm_diff",
        release=about.name,
        chart=part.chart,
        values_files=list(part.values) or None,
        namespace=job.space_of(about),
    )
    data = need(result, f"compare {code(about.name)} with its chart").data
    if data.get("empty"):
        return Reply(f"The chart {code(part.chart)} and the release {code(about.name)} are the same.", things=(about,))
    lines = [
        f"{title}: {names(data[key])}"
        for title, key in (("added", "added"), ("changed", "changed_objects"), ("removed", "removed"))
        if data.get(key)
    ]
    note = (
        "Values that a deployment sets by itself (image tag, configuration) are not part of the chart and show up here."
    )
    return Reply(
        join(
            f"The chart {code(part.chart)} differs from the release {code(about.name)}:",
            bullets(lines),
            difference(data.get("diff")),
            note,
        ),
        things=(about,),
    )


def releases(job: Job) -> Plan:
    """Helm's releases."""
    space = job.request.namespace or (None if job.request.everywhere or not job.application else job.namespace)
    result = need((yield from job.one("helm_list", namespace=space)), "list the releases")
    found = items(result.data.get("releases"))
    return Reply(releases_words(found, time.time()) if found else "There are no releases.")


def images(job: Job) -> Plan:
    """Images in the node."""
    named = [t for t in job.request.things if t.kind != "app"]
    match = named[0].name if named else None
    result = need((yield from job.one("minikube_images", match=match)), "list the images in the node")
    return Reply(words.images(result.data, f" of {code(match)}" if match else ""), things=tuple(named))


def image_inspect(job: Job) -> Plan:
    """Verify an image: size, user, secrets."""
    image = job.request.options.get("image")
    about: tuple[Thing, ...] = ()
    if not image:
        one = yield from thing(job)
        about = (one,)
        found = need((yield from job.one("minikube_images", match=one.name)), "list the images in the node")
        tags = [str(tag) for i in items(found.data.get("images")) for tag in i.get("tags") or []]
        if not tags:
            return Reply(f"There is no image of {code(one.name)} in the node. Say `build {one.name}`.", things=about)
        image = tags[0]
    result = need((yield from job.one("image_inspect", image=image)), f"inspect {code(image)}")
    data = result.data
    facts = [
        f"{data.get('size_mb')} MB, runs as {code(data.get('user') or 'root')}"
        + ("" if data.get("non_root") else " (**root**)"),
        f"secrets in it: {names(data.get('secrets') or []) or 'none found'}",
    ]
    verdict = "is in order" if data.get("ok") else "**is not in order**"
    problems = [text(p) for p in data.get("problems") or []]
    return Reply(join(f"{code(data.get('ref') or image)} {verdict}.", bullets([*facts, *problems])), things=about)


PLANS = {
    "logs": logs,
    "events": events,
    "describe": describe,
    "yaml": yaml,
    "get": get,
    "usage": usage,
    "env": env,
    "history": history,
    "diff": diff,
    "releases": releases,
    "images": images,
    "image_inspect": image_inspect,
}
