"""Which object is meant: from the message, from what was talked about, from the cluster, or by asking."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from agent.planner.answers.failures import trouble
from agent.planner.answers.parts import bullets, code, join, names
from agent.planner.history import Result
from agent.planner.job import Call, Do, End, Job, Reply
from agent.planner.names import Names, Thing, workload_of
from agent.planner.request import Open

__all__ = ["Row", "Workload", "ask_which", "need", "pods_of", "rows_of", "services", "thing", "things", "workload"]

Steps = Generator[Do, list[Result], "Thing"]


@dataclass(frozen=True)
class Workload:
    """A Deployment or StatefulSet, and how many pods it is to have."""

    kind: str
    name: str
    namespace: str
    wanted: int
    ready: int


@dataclass(frozen=True)
class Row:
    """A row of kubectl's table, by column."""

    cells: dict[str, str]

    @property
    def name(self) -> str:
        """The object's name."""
        return self.cells.get("NAME", "")


def need(result: Result, doing: str) -> Result:
    """The result, when it went well; otherwise the plan ends with what went wrong."""
    if not result.ok:
        raise End(Reply(trouble(result, doing), stop=True))
    return result


def rows_of(result: Result) -> list[Row]:
    """The rows of a table."""
    columns = [str(column) for column in result.data.get("columns") or []]
    return [Row(dict(zip(columns, map(str, row), strict=False))) for row in result.data.get("rows") or []]


def ask_which(job: Job, choices: list[Thing], what: str = "service") -> End:
    """Ask which one is meant; the next message may answer with a name, or its place in the list."""
    listed = bullets(f"{place}. {code(choice.name)}" for place, choice in enumerate(choices[:12], 1)).replace("- ", "")
    said = _ACTS.get(job.request.intent, job.request.intent.replace("_", " "))
    text = f"Which {what} do you mean ({said})?"
    return End(Reply(join(text, listed), Open(job.request, "thing", tuple(choices[:12])), stop=True))


_ACTS = {
    "logs": "logs",
    "rollback": "roll back",
    "impact": "rollback impact",
    "scale": "scale",
    "restart": "restart",
    "usage": "usage",
    "uninstall": "uninstall",
    "env": "environment",
    "history": "history",
    "describe": "describe",
    "yaml": "manifest",
    "image_inspect": "inspect its image",
    "stop": "stop",
    "start": "start",
    "get": "show",
    "lint": "lint",
    "build": "build",
}


def services(job: Job) -> list[Thing]:
    """The services that are known here."""
    return job.names.services()


def things(job: Job, what: str = "service") -> Generator[Do, list[Result], tuple[Thing, ...]]:
    """The things that the request is about: named, or talked about before, or the only one there is; else asked for."""
    request = job.request
    named = tuple(t for t in request.things if t.kind != "app")
    if named:
        return named
    if request.choices:
        found = [t for t in request.choices if t.kind != "app"] or list(request.choices)
        raise ask_which(job, found, what)
    if request.unknown:
        return ((yield from _unknown(job, request.unknown)),)
    if request.whole and services(job):
        return tuple(services(job))
    recent = tuple(t for t in job.memory.things if t.kind != "app")
    if recent:
        return recent
    if not services(job) and job.has("helm_list"):
        need((yield from job.one("helm_list")), "list the releases")
    known = services(job)
    if len(known) == 1:
        return (known[0],)
    if not known:
        raise End(
            Reply(
                "Nothing is deployed that I know of, and there is no `longshore.yaml` here. Name the object "
                "with its namespace.",
                stop=True,
            )
        )
    raise ask_which(job, known, what)


def thing(job: Job, what: str = "service") -> Steps:
    """The one thing that the request is about."""
    found = yield from things(job, what)
    if len(found) > 1 and not job.request.things:
        raise ask_which(job, list(found), what)
    return found[0]


def _unknown(job: Job, words: tuple[str, ...]) -> Steps:
    """A name that is not known here: look for it in the cluster."""
    if job.has("kubectl_get"):
        yield from job.all(
            [Call("kubectl_get", {"kind": kind, "all_namespaces": True}) for kind in ("Deployment", "StatefulSet")]
        )
    known = Names(job.context, [*job.memory.results, *job.made])
    for word in reversed(words):
        found = known.like((word,)) or known.near(word)
        if len(found) == 1:
            return found[0]
        if found:
            raise ask_which(job, found)
    there = names((t.name for t in known.services()), 12)
    word = code(words[-1])
    text = f"There is nothing called {word} here." + (f" There are {there}." if there else "")
    choices = tuple(known.services())
    raise End(
        Reply(
            join(text, "Which one do you mean?") if there else text,
            Open(job.request, "thing", choices) if there else None,
            stop=True,
        )
    )


def pods_of(job: Job, about: Thing, *, problems: bool = False) -> Generator[Do, list[Result], list[Row]]:
    """The pods of a service, by the form of their names."""
    if about.is_pod:
        return [Row({"NAME": about.name})]
    space = job.space_of(about)
    result = yield from job.one("kubectl_get", kind="Pod", namespace=space, limit=500)
    rows = rows_of(need(result, f"list the pods in {code(space)}"))
    found = [row for row in rows if workload_of(row.name) == about.name]
    return found or [row for row in rows if row.name.startswith(f"{about.name}-") or row.name == about.name]


def workload(job: Job, about: Thing) -> Generator[Do, list[Result], Workload]:
    """The workload of a service, looked up in the cluster."""
    space = job.space_of(about)
    name = workload_of(about.name) or about.name if about.is_pod else about.name
    if about.kind == "DaemonSet":
        return Workload("DaemonSet", name, space, 0, 0)
    results = yield from job.all(
        [Call("kubectl_get", {"kind": kind, "namespace": space}) for kind in ("Deployment", "StatefulSet")]
    )
    if not any(result.ok for result in results):
        need(results[0], f"look for {code(name)} in {code(space)}")
    found = [
        _workload(row, kind, space)
        for kind, r in zip(("Deployment", "StatefulSet"), results, strict=True)
        if r.ok
        for row in rows_of(r)
    ]
    exact = [w for w in found if w.name == name] or [w for w in found if w.name.startswith(f"{name}-")]
    if not exact:
        there = names((w.name for w in found), 12)
        text = f"There is no workload {code(name)} in {code(space)}." + (
            f" There are {there}." if there else " There are none at all."
        )
        raise End(Reply(text, stop=True))
    return exact[0]


def _workload(row: Row, kind: str, space: str) -> Workload:
    ready, _, wanted = row.cells.get("READY", "0/0").partition("/")
    return Workload(kind, row.name, row.cells.get("NAMESPACE", space), int(wanted or 0), int(ready or 0))


def one_pod(job: Job, about: Thing) -> Generator[Do, list[Result], Thing]:
    """One pod of a service; asked for when there are several."""
    found = yield from pods_of(job, about)
    space = job.space_of(about)
    if not found:
        raise End(
            Reply(
                f"{code(about.name)} has no pods in {code(space)}. Ask `what is wrong with {about.name}` for "
                "the reason.",
                stop=True,
            )
        )
    pods = [Thing(row.name, "Pod", space) for row in found]
    if len(pods) > 1:
        job.request = replace(job.request, things=(), kind="Pod")
        raise ask_which(job, pods, "pod")
    return pods[0]
