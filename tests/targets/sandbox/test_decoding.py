"""Reading objects: unknown and doubled fields, wrong types, and how values are written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcp_tools.targets.sandbox import decoding, kinds, schema
from mcp_tools.targets.sandbox.errors import ApiError

DEPLOYMENTS, PODS, SECRETS = kinds.by_key("deployments.apps"), kinds.by_key("pods"), kinds.by_key("secrets")
SERVICES, ROLES = kinds.by_key("services"), kinds.by_key("roles.rbac.authorization.k8s.io")


def read(kind: kinds.Kind, obj: dict[str, Any], mode: str = "Strict") -> dict[str, Any]:
    schema.structural(kind, obj, mode, [])
    return obj


def pod(**container: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", **container}]}}


def refusal(kind: kinds.Kind, obj: Any, mode: str = "Strict", **patched: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        schema.structural(kind, obj, mode, [], **patched)
    return refused.value


def test_strict_names_every_unknown_field() -> None:
    error = refusal(PODS, {"metadata": {"nmae": "x"}, "spec": {"foo": 1, "containers": [{}, {"imagee": "x"}]}})
    assert (error.code, error.reason) == (400, "BadRequest")
    assert error.message == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "metadata.nmae", '
        'unknown field "spec.foo", unknown field "spec.containers[1].imagee"'
    )


def test_warn_says_them_and_goes_on() -> None:
    warnings: list[str] = []
    obj = {"spec": {"foo": 1, "replicas": 2}}
    schema.structural(DEPLOYMENTS, obj, "Warn", warnings)
    assert warnings == ['unknown field "spec.foo"']
    assert "foo" not in obj["spec"]


def test_ignore_drops_them_in_silence() -> None:
    warnings: list[str] = []
    obj: dict[str, Any] = {"bar": {}, "spec": {"foo": 1, "replicas": 2}}
    schema.structural(DEPLOYMENTS, obj, "Ignore", warnings)
    assert warnings == []
    assert "bar" not in obj
    assert "foo" not in obj["spec"]


def test_names_are_case_sensitive() -> None:
    assert 'unknown field "spec.Replicas"' in refusal(DEPLOYMENTS, {"spec": {"Replicas": 1}}).message


def test_doubled_fields_are_named() -> None:
    text = '{"metadata": {"name": "a", "name": "b"}, "spec": {"replicas": 1, "replicas": 2, "replicas": 3}}'
    error = refusal(DEPLOYMENTS, decoding.loads(text))
    assert error.message.endswith(
        'strict decoding error: duplicate field "metadata.name", duplicate field "spec.replicas", '
        'duplicate field "spec.replicas"'
    )
    found = decoding.loads(text)
    schema.structural(DEPLOYMENTS, found, "Ignore", [])
    assert (found["metadata"]["name"], found["spec"]["replicas"]) == ("b", 3)


def test_doubled_keys_of_a_map_are_named() -> None:
    error = refusal(PODS, decoding.loads('{"metadata": {"labels": {"a": "1", "a": "2"}}}'))
    assert error.message.endswith('strict decoding error: duplicate field "metadata.labels.a"')


WRONG = {
    "int": ({"spec": {"replicas": "two"}}, "string into Go struct field DeploymentSpec.spec.replicas of type int32"),
    "fraction": (
        {"spec": {"replicas": 1.5}},
        "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    "too large": (
        {"spec": {"replicas": 3_000_000_000}},
        "number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    "bool for int": (
        {"spec": {"replicas": True}},
        "bool into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    "bool": ({"spec": {"paused": "yes"}}, "string into Go struct field DeploymentSpec.spec.paused of type bool"),
    "struct": ({"spec": []}, "array into Go struct field Deployment.spec of type v1.DeploymentSpec"),
    "string": ({"metadata": {"name": 5}}, "number into Go struct field ObjectMeta.metadata.name of type string"),
    "map of strings": (
        {"metadata": {"labels": {"a": True}}},
        "bool into Go struct field ObjectMeta.metadata.labels of type string",
    ),
    "map": (
        {"metadata": {"labels": ["a"]}},
        "array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
    ),
    "list": (
        {"spec": {"template": {"spec": {"containers": {}}}}},
        "object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
    ),
    "in a list": (
        {"spec": {"template": {"spec": {"containers": [{"env": [{"name": "A", "value": 1}]}]}}}},
        "number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
    ),
    "list of strings": (
        {"spec": {"template": {"spec": {"containers": [{"command": ["a", 1]}]}}}},
        "number into Go struct field Container.spec.template.spec.containers.command of type string",
    ),
    "a named type": (
        {"spec": {"template": {"spec": {"containers": [{"imagePullPolicy": 1}]}}}},
        "number into Go struct field Container.spec.template.spec.containers.imagePullPolicy of type v1.PullPolicy",
    ),
    "resources": (
        {"spec": {"template": {"spec": {"containers": [{"resources": {"limits": []}}]}}}},
        "array into Go struct field ResourceRequirements.spec.template.spec.containers.resources.limits of type "
        "v1.ResourceList",
    ),
}


@pytest.mark.parametrize(("obj", "said"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("mode", ["Strict", "Ignore"])
def test_a_wrong_type_is_refused_in_every_mode(obj: Any, said: str, mode: str) -> None:
    error = refusal(DEPLOYMENTS, json.loads(json.dumps(obj)), mode)
    title = 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal '
    assert (error.code, error.message) == (400, title + said)


def test_a_wrong_type_says_more_than_an_unknown_field() -> None:
    error = refusal(DEPLOYMENTS, {"spec": {"foo": 1, "replicas": "x"}})
    assert "unknown field" not in error.message


QUANTITIES = {
    "no quantity": (
        "abc",
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ),
    "no suffix": ("1x", "unable to parse quantity's suffix"),
    "a map": ({}, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
}


@pytest.mark.parametrize(("value", "said"), QUANTITIES.values(), ids=QUANTITIES)
def test_quantities_are_refused_in_their_own_words(value: Any, said: str) -> None:
    error = refusal(PODS, pod(resources={"limits": {"cpu": value}}))
    assert error.message == f'Pod in version "v1" cannot be handled as a Pod: {said}'


def test_values_are_written_canonically() -> None:
    found = read(PODS, pod(resources={"limits": {"cpu": 0.5, "memory": "1024Mi", "ephemeral-storage": 1}}))
    assert found["spec"]["containers"][0]["resources"]["limits"] == {
        "cpu": "500m",
        "memory": "1Gi",
        "ephemeral-storage": "1",
    }
    found = read(PODS, {"metadata": {"creationTimestamp": "2025-01-01T02:00:00.5+01:00"}})
    assert found["metadata"]["creationTimestamp"] == "2025-01-01T01:00:00Z"


def test_amounts_of_resources_are_rounded_up_to_thousandths() -> None:
    found = read(PODS, pod(resources={"requests": {"memory": "500u", "cpu": "1.0005"}}))
    assert found["spec"]["containers"][0]["resources"]["requests"] == {"memory": "1m", "cpu": "1001m"}


def test_what_is_empty_is_left_out_and_what_is_always_written_is_there() -> None:
    found = read(DEPLOYMENTS, {"metadata": {"labels": {}}, "spec": {"template": {"spec": {"volumes": []}}}})
    assert found == {
        "metadata": {},
        "spec": {"template": {"metadata": {"creationTimestamp": None}, "spec": {}}, "strategy": {}},
        "status": {},
    }
    assert read(ROLES, {"rules": []})["rules"] == []


def test_nulls_are_as_if_they_were_not_there() -> None:
    found = read(PODS, {"metadata": {"labels": None, "creationTimestamp": None}, "spec": {"containers": [None]}})
    assert found["metadata"] == {}
    assert found["spec"] == {"containers": [{"resources": {}}]}


def test_structs_by_reference_stay_empty() -> None:
    found = read(PODS, {"spec": {"securityContext": {}, "volumes": [{"name": "v", "emptyDir": {}}]}})
    assert found["spec"]["securityContext"] == {}
    assert found["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]


BASE64 = {"": "", "YQ==": "YQ==", "YWI=": "YWI=", "YW\nJj": "YWJj"}


@pytest.mark.parametrize(("written", "kept"), BASE64.items())
def test_data_of_secrets(written: str, kept: str) -> None:
    assert read(SECRETS, {"data": {"a": written}})["data"] == {"a": kept}


@pytest.mark.parametrize(("written", "at"), [("a b=", 1), ("YQ=", 3), ("YWJ", 0), ("!", 0), ("YQ==YQ==", 4)])
def test_data_that_is_not_base64(written: str, at: int) -> None:
    error = refusal(SECRETS, {"data": {"a": written}})
    assert (
        error.message == f'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte {at}'
    )


def test_a_time_that_is_none() -> None:
    error = refusal(PODS, {"metadata": {"creationTimestamp": "today"}})
    assert error.message.endswith('parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"')


def test_ports_are_numbers_or_names() -> None:
    found = read(SERVICES, {"spec": {"ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081}]}})
    assert [port["targetPort"] for port in found["spec"]["ports"]] == ["http", 8081]
    error = refusal(SERVICES, {"spec": {"ports": [{"targetPort": {}}]}})
    assert error.message.endswith(
        "json: cannot unmarshal object into Go struct field ServicePort.spec.ports.targetPort of type int32"
    )


# -- patches -----------------------------------------------------------------------------------------------------------


def test_the_result_of_a_json_patch_is_unprocessable() -> None:
    obj = {"spec": {"foo": 1, "replicas": 2}}
    error = refusal(DEPLOYMENTS, obj, patch_type="merge", patch={"spec": {"foo": 1}})
    assert (error.code, error.reason) == (422, "Invalid")
    assert error.message.startswith(' "" is invalid: patch: Invalid value: "{')
    assert '\\"foo\\":1' in error.message
    assert error.message.endswith(': strict decoding error: unknown field "spec.foo"')
    assert error.details is not None
    assert error.details["causes"][0]["field"] == "patch"


def test_what_a_patch_went_through_is_shown_sorted() -> None:
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"namespace": "d", "name": "x"}, "data": "x"}
    error = refusal(kinds.by_key("configmaps"), obj, patch_type="merge", patch={"data": "x"})
    shown = json.dumps({"apiVersion": "v1", "data": "x", "kind": "ConfigMap", "metadata": obj["metadata"]})
    assert json.dumps(shown.replace(": ", ":").replace(", ", ",")) in error.message


CONVERTED = {
    "string to int": ({"spec": {"replicas": "x"}}, "map[spec:map[replicas:x]]", "unrecognized type: int32"),
    "int to string": ({"metadata": {"name": 5}}, "map[metadata:map[name:5]]", "cannot convert int64 to string"),
    "bool to string": (
        {"metadata": {"labels": {"a": True}}},
        "map[metadata:map[labels:map[a:true]]]",
        "unrecognized type: string",
    ),
    "map to list": (
        {"metadata": {"finalizers": {}}},
        "map[metadata:map[finalizers:map[]]]",
        "cannot restore slice from map",
    ),
    "string to struct": ({"spec": "x"}, "map[spec:x]", "cannot restore struct from: string"),
    "list to map": ({"metadata": {"labels": ["a"]}}, "map[metadata:map[labels:[a]]]", "cannot restore map from slice"),
}


@pytest.mark.parametrize(("given", "shown", "said"), CONVERTED.values(), ids=CONVERTED)
def test_the_result_of_a_strategic_merge_is_refused_in_the_converter_s_words(given: Any, shown: str, said: str) -> None:
    error = refusal(DEPLOYMENTS, json.loads(json.dumps(given)), patch_type="strategic", patch=given)
    assert (error.code, error.message) == (422, f' "" is invalid: patch: Invalid value: "{shown}": {said}')


# -- kinds -------------------------------------------------------------------------------------------------------------


def test_a_custom_resource_is_kept_as_it_is_but_for_its_metadata() -> None:
    kind = kinds.Kind("a.io", "v1", "Thing", "things", "thing", True, frozenset())
    obj = {"metadata": {"name": "x", "foo": 1}, "spec": {"anything": [{}]}}
    schema.structural(kind, obj, "Ignore", [])
    assert obj == {"metadata": {"name": "x"}, "spec": {"anything": [{}]}}
    error = refusal(kind, {"metadata": {"name": "x", "foo": 1}})
    assert error.message == (
        'Thing in version "v1" cannot be handled as a Thing: strict decoding error: unknown field "metadata.foo"'
    )


def test_every_kind_that_is_served_has_a_type() -> None:
    without = [kind.resource for kind in kinds.builtin() if schema.of(kind) is None]
    assert without == []


def test_the_types_are_those_of_the_recorded_documents() -> None:
    found = schema.by_kind("v1", "Pod")
    assert found is not None
    containers = found.fields["spec"].struct.fields["containers"]
    assert (containers.list_type, containers.keys, containers.merge_key) == ("map", ("name",), "name")
    assert containers.strategies == ("merge",)
    assert containers.of.struct.fields["resources"].fills
    deployment = schema.by_kind("apps/v1", "Deployment")
    assert deployment is not None
    spec = deployment.fields["spec"].struct
    assert spec.fields["strategy"].strategies == ("retainKeys",)
    assert spec.fields["selector"].whole()
