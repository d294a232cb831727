"""Watches: which changes come, in which order."""

from __future__ import annotations

from tests.parity.case import case
from tests.parity.manifests import config, thing
from tests.parity.stage import Stage

FAMILY = "watch"
SHOW = ("metadata.name", "data")


def _version(s: Stage, place: str = "configmaps") -> str:
    version: str = s.peek(place)["metadata"]["resourceVersion"]
    return version


@case(FAMILY)
def order(s: Stage) -> None:
    def during() -> None:
        s.make(config("a", x="1"), config("b", x="1"))
        s.client.put(s.path("configmaps/a"), json=config("a", x="2"))
        s.client.delete(s.path("configmaps/a"))
        s.client.delete(s.path("configmaps/b"))

    s.watch("configmaps", during, wanted=5, show=SHOW, resourceVersion=_version(s))


@case(FAMILY)
def from_now(s: Stage) -> None:
    s.make(config("a"))
    s.watch("configmaps", lambda: s.make(config("b")), wanted=3, show=SHOW[:1], labelSelector="!none")


@case(FAMILY)
def changes_of_a_selector(s: Stage) -> None:
    s.make(config("a", {"app": "x"}, n="0"))

    def during() -> None:
        for app, n in (("y", "1"), ("x", "2"), ("x", "3"), ("z", "4")):
            s.client.put(s.path("configmaps/a"), json=config("a", {"app": app}, n=n))
        s.client.delete(s.path("configmaps/a"))
        s.make(config("b", {"app": "x"}))

    s.watch("configmaps", during, wanted=4, show=SHOW, labelSelector="app=x", resourceVersion=_version(s))


@case(FAMILY)
def one_object(s: Stage) -> None:
    s.make(config("a"))

    def during() -> None:
        s.make(config("b"))
        s.client.put(s.path("configmaps/a"), json=config("a", x="1"))
        s.client.delete(s.path("configmaps/a"))

    s.watch("configmaps", during, wanted=2, show=SHOW, fieldSelector="metadata.name=a", resourceVersion=_version(s))


@case(FAMILY)
def what_there_is_and_a_bookmark(s: Stage) -> None:
    s.make(config("a", {"app": "x"}))
    s.watch(
        "configmaps",
        lambda: s.make(config("b", {"app": "x"})),
        wanted=3,
        show=SHOW,
        labelSelector="app=x",
        sendInitialEvents="true",
        allowWatchBookmarks="true",
        resourceVersionMatch="NotOlderThan",
    )


@case(FAMILY)
def of_versions_that_are_not_known(s: Stage) -> None:
    s.watch("configmaps", lambda: None, wanted=1, show=SHOW, resourceVersion="1")
    s.watch("configmaps", lambda: None, wanted=1, show=SHOW, resourceVersion="x")
    s.watch("configmaps", lambda: None, wanted=1, show=SHOW, sendInitialEvents="true")
    s.watch("configmaps", lambda: None, wanted=1, show=SHOW, labelSelector="a b")


@case(FAMILY)
def finalizers(s: Stage) -> None:
    s.make(thing("ConfigMap", "a", meta={"finalizers": ["example.com/x"]}))

    def during() -> None:
        s.client.delete(s.path("configmaps/a"))
        s.client.patch(
            s.path("configmaps/a"),
            json={"metadata": {"finalizers": None}},
            headers={"Content-Type": "application/merge-patch+json"},
        )

    show = ("metadata.deletionTimestamp", "metadata.finalizers", "metadata.deletionGracePeriodSeconds")
    s.watch("configmaps", during, wanted=2, show=show, resourceVersion=_version(s))


@case(FAMILY)
def tables_and_metadata(s: Stage) -> None:
    version = _version(s)
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    s.make(config("a"))
    query = {"watch": "true", "timeoutSeconds": "1", "resourceVersion": version}
    with s.client.stream("GET", s.path("configmaps"), params=query, headers={"Accept": accept}) as answer:
        import json

        for line in answer.iter_lines():
            change = json.loads(line)
            found = change["object"]
            s.note(change["type"], [found["kind"], len(found["columnDefinitions"]), found["rows"][0]["cells"][:2]])


@case(FAMILY)
def ends_in_time(s: Stage) -> None:
    query = {"watch": "true", "timeoutSeconds": "1", "resourceVersion": _version(s)}
    with s.client.stream("GET", s.path("configmaps"), params=query) as answer:
        s.note("code", answer.status_code)
        s.note("type", answer.headers["content-type"])
        s.note("lines", list(answer.iter_lines()))
