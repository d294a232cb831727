"""A fresh cluster, and how it lives: what is in it, how fast it is there, time, and starting again."""

from __future__ import annotations

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster
from mcp_tools.targets.sandbox.store import Change, Obj, Store
from tests.targets.sandbox.test_api import DEPLOYMENTS, ME, NAMESPACES, PODS, START, deployment

ROLES = kinds.by_key("clusterroles.rbac.authorization.k8s.io")


def names(cluster: Cluster, key: str, namespace: str | None = None) -> list[str]:
    return [item["metadata"]["name"] for item in cluster.api.select(kinds.by_key(key), namespace).items]


def test_clusters_with_a_fault_live_and_die_one_after_another() -> None:
    bad = deployment("d")
    bad["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:there-is-none"
    for _ in range(5):
        cluster = Cluster.fresh(clock=Clock(start=START))
        cluster.api.create(DEPLOYMENTS, "default", bad, ME)
        cluster.settle(120)
        (pod,) = cluster.store.select("pods", "default")
        waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] in ("ErrImagePull", "ImagePullBackOff")
        cluster.api.delete(DEPLOYMENTS, "default", "d", ME, propagation="Background")
        cluster.settle(60)
        assert cluster.store.select("pods", "default") == []


def test_a_fresh_cluster_has_what_minikube_leaves() -> None:
    cluster = Cluster.fresh(clock=Clock(start=START), cpu="4", memory="8Gi")
    assert names(cluster, "namespaces") == ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert names(cluster, "services") == ["kubernetes", "kube-dns"]
    assert names(cluster, "storageclasses.storage.k8s.io") == ["standard"]
    assert names(cluster, "priorityclasses.scheduling.k8s.io") == ["system-cluster-critical", "system-node-critical"]
    for namespace in names(cluster, "namespaces"):
        assert "default" in names(cluster, "serviceaccounts", namespace)
        assert "kube-root-ca.crt" in names(cluster, "configmaps", namespace)
    assert {"admin", "cluster-admin", "edit", "view"} <= set(names(cluster, ROLES.key))
    node = cluster.api.get(kinds.by_key("nodes"), "", "minikube")
    assert {entry["type"]: entry["status"] for entry in node["status"]["conditions"]}["Ready"] == "True"
    assert (node["status"]["capacity"]["cpu"], node["status"]["capacity"]["memory"]) == ("4", "8388608Ki")
    assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("docker://")
    pods = {pod["metadata"]["name"]: pod["status"]["phase"] for pod in cluster.api.select(PODS, "kube-system").items}
    assert len(pods) == 7
    assert set(pods.values()) == {"Running"}
    assert "kube-apiserver-minikube" in pods


def test_two_clusters_are_two() -> None:
    first, second = Cluster.fresh(), Cluster.fresh()
    uids = {cluster.api.get(NAMESPACES, "", "kube-system")["metadata"]["uid"] for cluster in (first, second, first)}
    assert len(uids) == 2


def test_what_a_fresh_cluster_has_is_as_the_controllers_would_have_it() -> None:
    """Nothing of kube-system is made anew when every controller looks at it: the pods stay, the workloads too."""
    cluster = Cluster.fresh(clock=Clock(start=START))
    seen: list[Change] = []
    cluster.store.watch(seen.append)
    cluster.resume()
    cluster.run_pending()
    assert [change.ref for change in seen if change.type != "MODIFIED"] == []
    workloads = {"deployments.apps", "daemonsets.apps", "replicasets.apps", ROLES.key, "services", "namespaces"}
    assert [change.ref for change in seen if change.ref.key in workloads] == []


def test_a_deployment_comes_up_and_a_namespace_goes_with_all_that_is_in_it() -> None:
    cluster = Cluster.fresh(clock=Clock(start=START))
    cluster.api.create(NAMESPACES, "", {"metadata": {"name": "x"}}, ME)
    cluster.run_pending()
    cluster.api.create(DEPLOYMENTS, "x", deployment("d"), ME)
    cluster.settle(60)
    made = cluster.api.get(DEPLOYMENTS, "x", "d")
    assert made["status"]["availableReplicas"] == 1
    assert cluster.clock.now() == START + 60
    cluster.api.delete(NAMESPACES, "", "x", ME)
    cluster.settle(60)
    assert "x" not in names(cluster, "namespaces")
    assert cluster.store.select("pods", "x") == []


def test_a_deployment_is_deleted_with_its_pods_in_the_foreground() -> None:
    cluster = Cluster.fresh(clock=Clock(start=START))
    cluster.api.create(DEPLOYMENTS, "default", deployment("d"), ME)
    cluster.settle(30)
    assert len(cluster.store.select("pods", "default")) == 1
    gone: list[str] = []
    cluster.store.watch(lambda change: gone.append(change.ref.key) if change.type == "DELETED" else None)
    cluster.api.delete(DEPLOYMENTS, "default", "d", ME, propagation="Foreground")
    cluster.settle(60)
    assert [key for key in gone if "events" not in key] == ["pods", "replicasets.apps", "deployments.apps"]


def test_a_cluster_goes_on_from_its_objects() -> None:
    first = Cluster.fresh(clock=Clock(start=START))
    first.api.create(DEPLOYMENTS, "default", deployment("d"), ME)
    store = Store()
    saved = [(key, obj) for key in list(first.store.keys()) for obj in first.store.select(key)]
    store.restore(saved, first.store.version)
    second = Cluster(store, Clock(start=START))
    second.resume()
    second.settle(60)
    assert second.api.get(DEPLOYMENTS, "default", "d")["status"]["readyReplicas"] == 1


def test_an_aggregated_role_has_the_rules_of_those_it_selects() -> None:
    cluster = Cluster.fresh(clock=Clock(start=START))
    rule = {"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"]}

    def role(name: str, **rest: Obj) -> Obj:
        return {"apiVersion": ROLES.api_version, "kind": "ClusterRole", "metadata": {"name": name}, **rest}

    one = role("one", rules=[rule])  # type: ignore[arg-type]
    one["metadata"]["labels"] = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    cluster.api.create(ROLES, "", one, ME)
    cluster.run_pending()
    assert all(rule in cluster.api.get(ROLES, "", name)["rules"] for name in ("view", "edit", "admin"))
    cluster.api.delete(ROLES, "", "one", ME)
    cluster.run_pending()
    assert not any(rule in cluster.api.get(ROLES, "", name)["rules"] for name in ("view", "edit", "admin"))


def test_a_hundred_pages_of_five_thousand_pods() -> None:
    """Lists share the objects of the store, and their bytes are made once."""
    cluster = Cluster.fresh(clock=Clock(start=START))
    template = cluster.store.select("pods", "kube-system")[0]
    for number in range(5000):
        meta = {**template["metadata"], "name": f"p{number:05}", "namespace": "default"}
        cluster.store.put("pods", {**template, "metadata": meta})
    token, found = "", 0
    while True:
        page = cluster.api.select(PODS, "default", limit=500, continue_token=token)
        found += len(page.items)
        token = page.continue_token
        if not token:
            break
    assert found == 5000
