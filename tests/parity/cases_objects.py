# ruff: noqa: E501 (objects on one line each read as a table)
"""Subresources, owners and finalizers, namespaces, and what admission says."""

from __future__ import annotations

from typing import Any

from tests.parity import look
from tests.parity.case import case
from tests.parity.manifests import (
    box,
    claim,
    config,
    deployment,
    pod,
    quota,
    resources,
    service,
    statefulset,
    thing,
)
from tests.parity.stage import MERGE, Stage

SUB, GC, ADMISSION = "subresource", "garbage", "admission"
NOWHERE: dict[str, Any] = {"nodeSelector": {"no": "where"}}


@case(SUB)
def scale(s: Stage) -> None:
    s.make(deployment(replicas=0, paused=True), statefulset("db", replicas=0))
    s.until("deployments/web", lambda d: d["status"].get("observedGeneration") == 1)
    found = s.get("deployments/web/scale")
    s.put("deployments/web/scale", found | {"spec": {"replicas": 1}})
    s.patch("deployments/web/scale", {"spec": {"replicas": -1}})
    s.put("deployments/web/scale", found | {"spec": {"replicas": 5}})
    s.patch("statefulsets/db/scale", {"spec": {"replicas": 0}})
    s.get("configmaps/kube-root-ca.crt/scale")


@case(SUB)
def status(s: Stage) -> None:
    s.make(pod(**NOWHERE), claim(storageClassName="none"))
    found = s.peek("pods/web")
    found["status"]["message"] = "by hand"
    found["spec"]["nodeName"] = "other"
    s.put("pods/web/status", found, show=["status.message", "spec.nodeName"])
    s.patch(
        "persistentvolumeclaims/data/status",
        {"status": {"phase": "Lost"}, "metadata": {"labels": {"a": "b"}}},
        show=["metadata.labels"],
    )
    s.get("pods/web/status", show=["kind", "status.message"])


@case(SUB)
def eviction(s: Stage) -> None:
    s.make(
        pod(),
        thing(
            "PodDisruptionBudget",
            "b",
            "policy/v1",
            spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}},
        ),
    )
    s.make(pod("kept", labels={"app": "kept"}))
    s.until("pods", lambda listed: look.ready(listed, 2))
    s.until("poddisruptionbudgets/b", lambda b: b["status"].get("currentHealthy") == 1)
    s.get("poddisruptionbudgets/b", show=["status"])
    s.post("pods/kept/eviction", thing("Eviction", "kept", "policy/v1"))
    s.post("pods/kept/eviction", thing("Eviction", "kept", "policy/v1"), query={"dryRun": "All"})
    s.post("pods/web/eviction", thing("Eviction", "web", "policy/v1"), query={"dryRun": "All"})
    s.post("pods/web/eviction", thing("Eviction", "web", "policy/v1"))
    s.post("pods/none/eviction", thing("Eviction", "none", "policy/v1"))
    s.post("pods/kept/eviction", thing("Eviction", "other", "policy/v1"))


@case(SUB)
def binding(s: Stage) -> None:
    s.make(pod("a", **NOWHERE), pod("b", schedulerName="nobody"))
    target = {"apiVersion": "v1", "kind": "Node", "name": "minikube"}
    s.post("pods/b/binding", thing("Binding", "b", target=target))
    s.post("pods/b/binding", thing("Binding", "b", target=target))
    s.post("pods/a/binding", thing("Binding", "a", target={"kind": "Node", "name": ""}))
    s.post("pods/c/binding", thing("Binding", "c", target=target))
    s.until("pods/b", look.ready)


@case(SUB)
def logs(s: Stage) -> None:
    both = pod("two", box("a", ["sh", "-c", "echo one; echo two; sleep 3600"]), box("b"))
    s.make(both, pod("nowhere", **NOWHERE), pod("done", box(command=["sh", "-c", "echo bye"]), restartPolicy="Never"))
    s.until("pods/two", look.ready)
    s.until("pods/done", lambda p: p["status"]["phase"] == "Succeeded")
    s.get("pods/two/log")
    s.get("pods/two/log", query={"container": "a"})
    s.get("pods/two/log", query={"container": "a", "tailLines": 1})
    s.get("pods/two/log", query={"container": "a", "limitBytes": 5})
    s.get("pods/two/log", query={"container": "a", "tailLines": -1})
    s.get("pods/two/log", query={"container": "c"})
    s.get("pods/two/log", query={"container": "a", "previous": "true"})
    s.get("pods/nowhere/log")
    s.get("pods/done/log")


