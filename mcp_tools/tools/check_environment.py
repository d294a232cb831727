"""check_environment: what a container's variables come from, and whether its process has their present values.

A pod keeps the values it was started with: after a Secret has changed, ``matches`` is false until the pod restarts.
Values are compared by digest; none is shown or kept.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterator
from typing import Any

import anyio
from pydantic import BaseModel, Field

from mcp_tools.application_checks import SecretKeyRef
from mcp_tools.catalog import Effect, ToolInput, tool
from mcp_tools.diagnosis.snapshot import Manifest
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import LongshoreError, NotFound, UsageError
from mcp_tools.names import Namespace, ObjectName, PathArg
from mcp_tools.tools.check_common import CheckOutput, Place, Scene, mark
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call


class CheckEnvironmentInput(ToolInput):
    """All services of an application, or one pod."""

    application: PathArg | None = Field(None, description="A longshore.yaml, or the folder with it")
    pod: ObjectName | None = None
    namespace: Namespace = Field("default", description="Of the pod")


class Variable(BaseModel):
    """One variable of a container; never its value."""

    service: str
    pod: str
    container: str
    name: str
    source: str = Field(description="secret/NAME[KEY], configMap/NAME[KEY], literal, field, or missing")
    expected: str = Field("", description="What longshore.yaml asks for, when the source is another")
    present: bool = Field(description="Set in the running container")
    matches: bool | None = Field(None, description="Equal to the present value of its source; null: cannot be told")
    optional: bool = False
    ok: bool = True


class CheckEnvironmentOutput(CheckOutput):
    """``ok``: every required variable is set, from where it should come, with its present value."""

    variables: list[Variable]
    stale: list[str] = Field(default_factory=list, description="Pods that run with values that have changed since")
    unread: list[Untrusted] = Field(default_factory=list, description="Containers that could not be looked into")

    def text(self) -> str:
        """A line per variable."""
        lines = [f"{mark(self.ok)} {len(self.variables)} variables {self.reason}".rstrip()]
        for v in self.variables:
            state = "not set" if not v.present else {True: "current", False: "STALE", None: "set"}[v.matches]
            want = f" (should be {v.expected})" if v.expected else ""
            lines.append(f"  {mark(v.ok)} {v.pod}/{v.container} {v.name} ← {v.source}{want}: {state}")
        return "\n".join([*lines, *(f"  could not be read: {line}" for line in self.unread)])


class Sources:
    """The present digests of ConfigMaps and Secrets of a namespace, each read once."""

    def __init__(self, kube: KubeEngine, namespace: str) -> None:
        self._kube, self._namespace = kube, namespace
        self._held: dict[tuple[str, str], dict[str, str] | None] = {}

    async def digests(self, kind: str, name: str) -> dict[str, str] | None:
        """Key → SHA-256 of the value; None when there is no such object."""
        if (kind, name) not in self._held:
            item = await self._kube.get("v1", kind, name, self._namespace)
            self._held[kind, name] = None if item is None else _digests(item)
        return self._held[kind, name]


def _digests(item: Manifest) -> dict[str, str]:
    data = item.get("data") or {}
    if item.get("kind") == "Secret":
        return {key: hashlib.sha256(base64.b64decode(value or "")).hexdigest() for key, value in data.items()}
    return {key: digest(str(value)) for key, value in data.items()}


def digest(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class Origin(BaseModel):
    """Where a variable comes from; ``digest`` of the value that it would get now, empty when that cannot be told."""

    source: str
    digest: str = ""
    optional: bool = False

    @property
    def missing(self) -> bool:
        """Whether its source is named and has no value."""
        return not self.digest and self.source.startswith(("secret/", "configMap/"))


async def origins(container: Manifest, sources: Sources) -> dict[str, Origin]:
    """Variable → origin, as Kubernetes resolves them: envFrom first, then env, the later one wins."""
    found: dict[str, Origin] = {}
    for source in container.get("envFrom") or []:
        for part, kind, short in (("secretRef", "Secret", "secret"), ("configMapRef", "ConfigMap", "configMap")):
            ref = source.get(part)
            if not ref:
                continue
            held = await sources.digests(kind, str(ref["name"])) or {}
            for key, value in held.items():
                found[f"{source.get('prefix') or ''}{key}"] = Origin(
                    source=f"{short}/{ref['name']}[{key}]", digest=value, optional=bool(ref.get("optional"))
                )
    for entry in container.get("env") or []:
        found[str(entry["name"])] = await _of_entry(entry, sources)
    return found


async def _of_entry(entry: Manifest, sources: Sources) -> Origin:
    value_from = entry.get("valueFrom") or {}
    for part, kind, short in (("secretKeyRef", "Secret", "secret"), ("configMapKeyRef", "ConfigMap", "configMap")):
        ref = value_from.get(part)
        if ref:
            held = await sources.digests(kind, str(ref["name"])) or {}
            name = f"{short}/{ref['name']}[{ref['key']}]"
            return Origin(source=name, digest=held.get(str(ref["key"]), ""), optional=bool(ref.get("optional")))
    if value_from:
        return Origin(source="field")
    text = str(entry.get("value") or "")
    return Origin(source="literal", digest="" if "$(" in text else digest(text))


def wanted_source(name: str, container: Manifest, secret_env: dict[str, SecretKeyRef], env: dict[str, str]) -> str:
    """The source that longshore.yaml asks for; empty when it says nothing of this variable."""
    if name in secret_env:
        return f"secret/{secret_env[name].secret}[{secret_env[name].key}]"
    return "configMap" if name in env else ""


@tool(domain="diagnostics", title="Check the environment", effect=Effect.READ)
async def check_environment(args: CheckEnvironmentInput, call: Call) -> CheckEnvironmentOutput:
    """Check the environment variables of an application's containers, or of one pod: set, from where, and up to date.

    Finds pods that still run with the value of a Secret or ConfigMap that has changed. Values are never shown.
    """
    if (args.application is None) == (args.pod is None):
        raise UsageError("whose environment?", remedy="either application or pod (with namespace)")
    rows: list[Variable] = []
    unread: list[str] = []
    if args.pod is not None:
        pod = await call.world.kube.get("v1", "Pod", args.pod, args.namespace)
        if pod is None:
            raise NotFound(f"there is no pod {args.pod} in {args.namespace}", remedy="kubectl_get kind: Pod")
        sources = Sources(call.world.kube, args.namespace)
        for box in pod["spec"]["containers"]:
            place = Place(args.namespace, args.pod, str(box["name"]))
            has = call.world.simulated
            await _container(call.world.kube, place, "", box, sources, ({}, {}), rows, unread, simulated=has)
    else:
        await _application(await Scene.look(call, str(args.application)), rows, unread, call.world.simulated)
    for row in rows if call.world.simulated else []:
        row.matches = False if row.matches is False else None
    out = _output(rows, unread)
    if call.world.simulated:
        out.unknown = [f"whether the processes in {len({row.pod for row in rows})} pods see these values"]
    return out


async def _application(scene: Scene, rows: list[Variable], unread: list[str], simulated: bool) -> None:
    sources = Sources(scene.kube, scene.namespace)
    async with anyio.create_task_group() as group:
        for name in scene.releases:
            service = next((s for s in scene.app.spec.services if s.name == name), None)
            asked: Any = (service.secret_env, service.env) if service else ({}, {})
            pods = scene.pods_of(name)
            if not pods:
                unread.append(f"{name} has no pod")
            for pod in pods:
                place = scene.place(pod, name)
                box = next(c for c in pod["spec"]["containers"] if c["name"] == place.container)
                told = (scene.kube, place, name, box, sources, asked, rows, unread)
                group.start_soon(functools.partial(_container, *told, simulated=simulated))


async def _container(
    kube: KubeEngine,
    place: Place,
    service: str,
    box: Manifest,
    sources: Sources,
    asked: tuple[dict[str, SecretKeyRef], dict[str, str]],
    rows: list[Variable],
    unread: list[str],
    *,
    simulated: bool = False,
) -> None:
    found = await origins(box, sources)
    names = sorted({*found, *asked[0], *asked[1]})
    try:
        has: dict[str, str | None]
        if simulated:  # no process is there to ask: it would get what the sources hold
            has = {name: found[name].digest or "unknown" for name in found if not found[name].missing}
        else:
            has = await kube.env_digests(*place, names)
    except LongshoreError as error:
        unread.append(f"{place.pod}/{place.container}: {error.line()}")
        return
    for name in names:
        origin = found.get(name) or Origin(source="missing")
        want = wanted_source(name, box, *asked)
        rows.append(_variable(place, service, name, origin, want, has.get(name), asked[0].get(name)))


def _variable(
    place: Place, service: str, name: str, origin: Origin, want: str, has: str | None, ref: SecretKeyRef | None
) -> Variable:
    """One row: present, from where, and equal to what its source holds now."""
    optional = origin.optional or bool(ref and ref.optional)
    row = Variable(
        service=service,
        pod=place.pod,
        container=place.container,
        name=name,
        source=origin.source,
        present=has is not None,
        optional=optional,
    )
    if has is not None and origin.digest:
        row.matches = has == origin.digest
    elif has is None and origin.digest:
        row.matches = False  # its source has a value now, which came after the container's start
    elif has is not None and origin.source.startswith(("secret/", "configMap/")):
        row.matches = False  # the key that it was taken from is gone
    if ref is not None and origin.source != want and not (optional and origin.source == "missing"):
        row.expected = want
    row.ok = row.matches is not False and not row.expected and (row.present or optional)
    return row


def _output(rows: list[Variable], unread: list[str]) -> CheckEnvironmentOutput:
    rows.sort(key=lambda v: (v.service, v.pod, v.name))
    stale = sorted({v.pod for v in rows if v.matches is False})
    reasons = list(_reasons(rows, unread))
    secret = [v for v in rows if v.source.startswith("secret/") and v.ok]
    return CheckEnvironmentOutput(
        ok=not reasons,
        reason=reasons[0] if reasons else "",
        evidence=[
            f"{sum(v.present for v in rows)} of {len(rows)} set, {sum(v.matches is True for v in rows)} current",
            *(f"{v.pod} {v.name} ← {v.source}, current" for v in secret if v.matches),
            *reasons,
        ],
        variables=rows,
        stale=stale,
        unread=unread,
    )


def _reasons(rows: list[Variable], unread: list[str]) -> Iterator[str]:
    for v in rows:
        if v.ok:
            continue
        if v.expected:
            yield f"{v.pod} {v.name} comes from {v.source}, not from {v.expected}"
        elif not v.present and not v.optional:
            yield f"{v.pod} {v.name} is not set"
        else:
            yield f"{v.pod} {v.name} has an older value than {v.source}: restart the pod"
    yield from unread
