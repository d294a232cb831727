"""Checks of the resources: memory, disk, containers, ports, the registry, Python and the settings."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from mcp_tools.engines import environment
from mcp_tools.engines.minikube_parse import Profile
from mcp_tools.environment.inspection import Check, Inspection, Outcome
from mcp_tools.errors import LongshoreError

DISK_GIB = 20
DISK_LOW_GIB = 5
MEMORY_MIB = 4096
MEMORY_GOOD_MIB = 8192
# A machine sold with 8 GB shows a little less: firmware and kernel keep some.
SLACK = 0.9


async def memory(seen: Inspection) -> Check:
    """The cluster has, or can be given, 4 GB of memory; 8 are recommended."""
    cluster = seen.application.spec.cluster if seen.application else None
    least, good = (cluster.minimum_memory_mib, cluster.memory_mib) if cluster else (MEMORY_MIB, MEMORY_GOOD_MIB)
    title, expected = "Memory", f"{least} MiB for Minikube, {good} recommended"
    profile: Profile | None = None
    if seen.world.is_minikube and seen.world.minikube.installed:
        profile = (await seen.cluster())[1]
    here = environment.memory()
    free = f", {here.available_mib} MiB of this machine's are available" if here.available_mib is not None else ""
    if profile is not None and profile.memory_mib:
        size, found = profile.memory_mib, f"Minikube {profile.name} has {profile.memory_mib} MiB{free}"
        remedy = "minikube_delete (everything in it is lost), then minikube_start with more memory_mib"
        small = size < least
    else:
        try:
            daemon = await seen.daemon()
            size, of = daemon.memory // environment.MIB, f"Docker on {daemon.operating_system}"
        except LongshoreError:
            size, of = here.total_mib, "this machine"
        found = f"{of} has {size} MiB{free}"
        remedy = "give Docker more memory (Docker Desktop: Settings, Resources)"
        small = size < least * SLACK
    if small:
        return Check("memory", title, "resources", "failed", found, expected, remedy)
    if size < good * SLACK:
        return Check("memory", title, "resources", "warning", found, expected, f"works; for more: {remedy}")
    return Check("memory", title, "resources", "ok", found, expected)


async def disk(seen: Inspection) -> Check:
    """20 GB are free where Docker keeps its data; a cluster that is there already needs less."""
    title, expected, remote = "Disk", f"{DISK_GIB} GiB free where Docker keeps its data", ""
    folder = str(Path.home())
    try:
        daemon = await seen.daemon()
        if daemon.desktop:
            remote = "; Docker Desktop has a disk of its own (Settings, Resources)"
        else:
            folder = daemon.root or folder
    except LongshoreError:
        remote = "; Docker does not answer, so this is the home folder's disk"
    free = environment.disk_free(folder)
    if free is None:
        return Check("disk", title, "resources", "skipped", f"{folder} cannot be seen from here", expected)
    found = f"{free[0]:.1f} GiB free at {free[1]}{remote}"
    if free[0] >= DISK_GIB:
        return Check("disk", title, "resources", "ok", found, expected)
    running = False
    if seen.world.is_minikube and seen.world.minikube.installed:
        running = (await seen.cluster())[0].ready
    status: Outcome = "warning" if running and free[0] >= DISK_LOW_GIB else "failed"
    return Check("disk", title, "resources", status, found, expected, "free some: docker system df shows what it keeps")


async def ports(seen: Inspection) -> Check:
    """The application's ports are free on this machine; only port-forwards use them, and those can take others."""
    title, expected = "Ports", "the application's ports free on this machine"
    if seen.application is None:
        return Check("ports", title, "resources", "skipped", "no application named", expected)
    wanted = {service.port: service.name for service in seen.application.spec.services}
    taken = [f"{port} ({wanted[port]})" for port in sorted(wanted) if environment.port_taken(port)]
    if not taken:
        return Check("ports", title, "resources", "ok", f"{', '.join(map(str, sorted(wanted)))} are free", expected)
    remedy = "no harm in the cluster: a port-forward takes another port; or end what listens there"
    return Check("ports", title, "resources", "warning", f"taken: {', '.join(taken)}", expected, remedy)


async def containers(seen: Inspection) -> Check:
    """No container stands in the way: none has the node's name, the application's names or its ports."""
    title, expected = "Containers", "none with the application's names or ports, or the node's name"
    running = await seen.containers()
    name = seen.world.profile
    others = [c for c in running if not any("minikube.sigs.k8s.io" in label for label in c.labels)]
    if seen.world.is_minikube and (thief := next((c for c in others if c.name == name), None)):
        found = f"container {name} ({thief.image}) is no Minikube node, but has its name"
        return Check("containers", title, "resources", "failed", found, expected, f"docker rename {name} {name}-other")
    spec = seen.application.spec if seen.application else None
    names = (
        {s.name for s in spec.services} | ({spec.database.name} if spec and spec.database else set()) if spec else set()
    )
    wanted = {s.port for s in spec.services} if spec else set()
    clashes = [c for c in others if c.name in names or wanted & set(c.ports)]
    if clashes:
        found = ", ".join(f"{c.name} ({', '.join(map(str, c.ports)) or 'no host ports'})" for c in clashes)
        remedy = f"no harm in the cluster; docker stop {' '.join(c.name for c in clashes)}"
        return Check("containers", title, "resources", "warning", found, expected, remedy)
    return Check("containers", title, "resources", "ok", f"{len(running)} running, none in the way", expected)


async def registry(seen: Inspection) -> Check:
    """Docker Hub can be reached for base images; without it, those that are here suffice."""
    host, port, title = environment.registry_endpoint()
    reached, bases = await asyncio.gather(environment.reach(host, port), _base_images(seen))
    found = [f"{title} answers" if reached.ok else f"{title} does not answer ({reached.error})"]
    if bases is not None and bases.here:
        found.append(f"base images here: {', '.join(bases.here)}")
    if bases is not None and bases.missing:
        found.append(f"not here: {', '.join(bases.missing)}")
    expected = "docker.io reachable, or all base images here"
    if reached.ok or (bases is not None and not bases.missing):
        return Check("registry", "Registry", "resources", "ok", "; ".join(found), expected)
    remedy = "check the network or HTTPS_PROXY; builds work as long as the base images are here"
    if bases is not None:
        remedy = f"check the network or HTTPS_PROXY, or bring {', '.join(bases.missing)} with docker load"
    return Check("registry", "Registry", "resources", "warning", "; ".join(found), expected, remedy)


@dataclass(frozen=True)
class _Bases:
    here: list[str]
    missing: list[str]


async def _base_images(seen: Inspection) -> _Bases | None:
    """The base images of the application's Dockerfiles and its database's image: those here, and those not.

    None without an application, and when Docker does not answer.
    """
    if seen.application is None:
        return None
    wanted: list[str] = []
    for service in seen.application.spec.services:
        file = seen.application.context_of(service) / service.dockerfile
        if file.is_file():
            wanted += environment.base_images(file.read_text(encoding="utf-8", errors="replace"), service.build_args)
    if seen.application.spec.database:
        wanted.append(seen.application.spec.database.image)
    wanted = list(dict.fromkeys(wanted))
    try:
        local = {f"{image.repository}:{image.tag}" for image in await seen.images()}
    except LongshoreError:
        return None
    here = [name for name in wanted if name.removeprefix("docker.io/").removeprefix("library/") in local]
    return _Bases(here, [name for name in wanted if name not in here])


async def python(seen: Inspection) -> Check:
    """Python is new enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    status: Outcome = "ok" if sys.version_info >= (3, 11) else "failed"
    return Check(
        "python", "Python", "resources", status, found, "3.11 or newer", "" if status == "ok" else "install 3.11"
    )


async def settings(seen: Inspection) -> Check:
    """The configuration can be read, and KUBECONFIG and DOCKER_HOST do not point at nothing."""
    from mcp_tools import config

    title, expected = "Settings", "readable, pointing at what is there"
    # a URL may carry a key: only its presence is told
    shown = [(s.name, "set" if "url" in s.name else s.value, s.source) for s in config.load()[1]]
    given = [f"{name}={value} ({source})" for name, value, source in shown if source != "default"]
    gone = _missing(os.environ.get("KUBECONFIG", ""))
    if gone:
        remedy = "unset KUBECONFIG, or minikube update-context"
        found = f"KUBECONFIG names {', '.join(gone)}, which is not there"
        return Check("settings", title, "resources", "warning", found, expected, remedy)
    return Check("settings", title, "resources", "ok", ", ".join(given) or "all at their defaults", expected)


def _missing(paths: str) -> list[str]:
    return [file for file in paths.split(os.pathsep) if file and not Path(file).is_file()]
