# ruff: noqa: E501 (objects on one line each read as a table)
"""The four kinds of patches, and who owns which field."""

from __future__ import annotations

from typing import Any

from tests.parity.case import add, case
from tests.parity.manifests import box, config, deployment, service, thing
from tests.parity.stage import APPLY, JSON_PATCH, MERGE, STRATEGIC, Stage

FAMILY = "patch"


def _scene() -> dict[str, Any]:
    boxes = (
        box("a", ports=[{"containerPort": 80, "name": "http"}], env=[{"name": "X", "value": "1"}]),
        box("b", env=[{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]),
    )
    made = deployment("web", *boxes, replicas=0)
    made["metadata"] |= {"labels": {"x": "1", "y": "2"}, "finalizers": ["example.com/a", "example.com/b"]}
    return made


def _boxes(found: Any) -> Any:
    """What patches of the scene change."""
    spec = found["spec"]["template"]["spec"]
    boxes = [{k: b.get(k) for k in ("name", "image", "command", "env", "ports", "args")} for b in spec["containers"]]
    meta = found["metadata"]
    fields = {k: spec.get(k) for k in ("volumes", "nodeSelector", "tolerations", "initContainers")}
    return [meta.get("labels"), meta.get("finalizers"), found["spec"]["strategy"], boxes, fields]


PATCHES: dict[str, tuple[str, list[Any]]] = {
    "json-add-remove-replace": (
        JSON_PATCH,
        [
            [{"op": "add", "path": "/metadata/labels/z~1z", "value": "3"}, {"op": "remove", "path": "/metadata/labels/x"}],
            [{"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": "9"}],
            [{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "N", "value": "n"}}],
            [{"op": "add", "path": "/spec/template/spec/containers/0/env/0", "value": {"name": "F", "value": "f"}}],
            [{"op": "move", "from": "/metadata/labels/y", "path": "/metadata/labels/w"}],
            [{"op": "copy", "from": "/metadata/labels/w", "path": "/metadata/labels/v"}],
            [{"op": "test", "path": "/metadata/labels/v", "value": "2"}, {"op": "remove", "path": "/metadata/labels/v"}],
        ],
    ),
    "json-refused": (
        JSON_PATCH,
        [
            [{"op": "test", "path": "/metadata/labels/x", "value": "no"}],
            [{"op": "remove", "path": "/metadata/labels/none"}],
            [{"op": "replace", "path": "/metadata/labels/none", "value": "1"}],
            [{"op": "add", "path": "/spec/nothing/at", "value": "1"}],
            [{"op": "remove", "path": "/spec/template/spec/containers/7"}],
            [{"op": "jump", "path": "/metadata/labels/x"}],
            [{"path": "/metadata/labels/x"}],
            {"op": "remove"},
            [{"op": "add", "path": "metadata/labels/q", "value": "1"}],
            [{"op": "add", "path": "/spec/unknown", "value": "1"}],
        ],
    ),
    "merge": (
        MERGE,
        [
            {"metadata": {"labels": {"x": None, "z": "3"}}},
            {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "c:1"}]}}}},
            {"metadata": {"finalizers": None}},
            {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}},
            {"spec": {"replicas": None}},
            {"spec": None},
        ],
    ),
    "strategic-by-name": (
        STRATEGIC,
        [
            {"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "b:2"}]}}}},
            {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "c:1"}]}}}},
            {"spec": {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "Z", "value": "3"}]}]}}}},
            {"spec": {"template": {"spec": {"containers": [{"name": "a", "command": ["x"]}]}}}},
            {"spec": {"template": {"spec": {"tolerations": [{"key": "a"}]}}}},
            {"spec": {"template": {"spec": {"tolerations": [{"key": "b"}]}}}},
            {"metadata": {"finalizers": ["example.com/c"], "labels": {"x": None}}},
        ],
    ),
    "strategic-directives": (
        STRATEGIC,
        [
            {"spec": {"template": {"spec": {"containers": [{"name": "b", "$patch": "delete"}]}}}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}},
            {"metadata": {"labels": {"$patch": "replace", "only": "this"}}},
            {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
            {
                "spec": {
                    "template": {
                        "spec": {
                            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
                            "containers": [{"name": "c", "image": "c:1"}],
                        }
                    }
                }
            },
            {"spec": {"template": {"spec": {"containers": [{"$patch": "replace"}, {"name": "d", "image": "d:1"}]}}}},
            {"spec": {"template": {"spec": {"containers": [{"name": "d", "env": [{"name": "E", "value": "e"}]}]}}}},
            {"spec": {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}}},
            {"spec": {"template": {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}]}}}},
        ],
    ),
    "strategic-refused": (
        STRATEGIC,
        [
            {"spec": {"template": {"spec": {"containers": [{"image": "b:2"}]}}}},
            {"spec": {"template": {"spec": {"containers": {"name": "b"}}}}},
            {"metadata": {"labels": {"$patch": "nonsense"}}},
            {"spec": {"replicas": "x"}},
            [],
            {"spec": {"template": {"spec": {"containers": [{"name": "b", "image": ""}]}}}},
            {"spec": {"selector": {"matchLabels": {"app": "other"}}}},
        ],
    ),
}  # fmt: skip


def _patches(kind: str, bodies: list[Any]) -> Any:
    def run(s: Stage) -> None:
        s.make(_scene())
        for body in bodies:
            s.patch("deployments/web", body, kind, show=_boxes)
        s.client.patch(
            s.path("deployments/web"), json={"metadata": {"finalizers": None}}, headers={"Content-Type": MERGE}
        )

    return run


for _name, (_kind, _bodies) in PATCHES.items():
    add(FAMILY, _name, _patches(_kind, _bodies))


@case(FAMILY)
def managers_of_patches(s: Stage) -> None:
    s.post("configmaps", config("a", x="1"), query={"fieldManager": "one"}, show="managed")
    s.patch("configmaps/a", {"data": {"y": "2"}}, query={"fieldManager": "two"}, show="managed")
    s.patch("configmaps/a", {"data": {"x": "3"}}, query={"fieldManager": "two"}, show="managed")
    s.patch("configmaps/a", {"data": {"y": None}}, query={"fieldManager": "one"}, show="managed")
    s.patch("configmaps/a", {"metadata": {"managedFields": []}}, query={"fieldManager": "one"}, show="managed")
    s.patch("configmaps/a", {"metadata": {"managedFields": [{}]}}, query={"fieldManager": "one"}, show="managed")


@case(FAMILY)
def managers_of_a_deployment(s: Stage) -> None:
    made = deployment(replicas=0)
    s.post("deployments", made, query={"fieldManager": "one"}, show="managed")
    s.until("deployments/web", lambda d: d["status"].get("observedGeneration") == 1 and d["status"].get("conditions"))
    s.get("deployments/web", show="managed")


@case(FAMILY)
def managers_of_scale(s: Stage) -> None:
    s.make(deployment(replicas=0, paused=True))
    s.patch("deployments/web/scale", {"spec": {"replicas": 1}}, query={"fieldManager": "scaler"})

    def owners(found: Any) -> list[Any]:
        mine = [m for m in found["metadata"]["managedFields"] if m["manager"] in ("scaler", "parity-tests")]
        return sorted([m["manager"], m["operation"], m.get("subresource", "")] for m in mine)

    s.get("deployments/web", show=owners)


@case(FAMILY)
def apply_creates_and_changes(s: Stage) -> None:
    s.apply("configmaps/a", config("a", {"l": "1"}, x="1", y="2"), show="managed")
    s.apply("configmaps/a", config("a", x="1", z="3"), show="managed")
    s.apply("configmaps/a", config("a", x="1", z="3"), show="managed")


@case(FAMILY)
def apply_conflicts(s: Stage) -> None:
    s.apply("configmaps/a", config("a", x="1", y="1"), show="none")
    s.apply("configmaps/a", config("a", x="2"), "two")
    s.apply("configmaps/a", config("a", x="2", y="2"), "two")
    s.apply("configmaps/a", config("a", x="1"), "two", show="managed")
    s.apply("configmaps/a", config("a", y="2"), "two", query={"force": "true"}, show="managed")
    s.apply("configmaps/a", config("a", x="1", y="1"))


@case(FAMILY)
def apply_conflicts_with_an_update(s: Stage) -> None:
    s.post("deployments", deployment(replicas=0), query={"fieldManager": "kubectl-client-side-apply"}, show="none")
    wanted = deployment("web", box(image="other:1"), replicas=1, paused=True)
    s.apply("deployments/web", wanted)
    s.apply("deployments/web", wanted, query={"force": "true"}, show="managed")


