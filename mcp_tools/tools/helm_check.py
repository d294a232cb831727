"""helm_lint and helm_test: a chart checked before it is deployed, and a release by its own tests."""

from __future__ import annotations

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, Observation, Preview, ToolOutput, tool
from mcp_tools.engines import manifests, policy, validation
from mcp_tools.engines.helm_records import Release
from mcp_tools.engines.kube_http import in_thread
from mcp_tools.engines.manifests import Manifest
from mcp_tools.engines.policy import PolicyFinding
from mcp_tools.errors import Conflict, LongshoreError, ToolFailed
from mcp_tools.names import ReleaseName
from mcp_tools.tools.helm_common import ChartInput, ReleaseInput, chart_of, free_way, need
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

TEST_HOOKS = ("test", "test-success", "test-failure")


class HelmLintInput(ChartInput):
    """A chart and its values."""

    release: ReleaseName = "lint"
    strict: bool = Field(True, description="Warnings fail as well")


class HelmLintOutput(ToolOutput):
    """What is wrong with a chart. ``ok``: lint and schema are clean and no policy finding is an error."""

    ok: bool
    messages: list[Untrusted] = Field(description="Of helm lint, and of the templates")
    schema_ok: bool
    policy: list[PolicyFinding]
    objects: list[str]

    def text(self) -> str:
        """One line each."""
        lines = [f"{'ok' if self.ok else 'NOT OK'}: {', '.join(self.objects) or 'nothing rendered'}"]
        lines += [f"lint: {message}" for message in self.messages]
        lines += [f"{f.severity}: {f.code} {f.object}: {f.message}" for f in self.policy]
        return "\n".join(lines)


@tool(domain="helm", toolset="charts", title="Lint a chart", effect=Effect.READ)
async def helm_lint(args: HelmLintInput, call: Call) -> HelmLintOutput:
    """Check a chart: helm lint, every rendered object against Kubernetes' own models, and security policies.

    Needs no cluster.
    """
    helm, chart = call.world.helm, chart_of(args, call)
    clean, messages = await helm.lint(chart, args.namespace, strict=args.strict)
    try:
        render = await helm.render(args.release, chart, args.namespace, offline=True)
    except ToolFailed as error:
        return HelmLintOutput(ok=False, messages=[*messages, error.why], schema_ok=False, policy=[], objects=[])
    items = [*render.objects, *render.hooks]
    wrong = await in_thread(lambda: [problem for item in items for problem in validation.problems(item)])
    found = policy.check(items)
    ok = clean and not wrong and not any(finding.severity == "error" for finding in found)
    return HelmLintOutput(
        ok=ok,
        evidence=[f"{len(items)} objects rendered, {len(wrong)} invalid, {len(found)} policy findings"],
        messages=[*messages, *wrong],
        schema_ok=not wrong,
        policy=found,
        objects=[manifests.label(item, args.namespace) for item in items],
    )


class HelmTestInput(ReleaseInput):
    """Which release."""

    timeout_seconds: int = Field(300, ge=10, le=1800)


class TestResult(BaseModel):
    """One test of a chart."""

    __test__ = False  # no test class of pytest

    name: str
    status: str
    log: Untrusted = ""


class HelmTestOutput(ToolOutput):
    """Whether a release's own tests passed."""

    passed: bool
    tests: list[TestResult]


def tests_of(release: Release) -> list[Manifest]:
    """The hooks of a release that are tests."""
    found = []
    for hook in release.hooks:
        kinds = str(manifests.annotations_of(hook).get(manifests.HOOK, "")).split(",")
        if any(kind.strip() in TEST_HOOKS for kind in kinds):
            found.append(hook)
    return found


async def observe_test(args: HelmTestInput, call: Call) -> Observation:
    """Which tests there are; they run as pods."""
    release = need(await call.world.helm.history(args.release, args.namespace), args)
    if release.pending:
        raise Conflict(f"release {args.release} is {release.status}", remedy="helm_upgrade, then test")
    names = [manifests.label(test, args.namespace) for test in tests_of(release)]
    state = {"revision": release.revision, "tests": names}
    if not names:
        summary = f"release {args.release} has no tests"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state=state, done=True)
    await free_way(call.world.kube, tests_of(release), args.namespace)
    summary = f"run {len(names)} tests of {args.release} as pods in {args.namespace}"
    return Observation(effect=Effect.CREATE, preview=Preview(summary=summary, added=names), state=state)


@tool(
    domain="helm",
    toolset="charts",
    title="Test a release",
    effect=Effect.CREATE,
    observe=observe_test,
    idempotent=False,
    long=True,
)
async def helm_test(args: HelmTestInput, call: Call) -> HelmTestOutput:
    """Run the chart tests of a release and show the log of each."""
    observation = call.observation or await observe_test(args, call)
    if observation.done:
        return HelmTestOutput(passed=True, tests=[], evidence=["the release has no tests"])
    await call.progress(0, None, observation.preview.summary)
    passed, output = await call.world.helm.test(
        args.release, args.namespace, permit=call.permit, timeout=args.timeout_seconds
    )
    release = await call.world.helm.current(args.release, args.namespace)
    tests = [await _result(call, args.namespace, test, passed) for test in tests_of(release)]
    if not passed and all(test.status == "Succeeded" for test in tests):
        tests.append(TestResult(name="helm", status="Failed", log=output[-1500:]))
    evidence = [f"{test.name}: {test.status}" for test in tests]
    unknown = ["what the tests would find: their pods ran in a simulation"] if call.world.simulated else []
    return HelmTestOutput(changed=True, evidence=evidence, passed=passed, tests=tests, unknown=unknown)


async def _result(call: Call, namespace: str, test: Manifest, passed: bool) -> TestResult:
    kube, name, kind = call.world.kube, str(test["metadata"]["name"]), str(test["kind"])
    if kind == "Job":
        pods = await kube.list("v1", "Pod", namespace, label_selector=f"job-name={name}")
    else:
        found = await kube.get("v1", "Pod", name, namespace)
        pods = [found] if found else []
    if not pods:  # deleted by its own hook policy
        return TestResult(name=name, status="Succeeded" if passed else "Unknown")
    pod = pods[-1]
    try:
        log = await kube.logs(namespace, str(pod["metadata"]["name"]), tail=40)
    except LongshoreError as error:
        log = f"(no log: {error.why})"
    return TestResult(name=name, status=str((pod.get("status") or {}).get("phase", "Unknown")), log=log[-4000:])