@case(SUB)
def resize_and_ephemeral(s: Stage) -> None:
    s.make(pod("a", box(**resources("10m", "16Mi")), **NOWHERE))
    s.get("pods/a/resize", show=["kind"])
    s.patch("pods/a/resize", {"spec": {"terminationGracePeriodSeconds": 9}})
    s.patch("pods/a", {"spec": {"containers": [box(**resources("20m", "16Mi"))]}}, show="none")
    added = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "python:3.13-slim"}]}}
    s.patch("pods/a/ephemeralcontainers", added, show=["spec.ephemeralContainers"])
    s.patch("pods/a", {"spec": {"ephemeralContainers": []}}, show="none")


@case(SUB)
def methods(s: Stage) -> None:
    s.make(pod(**NOWHERE))
    s.get("pods/web/eviction")
    s.delete("pods/web/log")
    s.get("serviceaccounts/default/token")
    s.post("deployments/web/status", {})
    s.get("namespaces/default/status", show=["kind", "status"])


# -- owners and finalizers ---------------------------------------------------------------------------------------------


def _owned(s: Stage, *, blocks: bool = False) -> None:
    s.make(config("owner"))
    uid = s.peek("configmaps/owner")["metadata"]["uid"]
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid, "blockOwnerDeletion": blocks}
    s.make(thing("ConfigMap", "child", meta={"ownerReferences": [ref]}))


@case(GC)
def in_the_background(s: Stage) -> None:
    _owned(s)
    s.delete("configmaps/owner", show="all")
    s.gone("configmaps/child")


@case(GC)
def orphans(s: Stage) -> None:
    _owned(s)
    s.delete(
        "configmaps/owner",
        {"propagationPolicy": "Orphan"},
        show=["metadata.finalizers", "metadata.deletionGracePeriodSeconds"],
    )
    s.gone("configmaps/owner")
    s.get("configmaps/child", show=["metadata.ownerReferences"])


@case(GC)
def in_the_foreground(s: Stage) -> None:
    _owned(s, blocks=True)
    s.client.patch(
        s.path("configmaps/child"),
        json={"metadata": {"finalizers": ["example.com/x"]}},
        headers={"Content-Type": MERGE},
    )
    s.delete(
        "configmaps/owner",
        {"propagationPolicy": "Foreground"},
        show=["metadata.finalizers", "metadata.deletionTimestamp"],
    )
    s.until("configmaps/child", lambda c: "deletionTimestamp" in c["metadata"])
    s.get(
        "configmaps/child",
        show=["metadata.finalizers", "metadata.deletionTimestamp", "metadata.deletionGracePeriodSeconds"],
    )
    s.get("configmaps/owner", show=["metadata.finalizers"])
    s.patch("configmaps/child", {"metadata": {"finalizers": None}}, show="none")
    s.gone("configmaps/owner")


@case(GC)
def owner_that_does_not_exist(s: Stage) -> None:
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "11111111-1111-1111-1111-111111111111"}
    s.make(thing("ConfigMap", "child", meta={"ownerReferences": [ref]}))
    s.gone("configmaps/child")
    s.note("gone", True)


@case(GC)
def finalizers(s: Stage) -> None:
    s.make(thing("ConfigMap", "a", meta={"finalizers": ["example.com/x"]}))
    s.delete("configmaps/a")
    s.delete("configmaps/a")
    s.patch("configmaps/a", {"data": {"x": "1"}}, show=["data"])
    s.patch("configmaps/a", {"metadata": {"finalizers": ["example.com/x", "example.com/y"]}})
    s.post("configmaps", config("a"))
    s.patch("configmaps/a", {"metadata": {"finalizers": None}})
    s.get("configmaps/a")


@case(GC)
def a_deployment_and_all_its_own(s: Stage) -> None:
    s.make(deployment())
    s.until("deployments/web", look.available)
    s.kubectl("delete deployment web --cascade=orphan")
    s.get(
        "replicasets",
        show=lambda d: [[i["spec"]["replicas"], i["metadata"].get("ownerReferences")] for i in d["items"]],
    )
    s.make(deployment())
    s.until("deployments/web", look.available)
    s.get("replicasets", show=lambda d: [i["metadata"]["ownerReferences"] for i in d["items"]])
    s.kubectl("delete deployment web --cascade=foreground")
    s.get("replicasets", show=["items"])


