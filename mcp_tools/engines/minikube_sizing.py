"""How large a cluster can be on this machine: what was wanted, reduced with a warning, or refused with the remedy."""

from __future__ import annotations

from dataclasses import dataclass, field

from mcp_tools.engines.minikube_parse import Profile
from mcp_tools.errors import EnvironmentNotReady

__all__ = ["Machine", "Sizes", "fit", "shortfalls"]

RESERVE = 0.1
"""Part of the memory that is left to the machine itself, but at least ``RESERVE_MIB``."""

RESERVE_MIB = 512

MINIMUM_CPUS = 2
"""Kubernetes' own; Minikube refuses less."""

MINIMUM_DISK_GIB = 5
"""Minikube's images and a small application."""


@dataclass(frozen=True)
class Machine:
    """What the machine that runs the node has. With Docker Desktop that is its virtual machine.

    ``disk_free_gib`` is None when it cannot be seen from here.
    """

    cpus: int
    memory_mib: int
    disk_free_gib: float | None = None
    title: str = "this machine"

    @property
    def usable_mib(self) -> int:
        """The memory that a cluster may have."""
        return self.memory_mib - max(RESERVE_MIB, int(self.memory_mib * RESERVE))


@dataclass(frozen=True)
class Sizes:
    """The size of a cluster, and what had to be reduced."""

    cpus: int
    memory_mib: int
    disk_gib: int
    warnings: list[str] = field(default_factory=list)


def fit(wanted: Sizes, minimum_memory_mib: int, machine: Machine) -> Sizes:
    """The wanted size, reduced to what the machine has.

    Raises:
        EnvironmentNotReady: too little memory, CPUs or disk for a cluster at all.
    """
    warnings: list[str] = []
    if machine.cpus < MINIMUM_CPUS:
        raise EnvironmentNotReady(
            f"Kubernetes needs {MINIMUM_CPUS} CPUs", f"{machine.title} has {machine.cpus}", "give Docker more CPUs"
        )
    cpus = min(wanted.cpus, machine.cpus)
    if cpus < wanted.cpus:
        warnings.append(f"{wanted.cpus} CPUs are wanted, {machine.title} has {machine.cpus}: {cpus} are used")
    usable = machine.usable_mib
    memory = min(wanted.memory_mib, usable)
    if memory < min(minimum_memory_mib, wanted.memory_mib):
        raise EnvironmentNotReady(
            f"the cluster needs {minimum_memory_mib} MiB of memory",
            f"{machine.title} has {machine.memory_mib} MiB, of which {max(usable, 0)} MiB can be used",
            "give Docker more memory (Docker Desktop: Settings, Resources), or set spec.cluster.minimumMemoryMib lower",
        )
    if memory < wanted.memory_mib:
        warnings.append(
            f"{wanted.memory_mib} MiB of memory are wanted, {machine.title} has {machine.memory_mib}: {memory} are used"
        )
    return Sizes(cpus, memory, _disk(wanted.disk_gib, machine, warnings), warnings)


def _disk(wanted: int, machine: Machine, warnings: list[str]) -> int:
    free = machine.disk_free_gib
    if free is None or free >= wanted:
        return wanted
    if free < MINIMUM_DISK_GIB:
        raise EnvironmentNotReady(
            f"the cluster needs at least {MINIMUM_DISK_GIB} GiB of disk",
            f"{free:.1f} GiB are free where Docker keeps its data",
            "free some: docker system df shows what Docker keeps",
        )
    warnings.append(f"{wanted} GiB of disk are wanted, {free:.1f} GiB are free: {int(free)} are used")
    return int(free)


def shortfalls(profile: Profile, wanted: Sizes, minimum_memory_mib: int, machine: Machine | None) -> list[str]:
    """In what an existing cluster is smaller than wanted, as warnings.

    Minikube cannot resize a cluster: it would have to be deleted, with everything in it, which is for a human to say.

    Raises:
        EnvironmentNotReady: it has less memory than the application needs at least.
    """
    remake = "minikube_delete (everything in it is lost), then minikube_start"
    if 0 < profile.memory_mib < minimum_memory_mib:
        raise EnvironmentNotReady(
            f"Minikube {profile.name} has {profile.memory_mib} MiB of memory, at least {minimum_memory_mib} are needed",
            "Minikube cannot resize a cluster",
            remake,
        )
    found: list[str] = []
    parts = (
        ("CPUs", profile.cpus, wanted.cpus, machine.cpus if machine else None),
        ("MiB of memory", profile.memory_mib, wanted.memory_mib, machine.usable_mib if machine else None),
    )
    for what, has, want, most in parts:
        if not 0 < has < want:
            continue
        if most is not None and has >= min(want, most):
            found.append(f"the cluster has {has} {what}, {want} are wanted; {_title(machine)} has no more")
        else:
            found.append(f"the cluster has {has} {what}, {want} are wanted; Minikube cannot resize it: {remake}")
    return found


def _title(machine: Machine | None) -> str:
    return machine.title if machine else "this machine"
