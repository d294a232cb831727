# ruff: noqa: E501 (objects on one line each read as a table)
"""What kubectl prints, and with which exit code it ends."""

from __future__ import annotations

from typing import Any

from tests.parity import look
from tests.parity.case import add, case
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
    quota,
    resources,
    service,
    statefulset,
    thing,
)
from tests.parity.stage import Stage

FAMILY = "kubectl"
NOWHERE: dict[str, Any] = {"nodeSelector": {"no": "where"}}
PODS = ("get pods", "get pods -o wide", "get pods --show-labels", "get pods -o name", "get pod web -L app")


@case(FAMILY)
def get_pods(s: Stage) -> None:
    s.make(pod("web", labels={"app": "web"}), pod("wait", **NOWHERE))
    s.make(
        pod("done", box(command=["true"]), restartPolicy="Never"),
        pod("bad", box(command=["false"]), restartPolicy="Never"),
    )
    s.until("pods/web", look.ready)
    s.until("pods/done", lambda p: p["status"]["phase"] == "Succeeded")
    s.until("pods/bad", lambda p: p["status"]["phase"] == "Failed")
    for line in PODS:
        s.kubectl(line)
    s.kubectl("get pods -o", "jsonpath={.items[*].metadata.name}")
    s.kubectl("get pods -o", "custom-columns=N:.metadata.name,P:.status.phase")
    s.kubectl("get pods --sort-by=.metadata.name --no-headers")
    s.kubectl("get pods --field-selector=status.phase=Running")
    s.kubectl("get pods -l app=web")
    s.kubectl("get pods -l app=none")


