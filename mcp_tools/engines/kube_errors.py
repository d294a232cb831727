"""From the API server's answer to an error with a remedy."""

from __future__ import annotations

import json
from typing import Any

from mcp_tools.errors import Conflict, EnvironmentNotReady, LongshoreError, NotFound, TimedOut, ToolFailed

_UNREACHABLE = "minikube status; minikube start; then longshore doctor"


def unreachable(context: str, error: BaseException) -> LongshoreError:
    """The server did not answer at all."""
    why = " ".join(str(error).split())[:300] or type(error).__name__
    if "timed out" in why.lower() or "timeout" in type(error).__name__.lower():
        return TimedOut(f"the cluster {context} did not answer in time", why, _UNREACHABLE)
    return EnvironmentNotReady(f"the cluster {context} cannot be reached", why, _UNREACHABLE)


def from_answer(status: int, body: bytes | str, what: str) -> LongshoreError:
    """The typed error of an HTTP answer that is not 2xx. ``what`` says what was asked: ``get Pod web``."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    answer = _status(text)
    why = str(answer.get("message") or text[:400] or f"HTTP {status}")
    details: dict[str, Any] = {"http_status": status, "reason": str(answer.get("reason", ""))}
    causes = answer.get("details", {}).get("causes") if isinstance(answer.get("details"), dict) else None
    if causes:
        details["causes"] = [{"field": c.get("field", ""), "message": c.get("message", "")} for c in causes[:10]]
    kind, remedy = _classify(status, why, str(answer.get("reason", "")))
    return kind(f"{what} failed", why, remedy, details=details)


def _status(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) and answer.get("kind") == "Status" else {}


def _classify(status: int, why: str, reason: str) -> tuple[type[LongshoreError], str]:
    if status == 404:
        return NotFound, "kubectl_get shows what exists; check the name and the namespace"
    if status == 401:
        return EnvironmentNotReady, "minikube update-context, or log in to the cluster again"
    if status == 403:
        if "exceeded quota" in why:
            return Conflict, "raise the ResourceQuota, or ask for less"
        if "being terminated" in why:
            return Conflict, "wait until the namespace is gone, then try again"
        return ToolFailed, "this account lacks the right; ask for a role that grants it"
    if status == 409:
        if reason == "AlreadyExists":
            return Conflict, "it exists already; change it instead"
        return Conflict, "look at the object again: somebody else owns these fields or changed it meanwhile"
    if status == 400 and ("is waiting to start" in why or "previous terminated container" in why):
        return Conflict, "kubectl_describe says what the container waits for"
    if status in (400, 422):
        return ToolFailed, "correct the object as the message says"
    if status == 410:
        return Conflict, "the cursor is too old; list again from the start"
    if status in (408, 504):
        return TimedOut, "the API server is slow; try again"
    return ToolFailed, "the API server is not well; try again, then diagnose kube-system"
