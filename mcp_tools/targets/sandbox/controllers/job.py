"""The Job controller: pods that are to succeed, again and again until they have.

Source: ``pkg/controller/job`` of Kubernetes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox.controllers import job_pods as made
from mcp_tools.targets.sandbox.controllers import pods as podlib
from mcp_tools.targets.sandbox.controllers.common import (
    Controller,
    condition,
    deleting,
    elapsed,
    itself,
    orphans_too,
    ref_of,
)
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

KEY = "jobs.batch"
TRACKING = "batch.kubernetes.io/job-tracking"
BACKOFF, LONGEST = 10.0, 600.0
"""Seconds to the next pod after a failure, doubled with each, and their limit."""
REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")
Ending = tuple[str, str]


class Jobs(Controller):
    """Creates the pods of Jobs, counts how they end, and says when all is done."""

    name = "job-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {KEY: itself, podlib.PODS: orphans_too(self, "Job", KEY)}

    def reconcile(self, ref: Ref) -> None:
        """Count, decide, create or delete."""
        job = self.store.at(ref)
        if job is None:
            self.forget(ref)
            return
        if job["spec"].get("managedBy", "kubernetes.io/job-controller") != "kubernetes.io/job-controller":
            return
        pods = self.claim(job, podlib.PODS, job["spec"].get("selector"))
        if ended(job) or deleting(job):
            self._release(pods, everything=deleting(job))
            return
        try:
            self._sync(ref, job, pods)
        except ApiError as error:
            if error.code != 404:
                self.retry(ref)
            return
        self.forget(ref)

    def _release(self, pods: list[Obj], *, everything: bool) -> None:
        """Take the finalizer off pods that are counted."""
        for pod in pods:
            if (everything or podlib.finished(pod) or deleting(pod)) and tracked(pod):
                self.edit(ref_of(podlib.PODS, pod), _untrack)

    # -- counting ------------------------------------------------------------------------------------------------

    def _sync(self, ref: Ref, job: Obj, pods: list[Obj]) -> None:
        status = job.get("status") or {}
        suspended = bool(job["spec"].get("suspend"))
        counts = made.Counts(job, pods)
        start = status.get("startTime")
        if start is None and not suspended:
            start = self.clock.stamp()
        failure = self._failure(job, counts, start, suspended)
        finish: Ending | None = None
        met = condition(status, "SuccessCriteriaMet")
        rule = counts.met_rule()
        if failure is None and met is not None:
            finish = met["reason"], met["message"]
        elif failure is None and rule is not None:
            finish = "SuccessPolicy", f"Matched rules at index {rule}"
        elif failure is None and counts.complete:
            finish = REACHED
        active = [pod for pod in pods if podlib.active(pod)]
        if failure is not None or finish is not None:
            # These keep the finalizer until they are counted, as failures.
            for pod in active:
                self._delete_pod(job, pod, counted=True)
            counts = made.Counts(job, self.owned(job, podlib.PODS))
        elif suspended:
            for pod in active:
                self._delete_pod(job, pod)
        else:
            self._manage(ref, job, active, counts)
        self._report(ref, job, counts, start, failure, finish)
        limit = job["spec"].get("activeDeadlineSeconds")
        if start is not None and limit is not None and failure is None and finish is None and not suspended:
            self.later(ref, max(limit - elapsed(self.clock, start, job["metadata"]["uid"]), 0.001))

    def _failure(self, job: Obj, counts: made.Counts, start: str | None, suspended: bool) -> Ending | None:
        """Why the Job has failed, if it has."""
        spec = job["spec"]
        target = condition(job.get("status") or {}, "FailureTarget")
        if target is not None:
            return target["reason"], target["message"]
        rule = made.failing_rule(job, counts.new_failures)
        if rule is not None:
            return "PodFailurePolicy", rule
        per_index = spec.get("backoffLimitPerIndex") is not None
        limit = spec.get("backoffLimit", 6)
        exceeded = counts.failed > limit
        restarting = (spec["template"]["spec"].get("restartPolicy")) == "OnFailure"
        if restarting and not exceeded:
            # Containers are restarted in their pods: the restarts count as failures.
            exceeded = counts.restarts > 0 and counts.restarts >= max(limit, 1)
        if exceeded:
            return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        deadline = spec.get("activeDeadlineSeconds")
        if (
            deadline is not None
            and start is not None
            and not suspended
            and elapsed(self.clock, start, job["metadata"]["uid"]) >= deadline
        ):
            return "DeadlineExceeded", "Job was active longer than specified deadline"
        if per_index and counts.failed_indexes:
            most = spec.get("maxFailedIndexes")
            if most is not None and len(counts.failed_indexes) > most:
                return "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"
            if len(counts.failed_indexes) + counts.succeeded >= int(spec.get("completions") or 0):
                return "FailedIndexes", "Job has failed indexes"
        return None

    # -- pods ----------------------------------------------------------------------------------------------------

    def _manage(self, ref: Ref, job: Obj, active: list[Obj], counts: made.Counts) -> None:
        """As many pods as may run now; after a failure only when the back-off has passed."""
        parallelism = int(job["spec"].get("parallelism", 1))
        wanted = counts.wanted(parallelism, len(active))
        ending = 0
        if job["spec"].get("podReplacementPolicy") == "Failed":
            # Pods that end hold their place until they are gone.
            ending = sum(deleting(pod) and not podlib.finished(pod) for pod in counts.pods)
        surplus = len(active) + ending - wanted
        if surplus > 0:
            for pod in podlib.rank(active, active, self.clock.now())[: max(surplus - ending, 0)]:
                self._delete_pod(job, pod)
            return
        if surplus == 0:
            return
        left = self._backoff(counts)
        if left > 0:
            self.later(ref, left)
            return
        for index in counts.next_indexes(-surplus, active):
            self._create_pod(job, index)

    def _backoff(self, counts: made.Counts) -> float:
        """Seconds until the next pod may be made: 10 s after a failure, doubled with each in a row."""
        streak, last = counts.streak()
        if not streak or last is None:
            return 0.0
        return float(min(BACKOFF * 2 ** (streak - 1), LONGEST)) - elapsed(
            self.clock, last, f"{counts.job['metadata']['uid']} {streak}"
        )

    def _create_pod(self, job: Obj, index: int | None) -> None:
        pod = made.pod(job, index)
        try:
            found = self.create(podlib.PODS, pod)
        except ApiError as error:
            self.event(job, "FailedCreate", f"Error creating: {error.message}", type="Warning")
            raise
        self.event(job, "SuccessfulCreate", f"Created pod: {found['metadata']['name']}")

    def _delete_pod(self, job: Obj, pod: Obj, *, counted: bool = False) -> None:
        place = ref_of(podlib.PODS, pod)
        if tracked(pod) and not counted:
            self.edit(place, _untrack)
        self.delete(place)
        self.event(job, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    # -- status --------------------------------------------------------------------------------------------------

    def _report(
        self, ref: Ref, job: Obj, counts: made.Counts, start: str | None, failure: Ending | None, finish: Ending | None
    ) -> None:
        pods = self.owned(job, podlib.PODS)
        before = job.get("status") or {}
        active = [pod for pod in pods if podlib.active(pod)]
        terminating = sum(deleting(pod) and not podlib.finished(pod) for pod in pods)
        self._release(pods, everything=False)
        status: dict[str, Any] = {name: before[name] for name in ("conditions",) if name in before}
        conditions: list[Obj] = list(before.get("conditions") or [])
        conditions = self._suspension(job, conditions)
        if start is not None and not job["spec"].get("suspend"):
            status["startTime"] = start
        status |= counts.status(before)
        if active:
            status["active"] = len(active)
        # A Job is told to have ended when none of its pods runs any more.
        waiting = bool(active) or terminating > 0
        if failure is not None:
            conditions = self._ending(conditions, "FailureTarget", failure)
            if not waiting:
                conditions = self._ending(conditions, "Failed", failure)
                self.event(job, failure[0], failure[1], type="Warning")
        elif finish is not None:
            conditions = self._ending(conditions, "SuccessCriteriaMet", finish)
            if not waiting:
                conditions = self._ending(conditions, "Complete", finish)
                status["completionTime"] = self.clock.stamp()
                self.event(job, "Completed", "Job completed")
        status["terminating"] = terminating
        status["ready"] = sum(podlib.ready(pod) for pod in active)
        status["uncountedTerminatedPods"] = {}
        if conditions:
            status["conditions"] = conditions
        self.set_status(ref, status)

    def _ending(self, conditions: list[Obj], type_: str, ending: Ending) -> list[Obj]:
        if condition({"conditions": conditions}, type_) is not None:
            return conditions
        return [*conditions, self._made(type_, "True", *ending)]

    def _made(self, type_: str, status: str, reason: str, message: str) -> Obj:
        now = self.clock.stamp()
        found = {"type": type_, "status": status, "lastProbeTime": now, "lastTransitionTime": now}
        return {**found, "reason": reason, "message": message}

    def _suspension(self, job: Obj, conditions: list[Obj]) -> list[Obj]:
        current = condition({"conditions": conditions}, "Suspended")
        suspended = bool(job["spec"].get("suspend"))
        if suspended and (current is None or current["status"] != "True"):
            found = self._made("Suspended", "True", "JobSuspended", "Job suspended")
            self.event(job, "Suspended", "Job suspended")
        elif not suspended and current is not None and current["status"] == "True":
            found = self._made("Suspended", "False", "JobResumed", "Job resumed")
            self.event(job, "Resumed", "Job resumed")
        else:
            return conditions
        return [each if each["type"] != "Suspended" else found for each in conditions] + ([] if current else [found])


def ended(job: Obj) -> str | None:
    """``Complete`` or ``Failed`` when the Job has ended."""
    for found in (job.get("status") or {}).get("conditions") or ():
        if found["type"] in ("Complete", "Failed") and found["status"] == "True":
            return str(found["type"])
    return None


def tracked(pod: Obj) -> bool:
    """Whether the pod waits for being counted."""
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def _untrack(pod: Obj) -> None:
    kept = [name for name in pod["metadata"].get("finalizers") or () if name != TRACKING]
    if kept:
        pod["metadata"]["finalizers"] = kept
    else:
        pod["metadata"].pop("finalizers", None)


class TimeToLive(Controller):
    """Deletes Jobs that have ended for ``ttlSecondsAfterFinished``."""

    name = "ttl-after-finished-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {KEY: itself}

    def reconcile(self, ref: Ref) -> None:
        """Delete it when its time has come, or look again then."""
        job = self.store.at(ref)
        if job is None or deleting(job) or job["spec"].get("ttlSecondsAfterFinished") is None:
            return
        how = ended(job)
        found = condition(job.get("status") or {}, how) if how else None
        if found is None:
            return
        left = job["spec"]["ttlSecondsAfterFinished"] - elapsed(
            self.clock, found["lastTransitionTime"], job["metadata"]["uid"]
        )
        if left > 0:
            self.later(ref, left)
        else:
            self.delete(ref, propagation="Foreground", preconditions={"uid": job["metadata"]["uid"]})
