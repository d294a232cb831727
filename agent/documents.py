"""The JSON documents of ``--json``, and the exit code that a run means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model import Plan, Run, Stage, Step
from agent.problems import DONE, ENVIRONMENT, FAILED, INTERRUPTED, WAITING

__all__ = ["diagnose_document", "plan_document", "run_document", "run_exit"]

_EXITS = {"succeeded": DONE, "waiting": WAITING, "interrupted": INTERRUPTED}
_FINDING = ("code", "severity", "object", "root_cause", "evidence", "explains", "remedy", "fix")


def run_exit(run: Run) -> int:
    """0 done, 3 waits, 4 when the environment stopped it, 130 interrupted, 1 otherwise."""
    if run.status == "failed":
        codes = {str(step.error.get("code")) for step in run.failed()} | {str(run.error.get("code"))}
        if "environment-not-ready" in codes:
            return ENVIRONMENT
        failed = [stage for stage in run.stages if stage.status == "failed"]
        if failed and all(stage.id == "environment" for stage in failed):
            return ENVIRONMENT
    return _EXITS.get(run.status, FAILED)


def run_document(run: Run) -> dict[str, Any]:
    """A run, as ``deploy --json`` prints it."""
    document: dict[str, Any] = {
        "run_id": run.id,
        "status": run.status,
        "playbook": run.playbook,
        "application": run.application,
        "target": run.target,
        "simulated": run.simulated,
        "seconds": run.seconds,
        "stages": run.raw.get("stages") or [_stage(stage) for stage in run.stages],
        "confirmations": list(run.confirmations),
        "report": run.raw.get("report") or None,
        "advice": run.advice,
    }
    return document | ({"error": dict(run.error)} if run.error else {})


def _stage(stage: Stage) -> dict[str, Any]:
    data = {key: getattr(stage, key) for key in ("number", "id", "title", "status", "seconds")}
    return data | {"steps": [_step(step) for step in stage.steps]}


def _step(step: Step) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": step.id,
        "title": step.title,
        "tool": step.tool,
        "effect": step.effect,
        "status": step.status,
        "changed": step.changed,
        "seconds": step.seconds,
        "evidence": step.evidence,
        "unknown": step.unknown,
    }
    return data | ({"error": dict(step.error)} if step.error else {})


def plan_document(plan: Plan, data: Mapping[str, Any]) -> dict[str, Any]:
    """A plan, as ``deploy --plan --json`` prints it: what the tool said."""
    return {"digest": plan.digest, **data}


def diagnose_document(data: Mapping[str, Any], cluster: str) -> dict[str, Any]:
    """Findings, as ``diagnose --json`` prints them, most important first."""
    findings = [
        {key: item.get(key) for key in _FINDING if key in item}
        for item in data.get("findings", [])
        if isinstance(item, Mapping)
    ]
    return {
        "cluster": data.get("cluster") or cluster,
        **({"simulated": True} if data.get("simulated") else {}),
        "namespaces": data.get("namespaces") or [],
        "seconds": data.get("seconds"),
        "scanned": data.get("scanned"),
        "findings": findings,
    }
