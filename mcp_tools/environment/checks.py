"""All checks of stage 1, at the same time: every failure says how to put it right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mcp_tools.environment import programs, resources
from mcp_tools.environment.inspection import SECTIONS, TIMEOUT, Check, Inspection, Judge, Outcome, Section
from mcp_tools.errors import EnvironmentNotReady, LongshoreError

if TYPE_CHECKING:
    from mcp_tools.application import Application
    from mcp_tools.world import World

__all__ = ["CHECKS", "SECTIONS", "Check", "Section", "run_checks"]

CHECKS: tuple[tuple[str, str, Section, Judge], ...] = (
    ("minikube.version", "Minikube", "minikube", programs.minikube_version),
    ("minikube.status", "Minikube cluster", "minikube", programs.minikube_status),
    ("docker.version", "Docker", "docker", programs.docker_version),
    ("docker.daemon", "Docker daemon", "docker", programs.docker_daemon),
    ("docker.context", "Docker context", "docker", programs.docker_context),
    ("docker.gordon", "Docker AI (Gordon)", "docker", programs.docker_gordon),
    ("kubectl.version", "kubectl", "kubernetes", programs.kubectl_version),
    ("helm.version", "Helm", "kubernetes", programs.helm_version),
    ("kubectl-ai", "kubectl-ai", "optional", programs.kubectl_ai),
    ("kagent", "kagent", "optional", programs.kagent),
    ("context7", "context7", "optional", programs.context7),
    ("memory", "Memory", "resources", resources.memory),
    ("disk", "Disk", "resources", resources.disk),
    ("containers", "Containers", "resources", resources.containers),
    ("ports", "Ports", "resources", resources.ports),
    ("registry", "Registry", "resources", resources.registry),
    ("python", "Python", "resources", resources.python),
    ("settings", "Settings", "resources", resources.settings),
)
_OPTIONAL = frozenset({"docker.gordon", "kubectl-ai", "kagent", "context7", "kubectl.version", "registry", "ports"})

_OF_THE_SANDBOX = frozenset({"kubectl.version", "helm.version", "context7", "python", "settings"})
"""What the sandbox needs or can use as well; it asks nothing of Docker, Minikube and the machine's size."""


async def run_checks(world: World, application: Application | None, section: Section | None = None) -> list[Check]:
    """All checks, or those of one section, at the same time; in their fixed order."""
    seen = Inspection(world, application)
    chosen = [entry for entry in CHECKS if section in (None, entry[2])]
    try:
        return list(await asyncio.gather(*(_judged(seen, *entry) for entry in chosen)))
    finally:
        seen.close()


async def _judged(seen: Inspection, check: str, title: str, section: Section, judge: Judge) -> Check:
    if seen.world.simulated and check not in _OF_THE_SANDBOX:
        found = "sandbox (simulated): it needs none"
        return Check(check, title, section, "skipped", found, "nothing, on the sandbox")
    if section == "minikube" and not seen.world.is_minikube:
        return Check(check, title, section, "skipped", f"the target is {seen.world.target}", "a Minikube target")
    try:
        async with asyncio.timeout(2 * TIMEOUT):
            return await judge(seen)
    except LongshoreError as error:
        known = isinstance(error, EnvironmentNotReady)
        found = f"{error.what}: {error.why}" if error.why else error.what
        remedy = error.remedy or ("install it" if known else "look at the message, then again")
    except (TimeoutError, OSError, ValueError) as error:
        found, remedy = f"{type(error).__name__}: {error}", "again; when it stays, the message says what to look at"
    status: Outcome = "warning" if check in _OPTIONAL else "failed"
    if check == "containers":  # docker.daemon says what is wrong and what to do
        status, remedy = "skipped", ""
    return Check(check, title, section, status, found[:400], "an answer", remedy)
