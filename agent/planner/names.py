"""Which object somebody means: exact names, parts of names, other words for the same, and typing errors."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.planner.context import PlannerContext
from agent.planner.history import Result

__all__ = ["Names", "Thing", "workload_of"]

# Other words for the parts of an application. A name is meant when it, or a part of it, is in the same line.
SAME = (
    ("backend", "api", "rest-api", "api-backend"),
    ("frontend", "front", "ui", "gui", "web", "webapp", "website", "site", "webpage", "page", "client", "fe", "nextjs"),
    ("postgres", "postgresql", "pg", "db", "database", "sql", "psql", "storage"),
    ("mcp-server", "mcp", "mcp_server", "mcpserver", "tool-server", "toolserver"),
    ("redis", "cache"),
    ("worker", "queue"),
)
_ALIAS = {word: line for line in SAME for word in line}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_POD = re.compile(
    r"^(?P<workload>[a-z0-9][-a-z0-9]*?)-(?:[a-f0-9]{7,10}|[bcdfghjklmnpqrstvwxz2456789]{5,10})-[a-z0-9]{5}$"
)
_ORDINAL = re.compile(r"^(?P<workload>[a-z0-9][-a-z0-9]*?)-\d{1,3}$")
NEAR = 0.78


@dataclass(frozen=True)
class Thing:
    """One object that is talked about. ``kind``: service (a release with its workload), app, or a Kubernetes kind."""

    name: str
    kind: str = "service"
    namespace: str = ""

    @property
    def is_pod(self) -> bool:
        """A single pod."""
        return self.kind == "Pod"


def workload_of(pod: str) -> str:
    """The name of the workload that a pod belongs to, by the form of its name; empty when it has none."""
    found = _POD.match(pod) or _ORDINAL.match(pod)
    return found["workload"] if found else ""


class Names:
    """Everything that has a name here, from the context and from what tools have answered."""

    def __init__(self, context: PlannerContext, results: Iterable[Result] = ()) -> None:
        self._context = context
        self.things: dict[str, Thing] = {}
        for application in context.applications:
            self._add(Thing(application.name, "app", application.namespace))
            for service in application.services:
                self._add(Thing(service.name, "service", application.namespace))
        for name in context.names:
            self._add(Thing(name, "service", context.namespace))
        self.namespaces = {a.namespace for a in context.applications} | set(context.namespaces)
        self.namespaces |= {"default", "kube-system", "kube-public"}
        for result in results:
            if result.ok:
                self._learn(result)

    def _add(self, thing: Thing) -> None:
        if _NAME.fullmatch(thing.name) and len(thing.name) < 254:
            self.things.setdefault(thing.name, thing)

    def _learn(self, result: Result) -> None:
        data, arguments = result.data, result.arguments
        for release in _maps(data.get("releases")):
            self._add(Thing(str(release.get("name")), "service", str(release.get("namespace") or "")))
        for finding in _maps(data.get("findings")):
            about = finding.get("object")
            if isinstance(about, Mapping) and about.get("name"):
                self._add(Thing(str(about["name"]), str(about.get("kind")), str(about.get("namespace") or "")))
        space = str(data.get("namespace") or arguments.get("namespace") or self._context.namespace)
        for pod in _maps(data.get("pods")):
            self._add(Thing(str(pod.get("name")), "Pod", space))
        if result.tool == "kubectl_get" and (columns := data.get("columns")):
            self._table(str(data.get("kind")), [str(column) for column in columns], data.get("rows") or [], space)

    def _table(self, kind: str, columns: Sequence[str], rows: Sequence[Sequence[str]], space: str) -> None:
        at = {column: place for place, column in enumerate(columns)}
        if "NAME" not in at:
            return
        for row in rows:
            name = str(row[at["NAME"]])
            if kind == "Namespace":
                self.namespaces.add(name)
                continue
            where = str(row[at["NAMESPACE"]]) if "NAMESPACE" in at else space
            kinds = {"Deployment": "service", "StatefulSet": "service"}
            self._add(Thing(name, kinds.get(kind, kind), where))

    # -- what a mention means ------------------------------------------------------------------------------------

    def exact(self, token: str, *, whole: bool = False) -> Thing | None:
        """The thing of exactly that name; unless ``whole``, the name of a pod counts although nobody listed it yet."""
        if token in self.things:
            return self.things[token]
        if whole:
            return None
        workload = workload_of(token)
        if workload and "-" in token and (workload in self.things or _POD.match(token)):
            known = self.things.get(workload)
            return Thing(token, "Pod", known.namespace if known else self._context.namespace)
        return None

    def like(self, words: Sequence[str]) -> list[Thing]:
        """The things that these words can mean, by part of a name or another word for it. Services come before pods."""
        mention = "-".join(words)
        if found := self.exact(mention, whole=len(words) > 1):
            return [found]
        named = [t for t in self._main() if _part(mention, t.name)]
        if not named and mention.endswith("s") and len(mention) > 4:
            mention = mention[:-1]
            named = [t for t in self._main() if _part(mention, t.name)]
        line = _ALIAS.get(mention, ())
        named = named or [t for t in self._main() if any(_part(word, t.name) for word in line)]
        return [t for t in named if t.kind in ("service", "app")] or named

    def near(self, word: str) -> list[Thing]:
        """The things that a word with a typing error can mean."""
        if len(word) < 4 or word.isdigit():
            return []
        spoken: dict[str, list[Thing]] = {}
        for thing in self._main():
            for form in {thing.name, *thing.name.split("-"), *_aliases(thing.name)}:
                if len(form) >= 4:
                    spoken.setdefault(form, []).append(thing)
        best = difflib.get_close_matches(word, spoken, n=1, cutoff=NEAR)
        return spoken[best[0]] if best else []

    def services(self) -> list[Thing]:
        """What is known as a service or a release."""
        return [thing for thing in self.things.values() if thing.kind == "service"]

    def application(self) -> Thing | None:
        """The application, when there is one only."""
        apps = [thing for thing in self.things.values() if thing.kind == "app"]
        return apps[0] if len(apps) == 1 else None

    def _main(self) -> list[Thing]:
        return [thing for thing in self.things.values() if not thing.is_pod and thing.kind != "ReplicaSet"]


def _part(word: str, name: str) -> bool:
    """Whether ``word`` is the name or whole parts of it: ``backend`` of ``todo-backend``."""
    return word == name or f"-{word}-" in f"-{name}-"


def _aliases(name: str) -> list[str]:
    return [word for line in SAME if any(_part(other, name) for other in line) for word in line]


def _maps(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []
