"""The checks: connectivity, security, endpoints, authentication, the chatbot and more; lint, tests, and the machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.planner.answers.failures import trouble
from agent.planner.answers.parts import bullets, code, fence, items, join, names, table, text
from agent.planner.job import Call, Job, Plan, Reply
from agent.planner.plans.find import need, things

__all__ = ["PLANS"]

Words = Callable[[Mapping[str, Any]], str]


def _check(
    tool: str, doing: str, title: str, words: Words, *, namespace: bool = False, **more: Any
) -> Callable[[Job], Plan]:
    """A plan that makes one check of the application and tells its rows."""

    def plan(job: Job) -> Plan:
        given: dict[str, Any] = {"application": job.file, **more}
        if namespace and (job.request.namespace or not job.file):
            given = {"namespace": job.namespace}
        result = need((yield from job.one(tool, **given)), doing)
        data = result.data
        if data.get("skipped"):
            return Reply(f"{title}: not checked here. {_sentence(data.get('reason'))}")
        verdict = "**in order**" if data.get("ok") else "**not in order**"
        reason = f": {text(data.get('reason'))}" if data.get("reason") and not data.get("ok") else ""
        unknown = data.get("unknown") or []
        simulated = f"Cannot be known in a simulation: {text('; '.join(map(str, unknown[:3])))}." if unknown else ""
        return Reply(join(f"{title}: {verdict}{reason}.", words(data), simulated))

    return plan


def _sentence(reason: object) -> str:
    """Why a check was skipped; of a simulation, that it can't know."""
    said = text(reason)
    if said.startswith("simulated: "):
        return f"In the sandbox (simulated) it cannot be known: {said.removeprefix('simulated: ')}."
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _sign(ok: object) -> str:
    return "✓" if ok else "✗"


def _edges(data: Mapping[str, Any]) -> str:
    rows = [
        [
            _sign(e.get("ok")),
            f"{e.get('from') or e.get('source')} → {e.get('to')}",
            f"{e.get('host')}:{e.get('port')}",
            e.get("error") or e.get("failure") or (f"HTTP {e.get('status')}" if e.get("status") else "connected"),
        ]
        for e in items(data.get("edges"))
    ]
    return table(["", "from → to", "address", "what came of it"], rows) if rows else ""


def _security(data: Mapping[str, Any]) -> str:
    lines = [
        f"{code(f.get('object') or f.get('where') or f.get('code'))} "
        f"{text(f.get('message') or f.get('what') or f.get('rule'))}"
        for f in items(data.get("findings"))
    ]
    facts = [
        f"{title}: {names(data[key])}"
        for title, key in (
            ("privileged or root", "privileged"),
            ("secret values in the open", "hardcoded"),
            ("API token mounted", "api_tokens"),
            ("no NetworkPolicy", "without_policy"),
        )
        if data.get(key)
    ]
    policies = (
        f"{len(items(data.get('network_policies')))} network policies; enforced: {text(data.get('policies_enforced'))}"
    )
    return bullets([*facts, *lines[:12], policies])


def _pull(data: Mapping[str, Any]) -> str:
    lines = [
        f"{_sign(s.get('ok'))} secret {code(s.get('name'))} {text(s.get('problem'))}"
        for s in items(data.get("pull_secrets"))
    ]
    lines += [
        f"{_sign(i.get('ok'))} image {code(i.get('image'))}: {text(i.get('state'))} {text(i.get('problem'))}"
        for i in items(data.get("images"))
    ]
    return bullets(line.rstrip() for line in lines) or "No pull secrets are used."


def _endpoints(data: Mapping[str, Any]) -> str:
    rows = [
        [
            _sign(e.get("ok")),
            e.get("title") or e.get("path"),
            f"{e.get('method')} {e.get('service')}{e.get('path')}",
            f"{e.get('status') or 'none'} (expected {e.get('expected')})",
            f"{float(e.get('seconds') or 0):.2f} s",
        ]
        for e in items(data.get("endpoints"))
    ]
    return table(["", "what", "request", "status", "took"], rows) if rows else ""


def _auth(data: Mapping[str, Any]) -> str:
    rows = [[_sign(r.get("ok")), r.get("title"), r.get("expected"), r.get("got")] for r in items(data.get("rows"))]
    return table(["", "what", "expected", "got"], rows) if rows else ""


def _chat(data: Mapping[str, Any]) -> str:
    lines = [f"tools: {names(data.get('tools') or []) or 'none'}"]
    lines += [f"**missing tools:** {names(data['missing_tools'])}"] if data.get("missing_tools") else []
    lines += [
        f"{_sign(data.get('tool_called'))} a chat called a tool: {names(data.get('called') or []) or 'none'}",
        f"{_sign(data.get('survives_failing_tool'))} it survives a failing tool",
    ]
    lines += [f"it replied {code(data.get('reply'))}"] if data.get("reply") else []
    return bullets(lines)


