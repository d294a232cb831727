"""PodSecurity: what the labels of a namespace allow its pods.

Source: ``staging/src/k8s.io/pod-security-admission`` of Kubernetes. Pods are refused by ``enforce``; ``warn`` answers
with warnings, for workloads too; ``audit`` would only be seen in the audit log, which the sandbox has not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mcp_tools.targets.sandbox import errors
from mcp_tools.targets.sandbox.admission import podsecurity_checks as checks
from mcp_tools.targets.sandbox.admission.base import Action, Plugin, refused
from mcp_tools.targets.sandbox.admission.podsecurity_checks import Level
from mcp_tools.targets.sandbox.errors import FieldError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj

PREFIX = "pod-security.kubernetes.io/"
VERSION = re.compile(r"(latest|v1\.(0|[1-9][0-9]*))\Z")
MODES = ("enforce", "audit", "warn")
TEMPLATES = {
    "replicationcontrollers": ("spec", "template"),
    "deployments.apps": ("spec", "template"),
    "replicasets.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
    "podtemplates": ("template",),
}
MOST_WARNINGS = 256


@dataclass(frozen=True)
class Policy:
    """A level in a version."""

    level: Level = "privileged"
    version: str = "latest"

    def __str__(self) -> str:
        return f'"{self.level}:{self.version}"'

    def violations(self, pod: Obj) -> str:
        """What of the pod violates it, in one line."""
        return checks.detail(checks.violations(self.level, pod))


def policies(namespace: Obj) -> dict[str, Policy]:
    """The policies of a namespace by mode. Warnings are given for what is enforced, unless the labels say otherwise."""
    labels = namespace["metadata"].get("labels") or {}
    found = {}
    for mode in MODES:
        level, version = labels.get(PREFIX + mode, "privileged"), labels.get(f"{PREFIX}{mode}-version", "latest")
        # What cannot be read is taken strictly.
        strict: Level = "restricted" if mode == "enforce" else "privileged"
        known = next((each for each in checks.LEVELS if each == level), strict)
        found[mode] = Policy(known, version if VERSION.match(version) else "latest")
    if PREFIX + "warn" not in labels and PREFIX + "warn-version" not in labels and PREFIX + "enforce" in labels:
        found["warn"] = found["enforce"]
    return found


class PodSecurity(Plugin):
    """Holds pods against the policies of their namespace."""

    def validate(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Refuse a pod, warn of a workload, look at a namespace's pods when its labels change."""
        if obj is None or action == "DELETE":
            return
        if kind.key == "namespaces":
            if not subresource:
                self._namespace(kind, obj, old, request)
            return
        if kind.key == "pods":
            if (action == "CREATE" and not subresource) or subresource == "ephemeralcontainers":
                self._pod(kind, obj, namespace, request)
        elif kind.key in TEMPLATES and not subresource:
            self._workload(kind, obj, old, namespace, request)

    def _policies(self, namespace: str) -> dict[str, Policy]:
        found = self.store.get("namespaces", "", namespace)
        return policies(found) if found is not None else {mode: Policy() for mode in MODES}

    def _pod(self, kind: Kind, pod: Obj, namespace: str, request: Request) -> None:
        found = self._policies(namespace)
        wrong = found["enforce"].violations(pod)
        if wrong:
            raise refused(kind, pod, f"violates PodSecurity {found['enforce']}: {wrong}")
        self._warn(found["warn"], pod, request)

    def _warn(self, policy: Policy, pod: Obj, request: Request) -> None:
        wrong = policy.violations(pod)
        if wrong:
            request.warn(f"would violate PodSecurity {policy}: {wrong}")

    def _workload(self, kind: Kind, obj: Obj, old: Obj | None, namespace: str, request: Request) -> None:
        template = _template(kind, obj)
        if template is None or (old is not None and _template(kind, old) == template):
            return
        self._warn(self._policies(namespace)["warn"], {"metadata": {}, **template}, request)

    # -- namespaces ----------------------------------------------------------------------------------------------

    def _namespace(self, kind: Kind, obj: Obj, old: Obj | None, request: Request) -> None:
        mistakes = label_mistakes(obj)
        if mistakes and (old is None or label_mistakes(old) != mistakes):
            raise errors.invalid(kind, obj["metadata"]["name"], mistakes)
        if old is None:
            return
        new, before = policies(obj)["enforce"], policies(old)["enforce"]
        if new == before or checks.LEVELS.index(new.level) <= checks.LEVELS.index(before.level):
            return
        self._existing(obj["metadata"]["name"], new, request)

    def _existing(self, namespace: str, policy: Policy, request: Request) -> None:
        """Warn of the pods that there are; those of one controller with the same mistakes are said once."""
        groups: dict[tuple[str, str], list[str]] = {}
        for pod in self.store.select("pods", namespace):
            reasons = ", ".join(reason for reason, _ in checks.violations(policy.level, pod))
            if reasons:
                owners = pod["metadata"].get("ownerReferences") or ()
                owner = next((each["uid"] for each in owners if each.get("controller")), pod["metadata"]["name"])
                groups.setdefault((owner, reasons), []).append(pod["metadata"]["name"])
        if not groups:
            return
        request.warn(f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level {policy}')
        lines = []
        for (_, reasons), names in groups.items():
            others = len(names) - 1
            more = f" (and {others} other {checks.plural('pod', 'pods', others)})" if others else ""
            lines.append(f"{names[0]}{more}: {reasons}")
        for line in sorted(lines)[:MOST_WARNINGS]:
            request.warn(line)


def _template(kind: Kind, obj: Obj) -> Obj | None:
    found: Obj | None = obj
    for name in TEMPLATES[kind.key]:
        found = (found or {}).get(name)
    return found


def label_mistakes(namespace: Obj) -> list[FieldError]:
    """Labels of pod security that cannot be read."""
    labels = namespace["metadata"].get("labels") or {}
    found = []
    for mode in MODES:
        for key, ok, why in (
            (PREFIX + mode, lambda value: value in checks.LEVELS, "must be one of privileged, baseline, restricted"),
            (f"{PREFIX}{mode}-version", VERSION.match, 'must be "latest" or "v1.x"'),
        ):
            value = labels.get(key)
            if value is not None and not ok(value):
                text = f'Invalid value: "{value}": {why}'
                found.append(FieldError(f"metadata.labels[{key}]", "FieldValueInvalid", text))
    return found
