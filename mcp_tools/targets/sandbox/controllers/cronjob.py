"""The CronJob controller: a Job at each time of the schedule.

Source: ``pkg/controller/cronjob/cronjob_controllerv2.go`` and ``utils.go`` of Kubernetes.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.clock import parse
from mcp_tools.targets.sandbox.controllers import cron
from mcp_tools.targets.sandbox.controllers.common import (
    Controller,
    by_controller,
    deleting,
    itself,
    owner_reference,
    ref_of,
)
from mcp_tools.targets.sandbox.controllers.job import ended
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Obj, Ref, copy

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

KEY, JOBS = "cronjobs.batch", "jobs.batch"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
TOO_MANY = 100
"""Missed times beyond which something is wrong with the clock."""


class CronJobs(Controller):
    """Starts the Jobs of CronJobs, and removes those of the past."""

    name = "cronjob-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {KEY: itself, JOBS: by_controller("CronJob", KEY)}

    def reconcile(self, ref: Ref) -> None:
        """See what became of its Jobs, and start the next when it is time."""
        cronjob = self.store.at(ref)
        if cronjob is None or deleting(cronjob):
            return
        status: Obj = copy(cronjob.get("status") or {})
        jobs = self.owned(cronjob, JOBS)
        self._finished(cronjob, status, jobs)
        try:
            self._start(ref, cronjob, status)
        except ApiError as error:
            self.event(cronjob, "FailedCreate", f"Error creating job: {error.message}", type="Warning")
            self.retry(ref)
        else:
            self.forget(ref)
        self._clean(cronjob, status, jobs)
        if not status.get("active"):
            status.pop("active", None)
        self.set_status(ref, status)

    # -- Jobs that there are -------------------------------------------------------------------------------------

    def _finished(self, cronjob: Obj, status: Obj, jobs: list[Obj]) -> None:
        """Take Jobs that have ended off the list of the active ones."""
        active = {each["uid"]: each for each in status.get("active") or ()}
        for job in jobs:
            uid, how = job["metadata"]["uid"], ended(job)
            listed = uid in active
            if not listed and how is None:
                text = f"Saw a job that the controller did not create or forgot: {job['metadata']['name']}"
                self.event(cronjob, "UnexpectedJob", text, type="Warning")
            elif listed and how is not None:
                del active[uid]
                text = f"Saw completed job: {job['metadata']['name']}, condition: {how}"
                self.event(cronjob, "SawCompletedJob", text)
            if how == "Complete" and (at := job["status"].get("completionTime")):
                status["lastSuccessfulTime"] = max(status.get("lastSuccessfulTime") or "", at)
        known = {job["metadata"]["uid"] for job in jobs}
        for uid, each in list(active.items()):
            if uid not in known and self.store.get(JOBS, each.get("namespace", ""), each["name"]) is None:
                self.event(cronjob, "MissingJob", f"Active job went missing: {each['name']}")
                del active[uid]
        status["active"] = list(active.values())

    def _clean(self, cronjob: Obj, status: Obj, jobs: list[Obj]) -> None:
        """Delete the oldest ended Jobs beyond the history limits."""
        for how, name, default in (
            ("Complete", "successfulJobsHistoryLimit", 3),
            ("Failed", "failedJobsHistoryLimit", 1),
        ):
            limit = cronjob["spec"].get(name)
            limit = default if limit is None else int(limit)
            found = sorted(
                (job for job in jobs if ended(job) == how and not deleting(job)),
                key=lambda job: (job["status"].get("startTime") or "", job["metadata"]["name"]),
            )
            for job in found[: max(len(found) - limit, 0)]:
                self._delete(cronjob, status, job)

    def _delete(self, cronjob: Obj, status: Obj, job: Obj) -> None:
        self.delete(ref_of(JOBS, job), propagation="Background")
        uid = job["metadata"]["uid"]
        status["active"] = [each for each in status.get("active") or () if each["uid"] != uid]
        self.event(cronjob, "SuccessfulDelete", f"Deleted job {job['metadata']['name']}")

    # -- the next Job --------------------------------------------------------------------------------------------

    def _start(self, ref: Ref, cronjob: Obj, status: Obj) -> None:
        spec = cronjob["spec"]
        if spec.get("suspend"):
            return
        try:
            schedule = cron.parse(spec["schedule"], spec.get("timeZone"))
        except ValueError as error:
            zone = spec.get("timeZone")
            if zone is not None and "bad location" in str(error):
                about = "UnknownTimeZone", f'invalid timeZone: "{zone}": unknown time zone {zone}'
            else:
                about = "UnparseableSchedule", f'unparseable schedule: "{spec["schedule"]}" : {error}'
            self.event(cronjob, *about, type="Warning")
            return
        now = self.clock.now()
        at, missed = _due(cronjob, status, schedule, now)
        if missed > TOO_MANY:
            advice = "Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            text = f"too many missed start times: {missed}. {advice}"
            self.event(cronjob, "TooManyMissedTimes", text, type="Warning")
        if at is not None:
            self._run(cronjob, status, at, now)
        upcoming = schedule.after(now)
        if upcoming is not None:
            # The time of day is real also where waits are shortened.
            self.later(ref, (upcoming - now) * self.clock.speed)

    def _run(self, cronjob: Obj, status: Obj, at: float, now: float) -> None:
        """Start the Job of that time, as the concurrency policy wants it."""
        spec, meta = cronjob["spec"], cronjob["metadata"]
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and at + deadline < now:
            text = f"Missed scheduled time to start a job: {_spoken(self.clock.stamp(at))}"
            self.event(cronjob, "MissSchedule", text, type="Warning")
            return
        name = f"{meta['name']}-{int(at) // 60}"
        if any(each["name"] == name for each in status.get("active") or ()) or (
            status.get("lastScheduleTime") == self.clock.stamp(at)
        ):
            return
        policy = spec.get("concurrencyPolicy", "Allow")
        if policy == "Forbid" and status.get("active"):
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.event(cronjob, "JobAlreadyActive", text)
            return
        if policy == "Replace":
            for each in list(status.get("active") or ()):
                job = self.store.get(JOBS, each.get("namespace", ""), each["name"])
                if job is not None:
                    self._delete(cronjob, status, job)
        try:
            job = self.create(JOBS, self._job(cronjob, name, at))
        except ApiError as error:
            found = self.store.get(JOBS, meta["namespace"], name)
            if error.reason != "AlreadyExists" or found is None:
                raise
            job = found
        else:
            self.event(cronjob, "SuccessfulCreate", f"Created job {name}")
        facts = job["metadata"]
        reference = {"kind": "Job", "namespace": facts["namespace"], "name": name, "uid": facts["uid"]}
        reference |= {"apiVersion": kinds.by_key(JOBS).api_version, "resourceVersion": facts["resourceVersion"]}
        status.setdefault("active", []).append(reference)
        status["lastScheduleTime"] = self.clock.stamp(at)

    def _job(self, cronjob: Obj, name: str, at: float) -> Obj:
        template = cronjob["spec"]["jobTemplate"]
        given = template.get("metadata") or {}
        notes = dict(given.get("annotations") or {})
        notes[SCHEDULED] = self.clock.stamp(at)
        meta: dict[str, Any] = {"name": name, "namespace": cronjob["metadata"]["namespace"], "annotations": notes}
        if given.get("labels"):
            meta["labels"] = dict(given["labels"])
        meta["ownerReferences"] = [owner_reference(cronjob)]
        return {"metadata": meta, "spec": copy(template["spec"])}


def _due(cronjob: Obj, status: Obj, schedule: cron.Schedule, now: float) -> tuple[float | None, int]:
    """The latest time that has come and was not used, and how many were missed."""
    earliest = parse(cronjob["metadata"]["creationTimestamp"])
    if status.get("lastScheduleTime"):
        earliest = parse(status["lastScheduleTime"])
    deadline = cronjob["spec"].get("startingDeadlineSeconds")
    if deadline is not None:
        earliest = max(earliest, now - deadline)
    first = schedule.after(earliest)
    if first is None or first > now:
        return None, 0
    second = schedule.after(first)
    if second is None or second > now:
        return first, 1
    interval = second - first
    missed = int((now - first) // interval) + 1
    # Near enough the end to go step by step, however long the controller did not look.
    at = first
    step = schedule.after(max(now - 2 * interval - 60, first - 1))
    while step is not None and step <= now:
        at, step = step, schedule.after(step)
    return at, missed


def _spoken(stamp: str) -> str:
    """A time as ``time.RFC1123Z`` writes it."""
    return datetime.datetime.fromisoformat(stamp).strftime("%a, %d %b %Y %H:%M:%S +0000")
