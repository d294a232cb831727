"""From source to images in the node, and the files that takes: builds, loads, Dockerfiles, charts."""

from __future__ import annotations

from collections.abc import Generator

from agent.planner.answers.failures import trouble
from agent.planner.answers.parts import bullets, code, fence, join, names
from agent.planner.context import Service
from agent.planner.history import Result
from agent.planner.job import Call, Do, End, Job, Plan, Reply
from agent.planner.names import Thing
from agent.planner.plans.deploy import application_of
from agent.planner.plans.find import need, things
from agent.planner.request import Request
from agent.text import duration

__all__ = ["PLANS", "parts_of"]


def parts_of(job: Job, what: str) -> Generator[Do, list[Result], list[Service]]:
    """The services with sources that are meant."""
    if not job.context.applications:
        application_of(job)
    found = yield from things(job)
    known = [job.context.service(t.name) for t in found]
    parts = [part[1] for part in known if part is not None and not part[1].database]
    if not parts:
        raise End(
            Reply(f"{names(t.name for t in found)} has no sources here, so there is nothing to {what}.", stop=True)
        )
    return parts


def build(job: Job) -> Plan:
    """Build the images of services from their sources."""
    if not job.request.things and not job.request.choices and not job.request.unknown and _every(job):
        job.request = _whole(job.request)
    parts = yield from parts_of(job, "build")
    calls = [
        Call(
            "docker_build",
            {"path": p.folder, "image": p.image, "dockerfile": None if p.dockerfile == "Dockerfile" else p.dockerfile},
        )
        for p in parts
    ]
    results = yield from job.all(calls)
    lines = []
    for part, result in zip(parts, results, strict=True):
        if result.ok:
            size = float(result.data.get("size_bytes") or 0) / 1e6
            how = (
                "was there already"
                if result.data.get("changed") is False
                else f"built in {duration(result.data.get('seconds'))}"
            )
            lines.append(f"{code(result.data.get('ref'))}: {how}, {size:.0f} MB")
        else:
            lines.append(trouble(result, f"build {code(part.name)}"))
    said = "Say `load it` to bring it into the cluster's node." if len(parts) == 1 and results[0].ok else ""
    return Reply(join(bullets(lines), said), stop=not all(r.ok for r in results), things=_things(job, parts))


def _things(job: Job, parts: list[Service]) -> tuple[Thing, ...]:
    return tuple(Thing(p.name, "service", job.namespace) for p in parts)


def _every(job: Job) -> bool:
    return bool({"images", "all", "everything"} & set(job.request.words.split())) or job.request.words in (
        "build",
        "build it all",
        "build images",
    )


def _whole(request: Request) -> Request:
    return Request(
        request.intent, request.mood, concepts=request.concepts | {"APP"}, options=request.options, words=request.words
    )


def load(job: Job) -> Plan:
    """Bring images into the node."""
    image = job.request.options.get("image")
    if image:
        return (yield from _loaded(job, [str(image)]))
    if not job.request.things and not job.request.choices and _every(job):
        job.request = _whole(job.request)
    parts = yield from parts_of(job, "load")
    refs, missing = [], []
    for part in parts:
        built = next(
            (
                r
                for r in reversed(job.memory.results)
                if r.ok and r.tool == "docker_build" and r.data.get("image") == part.image
            ),
            None,
        )
        refs.append(str(built.data.get("ref")) if built else "")
        missing += [] if built else [part]
    found = yield from job.all([Call("project_analyze", {"path": p.folder}) for p in missing])
    tags = iter(found)
    for place, part in enumerate(parts):
        if not refs[place]:
            data = need(next(tags), f"find the image of {code(part.name)}").data
            refs[place] = f"{part.image}:{data.get('content_tag')}"
    return (yield from _loaded(job, refs, _things(job, parts)))


def _loaded(job: Job, refs: list[str], about: tuple[Thing, ...] = ()) -> Plan:
    results = yield from job.all([Call("minikube_image_load", {"image": ref}) for ref in refs])
    lines = []
    for ref, result in zip(refs, results, strict=True):
        if result.ok:
            sent = result.data.get("layers_sent")
            how = (
                "was in the node already"
                if result.data.get("changed") is False
                else f"is in the node now ({sent} layers sent, {duration(result.data.get('seconds'))})"
            )
            lines.append(f"{code(ref)} {how}")
        else:
            lines.append(trouble(result, f"load {code(ref)}") + " It may have to be built first: say `build it`.")
    return Reply(bullets(lines), stop=not all(r.ok for r in results), things=about)


def dockerfile(job: Job) -> Plan:
    """Write a Dockerfile where there is none."""
    part = (yield from parts_of(job, "containerize"))[0]
    result = yield from job.one("dockerfile_generate", path=part.folder)
    if not result.ok:
        return Reply(trouble(result, f"write a Dockerfile for {code(part.name)}"), stop=True)
    kept = result.data.get("kept")
    head = (
        f"{code(result.data.get('dockerfile'))} is there already and was kept."
        if kept
        else f"Written: {code(result.data.get('dockerfile'))}."
    )
    return Reply(
        join(head, "" if kept else fence(str(result.data.get("content") or "").splitlines()[:60], "dockerfile")),
        things=_things(job, [part]),
    )


def chart(job: Job) -> Plan:
    """Write a chart from longshore.yaml."""
    one = (yield from things(job))[0]
    result = yield from job.one("chart_generate", service=one.name, application=job.file)
    if not result.ok:
        return Reply(trouble(result, f"write the chart of {code(one.name)}"), stop=True, things=(one,))
    return Reply(
        f"The chart of {code(one.name)} is in {code(result.data.get('path'))}: "
        f"{len(result.data.get('files') or [])} files written, {len(result.data.get('kept') or [])} kept.",
        things=(one,),
    )


PLANS = {"build": build, "load": load, "dockerfile": dockerfile, "chart": chart}
