"""Create, read, list, replace, delete: and what is refused."""

from __future__ import annotations

from tests.parity.case import add, case
from tests.parity.manifests import config, deployment, pod, thing
from tests.parity.stage import MERGE, Obj, Stage

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"}
FAMILY = "api"


@case(FAMILY)
def create_read_replace_delete(s: Stage) -> None:
    made = s.post("configmaps", config("a", x="1"), query={"fieldManager": "tests"}, show="managed")
    s.get("configmaps/a", show="managed")
    s.put("configmaps/a", made | {"data": {"x": "2"}}, query={"fieldManager": "others"}, show="managed")
    s.delete("configmaps/a")
    s.get("configmaps/a")


@case(FAMILY)
def manager_from_user_agent(s: Stage) -> None:
    s.post("configmaps", config("a", x="1"), headers={"User-Agent": "robot/1.0 (linux)"}, show="managed")


@case(FAMILY)
def create_twice(s: Stage) -> None:
    s.make(config("a"), deployment(replicas=0))
    s.post("configmaps", config("a"))
    s.post("deployments", deployment(replicas=0))


@case(FAMILY)
def read_what_is_not_there(s: Stage) -> None:
    for place in ("configmaps/a", "deployments/a", "deployments/a/scale", "pods/a/log", "/api/v1/nodes/a"):
        s.get(place)
    s.put("configmaps/a", config("a"))
    s.patch("configmaps/a", {"data": {"x": "1"}})
    s.delete("configmaps/a")
    s.delete("deployments/a")


@case(FAMILY)
def unknown_resources(s: Stage) -> None:
    s.get("widgets")
    s.get("/apis/apps/v1/namespaces/default/widgets/a")
    s.get("/apis/example.com/v1/namespaces/default/widgets")
    s.get("/apis/apps/v9/deployments")
    s.get("/nowhere")
    s.get("pods/a/nothing")


@case(FAMILY)
def methods_that_are_not_allowed(s: Stage) -> None:
    s.put("configmaps", config("a"))
    s.post("configmaps/a", config("a"))
    s.patch("configmaps", {})
    s.delete("bindings")
    s.delete("deployments/a/scale")
    s.http("PUT", "/version", {})


@case(FAMILY)
def media_types(s: Stage) -> None:
    s.make(config("a"))
    s.post("configmaps", "{}", kind="text/plain")
    s.patch("configmaps/a", {"data": {}}, "application/json")
    s.get("configmaps/a", headers={"Accept": "text/html"})
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\ndata:\n  x: 'y'\n"
    s.post("configmaps", text, kind="application/yaml")


@case(FAMILY)
def bodies_that_cannot_be_read(s: Stage) -> None:
    for body in (
        "",
        "{",
        "[]",
        '"x"',
        "{}",
        '{"kind": "ConfigMap"}',
        '{"apiVersion": "v1", "metadata": {"name": "a"}}',
    ):
        s.post("configmaps", body)


@case(FAMILY)
def bodies_of_another_kind(s: Stage) -> None:
    s.post("configmaps", thing("Secret", "a"))
    s.post("configmaps", thing("ConfigMap", "a", "v2"))
    s.post("deployments", thing("Deployment", "a", "extensions/v1beta1"))
    s.post("configmaps", thing("Widget", "a"))


@case(FAMILY)
def namespaces_that_do_not_match(s: Stage) -> None:
    s.post("configmaps", config("a") | {"metadata": {"name": "a", "namespace": "other"}})
    s.post("/api/v1/namespaces/parity-nowhere/configmaps", config("a"))
    s.get("/api/v1/namespaces/parity-nowhere/configmaps")


@case(FAMILY)
def names(s: Stage) -> None:
    for meta in ({}, {"name": "A_b"}, {"name": "a" * 254}, {"name": "a..b"}):
        s.post("configmaps", thing("ConfigMap", "") | {"metadata": meta})
    s.post("services", thing("Service", "1a", spec={"ports": [{"port": 1}]}))
    s.post("namespaces", thing("Namespace", "a.b"))
    s.make(config("a"))
    s.put("configmaps/a", config("b"))


