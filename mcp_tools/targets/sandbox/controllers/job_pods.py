"""The pods of a Job: how many, with which index, and what their ends count. Pure.

Source: ``pkg/controller/job/indexed_job_utils.go``, ``backoff_utils.go`` and ``pod_failure_policy.go`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mcp_tools.targets.sandbox.clock import parse
from mcp_tools.targets.sandbox.controllers import pods as podlib
from mcp_tools.targets.sandbox.controllers.common import deleting
from mcp_tools.targets.sandbox.store import Obj

TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"


def indexed(job: Obj) -> bool:
    """Whether its pods have indexes."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def index_of(pod: Obj) -> int | None:
    """The pod's index."""
    written = (pod["metadata"].get("annotations") or {}).get(INDEX)
    return int(written) if written is not None and written.isdigit() else None


def pod(job: Obj, index: int | None) -> Obj:
    """The pod to create."""
    name = job["metadata"]["name"]
    prefix = f"{name}-" if index is None else f"{name}-{index}-"
    found = podlib.from_template(job["spec"]["template"], job, prefix)
    meta = found["metadata"]
    meta["finalizers"] = [*(meta.get("finalizers") or ()), TRACKING]
    if index is not None:
        meta.setdefault("annotations", {})[INDEX] = str(index)
        meta.setdefault("labels", {})[INDEX] = str(index)
        found["spec"].setdefault("hostname", f"{name}-{index}")
        source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
        for kind in ("initContainers", "containers"):
            for container in found["spec"].get(kind) or ():
                names = {each["name"] for each in container.get("env") or ()}
                if "JOB_COMPLETION_INDEX" not in names:
                    container.setdefault("env", []).append({"name": "JOB_COMPLETION_INDEX", "valueFrom": source})
    return found


def ranges(indexes: Iterable[int]) -> str:
    """Indexes as the status writes them: ``0-3,5``."""
    parts: list[list[int]] = []
    for number in sorted(indexes):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join(_range(part) for part in parts)


def _range(part: list[int]) -> str:
    if len(part) == 1:
        return str(part[0])
    joint = "," if part[1] - part[0] == 1 else "-"
    return f"{part[0]}{joint}{part[1]}"


def read_ranges(written: str) -> set[int]:
    """The indexes that a status names."""
    found: set[int] = set()
    for part in filter(None, written.split(",")):
        first, dash, last = part.partition("-")
        found.update(range(int(first), int(last if dash else first) + 1))
    return found


def finished_at(pod_: Obj) -> str | None:
    """When the last of its containers ended; when it was created, if nothing says."""
    ends = [
        state["finishedAt"]
        for status in (pod_.get("status") or {}).get("containerStatuses") or ()
        if (state := (status.get("state") or {}).get("terminated")) and state.get("finishedAt")
    ]
    for found in (pod_.get("status") or {}).get("conditions") or ():
        if not ends and found["type"] == "Ready" and found.get("lastTransitionTime"):
            return str(found["lastTransitionTime"])
    created: str | None = pod_["metadata"].get("creationTimestamp")
    return max(ends) if ends else created


