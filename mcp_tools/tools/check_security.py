"""check_security: what runs with too much power, what has no bounds, and where a secret stands that should not."""

from __future__ import annotations

from pydantic import BaseModel, Field

from mcp_tools import application
from mcp_tools.catalog import Effect, ToolInput, tool
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, chosen, ref_of
from mcp_tools.diagnosis.sweep import sweep
from mcp_tools.engines import policy
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.engines.policy import PolicyFinding
from mcp_tools.errors import LongshoreError
from mcp_tools.names import Namespace, PathArg
from mcp_tools.tools import check_exposure
from mcp_tools.tools.check_common import CheckOutput, mark
from mcp_tools.tools.check_pull_secrets import space_of
from mcp_tools.world import Call

POWER = ("privileged", "host-path", "host-namespace", "capabilities", "runs-as-root", "may-run-as-root")


class CheckSecurityInput(ToolInput):
    """An application, or a namespace."""

    application: PathArg | None = Field(None, description="A longshore.yaml, or the folder with it")
    namespace: Namespace | None = None


class Quota(BaseModel):
    """The namespace's quotas. ``enforced``: the API server counts what is used against every bound."""

    present: bool
    enforced: bool
    required: bool = Field(False, description="longshore.yaml declares one")
    used: dict[str, str] = Field(default_factory=dict, description="Resource → used/hard")


class Policies(BaseModel):
    """One NetworkPolicy and the workloads that it selects."""

    name: str
    selects: list[str]


class CheckSecurityOutput(CheckOutput):
    """``ok``: no error among the findings, nothing privileged, no exposed secret, no API token mounted."""

    findings: list[PolicyFinding]
    privileged: list[str] = Field(description="Containers that run as root or with power over the node")
    hardcoded: list[str] = Field(description="Where the value of a Secret stands outside of Secrets; never the value")
    api_tokens: list[str] = Field(description="Pods with a token of the Kubernetes API mounted")
    quota: Quota
    network_policies: list[Policies]
    without_policy: list[str] = Field(description="Workloads that no NetworkPolicy selects")
    policies_enforced: str = (
        "unknown: whether the cluster's network plugin enforces policies cannot be asked of the API"
    )

    def text(self) -> str:
        """What is wrong first."""
        lines = [f"{mark(self.ok)} security {self.reason}".rstrip()]
        lines += [f"  FAIL privileged: {name}" for name in self.privileged]
        lines += [f"  FAIL {place}" for place in self.hardcoded]
        lines += [f"  FAIL API token mounted: {name}" for name in self.api_tokens]
        lines += [f"  {f.severity}: {f.object} {f.code}: {f.message}" for f in self.findings if f.severity != "info"]
        used = ", ".join(f"{k} {v}" for k, v in self.quota.used.items()) or "none"
        lines.append(f"  quota: {used}")
        lines += [f"  policy {p.name} selects {', '.join(p.selects) or 'nothing'}" for p in self.network_policies]
        lines += [f"  no policy selects {name}" for name in self.without_policy]
        return "\n".join([*lines, f"  policies enforced: {self.policies_enforced}"])