@case(FAMILY)
def generated_names(s: Stage) -> None:
    made = s.post("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}})
    s.note("length", len(made["metadata"]["name"]))
    s.post("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "A_"}})


@case(FAMILY)
def stale_versions(s: Stage) -> None:
    s.make(config("a", x="1"))
    first = s.peek("configmaps/a")
    s.put("configmaps/a", first | {"data": {"x": "2"}}, show="none")
    s.put("configmaps/a", first | {"data": {"x": "3"}})
    s.patch("configmaps/a", {"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}, "data": {"x": "4"}})
    s.put("configmaps/a", config("a", x="5"), show=["data"])
    s.patch("configmaps/a", {"metadata": {"resourceVersion": "x"}})


@case(FAMILY)
def versions_that_must_be_given(s: Stage) -> None:
    lease = thing("Lease", "a", "coordination.k8s.io/v1", spec={"holderIdentity": "me"})
    budget = thing("PodDisruptionBudget", "a", "policy/v1", spec={"minAvailable": 1})
    s.make(lease, budget)
    s.put("leases/a", lease)
    s.put("poddisruptionbudgets/a", budget)


@case(FAMILY)
def another_object_of_that_name(s: Stage) -> None:
    s.make(config("a"))
    uid = "11111111-1111-1111-1111-111111111111"
    s.put("configmaps/a", config("a") | {"metadata": {"name": "a", "uid": uid}})
    s.delete("configmaps/a", {"preconditions": {"uid": uid}})
    s.delete("configmaps/a", {"preconditions": {"resourceVersion": "1"}})


@case(FAMILY)
def nothing_changes(s: Stage) -> None:
    s.make(config("a", x="1"), deployment(replicas=0))
    first = s.peek("configmaps/a")
    s.put("configmaps/a", config("a", x="1"), show="none")
    s.patch("configmaps/a", {"data": {"x": "1"}}, show="none")
    s.note(
        "same version", s.peek("configmaps/a")["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    )
    s.until("deployments/web", lambda d: d["status"].get("observedGeneration") == 1)
    s.patch("deployments/web", {"metadata": {"labels": {"x": "y"}}}, show=["metadata.generation"])
    s.patch("deployments/web", {"spec": {"minReadySeconds": 1}}, show=["metadata.generation"])


@case(FAMILY)
def server_fields_are_kept(s: Stage) -> None:
    meta = {"name": "a", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7, "selfLink": "/x"}
    s.post("configmaps", thing("ConfigMap", "a") | {"metadata": meta})
    s.note("time is new", not s.peek("configmaps/a")["metadata"]["creationTimestamp"].startswith("2001"))
    s.post("configmaps", thing("ConfigMap", "b", meta={"resourceVersion": "1"}))
    meta = {"name": "c", "deletionTimestamp": "2001-01-01T00:00:00Z", "deletionGracePeriodSeconds": 5}
    s.post("configmaps", thing("ConfigMap", "c") | {"metadata": meta})
    s.post("deployments", deployment(replicas=0) | {"status": {"replicas": 5}}, show=["status", "metadata.generation"])


@case(FAMILY)
def dry_run(s: Stage) -> None:
    everything = {"dryRun": "All"}
    s.post("configmaps", config("a", x="1"), query=everything)
    s.get("configmaps/a")
    s.make(config("b", x="1"))
    s.patch("configmaps/b", {"data": {"x": "2"}}, query=everything, show=["data"])
    s.put("configmaps/b", config("b", x="3"), query=everything, show=["data"])
    s.delete("configmaps/b", query=everything)
    s.delete("configmaps/b", {"dryRun": ["All"]})
    s.get("configmaps/b", show=["data"])
    s.post("configmaps", config("c"), query={"dryRun": "Some"})


def _validation(mode: str) -> None:
    query = {"fieldValidation": mode} if mode else {}
    unknown = deployment(replicas=0, colour="red")
    unknown["spec"]["template"]["spec"]["containers"][0]["imagePulPolicy"] = "Always"

    def run(s: Stage) -> None:
        s.post("deployments", unknown, query=query, show=["spec.colour", "spec.replicas"])
        s.post(
            "configmaps",
            '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1","x":"2"}}',
            query=query,
        )
        s.make(config("b", x="1"))
        s.patch("configmaps/b", {"dta": {"x": "2"}}, query=query, show=["data"])
        s.apply("configmaps/c", config("c") | {"dta": {}}, query=query, show=["data"])
        s.put("configmaps/b", config("b", x="1") | {"metadata": {"name": "b", "nam": 1}}, query=query, show=["data"])

    add(FAMILY, f"unknown-fields-{mode or 'default'}".lower(), run)


for _mode in ("", "Ignore", "Warn", "Strict", "Other"):
    _validation(_mode)


@case(FAMILY)
def wrong_types(s: Stage) -> None:
    wrong: tuple[Obj, ...] = (
        {"replicas": "three"},
        {"replicas": 1.5},
        {"paused": "yes"},
        {"selector": []},
        {"template": "x"},
    )
    for fields in wrong:
        s.post("deployments", deployment("a", **fields))
    s.post("configmaps", thing("ConfigMap", "a", data={"x": 1}))
    s.post("configmaps", thing("ConfigMap", "a", data=["x"]))
    s.post("secrets", thing("Secret", "a", data={"x": "%%"}))
    s.make(config("b"))
    s.patch("configmaps/b", {"data": "x"})


SELECTORS = ("app=a", "app!=a", "app in (a,b)", "app notin (a)", "app", "!app", "app=a,tier=x", "", "app==b", "tier")
WRONG = ("app in a", "a b", "app=a=b", "=x", "app in (a,b", "app>x", "a/b/c=d", "app=_")


@case(FAMILY)
def label_selectors(s: Stage) -> None:
    s.make(config("a", {"app": "a", "tier": "x"}), config("b", {"app": "b"}), config("c"), config("d", {"tier": ""}))
    for selector in SELECTORS:
        s.get(
            "configmaps", query={"labelSelector": selector}, show=lambda d: [i["metadata"]["name"] for i in d["items"]]
        )
    for selector in WRONG:
        s.get("configmaps", query={"labelSelector": selector})


@case(FAMILY)
def field_selectors(s: Stage) -> None:
    s.make(config("a"), config("b"), pod("p", nodeSelector={"no": "where"}), thing("Secret", "s", type="example.com/x"))

    def names_of(listed: Obj) -> list[str]:
        return [item["metadata"]["name"] for item in listed["items"]]

    for selector in ("metadata.name=a", "metadata.name!=a", "metadata.name=a,metadata.namespace=x"):
        s.get("configmaps", query={"fieldSelector": selector}, show=names_of)
    for selector in ("status.phase=Pending", "status.phase!=Pending", "spec.nodeName=", "spec.restartPolicy=Always"):
        s.get("pods", query={"fieldSelector": selector}, show=names_of)
    s.get("secrets", query={"fieldSelector": "type=example.com/x"}, show=names_of)
    for place, selector in (
        ("configmaps", "data.x=1"),
        ("pods", "spec.nope=1"),
        ("deployments", "status.replicas=1"),
        ("configmaps", "metadata.name"),
        ("configmaps", "a in (b)"),
    ):
        s.get(place, query={"fieldSelector": selector})


@case(FAMILY)
def pages(s: Stage) -> None:
    s.make(*(config(f"c{n}", {"app": "a" if n % 2 else "b"}) for n in range(5)))

    def page(listed: Obj) -> list[object]:
        meta = listed["metadata"]
        return [[i["metadata"]["name"] for i in listed["items"]], "continue" in meta, meta.get("remainingItemCount")]

    token = s.get("configmaps", query={"limit": 2}, show=page)["metadata"]["continue"]
    s.make(config("c1a"))
    for _ in range(2):
        answer = s.client.get(s.path("configmaps"), params={"limit": 2, "continue": token}).json()
        s.note("next page", page(answer))
        token = answer["metadata"].get("continue", "")
    s.get("configmaps", query={"limit": 2, "labelSelector": "app"}, show=page)
    s.get("configmaps", query={"limit": "x"}, show=page)
    s.get("configmaps", query={"limit": 2, "continue": "nonsense"}, show=page)
    s.client.delete(s.path("configmaps"))


@case(FAMILY)
def list_versions(s: Stage) -> None:
    s.make(config("a"))
    s.until("configmaps?resourceVersion=0&labelSelector=!x", lambda listed: len(listed["items"]) == 2)
    for query in (
        {"resourceVersion": "0"},
        {"resourceVersion": "x"},
        {"resourceVersionMatch": "Exact"},
        {"resourceVersion": "1", "resourceVersionMatch": "Never"},
        {"resourceVersion": "0", "resourceVersionMatch": "Exact"},
    ):
        s.get("configmaps", query=query, show=lambda d: [i["metadata"]["name"] for i in d["items"]])
    s.get("configmaps", query={"resourceVersion": "999999999"})


@case(FAMILY)
def table_of_an_object(s: Stage) -> None:
    s.make(config("a", x="1"))
    s.get("configmaps/a", headers=TABLE)
    s.get("configmaps", headers=TABLE, query={"includeObject": "None"})
    s.get("configmaps/none", headers=TABLE)
    s.get("configmaps/a", headers=PARTIAL)
    s.get("configmaps", headers={"Accept": PARTIAL["Accept"].replace("Metadata;", "MetadataList;")})


@case(FAMILY)
def delete_answers(s: Stage) -> None:
    s.make(config("a"), deployment(replicas=0), thing("Secret", "s"), thing("ServiceAccount", "sa"))
    s.make(pod(nodeSelector={"no": "where"}), thing("Service", "v", spec={"ports": [{"port": 1}]}))
    for place in ("configmaps/a", "deployments/web", "secrets/s", "serviceaccounts/sa", "services/v"):
        s.delete(place)
    s.delete("pods/web", query={"gracePeriodSeconds": 0}, show=["kind", "metadata.name", "spec.nodeSelector"])
    s.delete("configmaps/kube-root-ca.crt", {"propagationPolicy": "Sideways"})
    s.delete("configmaps/kube-root-ca.crt", {"gracePeriodSeconds": -1, "kind": "DeleteOptions", "apiVersion": "v9"})
    s.delete("configmaps/kube-root-ca.crt", {"orphanDependents": True, "propagationPolicy": "Orphan"})


@case(FAMILY)
def delete_a_collection(s: Stage) -> None:
    s.make(config("a", {"x": "1"}), config("b", {"x": "1"}), config("c"))
    s.delete("configmaps", query={"labelSelector": "x=1", "dryRun": "All"}, show=["kind", "items.0.metadata.name"])
    s.delete(
        "configmaps", query={"labelSelector": "x=1"}, show=["kind", "items.0.metadata.name", "items.1.metadata.name"]
    )
    s.get("configmaps", query={"labelSelector": "!y"}, show=lambda d: [i["metadata"]["name"] for i in d["items"]])


@case(FAMILY)
def limits_of_size(s: Stage) -> None:
    s.http("POST", "configmaps", config("a", x="y" * 1_100_000), show="none")
    s.http("POST", "secrets", thing("Secret", "a", stringData={"x": "y" * 1_100_000}), show="none")
    s.http("POST", "configmaps", thing("ConfigMap", "a", meta={"annotations": {"x": "y" * 300_000}}), show="none")
    s.http("POST", "configmaps", config("a", x="y" * 4_000_000), show="none")


@case(FAMILY)
def metadata_values(s: Stage) -> None:
    for meta in (
        {"labels": {"a b": "x"}},
        {"labels": {"a": "x y"}},
        {"labels": {"a": "x" * 64}},
        {"labels": {"/a": "x"}},
        {"annotations": {"A B": "x"}},
        {"finalizers": ["x"]},
        {"finalizers": ["a b/c"]},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a"}]},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "", "name": "", "uid": ""}]},
    ):
        s.post("configmaps", thing("ConfigMap", "a", meta=meta), query={"dryRun": "All"})


@case(FAMILY)
def discovery(s: Stage) -> None:
    s.get("/api")
    s.get("/apis/apps/v1")
    s.get("/apis/apps")
    s.get("/apis", show=lambda d: [g["preferredVersion"]["groupVersion"] for g in d["groups"]])
    s.get("/api/v1", show=lambda d: [r["name"] for r in d["resources"]])
    s.get("/version", show=["major", "minor"])
    for place in ("/healthz", "/livez", "/readyz"):
        s.get(place)
    s.get("/openapi/v3", show=lambda d: sorted(d["paths"]))


@case(FAMILY)
def discovery_in_one(s: Stage) -> None:
    accept = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    s.get("/api", headers=accept)
    s.get("/apis", headers=accept, show=lambda d: [g["metadata"]["name"] for g in d["items"]])


@case(FAMILY)
def credentials(s: Stage) -> None:
    stranger = s.cluster.stranger()
    s.get("configmaps", client=stranger)
    s.get("/version", client=stranger, show=["major"])
    s.get("configmaps", client=stranger, headers={"Authorization": "Bearer nonsense"})
    s.get("/healthz", client=stranger)


@case(FAMILY)
def patch_of_names(s: Stage) -> None:
    s.make(config("a"))
    s.patch("configmaps/a", {"metadata": {"name": "b"}})
    s.patch("configmaps/a", {"metadata": {"namespace": "b"}})
    s.patch("configmaps/a", {"metadata": {"uid": "b"}})
    s.patch("configmaps/a", {"kind": "Secret"})
    s.patch("configmaps/a", "{", MERGE)
    s.patch("configmaps/a", [], MERGE)


@case(FAMILY)
def several_versions(s: Stage) -> None:
    s.make(deployment(replicas=0))
    scaler = {
        "minReplicas": 1,
        "maxReplicas": 3,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    }
    path = f"/apis/autoscaling/v1/namespaces/{s.namespace}/horizontalpodautoscalers"
    s.post(
        path,
        thing("HorizontalPodAutoscaler", "a", "autoscaling/v1", spec=scaler | {"targetCPUUtilizationPercentage": 70}),
        show=["apiVersion", "spec"],
    )
    s.get("horizontalpodautoscalers/a", show=["apiVersion", "spec"])
    core = thing(
        "Event",
        "a.1",
        involvedObject={"kind": "Pod", "namespace": s.namespace, "name": "a"},
        reason="R",
        message="M",
        type="Normal",
    )
    s.post("events", core, show=["reason", "message", "type", "involvedObject"])
    s.get(f"/apis/events.k8s.io/v1/namespaces/{s.namespace}/events/a.1", show=["reason", "note", "type", "regarding"])
