"""minikube_status, minikube_start, minikube_delete: the cluster itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from pydantic import Field

from mcp_tools.catalog import Effect, Inverse, Observation, Preview, ToolInput, ToolOutput, tool
from mcp_tools.engines import environment
from mcp_tools.engines.minikube_parse import Profile, StartEvent, Status
from mcp_tools.engines.minikube_sizing import Machine, Sizes, fit, shortfalls
from mcp_tools.errors import Conflict, EnvironmentNotReady, LongshoreError, ToolFailed
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

if TYPE_CHECKING:
    from mcp_tools.engines.minikube import MinikubeEngine

_SYSTEM = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
LOOK = 10.0
"""Seconds for a look into a cluster that is to be deleted; it may be broken."""


class MinikubeInput(ToolInput):
    """Nothing: the profile is the target's."""


class MinikubeStatusOutput(ToolOutput):
    """The cluster as Minikube sees it."""

    installed: bool
    version: str = ""
    profile: str
    host: str = "Nonexistent"
    kubelet: str = "Nonexistent"
    apiserver: str = "Nonexistent"
    driver: str = ""
    runtime: str = ""
    kubernetes: str = ""
    cpus: int = 0
    memory_mib: int = 0
    context: str = Field(description="kubeconfig context of the cluster")
    ready: bool = False

    def text(self) -> str:
        """Two lines."""
        if not self.installed:
            return "Minikube is not installed: https://minikube.sigs.k8s.io/docs/start/"
        head = f"Minikube {self.version}, profile {self.profile}: {'ready' if self.ready else 'NOT READY'}"
        parts = f"host {self.host}, kubelet {self.kubelet}, apiserver {self.apiserver}"
        if not self.driver:
            return f"{head} ({parts}); minikube_start makes it"
        size = f"{self.cpus} CPUs, {self.memory_mib} MiB"
        return f"{head} ({parts})\nKubernetes {self.kubernetes}, {self.driver} driver, {self.runtime} runtime, {size}"


class MinikubeStartInput(ToolInput):
    """The wanted size of the cluster; reduced, with a warning, where the machine has less."""

    cpus: int = Field(4, ge=2, le=512)
    memory_mib: int = Field(8192, ge=1800, description="MiB")
    minimum_memory_mib: int = Field(4096, ge=1024, description="MiB; with less it is not started")
    disk_gib: int = Field(20, ge=5, description="GiB")


class MinikubeStartOutput(ToolOutput):
    """The cluster that runs now, and in what it differs from the wanted one."""

    profile: str
    cpus: int
    memory_mib: int
    disk_gib: int
    warnings: list[Untrusted] = Field(default_factory=list)
    seconds: float

    def text(self) -> str:
        """One line, and one for each warning."""
        did = f"started in {self.seconds:.0f} s" if self.changed else "runs already"
        head = f"Minikube {self.profile} {did}: {self.cpus} CPUs, {self.memory_mib} MiB, {self.disk_gib} GiB disk"
        return "\n".join([head, *(f"warning: {warning}" for warning in self.warnings)])


class MinikubeDeleteOutput(ToolOutput):
    """What was deleted."""

    profile: str
    lost: list[Untrusted] = Field(default_factory=list)
    seconds: float

    def text(self) -> str:
        """One line."""
        if not self.changed:
            return f"there is no Minikube profile {self.profile}"
        return f"Minikube {self.profile} deleted, with {len(self.lost)} things in it, in {self.seconds:.0f} s"


@dataclass(frozen=True)
class _Seen:
    """The cluster that is there, and the size that will be or is used."""

    status: Status
    profile: Profile | None
    sizes: Sizes


async def _look(minikube: MinikubeEngine) -> tuple[Status, Profile | None]:
    profile = await minikube.config()
    return (Status(), None) if profile is None else (await minikube.status(), profile)


async def _machine(call: Call) -> Machine:
    return environment.machine_of(await call.world.docker.info())


