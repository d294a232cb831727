"""A toy world and toy tools, one per effect, for tests of the guard and the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_tools.catalog import CATALOG, Effect, Inverse, Observation, Preview, ToolInput, ToolOutput, tool
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import ToolFailed
from mcp_tools.guard.guard import Guard, Session
from mcp_tools.guard.journal import Journal
from mcp_tools.names import ObjectName
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call, World


class ToyKube:
    """A cluster that has an identity and no Secrets."""

    def __init__(self) -> None:
        self.uid = "uid-1"
        self.secrets: list[dict[str, Any]] = []

    async def get(self, api: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        return {"metadata": {"name": name, "uid": self.uid}} if kind == "Namespace" else None

    async def list(self, api: str, kind: str, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        return self.secrets if kind == "Secret" else []


@dataclass
class Things:
    """The state of the toy world: things with revisions."""

    revisions: dict[str, int] = field(default_factory=lambda: {"web": 7})
    acts: list[str] = field(default_factory=list)
    text: str = "all is well"
    after_observe: Any = None


THINGS = Things()


class ThingInput(ToolInput):
    name: ObjectName
    namespace: str = "default"


class ThingOutput(ToolOutput):
    name: str
    revision: int
    log: Untrusted = ""


async def observe_thing(args: ThingInput, call: Call) -> Observation:
    revision = THINGS.revisions.get(args.name, 0)
    effect = Effect.CHANGE if revision else Effect.CREATE
    preview = Preview(
        summary=f"{args.name} from revision {revision} to {revision + 1}",
        changed=[args.name] if revision else [],
        added=[] if revision else [args.name],
        inverse=Inverse(tool="toy_change", arguments={"name": args.name}),
    )
    if THINGS.after_observe is not None:
        THINGS.after_observe()
    return Observation(effect=effect, preview=preview, state={"revision": revision})


async def observe_removal(args: ThingInput, call: Call) -> Observation:
    revision = THINGS.revisions.get(args.name, 0)
    preview = Preview(summary=f"remove {args.name} at revision {revision}", lost=[args.name])
    return Observation(effect=Effect.DESTROY, preview=preview, state={"revision": revision}, done=not revision)


def _register() -> None:
    """The toy tools, made when they are wanted and taken out afterwards."""

    @tool(domain="toys", title="Read a thing", effect=Effect.READ)
    async def toy_read(args: ThingInput, call: Call) -> ThingOutput:
        """Read a thing."""
        return ThingOutput(name=args.name, revision=THINGS.revisions.get(args.name, 0), log=THINGS.text)

    @tool(domain="toys", title="Greedy read", effect=Effect.READ)
    async def toy_greedy(args: ThingInput, call: Call) -> ThingOutput:
        """A read tool that wants to write."""
        call.permit.require(Effect.CHANGE)
        return ThingOutput(name=args.name, revision=0)

    @tool(domain="toys", title="Change a thing", effect=Effect.CHANGE, observe=observe_thing)
    async def toy_change(args: ThingInput, call: Call) -> ThingOutput:
        """Change a thing, or make it."""
        assert call.observation is not None
        call.permit.require(call.observation.effect)
        call.permit.record(["toy", "change", args.name])
        THINGS.acts.append(f"change {args.name}")
        THINGS.revisions[args.name] = THINGS.revisions.get(args.name, 0) + 1
        await call.progress(1, 1, "changed")
        return ThingOutput(changed=True, name=args.name, revision=THINGS.revisions[args.name])

    @tool(domain="toys", title="Remove a thing", effect=Effect.DESTROY, observe=observe_removal)
    async def toy_remove(args: ThingInput, call: Call) -> ThingOutput:
        """Remove a thing."""
        if call.observation is not None and call.observation.done:
            return ThingOutput(name=args.name, revision=0)
        call.permit.require(Effect.DESTROY)
        THINGS.acts.append(f"remove {args.name}")
        THINGS.revisions.pop(args.name, None)
        return ThingOutput(changed=True, name=args.name, revision=0)

    @tool(domain="toys", title="Fail", effect=Effect.READ)
    async def toy_fail(args: ThingInput, call: Call) -> ThingOutput:
        """Fail in the way that the name says."""
        if args.name == "unexpected":
            raise KeyError("a defect with password=hunter2hunter2")
        raise ToolFailed("it failed", THINGS.text, "try again")

    @tool(domain="toys", title="Wait", effect=Effect.READ, long=True)
    async def toy_wait(args: ThingInput, call: Call) -> ThingOutput:
        """Wait for a long time."""
        THINGS.acts.append("waiting")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            THINGS.acts.append("cancelled")
            raise
        return ThingOutput(name=args.name, revision=0)


NAMES = ("toy_change", "toy_fail", "toy_greedy", "toy_read", "toy_remove", "toy_wait")


@contextmanager
def toys() -> Iterator[Things]:
    """The toy tools in the catalogue, on a fresh toy world."""
    THINGS.revisions = {"web": 7}
    THINGS.acts.clear()
    THINGS.text, THINGS.after_observe = "all is well", None
    _register()
    try:
        yield THINGS
    finally:
        for name in NAMES:
            CATALOG._tools.pop(name, None)


def toy_world() -> World:
    """A world whose cluster is the toy one."""
    world = World("minikube")
    kube: Any = ToyKube()
    world.__dict__["kube"] = kube
    assert not isinstance(world.kube, KubeEngine)
    return world


def toy_guard(folder: Path) -> Guard:
    """A guard with a journal in that folder."""
    return Guard(Journal(folder / "journal.db"))


def toy_session(folder: Path, **more: Any) -> Session:
    """A session on the toy world."""
    return Session(toy_world(), folder, **more)
