"""Where a case acts: HTTP, kubectl and helm against one cluster; everything that comes back is written down."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx

from tests.parity import normal
from tests.parity.case import Case
from tests.parity.cluster import Cluster

Obj = dict[str, Any]
Show = str | Iterable[str] | Callable[[Any], Any]
GROUPS = {
    "apps/v1": "deployments statefulsets daemonsets replicasets controllerrevisions",
    "batch/v1": "jobs cronjobs",
    "networking.k8s.io/v1": "ingresses networkpolicies ingressclasses",
    "policy/v1": "poddisruptionbudgets",
    "autoscaling/v2": "horizontalpodautoscalers",
    "rbac.authorization.k8s.io/v1": "roles rolebindings clusterroles clusterrolebindings",
    "storage.k8s.io/v1": "storageclasses",
    "scheduling.k8s.io/v1": "priorityclasses",
    "coordination.k8s.io/v1": "leases",
    "discovery.k8s.io/v1": "endpointslices",
    "admissionregistration.k8s.io/v1": "validatingwebhookconfigurations mutatingwebhookconfigurations",
    "authentication.k8s.io/v1": "tokenreviews selfsubjectreviews",
    "authorization.k8s.io/v1": "selfsubjectaccessreviews subjectaccessreviews localsubjectaccessreviews "
    "selfsubjectrulesreviews",
}
WHOLE = frozenset(
    {
        "namespaces",
        "nodes",
        "persistentvolumes",
        "ingressclasses",
        "clusterroles",
        "clusterrolebindings",
        "storageclasses",
        "priorityclasses",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "tokenreviews",
        "selfsubjectreviews",
        "selfsubjectaccessreviews",
        "subjectaccessreviews",
        "selfsubjectrulesreviews",
    }
)
PLACE = {plural: group for group, plurals in GROUPS.items() for plural in plurals.split()}
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
JSON_PATCH, APPLY = "application/json-patch+json", "application/apply-patch+yaml"


class NotReached(Exception):
    """What was waited for did not come."""


def pick(body: Any, path: str) -> Any:
    """The value at ``a.b.0.c``; None where there is none."""
    for part in path.split("."):
        if isinstance(body, list):
            body = body[int(part)] if part.isdigit() and int(part) < len(body) else None
        else:
            body = body.get(part) if isinstance(body, dict) else None
    return body


class Stage:
    """One run of one case."""

    def __init__(self, cluster: Cluster, case: Case, folder: Path) -> None:
        self.cluster, self.case, self.folder = cluster, case, folder
        self.namespace = case.namespace
        self.seen: list[Obj] = []
        self.client = cluster.client()
        self._later: list[str] = []

    # -- what is written down ------------------------------------------------------------------------------------

    def note(self, what: str, found: Any) -> None:
        """Write a value down."""
        self.seen.append({"do": what, "found": normal.value(found)})

    def plain(self, said: str) -> str:
        """The text without what differs between runs."""
        return normal.text(said)

    # -- HTTP ----------------------------------------------------------------------------------------------------

    def path(self, place: str) -> str:
        """The URL's path: ``pods/web`` is one of this namespace; what begins with a slash is taken as it is."""
        if place.startswith("/"):
            return place
        plural = place.partition("/")[0]
        root = f"/apis/{PLACE[plural]}" if plural in PLACE else "/api/v1"
        return f"{root}/{place}" if plural in WHOLE else f"{root}/namespaces/{self.namespace}/{place}"

    def http(
        self,
        method: str,
        place: str,
        body: Any = None,
        *,
        kind: str = "application/json",
        query: Obj | None = None,
        headers: dict[str, str] | None = None,
        show: Show = "all",
        client: httpx.Client | None = None,
    ) -> Any:
        """Send a request and write the answer down; its body.

        ``show``: ``all`` of it but managedFields, ``managed`` for all, ``none``, or some paths, or a function.
        """
        sent = {"Content-Type": kind, **(headers or {})} if body is not None else dict(headers or {})
        content = body if isinstance(body, str) or body is None else json.dumps(body)
        answer = (client or self.client).request(method, self.path(place), params=query, content=content, headers=sent)
        try:
            data = answer.json()
        except ValueError:
            data = answer.text
        asked = "&".join(f"{k}={v!s:.80}" for k, v in (query or {}).items()).replace("\n", " ")
        entry: Obj = {"do": normal.text(f"{method} {place}{'?' + asked if asked else ''}"), "code": answer.status_code}
        if warnings := answer.headers.get_list("warning"):
            entry["warnings"] = [normal.text(warning) for warning in warnings]
        if isinstance(data, str):
            entry["type"] = answer.headers.get("content-type", "")
        entry |= self._shown(data, show if answer.status_code < 400 else "all")
        self.seen.append(entry)
        return data

    @staticmethod
    def _shown(data: Any, show: Show) -> Obj:
        if show == "none":
            return {}
        if show == "managed":
            return {"body": normal.value(data)}
        if show == "all":
            return {"body": normal.value(normal.bare(data))}
        if callable(show):
            return {"body": normal.value(show(data))}
        return {"body": {path: normal.value({path.split(".")[-1]: pick(data, path)}) for path in show}}

    def post(self, place: str, body: Any, **rest: Any) -> Any:
        """Create."""
        return self.http("POST", place, body, **rest)

    def get(self, place: str, **rest: Any) -> Any:
        """Read."""
        return self.http("GET", place, **rest)

    def put(self, place: str, body: Any, **rest: Any) -> Any:
        """Replace."""
        return self.http("PUT", place, body, **rest)

    def patch(self, place: str, body: Any, kind: str = MERGE, **rest: Any) -> Any:
        """Change."""
        return self.http("PATCH", place, body, kind=kind, **rest)

    def apply(self, place: str, body: Any, manager: str = "one", **rest: Any) -> Any:
        """Server-side apply."""
        query = {"fieldManager": manager, **rest.pop("query", {})}
        return self.http("PATCH", place, body, kind=APPLY, query=query, **rest)

    def delete(self, place: str, body: Any = None, **rest: Any) -> Any:
        """Delete."""
        return self.http("DELETE", place, body, **rest)

    def make(self, *manifests: Obj) -> None:
        """Create objects that are only the scene: nothing is written down, but a refusal."""
        from tests.parity.manifests import place_of

        for manifest in manifests:
            answer = self.client.post(self.path(place_of(manifest)), json=manifest)
            if answer.status_code >= 400:
                self.note(f"make {manifest['kind']}", answer.json())

    def later(self, place: str) -> None:
        """Remove that object of the whole cluster when the case is over, and now, should one be left of an earlier."""
        self._later.append(place)
        self.client.delete(self.path(place))

    def peek(self, place: str, **query: Any) -> Any:
        """Read without writing it down; None when there is none."""
        answer = self.client.get(self.path(place), params=query)
        return answer.json() if answer.status_code < 400 else None

    # -- waiting -------------------------------------------------------------------------------------------------

    def until(self, place: str, done: Callable[[Any], Any], why: str = "", *, seconds: float | None = None) -> Any:
        """Read until the condition holds; what was read.

        Raises:
            NotReached: it did not, within the time of the case.
        """
        allowed = seconds or self.case.seconds
        end = time.monotonic() + max(allowed / self.cluster.speed * 2, 10.0)
        found = None
        while True:
            found = self.peek(place)
            try:
                if found is not None and done(found):
                    return found
            except (KeyError, IndexError, TypeError):
                pass
            if time.monotonic() > end:
                raise NotReached(f"{place} {why}: {json.dumps(normal.value(normal.bare(found)))[-1500:]}")
            time.sleep(0.25 if self.cluster.speed == 1.0 else 0.05)

    def gone(self, place: str) -> None:
        """Wait until there is no such object."""
        end = time.monotonic() + max(self.case.seconds / self.cluster.speed * 2, 10.0)
        while self.peek(place) is not None:
            if time.monotonic() > end:
                raise NotReached(f"{place} is still there")
            time.sleep(0.1)

    def watch(self, place: str, during: Callable[[], None], *, wanted: int, show: Show, **query: Any) -> None:
        """Watch while something is done, and write down ``wanted`` changes in their order."""
        found: list[Obj] = []
        began = threading.Event()

        def read() -> None:
            params = {"watch": "true", "timeoutSeconds": "12", **query}
            with self.cluster.client().stream("GET", self.path(place), params=params) as answer:
                began.set()
                for line in answer.iter_lines():
                    change = json.loads(line)
                    whole = change.get("type") in ("ERROR", "BOOKMARK", None)
                    shown = self._shown(change.get("object", change), "all" if whole else show)
                    found.append({"type": change.get("type", answer.status_code), **shown})
                    if len(found) >= wanted:
                        return

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        began.wait(5)
        during()
        reader.join(15)
        asked = "&".join(f"{k}={'VERSION' if k == 'resourceVersion' and len(v) > 1 else v}" for k, v in query.items())
        self.seen.append({"do": f"watch {place}?{asked}", "found": found})

    # -- programs ------------------------------------------------------------------------------------------------

    def _run(self, words: list[str], flags: list[str], stdin: str | None, shown: bool) -> str:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "HELM_CACHE_HOME": str(self.folder / "helm"),
            "KUBECTL_EXTERNAL_DIFF": "diff -u -N --label live --label merged",
        }
        done = subprocess.run(
            [words[0], *flags, *words[1:]], input=stdin or "", capture_output=True, text=True, env=env, timeout=120
        )
        if shown:
            entry: Obj = {"do": " ".join(words).replace(str(self.folder), "FOLDER"), "exit": done.returncode}
            for name, said in (("out", done.stdout), ("err", done.stderr)):
                if lines := normal.output(said.replace(str(self.folder), "FOLDER")):
                    entry[name] = lines
            self.seen.append(entry)
        return done.stdout

    def kubectl(self, line: str, *more: str, stdin: Any = None, shown: bool = True) -> str:
        """Run kubectl in the namespace; its output. ``more`` are further words, ``stdin`` a manifest or several."""
        items = stdin if isinstance(stdin, list) else [stdin]
        text = stdin if isinstance(stdin, str) or stdin is None else "\n---\n".join(json.dumps(i) for i in items)
        context = ["--context", self.cluster.context, "--namespace", self.namespace]
        cache = ["--cache-dir", str(self.folder / "kubectl")]
        return self._run(["kubectl", *line.split(), *more], context + cache, text, shown)

    def helm(self, line: str, *more: str, shown: bool = True) -> str:
        """Run helm in the namespace; its output."""
        flags = ["--kube-context", self.cluster.context, "--namespace", self.namespace]
        return self._run(["helm", *line.split(), *more], flags, None, shown)

    # -- beginning and end ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Make the namespace; what the cluster puts into each has to be there."""
        self.gone(f"namespaces/{self.namespace}")
        self.make({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        self.until("serviceaccounts/default", lambda found: found)
        self.until("configmaps/kube-root-ca.crt", lambda found: found)

    def end(self) -> None:
        """Remove everything; not waited for."""
        for place in self._later:
            self.client.delete(self.path(place))
        pods = self.path("pods")
        self.client.request("DELETE", pods, params={"gracePeriodSeconds": "0"})
        self.client.delete(self.path(f"namespaces/{self.namespace}"))
        self.client.close()


def run(case: Case, cluster: Cluster, folder: Path) -> tuple[list[Obj], str]:
    """Run a case: what it wrote down, and why it did not come to its end (empty when it did)."""
    folder.mkdir(parents=True, exist_ok=True)
    stage = Stage(cluster, case, folder)
    why = ""
    try:
        stage.begin()
        case.run(stage)
    except (NotReached, httpx.HTTPError, subprocess.TimeoutExpired, KeyError, TypeError, IndexError) as error:
        why = f"{type(error).__name__}: {error}"
        stage.seen.append({"do": "stopped", "found": normal.text(why)})
    finally:
        stage.end()
    return stage.seen, why