def _invariants(data: Mapping[str, Any]) -> str:
    lines = []
    for one in items(data.get("invariants")):
        evidence = (
            ""
            if one.get("ok")
            else f": {text('; '.join(map(str, (one.get('evidence') or [])[:2])))}"
            + (f" Try: {text(one.get('remedy'))}" if one.get("remedy") else "")
        )
        lines.append(f"{'–' if one.get('skipped') else _sign(one.get('ok'))} {text(one.get('title'))}{evidence}")
    return bullets(lines)


def _triggers(data: Mapping[str, Any]) -> str:
    head = "**A rollback trigger fires.**" if data.get("fired") else "No rollback trigger fires."
    lines = [
        f"{'**fires**' if t.get('fired') else text(t.get('status') or 'quiet')} {text(t.get('title'))}: "
        f"{text('; '.join(map(str, (t.get('evidence') or [])[:2])))}"
        for t in items(data.get("triggers"))
    ]
    return join(head, bullets(lines))


def _persistence(data: Mapping[str, Any]) -> str:
    lines = [
        f"method: {text(data.get('method'))}",
        f"{_sign(data.get('written'))} written, {_sign(data.get('read'))} read again",
    ]
    lines += [
        f"{_sign(c.get('ok'))} claim {code(c.get('name'))}: {text(c.get('phase'))}" for c in items(data.get("claims"))
    ]
    return bullets(lines)


def environment(job: Job) -> Plan:
    """Whether this machine has what a deployment needs."""
    section = next((s for word, s in _SECTIONS.items() if word in job.request.words), None)
    result = need(
        (yield from job.one("environment_check", section=section, application=job.file)), "check the environment"
    )
    found = items(result.data.get("checks"))
    bad = [c for c in found if c.get("status") not in ("ok", "passed", "pass", "skipped", "simulated")]
    head = "**The environment is ready.**" if result.data.get("ready") else "**The environment is not ready.**"
    shown = found if len(found) <= 8 or section else bad
    rows = [[c.get("status"), c.get("title"), c.get("found"), c.get("expected")] for c in shown]
    remedies = [f"{text(c.get('title'))}: {text(c.get('remedy'))}" for c in bad if c.get("remedy")]
    good = f"{len(found) - len(bad)} of {len(found)} checks are in order."
    return Reply(
        join(
            head,
            good,
            table(["", "check", "found", "expected"], rows) if rows else "",
            join("What to do:", bullets(remedies)) if remedies else "",
        )
    )


_SECTIONS = {
    "docker": "docker",
    "minikube": "minikube",
    "memory": "resources",
    "disk": "resources",
    "kubectl": "kubernetes",
    "helm": "kubernetes",
}


def cluster(job: Job) -> Plan:
    """The cluster's own state."""
    result = yield from job.one("minikube_status")
    if not result.ok:
        listed = yield from job.one("kubectl_get", kind="Node")
        if not listed.ok:
            return Reply(trouble(result, "see the state of the cluster"), stop=True)
        from agent.planner.answers.looks import objects

        return Reply(join(f"{text(result.problem.get('what'))}. Its nodes:", objects(listed.data, "nodes")))
    data = result.data
    if not data.get("installed", True):
        return Reply("Minikube is not installed here.")
    head = "**The cluster is ready.**" if data.get("ready") else "**The cluster is not ready.**"
    facts = [
        f"profile {code(data.get('profile'))}, context {code(data.get('context'))}",
        f"host {text(data.get('host'))}, kubelet {text(data.get('kubelet'))}, API server {text(data.get('apiserver'))}",
    ]
    facts += (
        [f"Kubernetes {text(data.get('kubernetes'))}, {data.get('cpus')} CPUs, {data.get('memory_mib')} MiB"]
        if data.get("kubernetes")
        else []
    )
    return Reply(join(head, bullets(facts), "" if data.get("ready") else "Say `start the cluster`."))