@case(FAMILY)
def apply_of_lists(s: Stage) -> None:
    ports = [{"name": "a", "port": 80, "targetPort": 1}, {"name": "b", "port": 81}]
    s.apply("services/web", service("web", *ports), show=["spec.ports"])
    s.apply("services/web", service("web", {"name": "c", "port": 82}), "two", show=["spec.ports"])
    s.apply("services/web", service("web", ports[1]), show="managed")
    s.apply("services/web", service("web", {"name": "c", "port": 83}), show=["spec.ports"])
    s.apply("services/web", service("web", {"name": "x", "port": 84}, {"name": "y", "port": 84}))


def _applied(found: Any) -> Any:
    """A Deployment without what its controller writes: whether it has acted yet is a race, here and there."""
    kept = {**found, "metadata": dict(found["metadata"]), "status": {}}
    managed = [entry for entry in kept["metadata"]["managedFields"] if entry["manager"] != "kube-controller-manager"]
    kept["metadata"]["managedFields"] = managed
    notes = {k: v for k, v in kept["metadata"].pop("annotations", {}).items() if not k.startswith("deployment.")}
    return kept | {"metadata": kept["metadata"] | ({"annotations": notes} if notes else {})}


@case(FAMILY)
def apply_of_a_deployment(s: Stage) -> None:
    s.apply("deployments/web", deployment("web", box("a"), box("b"), replicas=0), show=_applied)
    s.apply("deployments/web", deployment("web", box("b", image="b:2"), box("c"), replicas=0), show=_applied)


@case(FAMILY)
def apply_refused(s: Stage) -> None:
    s.patch("configmaps/a", config("a"), APPLY)
    s.patch("configmaps/a", config("a"), MERGE, query={"force": "true"})
    s.apply("configmaps/a", config("b"))
    s.apply("configmaps/a", {"data": {}})
    s.apply("configmaps/a", thing("Secret", "a"))
    s.apply("configmaps/a", thing("ConfigMap", "a", meta={"managedFields": [{"manager": "x"}]}))
    s.apply("configmaps/a", "x: [")
    s.apply("configmaps/a", config("a"), "m" * 129)
    s.apply("configmaps/a", config("a"), "a\nb")
    s.apply("configmaps/a", thing("ConfigMap", "a", data={"x": 1}))
    s.apply("deployments/a", deployment("a", box("a"), box("a"), replicas=0))
    s.apply("deployments/a", deployment("a", box("a", imag="x"), replicas=0))


@case(FAMILY)
def apply_in_yaml_and_dry(s: Stage) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: 'y'\n"
    s.apply("configmaps/a", text, query={"dryRun": "All"})
    s.get("configmaps/a")
    s.apply("configmaps/a", text)


@case(FAMILY)
def apply_of_status(s: Stage) -> None:
    s.make(deployment(replicas=0, paused=True))
    s.until("deployments/web", lambda d: d["status"].get("observedGeneration") == 1)
    status = {"conditions": [{"type": "Mine", "status": "True", "reason": "R", "message": "M"}]}
    found = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": status}
    s.apply("deployments/web/status", found, show=lambda d: [c["type"] for c in d["status"]["conditions"]])


@case(FAMILY)
def apply_gives_fields_back(s: Stage) -> None:
    s.apply("deployments/web", deployment(replicas=0), show="none")
    wanted = deployment(replicas=0)
    del wanted["spec"]["replicas"]
    wanted["spec"]["paused"] = True
    s.apply("deployments/web", wanted, show=["spec.replicas", "spec.paused"])
    s.apply("deployments/web", {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}})


@case(FAMILY)
def patch_of_status_and_spec(s: Stage) -> None:
    s.make(deployment(replicas=0, paused=True))
    s.until("deployments/web", lambda d: d["status"].get("observedGeneration") == 1)
    s.patch("deployments/web", {"status": {"replicas": 9}}, show=["status.replicas", "metadata.generation"])
    s.patch("deployments/web/status", {"spec": {"minReadySeconds": 9}}, show=["spec.minReadySeconds"])
    s.patch("configmaps/kube-root-ca.crt/status", {})