@case(GC)
def a_pod_ends(s: Stage) -> None:
    s.make(pod())
    s.until("pods/web", look.ready)
    s.delete("pods/web", show=["metadata.deletionGracePeriodSeconds", "metadata.deletionTimestamp", "status.phase"])
    s.gone("pods/web")
    s.until("events", look.has_events(s, "Killing"))
    s.note("events", look.events(s))


@case(GC)
def a_namespace_ends(s: Stage) -> None:
    other = f"{s.namespace}-x"
    place = f"/api/v1/namespaces/{other}"
    s.make(thing("Namespace", other))
    s.until(f"{place}/configmaps/kube-root-ca.crt", lambda c: c)
    s.client.post(f"{place}/configmaps", json=thing("ConfigMap", "a", meta={"finalizers": ["example.com/x"]}))
    s.delete(place, show=["metadata.finalizers", "spec", "status", "metadata.deletionGracePeriodSeconds"])
    s.until(place, lambda n: len(n["status"].get("conditions", ())) >= 5)
    s.get(place, show=lambda n: [n["status"]["phase"], look.conditions(n)])
    s.post(f"{place}/configmaps", config("b"))
    s.patch(f"{place}/configmaps/a", {"metadata": {"finalizers": None}}, show="none")
    s.gone(place)


@case(GC)
def namespaces_that_stay(s: Stage) -> None:
    for name in ("default", "kube-system"):
        s.delete(f"/api/v1/namespaces/{name}", query={"dryRun": "All"})
    s.post("namespaces", thing("Namespace", "default"))


# -- admission ---------------------------------------------------------------------------------------------------------


@case(ADMISSION)
def quota_of_pods(s: Stage) -> None:
    s.make(quota(pods="1"))
    s.until("resourcequotas/small", lambda q: q.get("status", {}).get("used"))
    s.post("pods", pod("a", **NOWHERE), show="none")
    s.post("pods", pod("b", **NOWHERE))
    s.get("resourcequotas/small", show=["status"])
    s.kubectl("describe quota small")


@case(ADMISSION)
def quota_of_resources(s: Stage) -> None:
    s.make(quota(requests_cpu="100m", limits_memory="64Mi"))
    s.until("resourcequotas/small", lambda q: q.get("status", {}).get("used"))
    s.post("pods", pod("a"))
    s.post("pods", pod("a", box(**resources("200m", "32Mi"))))
    s.post("pods", pod("a", box(**resources("50m", "128Mi"))))
    s.post("pods", pod("a", box(**resources("200m", "128Mi"))))
    s.post("pods", pod("a", box(**resources("50m", "32Mi")), **NOWHERE), show="none")
    s.post("pods", pod("b", box(**resources("60m", "32Mi")), **NOWHERE))
    s.get("resourcequotas/small", show=["status"])


@case(ADMISSION)
def quota_of_objects(s: Stage) -> None:
    hard = {
        "count/configmaps": "2",
        "services": "1",
        "services.nodeports": "0",
        "persistentvolumeclaims": "0",
        "secrets": "0",
        "requests.storage": "1Gi",
        "count/deployments.apps": "0",
    }
    s.make(thing("ResourceQuota", "small", spec={"hard": hard}))
    s.until("resourcequotas/small", lambda q: len(q.get("status", {}).get("used", {})) == len(hard))
    for n in range(2):
        s.post("configmaps", config(f"c{n}"), show="none")
    s.post("services", service("a", type="NodePort"))
    s.post("services", service("a"), show="none")
    s.post("services", service("b"))
    s.post("persistentvolumeclaims", claim())
    s.post("secrets", thing("Secret", "a"))
    s.post("deployments", deployment(replicas=0))
    s.get("resourcequotas/small", show=["status"])


@case(ADMISSION)
def quota_with_a_scope(s: Stage) -> None:
    s.make(thing("ResourceQuota", "q", spec={"hard": {"pods": "0"}, "scopes": ["BestEffort"]}))
    s.until("resourcequotas/q", lambda q: q.get("status", {}).get("used"))
    s.post("pods", pod("a", **NOWHERE))
    s.post("pods", pod("b", box(**resources("10m")), **NOWHERE), show="none")
    s.post("resourcequotas", thing("ResourceQuota", "r", spec={"hard": {"services": "0"}, "scopes": ["BestEffort"]}))


