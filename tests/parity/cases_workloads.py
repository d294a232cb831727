"""Controllers: what they make of an object, and what they say about it."""

from __future__ import annotations

import datetime
from typing import Any

from tests.parity import look
from tests.parity.case import case
from tests.parity.manifests import (
    SERVE,
    box,
    claim,
    config,
    cronjob,
    daemonset,
    deployment,
    job,
    pod,
    resources,
    service,
    statefulset,
    thing,
)
from tests.parity.stage import Stage

FAMILY, STORAGE = "workloads", "storage"
BAD = box(command=["sh", "-c", "exit 1"])
NOT_READY: dict[str, Any] = {"readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}


def _status(found: Any) -> Any:
    status = {k: v for k, v in found["status"].items() if k != "conditions"}
    return [status, look.conditions(found)]


@case(FAMILY)
def deployment_comes_up(s: Stage) -> None:
    s.make(deployment(replicas=2))
    s.until("deployments/web", look.available)
    s.until("events", look.has_events(s, "Started", "ScalingReplicaSet"))
    s.get("deployments/web", show=lambda d: [_status(d), d["metadata"]["annotations"], d["metadata"]["generation"]])
    s.get("replicasets", show=lambda d: [[i["metadata"], i["spec"], i["status"]] for i in s_bare(d["items"])])
    s.get("pods", show=lambda d: [[i["metadata"], look.pod(i)] for i in s_bare(d["items"])])
    s.note("events", look.events(s))


def s_bare(items: Any) -> Any:
    """Without the record of fields' owners."""
    from tests.parity import normal

    return normal.bare(items)


@case(FAMILY)
def deployment_rolls_on_and_back(s: Stage) -> None:
    s.make(deployment())
    s.until("deployments/web", look.available)
    s.client.patch(
        s.path("deployments/web"),
        json={"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    s.until("deployments/web", look.available)
    s.until("pods", look.ready)
    s.kubectl("rollout history deployment/web")
    s.kubectl("rollout history deployment/web --revision=2")
    s.kubectl("rollout undo deployment/web")
    s.until("deployments/web", look.available)
    s.until("pods", look.ready)
    s.kubectl("rollout history deployment/web")
    s.kubectl("rollout undo deployment/web --to-revision=9")
    s.get("deployments/web", show=_status)
    s.note("events", look.events(s, kinds=("Deployment",)))
    s.get(
        "replicasets",
        show=lambda d: sorted(
            str([i["spec"]["replicas"], sorted(i["metadata"]["annotations"].items())]) for i in d["items"]
        ),
    )


@case(FAMILY)
def deployment_stuck(s: Stage) -> None:
    s.make(deployment("web", progressDeadlineSeconds=4))
    s.until("deployments/web", look.available)
    s.kubectl("set image deployment/web web=python:none-such", shown=False)
    s.until("deployments/web", lambda d: any("ProgressDeadlineExceeded" in c for c in look.conditions(d)))
    s.get("deployments/web", show=_status)
    s.kubectl("rollout status deployment/web")
    s.note("events", look.events(s, kinds=("Deployment", "ReplicaSet")))


@case(FAMILY)
def deployment_never_available(s: Stage) -> None:
    s.make(deployment("web", box(**NOT_READY), progressDeadlineSeconds=15))
    s.until("deployments/web", lambda d: any("ProgressDeadlineExceeded" in c for c in look.conditions(d)))
    s.get("deployments/web", show=_status)
    s.kubectl("rollout status deployment/web --timeout=1s")


@case(FAMILY)
def deployment_recreates(s: Stage) -> None:
    s.make(deployment(strategy={"type": "Recreate"}))
    s.until("deployments/web", look.available)
    s.kubectl("rollout restart deployment/web")
    s.until("deployments/web", look.available)
    s.until("pods", look.ready)
    s.note("events", look.events(s, kinds=("Deployment",)))


@case(FAMILY)
def deployment_paused(s: Stage) -> None:
    s.make(deployment(replicas=0))
    s.until("deployments/web", look.available)
    s.kubectl("rollout pause deployment/web")
    s.kubectl("rollout pause deployment/web")
    s.kubectl("set image deployment/web web=other:1")
    s.until(
        "deployments/web",
        lambda d: (
            any("DeploymentPaused" in c for c in look.conditions(d))
            and d["status"]["observedGeneration"] == d["metadata"]["generation"]
        ),
    )
    s.get("deployments/web", show=_status)
    s.kubectl("rollout undo deployment/web")
    s.kubectl("rollout resume deployment/web")
    s.until("deployments/web", lambda d: not any("DeploymentPaused" in c for c in look.conditions(d)))
    s.until("deployments/web", look.available)
    s.get("deployments/web", show=_status)


@case(FAMILY)
def deployment_scales(s: Stage) -> None:
    s.make(deployment())
    s.until("deployments/web", look.available)
    for count in (3, 0):
        s.kubectl(f"scale deployment web --replicas={count}")
        s.until("deployments/web", look.available)
    s.until("events", look.has_events(s, "ScalingReplicaSet:from 3 to 0"))
    s.get("deployments/web", show=_status)
    s.note("events", look.events(s, kinds=("Deployment",)))


@case(FAMILY)
def deployment_adopts(s: Stage) -> None:
    s.make(pod("mine", labels={"app": "web"}))
    s.until("pods/mine", look.ready)
    s.make(
        thing(
            "ReplicaSet",
            "set",
            "apps/v1",
            spec={
                "replicas": 1,
                "selector": {"matchLabels": {"app": "web"}},
                "template": deployment()["spec"]["template"],
            },
        )
    )
    s.until("replicasets/set", lambda r: r["status"].get("availableReplicas") == 1)
    s.get("pods", show=lambda d: [i["metadata"].get("ownerReferences") for i in d["items"]])
    s.patch("pods/mine", {"metadata": {"labels": {"app": "free"}}}, show="none")
    s.until("pods", lambda d: len(d["items"]) == 2)
    s.until("pods/mine", lambda p: not p["metadata"].get("ownerReferences"))
    s.get("pods/mine", show=["metadata.ownerReferences"])


@case(FAMILY)
def statefulset_in_order(s: Stage) -> None:
    s.make(service("web", clusterIP="None"), statefulset(replicas=2))
    s.until("statefulsets/web", lambda d: d["status"].get("availableReplicas") == 2)
    s.get("statefulsets/web", show=["status", "metadata.generation"])
    s.get(
        "pods",
        show=lambda d: [
            [i["metadata"]["name"], i["metadata"]["labels"], i["spec"].get("hostname"), i["spec"].get("subdomain")]
            for i in d["items"]
        ],
    )
    s.kubectl("scale statefulset web --replicas=0")
    s.until("statefulsets/web", lambda d: d["status"].get("replicas") == 0)
    s.until("events", look.has_events(s, "SuccessfulDelete:web-0"))
    s.note("events", look.events(s, kinds=("StatefulSet",)))
    s.get("statefulsets/web", show=["status"])


@case(FAMILY)
def statefulset_updates(s: Stage) -> None:
    s.make(statefulset(replicas=2, updateStrategy={"rollingUpdate": {"partition": 1}}))
    s.until("statefulsets/web", lambda d: d["status"].get("availableReplicas") == 2)
    s.kubectl("rollout restart statefulset/web")
    s.until(
        "statefulsets/web",
        lambda d: d["status"].get("updatedReplicas") == 1 and d["status"].get("availableReplicas") == 2,
    )
    s.kubectl("rollout status statefulset/web")
    s.get("statefulsets/web", show=["status"])
    s.note("events", look.events(s, kinds=("StatefulSet",)))


@case(FAMILY)
def statefulset_on_delete(s: Stage) -> None:
    s.make(statefulset(updateStrategy={"type": "OnDelete"}))
    s.until("statefulsets/web", lambda d: d["status"].get("availableReplicas") == 1)
    s.kubectl("set image statefulset/web web=other:1")
    s.until("statefulsets/web", lambda d: d["status"]["observedGeneration"] == d["metadata"]["generation"] == 2)
    s.kubectl("rollout status statefulset/web --timeout=1s")
    s.get("statefulsets/web", show=["status"])


@case(FAMILY)
def statefulset_with_claims(s: Stage) -> None:
    s.make(statefulset(volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": claim()["spec"]}]))
    s.until("statefulsets/web", lambda d: d["status"].get("availableReplicas") == 1)
    s.get(
        "persistentvolumeclaims/data-web-0",
        show=["metadata.labels", "metadata.annotations", "metadata.finalizers", "spec", "status"],
    )
    s.get("pods/web-0", show=["spec.volumes.0"])
    s.note("events", look.events(s, kinds=("StatefulSet",)))
    s.kubectl("delete statefulset web")
    s.get("persistentvolumeclaims", show=lambda d: [i["metadata"]["name"] for i in d["items"]])


@case(FAMILY)
def daemonset_everywhere(s: Stage) -> None:
    s.make(daemonset())
    s.until(
        "daemonsets/web",
        lambda d: d["status"].get("numberAvailable") == 1 and d["status"].get("observedGeneration") == 1,
    )
    s.get("daemonsets/web", show=["status", "metadata.annotations"])
    s.get(
        "pods",
        show=lambda d: [[i["metadata"]["labels"], i["spec"]["tolerations"], i["spec"]["affinity"]] for i in d["items"]],
    )
    s.kubectl("rollout status daemonset/web")
    s.note("events", look.events(s, kinds=("DaemonSet",)))


@case(FAMILY)
def daemonset_nowhere(s: Stage) -> None:
    s.make(daemonset(nodeSelector={"no": "where"}))
    s.until("daemonsets/web", lambda d: d["status"].get("observedGeneration") == 1)
    s.get("daemonsets/web", show=["status"])


@case(FAMILY)
def job_completes(s: Stage) -> None:
    s.make(job("web", box(command=["sh", "-c", "echo done"]), completions=2))
    s.until("jobs/web", lambda j: "completionTime" in j["status"])
    s.until("events", look.has_events(s, "Completed"))
    s.get("jobs/web", show=_status)
    s.get(
        "pods",
        show=lambda d: [
            [sorted(i["metadata"]["labels"]), i["metadata"].get("finalizers"), look.pod(i)] for i in d["items"]
        ],
    )
    s.note("events", look.events(s, kinds=("Job",)))
    s.kubectl("wait --for=condition=complete job/web --timeout=5s")


@case(FAMILY)
def job_fails(s: Stage) -> None:
    s.make(job("web", BAD, backoffLimit=0))
    s.until("jobs/web", lambda j: any("Failed=True" in c for c in look.conditions(j)))
    s.until("events", look.has_events(s, "BackoffLimitExceeded"))
    s.get("jobs/web", show=_status)
    s.note("events", look.events(s))


@case(FAMILY, seconds=90)
def job_fails_again(s: Stage) -> None:
    s.make(job("web", BAD, backoffLimit=1))
    s.until("jobs/web", lambda j: any("Failed=True" in c for c in look.conditions(j)))
    s.until("events", look.has_events(s, "BackoffLimitExceeded"))
    s.get("jobs/web", show=_status)
    s.note("events", look.events(s, kinds=("Job",)))


@case(FAMILY)
def job_takes_too_long(s: Stage) -> None:
    s.make(job("web", box(), activeDeadlineSeconds=3))
    s.until("jobs/web", lambda j: any("Failed=True" in c for c in look.conditions(j)))
    s.until("events", look.has_events(s, "DeadlineExceeded"))
    s.get("jobs/web", show=_status)
    s.note("events", look.events(s, kinds=("Job",)))


@case(FAMILY)
def job_suspended_and_resumed(s: Stage) -> None:
    s.make(job("web", box(command=["true"]), suspend=True))
    s.until("jobs/web", lambda j: j["status"].get("conditions"))
    s.get("jobs/web", show=_status)
    s.patch("jobs/web", {"spec": {"suspend": False}}, show="none")
    s.until("jobs/web", lambda j: "completionTime" in j["status"])
    s.get("jobs/web", show=_status)
    s.note("events", look.events(s, kinds=("Job",)))


@case(FAMILY)
def job_indexed(s: Stage) -> None:
    s.make(job("web", box(command=["true"]), completions=2, parallelism=2, completionMode="Indexed"))
    s.until("jobs/web", lambda j: "completionTime" in j["status"])
    s.get("jobs/web", show=_status)
    s.get(
        "pods",
        show=lambda d: sorted(
            str([i["metadata"]["annotations"], i["spec"]["hostname"], i["spec"]["containers"][0].get("env")])
            for i in d["items"]
        ),
    )


@case(FAMILY)
def job_goes_away(s: Stage) -> None:
    s.make(job("web", box(command=["true"]), ttlSecondsAfterFinished=2))
    s.until("jobs/web", lambda j: "completionTime" in j["status"])
    s.gone("jobs/web")
    s.note("gone", True)


@case(FAMILY)
def job_with_a_failure_policy(s: Stage) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [7]}}
    s.make(job("web", box(command=["sh", "-c", "exit 7"]), backoffLimit=5, podFailurePolicy={"rules": [rule]}))
    s.until("jobs/web", lambda j: any("Failed=True" in c for c in look.conditions(j)))
    s.get("jobs/web", show=_status)
    s.until("events", look.has_events(s, "PodFailurePolicy"))
    s.note("events", look.events(s, kinds=("Job",)))


@case(FAMILY)
def cronjob_suspended(s: Stage) -> None:
    s.make(cronjob(suspend=True))
    s.kubectl("get cronjob web")
    s.kubectl("create job now --from=cronjob/web")
    s.get("jobs/now", show=["metadata.annotations", "metadata.ownerReferences", "spec.backoffLimit"])


@case(FAMILY, seconds=90)
def cronjob_runs(s: Stage) -> None:
    template = {"spec": job("x", box(command=["true"]))["spec"]}
    s.make(cronjob("web", "* * * * *", suspend=True, jobTemplate=template))
    # A minute of the schedule has just been missed: nobody waits for the next full one.
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=61)
    s.patch("cronjobs/web/status", {"status": {"lastScheduleTime": past.strftime("%Y-%m-%dT%H:%M:%SZ")}}, show="none")
    s.patch("cronjobs/web", {"spec": {"suspend": False}}, show="none")
    s.until("jobs", lambda d: d["items"])
    s.patch("cronjobs/web", {"spec": {"suspend": True}}, show="none")
    s.until("cronjobs/web", lambda c: c["status"].get("lastSuccessfulTime"))
    s.until("events", look.has_events(s, "SawCompletedJob"))
    s.get(
        "jobs",
        show=lambda d: [
            [sorted(i["metadata"]["annotations"]), i["metadata"]["ownerReferences"]] for i in d["items"][:1]
        ],
    )
    first = [line.rpartition("web-")[0] for line in look.events(s, kinds=("CronJob",))["CronJob/web"][:2]]
    s.note("events", first)


@case(FAMILY, seconds=90)
def hpa_without_metrics(s: Stage) -> None:
    s.make(deployment("web", box(**resources("10m"))))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    s.until("deployments/web", look.available)
    s.make(
        thing(
            "HorizontalPodAutoscaler",
            "web",
            "autoscaling/v2",
            spec={"maxReplicas": 3, "scaleTargetRef": target, "metrics": [metric]},
        )
    )
    s.until("horizontalpodautoscalers/web", lambda h: len(h["status"].get("conditions", ())) >= 2)
    s.until("events", look.has_events(s, "FailedGetResourceMetric", "FailedComputeMetricsReplicas"))
    s.get("horizontalpodautoscalers/web", show=_status)
    s.note("events", look.events(s, kinds=("HorizontalPodAutoscaler",)))
    s.kubectl("get hpa web")


@case(FAMILY, seconds=90)
def hpa_without_a_target(s: Stage) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}
    s.make(thing("HorizontalPodAutoscaler", "web", "autoscaling/v2", spec={"maxReplicas": 3, "scaleTargetRef": target}))
    s.until("events", look.has_events(s, "FailedGetScale"))
    s.until("horizontalpodautoscalers/web", lambda h: h["status"].get("conditions"))
    s.get("horizontalpodautoscalers/web", show=_status)
    s.note("events", look.events(s))


@case(FAMILY)
def endpoints_of_a_service(s: Stage) -> None:
    s.make(service("web", {"port": 80, "targetPort": "http", "name": "http"}))
    s.until("endpointslices", lambda d: d["items"])
    s.get("endpointslices", show=lambda d: s_bare(d["items"]))
    s.get("endpoints/web", show=["metadata.annotations", "metadata.labels", "subsets"])
    s.make(pod("a", box(ports=[{"containerPort": 8000, "name": "http"}]), labels={"app": "web"}))
    s.make(pod("b", box(**NOT_READY, ports=[{"containerPort": 8000, "name": "http"}]), labels={"app": "web"}))
    s.until("pods/a", look.ready)
    s.until("pods/b", lambda p: look.box_state(p, "running"))
    s.until("endpointslices", lambda d: len(d["items"][0]["endpoints"]) == 2)
    s.until("endpoints/web", lambda d: len(d["subsets"][0]["notReadyAddresses"]) == 1 and d["subsets"][0]["addresses"])
    s.get(
        "endpointslices",
        show=lambda d: [
            d["items"][0]["ports"],
            sorted(d["items"][0]["endpoints"], key=lambda e: e["targetRef"]["name"]),
        ],
    )
    s.get("endpoints/web", show=["subsets"])


@case(FAMILY)
def endpoints_that_do_not_come(s: Stage) -> None:
    s.make(service("web"), pod("a", labels={"app": "other"}), thing("Service", "free", spec={"ports": [{"port": 80}]}))
    s.until("endpointslices", lambda d: d["items"])
    s.get("endpointslices", show=lambda d: [[i["metadata"]["labels"], i["endpoints"], i["ports"]] for i in d["items"]])
    s.kubectl("get endpoints web")
    s.kubectl("describe service web")


@case(FAMILY)
def budget_counts(s: Stage) -> None:
    s.make(
        deployment(replicas=2),
        thing(
            "PodDisruptionBudget",
            "web",
            "policy/v1",
            spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        ),
    )
    s.make(
        thing(
            "PodDisruptionBudget",
            "none",
            "policy/v1",
            spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}},
        )
    )
    s.until("deployments/web", look.available)
    s.until("poddisruptionbudgets/web", lambda b: b["status"].get("disruptionsAllowed") == 1)
    s.until("poddisruptionbudgets/none", lambda b: b["status"].get("conditions"))
    s.get("poddisruptionbudgets/web", show=_status)
    s.get("poddisruptionbudgets/none", show=_status)
    s.note("events", look.events(s, kinds=("PodDisruptionBudget",))["PodDisruptionBudget/none"])
    s.kubectl("get pdb")


