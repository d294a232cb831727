"""Jobs and CronJobs come to the pods, conditions and events that a real cluster shows."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from mcp_tools.targets.sandbox.controllers import cron, job_pods
from tests.targets.sandbox.workbench import Bench, template

JOBS, CRONS = "jobs.batch", "cronjobs.batch"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def job(behaviour: str = "ok", **spec: Any) -> dict[str, Any]:
    made = template(behaviour)
    made["spec"]["restartPolicy"] = "Never"
    return {"metadata": {"name": "work"}, "spec": {"template": made, **spec}}


def conditions(bench: Bench, name: str = "work") -> list[tuple[str, str]]:
    return [(each["type"], each["reason"]) for each in bench.get(JOBS, name)["status"]["conditions"]]


def test_a_job_completes(bench: Bench) -> None:
    bench.create(JOBS, job())
    bench.settle()
    status = bench.get(JOBS, "work")["status"]
    assert (status["active"], status["ready"], status["terminating"]) == (1, 0, 0)
    bench.settle(5)
    found = bench.get(JOBS, "work")
    assert found["status"]["succeeded"] == 1
    assert found["status"]["uncountedTerminatedPods"] == {}
    assert found["status"]["completionTime"] > found["status"]["startTime"]
    assert conditions(bench) == [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]
    assert found["status"]["conditions"][1]["message"] == "Reached expected number of succeeded pods"
    (pod,) = bench.all("pods")
    assert "finalizers" not in pod["metadata"]
    uid = found["metadata"]["uid"]
    assert found["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert pod["metadata"]["labels"] == {
        "app": "web",
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "work",
        "controller-uid": uid,
        "job-name": "work",
    }
    assert bench.events("work") == [
        ("Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}"),
        ("Normal", "Completed", "Job completed"),
    ]


def test_a_job_with_a_selector_of_its_own_gets_no_labels(bench: Bench) -> None:
    body = job(manualSelector=True, selector={"matchLabels": {"my": "job"}})
    body["spec"]["template"]["metadata"]["labels"] = {"my": "job"}
    made = bench.create("jobs.batch", body)
    assert made["spec"]["selector"] == {"matchLabels": {"my": "job"}}
    assert made["spec"]["template"]["metadata"]["labels"] == {"my": "job"}


def test_failures_are_retried_later_each_time_until_the_limit(bench: Bench) -> None:
    bench.create(JOBS, job("fails", backoffLimit=2))
    bench.settle(2)
    assert len(bench.all("pods")) == 1
    bench.settle(8)
    assert len(bench.all("pods")) == 1
    bench.settle(3)
    assert len(bench.all("pods")) == 2
    bench.settle(18)
    assert len(bench.all("pods")) == 2
    bench.settle(5)
    assert len(bench.all("pods")) == 3
    bench.settle(5)
    assert bench.get(JOBS, "work")["status"]["failed"] == 3
    assert conditions(bench) == [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]
    text = "Job has reached the specified backoff limit"
    assert bench.events("work")[-1] == ("Warning", "BackoffLimitExceeded", text)
    bench.settle(3600)
    assert len(bench.all("pods")) == 3


def test_a_job_that_runs_too_long_fails(bench: Bench) -> None:
    bench.create(JOBS, job("running", activeDeadlineSeconds=30))
    bench.settle(20)
    assert "conditions" not in bench.get(JOBS, "work")["status"]
    bench.settle(20)
    assert conditions(bench) == [("FailureTarget", "DeadlineExceeded"), ("Failed", "DeadlineExceeded")]
    assert bench.get(JOBS, "work")["status"]["conditions"][1]["message"] == (
        "Job was active longer than specified deadline"
    )
    assert bench.get(JOBS, "work")["status"]["failed"] == 1
    assert not bench.all("pods")


def test_parallel_until_complete(bench: Bench) -> None:
    bench.create(JOBS, job(completions=5, parallelism=2))
    bench.settle()
    assert bench.get(JOBS, "work")["status"]["active"] == 2
    bench.settle(30)
    assert bench.get(JOBS, "work")["status"]["succeeded"] == 5
    assert len(bench.all("pods")) == 5


def test_indexes(bench: Bench) -> None:
    bench.create(JOBS, job(completions=4, parallelism=4, completionMode="Indexed"))
    bench.settle(5)
    assert bench.get(JOBS, "work")["status"]["completedIndexes"] == "0-3"
    pods = bench.all("pods")
    assert [pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] for pod in pods] == list("0123")
    assert pods[2]["metadata"]["generateName"] == "work-2-"
    assert pods[2]["spec"]["hostname"] == "work-2"
    assert pods[2]["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"


@pytest.mark.parametrize(
    ("indexes", "written"), [(set(), ""), ({3}, "3"), ({0, 1}, "0,1"), ({0, 1, 2, 5, 7, 8, 9}, "0-2,5,7-9")]
)
def test_ranges_of_indexes(indexes: set[int], written: str) -> None:
    assert job_pods.ranges(indexes) == written
    assert job_pods.read_ranges(written) == indexes


def test_a_suspended_job_has_no_pods_until_it_is_resumed(bench: Bench) -> None:
    bench.create(JOBS, job(suspend=True))
    bench.settle(5)
    assert not bench.all("pods")
    assert conditions(bench) == [("Suspended", "JobSuspended")]
    bench.update(JOBS, "work", lambda obj: obj["spec"].update({"suspend": False}))
    bench.settle(5)
    assert conditions(bench)[0] == ("Suspended", "JobResumed")
    assert bench.get(JOBS, "work")["status"]["succeeded"] == 1
    reasons = [each[1] for each in bench.events("work")]
    assert reasons == ["Suspended", "SuccessfulCreate", "Resumed", "Completed"]


def test_a_job_goes_some_time_after_its_end(bench: Bench) -> None:
    bench.create(JOBS, job(ttlSecondsAfterFinished=60))
    bench.settle(50)
    assert bench.all(JOBS)
    bench.settle(30)
    assert not bench.all(JOBS)
    assert not bench.all("pods")


def test_a_failure_policy_fails_at_once(bench: Bench) -> None:
    policy = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}}]}
    bench.create(JOBS, job("fails", podFailurePolicy=policy))
    bench.settle(10)
    (pod,) = bench.all("pods")
    place = f"default/{pod['metadata']['name']}"
    text = f"Container c for pod {place} failed with exit code 1 matching FailJob rule at index 0"
    found = bench.get(JOBS, "work")["status"]["conditions"][1]
    assert (found["type"], found["reason"], found["message"]) == ("Failed", "PodFailurePolicy", text)


def at(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("*/5 * * * *", "2025-06-15T10:02:30+00:00", "2025-06-15T10:05:00+00:00"),
        ("0 0 * * *", "2025-06-15T00:00:00+00:00", "2025-06-16T00:00:00+00:00"),
        ("30 4 1,15 * 5", "2025-06-15T05:00:00+00:00", "2025-06-20T04:30:00+00:00"),
        ("0 0 29 2 *", "2025-01-01T00:00:00+00:00", "2028-02-29T00:00:00+00:00"),
        ("15 9 * * mon-fri", "2025-06-14T00:00:00+00:00", "2025-06-16T09:15:00+00:00"),
        ("@hourly", "2025-06-15T10:02:30+00:00", "2025-06-15T11:00:00+00:00"),
        ("5/20 * * * *", "2025-06-15T10:26:00+00:00", "2025-06-15T10:45:00+00:00"),
        ("0 0 1 */3 *", "2025-06-15T10:26:00+00:00", "2025-07-01T00:00:00+00:00"),
    ],
)
def test_the_next_time(schedule: str, after: str, expected: str) -> None:
    assert cron.parse(schedule).after(at(after)) == at(expected)


def test_the_next_time_in_a_zone() -> None:
    found = cron.parse("0 9 * * *", "Europe/Berlin").after(at("2025-06-15T10:00:00+00:00"))
    assert found == at("2025-06-16T07:00:00+00:00")


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("61 * * * *", "end of range (61) above maximum (59): 61"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("@often", "unrecognized descriptor: @often"),
    ],
)
def test_what_is_no_schedule(schedule: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        cron.parse(schedule)
    assert str(caught.value) == message


def cronjob(schedule: str = "*/5 * * * *", behaviour: str = "ok", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "tick"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": job(behaviour)["spec"]}, **spec},
    }


def test_a_cronjob_starts_a_job_at_each_time(bench: Bench) -> None:
    bench.create(CRONS, cronjob())
    bench.settle(301)
    (started,) = bench.all(JOBS)
    minutes = int(bench.clock.now()) // 300 * 5
    assert started["metadata"]["name"] == f"tick-{minutes}"
    stamp = bench.clock.stamp(minutes * 60)
    assert started["metadata"]["annotations"] == {"batch.kubernetes.io/cronjob-scheduled-timestamp": stamp}
    bench.settle(60)
    status = bench.get(CRONS, "tick")["status"]
    assert status["lastScheduleTime"] == stamp
    assert status["lastSuccessfulTime"] > stamp
    assert "active" not in status
    assert bench.events("tick") == [
        ("Normal", "SuccessfulCreate", f"Created job tick-{minutes}"),
        ("Normal", "SawCompletedJob", f"Saw completed job: tick-{minutes}, condition: Complete"),
    ]


def test_only_the_last_jobs_are_kept(bench: Bench) -> None:
    bench.create(CRONS, cronjob("* * * * *", successfulJobsHistoryLimit=2))
    bench.settle(600)
    assert len(bench.all(JOBS)) == 2


def test_no_second_job_while_one_runs_when_that_is_forbidden(bench: Bench) -> None:
    bench.create(CRONS, cronjob("* * * * *", "running", concurrencyPolicy="Forbid"))
    bench.settle(300)
    assert len(bench.all(JOBS)) == 1
    text = "Not starting job because prior execution is running and concurrency policy is Forbid"
    assert ("Normal", "JobAlreadyActive", text) in bench.events("tick")


def test_the_running_job_is_replaced_when_that_is_wanted(bench: Bench) -> None:
    bench.create(CRONS, cronjob("* * * * *", "running", concurrencyPolicy="Replace"))
    bench.settle(90)
    (first,) = bench.all(JOBS)
    bench.settle(60)
    (second,) = bench.all(JOBS)
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert len(bench.get(CRONS, "tick")["status"]["active"]) == 1


def test_a_suspended_cronjob_starts_nothing(bench: Bench) -> None:
    bench.create(CRONS, cronjob("* * * * *", suspend=True))
    bench.settle(300)
    assert not bench.all(JOBS)


def test_a_success_policy_ends_the_job_early(bench: Bench) -> None:
    policy = {"rules": [{"succeededIndexes": "0-1", "succeededCount": 1}]}
    bench.create(JOBS, job(completions=3, parallelism=1, completionMode="Indexed", successPolicy=policy))
    bench.settle(10)
    assert conditions(bench) == [("SuccessCriteriaMet", "SuccessPolicy"), ("Complete", "SuccessPolicy")]
    assert bench.get(JOBS, "work")["status"]["conditions"][0]["message"] == "Matched rules at index 0"
    assert bench.get(JOBS, "work")["status"]["completedIndexes"] == "0"


def test_a_schedule_that_cannot_be_read_is_an_event(bench: Bench) -> None:
    from mcp_tools.targets.sandbox.store import Ref

    bench.create(CRONS, cronjob())
    ref = Ref(CRONS, "default", "tick")
    bench.api.edit(ref, lambda live: live["spec"].update({"schedule": "never"}), manager="user")
    bench.settle()
    text = 'unparseable schedule: "never" : expected exactly 5 fields, found 1: [never]'
    assert ("Warning", "UnparseableSchedule", text) in bench.events("tick")