def _range(**item: Any) -> Any:
    return thing("LimitRange", "limits", spec={"limits": [{"type": "Container", **item}]})


@case(ADMISSION)
def limit_range_defaults(s: Stage) -> None:
    s.make(_range(default={"cpu": "200m"}, defaultRequest={"cpu": "100m"}))
    s.until("limitranges/limits", lambda r: r)
    s.post(
        "pods",
        pod("a", box(), box("b", **resources("50m")), **NOWHERE),
        show=["spec.containers.0.resources", "spec.containers.1.resources", "metadata.annotations", "status.qosClass"],
    )
    s.kubectl("describe limitrange limits")


@case(ADMISSION)
def limit_range_refuses(s: Stage) -> None:
    limits = [
        {
            "type": "Container",
            "max": {"cpu": "1", "memory": "64Mi"},
            "min": {"cpu": "10m"},
            "maxLimitRequestRatio": {"memory": "2"},
        },
        {"type": "Pod", "max": {"cpu": "1500m"}},
        {"type": "PersistentVolumeClaim", "max": {"storage": "1Mi"}, "min": {"storage": "1Ki"}},
    ]
    s.make(thing("LimitRange", "limits", spec={"limits": limits}))
    s.until("limitranges/limits", lambda r: r)
    s.post("pods", pod("a", box(**resources("2", "16Mi"))))
    s.post("pods", pod("a", box(**resources("1m", "128Mi"))))
    s.post(
        "pods",
        pod(
            "a",
            box(resources={"requests": {"memory": "16Mi", "cpu": "100m"}, "limits": {"memory": "64Mi", "cpu": "100m"}}),
        ),
    )
    s.post("pods", pod("a", box("a", **resources("1", "16Mi")), box("b", **resources("1", "16Mi"))))
    s.post("persistentvolumeclaims", claim(size="2Mi"))


def _secure(s: Stage, **modes: str) -> None:
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()}
    body = {"metadata": {"labels": labels}}
    s.client.patch(s.path(f"namespaces/{s.namespace}"), json=body, headers={"Content-Type": MERGE})
    _in_force(s)


def _in_force(s: Stage) -> None:
    """Wait until the admission plugin has seen the label."""
    bad = pod("bad", hostNetwork=True)

    def seen(_: Any) -> bool:
        answer = s.client.post(s.path("pods"), json=bad, params={"dryRun": "All"})
        return answer.status_code == 403 or "warning" in answer.headers

    s.until("pods", seen)


HARD = {"runAsNonRoot": True, "runAsUser": 1000, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}  # fmt: skip
BAD: list[Any] = [
    pod("a", hostNetwork=True, hostPID=True),
    pod("a", box(securityContext={"privileged": True, "capabilities": {"add": ["SYS_ADMIN", "NET_ADMIN"]}})),
    pod("a", volumes=[{"name": "a", "hostPath": {"path": "/tmp"}}]),
    pod("a", box(ports=[{"containerPort": 80, "hostPort": 80}])),
    pod("a", box(), box("b"), initContainers=[box("i")]),
    pod("a", box(securityContext=HARD | {"runAsUser": 0})),
    pod("a", box(securityContext=HARD)),
    pod("a", securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}], "seLinuxOptions": {"type": "x"}}),
]


@case(ADMISSION)
def pod_security_restricted(s: Stage) -> None:
    _secure(s, enforce="restricted")
    for body in BAD:
        s.post("pods", body, query={"dryRun": "All"}, show="none")


@case(ADMISSION)
def pod_security_baseline(s: Stage) -> None:
    _secure(s, enforce="baseline", warn="restricted", audit="restricted")
    for body in BAD:
        s.post("pods", body, query={"dryRun": "All"}, show="none")


@case(ADMISSION)
def pod_security_warns_of_templates_and_of_what_runs(s: Stage) -> None:
    s.make(pod("old", **NOWHERE), pod("older", hostNetwork=True, **NOWHERE))
    s.kubectl(f"label namespace {s.namespace} pod-security.kubernetes.io/warn=restricted")
    _in_force(s)
    s.post("deployments", deployment(replicas=0), show="none")
    s.kubectl(f"label namespace {s.namespace} pod-security.kubernetes.io/enforce=baseline")
    s.kubectl(f"label --overwrite namespace {s.namespace} pod-security.kubernetes.io/enforce=restricted")
    s.kubectl("apply -f -", stdin=deployment("b", replicas=0))