class Counts:
    """What the pods' ends and the status count together; a pod counts once, while it carries the finalizer."""

    def __init__(self, job: Obj, pods: Sequence[Obj]) -> None:
        status = job.get("status") or {}
        self.job, self.indexed = job, indexed(job)
        self.pods = [pod_ for pod_ in pods if not (deleting(pod_) and not _tracked(pod_))]
        fresh = [pod_ for pod_ in pods if _tracked(pod_)]
        only_ended = job["spec"].get("podReplacementPolicy") == "Failed" or "podFailurePolicy" in job["spec"]
        self.new_failures = [pod_ for pod_ in fresh if _failed(pod_, only_ended=only_ended)]
        ignored = [pod_ for pod_ in self.new_failures if rule_for(job, pod_) == "Ignore"]
        successes = [pod_ for pod_ in fresh if podlib.phase(pod_) == "Succeeded"]
        self.failed = int(status.get("failed") or 0) + len(self.new_failures) - len(ignored)
        self.succeeded = int(status.get("succeeded") or 0) + len(successes)
        self.done = read_ranges(status.get("completedIndexes") or "")
        self.failed_indexes = read_ranges(status.get("failedIndexes") or "")
        if self.indexed:
            limit = int(job["spec"].get("completions") or 0)
            self.done |= {i for pod_ in successes if (i := index_of(pod_)) is not None and i < limit}
            self.succeeded = len(self.done)
            self._fail_indexes()
        self.restarts = sum(_restarts(pod_) for pod_ in pods if podlib.active(pod_))
        self.any_success = bool(self.succeeded)

    def _fail_indexes(self) -> None:
        """With ``backoffLimitPerIndex`` each index has its own limit."""
        limit = self.job["spec"].get("backoffLimitPerIndex")
        if limit is None:
            return
        failures: dict[int, int] = {}
        for pod_ in self.pods:
            number = index_of(pod_)
            if number is not None and podlib.phase(pod_) == "Failed":
                failures[number] = failures.get(number, 0) + 1
                if rule_for(self.job, pod_) == "FailIndex":
                    failures[number] = limit + 1
        self.failed_indexes |= {
            number for number, count in failures.items() if count > limit and number not in self.done
        }

    def met_rule(self) -> int | None:
        """The rule of the success policy that is met."""
        for number, rule in enumerate((self.job["spec"].get("successPolicy") or {}).get("rules") or ()):
            wanted, count = rule.get("succeededIndexes"), rule.get("succeededCount")
            done = self.done if wanted is None else self.done & read_ranges(wanted)
            needed = len(read_ranges(wanted)) if count is None and wanted is not None else int(count or 0)
            if needed and len(done) >= needed:
                return number
        return None

    @property
    def complete(self) -> bool:
        """Whether as many have succeeded as are needed."""
        needed = self.job["spec"].get("completions")
        if needed is None:
            return self.any_success and not any(podlib.active(pod_) for pod_ in self.pods)
        return self.succeeded >= int(needed)

    def wanted(self, parallelism: int, active: int) -> int:
        """How many pods are to run now."""
        needed = self.job["spec"].get("completions")
        if needed is None:
            # A work queue: when one has succeeded, no more are made.
            return active if self.any_success else parallelism
        left = int(needed) - self.succeeded - len(self.failed_indexes)
        return max(min(parallelism, left), 0)

    def next_indexes(self, count: int, active: Sequence[Obj]) -> list[int | None]:
        """What to create: the lowest free indexes, or just so many."""
        if not self.indexed:
            return [None] * count
        taken = self.done | self.failed_indexes | {i for pod_ in active if (i := index_of(pod_)) is not None}
        # Pods that are being deleted hold their index until they are gone.
        taken |= {
            i
            for pod_ in self.pods
            if deleting(pod_) and not podlib.finished(pod_) and (i := index_of(pod_)) is not None
        }
        free = (number for number in range(int(self.job["spec"].get("completions") or 0)) if number not in taken)
        return [number for number, _ in zip(free, range(count), strict=False)]

    def streak(self) -> tuple[int, str | None]:
        """How many pods failed since the last success, and when the last one did."""
        ends = [(finished_at(pod_) or "", podlib.phase(pod_)) for pod_ in self.pods if podlib.finished(pod_)]
        last_success = max((parse(at) for at, how in ends if how == "Succeeded" and at), default=None)
        failures = [
            at for at, how in ends if how == "Failed" and at and (last_success is None or parse(at) > last_success)
        ]
        return len(failures), max(failures, default=None)

    def status(self, before: Obj) -> dict[str, Any]:
        """The counts of the new status."""
        found: dict[str, Any] = {}
        if self.succeeded:
            found["succeeded"] = self.succeeded
        if self.failed:
            found["failed"] = self.failed
        if self.done:
            found["completedIndexes"] = ranges(self.done)
        if self.failed_indexes or self.job["spec"].get("backoffLimitPerIndex") is not None:
            found["failedIndexes"] = ranges(self.failed_indexes)
        for name in ("completionTime",):
            if before.get(name):
                found[name] = before[name]
        return found


def _restarts(pod_: Obj) -> int:
    status = pod_.get("status") or {}
    statuses = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    return sum(int(found.get("restartCount") or 0) for found in statuses)


def _tracked(pod_: Obj) -> bool:
    return TRACKING in (pod_["metadata"].get("finalizers") or ())


def _failed(pod_: Obj, *, only_ended: bool) -> bool:
    """Whether it counts as a failure: it failed, or it was deleted while it ran, unless its end is waited for."""
    if podlib.phase(pod_) == "Failed":
        return True
    return not only_ended and deleting(pod_) and podlib.phase(pod_) != "Succeeded"


def rule_for(job: Obj, pod_: Obj) -> str | None:
    """The action that the pod failure policy has for that pod."""
    found = _rule(job, pod_)
    return None if found is None else str(found[0])


def failing_rule(job: Obj, failures: Sequence[Obj]) -> str | None:
    """The message of the rule that fails the whole Job."""
    for pod_ in failures:
        found = _rule(job, pod_)
        if found is not None and found[0] == "FailJob":
            return found[1]
    return None


def _rule(job: Obj, pod_: Obj) -> tuple[str, str] | None:
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or ()
    name = f"{pod_['metadata'].get('namespace', '')}/{pod_['metadata']['name']}"
    status = pod_.get("status") or {}
    for number, rule in enumerate(rules):
        wanted = rule.get("onExitCodes")
        if wanted is not None:
            for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
                code = ((each.get("state") or {}).get("terminated") or {}).get("exitCode")
                if not code or wanted.get("containerName", each["name"]) != each["name"]:
                    continue
                if (code in wanted["values"]) == (wanted["operator"] == "In"):
                    text = f"Container {each['name']} for pod {name} failed with exit code {code}"
                    return rule["action"], f"{text} matching {rule['action']} rule at index {number}"
        for pattern in rule.get("onPodConditions") or ():
            for found in status.get("conditions") or ():
                if found["type"] == pattern["type"] and found["status"] == pattern.get("status", "True"):
                    text = f"Pod {name} has condition {found['type']} matching {rule['action']} rule at index {number}"
                    return rule["action"], text
    return None
