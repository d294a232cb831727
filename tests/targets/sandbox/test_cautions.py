"""Warnings about what is accepted and hardly meant."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_tools.targets.sandbox import cautions, kinds
from mcp_tools.targets.sandbox.api import Api, Request
from tests.targets.sandbox.test_api import DEPLOYMENTS, PODS, api, deployment, pod

__all__ = ["api"]


@pytest.mark.parametrize(
    ("spec", "warning"),
    [
        (
            {"containers": [{"name": "a", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}]},
            'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
        ),
        (
            {"containers": [{"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 80, "name": "x"}]}]},
            "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
        ),
        (
            {"nodeSelector": {"beta.kubernetes.io/os": "linux"}},
            'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        ),
        (
            {"terminationGracePeriodSeconds": -1},
            "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
        ),
        (
            {"imagePullSecrets": [{"name": "a"}, {"name": "a"}]},
            'spec.imagePullSecrets[1].name: duplicate name "a"',
        ),
        (
            {"topologySpreadConstraints": [{"topologyKey": "kubernetes.io/hostname"}]},
            "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
        ),
        (
            {"containers": [{"name": "a", "resources": {"requests": {"memory": "1m", "cpu": "1m"}}}]},
            'spec.containers[0].resources.requests[memory]: fractional byte value "1m" is invalid, must be an integer',
        ),
        (
            {"volumes": [{"name": "v", "configMap": {"name": "c", "items": [{"path": "a/b"}, {"path": "a/"}]}}]},
            'volume "v" (ConfigMap "c"): overlapping paths: "a" with "a/b"',
        ),
        (
            {
                "volumes": [
                    {
                        "name": "v",
                        "projected": {
                            "sources": [
                                {"secret": {"name": "s", "items": [{"path": "t"}, {"path": "tt"}]}},
                                {"serviceAccountToken": {"path": "t"}},
                            ]
                        },
                    }
                ]
            },
            'volume "v" (Projected): overlapping paths: "t" (ServiceAccountToken) with "t" (Secret "s")',
        ),
        (
            {
                "volumes": [
                    {
                        "name": "v",
                        "projected": {
                            "sources": [{"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "c"}}]
                        },
                    }
                ]
            },
            'volume "v" (Projected): overlapping paths: "t" (ServiceAccountToken) with "t" (ServiceAccountToken)',
        ),
    ],
)
def test_a_pod_is_warned_of(spec: dict[str, Any], warning: str) -> None:
    assert list(cautions.of(PODS, {"metadata": {"name": "p"}, "spec": spec})) == [warning]


def test_a_variable_that_adds_to_the_one_before_is_no_mistake() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}]
    assert not list(cautions.of(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "env": env}]}}))


def test_an_ingress_is_warned_of_the_old_annotation() -> None:
    ingress = {"metadata": {"name": "i", "annotations": {"kubernetes.io/ingress.class": "nginx"}}}
    assert list(cautions.of(kinds.by_key("ingresses.networking.k8s.io"), ingress)) == [
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
    ]


def test_a_name_that_is_no_host_name_is_warned_of(api: Api) -> None:
    asked = Request()
    api.create(PODS, "x", pod("a.b"), asked)
    (said,) = asked.warnings
    assert said.startswith(
        "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior;"
    )


def test_a_template_is_warned_of_when_it_is_new(api: Api) -> None:
    body = deployment("d")
    body["spec"]["template"]["spec"]["nodeSelector"] = {"beta.kubernetes.io/arch": "amd64"}
    asked = Request()
    api.create(DEPLOYMENTS, "x", body, asked)
    warning = (
        "spec.template.spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; "
        'use "kubernetes.io/arch" instead'
    )
    assert asked.warnings == [warning]
    asked = Request()
    api.patch(DEPLOYMENTS, "x", "d", "merge", {"metadata": {"labels": {"a": "b"}}}, asked)
    assert asked.warnings == []
    api.patch(DEPLOYMENTS, "x", "d", "merge", {"spec": {"replicas": 3}}, asked)
    assert asked.warnings == [warning]
