"""What the charts render: figures, probes, security, names; and what their schemas refuse."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
import yaml

from mcp_tools.engines import chart_writer, manifests, policy, validation

SERVICES = ("mcp-server", "todo-backend", "todo-frontend")
ALL = ("postgres", *SERVICES)
MINIKUBE = "values-minikube.yaml"
BOTH = [(), (MINIKUBE,)]
each = pytest.mark.parametrize("name", ALL)
each_service = pytest.mark.parametrize("name", SERVICES)
each_values = pytest.mark.parametrize("files", BOTH, ids=["values", "minikube"])


def figures(requests: tuple[str, str], limits: tuple[str, str]) -> dict[str, Any]:
    def amounts(pair: tuple[str, str]) -> dict[str, str]:
        return {"cpu": pair[0], "memory": pair[1]}

    return {"requests": amounts(requests), "limits": amounts(limits)}


STAGE_3 = {
    "todo-frontend": figures(("50m", "64Mi"), ("200m", "256Mi")),
    "todo-backend": figures(("100m", "128Mi"), ("500m", "512Mi")),
    "mcp-server": figures(("50m", "64Mi"), ("300m", "256Mi")),
    "postgres": figures(("50m", "64Mi"), ("500m", "512Mi")),
}
STAGE_4 = STAGE_3 | {
    "todo-frontend": figures(("100m", "256Mi"), ("500m", "512Mi")),
    "todo-backend": figures(("200m", "512Mi"), ("1000m", "1Gi")),
}
EVERYTHING: dict[str, Any] = {
    "ingress": {"enabled": True, "hosts": [{"host": "x.local", "paths": [{"path": "/", "pathType": "Prefix"}]}]},
    "autoscaling": {"enabled": True},
    "podDisruptionBudget": {"enabled": True},
    "imagePullSecrets": [{"name": "pull"}],
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "podAnnotations": {"a/b": "c"},
    "podLabels": {"team": "todo"},
}


@each
@each_values
def test_lint_is_clean(charts: Any, name: str, files: tuple[str, ...]) -> None:
    done = charts.lint(name, *files)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout and "ERROR" not in done.stdout


@each
@each_values
def test_objects_are_valid_and_nobody_objects(charts: Any, name: str, files: tuple[str, ...]) -> None:
    items = charts.render(name, *files, image__tag="src-0123456789ab")
    assert [problem for item in items for problem in validation.problems(item)] == []
    assert policy.check(items) == []


@each_service
def test_what_is_off_by_default_is_valid_too(charts: Any, name: str) -> None:
    secret_values = {ref["key"]: "v" for ref in _values(charts, name)["secretEnv"].values()}
    items = charts.render(name, **EVERYTHING, secret={"create": True, "values": secret_values})
    assert [problem for item in items for problem in validation.problems(item)] == []
    kinds = [item["kind"] for item in items]
    for kind in ("Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Secret"):
        assert kinds.count(kind) == 1
    assert "replicas" not in charts.workload(items)["spec"], "the autoscaler decides"
    pod = charts.pod(items)
    assert pod["imagePullSecrets"] == [{"name": "pull"}] and pod["nodeSelector"] == {"disk": "fast"}


@each
def test_rendering_is_deterministic(charts: Any, name: str) -> None:
    chart = str(charts.staged(name))
    first, second = (charts.helm("template", name, chart).stdout for _ in range(2))
    assert first == second != ""


@each
def test_resources_are_those_of_the_plan(charts: Any, name: str) -> None:
    assert charts.container(charts.render(name))["resources"] == STAGE_3[name]
    assert charts.container(charts.render(name, MINIKUBE))["resources"] == STAGE_4[name]


@each
def test_one_replica_on_minikube(charts: Any, name: str) -> None:
    assert charts.workload(charts.render(name, MINIKUBE))["spec"]["replicas"] == 1


@each
def test_probes_have_the_times_of_the_plan(charts: Any, name: str) -> None:
    box = charts.container(charts.render(name))
    live, ready = box["livenessProbe"], box["readinessProbe"]
    assert (live["initialDelaySeconds"], live["periodSeconds"]) == (30, 10)
    assert (ready["initialDelaySeconds"], ready["periodSeconds"]) == (5, 5)
    assert "startupProbe" not in box


@pytest.mark.parametrize(
    ("name", "liveness", "readiness"),
    [
        ("mcp-server", "/health", "/ready"),
        ("todo-backend", "/health", "/ready"),
        ("todo-frontend", "/api/health", "/api/health"),
    ],
)
def test_probes_ask_the_paths_that_the_service_has(charts: Any, name: str, liveness: str, readiness: str) -> None:
    box = charts.container(charts.render(name))
    assert box["livenessProbe"]["httpGet"] == {"path": liveness, "port": "http"}
    assert box["readinessProbe"]["httpGet"] == {"path": readiness, "port": "http"}


def test_a_startup_probe_can_be_switched_on(charts: Any) -> None:
    box = charts.container(charts.render("todo-backend", probes__startup__enabled=True))
    assert box["startupProbe"]["httpGet"]["path"] == "/health"


@each
def test_the_pod_has_no_power(charts: Any, name: str) -> None:
    items = charts.render(name)
    test = charts.one(items, "Pod")["spec"]
    for pod in (charts.pod(items), test):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True and security["runAsUser"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
        for box in pod["containers"]:
            own = box["securityContext"]
            assert own["readOnlyRootFilesystem"] is True and own["allowPrivilegeEscalation"] is False
            assert own["privileged"] is False and own["capabilities"] == {"drop": ["ALL"]}
            assert box["resources"]["limits"] and box["resources"]["requests"]
    account = charts.one(items, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    assert charts.pod(items)["serviceAccountName"] == account["metadata"]["name"]


@each
def test_every_writable_folder_is_an_empty_dir_or_the_claim(charts: Any, name: str) -> None:
    pod = charts.pod(charts.render(name))
    mounts = {m["mountPath"]: m["name"] for m in pod["containers"][0]["volumeMounts"] if not m.get("readOnly")}
    scratch = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
    expected = {path["path"] for path in _values(charts, name)["writablePaths"]}
    assert {path for path, volume in mounts.items() if volume in scratch} == expected
    assert set(mounts) - expected == ({"/var/lib/postgresql/data"} if name == "postgres" else set())


@each_service
def test_an_update_never_takes_the_last_pod_away(charts: Any, name: str) -> None:
    spec = charts.workload(charts.render(name))["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    box = spec["template"]["spec"]["containers"][0]
    assert box["lifecycle"]["preStop"]["sleep"]["seconds"] < spec["template"]["spec"]["terminationGracePeriodSeconds"]


def test_pre_stop_is_left_out_where_the_cluster_does_not_know_it(charts: Any) -> None:
    done = charts.helm("template", "--kube-version", "1.29.0", "x", str(charts.staged("todo-backend")))
    assert "preStop" not in done.stdout and done.returncode == 0


@each
def test_services_are_cluster_ip_and_select_the_pods_alone(charts: Any, name: str) -> None:
    items = charts.render(name)
    service, test = charts.one(items, "Service"), charts.one(items, "Pod")
    selector = service["spec"]["selector"]
    labels = charts.workload(items)["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["type"] == "ClusterIP"
    assert selector.items() <= labels.items()
    assert not selector.items() <= test["metadata"]["labels"].items(), "the test pod would be sent requests"
    assert charts.workload(items)["spec"]["selector"]["matchLabels"] == selector
    port, box = service["spec"]["ports"][0], charts.container(items)
    assert port["targetPort"] == box["ports"][0]["name"]


@pytest.mark.parametrize(
    ("name", "port"), [("postgres", 5432), ("mcp-server", 8001), ("todo-backend", 8000), ("todo-frontend", 3000)]
)
def test_ports_are_those_of_the_application(charts: Any, name: str, port: int) -> None:
    items = charts.render(name)
    assert charts.one(items, "Service")["spec"]["ports"][0]["port"] == port
    assert charts.container(items)["ports"][0]["containerPort"] == port
    if name != "postgres":
        assert charts.one(items, "ConfigMap")["data"]["PORT"] == str(port)


@each_service
def test_secrets_come_from_the_secret_and_config_holds_none(charts: Any, name: str) -> None:
    items = charts.render(name)
    assert not [item for item in items if item["kind"] == "Secret"]
    from_secret = {entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in charts.container(items)["env"]}
    assert {"DATABASE_URL", "JWT_SECRET"} <= set(from_secret)
    assert {ref["name"] for ref in from_secret.values()} == {"todo-secrets"}
    assert from_secret.get("OPENAI_API_KEY", {}).get("optional", True) is True
    data = charts.one(items, "ConfigMap")["data"]
    assert not set(data) & set(from_secret)
    assert not [key for key, value in data.items() if manifests.looks_secret(key, value)]


def test_services_find_each_other_by_the_names_of_the_charts(charts: Any) -> None:
    config = {name: charts.one(charts.render(name), "ConfigMap")["data"] for name in SERVICES}
    assert config["todo-backend"]["MCP_SERVER_URL"] == "http://mcp-server:8001/mcp"
    assert config["todo-frontend"]["BACKEND_URL"] == "http://todo-backend:8000"
    assert len({(c["JWT_ISSUER"], c["JWT_AUDIENCE"]) for c in config.values()}) == 1


@each_service
def test_a_changed_variable_rolls_the_pods_and_nothing_else_does(charts: Any, name: str) -> None:
    def checksum(**values: Any) -> str:
        template = charts.workload(charts.render(name, **values))["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum(partOf="other") != checksum(config__LOG_LEVEL="DEBUG")


@each
def test_pod_labels_do_not_carry_the_chart_version(charts: Any, name: str) -> None:
    labels = charts.workload(charts.render(name))["spec"]["template"]["metadata"]["labels"]
    assert "helm.sh/chart" not in labels


def test_network_policies_admit_exactly_the_neighbours(charts: Any) -> None:
    def peers(name: str) -> list[str] | None:
        (rule,) = charts.one(charts.render(name), "NetworkPolicy")["spec"]["ingress"]
        if "from" not in rule:
            return None
        return [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]]

    assert peers("todo-frontend") is None, "people come from anywhere"
    assert peers("todo-backend") == ["todo-frontend", "todo-backend-test"]
    assert peers("mcp-server") == ["todo-backend", "mcp-server-test"]
    assert peers("postgres") == [*SERVICES, "postgres-test"]


def test_network_policies_let_out_names_and_neighbours(charts: Any) -> None:
    def egress(name: str, **values: Any) -> dict[str, list[int]]:
        spec = charts.one(charts.render(name, **values), "NetworkPolicy")["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        return {_peer(rule["to"][0]): [p["port"] for p in rule["ports"]] for rule in spec["egress"]}

    assert egress("todo-frontend") == {"dns": [53, 53], "todo-backend": [8000], "postgres": [5432]}
    expected = {"dns": [53, 53], "mcp-server": [8001], "postgres": [5432], "internet": [443]}
    assert egress("todo-backend") == expected
    assert egress("mcp-server") == {"dns": [53, 53], "postgres": [5432]}
    assert egress("postgres") == {}
    external = egress("mcp-server", networkPolicy__egress__toInternet=[5432])
    assert external["internet"] == [5432]


def _peer(peer: dict[str, Any]) -> str:
    if "podSelector" in peer:
        return str(peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"])
    if "namespaceSelector" in peer:
        assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
        return "dns"
    assert "10.0.0.0/8" in peer["ipBlock"]["except"], "the cluster's own addresses are no internet"
    return "internet"


def test_the_frontend_has_an_ingress_when_asked(charts: Any) -> None:
    assert not [item for item in charts.render("todo-frontend", MINIKUBE) if item["kind"] == "Ingress"]
    (rule,) = charts.one(charts.render("todo-frontend", ingress__enabled=True), "Ingress")["spec"]["rules"]
    assert rule["host"] == "todo.local"
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "todo-frontend", "port": {"name": "http"}}


def test_the_database_keeps_its_data_on_a_claim(charts: Any) -> None:
    items = charts.render("postgres")
    spec = charts.one(items, "StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    assert spec["serviceName"] == charts.one(items, "Service")["metadata"]["name"]
    mounts = charts.container(items)["volumeMounts"]
    (data,) = [mount["mountPath"] for mount in mounts if mount["name"] == "data"]
    config = next(item["data"] for item in items if item["metadata"]["name"] == "postgres" and "data" in item)
    assert config["PGDATA"].startswith(data)
    assert (config["POSTGRES_USER"], config["POSTGRES_DB"]) == ("todo", "todo")


def test_a_broken_database_can_be_rolled_back(charts: Any) -> None:
    """An ordered StatefulSet waits for its broken pod forever, whatever its template says by then."""
    assert charts.one(charts.render("postgres"), "StatefulSet")["spec"]["podManagementPolicy"] == "Parallel"


def test_the_database_user_has_a_name_in_any_image(charts: Any) -> None:
    items = charts.render("postgres")
    (mount,) = [m for m in charts.container(items)["volumeMounts"] if m["mountPath"] == "/etc/passwd"]
    files = next(item["data"] for item in items if item["metadata"]["name"] == "postgres-files")
    users = {int(line.split(":")[2]): line.split(":")[0] for line in files[mount["subPath"]].split()}
    assert users[charts.pod(items)["securityContext"]["runAsUser"]] == "postgres"


@each
def test_helm_test_uses_no_other_image_and_cleans_up(charts: Any, name: str) -> None:
    items = charts.render(name, image__tag="src-1")
    test = charts.one(items, "Pod")
    notes = test["metadata"]["annotations"]
    assert notes["helm.sh/hook"] == "test"
    assert notes["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    assert manifests.images(items) == [f"{_values(charts, name)['image']['repository']}:src-1"]
    assert not [item for item in charts.render(name, test__enabled=False) if item["kind"] == "Pod"]


@each
def test_names_follow_the_release(charts: Any, name: str) -> None:
    assert {item["metadata"]["name"] for item in charts.render(name)} <= {name, f"{name}-test", f"{name}-files"}
    other = charts.render(name, release="blue")
    assert charts.workload(other)["metadata"]["name"] == f"blue-{name}"
    assert charts.workload(charts.render(name, release=f"{name}-blue"))["metadata"]["name"] == f"{name}-blue"
    assert {item["metadata"]["namespace"] for item in other} == {"todo"}


def test_a_secret_is_made_only_from_values_and_covers_what_is_needed(charts: Any) -> None:
    assert "never makes a secret up" in charts.refusal("mcp-server", secret__create=True)
    partial = {"create": True, "values": {"database-url": "x"}}
    assert "has no key jwt-secret, which JWT_SECRET needs" in charts.refusal("mcp-server", secret=partial)
    made = charts.render("mcp-server", secret={"create": True, "values": {"database-url": "x", "jwt-secret": "y"}})
    name = charts.one(made, "Secret")["metadata"]["name"]
    assert {e["valueFrom"]["secretKeyRef"]["name"] for e in charts.container(made)["env"]} == {name}


def test_a_secret_must_be_named(charts: Any) -> None:
    assert "existingSecret: name the Secret" in charts.refusal("todo-backend", existingSecret="")


def test_port_and_variable_must_agree(charts: Any) -> None:
    said = charts.refusal("todo-backend", containerPort=9000)
    assert "config.PORT is 8000, but containerPort is 9000" in said


REFUSED = [
    ({"replicaCount": "two"}, "replicaCount"),
    ({"replicaCount": -1}, "replicaCount"),
    ({"replicas": 2}, "replicas"),
    ({"image": {"tag": ""}}, "image.tag"),
    ({"image": {"repository": "Todo Backend"}}, "image.repository"),
    ({"image": {"pullPolicy": "Sometimes"}}, "image.pullPolicy"),
    ({"image": {"digest": "x"}}, "image"),
    ({"containerPort": 70000}, "containerPort"),
    ({"service": {"type": "ExternalName"}}, "service.type"),
    ({"resources": {"limits": {"memory": "1 GB"}}}, "resources.limits.memory"),
    ({"resources": {"limits": {"cpu": 1}}}, "resources.limits.cpu"),
    ({"resources": {"limits": {"gpu": "1"}}}, "resources.limits"),
    ({"security": {"runAsUser": 0}}, "security.runAsUser"),
    ({"security": {"privileged": True}}, "security"),
    ({"config": {"JWT_SECRET": "x"}}, "config"),
    ({"config": {"LOG_LEVEL": 3}}, "config.LOG_LEVEL"),
    ({"config": {"URL": "postgresql://u:p@h/d"}}, "config.URL"),
    ({"secretEnv": {"A": {"value": "x"}}}, "secretEnv.A"),
    ({"probes": {"liveness": {"path": "health"}}}, "probes.liveness"),
    ({"probes": {"liveness": {"periodSeconds": 0}}}, "probes.liveness.periodSeconds"),
    ({"networkPolicy": {"egress": {"toInternet": ["https"]}}}, "networkPolicy.egress.toInternet"),
    ({"writablePaths": ["/tmp"]}, "writablePaths"),
    ({"ingress": {"enabled": True, "hosts": []}}, "ingress"),
    ({"strategy": {"maxUnavailable": "half"}}, "strategy.maxUnavailable"),
    ({"terminationGracePeriodSeconds": 0}, "terminationGracePeriodSeconds"),
]


@pytest.mark.parametrize(("values", "place"), REFUSED, ids=[place for _, place in REFUSED])
def test_the_schema_refuses(charts: Any, values: dict[str, Any], place: str) -> None:
    said = charts.refusal("todo-backend", **_flat(values))
    assert "values don't meet the specifications" in said
    assert re.search(rf"- .*{re.escape(place)}", said), said


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """As keyword arguments of ``template``: only what is named is replaced."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{prefix}{key}__") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def test_the_schema_keeps_the_database_single(charts: Any) -> None:
    assert "replicaCount" in charts.refusal("postgres", replicaCount=2)
    assert "ingress" in charts.refusal("postgres", ingress__enabled=True)


@each
def test_schemas_come_from_one_source(charts: Any, name: str) -> None:
    text = (charts.folder / name / "values.schema.json").read_text(encoding="utf-8")
    assert text == chart_writer.schema_text(stateful=name == "postgres")
    schema = yaml.safe_load(text)
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(_values(charts, name))


@each
def test_every_value_of_the_schema_is_shown_in_the_values_file(charts: Any, name: str) -> None:
    schema = yaml.safe_load((charts.folder / name / "values.schema.json").read_text(encoding="utf-8"))
    hidden = {"global", "longshore-common", "nameOverride", "fullnameOverride", "args", "files"}
    assert set(schema["properties"]) - hidden == set(_values(charts, name)) - hidden


def _values(charts: Any, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((charts.folder / name / "values.yaml").read_text(encoding="utf-8"))
    return loaded
