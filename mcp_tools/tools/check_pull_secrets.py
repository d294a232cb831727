"""check_pull_secrets: the credentials that images are pulled with, and whether the images are there at all."""

from __future__ import annotations

import base64
import json
from typing import Any

from pydantic import BaseModel, Field

from mcp_tools import application
from mcp_tools.catalog import Effect, ToolInput, tool
from mcp_tools.diagnosis.rules_images import REASONS, images_on_nodes
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, ref_of, states, waiting
from mcp_tools.diagnosis.sweep import sweep
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.engines.rollout_causes import split_image
from mcp_tools.errors import UsageError
from mcp_tools.names import Namespace, PathArg
from mcp_tools.tools.check_common import CheckOutput, mark
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

TYPES = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


class CheckPullSecretsInput(ToolInput):
    """An application, or a namespace."""

    application: PathArg | None = Field(None, description="A longshore.yaml, or the folder with it")
    namespace: Namespace | None = None


class PullSecret(BaseModel):
    """One imagePullSecret that a pod or its service account names."""

    name: str
    used_by: list[str]
    exists: bool
    type: str = ""
    registries: list[Untrusted] = Field(default_factory=list, description="Hosts that it has credentials for")
    ok: bool
    problem: str = ""


class PulledImage(BaseModel):
    """One image that pods use."""

    image: str
    pods: list[str]
    pull_policy: str
    state: str = Field(description="running, on node, waiting, or unknown")
    ok: bool
    problem: Untrusted = ""


class CheckPullSecretsOutput(CheckOutput):
    """``ok``: every pull secret is a usable one, and every image is there or is being pulled without trouble."""

    pull_secrets: list[PullSecret]
    images: list[PulledImage]

    def text(self) -> str:
        """A line per secret and image."""
        lines = [
            f"{mark(self.ok)} {len(self.pull_secrets)} pull secrets, {len(self.images)} images {self.reason}".rstrip()
        ]
        lines += [
            f"  {mark(s.ok)} {s.name} ({s.type or 'missing'}) {', '.join(s.registries)} {s.problem}".rstrip()
            for s in self.pull_secrets
        ]
        lines += [f"  {mark(i.ok)} {i.image} {i.pull_policy}: {i.state} {i.problem}".rstrip() for i in self.images]
        return "\n".join(lines)


def space_of(call: Call, path: str | None, namespace: str | None) -> str:
    """The namespace that is meant.

    Raises:
        UsageError: neither or both of an application and a namespace are given.
    """
    if (path is None) == (namespace is None):
        raise UsageError("which namespace?", remedy="either application or namespace")
    return namespace or application.load(call.path(str(path))).spec.namespace


@tool(domain="diagnostics", title="Check image pull secrets", effect=Effect.READ)
async def check_pull_secrets(args: CheckPullSecretsInput, call: Call) -> CheckPullSecretsOutput:
    """Check the image pull secrets of a namespace (they exist, have the right type, name a registry) and its images."""
    space = space_of(call, args.application, args.namespace)
    kube = call.world.kube
    seen = await sweep(kube, space)
    used = _used(seen)
    secrets = [await _secret(kube, space, name, users) for name, users in sorted(used.items())]
    images = _images(seen)
    problems = [s.problem for s in secrets if not s.ok] + [f"{i.image}: {i.problem}" for i in images if not i.ok]
    none = ["no pod and no service account names a pull secret: images are local or public"] if not secrets else []
    return CheckPullSecretsOutput(
        ok=not problems,
        reason=problems[0] if problems else "",
        evidence=[
            *none,
            *(f"{s.name}: {s.type}" for s in secrets),
            *(f"{i.image}: {i.state}" for i in images),
            *problems,
        ],
        pull_secrets=secrets,
        images=images,
    )


def _used(seen: Snapshot) -> dict[str, set[str]]:
    """Pull secret → who names it."""
    found: dict[str, set[str]] = {}
    for pod in seen.live_pods():
        for ref in (pod.get("spec") or {}).get("imagePullSecrets") or []:
            found.setdefault(str(ref.get("name")), set()).add(str(ref_of(seen.workload(pod))))
    for account in seen.all("ServiceAccount"):
        for ref in account.get("imagePullSecrets") or []:
            found.setdefault(str(ref.get("name")), set()).add(str(ref_of(account)))
    return found


async def _secret(kube: KubeEngine, space: str, name: str, users: set[str]) -> PullSecret:
    row = PullSecret(name=name, used_by=sorted(users), exists=False, ok=False)
    item = await kube.get("v1", "Secret", name, space)
    if item is None:
        row.problem = f"pull secret {name} does not exist, but {', '.join(row.used_by)} names it"
        return row
    row.exists, row.type = True, str(item.get("type") or "Opaque")
    key = TYPES.get(row.type)
    if key is None:
        row.problem = f"pull secret {name} has type {row.type}, not kubernetes.io/dockerconfigjson"
        return row
    row.registries = registries(str((item.get("data") or {}).get(key, "")), key)
    row.ok = bool(row.registries)
    row.problem = "" if row.ok else f"pull secret {name} holds no credentials of a registry"
    return row


def registries(encoded: str, key: str) -> list[str]:
    """The hosts that a Docker configuration has credentials for; empty when it cannot be read."""
    try:
        data: Any = json.loads(base64.b64decode(encoded))
    except ValueError:
        return []
    auths = data.get("auths") if isinstance(data, dict) and key == ".dockerconfigjson" else data
    if not isinstance(auths, dict):
        return []
    return sorted(host for host, entry in auths.items() if isinstance(entry, dict) and entry)


def _images(seen: Snapshot) -> list[PulledImage]:
    on_nodes = images_on_nodes(seen)
    rows: dict[str, PulledImage] = {}
    for pod in seen.live_pods():
        for container, status in states(pod):
            image = str(container.get("image"))
            row = rows.setdefault(
                image,
                PulledImage(image=image, pods=[], pull_policy=_policy(container), state="unknown", ok=True),
            )
            row.pods.append(ref_of(pod).name)
            _judge(row, status, on_nodes)
    return sorted(rows.values(), key=lambda row: row.image)


def _policy(container: Manifest) -> str:
    return str(container.get("imagePullPolicy") or "IfNotPresent")


def _judge(row: PulledImage, status: Manifest, on_nodes: dict[str, set[str]]) -> None:
    reason, message = waiting(status)
    repository, tag = split_image(row.image)
    if reason in REASONS:
        row.ok, row.state, row.problem = False, "waiting", f"{reason}: {message[:300]}"
    elif status.get("imageID") and row.state != "waiting":
        row.state = "running"
    elif tag in on_nodes.get(repository, set()) and row.state == "unknown":
        row.state = "on node"
    if row.pull_policy == "Always" and row.ok and "/" not in row.image:
        row.problem = "imagePullPolicy Always asks a registry at every start: a local image must use IfNotPresent"