async def _seen(args: MinikubeStartInput, call: Call) -> _Seen:
    """Look at the cluster and the machine.

    Raises:
        EnvironmentNotReady: the machine or the cluster is too small, or Docker does not run.
        Conflict: there is a cluster, and it is broken.
    """
    status, profile = await _look(call.world.minikube)
    wanted = Sizes(args.cpus, args.memory_mib, args.disk_gib)
    if profile is None:
        await _nobody_elses(call)
        return _Seen(status, None, fit(wanted, args.minimum_memory_mib, await _machine(call)))
    if not profile.valid:
        raise Conflict(
            f"Minikube profile {profile.name} is broken",
            "Minikube cannot read its settings",
            "minikube_delete (everything in it is lost), then minikube_start",
        )
    machine: Machine | None = None
    if call.world.simulated:  # a simulated node has whatever size it says
        return _Seen(status, profile, Sizes(profile.cpus, profile.memory_mib, round(profile.disk_mb / 1000)))
    if profile.cpus < args.cpus or profile.memory_mib < args.memory_mib:
        try:
            machine = await _machine(call)
        except EnvironmentNotReady:
            if not status.ready:
                raise
    warnings = shortfalls(profile, wanted, args.minimum_memory_mib, machine)
    disk = round(profile.disk_mb / 1000) or args.disk_gib
    return _Seen(status, profile, Sizes(profile.cpus, profile.memory_mib, disk, warnings))


NODE_LABEL = "name.minikube.sigs.k8s.io"


async def _nobody_elses(call: Call) -> None:
    """Minikube deletes a node container of its profile's name before it makes one, also one of another Minikube home.

    Raises:
        Conflict: there is such a container, and this Minikube home has no profile for it.
    """
    name = call.world.minikube.profile
    for found in await call.world.docker.containers(everything=True):
        if found.name == name or found.labels.get(NODE_LABEL) == name:
            raise Conflict(
                f"there is a container {found.name} already, and no Minikube profile {name} for it",
                "another Minikube home owns that cluster, and starting here would delete it",
                "set MINIKUBE_HOME to that home, or use another profile: --profile NAME",
            )


async def observe_start(args: MinikubeStartInput, call: Call) -> Observation:
    """A cluster that runs is done; a stopped one is started as it is; otherwise one is made."""
    seen, name = await _seen(args, call), call.world.minikube.profile
    sizes = seen.sizes
    size = f"{sizes.cpus} CPUs, {sizes.memory_mib} MiB, {sizes.disk_gib} GiB disk"
    warned = "".join(f"; {warning}" for warning in sizes.warnings)
    state = {
        "profile": name,
        "host": seen.status.host,
        "ready": seen.status.ready,
        "exists": seen.profile is not None,
        "sizes": [sizes.cpus, sizes.memory_mib, sizes.disk_gib],
    }
    if seen.profile is not None and seen.status.ready:
        summary = f"Minikube {name} runs: {size}{warned}"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    if seen.profile is not None:
        return Observation(
            effect=Effect.CREATE,
            preview=Preview(summary=f"start Minikube {name} (host {seen.status.host}) as it is: {size}{warned}"),
            state=state,
        )
    preview = Preview(
        summary=f"make Minikube cluster {name}: {size}{warned}",
        added=[f"Minikube profile {name}", f"kubeconfig context {name}"],
        inverse=Inverse(tool="minikube_delete"),
    )
    return Observation(effect=Effect.CREATE, preview=preview, state=state)


@tool(domain="minikube", title="Show the cluster's state", effect=Effect.READ)
async def minikube_status(args: MinikubeInput, call: Call) -> MinikubeStatusOutput:
    """Show whether Minikube is installed and its cluster ready: host, kubelet, API server, driver, runtime and size."""
    minikube = call.world.minikube
    if not minikube.installed:
        return MinikubeStatusOutput(installed=False, profile=minikube.profile, context=call.world.context)
    version, (status, profile) = await asyncio.gather(minikube.version(), _look(minikube))
    return MinikubeStatusOutput(
        evidence=[f"minikube status: host {status.host}, kubelet {status.kubelet}, apiserver {status.apiserver}"],
        installed=True,
        version=version,
        profile=minikube.profile,
        host=status.host,
        kubelet=status.kubelet,
        apiserver=status.apiserver,
        driver=profile.driver if profile else "",
        runtime=profile.runtime if profile else "",
        kubernetes=profile.kubernetes if profile else "",
        cpus=profile.cpus if profile else 0,
        memory_mib=profile.memory_mib if profile else 0,
        context=call.world.context,
        ready=status.ready,
    )