@case(FAMILY)
def a_pod_that_serves(s: Stage) -> None:
    probe = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1, "initialDelaySeconds": 8}
    s.make(pod("web", box(command=SERVE, readinessProbe=probe, livenessProbe=probe)))
    s.until("pods/web", look.ready)
    s.get("pods/web", show=look.pod)
    s.note("events", look.events(s))


# -- storage -----------------------------------------------------------------------------------------------------------


@case(STORAGE)
def a_claim_is_provisioned(s: Stage) -> None:
    s.make(claim())
    found = s.until("persistentvolumeclaims/data", lambda c: c["status"]["phase"] == "Bound")
    s.until("events", look.has_events(s, "ProvisioningSucceeded"))
    s.get("persistentvolumeclaims/data")
    s.get(
        f"persistentvolumes/{found['spec']['volumeName']}",
        show=lambda v: [
            {k: x for k, x in v["spec"].items() if k != "hostPath"},
            v["status"],
            v["metadata"]["annotations"],
            v["metadata"]["finalizers"],
        ],
    )
    told = look.events(s)  # two programs tell of it, each for itself: whose word comes first is chance
    s.note("events", {about: sorted(lines) for about, lines in told.items()})
    s.kubectl("get pvc data")


@case(STORAGE)
def a_class_that_is_not_there(s: Stage) -> None:
    s.make(claim(storageClassName="fast-ssd"))
    s.until("events", look.has_events(s, "ProvisioningFailed"))
    s.get("persistentvolumeclaims/data", show=["status", "metadata.annotations"])
    s.note("events", look.events(s))


