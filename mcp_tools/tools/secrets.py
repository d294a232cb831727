"""secret_ensure: the secrets an application needs, made where they are missing and never shown.

Values go from where they come (the system's random source, an environment variable, a template of other keys)
straight into the request to the API server: not into argv, output, logs or the journal.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field

from mcp_tools import application
from mcp_tools.catalog import Effect, Observation, Preview, ToolInput, ToolOutput, tool
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import Conflict, EnvironmentNotReady, UsageError
from mcp_tools.names import Namespace, PathArg
from mcp_tools.world import Call

MAX_BYTES = 4096
_PLACE = re.compile(r"\$\{([A-Za-z0-9._-]+)\}")
_ALPHABET = string.ascii_letters + string.digits  # safe in URLs, so that templates need no quoting


class SecretEnsureInput(ToolInput):
    """Whose secrets."""

    application: PathArg = Field("longshore.yaml", description="The application's longshore.yaml")
    namespace: Namespace | None = Field(None, description="Default: the application's")


class SecretKeys(BaseModel):
    """One Secret, by the names of its keys."""

    name: str
    created_keys: list[str] = Field(default_factory=list)
    kept_keys: list[str] = Field(default_factory=list)
    missing_keys: list[str] = Field(default_factory=list, description="Optional keys that have no source here")


class SecretEnsureOutput(ToolOutput):
    """What was made; no value is in it."""

    namespace: str
    secrets: list[SecretKeys]


@dataclass
class _Plan:
    """One Secret: the specs of its keys, and what it has already (values stay inside this object)."""

    name: str
    specs: dict[str, dict[str, Any]]
    existing: dict[str, str] = field(default_factory=dict, repr=False)
    uid: str = ""
    kept: list[str] = field(default_factory=list)
    create: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def shown(self, created: bool) -> SecretKeys:
        keys = self.create if created else []
        return SecretKeys(name=self.name, created_keys=keys, kept_keys=self.kept, missing_keys=self.missing)


def specs_of(app: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """Secret → key → spec, as written in longshore.yaml."""
    spec = (
        app.spec if isinstance(app.spec, dict) else app.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    )
    return {str(s["name"]): {str(key): dict(how) for key, how in s["keys"].items()} for s in spec.get("secrets") or []}


def generate(how: Mapping[str, Any]) -> str:
    """A random value: ``bytes`` of entropy as URL-safe text, or ``length`` letters and digits.

    Raises:
        UsageError: neither, or too short to be a secret.
    """
    size, length = how.get("bytes"), how.get("length")
    if size is not None and 16 <= int(size) <= MAX_BYTES:
        return secrets.token_urlsafe(int(size))
    if length is not None and 16 <= int(length) <= MAX_BYTES:
        return "".join(secrets.choice(_ALPHABET) for _ in range(int(length)))
    raise UsageError(
        "a generated secret needs 16 or more bytes, or a length of 16 or more", remedy="generate: {bytes: 32}"
    )


def decide(plan: _Plan, env: Mapping[str, str]) -> None:
    """Sort a Secret's keys into kept, to create, and missing (optional ones without a source).

    Raises:
        EnvironmentNotReady: a required environment variable is not set; names it.
        UsageError: a template names a key that there is not, or templates go in a circle.
    """
    for key in _ordered(plan):
        how = plan.specs[key]
        if key in plan.existing:
            plan.kept.append(key)
        elif "fromEnv" in how and "template" not in how and not env.get(str(how["fromEnv"])):
            if not how.get("optional"):
                name = how["fromEnv"]
                raise EnvironmentNotReady(
                    f"environment variable {name} is not set",
                    f"key {key} of secret {plan.name} comes from it",
                    f"export {name}=… and try again",
                )
            plan.missing.append(key)
        elif _unresolved(how, env) & set(plan.missing):
            plan.missing.append(key)
        else:
            plan.create.append(key)


def _unresolved(how: Mapping[str, Any], env: Mapping[str, str]) -> set[str]:
    """The other keys that this one is made from; none when an environment variable gives it."""
    taken = env.get(str(how.get("fromEnv")))
    return set() if taken else set(_PLACE.findall(str(how.get("template", ""))))


def _ordered(plan: _Plan) -> list[str]:
    """The keys, templates after what they refer to."""
    order: list[str] = []

    def visit(key: str, path: tuple[str, ...]) -> None:
        if key in path:
            raise UsageError(f"templates of secret {plan.name} go in a circle", " → ".join((*path, key)))
        if key not in plan.specs and key not in plan.existing:
            raise UsageError(
                f"secret {plan.name} has no key {key}", f"the template of {path[-1]} names it" if path else ""
            )
        for other in _PLACE.findall(str(plan.specs.get(key, {}).get("template", ""))):
            visit(other, (*path, key))
        if key in plan.specs and key not in order:
            order.append(key)

    for key in plan.specs:
        visit(key, ())
    return order


def values(plan: _Plan, env: Mapping[str, str]) -> dict[str, str]:
    """The values of the keys to create."""
    known = dict(plan.existing)
    for key in plan.create:
        how = plan.specs[key]
        if "generate" in how:
            known[key] = generate(how["generate"] if isinstance(how["generate"], dict) else {"bytes": 32})
        elif env.get(str(how.get("fromEnv"))):
            known[key] = env[str(how["fromEnv"])]
        elif "template" in how:
            known[key] = _PLACE.sub(lambda place: known[place[1]], str(how["template"]))
        else:
            raise UsageError(f"key {key} of secret {plan.name} has no source", remedy="generate, fromEnv or template")
    return {key: known[key] for key in plan.create}


async def _plans(args: SecretEnsureInput, call: Call) -> tuple[str, bool, list[_Plan]]:
    app = application.load(call.path(args.application))
    spec: Any = app.spec
    declared = spec.get("namespace") if isinstance(spec, dict) else spec.namespace
    namespace = str(args.namespace or declared or "default")
    kube = call.world.kube
    there = await kube.get("v1", "Namespace", namespace) is not None
    plans = []
    for name, specs in specs_of(app).items():
        found = await kube.get("v1", "Secret", name, namespace) if there else None
        data = {key: _decoded(value) for key, value in ((found or {}).get("data") or {}).items()}
        plan = _Plan(name, specs, data, str((found or {}).get("metadata", {}).get("uid", "")))
        decide(plan, os.environ)
        plans.append(plan)
    return namespace, there, plans


def _decoded(value: str) -> str:
    return base64.b64decode(value or "").decode("utf-8", "replace")


async def observe_secrets(args: SecretEnsureInput, call: Call) -> Observation:
    """Which keys are there and which would be made; values are not looked at."""
    namespace, there, plans = await _plans(args, call)
    added = [f"Secret/{plan.name} key {key}{_origin(plan.specs[key])}" for plan in plans for key in plan.create]
    state = {"namespace": there, "secrets": {p.name: {"uid": p.uid, "has": sorted(p.existing)} for p in plans}}
    if not added:
        summary = f"every secret that the application needs is in {namespace}"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    if not there:
        added.insert(0, f"Namespace/{namespace}")
    kept = sum(len(plan.kept) for plan in plans)
    summary = (
        f"make {sum(len(p.create) for p in plans)} secret keys in {namespace}; {kept} are there and stay as they are"
    )
    return Observation(effect=Effect.CREATE, preview=Preview(summary=summary, added=added), state=state)


def _origin(how: Mapping[str, Any]) -> str:
    """The variable of this machine that is sent to the cluster; nothing for values that are made."""
    name = how.get("fromEnv")
    return f" from the variable {name} of this machine" if name and os.environ.get(str(name)) else ""


@tool(domain="kubectl", title="Make missing secrets", effect=Effect.CREATE, observe=observe_secrets)
async def secret_ensure(args: SecretEnsureInput, call: Call) -> SecretEnsureOutput:
    """Make the Secrets and keys that an application needs and that are missing; existing keys are never touched.

    Values are never shown.
    """
    namespace, there, plans = await _plans(args, call)
    kube = call.world.kube
    made = False
    for plan in plans:
        if not plan.create:
            continue
        if not there:
            meta = {"name": namespace, "labels": {"app.kubernetes.io/managed-by": "longshore"}}
            await kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta}, permit=call.permit)
            there = True
        await _write(kube, namespace, plan, call)
        made = True
    keys = sum(len(plan.create) for plan in plans)
    return SecretEnsureOutput(
        changed=made,
        evidence=[f"{keys} keys made, {sum(len(plan.kept) for plan in plans)} kept"],
        namespace=namespace,
        secrets=[plan.shown(made) for plan in plans],
    )


async def _write(kube: KubeEngine, namespace: str, plan: _Plan, call: Call) -> None:
    """Create the Secret, or add its missing keys on condition that it is still the one that was read."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values(plan, os.environ).items()}
    if not plan.uid:
        labels = {"app.kubernetes.io/managed-by": "longshore"}
        meta = {"name": plan.name, "namespace": namespace, "labels": labels}
        body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": meta, "data": data}
        await kube.create(body, permit=call.permit)
        return
    now = await kube.get("v1", "Secret", plan.name, namespace)
    if now is None or set(now.get("data") or {}) & set(data):
        raise Conflict(f"secret {plan.name} changed meanwhile", remedy="try again")
    patch = {"metadata": {"resourceVersion": now["metadata"]["resourceVersion"]}, "data": data}
    await kube.patch("v1", "Secret", plan.name, namespace, patch, permit=call.permit, effect=Effect.CREATE)