@tool(domain="minikube", title="Start the cluster", effect=Effect.CREATE, observe=observe_start, long=True)
async def minikube_start(args: MinikubeStartInput, call: Call) -> MinikubeStartOutput:
    """Make or start the Minikube cluster; a running one stays as it is, and is never resized: Minikube cannot."""
    started, minikube = time.monotonic(), call.world.minikube
    seen = await _seen(args, call)
    sizes, warnings = seen.sizes, list(seen.sizes.warnings)
    changed = not (seen.profile is not None and seen.status.ready)
    if changed:
        fresh = seen.profile is None
        warnings += await minikube.start(
            permit=call.permit,
            cpus=sizes.cpus if fresh else None,
            memory_mib=sizes.memory_mib if fresh else None,
            disk_gib=sizes.disk_gib if fresh else None,
            driver=seen.profile.driver if seen.profile else "docker",
            on_event=lambda event: _tell(event, call),
        )
    status, profile = await _look(minikube)
    if not status.ready or profile is None:
        raise ToolFailed(
            f"Minikube {minikube.profile} started, but is not ready",
            f"host {status.host}, kubelet {status.kubelet}, apiserver {status.apiserver}",
            f"minikube logs -p {minikube.profile}; then minikube_start again",
        )
    return MinikubeStartOutput(
        changed=changed,
        evidence=[
            *(["the sandbox (simulated) is up; Minikube is not asked"] if call.world.simulated else []),
            f"host {status.host}, kubelet {status.kubelet}, apiserver {status.apiserver}",
            f"{profile.cpus} CPUs, {profile.memory_mib} MiB, Kubernetes {profile.kubernetes}",
            *warnings,
        ],
        profile=profile.name,
        cpus=profile.cpus,
        memory_mib=profile.memory_mib,
        disk_gib=round(profile.disk_mb / 1000) or sizes.disk_gib,
        warnings=list(dict.fromkeys(warnings)),
        seconds=round(time.monotonic() - started, 2),
    )


async def _tell(event: StartEvent, call: Call) -> None:
    if event.kind in {"step", "download"}:
        await call.progress(event.step, event.total or None, event.message)


async def _contents(call: Call) -> tuple[list[str], str]:
    """What a deletion would lose, and why that cannot be seen, if it cannot."""
    kube, found = call.world.kube, []
    try:
        with anyio.fail_after(LOOK):
            for space in await kube.list("v1", "Namespace", metadata_only=True):
                if space["metadata"]["name"] not in _SYSTEM:
                    found.append(f"Namespace/{space['metadata']['name']}")
            for volume in await kube.list("v1", "PersistentVolume"):
                spec = volume.get("spec") or {}
                claim = spec.get("claimRef") or {}
                size = (spec.get("capacity") or {}).get("storage", "?")
                of = f"{claim.get('namespace')}/{claim.get('name')}" if claim else "no claim"
                found.append(f"PersistentVolume/{volume['metadata']['name']} ({of}, {size}): its data")
            for release in await call.world.helm.releases(None):
                found.append(f"Release {release.namespace}/{release.name} revision {release.revision}")
    except (LongshoreError, TimeoutError) as error:
        return sorted(found), str(error) or f"the cluster did not answer in {LOOK:g} s"
    return sorted(found), ""


async def observe_delete(args: MinikubeInput, call: Call) -> Observation:
    """What is in the cluster, all of which is lost."""
    minikube = call.world.minikube
    status, profile = await _look(minikube)
    if profile is None:
        summary = f"there is no Minikube profile {minikube.profile}"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state={"exists": False}, done=True)
    lost, unseen = await _contents(call) if status.ready else ([], f"its host is {status.host}")
    summary = f"delete Minikube {minikube.profile} with everything in it: {len(lost)} namespaces, volumes and releases"
    if unseen:
        summary += f"; what else is in it cannot be seen: {unseen}"
    preview = Preview(summary=summary, lost=[f"Minikube profile {minikube.profile}", *lost])
    state = {"exists": True, "host": status.host, "lost": lost}
    return Observation(effect=Effect.DESTROY, preview=preview, state=state)


@tool(domain="minikube", title="Delete the cluster", effect=Effect.DESTROY, observe=observe_delete, long=True)
async def minikube_delete(args: MinikubeInput, call: Call) -> MinikubeDeleteOutput:
    """Delete the Minikube cluster of the target with everything in it: namespaces, volumes, releases and images."""
    started, minikube = time.monotonic(), call.world.minikube
    if await minikube.config() is None:
        return MinikubeDeleteOutput(profile=minikube.profile, seconds=0.0)
    lost = list(call.observation.preview.lost[1:]) if call.observation else []
    await minikube.delete(permit=call.permit)
    return MinikubeDeleteOutput(
        changed=True,
        evidence=[f"minikube profile list has no {minikube.profile} any more"],
        profile=minikube.profile,
        lost=lost,
        seconds=round(time.monotonic() - started, 2),
    )