@tool(domain="diagnostics", title="Check security", effect=Effect.READ)
async def check_security(args: CheckSecurityInput, call: Call) -> CheckSecurityOutput:
    """Check a namespace: privileges of running pods, quotas, network policies, API tokens, and secrets in the open.

    The values of its Secrets are looked for in ConfigMaps, pods, release values and logs; only the places are told.
    """
    space = space_of(call, args.application, args.namespace)
    required = args.application is not None and application.load(call.path(args.application)).spec.quota is not None
    kube = call.world.kube
    seen = await sweep(kube, space)
    pods = list(seen.live_pods())
    found = _once(seen, [f for pod in pods for f in policy.check([pod])])
    exposed = [e.said for e in await check_exposure.find(kube, seen, space)]
    quota = _quota(seen, required)
    policies, bare = await _policies(kube, seen, space)
    tokens = sorted({str(ref_of(seen.workload(pod))) for pod in pods if mounts_token(pod)})
    privileged = [f"{f.object}: {f.message}" for f in found if f.code in POWER]
    errors = [f"{f.object}: {f.message}" for f in found if f.severity == "error"]
    problems = [*privileged, *errors, *exposed]
    problems += [f"{name} mounts a token of the Kubernetes API" for name in tokens]
    problems += ["the quota that longshore.yaml declares is not there"] if required and not quota.present else []
    return CheckSecurityOutput(
        ok=not problems,
        reason=problems[0] if problems else "",
        evidence=_facts(pods, privileged, exposed, quota, policies, tokens),
        findings=found,
        privileged=privileged,
        hardcoded=exposed,
        api_tokens=tokens,
        quota=quota,
        network_policies=policies,
        without_policy=bare,
    )


def _facts(
    pods: list[Manifest],
    privileged: list[str],
    exposed: list[str],
    quota: Quota,
    policies: list[Policies],
    tokens: list[str],
) -> list[str]:
    return [
        f"{len(pods)} pods looked at, {len(privileged)} with privileges, {len(tokens)} with an API token",
        f"{len(exposed)} places where a secret's value stands outside of Secrets",
        f"quota: {', '.join(f'{k} {v}' for k, v in quota.used.items()) or 'none'}",
        f"network policies: {', '.join(p.name for p in policies) or 'none'}",
    ]


def _once(seen: Snapshot, found: list[PolicyFinding]) -> list[PolicyFinding]:
    """Findings of the pods of one workload, named after it and told once."""
    owner = {f"{ref_of(p).namespace}/Pod/{ref_of(p).name}": str(ref_of(seen.workload(p))) for p in seen.all("Pod")}
    named = {(owner.get(f.object, f.object), f.code, f.message, f.severity) for f in found}
    order = {"error": 0, "warning": 1, "info": 2}
    rows = [PolicyFinding(object=o, code=c, message=m, severity=s) for o, c, m, s in named]
    return sorted(rows, key=lambda f: (order[f.severity], f.object, f.code))


def mounts_token(pod: Manifest) -> bool:
    """Whether a token for the Kubernetes API is mounted into the pod."""
    spec = pod.get("spec") or {}
    sources = [s for v in spec.get("volumes") or [] for s in (v.get("projected") or {}).get("sources") or []]
    return any("serviceAccountToken" in source for source in sources)


def _quota(seen: Snapshot, required: bool) -> Quota:
    quotas = seen.all("ResourceQuota")
    used: dict[str, str] = {}
    enforced = bool(quotas)
    for quota in quotas:
        hard, counted = (quota.get("spec") or {}).get("hard") or {}, (quota.get("status") or {}).get("used") or {}
        enforced = enforced and set(hard) <= set(counted)
        used |= {key: f"{counted.get(key, '?')}/{value}" for key, value in hard.items()}
    return Quota(present=bool(quotas), enforced=enforced, required=required, used=used)


async def _policies(kube: KubeEngine, seen: Snapshot, space: str) -> tuple[list[Policies], list[str]]:
    try:
        items = await kube.list("networking.k8s.io/v1", "NetworkPolicy", space)
    except LongshoreError:
        return [], []
    rows, covered = [], set()
    owners = {str(ref_of(seen.workload(pod))): pod["metadata"].get("labels") or {} for pod in seen.live_pods()}
    for item in items:
        selector = (item.get("spec") or {}).get("podSelector") or {}
        labels, everything = selector.get("matchLabels") or {}, not selector
        names = sorted(name for name, has in owners.items() if everything or chosen(labels, has))
        rows.append(Policies(name=str(item["metadata"]["name"]), selects=names))
        covered |= set(names)
    return rows, sorted(set(owners) - covered)