@case(STORAGE)
def no_class(s: Stage) -> None:
    s.make(claim(storageClassName=""))
    s.until("events", look.has_events(s, "FailedBinding"))
    s.note("events", look.events(s))


@case(STORAGE)
def wait_for_the_first_consumer(s: Stage) -> None:
    s.later("storageclasses/parity-later")
    s.gone("storageclasses/parity-later")
    s.make(
        thing(
            "StorageClass",
            "parity-later",
            "storage.k8s.io/v1",
            provisioner="example.com/none",
            volumeBindingMode="WaitForFirstConsumer",
        )
    )
    s.make(claim(storageClassName="parity-later"))
    s.until("events", look.has_events(s, "WaitForFirstConsumer"))
    s.note("events", look.events(s))


def _volume(name: str, s: Stage, **spec: Any) -> None:
    place = f"persistentvolumes/{name}"
    s.later(place)
    s.gone(place)
    made = {
        "capacity": {"storage": "5Mi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "parity-static",
        "persistentVolumeReclaimPolicy": "Retain",
    }
    s.make(thing("PersistentVolume", name, spec=made | {"hostPath": {"path": "/tmp/parity"}} | spec))


@case(STORAGE)
def a_static_volume(s: Stage) -> None:
    _volume("parity-one", s, storageClassName="parity-one")
    s.make(claim(storageClassName="parity-one"))
    s.until("persistentvolumeclaims/data", lambda c: c["status"]["phase"] == "Bound")
    s.get("persistentvolumeclaims/data")
    s.until("persistentvolumes/parity-one", lambda v: v["status"]["phase"] == "Bound")
    s.get("persistentvolumes/parity-one")
    s.delete("persistentvolumeclaims/data", show="none")
    s.until("persistentvolumes/parity-one", lambda v: v["status"]["phase"] == "Released")
    s.get("persistentvolumes/parity-one", show=["status.phase", "spec.claimRef.name"])


@case(STORAGE)
def volumes_that_do_not_match(s: Stage) -> None:
    _volume("parity-two", s, storageClassName="parity-two")
    s.make(claim("big", size="1Gi", storageClassName="parity-two"))
    s.make(claim("many", storageClassName="parity-two", accessModes=["ReadWriteMany"]))
    s.until("events", lambda d: len({e["involvedObject"]["name"] for e in d["items"]}) == 2)
    s.note("events", look.events(s))
    s.get("persistentvolumeclaims", show=lambda d: [i["status"]["phase"] for i in d["items"]])
    s.get("persistentvolumes/parity-two", show=["status"])


@case(STORAGE)
def a_volume_of_another_claim(s: Stage) -> None:
    _volume("parity-three", s, storageClassName="parity-three", claimRef={"name": "other", "namespace": s.namespace})
    s.make(claim(storageClassName="parity-three", volumeName="parity-three"))
    s.until("events", look.has_events(s, "FailedBinding"))
    s.note("events", look.events(s))


@case(STORAGE)
def a_claim_in_use_stays(s: Stage) -> None:
    volume: dict[str, Any] = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    s.make(claim(), pod("web", box(volumeMounts=[{"name": "d", "mountPath": "/d"}]), **volume))
    s.until("pods/web", look.ready)
    s.delete("persistentvolumeclaims/data", show=["metadata.finalizers", "metadata.deletionTimestamp"])
    s.kubectl("get pvc data")
    s.kubectl("delete pod web")
    s.gone("persistentvolumeclaims/data")


@case(STORAGE)
def growth_that_is_not_allowed(s: Stage) -> None:
    s.make(claim())
    s.until("persistentvolumeclaims/data", lambda c: c["status"]["phase"] == "Bound")
    s.patch("persistentvolumeclaims/data", {"spec": {"resources": {"requests": {"storage": "2Mi"}}}}, show="none")
    s.patch("persistentvolumeclaims/data", {"spec": {"volumeName": "x"}}, show="none")


@case(FAMILY)
def config_in_files_and_variables(s: Stage) -> None:
    shell = "cat /c/key; echo $KEY $NAME; cat /s/pass; ls /c"
    made = box(
        command=["sh", "-c", shell],
        env=[
            {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "key"}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        volumeMounts=[{"name": "c", "mountPath": "/c"}, {"name": "s", "mountPath": "/s"}],
    )
    volumes = [{"name": "c", "configMap": {"name": "c"}}, {"name": "s", "secret": {"secretName": "s"}}]
    s.make(config("c", key="one"), thing("Secret", "s", stringData={"pass": "word"}))
    s.make(pod("web", made, volumes=volumes, restartPolicy="Never"))
    s.until("pods/web", lambda p: p["status"]["phase"] == "Succeeded")
    s.get("pods/web/log")