MANY: dict[str, list[Any]] = {
    "deployments": [deployment(replicas=0), deployment("b", replicas=0, paused=True)],
    "statefulsets": [statefulset(replicas=0)],
    "daemonsets": [daemonset(**NOWHERE)],
    "jobs": [job(suspend=True)],
    "cronjobs": [cronjob(suspend=True)],
    "services": [
        service("a", clusterIP="None"),
        service("b", {"port": 80, "name": "a"}, {"port": 443, "name": "b"}),
        service("c", type="NodePort"),
        thing("Service", "d", spec={"type": "ExternalName", "externalName": "example.com"}),
    ],
    "configmaps": [config("a", x="1", y="2")],
    "secrets": [thing("Secret", "a", stringData={"x": "1"})],
    "serviceaccounts": [],
    "persistentvolumeclaims": [claim(storageClassName="none")],
    "ingresses": [
        thing(
            "Ingress",
            "a",
            "networking.k8s.io/v1",
            spec={
                "ingressClassName": "x",
                "tls": [{"hosts": ["a.example.com"], "secretName": "t"}],
                "rules": [
                    {
                        "host": "a.example.com",
                        "http": {
                            "paths": [
                                {
                                    "path": "/",
                                    "pathType": "Prefix",
                                    "backend": {"service": {"name": "a", "port": {"number": 80}}},
                                }
                            ]
                        },
                    }
                ],
            },
        )
    ],
    "networkpolicies": [
        thing("NetworkPolicy", "a", "networking.k8s.io/v1", spec={"podSelector": {"matchLabels": {"app": "a"}}, "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]})
    ],
    "horizontalpodautoscalers": [
        thing("HorizontalPodAutoscaler", "a", "autoscaling/v2", spec={"maxReplicas": 3, "minReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}})
    ],
    "poddisruptionbudgets": [thing("PodDisruptionBudget", "a", "policy/v1", spec={"maxUnavailable": "10%"})],
    "roles": [thing("Role", "a", "rbac.authorization.k8s.io/v1", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])],
    "rolebindings": [
        thing("RoleBinding", "a", "rbac.authorization.k8s.io/v1", roleRef={"kind": "Role", "name": "a", "apiGroup": "rbac.authorization.k8s.io"}, subjects=[{"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}])
    ],
    "resourcequotas": [quota("a", pods="3", requests_cpu="1")],
    "limitranges": [thing("LimitRange", "a", spec={"limits": [{"type": "Container", "max": {"cpu": "1"}}]})],
    "leases": [thing("Lease", "a", "coordination.k8s.io/v1", spec={"holderIdentity": "me"})],
    "endpointslices": [thing("EndpointSlice", "a", "discovery.k8s.io/v1", addressType="IPv4", endpoints=[{"addresses": ["10.0.0.9"]}], ports=[{"port": 80, "name": "a"}])],
    "replicasets": [thing("ReplicaSet", "a", "apps/v1", spec={"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": deployment()["spec"]["template"]})],
}  # fmt: skip


def _settled(plural: str, found: Any) -> bool:
    """Controllers have looked at it."""
    if plural in ("deployments", "statefulsets", "daemonsets", "replicasets"):
        return all(item["status"].get("observedGeneration") for item in found["items"])
    if plural in ("resourcequotas",):
        return all(item.get("status", {}).get("used") for item in found["items"])
    if plural in ("poddisruptionbudgets", "jobs", "horizontalpodautoscalers"):
        return all(item.get("status", {}).get("conditions") for item in found["items"])
    return True


def _printed(plural: str, manifests: list[Any]) -> Any:
    def run(s: Stage) -> None:
        s.make(*manifests)
        s.until(plural, lambda found: _settled(plural, found))
        s.kubectl(f"get {plural}")
        s.kubectl(f"get {plural} -o wide")
        name = manifests[0]["metadata"]["name"] if manifests else "default"
        s.kubectl(f"describe {plural} {name} --show-events=false")

    return run


for _plural, _manifests in MANY.items():
    add(FAMILY, f"get-{_plural}", _printed(_plural, _manifests))


@case(FAMILY)
def what_is_not_there(s: Stage) -> None:
    for line in (
        "get pods",
        "get pod a",
        "get pod a b",
        "get balls",
        "get deployment.apps/a",
        "describe pod a",
        "delete pod a",
        "delete pod a --ignore-not-found",
        "logs a",
        "rollout status deployment/a",
        "scale deployment a --replicas=1",
        "get all",
        "describe balls",
        "wait pod/a --for=condition=Ready --timeout=1s",
        "exec a -- true",
        "annotate pod a x=y",
    ):
        s.kubectl(line)


@case(FAMILY)
def get_all(s: Stage) -> None:
    s.make(deployment(replicas=0), service("web", clusterIP="None"), cronjob(suspend=True))
    s.until("deployments/web", look.available)
    s.until("replicasets", lambda d: d["items"] and d["items"][0]["status"].get("observedGeneration"))
    s.kubectl("get all")
    s.kubectl("get deploy,svc,cm")
    s.kubectl("get deployment/web service/web -o name")


@case(FAMILY)
def get_in_yaml_and_json(s: Stage) -> None:
    s.make(config("a", {"l": "1"}, x="1"))
    s.kubectl("get configmap a -o yaml")
    s.kubectl("get configmap a -o json")
    s.kubectl("get configmap a -o yaml --show-managed-fields")
    s.kubectl("get configmap a -o", "go-template={{.data.x}}")
    s.kubectl("get configmap a -o", "jsonpath={.data.none}")
    s.kubectl("get cm -l l=1 -o yaml")


@case(FAMILY)
def describe_a_pod(s: Stage) -> None:
    probe = {"httpGet": {"path": "/", "port": 8000}, "initialDelaySeconds": 3}
    made = box(command=SERVE, ports=[{"containerPort": 8000, "name": "http"}], env=[{"name": "A", "value": "b"}, {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}}], readinessProbe=probe, **resources("10m", "64Mi", limit=False))  # fmt: skip
    volumes = [{"name": "e", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c", "optional": True}}]
    s.make(pod("web", made, labels={"app": "web"}, volumes=volumes, initContainers=[box("init", command=["true"])]))
    s.until("pods/web", look.ready)
    s.until("events", look.has_events(s, "Started"))
    s.kubectl("describe pod web")


@case(FAMILY)
def describe_a_deployment(s: Stage) -> None:
    s.make(deployment())
    s.until("deployments/web", look.available)
    s.kubectl("describe deployment web")
    s.kubectl("describe replicaset")
    s.kubectl("describe serviceaccount default")


@case(FAMILY)
def describe_the_node(s: Stage) -> None:
    out = s.kubectl("describe node minikube", shown=False)
    names = [line.partition(":")[0] for line in out.split("\n") if ":" in line and not line.startswith(" ")]
    s.note("headings", names)
    s.kubectl("get node minikube --no-headers")


@case(FAMILY)
def apply(s: Stage) -> None:
    made = config("a", x="1")
    s.kubectl("apply -f -", stdin=made)
    s.kubectl("apply -f -", stdin=made)
    s.kubectl("apply -f -", stdin=config("a", x="2"))
    s.kubectl("apply -f -", stdin=[config("a", y="2"), config("b")])
    s.get("configmaps/a", show="managed")
    s.kubectl("apply -f - --dry-run=server", stdin=config("a", x="9"))
    s.kubectl("apply -f - --dry-run=client", stdin=config("c", x="9"))
    s.kubectl("apply -f -", stdin=thing("ConfigMap", "a", data={"x": 1}))
    s.kubectl("apply -f -", stdin=thing("Ball", "a"))
    s.kubectl("apply -f -", stdin=config("a") | {"colour": "red"})
    s.kubectl("apply -f - -n parity-nowhere", stdin=config("a"))


@case(FAMILY)
def apply_over_a_created_one(s: Stage) -> None:
    s.kubectl("create -f -", stdin=config("a", x="1"))
    s.kubectl("create -f -", stdin=config("a", x="1"))
    s.kubectl("apply -f -", stdin=config("a", x="2"))
    s.kubectl("replace -f -", stdin=config("a", x="3"))
    s.kubectl("replace -f -", stdin=config("b", x="3"))
    s.kubectl("delete -f -", stdin=config("a"))


@case(FAMILY)
def apply_of_a_deployment(s: Stage) -> None:
    s.kubectl("apply -f -", stdin=deployment("web", box("a"), box("b"), replicas=0))
    s.kubectl("apply -f -", stdin=deployment("web", box("b", image="b:2"), replicas=0))
    s.get("deployments/web", show=["spec.template.spec.containers"])
    s.kubectl("apply -f -", stdin=deployment("web", box("b"), replicas=0, selector={"matchLabels": {"x": "y"}}))
    s.kubectl("apply view-last-applied deployment web")


@case(FAMILY)
def apply_by_the_server(s: Stage) -> None:
    s.kubectl("apply --server-side -f -", stdin=config("a", x="1"))
    s.kubectl("apply --server-side --field-manager=other -f -", stdin=config("a", x="2"))
    s.kubectl("apply --server-side --field-manager=other --force-conflicts -f -", stdin=config("a", x="2"))
    s.kubectl("apply --server-side -f -", stdin=deployment(replicas=0))
    s.kubectl("apply -f -", stdin=config("b", x="1"))
    s.kubectl("apply --server-side -f -", stdin=config("b", x="2"))
    s.get("configmaps/b", show="managed")


@case(FAMILY)
def diff(s: Stage) -> None:
    s.kubectl("apply -f -", stdin=config("a", x="1"), shown=False)
    s.kubectl("diff -f -", stdin=config("a", x="1"))
    s.kubectl("diff -f -", stdin=config("a", x="2"))
    s.kubectl("diff -f -", stdin=config("b", x="2"))
    s.kubectl("diff --server-side -f -", stdin=config("a", x="3"))
    s.kubectl("diff -f -", stdin=config("A_b", x="2"))


@case(FAMILY)
def rollout(s: Stage) -> None:
    s.make(deployment())
    s.kubectl("rollout status deployment/web --timeout=60s", shown=False)
    s.kubectl("rollout status deployment/web")
    s.kubectl("rollout restart deployment/web")
    s.until("deployments/web", look.available)
    s.kubectl("rollout status deployment/web")
    s.kubectl("rollout history deployment/web")
    s.kubectl("rollout undo deployment/web --dry-run=server")
    s.kubectl("rollout status configmap/a")


@case(FAMILY)
def scale(s: Stage) -> None:
    s.make(deployment(replicas=0), statefulset("db", replicas=0))
    s.kubectl("scale deployment web --replicas=0 --current-replicas=3")
    s.kubectl("scale deployment/web statefulset/db --replicas=0")
    s.kubectl("scale deployment web --replicas=-1")
    s.kubectl("autoscale deployment web --max=3 --min=1 --cpu-percent=50")


@case(FAMILY)
def label_annotate_patch(s: Stage) -> None:
    s.make(config("a", {"x": "1"}))
    for line in (
        "label configmap a y=2",
        "label configmap a x=2",
        "label --overwrite configmap a x=2",
        "label configmap a x-",
        "label configmap a x-",
        "label configmap a b=c=d",
        "annotate configmap a note=hello",
        "annotate configmap a note=hello",
        "label configmap --all z=1",
    ):
        s.kubectl(line)
    s.kubectl("patch configmap a -p", '{"data":{"x":"1"}}')
    s.kubectl("patch configmap a -p", '{"data":{"x":"1"}}')
    s.kubectl("patch configmap a --type=json -p", '[{"op":"remove","path":"/data/none"}]')
    s.kubectl("patch configmap a --type=merge -p", '{"data":{"x":null}}')
    s.kubectl("get configmap a -o", "jsonpath={.metadata.labels}{.data}")


@case(FAMILY)
def wait(s: Stage) -> None:
    s.make(pod(), pod("never", **NOWHERE))
    s.kubectl("wait pod/web --for=condition=Ready --timeout=60s")
    s.kubectl("wait pod/never --for=condition=Ready --timeout=1s")
    s.kubectl("wait pod/web --for", "jsonpath={.status.phase}=Running", "--timeout=5s")
    s.kubectl("wait pod/none --for=delete --timeout=1s")
    s.kubectl("wait pod --all --for=condition=PodScheduled --timeout=1s")


@case(FAMILY)
def logs(s: Stage) -> None:
    s.make(pod("two", box("a", ["sh", "-c", "echo one; echo two; sleep 3600"]), box("b"), labels={"app": "x"}))
    s.make(pod("nowhere", **NOWHERE), deployment("web", box(command=["sh", "-c", "echo hello; sleep 3600"])))
    s.until("pods/two", look.ready)
    s.until("deployments/web", look.available)
    for line in (
        "logs two -c a",
        "logs two",
        "logs two -c c",
        "logs two --all-containers --prefix",
        "logs two -c a --tail=1",
        "logs two -c a -p",
        "logs -l app=x -c a",
        "logs deployment/web",
        "logs nowhere",
        "logs -l app=none",
    ):
        s.kubectl(line)


@case(FAMILY)
def delete(s: Stage) -> None:
    s.make(config("a", {"x": "1"}), config("b", {"x": "1"}), pod(), deployment("d", replicas=0), service())
    s.until("pods/web", look.ready)
    s.kubectl("delete configmap a b")
    s.kubectl("delete pod web")
    s.kubectl("delete deployment/d service/web")
    s.kubectl("delete pods --all")
    s.kubectl("delete configmap -l x=1")
    s.kubectl("delete pod")
    s.make(pod("forced", **NOWHERE))
    s.kubectl("delete pod forced --force --grace-period=0")
    s.make(config("c"))
    s.kubectl("delete configmap c --dry-run=server")


@case(FAMILY)
def top_without_metrics(s: Stage) -> None:
    s.kubectl("top pods")
    s.kubectl("top nodes")


@case(FAMILY)
def create(s: Stage) -> None:
    for line in (
        "create configmap a --from-literal=x=1",
        "create configmap a --from-literal=x=1",
        "create secret generic b --from-literal=x=1",
        "create deployment c --image=python:3.13-slim --replicas=0",
        "create serviceaccount d",
        "create role e --verb=get --resource=pods",
        "create rolebinding f --role=e --user=u",
        "create job g --image=python:3.13-slim --dry-run=server",
        "create cronjob h --image=python:3.13-slim --schedule=x",
        "create quota i --hard=pods=1",
        "create ingress j --rule=a.example.com/=svc:80",
        "create service clusterip k --tcp=80:8000",
        "create role l --verb=get --resource=balls",
        "create poddisruptionbudget m --selector=a=b --min-available=1",
        "create priorityclass parity-n --value=1 --dry-run=server",
        "create token default --dry-run=server",
        "create namespace default",
    ):
        if "token" not in line:
            s.kubectl(line)
    s.kubectl("get secret b -o", "jsonpath={.type} {.data}")


@case(FAMILY)
def run_and_expose(s: Stage) -> None:
    s.kubectl(
        "run web --image=python:3.13-slim --port=80 --labels=app=web",
        "--overrides",
        '{"spec":{"nodeSelector":{"no":"where"}}}',
    )
    s.kubectl("expose pod web --port=80")
    s.kubectl("expose pod web --port=80")
    s.kubectl("expose deployment none --port=80")
    s.kubectl("set image pod/web web=python:none")
    s.kubectl("get pod web -o", "jsonpath={.spec.containers[0].image}")


@case(FAMILY)
def set_on_a_deployment(s: Stage) -> None:
    s.make(deployment(replicas=0))
    for line in (
        "set image deployment/web web=other:1",
        "set image deployment/web none=other:1",
        "set env deployment/web A=b",
        "set env deployment/web --list",
        "set resources deployment/web --limits=cpu=100m",
        "set resources deployment/web --requests=cpu=200m",
        "set serviceaccount deployment/web robot",
        "set selector service/none a=b",
    ):
        s.kubectl(line)
    s.get("deployments/web", show=["spec.template.spec.containers", "metadata.generation"])


@case(FAMILY)
def explain(s: Stage) -> None:
    s.kubectl("explain deployment.spec.strategy")
    s.kubectl("explain pod.spec.containers.imagePullPolicy")
    s.kubectl("explain pod.none")
    s.kubectl("explain balls")


@case(FAMILY)
def api_resources(s: Stage) -> None:
    s.kubectl("api-resources")
    s.kubectl("api-versions")


@case(FAMILY)
def events(s: Stage) -> None:
    s.make(pod(**NOWHERE))
    s.until("events", look.has_events(s, "FailedScheduling"))
    s.kubectl("events")
    s.kubectl("get events")
    s.kubectl("get events --field-selector=type=Warning -o", "custom-columns=R:.reason,M:.message")
    s.kubectl("events --for pod/none")


@case(FAMILY, alone=True)
def cordon(s: Stage) -> None:
    try:
        s.kubectl("cordon minikube")
        s.kubectl("cordon minikube")
        s.make(pod())
        s.until("events", look.has_events(s, "FailedScheduling"))
        s.get("pods/web", show=look.pod)
        s.note("events", look.events(s))
        s.kubectl("get node minikube --no-headers")
    finally:
        s.kubectl("uncordon minikube")
    s.until("pods/web", look.ready)
    s.kubectl("uncordon minikube")
    s.kubectl("cordon none")