def lint(job: Job) -> Plan:
    """Dockerfile and chart of services."""
    if not (
        job.request.things or job.request.choices or job.request.unknown or job.request.pronoun
    ) and not job.request.concepts & {"CHART", "DOCKERFILE"}:
        from dataclasses import replace

        job.request = replace(job.request, concepts=job.request.concepts | {"APP"})
    about = yield from things(job)
    parts = [known[1] for t in about if (known := job.context.service(t.name)) is not None]
    calls: list[Call] = []
    for part in parts:
        if part.folder and "CHART" not in job.request.concepts:
            calls.append(
                Call(
                    "dockerfile_lint",
                    {"path": part.folder, "dockerfile": None if part.dockerfile == "Dockerfile" else part.dockerfile},
                )
            )
        if job.has("helm_lint") and "DOCKERFILE" not in job.request.concepts:
            calls.append(
                Call(
                    "helm_lint", {"chart": part.chart, "values_files": list(part.values) or None, "release": part.name}
                )
            )
    if not calls:
        return Reply(
            f"There is no Dockerfile or chart of {names(t.name for t in about)} here that I could check.", things=about
        )
    results = yield from job.all(calls)
    lines = []
    for call, result in zip(calls, results, strict=True):
        place = call.arguments.get("path") or call.arguments.get("chart")
        kind = "Dockerfile" if call.tool == "dockerfile_lint" else "chart"
        if not result.ok:
            lines.append(trouble(result, f"lint the {kind} of {code(place)}"))
            continue
        found = [
            f"line {f.get('line')}: {text(f.get('message'))} ({f.get('code')})"
            for f in items(result.data.get("findings"))
        ]
        found += [text(m) for m in result.data.get("messages") or []] + [
            text(p.get("message")) for p in items(result.data.get("policy"))
        ]
        fine = result.data.get("clean") or result.data.get("ok")
        lines.append(f"{_sign(fine)} {kind} {code(place)}" + (": " + "; ".join(found[:6]) if found else ""))
    return Reply(bullets(lines), things=about)


def test(job: Job) -> Plan:
    """The chart tests of a release; without that tool, the endpoints."""
    if not job.has("helm_test") and job.file:
        return (yield from PLANS["endpoints"](job))
    about = yield from things(job)
    results = yield from job.all([Call("helm_test", {"release": t.name, "namespace": job.space_of(t)}) for t in about])
    parts = []
    for one, result in zip(about, results, strict=True):
        if not result.ok:
            parts.append(trouble(result, f"test {code(one.name)}"))
            continue
        found = items(result.data.get("tests"))
        parts.append(f"{_sign(result.data.get('passed'))} {code(one.name)}: {len(found)} tests")
        parts += [
            fence(str(t.get("log") or "").splitlines()[-15:])
            for t in found
            if t.get("log") and not result.data.get("passed")
        ]
    return Reply(join(*parts), things=about)


def template(job: Job) -> Plan:
    """The rendered manifests of a chart."""
    about = (yield from things(job))[0]
    known = job.context.service(about.name)
    if known is None:
        return Reply(f"The chart of {code(about.name)} is not in this workspace.", things=(about,))
    part = known[1]
    result = need(
        (
            yield from job.one(
                "helm_template",
                release=about.name,
                chart=part.chart,
                values_files=list(part.values) or None,
                namespace=job.space_of(about),
            )
        ),
        f"render the chart of {code(about.name)}",
    )
    lines = str(result.data.get("manifest") or "").splitlines()
    cut = [*lines[:120], f"… {len(lines) - 120} more lines"] if len(lines) > 120 else lines
    return Reply(
        join(
            f"{len(result.data.get('objects') or [])} objects: {names(result.data.get('objects') or [], 10)}",
            fence(cut, "yaml"),
        ),
        things=(about,),
    )


def analyze(job: Job) -> Plan:
    """What a project is made with."""
    from agent.planner.plans.images import parts_of

    parts = yield from parts_of(job, "analyze")
    results = yield from job.all([Call("project_analyze", {"path": p.folder}) for p in parts])
    lines = []
    for part, result in zip(parts, results, strict=True):
        data = result.data
        if not result.ok:
            lines.append(trouble(result, f"analyze {code(part.folder)}"))
            continue
        lines.append(
            f"{code(part.name)}: {text(data.get('language'))} {text(data.get('version'))}, "
            f"{text(data.get('framework'))}, port {data.get('port') or 'unknown'}, "
            f"starts with {code(' '.join(map(str, data.get('entrypoint') or [])))}, "
            f"{'has' if data.get('dockerfile_exists') else 'has no'} Dockerfile, tag "
            f"{code(data.get('content_tag'))}"
        )
    return Reply(bullets(lines))


PLANS: dict[str, Callable[[Job], Plan]] = {
    "connectivity": _check("check_connectivity", "check the connectivity", "Connectivity", _edges),
    "security": _check("check_security", "check the security", "Security", _security, namespace=True),
    "pull_secrets": _check("check_pull_secrets", "check the pull secrets", "Pull secrets", _pull, namespace=True),
    "endpoints": _check("check_endpoints", "check the endpoints", "Endpoints", _endpoints),
    "auth": _check("check_auth", "check the authentication", "Authentication", _auth),
    "chat": _check("check_chat", "check the chatbot", "The chatbot", _chat),
    "constitution": _check("check_constitution", "check the constitution", "The constitution", _invariants),
    "triggers": _check("check_triggers", "check the rollback triggers", "Rollback triggers", _triggers),
    "persistence": _check("check_persistence", "check that data is kept", "Persistence", _persistence),
    "environment": environment,
    "cluster": cluster,
    "lint": lint,
    "test": test,
    "template": template,
    "analyze": analyze,
}