@case(ADMISSION)
def priorities(s: Stage) -> None:
    s.later("priorityclasses/parity-high")
    s.gone("priorityclasses/parity-high")
    s.make(thing("PriorityClass", "parity-high", "scheduling.k8s.io/v1", value=1000, preemptionPolicy="Never"))
    s.until("priorityclasses/parity-high", lambda c: c)
    show = ["spec.priority", "spec.priorityClassName", "spec.preemptionPolicy"]
    for fields in ({"priorityClassName": "parity-high"}, {"priorityClassName": "parity-none"}, {}, {"priority": 5}):
        s.post("pods", pod("a", **fields), query={"dryRun": "All"}, show=show)
    s.post("pods", pod("a", priorityClassName="system-node-critical"), query={"dryRun": "All"}, show=show)


@case(ADMISSION)
def accounts(s: Stage) -> None:
    s.post("pods", pod("a", serviceAccountName="nobody"))
    s.post(
        "pods",
        pod("a"),
        query={"dryRun": "All"},
        show=["spec.volumes", "spec.containers.0.volumeMounts", "spec.serviceAccountName", "spec.tolerations"],
    )
    s.make(thing("ServiceAccount", "quiet", automountServiceAccountToken=False, imagePullSecrets=[{"name": "reg"}]))
    s.post(
        "pods",
        pod("a", serviceAccountName="quiet"),
        query={"dryRun": "All"},
        show=["spec.volumes", "spec.imagePullSecrets"],
    )


def _webhook(s: Stage, **fields: Any) -> str:
    name = f"parity-{s.namespace[-8:]}"
    hook = {
        "name": "check.example.com",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "hooks", "namespace": s.namespace, "path": "/check"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": s.namespace}},
        "timeoutSeconds": 2,
    }
    place = f"validatingwebhookconfigurations/{name}"
    s.later(place)
    s.make(thing("ValidatingWebhookConfiguration", name, "admissionregistration.k8s.io/v1", webhooks=[hook | fields]))
    return place


@case(ADMISSION)
def a_webhook_without_a_service(s: Stage) -> None:
    place = _webhook(s)
    s.until(place, lambda _: s.client.post(s.path("configmaps"), json=config("try"), params={"dryRun": "All"}).status_code == 500)  # fmt: skip
    s.post("configmaps", config("a"))
    s.kubectl("create configmap b")


@case(ADMISSION)
def a_webhook_whose_service_has_no_pods(s: Stage) -> None:
    s.make(service("hooks", {"port": 443}))
    place = _webhook(s)
    s.until(place, lambda _: s.client.post(s.path("configmaps"), json=config("try"), params={"dryRun": "All"}).status_code == 500)  # fmt: skip
    s.post("configmaps", config("a"))


@case(ADMISSION)
def a_webhook_that_may_fail(s: Stage) -> None:
    _webhook(s, failurePolicy="Ignore")
    s.post("configmaps", config("a"), show="none")


@case(ADMISSION)
def hints_about_fields(s: Stage) -> None:
    twice = box(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}], ports=[{"containerPort": 80}] * 2)
    s.post("pods", pod("a", twice), query={"dryRun": "All"}, show="none")
    s.post("pods", thing("Pod", "a.b", spec=pod()["spec"]), query={"dryRun": "All"}, show="none")
    s.get("/api/v1/componentstatuses", show=["kind"])
    s.make(thing("Endpoints", "e"))
    s.get("endpoints/e", show=["kind"])
    s.post(
        "services",
        service("a") | {"spec": {"ports": [{"port": 1}], "externalIPs": ["1.2.3.4"], "loadBalancerIP": "1.2.3.5"}},
        query={"dryRun": "All"},
        show="none",
    )
    s.post(
        "pods",
        pod(
            "a",
            nodeSelector={"beta.kubernetes.io/os": "linux"},
            volumes=[{"name": "g", "gitRepo": {"repository": "x"}}],
        ),
        query={"dryRun": "All"},
        show="none",
    )
    meta = {"annotations": {"kubernetes.io/ingress.class": "x"}}
    s.post(
        "ingresses",
        thing(
            "Ingress",
            "a",
            "networking.k8s.io/v1",
            meta=meta,
            spec={"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}},
        ),
        query={"dryRun": "All"},
        show="none",
    )
